//! Somebody else's hands on the rule, the name, the target group and the service while traffic moves; and App Auto Scaling's
//! on the tasks.

use landbridge_api::names::annotation;
use landbridge_api::v1alpha1::{EcsService, MigrationPhase as Phase, TrafficMigration};
use landbridge_tests::shop::NAMESPACE;
use landbridge_tests::{Stage, outsider};
use serde_json::{Value, json};

use crate::migration::{ECS, EKS, Front, HOST, Name, SPEED, command, migration, until};

/// A migration that waits for a person at each step and after the soak.
pub fn stepwise(yaml: &str) -> String {
    yaml.replace("bake: 0s}", "bake: 0s, approval: Manual}")
        .replace("finalise: {soak: 0s}", "finalise: {soak: 0s, approval: Manual}")
}

/// The migration at its `stop`-th stop, from 0: four steps and the soak.
pub async fn at_stop(stage: &Stage, name: &str, stop: usize) {
    let is = |m: &TrafficMigration| {
        let status = m.status.clone().unwrap_or_default();
        let at = match stop {
            4 => status.phase == Some(Phase::Soaking),
            _ => status.phase == Some(Phase::Gating) && status.step == Some(i32::try_from(stop).unwrap()),
        };
        at && status.intent.is_none()
    };
    stage.until(NAMESPACE, name, &format!("stop {stop}"), is).await;
}

/// Somebody's edit and its undoing.
struct Hand<'a> {
    what: &'static str,
    edit: Box<dyn Fn() + 'a>,
    undo: Box<dyn Fn() + 'a>,
    /// What the conflict must name.
    named: &'static str,
}

/// At every stop each hand edits; nothing is written until it is undone.
async fn meets(stage: &Stage, name: &str, hands: &[Hand<'_>], writes: impl Fn() -> usize) {
    for stop in 0..5 {
        at_stop(stage, name, stop).await;
        for hand in hands {
            let what = format!("{} at stop {stop}", hand.what);
            (hand.edit)();
            let before = writes();
            let conflict = until(stage, name, Phase::Conflicted).await.status.unwrap().conflict.unwrap().message;
            assert!(conflict.contains(hand.named), "{what}: {conflict}");
            // Even when somebody would go on: the next look finds the same.
            command(stage, name, &format!("promote {what}")).await;
            let heard = |m: &TrafficMigration| {
                let status = m.status.clone().unwrap_or_default();
                status.last_command.as_deref().is_some_and(|c| c.ends_with(&what))
                    && status.phase == Some(Phase::Conflicted)
            };
            stage.until(NAMESPACE, name, "the command was heard", heard).await;
            assert_eq!(writes(), before, "{what}");
            (hand.undo)();
            at_stop(stage, name, stop).await;
        }
        command(stage, name, &format!("promote {stop}")).await;
    }
    until(stage, name, Phase::Completed).await;
}

/// Another health check of a target group.
fn checked(stage: &Stage, group: &str, path: &str) {
    let asked = [("TargetGroupArn", group), ("HealthCheckPath", path)];
    outsider::elb(&stage.emulator, "ModifyTargetGroup", &asked, "none");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_changes_rule_target_group_or_service_at_any_step_is_named_and_nothing_is_overwritten() {
    let stage = Stage::start(SPEED).await;
    let front = Front::open(&stage).await;
    // Drift of the service is the migration's business here, not corrected by its own object.
    stage.merge::<EcsService>("orders", json!({"spec": {"driftPolicy": "Report"}})).await;
    stage.apply(&stepwise(&migration("hands", ECS, EKS, ""))).await;
    let weights = || {
        let shares = stage.emulator.shares(&front.listener, HOST, "/").unwrap_or_default();
        shares.into_iter().map(|s| (s.target_group, s.percent)).collect::<Vec<_>>()
    };
    let left = std::cell::RefCell::new(Vec::new());
    let forward = |weights: &[(String, f64)]| {
        let named: Vec<(String, String)> = weights
            .iter()
            .enumerate()
            .flat_map(|(n, (group, percent))| {
                let at = format!("Actions.member.1.ForwardConfig.TargetGroups.member.{}", n + 1);
                [(format!("{at}.TargetGroupArn"), group.clone()), (format!("{at}.Weight"), format!("{percent:.0}"))]
            })
            .collect();
        let mut asked = vec![("RuleArn", front.rule.as_str()), ("Actions.member.1.Type", "forward")];
        asked.extend(named.iter().map(|(k, v)| (k.as_str(), v.as_str())));
        outsider::elb(&stage.emulator, "ModifyRule", &asked, "none");
    };
    let balancers = |groups: Value| {
        let input = json!({"cluster": "prod", "service": "orders", "loadBalancers": groups});
        outsider::call(&stage.emulator, "ecs", "UpdateService", &input);
    };
    let declared = json!([{"targetGroupArn": front.old, "containerName": "orders", "containerPort": 8080}]);
    let hands = [
        Hand {
            what: "the rule",
            edit: Box::new(|| {
                *left.borrow_mut() = weights();
                forward(&[(front.old.clone(), 77.0)]);
            }),
            undo: Box::new(|| forward(&left.borrow())),
            named: "orders-ecs=77",
        },
        Hand {
            what: "the target group",
            edit: Box::new(|| checked(&stage, &front.old, "/elsewhere")),
            undo: Box::new(|| checked(&stage, &front.old, "/")),
            named: "target group orders-ecs: healthCheckPath was / and is /elsewhere",
        },
        Hand {
            what: "the service",
            edit: Box::new(|| balancers(json!([]))),
            undo: Box::new(|| balancers(declared.clone())),
            named: "ECSService shop/orders in ECS: loadBalancers was",
        },
    ];
    let writes = || stage.emulator.calls().count("elasticloadbalancing:ModifyRule");
    meets(&stage, "hands", &hands, writes).await;
    drop(hands);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_changes_the_name_or_its_target_group_at_any_step_is_named_and_nothing_is_overwritten() {
    let stage = Stage::start(SPEED).await;
    let _front = Front::open(&stage).await;
    let name = Name::before(&stage).await;
    stage.apply(&stepwise(&name.migration("hands", &name.ecs(), &name.eks()))).await;
    let set = |weight: usize| {
        format!("<SetIdentifier>ecs/shop/orders</SetIdentifier><Weight>{weight}</Weight>{}", name.simple())
    };
    let weight = || {
        let sets = outsider::record_sets(&stage.emulator, &name.zone);
        let old = sets.split("<ResourceRecordSet>").find(|set| set.contains("ecs/shop/orders")).unwrap();
        let weight = old.split("<Weight>").nth(1).and_then(|rest| rest.split('<').next());
        weight.unwrap().parse::<usize>().unwrap()
    };
    let left = std::cell::Cell::new(0);
    let hands = [Hand {
        what: "the record",
        edit: Box::new(|| {
            left.set(weight());
            name.change(&stage, &[("UPSERT", set(201))]);
        }),
        undo: Box::new(|| name.change(&stage, &[("UPSERT", set(left.get()))])),
        named: "ecs/shop/orders=201",
    }];
    let writes = || stage.emulator.calls().count("route53:ChangeResourceRecordSets");
    meets(&stage, "hands", &hands, writes).await;
    drop(hands);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn app_auto_scaling_takes_no_task_from_a_side_that_may_have_to_take_everything_back() {
    let stage = Stage::start(SPEED).await;
    let _front = Front::open(&stage).await;
    let min = |min: i64| {
        let input = json!({"ServiceNamespace": "ecs", "ResourceId": "service/prod/orders",
            "ScalableDimension": "ecs:service:DesiredCount", "MinCapacity": min, "MaxCapacity": 9});
        outsider::call(&stage.emulator, "application-autoscaling", "RegisterScalableTarget", &input);
    };
    let now = || {
        let input = json!({"ServiceNamespace": "ecs", "ResourceIds": ["service/prod/orders"]});
        let found = outsider::call(&stage.emulator, "application-autoscaling", "DescribeScalableTargets", &input);
        found["ScalableTargets"][0]["MinCapacity"].as_i64().unwrap()
    };
    min(1);
    stage.apply(&stepwise(&migration("first", ECS, EKS, ""))).await;
    at_stop(&stage, "first", 0).await;
    assert_eq!(now(), 2, "two tasks were healthy at the beginning");
    command(&stage, "first", "abort").await;
    until(&stage, "first", Phase::RolledBack).await;
    stage.eventually("the minimum is as it was", async || now() == 1).await;

    stage.apply(&migration("second", ECS, EKS, "")).await;
    until(&stage, "second", Phase::Completed).await;
    stage.eventually("the minimum is as it was", async || now() == 1).await;
    // Raised and put back, twice; once by hand.
    let calls = stage.emulator.calls();
    assert_eq!(calls.count("application-autoscaling:RegisterScalableTarget"), 5);
    let annotated = stage.get::<TrafficMigration>(NAMESPACE, "first").await.unwrap();
    assert!(annotated.metadata.annotations.unwrap().contains_key(annotation::MIGRATE));
    stage.end().await;
}
