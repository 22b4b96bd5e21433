//! A Cloud Map service as some object wants it: request bodies, differences, and what cannot be changed in place. Whose it
//! is and what is registered in it is the business of the kinds that want one.

use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{DnsConfig, NamespaceType, RecordType, RoutingPolicy};
use serde_json::{Value, json};

use crate::change::{Body, Tags};
use crate::ecs_service::DiscoveryFacts;
use crate::plan::{Blocked, Difference};
use crate::{diff, hash, tags};

/// The Cloud Map service that is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct CloudMapService {
    /// Its namespace.
    pub namespace_id: String,
    /// Type of the namespace.
    pub namespace_type: NamespaceType,
    /// Name.
    pub name: String,
    /// Description; empty when there is none.
    pub description: String,
    /// DNS records in Cloud Map's JSON names; none in an HTTP namespace.
    pub dns_config: Option<Value>,
    /// Tags.
    pub tags: Tags,
    /// What makes the request to create it this one and no other.
    pub request: Vec<String>,
}

impl CloudMapService {
    /// Whether what was found is the service of the wanted namespace and name.
    pub fn is(&self, facts: &DiscoveryFacts) -> bool {
        facts.namespace_id == self.namespace_id && facts.name == self.name
    }

    /// The body of CreateService.
    pub(crate) fn create(&self) -> Body {
        let parts: Vec<&str> = self.request.iter().map(String::as_str).collect();
        let mut body = self.update();
        body.insert("Name".to_owned(), json!(self.name));
        body.insert("NamespaceId".to_owned(), json!(self.namespace_id));
        body.insert("CreatorRequestId".to_owned(), json!(hash::client_token(&parts)));
        // Whoever registers reports health here; the threshold has been fixed at 1 for years, and it cannot be added later.
        body.insert("HealthCheckCustomConfig".to_owned(), json!({"FailureThreshold": 1}));
        body.insert("Tags".to_owned(), tags::listed(&self.tags, "Key", "Value"));
        if self.dns_config.is_none() {
            body.insert("Type".to_owned(), json!("HTTP"));
        } else if let Some(policy) = self.dns_config.as_ref().and_then(|d| d.get("RoutingPolicy")).cloned()
            && let Some(Value::Object(dns)) = body.get_mut("DnsConfig")
        {
            dns.insert("RoutingPolicy".to_owned(), policy);
        }
        body
    }

    /// UpdateService of Cloud Map replaces: what is not sent is deleted.
    pub(crate) fn update(&self) -> Body {
        let mut body = Body::new();
        body.insert("Description".to_owned(), json!(self.description));
        if let Some(records) = self.dns_config.as_ref().and_then(|d| d.get("DnsRecords")) {
            body.insert("DnsConfig".to_owned(), json!({ "DnsRecords": records }));
        }
        body
    }

    /// How the service that is there differs, as paths below `path`.
    pub(crate) fn differences(&self, path: &str, facts: &DiscoveryFacts) -> Vec<Difference> {
        let side = |description: &str, dns: Option<Value>| {
            // The API reference of UpdateService excludes HTTP namespaces, so a description there is left as it is.
            let description = (self.namespace_type != NamespaceType::Http).then_some(description);
            json!({"description": description, "dnsConfig": dns})
        };
        let from = side(&facts.description, seen_dns(facts));
        diff::differences(path, &from, &side(&self.description, self.dns_config.clone()))
    }

    /// Record types and routing policy cannot be changed (`DnsConfig` of Cloud Map's UpdateService). `field` is where the
    /// spec says the name.
    pub(crate) fn immutable(&self, facts: &DiscoveryFacts, what_to_do: &str) -> Option<Blocked> {
        let shape = |dns: Option<&Value>| {
            let policy = dns.and_then(|d| d["RoutingPolicy"].as_str()).unwrap_or_default().to_owned();
            (types_of(dns).join("+"), policy)
        };
        let (from, to) = (shape(seen_dns(facts).as_ref()), shape(self.dns_config.as_ref()));
        if from == to {
            return None;
        }
        let said = |(types, policy): &(String, String)| match types.as_str() {
            "" => "no DNS records".to_owned(),
            types => format!("{types} records with routing policy {policy}"),
        };
        Some(Blocked::new(
            reason::IMMUTABLE_FIELD,
            format!(
                "Cloud Map service {} has {} and cannot be changed to {}: {what_to_do}",
                self.name,
                said(&from),
                said(&to),
            ),
        ))
    }
}

/// DNS records in Cloud Map's JSON names, in order.
pub(crate) fn dns_json(config: &DnsConfig) -> Value {
    let mut records = config.dns_records.clone();
    records.sort_by_key(|r| r.type_);
    let records: Vec<Value> = records.iter().map(|r| json!({"Type": r.type_, "TTL": r.ttl})).collect();
    json!({"RoutingPolicy": config.routing_policy.unwrap_or(RoutingPolicy::Multivalue), "DnsRecords": records})
}

/// What Cloud Map says, in the form of [`dns_json`].
pub(crate) fn seen_dns(facts: &DiscoveryFacts) -> Option<Value> {
    let config = facts.dns_config.as_ref().filter(|c| c.get("DnsRecords").is_some())?;
    let mut records: Vec<Value> = config["DnsRecords"].as_array().cloned().unwrap_or_default();
    records.sort_by(|a, b| a["Type"].as_str().cmp(&b["Type"].as_str()));
    if records.is_empty() {
        return None;
    }
    let records: Vec<Value> = records.iter().map(|r| json!({"Type": r["Type"], "TTL": r["TTL"]})).collect();
    let policy = config.get("RoutingPolicy").cloned().unwrap_or_else(|| json!("MULTIVALUE"));
    Some(json!({"RoutingPolicy": policy, "DnsRecords": records}))
}

/// The record types of DNS records in the form of [`dns_json`].
pub(crate) fn types_of(dns: Option<&Value>) -> Vec<String> {
    let records = dns.and_then(|d| d["DnsRecords"].as_array()).into_iter().flatten();
    records.filter_map(|r| r["Type"].as_str().map(str::to_owned)).collect()
}

/// What is wrong with a name: DNS labels in DNS namespaces (`Name` of Cloud Map's CreateService). `path` is where it
/// comes from.
pub(crate) fn name_fault(path: &str, name: &str, namespace: NamespaceType) -> Option<String> {
    let label = |l: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        !l.is_empty() && l.len() <= 63 && l.chars().all(fits) && !l.starts_with('-') && !l.ends_with('-')
    };
    if name.len() > 127 {
        return Some(format!("{path} is {} characters long, and Cloud Map takes 127: shorten it", name.len()));
    }
    let fits = namespace == NamespaceType::Http || name.split('.').all(label);
    (!fits).then(|| {
        format!(
            "{path} is {name:?}, and in a DNS namespace each part must be 1 to 63 letters, digits, hyphens and underscores: \
             change it"
        )
    })
}

/// What is wrong with DNS records, for a namespace of that type.
pub(crate) fn records_faults(path: &str, dns: &DnsConfig, namespace: NamespaceType) -> Vec<String> {
    let mut found = Vec::new();
    if namespace == NamespaceType::Http {
        found.push(format!("{path}.dnsConfig has no place in an HTTP namespace, which has no DNS: remove it"));
    }
    let types: Vec<RecordType> = dns.dns_records.iter().map(|r| r.type_).collect();
    let fits = matches!(types.as_slice(), [_] | [RecordType::A, RecordType::Aaaa] | [RecordType::Aaaa, RecordType::A]);
    if !fits {
        found
            .push(format!("{path}.dnsConfig.dnsRecords must be A, AAAA, A and AAAA together, or SRV: change the list"));
    }
    found
}
