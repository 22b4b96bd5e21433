//! Clusters: CREATING, then ACTIVE; DELETING, then gone. Source: CreateCluster, DescribeCluster, DeleteCluster and Cluster.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::addon::Addon;
use super::association::Association;
use super::{Eks, Event, in_use, not_found, page, tags};
use crate::ec2;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, Event as WorldEvent, World};

/// "Clusters" per Region (Amazon EKS service quotas), while quotas are enforced.
const PER_REGION: usize = 100;
/// The version of a cluster whose creation names none.
const VERSION: &str = "1.34";

#[derive(Debug, Clone)]
pub(super) struct Cluster {
    pub(super) arn: String,
    pub(super) name: String,
    status: &'static str,
    created: Timestamp,
    /// 32 upper-case hexadecimal digits that endpoint and OIDC issuer share.
    id: String,
    /// What the creation asked for, as it was asked.
    asked: Map<String, Value>,
    vpc: String,
    security_group: String,
    pub(super) associations: BTreeMap<String, Association>,
    pub(super) addons: BTreeMap<String, Addon>,
    pub(super) associations_made: u64,
}

pub(super) fn arn(cx: &Cx, name: &str) -> String {
    format!("arn:aws:eks:{}:{}:cluster/{name}", cx.region, cx.account)
}

/// The caller's cluster of this name.
pub(super) fn named<'e>(eks: &'e mut Eks, cx: &Cx, name: &str) -> Result<&'e mut Cluster, Refusal> {
    eks.clusters.get_mut(&arn(cx, name)).ok_or_else(|| no_cluster(name))
}

fn no_cluster(name: &str) -> Refusal {
    not_found(format!("No cluster found for name: {name}.")).with("clusterName", name)
}

impl Cluster {
    fn show(&self, eks: &Eks) -> Value {
        let region = self.arn.split(':').nth(3).unwrap_or_default();
        let asked = |member: &str| self.asked.get(member).cloned();
        let text = |member: &str, default: &str| asked(member).unwrap_or_else(|| json!(default));
        let mut shown = Value::Object(self.asked.clone());
        for (member, value) in [
            ("arn", json!(self.arn)),
            ("createdAt", epoch(self.created)),
            ("status", json!(self.status)),
            ("version", text("version", VERSION)),
            ("platformVersion", json!("eks.1")),
            ("tags", eks.tags_of(&self.arn)),
            ("resourcesVpcConfig", self.show_vpc()),
            ("kubernetesNetworkConfig", self.show_network()),
            ("accessConfig", asked("accessConfig").unwrap_or_else(|| json!({"authenticationMode": "CONFIG_MAP"}))),
            ("upgradePolicy", asked("upgradePolicy").unwrap_or_else(|| json!({"supportType": "EXTENDED"}))),
            ("health", json!({"issues": []})),
        ] {
            shown[member] = value;
        }
        if self.status != "CREATING" {
            let authority = STANDARD.encode(format!("emulated certificate authority of {}", self.arn));
            shown["endpoint"] = json!(format!("https://{}.gr7.{region}.eks.amazonaws.com", self.id));
            shown["certificateAuthority"] = json!({ "data": authority });
            let issuer = format!("https://oidc.eks.{region}.amazonaws.com/id/{}", self.id);
            shown["identity"] = json!({"oidc": {"issuer": issuer}});
        }
        shown
    }

    /// `VpcConfigResponse` with the defaults of its page: the endpoint is public and open.
    fn show_vpc(&self) -> Value {
        let mut vpc = self.asked.get("resourcesVpcConfig").cloned().unwrap_or_default();
        for (member, value) in [
            ("securityGroupIds", json!([])),
            ("endpointPublicAccess", json!(true)),
            ("endpointPrivateAccess", json!(false)),
            ("publicAccessCidrs", json!(["0.0.0.0/0"])),
            ("vpcId", json!(self.vpc)),
            ("clusterSecurityGroupId", json!(self.security_group)),
        ] {
            if vpc.get(member).is_none_or(Value::is_null) {
                vpc[member] = value;
            }
        }
        vpc
    }

    fn show_network(&self) -> Value {
        let mut network = self.asked.get("kubernetesNetworkConfig").cloned().unwrap_or_else(|| json!({}));
        for (member, value) in [("serviceIpv4Cidr", "10.100.0.0/16"), ("ipFamily", "ipv4")] {
            if network.get(member).is_none_or(Value::is_null) {
                network[member] = json!(value);
            }
        }
        network
    }

    pub(super) fn activate(&mut self) {
        if self.status == "CREATING" {
            self.status = "ACTIVE";
        }
    }

    /// Refuses what only a cluster that is ready can do.
    pub(super) fn check_active(&self) -> Result<(), Refusal> {
        if self.status == "ACTIVE" {
            return Ok(());
        }
        let message = format!("Cluster '{}' is not in ACTIVE status", self.name);
        Err(Refusal::new("InvalidRequestException", message).with("clusterName", self.name.as_str()))
    }

    /// Whether the ARN is its own or that of something in it.
    pub(super) fn has(&self, arn: &str) -> bool {
        self.arn == arn
            || self.associations.values().any(|association| association.arn == arn)
            || self.addons.values().any(|addon| addon.arn == arn)
    }

    pub(super) fn dump(&self, eks: &Eks) -> Value {
        json!({
            "cluster": self.show(eks),
            "podIdentityAssociations": self.associations.values().map(|it| it.show(eks, self)).collect::<Value>(),
            "addons": self.addons.values().map(|it| it.show(eks, self)).collect::<Value>(),
        })
    }
}

/// "The name can contain only alphanumeric characters (case-sensitive), hyphens, and underscores. It must start with an
/// alphanumeric character and can't be longer than 100 characters" (CreateCluster).
fn checked_name(input: Input<'_>) -> Result<&str, Refusal> {
    let name = input.required("name")?;
    let fits = name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_');
    if fits && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.len() <= 100 {
        return Ok(name);
    }
    Err(input.refuse("The cluster name doesn't match the required pattern ^[0-9A-Za-z][A-Za-z0-9\\-_]*"))
}

pub(super) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = checked_name(input)?;
    let role = input.required("roleArn")?;
    if !role.starts_with("arn:aws:iam::") || !role.contains(":role/") {
        return Err(input.refuse(format!("Role is not a valid ARN: {role}")));
    }
    let vpc = input.object("resourcesVpcConfig")?.ok_or_else(|| input.missing("resourcesVpcConfig"))?;
    let subnets = vpc.texts("subnetIds")?;
    if subnets.len() < 2 {
        return Err(input.refuse("Subnets specified must be in at least two different AZs"));
    }
    let groups = vpc.texts("securityGroupIds")?;
    let in_words: fn(&str, Refusal) -> Refusal =
        |_, refusal| Refusal::new("InvalidParameterException", refusal.message);
    ec2::check_subnets(world, cx, &subnets, in_words)?;
    ec2::check_groups(world, cx, &groups, in_words)?;
    let tags = tags::read(input)?;
    let arn = arn(cx, name);
    let eks = &world.services.eks;
    if let Some(existing) = eks.clusters.get(&arn) {
        // The same request again is answered with what it made.
        let token = input.text("clientRequestToken")?;
        if token.is_some() && existing.asked.get("clientRequestToken").and_then(Value::as_str) == token {
            return Ok(json!({ "cluster": existing.show(eks) }));
        }
        return Err(in_use(format!("Cluster already exists with name: {name}")).with("clusterName", name));
    }
    let prefix = arn.trim_end_matches(name);
    if world.quotas.enforced() && eks.clusters.keys().filter(|arn| arn.starts_with(prefix)).count() >= PER_REGION {
        let message = format!("Cluster limit of {PER_REGION} exceeded");
        return Err(Refusal::new("ResourceLimitExceededException", message));
    }
    let in_vpc = subnets.first().and_then(|subnet| ec2::vpc_of(world, &cx.account, &cx.region, subnet));
    let mut asked = input.members();
    asked.retain(|member, value| !value.is_null() && member != "tags");
    let cluster = Cluster {
        arn: arn.clone(),
        name: name.to_owned(),
        status: "CREATING",
        created: cx.now,
        id: world.rng.hex(32).to_uppercase(),
        asked,
        vpc: in_vpc.unwrap_or_else(|| "vpc-0000000000000default".to_owned()),
        security_group: format!("sg-{}", world.rng.hex(17)),
        associations: BTreeMap::new(),
        addons: BTreeMap::new(),
        associations_made: 0,
    };
    let eks = &mut world.services.eks;
    eks.tags.insert(arn.clone(), tags);
    let answer = json!({ "cluster": cluster.show(eks) });
    eks.clusters.insert(arn.clone(), cluster);
    let delay = world.timings.eks_cluster;
    world.after(delay, WorldEvent::Eks(Event::Active(arn)));
    Ok(answer)
}

pub(super) fn describe(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = input.required("name")?;
    let eks = &world.services.eks;
    let cluster = eks.clusters.get(&arn(cx, name)).ok_or_else(|| no_cluster(name))?;
    Ok(json!({ "cluster": cluster.show(eks) }))
}

pub(super) fn list(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let prefix = arn(cx, "");
    let own = world.services.eks.clusters.values().filter(|cluster| cluster.arn.starts_with(&prefix));
    page(input, "clusters", own.map(|cluster| (cluster.name.clone(), json!(cluster.name))))
}

/// Takes its associations and add-ons with it.
pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = input.required("name")?;
    let cluster = named(&mut world.services.eks, cx, name)?;
    if cluster.status == "CREATING" {
        return Err(
            in_use("Cannot delete because cluster is currently being created".to_owned()).with("clusterName", name)
        );
    }
    if cluster.asked.get("deletionProtection") == Some(&json!(true)) {
        let message = "Cannot delete because deletion protection is enabled for the cluster";
        return Err(Refusal::new("InvalidRequestException", message).with("clusterName", name));
    }
    let begins = cluster.status != "DELETING";
    cluster.status = "DELETING";
    let arn = cluster.arn.clone();
    if begins {
        let delay = world.timings.eks_cluster;
        world.after(delay, WorldEvent::Eks(Event::Gone(arn.clone())));
    }
    let eks = &world.services.eks;
    Ok(json!({ "cluster": eks.clusters.get(&arn).map(|cluster| cluster.show(eks)) }))
}

pub(super) fn remove(eks: &mut Eks, arn: &str) {
    let Some(cluster) = eks.clusters.remove(arn) else { return };
    eks.tags.retain(|tagged, _| !cluster.has(tagged));
}
