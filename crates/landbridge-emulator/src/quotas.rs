//! Request quotas as token buckets in virtual time.
//!
//! ECS: "Request throttling for the Amazon ECS API" (AmazonECS/latest/APIReference/request-throttling.html), per
//! account and region, shared by the actions of a group. CloudWatch Logs: "CloudWatch Logs quotas".
//! Route 53: "Throttling for Amazon Route 53 API requests" (Route53/latest/DeveloperGuide/throttling-api-requests.html), per
//! account, by requests and by changes. EC2: "Request throttling for the Amazon EC2 API" (ec2/devguide/ec2-api-throttling.html).
//! Elastic Load Balancing: "API request throttling" (elasticloadbalancing/latest/userguide/elb-api-throttling.html). IAM and Cloud Map
//! publish no numbers, so nothing is refused there.

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
        let buckets = buckets(service, operation, input);
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
            return Err(Refusal::throttled());
        }
        for bucket in &buckets {
            self.levels.entry(key(bucket)).and_modify(|(_, level)| *level -= bucket.cost);
        }
        Ok(())
    }
}

fn buckets(service: &str, operation: &str, input: &Value) -> Vec<Bucket> {
    match service {
        "route53" => return route53(operation, input),
        "ec2" => return vec![ec2(operation, input)],
        _ => {}
    }
    let Some((name, burst, refill)) = bucket(service, operation) else { return Vec::new() };
    vec![Bucket { name: name.to_owned(), burst, refill, cost: 1.0 }]
}

fn bucket(service: &str, operation: &str) -> Option<(&'static str, f64, f64)> {
    Some(match service {
        "ecs" => ecs(operation)?,
        "logs" => logs(operation)?,
        "elasticloadbalancing" => load_balancing(operation),
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
