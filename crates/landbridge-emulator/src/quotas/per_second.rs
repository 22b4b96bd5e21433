//! Rates that AWS publishes as requests per second: a bucket of one second's requests that fills in one. Per account and Region.
//!
//! CloudWatch: "CloudWatch service quotas" (AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html). Secrets Manager: "AWS
//! Secrets Manager quotas" (secretsmanager/latest/userguide/reference_limits.html). Parameter Store: "AWS Systems Manager
//! endpoints and quotas" (general/latest/gr/ssm.html), default throughput. STS: "IAM and AWS STS quotas", STS request quotas
//! (IAM/latest/UserGuide/reference_iam-quotas.html). EventBridge: "Amazon EventBridge quotas"
//! (eventbridge/latest/userguide/eb-quota.html). ECR: "Amazon ECR service quotas"
//! (AmazonECR/latest/userguide/service-quotas.html). Cloud Map: "AWS Cloud Map service quotas"
//! (cloud-map/latest/dg/cloud-map-limits.html), whose DiscoverInstances alone has a burst.

/// The group of an operation, and how many requests a second it takes.
pub(super) fn rate(service: &str, operation: &str, region: &str) -> Option<(String, f64)> {
    let (group, rate) = match service {
        "monitoring" => (operation, cloudwatch(operation)?),
        "secretsmanager" => secrets(operation)?,
        "ssm" => parameters(operation)?,
        "sts" => (token(operation)?, 600.0),
        "events" if operation == "PutEvents" => (operation, put_events(region)),
        // Every other operation together.
        "events" => ("management", 50.0),
        "ecr" => (operation, registry(operation)?),
        "servicediscovery" if operation == "DiscoverInstancesRevision" => (operation, 3000.0),
        _ => return None,
    };
    Some((format!("{service} {group}"), rate))
}

fn cloudwatch(operation: &str) -> Option<f64> {
    Some(match operation {
        "DeleteAlarms"
        | "DisableAlarmActions"
        | "EnableAlarmActions"
        | "PutCompositeAlarm"
        | "PutMetricAlarm"
        | "SetAlarmState" => 3.0,
        "DescribeAlarms" | "DescribeAlarmsForMetric" => 9.0,
        "ListTagsForResource" => 10.0,
        "DescribeAlarmHistory" | "TagResource" | "UntagResource" => 20.0,
        "ListMetrics" => 25.0,
        "GetMetricStatistics" => 400.0,
        "GetMetricData" | "PutMetricData" => 500.0,
        _ => return None,
    })
}

fn secrets(operation: &str) -> Option<(&'static str, f64)> {
    Some(match operation {
        "DescribeSecret" | "GetSecretValue" => ("read", 10_000.0),
        "BatchGetSecretValue" => ("BatchGetSecretValue", 100.0),
        "ListSecrets" => ("ListSecrets", 100.0),
        "PutSecretValue" | "UpdateSecret" | "UpdateSecretVersionStage" => ("change", 50.0),
        "RotateSecret" | "CancelRotateSecret" => ("rotation", 50.0),
        "TagResource" | "UntagResource" => ("tags", 50.0),
        "DeleteResourcePolicy" | "GetResourcePolicy" | "PutResourcePolicy" | "ValidateResourcePolicy" => {
            ("resource policies", 50.0)
        }
        "CreateSecret" => ("CreateSecret", 50.0),
        "DeleteSecret" => ("DeleteSecret", 50.0),
        "RestoreSecret" => ("RestoreSecret", 50.0),
        "GetRandomPassword" => ("GetRandomPassword", 50.0),
        "ListSecretVersionIds" => ("ListSecretVersionIds", 50.0),
        _ => return None,
    })
}

fn parameters(operation: &str) -> Option<(&'static str, f64)> {
    Some(match operation {
        "GetParameter" | "GetParameters" | "GetParametersByPath" => ("read", 40.0),
        "PutParameter" => ("PutParameter", 3.0),
        _ => return None,
    })
}

/// Those that are signed with AWS credentials share one quota; those for web identities are in none.
fn token(operation: &str) -> Option<&'static str> {
    let shared =
        ["AssumeRole", "DecodeAuthorizationMessage", "GetAccessKeyInfo", "GetCallerIdentity", "GetFederationToken"];
    (shared.contains(&operation) || operation == "GetSessionToken").then_some("credentials")
}

fn put_events(region: &str) -> f64 {
    match region {
        "us-east-1" | "us-west-2" | "eu-west-1" => 10_000.0,
        "us-east-2" | "eu-central-1" => 2400.0,
        "us-west-1" | "ap-northeast-1" | "ap-southeast-1" | "ap-southeast-2" | "eu-west-2" => 1200.0,
        "af-south-1" | "ap-northeast-3" | "ap-southeast-3" | "eu-south-1" => 400.0,
        _ => 600.0,
    }
}

fn registry(operation: &str) -> Option<f64> {
    Some(match operation {
        "PutImage" => 10.0,
        "CompleteLayerUpload" | "InitiateLayerUpload" => 100.0,
        "GetAuthorizationToken" | "UploadLayerPart" => 500.0,
        "BatchCheckLayerAvailability" => 1000.0,
        "BatchGetImage" => 2000.0,
        "GetDownloadUrlForLayer" => 3000.0,
        _ => return None,
    })
}
