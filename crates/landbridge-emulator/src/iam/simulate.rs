//! What a role's policies allow: SimulatePrincipalPolicy and SimulateCustomPolicy, and the evaluation behind them
//! ("Policy evaluation logic"): an explicit deny wins, else one allow suffices, and a boundary must allow it too.
//!
//! Of AWS's own managed policies only AdministratorAccess is known; the others add nothing here. Resource policies,
//! service control policies and sessions are not simulated.

use serde_json::{Map, Value, json};

use super::document::{self, Purpose, statements, strings};
use super::trust::conditions_hold;
use super::{Account, Role, no_such_entity};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wildcard::like;
use crate::world::{Cx, World};

const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// A policy with what it is called in answers.
struct Source {
    id: String,
    kind: &'static str,
    document: Value,
}

impl Source {
    fn new(id: impl Into<String>, kind: &'static str, text: &str) -> Self {
        Self { id: id.into(), kind, document: serde_json::from_str(text).unwrap_or_default() }
    }
}

/// One question.
struct Question<'a> {
    action: &'a str,
    resource: &'a str,
    context: &'a [(String, String)],
}

impl Question<'_> {
    /// Whether a statement speaks about it: actions are matched without regard to case ("IAM JSON policy elements: Action"),
    /// resources with regard to it; in both `*` stands for any text and `?` for one character.
    fn is_meant_by(&self, statement: &Value) -> bool {
        let means = |element: &str, opposite: &str, meant: &dyn Fn(&str) -> bool| {
            let any = |patterns| strings(patterns).is_some_and(|patterns| patterns.iter().any(|one| meant(one)));
            match (statement.get(element), statement.get(opposite)) {
                (Some(patterns), _) => any(patterns),
                (None, Some(patterns)) => !any(patterns),
                (None, None) => false,
            }
        };
        means("Action", "NotAction", &|pattern| like(&pattern.to_ascii_lowercase(), &self.action.to_ascii_lowercase()))
            && means("Resource", "NotResource", &|pattern| like(pattern, self.resource))
            && conditions_hold(statement.get("Condition"), self.context)
    }

    /// The sources with a statement of this effect about it.
    fn sources<'s>(&self, sources: &'s [Source], effect: &str) -> Vec<&'s Source> {
        let speaks = |statement: &Value| {
            statement.get("Effect").and_then(Value::as_str) == Some(effect) && self.is_meant_by(statement)
        };
        sources.iter().filter(|source| statements(&source.document).iter().any(speaks)).collect()
    }

    /// `EvaluationResult`.
    fn answer(&self, sources: &[Source], boundary: Option<&[Source]>) -> Value {
        let denied = self.sources(sources, "Deny");
        let denied_by_boundary = boundary.is_some_and(|boundary| !self.sources(boundary, "Deny").is_empty());
        let allowed = self.sources(sources, "Allow");
        let within = boundary.is_none_or(|boundary| !self.sources(boundary, "Allow").is_empty());
        let (decision, because) = match (denied.is_empty() && !denied_by_boundary, allowed.is_empty() || !within) {
            (false, _) => ("explicitDeny", denied),
            (true, true) => ("implicitDeny", Vec::new()),
            (true, false) => ("allowed", allowed),
        };
        let statements: Vec<Value> = because
            .iter()
            .map(|source| json!({"SourcePolicyId": source.id, "SourcePolicyType": source.kind}))
            .collect();
        let mut answer = Map::new();
        answer.insert("EvalActionName".to_owned(), json!(self.action));
        answer.insert("EvalResourceName".to_owned(), json!(self.resource));
        answer.insert("EvalDecision".to_owned(), json!(decision));
        answer.insert("MatchedStatements".to_owned(), Value::Array(statements));
        answer.insert("MissingContextValues".to_owned(), json!([]));
        if boundary.is_some() {
            answer.insert(
                "PermissionsBoundaryDecisionDetail".to_owned(),
                json!({"AllowedByPermissionsBoundary": within}),
            );
        }
        answer.into()
    }
}

/// The policies of a role.
fn of_role(account: &Account, role: &Role) -> Vec<Source> {
    let inline = role.inline.iter().map(|(name, text)| Source::new(name, "IAM Policy", text));
    inline.chain(role.attached.iter().filter_map(|arn| managed(account, arn))).collect()
}

fn managed(account: &Account, arn: &str) -> Option<Source> {
    let name = super::names::last_segment(arn);
    if arn == ADMINISTRATOR {
        let all = r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
        return Some(Source::new(name, "IAM Policy", all));
    }
    account.policies.get(arn).map(|policy| Source::new(name, "IAM Policy", policy.document()))
}

pub(crate) fn principal(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let arn = input.required("PolicySourceArn")?;
    let more = given(input, "PolicyInputList")?;
    let iam = &mut world.services.iam;
    let account = iam.account(&cx.account).clone();
    let role = iam.by_arn(arn).ok_or_else(|| no_such_entity(format!("The policy source {arn} cannot be found.")))?;
    let mut sources = of_role(&account, role);
    sources.extend(more);
    let boundary: Option<Vec<Source>> = role.boundary.as_ref().map(|arn| managed(&account, arn).into_iter().collect());
    answers(input, &sources, boundary.as_deref())
}

pub(crate) fn custom(input: Input<'_>) -> Result<Value, Refusal> {
    let sources = given(input, "PolicyInputList")?;
    if sources.is_empty() {
        return Err(input.missing("PolicyInputList"));
    }
    answers(input, &sources, None)
}

/// Policies that a request brings along.
fn given(input: Input<'_>, member: &str) -> Result<Vec<Source>, Refusal> {
    let texts = input.texts(member)?;
    let checked = texts.iter().enumerate().map(|(index, text)| {
        document::check(text, Purpose::Permissions)
            .map_err(|refusal| Refusal::new("InvalidInput", refusal.message))
            .map(|document| Source { id: format!("{member}.{}", index + 1), kind: "IAM Policy", document })
    });
    checked.collect()
}

fn answers(input: Input<'_>, sources: &[Source], boundary: Option<&[Source]>) -> Result<Value, Refusal> {
    let actions = input.texts("ActionNames")?;
    if actions.is_empty() {
        return Err(input.missing("ActionNames"));
    }
    if let Some(action) = actions.iter().find(|action| !action.contains(':')) {
        return Err(Refusal::new("InvalidInput", format!("Invalid Action: {action}")));
    }
    let mut resources = input.texts("ResourceArns")?;
    if resources.is_empty() {
        resources.push("*");
    }
    let mut context = Vec::new();
    for entry in input.objects("ContextEntries")? {
        let key = entry.required("ContextKeyName")?.to_owned();
        context.extend(entry.texts("ContextKeyValues")?.into_iter().map(|value| (key.clone(), value.to_owned())));
    }
    let results: Vec<Value> = actions
        .iter()
        .flat_map(|action| resources.iter().map(move |resource| (action, resource)))
        .map(|(action, resource)| Question { action, resource, context: &context }.answer(sources, boundary))
        .collect();
    Ok(json!({"EvaluationResults": results, "IsTruncated": false}))
}
