//! EC2's dialect of the query protocol: lists are numbered without `member`, answers have no result element, and errors
//! come as `<Response><Errors>`. Source: "Query requests for Amazon EC2" and "Error codes for the Amazon EC2 API".

use std::fmt::Write as _;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

use super::query::{self, Form, Node, in_order, response};
use super::xml::{self, escape};
use crate::refusal::Refusal;

/// The version that the calls name.
pub(crate) const API_VERSION: &str = "2016-11-15";

/// Reads a form body as a call.
pub(crate) fn parse(body: &[u8]) -> Result<Form, Refusal> {
    query::parse_as(body, value_of)
}

/// Children that are all numbered are a list, in the order of their numbers.
fn value_of(node: Node) -> Value {
    if node.children.is_empty() {
        return Value::String(node.leaf.unwrap_or_default());
    }
    if node.children.keys().all(|name| name.bytes().all(|byte| byte.is_ascii_digit())) {
        return in_order(node).map(value_of).collect();
    }
    Value::Object(node.children.into_iter().map(|(name, child)| (name, value_of(child))).collect())
}

/// The answer to `action`: its members beside the request's id.
pub(crate) fn answered(action: &str, output: &Value, request_id: &str) -> Response<Bytes> {
    let mut text = format!(
        "<{action}Response xmlns=\"http://ec2.amazonaws.com/doc/{API_VERSION}/\"><requestId>{}</requestId>",
        escape(request_id)
    );
    xml::content(&mut text, "", output, &|_| "item");
    let _ = write!(text, "</{action}Response>");
    response(StatusCode::OK, text, request_id)
}

pub(crate) fn refused(refusal: &Refusal, request_id: &str) -> Response<Bytes> {
    let status = StatusCode::from_u16(refusal.http_status).unwrap_or(StatusCode::BAD_REQUEST);
    let text = format!(
        "<Response><Errors><Error><Code>{}</Code><Message>{}</Message></Error></Errors><RequestID>{}</RequestID></Response>",
        escape(&refusal.code),
        escape(&refusal.message),
        escape(request_id)
    );
    response(status, text, request_id)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbered_parameters_are_lists_in_the_order_of_their_numbers() {
        let form = parse(
            b"Action=DescribeVpcs&Version=2016-11-15&VpcId.2=b&VpcId.10=c&VpcId.1=a&Filter.1.Name=tag%3Ax&Filter.1.Value.1=y",
        )
        .unwrap();
        assert_eq!((form.action.as_str(), form.version.as_str()), ("DescribeVpcs", API_VERSION));
        assert_eq!(form.input, json!({"VpcId": ["a", "b", "c"], "Filter": [{"Name": "tag:x", "Value": ["y"]}]}));
    }

    #[test]
    fn an_answer_has_its_members_beside_the_request_s_id_and_items_in_its_lists() {
        let answer = answered("DescribeVpcs", &json!({"vpcSet": [{"vpcId": "vpc-1", "isDefault": true}]}), "id-1");
        assert_eq!(
            std::str::from_utf8(answer.body()).unwrap(),
            "<DescribeVpcsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>id-1</requestId><vpcSet><item>\
             <isDefault>true</isDefault><vpcId>vpc-1</vpcId></item></vpcSet></DescribeVpcsResponse>"
        );
    }

    #[test]
    fn a_refusal_has_ec2_s_own_shape() {
        let answer = refused(&Refusal::new("InvalidVpcID.NotFound", "no <vpc>"), "id-1");
        assert_eq!(
            std::str::from_utf8(answer.body()).unwrap(),
            "<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>no &lt;vpc&gt;</Message></Error></Errors>\
             <RequestID>id-1</RequestID></Response>"
        );
    }
}
