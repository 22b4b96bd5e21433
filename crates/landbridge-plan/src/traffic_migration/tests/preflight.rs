//! What is refused before the first write.

use landbridge_api::v1alpha1::{MigrationPhase as Phase, TargetWeight};

use super::model::{BY_NAME, OLD, TO_EKS, World};
use crate::traffic_migration::SideKind;

/// The refusals after a change of the world.
fn refused(spec: &str, change: impl FnOnce(&mut World)) -> String {
    let mut world = World::new(spec, 1);
    change(&mut world);
    world.settle(5);
    assert_eq!((world.phase(), world.shifts.len()), (Phase::Preflight, 0));
    let plan = world.plan();
    assert!(plan.steps.is_empty());
    plan.blocked.iter().map(|b| b.message.as_str()).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_cannot_go_well_is_refused_before_anything_is_written_and_says_what_to_do() {
    type Table = Vec<(&'static str, Box<dyn FnOnce(&mut World)>, &'static str)>;
    let pods = |w: &mut World, f: &dyn Fn(&mut Vec<crate::traffic_migration::Pod>)| {
        let SideKind::Kubernetes { pods, .. } = &mut w.resolved.to.kind else { unreachable!() };
        f(pods);
    };
    let table: Table = vec![
        (TO_EKS, Box::new(|w| w.observed.from.group = None), "give it one in loadBalancers"),
        (TO_EKS, Box::new(|w| w.observed.points.clear()), "it has no traffic to move"),
        (
            TO_EKS,
            Box::new(|w| w.observed.missing.push("arn:gone".into())),
            "there is no listener rule or listener arn:gone",
        ),
        (
            TO_EKS,
            Box::new(|w| w.observed.points[0].weights.push(TargetWeight { target: "third".into(), weight: 1 })),
            "take it out of the rule first",
        ),
        (TO_EKS, Box::new(|w| w.observed.points[0].weights[0].weight = 0), "its weight is 0"),
        (TO_EKS, Box::new(|w| w.observed.points[0].sticky_seconds = Some(3600)), "stickySessions: Wait"),
        (
            TO_EKS,
            Box::new(|w| {
                let old = w.observed.from.group.as_mut().unwrap();
                old.attributes.insert("stickiness.enabled".into(), "true".into());
            }),
            "ties clients to a target",
        ),
        (
            TO_EKS,
            Box::new(|w| {
                let service = w.observed.from.service.as_mut().unwrap();
                let strategy = serde_json::json!({"strategy": "BLUE_GREEN"});
                service.fields.insert("deploymentConfiguration".into(), strategy);
            }),
            "set its deploymentConfiguration.strategy to ROLLING",
        ),
        (
            TO_EKS,
            Box::new(|w| w.observed.limits.as_mut().unwrap().groups_in_use = 100),
            "has 100 target groups and may have 100",
        ),
        (
            TO_EKS,
            Box::new(|w| w.observed.limits.as_mut().unwrap().targets_per_group = 1),
            "quota targets-per-target-group",
        ),
        (
            TO_EKS,
            Box::new(|w| w.observed.limits.as_mut().unwrap().targets_in_use = 999),
            "has 999 targets, Service shop/orders adds 2, and it may have 1000",
        ),
        (
            TO_EKS,
            Box::new(|w| w.tags_of_rules(&[("elbv2.k8s.aws/cluster".into(), "blue".into())].into())),
            "the AWS Load Balancer Controller of cluster blue",
        ),
        (
            TO_EKS,
            Box::new(|w| w.resolved.rivals.push("TrafficMigration shop/other is under way".into())),
            "shop/other is under way",
        ),
        (TO_EKS, Box::new(move |w| pods(w, &|p| p.clear())), "no ready pod"),
        (TO_EKS, Box::new(move |w| pods(w, &|p| p[0].address = "127.0.0.1".into())), "pods need addresses of the VPC"),
        (
            TO_EKS,
            Box::new(|w| w.observed.from.group.as_mut().unwrap().protocol = "TCP".into()),
            "only those of Application",
        ),
        (
            TO_EKS,
            Box::new(|w| {
                let mut other = w.observed.from.group.clone().unwrap();
                other.arn = "arn:other/x".into();
                other.load_balancers = vec!["arn:lb/elsewhere".into()];
                w.observed.to.group = Some(other);
            }),
            "a target group can have only one",
        ),
        (TO_EKS, Box::new(|w| w.observed.to.group.clone_from(&w.observed.from.group)), "never shares one"),
    ];
    for (spec, change, words) in table {
        let said = refused(spec, change);
        assert!(said.contains(words), "{words:?} is not in {said:?}");
    }
}

#[test]
fn a_name_that_cannot_move_is_refused_with_what_to_do() {
    type Table = Vec<(Box<dyn FnOnce(&mut World)>, &'static str)>;
    let record = |w: &mut World, f: &dyn Fn(&mut serde_json::Value)| {
        f(&mut w.observed.points[0].record.as_mut().unwrap().sets[0]);
    };
    let table: Table = vec![
        (Box::new(move |w| record(w, &|set| set["TTL"] = 86_400.into())), "lower it to 60"),
        (
            Box::new(move |w| {
                record(w, &|set| {
                    set["SetIdentifier"] = "x".into();
                    set["Weight"] = 1.into();
                });
            }),
            "has a routing policy already",
        ),
        (Box::new(|w| w.observed.points.clear()), "there is no record orders.example.com in hosted zone Z1"),
        (Box::new(|w| w.object.spec.to.record = None), "spec.to.record must say"),
        (Box::new(|w| w.observed.to.group = None), "spec.to.targetGroupArn"),
        (
            Box::new(|w| drop(w.observed.points[0].tags.insert("external-dns/owner".into(), "blue".into()))),
            "external-dns with owner id blue",
        ),
    ];
    for (change, words) in table {
        let mut world = World::named(BY_NAME);
        change(&mut world);
        world.settle(5);
        assert_eq!((world.phase(), world.shifts.len()), (Phase::Preflight, 0));
        let said = world.plan().blocked.iter().map(|b| b.message.clone()).collect::<Vec<_>>().join("\n");
        assert!(said.contains(words), "{words:?} is not in {said:?}");
    }
}

#[test]
fn steps_that_do_not_grow_or_do_not_fit_are_refused() {
    for (steps, words) in [
        ("[{weight: 10}, {weight: 10}, {weight: 100}]", "more than the one before"),
        ("[{weight: 0.25}, {weight: 100}]", "in tenths of a percent"),
        ("[{weight: 10}]", "must have weight 100"),
        ("[{weight: 100, bake: 10 minutes}]", "1h30m"),
    ] {
        let from = TO_EKS.find("  steps:").unwrap();
        let to = TO_EKS.find("  finalise:").unwrap();
        let spec = format!("{}  steps: {steps}\n{}", &TO_EKS[..from], &TO_EKS[to..]);
        let said = refused(&spec, |_| ());
        assert!(said.contains(words), "{words:?} is not in {said:?}");
    }
}

#[test]
fn a_deployment_in_progress_is_waited_for() {
    let mut world = World::new(TO_EKS, 1);
    world.observed.from.service.as_mut().unwrap().deployments[0].rollout_state = Some("IN_PROGRESS".into());
    world.settle(5);
    assert_eq!(world.phase(), Phase::Preflight);
    assert!(world.plan().waits[0].message.contains("deployment in progress"));
    world.observed.from.service.as_mut().unwrap().deployments[0].rollout_state = None;
    world.run_until(Phase::Completed);
}

#[test]
fn sticky_clients_are_waited_for_where_that_is_asked() {
    let spec = TO_EKS.replace("applicationLoadBalancer: {}", "applicationLoadBalancer: {stickySessions: Wait}");
    let mut world = World::new(&spec, 1);
    world.observed.points[0].sticky_seconds = Some(7200);
    world.run_until(Phase::Draining);
    let begin = world.observed.at;
    world.run_until(Phase::Completed);
    assert!(world.observed.at.duration_since(begin).as_secs() >= 7200);
    assert_ne!(world.observed.points[0].weights[0].target, OLD);
}
