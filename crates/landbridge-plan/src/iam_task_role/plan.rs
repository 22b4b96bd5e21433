//! What an IAMTaskRole needs.

use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::IamTaskRole;

use super::associations::{self, Associations};
use super::wanted::Wanted;
use super::{IamTaskRoleObserved, IamTaskRoleResolved, RoleFacts, rules};
use crate::adoption::{self, Claim, IN_USE_LOOK_AFTER};
use crate::change::{Body, Change, Tags};
use crate::kind::Kind;
use crate::owner::{Owner, Ownership};
use crate::plan::{Cause, Difference, Plan};
use crate::{policy, policy_document, tags};

pub(super) fn plan(object: &IamTaskRole, resolved: &IamTaskRoleResolved, observed: &IamTaskRoleObserved) -> Plan {
    let owner = Owner::new(object.identity(), &resolved.account);
    let mut plan = Plan::of(object.identity());
    if object.is_deleting() {
        delete(&mut plan, object, resolved, observed, &owner);
        return plan;
    }
    let wanted = Wanted::of(object, resolved, observed, &owner);
    rules::refuse(&mut plan, object, resolved, &wanted);
    if !plan.blocked.is_empty() {
        return plan;
    }
    let associations = Associations::of(&mut plan, object, resolved, observed, &owner);
    if !plan.blocked.is_empty() {
        return plan;
    }
    plan.waits.extend(wanted.trust.waits.iter().filter(|w| !plan.waits.contains(w)).cloned().collect::<Vec<_>>());
    hold(&mut plan, &resolved.name, &wanted);
    let cause = adoption::cause(object.is_applied(resolved));
    match &observed.role {
        // A role is made with its trust, so that has to be known.
        None if !wanted.trust.is_known() => return plan,
        None => create(&mut plan, &resolved.name, &wanted, cause),
        Some(role) => {
            if !update(&mut plan, object, resolved, role, &owner, wanted, &associations, cause) {
                return plan;
            }
        }
    }
    associations.additions(&mut plan, cause);
    plan
}

/// Says who keeps ECS tasks in the trust policy that the spec shuts out.
fn hold(plan: &mut Plan, name: &str, wanted: &Wanted) {
    if !wanted.trust.held_for.is_empty() {
        let message = format!(
            "spec.trust.ecsTasks is false, and IAM role {name} still lets ECS tasks in, because {} refers to it; it shuts them out \
             once that does not any more",
            adoption::some_of(&wanted.trust.held_for)
        );
        plan.wait(reason::IN_USE, message, IN_USE_LOOK_AFTER);
    }
}

fn create(plan: &mut Plan, name: &str, wanted: &Wanted, cause: Cause) {
    if cause == Cause::Drift {
        plan.drift.push(Difference::new("roleName", None, Some(name.into())));
    }
    let mut body = Body::new();
    body.insert("MaxSessionDuration".to_owned(), wanted.max_session_duration.into());
    if !wanted.description.is_empty() {
        body.insert("Description".to_owned(), wanted.description.as_str().into());
    }
    if let Some(boundary) = &wanted.permissions_boundary {
        body.insert("PermissionsBoundary".to_owned(), boundary.as_str().into());
    }
    let change = Change::CreateRole {
        name: name.to_owned(),
        path: wanted.path.clone(),
        trust: wanted.trust.document.clone(),
        body,
        tags: wanted.tags.clone(),
    };
    plan.step("role", cause, &[], change);
    for (policy, document) in &wanted.policies {
        plan.step(&policy_step(policy), cause, &["role"], put(name, policy, document));
    }
    for arn in &wanted.managed_policies {
        let change = Change::AttachRolePolicy { role: name.to_owned(), arn: arn.clone() };
        plan.step(&attachment_step(arn), cause, &["role"], change);
    }
}

/// Says whether the role may be used.
#[allow(clippy::too_many_arguments)]
fn update(
    plan: &mut Plan,
    object: &IamTaskRole,
    resolved: &IamTaskRoleResolved,
    role: &RoleFacts,
    owner: &Owner,
    mut wanted: Wanted,
    associations: &Associations<'_>,
    cause: Cause,
) -> bool {
    let name = &resolved.name;
    let what = format!("IAM role {name}");
    if role.path != wanted.path {
        plan.block(
            reason::OUTSIDE_ACCOUNT_RULES,
            format!(
                "{what} exists under path {}, roles of the account are made under {}, and IAM cannot move a role; set \
                 another spec.roleName, or delete the role in AWS",
                role.path, wanted.path
            ),
        );
        return false;
    }
    match adoption::claim(owner, &object.spec.knobs, &what, &role.tags, &wanted.differences(role)) {
        Claim::Refused(blocked) => {
            plan.blocked.push(blocked);
            return false;
        }
        // Whether it differs cannot be said yet.
        Claim::Adopt if !wanted.trust.is_known() => return false,
        Claim::Adopt => {
            let change = Change::TagRole { role: name.clone(), set: owner.tags(), remove: Vec::new() };
            plan.step("adopt", Cause::Adoption, &[], change);
            wanted.tags.retain(|k, _| tags::is_users(k));
        }
        Claim::Ours => {}
    }
    let gone = associations.removals(plan, cause);
    let mut pass = Update { plan, name, role, wanted: &wanted, cause };
    // What narrows the role goes before what widens it.
    pass.boundary();
    pass.trust_and_head(&gone);
    pass.tags(&role.tags);
    let removals = pass.removals();
    pass.additions(&removals);
    true
}

/// The changes to a role that is there and ours.
struct Update<'a> {
    plan: &'a mut Plan,
    name: &'a str,
    role: &'a RoleFacts,
    wanted: &'a Wanted,
    cause: Cause,
}

impl Update<'_> {
    fn correct(&mut self, id: &str, after: &[&str], change: Change, differences: Vec<Difference>) {
        if self.cause == Cause::Drift {
            self.plan.drift.extend(differences.iter().cloned());
        }
        self.plan.update(id, self.cause, after, change, differences);
    }

    fn role(&self) -> String {
        self.name.to_owned()
    }

    fn boundary(&mut self) {
        if let Some(difference) = self.wanted.boundary_difference(self.role) {
            let change = Change::SetBoundary { role: self.role(), arn: self.wanted.permissions_boundary.clone() };
            self.correct("boundary", &["adopt"], change, vec![difference]);
        }
    }

    /// `gone` are the steps that remove associations of pods that the trust may shut out.
    fn trust_and_head(&mut self, gone: &[String]) {
        let differences = self.wanted.trust_differences(self.role);
        if !differences.is_empty() {
            let change = Change::UpdateTrust { role: self.role(), trust: self.wanted.trust.document.clone() };
            let after: Vec<&str> = std::iter::once("adopt").chain(gone.iter().map(String::as_str)).collect();
            self.correct("trust", &after, change, differences);
        }
        let differences = self.wanted.head_differences(self.role);
        if !differences.is_empty() {
            let change = Change::UpdateRole {
                role: self.role(),
                description: self.wanted.description.clone(),
                max_session_duration: self.wanted.max_session_duration,
            };
            self.correct("role", &["adopt"], change, differences);
        }
    }

    fn tags(&mut self, present: &Tags) {
        if let Some(change) = tags::change(present, &self.wanted.tags) {
            let differences = tags::differences("tags", present, &self.wanted.tags);
            let change = Change::TagRole { role: self.role(), set: change.set, remove: change.remove };
            self.correct("tags", &["adopt"], change, differences);
        }
    }

    /// Takes away what is not declared; gives the steps back.
    fn removals(&mut self) -> Vec<String> {
        let mut steps = Vec::new();
        let wanted = self.wanted;
        for name in self.role.policies.keys().filter(|n| !wanted.policies.contains_key(*n)) {
            let change = Change::DeleteRolePolicy { role: self.role(), name: name.clone() };
            self.correct(&policy_step(name), &["adopt"], change, wanted.policy_differences(self.role, name));
            steps.push(policy_step(name));
        }
        for arn in self.role.managed_policies.difference(&wanted.managed_policies) {
            let change = Change::DetachRolePolicy { role: self.role(), arn: arn.clone() };
            self.correct(&attachment_step(arn), &["adopt"], change, vec![wanted.attachment_difference(arn)]);
            steps.push(attachment_step(arn));
        }
        steps
    }

    /// Puts what is declared, when there is room for it: IAM's quotas count what is on the role.
    fn additions(&mut self, removals: &[String]) {
        let after: Vec<&str> = std::iter::once("adopt").chain(removals.iter().map(String::as_str)).collect();
        let wanted = self.wanted;
        for (name, document) in &wanted.policies {
            let differences = wanted.policy_differences(self.role, name);
            if !differences.is_empty() {
                let change = put(self.name, name, document);
                self.correct(&policy_step(name), &after, change, differences);
            }
        }
        for arn in wanted.managed_policies.difference(&self.role.managed_policies) {
            let change = Change::AttachRolePolicy { role: self.role(), arn: arn.clone() };
            self.correct(&attachment_step(arn), &after, change, vec![wanted.attachment_difference(arn)]);
        }
    }
}

fn delete(
    plan: &mut Plan,
    object: &IamTaskRole,
    resolved: &IamTaskRoleResolved,
    observed: &IamTaskRoleObserved,
    owner: &Owner,
) {
    let name = &resolved.name;
    let what = format!("IAM role {name}");
    if adoption::waits_for_users(plan, &what, &resolved.users) {
        return;
    }
    if policy::retains(&object.spec.knobs) {
        plan.gone = true;
        return;
    }
    let mut before = associations::delete_all(plan, observed, owner);
    let Some(role) = observed.role.as_ref().filter(|r| owner.reads(&r.tags) == Ownership::Ours) else {
        plan.gone = before.is_empty();
        return;
    };
    if !observed.instance_profiles.is_empty() {
        let profiles = adoption::some_of(&observed.instance_profiles);
        plan.wait(
            reason::IN_USE,
            format!("{what} is in instance profiles {profiles}; it is deleted when it has been taken out of them"),
            IN_USE_LOOK_AFTER,
        );
        return;
    }
    // Pods keep working credentials as long as they have them at all.
    let pods = before.clone();
    let pods: Vec<&str> = pods.iter().map(String::as_str).collect();
    for arn in &role.managed_policies {
        let change = Change::DetachRolePolicy { role: name.clone(), arn: arn.clone() };
        before.push(plan.step(&attachment_step(arn), Cause::Deletion, &pods, change));
    }
    for policy in role.policies.keys() {
        let change = Change::DeleteRolePolicy { role: name.clone(), name: policy.clone() };
        before.push(plan.step(&policy_step(policy), Cause::Deletion, &pods, change));
    }
    let before: Vec<&str> = before.iter().map(String::as_str).collect();
    plan.step("role", Cause::Deletion, &before, Change::DeleteRole { name: name.clone() });
}

fn put(role: &str, name: &str, document: &serde_json::Value) -> Change {
    // Text is parsed, so that what is sent does not depend on how the file is indented.
    let document = policy_document::parse(document).map_or_else(|_| document.clone(), Into::into);
    Change::PutRolePolicy { role: role.to_owned(), name: name.to_owned(), document }
}

fn policy_step(name: &str) -> String {
    format!("policy:{name}")
}

fn attachment_step(arn: &str) -> String {
    format!("attachment:{arn}")
}
