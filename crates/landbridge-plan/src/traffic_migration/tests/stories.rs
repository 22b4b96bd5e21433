//! Whole migrations.

use landbridge_api::v1alpha1::MigrationPhase as Phase;

use super::model::{BY_NAME, Crash, NEW, OLD, TO_EKS, World};
use crate::change::Change;
use crate::kind::{Health, Kind};
use crate::testing::deleted;
use crate::traffic_migration::Reach;

#[test]
fn traffic_moves_step_by_step_and_the_old_side_leaves_the_rules_last() {
    let mut world = World::new(TO_EKS, 1);
    world.run_until(Phase::Completed);
    assert_eq!(
        world.shifts,
        [
            "rule/0 old=100 new=0",
            "rule/0 old=99 new=1",
            "rule/0 old=50 new=50",
            "rule/0 old=0 new=100",
            "rule/0 new=100"
        ]
    );
    let status = world.status();
    assert_eq!((status.share.as_deref(), status.progress.as_deref()), (Some("0/100"), Some("3/3")));
    let health = world.object.health(&world.resolved, &world.observed, world.observed.at);
    assert!(matches!(health, Health::Healthy(_)), "{health:?}");
    assert!(world.plan().is_empty());
}

#[test]
fn every_step_takes_its_time_and_the_soak_takes_its_own() {
    let mut world = World::new(TO_EKS, 1);
    let begin = world.observed.at;
    world.run_until(Phase::Soaking);
    let until_soak = world.observed.at.duration_since(begin).as_secs();
    // Three steps of a minute, each after thirty seconds of propagation.
    assert!((270..400).contains(&until_soak), "{until_soak}");
    world.run_until(Phase::Draining);
    assert!(world.observed.at.duration_since(begin).as_secs() >= until_soak + 600);
}

#[test]
fn all_rules_move_together_with_one_write_each() {
    let mut world = World::new(TO_EKS, 3);
    world.run_until(Phase::Completed);
    assert_eq!(world.shifts.len(), 3 * 5);
    assert!(world.observed.points.iter().all(|p| p.weights.len() == 1 && p.weights[0].target != OLD));
}

#[test]
fn a_side_that_falls_ill_gives_its_traffic_back_with_one_write_per_rule() {
    for ill_in in [Phase::Propagating, Phase::Baking, Phase::Soaking] {
        let mut world = World::new(TO_EKS, 2);
        world.run_until(ill_in);
        let before = world.shifts.len();
        world.sick[1] = true;
        world.wait(1);
        world.run_until(Phase::RolledBack);
        let back: Vec<&str> = world.shifts[before..].iter().map(String::as_str).collect();
        assert_eq!(back, ["rule/0 old=1", "rule/1 old=1"], "{ill_in:?}");
        assert!(world.status().abort_reason.unwrap().contains("0 healthy of 2 targets"));
        let health = world.object.health(&world.resolved, &world.observed, world.observed.at);
        assert!(matches!(health, Health::Failed { stalled: true, .. }), "{health:?}");
    }
}

#[test]
fn a_side_that_falls_ill_while_the_next_step_waits_gives_its_traffic_back_too() {
    for waits_for in ["a pause", "a deployment"] {
        let mut world = World::new(TO_EKS, 1);
        world.run_until(Phase::Baking);
        if waits_for == "a pause" {
            world.command("pause");
        } else {
            let service = world.observed.from.service.as_mut().unwrap();
            service.deployments[0].rollout_state = Some("IN_PROGRESS".into());
        }
        world.settle(60);
        assert_eq!(world.phase(), Phase::Applying, "{waits_for}");
        let before = world.shifts.len();
        world.sick[1] = true;
        world.wait(1);
        world.run_until(Phase::RolledBack);
        assert_eq!(world.shifts[before..], ["rule/0 old=1"], "{waits_for}");
        assert!(world.status().abort_reason.unwrap().contains("gate targets failed"), "{waits_for}");
    }
}

#[test]
fn one_bad_reading_is_no_failure() {
    let mut world = World::new(TO_EKS, 1);
    world.run_until(Phase::Baking);
    world.sick[1] = true;
    world.wait(1);
    world.pass(None);
    assert_eq!((world.phase(), world.status().failures), (Phase::Baking, Some(1)));
    // Passes that come quicker than the interval count once.
    world.pass(None);
    assert_eq!(world.status().failures, Some(1));
    world.sick[1] = false;
    world.wait(10);
    world.pass(None);
    assert_eq!((world.phase(), world.status().failures), (Phase::Baking, None));
}

#[test]
fn nothing_goes_back_to_a_side_that_is_dead() {
    let mut world = World::new(TO_EKS, 1);
    world.run_until(Phase::Soaking);
    world.sick[0] = true;
    world.wait(10);
    world.command("abort");
    world.settle(20);
    assert_eq!(world.phase(), Phase::RollingBack);
    assert!(world.share() > 0.99);
    world.sick[0] = false;
    world.wait(10);
    world.run_until(Phase::RolledBack);
}

#[test]
fn a_new_side_that_never_gets_healthy_is_given_up_at_the_deadline() {
    let mut world = World::new(TO_EKS, 1);
    world.sick[1] = true;
    world.run_until(Phase::RolledBack);
    assert_eq!(world.shifts, ["rule/0 old=100 new=0", "rule/0 old=1"]);
    assert!(world.status().abort_reason.unwrap().contains("progressDeadline"));
}

#[test]
fn no_step_is_taken_while_ecs_deploys() {
    let mut world = World::new(TO_EKS, 1);
    world.run_until(Phase::Baking);
    let service = world.observed.from.service.as_mut().unwrap();
    service.deployments[0].rollout_state = Some("IN_PROGRESS".into());
    world.settle(60);
    assert_eq!(world.phase(), Phase::Applying);
    assert!(world.plan().waits[0].message.contains("has a deployment in progress"));
    world.observed.from.service.as_mut().unwrap().deployments[0].rollout_state = Some("COMPLETED".into());
    world.run_until(Phase::Completed);
}

#[test]
fn the_old_side_must_keep_what_it_had_before_the_next_step() {
    let mut world = World::new(TO_EKS, 1);
    world.run_until(Phase::Baking);
    world.observed.from.group.as_mut().unwrap().targets.pop();
    world.settle(60);
    assert_eq!(world.phase(), Phase::Gating);
    assert!(world.plan().waits[0].message.contains("must be able to take everything back"));
}

#[test]
fn an_abort_at_any_time_before_the_end_goes_back_and_after_it_is_too_late() {
    for phase in [Phase::Preparing, Phase::Verifying, Phase::Propagating, Phase::Baking, Phase::Soaking] {
        let mut world = World::new(TO_EKS, 1);
        for _ in 0..200 {
            if world.phase() == phase {
                break;
            }
            world.pass(None);
            world.wait(10);
        }
        assert_eq!(world.phase(), phase);
        world.command("abort");
        world.run_until(Phase::RolledBack);
        assert_eq!(world.observed.points[0].weights[0].target, OLD, "{phase:?}");
    }
    let mut world = World::new(TO_EKS, 1);
    world.run_until(Phase::Completed);
    world.command("abort");
    world.settle(5);
    assert_eq!(world.phase(), Phase::Completed);
}

#[test]
fn a_pause_holds_the_weights_and_an_abort_is_still_carried_out() {
    let mut world = World::new(TO_EKS, 1);
    world.run_until(Phase::Baking);
    world.command("pause");
    world.settle(100);
    assert_eq!((world.phase(), world.shifts.len()), (Phase::Applying, 2));
    let mut resumed = world.clone();
    resumed.command("resume");
    resumed.run_until(Phase::Completed);
    world.command("abort");
    world.run_until(Phase::RolledBack);
}

#[test]
fn a_manual_step_waits_for_a_person_and_so_does_a_manual_start() {
    let spec = TO_EKS
        .replace("{weight: 50, bake: 1m}", "{weight: 50, bake: 1m, approval: Manual}")
        .replace("  finalise:", "  approval: Manual\n  finalise:");
    let mut world = World::new(&spec, 1);
    world.settle(5);
    assert_eq!((world.phase(), world.shifts.len()), (Phase::Preflight, 0));
    world.command("start");
    world.run_until(Phase::Gating);
    world.settle(100);
    assert!(world.share() > 0.49 && world.share() < 0.51);
    assert!(world.plan().waits[0].message.contains("landbridge migrate promote orders"));
    world.command("promote");
    world.run_until(Phase::Completed);
}

#[test]
fn foreign_hands_on_a_rule_stop_everything_until_a_person_decides() {
    for (decision, end) in
        [("resume", Phase::Completed), ("adopt-current", Phase::Completed), ("abort", Phase::RolledBack)]
    {
        let mut world = World::new(TO_EKS, 2);
        world.run_until(Phase::Baking);
        let before = world.shifts.len();
        world.tags_of_rules(&[("aws:cloudformation:stack-name".into(), "front".into())].into());
        world.foreign_edit(1, 80, 20);
        world.settle(30);
        assert_eq!((world.phase(), world.shifts.len()), (Phase::Conflicted, before));
        let message = world.status().conflict.unwrap().message;
        assert!(message.contains("CloudFormation stack front") && message.contains("old=80 new=20"), "{message}");
        world.command(decision);
        world.run_until(end);
    }
}

#[test]
fn a_conflict_that_is_put_back_is_over_by_itself() {
    let mut world = World::new(TO_EKS, 1);
    world.run_until(Phase::Baking);
    world.foreign_edit(0, 50, 50);
    world.settle(3);
    assert_eq!(world.phase(), Phase::Conflicted);
    world.foreign_edit(0, 99, 1);
    world.run_until(Phase::Completed);
}

#[test]
fn pods_that_come_and_go_are_followed_even_after_the_end() {
    let mut world = World::new(TO_EKS, 1);
    world.run_until(Phase::Completed);
    let crate::traffic_migration::SideKind::Kubernetes { pods, .. } = &mut world.resolved.to.kind else {
        unreachable!()
    };
    pods[0].terminating = true;
    pods.push(crate::traffic_migration::Pod {
        address: "10.1.0.3".into(),
        port: 8080,
        ready: true,
        terminating: false,
        zone: None,
    });
    world.settle(2);
    let ids: Vec<_> = world.observed.to.group.as_ref().unwrap().targets.iter().map(|t| t.id.as_str()).collect();
    assert_eq!(ids, ["10.1.0.2", "10.1.0.3"]);
}

#[test]
fn deleting_it_on_the_way_goes_back_first_and_takes_what_was_made_with_it() {
    let mut world = World::new(TO_EKS, 1);
    world.run_until(Phase::Soaking);
    world.object = deleted(world.object);
    for _ in 0..10 {
        if world.plan().gone {
            break;
        }
        world.pass(None);
        world.wait(10);
    }
    assert!(world.plan().gone && world.observed.to.group.is_none());
    assert_eq!(world.observed.points[0].weights[0].target, OLD);
}

#[test]
fn deleting_one_that_never_began_leaves_the_target_group_to_the_migration_that_has_it_too() {
    let mut done = World::new(TO_EKS, 1);
    done.run_until(Phase::Completed);
    let mut world = World::new(TO_EKS, 1);
    world.observed.to.group = done.observed.to.group.clone().map(|mut group| {
        group.load_balancers.clear();
        group
    });
    world.object = deleted(world.object);
    let deletes =
        |world: &World| world.plan().steps.iter().any(|s| matches!(s.change, Change::DeleteTargetGroup { .. }));
    assert!(deletes(&world), "nobody else has it");
    world.resolved.shared_groups = vec![NEW.into()];
    assert!(!deletes(&world) && world.plan().gone);
}

#[test]
fn deleting_it_after_the_end_waits_until_somebody_else_registers_the_pods() {
    let mut world = World::new(TO_EKS, 1);
    world.run_until(Phase::Completed);
    world.object = deleted(world.object);
    assert!(!world.plan().gone);
    assert!(world.plan().waits[0].message.contains("TargetGroupBinding"));
    world.object.spec.on_delete = Some(landbridge_api::v1alpha1::OnDelete::Freeze);
    assert!(world.plan().gone && world.plan().steps.is_empty());
}

#[test]
fn a_name_becomes_weighted_moves_and_becomes_simple_again() {
    let mut world = World::named(BY_NAME);
    let before = world.observed.points[0].record.clone().unwrap().sets;
    let begin = world.observed.at;
    world.run_until(Phase::Completed);
    assert_eq!(
        world.shifts,
        [
            "ecs/shop/orders=100 kubernetes/shop/orders=0",
            "ecs/shop/orders=99 kubernetes/shop/orders=1",
            "ecs/shop/orders=50 kubernetes/shop/orders=50",
            "ecs/shop/orders=0 kubernetes/shop/orders=100",
            "kubernetes/shop/orders=1"
        ]
    );
    // Each step is given twice the minute that resolvers may keep an answer.
    assert!(world.observed.at.duration_since(begin).as_secs() > 3 * (120 + 60) + 600);
    let after = &world.observed.points[0].record.as_ref().unwrap().sets;
    assert_eq!(after[0]["AliasTarget"]["DNSName"], "new.elb.example.");
    assert_eq!(after.len(), 1);

    let mut back = World::named(BY_NAME);
    back.run_until(Phase::Baking);
    back.sick[1] = true;
    back.wait(1);
    back.run_until(Phase::RolledBack);
    assert_eq!(back.observed.points[0].record.as_ref().unwrap().sets, before);
}

#[test]
fn a_step_waits_until_route_53_has_brought_it_everywhere_and_a_foreign_record_is_a_conflict() {
    let mut world = World::named(BY_NAME);
    let reaches = |world: &mut World, reach| world.observed.points[0].record.as_mut().unwrap().reach = reach;
    reaches(&mut world, Reach::Pending);
    world.run_until(Phase::Propagating);
    world.settle(60);
    assert_eq!((world.phase(), world.status().propagated_since), (Phase::Propagating, None));
    reaches(&mut world, Reach::Everywhere);
    let then = world.observed.at;
    world.run_until(Phase::Baking);
    // What resolvers keep, they keep from then on.
    assert!(world.observed.at.duration_since(then).as_secs() >= 2 * 60, "{} to {}", then, world.observed.at);
    world.observed.points[0].record.as_mut().unwrap().sets[0]["TTL"] = 5.into();
    world.settle(2);
    assert_eq!(world.phase(), Phase::Conflicted);
}

#[test]
fn an_operator_that_did_not_make_a_change_itself_gives_route_53_its_minute() {
    let spec = BY_NAME.replace("name: orders.example.com", "name: orders.example.com, propagation: 5s");
    for (reach, fewest, most) in [(Reach::Everywhere, 0, 10), (Reach::Unknown, 60, 80)] {
        let mut world = World::named(&spec);
        world.observed.points[0].record.as_mut().unwrap().reach = reach;
        world.run_until(Phase::Propagating);
        let then = world.observed.at;
        world.run_until(Phase::Baking);
        let took = world.observed.at.duration_since(then).as_secs();
        assert!((fewest..=most).contains(&took), "{reach:?}: {took} s");
    }
}

#[test]
fn killed_at_every_write_it_ends_as_if_nothing_had_happened() {
    let mut straight = World::new(TO_EKS, 2);
    straight.run_until(Phase::Completed);
    for number in 0..40 {
        for after in [false, true] {
            let (mut world, mut writes) = (World::new(TO_EKS, 2), 0);
            for _ in 0..10_000 {
                let steps = world.plan().steps.len();
                let crash = (writes..writes + steps).contains(&number).then(|| {
                    let at = number - writes;
                    if after { Crash::After(at) } else { Crash::Before(at) }
                });
                world.pass(crash);
                writes += steps;
                world.wait(10);
                if world.phase() == Phase::Completed && world.plan().is_empty() {
                    break;
                }
            }
            assert_eq!(world.phase(), Phase::Completed, "killed {after} {number}: {:?}", world.status());
            assert_eq!(world.shifts, straight.shifts, "killed {after} {number}");
        }
    }
}

#[test]
fn a_yes_to_the_last_step_is_none_to_letting_the_old_side_go() {
    let spec = TO_EKS
        .replace("{weight: 100, bake: 1m}", "{weight: 100, bake: 1m, approval: Manual}")
        .replace("soak: 10m", "soak: 0s, approval: Manual");
    let mut world = World::new(&spec, 1);
    world.run_until(Phase::Gating);
    world.command("promote 1");
    world.settle(10);
    assert_eq!(world.phase(), Phase::Soaking);
    world.command("promote 2");
    world.run_until(Phase::Completed);
}
