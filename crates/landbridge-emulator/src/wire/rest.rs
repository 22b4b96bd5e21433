//! REST-JSON and REST-XML: the method and the address name the operation, and members come in the path, the query string
//! and the body. Source: "AWS restJson1 protocol" and "AWS restXml protocol" (smithy.io).
//!
//! A service says in a table where its members are; [`Rest::find`] gathers them into one input, whatever carried them.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, Uri, header};
use serde_json::{Map, Value};

use super::json;
use super::xml::{self, Lists, escape};
use crate::refusal::Refusal;

/// A service that is called by method and address.
#[derive(Debug)]
pub(crate) struct Rest {
    /// The name that IAM actions and signatures use.
    pub(crate) service: &'static str,
    pub(crate) routes: &'static [Route],
    pub(crate) format: Format,
    /// Its code for its own failures.
    pub(crate) server_error: &'static str,
}

/// (method, address, operation, status of a success). In an address `{Id}` is a member, `maxitems={MaxItems}` behind `?` one
/// from the query string, and `tagKeys={tagKeys*}` a list from as many parameters as there are.
pub(crate) type Route = (&'static str, &'static str, &'static str, u16);

#[derive(Debug, Clone, Copy)]
pub(crate) enum Format {
    /// Errors carry their message in this member.
    Json { message: &'static str },
    /// Answers are in this XML namespace.
    Xml { namespace: &'static str, lists: Lists },
}

/// REST services that this emulator does not know, so that their clients can read the refusal.
pub(crate) static UNKNOWN_JSON: Rest = Rest {
    service: "",
    routes: &[],
    format: Format::Json { message: "message" },
    server_error: "InternalServerException",
};
pub(crate) static UNKNOWN_XML: Rest = Rest {
    service: "",
    routes: &[],
    format: Format::Xml { namespace: "", lists: &[] },
    server_error: "InternalFailure",
};

/// What a request asks of a REST service.
#[derive(Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) operation: &'static str,
    pub(crate) status: u16,
    pub(crate) input: Value,
}

impl Rest {
    /// The operation that a request is for, with all its members.
    ///
    /// Errors: `UnknownOperationException` (404) for an address that is none of the service's; the service's own
    /// refusal of a body that cannot be read.
    pub(crate) fn find(&self, method: &str, uri: &Uri, body: &[u8]) -> Result<Found, Refusal> {
        let query = pairs(uri.query().unwrap_or_default());
        let mut routes = self.routes.iter().filter(|(of, ..)| *of == method);
        let found = routes.find_map(|(_, address, operation, status)| {
            members(address, uri.path(), &query).map(|members| (*operation, *status, members))
        });
        let Some((operation, status, members)) = found else {
            let message = format!("{method} {} is no call that this emulator knows", uri.path());
            return Err(Refusal::new("UnknownOperationException", message).status(404));
        };
        let mut input = self.format.read(body)?;
        if let Value::Object(all) = &mut input {
            all.extend(members);
        }
        Ok(Found { operation, status, input })
    }

    pub(crate) fn answered(&self, operation: &str, status: u16, output: &Value, request_id: &str) -> Response<Bytes> {
        let text = match self.format {
            Format::Json { .. } if output.is_null() => "{}".to_owned(),
            Format::Json { .. } => output.to_string(),
            Format::Xml { namespace, lists } => document(operation, namespace, lists, output),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        let mut response = self.response(status, text, request_id);
        // A creation tells where the new thing is in a header.
        if let Some(location) = location(self.format, output) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }

    pub(crate) fn refused(&self, refusal: &Refusal, request_id: &str) -> Response<Bytes> {
        let status = StatusCode::from_u16(refusal.http_status).unwrap_or(StatusCode::BAD_REQUEST);
        let Format::Json { message } = self.format else {
            return self.response(status, self.error_document(refusal, request_id), request_id);
        };
        let mut body = refusal.extra.clone();
        body.insert(message.to_owned(), Value::from(refusal.message.as_str()));
        let mut response = self.response(status, Value::Object(body).to_string(), request_id);
        if let Ok(code) = HeaderValue::from_str(&refusal.code) {
            response.headers_mut().insert(HeaderName::from_static("x-amzn-errortype"), code);
        }
        response
    }

    fn error_document(&self, refusal: &Refusal, request_id: &str) -> String {
        let namespace = match self.format {
            Format::Xml { namespace, .. } if !namespace.is_empty() => format!(" xmlns=\"{namespace}\""),
            _ => String::new(),
        };
        let fault = if refusal.http_status < 500 { "Sender" } else { "Receiver" };
        format!(
            "<?xml version=\"1.0\"?>\n<ErrorResponse{namespace}><Error><Type>{fault}</Type><Code>{}</Code><Message>{}</Message>\
             </Error><RequestId>{}</RequestId></ErrorResponse>",
            escape(&refusal.code),
            escape(&refusal.message),
            escape(request_id)
        )
    }

    fn response(&self, status: StatusCode, text: String, request_id: &str) -> Response<Bytes> {
        let kind = match self.format {
            Format::Json { .. } => "application/json",
            Format::Xml { .. } => "text/xml",
        };
        let mut response = Response::new(Bytes::from(text));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Ok(id) = HeaderValue::from_str(request_id) {
            response.headers_mut().insert("x-amzn-requestid", id);
        }
        response
    }
}

impl Format {
    fn read(self, body: &[u8]) -> Result<Value, Refusal> {
        match self {
            Self::Json { .. } => json::parse(body),
            Self::Xml { lists, .. } => {
                xml::parse(body, lists).map_err(|what| Refusal::new("InvalidInput", format!("Invalid XML ; {what}")))
            }
        }
    }
}

fn document(operation: &str, namespace: &str, lists: Lists, output: &Value) -> String {
    let item = |list: &str| lists.iter().find(|(name, _)| *name == list).map_or("member", |(_, item)| item);
    let mut text = format!("<?xml version=\"1.0\"?>\n<{operation}Response xmlns=\"{namespace}\">");
    for (name, value) in output.as_object().into_iter().flatten().filter(|(name, _)| *name != "Location") {
        xml::element(&mut text, name, value, &item);
    }
    let _ = write!(text, "</{operation}Response>");
    text
}

fn location(format: Format, output: &Value) -> Option<HeaderValue> {
    let location = output.get("Location").filter(|_| matches!(format, Format::Xml { .. }))?;
    HeaderValue::from_str(location.as_str()?).ok()
}

/// The members that the address of a route finds in a path and a query string; none if the path is another one.
fn members(address: &str, path: &str, query: &[(String, String)]) -> Option<Map<String, Value>> {
    let (wanted, parameters) = address.split_once('?').unwrap_or((address, ""));
    let given: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let wanted: Vec<&str> = wanted.split('/').collect();
    if given.len() != wanted.len() {
        return None;
    }
    let mut members = Map::new();
    for (wanted, given) in wanted.iter().zip(given) {
        match braced(wanted) {
            Some(member) if !given.is_empty() => members.insert(member.to_owned(), Value::String(decoded(given))),
            _ if *wanted == given => None,
            _ => return None,
        };
    }
    for (name, member) in parameters.split('&').filter_map(|parameter| parameter.split_once('=')) {
        let Some(member) = braced(member) else { continue };
        let mut values = query.iter().filter(|(given, _)| given == name).map(|(_, value)| Value::from(value.as_str()));
        if let Some(list) = member.strip_suffix('*') {
            members.insert(list.to_owned(), values.collect());
        } else if let Some(value) = values.next() {
            members.insert(member.to_owned(), value);
        }
    }
    Some(members)
}

fn braced(part: &str) -> Option<&str> {
    part.strip_prefix('{')?.strip_suffix('}')
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), plain(value)))
        .collect()
}

/// A value of a query string, in which `+` may stand for a space.
fn plain(value: &str) -> String {
    decoded(&value.replace('+', " "))
}

fn decoded(part: &str) -> String {
    percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    static JSON: Rest = Rest {
        service: "eks",
        routes: &[
            ("GET", "/clusters?maxResults={maxResults}&nextToken={nextToken}", "ListClusters", 200),
            ("POST", "/clusters/{name}/addons", "CreateAddon", 200),
            ("DELETE", "/tags/{resourceArn}?tagKeys={tagKeys*}", "UntagResource", 200),
        ],
        format: Format::Json { message: "message" },
        server_error: "ServerException",
    };
    static XML: Rest = Rest {
        service: "route53",
        routes: &[("POST", "/2013-04-01/hostedzone", "CreateHostedZone", 201)],
        format: Format::Xml { namespace: "https://x/", lists: &[("Servers", "Server")] },
        server_error: "InternalFailure",
    };

    fn find(rest: &'static Rest, method: &str, uri: &str, body: &str) -> Result<Found, Refusal> {
        rest.find(method, &uri.parse().unwrap(), body.as_bytes())
    }

    #[test]
    fn members_come_from_path_query_and_body() {
        let found = find(&JSON, "POST", "/clusters/a%20b/addons", r#"{"addonName":"vpc-cni","name":"other"}"#).unwrap();
        assert_eq!((found.operation, found.status), ("CreateAddon", 200));
        assert_eq!(found.input, json!({"name": "a b", "addonName": "vpc-cni"}));
        let found = find(&JSON, "GET", "/clusters?maxResults=5&other=1", "").unwrap();
        assert_eq!(found.input, json!({"maxResults": "5"}));
        let arn = "/tags/arn%3Aaws%3Aeks%3Ax%3A1%3Acluster%2Fc?tagKeys=a&tagKeys=b+c";
        let found = find(&JSON, "DELETE", arn, "").unwrap();
        assert_eq!(found.input, json!({"resourceArn": "arn:aws:eks:x:1:cluster/c", "tagKeys": ["a", "b c"]}));
    }

    #[test]
    fn an_unknown_address_is_an_unknown_operation_and_a_bad_body_the_protocol_s_own_refusal() {
        for (method, uri) in [("PUT", "/clusters"), ("GET", "/cluster"), ("POST", "/clusters//addons"), ("GET", "/")] {
            let refusal = find(&JSON, method, uri, "").unwrap_err();
            assert_eq!((refusal.code.as_ref(), refusal.http_status), ("UnknownOperationException", 404), "{uri}");
        }
        assert_eq!(find(&JSON, "POST", "/clusters/a/addons", "[").unwrap_err().code, "SerializationException");
        assert_eq!(find(&XML, "POST", "/2013-04-01/hostedzone", "<a>").unwrap_err().code, "InvalidInput");
    }

    #[test]
    fn each_format_writes_errors_its_own_way() {
        let refusal = Refusal::new("ResourceInUseException", "in <use>").status(409).with("clusterName", "c");
        let answer = JSON.refused(&refusal, "id-1");
        assert_eq!(answer.status(), 409);
        assert_eq!(answer.headers()["x-amzn-errortype"], "ResourceInUseException");
        let body: Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(body, json!({"message": "in <use>", "clusterName": "c"}));
        let answer = XML.refused(&refusal, "id-1");
        let text = std::str::from_utf8(answer.body()).unwrap();
        assert!(
            text.contains("<ErrorResponse xmlns=\"https://x/\"><Error><Type>Sender</Type><Code>ResourceInUseException")
        );
        assert!(text.contains("<Message>in &lt;use&gt;</Message></Error><RequestId>id-1</RequestId>"), "{text}");
    }

    #[test]
    fn a_creation_s_location_is_a_header_and_lists_have_their_items_names() {
        let output = json!({"Location": "https://x/z", "Servers": ["a", "b"]});
        let answer = XML.answered("CreateHostedZone", 201, &output, "id-1");
        assert_eq!((answer.status().as_u16(), &answer.headers()["location"]), (201, &"https://x/z".parse().unwrap()));
        let text = std::str::from_utf8(answer.body()).unwrap();
        assert!(text.ends_with(
            "xmlns=\"https://x/\"><Servers><Server>a</Server><Server>b</Server></Servers></CreateHostedZoneResponse>"
        ));
    }
}
