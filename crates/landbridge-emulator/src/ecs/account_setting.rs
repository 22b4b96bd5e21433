//! Account settings: kept and answered; none changes what the emulator does. Source: PutAccountSetting, ListAccountSettings.

use serde_json::{Value, json};

use super::list::{answer, cut};
use super::member::{Members, invalid};
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// (account, region, principal or empty for the account's default, name).
pub(crate) type Key = (String, String, String, String);

/// Names of settings and their value where nobody has set one.
const SETTINGS: [(&str, &str); 11] = [
    ("awsvpcTrunking", "disabled"),
    ("containerInsights", "disabled"),
    ("containerInstanceLongArnFormat", "enabled"),
    ("defaultLogDriverMode", "non-blocking"),
    ("dualStackIPv6", "enabled"),
    ("fargateFIPSMode", "disabled"),
    ("fargateTaskRetirementWaitPeriod", "7"),
    ("guardDutyActivate", "off"),
    ("serviceLongArnFormat", "enabled"),
    ("tagResourceAuthorization", "off"),
    ("taskLongArnFormat", "enabled"),
];

pub(crate) fn list(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    if let Some(name) = input.text("name") {
        known(name)?;
    }
    let wanted = |name: &str| input.text("name").is_none_or(|only| only == name);
    let principal = input.text("principalArn").unwrap_or(&cx.principal);
    let effective = input.flag("effectiveSettings").unwrap_or(false);
    let names = SETTINGS
        .iter()
        .filter(|(name, _)| wanted(name))
        .filter(|(name, default)| effective || value(world, cx, principal, name, default).1);
    let (names, token) = cut(names.map(|(name, _)| (*name).to_owned()), input, 100)?;
    let shown = names.iter().filter_map(|name| {
        let default = SETTINGS.iter().find(|(known, _)| known == name)?.1;
        Some(setting(name, &value(world, cx, principal, name, default).0, principal))
    });
    Ok(answer("settings", shown.collect(), token))
}

pub(crate) fn put(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let principal = input.text("principalArn").unwrap_or(&cx.principal).to_owned();
    store(world, cx, input, &principal)
}

pub(crate) fn put_default(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    store(world, cx, input, "")
}

pub(crate) fn delete(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let name = known(input.text("name").unwrap_or_default())?;
    let principal = input.text("principalArn").unwrap_or(&cx.principal).to_owned();
    world.services.ecs.settings.remove(&key(cx, &principal, name));
    let default = SETTINGS.iter().find(|(known, _)| *known == name).map_or("", |(_, default)| default);
    let value = value(world, cx, &principal, name, default).0;
    Ok(json!({ "setting": setting(name, &value, &principal) }))
}

fn store(world: &mut World, cx: &Cx, input: &Value, principal: &str) -> Result<Value, Refusal> {
    let name = known(input.text("name").unwrap_or_default())?;
    let value = input.text("value").ok_or_else(|| invalid("value can not be null."))?;
    world.services.ecs.settings.insert(key(cx, principal, name), value.to_owned());
    Ok(json!({ "setting": setting(name, value, if principal.is_empty() { &cx.principal } else { principal }) }))
}

fn key(cx: &Cx, principal: &str, name: &str) -> Key {
    (cx.account.clone(), cx.region.clone(), principal.to_owned(), name.to_owned())
}

/// The value in force for a principal, and whether anybody set it.
fn value(world: &World, cx: &Cx, principal: &str, name: &str, default: &str) -> (String, bool) {
    let settings = &world.services.ecs.settings;
    let set = settings.get(&key(cx, principal, name)).or_else(|| settings.get(&key(cx, "", name)));
    set.map_or_else(|| (default.to_owned(), false), |value| (value.clone(), true))
}

/// The account's default for a setting, for whatever else reads settings.
pub(crate) fn account_default(world: &World, cx: &Cx, name: &str) -> String {
    let default = SETTINGS.iter().find(|(known, _)| *known == name).map_or("", |(_, default)| default);
    value(world, cx, "", name, default).0
}

fn known(name: &str) -> Result<&str, Refusal> {
    if SETTINGS.iter().any(|(known, _)| *known == name) {
        Ok(name)
    } else {
        Err(invalid(format!("Invalid setting name: {name}")))
    }
}

fn setting(name: &str, value: &str, principal: &str) -> Value {
    json!({ "name": name, "value": value, "principalArn": principal, "type": "user" })
}
