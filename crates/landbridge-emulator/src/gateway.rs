//! From an HTTP request to a service's operation and back: routing, identity, faults, quotas and the call log.
//!
//! What a request means is the business of `wire`; what it does, of the service modules.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::Value;

use crate::calls::{Call, is_write};
use crate::faults::FaultKind;
use crate::refusal::Refusal;
use crate::wire::{cbor, json, query};
use crate::world::{Cx, World};
use crate::{cloud_map, cloudwatch, ecs, elbv2, events, iam, logs, secrets, sqs, ssm, sts};

/// Marks a response (in its extensions) that must not reach the caller: the connection breaks instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLost;

/// The largest request body any of the services takes.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// The header that names service and operation in the JSON protocols.
const TARGET: &str = "x-amz-target";

/// A request understood as far as its protocol goes.
pub(crate) struct Routed {
    /// `ecs`, `servicediscovery`, `logs`, `elasticloadbalancing`, `iam` or `sts`: the names IAM actions use.
    pub(crate) service: &'static str,
    pub(crate) operation: String,
    pub(crate) input: Value,
    pub(crate) wire: Wire,
}

/// The protocol a request came in, which is the one its answer goes out in.
pub(crate) enum Wire {
    Json,
    Cbor,
    /// The `Version` the form named.
    Query(String),
}

/// Answers one request in the world's present.
pub(crate) fn respond(world: &mut World, request: &Request<Bytes>) -> Response<Bytes> {
    if request.method() == Method::GET && request.uri().path() == "/healthz" {
        return Response::new(Bytes::from_static(b"ok"));
    }
    let request_id = world.rng.uuid();
    let routed = match route(request) {
        Ok(routed) => routed,
        Err(refusal) if request.headers().contains_key(TARGET) => return json::refused(&refusal, &request_id),
        Err(refusal) if cbor::named(request).is_some() => return cbor::refused(&refusal, &request_id),
        // Whatever speaks no JSON is best understood in XML.
        Err(refusal) => return query::refused("", &refusal, &request_id),
    };
    let action = format!("{}:{}", routed.service, routed.operation);
    let target = target(&routed.input);
    let cx = match identify(world, request.headers(), request_id.clone()) {
        Ok(cx) => cx,
        Err(refusal) => {
            let refusal = if matches!(routed.wire, Wire::Query(_)) { sts::for_query(refusal) } else { refusal };
            let outcome = refusal.code.clone().into_owned();
            world.calls.push(Call {
                at: world.now,
                action,
                principal: String::new(),
                target,
                outcome,
                invoked_by: None,
            });
            return finish(&routed, Err(refusal), &request_id);
        }
    };
    let fault = world.faults.meet(&action, &mut world.rng);
    let lost = matches!(fault, Some(FaultKind::LoseAnswerBefore | FaultKind::LoseAnswerAfter));
    let result = perform(world, &cx, &routed, fault.as_ref());
    let outcome = match &result {
        _ if lost => "ConnectionLost".to_owned(),
        Ok(_) => "OK".to_owned(),
        Err(refusal) => refusal.code.clone().into_owned(),
    };
    tracing::debug!(%action, %outcome, request_id = %cx.request_id, "answered");
    let principal = cx.principal.clone();
    world.calls.push(Call { at: cx.now, action, principal, target, outcome, invoked_by: None });
    let mut response = finish(&routed, result, &request_id);
    if lost {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        *response.body_mut() = Bytes::new();
        response.extensions_mut().insert(ConnectionLost);
    }
    response
}

/// Runs the operation unless a fault or a quota stands before it.
fn perform(world: &mut World, cx: &Cx, routed: &Routed, fault: Option<&FaultKind>) -> Result<Value, Refusal> {
    if let Some(refusal) = fault.and_then(|fault| fault.refusal(matches!(routed.wire, Wire::Query(_)))) {
        return Err(refusal);
    }
    if fault == Some(&FaultKind::LoseAnswerBefore) {
        return Ok(Value::Null);
    }
    world.quotas.take(cx, routed.service, &routed.operation)?;
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
        "events" => events::call(world, cx, operation, input),
        "logs" => logs::call(world, cx, operation, input),
        "elasticloadbalancing" => elbv2::call(world, cx, operation, input),
        "iam" => iam::call(world, cx, operation, input),
        "secretsmanager" => secrets::call(world, cx, operation, input),
        "monitoring" => cloudwatch::call(world, cx, operation, input),
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

fn finish(routed: &Routed, result: Result<Value, Refusal>, request_id: &str) -> Response<Bytes> {
    match (&routed.wire, result) {
        (Wire::Json, Ok(output)) => json::answered(&output, request_id),
        (Wire::Json, Err(refusal)) => json::refused(&refusal, request_id),
        (Wire::Cbor, Ok(output)) => cbor::answered(&output, request_id),
        (Wire::Cbor, Err(refusal)) => cbor::refused(&refusal, request_id),
        (Wire::Query(version), Ok(output)) => query::answered(&routed.operation, version, &output, request_id),
        (Wire::Query(version), Err(refusal)) => query::refused(version, &refusal, request_id),
    }
}

/// Which service and operation a request is for: the `X-Amz-Target` header, or a form with `Action` and `Version`.
fn route(request: &Request<Bytes>) -> Result<Routed, Refusal> {
    if request.body().len() > MAX_BODY {
        let message = format!("the request is larger than {MAX_BODY} bytes");
        return Err(Refusal::new("RequestEntityTooLargeException", message).status(413));
    }
    if let Some((prefix, operation)) = cbor::named(request) {
        let (service, input) = (json_service(prefix)?, cbor::parse(request.body())?);
        return Ok(Routed { service, operation: operation.to_owned(), input, wire: Wire::Cbor });
    }
    let Some(target) = request.headers().get(TARGET) else { return route_form(request) };
    let target = target.to_str().unwrap_or_default();
    let (prefix, operation) = target.split_once('.').unwrap_or((target, ""));
    let (service, input) = (json_service(prefix)?, json::parse(request.body())?);
    Ok(Routed { service, operation: operation.to_owned(), input, wire: Wire::Json })
}

/// The service that a model's name stands for, in the JSON protocols and in CBOR.
fn json_service(model: &str) -> Result<&'static str, Refusal> {
    Ok(match model {
        "AmazonEC2ContainerServiceV20141113" => "ecs",
        "Route53AutoNaming_v20170314" => "servicediscovery",
        "Logs_20140328" => "logs",
        "AWSEvents" => "events",
        "GraniteServiceVersion20100801" => "monitoring",
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
    let is_form = request.method() == Method::POST && !request.uri().path().starts_with("/service/");
    if !is_form {
        // REST services.
        let message = format!(
            "{} {} is no call that this emulator knows: it serves ECS, Elastic Load Balancing, Cloud Map, IAM, STS, \
             CloudWatch, CloudWatch Logs, EventBridge, SQS, Secrets Manager and Parameter Store over the AWS JSON, CBOR and query protocols",
            request.method(),
            request.uri().path()
        );
        return Err(Refusal::new("InvalidAction", message));
    }
    let form = query::parse(request.body())?;
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
    let scope = headers.get("authorization").and_then(|value| value.to_str().ok()).and_then(credential_scope);
    let (key, region) = scope.unwrap_or(("", world.region.as_str()));
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

/// (access key, region) of an `Authorization` header.
fn credential_scope(header: &str) -> Option<(&str, &str)> {
    let (_, credential) = header.split_once("Credential=")?;
    let credential = credential.split([',', ' ']).next()?;
    let mut parts = credential.split('/');
    let key = parts.next()?;
    let region = parts.nth(1)?;
    (!region.is_empty()).then_some((key, region))
}

/// What a call is about, for the log: its first naming member.
fn target(input: &Value) -> String {
    const NAMES: [&str; 40] = [
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
        "ServiceId",
        "OperationId",
        "ResourceARN",
        "logGroupName",
        "logGroupNamePrefix",
        "Rule",
        "QueueUrl",
        "SecretId",
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
    fn the_credential_scope_names_key_and_region() {
        let header =
            "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/ecs/aws4_request, SignedHeaders=host, Signature=0";
        assert_eq!(credential_scope(header), Some(("AKID", "eu-west-1")));
        assert_eq!(credential_scope("Bearer x"), None);
        assert_eq!(credential_scope("AWS4-HMAC-SHA256 Credential=AKID"), None);
    }
}
