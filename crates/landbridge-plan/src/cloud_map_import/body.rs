//! The objects as they are applied.

use landbridge_api::v1alpha1::{CloudMapImport, ImportType};
use serde_json::{Value, json};

use super::slices::{WantedSlice, protocol};
use super::{CloudMapImportResolved, service_import, service_name};
use crate::change::Body;
use crate::kind::Kind;
use crate::kubernetes::{Endpoint, EndpointPort, MANAGED_BY_LABEL, SERVICE_NAME_LABEL, annotations};
use crate::multi_cluster::{SERVICE_NAME, SOURCE_CLUSTER};
use crate::owner::Owner;
use crate::policy;

/// Who writes the slices. (A label's value has no slash.)
pub(super) const MANAGER: &str = "cloud-map-importer.landbridge.dev";

pub(super) fn metadata(object: &CloudMapImport, owner: &Owner, labels: &Value) -> Value {
    let mut metadata = json!({"annotations": annotations(owner), "labels": labels});
    // Kubernetes deletes what an owner reference names with its owner, which is not what Retain says.
    if let Some(uid) = object.metadata.uid.as_deref().filter(|_| !policy::retains(&object.spec.knobs)) {
        metadata["ownerReferences"] = json!([{
            "apiVersion": "landbridge.dev/v1alpha1",
            "kind": "CloudMapImport",
            "name": object.object_name(),
            "uid": uid,
            "controller": true,
            "blockOwnerDeletion": false,
        }]);
    }
    metadata
}

/// The UID that an owner reference should name.
pub(super) fn owner_uid(object: &CloudMapImport) -> Option<&str> {
    object.metadata.uid.as_deref().filter(|_| !policy::retains(&object.spec.knobs))
}

/// The Service: without a selector, so that Kubernetes leaves its slices to us.
pub(super) fn service(object: &CloudMapImport, resolved: &CloudMapImportResolved, owner: &Owner) -> Body {
    let spec = &object.spec.service;
    let ports: Vec<Value> = spec
        .ports
        .iter()
        .map(|p| {
            let mut port = json!({
                "port": p.port,
                "protocol": protocol(p),
                "targetPort": p.target_port.unwrap_or(p.port),
            });
            if let Some(name) = &p.name {
                port["name"] = json!(name);
            }
            if let Some(app) = &p.app_protocol {
                port["appProtocol"] = json!(app);
            }
            port
        })
        .collect();
    // The AWS MCS controller deletes Services that carry the label and whose source cluster it does not know.
    let labels = if service_import::is_written(object, resolved) {
        json!({SERVICE_NAME: service_name(object)})
    } else {
        json!({})
    };
    let mut body = json!({
        "metadata": metadata(object, owner, &labels),
        "spec": {"type": "ClusterIP", "ports": ports},
    });
    if spec.type_.unwrap_or_default() == ImportType::Headless {
        body["spec"]["clusterIP"] = "None".into();
    }
    body.as_object().cloned().unwrap_or_default()
}

/// A slice.
pub(super) fn slice(object: &CloudMapImport, owner: &Owner, wanted: &WantedSlice) -> Body {
    let service = service_name(object);
    let labels = json!({
        SERVICE_NAME_LABEL: service,
        MANAGED_BY_LABEL: MANAGER,
        SERVICE_NAME: service,
        SOURCE_CLUSTER: wanted.group.cluster,
    });
    let body = json!({
        "metadata": metadata(object, owner, &labels),
        "addressType": wanted.group.address_type(),
        "ports": wanted.group.ports.iter().map(port).collect::<Vec<_>>(),
        "endpoints": wanted.endpoints.iter().map(endpoint).collect::<Vec<_>>(),
    });
    body.as_object().cloned().unwrap_or_default()
}

fn port(port: &EndpointPort) -> Value {
    let mut value = json!({"name": port.name, "port": port.port, "protocol": port.protocol});
    if let Some(app) = &port.app_protocol {
        value["appProtocol"] = json!(app);
    }
    value
}

fn endpoint(endpoint: &Endpoint) -> Value {
    let Endpoint { address, ready, serving, terminating, zone, .. } = endpoint;
    let conditions = json!({"ready": ready, "serving": serving, "terminating": terminating});
    let mut value = json!({"addresses": [address], "conditions": conditions});
    if let Some(zone) = zone {
        value["zone"] = json!(zone);
    }
    value
}
