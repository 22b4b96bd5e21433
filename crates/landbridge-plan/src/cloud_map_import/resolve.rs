//! References of a CloudMapImport: its source in AWS, and the Service of its name in Kubernetes.

use std::sync::Arc;

use landbridge_api::condition::{self, reason};
use landbridge_api::v1alpha1::{CloudMapImport, CloudMapSource};

use super::{CloudMapImportResolved, ImportedFrom, service_name};
use crate::account::{AccountTarget, account_for, allows, not_allowed};
use crate::cloud_map_namespace::name_in_cloud_map;
use crate::kind::Kind;
use crate::objects::Objects;
use crate::plan::Unmet;

pub(super) fn resolve(object: &CloudMapImport, objects: &dyn Objects) -> Result<CloudMapImportResolved, Unmet> {
    let (account, source) = source(object, objects)?;
    let (namespace, name) = (object.object_namespace(), service_name(object));
    let service = objects.kubernetes_service(namespace, &name)?;
    let slices = objects.endpoint_slices(namespace, &name)?;
    let asks = object.spec.service_import == Some(true);
    let made = object.stored().is_some_and(|s| s.service_import.is_some());
    let service_imports = (asks || made).then(|| objects.service_imports(namespace, &name)).transpose()?;
    Ok(CloudMapImportResolved { account, source, service, slices, service_imports })
}

fn source(object: &CloudMapImport, objects: &dyn Objects) -> Result<(Arc<AccountTarget>, ImportedFrom), Unmet> {
    let source = &object.spec.source;
    let found = match (&source.cloud_map, &source.ecs_service_ref) {
        (Some(source), None) => cloud_map(object, source, objects),
        (None, Some(reference)) => ecs(object, &reference.name, objects),
        _ => Err(Unmet::blocked(
            reason::INVALID_SPEC,
            "one of spec.source.cloudMap and spec.source.ecsServiceRef is required, and only one",
        )),
    };
    // What an import has made is in Kubernetes: it can go whatever became of the source.
    match found {
        Err(_) if object.is_deleting() => {
            let account = AccountTarget { installation: objects.installation(), ..AccountTarget::default() };
            Ok((Arc::new(account), ImportedFrom::Gone("it is being deleted".to_owned())))
        }
        found => found,
    }
}

/// Something that the import refers to does not exist. An import that has made its Service leads nobody there any more; for a
/// new one it may still arrive.
fn missing(
    object: &CloudMapImport,
    objects: &dyn Objects,
    message: String,
) -> Result<(Arc<AccountTarget>, ImportedFrom), Unmet> {
    if object.stored().is_none_or(|s| s.service.is_none()) {
        return Err(Unmet::missing(message));
    }
    let account = AccountTarget { installation: objects.installation(), ..AccountTarget::default() };
    Ok((Arc::new(account), ImportedFrom::Gone(message)))
}

fn cloud_map(
    object: &CloudMapImport,
    source: &CloudMapSource,
    objects: &dyn Objects,
) -> Result<(Arc<AccountTarget>, ImportedFrom), Unmet> {
    let reference = &source.namespace_ref.name;
    let Some(namespace) = objects.cloud_map_namespace(reference) else {
        let field = "spec.source.cloudMap.namespaceRef";
        let message =
            format!("{field} names CloudMapNamespace {reference}, which does not exist: create it, or name another");
        return missing(object, objects, message);
    };
    if !object.is_deleting() && !allows(objects, namespace.spec.allowed_namespaces.as_ref(), object.object_namespace())
    {
        return Err(not_allowed("CloudMapNamespace", reference, object.object_namespace()));
    }
    let account = account_for(objects, namespace.spec.account_ref.as_ref(), None)?;
    let status = namespace.status.as_ref();
    let ready = status.is_some_and(|s| condition::is_true(&s.common.conditions, condition::READY));
    let established = object.stored().is_some_and(|s| s.service.is_some());
    let Some(id) = status.and_then(|s| s.namespace_id.clone()).filter(|_| ready || established) else {
        let message = format!("CloudMapNamespace {reference} is not ready");
        return Err(Unmet::wait(reason::REFERENCE_NOT_READY, message));
    };
    let (namespace_name, service) = (name_in_cloud_map(&namespace), source.service.clone());
    Ok((account, ImportedFrom::CloudMap { namespace_id: id, namespace_name, service }))
}

fn ecs(
    object: &CloudMapImport,
    name: &str,
    objects: &dyn Objects,
) -> Result<(Arc<AccountTarget>, ImportedFrom), Unmet> {
    let namespace = object.object_namespace();
    let Some(service) = objects.ecs_service(namespace, name) else {
        let message = format!(
            "spec.source.ecsServiceRef names ECSService {namespace}/{name}, which does not exist: create it, or name another"
        );
        return missing(object, objects, message);
    };
    let resolved = service.resolve(objects)?;
    let counts = service.status.as_ref().map(|s| (s.running_count, s.desired_count, s.pending_count.unwrap_or(0)));
    let settled =
        counts.is_some_and(|(running, desired, pending)| running.is_some() && running == desired && pending == 0);
    Ok((resolved.account, ImportedFrom::Ecs { cluster: resolved.cluster, service: resolved.service, settled }))
}
