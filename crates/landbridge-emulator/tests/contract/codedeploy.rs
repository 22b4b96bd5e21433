//! CodeDeploy's blue/green deployments of ECS services through aws-sdk-codedeploy. Expectations are those of the AWS
//! CodeDeploy API reference, and of "Deployments on an Amazon ECS compute platform" in its user guide.

use aws_sdk_codedeploy::Client as CodeDeploy;
use aws_sdk_codedeploy::error::ProvideErrorMetadata as _;
use aws_sdk_codedeploy::operation::create_deployment_group::builders::CreateDeploymentGroupFluentBuilder;
use aws_sdk_codedeploy::types::{
    Alarm, AlarmConfiguration, AppSpecContent, AutoRollbackConfiguration, AutoRollbackEvent,
    BlueGreenDeploymentConfiguration, BlueInstanceTerminationOption, ComputePlatform, DeploymentCreator,
    DeploymentInfo, DeploymentOption, DeploymentReadyAction, DeploymentReadyOption, DeploymentStatus, DeploymentStyle,
    DeploymentType, DeploymentWaitType, EcsService, EcsTarget, ErrorCode, InstanceAction, LifecycleEventStatus,
    LoadBalancerInfo, RevisionLocation, RevisionLocationType, StopStatus, TargetGroupInfo, TargetGroupPairInfo,
    TargetLabel, TargetStatus, TrafficRoute, TrafficRoutingType,
};
use aws_sdk_ecs::Client as Ecs;
use aws_sdk_ecs::types::{DeploymentController, DeploymentControllerType, LaunchType, LoadBalancer};
use aws_sdk_elasticloadbalancingv2::Client as Elb;
use aws_sdk_elasticloadbalancingv2::types::TargetGroupTuple;
use landbridge_emulator::{HookAnswer, HookScript};
use serde_json::json;

use crate::ecs::{described, network, register, shop};
use crate::events::Heard;
use crate::load_balancing::{balancer, forward, group, health, listener};
use crate::support::{Aws, on_both_fronts};

/// A service under CodeDeploy's controller behind two listeners, and a deployment group for it.
struct Shop {
    ecs: Ecs,
    elb: Elb,
    codedeploy: CodeDeploy,
    blue: String,
    green: String,
    production: String,
    test: String,
}

/// What a group does that makes the traffic wait for nobody, and keeps the original task set for a minute.
fn waits(ready: Option<i32>) -> BlueGreenDeploymentConfiguration {
    let end = BlueInstanceTerminationOption::builder().action(InstanceAction::Terminate);
    let option = match ready {
        None => DeploymentReadyOption::builder().action_on_timeout(DeploymentReadyAction::ContinueDeployment),
        Some(minutes) => DeploymentReadyOption::builder()
            .action_on_timeout(DeploymentReadyAction::StopDeployment)
            .wait_time_in_minutes(minutes),
    };
    BlueGreenDeploymentConfiguration::builder()
        .terminate_blue_instances_on_deployment_success(end.termination_wait_time_in_minutes(5).build())
        .deployment_ready_option(option.build())
        .build()
}

fn route(listener: &str) -> TrafficRoute {
    TrafficRoute::builder().listener_arns(listener).build()
}

fn style() -> DeploymentStyle {
    let style = DeploymentStyle::builder().deployment_type(DeploymentType::BlueGreen);
    style.deployment_option(DeploymentOption::WithTrafficControl).build()
}

impl Shop {
    async fn new(aws: &Aws) -> Self {
        let (ecs, elb) = (shop(aws).await, Elb::new(&aws.config()));
        let (blue, green) = (group(&elb, "blue").await, group(&elb, "green").await);
        let web = balancer(&elb, "web").await;
        let production = listener(&elb, &web, 80, forward(&[(&blue, 1)])).await;
        let test = listener(&elb, &web, 8080, forward(&[(&blue, 1)])).await;
        let controller = DeploymentController::builder().r#type(DeploymentControllerType::CodeDeploy).build().unwrap();
        let behind = LoadBalancer::builder().target_group_arn(&blue).container_name("web").container_port(80).build();
        let service = ecs.create_service().cluster("prod").service_name("web").task_definition("web").desired_count(2);
        let service = service.launch_type(LaunchType::Fargate).network_configuration(network()).load_balancers(behind);
        service.deployment_controller(controller).send().await.unwrap();
        aws.pass(60);
        let codedeploy = CodeDeploy::new(&aws.config());
        let application =
            codedeploy.create_application().application_name("shop").compute_platform(ComputePlatform::Ecs);
        application.send().await.unwrap();
        Self { ecs, elb, codedeploy, blue, green, production, test }
    }

    fn group(&self) -> CreateDeploymentGroupFluentBuilder {
        let pair = TargetGroupPairInfo::builder()
            .target_groups(TargetGroupInfo::builder().name("blue").build())
            .target_groups(TargetGroupInfo::builder().name("green").build())
            .prod_traffic_route(route(&self.production))
            .test_traffic_route(route(&self.test))
            .build();
        let service = EcsService::builder().cluster_name("prod").service_name("web").build();
        let group = self.codedeploy.create_deployment_group().application_name("shop").deployment_group_name("web");
        group
            .service_role_arn("arn:aws:iam::123456789012:role/codedeploy")
            .ecs_services(service)
            .deployment_style(style())
            .blue_green_deployment_configuration(waits(None))
            .load_balancer_info(LoadBalancerInfo::builder().target_group_pair_info_list(pair).build())
    }

    /// Starts to deploy an image with these hooks; returns the deployment's id.
    async fn deploy(&self, image: &str, hooks: &serde_json::Value) -> String {
        let definition = register(&self.ecs, image).await;
        let request = self.codedeploy.create_deployment().application_name("shop").deployment_group_name("web");
        let request = request.revision(revision(&definition, hooks)).description("a test");
        request.send().await.unwrap().deployment_id().unwrap().to_owned()
    }

    async fn info(&self, id: &str) -> DeploymentInfo {
        self.codedeploy.get_deployment().deployment_id(id).send().await.unwrap().deployment_info().unwrap().clone()
    }

    async fn target(&self, id: &str) -> EcsTarget {
        let ids = self.codedeploy.list_deployment_targets().deployment_id(id).send().await.unwrap();
        assert_eq!(ids.target_ids(), ["prod:web"]);
        let get = self.codedeploy.batch_get_deployment_targets().deployment_id(id).target_ids("prod:web");
        get.send().await.unwrap().deployment_targets()[0].ecs_target().unwrap().clone()
    }

    /// Weights of (blue, green) in a listener's default action; a group that it does not name has none.
    async fn weights(&self, listener: &str) -> (i32, i32) {
        let answer = self.elb.describe_listeners().listener_arns(listener).send().await.unwrap();
        let forward = answer.listeners()[0].default_actions()[0].forward_config().unwrap().clone();
        let of = |group: &String| {
            let tuple = forward.target_groups().iter().find(|it| it.target_group_arn() == Some(group));
            tuple.and_then(TargetGroupTuple::weight).unwrap_or(0)
        };
        (of(&self.blue), of(&self.green))
    }

    /// (current lifecycle event, production weights, test weights) as they change until the deployment is over.
    async fn watch(&self, aws: &Aws, id: &str) -> Vec<(String, (i32, i32), (i32, i32))> {
        let mut seen = Vec::new();
        aws.pass(3);
        for _ in 0..600 {
            if matches!(self.info(id).await.status(), Some(DeploymentStatus::Succeeded | DeploymentStatus::Failed)) {
                break;
            }
            let target = self.target(id).await;
            let mut events = target.lifecycle_events().iter();
            let now = events.find(|event| event.status() == Some(&LifecycleEventStatus::InProgress));
            let now = now.and_then(|event| event.lifecycle_event_name()).unwrap_or_default().to_owned();
            let now = (now, self.weights(&self.production).await, self.weights(&self.test).await);
            if seen.last() != Some(&now) {
                seen.push(now);
            }
            // Stages are short, but for the steps of production traffic and the wait at the end.
            let pause = match seen.last() {
                Some((stage, ..)) if stage.is_empty() => 30,
                Some((stage, ..)) if stage == "AllowTraffic" => 15,
                _ => 1,
            };
            aws.pass(pause);
        }
        seen
    }

    async fn service(&self) -> aws_sdk_ecs::types::Service {
        described(&self.ecs).await
    }
}

fn revision(definition: &str, hooks: &serde_json::Value) -> RevisionLocation {
    let properties = json!({
        "TaskDefinition": definition, "LoadBalancerInfo": { "ContainerName": "web", "ContainerPort": 80 },
    });
    let resource = json!({ "TargetService": { "Type": "AWS::ECS::Service", "Properties": properties } });
    let spec = json!({ "version": 0.0, "Resources": [resource], "Hooks": hooks });
    let content = AppSpecContent::builder().content(spec.to_string()).build();
    RevisionLocation::builder().revision_type(RevisionLocationType::AppSpecContent).app_spec_content(content).build()
}

#[tokio::test]
async fn a_deployment_makes_a_task_set_moves_both_listeners_waits_and_ends_the_original() {
    on_both_fronts(async |aws| {
        let shop = Shop::new(&aws).await;
        shop.group().send().await.unwrap();
        let heard =
            Heard::start(&aws, json!({"source": ["aws.codedeploy"], "detail-type": [{"prefix": "CodeDeploy "}]})).await;
        let id = shop.deploy("nginx:2", &json!([])).await;
        assert!(id.starts_with("d-") && id.len() == 11, "{id}");
        let created = shop.info(&id).await;
        assert_eq!(
            (created.status(), created.creator()),
            (Some(&DeploymentStatus::Created), Some(&DeploymentCreator::User))
        );
        let early = shop.codedeploy.list_deployment_targets().deployment_id(&id).send().await.unwrap_err();
        assert!(early.into_service_error().is_deployment_not_started_exception());
        let seen = shop.watch(&aws, &id).await;
        let at = |name: &str, production, test| seen.contains(&(name.to_owned(), production, test));
        assert!(at("Install", (100, 0), (1, 0)), "{seen:?}");
        assert!(at("AfterAllowTestTraffic", (100, 0), (0, 100)), "{seen:?}");
        assert!(at("AllowTraffic", (0, 100), (0, 100)), "{seen:?}");
        let names: Vec<&str> = seen.iter().map(|(name, ..)| name.as_str()).collect();
        let first = |name| names.iter().position(|it| *it == name).unwrap();
        assert!(first("Install") < first("AllowTestTraffic") && first("AllowTestTraffic") < first("AllowTraffic"));
        let info = shop.info(&id).await;
        assert_eq!(info.status(), Some(&DeploymentStatus::Succeeded));
        let minutes = info.complete_time().unwrap().secs() - info.start_time().unwrap().secs();
        assert!((330..420).contains(&minutes), "the original task set is kept for five minutes: {minutes}");
        let service = shop.service().await;
        assert_eq!((service.task_sets().len(), service.running_count()), (1, 2));
        let set = &service.task_sets()[0];
        assert_eq!(
            (set.status(), set.started_by(), set.external_id()),
            (Some("PRIMARY"), Some("CODE_DEPLOY"), Some(id.as_str()))
        );
        assert!(service.task_definition().unwrap().ends_with("web:2"));
        assert_eq!(service.load_balancers()[0].target_group_arn(), Some(shop.green.as_str()));
        assert!(health(&shop.elb, &shop.blue).await.is_empty());
        let states: Vec<_> = heard.take().await.iter().map(|event| event["detail"]["state"].clone()).collect();
        assert_eq!(states, ["START", "SUCCESS"]);
        let calls = aws.emulator.calls();
        let mut moved = calls.writes_of_services().into_iter().filter(|call| call.action.ends_with(":ModifyListener"));
        assert!(moved.all(|call| call.invoked_by.as_deref() == Some("codedeploy.amazonaws.com")));
        let next = shop.deploy("nginx:3", &json!([])).await;
        shop.watch(&aws, &next).await;
        assert_eq!(shop.info(&next).await.status(), Some(&DeploymentStatus::Succeeded));
        assert_eq!(shop.weights(&shop.production).await, (100, 0), "the groups take turns");
        let group = shop.codedeploy.get_deployment_group().application_name("shop").deployment_group_name("web");
        let group = group.send().await.unwrap().deployment_group_info().unwrap().clone();
        assert_eq!(group.last_successful_deployment().unwrap().deployment_id(), Some(next.as_str()));
    })
    .await;
}

#[tokio::test]
async fn production_traffic_moves_as_the_deployment_configuration_says() {
    on_both_fronts(async |aws| {
        let shop = Shop::new(&aws).await;
        shop.group().deployment_config_name("CodeDeployDefault.ECSCanary10Percent5Minutes").send().await.unwrap();
        let id = shop.deploy("nginx:2", &json!([])).await;
        let began = aws.emulator.now();
        let mut steps: Vec<(i32, i32)> =
            shop.watch(&aws, &id).await.into_iter().map(|(_, weights, _)| weights).collect();
        steps.dedup();
        steps.retain(|weights| *weights != (1, 0));
        assert_eq!(steps, [(100, 0), (90, 10), (0, 100)]);
        assert!(aws.emulator.now().duration_since(began).as_secs() > 600, "five minutes of each wait");
        let update =
            shop.codedeploy.update_deployment_group().application_name("shop").current_deployment_group_name("web");
        update.deployment_config_name("CodeDeployDefault.ECSLinear10PercentEvery1Minutes").send().await.unwrap();
        let id = shop.deploy("nginx:3", &json!([])).await;
        let mut steps: Vec<(i32, i32)> =
            shop.watch(&aws, &id).await.into_iter().map(|(_, weights, _)| weights).collect();
        steps.dedup();
        let expected: Vec<(i32, i32)> = (0..=10).map(|step| (step * 10, 100 - step * 10)).collect();
        assert_eq!(steps, expected);
        let config = shop.codedeploy.get_deployment_config();
        let config =
            config.deployment_config_name("CodeDeployDefault.ECSCanary10Percent15Minutes").send().await.unwrap();
        let routing = config.deployment_config_info().unwrap().traffic_routing_config().unwrap().clone();
        assert_eq!(routing.r#type(), Some(&TrafficRoutingType::TimeBasedCanary));
        let canary = routing.time_based_canary().unwrap();
        assert_eq!((canary.canary_percentage(), canary.canary_interval()), (10, 15));
        let configs = shop.codedeploy.list_deployment_configs().send().await.unwrap();
        let listed = configs.deployment_configs_list();
        assert!(listed.iter().any(|name| name == "CodeDeployDefault.ECSLinear10PercentEvery3Minutes"), "{listed:?}");
    })
    .await;
}

#[tokio::test]
async fn a_deployment_that_is_ready_waits_for_somebody_and_the_termination_wait_can_be_cut_short() {
    on_both_fronts(async |aws| {
        let shop = Shop::new(&aws).await;
        shop.group().blue_green_deployment_configuration(waits(Some(60))).send().await.unwrap();
        let id = shop.deploy("nginx:2", &json!([])).await;
        let go = |wait: DeploymentWaitType| {
            shop.codedeploy.continue_deployment().deployment_id(&id).deployment_wait_type(wait)
        };
        let early = go(DeploymentWaitType::ReadyWait).send().await.unwrap_err().into_service_error();
        assert!(early.is_deployment_is_not_in_ready_state_exception(), "{early:?}");
        aws.pass(300);
        assert_eq!(shop.info(&id).await.status(), Some(&DeploymentStatus::Ready));
        assert_eq!(shop.target(&id).await.status(), Some(&TargetStatus::Ready));
        assert_eq!((shop.weights(&shop.production).await, shop.weights(&shop.test).await), ((100, 0), (0, 100)));
        go(DeploymentWaitType::ReadyWait).send().await.unwrap();
        aws.pass(30);
        let info = shop.info(&id).await;
        assert!(info.instance_termination_wait_time_started(), "{info:?}");
        assert_eq!(info.status(), Some(&DeploymentStatus::InProgress));
        let sets = shop.target(&id).await.task_sets_info().to_vec();
        let green = sets.iter().find(|set| set.task_set_label() == Some(&TargetLabel::Green)).unwrap();
        assert_eq!((green.status(), green.running_count()), (Some("PRIMARY"), 2));
        assert!((green.traffic_weight() - 100.0).abs() < f64::EPSILON, "{green:?}");
        assert_eq!(green.target_group().unwrap().name(), Some("green"));
        go(DeploymentWaitType::TerminationWait).send().await.unwrap();
        aws.pass(60);
        assert_eq!(shop.info(&id).await.status(), Some(&DeploymentStatus::Succeeded));
        let over = go(DeploymentWaitType::TerminationWait).send().await.unwrap_err().into_service_error();
        assert!(over.is_deployment_already_completed_exception(), "{over:?}");
        let late = shop.deploy("nginx:3", &json!([])).await;
        aws.pass(2 * 60 * 60);
        let late = shop.info(&late).await;
        assert_eq!(late.status(), Some(&DeploymentStatus::Stopped), "nobody continued it within an hour");
    })
    .await;
}

#[tokio::test]
async fn a_stopped_deployment_is_rolled_back_by_another_that_gives_traffic_back() {
    on_both_fronts(async |aws| {
        let shop = Shop::new(&aws).await;
        shop.group().send().await.unwrap();
        let id = shop.deploy("nginx:2", &json!([])).await;
        aws.pass(120);
        assert_eq!(shop.weights(&shop.production).await, (0, 100));
        let stop = shop.codedeploy.stop_deployment().deployment_id(&id).auto_rollback_enabled(true);
        assert_eq!(stop.clone().send().await.unwrap().status(), Some(&StopStatus::Succeeded));
        assert!(stop.send().await.unwrap_err().into_service_error().is_deployment_already_completed_exception());
        aws.pass(120);
        let info = shop.info(&id).await;
        assert_eq!(info.status(), Some(&DeploymentStatus::Stopped));
        let back = info.rollback_info().unwrap().rollback_deployment_id().unwrap().to_owned();
        let back = shop.info(&back).await;
        assert_eq!(
            (back.status(), back.creator()),
            (Some(&DeploymentStatus::Succeeded), Some(&DeploymentCreator::CodeDeployRollback))
        );
        assert_eq!(back.rollback_info().unwrap().rollback_triggering_deployment_id(), Some(id.as_str()));
        assert_eq!((shop.weights(&shop.production).await, shop.weights(&shop.test).await), ((100, 0), (100, 0)));
        let service = shop.service().await;
        assert_eq!((service.task_sets().len(), service.running_count()), (1, 2));
        assert!(service.task_definition().unwrap().ends_with("web:1"));
        let listed = shop.codedeploy.list_deployments().application_name("shop").deployment_group_name("web");
        let listed = listed.include_only_statuses(DeploymentStatus::Stopped).send().await.unwrap();
        assert_eq!(listed.deployments(), [id]);
    })
    .await;
}

#[tokio::test]
async fn what_fails_is_said_and_rolled_back_if_the_group_wants_that() {
    on_both_fronts(async |aws| {
        let shop = Shop::new(&aws).await;
        let rollback = AutoRollbackConfiguration::builder().enabled(true).events(AutoRollbackEvent::DeploymentFailure);
        shop.group().auto_rollback_configuration(rollback.build()).send().await.unwrap();
        aws.emulator.script_hook(HookScript::new("smoke", HookAnswer::Failed));
        let id =
            shop.deploy("nginx:2", &json!([{ "BeforeInstall": "fine" }, { "AfterAllowTestTraffic": "smoke" }])).await;
        aws.pass(300);
        let info = shop.info(&id).await;
        assert_eq!(info.status(), Some(&DeploymentStatus::Failed));
        assert_eq!(info.error_information().unwrap().code(), Some(&ErrorCode::HookExecutionFailure));
        let status = |name: &str, target: &EcsTarget| {
            let event = target.lifecycle_events().iter().find(|event| event.lifecycle_event_name() == Some(name));
            event.unwrap().status().cloned().unwrap()
        };
        let target = shop.target(&id).await;
        assert_eq!(status("BeforeInstall", &target), LifecycleEventStatus::Succeeded);
        assert_eq!(status("AfterAllowTestTraffic", &target), LifecycleEventStatus::Failed);
        assert_eq!(status("AllowTraffic", &target), LifecycleEventStatus::Skipped);
        assert!(info.rollback_info().unwrap().rollback_deployment_id().is_some());
        assert_eq!((shop.weights(&shop.production).await, shop.weights(&shop.test).await), ((100, 0), (100, 0)));
        assert_eq!(shop.service().await.task_sets().len(), 1);
        let sick = shop.deploy("landbridge.test/target-503:1", &json!([])).await;
        aws.pass(2 * 60 * 60);
        let info = shop.info(&sick).await;
        assert_eq!(info.error_information().unwrap().code(), Some(&ErrorCode::Timeout));
        assert_eq!((shop.service().await.running_count(), shop.weights(&shop.production).await), (2, (100, 0)));
    })
    .await;
}

#[tokio::test]
async fn an_alarm_that_rings_stops_the_deployment_that_watches_it() {
    on_both_fronts(async |aws| {
        let shop = Shop::new(&aws).await;
        let alarm = json!({
            "AlarmName": "errors", "Namespace": "Shop", "MetricName": "Errors", "Statistic": "Sum", "Period": 60,
            "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold",
        });
        aws.json("GraniteServiceVersion20100801.PutMetricAlarm", &alarm).await;
        let watched = AlarmConfiguration::builder().enabled(true).alarms(Alarm::builder().name("errors").build());
        let back = AutoRollbackConfiguration::builder().enabled(true).events(AutoRollbackEvent::DeploymentStopOnAlarm);
        let group = shop.group().alarm_configuration(watched.build()).auto_rollback_configuration(back.build());
        group.send().await.unwrap();
        let id = shop.deploy("nginx:2", &json!([])).await;
        aws.pass(120);
        assert_eq!(shop.weights(&shop.production).await, (0, 100));
        let ring = json!({ "AlarmName": "errors", "StateValue": "ALARM", "StateReason": "a test" });
        assert_eq!(aws.json("GraniteServiceVersion20100801.SetAlarmState", &ring).await.0, 200);
        let info = shop.info(&id).await;
        assert_eq!(info.status(), Some(&DeploymentStatus::Stopped));
        assert_eq!(info.error_information().unwrap().code(), Some(&ErrorCode::AlarmActive));
        aws.pass(60);
        assert_eq!(shop.weights(&shop.production).await, (100, 0));
        assert_eq!(shop.service().await.task_sets().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_deployed_is_refused_with_codedeploy_s_own_errors() {
    on_both_fronts(async |aws| {
        let shop = Shop::new(&aws).await;
        let client = &shop.codedeploy;
        let none = client.get_application().application_name("none").send().await.unwrap_err().into_service_error();
        assert!(none.is_application_does_not_exist_exception(), "{none:?}");
        let again = client.create_application().application_name("shop").compute_platform(ComputePlatform::Ecs);
        assert!(again.send().await.unwrap_err().into_service_error().is_application_already_exists_exception());
        let group =
            |group: CreateDeploymentGroupFluentBuilder| async { group.send().await.unwrap_err().into_service_error() };
        let refused = group(shop.group().deployment_config_name("none")).await;
        assert!(refused.is_deployment_config_does_not_exist_exception(), "{refused:?}");
        let refused = group(shop.group().set_ecs_services(None)).await;
        assert!(refused.is_invalid_ecs_service_exception(), "{refused:?}");
        let refused = group(shop.group().load_balancer_info(LoadBalancerInfo::builder().build())).await;
        assert!(refused.is_invalid_load_balancer_info_exception(), "{refused:?}");
        let refused = group(shop.group().set_service_role_arn(Some(String::new()))).await;
        assert!(refused.is_role_required_exception(), "{refused:?}");
        crate::ecs::create(&shop.ecs).service_name("other").send().await.unwrap();
        let other = EcsService::builder().cluster_name("prod").service_name("other").build();
        let refused = group(shop.group().set_ecs_services(Some(vec![other]))).await;
        assert!(refused.is_invalid_ecs_service_exception(), "{refused:?}");
        assert!(refused.message().unwrap().contains("CODE_DEPLOY deployment controller"), "{refused:?}");
        shop.group().send().await.unwrap();
        assert!(group(shop.group()).await.is_deployment_group_already_exists_exception());
        let deploy = || client.create_deployment().application_name("shop").deployment_group_name("web");
        let refused = deploy().send().await.unwrap_err().into_service_error();
        assert!(refused.is_revision_required_exception(), "{refused:?}");
        let refused = deploy().revision(revision("", &json!([]))).send().await.unwrap_err().into_service_error();
        assert!(refused.is_invalid_revision_exception(), "{refused:?}");
        let unknown = deploy().deployment_group_name("none").revision(revision("web", &json!([]))).send().await;
        assert!(unknown.unwrap_err().into_service_error().is_deployment_group_does_not_exist_exception());
        let id = shop.deploy("nginx:2", &json!([])).await;
        let busy = deploy().revision(revision("web", &json!([]))).send().await.unwrap_err().into_service_error();
        assert!(busy.is_deployment_limit_exceeded_exception() && busy.message().unwrap().contains(&id), "{busy:?}");
        let unknown = client.get_deployment().deployment_id("d-NONE").send().await.unwrap_err().into_service_error();
        assert!(unknown.is_deployment_does_not_exist_exception(), "{unknown:?}");
        let many = client.batch_get_deployments().deployment_ids(&id).deployment_ids("d-NONE").send().await.unwrap();
        assert_eq!(many.deployments_info().len(), 1);
        client.delete_deployment_group().application_name("shop").deployment_group_name("web").send().await.unwrap();
        let groups = client.list_deployment_groups().application_name("shop").send().await.unwrap();
        assert!(groups.deployment_groups().is_empty());
        client.delete_application().application_name("shop").send().await.unwrap();
        assert!(client.list_applications().send().await.unwrap().applications().is_empty());
    })
    .await;
}
