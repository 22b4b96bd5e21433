//! The instances that should be registered, given the records of the Cloud Map service and its room.

use std::collections::BTreeMap;
use std::net::IpAddr;

use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{CloudMapExport, NamespaceType};
use serde_json::{Value, json};

use super::{CloudMapExportObserved, CloudMapExportResolved, Exported, ReadyEndpoint, attributes};
use crate::adoption::some_of;
use crate::change::Tags;
use crate::cloud_map_service::{dns_json, seen_dns, types_of};
use crate::traffic_migration::Most;

/// Instances that a Cloud Map service takes («AWS Cloud Map quotas»; it cannot be raised).
pub(super) const MOST: usize = 1_000;

/// The DNS records that the export wants: one A record, or AAAA where all endpoints have IPv6 addresses.
pub(super) fn wanted_dns(
    object: &CloudMapExport,
    resolved: &CloudMapExportResolved,
    exported: &Exported,
) -> Option<Value> {
    if resolved.target.namespace_type == NamespaceType::Http {
        return None;
    }
    if let Some(config) = &object.spec.dns_config {
        return Some(dns_json(config));
    }
    let only_v6 = !exported.ready.is_empty() && exported.ready.iter().all(|e| e.address.is_ipv6());
    let type_ = if only_v6 { "AAAA" } else { "A" };
    Some(json!({"RoutingPolicy": "MULTIVALUE", "DnsRecords": [{"Type": type_, "TTL": 10}]}))
}

/// What should be registered.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Attributes by instance ID.
    pub(super) instances: BTreeMap<String, Tags>,
    /// How many could be registered, where a migration says that fewer are.
    pub(super) ready: usize,
    /// Reason and text of what stands in the way of the rest.
    pub(super) trouble: Option<(&'static str, String)>,
}

impl Wanted {
    pub(super) fn of(
        object: &CloudMapExport,
        resolved: &CloudMapExportResolved,
        observed: &CloudMapExportObserved,
        exported: &Exported,
    ) -> Self {
        let dns = match &observed.service {
            Some(facts) => seen_dns(facts),
            None => wanted_dns(object, resolved, exported),
        };
        let custom_health = observed.service.as_ref().is_none_or(|s| s.custom_health);
        let mut wanted = Self::default();
        wanted.unroutable(exported);
        for (endpoint, other) in wanted.by_family(exported, &types_of(dns.as_ref())) {
            let id = attributes::instance_id(&exported.protocol, endpoint.address, endpoint.port);
            let all = attributes::of(object, &resolved.account, exported, endpoint, other, custom_health);
            wanted.instances.insert(id, all);
        }
        let owner = attributes::owner(object, &resolved.account);
        wanted.leave_to_others(observed, &owner);
        wanted.limit(resolved.most, observed, &owner);
        wanted.fit(observed, &owner);
        wanted
    }

    fn unroutable(&mut self, exported: &Exported) {
        if exported.unroutable.is_empty() {
            return;
        }
        let addresses: Vec<String> = exported.unroutable.iter().map(ToString::to_string).collect();
        self.trouble(
            reason::UNROUTABLE_ADDRESS,
            format!(
                "Service {} has endpoints at {}, which nobody outside a node of this cluster can reach, and they are not \
                 registered: export pods that have addresses of the VPC (as the Amazon VPC CNI gives them)",
                exported.service,
                some_of(&addresses)
            ),
        );
    }

    /// The endpoints with the address that their instance is named after, and the other one where the records want both.
    fn by_family<'a>(
        &mut self,
        exported: &'a Exported,
        records: &[String],
    ) -> Vec<(&'a ReadyEndpoint, Option<IpAddr>)> {
        let has = |type_: &str| records.iter().any(|r| r == type_);
        let (v4, v6): (Vec<_>, Vec<_>) = exported.ready.iter().partition(|e| e.address.is_ipv4());
        if has("A") && has("AAAA") {
            let other = |e: &ReadyEndpoint| v6.iter().find(|o| o.pod.is_some() && o.pod == e.pod).map(|o| o.address);
            let both: Vec<_> = v4.iter().filter_map(|e| Some((*e, Some(other(e)?)))).collect();
            if both.len() < v4.len().max(v6.len()) {
                let single = v4.len().max(v6.len()) - both.len();
                self.lacks(exported, &format!("{single} endpoints do not have both an IPv4 and an IPv6 address"));
            }
            return both;
        }
        let (taken, left, family) = match (has("A"), has("AAAA")) {
            (true, _) => (v4, v6, "IPv4"),
            (_, true) => (v6, v4, "IPv6"),
            _ if v4.is_empty() => (v6, v4, "IPv6"),
            _ => (v4, v6, "IPv4"),
        };
        if taken.is_empty() && !left.is_empty() {
            self.lacks(exported, &format!("no endpoint has an {family} address"));
        }
        taken.into_iter().map(|e| (e, None)).collect()
    }

    fn lacks(&mut self, exported: &Exported, what: &str) {
        let message = format!(
            "the DNS records of the Cloud Map service do not fit Service {}: {what}; set spec.dnsConfig.dnsRecords to the \
             families that its endpoints have, under another spec.name",
            exported.service
        );
        self.trouble(reason::INVALID_SPEC, message);
    }

    /// An instance that somebody else registered under an ID that ours would have is left as it is.
    fn leave_to_others(&mut self, observed: &CloudMapExportObserved, owner: &str) {
        let is_theirs = |id: &String| observed.instances.contains_key(id) && !observed.owns(id, owner);
        let theirs: Vec<String> = self.instances.keys().filter(|id| is_theirs(id)).cloned().collect();
        if theirs.is_empty() {
            return;
        }
        self.instances.retain(|id, _| !theirs.contains(id));
        let whose = observed.instances[&theirs[0]].get(attributes::OWNER).map_or_else(
            || "no export of Landbridge (perhaps the AWS MCS controller)".to_owned(),
            |owner| format!("export {owner}"),
        );
        let message = format!(
            "instances {} are registered already, by {whose}, and are left as they are: end one of the two exports",
            some_of(&theirs)
        );
        self.trouble(reason::OWNERSHIP_CONFLICT, message);
    }

    /// As many as a migration says: what is registered stays before what is not, and zones are filled evenly.
    fn limit(&mut self, most: Option<Most>, observed: &CloudMapExportObserved, owner: &str) {
        let most = match most {
            None => return,
            Some(Most::Count(n)) => n,
            Some(Most::AsNow) => observed.instances.keys().filter(|id| observed.owns(id, owner)).count(),
        };
        self.ready = self.instances.len();
        let zone = |tags: &Tags| tags.get("AVAILABILITY_ZONE").cloned().unwrap_or_default();
        let mut rest: Vec<(bool, String, String)> =
            self.instances.iter().map(|(id, tags)| (!observed.owns(id, owner), zone(tags), id.clone())).collect();
        let mut chosen: BTreeMap<String, usize> = BTreeMap::new();
        let mut kept = std::collections::BTreeSet::new();
        while kept.len() < most && !rest.is_empty() {
            let of = |(is_new, zone, id): &(bool, String, String)| {
                (*is_new, chosen.get(zone).copied().unwrap_or(0), id.clone())
            };
            let best = (0..rest.len()).min_by_key(|i| of(&rest[*i])).unwrap_or(0);
            let (_, zone, id) = rest.swap_remove(best);
            *chosen.entry(zone).or_default() += 1;
            kept.insert(id);
        }
        self.instances.retain(|id, _| kept.contains(id));
    }

    /// What is registered stays, and as many more as there is room for.
    fn fit(&mut self, observed: &CloudMapExportObserved, owner: &str) {
        let room = MOST.saturating_sub(observed.instances.len());
        let new: Vec<String> = self.instances.keys().filter(|id| !observed.owns(id, owner)).cloned().collect();
        if new.len() <= room {
            return;
        }
        let left_out = new.len() - room;
        self.instances.retain(|id, _| new.binary_search(id).is_ok_and(|i| i < room) || observed.owns(id, owner));
        let message = format!(
            "{left_out} endpoints do not fit: a Cloud Map service takes {MOST} instances, and {} are registered; export fewer \
             pods under this name, or put a load balancer before them",
            observed.instances.len()
        );
        self.trouble(reason::QUOTA_EXCEEDED, message);
    }

    fn trouble(&mut self, reason: &'static str, message: String) {
        self.trouble = Some(match self.trouble.take() {
            Some((first, said)) => (first, format!("{said}; {message}")),
            None => (reason, message),
        });
    }
}
