//! Service events: the texts of "Amazon ECS service event messages" in the developer guide. A service keeps 100.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::wire::json::epoch;
use crate::world::Rng;

/// DescribeServices gives the 100 newest events (`Service.events`).
const KEPT: usize = 100;

#[derive(Debug, Clone, Default)]
pub(crate) struct Events(VecDeque<ServiceEvent>);

#[derive(Debug, Clone)]
struct ServiceEvent {
    id: String,
    at: Timestamp,
    message: String,
}

impl Events {
    /// Adds `(service NAME) ` + `text`.
    pub(crate) fn push(&mut self, rng: &mut Rng, at: Timestamp, service: &str, text: &str) {
        self.0.push_front(ServiceEvent { id: rng.uuid(), at, message: format!("(service {service}) {text}") });
        self.0.truncate(KEPT);
    }

    /// Newest first.
    pub(crate) fn show(&self) -> Value {
        let event =
            |event: &ServiceEvent| json!({ "id": event.id, "createdAt": epoch(event.at), "message": event.message });
        self.0.iter().map(event).collect()
    }
}

/// ` (task ID)` for each task, after a text and a colon.
pub(crate) fn tasks(ids: &[String]) -> String {
    ids.iter().map(|id| format!("(task {id})")).collect::<Vec<_>>().join(" ")
}
