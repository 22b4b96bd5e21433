//! An ECS service and what hangs on it. What a pass must look at is the planner's to say (`lookups`); here it is
//! looked at with as few calls as will do: a service that only runs costs a share of a page and nothing else.

use std::time::Duration;

use futures::future::{try_join, try_join_all};
use landbridge_api::v1alpha1::EcsService;
use landbridge_plan::ecs_service::{
    DiscoveryFacts, EcsServiceObserved, EcsServiceResolved, LogGroupFacts, SHOWN_IN_REVISIONS, ServiceFacts, lookups,
};
use landbridge_plan::kind::Kind as _;
use landbridge_plan::token::is_token;

use super::{DEAR, Freshness, Observe, priority};
use crate::budget::Priority;
use crate::client::Aws;
use crate::describe::RECENT;
use crate::error::AwsError;
use crate::round::Thing;

impl Observe for EcsService {
    async fn observe(
        &self,
        aws: &Aws,
        resolved: &EcsServiceResolved,
        freshness: Freshness,
    ) -> Result<EcsServiceObserved, AwsError> {
        if resolved.nothing_in_aws {
            return Ok(EcsServiceObserved::default());
        }
        // On the heap: many passes wait at the same time, and most of what one may need it does not.
        Box::pin(Look { object: self, aws, resolved, freshness, priority: priority(self, resolved) }.everything()).await
    }

    /// The service itself is swept.
    fn things(&self, resolved: &EcsServiceResolved) -> Vec<Thing> {
        if resolved.nothing_in_aws {
            return Vec::new();
        }
        let target = resolved.discovery.as_ref().filter(|t| !is_token(&t.namespace_id));
        let id = self.stored().and_then(|s| s.discovery.as_ref()).map(|d| d.service_id.clone());
        let named = target.zip(id).map(|(t, id)| Thing::DiscoveryService { namespace: t.namespace_id.clone(), id });
        named.into_iter().chain(lookups::log_group(self, resolved).map(Thing::LogGroup)).collect()
    }
}

/// One look at one object.
pub(super) struct Look<'a> {
    pub(super) object: &'a EcsService,
    pub(super) aws: &'a Aws,
    pub(super) resolved: &'a EcsServiceResolved,
    pub(super) freshness: Freshness,
    pub(super) priority: Priority,
}

impl Look<'_> {
    async fn everything(self) -> Result<EcsServiceObserved, AwsError> {
        let Look { object, aws, resolved, priority, .. } = self;
        let (services, rest) =
            try_join(try_join(self.service(), self.replaced()), try_join(self.discovery(), self.log_group())).await?;
        let mut observed = EcsServiceObserved {
            service: services.0,
            replaced: services.1,
            discovery: rest.0.0,
            left_discovery: rest.0.1,
            log_group: rest.1,
            ..EcsServiceObserved::default()
        };
        observed.task_definition = self.task_definition(&observed).await?;
        let retired = lookups::retired(object, &observed);
        let retired = try_join_all(retired.iter().map(|arn| self.retired(arn))).await?;
        observed.retired = retired.into_iter().flatten().collect();
        if let Some(arn) = lookups::deployment(object, resolved, &observed) {
            observed.deployment = aws.service_deployment(&arn, priority).await?;
        }
        if let Some(service) = observed.service.as_ref().filter(|_| lookups::tasks_fail(&observed)) {
            let of = lookups::failing_deployments(&observed);
            let of = of.as_deref();
            observed.failure = aws.task_failure(&resolved.cluster, &resolved.service, service, of, priority).await?;
        }
        Ok(observed)
    }

    fn recent(&self) -> Duration {
        self.freshness.at_most(RECENT).unwrap_or(Duration::ZERO)
    }

    /// Dearer things must be new when they are about to go.
    fn dear(&self) -> Option<Duration> {
        self.freshness.at_most(DEAR).filter(|_| !self.object.is_deleting())
    }

    async fn service(&self) -> Result<Option<ServiceFacts>, AwsError> {
        let (cluster, name) = (&self.resolved.cluster, &self.resolved.service);
        let mut service = self.aws.service(cluster, name, self.recent(), self.priority).await?;
        if let Some(service) = &mut service {
            self.fill_in_from_revision(service).await?;
        }
        Ok(service)
    }

    /// Some members are shown by the service revision only, which is read when the spec speaks of them or spoke of them.
    async fn fill_in_from_revision(&self, service: &mut ServiceFacts) -> Result<(), AwsError> {
        let fields = &self.object.spec.service;
        let stored = self.object.stored().is_some_and(|s| !s.shown_in_revision.is_empty());
        let speaks = stored || fields.monitoring.is_some() || !fields.gateway_connectors.is_empty();
        let Some(arn) = service.current_service_revisions.first().filter(|_| speaks) else { return Ok(()) };
        let found = self.aws.revision_fields(arn, self.priority).await?.unwrap_or_default();
        let shown = found.into_iter().filter(|(name, _)| SHOWN_IN_REVISIONS.contains(&name.as_str()));
        service.fields.extend(shown);
        Ok(())
    }

    async fn replaced(&self) -> Result<Option<ServiceFacts>, AwsError> {
        let Some(arn) = lookups::replaced(self.object, self.resolved) else { return Ok(None) };
        let resource = arn.rsplit(':').next().unwrap_or_default();
        let ["service", cluster, name] = resource.split('/').collect::<Vec<_>>()[..] else { return Ok(None) };
        self.aws.service(cluster, name, self.recent(), self.priority).await
    }

    /// The wanted Cloud Map service, and the one that was managed before if it is another.
    async fn discovery(&self) -> Result<(Option<DiscoveryFacts>, Option<DiscoveryFacts>), AwsError> {
        let wanted = self.wanted_discovery().await?;
        let left = lookups::left_discovery(self.object).filter(|id| wanted.as_ref().is_none_or(|w| w.id != *id));
        let mut left = match left {
            Some(id) => self.aws.discovery_service(&id, None, self.priority).await?,
            None => None,
        };
        if let Some(left) = &mut left {
            left.instances = self.aws.instances(&left.id, self.priority).await?.into_keys().collect();
        }
        Ok((wanted, left))
    }

    async fn wanted_discovery(&self) -> Result<Option<DiscoveryFacts>, AwsError> {
        let Some(target) = self.resolved.discovery.as_ref().filter(|t| !is_token(&t.namespace_id)) else {
            return Ok(None);
        };
        let stored = self.object.stored().and_then(|s| s.discovery.as_ref()).map(|d| d.service_id.as_str());
        let mut found = None;
        if let Some(id) = stored {
            found = self.aws.discovery_service(id, self.dear(), self.priority).await?;
        }
        let is_wanted = |f: &DiscoveryFacts| f.name == target.name && f.namespace_id == target.namespace_id;
        if !found.as_ref().is_some_and(is_wanted) {
            let id = self.aws.find_discovery_service(&target.namespace_id, &target.name, self.priority).await?;
            found = match id {
                Some(id) => self.aws.discovery_service(&id, self.dear(), self.priority).await?,
                None => None,
            };
        }
        if let Some(found) = found.as_mut().filter(|_| self.object.is_deleting()) {
            found.instances = self.aws.instances(&found.id, self.priority).await?.into_keys().collect();
        }
        Ok(found)
    }

    async fn log_group(&self) -> Result<Option<LogGroupFacts>, AwsError> {
        let Some(name) = lookups::log_group(self.object, self.resolved) else { return Ok(None) };
        self.aws.log_group(&name, self.dear(), self.priority).await
    }
}
