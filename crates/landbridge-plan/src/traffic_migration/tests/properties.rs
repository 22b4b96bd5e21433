//! Whatever happens and in whatever order, the invariants that [`super::model`] checks at every write hold, and once the
//! trouble is over a migration ends.

use landbridge_api::v1alpha1::MigrationPhase as Phase;
use proptest::prelude::*;

use super::model::{Crash, TO_EKS, World};
use crate::traffic_migration::ScalingFacts;

#[derive(Clone, Debug)]
enum Event {
    Wait(i64),
    Ill(usize, bool),
    Foreign(usize, i32),
    Command(&'static str),
    Crash(usize, bool),
    Deploys(bool),
    /// Somebody else changes how a side is checked.
    Checked(usize, i32),
    Pass,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (1..200_i64).prop_map(Event::Wait),
        8 => Just(Event::Pass),
        2 => (0..2_usize, any::<bool>()).prop_map(|(side, ill)| Event::Ill(side, ill)),
        1 => (0..2_usize, 0..100_i32).prop_map(|(rule, new)| Event::Foreign(rule, new)),
        2 => prop::sample::select(vec!["promote", "pause", "resume", "adopt-current", "abort"]).prop_map(Event::Command),
        2 => (0..3_usize, any::<bool>()).prop_map(|(at, after)| Event::Crash(at, after)),
        1 => any::<bool>().prop_map(Event::Deploys),
        1 => (0..2_usize, 5..7_i32).prop_map(|(side, seconds)| Event::Checked(side, seconds)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_migration_ends_whole_or_back_whatever_happens_on_the_way(events in prop::collection::vec(event(), 0..80)) {
        let mut world = World::new(TO_EKS, 2);
        let (resource, min, max) = ("service/prod/orders".to_owned(), 1, 10);
        world.observed.from.scaling = Some(ScalingFacts { resource, min, max, unread: false });
        for (number, event) in events.iter().enumerate() {
            match event {
                Event::Wait(seconds) => world.wait(*seconds),
                Event::Pass => world.pass(None),
                Event::Ill(side, ill) => {
                    world.sick[*side] = *ill;
                    world.wait(1);
                }
                Event::Foreign(rule, new) => world.foreign_edit(*rule, 100 - new, *new),
                Event::Command(verb) => world.command(&format!("{verb} {number}")),
                Event::Crash(at, true) => world.pass(Some(Crash::After(*at))),
                Event::Crash(at, false) => world.pass(Some(Crash::Before(*at))),
                Event::Checked(side, seconds) => {
                    let sides = [&mut world.observed.from, &mut world.observed.to];
                    if let Some(group) = sides.into_iter().nth(*side).and_then(|s| s.group.as_mut()) {
                        group.health_check.interval = Some(*seconds);
                    }
                }
                Event::Deploys(deploys) => {
                    let state = if *deploys { "IN_PROGRESS" } else { "COMPLETED" };
                    let service = world.observed.from.service.as_mut().unwrap();
                    service.deployments[0].rollout_state = Some(state.into());
                }
            }
        }
        // The trouble is over, and a person settles what is open.
        world.sick = [false; 2];
        world.observed.from.service.as_mut().unwrap().deployments[0].rollout_state = None;
        world.wait(10);
        if world.phase() == Phase::Preflight {
            for rule in 0..2 {
                world.foreign_edit(rule, 100, 0);
            }
        }
        for round in 0..20_000 {
            if matches!(world.phase(), Phase::Completed | Phase::RolledBack) {
                break;
            }
            if round % 50 == 0 {
                world.command(&format!("resume at the end {round}"));
            }
            world.pass(None);
            world.wait(30);
        }
        let end = world.phase();
        world.settle(2);
        // What was pinned is as it was.
        prop_assert_eq!(world.observed.from.scaling.as_ref().map(|s| s.min), Some(1));
        prop_assert!(matches!(end, Phase::Completed | Phase::RolledBack), "{:?} {:?}", end, world.status());
    }
}
