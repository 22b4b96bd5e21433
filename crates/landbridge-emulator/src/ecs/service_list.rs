//! DescribeServices, ListServices and ListServicesByNamespace.

use serde_json::{Value, json};

use super::list::page;
use super::member::{Members, invalid};
use super::{failure, names};
use crate::cloud_map;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

pub(crate) fn describe(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let wanted = input.texts("services");
    if wanted.is_empty() || wanted.len() > 10 {
        return Err(invalid("services must have between 1 and 10 items."));
    }
    let spoilt = world.spoilt(wanted.iter().copied());
    let ecs = &world.services.ecs;
    let (mut services, mut failures) = (Vec::new(), Vec::new());
    for (name, spoilt) in wanted.into_iter().zip(spoilt) {
        let arn = ecs.service_arn(cx, input, name)?;
        match ecs.services.get(&arn) {
            _ if spoilt => failures.push(failure::broken(&arn)),
            Some(service) => services.push(service.show(ecs, input.includes("TAGS"))),
            None => failures.push(failure::missing(&arn)),
        }
    }
    Ok(json!({ "services": services, "failures": failures }))
}

pub(crate) fn list(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let ecs = &world.services.ecs;
    let cluster = ecs.cluster(cx, input)?;
    let (launch_type, scheduling) = (input.text("launchType"), input.text("schedulingStrategy"));
    let services = cluster.services.iter().filter_map(|arn| ecs.services.get(arn)).filter(|service| {
        service.is_active()
            && launch_type.is_none_or(|it| service.fields.text("launchType") == Some(it))
            && scheduling.is_none_or(|it| service.fields.text("schedulingStrategy") == Some(it))
    });
    page("serviceArns", services.map(|service| service.arn.clone()), input, 10)
}

pub(crate) fn list_by_namespace(world: &mut World, cx: &Cx, input: &Value) -> Result<Value, Refusal> {
    let wanted = input.text("namespace").ok_or_else(|| invalid("Namespace can not be null or empty."))?;
    let resolve = |name: &str| cloud_map::find_namespace(world, &cx.region, &cx.account, name);
    let Some(wanted) = resolve(wanted) else {
        return Err(Refusal::new("NamespaceNotFoundException", "The specified namespace wasn't found."));
    };
    let prefix = names::arn(cx, "service", "");
    let services = world.services.ecs.services.values().filter(|service| {
        service.is_active() && service.arn.starts_with(&prefix) && {
            let connect = service.fields.object("serviceConnectConfiguration");
            let namespace = connect.filter(|it| it.flag("enabled") == Some(true)).and_then(|it| it.text("namespace"));
            namespace.and_then(resolve).is_some_and(|namespace| namespace == wanted)
        }
    });
    page("serviceArns", services.map(|service| service.arn.clone()), input, 10)
}
