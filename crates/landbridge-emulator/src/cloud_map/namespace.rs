//! Namespaces: HTTP, private DNS and public DNS (CreateHttpNamespace, CreatePrivateDnsNamespace, CreatePublicDnsNamespace
//! and their siblings in the Cloud Map API reference).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::operation::{self, Effect};
use super::{Call, Registry, bare, in_use, over_limit, tags};
use crate::identifier;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

/// Namespaces per region while quotas are enforced ("AWS Cloud Map quotas", Cloud Map developer guide).
const NAMESPACES: usize = 50;
/// Cloud Map's own: the record's `SOA.TTL` when a creation names none.
const SOA_TTL: i64 = 15;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Http,
    DnsPrivate,
    DnsPublic,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::DnsPrivate => "DNS_PRIVATE",
            Self::DnsPublic => "DNS_PUBLIC",
        }
    }

    pub(crate) fn is_dns(self) -> bool {
        self != Self::Http
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Namespace {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) owner: String,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) description: Option<String>,
    pub(crate) created: Timestamp,
    pub(crate) creator_request_id: Option<String>,
    pub(crate) dns: Option<Dns>,
}

#[derive(Debug, Clone)]
pub(crate) struct Dns {
    pub(super) hosted_zone_id: String,
    pub(super) soa_ttl: i64,
    /// Private namespaces only.
    pub(super) vpc: Option<String>,
}

/// What an update changes.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) id: String,
    description: Option<String>,
    soa_ttl: Option<i64>,
}

impl Change {
    pub(crate) fn apply(self, registry: &mut Registry) {
        let Some(namespace) = registry.namespaces.get_mut(&self.id) else { return };
        if let Some(description) = self.description {
            namespace.description = Some(description).filter(|text| !text.is_empty());
        }
        if let (Some(ttl), Some(dns)) = (self.soa_ttl, namespace.dns.as_mut()) {
            dns.soa_ttl = ttl;
        }
    }
}

impl Namespace {
    pub(crate) fn service_count(&self, registry: &Registry) -> usize {
        registry.services.values().filter(|service| service.namespace_id == self.id).count()
    }

    /// `NamespaceSummary`, which GetNamespace completes.
    pub(crate) fn answer(&self, registry: &Registry) -> Value {
        let mut properties = Map::new();
        if let Some(dns) = &self.dns {
            let zone = json!({"HostedZoneId": dns.hosted_zone_id, "SOA": {"TTL": dns.soa_ttl}});
            properties.insert("DnsProperties".to_owned(), zone);
        }
        properties.insert("HttpProperties".to_owned(), json!({"HttpName": self.name}));
        let mut answer = json!({
            "Id": self.id,
            "Arn": self.arn,
            "ResourceOwner": self.owner,
            "Name": self.name,
            "Type": self.kind.name(),
            "ServiceCount": self.service_count(registry),
            "Properties": properties,
            "CreateDate": epoch(self.created),
        });
        if let Some(description) = &self.description {
            answer["Description"] = json!(description);
        }
        answer
    }

    /// Whether a new namespace cannot live beside this one: the same name of the same kind, for private DNS in the same
    /// VPC, where Route 53 allows one hosted zone of a name.
    fn collides(&self, kind: Kind, name: &str, vpc: Option<&str>) -> bool {
        let vpc_is_same = self.dns.as_ref().and_then(|dns| dns.vpc.as_deref()) == vpc;
        self.kind == kind && self.name.eq_ignore_ascii_case(name) && vpc_is_same
    }
}

/// Names: HTTP 1 to 1024 printable characters; DNS up to 253 in labels of 1 to 63 (the patterns of `Name`).
fn checked_name(input: Input<'_>, kind: Kind) -> Result<&str, Refusal> {
    let name = input.required("Name")?;
    let longest = if kind.is_dns() { 253 } else { 1024 };
    let printable = !name.is_empty() && name.len() <= longest && name.bytes().all(|c| c.is_ascii_graphic());
    let label = |label: &str| {
        let ends = [label.bytes().next(), label.bytes().last()];
        let inside = label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_');
        (1..=63).contains(&label.len()) && inside && !ends.contains(&Some(b'-'))
    };
    let labels = name.strip_suffix('.').unwrap_or(name).split('.');
    let dns = !kind.is_dns() || labels.clone().all(label);
    let public = kind != Kind::DnsPublic || labels.count() >= 2;
    if printable && dns && public && !name.starts_with("arn:") {
        return Ok(name);
    }
    Err(input.refuse(format!("Namespace name '{name}' is not valid for a namespace of type {}", kind.name())))
}

fn checked_description(input: Input<'_>) -> Result<Option<String>, Refusal> {
    let description = input.text("Description")?;
    if description.is_some_and(|text| text.chars().count() > 1024) {
        return Err(input.refuse("Description must have length less than or equal to 1024"));
    }
    Ok(description.map(ToOwned::to_owned))
}

/// `Properties.DnsProperties.SOA.TTL`, each part of which must be there once its parent is.
fn soa_ttl(input: Input<'_>) -> Result<Option<i64>, Refusal> {
    let Some(properties) = input.object("Properties")? else { return Ok(None) };
    let dns = properties.object("DnsProperties")?.ok_or_else(|| input.missing("Properties.DnsProperties"))?;
    let soa = dns.object("SOA")?.ok_or_else(|| input.missing("Properties.DnsProperties.SOA"))?;
    let ttl = soa.number_within("TTL", 0, 2_147_483_647)?;
    ttl.map(Some).ok_or_else(|| input.missing("Properties.DnsProperties.SOA.TTL"))
}

pub(crate) fn create(world: &mut World, call: &Call<'_>, kind: Kind) -> Result<Value, Refusal> {
    let input = call.input;
    let name = checked_name(input, kind)?;
    let description = checked_description(input)?;
    let request = input.text("CreatorRequestId")?;
    let vpc = if kind == Kind::DnsPrivate { Some(input.required("Vpc")?) } else { None };
    if vpc.is_some_and(|vpc| !vpc.starts_with("vpc-")) {
        return Err(input.refuse(format!("VPC {} does not exist", vpc.unwrap_or_default())));
    }
    let soa_ttl = if kind.is_dns() { Some(soa_ttl(input)?.unwrap_or(SOA_TTL)) } else { None };
    let tags = tags::checked(input)?;
    let parameters = json!([kind.name(), name, description, vpc, soa_ttl]);
    let enforced = world.quotas.enforced();
    let registry = world.services.cloud_map.at(&call.place);
    if let Some(operation) = replayed(registry, request, &parameters) {
        return Ok(operation::answer(&operation));
    }
    let collision = registry.namespaces.values().find(|namespace| namespace.collides(kind, name, vpc));
    if let Some(existing) = collision {
        return Err(Refusal::new("NamespaceAlreadyExists", "Namespace already exists")
            .with("NamespaceId", existing.id.as_str())
            .with("CreatorRequestId", existing.creator_request_id.clone().unwrap_or_default()));
    }
    if enforced && registry.namespaces.len() >= NAMESPACES {
        return Err(over_limit(format!("The quota of {NAMESPACES} namespaces in this region is reached")));
    }
    let id = format!("ns-{}", identifier::lower(&mut world.rng, 16));
    let zone = format!("Z{}", identifier::upper(&mut world.rng, 20));
    let (account, region) = &call.place;
    let namespace = Namespace {
        arn: format!("arn:aws:servicediscovery:{region}:{account}:namespace/{id}"),
        id,
        owner: account.clone(),
        name: name.to_owned(),
        kind,
        description,
        created: call.cx.now,
        creator_request_id: request.map(ToOwned::to_owned),
        dns: soa_ttl.map(|soa_ttl| Dns { hosted_zone_id: zone, soa_ttl, vpc: vpc.map(ToOwned::to_owned) }),
    };
    let operation = operation::submit(world, call, Effect::CreateNamespace(Box::new(namespace), tags));
    if let Some(request) = request {
        let key = ("CreateNamespace".to_owned(), request.to_owned());
        world.services.cloud_map.at(&call.place).replays.insert(key, (parameters, operation.clone()));
    }
    Ok(operation::answer(&operation))
}

/// ARN of the namespace of this name or ARN. Where there is none, an HTTP namespace appears at once, as ECS makes it for
/// a cluster's Service Connect default (ClusterServiceConnectDefaultsRequest, Amazon ECS API reference).
pub(crate) fn ensure_http_namespace(world: &mut World, cx: &Cx, name: &str) -> String {
    if let Some(arn) = super::find_namespace(world, &cx.region, &cx.account, name) {
        return arn;
    }
    let id = format!("ns-{}", identifier::lower(&mut world.rng, 16));
    let namespace = Namespace {
        arn: format!("arn:aws:servicediscovery:{}:{}:namespace/{id}", cx.region, cx.account),
        id: id.clone(),
        owner: cx.account.clone(),
        name: bare(name).to_owned(),
        kind: Kind::Http,
        description: None,
        created: cx.now,
        creator_request_id: None,
        dns: None,
    };
    let arn = namespace.arn.clone();
    world.services.cloud_map.at(&(cx.account.clone(), cx.region.clone())).namespaces.insert(id, namespace);
    arn
}

/// The operation that the same request has begun before: the ID "allows failed requests to be retried without the risk
/// of running the operation twice" (CreatePrivateDnsNamespace). Forgotten once the namespace is gone or has failed.
fn replayed(registry: &Registry, request: Option<&str>, parameters: &Value) -> Option<String> {
    let key = ("CreateNamespace".to_owned(), request?.to_owned());
    let (_, operation) = registry.replays.get(&key).filter(|(known, _)| known == parameters)?;
    let begun = registry.operations.get(operation)?;
    let exists = begun.targets.get("NAMESPACE").is_some_and(|id| registry.namespaces.contains_key(id));
    (begun.is_open() || exists).then(|| operation.clone())
}

/// The namespace appears, unless a hosted zone of its name has appeared in its VPC meanwhile: Route 53 then answers
/// `ConflictingDomainExists`, which Cloud Map reports as a failed operation.
pub(crate) fn finish_creation(
    registry: &mut Registry,
    new: Namespace,
    tags: BTreeMap<String, String>,
) -> Result<(), (&'static str, String)> {
    let vpc = new.dns.as_ref().and_then(|dns| dns.vpc.as_deref());
    if registry.namespaces.values().any(|namespace| namespace.collides(new.kind, &new.name, vpc)) {
        return Err(conflicting_domain(&new));
    }
    registry.tags.insert(new.arn.clone(), tags);
    registry.namespaces.insert(new.id.clone(), new);
    Ok(())
}

/// How an operation fails whose hosted zone Route 53 refuses.
pub(super) fn conflicting_domain(new: &Namespace) -> (&'static str, String) {
    let message = format!(
        "The VPC that you chose, {}, is already associated with another private hosted zone that has an overlapping \
         name space, {}. (Service: AmazonRoute53; Status Code: 400; Error Code: ConflictingDomainExists)",
        new.dns.as_ref().and_then(|dns| dns.vpc.as_deref()).unwrap_or("none"),
        new.name
    );
    ("CANNOT_CREATE_HOSTED_ZONE", message)
}

/// UpdateHttpNamespace, UpdatePrivateDnsNamespace, UpdatePublicDnsNamespace: what is absent stays.
pub(crate) fn update(world: &mut World, call: &Call<'_>, kind: Kind) -> Result<Value, Refusal> {
    let id = bare(call.input.required("Id")?).to_owned();
    let change = call.input.object("Namespace")?.ok_or_else(|| call.input.missing("Namespace"))?;
    let description = checked_description(change)?;
    if kind == Kind::Http && description.is_none() {
        return Err(change.missing("Description"));
    }
    let soa_ttl = if kind.is_dns() { soa_ttl(change)? } else { None };
    let registry = world.services.cloud_map.at(&call.place);
    let namespace = registry.namespace(&id)?;
    if namespace.kind != kind {
        let message = format!("Namespace {id} is of type {}, not {}", namespace.kind.name(), kind.name());
        return Err(call.input.refuse(message));
    }
    operation::refuse_duplicate(registry, "NAMESPACE", &id)?;
    let operation = operation::submit(world, call, Effect::UpdateNamespace(Change { id, description, soa_ttl }));
    Ok(operation::answer(&operation))
}

pub(crate) fn get(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let registry = world.services.cloud_map.at(&call.place);
    let namespace = registry.namespace(call.input.required("Id")?)?;
    let mut answer = namespace.answer(registry);
    if let Some(request) = &namespace.creator_request_id {
        answer["CreatorRequestId"] = json!(request);
    }
    Ok(json!({"Namespace": answer}))
}

/// Refused with services in it (DeleteNamespace, Cloud Map API reference).
pub(crate) fn delete(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let id = bare(call.input.required("Id")?).to_owned();
    let registry = world.services.cloud_map.at(&call.place);
    let namespace = registry.namespace(&id)?;
    let services = namespace.service_count(registry);
    if services > 0 {
        return Err(in_use(format!("Namespace has {services} associated services; delete them first")));
    }
    operation::refuse_duplicate(registry, "NAMESPACE", &id)?;
    let operation = operation::submit(world, call, Effect::DeleteNamespace(id));
    Ok(operation::answer(&operation))
}

/// The namespace goes, unless a service has been made in it meanwhile.
pub(crate) fn finish_deletion(registry: &mut Registry, id: &str) -> Result<(), (&'static str, String)> {
    if registry.services.values().any(|service| service.namespace_id == id) {
        return Err(("INTERNAL_FAILURE", format!("Namespace {id} has associated services")));
    }
    if let Some(namespace) = registry.namespaces.remove(id) {
        registry.tags.remove(&namespace.arn);
    }
    Ok(())
}
