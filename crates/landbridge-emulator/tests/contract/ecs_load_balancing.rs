//! ECS behind Elastic Load Balancing, through both SDKs. Expectations are those of "Use load balancing to distribute
//! Amazon ECS service traffic", "Amazon ECS service event messages", "Amazon ECS task lifecycle", "Amazon ECS
//! blue/green deployments" and the members of CreateService in the Amazon ECS API reference.

use aws_sdk_ecs::Client as Ecs;
use aws_sdk_ecs::error::ProvideErrorMetadata as _;
use aws_sdk_ecs::types::{
    AdvancedConfiguration, CanaryConfiguration, DeploymentConfiguration, DeploymentRolloutState, DeploymentStrategy,
    DesiredStatus, LinearConfiguration, LoadBalancer, ServiceDeployment, ServiceDeploymentLifecycleStage,
    ServiceDeploymentStatus, Task,
};
use aws_sdk_elasticloadbalancingv2::Client as Elb;
use aws_sdk_elasticloadbalancingv2::types::{
    LoadBalancerTypeEnum, ProtocolEnum, TargetHealthStateEnum, TargetTypeEnum,
};
use landbridge_emulator::Call;

use crate::ecs::{breaker, create, described, register, shop};
use crate::load_balancing::{balancer, forward, group, health, listener, not_found, rule, weights};
use crate::support::{ACCOUNT, Aws, on_both_fronts};

const ROLE: &str = "arn:aws:iam::123456789012:role/infrastructure";

fn behind(group: &str) -> LoadBalancer {
    LoadBalancer::builder().target_group_arn(group).container_name("web").container_port(80).build()
}

/// A shop whose load balancer forwards everything to one group.
async fn one_group(aws: &Aws) -> (Ecs, Elb, String) {
    let (ecs, elb) = (shop(aws).await, Elb::new(&aws.config()));
    let web = group(&elb, "web").await;
    listener(&elb, &balancer(&elb, "web").await, 80, forward(&[(&web, 1)])).await;
    (ecs, elb, web)
}

async fn events(ecs: &Ecs) -> Vec<String> {
    described(ecs).await.events().iter().map(|event| event.message().unwrap().to_owned()).collect()
}

async fn tasks(ecs: &Ecs, desired: DesiredStatus) -> Vec<Task> {
    let listed = ecs.list_tasks().cluster("prod").desired_status(desired).send().await.unwrap();
    if listed.task_arns().is_empty() {
        return Vec::new();
    }
    let described = ecs.describe_tasks().cluster("prod").set_tasks(Some(listed.task_arns().to_vec())).send().await;
    described.unwrap().tasks().to_vec()
}

fn address(task: &Task) -> &str {
    task.containers()[0].network_interfaces()[0].private_ipv4_address().unwrap()
}

pub(crate) async fn current(ecs: &Ecs) -> ServiceDeployment {
    let arn = described(ecs).await.current_service_deployment().unwrap().to_owned();
    let answer = ecs.describe_service_deployments().service_deployment_arns(arn).send().await.unwrap();
    answer.service_deployments()[0].clone()
}

#[tokio::test]
async fn a_service_is_steady_only_when_its_targets_are_healthy_and_drains_them_before_tasks_stop() {
    on_both_fronts(async |aws| {
        let (ecs, elb, web) = one_group(&aws).await;
        create(&ecs).load_balancers(behind(&web)).send().await.unwrap();
        aws.pass(15);
        let service = described(&ecs).await;
        assert_eq!(service.running_count(), 2);
        assert_eq!(service.deployments()[0].rollout_state(), Some(&DeploymentRolloutState::InProgress));
        assert!(health(&elb, &web).await.iter().all(|(state, _)| *state == TargetHealthStateEnum::Initial));
        aws.pass(30);
        assert_eq!(described(&ecs).await.deployments()[0].rollout_state(), Some(&DeploymentRolloutState::Completed));
        assert!(health(&elb, &web).await.iter().all(|(state, _)| *state == TargetHealthStateEnum::Healthy));
        let told = events(&ecs).await;
        // One event for two tasks that come up together, one for each otherwise.
        let registered = |n: u8| format!("(service web) registered {n} targets in (target-group {web})");
        let times = |n: u8| told.iter().filter(|text| **text == registered(n)).count();
        assert!(times(2) == 1 || times(1) == 2, "{told:?}");
        let targets = elb.describe_target_health().target_group_arn(&web).send().await.unwrap();
        let targets = targets.target_health_descriptions().iter().map(|it| it.target().unwrap());
        let mut registered: Vec<(String, i32)> =
            targets.map(|it| (it.id().unwrap().to_owned(), it.port().unwrap())).collect();
        let running = tasks(&ecs, DesiredStatus::Running).await;
        let mut expected: Vec<(String, i32)> = running.iter().map(|task| (address(task).to_owned(), 80)).collect();
        registered.sort();
        expected.sort();
        assert_eq!(registered, expected);
        ecs.update_service().cluster("prod").service("web").desired_count(1).send().await.unwrap();
        aws.pass(10);
        let leaving = tasks(&ecs, DesiredStatus::Stopped).await;
        assert_eq!(leaving[0].last_status(), Some("DEACTIVATING"));
        assert_eq!(health(&elb, &web).await.iter().filter(|(it, _)| *it == TargetHealthStateEnum::Draining).count(), 1);
        aws.pass(20);
        assert_eq!(tasks(&ecs, DesiredStatus::Stopped).await[0].last_status(), Some("STOPPED"));
        assert_eq!(health(&elb, &web).await.len(), 1);
        let told = events(&ecs).await;
        for text in [
            format!("(service web) deregistered 1 targets in (target-group {web})"),
            "(service web) has begun draining connections on 1 tasks.".to_owned(),
        ] {
            assert!(told.contains(&text), "{text}: {told:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_ecs_writes_can_be_told_from_what_a_user_wrote() {
    on_both_fronts(async |aws| {
        let (ecs, _, web) = one_group(&aws).await;
        create(&ecs).load_balancers(behind(&web)).send().await.unwrap();
        aws.pass(60);
        let calls = aws.emulator.calls();
        assert_eq!(calls.count("elasticloadbalancing:RegisterTargets"), 0, "no call from outside");
        let by_ecs = calls.writes_of_services();
        assert_eq!(by_ecs.len(), 2);
        let call = by_ecs[0];
        assert_eq!(
            (call.action.as_str(), call.target.as_str()),
            ("elasticloadbalancing:RegisterTargets", web.as_str())
        );
        assert_eq!(call.invoked_by.as_deref(), Some("ecs.amazonaws.com"));
        let role = format!("arn:aws:sts::{ACCOUNT}:assumed-role/AWSServiceRoleForECS/ecs-service-scheduler");
        assert_eq!(call.principal, role);
        assert!(calls.writes().iter().all(|call| call.invoked_by.is_none()));
    })
    .await;
}

#[tokio::test]
async fn target_groups_that_a_service_cannot_use_are_refused() {
    on_both_fronts(async |aws| {
        let (ecs, elb) = (shop(&aws).await, Elb::new(&aws.config()));
        let lonely = group(&elb, "lonely").await;
        let instances = elb.create_target_group().name("instances").protocol(ProtocolEnum::Http).port(80);
        let instances = instances.vpc_id("vpc-1").target_type(TargetTypeEnum::Instance).send().await.unwrap();
        let instances = instances.target_groups()[0].target_group_arn().unwrap().to_owned();
        for (balancer, words) in [
            (
                behind(&lonely),
                format!("The target group with targetGroupArn {lonely} does not have an associated load balancer."),
            ),
            (behind(&format!("{lonely}0")), "does not exist".to_owned()),
            (
                LoadBalancer::builder().load_balancer_name("old").container_name("web").container_port(80).build(),
                "The load balancer old does not exist.".to_owned(),
            ),
            (
                behind(&instances),
                "has target type instance, which is incompatible with the awsvpc network mode".to_owned(),
            ),
            (
                LoadBalancer::builder().target_group_arn(&lonely).container_name("x").container_port(80).build(),
                "The container x does not exist in the task definition.".to_owned(),
            ),
            (
                LoadBalancer::builder().target_group_arn(&lonely).container_name("web").container_port(81).build(),
                "The container web did not have a container port 81 defined.".to_owned(),
            ),
        ] {
            let refused = create(&ecs).load_balancers(balancer).send().await.unwrap_err().into_service_error();
            assert!(refused.is_invalid_parameter_exception(), "{refused:?}");
            assert!(refused.message().unwrap().contains(&words), "{refused:?}");
        }
        create(&ecs).send().await.unwrap();
        let refused = ecs.update_service().cluster("prod").service("web").load_balancers(behind(&lonely)).send().await;
        assert!(refused.unwrap_err().message().unwrap().ends_with("does not have an associated load balancer."));
    })
    .await;
}

#[tokio::test]
async fn a_task_whose_target_is_unhealthy_is_replaced_and_counts_as_failed() {
    on_both_fronts(async |aws| {
        let (ecs, _, web) = one_group(&aws).await;
        register(&ecs, "landbridge.test/target-503:1").await;
        create(&ecs).load_balancers(behind(&web)).send().await.unwrap();
        aws.pass(300);
        let service = described(&ecs).await;
        assert_eq!(service.deployments()[0].rollout_state(), Some(&DeploymentRolloutState::Failed));
        let stopped = tasks(&ecs, DesiredStatus::Stopped).await;
        let reason = format!("Task failed ELB health checks in (target-group {web})");
        assert!(stopped.iter().any(|task| task.stopped_reason() == Some(&reason)), "{stopped:?}");
        let told = events(&ecs).await;
        let words = format!("(port 80) is unhealthy in (target-group {web}) due to (reason Health checks failed with these codes: [503])");
        assert!(told.iter().any(|text| text.starts_with("(service web) (task ") && text.ends_with(&words)), "{told:?}");
    })
    .await;
}

#[tokio::test]
async fn other_load_balancers_are_a_new_deployment_whose_tasks_register_there() {
    on_both_fronts(async |aws| {
        let (ecs, elb, web) = one_group(&aws).await;
        let other = group(&elb, "other").await;
        listener(&elb, &balancer(&elb, "other").await, 80, forward(&[(&other, 1)])).await;
        create(&ecs).load_balancers(behind(&web)).send().await.unwrap();
        aws.pass(60);
        let first = described(&ecs).await.deployments()[0].id().unwrap().to_owned();
        ecs.update_service().cluster("prod").service("web").load_balancers(behind(&other)).send().await.unwrap();
        assert_ne!(described(&ecs).await.deployments()[0].id(), Some(first.as_str()));
        aws.pass(120);
        assert_eq!(described(&ecs).await.deployments()[0].rollout_state(), Some(&DeploymentRolloutState::Completed));
        assert!(health(&elb, &web).await.is_empty());
        assert!(health(&elb, &other).await.iter().all(|(state, _)| *state == TargetHealthStateEnum::Healthy));
        ecs.delete_service().cluster("prod").service("web").force(true).send().await.unwrap();
        aws.pass(10);
        assert_eq!(described(&ecs).await.status(), Some("DRAINING"), "connections drain before tasks stop");
        aws.pass(30);
        assert_eq!(described(&ecs).await.status(), Some("INACTIVE"));
        assert!(health(&elb, &other).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_young_task_is_spared_for_the_grace_period_and_a_good_one_replaced_when_it_turns_bad() {
    on_both_fronts(async |aws| {
        let (ecs, _, web) = one_group(&aws).await;
        register(&ecs, "landbridge.test/target-timeout:1").await;
        let request = create(&ecs).load_balancers(behind(&web)).health_check_grace_period_seconds(100);
        request.desired_count(1).send().await.unwrap();
        aws.pass(90);
        assert!(events(&ecs).await.iter().any(|text| text.ends_with("due to (reason Request timed out)")));
        let spared = tasks(&ecs, DesiredStatus::Running).await;
        assert_eq!(spared.len(), 1);
        aws.pass(30);
        let stopped = tasks(&ecs, DesiredStatus::Stopped).await;
        assert!(stopped.iter().any(|task| task.task_arn() == spared[0].task_arn()), "{stopped:?}");
        register(&ecs, "landbridge.test/unhealthy-after-120s:1").await;
        let update = ecs.update_service().cluster("prod").service("web").task_definition("web");
        update.health_check_grace_period_seconds(0).send().await.unwrap();
        aws.pass(100);
        assert_eq!(described(&ecs).await.deployments()[0].rollout_state(), Some(&DeploymentRolloutState::Completed));
        let first = tasks(&ecs, DesiredStatus::Running).await[0].task_arn().unwrap().to_owned();
        aws.pass(60);
        let now = tasks(&ecs, DesiredStatus::Running).await;
        assert!(now.iter().all(|task| task.task_arn() != Some(&first)), "{now:?}");
    })
    .await;
}

/// A service in front of which two groups take turns: (ECS, ELB, blue, green, production rule, test rule).
pub(crate) struct Turns {
    pub(crate) ecs: Ecs,
    elb: Elb,
    blue: String,
    green: String,
    pub(crate) production: String,
    test: String,
}

pub(crate) async fn turns(aws: &Aws, configuration: DeploymentConfiguration) -> Turns {
    let (ecs, elb) = (shop(aws).await, Elb::new(&aws.config()));
    let (blue, green) = (group(&elb, "blue").await, group(&elb, "green").await);
    let web = listener(&elb, &balancer(&elb, "web").await, 80, not_found()).await;
    let production = rule(&elb, &web, 10, forward(&[(&blue, 1), (&green, 0)])).await;
    let test = rule(&elb, &web, 20, forward(&[(&blue, 1), (&green, 0)])).await;
    let advanced = AdvancedConfiguration::builder()
        .alternate_target_group_arn(&green)
        .production_listener_rule(&production)
        .test_listener_rule(&test)
        .role_arn(ROLE)
        .build();
    let first = LoadBalancer::builder().target_group_arn(&blue).container_name("web").container_port(80);
    let first = first.advanced_configuration(advanced).build();
    create(&ecs).load_balancers(first).deployment_configuration(configuration).send().await.unwrap();
    aws.pass(120);
    assert_eq!(current(&ecs).await.status(), Some(&ServiceDeploymentStatus::Successful));
    Turns { ecs, elb, blue, green, production, test }
}

impl Turns {
    pub(crate) async fn deploy(&self, image: &str) {
        register(&self.ecs, image).await;
        let update = self.ecs.update_service().cluster("prod").service("web").task_definition("web");
        update.send().await.unwrap();
    }

    /// Weights of (blue, green) in a rule.
    pub(crate) async fn of(&self, rule: &str) -> (i32, i32) {
        let weights = weights(&self.elb, rule).await;
        assert_eq!((&weights[0].0, &weights[1].0), (&self.blue, &self.green));
        (weights[0].1, weights[1].1)
    }

    /// (stage, production weights, test weights) as they change until the deployment is over.
    async fn watch(&self, aws: &Aws) -> Vec<(ServiceDeploymentLifecycleStage, (i32, i32), (i32, i32))> {
        let mut seen = Vec::new();
        for _ in 0..1800 {
            let record = current(&self.ecs).await;
            if record.status() != Some(&ServiceDeploymentStatus::InProgress) {
                break;
            }
            let Some(stage) = record.lifecycle_stage().cloned() else { break };
            let now = (stage, self.of(&self.production).await, self.of(&self.test).await);
            if seen.last() != Some(&now) {
                seen.push(now);
            }
            aws.pass(2);
        }
        aws.pass(60);
        seen
    }

    async fn healthy(&self, group: &str) -> usize {
        health(&self.elb, group).await.iter().filter(|(it, _)| *it == TargetHealthStateEnum::Healthy).count()
    }

    /// The group that the service's newest revision resolved to.
    async fn resolved(&self) -> String {
        let revision = described(&self.ecs).await.current_service_revisions()[0].arn().unwrap().to_owned();
        let answer = self.ecs.describe_service_revisions().service_revision_arns(revision).send().await.unwrap();
        let resolved = answer.service_revisions()[0].resolved_configuration().unwrap().load_balancers()[0].clone();
        assert_eq!(resolved.production_listener_rule(), Some(self.production.as_str()));
        resolved.target_group_arn().unwrap().to_owned()
    }
}

pub(crate) fn strategy(strategy: DeploymentStrategy) -> aws_sdk_ecs::types::builders::DeploymentConfigurationBuilder {
    DeploymentConfiguration::builder().strategy(strategy).bake_time_in_minutes(1)
}

#[tokio::test]
async fn blue_and_green_take_turns_and_ecs_moves_the_weights_of_both_rules() {
    on_both_fronts(async |aws| {
        use ServiceDeploymentLifecycleStage as Stage;
        let shop = turns(&aws, strategy(DeploymentStrategy::BlueGreen).build()).await;
        assert_eq!((shop.healthy(&shop.blue).await, shop.healthy(&shop.green).await), (2, 0));
        // The first deployment has no other side, so production traffic never went there and back.
        let calls = aws.emulator.calls();
        let moved = |rule: &String| calls.writes_of_services().iter().filter(|call| call.target == *rule).count();
        assert_eq!(moved(&shop.production), 1);
        shop.deploy("nginx:2").await;
        let seen = shop.watch(&aws).await;
        let has = |stage, production, test| seen.contains(&(stage, production, test));
        assert!(has(Stage::ScaleUp, (100, 0), (100, 0)), "{seen:?}");
        assert!(has(Stage::TestTrafficShift, (100, 0), (0, 100)), "{seen:?}");
        assert!(has(Stage::PostProductionTrafficShift, (0, 100), (0, 100)), "{seen:?}");
        assert!(has(Stage::BakeTime, (0, 100), (0, 100)), "{seen:?}");
        assert_eq!(current(&shop.ecs).await.status(), Some(&ServiceDeploymentStatus::Successful));
        assert_eq!((shop.healthy(&shop.blue).await, shop.healthy(&shop.green).await), (0, 2));
        assert_eq!(shop.resolved().await, shop.green);
        shop.deploy("nginx:3").await;
        let seen = shop.watch(&aws).await;
        assert_eq!(seen[0].1, (0, 100));
        assert_eq!((shop.of(&shop.production).await, shop.of(&shop.test).await), ((100, 0), (100, 0)));
        assert_eq!((shop.healthy(&shop.blue).await, shop.healthy(&shop.green).await), (2, 0));
        assert_eq!(shop.resolved().await, shop.blue);
        let calls = aws.emulator.calls();
        let moved: Vec<_> =
            calls.writes_of_services().into_iter().filter(|it| it.action.ends_with(":ModifyRule")).cloned().collect();
        assert!(!moved.is_empty() && moved.iter().all(|call| call.principal.contains(":assumed-role/infrastructure/")));
        assert!(moved.iter().any(|call| call.target == shop.test));
    })
    .await;
}

/// A network load balancer has no rules: its listener is what ECS changes (AdvancedConfiguration).
#[tokio::test]
async fn behind_a_network_load_balancer_ecs_moves_the_weights_of_the_listener() {
    on_both_fronts(async |aws| {
        let (ecs, elb) = (shop(&aws).await, Elb::new(&aws.config()));
        let net = elb.create_load_balancer().name("net").r#type(LoadBalancerTypeEnum::Network).subnets("subnet-a");
        let net = net.send().await.unwrap().load_balancers()[0].load_balancer_arn().unwrap().to_owned();
        let mut groups = Vec::new();
        for name in ["blue", "green"] {
            let request = elb.create_target_group().name(name).protocol(ProtocolEnum::Tcp).port(80).vpc_id("vpc-1");
            let request = request.target_type(TargetTypeEnum::Ip).health_check_interval_seconds(5);
            let request = request.health_check_timeout_seconds(2).healthy_threshold_count(2);
            let answer = request.send().await.unwrap();
            groups.push(answer.target_groups()[0].target_group_arn().unwrap().to_owned());
        }
        let request = elb.create_listener().load_balancer_arn(&net).protocol(ProtocolEnum::Tcp).port(80);
        let request = request.default_actions(forward(&[(&groups[0], 1), (&groups[1], 0)])).send().await.unwrap();
        let listener = request.listeners()[0].listener_arn().unwrap().to_owned();
        let advanced = AdvancedConfiguration::builder().alternate_target_group_arn(&groups[1]).role_arn(ROLE);
        let advanced = advanced.production_listener_rule(&listener).build();
        let first = LoadBalancer::builder().target_group_arn(&groups[0]).container_name("web").container_port(80);
        let request = create(&ecs).load_balancers(first.advanced_configuration(advanced).build());
        let request = request.deployment_configuration(strategy(DeploymentStrategy::BlueGreen).build());
        request.send().await.unwrap();
        aws.pass(120);
        register(&ecs, "nginx:2").await;
        ecs.update_service().cluster("prod").service("web").task_definition("web").send().await.unwrap();
        aws.pass(600);
        assert_eq!(current(&ecs).await.status(), Some(&ServiceDeploymentStatus::Successful));
        let shares = aws.emulator.shares(&listener, "", "").unwrap();
        assert_eq!(
            shares.iter().map(|share| (share.percent, share.healthy)).collect::<Vec<_>>(),
            [(0.0, 0), (100.0, 2)]
        );
        let calls = aws.emulator.calls();
        let moved = |call: &&&Call| call.action == "elasticloadbalancing:ModifyListener";
        assert!(calls.writes_of_services().iter().filter(moved).all(|call| call.target == listener));
        assert!(calls.writes_of_services().iter().any(|call| moved(&call)));
    })
    .await;
}

#[tokio::test]
async fn a_rollback_gives_the_old_side_all_traffic_back() {
    on_both_fronts(async |aws| {
        let shop = turns(&aws, strategy(DeploymentStrategy::BlueGreen).bake_time_in_minutes(10).build()).await;
        shop.deploy("nginx:2").await;
        aws.pass(120);
        assert_eq!(shop.of(&shop.production).await, (0, 100));
        let arn = described(&shop.ecs).await.current_service_deployment().unwrap().to_owned();
        shop.ecs.stop_service_deployment().service_deployment_arn(arn).send().await.unwrap();
        assert_eq!((shop.of(&shop.production).await, shop.of(&shop.test).await), ((100, 0), (100, 0)));
        aws.pass(120);
        assert_eq!(current(&shop.ecs).await.status(), Some(&ServiceDeploymentStatus::RollbackSuccessful));
        assert_eq!((shop.healthy(&shop.blue).await, shop.healthy(&shop.green).await), (2, 0));
        assert_eq!(shop.resolved().await, shop.blue);
    })
    .await;
}

#[tokio::test]
async fn green_targets_that_are_never_healthy_break_the_circuit_before_any_traffic_is_shifted() {
    on_both_fronts(async |aws| {
        let configuration = strategy(DeploymentStrategy::BlueGreen);
        let circuit = breaker().deployment_circuit_breaker().unwrap().clone();
        let shop = turns(&aws, configuration.deployment_circuit_breaker(circuit).build()).await;
        aws.emulator.take_calls();
        shop.deploy("landbridge.test/target-503:1").await;
        aws.pass(600);
        assert_eq!(current(&shop.ecs).await.status(), Some(&ServiceDeploymentStatus::RollbackSuccessful));
        assert_eq!((shop.of(&shop.production).await, shop.of(&shop.test).await), ((100, 0), (100, 0)));
        assert_eq!(shop.healthy(&shop.blue).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_canary_and_a_linear_deployment_move_the_rule_step_by_step() {
    on_both_fronts(async |aws| {
        let canary = CanaryConfiguration::builder().canary_percent(0.5).canary_bake_time_in_minutes(1).build();
        let shop = turns(&aws, strategy(DeploymentStrategy::Canary).canary_configuration(canary).build()).await;
        shop.deploy("nginx:2").await;
        let mut steps: Vec<(i32, i32)> = shop.watch(&aws).await.into_iter().map(|(_, weights, _)| weights).collect();
        steps.dedup();
        assert_eq!(steps, [(100, 0), (995, 5), (0, 100)]);
        let linear = LinearConfiguration::builder().step_percent(25.0).step_bake_time_in_minutes(1).build();
        let linear = strategy(DeploymentStrategy::Linear).linear_configuration(linear).build();
        let update = shop.ecs.update_service().cluster("prod").service("web").deployment_configuration(linear);
        update.send().await.unwrap();
        shop.deploy("nginx:3").await;
        let mut steps: Vec<(i32, i32)> = shop.watch(&aws).await.into_iter().map(|(_, weights, _)| weights).collect();
        steps.dedup();
        assert_eq!(steps, [(0, 100), (25, 75), (50, 50), (75, 25), (100, 0)]);
    })
    .await;
}
