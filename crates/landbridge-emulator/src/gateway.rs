//! From an HTTP request to a service's operation and back: routing, identity, faults, quotas and the call log.
//!
//! What a request means is the business of `wire`; what it does, of the service modules.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use jiff::Timestamp;
use serde_json::Value;

use crate::calls::{Call, is_write};
use crate::faults::FaultKind;
use crate::refusal::Refusal;
use crate::wire;
use crate::wire::rest::{self, Rest};
use crate::wire::{Wire, cbor, dialect, gzip, json, query};
use crate::world::{Cx, World};
use crate::{
    cloud_map, cloudwatch, codedeploy, ec2, ecr, ecs, eks, elbv2, events, iam, logs, route53, scaling, scheduler,
    secrets, service_quotas, sqs, ssm, sts, tagging,
};

/// Marks a response (in its extensions) that must not reach the caller: the connection breaks instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLost;

/// The largest request body any of the services takes.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// The header that names service and operation in the JSON protocols.
const TARGET: &str = "x-amz-target";

/// A request understood as far as its protocol goes.
pub(crate) struct Routed {
    /// `ecs`, `servicediscovery`, `elasticloadbalancing`, ...: the names IAM actions use.
    pub(crate) service: &'static str,
    pub(crate) operation: String,
    pub(crate) input: Value,
    pub(crate) wire: Wire,
}

/// Answers one request in the world's present.
pub(crate) fn respond(world: &mut World, request: &Request<Bytes>) -> Response<Bytes> {
    if request.method() == Method::GET && request.uri().path() == "/healthz" {
        return Response::new(Bytes::from_static(b"ok"));
    }
    let request_id = world.rng.uuid();
    let routed = match route(request) {
        Ok(routed) => routed,
        Err(refusal) => return protocol(request).refused(&refusal, &request_id),
    };
    let action = format!("{}:{}", routed.service, routed.operation);
    let target = target(&routed.input);
    let cx = match identify(world, request.headers(), request_id.clone()) {
        Ok(cx) => cx,
        Err(refusal) => {
            let refusal = dialect::spelled(&routed.wire, refusal);
            let outcome = refusal.code.clone().into_owned();
            let (at, principal) = (world.now, String::new());
            world.calls.push(Call { at, action, principal, target, outcome, invoked_by: None });
            return routed.wire.refused(&refusal, &request_id);
        }
    };
    let fault = world.faults.meet(&action, &mut world.rng);
    let lost = matches!(fault, Some(FaultKind::LoseAnswerBefore | FaultKind::LoseAnswerAfter));
    let result = perform(world, &cx, &routed, fault.as_ref());
    world.faults.answered();
    let outcome = match &result {
        _ if lost => "ConnectionLost".to_owned(),
        Ok(_) => "OK".to_owned(),
        Err(refusal) => refusal.code.clone().into_owned(),
    };
    tracing::debug!(%action, %outcome, request_id = %cx.request_id, "answered");
    let principal = cx.principal.clone();
    world.calls.push(Call { at: cx.now, action, principal, target, outcome, invoked_by: None });
    let mut response = match &result {
        Ok(output) => routed.wire.answered(&routed.operation, output, &request_id),
        Err(refusal) => routed.wire.refused(refusal, &request_id),
    };
    if lost {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        *response.body_mut() = Bytes::new();
        response.extensions_mut().insert(ConnectionLost);
    }
    response
}

/// Runs the operation unless a fault or a quota stands before it.
fn perform(world: &mut World, cx: &Cx, routed: &Routed, fault: Option<&FaultKind>) -> Result<Value, Refusal> {
    if let Some(refusal) = fault.and_then(FaultKind::refusal) {
        // What a rule spells out is not respelled.
        let own = matches!(fault, Some(FaultKind::Error(..)));
        return Err(if own { refusal } else { dialect::spelled(&routed.wire, refusal) });
    }
    if fault == Some(&FaultKind::LoseAnswerBefore) {
        return Ok(Value::Null);
    }
    let taken = world.quotas.take(cx, routed.service, &routed.operation, &routed.input);
    taken.map_err(|refusal| dialect::spelled(&routed.wire, refusal))?;
    let write = is_write(&routed.operation);
    if write && world.faults.needs_past() {
        world.faults.remember(cx.now, &world.services);
    }
    if let (Some(FaultKind::StaleRead(lag)), false) = (fault, write)
        && let Some(past) = world.faults.past(cx.now, *lag)
    {
        let present = std::mem::replace(&mut world.services, *past);
        let answer = dispatch(world, cx, routed);
        world.services = present;
        return answer;
    }
    let result = dispatch(world, cx, routed);
    if write {
        events::record(world, cx, routed.service, &routed.operation, &routed.input, &result, None);
    }
    result
}

/// Whether an answer to a request that came at `began` should wait: a long poll that has nothing to give yet.
pub(crate) fn is_awaited(world: &mut World, request: &Request<Bytes>, began: Timestamp) -> bool {
    let polls = request.headers().get(TARGET).is_some_and(|target| target == "AmazonSQS.ReceiveMessage");
    if !polls {
        return false;
    }
    let (Ok(routed), Ok(cx)) = (route(request), identify(world, request.headers(), String::new())) else {
        return false;
    };
    sqs::is_awaited(world, &cx, &routed.input, began)
}

fn dispatch(world: &mut World, cx: &Cx, routed: &Routed) -> Result<Value, Refusal> {
    let (operation, input) = (routed.operation.as_str(), &routed.input);
    let answer = match routed.service {
        "ecs" => ecs::call(world, cx, operation, input),
        "servicediscovery" => cloud_map::call(world, cx, operation, input),
        "codedeploy" => codedeploy::call(world, cx, operation, input),
        "events" => events::call(world, cx, operation, input),
        "eks" => eks::call(world, cx, operation, input),
        "scheduler" => scheduler::call(world, cx, operation, input),
        "ec2" => ec2::call(world, cx, operation, input),
        "logs" => logs::call(world, cx, operation, input),
        "route53" => route53::call(world, cx, operation, input),
        "elasticloadbalancing" => elbv2::call(world, cx, operation, input),
        "iam" => iam::call(world, cx, operation, input),
        "secretsmanager" => secrets::call(world, cx, operation, input),
        "monitoring" => cloudwatch::call(world, cx, operation, input),
        "application-autoscaling" => scaling::call(world, cx, operation, input),
        "ecr" => ecr::call(world, cx, operation, input),
        "servicequotas" => service_quotas::call(world, cx, operation, input),
        "tag" => tagging::call(world, cx, operation, input),
        "sqs" => sqs::call(world, cx, operation, input),
        "ssm" => ssm::call(world, cx, operation, input),
        "sts" => sts::call(world, cx, operation, input),
        _ => Err(Refusal::unknown_operation()),
    };
    // AWS says nothing more than the code; whoever calls an emulator wants to know what is missing.
    answer.map_err(|mut refusal| {
        if refusal.code == "UnknownOperationException" && refusal.message.is_empty() {
            refusal.message = format!("{}:{operation} is no operation that this emulator knows", routed.service);
        }
        refusal
    })
}

/// Which service and operation a request is for: the `X-Amz-Target` header, the path of a CBOR or REST call, or a form with
/// `Action` and `Version`.
fn route(request: &Request<Bytes>) -> Result<Routed, Refusal> {
    let unpacked = gzip::unpacked(request, MAX_BODY)?;
    let request = unpacked.as_ref().unwrap_or(request);
    if request.body().len() > MAX_BODY {
        let message = format!("the request is larger than {MAX_BODY} bytes");
        return Err(Refusal::new("RequestEntityTooLargeException", message).status(413));
    }
    if let Some((prefix, operation)) = cbor::named(request) {
        let (service, input) = (json_service(prefix)?, cbor::parse(request.body())?);
        return Ok(Routed { service, operation: operation.to_owned(), input, wire: Wire::Cbor });
    }
    match protocol(request) {
        Wire::Json => {
            let target = request.headers().get(TARGET).and_then(|target| target.to_str().ok()).unwrap_or_default();
            let (prefix, operation) = target.split_once('.').unwrap_or((target, ""));
            let (service, input) = (json_service(prefix)?, json::parse(request.body())?);
            Ok(Routed { service, operation: operation.to_owned(), input, wire: Wire::Json })
        }
        Wire::Rest(rest, _) if rest.service.is_empty() => {
            let message = format!(
                "{} {} is no call that this emulator knows: of AWS's REST services it has {}, and ECS and the services around it \
                 over the JSON, CBOR and query protocols",
                request.method(),
                request.uri().path(),
                REST.map(|rest| rest.service).join(", "),
            );
            Err(Refusal::new("UnknownOperationException", message).status(404))
        }
        Wire::Rest(rest, _) => {
            let found = rest.find(request.method().as_str(), request.uri(), request.body())?;
            let (operation, wire) = (found.operation.to_owned(), Wire::Rest(rest, found.status));
            Ok(Routed { service: rest.service, operation, input: found.input, wire })
        }
        Wire::Ec2 => route_ec2(request),
        Wire::Query(_) | Wire::Cbor => route_form(request),
    }
}

fn route_ec2(request: &Request<Bytes>) -> Result<Routed, Refusal> {
    let form = wire::ec2::parse(request.body())?;
    Ok(Routed { service: "ec2", operation: form.action, input: form.input, wire: Wire::Ec2 })
}

/// The protocol that a request speaks, as far as its head tells.
fn protocol(request: &Request<Bytes>) -> Wire {
    let headers = request.headers();
    if cbor::named(request).is_some() {
        return Wire::Cbor;
    }
    if headers.contains_key(TARGET) {
        return Wire::Json;
    }
    let signed = signing_name(request).unwrap_or_default();
    if let Some(rest) = rest_service(signed) {
        return Wire::Rest(rest, 200);
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let at_root = request.method() == Method::POST && request.uri().path() == "/";
    if at_root && !kind.contains("json") {
        return if signed == "ec2" { Wire::Ec2 } else { Wire::Query(String::new()) };
    }
    // Of AWS's REST services only these speak XML.
    let xml = ["s3", "s3express", "cloudfront", ""].contains(&signed) && !kind.contains("json");
    Wire::Rest(if xml { &rest::UNKNOWN_XML } else { &rest::UNKNOWN_JSON }, 200)
}

/// The service that a request is signed for or, where it is not signed, that its host names.
fn signing_name(request: &Request<Bytes>) -> Option<&str> {
    let header = |name: header::HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let signed = header(header::AUTHORIZATION).and_then(credential_scope).map(|(_, _, service)| service);
    let host = || header(header::HOST).or(request.uri().host()).filter(|host| host.ends_with(".amazonaws.com"));
    signed.or_else(|| host()?.split('.').next())
}

fn rest_service(signing_name: &str) -> Option<&'static Rest> {
    REST.iter().find(|rest| rest.service == signing_name).copied()
}

/// The REST services that this emulator knows.
const REST: [&Rest; 3] = [&eks::REST, &route53::REST, &scheduler::REST];

/// The service that a model's name stands for, in the JSON protocols and in CBOR.
fn json_service(model: &str) -> Result<&'static str, Refusal> {
    Ok(match model {
        "AmazonEC2ContainerServiceV20141113" => "ecs",
        "Route53AutoNaming_v20170314" => "servicediscovery",
        "CodeDeploy_20141006" => "codedeploy",
        "Logs_20140328" => "logs",
        "AWSEvents" => "events",
        "GraniteServiceVersion20100801" => "monitoring",
        "AnyScaleFrontendService" => "application-autoscaling",
        "AmazonEC2ContainerRegistry_V20150921" => "ecr",
        "ResourceGroupsTaggingAPI_20170126" => "tag",
        "ServiceQuotasV20190624" => "servicequotas",
        "AmazonSQS" => "sqs",
        "AmazonSSM" => "ssm",
        "secretsmanager" => "secretsmanager",
        _ => {
            let message = format!("{model:?} names no service that this emulator knows");
            return Err(Refusal::new("UnknownOperationException", message));
        }
    })
}

fn route_form(request: &Request<Bytes>) -> Result<Routed, Refusal> {
    let form = query::parse(request.body())?;
    if form.version == wire::ec2::API_VERSION {
        return route_ec2(request);
    }
    let service = match form.version.as_str() {
        "2010-05-08" => "iam",
        "2011-06-15" => "sts",
        query::CLOUDWATCH => "monitoring",
        elbv2::API_VERSION => "elasticloadbalancing",
        _ => return Err(Refusal::invalid_action(&form.action, &form.version)),
    };
    Ok(Routed { service, operation: form.action, input: form.input, wire: Wire::Query(form.version) })
}

/// Account, region and principal from the SigV4 credential scope
/// (`Credential=KEY/DATE/REGION/SERVICE/aws4_request`); the world's own where a request names none.
fn identify(world: &World, headers: &HeaderMap, request_id: String) -> Result<Cx, Refusal> {
    let scope = signed_scope(headers)?;
    let (key, region) = scope.map_or(("", world.region.as_str()), |(key, region, _)| (key, region));
    let caller = sts::caller(world, key)?;
    let is_account = key.len() == 12 && key.bytes().all(|b| b.is_ascii_digit());
    let account = match &caller {
        Some(caller) => caller.account.clone(),
        None if is_account => key.to_owned(),
        None => world.account.clone(),
    };
    let principal = caller.map_or_else(|| format!("arn:aws:iam::{account}:user/landbridge"), |caller| caller.arn);
    // IAM and STS are signed for us-east-1 whatever the client's region; they keep no regional state.
    let host = headers.get("host").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    Ok(Cx { now: world.now, region: region.to_owned(), account, principal, host, request_id })
}

/// The scope of a signed request. No signature is verified, and a request may have none, but one that it has must be of
/// Signature Version 4 and for a Region. Source: "Troubleshooting Signature Version 4".
fn signed_scope(headers: &HeaderMap) -> Result<Option<(&str, &str, &str)>, Refusal> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let Some(scope) = credential_scope(text).filter(|_| text.starts_with("AWS4-")) else {
        let message = format!(
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. \
             Authorization header requires 'SignedHeaders' parameter. Authorization={text}"
        );
        return Err(Refusal::new("IncompleteSignatureException", message));
    };
    if is_region(scope.1) {
        return Ok(Some(scope));
    }
    let message = format!("Credential should be scoped to a valid region, not '{}'.", scope.1);
    Err(Refusal::new("InvalidSignatureException", message))
}

/// Whether this has the form of a Region's name: `eu-central-1`, `us-gov-west-1`.
pub fn is_region(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let (Some((first, rest)), Some((number, places))) = (parts.split_first(), parts.split_last()) else { return false };
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    rest.len() >= 2 && first.len() == 2 && places.iter().all(is_word) && number.parse::<u8>().is_ok()
}

/// (access key, region, service) of an `Authorization` header.
fn credential_scope(header: &str) -> Option<(&str, &str, &str)> {
    let (_, credential) = header.split_once("Credential=")?;
    let credential = credential.split([',', ' ']).next()?;
    let mut parts = credential.split('/');
    let key = parts.next()?;
    let region = parts.nth(1)?;
    (!region.is_empty()).then_some((key, region, parts.next().unwrap_or_default()))
}

/// What a call is about, for the log: its first naming member.
fn target(input: &Value) -> String {
    const NAMES: &[&str] = &[
        "serviceName",
        "service",
        "services",
        "family",
        "taskDefinition",
        "taskDefinitions",
        "task",
        "tasks",
        "clusterName",
        "serviceDeploymentArn",
        "serviceDeploymentArns",
        "serviceRevisionArns",
        "resourceArn",
        "cluster",
        "clusters",
        "RuleArn",
        "RuleArns",
        "ListenerArn",
        "ListenerArns",
        "TargetGroupArn",
        "TargetGroupArns",
        "LoadBalancerArn",
        "LoadBalancerArns",
        "ResourceArns",
        "Names",
        "RoleName",
        "RoleArn",
        "PolicyArn",
        "Name",
        "Id",
        "HealthCheckId",
        "GroupId",
        "GroupName",
        "SubnetId",
        "VpcId",
        "ServiceId",
        "OperationId",
        "ResourceARN",
        "logGroupName",
        "logGroupNamePrefix",
        "Rule",
        "QueueUrl",
        "SecretId",
        "repositoryName",
        "repositoryNames",
        "ResourceARNList",
        "ResourceId",
        "QueueName",
        "name",
    ];
    let named = NAMES.iter().find_map(|name| input.get(name));
    match named {
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_known_by_the_form_of_its_name() {
        for name in ["eu-central-1", "us-gov-west-1", "eu-isoe-west-1", "ap-southeast-7"] {
            assert!(is_region(name), "{name}");
        }
        for name in ["mars-1", "", "eu-central", "eu-central-", "EU-central-1", "eu--1", "ecs"] {
            assert!(!is_region(name), "{name}");
        }
    }

    #[test]
    fn the_credential_scope_names_key_and_region() {
        let header =
            "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/ecs/aws4_request, SignedHeaders=host, Signature=0";
        assert_eq!(credential_scope(header), Some(("AKID", "eu-west-1", "ecs")));
        assert_eq!(credential_scope("Bearer x"), None);
        assert_eq!(credential_scope("AWS4-HMAC-SHA256 Credential=AKID"), None);
    }

    fn shape(request: http::request::Builder) -> Wire {
        protocol(&request.body(Bytes::new()).unwrap())
    }

    #[test]
    fn a_rest_call_of_an_unknown_service_is_answered_in_its_service_s_format() {
        let scope = |service: &str| {
            format!("AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host")
        };
        let put = |service: &str| shape(Request::put("/x").header("authorization", scope(service)));
        assert!(matches!(put("lambda"), Wire::Rest(rest, _) if rest.server_error == rest::UNKNOWN_JSON.server_error));
        assert!(matches!(put("s3"), Wire::Rest(rest, _) if rest.server_error == rest::UNKNOWN_XML.server_error));
        let named = shape(Request::get("/x").header("host", "lambda.eu-west-1.amazonaws.com"));
        assert!(matches!(named, Wire::Rest(rest, _) if rest.server_error == rest::UNKNOWN_JSON.server_error));
        assert!(matches!(shape(Request::post("/").header("authorization", scope("ec2"))), Wire::Ec2));
        assert!(matches!(shape(Request::post("/").header("authorization", scope("iam"))), Wire::Query(_)));
    }
}
