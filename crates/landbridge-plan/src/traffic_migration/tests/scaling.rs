//! The floor of App Auto Scaling under the old side.

use landbridge_api::v1alpha1::MigrationPhase as Phase;

use super::model::{Crash, TO_EKS, World};
use crate::testing::deleted;
use crate::traffic_migration::ScalingFacts;

fn scaled(min: i32, max: i32) -> World {
    let mut world = World::new(TO_EKS, 1);
    world.observed.from.scaling =
        Some(ScalingFacts { resource: "service/prod/orders".into(), min, max, unread: false });
    world
}

fn min(world: &World) -> i32 {
    world.observed.from.scaling.as_ref().unwrap().min
}

#[test]
fn the_old_side_keeps_what_it_had_until_it_is_let_go_and_then_its_own_minimum_again() {
    let mut world = scaled(1, 10);
    world.run_until(Phase::Verifying);
    assert_eq!(min(&world), 2, "two tasks were healthy");
    world.run_until(Phase::Draining);
    assert_eq!(min(&world), 2);
    world.run_until(Phase::Completed);
    world.settle(3);
    assert_eq!((min(&world), world.status().pinned), (1, None));
    assert!(world.plan().is_empty());
}

#[test]
fn it_gets_its_minimum_back_after_the_way_back_and_when_the_object_goes() {
    let mut world = scaled(0, 10);
    world.run_until(Phase::Baking);
    assert_eq!(min(&world), 2);
    let writes = world.shifts.len();
    world.command("abort");
    world.run_until(Phase::RolledBack);
    assert_eq!(world.shifts.len(), writes + 1);
    world.settle(3);
    assert_eq!((min(&world), world.status().pinned), (0, None));

    let mut world = scaled(0, 10);
    world.run_until(Phase::Baking);
    world.object = deleted(world.object);
    world.settle(10);
    assert_eq!(min(&world), 0);
    assert!(world.plan().gone);
}

#[test]
fn the_way_back_does_not_wait_for_app_auto_scaling_and_the_minimum_is_put_back_once_it_answers() {
    for going in [false, true] {
        let mut world = scaled(0, 10);
        world.run_until(Phase::Baking);
        let there = world.observed.from.scaling.replace(ScalingFacts { unread: true, ..ScalingFacts::default() });
        if going {
            world.object = deleted(world.object);
        } else {
            world.command("abort");
        }
        world.run_until(Phase::RolledBack);
        world.settle(3);
        assert!(world.status().pinned.is_some() && !world.plan().gone && !world.plan().waits.is_empty());
        world.observed.from.scaling = there;
        world.settle(3);
        assert_eq!((min(&world), world.status().pinned), (0, None));
    }
}

#[test]
fn a_minimum_that_is_high_enough_and_one_that_somebody_set_meanwhile_stay() {
    let mut world = scaled(2, 10);
    world.run_until(Phase::Completed);
    assert_eq!((min(&world), world.status().pinned), (2, None));

    let mut world = scaled(1, 10);
    world.run_until(Phase::Soaking);
    world.observed.from.scaling.as_mut().unwrap().min = 5;
    world.run_until(Phase::Completed);
    world.settle(3);
    assert_eq!((min(&world), world.status().pinned), (5, None));
}

#[test]
fn a_maximum_below_what_is_healthy_bounds_the_minimum() {
    let mut world = scaled(0, 1);
    world.run_until(Phase::Verifying);
    assert_eq!(min(&world), 1);
}

#[test]
fn a_death_before_or_after_the_write_changes_nothing_of_it() {
    for crash in [Crash::Before(0), Crash::After(0)] {
        let mut world = scaled(1, 10);
        for _ in 0..200 {
            if world.phase() == Phase::Completed && world.status().pinned.is_none() {
                break;
            }
            // Every first write of a pass is lost once.
            world.pass(Some(crash));
            world.pass(None);
            world.wait(10);
        }
        assert_eq!((world.phase(), min(&world)), (Phase::Completed, 1), "{crash:?}");
    }
}
