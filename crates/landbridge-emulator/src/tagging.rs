//! Resource Groups Tagging API: resources of many services by their tags, and tags for many resources at once.
//!
//! Tags belong to the services that keep them; this one asks them. Tag policies and reports are not modelled.
//! Source: Resource Groups Tagging API reference.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};
use crate::{cloud_map, cloudwatch, ecr, ecs, elbv2, logs, scaling, secrets, ssm};

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
        services.elbv2.tagged(cx),
        services.cloud_map.tagged(cx),
        services.cloudwatch.tagged(cx),
        services.ecr.tagged(cx),
        services.logs.tagged(cx),
        services.scaling.tagged(cx),
        services.secrets.tagged(cx),
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
    for arn in arns {
        if let Err(refusal) = change_one(world, cx, arn, change) {
            // Of codes there are two: who asked is wrong, or the service behind it.
            let code = if refusal.http_status < 500 { "InvalidParameterException" } else { "InternalServiceException" };
            let message = format!("{}: {}", refusal.code, refusal.message);
            let failure = json!({ "StatusCode": refusal.http_status, "ErrorCode": code, "ErrorMessage": message });
            failed.insert(arn.to_owned(), failure);
        }
    }
    Ok(json!({ "FailedResourcesMap": failed }))
}

type Call = fn(&mut World, &Cx, &str, &Value) -> Result<Value, Refusal>;

fn change_one(world: &mut World, cx: &Cx, arn: &str, change: &Change) -> Result<Value, Refusal> {
    let service = arn.split(':').nth(2).unwrap_or_default();
    let list = |key: &str, value: &str, tags: &[(String, String)]| -> Value {
        tags.iter()
            .map(|(k, v)| Value::Object(Map::from_iter([(key.to_owned(), json!(k)), (value.to_owned(), json!(v))])))
            .collect()
    };
    let map = |tags: &[(String, String)]| -> Value { tags.iter().map(|(k, v)| (k.clone(), json!(v))).collect() };
    // Who keeps the tags, its names of the two operations, and those of their members.
    let (call, operations, resource, names, as_map): (Call, [&str; 2], &str, [&str; 2], bool) = match service {
        "ecs" => (ecs::call, ["TagResource", "UntagResource"], "resourceArn", ["tags", "tagKeys"], false),
        "ecr" => (ecr::call, ["TagResource", "UntagResource"], "resourceArn", ["tags", "tagKeys"], false),
        "logs" => (logs::call, ["TagResource", "UntagResource"], "resourceArn", ["tags", "tagKeys"], true),
        "elasticloadbalancing" => (elbv2::call, ["AddTags", "RemoveTags"], "ResourceArns", ["Tags", "TagKeys"], false),
        "servicediscovery" => {
            (cloud_map::call, ["TagResource", "UntagResource"], "ResourceARN", ["Tags", "TagKeys"], false)
        }
        "cloudwatch" => (cloudwatch::call, ["TagResource", "UntagResource"], "ResourceARN", ["Tags", "TagKeys"], false),
        "application-autoscaling" => {
            (scaling::call, ["TagResource", "UntagResource"], "ResourceARN", ["Tags", "TagKeys"], true)
        }
        "secretsmanager" => (secrets::call, ["TagResource", "UntagResource"], "SecretId", ["Tags", "TagKeys"], false),
        "ssm" => (ssm::call, ["AddTagsToResource", "RemoveTagsFromResource"], "ResourceId", ["Tags", "TagKeys"], false),
        _ => {
            let message = format!("{arn} is of no service whose tags this emulator knows");
            return Err(Refusal::new("InvalidParameterException", message));
        }
    };
    let (operation, member, value) = match change {
        Change::Tag(tags) if as_map => (operations[0], names[0], map(tags)),
        Change::Tag(tags) if service == "ecs" => (operations[0], names[0], list("key", "value", tags)),
        Change::Tag(tags) => (operations[0], names[0], list("Key", "Value", tags)),
        Change::Untag(keys) => (operations[1], names[1], json!(keys)),
    };
    let named = if resource == "ResourceArns" { json!([arn]) } else { json!(arn) };
    let mut input = Map::from_iter([(resource.to_owned(), named), (member.to_owned(), value)]);
    if service == "ssm" {
        input.insert("ResourceType".to_owned(), json!("Parameter"));
    }
    call(world, cx, operation, &Value::Object(input))
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
