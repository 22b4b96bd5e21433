//! An account with a cluster, and calls as an SDK makes them.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::{Clock, Emulator};

pub(super) struct Aws(pub(super) Emulator);

/// A virtual minute, in which a small service reaches steady state.
pub(super) const MINUTE: Duration = Duration::from_mins(1);

impl Aws {
    pub(super) fn new() -> Self {
        Self(Emulator::builder().clock(Clock::manual(jiff::Timestamp::UNIX_EPOCH)).seed(7).build())
    }

    /// With the cluster `shop` and the task definition `web:1`.
    pub(super) fn with_shop() -> Self {
        let aws = Self::new();
        aws.ok("CreateCluster", json!({ "clusterName": "shop" }));
        aws.register("web", "nginx:1");
        aws
    }

    fn request(&self, operation: &str, input: &Value) -> (StatusCode, Value) {
        let scope = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/ecs/aws4_request, SignedHeaders=host, Signature=0";
        let request = Request::post("/")
            .header("x-amz-target", format!("AmazonEC2ContainerServiceV20141113.{operation}"))
            .header("authorization", scope)
            .body(Bytes::from(input.to_string()))
            .unwrap();
        let response = self.0.respond(request);
        (response.status(), serde_json::from_slice(response.body()).unwrap())
    }

    /// Makes something in Elastic Load Balancing from a form, and gives its ARN, the text of the element `arn`.
    fn make(&self, form: &str, arn: &str) -> String {
        let body = Bytes::from(format!("Version=2015-12-01&Action={form}"));
        let response = self.0.respond(Request::post("/").body(body).unwrap());
        let xml = String::from_utf8(response.into_body().to_vec()).unwrap();
        let found = xml.split_once(&format!("<{arn}>")).and_then(|(_, rest)| rest.split_once('<'));
        found.unwrap_or_else(|| panic!("{form}: {xml}")).0.to_owned()
    }

    /// The text of the element `element` in what EC2 answers to a form.
    fn ec2(&self, form: &str, element: &str) -> String {
        let body = Bytes::from(format!("Version=2016-11-15&Action={form}"));
        let response = self.0.respond(Request::post("/").body(body).unwrap());
        let xml = String::from_utf8(response.into_body().to_vec()).unwrap();
        let found = xml.split_once(&format!("<{element}>")).and_then(|(_, rest)| rest.split_once('<'));
        found.unwrap_or_else(|| panic!("{form}: {xml}")).0.to_owned()
    }

    /// A subnet that EC2 knows, in a VPC of its own.
    pub(super) fn subnet(&self, cidr: &str) -> String {
        let vpc = self.ec2(&format!("CreateVpc&CidrBlock={cidr}"), "vpcId");
        self.ec2(&format!("CreateSubnet&VpcId={vpc}&CidrBlock={cidr}"), "subnetId")
    }

    /// What DescribeSubnets says that a subnet has left.
    pub(super) fn free_addresses(&self, subnet: &str) -> u64 {
        self.ec2(&format!("DescribeSubnets&SubnetId.1={subnet}"), "availableIpAddressCount").parse().unwrap()
    }

    /// A target group whose targets are healthy after 10 seconds and drain for 20.
    fn group(&self, name: &str) -> String {
        let check = "&HealthCheckIntervalSeconds=5&HealthCheckTimeoutSeconds=2&HealthyThresholdCount=2";
        let kind = "&Protocol=HTTP&Port=80&VpcId=vpc-1&TargetType=ip";
        let arn = self.make(&format!("CreateTargetGroup&Name={name}{kind}{check}"), "TargetGroupArn");
        let delay = "&Attributes.member.1.Key=deregistration_delay.timeout_seconds&Attributes.member.1.Value=20";
        self.make(&format!("ModifyTargetGroupAttributes&TargetGroupArn={arn}{delay}"), "Key");
        arn
    }

    /// `loadBalancers` of a service: the groups `blue` and `green`, which take turns behind one rule.
    pub(super) fn load_balancers(&self) -> Value {
        let (blue, green) = (self.group("blue"), self.group("green"));
        let subnets = "&Subnets.member.1=subnet-a&Subnets.member.2=subnet-b";
        let balancer = self.make(&format!("CreateLoadBalancer&Name=web{subnets}"), "LoadBalancerArn");
        let forward = "Actions.member.1.Type=forward";
        let listener = format!(
            "CreateListener&LoadBalancerArn={balancer}&Protocol=HTTP&Port=80&Default{forward}\
             &DefaultActions.member.1.TargetGroupArn={blue}"
        );
        let listener = self.make(&listener, "ListenerArn");
        let tuple = "Actions.member.1.ForwardConfig.TargetGroups.member";
        let rule = format!(
            "CreateRule&ListenerArn={listener}&Priority=1&Conditions.member.1.Field=path-pattern\
             &Conditions.member.1.Values.member.1=/&{forward}&{tuple}.1.TargetGroupArn={blue}&{tuple}.1.Weight=1\
             &{tuple}.2.TargetGroupArn={green}&{tuple}.2.Weight=0"
        );
        let rule = self.make(&rule, "RuleArn");
        let role = "arn:aws:iam::000000000000:role/infrastructure";
        let advanced = json!({ "alternateTargetGroupArn": green, "productionListenerRule": rule, "roleArn": role });
        json!([{
            "targetGroupArn": blue, "containerName": "web", "containerPort": 80, "advancedConfiguration": advanced,
        }])
    }

    pub(super) fn ok(&self, operation: &str, input: Value) -> Value {
        let (status, body) = self.request(operation, &input);
        assert_eq!(status, StatusCode::OK, "{operation} {input}: {body}");
        body
    }

    /// A call whose answer, also a refusal, does not matter; only that it is an answer.
    pub(super) fn try_call(&self, operation: &str, input: Value) {
        let (status, body) = self.request(operation, &input);
        assert!(status == StatusCode::OK || status == StatusCode::BAD_REQUEST, "{operation} {input}: {status} {body}");
    }

    /// (code, message) of a call that has to be refused.
    pub(super) fn refused(&self, operation: &str, input: Value) -> (String, String) {
        let (status, body) = self.request(operation, &input);
        assert_eq!(status, StatusCode::BAD_REQUEST, "{operation} {input}: {body}");
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        (text("__type"), text("message"))
    }

    /// Registers a Fargate definition with one container `web` on port 80.
    pub(super) fn register(&self, family: &str, image: &str) -> Value {
        self.ok("RegisterTaskDefinition", definition(family, image))["taskDefinition"].clone()
    }

    pub(super) fn create(&self, changes: Value) -> Value {
        self.ok("CreateService", service(changes))["service"].clone()
    }

    pub(super) fn update(&self, changes: Value) -> Value {
        self.ok("UpdateService", merge(json!({ "cluster": "shop", "service": "web" }), changes))["service"].clone()
    }

    pub(super) fn web(&self) -> Value {
        self.ok("DescribeServices", json!({ "cluster": "shop", "services": ["web"] }))["services"][0].clone()
    }

    /// Messages of the service's events, newest first.
    pub(super) fn events(&self) -> Vec<String> {
        let web = self.web();
        web["events"].as_array().unwrap().iter().map(|event| event["message"].as_str().unwrap().to_owned()).collect()
    }

    pub(super) fn service_deployment(&self) -> Value {
        let arn = self.web()["currentServiceDeployment"].clone();
        self.ok("DescribeServiceDeployments", json!({ "serviceDeploymentArns": [arn] }))["serviceDeployments"][0]
            .clone()
    }

    pub(super) fn tasks(&self, desired: &str) -> Vec<Value> {
        let arns = self.ok("ListTasks", json!({ "cluster": "shop", "desiredStatus": desired }))["taskArns"].clone();
        if arns.as_array().unwrap().is_empty() {
            return Vec::new();
        }
        self.ok("DescribeTasks", json!({ "cluster": "shop", "tasks": arns }))["tasks"].as_array().unwrap().clone()
    }

    pub(super) fn pass(&self, time: Duration) {
        self.0.advance(time);
    }
}

pub(super) fn definition(family: &str, image: &str) -> Value {
    json!({
        "family": family,
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [{ "name": "web", "image": image, "portMappings": [{ "containerPort": 80, "name": "http" }] }],
    })
}

/// A CreateService request for two Fargate tasks of `web`.
pub(super) fn service(changes: Value) -> Value {
    let request = json!({
        "cluster": "shop",
        "serviceName": "web",
        "taskDefinition": "web",
        "desiredCount": 2,
        "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-a"] } },
    });
    merge(request, changes)
}

/// `base` with the members of `changes` over it; `null` removes one.
pub(super) fn merge(mut base: Value, changes: Value) -> Value {
    if let (Some(base), Value::Object(changes)) = (base.as_object_mut(), changes) {
        base.extend(changes);
        base.retain(|_, value| !value.is_null());
    }
    base
}
