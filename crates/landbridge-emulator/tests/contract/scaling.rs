//! Application Auto Scaling through aws-sdk-applicationautoscaling.

use aws_sdk_applicationautoscaling::Client;
use aws_sdk_applicationautoscaling::types::{
    AdjustmentType, CustomizedMetricSpecification, MetricDimension, MetricStatistic, MetricType, PolicyType,
    PredefinedMetricSpecification, ScalableDimension, ScalableTargetAction, ScalingActivityStatusCode,
    ServiceNamespace, StepAdjustment, StepScalingPolicyConfiguration, TargetTrackingScalingPolicyConfiguration,
};
use aws_sdk_ecs::types::LoadBalancer;
use aws_sdk_elasticloadbalancingv2::Client as Elb;
use landbridge_emulator::{Trouble, Utilization};
use serde_json::json;

use crate::ecs::{create, described, shop};
use crate::load_balancing::{balancer, forward, group, listener};
use crate::support::{Aws, on_both_fronts};

const RESOURCE: &str = "service/prod/web";
const COUNT: ScalableDimension = ScalableDimension::EcsServiceDesiredCount;

async fn register(client: &Client, least: i32, most: i32) {
    let target = client.register_scalable_target().service_namespace(ServiceNamespace::Ecs).resource_id(RESOURCE);
    target.scalable_dimension(COUNT).min_capacity(least).max_capacity(most).send().await.unwrap();
}

fn policy(
    client: &Client,
) -> aws_sdk_applicationautoscaling::operation::put_scaling_policy::builders::PutScalingPolicyFluentBuilder {
    let policy = client.put_scaling_policy().service_namespace(ServiceNamespace::Ecs).resource_id(RESOURCE);
    policy.scalable_dimension(COUNT)
}

fn cpu(value: f64) -> TargetTrackingScalingPolicyConfiguration {
    let metric = MetricType::EcsServiceAverageCpuUtilization;
    let metric = PredefinedMetricSpecification::builder().predefined_metric_type(metric).build().unwrap();
    let tracking = TargetTrackingScalingPolicyConfiguration::builder().target_value(value);
    tracking.predefined_metric_specification(metric).scale_out_cooldown(60).build().unwrap()
}

async fn alarm_names(aws: &Aws) -> Vec<String> {
    let described = aws.json("GraniteServiceVersion20100801.DescribeAlarms", &json!({})).await.1;
    let alarms = described["MetricAlarms"].as_array().unwrap();
    alarms.iter().map(|alarm| alarm["AlarmName"].as_str().unwrap().to_owned()).collect()
}

/// Matrix line "AAS": RegisterScalableTarget, PutScalingPolicy, PutScheduledAction, their Describe operations and
/// DeregisterScalableTarget of the Application Auto Scaling API reference.
#[tokio::test]
async fn targets_policies_and_schedules_read_back_and_go_with_their_target() {
    on_both_fronts(async |aws| {
        create(&shop(&aws).await).send().await.unwrap();
        let client = Client::new(&aws.config());
        register(&client, 1, 10).await;
        let tracking = policy(&client).policy_name("cpu").policy_type(PolicyType::TargetTrackingScaling);
        let put = tracking.target_tracking_scaling_policy_configuration(cpu(60.0)).send().await.unwrap();
        assert_eq!(put.alarms().len(), 2);
        let step = StepAdjustment::builder().metric_interval_lower_bound(0.0).scaling_adjustment(2).build().unwrap();
        let steps = StepScalingPolicyConfiguration::builder().adjustment_type(AdjustmentType::ChangeInCapacity);
        let stepped = policy(&client).policy_name("step").policy_type(PolicyType::StepScaling);
        stepped.step_scaling_policy_configuration(steps.step_adjustments(step).build()).send().await.unwrap();
        let action = client.put_scheduled_action().service_namespace(ServiceNamespace::Ecs).resource_id(RESOURCE);
        let action = action.scalable_dimension(COUNT).scheduled_action_name("night").schedule("cron(0 22 * * ? *)");
        let bounds = ScalableTargetAction::builder().min_capacity(0).max_capacity(1).build();
        action.timezone("UTC").scalable_target_action(bounds).send().await.unwrap();

        let targets = client.describe_scalable_targets().service_namespace(ServiceNamespace::Ecs).send().await.unwrap();
        let target = &targets.scalable_targets()[0];
        assert_eq!((target.min_capacity(), target.max_capacity()), (1, 10));
        assert_eq!(target.suspended_state().unwrap().scheduled_scaling_suspended(), Some(false));
        let policies =
            client.describe_scaling_policies().service_namespace(ServiceNamespace::Ecs).send().await.unwrap();
        let [tracked, stepped] = policies.scaling_policies() else { panic!("{policies:?}") };
        assert_eq!((tracked.policy_name(), tracked.alarms().len()), ("cpu", 2));
        assert_eq!(tracked.target_tracking_scaling_policy_configuration().unwrap().scale_out_cooldown(), Some(60));
        let steps = stepped.step_scaling_policy_configuration().unwrap().step_adjustments();
        assert_eq!(steps[0].scaling_adjustment(), 2);
        let describe = client.describe_scheduled_actions().service_namespace(ServiceNamespace::Ecs);
        let actions = describe.send().await.unwrap();
        assert_eq!(actions.scheduled_actions()[0].scalable_target_action().unwrap().max_capacity(), Some(1));
        assert_eq!(alarm_names(&aws).await.len(), 2);
        let gone = client.deregister_scalable_target().service_namespace(ServiceNamespace::Ecs).resource_id(RESOURCE);
        gone.scalable_dimension(COUNT).send().await.unwrap();
        assert_eq!(alarm_names(&aws).await, [""; 0]);
        let actions =
            client.describe_scheduled_actions().service_namespace(ServiceNamespace::Ecs).send().await.unwrap();
        assert!(actions.scheduled_actions().is_empty());
    })
    .await;
}

/// Matrix line "AAS": ObjectNotFoundException of PutScalingPolicy, ValidationException of RegisterScalableTarget.
#[tokio::test]
async fn a_policy_without_target_and_a_minimum_above_the_maximum_are_refused() {
    on_both_fronts(async |aws| {
        create(&shop(&aws).await).send().await.unwrap();
        let client = Client::new(&aws.config());
        let tracking = policy(&client).policy_name("cpu").policy_type(PolicyType::TargetTrackingScaling);
        let tracking = tracking.target_tracking_scaling_policy_configuration(cpu(60.0));
        let refused = tracking.send().await.unwrap_err().into_service_error();
        assert!(refused.is_object_not_found_exception(), "{refused:?}");
        let target = client.register_scalable_target().service_namespace(ServiceNamespace::Ecs).resource_id(RESOURCE);
        let target = target.scalable_dimension(COUNT).min_capacity(5).max_capacity(4);
        let refused = target.send().await.unwrap_err().into_service_error();
        assert!(refused.is_validation_exception(), "{refused:?}");
    })
    .await;
}

/// "How target tracking scaling for Application Auto Scaling works": ECS's own metric, which a test sets, and a metric of
/// the user's.
#[tokio::test]
async fn the_desired_count_follows_the_load() {
    on_both_fronts(async |aws| {
        let ecs = shop(&aws).await;
        create(&ecs).send().await.unwrap();
        aws.pass(300);
        let client = Client::new(&aws.config());
        register(&client, 2, 20).await;
        let tracking = policy(&client).policy_name("cpu").policy_type(PolicyType::TargetTrackingScaling);
        tracking.target_tracking_scaling_policy_configuration(cpu(50.0)).send().await.unwrap();
        aws.emulator.set_utilization("prod", "web", 100.0, 10.0);
        aws.pass(200);
        let service = described(&ecs).await;
        assert_eq!(service.desired_count(), 4);
        let activities = client.describe_scaling_activities().service_namespace(ServiceNamespace::Ecs);
        let activity = activities.send().await.unwrap().scaling_activities()[0].clone();
        assert_eq!(activity.status_code(), &ScalingActivityStatusCode::Successful);
        assert!(activity.cause().contains("AlarmHigh"), "{activity:?}");
        let calls = aws.emulator.calls();
        let scaled = calls.writes_of_services();
        assert!(scaled.iter().any(|call| call.action == "ecs:UpdateService"), "{scaled:?}");

        let page = MetricDimension::builder().name("Page").value("cart").build().unwrap();
        let metric = CustomizedMetricSpecification::builder().namespace("Shop").metric_name("Users").dimensions(page);
        let metric = metric.statistic(MetricStatistic::Sum).build();
        let users = TargetTrackingScalingPolicyConfiguration::builder().target_value(10.0);
        let users = users.customized_metric_specification(metric).build().unwrap();
        let tracking = policy(&client).policy_name("users").policy_type(PolicyType::TargetTrackingScaling);
        tracking.target_tracking_scaling_policy_configuration(users).send().await.unwrap();
        aws.emulator.set_utilization("prod", "web", 50.0, 10.0);
        aws.emulator.set_metric("Shop", "Users", &[("Page", "cart")], 30.0);
        aws.pass(240);
        assert_eq!(described(&ecs).await.desired_count(), 12);
    })
    .await;
}

fn requests_to(label: &str, value: f64) -> TargetTrackingScalingPolicyConfiguration {
    let metric = PredefinedMetricSpecification::builder().predefined_metric_type(MetricType::AlbRequestCountPerTarget);
    let tracking = TargetTrackingScalingPolicyConfiguration::builder().target_value(value);
    tracking.predefined_metric_specification(metric.resource_label(label).build().unwrap()).build().unwrap()
}

/// A client cannot put what AWS measures itself (`Namespace`, PutMetricData); a file of faults tells it.
#[tokio::test]
async fn a_service_follows_the_utilization_that_it_is_told_and_none_that_a_client_puts() {
    on_both_fronts(async |aws| {
        let datum = json!({ "Namespace": "AWS/ECS", "MetricData": [{ "MetricName": "CPUUtilization", "Value": 90 }] });
        let (status, refused) = aws.json("GraniteServiceVersion20100801.PutMetricData", &datum).await;
        assert_eq!((status, &refused["message"]), (400, &json!("The value AWS/ for parameter Namespace is invalid.")));
        let told = json!({ "utilization": [
            { "service": "prod/*", "memory": 7 },
            { "service": "*/web", "cpu": [{ "after": "0s", "value": 90 }, { "after": "10m", "value": 10 }] },
        ]});
        aws.emulator.trouble(serde_json::from_value::<Trouble>(told).unwrap());
        let ecs = shop(&aws).await;
        create(&ecs).send().await.unwrap();
        let client = Client::new(&aws.config());
        register(&client, 1, 8).await;
        let tracking = policy(&client).policy_name("cpu").policy_type(PolicyType::TargetTrackingScaling);
        tracking.target_tracking_scaling_policy_configuration(cpu(60.0)).send().await.unwrap();
        let before = described(&ecs).await.desired_count();
        aws.pass(600);
        let grown = described(&ecs).await.desired_count();
        assert!(grown > before, "{grown}");
        aws.pass(3600);
        assert_eq!(described(&ecs).await.desired_count(), 1, "quiet since ten minutes after its creation");
        let of_memory = json!({
            "Namespace": "AWS/ECS", "MetricName": "MemoryUtilization", "Statistics": ["Average"], "Period": 60,
            "Dimensions": [{ "Name": "ClusterName", "Value": "prod" }, { "Name": "ServiceName", "Value": "web" }],
            "StartTime": aws.emulator.now().as_second() - 300, "EndTime": aws.emulator.now().as_second(),
        });
        let read = aws.json("GraniteServiceVersion20100801.GetMetricStatistics", &of_memory).await.1;
        assert_eq!(read["Datapoints"][0]["Average"], 7.0, "{read}");
    })
    .await;
}

#[tokio::test]
async fn a_service_behind_a_load_balancer_follows_the_requests_that_its_targets_are_told_to_get() {
    on_both_fronts(async |aws| {
        aws.emulator.script_utilization(Utilization::of("prod/web").request_count_per_target(900.0));
        let (ecs, elb) = (shop(&aws).await, Elb::new(&aws.config()));
        let (group, balancer) = (group(&elb, "web").await, balancer(&elb, "web").await);
        listener(&elb, &balancer, 80, forward(&[(&group, 1)])).await;
        let behind = LoadBalancer::builder().target_group_arn(&group).container_name("web").container_port(80).build();
        create(&ecs).load_balancers(behind).send().await.unwrap();
        let client = Client::new(&aws.config());
        register(&client, 1, 8).await;
        let last = |arn: &str, mark: &str| arn.split_once(mark).unwrap().1.to_owned();
        let label = format!("{}/targetgroup/{}", last(&balancer, ":loadbalancer/"), last(&group, ":targetgroup/"));
        let tracking = policy(&client).policy_name("requests").policy_type(PolicyType::TargetTrackingScaling);
        tracking.target_tracking_scaling_policy_configuration(requests_to(&label, 300.0)).send().await.unwrap();
        aws.pass(1200);
        assert_eq!(described(&ecs).await.desired_count(), 8);
    })
    .await;
}
