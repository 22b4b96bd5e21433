//! Pod identity associations: which role the pods of a service account take. Source: CreatePodIdentityAssociation,
//! UpdatePodIdentityAssociation, PodIdentityAssociation and "EKS Pod Identity quotas".

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::cluster::{self, Cluster};
use super::{Eks, in_use, not_found, page, tags};
use crate::identifier;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

/// "Up to 5,000 EKS Pod Identity associations per cluster", while quotas are enforced.
const PER_CLUSTER: usize = 5000;

#[derive(Debug, Clone)]
pub(super) struct Association {
    pub(super) arn: String,
    pub(super) id: String,
    number: u64,
    pub(super) namespace: String,
    pub(super) service_account: String,
    /// What can be changed: `roleArn`, `targetRoleArn`, `disableSessionTags`, `policy`.
    settings: Map<String, Value>,
    /// Given where a target role is, for its trust policy.
    external_id: String,
    token: Option<String>,
    created: Timestamp,
    modified: Timestamp,
}

impl Association {
    pub(super) fn show(&self, eks: &Eks, cluster: &Cluster) -> Value {
        let mut shown = Value::Object(self.settings.clone());
        for (member, value) in [
            ("clusterName", json!(cluster.name)),
            ("namespace", json!(self.namespace)),
            ("serviceAccount", json!(self.service_account)),
            ("associationArn", json!(self.arn)),
            ("associationId", json!(self.id)),
            ("tags", eks.tags_of(&self.arn)),
            ("createdAt", epoch(self.created)),
            ("modifiedAt", epoch(self.modified)),
        ] {
            shown[member] = value;
        }
        if shown.get("disableSessionTags").is_none() {
            shown["disableSessionTags"] = json!(false);
        }
        if shown.get("targetRoleArn").is_some() {
            shown["externalId"] = json!(self.external_id);
        }
        shown
    }

    fn summary(&self, cluster: &Cluster) -> Value {
        json!({
            "clusterName": cluster.name,
            "namespace": self.namespace,
            "serviceAccount": self.service_account,
            "associationArn": self.arn,
            "associationId": self.id,
        })
    }
}

/// The members that a creation and an update may give.
fn settings(input: Input<'_>) -> Result<Map<String, Value>, Refusal> {
    let mut settings = Map::new();
    for member in ["roleArn", "targetRoleArn"] {
        let Some(role) = input.text(member)? else { continue };
        // An update takes a target role away by an empty one.
        let is_taken = role.is_empty() && member == "targetRoleArn";
        let is_role = role.starts_with("arn:aws:iam::") && role.contains(":role/");
        if !is_taken && !is_role {
            return Err(input.refuse(format!("Role is not a valid ARN: {role}")));
        }
        settings.insert(member.to_owned(), json!(role));
    }
    if let Some(disabled) = input.flag("disableSessionTags")? {
        settings.insert("disableSessionTags".to_owned(), json!(disabled));
    }
    if let Some(policy) = input.text("policy")? {
        if !policy.is_empty() && serde_json::from_str::<Map<String, Value>>(policy).is_err() {
            return Err(input.refuse("The policy is not a valid JSON policy document"));
        }
        settings.insert("policy".to_owned(), json!(policy));
    }
    Ok(settings)
}

pub(super) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (namespace, service_account) = (input.required("namespace")?, input.required("serviceAccount")?);
    input.required("roleArn")?;
    let (settings, tags, token) = (settings(input)?, tags::read(input)?, input.text("clientRequestToken")?);
    let enforced = world.quotas.enforced();
    let cluster_name = input.required("clusterName")?;
    let cluster = cluster::named(&mut world.services.eks, cx, cluster_name)?;
    cluster.check_active()?;
    let same = |it: &&Association| it.namespace == namespace && it.service_account == service_account;
    if let Some(existing) = cluster.associations.values().find(same) {
        if token.is_some() && existing.token.as_deref() == token {
            let (arn, id) = (cluster.arn.clone(), existing.id.clone());
            return shown(&world.services.eks, &arn, &id);
        }
        let message = format!("Association already exists: {}", existing.id);
        return Err(in_use(message).with("clusterName", cluster_name));
    }
    if enforced && cluster.associations.len() >= PER_CLUSTER {
        let message = format!("The limit of {PER_CLUSTER} pod identity associations per cluster is exceeded");
        return Err(Refusal::new("ResourceLimitExceededException", message).with("clusterName", cluster_name));
    }
    cluster.associations_made += 1;
    let id = format!("a-{}", identifier::lower(&mut world.rng, 17));
    let (_, scope) = cluster.arn.split_once("arn:aws:eks:").unwrap_or_default();
    let scope = scope.split_once(":cluster/").map_or("", |(scope, _)| scope);
    let association = Association {
        arn: format!("arn:aws:eks:{scope}:podidentityassociation/{cluster_name}/{id}"),
        id: id.clone(),
        number: cluster.associations_made,
        namespace: namespace.to_owned(),
        service_account: service_account.to_owned(),
        settings,
        external_id: world.rng.uuid(),
        token: token.map(ToOwned::to_owned),
        created: cx.now,
        modified: cx.now,
    };
    let (cluster_arn, arn) = (cluster.arn.clone(), association.arn.clone());
    cluster.associations.insert(id.clone(), association);
    world.services.eks.tags.insert(arn, tags);
    shown(&world.services.eks, &cluster_arn, &id)
}

fn shown(eks: &Eks, cluster: &str, id: &str) -> Result<Value, Refusal> {
    let cluster =
        eks.clusters.get(cluster).ok_or_else(|| not_found(format!("No cluster found for ARN: {cluster}.")))?;
    let association = cluster.associations.get(id).ok_or_else(|| no_association(cluster, id))?;
    Ok(json!({ "association": association.show(eks, cluster) }))
}

fn no_association(cluster: &Cluster, id: &str) -> Refusal {
    not_found(format!("Association not found: {id}")).with("clusterName", cluster.name.as_str())
}

pub(super) fn describe(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let id = input.required("associationId")?;
    let arn = cluster::named(&mut world.services.eks, cx, input.required("clusterName")?)?.arn.clone();
    shown(&world.services.eks, &arn, id)
}

/// In the order they were made.
pub(super) fn list(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (namespace, service_account) = (input.text("namespace")?, input.text("serviceAccount")?);
    let cluster = cluster::named(&mut world.services.eks, cx, input.required("clusterName")?)?;
    let mut wanted: Vec<&Association> = cluster
        .associations
        .values()
        .filter(|it| namespace.is_none_or(|namespace| it.namespace == namespace))
        .filter(|it| service_account.is_none_or(|account| it.service_account == account))
        .collect();
    wanted.sort_by_key(|association| association.number);
    let items = wanted.into_iter().map(|it| (format!("{:012}", it.number), it.summary(cluster)));
    page(input, "associations", items)
}

/// What is given replaces, what is not stays; namespace and service account are for ever.
pub(super) fn update(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (id, settings) = (input.required("associationId")?, settings(input)?);
    let cluster = cluster::named(&mut world.services.eks, cx, input.required("clusterName")?)?;
    let missing = no_association(cluster, id);
    let arn = cluster.arn.clone();
    let association = cluster.associations.get_mut(id).ok_or(missing)?;
    association.settings.extend(settings);
    association.settings.retain(|_, value| value != "");
    association.modified = cx.now;
    shown(&world.services.eks, &arn, id)
}

pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let id = input.required("associationId")?;
    let eks = &mut world.services.eks;
    let cluster_arn = cluster::named(eks, cx, input.required("clusterName")?)?.arn.clone();
    let answer = shown(eks, &cluster_arn, id)?;
    let gone = eks.clusters.get_mut(&cluster_arn).and_then(|cluster| cluster.associations.remove(id));
    if let Some(gone) = gone {
        eks.tags.remove(&gone.arn);
    }
    Ok(answer)
}
