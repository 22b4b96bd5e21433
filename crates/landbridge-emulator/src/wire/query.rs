//! The AWS query protocol of IAM, STS and Elastic Load Balancing: a form comes in, XML goes out. EC2's dialect of it is in
//! [`super::ec2`].
//!
//! A form names a place in a tree (`Tags.member.1.Key=team`); [`parse`] rebuilds the tree as JSON, so that the services
//! read one kind of input whatever protocol carried it. All leaves stay strings: the form has no other type. Answers
//! are written the other way, a JSON list becoming `<member>` elements. Maps in answers do not occur in the
//! operations that the emulator knows, and are not supported.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Map, Value};

use super::xml::{self, escape};
use crate::refusal::Refusal;

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("text/xml");

/// The API version of CloudWatch.
pub(crate) const CLOUDWATCH: &str = "2010-08-01";

/// How deep a parameter name may nest. The deepest that the services define is 10
/// (`Actions.member.1.ForwardConfig.TargetGroups.member.1.TargetGroupArn` and the like).
const MAX_DEPTH: usize = 16;

/// A form understood: one call of the query protocol.
#[derive(Debug, PartialEq)]
pub(crate) struct Form {
    /// The operation, from `Action`.
    pub(crate) action: String,
    /// The service's API version, from `Version`; empty if the form names none.
    pub(crate) version: String,
    /// The other parameters as a JSON object; leaves are strings.
    pub(crate) input: Value,
}

#[derive(Default)]
pub(super) struct Node {
    pub(super) leaf: Option<String>,
    pub(super) children: BTreeMap<String, Node>,
}

/// Reads a form body as a call.
///
/// Errors: `MissingAction` and `MalformedQueryString` of "Common errors" in the IAM API reference.
pub(crate) fn parse(body: &[u8]) -> Result<Form, Refusal> {
    parse_as(body, value_of)
}

/// Reads a form whose parameters `value_of` turns into JSON.
pub(super) fn parse_as(body: &[u8], value_of: fn(Node) -> Value) -> Result<Form, Refusal> {
    let text = std::str::from_utf8(body).map_err(|_| malformed("the body is not UTF-8"))?;
    let mut root = Node::default();
    for pair in text.trim().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        place(&mut root, &decode(name)?, decode(value)?)?;
    }
    let mut take = |name| root.children.remove(name).and_then(|node| node.leaf).unwrap_or_default();
    let (version, action) = (take("Version"), take("Action"));
    if action.is_empty() {
        return Err(Refusal::new("MissingAction", "The request must contain the parameter Action"));
    }
    let input = root.children.into_iter().map(|(name, node)| (name, value_of(node))).collect::<Map<_, _>>();
    Ok(Form { action, version, input: Value::Object(input) })
}

fn malformed(what: &str) -> Refusal {
    Refusal::new("MalformedQueryString", format!("The query string contains a syntax error: {what}")).status(404)
}

fn decode(part: &str) -> Result<String, Refusal> {
    let spaced = part.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8();
    decoded.map(std::borrow::Cow::into_owned).map_err(|_| malformed(&format!("'{part}' is not UTF-8")))
}

fn place(root: &mut Node, name: &str, value: String) -> Result<(), Refusal> {
    if name.split('.').count() > MAX_DEPTH {
        return Err(malformed(&format!("a parameter nests deeper than {MAX_DEPTH}")));
    }
    let mut node = root;
    for part in name.split('.') {
        node = node.children.entry(part.to_owned()).or_default();
    }
    node.leaf = Some(value);
    Ok(())
}

/// `member.N` becomes a list, `entry.N.{key,value}` an object, anything else an object of its children.
fn value_of(node: Node) -> Value {
    if node.children.is_empty() {
        return Value::String(node.leaf.unwrap_or_default());
    }
    let mut children = node.children;
    if children.len() == 1 {
        if let Some(list) = children.remove("member") {
            return Value::Array(in_order(list).map(value_of).collect());
        }
        if let Some(map) = children.remove("entry") {
            return Value::Object(in_order(map).filter_map(entry_of).collect());
        }
    }
    Value::Object(children.into_iter().map(|(name, child)| (name, value_of(child))).collect())
}

/// The numbered children by number, so that `member.10` follows `member.9`. Gaps are closed, as AWS does.
pub(super) fn in_order(node: Node) -> impl Iterator<Item = Node> {
    let mut numbered: Vec<_> = node.children.into_iter().collect();
    numbered.sort_by_key(|(number, _)| number.parse::<u64>().unwrap_or(u64::MAX));
    numbered.into_iter().map(|(_, child)| child)
}

fn entry_of(mut entry: Node) -> Option<(String, Value)> {
    let key = entry.children.remove("key")?.leaf?;
    let value = entry.children.remove("value").map_or(Value::Null, value_of);
    Some((key, value))
}

/// The answer to `action`. `Null` is the output of an operation that has none.
pub(crate) fn answered(action: &str, version: &str, output: &Value, request_id: &str) -> Response<Bytes> {
    response(StatusCode::OK, answer(action, version, output, request_id), request_id)
}

/// The answer that an operation is refused.
pub(crate) fn refused(version: &str, refusal: &Refusal, request_id: &str) -> Response<Bytes> {
    let status = StatusCode::from_u16(refusal.http_status).unwrap_or(StatusCode::BAD_REQUEST);
    response(status, error(version, refusal, request_id), request_id)
}

pub(super) fn response(status: StatusCode, xml: String, request_id: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(xml));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, CONTENT_TYPE);
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

/// The XML namespace of a service's answers, which follows from the API version.
fn xml_namespace(version: &str) -> &'static str {
    match version {
        "2011-06-15" => "https://sts.amazonaws.com/doc/2011-06-15/",
        CLOUDWATCH => "http://monitoring.amazonaws.com/doc/2010-08-01/",
        "2015-12-01" => "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
        _ => "https://iam.amazonaws.com/doc/2010-05-08/",
    }
}

fn answer(action: &str, version: &str, output: &Value, request_id: &str) -> String {
    let mut xml = format!("<{action}Response xmlns=\"{}\">", xml_namespace(version));
    if version == CLOUDWATCH {
        xml::element(&mut xml, &format!("{action}Result"), &with_written_times("", output), &|_| "member");
    } else if !output.is_null() {
        xml::element(&mut xml, &format!("{action}Result"), output, &|_| "member");
    }
    let _ = write!(
        xml,
        "<ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{action}Response>",
        escape(request_id)
    );
    xml
}

/// CloudWatch answers in three protocols, of which only this one writes times as text.
fn with_written_times(name: &str, value: &Value) -> Value {
    let is_time = ["Timestamp", "Timestamps", "Time"].iter().any(|end| name.ends_with(end));
    match value {
        Value::Number(seconds) if is_time => {
            let millis = (seconds.as_f64().unwrap_or_default() * 1000.0) as i64;
            jiff::Timestamp::from_millisecond(millis).map_or(Value::Null, |at| Value::from(at.to_string()))
        }
        Value::Array(items) => items.iter().map(|item| with_written_times(name, item)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), with_written_times(name, value))).collect()
        }
        other => other.clone(),
    }
}

/// The type is `Sender` below HTTP 500, else `Receiver`.
fn error(version: &str, refusal: &Refusal, request_id: &str) -> String {
    let fault = if refusal.http_status < 500 { "Sender" } else { "Receiver" };
    format!(
        "<ErrorResponse xmlns=\"{}\"><Error><Type>{fault}</Type><Code>{}</Code><Message>{}</Message></Error>\
         <RequestId>{}</RequestId></ErrorResponse>",
        xml_namespace(version),
        escape(refusal.query_code.unwrap_or(&refusal.code)),
        escape(&refusal.message),
        escape(request_id)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn input(form: &str) -> Value {
        parse(form.as_bytes()).unwrap().input
    }

    #[test]
    fn a_form_with_nested_lists_becomes_the_tree_it_names() {
        let call = parse(
            b"Action=CreateRole&Version=2010-05-08&RoleName=web&Tags.member.1.Key=team&Tags.member.1.Value=a%20b%2Bc\
              &Tags.member.2.Key=x&Tags.member.2.Value=y+z",
        )
        .unwrap();
        assert_eq!((call.action.as_str(), call.version.as_str()), ("CreateRole", "2010-05-08"));
        assert_eq!(
            call.input,
            json!({"RoleName": "web", "Tags": [{"Key": "team", "Value": "a b+c"}, {"Key": "x", "Value": "y z"}]})
        );
    }

    #[test]
    fn list_members_are_ordered_by_number_and_not_by_text() {
        let form = (1..=11).rev().map(|n| format!("&K.member.{n}=v{n}")).collect::<Vec<_>>().concat();
        let names: Vec<_> = (1..=11).map(|n| format!("v{n}")).collect();
        assert_eq!(input(&format!("Action=A{form}")), json!({ "K": names }));
    }

    #[test]
    fn map_entries_become_an_object() {
        let form = "Action=A&M.entry.1.key=a&M.entry.1.value=1&M.entry.2.key=b&M.entry.2.value=2";
        assert_eq!(input(form), json!({"M": {"a": "1", "b": "2"}}));
    }

    #[test]
    fn a_form_without_an_action_is_refused() {
        assert_eq!(parse(b"Version=2010-05-08").unwrap_err().code, "MissingAction");
        assert_eq!(parse(b"").unwrap_err().code, "MissingAction");
    }

    #[test]
    fn bytes_that_are_not_text_and_names_without_bottom_are_refused() {
        let code = |body: &[u8]| parse(body).unwrap_err().code;
        assert_eq!(code(&[0xff, 0xfe]), "MalformedQueryString");
        assert_eq!(code(b"Action=A&x=%ff"), "MalformedQueryString");
        let deep = format!("Action=A&{}=1", vec!["a"; 1000].join("."));
        assert_eq!(code(deep.as_bytes()), "MalformedQueryString");
    }

    #[test]
    fn an_answer_wraps_the_result_and_names_list_items_member() {
        let output = json!({"Roles": [{"RoleName": "a<b>&\"c\""}], "IsTruncated": false, "Marker": null, "N": 3600});
        assert_eq!(
            answer("ListRoles", "2010-05-08", &output, "id-1"),
            "<ListRolesResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><ListRolesResult><IsTruncated>false</IsTruncated><N>3600</N>\
             <Roles><member><RoleName>a&lt;b&gt;&amp;&quot;c&quot;</RoleName></member></Roles></ListRolesResult>\
             <ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></ListRolesResponse>"
        );
    }

    #[test]
    fn an_operation_with_an_empty_output_answers_with_an_empty_result_element_in_its_service_s_namespace() {
        assert_eq!(
            answer("DeleteRule", "2015-12-01", &json!({}), "id-1"),
            "<DeleteRuleResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\"><DeleteRuleResult></DeleteRuleResult>\
             <ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></DeleteRuleResponse>"
        );
    }

    #[test]
    fn an_operation_without_output_answers_without_a_result_element() {
        assert_eq!(
            answer("DeleteRole", "2010-05-08", &Value::Null, "id-1"),
            "<DeleteRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata>\
             </DeleteRoleResponse>"
        );
    }

    #[test]
    fn an_error_says_whose_fault_it_is() {
        let refused = error("2010-05-08", &Refusal::new("NoSuchEntity", "no <role>").status(404), "id-1");
        assert!(refused.contains("<Type>Sender</Type><Code>NoSuchEntity</Code><Message>no &lt;role&gt;</Message>"));
        let failed = error("2011-06-15", &Refusal::new("ServiceFailure", "x").status(500), "id-1");
        assert!(failed.contains("https://sts.amazonaws.com/"));
        assert!(failed.contains("<Type>Receiver</Type>"));
    }
}
