//! The Cloud Map service of an export, what is registered in it, and what is under way.
//!
//! The list of instances costs a call for a hundred of them. It is read when something is under way, and kept as long as
//! nothing is: what an export wants next it compares with what it wrote itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use landbridge_api::v1alpha1::CloudMapExport;
use landbridge_plan::change::Tags;
use landbridge_plan::cloud_map_export::{CloudMapExportObserved, CloudMapExportResolved};
use landbridge_plan::ecs_service::DiscoveryFacts;
use landbridge_plan::kind::Kind as _;
use landbridge_plan::token::is_token;

use super::{DEAR, Freshness, Observe, priority};
use crate::client::Aws;
use crate::error::AwsError;
use crate::round::Thing;

impl Observe for CloudMapExport {
    async fn observe(
        &self,
        aws: &Aws,
        resolved: &CloudMapExportResolved,
        freshness: Freshness,
    ) -> Result<CloudMapExportObserved, AwsError> {
        if resolved.nothing_in_aws || is_token(&resolved.target.namespace_id) {
            return Ok(CloudMapExportObserved::default());
        }
        let priority = priority(self, resolved);
        let dear = freshness.at_most(DEAR).filter(|_| !self.is_deleting());
        let Some(service) = service(self, aws, resolved, dear).await? else {
            return Ok(CloudMapExportObserved::default());
        };
        let known = dear.filter(|_| !aws.memory().in_flight.any(&service.id));
        let instances = match known.and_then(|age| aws.memory().instances.get(&service.id, age)) {
            Some(known) => BTreeMap::clone(&known),
            None => aws.listed_instances(&service.id, priority).await?,
        };
        let under_way = aws.instances_under_way(&service.id, &instances, priority).await?;
        Ok(CloudMapExportObserved { service: Some(service), instances, under_way })
    }

    fn things(&self, resolved: &CloudMapExportResolved) -> Vec<Thing> {
        let namespace = &resolved.target.namespace_id;
        let id = self.stored().and_then(|s| s.service_id.clone());
        let known = id.filter(|_| !resolved.nothing_in_aws && !is_token(namespace));
        known.into_iter().map(|id| Thing::DiscoveryService { namespace: namespace.clone(), id }).collect()
    }
}

/// The service whose ID is stored, if it still has the wanted name, else the one of that name.
async fn service(
    object: &CloudMapExport,
    aws: &Aws,
    resolved: &CloudMapExportResolved,
    age: Option<std::time::Duration>,
) -> Result<Option<DiscoveryFacts>, AwsError> {
    let (target, priority) = (&resolved.target, priority(object, resolved));
    if let Some(id) = object.stored().and_then(|s| s.service_id.as_deref())
        && let Some(found) = aws.discovery_service(id, age, priority).await?
        && found.name == target.name
    {
        return Ok(Some(found));
    }
    if target.namespace_id.is_empty() {
        return Ok(None);
    }
    match aws.find_discovery_service(&target.namespace_id, &target.name, priority).await? {
        Some(id) => aws.discovery_service(&id, age, priority).await,
        None => Ok(None),
    }
}

impl Aws {
    /// The attributes of every instance of a Cloud Map service, asked for now.
    pub(crate) async fn listed_instances(
        &self,
        service: &str,
        priority: crate::budget::Priority,
    ) -> Result<BTreeMap<String, Tags>, AwsError> {
        let instances = self.instances(service, priority).await?;
        self.memory().instances.put(service.to_owned(), Arc::new(instances.clone()));
        Ok(instances)
    }
}
