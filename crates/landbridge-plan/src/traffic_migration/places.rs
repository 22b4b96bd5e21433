//! Where callers find the sides in Cloud Map: an ECSService by its `serviceDiscovery`, a Kubernetes Service by its
//! CloudMapExport.

use landbridge_api::v1alpha1::{CloudMapExport, CloudMapNamespace, MigrationSide, NamespaceType, TrafficMigration};
use serde::Serialize;

use super::{Side, SideKind, ratio};
use crate::account::{AccountTarget, account_for};
use crate::cloud_map_export;
use crate::cloud_map_namespace::name_in_cloud_map;
use crate::kind::Kind;
use crate::objects::Objects;

/// A Cloud Map service as a side is found in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CloudMapPlace {
    /// `ns-…`.
    pub namespace_id: String,
    /// Name of the namespace.
    pub namespace: String,
    /// Type of the namespace.
    pub namespace_type: NamespaceType,
    /// VPC of a private namespace.
    pub vpc: Option<String>,
    /// Name of the service.
    pub service: String,
    /// The CloudMapExport that registers the side's pods.
    pub export: Option<ExportPlace>,
}

/// The export of a Kubernetes Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExportPlace {
    /// Its name.
    pub name: String,
    /// What its instances carry as their owner.
    pub owner: String,
    /// Whether it is being deleted.
    #[serde(skip)]
    pub is_going: bool,
    /// Whether another migration would say how many pods it registers if this one went.
    #[serde(skip)]
    pub has_other: bool,
}

impl CloudMapPlace {
    /// `orders.ecs.internal`.
    pub fn dns_name(&self) -> String {
        format!("{}.{}", self.service, self.namespace.trim_end_matches('.')).to_ascii_lowercase()
    }

    /// Whether both are the same Cloud Map service.
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.namespace_id, &self.service) == (&other.namespace_id, &other.service)
    }
}

/// Finds the place of a side, or says in `missing` why there is none.
pub(super) fn find(
    object: &TrafficMigration,
    objects: &dyn Objects,
    account: &AccountTarget,
    wanted: &MigrationSide,
    side: &mut Side,
) {
    let found = match &side.kind {
        // Target groups mean nothing here.
        SideKind::Ecs { service, .. } => {
            side.missing = None;
            of_tasks(object, objects, account, wanted, service)
        }
        SideKind::Kubernetes { .. } => of_pods(object, objects, account, wanted),
    };
    match found {
        Ok(place) => side.cloud_map = Some(place),
        Err(why) => side.missing = Some(side.missing.take().map_or(why.clone(), |first| format!("{first}; {why}"))),
    }
}

fn of_tasks(
    object: &TrafficMigration,
    objects: &dyn Objects,
    account: &AccountTarget,
    wanted: &MigrationSide,
    service: &str,
) -> Result<CloudMapPlace, String> {
    let namespace = object.object_namespace();
    let name = wanted.ecs_service_ref.as_ref().map_or("", |r| r.name.as_str());
    let found = objects.ecs_service(namespace, name);
    let Some(discovery) = found.as_ref().and_then(|s| s.spec.service_discovery.as_ref()) else {
        return Err(format!("ECSService {namespace}/{name} is not in Cloud Map: give it spec.serviceDiscovery"));
    };
    let in_cloud_map = namespace_of(objects, account, &discovery.namespace_ref.name)?;
    let service = discovery.name.clone().unwrap_or_else(|| service.to_owned());
    Ok(place(&in_cloud_map, service, None))
}

fn of_pods(
    object: &TrafficMigration,
    objects: &dyn Objects,
    account: &AccountTarget,
    wanted: &MigrationSide,
) -> Result<CloudMapPlace, String> {
    let namespace = object.object_namespace();
    let service = wanted.kubernetes_service.as_ref().map_or("", |k| k.name.as_str());
    let all = objects.cloud_map_exports(namespace);
    let of_service: Vec<_> = all.iter().filter(|e| e.spec.service_ref.name == service).collect();
    let named = wanted.cloud_map_export_ref.as_ref().map(|r| &r.name);
    let chosen: Vec<_> =
        of_service.iter().filter(|e| named.is_none_or(|n| e.metadata.name.as_ref() == Some(n))).collect();
    let export: &CloudMapExport = match (chosen.as_slice(), named) {
        ([only], _) => only,
        ([], Some(name)) => {
            return Err(format!(
                "Service {namespace}/{service} has no CloudMapExport {name}: create it, or name another"
            ));
        }
        ([], None) => {
            return Err(format!("Service {namespace}/{service} is not in Cloud Map: create a CloudMapExport of it"));
        }
        (several, _) => {
            let names: Vec<&str> = several.iter().map(|e| e.object_name()).collect();
            return Err(format!(
                "Service {namespace}/{service} has the CloudMapExports {}: say which in cloudMapExportRef",
                names.join(", ")
            ));
        }
    };
    let in_cloud_map = namespace_of(objects, account, &export.spec.namespace_ref.name)?;
    let place_of_export = ExportPlace {
        name: export.object_name().to_owned(),
        owner: cloud_map_export::owner(export, account),
        is_going: export.is_deleting(),
        has_other: ratio::has_other(object, export, objects),
    };
    Ok(place(&in_cloud_map, cloud_map_export::name(export), Some(place_of_export)))
}

fn namespace_of(
    objects: &dyn Objects,
    account: &AccountTarget,
    name: &str,
) -> Result<std::sync::Arc<CloudMapNamespace>, String> {
    let Some(found) = objects.cloud_map_namespace(name) else {
        return Err(format!("CloudMapNamespace {name} does not exist: create it"));
    };
    if found.status.as_ref().is_none_or(|s| s.namespace_id.is_none()) {
        return Err(format!("CloudMapNamespace {name} is not ready: see its condition Ready"));
    }
    match account_for(objects, found.spec.account_ref.as_ref(), None) {
        Ok(its) if its.shard() == account.shard() => Ok(found),
        Ok(_) => Err(format!(
            "CloudMapNamespace {name} is in another account or Region than the ECS side: both sides must be in one"
        )),
        Err(_) => Err(format!("the account of CloudMapNamespace {name} is not ready")),
    }
}

fn place(namespace: &CloudMapNamespace, service: String, export: Option<ExportPlace>) -> CloudMapPlace {
    CloudMapPlace {
        namespace_id: namespace.status.as_ref().and_then(|s| s.namespace_id.clone()).unwrap_or_default(),
        namespace: name_in_cloud_map(namespace),
        namespace_type: namespace.spec.type_,
        vpc: namespace.spec.vpc.clone(),
        service,
        export,
    }
}
