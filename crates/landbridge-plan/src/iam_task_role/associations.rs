//! Pod Identity associations of the role: which are made, changed and removed, and what stands in the way.

use std::time::Duration;

use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{IamTaskRole, PodIdentityAssociation};
use serde_json::{Value, json};

use super::{AssociationFacts, IamTaskRoleObserved, IamTaskRoleResolved, Pods, wanted_pods};
use crate::account::AccountTarget;
use crate::adoption::{self, Claim};
use crate::change::{Body, Change, Tagged, Tags};
use crate::owner::{Owner, Ownership};
use crate::plan::{Cause, Difference, Plan, Wait};
use crate::{policy_document, tags};

/// How soon EKS is asked again for something that is not there.
pub(super) const EKS_LOOK_AFTER: Duration = Duration::from_secs(30);

/// The wait for an EKS cluster that is not there.
pub(super) fn cluster_absent(account: &AccountTarget, cluster: &str, field: &str) -> Wait {
    let message = format!(
        "there is no EKS cluster {cluster} in account {} and Region {}; create it, or correct its name in {field}",
        account.account_id, account.region
    );
    Wait::new(reason::REFERENCE_NOT_FOUND, message, EKS_LOOK_AFTER)
}

/// The associations of a role that is not being deleted.
pub(super) struct Associations<'a> {
    wanted: Vec<Wanted<'a>>,
    /// Ours, and not in the spec any more.
    unwanted: Vec<(&'a String, &'a AssociationFacts)>,
    tags: Tags,
    owner_tags: Tags,
    role_arn: String,
}

struct Wanted<'a> {
    pods: Pods,
    spec: &'a PodIdentityAssociation,
    present: Option<&'a AssociationFacts>,
    adopts: bool,
}

impl<'a> Associations<'a> {
    /// Looks at what is there; refuses what belongs to others, waits for clusters that cannot be used.
    pub(super) fn of(
        plan: &mut Plan,
        object: &'a IamTaskRole,
        resolved: &IamTaskRoleResolved,
        observed: &'a IamTaskRoleObserved,
        owner: &Owner,
    ) -> Self {
        let account = &resolved.account;
        let mut found = Self {
            wanted: Vec::new(),
            unwanted: Vec::new(),
            tags: tags::wanted(account, &object.spec.tags, owner),
            owner_tags: owner.tags(),
            role_arn: account.role_arn(&resolved.name),
        };
        let all = wanted_pods(object);
        let is_wanted = |key: &String| all.iter().any(|(pods, _)| pods.to_string() == *key);
        let ours = |(_, facts): &(&String, &AssociationFacts)| owner.reads(&facts.tags) == Ownership::Ours;
        found.unwanted = observed.associations.iter().filter(|(key, _)| !is_wanted(key)).filter(ours).collect();
        for (pods, spec) in all {
            if let Some(wait) = unusable(account, observed, &pods.cluster) {
                if !plan.waits.contains(&wait) {
                    plan.waits.push(wait);
                }
                continue;
            }
            let present = observed.associations.get(&pods.to_string());
            let mut adopts = false;
            if let Some(facts) = present {
                let what = format!("Pod Identity association {pods} (with role {})", facts.role_arn);
                let differences = found.differences(&pods, spec, facts);
                match adoption::claim(owner, &object.spec.knobs, &what, &facts.tags, &differences) {
                    Claim::Refused(blocked) => plan.blocked.push(blocked),
                    Claim::Adopt => adopts = true,
                    Claim::Ours => {}
                }
            }
            found.wanted.push(Wanted { pods, spec, present, adopts });
        }
        found
    }

    /// Takes away what the spec does not name any more: before the trust that let those pods in. Gives the steps back.
    pub(super) fn removals(&self, plan: &mut Plan, cause: Cause) -> Vec<String> {
        let remove = |plan: &mut Plan, key: &String, facts: &AssociationFacts| {
            let difference = Difference::new(path(key), Some(json!(facts.role_arn)), None);
            if cause == Cause::Drift {
                plan.drift.push(difference.clone());
            }
            plan.update(&step(key), cause, &["adopt"], delete(key, facts), vec![difference])
        };
        self.unwanted.iter().map(|(key, facts)| remove(plan, key, facts)).collect()
    }

    /// Makes and changes what the spec names: after the role and its trust.
    pub(super) fn additions(&self, plan: &mut Plan, cause: Cause) {
        for wanted in &self.wanted {
            match wanted.present {
                None => self.create(plan, wanted, cause),
                Some(facts) => self.update(plan, wanted, facts, cause),
            }
        }
    }

    fn create(&self, plan: &mut Plan, wanted: &Wanted<'_>, cause: Cause) {
        let (pods, spec) = (&wanted.pods, wanted.spec);
        if cause == Cause::Drift {
            plan.drift.push(Difference::new(path(&pods.to_string()), None, Some(json!(self.role_arn))));
        }
        let mut body = Body::from_iter([("roleArn".to_owned(), json!(self.role_arn))]);
        if let Some(target) = &spec.target_role_arn {
            body.insert("targetRoleArn".to_owned(), json!(target));
        }
        if spec.disable_session_tags == Some(true) {
            body.insert("disableSessionTags".to_owned(), json!(true));
        }
        if let Some(policy) = policy(spec) {
            body.insert("policy".to_owned(), policy);
        }
        let change = Change::CreatePodIdentityAssociation {
            cluster: pods.cluster.clone(),
            namespace: pods.namespace.clone(),
            service_account: pods.service_account.clone(),
            body,
            tags: self.tags.clone(),
        };
        plan.step(&step(&pods.to_string()), cause, &["adopt", "role", "trust"], change);
    }

    fn update(&self, plan: &mut Plan, wanted: &Wanted<'_>, facts: &AssociationFacts, cause: Cause) {
        let key = wanted.pods.to_string();
        let mut tags = self.tags.clone();
        let adopt = format!("adopt:{key}");
        let tag = |set, remove| Change::Tag { api: Tagged::Eks, arn: facts.arn.clone(), set, remove };
        if wanted.adopts {
            plan.step(&adopt, Cause::Adoption, &["adopt"], tag(self.owner_tags.clone(), Vec::new()));
            tags.retain(|k, _| tags::is_users(k));
        }
        let differences = self.differences(&wanted.pods, wanted.spec, facts);
        if !differences.is_empty() {
            note(plan, cause, &differences);
            let change = Change::UpdatePodIdentityAssociation {
                cluster: wanted.pods.cluster.clone(),
                namespace: wanted.pods.namespace.clone(),
                service_account: wanted.pods.service_account.clone(),
                id: facts.id.clone(),
                body: self.changed(wanted.spec, facts),
            };
            plan.update(&step(&key), cause, &["adopt", &adopt, "role", "trust"], change, differences);
        }
        if let Some(change) = tags::change(&facts.tags, &tags) {
            let differences = tags::differences(&format!("{}.tags", path(&key)), &facts.tags, &tags);
            note(plan, cause, &differences);
            plan.update(&format!("tags:{key}"), cause, &["adopt", &adopt], tag(change.set, change.remove), differences);
        }
    }

    fn differences(&self, pods: &Pods, spec: &PodIdentityAssociation, facts: &AssociationFacts) -> Vec<Difference> {
        let at = |member: &str| format!("{}.{member}", path(&pods.to_string()));
        let text = |value: Option<&str>| value.map(Value::from);
        let disabled = spec.disable_session_tags.unwrap_or(false);
        let mut found = Vec::new();
        let mut compare = |member: &str, from: Option<Value>, to: Option<Value>| {
            if from != to {
                found.push(Difference::new(at(member), from, to));
            }
        };
        compare("roleArn", text(Some(&facts.role_arn)), text(Some(&self.role_arn)));
        compare("targetRoleArn", text(facts.target_role_arn.as_deref()), text(spec.target_role_arn.as_deref()));
        compare("disableSessionTags", Some(facts.disable_session_tags.into()), Some(disabled.into()));
        match (&facts.policy, policy(spec)) {
            (Some(from), Some(to)) => found.extend(policy_document::differences(&at("policy"), from, &to)),
            (from, to) => compare("policy", from.clone(), to),
        }
        found
    }

    /// The members that differ. EKS takes a member away that is sent empty (UpdatePodIdentityAssociation).
    fn changed(&self, spec: &PodIdentityAssociation, facts: &AssociationFacts) -> Body {
        let mut body = Body::new();
        if facts.role_arn != self.role_arn {
            body.insert("roleArn".to_owned(), json!(self.role_arn));
        }
        if facts.target_role_arn != spec.target_role_arn {
            body.insert("targetRoleArn".to_owned(), json!(spec.target_role_arn.clone().unwrap_or_default()));
        }
        let disabled = spec.disable_session_tags.unwrap_or(false);
        let wanted = policy(spec);
        let is_same = match (&facts.policy, &wanted) {
            (Some(from), Some(to)) => policy_document::same(from, to),
            (from, to) => from.is_none() && to.is_none(),
        };
        // A policy is only taken together with what it needs.
        if facts.disable_session_tags != disabled || (!is_same && wanted.is_some()) {
            body.insert("disableSessionTags".to_owned(), json!(disabled));
        }
        if !is_same {
            body.insert("policy".to_owned(), wanted.unwrap_or_else(|| json!("")));
        }
        body
    }
}

/// Removes all associations of a role that is being deleted; gives the steps back.
pub(super) fn delete_all(plan: &mut Plan, observed: &IamTaskRoleObserved, owner: &Owner) -> Vec<String> {
    let ours = observed.associations.iter().filter(|(_, facts)| owner.reads(&facts.tags) == Ownership::Ours);
    ours.map(|(key, facts)| plan.step(&step(key), Cause::Deletion, &[], delete(key, facts))).collect()
}

fn note(plan: &mut Plan, cause: Cause, differences: &[Difference]) {
    if cause == Cause::Drift {
        plan.drift.extend(differences.iter().cloned());
    }
}

/// Why associations cannot be made in the cluster, if they cannot.
fn unusable(account: &AccountTarget, observed: &IamTaskRoleObserved, cluster: &str) -> Option<Wait> {
    let Some(facts) = observed.eks_clusters.get(cluster) else {
        return Some(cluster_absent(account, cluster, "spec.podIdentityAssociations"));
    };
    // A cluster that is updated keeps working.
    let is_usable = facts.status == "ACTIVE" || facts.status == "UPDATING";
    (!is_usable).then(|| {
        let message = format!("EKS cluster {cluster} is {}; its associations are made once it is ACTIVE", facts.status);
        Wait::new(reason::REFERENCE_NOT_READY, message, EKS_LOOK_AFTER)
    })
}

/// Text is parsed, so that what is sent does not depend on how the file is indented.
fn policy(spec: &PodIdentityAssociation) -> Option<Value> {
    let document = spec.policy.as_ref()?;
    Some(policy_document::parse(document).map_or_else(|_| document.clone(), Into::into))
}

fn delete(key: &str, facts: &AssociationFacts) -> Change {
    let mut parts = key.splitn(3, '/').map(str::to_owned);
    let mut part = || parts.next().unwrap_or_default();
    Change::DeletePodIdentityAssociation {
        cluster: part(),
        namespace: part(),
        service_account: part(),
        id: facts.id.clone(),
    }
}

fn step(key: &str) -> String {
    format!("association:{key}")
}

fn path(key: &str) -> String {
    format!("podIdentityAssociations[{key}]")
}
