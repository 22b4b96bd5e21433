//! What befalls tasks, through the SDKs: Spot interruptions and subnets without addresses. Expectations are those of "Amazon ECS
//! clusters for Fargate" (Fargate Spot termination notices), "Amazon ECS service action events" and "Troubleshooting Amazon ECS
//! TaskFailedToStart errors".

use aws_sdk_ecs::Client as Ecs;
use aws_sdk_ecs::types::{
    CapacityProviderStrategyItem, DeploymentRolloutState, DesiredStatus, LoadBalancer, ServiceRegistry, Task,
    TaskStopCode,
};
use aws_sdk_elasticloadbalancingv2::Client as Elb;
use aws_sdk_elasticloadbalancingv2::types::TargetHealthStateEnum;
use aws_sdk_servicediscovery::Client as CloudMap;
use landbridge_emulator::{SubnetScript, TaskFate, TaskScript};
use serde_json::{Value, json};

use crate::cloud_map::{private, web};
use crate::ecs::{breaker, create, described, network, shop};
use crate::events::Heard;
use crate::load_balancing::{balancer, forward, group, health, listener};
use crate::support::{ACCOUNT, Aws, REGION, on_both_fronts};

async fn tasks(ecs: &Ecs, desired: DesiredStatus) -> Vec<Task> {
    let listed = ecs.list_tasks().cluster("prod").desired_status(desired).send().await.unwrap();
    if listed.task_arns().is_empty() {
        return Vec::new();
    }
    let described = ecs.describe_tasks().cluster("prod").set_tasks(Some(listed.task_arns().to_vec())).send().await;
    described.unwrap().tasks().to_vec()
}

/// A service of two tasks on Fargate Spot, behind a load balancer and in Cloud Map, that is steady. Its target group and its
/// Cloud Map service.
async fn on_spot(aws: &Aws, ecs: &Ecs) -> (String, String) {
    let (elb, cloud_map) = (Elb::new(&aws.config()), CloudMap::new(&aws.config()));
    let attach = ecs.put_cluster_capacity_providers().cluster("prod").capacity_providers("FARGATE_SPOT");
    attach.set_default_capacity_provider_strategy(Some(Vec::new())).send().await.unwrap();
    let targets = group(&elb, "web").await;
    listener(&elb, &balancer(&elb, "web").await, 80, forward(&[(&targets, 1)])).await;
    let namespace = private(aws, &cloud_map, "shop.internal").await;
    let registry = web(&cloud_map, &namespace).await;
    let arn = format!("arn:aws:servicediscovery:{REGION}:{ACCOUNT}:service/{registry}");
    let spot = CapacityProviderStrategyItem::builder().capacity_provider("FARGATE_SPOT").weight(1).build().unwrap();
    let behind = LoadBalancer::builder().target_group_arn(&targets).container_name("web").container_port(80).build();
    let service = ecs.create_service().cluster("prod").service_name("web").task_definition("web").desired_count(2);
    let service = service.capacity_provider_strategy(spot).network_configuration(network());
    let service =
        service.load_balancers(behind).service_registries(ServiceRegistry::builder().registry_arn(arn).build());
    service.send().await.unwrap();
    aws.pass(120);
    (targets, registry)
}

#[tokio::test]
async fn a_spot_task_is_warned_leaves_its_target_group_and_cloud_map_and_is_replaced() {
    on_both_fronts(async |aws| {
        let ecs = shop(&aws).await;
        let (elb, cloud_map) = (Elb::new(&aws.config()), CloudMap::new(&aws.config()));
        let (targets, registry) = on_spot(&aws, &ecs).await;
        let service = described(&ecs).await;
        assert_eq!((service.running_count(), service.launch_type()), (2, None));
        let before = tasks(&ecs, DesiredStatus::Running).await;
        let on = |task: &Task| (task.capacity_provider_name().map(str::to_owned), task.launch_type().cloned());
        assert!(
            before.iter().all(|task| on(task) == (Some("FARGATE_SPOT".into()), Some("FARGATE".into()))),
            "{before:?}"
        );
        let heard = Heard::start(&aws, json!({"detail": {"stopCode": ["SpotInterruption"]}})).await;

        assert_eq!(aws.emulator.interrupt_spot(before[0].task_arn().unwrap()), 1);
        let warned = tasks(&ecs, DesiredStatus::Stopped).await[0].clone();
        assert_eq!((warned.task_arn(), warned.last_status()), (before[0].task_arn(), Some("RUNNING")));
        assert_eq!(warned.stop_code(), Some(&TaskStopCode::SpotInterruption));
        assert_eq!(warned.stopped_reason(), Some("Your Spot Task was interrupted."));
        let draining = |(state, _): &(TargetHealthStateEnum, _)| *state == TargetHealthStateEnum::Draining;
        assert_eq!(health(&elb, &targets).await.iter().filter(|it| draining(it)).count(), 1);
        let instances =
            async || cloud_map.list_instances().service_id(&registry).send().await.unwrap().instances().len();
        assert_eq!(instances().await, 1);

        aws.pass(120);
        let stopped = tasks(&ecs, DesiredStatus::Stopped).await[0].clone();
        assert_eq!(stopped.last_status(), Some("STOPPED"));
        let seen: Vec<(Value, Value)> = heard
            .take()
            .await
            .iter()
            .map(|it| (it["detail"]["lastStatus"].clone(), it["detail"]["desiredStatus"].clone()))
            .collect();
        assert_eq!(seen, [(json!("RUNNING"), json!("STOPPED")), (json!("STOPPED"), json!("STOPPED"))]);
        assert_eq!((described(&ecs).await.running_count(), instances().await), (2, 2));
    })
    .await;
}

#[tokio::test]
async fn without_spot_capacity_eventbridge_names_the_capacity_provider_that_has_none() {
    on_both_fronts(async |aws| {
        let ecs = shop(&aws).await;
        on_spot(&aws, &ecs).await;
        let heard = Heard::start(&aws, json!({"detail": {"eventName": ["SERVICE_TASK_PLACEMENT_FAILURE"]}})).await;
        aws.emulator.script(TaskScript::new("*", TaskFate::NoSpotCapacity));
        assert_eq!(aws.emulator.interrupt_spot("service:web"), 2);
        aws.pass(180);
        assert_eq!(described(&ecs).await.running_count(), 0);
        let told = heard.take().await[0]["detail"].clone();
        assert_eq!((&told["eventType"], &told["reason"]), (&json!("ERROR"), &json!("RESOURCE:FARGATE")));
        let provider = format!("arn:aws:ecs:{REGION}:{ACCOUNT}:capacity-provider/FARGATE_SPOT");
        assert_eq!(told["capacityProviderArns"], json!([provider]));
    })
    .await;
}

#[tokio::test]
async fn a_subnet_without_addresses_fails_the_deployment_and_says_so_in_each_task() {
    on_both_fronts(async |aws| {
        let ecs = shop(&aws).await;
        create(&ecs).send().await.unwrap();
        aws.pass(120);
        // Two addresses are enough for what runs, and for no deployment of more.
        aws.emulator.script_subnet(SubnetScript::new("subnet-1", 2));
        let update = ecs.update_service().cluster("prod").service("web").force_new_deployment(true);
        update.deployment_configuration(breaker()).send().await.unwrap();
        aws.pass(600);
        let starved = tasks(&ecs, DesiredStatus::Stopped).await;
        let starved = starved.iter().find(|task| task.stop_code() == Some(&TaskStopCode::TaskFailedToStart)).unwrap();
        let reason = "Unexpected EC2 error while attempting to Create Network Interface with public IP assignment disabled in \
                      subnet 'subnet-1': InsufficientFreeAddressesInSubnet";
        assert_eq!((starved.stopped_reason(), starved.started_at()), (Some(reason), None));
        assert_eq!(starved.attachments()[0].details()[0].value(), Some("subnet-1"));
        let service = described(&ecs).await;
        assert_eq!((service.running_count(), service.deployments().len()), (2, 1));
        assert_eq!(service.deployments()[0].rollout_state(), Some(&DeploymentRolloutState::Completed));
        assert!(service.events().iter().any(|it| it.message().unwrap().contains("deployment failed: tasks failed to start")));
    })
    .await;
}
