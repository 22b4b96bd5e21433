//! Tasks and pods side by side: a stage with workloads, and the servers that answer for both.

use std::net::SocketAddr;

use bytes::Bytes;
use http::Request;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::Api;
use landbridge_sandbox::{Backend, Backends, Side};
use landbridge_tests::shop::NAMESPACE;
use landbridge_tests::{Stage, outsider};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A Deployment of two, in the namespace of the shop.
const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: 'shop/web:1'}]}
";

#[tokio::test(flavor = "multi_thread")]
async fn real_servers_answer_for_tasks_and_for_pods_and_follow_a_rollout_of_either() {
    let stage = Stage::start_with_workloads(50.0).await;
    let backends = Backends::start(&stage.client, &stage.emulator);
    let addresses = backends.addresses();
    let of = |side: Side| -> Vec<Backend> { addresses.all().into_iter().filter(|it| it.side == side).collect() };
    stage.open_the_shop().await;
    stage.apply(DEPLOYMENT).await;
    stage.eventually("two pods are served", async || of(Side::Eks).len() == 2).await;
    let tasks = || stage.emulator.running_tasks();
    stage.eventually("every task is served", async || of(Side::Ecs).len() == tasks().len() && tasks().len() >= 4).await;
    for backend in addresses.all() {
        let said = get(backend.socket).await.unwrap();
        let who = format!("side={} name={} address={}", backend.side.name(), backend.name, backend.address);
        assert!(said.starts_with("HTTP/1.0 200 OK") && said.contains(&who), "{who}: {said}");
        assert_eq!(backend.answered(), 1);
    }

    // A release that is bad, and one that is good.
    for (image, status) in [("shop/web:target-503", "503"), ("shop/web:2", "200")] {
        let before: Vec<_> = of(Side::Eks).iter().map(|pod| pod.socket).collect();
        let containers = json!([{"name": "web", "image": image}]);
        stage.merge::<Deployment>("web", json!({"spec": {"template": {"spec": {"containers": containers}}}})).await;
        let changed = async || {
            let now = of(Side::Eks);
            now.len() == 2 && now.iter().all(|pod| !before.contains(&pod.socket))
        };
        stage.eventually("only pods of that release are served", changed).await;
        for pod in of(Side::Eks) {
            let said = get(pod.socket).await.unwrap();
            assert!(said.starts_with(&format!("HTTP/1.0 {status}")), "{image}: {said}");
        }
    }
    let before: Vec<_> = of(Side::Ecs).iter().map(|task| task.name.clone()).collect();
    for service in ["web", "orders"] {
        stage.set_image(service, "shop/other:2").await;
    }
    stage.until_current().await;
    let replaced =
        async || of(Side::Ecs).iter().all(|task| !before.contains(&task.name)) && of(Side::Ecs).len() == before.len();
    stage.eventually("only tasks of the new revisions are served", replaced).await;
    stage.end().await;
}

/// Makes a call of Elastic Load Balancing, which must succeed; gives the text of the first element of that name.
fn elb(stage: &Stage, form: &str, element: &str) -> String {
    let form = Bytes::from(format!("Version=2015-12-01&Action={form}"));
    let answer = stage.emulator.respond(Request::post("/").body(form).unwrap());
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    assert!(answer.status().is_success(), "{text}");
    let begun = text.split_once(&format!("<{element}>")).map(|(_, rest)| rest.to_owned());
    begun.and_then(|rest| Some(rest.split_once('<')?.0.to_owned())).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_load_balancer_finds_a_pod_healthy_only_while_its_server_answers() {
    let stage = Stage::start_with_workloads(50.0).await;
    let backends = Backends::start(&stage.client, &stage.emulator);
    let addresses = backends.addresses();
    stage.apply("{apiVersion: v1, kind: Namespace, metadata: {name: shop}}").await;
    stage.apply(&DEPLOYMENT.replace("replicas: 2", "replicas: 1")).await;
    stage.eventually("the pod is served", async || addresses.all().len() == 1).await;
    let address = addresses.all()[0].address;
    let group = "CreateTargetGroup&Name=web&Protocol=HTTP&Port=80&VpcId=vpc-1&TargetType=ip\
                 &HealthCheckIntervalSeconds=5&HealthCheckTimeoutSeconds=2&HealthyThresholdCount=2&UnhealthyThresholdCount=2";
    let group = elb(&stage, group, "TargetGroupArn");
    let subnets = "&Subnets.member.1=subnet-a&Subnets.member.2=subnet-b";
    let balancer = elb(&stage, &format!("CreateLoadBalancer&Name=web{subnets}"), "LoadBalancerArn");
    let action = format!("DefaultActions.member.1.Type=forward&DefaultActions.member.1.TargetGroupArn={group}");
    let listener = format!("CreateListener&LoadBalancerArn={balancer}&Protocol=HTTP&Port=80&{action}");
    elb(&stage, &listener, "ListenerArn");
    elb(&stage, &format!("RegisterTargets&TargetGroupArn={group}&Targets.member.1.Id={address}"), "");
    let health = || elb(&stage, &format!("DescribeTargetHealth&TargetGroupArn={group}"), "State");
    stage.eventually("the target is healthy", async || health() == "healthy").await;

    let pod = addresses.all()[0].name.trim_start_matches("shop/").to_owned();
    for (ready, state) in [("false", "unhealthy"), ("true", "healthy")] {
        let annotations = json!({"sandbox.landbridge.dev/ready": ready});
        stage.merge::<Pod>(&pod, json!({"metadata": {"annotations": annotations}})).await;
        stage.eventually(state, async || health() == state).await;
    }
    // At an address that no pod has, nobody answers.
    elb(&stage, &format!("DeregisterTargets&TargetGroupArn={group}&Targets.member.1.Id={address}"), "");
    elb(&stage, &format!("RegisterTargets&TargetGroupArn={group}&Targets.member.1.Id=172.31.111.200"), "");
    let reason = || {
        elb(
            &stage,
            &format!("DescribeTargetHealth&TargetGroupArn={group}&Targets.member.1.Id=172.31.111.200"),
            "Reason",
        )
    };
    stage.eventually("nobody answers", async || reason() == "Target.FailedHealthChecks").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_namespace_takes_its_services_and_roles_with_it() {
    let stage = Stage::start_with_workloads(50.0).await;
    stage.open_the_shop().await;
    assert!(!outsider::services(&stage.emulator).is_empty() && !outsider::roles(&stage.emulator).is_empty());
    let namespaces: Api<Namespace> = Api::all(stage.client.clone());
    stage.delete(namespaces.clone(), NAMESPACE).await;
    let gone = async || namespaces.get_opt(NAMESPACE).await.unwrap().is_none();
    stage.eventually("the namespace is gone", gone).await;
    assert_eq!(outsider::services(&stage.emulator), Vec::<Value>::new());
    assert_eq!(outsider::roles(&stage.emulator), Vec::<Value>::new());
    stage.end().await;
}

/// One HTTP/1.0 request; None when the connection is refused or broken.
async fn get(socket: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(socket).await.ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    (!answer.is_empty()).then_some(answer)
}
