//! The live view: weights, health, gates and traffic; redrawn on a terminal, a line for each change elsewhere.

use std::{
    io::{IsTerminal, stdout},
    time::Duration,
};

use landbridge_api::v1alpha1::{SideHealth, TrafficMigration, TrafficMigrationStatus};
use tokio::time::Instant;

use super::{counts::Leg, load::Traffic};
use crate::screen::{print, redraw, size};

/// Where nothing changes there is a line this often, so that the traffic is seen.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Characters of a bar.
const BAR: usize = 30;

/// Where the story is shown.
#[derive(Debug)]
pub(super) enum View {
    /// A terminal, and how many lines of it are drawn.
    Frame(usize),
    /// Anything else: what was said last, and when.
    Lines { said: String, at: Option<Instant> },
}

impl View {
    pub(super) fn stdout() -> Self {
        if stdout().is_terminal() { Self::Frame(0) } else { Self::Lines { said: String::new(), at: None } }
    }

    /// Shows the migration and the traffic as they are now.
    pub(super) fn show(&mut self, migration: Option<&TrafficMigration>, traffic: &Traffic) {
        let text = match self {
            Self::Frame(drawn) => {
                let columns = size().0;
                let lines = frame(migration, traffic);
                let lines: Vec<String> = lines.iter().map(|line| line.chars().take(columns).collect()).collect();
                let text = redraw(*drawn, &lines);
                *drawn = lines.len();
                text
            }
            Self::Lines { said, at } => {
                let (now, numbers) = (sentence(migration), numbers(traffic));
                if *said == now && at.is_some_and(|at| at.elapsed() < LINE_EVERY) {
                    return;
                }
                let text = format!("{now}: {numbers}\n");
                (*said, *at) = (now, Some(Instant::now()));
                text
            }
        };
        // Whoever closed stdout does not want to see it; the story goes on.
        if let Err(error) = print(&text) {
            tracing::debug!(%error, "stdout");
        }
    }

    /// Says something that stays.
    pub(super) fn say(&mut self, lines: &[String]) {
        if let Self::Frame(drawn) = self {
            *drawn = 0;
        }
        if let Err(error) = print(&(lines.join("\n") + "\n")) {
            tracing::debug!(%error, "stdout");
        }
    }
}

fn status(migration: Option<&TrafficMigration>) -> TrafficMigrationStatus {
    migration.and_then(|migration| migration.status.clone()).unwrap_or_default()
}

fn name(migration: Option<&TrafficMigration>) -> &str {
    migration.and_then(|migration| migration.metadata.name.as_deref()).unwrap_or("no migration yet")
}

/// What changes seldom, in a line.
fn sentence(migration: Option<&TrafficMigration>) -> String {
    let status = status(migration);
    let Some(phase) = status.phase else { return name(migration).to_owned() };
    let share = status.share.as_deref().unwrap_or("-");
    let (from, to) = (health(status.from.as_ref()), health(status.to.as_ref()));
    format!("{} {phase:?}, weights {share}, healthy {from} and {to}", name(migration))
}

fn health(side: Option<&SideHealth>) -> String {
    side.map_or_else(|| "-".to_owned(), |side| format!("{}/{}", side.healthy, side.registered))
}

fn numbers(traffic: &Traffic) -> String {
    let Traffic { requests, failed, per_second: (ecs, eks), .. } = traffic;
    format!("ECS {ecs:.1}/s, EKS {eks:.1}/s, {requests} requests, {failed} failed")
}

/// The lines of the view on a terminal.
fn frame(migration: Option<&TrafficMigration>, traffic: &Traffic) -> Vec<String> {
    let status = status(migration);
    let phase = status.phase.map_or_else(String::new, |phase| format!("{phase:?}"));
    let step = status.progress.as_deref().map(|progress| format!("  step {progress}")).unwrap_or_default();
    let mut lines = vec![format!("{}  {phase}{step}", name(migration))];
    let (from, to) = if is_back(migration, traffic) { ("EKS", "ECS") } else { ("ECS", "EKS") };
    let shares = status.share.as_deref().and_then(|share| share.split_once('/'));
    let shares = shares.unwrap_or(("100", "0"));
    for (side, share, healthy) in [(from, shares.0, status.from.as_ref()), (to, shares.1, status.to.as_ref())] {
        let zones = healthy.map(|side| side.zones.iter().map(|(zone, count)| format!("{zone} {count}")));
        let zones = zones.map(|zones| zones.collect::<Vec<_>>().join(", ")).unwrap_or_default();
        let rate = if side == "ECS" { traffic.per_second.0 } else { traffic.per_second.1 };
        lines.push(format!(
            "  {side}  weight {share:>5}  {}  {rate:>6.1} requests/s  healthy {} {zones}",
            bar(share),
            health(healthy)
        ));
    }
    for gate in &status.gates {
        lines.push(format!("  gate {}: {:?}, {}", gate.name, gate.result, gate.message));
    }
    if let Some(why) = status.abort_reason.as_deref() {
        lines.push(format!("  went back: {why}"));
    }
    lines.push(format!("  {} requests, {} failed", traffic.requests, traffic.failed));
    lines
}

/// Whether the migration that is shown goes from pods to tasks.
fn is_back(migration: Option<&TrafficMigration>, traffic: &Traffic) -> bool {
    let from_pods = migration.map(|migration| migration.spec.from.kubernetes_service.is_some());
    from_pods.unwrap_or(traffic.leg == Leg::Back)
}

fn bar(share: &str) -> String {
    let share: f64 = share.parse().unwrap_or(0.0);
    let full = ((share / 100.0 * BAR as f64).round() as usize).min(BAR);
    format!("{}{}", "#".repeat(full), ".".repeat(BAR - full))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn migration() -> TrafficMigration {
        serde_json::from_value(json!({
            "apiVersion": "landbridge.dev/v1alpha1",
            "kind": "TrafficMigration",
            "metadata": {"name": "orders-to-eks"},
            "spec": {
                "from": {"ecsServiceRef": {"name": "orders"}},
                "to": {"kubernetesService": {"name": "orders"}},
                "backend": {"applicationLoadBalancer": {}},
            },
            "status": {
                "phase": "Baking", "progress": "2/4", "share": "90/10",
                "from": {"registered": 3, "healthy": 3, "zones": {"us-east-1a": 2, "us-east-1b": 1}},
                "to": {"registered": 3, "healthy": 2},
                "gates": [{"name": "targets", "result": "Passed", "message": "all is well"}],
            },
        }))
        .unwrap()
    }

    #[test]
    fn the_view_shows_weights_health_gates_and_traffic() {
        let traffic = Traffic { requests: 1234, failed: 1, per_second: (45.0, 5.0), ..Traffic::default() };
        let lines = frame(Some(&migration()), &traffic);
        assert_eq!(lines[0], "orders-to-eks  Baking  step 2/4");
        assert!(
            lines[1].starts_with("  ECS  weight    90  ###########################...    45.0 requests/s"),
            "{lines:#?}"
        );
        assert!(lines[1].ends_with("healthy 3/3 us-east-1a 2, us-east-1b 1"), "{lines:#?}");
        assert!(lines[2].contains("EKS  weight    10  ###....") && lines[2].contains("healthy 2/3"), "{lines:#?}");
        assert_eq!(lines[3], "  gate targets: Passed, all is well");
        assert_eq!(lines[4], "  1234 requests, 1 failed");
        let said = format!("{}: {}", sentence(Some(&migration())), numbers(&traffic));
        let wanted = "orders-to-eks Baking, weights 90/10, healthy 3/3 and 2/3: \
                      ECS 45.0/s, EKS 5.0/s, 1234 requests, 1 failed";
        assert_eq!(said, wanted);
        assert_eq!(sentence(None), "no migration yet");
    }
}
