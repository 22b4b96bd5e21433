//! CloudWatch alarms that fail ECS deployments (DeploymentAlarms; "How CloudWatch alarms detect Amazon ECS deployment
//! failures" in the Amazon ECS developer guide).

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{
    DeploymentAlarms, DeploymentConfiguration, DeploymentRolloutState, ServiceDeployment,
    ServiceDeploymentRollbackMonitorsStatus, ServiceDeploymentStatus,
};
use serde_json::{Value, json};

use crate::ecs::{create, described, register, shop};
use crate::support::{Aws, on_both_fronts};

async fn cloudwatch(aws: &Aws, operation: &str, input: Value) {
    let (status, answer) = aws.json(&format!("GraniteServiceVersion20100801.{operation}"), &input).await;
    assert_eq!(status, 200, "{answer}");
}

async fn put_alarm(aws: &Aws, name: &str) {
    let alarm = json!({
        "AlarmName": name, "Namespace": "Shop", "MetricName": "Errors", "Statistic": "Sum", "Period": 60,
        "EvaluationPeriods": 2, "Threshold": 5, "ComparisonOperator": "GreaterThanThreshold", "DatapointsToAlarm": 1,
        "TreatMissingData": "notBreaching",
    });
    cloudwatch(aws, "PutMetricAlarm", alarm).await;
}

async fn errors(aws: &Aws, number: i64) {
    let datum = json!({ "MetricName": "Errors", "Value": number });
    cloudwatch(aws, "PutMetricData", json!({ "Namespace": "Shop", "MetricData": [datum] })).await;
}

fn alarms(rollback: bool) -> DeploymentConfiguration {
    watching(&["errors"], rollback)
}

fn watching(names: &[&str], rollback: bool) -> DeploymentConfiguration {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    let alarms = DeploymentAlarms::builder().set_alarm_names(Some(names)).enable(true).rollback(rollback);
    DeploymentConfiguration::builder().alarms(alarms.build().unwrap()).build()
}

async fn set_state(aws: &Aws, name: &str, state: &str) {
    cloudwatch(aws, "SetAlarmState", json!({ "AlarmName": name, "StateValue": state, "StateReason": "x" })).await;
}

async fn deployment(client: &Client) -> ServiceDeployment {
    let arn = described(client).await.current_service_deployment().unwrap().to_owned();
    let describe = client.describe_service_deployments().service_deployment_arns(arn).send().await.unwrap();
    describe.service_deployments()[0].clone()
}

#[tokio::test]
async fn an_alarm_that_rings_during_a_deployment_rolls_it_back() {
    on_both_fronts(async |aws| {
        let client = shop(&aws).await;
        put_alarm(&aws, "errors").await;
        create(&client).deployment_configuration(alarms(true)).send().await.unwrap();
        aws.pass(600);
        let first = deployment(&client).await;
        assert_eq!(first.status(), Some(&ServiceDeploymentStatus::Successful));
        let monitors = first.alarms().unwrap();
        assert_eq!(monitors.status(), Some(&ServiceDeploymentRollbackMonitorsStatus::MonitoringComplete));
        register(&client, "nginx:2").await;
        client.update_service().cluster("prod").service("web").task_definition("web").send().await.unwrap();
        // All tasks are new after a minute, and the deployment still waits for its alarms.
        aws.pass(100);
        assert_eq!(
            described(&client).await.deployments()[0].rollout_state(),
            Some(&DeploymentRolloutState::InProgress)
        );
        errors(&aws, 6).await;
        // The alarm is evaluated at the end of the minute.
        aws.pass(25);
        let failed = deployment(&client).await;
        assert_eq!(failed.status(), Some(&ServiceDeploymentStatus::RollbackInProgress));
        let monitors = failed.alarms().unwrap();
        assert_eq!(monitors.status(), Some(&ServiceDeploymentRollbackMonitorsStatus::Triggered));
        assert_eq!(monitors.triggered_alarm_names(), ["errors"]);
        aws.pass(600);
        let over = deployment(&client).await;
        assert_eq!(over.status(), Some(&ServiceDeploymentStatus::RollbackSuccessful));
        assert!(described(&client).await.task_definition().unwrap().ends_with("web:1"));
    })
    .await;
}

#[tokio::test]
async fn without_rollback_the_deployment_stays_failed_and_one_that_begins_while_the_alarm_rings_goes_through() {
    let aws = Aws::start().await;
    let client = shop(&aws).await;
    put_alarm(&aws, "errors").await;
    create(&client).deployment_configuration(alarms(false)).send().await.unwrap();
    aws.pass(600);
    register(&client, "nginx:2").await;
    let update = || client.update_service().cluster("prod").service("web").task_definition("web");
    update().send().await.unwrap();
    aws.pass(30);
    cloudwatch(&aws, "SetAlarmState", json!({ "AlarmName": "errors", "StateValue": "ALARM", "StateReason": "x" }))
        .await;
    let failed = described(&client).await;
    assert_eq!(failed.deployments()[0].rollout_state(), Some(&DeploymentRolloutState::Failed));
    assert!(failed.events().iter().any(|event| event.message().unwrap().contains("alarm detected: errors")));
    assert_eq!(deployment(&client).await.status(), Some(&ServiceDeploymentStatus::Stopped));
    register(&client, "nginx:3").await;
    update().send().await.unwrap();
    errors(&aws, 9).await;
    aws.pass(300);
    let mended = described(&client).await;
    assert_eq!(mended.deployments()[0].rollout_state(), Some(&DeploymentRolloutState::Completed));
}

/// "If an alarm is in the ALARM state at the beginning of a deployment, Amazon ECS will not monitor alarms for the duration
/// of that deployment" ("How CloudWatch alarms detect Amazon ECS deployment failures", considerations).
#[tokio::test]
async fn one_alarm_that_rings_when_a_deployment_begins_silences_them_all_until_it_is_over() {
    on_both_fronts(async |aws| {
        let client = shop(&aws).await;
        put_alarm(&aws, "errors").await;
        put_alarm(&aws, "latency").await;
        create(&client).deployment_configuration(watching(&["errors", "latency"], true)).send().await.unwrap();
        aws.pass(600);
        let update = || client.update_service().cluster("prod").service("web").task_definition("web");
        register(&client, "nginx:2").await;
        set_state(&aws, "errors", "ALARM").await;
        update().send().await.unwrap();
        aws.pass(5);
        set_state(&aws, "errors", "OK").await;
        set_state(&aws, "errors", "ALARM").await;
        set_state(&aws, "latency", "ALARM").await;
        let deaf = deployment(&client).await;
        assert_eq!(deaf.status(), Some(&ServiceDeploymentStatus::InProgress));
        let monitors = deaf.alarms().unwrap();
        assert_eq!(monitors.status(), Some(&ServiceDeploymentRollbackMonitorsStatus::Disabled));
        assert_eq!(monitors.alarm_names(), ["errors", "latency"]);
        aws.pass(600);
        assert_eq!(deployment(&client).await.status(), Some(&ServiceDeploymentStatus::Successful));
        // With both quiet, the next deployment listens again.
        set_state(&aws, "errors", "OK").await;
        set_state(&aws, "latency", "OK").await;
        register(&client, "nginx:3").await;
        update().send().await.unwrap();
        aws.pass(5);
        set_state(&aws, "latency", "ALARM").await;
        let failed = deployment(&client).await;
        assert_eq!(failed.status(), Some(&ServiceDeploymentStatus::RollbackInProgress));
        assert_eq!(failed.alarms().unwrap().triggered_alarm_names(), ["latency"]);
    })
    .await;
}
