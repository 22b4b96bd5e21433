//! The real AWS Load Balancer Controller on the emulated Elastic Load Balancing: a migration moves the weights of its rule by its
//! Ingress, and nobody else writes the rule.

use std::path::Path;

use k8s_openapi::api::apps::v1::Deployment;
use landbridge_api::v1alpha1::{EcsService, MigrationPhase as Phase, TrafficMigration};
use landbridge_tests::shop::{NAMESPACE, PLATFORM, is_ready};
use landbridge_tests::{Stage, outsider};
use serde_json::Value;

use crate::programs::{Running, aws, find, serve};

const HOST: &str = "orders.example.com";
const PROGRAM: &str = "aws-load-balancer-controller";

const PODS: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: orders, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: orders}}
  template:
    metadata: {labels: {app: orders}}
    spec: {containers: [{name: web, image: 'shop/orders:1', ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: orders, namespace: shop}
spec:
  selector: {app: orders}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: alb}
spec: {controller: ingress.k8s.aws/alb}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: orders
  namespace: shop
  annotations:
    alb.ingress.kubernetes.io/target-type: ip
    alb.ingress.kubernetes.io/scheme: internet-facing
    alb.ingress.kubernetes.io/target-group-attributes: deregistration_delay.timeout_seconds=1
    alb.ingress.kubernetes.io/actions.orders: '{\"type\": \"forward\", \"targetGroupARN\": \"GROUP\"}'
spec:
  ingressClassName: alb
  rules:
    - host: orders.example.com
      http:
        paths:
          - {path: /, pathType: Prefix, backend: {service: {name: orders, port: {name: use-annotation}}}}
";

const TASKS: &str = "
apiVersion: landbridge.dev/v1alpha1
kind: ECSService
metadata: {name: orders, namespace: shop}
spec:
  clusterRef: {name: prod}
  desiredCount: 2
  loadBalancers: [{targetGroupArn: 'GROUP', containerName: orders, containerPort: 8080}]
  taskDefinition:
    cpu: 256
    memory: 512
    containerDefinitions: [{name: orders, image: 'httpd:2.4', portMappings: [{containerPort: 8080}]}]
";

const MIGRATION: &str = "
apiVersion: landbridge.dev/v1alpha1
kind: TrafficMigration
metadata: {name: to-eks, namespace: shop}
spec:
  from: {ecsServiceRef: {name: orders}}
  to: {kubernetesService: {name: orders, port: http}}
  backend: {applicationLoadBalancer: {propagation: 1s}, managerDeadline: 60s}
  gates: {interval: 1s, minReady: 0s}
  steps: [{weight: 10, bake: 0s}, {weight: 50, bake: 0s}, {weight: 100, bake: 0s}]
  finalise: {soak: 0s}
";

/// A call of EC2, which must succeed, and the texts of these elements in the answer.
fn ec2(stage: &Stage, form: &str, element: &str) -> Vec<String> {
    let scope =
        "AWS4-HMAC-SHA256 Credential=sandbox/20260101/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=0";
    let request = http::Request::post("/").header("authorization", scope);
    let body = bytes::Bytes::from(format!("{form}&Version=2016-11-15"));
    let answer = stage.emulator.respond(request.body(body).unwrap());
    assert!(answer.status().is_success(), "{form} was refused");
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    let open = format!("<{element}>");
    text.split(&open).skip(1).filter_map(|rest| Some(rest.split('<').next()?.to_owned())).collect()
}

fn start(stage: &Stage, program: &Path, server: &landbridge_emulator::Server, vpc: &str, folder: &Path) -> Running {
    let kubeconfig = stage.kubeconfig();
    let certificates = kubeconfig.parent().unwrap().display().to_string();
    let mut environment = aws(server).to_vec();
    environment.push(("KUBECONFIG", kubeconfig.display().to_string()));
    let arguments = [
        "--cluster-name=west".to_owned(),
        "--aws-region=us-east-1".to_owned(),
        format!("--aws-vpc-id={vpc}"),
        format!("--kubeconfig={}", kubeconfig.display()),
        "--enable-leader-election=false".to_owned(),
        "--metrics-bind-addr=127.0.0.1:0".to_owned(),
        "--health-probe-bind-addr=127.0.0.1:0".to_owned(),
        format!("--webhook-bind-port={}", free_port()),
        format!("--webhook-cert-dir={certificates}"),
        "--webhook-cert-file=serving.crt".to_owned(),
        "--webhook-key-file=serving.key".to_owned(),
        "--feature-gates=ALBGatewayAPI=false,NLBGatewayAPI=false,GatewayListenerSet=false".to_owned(),
    ];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Running::start(program, &arguments, &environment, folder)
}

/// A port that nobody has at this moment: its webhooks want one, and nobody calls them.
fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Percent of the requests at the controller's listener that go to the group of the tasks, and to others.
fn shares(stage: &Stage, tasks: &str) -> Option<(f64, f64)> {
    let state = stage.emulator.state();
    let listener =
        state["elbv2"]["listeners"].as_array().and_then(|l| l.first()?["ListenerArn"].as_str().map(str::to_owned))?;
    let all = stage.emulator.shares(&listener, HOST, "/")?;
    let of = |is: bool| all.iter().filter(|s| (s.target_group == tasks) == is).map(|s| s.percent).sum::<f64>();
    Some((of(true), of(false)))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs LANDBRIDGE_INTEROP to name a folder with the AWS Load Balancer Controller"]
async fn a_migration_moves_the_rule_of_the_real_load_balancer_controller_by_its_ingress() {
    let program = find(PROGRAM);
    let crds = program.with_file_name(format!("{PROGRAM}-crds.yaml"));
    let crds = std::fs::read_to_string(crds).expect("its CRDs are beside it");
    let stage = Stage::start_with_workloads(60.0).await;
    stage.apply(&crds).await;
    let vpc = ec2(&stage, "Action=DescribeVpcs", "vpcId").remove(0);
    for subnet in ec2(&stage, "Action=DescribeSubnets", "subnetId") {
        let tag = "Tag.1.Key=kubernetes.io%2Frole%2Felb&Tag.1.Value=1";
        ec2(&stage, &format!("Action=CreateTags&ResourceId.1={subnet}&{tag}"), "return");
    }
    let group =
        [("Name", "orders-ecs"), ("Protocol", "HTTP"), ("Port", "8080"), ("VpcId", vpc.as_str()), ("TargetType", "ip")];
    let group = outsider::elb(&stage.emulator, "CreateTargetGroup", &group, "TargetGroupArn");
    // The operator's clock is real, so what drains for five minutes would drain for five minutes.
    let drain = [
        ("TargetGroupArn", group.as_str()),
        ("Attributes.member.1.Key", "deregistration_delay.timeout_seconds"),
        ("Attributes.member.1.Value", "1"),
    ];
    outsider::elb(&stage.emulator, "ModifyTargetGroupAttributes", &drain, "none");
    let server = serve(&stage).await;
    let folder = tempfile::tempdir().unwrap();
    let controller = start(&stage, &program, &server, &vpc, folder.path());
    stage.apply(PLATFORM).await;
    stage.apply(&PODS.replace("GROUP", &group)).await;
    let rule = async || shares(&stage, &group) == Some((100.0, 0.0));
    let made = tokio::time::timeout(std::time::Duration::from_mins(1), async {
        while !rule().await {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    });
    assert!(made.await.is_ok(), "it makes no rule:\n{}", controller.said());
    stage.apply(&TASKS.replace("GROUP", &group)).await;
    stage.until::<EcsService>(NAMESPACE, "orders", "ready", is_ready).await;
    let available = |d: &Deployment| d.status.as_ref().and_then(|s| s.available_replicas) == Some(2);
    stage.until::<Deployment>(NAMESPACE, "orders", "available", available).await;

    stage.apply(MIGRATION).await;
    let ends = |m: &TrafficMigration| m.status.as_ref().and_then(|s| s.phase) == Some(Phase::Completed);
    let migration = stage.until(NAMESPACE, "to-eks", "completed", ends).await;
    let status = migration.status.unwrap();
    assert_eq!(status.manager.unwrap().kind, "LBCIngress");
    assert_eq!(shares(&stage, &group), Some((0.0, 100.0)), "{}", controller.said());
    let targets: Vec<Value> = stage.emulator.state()["elbv2"]["targetGroups"].as_array().cloned().unwrap_or_default();
    assert_eq!(targets.len(), 2, "its own and the tasks'");
    controller.end().await;
    stage.end().await;
}
