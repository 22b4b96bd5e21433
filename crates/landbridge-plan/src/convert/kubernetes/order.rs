//! `dependsOn`: which containers are init containers, which are native sidecars, and in which order they start.
//!
//! A container that others wait for to end is an init container; one that others wait for to start or to be healthy is a
//! sidecar (an init container that restarts); Kubernetes starts these in their order, and then the rest at once.

use std::collections::{BTreeMap, BTreeSet};

use landbridge_api::ecs::ContainerDefinition;
use landbridge_api::ecs::container::ContainerCondition;

/// What a container is in a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Runs beside the others.
    Main,
    /// Runs to its end before the next one starts.
    Init,
    /// Starts before the next one, and stays.
    Sidecar,
}

/// The containers in their order, each with its part; and whether they wait for each other in a circle, in which case
/// all are [`Part::Main`].
pub fn ordered(containers: &[ContainerDefinition]) -> (Vec<(&ContainerDefinition, Part)>, bool) {
    let mut parts: BTreeMap<&str, Part> = BTreeMap::new();
    for dependency in containers.iter().flat_map(|c| &c.depends_on) {
        let ends = matches!(dependency.condition, ContainerCondition::Complete | ContainerCondition::Success);
        let part = parts.entry(dependency.container_name.as_str()).or_insert(Part::Sidecar);
        if ends {
            *part = Part::Init;
        }
    }
    let part = |c: &ContainerDefinition| parts.get(c.name.as_str()).copied().unwrap_or(Part::Main);
    let mut left: Vec<&ContainerDefinition> = containers.iter().filter(|c| part(c) != Part::Main).collect();
    let (mut sorted, mut placed) = (Vec::new(), BTreeSet::new());
    while !left.is_empty() {
        let waits =
            |c: &ContainerDefinition| c.depends_on.iter().any(|d| left.iter().any(|l| l.name == d.container_name));
        let Some(at) = left.iter().position(|c| !waits(c)) else {
            return (containers.iter().map(|c| (c, Part::Main)).collect(), true);
        };
        let next = left.remove(at);
        if placed.insert(next.name.as_str()) {
            sorted.push((next, part(next)));
        }
    }
    sorted.extend(containers.iter().filter(|c| part(c) == Part::Main).map(|c| (c, Part::Main)));
    (sorted, false)
}
