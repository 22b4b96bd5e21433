//! Parameters without their values, and their tags (DescribeParameters, AddTagsToResource and its siblings).

use serde_json::{Value, json};

use super::parameter::Parameter;
use super::{named_mut, page};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// One `ParameterFilters` entry (ParameterStringFilter).
pub(super) struct Filter<'a> {
    key: &'a str,
    option: &'a str,
    values: Vec<&'a str>,
}

impl Filter<'_> {
    pub(super) fn takes(&self, parameter: &Parameter) -> bool {
        let fits = |text: &str| {
            self.values.iter().any(|value| match self.option {
                "BeginsWith" => text.starts_with(value),
                "Contains" => text.contains(value),
                _ => text == *value,
            })
        };
        let under = |recursive: bool| {
            self.values.iter().any(|path| {
                let rest = parameter.name.strip_prefix(&format!("{}/", path.trim_end_matches('/')));
                rest.is_some_and(|rest| recursive || !rest.contains('/'))
            })
        };
        match self.key {
            "Name" => fits(&parameter.name),
            "Type" => fits(&parameter.kind),
            "KeyId" => parameter.key.as_deref().is_some_and(fits),
            "Tier" => fits(parameter.tier),
            "DataType" => fits(&parameter.data_type),
            "Path" => under(self.option == "Recursive"),
            "Label" => parameter.versions.iter().any(|version| version.labels.iter().any(|label| fits(label))),
            key => {
                let tag = key.strip_prefix("tag:").and_then(|tag| parameter.tags.get(tag));
                tag.is_some_and(|value| self.values.is_empty() || fits(value))
            }
        }
    }
}

/// The filters of a request, with keys that there are.
pub(super) fn filters(input: Input<'_>) -> Result<Vec<Filter<'_>>, Refusal> {
    const KEYS: [&str; 7] = ["Name", "Type", "KeyId", "Tier", "DataType", "Path", "Label"];
    const OPTIONS: [&str; 5] = ["Equals", "BeginsWith", "Contains", "Recursive", "OneLevel"];
    let mut filters = Vec::new();
    for filter in input.objects("ParameterFilters")? {
        let (key, option) = (filter.required("Key")?, filter.text("Option")?.unwrap_or("Equals"));
        if !KEYS.contains(&key) && !key.starts_with("tag:") {
            return Err(Refusal::new("InvalidFilterKey", format!("The specified key isn't valid: {key}.")));
        }
        if !OPTIONS.contains(&option) {
            let message =
                format!("The following filter option is not valid: {option}. Valid options include: {OPTIONS:?}.");
            return Err(Refusal::new("InvalidFilterOption", message));
        }
        filters.push(Filter { key, option, values: filter.texts("Values")? });
    }
    // The older form, which knows names, types and keys by their beginning.
    for filter in input.objects("Filters")? {
        filters.push(Filter { key: filter.required("Key")?, option: "BeginsWith", values: filter.texts("Values")? });
    }
    Ok(filters)
}

pub(super) fn parameters(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let filters = filters(input)?;
    let parameters = world.services.ssm.here(cx).values();
    let passing = parameters.filter(|parameter| filters.iter().all(|filter| filter.takes(parameter)));
    let (page, next) = page(input, 50, passing.map(|parameter| (parameter.name.clone(), parameter.describe())))?;
    Ok(json!({ "Parameters": page, "NextToken": next }))
}

/// The parameter whose tags are meant.
fn resource<'a>(world: &'a mut World, cx: &Cx, input: Input<'_>) -> Result<&'a mut Parameter, Refusal> {
    let kind = input.required("ResourceType")?;
    if kind != "Parameter" {
        let message = format!("This emulator knows tags of resources of type Parameter, and not {kind}.");
        return Err(Refusal::new("InvalidResourceType", message));
    }
    let id = input.required("ResourceId")?;
    named_mut(world, cx, id)
        .map_err(|_| Refusal::new("InvalidResourceId", format!("The resource ID {id} is not valid.")))
}

pub(super) fn tag(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let added = input.tags("Tags")?;
    let parameter = resource(world, cx, input)?;
    let mut tags = parameter.tags.clone();
    tags.extend(added);
    super::put::checked_tags(&tags)?;
    parameter.tags = tags;
    Ok(Value::Null)
}

pub(super) fn untag(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let keys = input.texts("TagKeys")?;
    resource(world, cx, input)?.tags.retain(|key, _| !keys.contains(&key.as_str()));
    Ok(Value::Null)
}

pub(super) fn tags(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let parameter = resource(world, cx, input)?;
    let tags = parameter.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value }));
    Ok(json!({ "TagList": tags.collect::<Vec<_>>() }))
}
