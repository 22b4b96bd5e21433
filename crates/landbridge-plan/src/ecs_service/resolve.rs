//! References of an ECSService: its cluster, the account behind it, roles and the Cloud Map namespace.
//!
//! A referenced object that is not ready stops a service that is not there yet. A service that is there keeps being
//! looked after as long as the reference can still be named, so that one bad object does not make a hundred unready.

use std::sync::Arc;

use landbridge_api::common::LocalRef;
use landbridge_api::condition::{self, reason};
use landbridge_api::v1alpha1::{EcsCluster, EcsService, EcsServiceStatus, ServiceDefaults};

use super::lookups::may_have_registered;
use super::{DiscoveryTarget, EcsServiceResolved};
use crate::account::{AccountTarget, account_for, allows, not_allowed};
use crate::kind::Kind;
use crate::objects::Objects;
use crate::plan::Unmet;
use crate::{policy, token};

/// Resolves the references.
pub(super) fn resolve(object: &EcsService, objects: &dyn Objects) -> Result<EcsServiceResolved, Unmet> {
    let name = &object.spec.cluster_ref.name;
    let Some(cluster) = objects.ecs_cluster(name) else { return without_cluster(object) };
    let namespace = object.object_namespace();
    let deleting = object.is_deleting();
    if !deleting && !allows(objects, cluster.spec.allowed_namespaces.as_ref(), namespace) {
        return Err(not_allowed("ECSCluster", name, namespace));
    }
    let account = account_for(objects, cluster.spec.account_ref.as_ref(), None)?;
    let established = deleting || object.stored().is_some_and(|s| s.service_arn.is_some());
    let ready = condition::is_true(cluster.status.as_ref().map_or(&[], |s| &s.common.conditions), condition::READY);
    let named = cluster.status.as_ref().is_some_and(|s| s.cluster_arn.is_some());
    let usable = ready || (established && named);
    if !deleting && !usable {
        let status = cluster.status.as_ref().map(|s| &s.common);
        return Err(not_ready("ECSCluster", name, status));
    }
    let service = object.spec.service_name.clone().unwrap_or_else(|| object.object_name().to_owned());
    let cx = Context { object, objects, account: &account, established };
    Ok(EcsServiceResolved {
        cluster: cluster.spec.cluster_name.clone().unwrap_or_else(|| name.clone()),
        defaults: defaults(&cluster),
        task_role_arn: cx.role(object.spec.task_role_ref.as_ref(), "taskRoleRef")?,
        execution_role_arn: cx.role(object.spec.execution_role_ref.as_ref(), "executionRoleRef")?,
        discovery: cx.discovery(&service)?,
        service,
        nothing_in_aws: false,
        account,
    })
}

/// The cluster's service defaults; where they say nothing of capacity, the cluster's default strategy does.
fn defaults(cluster: &EcsCluster) -> ServiceDefaults {
    let mut defaults = cluster.spec.service_defaults.clone().unwrap_or_default();
    let strategy = &cluster.spec.cluster.default_capacity_provider_strategy;
    if defaults.launch_type.is_none() && defaults.capacity_provider_strategy.is_none() && !strategy.is_empty() {
        defaults.capacity_provider_strategy = Some(strategy.clone());
    }
    defaults
}

fn without_cluster(object: &EcsService) -> Result<EcsServiceResolved, Unmet> {
    let name = &object.spec.cluster_ref.name;
    if !object.is_deleting() {
        return Err(Unmet::missing(format!(
            "spec.clusterRef names ECSCluster {name}, which does not exist: create it, or name another"
        )));
    }
    let begun = || may_have_registered(object).then(|| "what may have been made in AWS".to_owned());
    let recorded = object.stored().and_then(recorded).or_else(begun);
    if let Some(what) = recorded.filter(|_| !policy::retains(&object.spec.knobs)) {
        return Err(Unmet::blocked(
            reason::REFERENCE_NOT_FOUND,
            format!(
                "ECSCluster {name} does not exist, so {what} cannot be deleted: create ECSCluster {name} again, or set \
                 spec.deletionPolicy to Retain to leave everything in AWS as it is"
            ),
        ));
    }
    Ok(EcsServiceResolved {
        account: Arc::new(AccountTarget::default()),
        cluster: name.clone(),
        service: object.spec.service_name.clone().unwrap_or_else(|| object.object_name().to_owned()),
        defaults: ServiceDefaults::default(),
        task_role_arn: None,
        execution_role_arn: None,
        discovery: None,
        nothing_in_aws: true,
    })
}

/// Something that the status says was made, or was about to be.
fn recorded(status: &EcsServiceStatus) -> Option<String> {
    let service = status.service_arn.iter().chain(&status.replaced).next().map(|arn| format!("ECS service {arn}"));
    let discovery = status.discovery.iter().chain(&status.replaced_discovery).next();
    service
        .or_else(|| discovery.map(|d| format!("Cloud Map service {}", d.service_id)))
        .or_else(|| status.log_group.as_ref().map(|g| format!("log group {g}")))
        .or_else(|| status.revisions.first().map(|r| format!("task definition {}", r.arn)))
        .or_else(|| status.task_definition.as_ref().map(|_| "what was made in AWS".to_owned()))
}

fn not_ready(kind: &str, name: &str, status: Option<&landbridge_api::common::CommonStatus>) -> Unmet {
    let ready = status.and_then(|s| condition::find(&s.conditions, condition::READY));
    let why =
        ready.map_or_else(|| "it has not been reconciled yet".to_owned(), |c| format!("{}: {}", c.reason, c.message));
    Unmet::wait(reason::REFERENCE_NOT_READY, format!("{kind} {name} is not ready ({why})"))
}

struct Context<'a> {
    object: &'a EcsService,
    objects: &'a dyn Objects,
    account: &'a AccountTarget,
    established: bool,
}

impl Context<'_> {
    fn role(&self, reference: Option<&LocalRef>, field: &str) -> Result<Option<String>, Unmet> {
        let Some(reference) = reference.filter(|_| !self.object.is_deleting()) else { return Ok(None) };
        let (namespace, name) = (self.object.object_namespace(), &reference.name);
        let Some(role) = self.objects.iam_task_role(namespace, name) else {
            return Err(Unmet::missing(self.no_role(name, field)));
        };
        let status = role.status.as_ref();
        let ready = status.is_some_and(|s| condition::is_true(&s.common.conditions, condition::READY));
        let arn = status.and_then(|s| s.role_arn.clone()).filter(|_| ready || self.established);
        let Some(arn) = arn else { return Err(not_ready("IAMTaskRole", name, status.map(|s| &s.common))) };
        self.same_account(&format!("IAMTaskRole {name}"), &arn, false)?;
        Ok(Some(arn))
    }

    fn no_role(&self, name: &str, field: &str) -> String {
        let namespace = self.object.object_namespace();
        let elsewhere = self.objects.namespaces_with_iam_task_role(name);
        let advice = match elsewhere.as_slice() {
            [] => "create it".to_owned(),
            some => format!(
                "there is one in namespace {}, but references do not cross namespaces: create it here",
                some.join(", ")
            ),
        };
        format!("spec.{field} names IAMTaskRole {namespace}/{name}, which does not exist: {advice}")
    }

    fn discovery(&self, service: &str) -> Result<Option<DiscoveryTarget>, Unmet> {
        let Some(spec) = &self.object.spec.service_discovery else { return Ok(None) };
        let (name, namespace) = (&spec.namespace_ref.name, self.object.object_namespace());
        let deleting = self.object.is_deleting();
        let Some(found) = self.objects.cloud_map_namespace(name) else {
            if deleting {
                return Ok(None);
            }
            return Err(Unmet::missing(format!(
                "spec.serviceDiscovery.namespaceRef names CloudMapNamespace {name}, which does not exist: create it, or name \
                 another"
            )));
        };
        if !deleting && !allows(self.objects, found.spec.allowed_namespaces.as_ref(), namespace) {
            return Err(not_allowed("CloudMapNamespace", name, namespace));
        }
        let status = found.status.as_ref();
        let ready = status.is_some_and(|s| condition::is_true(&s.common.conditions, condition::READY));
        let id = status.and_then(|s| s.namespace_id.clone()).filter(|_| ready || self.established);
        let Some(namespace_id) = id else {
            if deleting {
                return Ok(None);
            }
            return Err(not_ready("CloudMapNamespace", name, status.map(|s| &s.common)));
        };
        if let Some(arn) = status.and_then(|s| s.namespace_arn.as_ref()).filter(|_| !deleting) {
            self.same_account(&format!("CloudMapNamespace {name}"), arn, true)?;
        }
        let name = super::discovery::name(self.object, service);
        Ok(Some(DiscoveryTarget { namespace_id, namespace_type: found.spec.type_, name }))
    }

    /// Refuses a reference to something in another account, or where it matters in another Region.
    fn same_account(&self, what: &str, arn: &str, regional: bool) -> Result<(), Unmet> {
        if token::is_token(arn) {
            return Ok(());
        }
        let mut parts = arn.split(':').skip(3);
        let (region, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let here = self.account;
        if account == here.account_id && (!regional || region == here.region) {
            return Ok(());
        }
        let place = if regional { format!("account {account}, Region {region}") } else { format!("account {account}") };
        let cluster = &self.object.spec.cluster_ref.name;
        Err(Unmet::blocked(
            reason::INVALID_SPEC,
            format!(
                "{what} is in {place}, and ECSCluster {cluster} is in account {}, Region {}: both must be in the same",
                here.account_id, here.region
            ),
        ))
    }
}
