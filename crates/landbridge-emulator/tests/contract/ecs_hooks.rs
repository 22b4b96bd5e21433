//! Lifecycle hooks of deployments through aws-sdk-ecs. Expectations are those of "Pause hooks", "Lambda hooks" and
//! "Continuing service deployments" in the Amazon ECS developer guide, and of ContinueServiceDeployment.

use aws_sdk_ecs::error::ProvideErrorMetadata as _;
use aws_sdk_ecs::types::{
    CanaryConfiguration, DeploymentConfiguration, DeploymentLifecycleHook, DeploymentLifecycleHookAction as Action,
    DeploymentLifecycleHookDetail, DeploymentLifecycleHookStage as HookStage, DeploymentLifecycleHookStatus as Status,
    DeploymentLifecycleHookTargetType as Target, DeploymentLifecycleHookTimeoutConfiguration, DeploymentStrategy,
    ServiceDeploymentStatus,
};
use landbridge_emulator::{HookAnswer, HookScript};
use serde_json::json;

use crate::ecs::{create, described, register, shop};
use crate::ecs_load_balancing::{Turns, current, strategy, turns};
use crate::events::Heard;
use crate::support::{Aws, on_both_fronts};

const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:check";

fn pause(stage: HookStage) -> DeploymentLifecycleHook {
    let timeout =
        DeploymentLifecycleHookTimeoutConfiguration::builder().timeout_in_minutes(30).action(Action::Rollback);
    let hook = DeploymentLifecycleHook::builder().target_type(Target::Pause).lifecycle_stages(stage);
    hook.timeout_configuration(timeout.build()).build()
}

fn lambda(stage: HookStage) -> DeploymentLifecycleHook {
    let hook = DeploymentLifecycleHook::builder().hook_target_arn(FUNCTION).lifecycle_stages(stage);
    hook.role_arn("arn:aws:iam::123456789012:role/hooks").build()
}

/// A service that serves, whose next deployments have this hook.
async fn hooked(aws: &Aws, configuration: DeploymentConfiguration, hook: DeploymentLifecycleHook) -> Turns {
    let shop = turns(aws, configuration).await;
    let hooks = DeploymentConfiguration::builder().lifecycle_hooks(hook).build();
    let update = shop.ecs.update_service().cluster("prod").service("web").deployment_configuration(hooks);
    update.send().await.unwrap();
    shop
}

/// Lets the present deployment run until one of its hooks has this status.
async fn wait(aws: &Aws, shop: &Turns, status: Status) -> DeploymentLifecycleHookDetail {
    for _ in 0..600 {
        let record = current(&shop.ecs).await;
        if let Some(hook) = record.lifecycle_hook_details().iter().find(|hook| hook.status() == Some(&status)) {
            return hook.clone();
        }
        aws.pass(2);
    }
    panic!("no hook is {status}: {:?}", current(&shop.ecs).await);
}

/// Pauses go with every strategy, rolling included ("Amazon ECS introduces pause and continue controls for service
/// deployments", What's New with AWS, May 2026).
#[tokio::test]
async fn a_rolling_deployment_pauses_before_its_first_new_task_until_somebody_continues() {
    on_both_fronts(async |aws| {
        let ecs = shop(&aws).await;
        let hooks = strategy(DeploymentStrategy::Rolling).lifecycle_hooks(pause(HookStage::PreScaleUp));
        create(&ecs).send().await.unwrap();
        aws.pass(300);
        register(&ecs, "nginx:2").await;
        let update = ecs.update_service().cluster("prod").service("web").task_definition("web");
        update.deployment_configuration(hooks.build()).send().await.unwrap();
        aws.pass(300);
        let paused = current(&ecs).await;
        let [hook] = paused.lifecycle_hook_details() else { panic!("{paused:?}") };
        assert_eq!((hook.target_type(), hook.status()), (Some(&Target::Pause), Some(&Status::AwaitingAction)));
        let revision = paused.target_service_revision().unwrap();
        assert_eq!(revision.running_task_count() + revision.pending_task_count(), 0, "none is started meanwhile");
        let service = described(&ecs).await;
        assert_eq!(service.running_count(), service.desired_count());
        let proceed =
            ecs.continue_service_deployment().service_deployment_arn(paused.service_deployment_arn().unwrap());
        proceed.hook_id(hook.hook_id().unwrap()).action(Action::Continue).send().await.unwrap();
        aws.pass(300);
        assert_eq!(current(&ecs).await.status(), Some(&ServiceDeploymentStatus::Successful));
    })
    .await;
}

#[tokio::test]
async fn a_pause_before_each_step_of_a_canary_waits_for_somebody_to_continue() {
    on_both_fronts(async |aws| {
        let canary = CanaryConfiguration::builder().canary_percent(10.0).canary_bake_time_in_minutes(1).build();
        let canary = strategy(DeploymentStrategy::Canary).canary_configuration(canary).build();
        let shop = hooked(&aws, canary, pause(HookStage::PreProductionTrafficShift)).await;
        let pattern = json!({"source": ["aws.ecs"], "detail-type": ["ECS Hook State Change"]});
        let heard = Heard::start(&aws, pattern).await;
        shop.deploy("nginx:2").await;
        let mut ids = Vec::new();
        for weights in [(100, 0), (90, 10)] {
            let hook = wait(&aws, &shop, Status::AwaitingAction).await;
            assert_eq!(hook.target_type(), Some(&Target::Pause));
            assert_eq!((hook.target_arn(), hook.timeout_action()), (None, Some(&Action::Rollback)));
            let record = current(&shop.ecs).await;
            // ServiceDeployment documents the stage; the enumeration of aws-sdk-ecs 1.157 lacks it.
            assert_eq!(record.lifecycle_stage().unwrap().as_str(), "PRE_PRODUCTION_TRAFFIC_SHIFT");
            assert_eq!(shop.of(&shop.production).await, weights);
            let arn = record.service_deployment_arn().unwrap();
            let id = hook.hook_id().unwrap().to_owned();
            let go = shop.ecs.continue_service_deployment().service_deployment_arn(arn).hook_id(&id);
            assert_eq!(go.clone().send().await.unwrap().service_deployment_arn(), Some(arn));
            let again = go.send().await.unwrap_err().into_service_error();
            assert!(again.is_invalid_parameter_exception(), "{again:?}");
            ids.push(id);
        }
        assert_ne!(ids[0], ids[1]);
        aws.pass(180);
        assert_eq!(current(&shop.ecs).await.status(), Some(&ServiceDeploymentStatus::Successful));
        let told: Vec<_> = heard.take().await.iter().map(|event| event["detail"].clone()).collect();
        let names: Vec<&str> = told.iter().map(|detail| detail["eventName"].as_str().unwrap()).collect();
        let expected = ["HOOK_AWAITING_ACTION", "HOOK_SUCCEEDED", "HOOK_AWAITING_ACTION", "HOOK_SUCCEEDED"];
        assert_eq!(names, expected);
        assert_eq!((&told[0]["hookId"], &told[0]["hookType"]), (&json!(ids[0]), &json!("PAUSE")));
        assert_eq!(told[0]["lifecycleStage"], "PRE_PRODUCTION_TRAFFIC_SHIFT");
    })
    .await;
}

#[tokio::test]
async fn a_pause_rolls_back_when_it_is_told_to_and_when_its_time_is_over() {
    on_both_fronts(async |aws| {
        let blue_green = strategy(DeploymentStrategy::BlueGreen).build();
        let shop = hooked(&aws, blue_green, pause(HookStage::PostProductionTrafficShift)).await;
        for (image, told) in [("nginx:2", true), ("nginx:3", false)] {
            shop.deploy(image).await;
            let hook = wait(&aws, &shop, Status::AwaitingAction).await;
            assert_eq!(shop.of(&shop.production).await, (0, 100));
            let record = current(&shop.ecs).await;
            if told {
                let go = shop.ecs.continue_service_deployment().hook_id(hook.hook_id().unwrap());
                let go = go.service_deployment_arn(record.service_deployment_arn().unwrap());
                go.action(Action::Rollback).send().await.unwrap();
            } else {
                let left = hook.expires_at().unwrap().secs() - aws.emulator.now().as_second();
                assert!((1700..=1800).contains(&left), "{left}");
                aws.pass(1800);
            }
            assert_eq!(shop.of(&shop.production).await, (100, 0));
            aws.pass(120);
            let record = current(&shop.ecs).await;
            assert_eq!(record.status(), Some(&ServiceDeploymentStatus::RollbackSuccessful));
            let expected = if told { Status::Failed } else { Status::TimedOut };
            assert_eq!(record.lifecycle_hook_details()[0].status(), Some(&expected));
        }
    })
    .await;
}

#[tokio::test]
async fn a_function_decides_whether_a_deployment_goes_on() {
    on_both_fronts(async |aws| {
        let blue_green = strategy(DeploymentStrategy::BlueGreen).build();
        let shop = hooked(&aws, blue_green, lambda(HookStage::TestTrafficShift)).await;
        aws.emulator.script_hook(HookScript::new("*:check", HookAnswer::Failed));
        shop.deploy("nginx:2").await;
        let hook = wait(&aws, &shop, Status::Failed).await;
        assert_eq!((hook.target_type(), hook.target_arn()), (Some(&Target::AwsLambda), Some(FUNCTION)));
        aws.pass(120);
        assert_eq!(current(&shop.ecs).await.status(), Some(&ServiceDeploymentStatus::RollbackSuccessful));
        aws.emulator.script_hook(HookScript::new("*:check", HookAnswer::Succeeded));
        shop.deploy("nginx:3").await;
        aws.pass(300);
        assert_eq!(current(&shop.ecs).await.status(), Some(&ServiceDeploymentStatus::Successful));
    })
    .await;
}

#[tokio::test]
async fn hooks_and_answers_that_make_no_sense_are_refused() {
    on_both_fronts(async |aws| {
        let shop = turns(&aws, strategy(DeploymentStrategy::BlueGreen).build()).await;
        let hooks = DeploymentConfiguration::builder().lifecycle_hooks(pause(HookStage::TestTrafficShift)).build();
        let update = shop.ecs.update_service().cluster("prod").service("web").deployment_configuration(hooks);
        let refused = update.send().await.unwrap_err().into_service_error();
        assert!(refused.is_invalid_parameter_exception(), "{refused:?}");
        assert!(refused.message().unwrap().contains("TEST_TRAFFIC_SHIFT"), "{refused:?}");
        let unknown = "arn:aws:ecs:eu-west-1:123456789012:service-deployment/prod/web/none";
        let go = shop.ecs.continue_service_deployment().service_deployment_arn(unknown).hook_id("x");
        let refused = go.send().await.unwrap_err().into_service_error();
        assert!(refused.is_service_deployment_not_found_exception(), "{refused:?}");
        let arn = current(&shop.ecs).await.service_deployment_arn().unwrap().to_owned();
        let over = shop.ecs.continue_service_deployment().service_deployment_arn(arn).hook_id("x");
        assert!(over.send().await.unwrap_err().into_service_error().is_invalid_parameter_exception());
    })
    .await;
}
