//! Request quotas as token buckets in virtual time.
//!
//! ECS: "Request throttling for the Amazon ECS API" (AmazonECS/latest/APIReference/request-throttling.html), per
//! account and region, shared by the actions of a group. CloudWatch Logs: "CloudWatch Logs quotas".
//! Elastic Load Balancing: "API request throttling" (elasticloadbalancing/latest/userguide/elb-api-throttling.html). IAM and Cloud Map
//! publish no numbers, so nothing is refused there.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::clock::seconds_between;
use crate::refusal::Refusal;
use crate::world::Cx;

/// A group of actions that share `burst` tokens, refilled at `refill` per second.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bucket {
    name: &'static str,
    burst: f64,
    refill: f64,
}

#[derive(Debug, Default)]
pub(crate) struct Quotas {
    enforced: bool,
    levels: BTreeMap<(String, String, &'static str), (Timestamp, f64)>,
}

impl Quotas {
    pub(crate) fn enforce(&mut self, enforced: bool) {
        self.enforced = enforced;
        self.levels.clear();
    }

    pub(crate) fn enforced(&self) -> bool {
        self.enforced
    }

    /// Takes one token of the bucket this call belongs to, or refuses as AWS does.
    pub(crate) fn take(&mut self, cx: &Cx, service: &str, operation: &str) -> Result<(), Refusal> {
        if !self.enforced {
            return Ok(());
        }
        let Some(bucket) = bucket(service, operation) else { return Ok(()) };
        let key = (cx.account.clone(), cx.region.clone(), bucket.name);
        let (since, level) = self.levels.entry(key).or_insert((cx.now, bucket.burst));
        *level = (*level + seconds_between(*since, cx.now) * bucket.refill).min(bucket.burst);
        *since = cx.now;
        // A hair below one token counts as one: refill is summed in floating point.
        if *level < 1.0 - 1e-6 {
            return Err(Refusal::throttled());
        }
        *level -= 1.0;
        Ok(())
    }
}

fn bucket(service: &str, operation: &str) -> Option<Bucket> {
    let (name, burst, refill) = match service {
        "ecs" => ecs(operation)?,
        "logs" => logs(operation)?,
        "elasticloadbalancing" => load_balancing(operation),
        _ => return None,
    };
    Some(Bucket { name, burst, refill })
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
        "RunTask" | "StopTask" => ("ecs cluster resource modify", 100.0, 40.0),
        "DescribeTasks" | "ListTasks" => ("ecs cluster resource read", 100.0, 20.0),
        // Those after the third are in no published group; they are counted with the calls they are like.
        "CreateService" | "UpdateService" | "DeleteService" | "StopServiceDeployment" | "ContinueServiceDeployment" => {
            ("ecs service modify", 50.0, 5.0)
        }
        "DescribeServices" | "ListServices" | "DescribeTaskSets" => ("ecs service read", 100.0, 20.0),
        "DescribeServiceDeployments" | "ListServiceDeployments" => ("ecs service deployment", 50.0, 20.0),
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
