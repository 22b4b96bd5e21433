//! What a CloudMapNamespace needs.

use jiff::Timestamp;
use landbridge_api::common::UNOBSERVED;
use landbridge_api::condition::reason;
use landbridge_api::names::annotation;
use landbridge_api::v1alpha1::{CloudMapNamespace, CloudMapNamespaceSpec, NamespaceType};
use serde_json::{Value, json};

use super::operation::Hindrance;
use super::{CloudMapNamespaceObserved, CloudMapNamespaceResolved, NamespaceFacts};
use crate::adoption::{self, Claim, IN_USE_LOOK_AFTER};
use crate::change::{Body, Change, Tagged, Tags};
use crate::hash::client_token;
use crate::kind::Kind;
use crate::owner::{Owner, Ownership};
use crate::plan::{Cause, Difference, Plan};
use crate::{policy, tags};

/// What a pass looks at.
struct Pass<'a> {
    object: &'a CloudMapNamespace,
    resolved: &'a CloudMapNamespaceResolved,
    observed: &'a CloudMapNamespaceObserved,
    owner: Owner,
    now: Timestamp,
}

pub(super) fn plan(
    object: &CloudMapNamespace,
    resolved: &CloudMapNamespaceResolved,
    observed: &CloudMapNamespaceObserved,
    now: Timestamp,
) -> Plan {
    let owner = Owner::new(object.identity(), &resolved.account);
    let pass = Pass { object, resolved, observed, owner, now };
    let mut plan = Plan::of(object.identity());
    if object.is_deleting() {
        pass.delete(&mut plan);
        return plan;
    }
    let wanted_tags = tags::wanted(&resolved.account, &object.spec.tags, &pass.owner);
    pass.refuse_invalid(&mut plan, &wanted_tags);
    if !plan.blocked.is_empty() {
        return plan;
    }
    if let Some(operation) = observed.operation.as_ref().filter(|o| o.in_flight()) {
        plan.waits.push(operation.wait());
        return plan;
    }
    match &observed.namespace {
        None => pass.create(&mut plan, &wanted_tags),
        Some(namespace) => pass.update(&mut plan, namespace, wanted_tags),
    }
    plan
}

impl Pass<'_> {
    fn spec(&self) -> &CloudMapNamespaceSpec {
        &self.object.spec
    }

    fn what(&self) -> String {
        format!("Cloud Map namespace {}", self.resolved.name)
    }

    fn refuse_invalid(&self, plan: &mut Plan, wanted_tags: &Tags) {
        let (spec, name) = (self.spec(), &self.resolved.name);
        let mut invalid = |message: String| plan.block(reason::INVALID_SPEC, message);
        if let Err(why) = valid_name(spec.type_, name) {
            invalid(format!(
                "\"{name}\" cannot be the name of a {} namespace: {why}; set spec.namespaceName",
                type_name(spec.type_)
            ));
        }
        match (spec.type_, &spec.vpc) {
            (NamespaceType::DnsPrivate, None) => {
                invalid(
                    "spec.vpc is required for type DNS_PRIVATE: the ID of the VPC in which names resolve".to_owned(),
                );
            }
            (NamespaceType::Http | NamespaceType::DnsPublic, Some(_)) => {
                invalid(format!("spec.vpc is not accepted for type {}; take it away", type_name(spec.type_)));
            }
            _ => {}
        }
        if let Some(properties) = &spec.properties {
            let ttl = properties.dns_properties.soa.ttl;
            if spec.type_ == NamespaceType::Http {
                invalid("spec.properties.dnsProperties applies to DNS namespaces only; take it away".to_owned());
            } else if !(0..=i64::from(i32::MAX)).contains(&ttl) {
                invalid(format!("spec.properties.dnsProperties.soa.ttl is {ttl}; it takes 0 to {} seconds", i32::MAX));
            }
        }
        if spec.description.as_ref().is_some_and(|d| d.chars().count() > 1024) {
            invalid("spec.description has more than 1024 characters".to_owned());
        }
        if let Err(why) = tags::validate(wanted_tags) {
            invalid(format!("spec.tags: {why}"));
        }
    }

    /// Whether a failed operation of that type stands in the way; what to say of it is in the plan then.
    fn hindered(&self, plan: &mut Plan, type_: &str) -> bool {
        let Some(operation) = &self.observed.operation else { return false };
        let stored = self.object.stored().map(|s| &s.common);
        let edited = stored
            .is_some_and(|s| s.observed_generation.is_some_and(|g| g != UNOBSERVED && g != self.object.generation()));
        let asked = self.object.metadata.annotations.as_ref().and_then(|a| a.get(annotation::RECONCILE_NOW));
        let nudged = asked.is_some() && asked != stored.and_then(|s| s.last_handled_reconcile_at.as_ref());
        match operation.hindrance(type_, edited || nudged, self.now) {
            Hindrance::None => return false,
            Hindrance::Wait(wait) => plan.waits.push(wait),
            Hindrance::Blocked(blocked) => plan.blocked.push(blocked),
        }
        true
    }

    fn create(&self, plan: &mut Plan, wanted_tags: &Tags) {
        if self.hindered(plan, "CREATE_NAMESPACE") {
            return;
        }
        if let Some(wait) = self.observed.operation.as_ref().and_then(|o| o.wait_to_be_seen(self.now)) {
            return plan.waits.push(wait);
        }
        // Cloud Map answers a repeated request with the operation of the first. After an operation that came to nothing,
        // or a namespace that somebody deleted, it must be a new one.
        let ended = self.observed.operation.as_ref().map_or("", |o| o.id.as_str());
        let lost = self.object.stored().and_then(|s| s.namespace_id.as_deref()).unwrap_or_default();
        let uid = self.object.metadata.uid.as_deref().unwrap_or_default();
        let name = self.resolved.name.clone();
        let mut body = Body::new();
        body.insert("Type".to_owned(), type_name(self.spec().type_).into());
        body.insert("Name".to_owned(), name.as_str().into());
        body.insert("CreatorRequestId".to_owned(), client_token(&[&self.object.identity(), uid, lost, ended]).into());
        body.insert("Tags".to_owned(), tags::listed(wanted_tags, "Key", "Value"));
        if let Some(vpc) = &self.spec().vpc {
            body.insert("Vpc".to_owned(), vpc.as_str().into());
        }
        if let Some(description) = &self.spec().description {
            body.insert("Description".to_owned(), description.as_str().into());
        }
        if let Some(ttl) = self.wanted_ttl() {
            body.insert("Properties".to_owned(), soa(ttl));
        }
        let cause = adoption::cause(self.object.is_applied(self.resolved));
        if cause == Cause::Drift {
            plan.drift.push(Difference::new("namespaceName", None, Some(name.as_str().into())));
        }
        plan.step("namespace", cause, &[], Change::CreateNamespace { name, body });
    }

    fn wanted_ttl(&self) -> Option<i64> {
        self.spec().properties.as_ref().map(|p| p.dns_properties.soa.ttl)
    }

    /// What differs and can be changed. A TTL that the spec leaves out is left as it is.
    fn differences(&self, namespace: &NamespaceFacts) -> Vec<Difference> {
        let mut found = Vec::new();
        let wanted = self.spec().description.as_deref().unwrap_or_default();
        if namespace.description != wanted {
            let text = |t: &str| (!t.is_empty()).then(|| Value::from(t));
            found.push(Difference::new("description", text(&namespace.description), text(wanted)));
        }
        if let Some(ttl) = self.wanted_ttl()
            && namespace.soa_ttl != Some(ttl)
        {
            found.push(Difference::new(
                "properties.dnsProperties.soa.ttl",
                namespace.soa_ttl.map(Value::from),
                Some(ttl.into()),
            ));
        }
        found
    }

    fn update(&self, plan: &mut Plan, namespace: &NamespaceFacts, mut wanted_tags: Tags) {
        if namespace.type_ != self.spec().type_ || namespace.name != self.resolved.name {
            plan.block(
                reason::IMMUTABLE_FIELD,
                format!(
                    "{} is {} of type {} in Cloud Map ({}), which cannot be changed; make another CloudMapNamespace",
                    self.what(),
                    namespace.name,
                    type_name(namespace.type_),
                    namespace.id
                ),
            );
            return;
        }
        let differences = self.differences(namespace);
        let tag = |set: Tags, remove| Change::Tag { api: Tagged::CloudMap, arn: namespace.arn.clone(), set, remove };
        match adoption::claim(&self.owner, &self.spec().knobs, &self.what(), &namespace.tags, &differences) {
            Claim::Refused(blocked) => return plan.blocked.push(blocked),
            Claim::Adopt => {
                plan.step("adopt", Cause::Adoption, &[], tag(self.owner.tags(), Vec::new()));
                wanted_tags.retain(|k, _| tags::is_users(k));
            }
            Claim::Ours => {}
        }
        let cause = adoption::cause(self.object.is_applied(self.resolved));
        let correct = |plan: &mut Plan, id: &str, change, differences: Vec<Difference>| {
            if cause == Cause::Drift {
                plan.drift.extend(differences.iter().cloned());
            }
            plan.update(id, cause, &["adopt"], change, differences);
        };
        if let Some(change) = tags::change(&namespace.tags, &wanted_tags) {
            let differences = tags::differences("tags", &namespace.tags, &wanted_tags);
            correct(plan, "tags", tag(change.set, change.remove), differences);
        }
        if !differences.is_empty() && !self.hindered(plan, "UPDATE_NAMESPACE") {
            correct(plan, "namespace", self.update_change(namespace, &differences), differences);
        }
    }

    fn update_change(&self, namespace: &NamespaceFacts, differences: &[Difference]) -> Change {
        let mut fields = Body::new();
        for difference in differences {
            if difference.path == "description" {
                let description = self.spec().description.clone().unwrap_or_default();
                fields.insert("Description".to_owned(), description.into());
            } else if let Some(ttl) = self.wanted_ttl() {
                fields.insert("Properties".to_owned(), soa(ttl));
            }
        }
        // An update repeated under an old ID would not be done; the same drift can come twice, so time is part of it.
        let request = client_token(&[&self.object.identity(), &namespace.id, &self.now.to_string()]);
        let body = json!({
            "Type": type_name(self.spec().type_),
            "UpdaterRequestId": request,
            "Namespace": fields,
        });
        let body = body.as_object().cloned().unwrap_or_default();
        Change::UpdateNamespace { id: namespace.id.clone(), name: self.resolved.name.clone(), body }
    }

    fn delete(&self, plan: &mut Plan) {
        if adoption::waits_for_users(plan, &self.what(), &self.resolved.users) {
            return;
        }
        if policy::retains(&self.spec().knobs) {
            plan.gone = true;
            return;
        }
        // A creation in flight must end first: what it makes has to be deleted.
        if let Some(operation) = self.observed.operation.as_ref().filter(|o| o.in_flight()) {
            plan.waits.push(operation.wait());
            return;
        }
        let ours = self.observed.namespace.as_ref().filter(|n| self.owner.reads(&n.tags) == Ownership::Ours);
        let Some(namespace) = ours else {
            plan.gone = true;
            return;
        };
        if namespace.service_count > 0 {
            let count = namespace.service_count;
            let what = self.what();
            plan.wait(
                reason::IN_USE,
                format!("{what} still holds {count} Cloud Map services; it is deleted when they are gone"),
                IN_USE_LOOK_AFTER,
            );
        } else if !self.hindered(plan, "DELETE_NAMESPACE") {
            let change = Change::DeleteNamespace { id: namespace.id.clone(), name: self.resolved.name.clone() };
            plan.step("namespace", Cause::Deletion, &[], change);
        }
    }
}

/// Cloud Map's word for the type, as it is in request bodies and in the spec.
fn type_name(type_: NamespaceType) -> &'static str {
    match type_ {
        NamespaceType::Http => "HTTP",
        NamespaceType::DnsPrivate => "DNS_PRIVATE",
        NamespaceType::DnsPublic => "DNS_PUBLIC",
    }
}

fn soa(ttl: i64) -> Value {
    json!({ "DnsProperties": { "SOA": { "TTL": ttl } } })
}

/// Names: printable ASCII without spaces, at most 1,024 characters for HTTP and 253 for DNS (Cloud Map API reference,
/// `NamespaceNameHttp`, `NamespaceNamePrivate`, `NamespaceNamePublic`); DNS labels have at most 63.
fn valid_name(type_: NamespaceType, name: &str) -> Result<(), String> {
    let longest = if type_ == NamespaceType::Http { 1024 } else { 253 };
    if name.is_empty() || name.len() > longest {
        return Err(format!("it has {} characters and may have 1 to {longest}", name.len()));
    }
    if !name.chars().all(|c| c.is_ascii_graphic()) {
        return Err("it may hold only printable ASCII characters without spaces".to_owned());
    }
    let labels = || name.strip_suffix('.').unwrap_or(name).split('.');
    if type_ != NamespaceType::Http && labels().any(|l| l.is_empty() || l.len() > 63) {
        return Err("the parts between its dots must have 1 to 63 characters".to_owned());
    }
    Ok(())
}
