//! IAM: roles with everything that hangs on them, and as much of customer managed policies as roles need.
//!
//! State is per account, because IAM is global. A change is seen by IAM at once and by other services after
//! `Timings::iam_propagation` ("Changes that I make are not always immediately visible", IAM User Guide,
//! troubleshoot.html). Users, groups and instance profiles are not modelled; no call is refused by a
//! policy except AssumeRole by trust, but what policies allow can be simulated.

mod document;
mod managed;
mod names;
mod page;
mod provider;
mod role;
mod role_policies;
mod simulate;
mod tags;
mod trust;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

pub(crate) use managed::Policy;
pub(crate) use names::account_of;
pub(crate) use role::Role;
pub(crate) use trust::{Principal, Request as TrustRequest, trusts};

/// The version that IAM's calls name.
const API_VERSION: &str = "2010-05-08";

/// All accounts' roles and policies.
#[derive(Debug, Clone, Default)]
pub(crate) struct Iam {
    accounts: BTreeMap<String, Account>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Account {
    /// By lower-cased name: names are unique without regard to case (reference_iam-quotas.html).
    pub(crate) roles: BTreeMap<String, Role>,
    /// Customer managed policies by ARN.
    pub(crate) policies: BTreeMap<String, Policy>,
    /// OpenID Connect providers by ARN.
    providers: BTreeMap<String, provider::Provider>,
}

/// What another service sees of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RoleView {
    /// False until the role has propagated.
    pub(crate) usable: bool,
    /// The trust policy in force lets Amazon ECS tasks of the asking account assume the role.
    pub(crate) trusts_ecs_tasks: bool,
}

impl Iam {
    /// The role as a service in `region` sees it at `now`; none if there is no such role.
    pub(crate) fn role(&self, arn: &str, region: &str, now: Timestamp) -> Option<RoleView> {
        let role = self.by_arn(arn)?;
        let account = names::account_of(arn)?;
        let request = TrustRequest::for_ecs_tasks(account, region);
        Some(RoleView { usable: role.usable_at <= now, trusts_ecs_tasks: role.trust_at(now).allows(&request) })
    }

    /// The role that `arn` names, with its path: a role of the same name on another path is another ARN.
    pub(crate) fn by_arn(&self, arn: &str) -> Option<&Role> {
        let (_, name) = arn.rsplit_once('/')?;
        let account = self.accounts.get(names::account_of(arn)?)?;
        account.roles.get(&name.to_lowercase()).filter(|role| role.arn == arn)
    }

    /// Everything remembered, for a look from outside.
    pub(crate) fn dump(&self) -> Value {
        let roles = |account: &Account| account.roles.values().map(Role::dump).collect::<Value>();
        let policies = |account: &Account| account.policies.keys().map(|arn| json!(arn)).collect::<Value>();
        let account = |(id, account): (&String, &Account)| {
            (
                id.clone(),
                json!({
                    "roles": roles(account), "policies": policies(account), "oidcProviders": account.providers.keys().collect::<Vec<_>>(),
                }),
            )
        };
        self.accounts.iter().map(account).collect()
    }

    fn account(&mut self, account: &str) -> &mut Account {
        self.accounts.entry(account.to_owned()).or_default()
    }
}

impl Account {
    /// `NoSuchEntity` in the words of GetRole.
    fn role(&self, name: &str) -> Result<&Role, Refusal> {
        self.roles.get(&name.to_lowercase()).ok_or_else(|| no_such_role(name))
    }

    fn role_mut(&mut self, name: &str) -> Result<&mut Role, Refusal> {
        self.roles.get_mut(&name.to_lowercase()).ok_or_else(|| no_such_role(name))
    }
}

fn no_such_role(name: &str) -> Refusal {
    no_such_entity(format!("The role with name {name} cannot be found."))
}

fn no_such_entity(message: impl Into<String>) -> Refusal {
    Refusal::new("NoSuchEntity", message).status(404)
}

fn limit_exceeded(message: impl Into<String>) -> Refusal {
    Refusal::new("LimitExceeded", message).status(409)
}

fn delete_conflict(message: impl Into<String>) -> Refusal {
    Refusal::new("DeleteConflict", message).status(409)
}

fn malformed(message: impl Into<String>) -> Refusal {
    Refusal::new("MalformedPolicyDocument", message)
}

/// Answers one operation.
pub(crate) fn call(world: &mut World, cx: &Cx, op: &str, input: &Value) -> Result<Value, Refusal> {
    let input = Input::new(input, "ValidationError");
    match op {
        "CreateRole" => role::create(world, cx, input),
        "GetRole" => role::get(world, cx, input),
        "ListRoles" => role::list(world, cx, input),
        "UpdateRole" => role::update(world, cx, input),
        "UpdateRoleDescription" => role::update_description(world, cx, input),
        "UpdateAssumeRolePolicy" => role::update_trust(world, cx, input),
        "DeleteRole" => role::delete(world, cx, input),
        "ListInstanceProfilesForRole" => role::instance_profiles(world, cx, input),
        "GetAccountAuthorizationDetails" => role::authorization_details(world, cx, input),
        "PutRolePolicy" => role_policies::put(world, cx, input),
        "GetRolePolicy" => role_policies::get(world, cx, input),
        "ListRolePolicies" => role_policies::list(world, cx, input),
        "DeleteRolePolicy" => role_policies::delete(world, cx, input),
        "AttachRolePolicy" => role_policies::attach(world, cx, input),
        "ListAttachedRolePolicies" => role_policies::list_attached(world, cx, input),
        "DetachRolePolicy" => role_policies::detach(world, cx, input),
        "PutRolePermissionsBoundary" => role_policies::put_boundary(world, cx, input),
        "DeleteRolePermissionsBoundary" => role_policies::delete_boundary(world, cx, input),
        "TagRole" => tags::tag_role(world, cx, input),
        "UntagRole" => tags::untag_role(world, cx, input),
        "ListRoleTags" => tags::list_role_tags(world, cx, input),
        "CreatePolicy" => managed::create(world, cx, input),
        "GetPolicy" => managed::get(world, cx, input),
        "GetPolicyVersion" => managed::get_version(world, cx, input),
        "ListPolicies" => managed::list(world, cx, input),
        "DeletePolicy" => managed::delete(world, cx, input),
        "CreateOpenIDConnectProvider" => provider::create(world, cx, input),
        "GetOpenIDConnectProvider" => provider::get(world, cx, input),
        "ListOpenIDConnectProviders" => Ok(provider::list(world, cx)),
        "DeleteOpenIDConnectProvider" => provider::delete(world, cx, input),
        "UpdateOpenIDConnectProviderThumbprint" => provider::set_thumbprints(world, cx, input),
        "AddClientIDToOpenIDConnectProvider" => provider::add_client(world, cx, input),
        "RemoveClientIDFromOpenIDConnectProvider" => provider::remove_client(world, cx, input),
        "SimulatePrincipalPolicy" => simulate::principal(world, cx, input),
        "SimulateCustomPolicy" => simulate::custom(input),
        _ => Err(Refusal::invalid_action(op, API_VERSION)),
    }
}
