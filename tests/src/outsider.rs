//! Somebody else in the same AWS account: another console, pipeline or autoscaler. And what AWS holds, for a look that is
//! no call.

use bytes::Bytes;
use http::Request;
use landbridge_emulator::Emulator;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// Makes a call of ECS, Cloud Map (`servicediscovery`), CloudWatch Logs (`logs`) or Application Auto Scaling, which must succeed.
pub fn call(emulator: &Emulator, service: &str, operation: &str, input: &Value) -> Value {
    let target = match service {
        "ecs" => "AmazonEC2ContainerServiceV20141113",
        "servicediscovery" => "Route53AutoNaming_v20170314",
        "logs" => "Logs_20140328",
        "application-autoscaling" => "AnyScaleFrontendService",
        other => panic!("{other} is no service that speaks JSON"),
    };
    let request = Request::post("/").header("x-amz-target", format!("{target}.{operation}"));
    let response = emulator.respond(request.body(Bytes::from(input.to_string())).unwrap());
    let text = String::from_utf8_lossy(response.body()).into_owned();
    assert!(response.status().is_success(), "{operation} was refused: {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

/// The account of calls that name none.
pub const HOME: &str = "000000000000";

/// A query that must succeed, signed as one of that account.
fn query(emulator: &Emulator, account: &str, service: &str, form: String, parameters: &[(&str, &str)]) -> String {
    let mut form = form;
    for (name, value) in parameters {
        form.extend(["&", name, "="]);
        form.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
    }
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential={account}/20260101/{}/{service}/aws4_request, SignedHeaders=host, Signature=0",
        emulator.region()
    );
    let request = Request::post("/").header("authorization", scope).body(Bytes::from(form.clone()));
    let response = emulator.respond(request.unwrap());
    let text = String::from_utf8_lossy(response.body()).into_owned();
    assert!(response.status().is_success(), "{form} was refused: {text}");
    text
}

/// Makes a call of IAM, which must succeed.
pub fn iam(emulator: &Emulator, operation: &str, parameters: &[(&str, &str)]) {
    iam_of(emulator, HOME, operation, parameters);
}

/// The same in another account.
pub fn iam_of(emulator: &Emulator, account: &str, operation: &str, parameters: &[(&str, &str)]) {
    query(emulator, account, "iam", format!("Action={operation}&Version=2010-05-08"), parameters);
}

/// Makes a call of Elastic Load Balancing, which must succeed, and gives the first of these ARNs in the answer.
pub fn elb(emulator: &Emulator, operation: &str, parameters: &[(&str, &str)], arn: &str) -> String {
    elb_of(emulator, HOME, operation, parameters, arn)
}

/// The same in another account.
pub fn elb_of(emulator: &Emulator, account: &str, operation: &str, parameters: &[(&str, &str)], arn: &str) -> String {
    let form = format!("Action={operation}&Version=2015-12-01");
    let text = query(emulator, account, "elasticloadbalancing", form, parameters);
    let inner = text.split_once(&format!("<{arn}>")).and_then(|(_, rest)| rest.split_once('<'));
    inner.map(|(value, _)| value.to_owned()).unwrap_or_default()
}

/// Makes a call of CloudWatch, which must succeed, and gives the answer.
pub fn cloudwatch(emulator: &Emulator, operation: &str, parameters: &[(&str, &str)]) -> String {
    query(emulator, HOME, "monitoring", format!("Action={operation}&Version=2010-08-01"), parameters)
}

/// Makes a call of EKS, which must succeed.
pub fn eks(emulator: &Emulator, method: &str, path: &str, input: &Value) -> Value {
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential=AKID/20260101/{}/eks/aws4_request, SignedHeaders=host, Signature=0",
        emulator.region()
    );
    let request = Request::builder().method(method).uri(path).header("authorization", scope);
    let body = if input.is_null() { Bytes::new() } else { Bytes::from(input.to_string()) };
    let response = emulator.respond(request.body(body).unwrap());
    let text = String::from_utf8_lossy(response.body()).into_owned();
    assert!(response.status().is_success(), "{method} {path} was refused: {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

/// REST calls are told apart by the service that they are signed for.
const ROUTE53: &str =
    "AWS4-HMAC-SHA256 Credential=sandbox/20260101/us-east-1/route53/aws4_request, SignedHeaders=host, Signature=0";

/// The record sets of a hosted zone, as Route 53 writes them.
pub fn record_sets(emulator: &Emulator, zone: &str) -> String {
    let path = format!("/2013-04-01/hostedzone/{zone}/rrset");
    let response = emulator.respond(Request::get(path).header("authorization", ROUTE53).body(Bytes::new()).unwrap());
    String::from_utf8_lossy(response.body()).into_owned()
}

/// Makes a call of Route 53 with a body of XML, which must succeed, and gives the answer.
pub fn route53(emulator: &Emulator, path: &str, body: &str) -> String {
    let request = Request::post(format!("/2013-04-01/{path}")).header("authorization", ROUTE53);
    let response = emulator.respond(request.body(Bytes::from(body.to_owned())).unwrap());
    let text = String::from_utf8_lossy(response.body()).into_owned();
    assert!(response.status().is_success(), "{path} was refused: {text}");
    text
}

/// Addresses of the targets of all target groups, those that drain too.
pub fn target_ids(emulator: &Emulator) -> Vec<String> {
    let groups = list(&emulator.state()["elbv2"]["targetGroups"]);
    let targets = groups.iter().flat_map(|group| list(&group["Targets"]));
    targets.filter_map(|target| target["Target"]["Id"].as_str().map(str::to_owned)).collect()
}

/// The ECS services that are not INACTIVE.
pub fn services(emulator: &Emulator) -> Vec<Value> {
    let all = list(&emulator.state()["ecs"]["services"]);
    all.into_iter().filter(|s| s["status"] != "INACTIVE").collect()
}

/// The ECS service of that name that is not INACTIVE.
pub fn service(emulator: &Emulator, name: &str) -> Value {
    services(emulator).into_iter().find(|s| s["serviceName"] == name).unwrap_or_default()
}

/// The ECS clusters that are not INACTIVE.
pub fn clusters(emulator: &Emulator) -> Vec<Value> {
    let all = list(&emulator.state()["ecs"]["clusters"]);
    all.into_iter().filter(|c| c["status"] != "INACTIVE").collect()
}

/// The capacity providers that are not INACTIVE.
pub fn capacity_providers(emulator: &Emulator) -> Vec<Value> {
    let all = list(&emulator.state()["ecs"]["capacityProviders"]);
    all.into_iter().filter(|p| p["status"] != "INACTIVE").collect()
}

/// The ACTIVE revisions of every task definition.
pub fn revisions(emulator: &Emulator) -> Vec<Value> {
    let all = list(&emulator.state()["ecs"]["taskDefinitions"]);
    all.into_iter().filter(|d| d["status"] == "ACTIVE").collect()
}

/// The tasks that are RUNNING.
pub fn running_tasks(emulator: &Emulator) -> Vec<Value> {
    let all = list(&emulator.state()["ecs"]["tasks"]);
    all.into_iter().filter(|t| t["lastStatus"] == "RUNNING").collect()
}

/// The Cloud Map namespaces.
pub fn namespaces(emulator: &Emulator) -> Vec<Value> {
    list(&emulator.state()["cloudMap"]).iter().flat_map(|place| list(&place["namespaces"])).collect()
}

/// The Cloud Map services, with their instances.
pub fn discovery(emulator: &Emulator) -> Vec<Value> {
    list(&emulator.state()["cloudMap"]).iter().flat_map(|place| list(&place["services"])).collect()
}

/// The IAM roles.
pub fn roles(emulator: &Emulator) -> Vec<Value> {
    let state = emulator.state();
    state["iam"].as_object().into_iter().flatten().flat_map(|(_, account)| list(&account["roles"])).collect()
}

/// The log groups.
pub fn log_groups(emulator: &Emulator) -> Vec<Value> {
    list(&emulator.state()["logs"])
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}
