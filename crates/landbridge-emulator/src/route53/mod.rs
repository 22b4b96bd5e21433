//! Amazon Route 53: hosted zones, the records in them, and changes that take time to be in force. Source: the Amazon Route
//! 53 API reference, version 2013-04-01.
//!
//! Names are answered by [`resolve`], not over a DNS socket. Health checks find what a test says they find. Traffic policies,
//! reusable delegation sets, query logs, DNSSEC and CIDR collections are not modelled and answer as operations that do
//! not exist.

mod answer;
mod batch;
mod health_check;
mod name;
mod record;
mod record_list;
mod tags;
mod value;
mod vpc;
mod zone;
mod zone_list;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::rest::{Format, Rest};
use crate::world::{Cx, World};

pub use answer::DnsAnswer;
pub(crate) use answer::resolve;
pub(crate) use health_check::set as set_health_check;
pub(crate) use zone::{LinkedZone, adopt, conflict, release};

/// What is remembered. Route 53 is global; identifiers are unique over all accounts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Route53 {
    zones: BTreeMap<String, zone::Zone>,
    changes: BTreeMap<String, batch::Change>,
    health_checks: BTreeMap<String, health_check::HealthCheck>,
    /// By (`hostedzone` or `healthcheck`, ID), in the order of the keys.
    tags: BTreeMap<(String, String), BTreeMap<String, String>>,
}

impl Route53 {
    /// Hosted zones and health checks with their tags: a global service's are in us-east-1.
    pub(crate) fn tagged(&self, cx: &Cx) -> crate::tagging::Tagged {
        let own = |(kind, id): &&(String, String)| match kind.as_str() {
            "hostedzone" => self.zones.get(id).is_some_and(|zone| zone.account == cx.account),
            _ => self.health_checks.get(id).is_some_and(|check| check.account == cx.account),
        };
        let here = self.tags.iter().filter(|(place, _)| cx.region == "us-east-1" && own(place));
        here.map(|((kind, id), tags)| (format!("arn:aws:route53:::{kind}/{id}"), tags.clone())).collect()
    }
}

/// Something that happens by itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    /// A change has reached every name server.
    InSync(String),
}

pub(crate) static REST: Rest = Rest {
    service: "route53",
    server_error: "InternalFailure",
    format: Format::Xml {
        namespace: "https://route53.amazonaws.com/doc/2013-04-01/",
        lists: &[
            ("AddTags", "Tag"),
            ("Changes", "Change"),
            ("ChildHealthChecks", "ChildHealthCheck"),
            ("HealthCheckObservations", "HealthCheckObservation"),
            ("HealthChecks", "HealthCheck"),
            ("HostedZoneSummaries", "HostedZoneSummary"),
            ("HostedZones", "HostedZone"),
            ("NameServers", "NameServer"),
            ("Regions", "Region"),
            ("RemoveTagKeys", "Key"),
            ("ResetElements", "ResettableElementName"),
            ("ResourceIds", "ResourceId"),
            ("ResourceRecordSets", "ResourceRecordSet"),
            ("ResourceRecords", "ResourceRecord"),
            ("ResourceTagSets", "ResourceTagSet"),
            ("Tags", "Tag"),
            ("VPCs", "VPC"),
        ],
    },
    routes: &[
        ("POST", "/2013-04-01/hostedzone", "CreateHostedZone", 201),
        (
            "GET",
            "/2013-04-01/hostedzone?marker={Marker}&maxitems={MaxItems}&hostedzonetype={HostedZoneType}",
            "ListHostedZones",
            200,
        ),
        (
            "GET",
            "/2013-04-01/hostedzonesbyname?dnsname={DNSName}&hostedzoneid={HostedZoneId}&maxitems={MaxItems}",
            "ListHostedZonesByName",
            200,
        ),
        (
            "GET",
            "/2013-04-01/hostedzonesbyvpc?vpcid={VPCId}&vpcregion={VPCRegion}&maxitems={MaxItems}&nexttoken={NextToken}",
            "ListHostedZonesByVPC",
            200,
        ),
        ("GET", "/2013-04-01/hostedzonecount", "GetHostedZoneCount", 200),
        ("GET", "/2013-04-01/hostedzone/{Id}", "GetHostedZone", 200),
        ("POST", "/2013-04-01/hostedzone/{Id}", "UpdateHostedZoneComment", 200),
        ("DELETE", "/2013-04-01/hostedzone/{Id}", "DeleteHostedZone", 200),
        ("POST", "/2013-04-01/hostedzone/{HostedZoneId}/associatevpc", "AssociateVPCWithHostedZone", 200),
        ("POST", "/2013-04-01/hostedzone/{HostedZoneId}/disassociatevpc", "DisassociateVPCFromHostedZone", 200),
        ("POST", "/2013-04-01/hostedzone/{HostedZoneId}/rrset", "ChangeResourceRecordSets", 200),
        (
            "GET",
            "/2013-04-01/hostedzone/{HostedZoneId}/rrset?name={StartRecordName}&type={StartRecordType}\
             &identifier={StartRecordIdentifier}&maxitems={MaxItems}",
            "ListResourceRecordSets",
            200,
        ),
        ("GET", "/2013-04-01/change/{Id}", "GetChange", 200),
        ("POST", "/2013-04-01/healthcheck", "CreateHealthCheck", 201),
        ("GET", "/2013-04-01/healthcheck?marker={Marker}&maxitems={MaxItems}", "ListHealthChecks", 200),
        ("GET", "/2013-04-01/healthcheckcount", "GetHealthCheckCount", 200),
        ("GET", "/2013-04-01/healthcheck/{HealthCheckId}", "GetHealthCheck", 200),
        ("GET", "/2013-04-01/healthcheck/{HealthCheckId}/status", "GetHealthCheckStatus", 200),
        ("POST", "/2013-04-01/healthcheck/{HealthCheckId}", "UpdateHealthCheck", 200),
        ("DELETE", "/2013-04-01/healthcheck/{HealthCheckId}", "DeleteHealthCheck", 200),
        ("POST", "/2013-04-01/tags/{ResourceType}/{ResourceId}", "ChangeTagsForResource", 200),
        ("GET", "/2013-04-01/tags/{ResourceType}/{ResourceId}", "ListTagsForResource", 200),
        ("POST", "/2013-04-01/tags/{ResourceType}", "ListTagsForResources", 200),
    ],
};

/// Answers one operation.
pub(crate) fn call(world: &mut World, cx: &Cx, op: &str, input: &Value) -> Result<Value, Refusal> {
    let input = Input::new(input, "InvalidInput");
    let answer = match op {
        "CreateHostedZone" => zone::create(world, cx, input),
        "GetHostedZone" => zone::get(world, cx, input),
        "UpdateHostedZoneComment" => zone::update_comment(world, cx, input),
        "DeleteHostedZone" => zone::delete(world, cx, input),
        "GetHostedZoneCount" => Ok(zone_list::count(world, cx)),
        "ListHostedZones" => zone_list::all(world, cx, input),
        "ListHostedZonesByName" => zone_list::by_name(world, cx, input),
        "ListHostedZonesByVPC" => zone_list::by_vpc(world, input),
        "AssociateVPCWithHostedZone" => vpc::associate(world, cx, input),
        "DisassociateVPCFromHostedZone" => vpc::disassociate(world, cx, input),
        "ChangeResourceRecordSets" => batch::change(world, cx, input),
        "ListResourceRecordSets" => record_list::list(world, cx, input),
        "GetChange" => batch::get(world, cx, input),
        "CreateHealthCheck" => health_check::create(world, cx, input),
        "GetHealthCheck" => health_check::get(world, cx, input),
        "GetHealthCheckStatus" => health_check::status(world, cx, input),
        "GetHealthCheckCount" => Ok(health_check::count(world, cx)),
        "ListHealthChecks" => health_check::list(world, cx, input),
        "UpdateHealthCheck" => health_check::update(world, cx, input),
        "DeleteHealthCheck" => health_check::delete(world, cx, input),
        "ChangeTagsForResource" => tags::change(world, cx, input),
        "ListTagsForResource" => tags::list(world, cx, input),
        "ListTagsForResources" => tags::list_many(world, cx, input),
        _ => Err(Refusal::unknown_operation().status(404)),
    };
    answer.map_err(|mut refusal| {
        // What is of the wrong shape in XML is invalid input to Route 53.
        if refusal.code == "SerializationException" {
            refusal.code = "InvalidInput".into();
        }
        refusal
    })
}

pub(crate) fn happen(world: &mut World, event: &Event) {
    let Event::InSync(change) = event;
    batch::in_sync(world, change);
}

impl Route53 {
    /// Everything remembered, for a look from outside: zones with all their records, and changes.
    pub(crate) fn dump(&self, world: &World) -> Value {
        let zones = self.zones.values().map(|zone| {
            let mut shown = zone.show(zone.records(world).len());
            shown["ResourceRecordSets"] = zone.records(world).into_values().collect();
            shown
        });
        let changes = self.changes.iter().map(|(id, change)| change.show(id));
        let checks = self.health_checks.iter().map(|(id, check)| check.show(id));
        json!({
            "hostedZones": zones.collect::<Value>(),
            "changes": changes.collect::<Value>(),
            "healthChecks": checks.collect::<Value>(),
        })
    }
}

/// An ID, also where it is given as `/hostedzone/ID` or `/change/ID`, as answers name it.
fn bare(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// `MaxItems`: at most `most`, which is also the default; more is answered with as many as there can be.
fn most_items(input: Input<'_>, most: usize) -> Result<usize, Refusal> {
    let asked = input.number("MaxItems")?.unwrap_or(most as i64);
    if asked < 1 {
        return Err(input.refuse(format!("Value {asked} at 'maxItems' must be at least 1")));
    }
    Ok(usize::try_from(asked).unwrap_or(most).min(most))
}
