//! Cloud Map services as the sides of a migration are found in them, and the hosted zone of a name in front of both.

use std::time::Duration;

use aws_sdk_route53::types::Vpc;
use aws_sdk_servicediscovery::operation::discover_instances::DiscoverInstancesOutput;
use aws_sdk_servicediscovery::types::{HealthStatus, HealthStatusFilter, HttpInstanceSummary};
use landbridge_plan::cloud_map_export::{IPV4, IPV6, OWNER};
use landbridge_plan::traffic_migration::{CloudMapPlace, InstanceFacts, RegistryFacts, ZoneFacts};
use landbridge_plan::verdict::ErrorClass;

use crate::budget::Priority;
use crate::client::Aws;
use crate::describe::gone_is_none;
use crate::error::AwsError;
use crate::host::OwnHost;
use crate::operations as op;

/// Instances of a service, and the most that an answer holds; there are no pages («AWS Cloud Map quotas»).
const MOST: i32 = 1_000;

impl Aws {
    /// The Cloud Map service of a side with its instances, asked for now; none when it is not there. `age` is how old what
    /// changes seldom may be: records and tags.
    pub(crate) async fn registry(
        &self,
        place: &CloudMapPlace,
        age: Option<Duration>,
        priority: Priority,
    ) -> Result<Option<RegistryFacts>, AwsError> {
        let found = self.find_discovery_service(&place.namespace_id, &place.service, priority).await?;
        let Some(id) = found else { return Ok(None) };
        let Some(service) = self.discovery_service(&id, age, priority).await? else { return Ok(None) };
        let Some(namespace) = self.http_name(&place.namespace_id, priority).await? else { return Ok(None) };
        let call = || {
            let call = self.map().discover_instances().namespace_name(&namespace).service_name(&place.service);
            let call = call.health_status(HealthStatusFilter::All).max_results(MOST);
            call.customize().interceptor(OwnHost).send()
        };
        let answer = gone_is_none(self.call(op::DISCOVER_INSTANCES, priority, call).await.map(Some))?;
        let Some(answer) = answer else { return Ok(None) };
        let mut instances: Vec<_> = DiscoverInstancesOutput::instances(&answer).iter().map(instance).collect();
        // Cloud Map lists them in any order.
        instances.sort();
        Ok(Some(RegistryFacts { service, instances }))
    }

    /// A hosted zone; none when it is not there.
    pub(crate) async fn zone(&self, id: &str, priority: Priority) -> Result<Option<ZoneFacts>, AwsError> {
        let call = || self.dns().get_hosted_zone().id(id).send();
        let answer = match self.call(op::GET_HOSTED_ZONE, priority, call).await {
            Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
            other => other?,
        };
        let zone = answer.hosted_zone();
        Ok(Some(ZoneFacts {
            id: id.to_owned(),
            private: zone.and_then(|z| z.config()).is_some_and(aws_sdk_route53::types::HostedZoneConfig::private_zone),
            vpcs: answer.vpcs().iter().filter_map(Vpc::vpc_id).map(str::to_owned).collect(),
            made_by: zone.and_then(|z| z.linked_service()).and_then(|l| l.service_principal()).map(str::to_owned),
        }))
    }
}

fn instance(found: &HttpInstanceSummary) -> InstanceFacts {
    let attributes = found.attributes();
    let of = |key: &str| attributes.and_then(|a| a.get(key)).filter(|v| !v.is_empty()).cloned();
    InstanceFacts {
        id: found.instance_id().unwrap_or_default().to_owned(),
        address: of(IPV4).or_else(|| of(IPV6)).unwrap_or_default(),
        zone: of("AVAILABILITY_ZONE"),
        owner: of(OWNER),
        ecs: of("ECS_CLUSTER_NAME").zip(of("ECS_SERVICE_NAME")),
        // What nobody checks is UNKNOWN and answers as if it were well.
        healthy: !matches!(found.health_status(), Some(HealthStatus::Unhealthy)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_and_a_pod_are_told_apart_by_their_attributes() {
        let task = HttpInstanceSummary::builder()
            .instance_id("t1")
            .attributes(IPV4, "10.0.0.7")
            .attributes("ECS_CLUSTER_NAME", "prod")
            .attributes("ECS_SERVICE_NAME", "orders")
            .health_status(HealthStatus::Unhealthy)
            .build();
        let task = instance(&task);
        assert_eq!((task.ecs, task.owner, task.healthy), (Some(("prod".into(), "orders".into())), None, false));
        let pod = HttpInstanceSummary::builder().instance_id("p1").attributes(OWNER, "x/CloudMapExport/shop/orders");
        let pod = instance(&pod.build());
        assert_eq!((pod.ecs, pod.owner.as_deref(), pod.healthy), (None, Some("x/CloudMapExport/shop/orders"), true));
    }
}
