//! What somebody else does to a side in each phase.

use landbridge_api::v1alpha1::MigrationPhase as Phase;
use serde_json::json;

use super::model::{BY_NAME, TO_EKS, World};

type Edit = (&'static str, fn(&mut World), &'static str);

/// Edits of somebody else, and how each is named.
const EDITS: [Edit; 4] = [
    (
        "the old target group",
        |w| w.observed.from.group.as_mut().unwrap().health_check.path = Some("/elsewhere".into()),
        "target group old: healthCheckPath was unset and is /elsewhere",
    ),
    (
        "the new target group",
        |w| w.observed.to.group.as_mut().unwrap().health_check.interval = Some(300),
        "healthCheckIntervalSeconds was unset and is 300",
    ),
    (
        "how the service deploys",
        |w| {
            let fields = &mut w.observed.from.service.as_mut().unwrap().fields;
            fields.insert("deploymentConfiguration".into(), json!({"strategy": "BLUE_GREEN"}));
        },
        "ECSService shop/orders in ECS: deploymentConfiguration.strategy was unset and is BLUE_GREEN",
    ),
    (
        "the load balancer of the service",
        |w| {
            let fields = &mut w.observed.from.service.as_mut().unwrap().fields;
            fields.insert("loadBalancers".into(), json!([{"targetGroupArn": "arn:elsewhere"}]));
        },
        "loadBalancers was  and is arn:elsewhere",
    ),
];

const PHASES: [Phase; 4] = [Phase::Verifying, Phase::Propagating, Phase::Baking, Phase::Soaking];

fn at(spec: &str, phase: Phase) -> World {
    let mut world = if spec == BY_NAME { World::named(spec) } else { World::new(spec, 1) };
    world.run_until(phase);
    world
}

#[test]
fn what_somebody_changes_of_a_side_in_any_phase_stops_the_migration_and_is_named() {
    for spec in [TO_EKS, BY_NAME] {
        for phase in PHASES {
            for (what, edit, named) in EDITS {
                let mut world = at(spec, phase);
                let writes = world.shifts.len();
                edit(&mut world);
                world.settle(20);
                let conflict = world.status().conflict.map(|c| c.message).unwrap_or_default();
                assert_eq!((world.phase(), world.shifts.len()), (Phase::Conflicted, writes), "{what} in {phase:?}");
                assert!(conflict.contains(named), "{what} in {phase:?}: {conflict}");
                assert!(conflict.contains("landbridge migrate resume"), "{conflict}");
            }
        }
    }
}

#[test]
fn what_somebody_changes_before_a_manual_start_is_taken_as_it_then_is() {
    for (what, edit, _) in [EDITS[0], EDITS[3]] {
        let mut world = World::new(&TO_EKS.replace("  finalise:", "  approval: Manual\n  finalise:"), 1);
        world.settle(5);
        edit(&mut world);
        world.settle(5);
        world.command("start");
        world.run_until(Phase::Completed);
        assert!(world.status().conflict.is_none(), "{what}");
    }
}

#[test]
fn once_it_is_as_it_was_the_migration_goes_on_by_itself() {
    for phase in PHASES {
        let mut world = at(TO_EKS, phase);
        let whole = world.observed.clone();
        (EDITS[0].1)(&mut world);
        world.settle(5);
        assert_eq!(world.phase(), Phase::Conflicted, "{phase:?}");
        world.observed.from.group.as_mut().unwrap().health_check = whole.from.group.unwrap().health_check;
        world.run_until(Phase::Completed);
    }
}

#[test]
fn a_person_takes_it_as_it_is_or_goes_back_with_one_write() {
    for (what, edit, _) in EDITS {
        let mut world = at(TO_EKS, Phase::Baking);
        edit(&mut world);
        world.settle(5);
        world.command("resume 1");
        world.run_until(Phase::Completed);

        let mut world = at(TO_EKS, Phase::Baking);
        edit(&mut world);
        world.settle(5);
        let writes = world.shifts.len();
        world.command("abort 1");
        world.run_until(Phase::RolledBack);
        assert_eq!(world.shifts.len(), writes + 1, "{what}");
    }
}

#[test]
fn once_the_old_side_is_let_go_what_happens_to_it_is_its_own_business() {
    let mut world = at(TO_EKS, Phase::Draining);
    (EDITS[3].1)(&mut world);
    world.run_until(Phase::Completed);
}
