//! Reading values (GetParameter, GetParameters, GetParametersByPath).

use serde_json::{Value, json};

use super::parameter::Parameter;
use super::{not_found, page, public};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// A name and its selector: `name`, `name:3`, `name:label`.
pub(super) fn split(name: &str) -> (&str, Option<&str>) {
    name.split_once(':').map_or((name, None), |(name, selector)| (name, Some(selector)))
}

/// One parameter by name or ARN, with or without a selector.
fn find(world: &World, cx: &Cx, given: &str, decrypted: bool) -> Result<Value, Refusal> {
    let (place, rest) = match given.split_once(":parameter/") {
        Some((scope, rest)) => (Some(scope), rest),
        None => (None, given),
    };
    let region = place.and_then(|scope| scope.split(':').nth(3)).unwrap_or(&cx.region);
    let account = place.and_then(|scope| scope.split(':').nth(4)).unwrap_or(&cx.account);
    let (name, selector) = split(rest);
    if let Some(shown) = public::named(region, name, cx.now) {
        return Ok(shown);
    }
    let parameter = world.services.ssm.named(account, region, name).ok_or_else(not_found)?;
    let Some(version) = parameter.version(selector) else {
        let message = format!(
            "Systems Manager could not find version {} of {name}. Verify the version and try again.",
            selector.unwrap_or_default()
        );
        return Err(Refusal::new("ParameterVersionNotFound", message));
    };
    Ok(parameter.show(version, selector, decrypted))
}

pub(super) fn one(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let decrypted = input.flag("WithDecryption")?.unwrap_or(false);
    Ok(json!({ "Parameter": find(world, cx, input.required("Name")?, decrypted)? }))
}

/// 1 to 10 names.
pub(super) fn names(input: Input<'_>) -> Result<Vec<&str>, Refusal> {
    let names = input.texts("Names")?;
    if !(1..=10).contains(&names.len()) {
        return Err(input.refuse(
            "1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have length less than or \
             equal to 10",
        ));
    }
    Ok(names)
}

pub(super) fn several(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let decrypted = input.flag("WithDecryption")?.unwrap_or(false);
    let (mut found, mut invalid) = (Vec::new(), Vec::new());
    for name in names(input)? {
        match find(world, cx, name, decrypted) {
            Ok(parameter) => found.push(parameter),
            Err(_) => invalid.push(name),
        }
    }
    Ok(json!({ "Parameters": found, "InvalidParameters": invalid }))
}

/// Parameters under a path; only those right under it unless `Recursive`.
pub(super) fn by_path(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let path = input.required("Path")?;
    if !path.starts_with('/') {
        return Err(input.refuse(format!(
            "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \
             \"/\". It can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). It must use only letters, numbers, or the \
             following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, if \
             specified, must use the forward slash symbol \"/\". Valid example: /get/parameters2-/by1./path0_. Got {path}"
        )));
    }
    let decrypted = input.flag("WithDecryption")?.unwrap_or(false);
    let recursive = input.flag("Recursive")?.unwrap_or(false);
    let prefix = format!("{}/", path.trim_end_matches('/'));
    let filters = super::describe::filters(input)?;
    let under = |parameter: &&Parameter| {
        let rest = parameter.name.strip_prefix(&prefix);
        rest.is_some_and(|rest| recursive || !rest.contains('/'))
    };
    let parameters = world.services.ssm.here(cx).values().filter(under);
    let passing = parameters.filter(|parameter| filters.iter().all(|filter| filter.takes(parameter)));
    let own = passing.filter_map(|parameter| {
        let shown = parameter.show(parameter.latest()?, None, decrypted);
        Some((parameter.name.clone(), shown))
    });
    let mut all: Vec<(String, Value)> = own.collect();
    all.extend(public::under(&cx.region, &prefix, recursive, cx.now));
    all.sort_by(|a, b| a.0.cmp(&b.0));
    let (page, next) = page(input, 10, all.into_iter())?;
    Ok(json!({ "Parameters": page, "NextToken": next }))
}
