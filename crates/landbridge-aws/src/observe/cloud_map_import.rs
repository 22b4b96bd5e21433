//! The source of an import: what Cloud Map has registered under a name, or the tasks of an ECS service.
//!
//! Cloud Map is asked for its revision, which costs next to nothing, and for the instances only when that moved; because it
//! does not move when health does (DiscoverInstancesRevision in the Cloud Map API reference), they are read anew twice a
//! minute in any case.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ecs::operation::describe_tasks::DescribeTasksOutput;
use aws_sdk_ecs::types::{Attachment, DesiredStatus, HealthStatus as TaskHealth, Task};
use aws_sdk_servicediscovery::operation::discover_instances::DiscoverInstancesOutput;
use aws_sdk_servicediscovery::types::{HealthStatus, HealthStatusFilter, HttpInstanceSummary};
use landbridge_api::v1alpha1::CloudMapImport;
use landbridge_plan::cloud_map_import::{
    CloudMapImportObserved, CloudMapImportResolved, ImportedEndpoint, ImportedFrom,
};
use landbridge_plan::token::is_token;
use landbridge_plan::verdict::ErrorClass;

use super::{DEAR, Freshness, Observe, priority};
use crate::budget::Priority;
use crate::client::Aws;
use crate::describe::gone_is_none;
use crate::error::AwsError;
use crate::host::OwnHost;
use crate::operations as op;

/// How old an answer may be that is used again in the same pass.
const JUST_NOW: Duration = Duration::from_secs(1);
/// How old the tasks of a settled service may be. That one has come or gone shows in the service's status, which wakes the
/// import; ECS's bucket for tasks is small and not only for imports.
const SETTLED: Duration = Duration::from_secs(15);
/// How often instances are read although the revision has not moved.
const HEALTH: Duration = Duration::from_secs(30);
/// Instances of a service, and the most that an answer holds; there are no pages («AWS Cloud Map quotas»).
const MOST: i32 = 1_000;
/// Tasks in a DescribeTasks call.
const TASKS: usize = 100;

/// What Cloud Map answered.
#[derive(Clone, Debug)]
pub(crate) struct Discovered {
    revision: Option<i64>,
    found: CloudMapImportObserved,
}

/// The tasks of a service as they were last seen.
#[derive(Clone, Debug)]
pub(crate) struct SeenTasks {
    /// Those that had not stopped.
    alive: Arc<Vec<String>>,
    /// Whether the service was settled then.
    settled: bool,
    found: CloudMapImportObserved,
}

impl Observe for CloudMapImport {
    async fn observe(
        &self,
        aws: &Aws,
        resolved: &CloudMapImportResolved,
        freshness: Freshness,
    ) -> Result<CloudMapImportObserved, AwsError> {
        let priority = priority(self, resolved);
        match &resolved.source {
            ImportedFrom::Gone(_) => Ok(CloudMapImportObserved::default()),
            ImportedFrom::CloudMap { namespace_id, .. } if is_token(namespace_id) => {
                Ok(CloudMapImportObserved::default())
            }
            ImportedFrom::CloudMap { namespace_id, service, .. } => {
                aws.discovered(namespace_id, service, freshness, priority).await
            }
            ImportedFrom::Ecs { cluster, service, settled } => {
                aws.tasks_as_endpoints(cluster, service, *settled, freshness, priority).await
            }
        }
    }
}

impl Aws {
    /// The name by which DiscoverInstances knows a namespace. It is another than the namespace's own where that was taken.
    pub(crate) async fn http_name(&self, namespace: &str, priority: Priority) -> Result<Option<String>, AwsError> {
        if let Some(known) = self.memory().http_names.get(namespace, DEAR) {
            return Ok(Some(known));
        }
        let call = || self.map().get_namespace().id(namespace).send();
        let Some(answer) = gone_is_none(self.call(op::GET_NAMESPACE, priority, call).await.map(Some))? else {
            return Ok(None);
        };
        let found = answer.namespace();
        let http = found.and_then(|n| n.properties()).and_then(|p| p.http_properties()).and_then(|p| p.http_name());
        let name = http.or_else(|| found.and_then(|n| n.name())).map(str::to_owned);
        if let Some(name) = &name {
            self.memory().http_names.put(namespace.to_owned(), name.clone());
        }
        Ok(name)
    }

    async fn discovered(
        &self,
        namespace: &str,
        service: &str,
        freshness: Freshness,
        priority: Priority,
    ) -> Result<CloudMapImportObserved, AwsError> {
        let key = (namespace.to_owned(), service.to_owned());
        let known = |age: Duration| freshness.at_most(age).and_then(|age| self.memory().discovered.get(&key, age));
        if let Some(known) = known(JUST_NOW) {
            return Ok(known.found);
        }
        let Some(name) = self.http_name(namespace, priority).await? else {
            return Ok(CloudMapImportObserved::default());
        };
        if let Some(known) = known(HEALTH).filter(|k| k.revision.is_some()) {
            let call = || {
                let call = self.map().discover_instances_revision().namespace_name(&name).service_name(service);
                call.customize().interceptor(OwnHost).send()
            };
            let now = gone_is_none(self.call(op::DISCOVER_INSTANCES_REVISION, priority, call).await.map(Some))?;
            if now.and_then(|answer| answer.instances_revision()) == known.revision {
                return Ok(known.found);
            }
        }
        let call = || {
            let call = self.map().discover_instances().namespace_name(&name).service_name(service);
            let call = call.health_status(HealthStatusFilter::All).max_results(MOST);
            call.customize().interceptor(OwnHost).send()
        };
        let answer = gone_is_none(self.call(op::DISCOVER_INSTANCES, priority, call).await.map(Some))?;
        let discovered = Discovered {
            revision: answer.as_ref().and_then(DiscoverInstancesOutput::instances_revision),
            found: CloudMapImportObserved {
                exists: answer.is_some(),
                endpoints: answer.iter().flat_map(DiscoverInstancesOutput::instances).filter_map(instance).collect(),
            },
        };
        self.memory().discovered.put(key, discovered.clone());
        Ok(discovered.found)
    }

    async fn tasks_as_endpoints(
        &self,
        cluster: &str,
        service: &str,
        settled: bool,
        freshness: Freshness,
        priority: Priority,
    ) -> Result<CloudMapImportObserved, AwsError> {
        let key = (cluster.to_owned(), service.to_owned());
        let before = self.memory().tasks.get(&key, Duration::MAX);
        if freshness == Freshness::Cached {
            let memory = &self.memory().tasks;
            let settled = settled.then(|| memory.get(&key, SETTLED)).flatten().filter(|seen| seen.settled);
            if let Some(known) = settled.or_else(|| memory.get(&key, JUST_NOW)) {
                return Ok(known.found);
            }
        }
        let Some(mut arns) = self.running_tasks(cluster, service, priority).await? else {
            return Ok(CloudMapImportObserved::default());
        };
        // A task that is told to stop is listed no more, and still answers for a while.
        arns.extend(before.iter().flat_map(|b| b.alive.iter().cloned()));
        arns.sort();
        arns.dedup();
        let mut found = CloudMapImportObserved { exists: true, endpoints: Vec::new() };
        let mut alive = Vec::new();
        for page in arns.chunks(TASKS) {
            let call = || self.ecs().describe_tasks().cluster(cluster).set_tasks(Some(page.to_vec())).send();
            let answer = gone_is_none(self.call(op::DESCRIBE_TASKS, priority, call).await.map(Some))?;
            let untold = answer.iter().flat_map(DescribeTasksOutput::failures).find(|f| f.reason() != Some("MISSING"));
            if let Some(failure) = untold {
                // What ECS cannot tell of just now is not gone.
                let reason = failure.reason().unwrap_or("no reason was given");
                let message = format!("AWS could not tell of all tasks of {service} ({reason}); it is asked again");
                return Err(AwsError::new(op::DESCRIBE_TASKS, ErrorClass::Transient, message));
            }
            for task in
                answer.iter().flat_map(DescribeTasksOutput::tasks).filter(|t| t.last_status() != Some("STOPPED"))
            {
                alive.extend(task.task_arn().map(str::to_owned));
                found.endpoints.extend(endpoints(task));
            }
        }
        self.memory().tasks.put(key, SeenTasks { alive: Arc::new(alive), settled, found: found.clone() });
        Ok(found)
    }

    /// ARNs of the tasks of a service that should run; none when there is no such service.
    async fn running_tasks(
        &self,
        cluster: &str,
        service: &str,
        priority: Priority,
    ) -> Result<Option<Vec<String>>, AwsError> {
        let (mut arns, mut token) = (Vec::new(), None);
        loop {
            let call = || {
                let call = self.ecs().list_tasks().cluster(cluster).service_name(service);
                call.desired_status(DesiredStatus::Running).set_next_token(token.clone()).send()
            };
            let found = gone_is_none(self.call(op::LIST_TASKS, priority, call).await.map(Some))?;
            let Some(answer) = found else { return Ok(None) };
            arns.extend_from_slice(answer.task_arns());
            token = answer.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(Some(arns));
            }
        }
    }
}

/// An instance with an address. One without (an alias, a CNAME) cannot be an endpoint.
fn instance(instance: &HttpInstanceSummary) -> Option<ImportedEndpoint> {
    let attributes = instance.attributes()?;
    let of = |key: &str| attributes.get(key).filter(|v| !v.is_empty());
    let address: IpAddr = of("AWS_INSTANCE_IPV4").or_else(|| of("AWS_INSTANCE_IPV6"))?.parse().ok()?;
    // What nobody checks is taken to be well. The AWS MCS controller and exports say by READY what their pods say.
    let is_well = !matches!(instance.health_status(), Some(HealthStatus::Unhealthy));
    let ready = is_well && of("READY").is_none_or(|ready| ready == "true");
    Some(ImportedEndpoint {
        address,
        port: of("AWS_INSTANCE_PORT").and_then(|p| p.parse().ok()),
        zone: of("AVAILABILITY_ZONE").cloned(),
        cluster: of("CLUSTER_ID").cloned().or_else(|| of("ECS_CLUSTER_NAME").map(|name| format!("ecs-{name}"))),
        ready,
        serving: ready,
        terminating: false,
    })
}

/// The addresses of a task: of its network interface in mode `awsvpc`, one for each family.
fn endpoints(task: &Task) -> Vec<ImportedEndpoint> {
    let interfaces = task.attachments().iter().filter(|a| a.r#type() == Some("ElasticNetworkInterface"));
    let details = interfaces.flat_map(Attachment::details);
    let addresses = details.filter(|d| matches!(d.name(), Some("privateIPv4Address" | "privateIPv6Address")));
    let is_running = task.last_status() == Some("RUNNING");
    let ends = task.desired_status() == Some("STOPPED");
    // Without a health check it is UNKNOWN for ever, and before the first check has passed it is so too.
    let is_well = !matches!(task.health_status(), Some(TaskHealth::Unhealthy));
    addresses
        .filter_map(|d| d.value()?.parse().ok())
        .filter(|_| is_running || ends)
        .map(|address| ImportedEndpoint {
            address,
            port: None,
            zone: task.availability_zone().map(str::to_owned),
            cluster: None,
            ready: is_running && !ends && is_well,
            serving: matches!(task.last_status(), Some("RUNNING" | "DEACTIVATING")) && is_well,
            terminating: ends,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::KeyValuePair;

    use super::*;

    fn task(last: &str, desired: &str, health: TaskHealth) -> Task {
        let address = KeyValuePair::builder().name("privateIPv4Address").value("10.0.0.7").build();
        let interface = Attachment::builder().r#type("ElasticNetworkInterface").details(address).build();
        let task = Task::builder().last_status(last).desired_status(desired).health_status(health);
        task.availability_zone("eu-central-1a").attachments(interface).build()
    }

    /// Ready, serving, terminating.
    fn state(task: &Task) -> Option<(bool, bool, bool)> {
        endpoints(task).first().map(|e| (e.ready, e.serving, e.terminating))
    }

    #[test]
    fn a_task_is_an_endpoint_from_running_to_stopped_and_says_when_it_ends() {
        assert_eq!(state(&task("PENDING", "RUNNING", TaskHealth::UnknownValue)), None);
        assert_eq!(state(&task("RUNNING", "RUNNING", TaskHealth::UnknownValue)), Some((true, true, false)));
        assert_eq!(state(&task("RUNNING", "RUNNING", TaskHealth::Unhealthy)), Some((false, false, false)));
        assert_eq!(state(&task("RUNNING", "STOPPED", TaskHealth::Healthy)), Some((false, true, true)));
        assert_eq!(state(&task("DEACTIVATING", "STOPPED", TaskHealth::Healthy)), Some((false, true, true)));
        assert_eq!(state(&task("STOPPING", "STOPPED", TaskHealth::Healthy)), Some((false, false, true)));
    }

    #[test]
    fn an_instance_is_ready_unless_its_health_or_its_own_word_says_no() {
        let of = |health: HealthStatus, extra: &[(&str, &str)]| {
            let mut built =
                HttpInstanceSummary::builder().health_status(health).attributes("AWS_INSTANCE_IPV4", "10.0.0.7");
            for (key, value) in extra {
                built = built.attributes(*key, *value);
            }
            instance(&built.build()).map(|e| (e.ready, e.port))
        };
        assert_eq!(of(HealthStatus::Healthy, &[("AWS_INSTANCE_PORT", "80")]), Some((true, Some(80))));
        assert_eq!(of(HealthStatus::UnknownValue, &[]), Some((true, None)));
        assert_eq!(of(HealthStatus::Unhealthy, &[("READY", "true")]), Some((false, None)));
        assert_eq!(of(HealthStatus::Healthy, &[("READY", "false")]), Some((false, None)));
        let alias = HttpInstanceSummary::builder().attributes("AWS_ALIAS_DNS_NAME", "lb.example.com").build();
        assert_eq!(instance(&alias), None);
    }
}
