//! Hosted zones: made, shown and deleted, by callers and by Cloud Map. Source: CreateHostedZone, GetHostedZone,
//! DeleteHostedZone and HostedZone.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::record::{self, Key, Records};
use super::vpc::Vpc;
use super::{bare, batch, name};
use crate::cloud_map;
use crate::identifier;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, Rng, World};

/// Hosted zones of an account while quotas are enforced ("Quotas on entities", Route 53 developer guide).
const PER_ACCOUNT: usize = 500;

#[derive(Debug, Clone)]
pub(super) struct Zone {
    pub(super) id: String,
    pub(super) account: String,
    pub(super) name: String,
    caller_reference: String,
    comment: Option<String>,
    pub(super) private: bool,
    /// Private zones only.
    pub(super) vpcs: Vec<Vpc>,
    name_servers: Vec<String>,
    /// ARN of the Cloud Map namespace that the zone belongs to.
    pub(super) namespace: Option<String>,
    /// As the API shows them.
    pub(super) records: Records,
    /// As DNS answers them.
    pub(super) in_force: Records,
    /// Until when Route 53 works at the batch before.
    pub(super) busy_until: Option<Timestamp>,
}

/// A zone that Cloud Map makes for a namespace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LinkedZone<'a> {
    pub(crate) id: &'a str,
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    pub(crate) name: &'a str,
    /// None for a public zone.
    pub(crate) vpc: Option<&'a str>,
    pub(crate) namespace: &'a str,
}

impl Zone {
    pub(super) fn show(&self, records: usize) -> Value {
        let mut shown = json!({
            "Id": format!("/hostedzone/{}", self.id),
            "Name": self.name,
            "CallerReference": self.caller_reference,
            "Config": {"PrivateZone": self.private},
            "ResourceRecordSetCount": records,
        });
        if let Some(comment) = &self.comment {
            shown["Config"]["Comment"] = json!(comment);
        }
        if let Some(namespace) = &self.namespace {
            shown["LinkedService"] =
                json!({"ServicePrincipal": "servicediscovery.amazonaws.com", "Description": namespace});
        }
        shown
    }

    /// GetHostedZone: with its name servers if public, with its VPCs if private.
    fn whole(&self, world: &World) -> Value {
        let mut shown = json!({ "HostedZone": self.show(self.records(world).len()) });
        if self.private {
            shown["VPCs"] = self.vpcs.iter().map(Vpc::show).collect();
        } else {
            shown["DelegationSet"] = json!({ "NameServers": self.name_servers });
        }
        shown
    }

    /// Its records as the API shows them, also those that Cloud Map keeps in it.
    pub(super) fn records(&self, world: &World) -> Records {
        self.with_instances(world, &self.records)
    }

    /// Its records as DNS answers them.
    pub(super) fn in_force(&self, world: &World) -> Records {
        self.with_instances(world, &self.in_force)
    }

    fn with_instances(&self, world: &World, own: &Records) -> Records {
        let mut records = own.clone();
        let Some(namespace) = &self.namespace else { return records };
        for instance in cloud_map::records_of(world, namespace) {
            if let Some(key) = Key::of(&instance) {
                records.insert(key, instance);
            }
        }
        if let (Some(ttl), Some(soa)) =
            (cloud_map::soa_ttl(world, namespace), records.get_mut(&Key::new(&self.name, "SOA", "")))
        {
            soa["TTL"] = json!(ttl);
        }
        records
    }

    /// The records that every zone begins with and ends with ("NS and SOA records that Route 53 creates").
    fn beginning(&self) -> Records {
        let servers = self.name_servers.iter().map(|server| json!({ "Value": format!("{server}.") }));
        let primary = self.name_servers.first().map_or("", String::as_str);
        let soa = format!("{primary}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400");
        let records = [
            json!({"Name": self.name, "Type": "NS", "TTL": 172_800, "ResourceRecords": servers.collect::<Value>()}),
            json!({"Name": self.name, "Type": "SOA", "TTL": 900, "ResourceRecords": [{ "Value": soa }]}),
        ];
        records.into_iter().filter_map(|record| Some((Key::of(&record)?, record))).collect()
    }

    /// Refuses what only Cloud Map may do.
    pub(super) fn check_unlinked(&self) -> Result<(), Refusal> {
        let Some(namespace) = &self.namespace else { return Ok(()) };
        let message =
            format!("The resource hostedzone/{} can only be managed through AWS Cloud Map ({namespace})", self.id);
        Err(Refusal::new("AccessDenied", message).status(403))
    }
}

/// Private zones share four servers that nobody outside reaches; public ones have four from as many top-level domains.
fn name_servers(rng: &mut Rng, private: bool) -> Vec<String> {
    let tops = ["co.uk", "com", "org", "net"];
    let first = [1536, 0, 1024, 512];
    let mut of = |(top, first): (&str, u64)| {
        let (number, block) = if private { (first, 0) } else { (first + rng.below(512), rng.below(64)) };
        format!("ns-{number}.awsdns-{block:02}.{top}")
    };
    tops.into_iter().zip(first).map(&mut of).collect()
}

/// The caller's zone of this ID.
pub(super) fn known<'w>(world: &'w World, cx: &Cx, id: &str) -> Result<&'w Zone, Refusal> {
    let zone = world.services.route53.zones.get(bare(id)).filter(|zone| zone.account == cx.account);
    zone.ok_or_else(|| {
        Refusal::new("NoSuchHostedZone", format!("No hosted zone found with ID: {}", bare(id))).status(404)
    })
}

pub(super) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let given = input.required("Name")?;
    let reference = input.required("CallerReference")?;
    let Some(name) = name::normal(given) else {
        return Err(Refusal::new("InvalidDomainName", format!("{given} is not a valid domain name")));
    };
    if !(1..=128).contains(&reference.len()) {
        return Err(input.refuse("The caller reference must have 1 to 128 characters"));
    }
    let config = input.object("HostedZoneConfig")?;
    let comment = config.map(|config| config.text("Comment")).transpose()?.flatten();
    let vpc = input.object("VPC")?.map(Vpc::read).transpose()?;
    let asked = config.map(|config| config.flag("PrivateZone")).transpose()?.flatten();
    let private = asked.unwrap_or(vpc.is_some());
    match (private, &vpc) {
        (true, None) => return Err(input.refuse("When PrivateZone is true, you must also specify VPCId and VPCRegion")),
        (false, Some(_)) => return Err(input.refuse("A VPC can only be associated with a private hosted zone")),
        _ => {}
    }
    let zones = &world.services.route53.zones;
    if zones.values().any(|zone| zone.account == cx.account && zone.caller_reference == reference) {
        let message = "A hosted zone has already been created with the specified caller reference.";
        return Err(Refusal::new("HostedZoneAlreadyExists", message).status(409));
    }
    if let Some(vpc) = &vpc {
        super::vpc::check_free(world, vpc, &name, "")?;
    }
    if world.quotas.enforced() && zones.values().filter(|zone| zone.account == cx.account).count() >= PER_ACCOUNT {
        let message =
            format!("Limits Exceeded: MAX_HOSTED_ZONES_BY_OWNER - Cannot create more than {PER_ACCOUNT} hosted zones");
        return Err(Refusal::new("TooManyHostedZones", message));
    }
    let zone = Zone {
        id: format!("Z{}", identifier::upper(&mut world.rng, 20)),
        account: cx.account.clone(),
        name,
        caller_reference: reference.to_owned(),
        comment: comment.map(ToOwned::to_owned),
        private,
        vpcs: vpc.into_iter().collect(),
        name_servers: name_servers(&mut world.rng, private),
        namespace: None,
        records: Records::new(),
        in_force: Records::new(),
        busy_until: None,
    };
    let id = insert(world, zone);
    let effects = world.services.route53.zones.get(&id).map(Zone::beginning).unwrap_or_default();
    let effects = effects.into_iter().map(|(key, record)| (key, Some(record))).collect();
    let change = batch::submit(world, &cx.account, &id, effects, None);
    let mut answer = known(world, cx, &id)?.whole(world);
    // A creation's answer names one VPC, the reading of it all of them.
    if let Some(vpc) = answer.as_object_mut().and_then(|answer| answer.remove("VPCs")) {
        answer["VPC"] = vpc[0].clone();
    }
    answer["ChangeInfo"] = change;
    answer["Location"] = json!(format!("https://route53.amazonaws.com/2013-04-01/hostedzone/{id}"));
    Ok(answer)
}

/// Remembers a zone with its first records, which the API shows at once.
fn insert(world: &mut World, mut zone: Zone) -> String {
    zone.records = zone.beginning();
    let id = zone.id.clone();
    world.services.route53.zones.insert(id.clone(), zone);
    id
}

pub(super) fn get(world: &World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    Ok(known(world, cx, input.required("Id")?)?.whole(world))
}

pub(super) fn update_comment(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let id = known(world, cx, input.required("Id")?)?.id.clone();
    let comment = input.text("Comment")?.filter(|comment| !comment.is_empty()).map(ToOwned::to_owned);
    if let Some(zone) = world.services.route53.zones.get_mut(&id) {
        zone.comment = comment;
    }
    let zone = known(world, cx, &id)?;
    Ok(json!({ "HostedZone": zone.show(zone.records(world).len()) }))
}

/// Only a zone with no more records than it began with.
pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let zone = known(world, cx, input.required("Id")?)?;
    zone.check_unlinked()?;
    if zone.records.keys().any(|key| !record::is_apex_default(key, &zone.name)) {
        let message = "The specified hosted zone contains non-required resource record sets and so cannot be deleted.";
        return Err(Refusal::new("HostedZoneNotEmpty", message));
    }
    let id = zone.id.clone();
    remove(world, &id);
    let change = batch::submit(world, &cx.account, &id, Vec::new(), None);
    Ok(json!({ "ChangeInfo": change }))
}

fn remove(world: &mut World, id: &str) {
    world.services.route53.zones.remove(id);
    world.services.route53.tags.remove(&("hostedzone".to_owned(), id.to_owned()));
}

/// Whether a private zone of this name cannot be made for that VPC, because there is one.
pub(crate) fn conflict(world: &World, linked: &LinkedZone<'_>) -> bool {
    let (Some(vpc), Some(name)) = (linked.vpc, name::normal(linked.name)) else { return false };
    let vpc = Vpc { region: linked.region.to_owned(), id: vpc.to_owned() };
    super::vpc::check_free(world, &vpc, &name, linked.id).is_err()
}

/// Makes the zone of a Cloud Map namespace; its name servers answer for it at once.
pub(crate) fn adopt(world: &mut World, linked: &LinkedZone<'_>) {
    let Some(name) = name::normal(linked.name) else { return };
    let private = linked.vpc.is_some();
    let vpc = linked.vpc.map(|vpc| Vpc { region: linked.region.to_owned(), id: vpc.to_owned() });
    let zone = Zone {
        id: linked.id.to_owned(),
        account: linked.account.to_owned(),
        name,
        caller_reference: linked.namespace.to_owned(),
        comment: Some("Created by AWS Cloud Map".to_owned()),
        private,
        vpcs: vpc.into_iter().collect(),
        name_servers: name_servers(&mut world.rng, private),
        namespace: Some(linked.namespace.to_owned()),
        records: BTreeMap::new(),
        in_force: BTreeMap::new(),
        busy_until: None,
    };
    let id = insert(world, zone);
    if let Some(zone) = world.services.route53.zones.get_mut(&id) {
        zone.in_force = zone.records.clone();
    }
}

/// Takes the zone of a deleted namespace away.
pub(crate) fn release(world: &mut World, id: &str) {
    remove(world, id);
}
