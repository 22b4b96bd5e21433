//! A model of AWS that is just good enough to ask: when a plan has been carried out, is there anything left to plan?
//!
//! It knows what each change does to what is observed next, including what AWS fills in by itself. It is written from the
//! API reference and shares nothing with the planner but the types.

use std::collections::BTreeMap;

use landbridge_api::v1alpha1::{CloudMapExport, CloudMapNamespace, EcsCluster, IamTaskRole, NamespaceType};
use serde_json::{Value, json};

use crate::change::{Body, Change, Tagged, Tags};
use crate::cloud_map_export::CloudMapExportObserved;
use crate::cloud_map_namespace::{CloudMapNamespaceObserved, NamespaceFacts};
use crate::ecs_cluster::{CapacityProviderFacts, ClusterFacts, EcsClusterObserved};
use crate::ecs_service::DiscoveryFacts;
use crate::iam_task_role::{AssociationFacts, IamTaskRoleObserved, RoleFacts};
use crate::kind::Kind;
use crate::plan::Plan;

/// A kind whose changes the model knows.
pub trait Modelled: Kind {
    /// What is observed after the change.
    fn apply(observed: &mut Self::Observed, change: &Change);
}

/// What is observed after every step of the plan, in the order in which they stand.
///
/// # Panics
/// A step stands before one that it must come after, or changes something that is not there.
#[track_caller]
pub fn apply<K: Modelled>(observed: &K::Observed, plan: &Plan) -> K::Observed {
    let mut observed = observed.clone();
    let mut done = Vec::new();
    for step in &plan.steps {
        if let Some(missing) = step.after.iter().find(|a| !done.contains(a)) {
            super::stop(&format!("step {} stands before {missing}, which it must come after", step.id));
        }
        K::apply(&mut observed, &step.change);
        done.push(&step.id);
    }
    observed
}

impl Modelled for EcsCluster {
    fn apply(observed: &mut EcsClusterObserved, change: &Change) {
        match change {
            Change::CreateCluster { name, body } => {
                let mut fields = body.clone();
                fields.remove("clusterName");
                let tags = tag_list(fields.remove("tags"), "key", "value");
                // An account setting decides what Container Insights is; ECS shows it on every cluster.
                fields
                    .entry("settings")
                    .or_insert_with(|| json!([{ "name": "containerInsights", "value": "disabled" }]));
                let mut cluster = ClusterFacts {
                    arn: format!("arn:aws:ecs:eu-central-1:{}:cluster/{name}", super::ACCOUNT_ID),
                    status: "ACTIVE".to_owned(),
                    tags,
                    ..ClusterFacts::default()
                };
                cluster_fields(&mut cluster, fields);
                observed.cluster = Some(cluster);
            }
            Change::UpdateCluster { body, .. } | Change::PutClusterCapacityProviders { body, .. } => {
                let mut body = body.clone();
                body.remove("cluster");
                cluster_fields(there(&mut observed.cluster), body);
            }
            Change::DeleteCluster { .. } => observed.cluster = None,
            Change::Tag { arn, set, remove, .. } => match arn.rsplit_once(":capacity-provider/") {
                Some((_, name)) => tag(&mut there(&mut observed.providers.get_mut(name)).tags, set, remove),
                None => tag(&mut there(&mut observed.cluster).tags, set, remove),
            },
            other => provider(&mut observed.providers, other),
        }
    }
}

/// Members that are not given stay.
fn merge(present: &mut Value, changed: &Value) {
    match (present, changed) {
        (Value::Object(present), Value::Object(changed)) => present.extend(changed.clone()),
        (present, changed) => present.clone_from(changed),
    }
}

/// Changes of capacity providers, all done at once.
fn provider(providers: &mut BTreeMap<String, CapacityProviderFacts>, change: &Change) {
    match change {
        Change::CreateCapacityProvider { name, body } => {
            let mut fields = body.clone();
            let tags = tag_list(fields.remove("tags"), "key", "value");
            let cluster = fields.remove("cluster").map(|c| text(Some(&c)));
            fields.remove("name");
            let made = CapacityProviderFacts {
                arn: format!("arn:aws:ecs:eu-central-1:{}:capacity-provider/{name}", super::ACCOUNT_ID),
                name: name.clone(),
                status: "ACTIVE".to_owned(),
                cluster,
                fields,
                tags,
                ..CapacityProviderFacts::default()
            };
            providers.insert(name.clone(), made);
        }
        Change::UpdateCapacityProvider { name, body } => {
            let mut present = providers.get_mut(name);
            let present = &mut there(&mut present).fields;
            for (kind, changed) in body.iter().filter(|(field, _)| field.ends_with("Provider")) {
                for (member, value) in changed.as_object().into_iter().flatten() {
                    merge(&mut present[kind][member], value);
                }
            }
        }
        Change::DeleteCapacityProvider { name, .. } => drop(providers.remove(name)),
        other => unknown(other),
    }
}

/// Sets fields the way ECS shows them afterwards.
fn cluster_fields(cluster: &mut ClusterFacts, fields: Body) {
    for (field, mut value) in fields {
        match field.as_str() {
            "serviceConnectDefaults" => {
                let name = value["namespace"].as_str().unwrap_or_default().to_owned();
                cluster.service_connect_namespace = (!name.is_empty()).then(|| name.clone());
                if name.is_empty() {
                    cluster.fields.remove(&field);
                    continue;
                }
                value["namespace"] = json!(format!("arn:aws:servicediscovery:eu-central-1:1:namespace/ns-{name}"));
            }
            "defaultCapacityProviderStrategy" => {
                for item in value.as_array_mut().into_iter().flatten() {
                    for number in ["weight", "base"] {
                        if item.get(number).is_none() {
                            item[number] = json!(0);
                        }
                    }
                }
            }
            _ => {}
        }
        cluster.fields.insert(field, value);
    }
}

impl Modelled for CloudMapNamespace {
    fn apply(observed: &mut CloudMapNamespaceObserved, change: &Change) {
        match change {
            Change::CreateNamespace { name, body } => {
                let type_: NamespaceType = match serde_json::from_value(body["Type"].clone()) {
                    Ok(type_) => type_,
                    Err(error) => super::stop(&error.to_string()),
                };
                let dns = type_ != NamespaceType::Http;
                observed.namespace = Some(NamespaceFacts {
                    id: "ns-1".to_owned(),
                    arn: "arn:aws:servicediscovery:eu-central-1:1:namespace/ns-1".to_owned(),
                    name: name.clone(),
                    type_,
                    description: text(body.get("Description")),
                    // Cloud Map chooses a TTL for a zone that asks for none.
                    soa_ttl: dns.then(|| ttl(body).unwrap_or(15)),
                    hosted_zone_id: dns.then(|| "Z1".to_owned()),
                    tags: tag_list(body.get("Tags").cloned(), "Key", "Value"),
                    service_count: 0,
                });
            }
            Change::UpdateNamespace { body, .. } => {
                let namespace = there(&mut observed.namespace);
                let fields = body["Namespace"].as_object().cloned().unwrap_or_default();
                if fields.contains_key("Description") {
                    namespace.description = text(fields.get("Description"));
                }
                namespace.soa_ttl = ttl(&fields).or(namespace.soa_ttl);
            }
            Change::DeleteNamespace { .. } => observed.namespace = None,
            Change::Tag { set, remove, .. } => tag(&mut there(&mut observed.namespace).tags, set, remove),
            other => unknown(other),
        }
    }
}

impl Modelled for CloudMapExport {
    fn apply(observed: &mut CloudMapExportObserved, change: &Change) {
        match change {
            Change::CreateDiscoveryService { name, body } => {
                let mut dns = body.get("DnsConfig").cloned();
                if let Some(Value::Object(dns)) = &mut dns {
                    dns.entry("RoutingPolicy").or_insert_with(|| "MULTIVALUE".into());
                }
                observed.service = Some(DiscoveryFacts {
                    id: "srv-1".to_owned(),
                    arn: "arn:aws:servicediscovery:eu-central-1:1:service/srv-1".to_owned(),
                    name: name.clone(),
                    namespace_id: text(body.get("NamespaceId")),
                    description: text(body.get("Description")),
                    dns_config: dns,
                    custom_health: body.contains_key("HealthCheckCustomConfig"),
                    tags: tag_list(body.get("Tags").cloned(), "Key", "Value"),
                    instances: Vec::new(),
                });
            }
            Change::UpdateDiscoveryService { body, .. } => {
                let service = there(&mut observed.service);
                service.description = text(body.get("Description"));
                match (&mut service.dns_config, body.get("DnsConfig")) {
                    (Some(dns), Some(changed)) => dns["DnsRecords"] = changed["DnsRecords"].clone(),
                    (dns, _) => *dns = None,
                }
            }
            Change::DeleteDiscoveryService { .. } => {
                if !observed.instances.is_empty() {
                    super::stop("ResourceInUse: instances are still registered");
                }
                observed.service = None;
            }
            Change::RegisterInstance { instance_id, attributes, .. } => {
                there(&mut observed.service);
                observed.instances.insert(instance_id.clone(), attributes.clone());
            }
            Change::DeregisterInstance { instance_id, .. } => drop(observed.instances.remove(instance_id)),
            Change::Tag { set, remove, .. } => tag(&mut there(&mut observed.service).tags, set, remove),
            other => unknown(other),
        }
    }
}

/// Changes of Pod Identity associations; says whether it was one.
fn association(observed: &mut IamTaskRoleObserved, change: &Change) -> bool {
    let key = |cluster: &str, namespace: &str, account: &str| format!("{cluster}/{namespace}/{account}");
    let set = |facts: &mut AssociationFacts, body: &Body| {
        let kept = |value: &Value| Some(value.clone()).filter(|v| *v != json!(""));
        for (member, value) in body {
            match member.as_str() {
                "roleArn" => facts.role_arn = text(Some(value)),
                "targetRoleArn" => facts.target_role_arn = kept(value).map(|v| text(Some(&v))),
                "disableSessionTags" => facts.disable_session_tags = value == &json!(true),
                "policy" => facts.policy = kept(value),
                other => super::stop(&format!("EKS knows no {other}")),
            }
        }
    };
    match change {
        Change::CreatePodIdentityAssociation { cluster, namespace, service_account, body, tags } => {
            if observed.role.is_none() {
                super::stop("InvalidParameterException: Role provided in the request does not exist.");
            }
            let name = key(cluster, namespace, service_account);
            let mut facts = AssociationFacts {
                arn: format!("arn:aws:eks:eu-central-1:1:podidentityassociation/{name}"),
                id: name.clone(),
                tags: tags.clone(),
                ..AssociationFacts::default()
            };
            set(&mut facts, body);
            if observed.associations.insert(name, facts).is_some() {
                super::stop("ResourceInUseException: Association already exists");
            }
        }
        Change::UpdatePodIdentityAssociation { id, body, .. } => {
            let mut present = observed.associations.get_mut(id);
            let found = there(&mut present);
            set(found, body);
        }
        Change::DeletePodIdentityAssociation { id, .. } => {
            let mut present = observed.associations.remove(id);
            there(&mut present);
        }
        Change::Tag { api: Tagged::Eks, arn, set, remove } => {
            let mut present = observed.associations.values_mut().find(|a| a.arn == *arn);
            tag(&mut there(&mut present).tags, set, remove);
        }
        _ => return false,
    }
    true
}

impl Modelled for IamTaskRole {
    fn apply(observed: &mut IamTaskRoleObserved, change: &Change) {
        if association(observed, change) {
            return;
        }
        if let Change::CreateRole { name, path, trust, body, tags } = change {
            observed.role = Some(RoleFacts {
                arn: format!("arn:aws:iam::{}:role{path}{name}", super::ACCOUNT_ID),
                id: "AROAEXAMPLE".to_owned(),
                name: name.clone(),
                path: path.clone(),
                description: text(body.get("Description")),
                max_session_duration: body["MaxSessionDuration"].as_i64().map_or(3600, |s| s as i32),
                trust: trust.clone(),
                permissions_boundary: body.get("PermissionsBoundary").map(|b| text(Some(b))),
                tags: tags.clone(),
                ..RoleFacts::default()
            });
            return;
        }
        if let Change::DeleteRole { .. } = change {
            if !observed.associations.is_empty() {
                super::stop("pods still take the role");
            }
            let role = there(&mut observed.role);
            if !role.policies.is_empty() || !role.managed_policies.is_empty() {
                super::stop("DeleteConflict: policies are still on the role");
            }
            observed.role = None;
            return;
        }
        let role = there(&mut observed.role);
        match change {
            Change::UpdateTrust { trust, .. } => role.trust = trust.clone(),
            Change::UpdateRole { description, max_session_duration, .. } => {
                role.description.clone_from(description);
                role.max_session_duration = *max_session_duration;
            }
            Change::SetBoundary { arn, .. } => role.permissions_boundary.clone_from(arn),
            Change::PutRolePolicy { name, document, .. } => {
                role.policies.insert(name.clone(), document.clone());
            }
            Change::DeleteRolePolicy { name, .. } => {
                role.policies.remove(name);
            }
            Change::AttachRolePolicy { arn, .. } => {
                role.managed_policies.insert(arn.clone());
            }
            Change::DetachRolePolicy { arn, .. } => {
                role.managed_policies.remove(arn);
            }
            Change::TagRole { set, remove, .. } => tag(&mut role.tags, set, remove),
            other => unknown(other),
        }
    }
}

fn ttl(body: &Body) -> Option<i64> {
    body.get("Properties")?["DnsProperties"]["SOA"]["TTL"].as_i64()
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn tag(tags: &mut Tags, set: &Tags, remove: &[String]) {
    tags.retain(|k, _| !remove.contains(k));
    tags.extend(set.clone());
}

fn tag_list(list: Option<Value>, key: &str, value: &str) -> Tags {
    let pairs = list.and_then(|l| l.as_array().cloned()).unwrap_or_default();
    pairs.iter().map(|t| (text(t.get(key)), text(t.get(value)))).collect::<BTreeMap<_, _>>()
}

#[track_caller]
fn there<T>(thing: &mut Option<T>) -> &mut T {
    match thing {
        Some(thing) => thing,
        None => super::stop("a change of something that is not there"),
    }
}

#[track_caller]
fn unknown(change: &Change) {
    super::stop(&format!("{} is not a change of this kind", change.operation()))
}
