//! What IAM would refuse in a role, and what the account does not allow.

use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::IamTaskRole;

use super::wanted::Wanted;
use super::{IamTaskRoleResolved, pod_rules};
use crate::plan::Plan;
use crate::policy_document::{self, Usage};
use crate::tags;

/// Longest trust policy that a raised quota allows; whether the account's default of 2,048 was raised, only IAM knows, so
/// one in between is left to IAM to judge (IAM User Guide, «IAM and AWS STS quotas»: role trust policy length).
const LONGEST_TRUST: usize = 4096;
/// Longest inline policies of a role, together (same page).
const LONGEST_INLINE: usize = 10_240;

/// Adds a refusal for everything that could not be done.
pub(super) fn refuse(plan: &mut Plan, object: &IamTaskRole, resolved: &IamTaskRoleResolved, wanted: &Wanted) {
    head(plan, wanted);
    trust(plan, object, wanted);
    pod_rules::refuse(plan, object, resolved);
    policies(plan, object, wanted);
    account_rules(plan, object, resolved);
    if let Err(why) = tags::validate(&wanted.tags) {
        plan.block(reason::INVALID_SPEC, format!("spec.tags: {why}"));
    }
}

/// Why IAM would not take the name, if it would not. It is asked before AWS is: IAM refuses even to look for such a name.
pub(super) fn bad_name(name: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    if name.is_empty() || name.len() > 64 {
        let length = name.len();
        return Some(format!(
            "the role name {name} has {length} characters and IAM takes 64; set spec.roleName to a shorter one"
        ));
    }
    let fine = name.chars().all(allowed);
    (!fine).then(|| format!("the role name {name} may hold only letters, digits and +=,.@_-; set spec.roleName"))
}

fn head(plan: &mut Plan, wanted: &Wanted) {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{7e}' | '\u{a1}'..='\u{ff}');
    if let Some(c) = wanted.description.chars().find(|c| !allowed(*c)) {
        plan.block(reason::INVALID_SPEC, format!("spec.description holds {c:?}, which IAM does not take"));
    }
    let seconds = wanted.max_session_duration;
    if !(3600..=43_200).contains(&seconds) {
        plan.block(
            reason::INVALID_SPEC,
            format!("spec.maxSessionDuration is {seconds}; IAM takes 3600 to 43200 seconds"),
        );
    }
}

fn trust(plan: &mut Plan, object: &IamTaskRole, wanted: &Wanted) {
    let mut invalid = |message: String| plan.block(reason::INVALID_SPEC, message);
    let declared = object.spec.trust.iter().flat_map(|t| &t.statements);
    let mut fine = true;
    for (index, statement) in declared.enumerate() {
        let at = format!("spec.trust.statements[{index}]");
        if let Err(error) = policy_document::validate_statement(statement, Usage::Trust, &at) {
            invalid(error.to_string());
            fine = false;
        }
    }
    if !fine {
        return;
    }
    if !wanted.trust.has_own {
        let message = "spec.trust lets nobody assume the role; set ecsTasks, podIdentity or statements, or name \
                       podIdentityAssociations or irsa";
        return invalid(message.to_owned());
    }
    let policy = &wanted.trust.document;
    let statements = policy["Statement"].as_array().map(Vec::as_slice).unwrap_or_default();
    if statements.is_empty() {
        return;
    }
    if let Err(error) = policy_document::validate(policy, Usage::Trust) {
        return invalid(format!("spec.trust: {error}"));
    }
    let size = policy_document::size(policy).unwrap_or_default();
    if size > LONGEST_TRUST {
        let kept = match wanted.trust.foreign.len() {
            0 => String::new(),
            count => format!(", with {count} of others that trust.foreignStatements keeps"),
        };
        invalid(format!(
            "the trust policy has {size} characters without white space in {} statements{kept}, and IAM takes 2048, or up to \
             {LONGEST_TRUST} where its quota L-C07B4B0D (role trust policy length) is raised; shorten spec.trust, or use Pod \
             Identity in place of IRSA, which needs one statement for all clusters",
            statements.len()
        ));
    }
}

fn policies(plan: &mut Plan, object: &IamTaskRole, wanted: &Wanted) {
    let mut invalid = |message: String| plan.block(reason::INVALID_SPEC, message);
    let mut inline = 0;
    for policy in &object.spec.policies {
        match policy_document::validate(&policy.document, Usage::Permissions) {
            Err(error) => invalid(format!("spec.policies[{}].document: {error}", policy.name)),
            Ok(()) => inline += policy_document::size(&policy.document).unwrap_or_default(),
        }
    }
    if wanted.policies.len() < object.spec.policies.len() {
        invalid("two of spec.policies have the same name; rename one".to_owned());
    }
    if inline > LONGEST_INLINE {
        invalid(format!(
            "the inline policies of spec.policies have {inline} characters without white space and IAM takes \
             {LONGEST_INLINE} per role; move some to managed policies (spec.managedPolicyArns)"
        ));
    }
}

fn account_rules(plan: &mut Plan, object: &IamTaskRole, resolved: &IamTaskRoleResolved) {
    let rules = &resolved.account.iam;
    let account = resolved.account.name.as_deref().map_or("the account".to_owned(), |n| format!("AWSAccount {n}"));
    if let (Some(rule), Some(own)) = (&rules.permissions_boundary, &object.spec.permissions_boundary)
        && rule != own
    {
        plan.block(
            reason::OUTSIDE_ACCOUNT_RULES,
            format!(
                "spec.permissionsBoundary is {own}, and {account} bounds every role with {rule}; take \
                 spec.permissionsBoundary away"
            ),
        );
    }
    if rules.allowed_managed_policies.is_empty() {
        return;
    }
    for arn in &object.spec.managed_policy_arns {
        if !rules.allowed_managed_policies.iter().any(|pattern| matches(pattern, arn)) {
            plan.block(
                reason::OUTSIDE_ACCOUNT_RULES,
                format!(
                    "spec.managedPolicyArns names {arn}, which is not among spec.iam.allowedManagedPolicies of {account}; \
                     take it away, or have the owner of {account} add it"
                ),
            );
        }
    }
}

/// Whether the text matches a pattern in which `*` stands for any run of characters.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        let policy = "arn:aws:iam::aws:policy/service-role/AmazonECS";
        for pattern in ["*", policy, "arn:aws:iam::aws:policy/*", "arn:*:policy/*/Amazon*", "*AmazonECS", "arn:**ECS"] {
            assert!(matches(pattern, policy), "{pattern}");
        }
        for pattern in
            ["", "arn:aws:iam::aws:policy", "*/Admin*", "arn:aws:iam::aws:policy/service-role/AmazonECS2", "a*a"]
        {
            assert!(!matches(pattern, policy), "{pattern}");
        }
        assert!(!matches("ab*ba", "aba"));
    }
}
