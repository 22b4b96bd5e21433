//! What a role may do: inline policies, attached managed policies and the permissions boundary.

use serde_json::{Value, json};

use super::document::{self, Purpose};
use super::role::{attached, encoded};
use super::{limit_exceeded, managed, names, no_such_entity, page};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// Characters of all inline policies of a role, white space aside (reference_iam-quotas.html).
const INLINE_SIZE: usize = 10_240;
/// Managed policies of a role (same page).
const ATTACHED: usize = 10;

fn policy_name(input: Input<'_>) -> Result<&str, Refusal> {
    names::required(input, "PolicyName", 128)
}

pub(crate) fn put(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (role_name, policy_name) = (names::role_name(input)?, policy_name(input)?);
    let text = input.required("PolicyDocument")?;
    document::check(text, Purpose::Permissions)?;
    let role = world.services.iam.account(&cx.account).role_mut(role_name)?;
    let others = role.inline.iter().filter(|(name, _)| *name != policy_name);
    let total = others.map(|(_, text)| document::size(text)).sum::<usize>() + document::size(text);
    if total > INLINE_SIZE {
        return Err(limit_exceeded(format!(
            "Maximum policy size of {INLINE_SIZE} bytes exceeded for role {role_name}"
        )));
    }
    role.inline.insert(policy_name.to_owned(), text.to_owned());
    Ok(Value::Null)
}

pub(crate) fn get(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (role_name, policy_name) = (names::role_name(input)?, policy_name(input)?);
    let role = world.services.iam.account(&cx.account).role(role_name)?;
    let text = role.inline.get(policy_name).ok_or_else(|| no_such_policy(policy_name))?;
    Ok(json!({"RoleName": role.name, "PolicyName": policy_name, "PolicyDocument": encoded(text)}))
}

pub(crate) fn list(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let role = world.services.iam.account(&cx.account).role(names::role_name(input)?)?;
    let names = role.inline.keys().map(|name| (name.as_str(), name));
    page::cut(input, "PolicyNames", names, |name| json!(name)).map(Value::Object)
}

pub(crate) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (role_name, policy_name) = (names::role_name(input)?, policy_name(input)?);
    let role = world.services.iam.account(&cx.account).role_mut(role_name)?;
    role.inline.remove(policy_name).ok_or_else(|| no_such_policy(policy_name))?;
    Ok(Value::Null)
}

fn no_such_policy(name: &str) -> Refusal {
    no_such_entity(format!("The role policy with name {name} cannot be found."))
}

/// Attaching what is attached already changes nothing (AttachRolePolicy, IAM API reference).
pub(crate) fn attach(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = names::role_name(input)?;
    let arn = managed::policy_arn(input, "PolicyArn")?;
    let account = world.services.iam.account(&cx.account);
    account.role(name)?;
    if !managed::exists(account, arn) {
        return Err(no_such_entity(format!("Policy {arn} does not exist or is not attachable.")));
    }
    let role = account.role_mut(name)?;
    if !role.attached.contains(arn) && role.attached.len() >= ATTACHED {
        return Err(limit_exceeded(format!("Cannot exceed quota for PoliciesPerRole: {ATTACHED}")));
    }
    role.attached.insert(arn.to_owned());
    Ok(Value::Null)
}

pub(crate) fn list_attached(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let prefix = input.text("PathPrefix")?.unwrap_or("/");
    let role = world.services.iam.account(&cx.account).role(names::role_name(input)?)?;
    let under = role.attached.iter().filter(|arn| managed::path_of(arn).starts_with(prefix));
    page::cut(input, "AttachedPolicies", under.map(|arn| (arn.as_str(), arn)), |arn| attached(arn)).map(Value::Object)
}

pub(crate) fn detach(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = names::role_name(input)?;
    let arn = managed::policy_arn(input, "PolicyArn")?;
    let role = world.services.iam.account(&cx.account).role_mut(name)?;
    if !role.attached.remove(arn) {
        return Err(no_such_entity(format!("Policy {arn} was not found.")));
    }
    Ok(Value::Null)
}

pub(crate) fn put_boundary(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = names::role_name(input)?;
    let arn = input.required("PermissionsBoundary")?;
    let account = world.services.iam.account(&cx.account);
    account.role(name)?;
    managed::check_boundary(account, arn)?;
    account.role_mut(name)?.boundary = Some(arn.to_owned());
    Ok(Value::Null)
}

pub(crate) fn delete_boundary(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = names::role_name(input)?;
    let role = world.services.iam.account(&cx.account).role_mut(name)?;
    if role.boundary.take().is_none() {
        return Err(no_such_entity(format!("Role {name} does not have a permissions boundary.")));
    }
    Ok(Value::Null)
}
