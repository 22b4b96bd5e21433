//! What a team has before it migrates: a load balancer in the emulated AWS with a rule for the service, the service as ECS
//! tasks behind it, and the same service as pods.

use std::{net::SocketAddr, time::Duration};

use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, Client};
use landbridge_api::v1alpha1::EcsService;
use landbridge_emulator::Emulator;
use serde_json::Value;
use tokio::time::sleep;

use super::NAMESPACE;
use crate::{
    data_plane::Listeners,
    error::{Doing, Error, Result},
    install::{SAMPLE, apply_yaml},
    row,
};

/// The host that the rule is for.
pub(super) const HOST: &str = "orders.example.com";
/// Name of the ECS side's target group.
const GROUP: &str = "orders-ecs";
/// How often it is asked whether something is there.
pub(super) const ASK_EVERY: Duration = Duration::from_millis(100);
/// How long the data plane may take to open a listener.
const OPENS_WITHIN: Duration = Duration::from_secs(30);

/// The parts that the story needs again.
#[derive(Debug, Clone)]
pub(super) struct Front {
    pub(super) emulator: Emulator,
    /// ARN of the listener.
    pub(super) listener: String,
    /// ARN of the ECS side's target group.
    pub(super) ecs_group: String,
    /// Where the listener answers.
    pub(super) socket: SocketAddr,
}

impl Front {
    /// Makes all of it, and returns when both sides run.
    pub(super) async fn open(client: Client, emulator: Emulator, listeners: Listeners) -> Result<Self> {
        let (listener, ecs_group) = load_balancer(&emulator)?;
        apply_yaml(&client, SAMPLE[0].0, SAMPLE[0].1).await?;
        let tasks = include_str!("../../demo/orders-ecs.yaml").replace("TARGET_GROUP_ARN", &ecs_group);
        apply_yaml(&client, "demo/orders-ecs.yaml", &tasks).await?;
        apply_yaml(&client, "demo/orders-eks.yaml", include_str!("../../demo/orders-eks.yaml")).await?;
        until_both_run(&client).await?;
        let socket = listeners.socket(&listener, OPENS_WITHIN).await;
        let socket =
            socket.ok_or_else(|| Error::Late { what: "opening the load balancer".to_owned(), after: OPENS_WITHIN })?;
        Ok(Self { emulator, listener, ecs_group, socket })
    }

    /// Whatever of the migrations is left in AWS: target groups beside the one that was there before, and weights.
    pub(super) fn left(&self) -> Vec<String> {
        let state = self.emulator.state();
        let groups = state["elbv2"]["targetGroups"].as_array().cloned().unwrap_or_default();
        let others = groups.iter().filter_map(|group| group["TargetGroupArn"].as_str());
        let mut left: Vec<String> =
            others.filter(|arn| *arn != self.ecs_group).map(|arn| format!("target group {arn} is left")).collect();
        for share in self.emulator.shares(&self.listener, HOST, "/").unwrap_or_default() {
            if share.target_group != self.ecs_group {
                left.push(format!("the rule still names {}", share.target_group));
            }
        }
        left
    }
}

/// ARNs of a listener, with a rule for the host, and of the target group that the rule forwards to.
fn load_balancer(aws: &Emulator) -> Result<(String, String)> {
    let subnets = "Subnets.member.1=subnet-0a1b2c3d4e5f60001&Subnets.member.2=subnet-0a1b2c3d4e5f60002";
    let balancer = elb(aws, "CreateLoadBalancer", &format!("Name=shop&{subnets}"), "LoadBalancerArn")?;
    let check = "HealthCheckIntervalSeconds=5&HealthCheckTimeoutSeconds=2&HealthyThresholdCount=2";
    let group = format!("Name={GROUP}&Protocol=HTTP&Port=8080&VpcId=vpc-0a1b2c3d4e5f60001&TargetType=ip&{check}");
    let group = elb(aws, "CreateTargetGroup", &group, "TargetGroupArn")?;
    // The operator's clock is real: it waits as long before it is done with the old side.
    let delay = "Attributes.member.1.Key=deregistration_delay.timeout_seconds&Attributes.member.1.Value=3";
    elb(aws, "ModifyTargetGroupAttributes", &format!("TargetGroupArn={group}&{delay}"), "")?;
    let none = "DefaultActions.member.1.Type=fixed-response&DefaultActions.member.1.FixedResponseConfig.StatusCode=404";
    let listener = format!("LoadBalancerArn={balancer}&Protocol=HTTP&Port=80&{none}");
    let listener = elb(aws, "CreateListener", &listener, "ListenerArn")?;
    let host = format!("Conditions.member.1.Field=host-header&Conditions.member.1.Values.member.1={HOST}");
    let action = format!("Actions.member.1.Type=forward&Actions.member.1.TargetGroupArn={group}");
    elb(aws, "CreateRule", &format!("ListenerArn={listener}&Priority=1&{host}&{action}"), "RuleArn")?;
    Ok((listener, group))
}

/// Makes a call of Elastic Load Balancing and gives the text of the first such element of the answer. An empty name asks for
/// nothing.
fn elb(aws: &Emulator, operation: &str, form: &str, element: &str) -> Result<String> {
    let body = format!("Action={operation}&Version=2015-12-01&{form}");
    let refused = |answer: String| Error::Aws { operation: operation.to_owned(), answer };
    let request =
        http::Request::post("/").body(body.into_bytes().into()).map_err(|error| refused(error.to_string()))?;
    let answer = aws.respond(request);
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    if !answer.status().is_success() {
        return Err(refused(text));
    }
    if element.is_empty() {
        return Ok(String::new());
    }
    let inner = text.split_once(&format!("<{element}>")).and_then(|(_, rest)| rest.split_once('<'));
    inner.map(|(value, _)| value.to_owned()).ok_or_else(|| refused(text.clone()))
}

/// Until the tasks are Ready and all pods of the Deployment are.
async fn until_both_run(client: &Client) -> Result<()> {
    let tasks = Api::<EcsService>::namespaced(client.clone(), NAMESPACE);
    let pods = Api::<Deployment>::namespaced(client.clone(), NAMESPACE);
    loop {
        let service = tasks.get_opt("orders").await.doing(|| "looking at ECSService orders")?;
        let deployment = pods.get_opt("orders").await.doing(|| "looking at Deployment orders")?;
        let runs = |status: k8s_openapi::api::apps::v1::DeploymentStatus| status.ready_replicas == status.replicas;
        let pods_run = deployment.and_then(|it| it.status).is_some_and(|it| it.replicas > Some(0) && runs(it));
        if service.is_some_and(|service| is_ready(&service)) && pods_run {
            return Ok(());
        }
        sleep(ASK_EVERY).await;
    }
}

fn is_ready(service: &EcsService) -> bool {
    let object = serde_json::to_value(service).ok().and_then(|value: Value| serde_json::from_value(value).ok());
    object.is_some_and(|object| row::is_ready(&object))
}
