//! Operations: begun by a call, done or failed later (Operation, Cloud Map API reference).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Call, Instance, Namespace, Place, Registry, dns, namespace, not_found, service_change};
use crate::identifier;
use crate::refusal::Refusal;
use crate::route53;
use crate::wire::json::epoch;
use crate::world::{Event as WorldEvent, World};

/// Something that happens by itself in Cloud Map.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    /// The operation is taken up: SUBMITTED becomes PENDING.
    Started(Place, String),
    /// The operation takes effect, or fails.
    Due(Place, String),
}

/// What an operation does when its time comes.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    CreateNamespace(Box<Namespace>, BTreeMap<String, String>),
    UpdateNamespace(namespace::Change),
    DeleteNamespace(String),
    UpdateService(service_change::Change),
    RegisterInstance(String, Box<Instance>),
    DeregisterInstance(String, String),
}

#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) id: String,
    /// Counts up, so that lists are in the order of submission.
    pub(crate) number: u64,
    pub(crate) status: &'static str,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    /// What the operation is about: `NAMESPACE`, `SERVICE` and `INSTANCE` to their IDs.
    pub(crate) targets: BTreeMap<&'static str, String>,
    effect: Effect,
    /// Code and message of a failure.
    failure: Option<(&'static str, String)>,
}

impl Effect {
    fn kind(&self) -> &'static str {
        match self {
            Self::CreateNamespace(..) => "CREATE_NAMESPACE",
            Self::UpdateNamespace(_) => "UPDATE_NAMESPACE",
            Self::DeleteNamespace(_) => "DELETE_NAMESPACE",
            Self::UpdateService(_) => "UPDATE_SERVICE",
            Self::RegisterInstance(..) => "REGISTER_INSTANCE",
            Self::DeregisterInstance(..) => "DEREGISTER_INSTANCE",
        }
    }

    fn targets(&self) -> BTreeMap<&'static str, String> {
        let instance = |service: &String, id: &String| vec![("SERVICE", service.clone()), ("INSTANCE", id.clone())];
        let targets = match self {
            Self::CreateNamespace(namespace, _) => vec![("NAMESPACE", namespace.id.clone())],
            Self::UpdateNamespace(change) => vec![("NAMESPACE", change.id.clone())],
            Self::DeleteNamespace(id) => vec![("NAMESPACE", id.clone())],
            Self::UpdateService(change) => vec![("SERVICE", change.id.clone())],
            Self::RegisterInstance(service, new) => instance(service, &new.id),
            Self::DeregisterInstance(service, id) => instance(service, id),
        };
        targets.into_iter().collect()
    }

    /// Takes effect, or says with which operation error code (`Operation.ErrorCode`) and message it fails.
    fn apply(self, registry: &mut Registry) -> Result<(), (&'static str, String)> {
        match self {
            Self::CreateNamespace(new, tags) => namespace::finish_creation(registry, *new, tags)?,
            Self::UpdateNamespace(change) => change.apply(registry),
            Self::DeleteNamespace(id) => namespace::finish_deletion(registry, &id)?,
            Self::UpdateService(change) => change.apply(registry),
            Self::RegisterInstance(service, new) => {
                registry.services.get_mut(&service).into_iter().for_each(|service| service.put((*new).clone()));
            }
            Self::DeregisterInstance(service, id) => {
                registry.services.get_mut(&service).into_iter().for_each(|service| service.remove(&id));
            }
        }
        Ok(())
    }
}

impl Operation {
    pub(crate) fn kind(&self) -> &'static str {
        self.effect.kind()
    }

    pub(crate) fn effect(&self) -> &Effect {
        &self.effect
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.status, "SUBMITTED" | "PENDING")
    }
}

/// Submits an operation and answers its ID as the caller gets it.
pub(crate) fn submit(world: &mut World, call: &Call<'_>, effect: Effect) -> String {
    // The length and the dash are those of the examples in the API reference.
    let id = format!("{}-{}", identifier::lower(&mut world.rng, 32), identifier::lower(&mut world.rng, 8));
    let registry = world.services.cloud_map.at(&call.place);
    registry.operations_begun += 1;
    let operation = Operation {
        id: id.clone(),
        number: registry.operations_begun,
        status: "SUBMITTED",
        created: call.cx.now,
        updated: call.cx.now,
        targets: effect.targets(),
        effect,
        failure: None,
    };
    registry.operations.insert(id.clone(), operation);
    let time = world.timings.cloud_map_operation;
    world.after(time / 2, WorldEvent::CloudMap(Event::Started(call.place.clone(), id.clone())));
    world.after(time, WorldEvent::CloudMap(Event::Due(call.place.clone(), id.clone())));
    id
}

/// Answers a call with the operation it began.
pub(crate) fn answer(id: &str) -> Value {
    json!({"OperationId": id})
}

pub(crate) fn happen(world: &mut World, event: Event) {
    let now = world.now;
    let is_due = matches!(event, Event::Due(..));
    let (Event::Started(place, id) | Event::Due(place, id)) = event;
    let registry = world.services.cloud_map.at(&place);
    let Some(operation) = registry.operations.get_mut(&id).filter(|operation| operation.is_open()) else { return };
    operation.updated = now;
    operation.status = "PENDING";
    if !is_due {
        return;
    }
    let effect = operation.effect.clone();
    let outcome = take_effect(world, &place, effect);
    if let Some(operation) = world.services.cloud_map.at(&place).operations.get_mut(&id) {
        operation.status = if outcome.is_ok() { "SUCCESS" } else { "FAIL" };
        operation.failure = outcome.err();
    }
}

/// Lets an effect be, with the hosted zone of a namespace that comes or goes.
fn take_effect(world: &mut World, place: &Place, effect: Effect) -> Result<(), (&'static str, String)> {
    let region = place.1.as_str();
    if let Effect::CreateNamespace(new, _) = &effect
        && dns::is_taken(world, new, region)
    {
        return Err(namespace::conflicting_domain(new));
    }
    let new = if let Effect::CreateNamespace(new, _) = &effect { Some(new.clone()) } else { None };
    let registry = world.services.cloud_map.at(place);
    let gone = if let Effect::DeleteNamespace(id) = &effect { registry.namespaces.get(id).cloned() } else { None };
    effect.apply(registry)?;
    if let Some(zone) = new.as_ref().and_then(|new| new.zone(region)) {
        route53::adopt(world, &zone);
    }
    if let Some(zone) = gone.as_ref().and_then(|gone| gone.zone(region)) {
        route53::release(world, zone.id);
    }
    Ok(())
}

/// `DuplicateRequest` if an operation on one of these targets is still under way.
pub(crate) fn refuse_duplicate(registry: &Registry, kind: &'static str, id: &str) -> Result<(), Refusal> {
    let open = registry.operations.values().find(|operation| {
        operation.is_open()
            && operation.targets.len() == 1
            && operation.targets.get(kind).is_some_and(|target| target == id)
    });
    open.map_or(Ok(()), |operation| Err(duplicate(&operation.id)))
}

pub(crate) fn duplicate(operation_id: &str) -> Refusal {
    Refusal::new("DuplicateRequest", "Another operation is already in progress for this resource")
        .with("DuplicateOperationId", operation_id)
}

pub(crate) fn get(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let id = call.input.required("OperationId")?;
    let registry = world.services.cloud_map.at(&call.place);
    let operation = registry.operations.get(id).ok_or_else(|| not_found("Operation", id))?;
    let mut answer = Map::new();
    answer.insert("Id".to_owned(), json!(operation.id));
    answer.insert("Type".to_owned(), json!(operation.kind()));
    answer.insert("Status".to_owned(), json!(operation.status));
    answer.insert("CreateDate".to_owned(), epoch(operation.created));
    answer.insert("UpdateDate".to_owned(), epoch(operation.updated));
    answer.insert("Targets".to_owned(), json!(operation.targets));
    if let Some((code, message)) = &operation.failure {
        answer.insert("ErrorCode".to_owned(), json!(code));
        answer.insert("ErrorMessage".to_owned(), json!(message));
    }
    Ok(json!({"Operation": answer}))
}
