//! Amazon EKS, as far as pods take roles from it: clusters that become active, pod identity associations, add-ons and tags.
//! Source: the Amazon EKS API reference.
//!
//! No Kubernetes runs behind a cluster's endpoint. Node groups, Fargate profiles, access entries and everything else answer
//! as operations that do not exist.

mod addon;
mod association;
mod cluster;
mod tags;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::input::Input;
use crate::page;
use crate::refusal::Refusal;
use crate::wire::rest::{Format, Rest};
use crate::world::{Cx, World};

/// All accounts' and regions' clusters, by ARN, which names both.
#[derive(Debug, Clone, Default)]
pub(crate) struct Eks {
    clusters: BTreeMap<String, cluster::Cluster>,
    /// By ARN, in the order of the keys.
    tags: BTreeMap<String, BTreeMap<String, String>>,
}

/// Something that happens by itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    /// A new cluster of this ARN is ready.
    Active(String),
    /// A deleted cluster is gone.
    Gone(String),
    /// An add-on (cluster ARN, name) is ready.
    AddonActive(String, String),
    /// A deleted add-on is gone.
    AddonGone(String, String),
}

impl Eks {
    /// Resources that have tags.
    pub(crate) fn tagged(&self, cx: &Cx) -> crate::tagging::Tagged {
        let scope = format!("arn:aws:eks:{}:{}:", cx.region, cx.account);
        self.tags
            .iter()
            .filter(|(arn, _)| arn.starts_with(&scope))
            .map(|(arn, tags)| (arn.clone(), tags.clone()))
            .collect()
    }
}

pub(crate) static REST: Rest = Rest {
    service: "eks",
    server_error: "ServerException",
    format: Format::Json { message: "message" },
    routes: &[
        ("POST", "/clusters", "CreateCluster", 200),
        ("GET", "/clusters?maxResults={maxResults}&nextToken={nextToken}&include={include*}", "ListClusters", 200),
        ("GET", "/clusters/{name}", "DescribeCluster", 200),
        ("DELETE", "/clusters/{name}", "DeleteCluster", 200),
        ("POST", "/clusters/{clusterName}/pod-identity-associations", "CreatePodIdentityAssociation", 200),
        (
            "GET",
            "/clusters/{clusterName}/pod-identity-associations?namespace={namespace}&serviceAccount={serviceAccount}\
             &maxResults={maxResults}&nextToken={nextToken}",
            "ListPodIdentityAssociations",
            200,
        ),
        (
            "GET",
            "/clusters/{clusterName}/pod-identity-associations/{associationId}",
            "DescribePodIdentityAssociation",
            200,
        ),
        (
            "POST",
            "/clusters/{clusterName}/pod-identity-associations/{associationId}",
            "UpdatePodIdentityAssociation",
            200,
        ),
        (
            "DELETE",
            "/clusters/{clusterName}/pod-identity-associations/{associationId}",
            "DeletePodIdentityAssociation",
            200,
        ),
        ("POST", "/clusters/{clusterName}/addons", "CreateAddon", 200),
        ("GET", "/clusters/{clusterName}/addons?maxResults={maxResults}&nextToken={nextToken}", "ListAddons", 200),
        ("GET", "/clusters/{clusterName}/addons/{addonName}", "DescribeAddon", 200),
        ("DELETE", "/clusters/{clusterName}/addons/{addonName}?preserve={preserve}", "DeleteAddon", 200),
        ("POST", "/tags/{resourceArn}", "TagResource", 200),
        ("DELETE", "/tags/{resourceArn}?tagKeys={tagKeys*}", "UntagResource", 200),
        ("GET", "/tags/{resourceArn}", "ListTagsForResource", 200),
    ],
};

/// Answers one operation.
pub(crate) fn call(world: &mut World, cx: &Cx, op: &str, input: &Value) -> Result<Value, Refusal> {
    let input = Input::new(input, "InvalidParameterException");
    match op {
        "CreateCluster" => cluster::create(world, cx, input),
        "DescribeCluster" => cluster::describe(world, cx, input),
        "ListClusters" => cluster::list(world, cx, input),
        "DeleteCluster" => cluster::delete(world, cx, input),
        "CreatePodIdentityAssociation" => association::create(world, cx, input),
        "DescribePodIdentityAssociation" => association::describe(world, cx, input),
        "ListPodIdentityAssociations" => association::list(world, cx, input),
        "UpdatePodIdentityAssociation" => association::update(world, cx, input),
        "DeletePodIdentityAssociation" => association::delete(world, cx, input),
        "CreateAddon" => addon::create(world, cx, input),
        "DescribeAddon" => addon::describe(world, cx, input),
        "ListAddons" => addon::list(world, cx, input),
        "DeleteAddon" => addon::delete(world, cx, input),
        "TagResource" => tags::tag(world, cx, input),
        "UntagResource" => tags::untag(world, cx, input),
        "ListTagsForResource" => tags::list(world, cx, input),
        _ => Err(Refusal::unknown_operation().status(404)),
    }
}

pub(crate) fn happen(world: &mut World, event: Event) {
    let eks = &mut world.services.eks;
    match event {
        Event::Active(arn) => eks.clusters.get_mut(&arn).into_iter().for_each(cluster::Cluster::activate),
        Event::Gone(arn) => cluster::remove(eks, &arn),
        Event::AddonActive(arn, name) => addon::activate(eks, &arn, &name),
        Event::AddonGone(arn, name) => addon::remove(eks, &arn, &name),
    }
}

impl Eks {
    /// Everything remembered, for a look from outside.
    pub(crate) fn dump(&self) -> Value {
        self.clusters.values().map(|cluster| cluster.dump(self)).collect()
    }

    fn tags_of(&self, arn: &str) -> Value {
        json!(self.tags.get(arn).cloned().unwrap_or_default())
    }
}

/// `ResourceNotFoundException`, with the members that say what was asked for.
fn not_found(message: String) -> Refusal {
    Refusal::new("ResourceNotFoundException", message).status(404)
}

fn in_use(message: String) -> Refusal {
    Refusal::new("ResourceInUseException", message).status(409)
}

/// One page of `items` under `field`, each with its key; the token is the key of the last item given.
fn page(input: Input<'_>, field: &str, items: impl Iterator<Item = (String, Value)>) -> Result<Value, Refusal> {
    let most = input.number_within("maxResults", 1, 100)?.unwrap_or(100) as usize;
    let (page, next) = page::by_key(items, input.text("nextToken")?, most);
    let mut answer = Map::from_iter([(field.to_owned(), Value::Array(page))]);
    answer.extend(next.map(|next| ("nextToken".to_owned(), json!(next))));
    Ok(answer.into())
}
