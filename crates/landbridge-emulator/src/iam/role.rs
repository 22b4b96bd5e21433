//! Roles: creation, reading, change and deletion (CreateRole and its siblings in the IAM API reference).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::document::{self, Purpose};
use super::tags::Tags;
use super::trust::Trust;
use super::{Account, delete_conflict, limit_exceeded, malformed, managed, names, page};
use crate::clock::later;
use crate::identifier;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// Characters of a trust policy, white space aside ("Role trust policy JSON text", reference_iam-quotas.html).
const TRUST_SIZE: usize = 2048;
/// Roles in an account while quotas are enforced (same page).
const ROLES: usize = 1000;
/// What RFC 3986 leaves as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) created: Timestamp,
    /// From when on other services see the role.
    pub(crate) usable_at: Timestamp,
    pub(crate) description: Option<String>,
    /// Seconds.
    pub(crate) max_session: i64,
    pub(crate) boundary: Option<String>,
    pub(crate) tags: Tags,
    /// Inline policies by name.
    pub(crate) inline: BTreeMap<String, String>,
    /// ARNs of managed policies.
    pub(crate) attached: BTreeSet<String>,
    trust_text: String,
    trust: Trust,
    /// The trust policy that other services still see, and until when.
    outgoing_trust: Option<(Trust, Timestamp)>,
}

impl Role {
    /// The trust policy that is in force outside of IAM at `now`.
    pub(crate) fn trust_at(&self, now: Timestamp) -> &Trust {
        match &self.outgoing_trust {
            Some((old, until)) if now < *until => old,
            _ => &self.trust,
        }
    }

    /// The members of `Role` that lists have too: ListRoles leaves out tags, boundary and last use (ListRoles, IAM API
    /// reference).
    fn listed(&self) -> Map<String, Value> {
        let mut role = Map::new();
        role.insert("Path".to_owned(), json!(self.path));
        role.insert("RoleName".to_owned(), json!(self.name));
        role.insert("RoleId".to_owned(), json!(self.id));
        role.insert("Arn".to_owned(), json!(self.arn));
        role.insert("CreateDate".to_owned(), json!(seconds(self.created)));
        role.insert("AssumeRolePolicyDocument".to_owned(), json!(encoded(&self.trust_text)));
        role.insert("Description".to_owned(), json!(self.description));
        role.insert("MaxSessionDuration".to_owned(), json!(self.max_session));
        role
    }

    fn whole(&self) -> Map<String, Value> {
        let mut role = self.listed();
        role.insert("PermissionsBoundary".to_owned(), self.boundary_answer());
        role.insert("Tags".to_owned(), self.tags.answer());
        role
    }

    fn boundary_answer(&self) -> Value {
        self.boundary.as_ref().map_or(
            Value::Null,
            // "PermissionsBoundaryPolicy" is the model's only value; IAM itself answers "Policy" (AttachedPermissionsBoundary).
            |arn| json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}),
        )
    }

    /// `RoleDetail` of GetAccountAuthorizationDetails: everything about the role at once, documents encoded.
    fn detail(&self) -> Value {
        let inline = |(name, text): (&String, &String)| json!({"PolicyName": name, "PolicyDocument": encoded(text)});
        let mut role = self.whole();
        role.remove("Description");
        role.remove("MaxSessionDuration");
        role.insert("InstanceProfileList".to_owned(), json!([]));
        role.insert("RolePolicyList".to_owned(), self.inline.iter().map(inline).collect());
        role.insert("AttachedManagedPolicies".to_owned(), self.attached.iter().map(|arn| attached(arn)).collect());
        Value::Object(role)
    }

    pub(crate) fn dump(&self) -> Value {
        let mut role = self.whole();
        role.insert("AssumeRolePolicyDocument".to_owned(), json!(self.trust_text));
        role.insert("InlinePolicies".to_owned(), json!(self.inline));
        role.insert("AttachedPolicies".to_owned(), json!(self.attached));
        Value::Object(role)
    }
}

/// `AttachedPolicy`.
pub(crate) fn attached(arn: &str) -> Value {
    json!({"PolicyName": names::last_segment(arn), "PolicyArn": arn})
}

/// A document as IAM answers it: percent-encoded by RFC 3986.
pub(crate) fn encoded(document: &str) -> String {
    utf8_percent_encode(document, ENCODED).to_string()
}

/// ISO 8601 to the second, as IAM writes times.
pub(crate) fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub(crate) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = names::role_name(input)?;
    let path = names::path(input)?;
    let trust_text = input.required("AssumeRolePolicyDocument")?;
    let description = names::description(input)?.map(ToOwned::to_owned);
    let max_session = input.number_within("MaxSessionDuration", 3600, 43200)?.unwrap_or(3600);
    let tags = Tags::read(input)?;
    let arn = format!("arn:aws:iam::{}:role{path}{name}", cx.account);
    let trust = checked_trust(world, trust_text)?;
    let enforced = world.quotas.enforced();
    let usable_at = later(cx.now, world.timings.iam_propagation);
    let id = format!("AROA{}", identifier::upper(&mut world.rng, 17));
    let account = world.services.iam.account(&cx.account);
    if account.roles.contains_key(&name.to_lowercase()) {
        let message = format!("Role with name {name} already exists.");
        return Err(Refusal::new("EntityAlreadyExists", message).status(409));
    }
    let boundary = input.text("PermissionsBoundary")?;
    if let Some(boundary) = boundary {
        managed::check_boundary(account, boundary)?;
    }
    if enforced && account.roles.len() >= ROLES {
        return Err(limit_exceeded(format!("Cannot exceed quota for RolesPerAccount: {ROLES}")));
    }
    let role = Role {
        name: name.to_owned(),
        path: path.to_owned(),
        id,
        arn,
        created: cx.now,
        usable_at,
        description,
        max_session,
        boundary: boundary.map(ToOwned::to_owned),
        tags,
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
        trust_text: trust_text.to_owned(),
        trust,
        outgoing_trust: None,
    };
    let answer = json!({"Role": role.whole()});
    account.roles.insert(name.to_lowercase(), role);
    Ok(answer)
}

/// A trust policy that IAM stores: well-formed, not too long, naming only roles that exist. Roles are only looked for in
/// accounts that this IAM knows; users are not modelled and therefore taken to exist.
fn checked_trust(world: &World, text: &str) -> Result<Trust, Refusal> {
    let document = document::check(text, Purpose::Trust)?;
    if document::size(text) > TRUST_SIZE {
        return Err(limit_exceeded(format!("Cannot exceed quota for ACLSizePerRole: {TRUST_SIZE}")));
    }
    let iam = &world.services.iam;
    let unknown = |arn: &&str| {
        let account = names::account_of(arn).and_then(|account| iam.accounts.get(account));
        arn.contains(":role/") && account.is_some() && iam.by_arn(arn).is_none()
    };
    for statement in document::statements(&document) {
        let who = statement.pointer("/Principal/AWS").and_then(document::strings).unwrap_or_default();
        if let Some(arn) = who.iter().find(|arn| unknown(arn)) {
            return Err(malformed(format!("Invalid principal in policy: \"AWS\":\"{arn}\"")));
        }
    }
    Ok(Trust(document))
}

pub(crate) fn get(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let role = world.services.iam.account(&cx.account).role(names::role_name(input)?)?;
    Ok(json!({"Role": role.whole()}))
}

pub(crate) fn list(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let prefix = input.text("PathPrefix")?.unwrap_or("/");
    if !prefix.starts_with('/') {
        return Err(input.refuse("The specified value for pathPrefix is invalid. It must begin with /"));
    }
    let account = world.services.iam.account(&cx.account);
    let under = account.roles.iter().filter(|(_, role)| role.path.starts_with(prefix));
    let items = under.map(|(key, role)| (key.as_str(), role));
    page::cut(input, "Roles", items, |role| Value::Object(role.listed())).map(Value::Object)
}

/// Changes what is given. The page does not say what an absent member does; that it leaves the value alone is how
/// clients that send only one of the two rely on it.
pub(crate) fn update(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = names::role_name(input)?;
    let description = names::description(input)?;
    let max_session = input.number_within("MaxSessionDuration", 3600, 43200)?;
    let role = world.services.iam.account(&cx.account).role_mut(name)?;
    if let Some(text) = description {
        role.description = Some(text.to_owned()).filter(|text| !text.is_empty());
    }
    role.max_session = max_session.unwrap_or(role.max_session);
    Ok(json!({}))
}

pub(crate) fn update_description(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let description = names::description(input)?.ok_or_else(|| input.missing("Description"))?;
    let role = world.services.iam.account(&cx.account).role_mut(names::role_name(input)?)?;
    role.description = Some(description.to_owned()).filter(|text| !text.is_empty());
    Ok(json!({"Role": role.whole()}))
}

pub(crate) fn update_trust(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = names::role_name(input)?;
    let text = input.required("PolicyDocument")?;
    let trust = checked_trust(world, text)?;
    let until = later(cx.now, world.timings.iam_propagation);
    let role = world.services.iam.account(&cx.account).role_mut(name)?;
    let seen = role.trust_at(cx.now).clone();
    role.outgoing_trust = (until > cx.now).then_some((seen, until));
    role.trust = trust;
    text.clone_into(&mut role.trust_text);
    Ok(Value::Null)
}

/// Refused while policies are attached or inline; the boundary goes with the role (DeleteRole, IAM API reference).
pub(crate) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = names::role_name(input)?;
    let account = world.services.iam.account(&cx.account);
    let role = account.role(name)?;
    if !role.attached.is_empty() {
        return Err(delete_conflict("Cannot delete entity, must detach all policies first."));
    }
    if !role.inline.is_empty() {
        return Err(delete_conflict("Cannot delete entity, must delete policies first."));
    }
    account.roles.remove(&name.to_lowercase());
    Ok(Value::Null)
}

/// Always empty: instance profiles are not modelled, so no role is in one.
pub(crate) fn instance_profiles(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    world.services.iam.account(&cx.account).role(names::role_name(input)?)?;
    page::cut(input, "InstanceProfiles", std::iter::empty(), |(): ()| Value::Null).map(Value::Object)
}

/// What GetAccountAuthorizationDetails tells about.
enum Entity<'a> {
    Role(&'a Role),
    Policy(&'a managed::Policy),
}

/// Roles and customer managed policies in one paginated list; `Filter` chooses (GetAccountAuthorizationDetails).
pub(crate) fn authorization_details(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    const KINDS: [&str; 5] = ["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"];
    let filter = input.texts("Filter")?;
    if let Some(unknown) = filter.iter().find(|kind| !KINDS.contains(kind)) {
        return Err(input.refuse(format!(
            "1 validation error detected: Value '[{unknown}]' at 'filter' failed to satisfy constraint: Member must satisfy \
             enum value set: {KINDS:?}"
        )));
    }
    let wanted = |kind: &str| filter.is_empty() || filter.contains(&kind);
    let account: &Account = world.services.iam.account(&cx.account);
    // The kind is part of the key, so that a marker can point into either list.
    let roles = account.roles.iter().filter(|_| wanted("Role"));
    let policies = account.policies.iter().filter(|_| wanted("LocalManagedPolicy"));
    let roles = roles.map(|(key, role)| (format!("1/{key}"), Entity::Role(role)));
    let entities: Vec<_> =
        roles.chain(policies.map(|(arn, policy)| (format!("2/{arn}"), Entity::Policy(policy)))).collect();
    let keyed = entities.iter().map(|(key, entity)| (key.as_str(), entity));
    let mut answer = page::cut(input, "page", keyed, |entity| match entity {
        Entity::Role(role) => json!({"RoleDetailList": role.detail()}),
        Entity::Policy(policy) => json!({"Policies": policy.detail(account)}),
    })?;
    let page = answer.remove("page").unwrap_or_default();
    for list in ["RoleDetailList", "Policies"] {
        let details = page.as_array().into_iter().flatten().filter_map(|entity| entity.get(list).cloned());
        answer.insert(list.to_owned(), details.collect());
    }
    answer.insert("UserDetailList".to_owned(), json!([]));
    answer.insert("GroupDetailList".to_owned(), json!([]));
    Ok(Value::Object(answer))
}
