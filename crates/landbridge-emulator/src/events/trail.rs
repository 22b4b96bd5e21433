//! What CloudTrail tells EventBridge: every call that changes something, so that rules can see who changed what by hand.
//! Source: "AWS service events delivered via AWS CloudTrail" and "CloudTrail record contents".

use serde_json::{Map, Value, json};

use super::delivery::{Occurrence, whole_seconds};
use super::{emit, is_heard};
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// The `eventSource` and the `source` of a service's management events; none for a service whose calls are data events.
fn names(service: &str) -> Option<(&'static str, &'static str)> {
    Some(match service {
        "ecs" => ("ecs.amazonaws.com", "aws.ecs"),
        "servicediscovery" => ("servicediscovery.amazonaws.com", "aws.servicediscovery"),
        "iam" => ("iam.amazonaws.com", "aws.iam"),
        "eks" => ("eks.amazonaws.com", "aws.eks"),
        "scheduler" => ("scheduler.amazonaws.com", "aws.scheduler"),
        "ec2" => ("ec2.amazonaws.com", "aws.ec2"),
        "route53" => ("route53.amazonaws.com", "aws.route53"),
        "logs" => ("logs.amazonaws.com", "aws.logs"),
        "events" => ("events.amazonaws.com", "aws.events"),
        "secretsmanager" => ("secretsmanager.amazonaws.com", "aws.secretsmanager"),
        "monitoring" => ("monitoring.amazonaws.com", "aws.monitoring"),
        "application-autoscaling" => ("application-autoscaling.amazonaws.com", "aws.application-autoscaling"),
        "ecr" => ("ecr.amazonaws.com", "aws.ecr"),
        "tag" => ("tagging.amazonaws.com", "aws.tagging"),
        "ssm" => ("ssm.amazonaws.com", "aws.ssm"),
        "codedeploy" => ("codedeploy.amazonaws.com", "aws.codedeploy"),
        "elasticloadbalancing" => ("elasticloadbalancing.amazonaws.com", "aws.elasticloadbalancing"),
        _ => return None,
    })
}

/// Tells of a call that changes something, done or refused; `invoked_by` is the AWS service that made it on its own.
pub(crate) fn record(
    world: &mut World,
    cx: &Cx,
    service: &str,
    operation: &str,
    input: &Value,
    result: &Result<Value, Refusal>,
    invoked_by: Option<&str>,
) {
    let Some((event_source, source)) = names(service) else { return };
    // Putting metrics is no management event.
    if operation == "PutMetricData" {
        return;
    }
    // Global services tell in us-east-1 only.
    let region = if matches!(service, "iam" | "route53") { "us-east-1" } else { cx.region.as_str() };
    if !is_heard(world, &cx.account, region) {
        return;
    }
    let user = cx.principal.rsplit('/').next().unwrap_or_default();
    let kind = if cx.principal.contains(":assumed-role/") { "AssumedRole" } else { "IAMUser" };
    let mut detail = json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": kind, "principalId": user, "arn": cx.principal, "accountId": cx.account, "userName": user,
        },
        "eventTime": whole_seconds(cx.now),
        "eventSource": event_source,
        "eventName": operation,
        "awsRegion": region,
        "sourceIPAddress": "127.0.0.1",
        "userAgent": "emulator",
        "requestParameters": without_secrets(service, lower_first(input)),
        "responseElements": null,
        "requestID": cx.request_id,
        "eventID": world.rng.uuid(),
        "readOnly": false,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": cx.account,
        "eventCategory": "Management",
    });
    if let Some(service) = invoked_by {
        detail["userIdentity"]["invokedBy"] = json!(service);
        detail["sourceIPAddress"] = json!(service);
        detail["userAgent"] = json!(service);
    }
    match result {
        Ok(output) => detail["responseElements"] = lower_first(output),
        Err(refusal) => {
            detail["errorCode"] = json!(refusal.code);
            detail["errorMessage"] = json!(refusal.message);
        }
    }
    let what = Occurrence {
        source,
        detail_type: "AWS API Call via CloudTrail",
        account: &cx.account,
        region,
        resources: Vec::new(),
        detail,
    };
    emit(world, &what);
}

/// CloudTrail keeps no values of secrets and parameters.
fn without_secrets(service: &str, mut request: Value) -> Value {
    if let (Some(members), "secretsmanager" | "ssm") = (request.as_object_mut(), service) {
        for (name, value) in members {
            if ["secretString", "secretBinary", "value"].contains(&name.as_str()) {
                *value = json!("HIDDEN_DUE_TO_SECURITY_REASONS");
            }
        }
    }
    request
}

/// CloudTrail writes the members of every service with a small letter first.
fn lower_first(value: &Value) -> Value {
    let Value::Object(members) = value else { return value.clone() };
    let lower = |name: &str| {
        let mut letters = name.chars();
        letters.next().map(|first| first.to_lowercase().chain(letters).collect::<String>()).unwrap_or_default()
    };
    Value::Object(members.iter().map(|(name, value)| (lower(name), value.clone())).collect::<Map<_, _>>())
}
