//! What Cloud Map keeps in the hosted zone of a namespace: the records of its instances, and the zone itself. Source:
//! "DnsConfig" of CreateService and "Attributes" of RegisterInstance (Cloud Map API reference).
//!
//! The records are derived whenever Route 53 is asked, so that they cannot differ from the instances.

use serde_json::{Value, json};

use super::ecs_tasks::registry_of;
use super::{Instance, Namespace, Registry, Service, bare};
use crate::elbv2;
use crate::route53::{self, LinkedZone};
use crate::world::World;

/// The records of all instances in a namespace, as Route 53 shows them.
pub(crate) fn records_of(world: &World, namespace_arn: &str) -> Vec<Value> {
    let Some((registry, namespace)) = namespace_of(world, namespace_arn) else { return Vec::new() };
    let services = registry.services.values().filter(|service| service.namespace_id == namespace.id);
    services.flat_map(|service| service_records(world, service, &namespace.name)).collect()
}

/// The TTL of the SOA record of a namespace's zone.
pub(crate) fn soa_ttl(world: &World, namespace_arn: &str) -> Option<i64> {
    namespace_of(world, namespace_arn)?.1.dns.as_ref().map(|dns| dns.soa_ttl)
}

fn namespace_of<'w>(world: &'w World, arn: &str) -> Option<(&'w Registry, &'w Namespace)> {
    let registry = registry_of(world, arn)?;
    Some((registry, registry.namespaces.get(bare(arn))?))
}

/// Of the healthy instances; of all where none is healthy, as Route 53 then answers.
fn service_records(world: &World, service: &Service, namespace: &str) -> Vec<Value> {
    let healthy = |instance: &&Instance| instance.status(service) != "UNHEALTHY";
    let none = !service.instances.values().any(|instance| healthy(&instance));
    let answering = service.instances.values().filter(|instance| none || healthy(instance));
    answering.flat_map(|instance| instance_records(world, service, namespace, instance)).collect()
}

fn instance_records(world: &World, service: &Service, namespace: &str, instance: &Instance) -> Vec<Value> {
    let Some(dns) = &service.dns else { return Vec::new() };
    let namespace = namespace.strip_suffix('.').unwrap_or(namespace).to_ascii_lowercase();
    let name = if service.name == "." { format!("{namespace}.") } else { format!("{}.{namespace}.", service.name) };
    let name = name.to_ascii_lowercase();
    let attribute = |key: &str| instance.attributes.get(key).map(String::as_str);
    let routed = |mut record: Value| {
        record["SetIdentifier"] = json!(instance.id);
        if dns.routing_policy == "WEIGHTED" {
            record["Weight"] = json!(1);
        } else {
            record["MultiValueAnswer"] = json!(true);
        }
        record
    };
    if let Some(target) = attribute("AWS_ALIAS_DNS_NAME") {
        let alias = json!({
            "HostedZoneId": elbv2::hosted_zone_of(world, target),
            "DNSName": format!("{}.", target.trim_end_matches('.').to_ascii_lowercase()),
            "EvaluateTargetHealth": true,
        });
        let records = dns.records.iter();
        return records
            .map(|record| routed(json!({"Name": name, "Type": record.kind, "AliasTarget": alias})))
            .collect();
    }
    let simple = |name: &str, kind: &str, ttl: i64, value: &str| json!({"Name": name, "Type": kind, "TTL": ttl, "ResourceRecords": [{ "Value": value }]});
    let mut records = Vec::new();
    for record in &dns.records {
        let value = match record.kind.as_str() {
            "A" => attribute("AWS_INSTANCE_IPV4").map(ToOwned::to_owned),
            "AAAA" => attribute("AWS_INSTANCE_IPV6").map(ToOwned::to_owned),
            "CNAME" => attribute("AWS_INSTANCE_CNAME").map(ToOwned::to_owned),
            _ => attribute("AWS_INSTANCE_PORT").map(|port| format!("1 1 {port} {}.{name}", instance.id)),
        };
        let Some(value) = value else { continue };
        records.push(routed(simple(&name, &record.kind, record.ttl, &value)));
        // An SRV record names the instance, so that the instance has a name too.
        let addresses = [("A", "AWS_INSTANCE_IPV4"), ("AAAA", "AWS_INSTANCE_IPV6")];
        for (kind, key) in addresses.into_iter().filter(|_| record.kind == "SRV") {
            let own = format!("{}.{name}", instance.id.to_ascii_lowercase());
            records.extend(attribute(key).map(|address| simple(&own, kind, record.ttl, address)));
        }
    }
    records
}

impl Namespace {
    /// The hosted zone of a DNS namespace.
    pub(super) fn zone<'a>(&'a self, region: &'a str) -> Option<LinkedZone<'a>> {
        let dns = self.dns.as_ref()?;
        Some(LinkedZone {
            id: &dns.hosted_zone_id,
            account: &self.owner,
            region,
            name: &self.name,
            vpc: dns.vpc.as_deref(),
            namespace: &self.arn,
        })
    }
}

/// Whether a namespace's zone cannot be made: its VPC sees another of that name.
pub(super) fn is_taken(world: &World, namespace: &Namespace, region: &str) -> bool {
    namespace.zone(region).is_some_and(|zone| route53::conflict(world, &zone))
}
