//! An ECS cluster, and the capacity providers that it has or should have.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::try_join_all;
use landbridge_api::v1alpha1::EcsCluster;
use landbridge_plan::ecs_cluster::{CapacityProviderFacts, ClusterFacts, EcsClusterObserved, EcsClusterResolved};
use landbridge_plan::kind::Kind as _;
use serde_json::Value;

use super::{DEAR, Freshness, Observe, priority};
use crate::budget::Priority;
use crate::client::Aws;
use crate::describe::{RECENT, is_of_aws};
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
        let providers = providers(self, aws, cluster.as_ref(), &resolved.name, age, priority).await?;
        Ok(EcsClusterObserved { cluster, providers })
    }

    fn things(&self, resolved: &EcsClusterResolved) -> Vec<Thing> {
        let defined = self.spec.capacity_provider_definitions.iter();
        let providers = defined.map(|d| Thing::CapacityProvider(d.name.clone()));
        std::iter::once(Thing::Cluster(resolved.name.clone())).chain(providers).collect()
    }
}

/// The capacity providers that the spec, the status and the cluster name.
async fn providers(
    object: &EcsCluster,
    aws: &Aws,
    cluster: Option<&ClusterFacts>,
    name: &str,
    age: Duration,
    priority: Priority,
) -> Result<BTreeMap<String, CapacityProviderFacts>, AwsError> {
    let defined = object.spec.capacity_provider_definitions.iter().map(|d| d.name.clone());
    let recorded = object.status.iter().flat_map(|s| s.capacity_providers.iter().map(|p| p.name.clone()));
    let shown = cluster.and_then(|c| c.fields.get("capacityProviders")).and_then(Value::as_array).into_iter().flatten();
    let shown = shown.filter_map(|n| n.as_str().map(str::to_owned));
    let mut names: BTreeSet<String> = defined.chain(recorded).chain(shown).filter(|n| !is_of_aws(n)).collect();
    // Those of Managed Instances keep a cluster from being deleted; without a status only the cluster knows them.
    if cluster.is_some() && !names.is_empty() && (object.is_deleting() || object.status.is_none()) {
        let own = aws.describe_capacity_providers(None, Some(name), priority).await?;
        names.extend(own.into_keys().filter(|n| !is_of_aws(n)));
    }
    let found = names.into_iter().map(|name| async move {
        let facts = aws.capacity_provider(&name, age, priority).await?;
        Ok::<_, AwsError>(facts.map(|facts| (name, facts)))
    });
    Ok(try_join_all(found).await?.into_iter().flatten().collect())
}

/// The `ns-…` at the end of the namespace's ARN.
fn namespace_id(defaults: Option<&Value>) -> Option<String> {
    let arn = defaults?.get("namespace")?.as_str()?;
    arn.rsplit_once(":namespace/").map(|(_, id)| id.to_owned())
}
