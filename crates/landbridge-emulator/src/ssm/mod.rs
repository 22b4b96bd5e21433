//! AWS Systems Manager Parameter Store: parameters with versions, labels and tiers, alone or in hierarchies.
//!
//! Nothing is encrypted: without decryption a SecureString is shown as opaque text. Policies of parameters and
//! `AllowedPattern` are kept and not enforced. The other parts of Systems Manager are not modelled.
//! Source: AWS Systems Manager API reference and "AWS Systems Manager Parameter Store".

mod describe;
mod history;
mod parameter;
mod public;
mod put;
mod read;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::events::{self, Occurrence};
use crate::input::Input;
use crate::page;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

use parameter::Parameter;

/// Account and region.
type Place = (String, String);

/// All accounts' and regions' parameters, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ssm {
    places: BTreeMap<Place, BTreeMap<String, Parameter>>,
}

impl Ssm {
    /// ARN and tags of each resource of an account and region.
    pub(crate) fn tagged(&self, cx: &Cx) -> crate::tagging::Tagged {
        let here = self.places.get(&(cx.account.clone(), cx.region.clone())).into_iter().flat_map(BTreeMap::values);
        here.map(|parameter| (parameter.arn.clone(), parameter.tags.clone())).collect()
    }

    /// Everything remembered but the values, for a look from outside.
    pub(crate) fn dump(&self) -> Value {
        self.places.values().flat_map(BTreeMap::values).map(Parameter::describe).collect()
    }

    fn here(&mut self, cx: &Cx) -> &mut BTreeMap<String, Parameter> {
        self.places.entry((cx.account.clone(), cx.region.clone())).or_default()
    }

    /// The parameter of a name or an ARN's last part, which has no slash at its beginning.
    fn named(&self, account: &str, region: &str, name: &str) -> Option<&Parameter> {
        let parameters = self.places.get(&(account.to_owned(), region.to_owned()))?;
        parameters.get(name).or_else(|| parameters.get(&format!("/{name}")))
    }
}

/// Whether an ECS task finds a parameter (`valueFrom`: a name or what follows `parameter/` in an ARN).
pub(crate) fn is_there(world: &World, account: &str, region: &str, name: &str) -> bool {
    let (bare, selector) = read::split(name);
    let parameter = world.services.ssm.named(account, region, bare);
    parameter.is_some_and(|parameter| parameter.version(selector).is_some())
        || public::named(region, bare, world.now).is_some()
}

/// Answers one operation.
pub(crate) fn call(world: &mut World, cx: &Cx, op: &str, input: &Value) -> Result<Value, Refusal> {
    let input = Input::new(input, "ValidationException");
    match op {
        "PutParameter" => put::put(world, cx, input),
        "GetParameter" => read::one(world, cx, input),
        "GetParameters" => read::several(world, cx, input),
        "GetParametersByPath" => read::by_path(world, cx, input),
        "GetParameterHistory" => history::show(world, cx, input),
        "LabelParameterVersion" => history::label(world, cx, input),
        "UnlabelParameterVersion" => history::unlabel(world, cx, input),
        "DescribeParameters" => describe::parameters(world, cx, input),
        "DeleteParameter" => put::delete(world, cx, input),
        "DeleteParameters" => put::delete_several(world, cx, input),
        "AddTagsToResource" => describe::tag(world, cx, input),
        "RemoveTagsFromResource" => describe::untag(world, cx, input),
        "ListTagsForResource" => describe::tags(world, cx, input),
        _ => Err(Refusal::unknown_operation()),
    }
}

fn not_found() -> Refusal {
    Refusal::new("ParameterNotFound", "")
}

/// The parameter of a name, to be changed.
fn named_mut<'a>(world: &'a mut World, cx: &Cx, name: &str) -> Result<&'a mut Parameter, Refusal> {
    let bare = name.split_once(":parameter/").map_or(name, |(_, name)| name);
    let found = world.services.ssm.named(&cx.account, &cx.region, bare).map(|parameter| parameter.name.clone());
    found.and_then(|name| world.services.ssm.here(cx).get_mut(&name)).ok_or_else(not_found)
}

/// Tells EventBridge of a change ("Parameter Store Change" in "Reference: Amazon EventBridge event patterns and types for
/// Systems Manager").
fn tell(world: &mut World, cx: &Cx, operation: &str, parameter: &Parameter) {
    let mut detail = serde_json::json!({ "operation": operation, "name": parameter.name, "type": parameter.kind });
    if let Some(description) = &parameter.description {
        detail["description"] = Value::from(description.as_str());
    }
    let what = Occurrence {
        source: "aws.ssm",
        detail_type: "Parameter Store Change",
        account: &cx.account,
        region: &cx.region,
        resources: vec![parameter.arn.clone()],
        detail,
    };
    events::emit(world, &what);
}

/// One page of items, each with the key it is sorted by; the token of the next page is the last key given.
fn page<T>(
    input: Input<'_>,
    most: i64,
    items: impl Iterator<Item = (String, T)>,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    let most = input.number_within("MaxResults", 1, most)?.unwrap_or(most) as usize;
    let after = input.text("NextToken")?.filter(|after| !after.is_empty());
    Ok(page::by_key(items, after, most))
}
