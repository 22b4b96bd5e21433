//! Resource Groups Tagging API: resources of many services by their tags, and tags for many resources at once.
//!
//! Tags belong to the services that keep them; this one asks them. Tag policies and reports are not modelled.
//! Source: Resource Groups Tagging API reference.

mod keeper;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// Resources with their tags, by ARN.
pub(crate) type Tagged = Vec<(String, BTreeMap<String, String>)>;

/// Answers one operation.
pub(crate) fn call(world: &mut World, cx: &Cx, op: &str, input: &Value) -> Result<Value, Refusal> {
    let input = Input::new(input, "InvalidParameterException");
    match op {
        "GetResources" => resources(world, cx, input),
        "GetTagKeys" => {
            let keys: BTreeSet<String> = all(world, cx).into_iter().flat_map(|(_, tags)| tags.into_keys()).collect();
            Ok(json!({ "TagKeys": keys, "PaginationToken": "" }))
        }
        "GetTagValues" => {
            let key = input.required("Key")?;
            let values = all(world, cx).into_iter().filter_map(|(_, mut tags)| tags.remove(key));
            Ok(json!({ "TagValues": values.collect::<BTreeSet<_>>(), "PaginationToken": "" }))
        }
        "TagResources" => {
            let tags = input.map("Tags")?;
            if tags.is_empty() {
                return Err(input.missing("Tags"));
            }
            change(world, cx, input, &Change::Tag(tags))
        }
        "UntagResources" => {
            let keys = input.texts("TagKeys")?;
            change(world, cx, input, &Change::Untag(keys.into_iter().map(str::to_owned).collect()))
        }
        _ => Err(Refusal::unknown_operation()),
    }
}

/// Everything in the account and region that has tags, in the order of the ARNs.
fn all(world: &World, cx: &Cx) -> Tagged {
    let services = &world.services;
    let mut all: Tagged = [
        services.ecs.tagged(cx),
        services.eks.tagged(cx),
        services.elbv2.tagged(cx),
        services.events.tagged(cx),
        services.cloud_map.tagged(cx),
        services.cloudwatch.tagged(cx),
        services.ec2.tagged(cx),
        services.ecr.tagged(cx),
        services.logs.tagged(cx),
        services.route53.tagged(cx),
        services.scaling.tagged(cx),
        services.scheduler.tagged(cx),
        services.secrets.tagged(cx),
        services.sqs.tagged(cx),
        services.ssm.tagged(cx),
    ]
    .concat();
    all.retain(|(_, tags)| !tags.is_empty());
    all.sort();
    all
}

/// Whether an ARN is of a `service` or `service:type`, such as `ecs:service`.
fn is_of_type(arn: &str, wanted: &str) -> bool {
    let mut parts = arn.splitn(6, ':').skip(2);
    let (service, resource) = (parts.next().unwrap_or_default(), parts.nth(2).unwrap_or_default());
    let (wanted_service, wanted_type) = wanted.split_once(':').map_or((wanted, None), |(s, t)| (s, Some(t)));
    let rest = |kind: &str| resource.strip_prefix(kind).is_some_and(|rest| rest.starts_with(['/', ':']));
    service == wanted_service && wanted_type.is_none_or(rest)
}

/// `TagFilters`: every filter has to match; one without values takes any value.
fn filters(input: Input<'_>) -> Result<Vec<(&str, Vec<&str>)>, Refusal> {
    let given = input.objects("TagFilters")?;
    if given.len() > 50 {
        return Err(input.refuse("TagFilters has at most 50 filters."));
    }
    given.into_iter().map(|filter| Ok((filter.required("Key")?, filter.texts("Values")?))).collect()
}

fn resources(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (filters, types) = (filters(input)?, input.texts("ResourceTypeFilters")?);
    let arns = input.texts("ResourceARNList")?;
    let filtered = !filters.is_empty() || !types.is_empty();
    if filtered && !arns.is_empty() {
        return Err(input.refuse("ResourceARNList cannot be given together with TagFilters or ResourceTypeFilters."));
    }
    let most = input.number_within("ResourcesPerPage", 1, 100)?.unwrap_or(50) as usize;
    let after = input.text("PaginationToken")?.unwrap_or_default();
    let takes = |tags: &BTreeMap<String, String>, (key, values): &(&str, Vec<&str>)| {
        tags.get(*key).is_some_and(|value| values.is_empty() || values.contains(&value.as_str()))
    };
    let found = all(world, cx).into_iter().filter(|(arn, tags)| {
        (arns.is_empty() || arns.contains(&arn.as_str()))
            && (types.is_empty() || types.iter().any(|kind| is_of_type(arn, kind)))
            && filters.iter().all(|filter| takes(tags, filter))
    });
    let mut rest = found.filter(|(arn, _)| arn.as_str() > after);
    let page: Tagged = rest.by_ref().take(most).collect();
    let token = match (page.last(), rest.next()) {
        (Some((arn, _)), Some(_)) => arn.clone(),
        _ => String::new(),
    };
    let shown = page.iter().map(|(arn, tags)| {
        let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        json!({ "ResourceARN": arn, "Tags": tags })
    });
    Ok(json!({ "ResourceTagMappingList": shown.collect::<Vec<_>>(), "PaginationToken": token }))
}

enum Change {
    Tag(Vec<(String, String)>),
    Untag(Vec<String>),
}

/// Lets each resource's own service change its tags, and tells what could not be done.
fn change(world: &mut World, cx: &Cx, input: Input<'_>, change: &Change) -> Result<Value, Refusal> {
    let arns = input.texts("ResourceARNList")?;
    if !(1..=20).contains(&arns.len()) {
        return Err(input.refuse("ResourceARNList has 1 to 20 ARNs."));
    }
    let mut failed = Map::new();
    let spoilt = world.spoilt(arns.iter().copied());
    for (arn, spoilt) in arns.into_iter().zip(spoilt) {
        let done = if spoilt { Err(Refusal::server_error()) } else { keeper::change(world, cx, arn, change) };
        if let Err(refusal) = done {
            // Of codes there are two: who asked is wrong, or the service behind it.
            let code = if refusal.http_status < 500 { "InvalidParameterException" } else { "InternalServiceException" };
            let message = format!("{}: {}", refusal.code, refusal.message);
            let failure = json!({ "StatusCode": refusal.http_status, "ErrorCode": code, "ErrorMessage": message });
            failed.insert(arn.to_owned(), failure);
        }
    }
    Ok(json!({ "FailedResourcesMap": failed }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_a_service_or_the_first_word_of_its_resource() {
        let arn = "arn:aws:ecs:eu-west-1:123456789012:service/shop/web";
        assert!(is_of_type(arn, "ecs") && is_of_type(arn, "ecs:service"));
        assert!(!is_of_type(arn, "ecs:serv") && !is_of_type(arn, "ecr") && !is_of_type(arn, "ecs:cluster"));
        assert!(is_of_type("arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/web", "logs:log-group"));
        assert!(is_of_type("arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-abcdef", "secretsmanager:secret"));
    }
}
