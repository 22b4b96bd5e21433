//! `landbridge migrate`: look at a TrafficMigration, and tell it what to do.
//!
//! Commands go by an annotation, so nothing in Git has to change for them and nothing that Argo CD applies takes them back.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use landbridge_api::Condition;
use landbridge_api::condition::{self, reason};
use landbridge_api::names::{CLI_MANAGER, annotation};
use landbridge_api::v1alpha1::{
    Approval, GateResult, MigrationPhase as Phase, SideHealth, TrafficMigration, TrafficMigrationStatus, WeightedPoint,
};
use serde_json::json;

use super::get::columns;
use crate::cli::{MigrateArgs, MigrateVerb};
use crate::exit::Exit;
use crate::live::{KindInfo, Live};

/// How often a live view looks again.
const REFRESH: Duration = Duration::from_secs(1);

/// Of an object without a status.
const NOT_SEEN: &str = "not looked at yet: is the operator running?";

/// How the line begins that is another every second.
const COUNTDOWN: &str = "  goes on in ";

/// Runs the command.
pub async fn migrate(args: &MigrateArgs) -> Result<Exit> {
    let target = args.verb.target();
    let kinds = KindInfo::named("trafficmigration")?;
    let kind = kinds.first().context("the CRDs hold no TrafficMigration")?;
    let live = Live::connect().await?;
    let namespace = target.namespace.clone().unwrap_or_else(|| live.namespace.clone());
    let read = async || -> Result<TrafficMigration> {
        let object = live.get(kind, &namespace, &target.name).await?;
        serde_json::from_value(serde_json::to_value(&object)?).context("reading the TrafficMigration")
    };
    match &args.verb {
        MigrateVerb::Plan(_) => {
            let migration = read().await?;
            show(&planned(&migration)?)?;
            Ok(if stands_in_the_way(&migration) { Exit::Failed } else { Exit::Ok })
        }
        MigrateVerb::Status { watch: false, .. } => show(&status(&read().await?, Timestamp::now())?),
        MigrateVerb::Status { watch: true, .. } => watch(read).await,
        verb => {
            let migration = read().await?;
            refuse(verb, &migration)?;
            // Each value is carried out once, so that the same command can be given again.
            let value = format!("{} {}", verb.word(), Timestamp::now());
            let patch = Patch::Merge(json!({"metadata": {"annotations": {annotation::MIGRATE: value}}}));
            let params = PatchParams { field_manager: Some(CLI_MANAGER.to_owned()), ..PatchParams::default() };
            let api = kind.api(&live.client, Some(&namespace));
            api.patch(&target.name, &params, &patch).await.with_context(|| format!("annotating {}", target.name))?;
            let name = &target.name;
            eprintln!("{} {namespace}/{name}; see: landbridge migrate status {name} -n {namespace}", verb.done());
            Ok(Exit::Ok)
        }
    }
}

/// What could not be carried out is refused here, where somebody reads it.
fn refuse(verb: &MigrateVerb, migration: &TrafficMigration) -> Result<()> {
    let status = migration.status.clone().unwrap_or_default();
    let phase = status.phase.unwrap_or_default();
    let manual = migration.spec.approval == Some(Approval::Manual);
    let late = matches!(phase, Phase::Finalising | Phase::Draining | Phase::Completed);
    let back = matches!(phase, Phase::RollingBack | Phase::RolledBack);
    match verb {
        MigrateVerb::Promote(_) | MigrateVerb::Pause(_) if late || back => {
            anyhow::bail!("it is {phase:?}: there is no step left to {}", verb.word())
        }
        MigrateVerb::Promote(_) => refuse_promotion(migration, &status),
        MigrateVerb::Resume(_) if phase == Phase::Conflicted => Ok(()),
        MigrateVerb::Resume(_) if migration.spec.paused == Some(true) => anyhow::bail!(
            "it is paused by spec.paused, which is not written here: set it to false where the object comes from"
        ),
        MigrateVerb::Resume(_) if status.paused != Some(true) => {
            anyhow::bail!("it is {phase:?} and not paused: there is nothing to resume")
        }
        MigrateVerb::Start(_) if phase == Phase::Preflight && !manual => anyhow::bail!(
            "it needs no start, for spec.approval is not Manual: it begins when nothing stands in its way, which landbridge \
             migrate plan shows"
        ),
        MigrateVerb::Abort(_) if late => anyhow::bail!(
            "it is {phase:?}: the old side has left the rules. The way back is another TrafficMigration with from and to \
             exchanged"
        ),
        MigrateVerb::Abort(_) if phase == Phase::RolledBack => anyhow::bail!("the traffic is back already"),
        MigrateVerb::AdoptCurrent(_) if phase != Phase::Conflicted => {
            anyhow::bail!("it is {phase:?} and not Conflicted: there is nothing to adopt")
        }
        MigrateVerb::Start(_) if phase != Phase::Preflight => anyhow::bail!("it has begun: it is {phase:?}"),
        _ => Ok(()),
    }
}

/// A yes counts while a step is watched or waits for it, and is not kept for later.
fn refuse_promotion(migration: &TrafficMigration, status: &TrafficMigrationStatus) -> Result<()> {
    let phase = status.phase.unwrap_or_default();
    let why = ready(status).map(|c| c.reason.as_str()).unwrap_or_default();
    match phase {
        Phase::Preflight if migration.spec.approval == Some(Approval::Manual) => {
            anyhow::bail!("it has not begun: begin it with landbridge migrate start")
        }
        Phase::Conflicted => anyhow::bail!(
            "it is Conflicted: say resume (its own weights again), adopt-current (go on from those that are there) or abort"
        ),
        Phase::Baking | Phase::Gating => Ok(()),
        Phase::Soaking if matches!(why, reason::AWAITING_APPROVAL | reason::HOLDING) => Ok(()),
        Phase::Soaking => anyhow::bail!("it is Soaking, which is not shortened: all traffic has moved"),
        _ => anyhow::bail!(
            "it is {phase:?}: a promotion counts while a step is watched or waits for one, and no step is; landbridge migrate \
             status shows what it does"
        ),
    }
}

/// Whether the preflight refuses it: nothing is written until somebody corrects what it says.
fn stands_in_the_way(migration: &TrafficMigration) -> bool {
    let status = migration.status.clone().unwrap_or_default();
    status.phase.unwrap_or_default() == Phase::Preflight
        && condition::is_true(&status.common.conditions, condition::STALLED)
}

/// What its condition Ready says.
fn ready(status: &TrafficMigrationStatus) -> Option<&Condition> {
    status.common.conditions.iter().find(|c| c.type_ == "Ready")
}

/// A moment as a person reads it: RFC 3339 in whole seconds.
fn moment(at: &str) -> String {
    let whole = at.parse::<Timestamp>().ok().and_then(|at| Timestamp::from_second(at.as_second()).ok());
    whole.map_or_else(|| at.to_owned(), |at| at.to_string())
}

fn show(text: &str) -> Result<Exit> {
    std::io::stdout().write_all(text.as_bytes()).context("writing to standard output")?;
    Ok(Exit::Ok)
}

/// Shows the status again and again until the migration has ended.
async fn watch(read: impl AsyncFn() -> Result<TrafficMigration>) -> Result<Exit> {
    let (mut shown, is_terminal) = (String::new(), std::io::stdout().is_terminal());
    loop {
        let migration = read().await?;
        let text = status(&migration, Timestamp::now())?;
        // A terminal shows one picture that changes; a file gets every change, which a second that passed is not.
        let news = if is_terminal { text.clone() } else { without_countdown(&text) };
        if news != shown {
            let clear = if is_terminal { "\u{1b}[H\u{1b}[2J" } else { "" };
            show(&format!("{clear}{text}"))?;
            shown = news;
        }
        match migration.status.as_ref().and_then(|s| s.phase) {
            Some(Phase::Completed) => return Ok(Exit::Ok),
            Some(Phase::RolledBack) => return Ok(Exit::Failed),
            _ => tokio::time::sleep(REFRESH).await,
        }
    }
}

fn without_countdown(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with(COUNTDOWN)).collect::<Vec<_>>().join("\n")
}

fn head(out: &mut String, migration: &TrafficMigration) -> Result<()> {
    let name = |side: &landbridge_api::v1alpha1::MigrationSide| {
        let ecs = side.ecs_service_ref.as_ref().map(|r| format!("ECSService {}", r.name));
        ecs.or_else(|| side.kubernetes_service.as_ref().map(|s| format!("Service {}", s.name))).unwrap_or_default()
    };
    let meta = &migration.metadata;
    let (namespace, own) = (meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default());
    writeln!(out, "TrafficMigration {namespace}/{own}: {} → {}", name(&migration.spec.from), name(&migration.spec.to))?;
    Ok(())
}

/// What it is about to do, from what the operator has looked at.
fn planned(migration: &TrafficMigration) -> Result<String> {
    let mut out = String::new();
    head(&mut out, migration)?;
    let status = migration.status.clone().unwrap_or_default();
    match ready(&status) {
        Some(c) => writeln!(out, "  {:?}: {}", status.phase.unwrap_or_default(), c.message)?,
        None => writeln!(out, "  {NOT_SEEN}")?,
    }
    if !status.undo.is_empty() {
        writeln!(out, "\nRules, as they were, to which an abort goes back with one write each")?;
        points(&mut out, &status.undo)?;
    }
    writeln!(out, "\nSteps")?;
    writeln!(out, "  the new side joins the rules with weight 0, and is watched until it is healthy")?;
    let steps = migration.spec.steps.clone();
    if steps.is_empty() {
        writeln!(out, "  1 %, 10 %, 50 % and 100 %, ten minutes each")?;
    }
    for step in &steps {
        let bake = step.bake.as_ref().map_or("10m", |b| b.0.as_str());
        let manual = step.approval == Some(Approval::Manual);
        let then = if manual { ", then waits for landbridge migrate promote" } else { "" };
        writeln!(out, "  {} % for {bake}{then}", step.weight)?;
    }
    let soak = migration.spec.finalise.as_ref().and_then(|f| f.soak.as_ref()).map_or("1h", |s| s.0.as_str());
    writeln!(out, "  the old side stays beside it for {soak}, then leaves the rules and drains")?;
    gates(&mut out, &status)?;
    Ok(out)
}

/// Where it stands.
fn status(migration: &TrafficMigration, now: Timestamp) -> Result<String> {
    let mut out = String::new();
    head(&mut out, migration)?;
    let status = migration.status.clone().unwrap_or_default();
    let since = status.phase_since.as_deref().map(|s| format!(", since {}", moment(s))).unwrap_or_default();
    let progress = status.progress.as_deref().map(|p| format!(", step {p}")).unwrap_or_default();
    let paused = status.paused == Some(true) || migration.spec.paused == Some(true);
    let paused = if paused { ", paused" } else { "" };
    writeln!(out, "  {:?}{progress}{paused}{since}", status.phase.unwrap_or_default())?;
    match ready(&status) {
        Some(c) => writeln!(out, "  {}: {}", c.reason, c.message)?,
        None => writeln!(out, "  {NOT_SEEN}")?,
    }
    if let Some(manager) = &status.manager {
        let of = manager.stack.as_deref().map(|s| format!(" of {s}")).unwrap_or_default();
        writeln!(out, "  written by the {}{of}", manager.name)?;
    }
    if let Some(next) = status.next_action_at.as_deref().and_then(|t| t.parse::<Timestamp>().ok()) {
        writeln!(out, "{COUNTDOWN}{} s", next.duration_since(now).as_secs().max(0))?;
    }
    weights(&mut out, &status)?;
    gates(&mut out, &status)?;
    if let Some(why) = &status.abort_reason {
        writeln!(out, "\nWent back: {why}")?;
    }
    Ok(out)
}

/// The gates, as they were read last.
fn gates(out: &mut String, status: &TrafficMigrationStatus) -> Result<()> {
    if status.gates.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nGates")?;
    for gate in &status.gates {
        let mark = match gate.result {
            GateResult::Passed => "✓",
            GateResult::Failed => "✗",
            GateResult::NoData => "?",
        };
        let failures = gate.failures.map(|n| format!(" (failed {n} in a row)")).unwrap_or_default();
        writeln!(out, "  {mark} {}: {}{failures}", gate.name, gate.message)?;
    }
    Ok(())
}

fn weights(out: &mut String, status: &TrafficMigrationStatus) -> Result<()> {
    let Some(share) = &status.share else { return Ok(()) };
    let (from, to) = share.split_once('/').unwrap_or((share.as_str(), ""));
    let health = |h: &Option<SideHealth>| {
        // Targets outside the VPC's subnets have no zone.
        let zones = |h: &SideHealth| {
            let named = h.zones.iter().filter(|(zone, _)| !zone.is_empty());
            named.map(|(z, n)| format!("{z} {n}")).collect::<Vec<_>>().join(", ")
        };
        let told = |h: &SideHealth| match zones(h) {
            zones if zones.is_empty() => format!("{}/{}", h.healthy, h.registered),
            zones => format!("{}/{} ({zones})", h.healthy, h.registered),
        };
        h.as_ref().map_or_else(String::new, told)
    };
    let row = |side: &str, share: &str, h: &Option<SideHealth>| {
        let filled = share.parse::<f64>().map_or(0, |p| (p / 5.0).round() as usize).min(20);
        vec![
            side.to_owned(),
            format!("{share} %"),
            format!("{}{}", "█".repeat(filled), "·".repeat(20 - filled)),
            health(h),
        ]
    };
    let rows = vec![row("from", from, &status.from), row("to", to, &status.to)];
    writeln!(out)?;
    for line in columns(&["SIDE", "WEIGHT", "", "HEALTHY"], rows).lines() {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

fn points(out: &mut String, points: &[WeightedPoint]) -> Result<()> {
    for point in points {
        let name = |arn: &str| arn.split('/').nth(1).unwrap_or(arn).to_owned();
        let weights = point.weights.iter().map(|w| format!("{}={}", name(&w.target), w.weight));
        writeln!(out, "  {}  {}", point.id, weights.collect::<Vec<_>>().join(" "))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migration(phase: &str) -> TrafficMigration {
        serde_json::from_value(json!({
            "apiVersion": "landbridge.dev/v1alpha1", "kind": "TrafficMigration",
            "metadata": {"name": "orders", "namespace": "shop"},
            "spec": {
                "from": {"ecsServiceRef": {"name": "orders"}}, "to": {"kubernetesService": {"name": "orders-eks"}},
                "backend": {"applicationLoadBalancer": {}},
                "steps": [{"weight": 10, "bake": "5m", "approval": "Manual"}, {"weight": 100}],
            },
            "status": {
                "phase": phase, "phaseSince": "2026-01-01T00:00:00Z", "step": 0, "progress": "1/2", "share": "90/10",
                "nextActionAt": "2026-01-01T00:05:00Z",
                "conditions": [{"type": "Ready", "status": "False", "reason": "Progressing",
                                "message": "step 1 of 2 is watched", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
                "from": {"registered": 2, "healthy": 2, "zones": {"eu-central-1a": 1, "eu-central-1b": 1}},
                "to": {"registered": 3, "healthy": 2, "zones": {"eu-central-1a": 2}},
                "gates": [
                    {"name": "targets", "result": "Passed", "message": "2 of 3 targets are healthy"},
                    {"name": "error-rate", "result": "Failed", "failures": 2,
                     "message": "Service shop/orders-eks has 2.00 %, and may have at most 1.00 %"},
                    {"name": "alarm slow", "result": "NoData", "message": "it is INSUFFICIENT_DATA"},
                ],
                "undo": [{"id": "arn:rule", "weights": [{"target": "arn:x/old/y", "weight": 1}]}],
            },
        }))
        .unwrap()
    }

    #[test]
    fn the_status_shows_weights_health_and_gates_and_the_plan_shows_the_steps_and_the_way_back() {
        let now = "2026-01-01T00:03:00Z".parse().unwrap();
        insta::assert_snapshot!("migrate_status", status(&migration("Baking"), now).unwrap());
        insta::assert_snapshot!("migrate_plan", planned(&migration("Preflight")).unwrap());
    }

    #[test]
    fn only_what_the_preflight_refuses_stands_in_the_way() {
        let mut migration = migration("Preflight");
        assert!(!stands_in_the_way(&migration));
        let stalled = serde_json::from_value(json!({
            "type": "Stalled", "status": "True", "reason": "PreflightFailed", "message": "no ready pod",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }));
        let status = migration.status.as_mut().unwrap();
        status.common.conditions.push(stalled.unwrap());
        assert!(stands_in_the_way(&migration));
        migration.status.as_mut().unwrap().phase = Some(Phase::Conflicted);
        assert!(!stands_in_the_way(&migration));
    }

    #[test]
    fn a_status_names_the_program_that_writes_the_weights() {
        let mut migration = migration("Baking");
        migration.status.as_mut().unwrap().manager = Some(landbridge_api::v1alpha1::MigrationManager {
            name: "AWS Load Balancer Controller".into(),
            kind: "LBCIngress".into(),
            stack: Some("shop/orders".into()),
        });
        let said = status(&migration, "2026-01-01T00:03:00Z".parse().unwrap()).unwrap();
        assert!(said.contains("  written by the AWS Load Balancer Controller of shop/orders\n"), "{said}");
    }

    #[test]
    fn what_comes_too_late_or_too_early_is_refused_with_what_to_do() {
        let target = || crate::cli::MigrationTarget { name: "orders".into(), namespace: None };
        let said = |verb: MigrateVerb, phase: &str| refuse(&verb, &migration(phase)).unwrap_err().to_string();
        assert!(said(MigrateVerb::Abort(target()), "Draining").contains("from and to exchanged"));
        assert!(said(MigrateVerb::Abort(target()), "RolledBack").contains("back already"));
        assert!(said(MigrateVerb::AdoptCurrent(target()), "Baking").contains("not Conflicted"));
        assert!(said(MigrateVerb::Start(target()), "Baking").contains("it has begun"));
        assert!(refuse(&MigrateVerb::Abort(target()), &migration("Soaking")).is_ok());
        for (verb, phase, says) in [
            (MigrateVerb::Promote(target()), "Completed", "no step left to promote"),
            (MigrateVerb::Promote(target()), "RollingBack", "no step left to promote"),
            (MigrateVerb::Promote(target()), "Conflicted", "adopt-current"),
            (MigrateVerb::Promote(target()), "Verifying", "no step is"),
            (MigrateVerb::Promote(target()), "Soaking", "not shortened"),
            (MigrateVerb::Pause(target()), "Completed", "no step left to pause"),
            (MigrateVerb::Resume(target()), "Baking", "nothing to resume"),
            (MigrateVerb::Start(target()), "Preflight", "spec.approval is not Manual"),
        ] {
            let found = said(verb, phase);
            assert!(found.contains(says), "{phase}: {says:?} is not in {found:?}");
        }
        assert!(refuse(&MigrateVerb::Promote(target()), &migration("Baking")).is_ok());
    }

    #[test]
    fn who_is_paused_by_the_spec_is_not_told_that_it_was_resumed() {
        let target = || crate::cli::MigrationTarget { name: "orders".into(), namespace: None };
        let mut migration = migration("Baking");
        migration.status.as_mut().unwrap().paused = Some(true);
        assert!(refuse(&MigrateVerb::Resume(target()), &migration).is_ok());
        migration.spec.paused = Some(true);
        let said = refuse(&MigrateVerb::Resume(target()), &migration).unwrap_err().to_string();
        assert!(said.contains("set it to false where the object comes from"), "{said}");
        migration.spec.approval = Some(Approval::Manual);
        migration.status.as_mut().unwrap().phase = Some(Phase::Preflight);
        assert!(refuse(&MigrateVerb::Start(target()), &migration).is_ok());
        let said = refuse(&MigrateVerb::Promote(target()), &migration).unwrap_err().to_string();
        assert!(said.contains("landbridge migrate start"), "{said}");
    }

    #[test]
    fn a_file_gets_what_changed_and_not_every_second_and_nobody_reads_a_zone_without_a_name() {
        let mut migration = migration("Baking");
        migration.status.as_mut().unwrap().phase_since = Some("2026-01-01T00:00:00.123456789Z".into());
        migration.status.as_mut().unwrap().to.as_mut().unwrap().zones = [(String::new(), 2)].into();
        let at = |text: &str| status(&migration, text.parse().unwrap()).unwrap();
        let (one, two) = (at("2026-01-01T00:03:00Z"), at("2026-01-01T00:03:01Z"));
        assert!(one != two && without_countdown(&one) == without_countdown(&two));
        assert!(one.contains("since 2026-01-01T00:00:00Z\n") && one.contains("2/3\n"), "{one}");
    }
}
