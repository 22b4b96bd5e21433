//! Managed policies: the customer's own, in their first version, and AWS's, which are taken to exist whatever their name.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::document::{self, Purpose};
use super::role::{encoded, seconds};
use super::tags::Tags;
use super::{Account, delete_conflict, limit_exceeded, names, no_such_entity, page};
use crate::identifier;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// Characters of a managed policy, white space aside (reference_iam-quotas.html).
const POLICY_SIZE: usize = 6144;
const AWS_MANAGED: &str = "arn:aws:iam::aws:policy/";

/// A customer managed policy. Its only version is `v1`.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    arn: String,
    id: String,
    path: String,
    description: Option<String>,
    created: Timestamp,
    document: String,
    tags: Tags,
}

impl Policy {
    fn answer(&self, account: &Account) -> serde_json::Map<String, Value> {
        let attachments = account.roles.values().filter(|role| role.attached.contains(&self.arn)).count();
        let boundaries = account.roles.values().filter(|role| role.boundary.as_ref() == Some(&self.arn)).count();
        let policy = json!({
            "PolicyName": names::last_segment(&self.arn),
            "PolicyId": self.id,
            "Arn": self.arn,
            "Path": self.path,
            "DefaultVersionId": "v1",
            "AttachmentCount": attachments,
            "PermissionsBoundaryUsageCount": boundaries,
            "IsAttachable": true,
            "CreateDate": seconds(self.created),
            "UpdateDate": seconds(self.created),
        });
        policy.as_object().cloned().unwrap_or_default()
    }

    pub(crate) fn document(&self) -> &str {
        &self.document
    }

    fn version(&self) -> Value {
        json!({
            "Document": encoded(&self.document),
            "VersionId": "v1",
            "IsDefaultVersion": true,
            "CreateDate": seconds(self.created),
        })
    }

    /// `ManagedPolicyDetail` of GetAccountAuthorizationDetails.
    pub(crate) fn detail(&self, account: &Account) -> Value {
        let mut policy = self.answer(account);
        policy.insert("Description".to_owned(), json!(self.description));
        policy.insert("PolicyVersionList".to_owned(), json!([self.version()]));
        Value::Object(policy)
    }
}

/// A policy ARN that is at least shaped like one.
pub(crate) fn policy_arn<'a>(input: Input<'a>, key: &str) -> Result<&'a str, Refusal> {
    let arn = input.required(key)?;
    check_arn(arn)?;
    Ok(arn)
}

fn check_arn(arn: &str) -> Result<(), Refusal> {
    let owned = arn.starts_with("arn:aws:iam::") && arn.contains(":policy/") && !names::last_segment(arn).is_empty();
    if owned { Ok(()) } else { Err(Refusal::new("ValidationError", format!("ARN {arn} is not valid."))) }
}

pub(crate) fn exists(account: &Account, arn: &str) -> bool {
    arn.starts_with(AWS_MANAGED) || account.policies.contains_key(arn)
}

/// A boundary must be a managed policy that exists (PutRolePermissionsBoundary, IAM API reference).
pub(crate) fn check_boundary(account: &Account, arn: &str) -> Result<(), Refusal> {
    check_arn(arn)?;
    if exists(account, arn) {
        return Ok(());
    }
    Err(no_such_entity(format!("Scope ARN: {arn} does not exist or is not attachable.")))
}

/// `/` or `/some/path/` of a policy ARN.
pub(crate) fn path_of(arn: &str) -> &str {
    let after = arn.find(":policy/").map_or(arn, |at| &arn[at + ":policy".len()..]);
    after.rfind('/').map_or("/", |slash| &after[..=slash])
}

pub(crate) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = names::required(input, "PolicyName", 128)?;
    let path = names::path(input)?;
    let text = input.required("PolicyDocument")?;
    let description = names::description(input)?.map(ToOwned::to_owned);
    let tags = Tags::read(input)?;
    document::check(text, Purpose::Permissions)?;
    if document::size(text) > POLICY_SIZE {
        return Err(limit_exceeded(format!("Cannot exceed quota for PolicySize: {POLICY_SIZE}")));
    }
    let id = format!("ANPA{}", identifier::upper(&mut world.rng, 17));
    let account = world.services.iam.account(&cx.account);
    if account.policies.keys().any(|arn| names::last_segment(arn).eq_ignore_ascii_case(name)) {
        let message = format!("A policy called {name} already exists. Duplicate names are not allowed.");
        return Err(Refusal::new("EntityAlreadyExists", message).status(409));
    }
    let arn = format!("arn:aws:iam::{}:policy{path}{name}", cx.account);
    let policy = Policy {
        arn: arn.clone(),
        id,
        path: path.to_owned(),
        description,
        created: cx.now,
        document: text.to_owned(),
        tags,
    };
    let mut answer = policy.answer(account);
    answer.insert("Tags".to_owned(), policy.tags.answer());
    account.policies.insert(arn, policy);
    Ok(json!({"Policy": answer}))
}

fn not_found(arn: &str) -> Refusal {
    no_such_entity(format!("Policy {arn} was not found."))
}

pub(crate) fn get(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let arn = policy_arn(input, "PolicyArn")?;
    let account: &Account = world.services.iam.account(&cx.account);
    if arn.starts_with(AWS_MANAGED) {
        let attachments = account.roles.values().filter(|role| role.attached.contains(arn)).count();
        return Ok(json!({"Policy": {
            "PolicyName": names::last_segment(arn), "Arn": arn, "Path": path_of(arn), "DefaultVersionId": "v1",
            "AttachmentCount": attachments, "IsAttachable": true,
        }}));
    }
    let policy = account.policies.get(arn).ok_or_else(|| not_found(arn))?;
    let mut answer = policy.answer(account);
    answer.insert("Description".to_owned(), json!(policy.description));
    answer.insert("Tags".to_owned(), policy.tags.answer());
    Ok(json!({"Policy": answer}))
}

pub(crate) fn get_version(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let arn = policy_arn(input, "PolicyArn")?;
    let version = input.required("VersionId")?;
    let policy = world.services.iam.account(&cx.account).policies.get(arn).ok_or_else(|| not_found(arn))?;
    if version != "v1" {
        return Err(no_such_entity(format!("Policy {arn} version {version} does not exist or is not attachable.")));
    }
    Ok(json!({"PolicyVersion": policy.version()}))
}

/// Customer managed policies; AWS's own are without number here and never listed.
pub(crate) fn list(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let prefix = input.text("PathPrefix")?.unwrap_or("/");
    let attached_only = input.flag("OnlyAttached")?.unwrap_or(false);
    let ours = input.text("Scope")? != Some("AWS");
    let account: &Account = world.services.iam.account(&cx.account);
    let attached = |arn: &String| account.roles.values().any(|role| role.attached.contains(arn));
    let under = account
        .policies
        .iter()
        .filter(|(arn, policy)| ours && policy.path.starts_with(prefix) && (!attached_only || attached(arn)));
    let items = under.map(|(arn, policy)| (arn.as_str(), policy));
    page::cut(input, "Policies", items, |policy| Value::Object(policy.answer(account))).map(Value::Object)
}

/// Refused while a role has it, attached or as its boundary (DeletePolicy, IAM API reference).
pub(crate) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let arn = policy_arn(input, "PolicyArn")?;
    let account = world.services.iam.account(&cx.account);
    if !account.policies.contains_key(arn) {
        return Err(not_found(arn));
    }
    let used = |role: &super::Role| role.attached.contains(arn) || role.boundary.as_deref() == Some(arn);
    if account.roles.values().any(used) {
        return Err(delete_conflict("Cannot delete a policy attached to entities."));
    }
    account.policies.remove(arn);
    Ok(Value::Null)
}
