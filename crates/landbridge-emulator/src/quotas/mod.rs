//! Request quotas as token buckets in virtual time.
//!
//! ECS: "Request throttling for the Amazon ECS API" (AmazonECS/latest/APIReference/request-throttling.html), per
//! account and region, shared by the actions of a group. CloudWatch Logs: "CloudWatch Logs quotas".
//! Route 53: "Throttling for Amazon Route 53 API requests" (Route53/latest/DeveloperGuide/throttling-api-requests.html), per
//! account, by requests and by changes. EC2: "Request throttling for the Amazon EC2 API" (ec2/devguide/ec2-api-throttling.html).
//! Elastic Load Balancing: "API request throttling" (elasticloadbalancing/latest/userguide/elb-api-throttling.html). Services whose rates are
//! so many requests a second are in `per_second`. IAM, EKS, Application Auto Scaling, CodeDeploy, SQS, the tagging API and Cloud
//! Map, but for DiscoverInstances, publish no numbers (those of EventBridge Scheduler differ by Region), so nothing is refused there.

mod per_second;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::clock::seconds_between;
use crate::refusal::Refusal;
use crate::world::Cx;

/// A group of actions that share `burst` tokens, refilled at `refill` per second.
#[derive(Debug, Clone, PartialEq)]
struct Bucket {
    name: String,
    burst: f64,
    refill: f64,
    /// What the call takes of it.
    cost: f64,
}

#[derive(Debug, Default)]
pub(crate) struct Quotas {
    enforced: bool,
    levels: BTreeMap<(String, String, String), (Timestamp, f64)>,
}

impl Quotas {
    pub(crate) fn enforce(&mut self, enforced: bool) {
        self.enforced = enforced;
        self.levels.clear();
    }

    pub(crate) fn enforced(&self) -> bool {
        self.enforced
    }

    /// Takes what this call costs from each bucket it belongs to, or refuses as AWS does and takes nothing.
    pub(crate) fn take(&mut self, cx: &Cx, service: &str, operation: &str, input: &Value) -> Result<(), Refusal> {
        if !self.enforced {
            return Ok(());
        }
        let buckets = buckets(service, operation, &cx.region, input);
        let mut enough = true;
        let key = |bucket: &Bucket| (cx.account.clone(), cx.region.clone(), bucket.name.clone());
        for bucket in &buckets {
            let (since, level) = self.levels.entry(key(bucket)).or_insert((cx.now, bucket.burst));
            *level = (*level + seconds_between(*since, cx.now) * bucket.refill).min(bucket.burst);
            *since = cx.now;
            // A hair below counts as enough: refill is summed in floating point.
            enough &= *level >= bucket.cost - 1e-6;
        }
        if !enough {
            return Err(refusal(service));
        }
        for bucket in &buckets {
            self.levels.entry(key(bucket)).and_modify(|(_, level)| *level -= bucket.cost);
        }
        Ok(())
    }
}

/// What a service says of too many requests; the protocols that spell it otherwise do so later.
fn refusal(service: &str) -> Refusal {
    match service {
        // DiscoverInstances is the only one of Cloud Map's that is limited (RequestLimitExceeded).
        "servicediscovery" => Refusal::new("RequestLimitExceeded", "Rate exceeded").status(429),
        "monitoring" => Refusal::throttled().query("Throttling"),
        _ => Refusal::throttled(),
    }
}

fn buckets(service: &str, operation: &str, region: &str, input: &Value) -> Vec<Bucket> {
    match service {
        "route53" => return route53(operation, input),
        "ec2" => return vec![ec2(operation, input)],
        _ => {}
    }
    if let Some((name, burst, refill)) = bucket(service, operation) {
        return vec![Bucket { name: name.to_owned(), burst, refill, cost: 1.0 }];
    }
    let second = per_second::rate(service, operation, region);
    second.into_iter().map(|(name, rate)| Bucket { name, burst: rate, refill: rate, cost: 1.0 }).collect()
}

fn bucket(service: &str, operation: &str) -> Option<(&'static str, f64, f64)> {
    Some(match service {
        "ecs" => ecs(operation)?,
        "logs" => logs(operation)?,
        "elasticloadbalancing" => load_balancing(operation),
        "servicediscovery" if operation == "DiscoverInstances" => ("cloud map DiscoverInstances", 2000.0, 1000.0),
        _ => return None,
    })
}

/// One bucket for each action, by its class.
fn ec2(operation: &str, input: &Value) -> Bucket {
    let everything = input.as_object().is_none_or(serde_json::Map::is_empty);
    let (burst, refill) = match operation {
        "DescribeSecurityGroups" | "DescribeNetworkInterfaces" if everything => (50.0, 10.0),
        "CreateTags" | "DeleteTags" => (100.0, 10.0),
        _ if operation.starts_with("Describe") => (100.0, 20.0),
        _ => (50.0, 5.0),
    };
    Bucket { name: format!("ec2 {operation}"), burst, refill, cost: 1.0 }
}

/// One bucket for all requests, one for each action, and one for the changes: an UPSERT counts as two, and so does what is
/// done to a hosted zone.
fn route53(operation: &str, input: &Value) -> Vec<Bucket> {
    let (burst, refill) = match operation {
        "CreateHealthCheck" => (50.0, 0.5),
        "DeleteHealthCheck" => (15.0, 3.0),
        "GetHealthCheckStatus" => (4.0, 1.0),
        "CreateHostedZone" => (40.0, 2.0),
        "DeleteHostedZone" => (40.0, 5.0),
        "AssociateVPCWithHostedZone" => (20.0, 5.0),
        "DisassociateVPCFromHostedZone" => (10.0, 5.0),
        _ => (50.0, 10.0),
    };
    let changes = input.pointer("/ChangeBatch/Changes").and_then(Value::as_array);
    let of = |change: &Value| if change["Action"] == "UPSERT" { 2.0 } else { 1.0 };
    let cost = match operation {
        "ChangeResourceRecordSets" => changes.into_iter().flatten().map(of).sum(),
        "CreateHostedZone" | "DeleteHostedZone" => 2.0,
        _ => 0.0,
    };
    vec![
        Bucket { name: "route53".to_owned(), burst: 50.0, refill: 10.0, cost: 1.0 },
        Bucket { name: format!("route53 {operation}"), burst, refill, cost: 1.0 },
        Bucket { name: "route53 changes".to_owned(), burst: 1500.0, refill: 100.0, cost },
    ]
}

fn ecs(operation: &str) -> Option<(&'static str, f64, f64)> {
    Some(match operation {
        "CreateCluster"
        | "DeleteCluster"
        | "PutClusterCapacityProviders"
        | "UpdateCluster"
        | "UpdateClusterSettings" => ("ecs cluster modify", 20.0, 1.0),
        "DescribeClusters" | "ListClusters" => ("ecs cluster read", 50.0, 20.0),
        "RegisterTaskDefinition" | "DeregisterTaskDefinition" => ("ecs task definition modify", 20.0, 1.0),
        "DescribeTaskDefinition" | "ListTaskDefinitions" | "ListTaskDefinitionFamilies" => {
            ("ecs task definition read", 50.0, 20.0)
        }
        "DeleteTaskDefinitions" => ("ecs task definition delete", 5.0, 1.0),
        "CreateCapacityProvider" | "DeleteCapacityProvider" | "UpdateCapacityProvider" => {
            ("ecs capacity provider modify", 10.0, 1.0)
        }
        "DescribeCapacityProviders" => ("ecs capacity provider read", 50.0, 20.0),
        "TagResource" | "UntagResource" => ("ecs tag modify", 20.0, 10.0),
        "ListTagsForResource" => ("ecs tag read", 50.0, 20.0),
        "PutAccountSetting" | "PutAccountSettingDefault" | "DeleteAccountSetting" => ("ecs setting modify", 10.0, 1.0),
        "ListAccountSettings" => ("ecs setting read", 50.0, 20.0),
        "RunTask" | "StartTask" | "StopTask" | "ExecuteCommand" => ("ecs cluster resource modify", 100.0, 40.0),
        "DescribeTasks" | "ListTasks" => ("ecs cluster resource read", 100.0, 20.0),
        // Those after the third are in no published group; they are counted with the calls they are like.
        "CreateService" | "UpdateService" | "DeleteService" | "StopServiceDeployment" | "ContinueServiceDeployment" => {
            ("ecs service modify", 50.0, 5.0)
        }
        "DescribeServices" | "ListServices" | "DescribeTaskSets" => ("ecs service read", 100.0, 20.0),
        "DescribeServiceDeployments" | "ListServiceDeployments" => ("ecs service deployment", 50.0, 20.0),
        "GetTaskProtection" | "UpdateTaskProtection" => ("ecs task protection", 200.0, 80.0),
        "DescribeServiceRevisions" => ("ecs service revision", 50.0, 20.0),
        "ListServicesByNamespace" => ("ecs cluster service resource read", 10.0, 1.0),
        _ => return None,
    })
}

/// The group of an action; that of the whole account is never smaller than any of them and is left out.
fn load_balancing(operation: &str) -> (&'static str, f64, f64) {
    match operation {
        "CreateLoadBalancer" | "SetSubnets" => ("elb resource-intensive", 10.0, 0.2),
        "RegisterTargets" | "DeregisterTargets" => ("elb registration", 20.0, 4.0),
        _ if operation.starts_with("Describe") => ("elb non-mutating", 40.0, 10.0),
        _ => ("elb mutating", 20.0, 3.0),
    }
}

fn logs(operation: &str) -> Option<(&'static str, f64, f64)> {
    Some(match operation {
        "CreateLogGroup" => ("logs CreateLogGroup", 10.0, 10.0),
        "DeleteLogGroup" => ("logs DeleteLogGroup", 10.0, 10.0),
        "DescribeLogGroups" => ("logs DescribeLogGroups", 10.0, 10.0),
        "PutRetentionPolicy" => ("logs PutRetentionPolicy", 5.0, 5.0),
        "DeleteRetentionPolicy" => ("logs DeleteRetentionPolicy", 5.0, 5.0),
        "TagResource" | "UntagResource" => ("logs TagResource", 5.0, 5.0),
        "ListTagsForResource" => ("logs ListTagsForResource", 5.0, 5.0),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::clock::later;

    fn cx(region: &str, now: Timestamp) -> Cx {
        let (account, principal) = ("1".to_owned(), String::new());
        Cx { now, region: region.to_owned(), account, principal, host: String::new(), request_id: String::new() }
    }

    /// How many calls pass at once, one after the other by these operations, and the code of the first that does not.
    fn passes(service: &str, operations: &[&str], region: &str) -> (usize, String) {
        let mut quotas = Quotas::default();
        quotas.enforce(true);
        let mut passed = 0;
        loop {
            let operation = operations[passed % operations.len()];
            match quotas.take(&cx(region, Timestamp::UNIX_EPOCH), service, operation, &json!({})) {
                Ok(()) => passed += 1,
                Err(refusal) => return (passed, format!("{} {}", refusal.http_status, refusal.code)),
            }
        }
    }

    #[test]
    fn what_aws_publishes_as_requests_a_second_passes_and_no_more() {
        for (service, operations, region, number, code) in [
            ("monitoring", &["PutMetricAlarm"][..], "eu-west-1", 3, "400 ThrottlingException"),
            ("monitoring", &["DescribeAlarms"], "eu-west-1", 9, "400 ThrottlingException"),
            ("secretsmanager", &["GetSecretValue", "DescribeSecret"], "eu-west-1", 10_000, "400 ThrottlingException"),
            ("secretsmanager", &["PutSecretValue", "UpdateSecret"], "eu-west-1", 50, "400 ThrottlingException"),
            (
                "ssm",
                &["GetParameter", "GetParameters", "GetParametersByPath"],
                "eu-west-1",
                40,
                "400 ThrottlingException",
            ),
            ("ssm", &["PutParameter"], "eu-west-1", 3, "400 ThrottlingException"),
            ("sts", &["AssumeRole", "GetCallerIdentity"], "eu-west-1", 600, "400 ThrottlingException"),
            ("events", &["PutRule", "PutTargets"], "eu-west-1", 50, "400 ThrottlingException"),
            ("events", &["PutEvents"], "eu-west-1", 10_000, "400 ThrottlingException"),
            ("events", &["PutEvents"], "eu-north-1", 600, "400 ThrottlingException"),
            ("ecr", &["PutImage"], "eu-west-1", 10, "400 ThrottlingException"),
            ("servicediscovery", &["DiscoverInstances"], "eu-west-1", 2000, "429 RequestLimitExceeded"),
            ("servicediscovery", &["DiscoverInstancesRevision"], "eu-west-1", 3000, "429 RequestLimitExceeded"),
        ] {
            assert_eq!(passes(service, operations, region), (number, code.to_owned()), "{service} {operations:?}");
        }
    }

    #[test]
    fn a_second_s_requests_are_back_a_second_later_and_other_regions_have_their_own() {
        let mut quotas = Quotas::default();
        quotas.enforce(true);
        let start = Timestamp::UNIX_EPOCH;
        let mut put = |region: &str, now| quotas.take(&cx(region, now), "ssm", "PutParameter", &json!({})).is_ok();
        assert_eq!([(); 4].map(|()| put("eu-west-1", start)), [true, true, true, false]);
        assert!(put("eu-west-2", start));
        let second = later(start, Duration::from_secs(1));
        assert_eq!([(); 4].map(|()| put("eu-west-1", second)), [true, true, true, false]);
    }

    #[test]
    fn what_is_unpublished_is_not_refused() {
        let mut quotas = Quotas::default();
        quotas.enforce(true);
        for (service, operation) in [
            ("iam", "GetRole"),
            ("servicediscovery", "RegisterInstance"),
            ("sts", "AssumeRoleWithWebIdentity"),
            ("application-autoscaling", "PutScalingPolicy"),
            ("ssm", "DescribeParameters"),
        ] {
            let all = (0..20_000)
                .all(|_| quotas.take(&cx("eu-west-1", Timestamp::UNIX_EPOCH), service, operation, &json!({})).is_ok());
            assert!(all, "{service}:{operation}");
        }
    }
}
