//! An ECS cluster.

use std::time::Duration;

use landbridge_api::v1alpha1::EcsCluster;
use landbridge_plan::ecs_cluster::{EcsClusterObserved, EcsClusterResolved};
use serde_json::Value;

use super::{DEAR, Freshness, Observe, priority};
use crate::client::Aws;
use crate::describe::RECENT;
use crate::error::AwsError;
use crate::round::Thing;

impl Observe for EcsCluster {
    async fn observe(
        &self,
        aws: &Aws,
        resolved: &EcsClusterResolved,
        freshness: Freshness,
    ) -> Result<EcsClusterObserved, AwsError> {
        let priority = priority(self, resolved);
        let age = freshness.at_most(RECENT).unwrap_or(Duration::ZERO);
        let mut cluster = aws.cluster(&resolved.name, age, priority).await?;
        // ECS shows the ARN of the default namespace; a spec usually gives its name.
        let wanted = self.spec.cluster.service_connect_defaults.as_ref().map(|d| d.namespace.as_str());
        if let Some(cluster) = &mut cluster
            && wanted.is_some_and(|name| !name.starts_with("arn:"))
            && let Some(id) = namespace_id(cluster.fields.get("serviceConnectDefaults"))
        {
            let namespace = aws.namespace(&id, freshness.at_most(DEAR), priority).await?;
            cluster.service_connect_namespace = namespace.map(|n| n.name);
        }
        Ok(EcsClusterObserved { cluster })
    }

    fn things(&self, resolved: &EcsClusterResolved) -> Vec<Thing> {
        vec![Thing::Cluster(resolved.name.clone())]
    }
}

/// The `ns-…` at the end of the namespace's ARN.
fn namespace_id(defaults: Option<&Value>) -> Option<String> {
    let arn = defaults?.get("namespace")?.as_str()?;
    arn.rsplit_once(":namespace/").map(|(_, id)| id.to_owned())
}
