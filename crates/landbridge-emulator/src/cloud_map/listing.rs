//! Lists: pages of up to 100, and filters that are applied to a page after it was cut, so that a page can be empty and
//! still have a `NextToken` ("NextToken", ListNamespaces, Cloud Map API reference).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Call, Instance, Operation, Service};
use crate::input::Input;
use crate::page;
use crate::refusal::Refusal;
use crate::world::World;

/// One page of items and the token of the next.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next_token: Option<String>,
}

/// Cuts the page that `NextToken` and `MaxResults` name out of items in the order of their keys.
pub(crate) fn cut<'k, T>(input: Input<'_>, items: impl Iterator<Item = (&'k str, T)>) -> Result<Page<T>, Refusal> {
    let most = input.number_within("MaxResults", 1, 100)?.unwrap_or(100) as usize;
    let after = input.text("NextToken")?.map(|token| read_token(input, token)).transpose()?;
    let (items, next) = page::by_key(items, after.as_deref(), most);
    Ok(Page { items, next_token: next.map(|last| URL_SAFE_NO_PAD.encode(last)) })
}

fn read_token(input: Input<'_>, token: &str) -> Result<String, Refusal> {
    let decoded = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.ok_or_else(|| input.refuse("NextToken is not valid"))
}

fn answer<T>(field: &str, page: Page<T>, keep: impl Fn(&T) -> bool, show: impl Fn(&T) -> Value) -> Value {
    let mut answer = Map::new();
    answer.insert(field.to_owned(), page.items.iter().filter(|item| keep(item)).map(show).collect());
    page.next_token.map(|token| answer.insert("NextToken".to_owned(), json!(token)));
    Value::Object(answer)
}

/// One filter; all filters of a request must hold.
struct Filter<'a> {
    name: &'a str,
    condition: &'a str,
    values: Vec<&'a str>,
}

impl Filter<'_> {
    fn holds(&self, actual: &str) -> bool {
        match self.condition {
            "BEGINS_WITH" => self.values.iter().any(|value| actual.starts_with(value)),
            _ => self.values.contains(&actual),
        }
    }
}

/// Reads filters whose (name, condition) pairs are among `allowed`.
fn filters<'a>(input: Input<'a>, allowed: &[(&str, &[&str])]) -> Result<Vec<Filter<'a>>, Refusal> {
    let mut filters = Vec::new();
    for filter in input.objects("Filters")? {
        let (name, condition) = (filter.required("Name")?, filter.text("Condition")?.unwrap_or("EQ"));
        let values = filter.texts("Values")?;
        let known = allowed.iter().any(|(known, conditions)| *known == name && conditions.contains(&condition));
        if !known {
            return Err(input.refuse(format!("Filter {name} with condition {condition} is not supported by this call")));
        }
        let count = match condition {
            "IN" => !values.is_empty(),
            "BETWEEN" => values.len() == 2,
            _ => values.len() == 1,
        };
        if !count {
            return Err(
                input.refuse(format!("Filter {name} has {} values, which {condition} does not take", values.len()))
            );
        }
        filters.push(Filter { name, condition, values });
    }
    Ok(filters)
}

/// `SELF` or `OTHER_ACCOUNTS`; shared resources are not modelled, so everything is the caller's own.
const OWNED: &str = "SELF";

pub(crate) fn namespaces(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let text = ["EQ", "BEGINS_WITH"];
    let allowed: [(&str, &[&str]); 4] =
        [("TYPE", &["EQ"]), ("NAME", &text), ("HTTP_NAME", &text), ("RESOURCE_OWNER", &["EQ"])];
    let filters = filters(call.input, &allowed)?;
    let registry = world.services.cloud_map.at(&call.place);
    let page = cut(call.input, registry.namespaces.iter().map(|(id, namespace)| (id.as_str(), namespace)))?;
    let keep = |namespace: &&super::Namespace| {
        filters.iter().all(|filter| match filter.name {
            "TYPE" => filter.holds(namespace.kind.name()),
            "RESOURCE_OWNER" => filter.holds(OWNED),
            _ => filter.holds(&namespace.name),
        })
    };
    Ok(answer("Namespaces", page, keep, |namespace| namespace.answer(registry)))
}

pub(crate) fn services(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let filters = filters(call.input, &[("NAMESPACE_ID", &["EQ"]), ("RESOURCE_OWNER", &["EQ"])])?;
    let registry = world.services.cloud_map.at(&call.place);
    let page = cut(call.input, registry.services.iter().map(|(id, service)| (id.as_str(), service)))?;
    let keep = |service: &&Service| {
        filters.iter().all(|filter| match filter.name {
            "RESOURCE_OWNER" => filter.holds(OWNED),
            _ => filter.values.iter().any(|value| super::bare(value) == service.namespace_id),
        })
    };
    Ok(answer("Services", page, keep, |service| service.answer()))
}

pub(crate) fn instances(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let registry = world.services.cloud_map.at(&call.place);
    let service = registry.service(call.input.required("ServiceId")?)?;
    let page = cut(call.input, service.instances.iter().map(|(id, instance)| (id.as_str(), instance)))?;
    let mut answer = answer("Instances", page, |_| true, |instance: &&Instance| instance.answer());
    answer["ResourceOwner"] = json!(service.owner);
    Ok(answer)
}

pub(crate) fn operations(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let some = ["EQ", "IN"];
    let allowed: [(&str, &[&str]); 5] = [
        ("NAMESPACE_ID", &["EQ"]),
        ("SERVICE_ID", &["EQ"]),
        ("STATUS", &some),
        ("TYPE", &some),
        ("UPDATE_DATE", &["BETWEEN"]),
    ];
    let filters = filters(call.input, &allowed)?;
    let registry = world.services.cloud_map.at(&call.place);
    let mut submitted: Vec<_> = registry.operations.values().map(|op| (format!("{:020}", op.number), op)).collect();
    submitted.sort_by(|a, b| a.0.cmp(&b.0));
    let page = cut(call.input, submitted.iter().map(|(key, operation)| (key.as_str(), *operation)))?;
    let keep = |operation: &&Operation| {
        filters.iter().all(|filter| match filter.name {
            "STATUS" => filter.holds(operation.status),
            "TYPE" => filter.holds(operation.kind()),
            "UPDATE_DATE" => within(filter, operation.updated),
            name => {
                let target = operation.targets.get(name.trim_end_matches("_ID"));
                target.is_some_and(|target| filter.values.iter().any(|value| super::bare(value) == target))
            }
        })
    };
    let show = |operation: &&Operation| json!({"Id": operation.id, "Status": operation.status});
    Ok(answer("Operations", page, keep, show))
}

/// "Specify a start date and an end date in Unix date/time format" (OperationFilter).
fn within(filter: &Filter<'_>, at: Timestamp) -> bool {
    let bounds: Vec<f64> = filter.values.iter().filter_map(|value| value.parse().ok()).collect();
    let at = at.as_millisecond() as f64 / 1000.0;
    matches!(bounds.as_slice(), [from, to] if (*from..=*to).contains(&at))
}
