//! Actions of listeners and rules: what is refused, and how they read back.
//! Source: Action, ForwardActionConfig, RedirectActionConfig and FixedResponseActionConfig.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{Elb, names, target_group};
use crate::input::Input;
use crate::refusal::Refusal;

/// "Quotas for your Application Load Balancers": target groups per action.
const GROUPS_PER_ACTION: usize = 5;

const FINAL: [&str; 3] = ["forward", "redirect", "fixed-response"];
const BEFORE: [&str; 3] = ["authenticate-oidc", "authenticate-cognito", "jwt-validation"];

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidLoadBalancerAction", message)
}

/// The actions under `key`, as a rule of `balancer` keeps them.
pub(super) fn read(elb: &Elb, input: Input<'_>, key: &str, balancer: &str) -> Result<Vec<Value>, Refusal> {
    let given = input.list(key)?;
    if given.is_empty() {
        return Err(input.missing(key));
    }
    let mut actions = Vec::with_capacity(given.len());
    for (value, action) in given.iter().zip(input.objects(key)?) {
        let mut kept = value.as_object().cloned().unwrap_or_default();
        let kind = action.required("Type")?;
        match kind {
            "forward" => forward(elb, action, balancer, &mut kept)?,
            "redirect" => redirect(action, &mut kept)?,
            "fixed-response" => fixed_response(action)?,
            _ if BEFORE.contains(&kind) => {}
            _ => return Err(invalid(format!("Action type '{kind}' is not valid"))),
        }
        if kind != "forward" && !names::is_application(balancer) {
            return Err(invalid(format!("Action type '{kind}' is not supported for network load balancers")));
        }
        actions.push((action.number_within("Order", 1, 50_000)?.unwrap_or(0), kind, Value::Object(kept)));
    }
    actions.sort_by_key(|(order, ..)| *order);
    let finals = actions.iter().filter(|(_, kind, _)| FINAL.contains(kind)).count();
    let last = actions.last().is_some_and(|(_, kind, _)| FINAL.contains(kind));
    if finals != 1 || !last {
        return Err(invalid(
            "A rule must include exactly one of the following types of actions, as the last action to be performed: \
             forward, redirect or fixed-response",
        ));
    }
    Ok(actions.into_iter().map(|(.., action)| action).collect())
}

/// Reads back with every group's weight and, where there is one group only, with its ARN at the top too.
fn forward(elb: &Elb, action: Input<'_>, balancer: &str, kept: &mut Map<String, Value>) -> Result<(), Refusal> {
    let single = action.text("TargetGroupArn")?;
    let config = action.object("ForwardConfig")?;
    let mut groups = Vec::new();
    for group in config.map(|config| config.objects("TargetGroups")).transpose()?.unwrap_or_default() {
        groups.push((group.required("TargetGroupArn")?, group.number_within("Weight", 0, 999)?.unwrap_or(1)));
    }
    match single {
        Some(arn) if groups.is_empty() => groups.push((arn, 1)),
        Some(arn) if groups.len() > 1 || groups[0].0 != arn => {
            return Err(invalid(
                "You can specify both TargetGroupArn and ForwardConfig only with the same single target group",
            ));
        }
        _ => {}
    }
    if groups.is_empty() {
        return Err(invalid("A forward action must specify a target group"));
    }
    if groups.len() > GROUPS_PER_ACTION {
        return Err(action.refuse(format!("A forward action can have up to '{GROUPS_PER_ACTION}' target groups")));
    }
    let distinct: BTreeSet<&str> = groups.iter().map(|(arn, _)| *arn).collect();
    if distinct.len() < groups.len() {
        return Err(invalid("A target group can be specified only once in a forward action"));
    }
    for (arn, _) in &groups {
        let group = elb.groups.get(*arn).ok_or_else(target_group::not_found)?;
        let http = matches!(&*group.protocol, "HTTP" | "HTTPS") || group.target_type == "lambda";
        if http != names::is_application(balancer) {
            let message =
                format!("The protocol of target group '{arn}' is not compatible with the load balancer's listener");
            return Err(Refusal::new("IncompatibleProtocols", message));
        }
    }
    let sticky = stickiness(config)?;
    if let [(arn, _)] = groups.as_slice() {
        kept.insert("TargetGroupArn".to_owned(), json!(arn));
    }
    let groups: Vec<Value> =
        groups.iter().map(|(arn, weight)| json!({ "TargetGroupArn": arn, "Weight": weight })).collect();
    kept.insert("ForwardConfig".to_owned(), json!({ "TargetGroups": groups, "TargetGroupStickinessConfig": sticky }));
    Ok(())
}

fn stickiness(config: Option<Input<'_>>) -> Result<Value, Refusal> {
    let sticky = config.map(|config| config.object("TargetGroupStickinessConfig")).transpose()?.flatten();
    let Some(sticky) = sticky else { return Ok(json!({ "Enabled": false })) };
    let enabled = sticky.flag("Enabled")?.unwrap_or(false);
    match sticky.number_within("DurationSeconds", 1, 604_800)? {
        None if enabled => Err(invalid("A duration must be specified when target group stickiness is enabled")),
        None => Ok(json!({ "Enabled": enabled })),
        Some(seconds) => Ok(json!({ "Enabled": enabled, "DurationSeconds": seconds })),
    }
}

fn redirect(action: Input<'_>, kept: &mut Map<String, Value>) -> Result<(), Refusal> {
    let config =
        action.object("RedirectConfig")?.ok_or_else(|| invalid("A redirect action must have a RedirectConfig"))?;
    let code = config.required("StatusCode")?;
    if !matches!(code, "HTTP_301" | "HTTP_302") {
        return Err(invalid(format!("The redirect status code '{code}' must be HTTP_301 or HTTP_302")));
    }
    let Some(Value::Object(kept)) = kept.get_mut("RedirectConfig") else { return Ok(()) };
    let mut changes = false;
    for (name, default) in [
        ("Protocol", "#{protocol}"),
        ("Port", "#{port}"),
        ("Host", "#{host}"),
        ("Path", "/#{path}"),
        ("Query", "#{query}"),
    ] {
        let value = kept.entry(name).or_insert(json!(default));
        changes |= *value != json!(default) && name != "Query";
    }
    if !changes {
        return Err(invalid("A redirect must change at least one of protocol, port, host and path, or it would loop"));
    }
    Ok(())
}

fn fixed_response(action: Input<'_>) -> Result<(), Refusal> {
    let config = action
        .object("FixedResponseConfig")?
        .ok_or_else(|| invalid("A fixed-response action must have a FixedResponseConfig"))?;
    let code = config.required("StatusCode")?;
    let well_formed =
        code.len() == 3 && matches!(code.as_bytes()[0], b'2' | b'4' | b'5') && code.parse::<u16>().is_ok();
    if !well_formed {
        return Err(invalid(format!("The status code '{code}' of a fixed response must be 2XX, 4XX or 5XX")));
    }
    if config.text("MessageBody")?.is_some_and(|body| body.len() > 1024) {
        return Err(action.refuse("The message body of a fixed response can have up to 1024 characters"));
    }
    Ok(())
}

/// The target groups that actions forward to.
pub(super) fn groups(actions: &[Value]) -> BTreeSet<String> {
    weights(actions).into_iter().map(|(arn, _)| arn).collect()
}

/// Target groups with their weights, in the order of the action that forwards.
pub(super) fn weights(actions: &[Value]) -> Vec<(String, u32)> {
    let tuples = actions.iter().filter_map(|action| action["ForwardConfig"]["TargetGroups"].as_array()).flatten();
    let tuple = |tuple: &Value| {
        let weight = tuple["Weight"].as_u64().and_then(|weight| u32::try_from(weight).ok());
        Some((tuple["TargetGroupArn"].as_str()?.to_owned(), weight.unwrap_or(0)))
    };
    tuples.filter_map(tuple).collect()
}

/// `actions` with the forward action's groups and weights replaced; what else it says stays.
pub(super) fn reweighted(actions: &[Value], weights: &[(String, u32)]) -> Vec<Value> {
    let groups: Vec<Value> =
        weights.iter().map(|(arn, weight)| json!({ "TargetGroupArn": arn, "Weight": weight })).collect();
    let mut actions = actions.to_vec();
    if let Some(forward) = actions.iter_mut().find(|action| action["Type"] == "forward") {
        forward["ForwardConfig"]["TargetGroups"] = groups.into();
        if let Some(forward) = forward.as_object_mut()
            && weights.len() > 1
        {
            forward.remove("TargetGroupArn");
        }
    }
    actions
}
