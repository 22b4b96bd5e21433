//! Whether another cluster exports the same name otherwise, as the Multi-Cluster Services API understands it: a Service of another
//! type, or a port of another number under the same name. What is registered stays; callers would see a mixture.

use landbridge_api::v1alpha1::{CloudMapExport, ExportConflict};

use super::{CloudMapExportObserved, CloudMapExportResolved, Source, attributes};
use crate::change::Tags;

pub(super) fn of(
    object: &CloudMapExport,
    resolved: &CloudMapExportResolved,
    observed: &CloudMapExportObserved,
) -> Option<ExportConflict> {
    let Source::Found(exported) = &resolved.source else { return None };
    let (type_, port) = (attributes::service_type(exported), exported.port.to_string());
    let cluster_set = attributes::cluster_set(object);
    let owner = attributes::owner(object, &resolved.account);
    let of = |tags: &Tags, key: &str| tags.get(key).cloned().unwrap_or_default();
    let others = observed.instances.values().filter(|a| a.get(attributes::OWNER) != Some(&owner));
    let mut others = others.filter(|a| of(a, attributes::CLUSTER_SET) == cluster_set);
    others.find_map(|other| {
        let cluster = of(other, attributes::CLUSTER);
        let said = |reason: &str, what: String| {
            let message = format!("cluster {cluster} exports it {what}: make the two Services alike");
            Some(ExportConflict { reason: reason.to_owned(), message })
        };
        let (its_type, its_port) = (of(other, attributes::SERVICE_TYPE), of(other, attributes::SERVICE_PORT));
        if its_type != type_ {
            return said("TypeConflict", format!("as {its_type}, and this one is {type_}"));
        }
        let same_name = of(other, attributes::SERVICE_PORT_NAME) == *exported.port_name;
        (same_name && its_port != port)
            .then(|| said("PortConflict", format!("with port {its_port}, and this one has {port}")))?
    })
}
