//! A rule that the AWS Load Balancer Controller governs: a migration tells the controller by its Ingress, sees in AWS that it was
//! carried out, and writes nothing past it when it is away. A stand-in plays the controller on the real API server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use k8s_openapi::api::networking::v1::Ingress;
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use landbridge_api::condition::{self, reason};
use landbridge_api::v1alpha1::{MigrationPhase as Phase, TrafficMigration};
use landbridge_emulator::{Emulator, TargetFate, TargetScript};
use landbridge_tests::gateway::{HTTP_ROUTES, TARGET_GROUP_BINDINGS};
use landbridge_tests::shop::NAMESPACE;
use landbridge_tests::{Stage, outsider};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::migration::{ECS, EKS, Front, SPEED, command, drains_in_a_second, migration, until};

const ACTION: &str = "alb.ingress.kubernetes.io/actions.orders";
const STACK: &str = "shop/orders";

/// What the controller is told by.
#[derive(Clone, Copy, PartialEq)]
enum Told {
    Ingress,
    Route,
}

/// The part of the controller that reads an action, or a rule of a route, and writes the rule of it.
struct Controller {
    aws: Emulator,
    told: Told,
    old: String,
    ingresses: Api<Ingress>,
    routes: Api<DynamicObject>,
    bindings: Api<DynamicObject>,
    rule: String,
    away: Arc<AtomicBool>,
    writes: Arc<AtomicUsize>,
    /// What it wrote last.
    done: Option<Vec<(String, i64)>>,
    group: Option<String>,
}

impl Told {
    /// What its tags and labels begin with.
    fn prefix(self) -> &'static str {
        match self {
            Self::Ingress => "ingress.k8s.aws",
            Self::Route => "gateway.k8s.aws.alb",
        }
    }
}

/// What a test holds of it.
pub struct Playing {
    away: Arc<AtomicBool>,
    writes: Arc<AtomicUsize>,
    pub task: JoinHandle<()>,
}

impl Controller {
    fn play(stage: &Stage, front: &Front, told: Told) -> Playing {
        let (away, writes) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut controller = Self {
            aws: stage.emulator.clone(),
            told,
            old: front.old.clone(),
            routes: stage.routes(),
            ingresses: Api::namespaced(stage.client.clone(), NAMESPACE),
            bindings: stage.foreign("elbv2.k8s.aws/v1beta1", "TargetGroupBinding", "targetgroupbindings"),
            rule: front.rule.clone(),
            away: away.clone(),
            writes: writes.clone(),
            done: None,
            group: None,
        };
        let task = tokio::spawn(async move {
            loop {
                if !controller.away.load(Ordering::Acquire) {
                    controller.look().await;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        Playing { away, writes, task }
    }

    async fn look(&mut self) {
        let wanted = match self.told {
            Told::Ingress => self.of_ingress().await,
            Told::Route => self.of_route().await,
        };
        let Some(wanted) = wanted else { return };
        // It went away while it looked: a real one that is stopped writes nothing more.
        if self.done.as_ref() != Some(&wanted) && !self.away.load(Ordering::Acquire) {
            self.write(&wanted);
            self.done = Some(wanted);
        }
    }

    async fn of_route(&mut self) -> Option<Vec<(String, i64)>> {
        let route = self.routes.get("orders").await.ok()?;
        let mut wanted = Vec::new();
        for backend in route.data["spec"]["rules"][0]["backendRefs"].as_array().into_iter().flatten() {
            let arn = match backend["kind"].as_str() {
                Some("TargetGroupName") => self.old.clone(),
                _ => self.group_for(&backend["port"]).await,
            };
            wanted.push((arn, backend["weight"].as_i64().unwrap()));
        }
        Some(wanted)
    }

    async fn of_ingress(&mut self) -> Option<Vec<(String, i64)>> {
        let ingress = self.ingresses.get("orders").await.ok()?;
        let text = ingress.metadata.annotations.unwrap_or_default()[ACTION].clone();
        let action: Value = serde_json::from_str(&text).ok()?;
        let mut wanted = Vec::new();
        if let Some(arn) = action["targetGroupARN"].as_str() {
            wanted.push((arn.to_owned(), 1));
        }
        for group in action["forwardConfig"]["targetGroups"].as_array().into_iter().flatten() {
            let arn = match group["targetGroupARN"].as_str() {
                Some(arn) => arn.to_owned(),
                None => self.group_for(&group["servicePort"]).await,
            };
            wanted.push((arn, group["weight"].as_i64().unwrap()));
        }
        Some(wanted)
    }

    fn write(&self, wanted: &[(String, i64)]) {
        let mut form =
            vec![("RuleArn".to_owned(), self.rule.clone()), ("Actions.member.1.Type".to_owned(), "forward".to_owned())];
        for (place, (arn, weight)) in wanted.iter().enumerate() {
            let at = format!("Actions.member.1.ForwardConfig.TargetGroups.member.{}", place + 1);
            form.push((format!("{at}.TargetGroupArn"), arn.clone()));
            form.push((format!("{at}.Weight"), weight.to_string()));
        }
        let form: Vec<(&str, &str)> = form.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        outsider::elb(&self.aws, "ModifyRule", &form, "none");
        self.writes.fetch_add(1, Ordering::AcqRel);
    }

    /// The target group of the Service, and what binds the two.
    async fn group_for(&mut self, port: &Value) -> String {
        if let Some(group) = &self.group {
            return group.clone();
        }
        let group = [
            ("Name", "k8s-shop-orders"),
            ("Protocol", "HTTP"),
            ("Port", "8080"),
            ("VpcId", "vpc-1"),
            ("TargetType", "ip"),
            ("HealthCheckIntervalSeconds", "5"),
            ("HealthCheckTimeoutSeconds", "2"),
            ("HealthyThresholdCount", "2"),
        ];
        let group = outsider::elb(&self.aws, "CreateTargetGroup", &group, "TargetGroupArn");
        drains_in_a_second(&self.aws, &group);
        let targets = [
            ("TargetGroupArn", group.as_str()),
            ("Targets.member.1.Id", "10.20.0.1"),
            ("Targets.member.2.Id", "10.20.0.2"),
        ];
        outsider::elb(&self.aws, "RegisterTargets", &targets, "none");
        let prefix = self.told.prefix();
        let labels = json!({format!("{prefix}/stack-namespace"): "shop", format!("{prefix}/stack-name"): "orders"});
        let binding = json!({
            "apiVersion": "elbv2.k8s.aws/v1beta1", "kind": "TargetGroupBinding",
            "metadata": {"name": "k8s-shop-orders", "labels": labels},
            "spec": {"targetGroupARN": group, "serviceRef": {"name": "orders", "port": port}},
        });
        let params = PatchParams::apply("aws-load-balancer-controller").force();
        self.bindings.patch("k8s-shop-orders", &params, &Patch::Apply(&binding)).await.unwrap();
        self.group = Some(group.clone());
        group
    }
}

/// The load balancer with a rule that carries the controller's tags, the Ingress that it is made of, and the controller.
pub async fn open(stage: &Stage) -> (Front, Playing) {
    let front = tagged(stage, Told::Ingress).await;
    stage.apply(&ingress(&short(&front))).await;
    let playing = Controller::play(stage, &front, Told::Ingress);
    (front, playing)
}

async fn tagged(stage: &Stage, told: Told) -> Front {
    stage.make_kind(TARGET_GROUP_BINDINGS).await;
    let front = Front::open(stage).await;
    let stack = format!("{}/stack", told.prefix());
    let tags = [
        ("ResourceArns.member.1", front.rule.as_str()),
        ("Tags.member.1.Key", "elbv2.k8s.aws/cluster"),
        ("Tags.member.1.Value", "blue"),
        ("Tags.member.2.Key", stack.as_str()),
        ("Tags.member.2.Value", STACK),
    ];
    outsider::elb(&stage.emulator, "AddTags", &tags, "none");
    front
}

/// An action with only the old side in it, as somebody wrote it.
fn short(front: &Front) -> String {
    format!("{{\"type\": \"forward\",  \"targetGroupARN\": \"{}\"}}", front.old)
}

fn ingress(action: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: orders
  namespace: shop
  annotations:
    alb.ingress.kubernetes.io/scheme: internal
    {ACTION}: '{action}'
spec:
  ingressClassName: alb
  rules:
    - host: orders.example.com
      http:
        paths:
          - {{path: /, pathType: Prefix, backend: {{service: {{name: orders, port: {{name: use-annotation}}}}}}}}
"
    )
}

pub async fn read(stage: &Stage) -> (Ingress, String) {
    let ingress: Ingress = stage.get(NAMESPACE, "orders").await.unwrap();
    let action = ingress.metadata.annotations.as_ref().unwrap()[ACTION].clone();
    (ingress, action)
}

pub fn long(front: &Front, old: i32, new: i32) -> String {
    format!(
        "{{\"type\": \"forward\",  \"forwardConfig\":{{\"targetGroups\":[{{\"targetGroupARN\":\"{}\",\"weight\":{old}}},\
         {{\"serviceName\":\"orders\",\"servicePort\":\"http\",\"weight\":{new}}}]}}}}",
        front.old
    )
}

pub fn managed(yaml: &str, deadline: &str) -> String {
    let backend = format!("{{applicationLoadBalancer: {{propagation: 1s}}, managerDeadline: {deadline}}}");
    yaml.replace("{applicationLoadBalancer: {propagation: 1s}}", &backend)
}

fn says<'a>(migration: &'a TrafficMigration, reason: &str) -> Option<&'a str> {
    let conditions = migration.status.as_ref().map(|s| s.common.conditions.as_slice()).unwrap_or_default();
    condition::find(conditions, condition::READY).filter(|c| c.reason == reason).map(|c| c.message.as_str())
}

/// Calls of Elastic Load Balancing that change something, but for the stand-in's.
pub fn foreign_writes(stage: &Stage, playing: &Playing) -> usize {
    let calls = stage.emulator.calls();
    calls.count("elasticloadbalancing:ModifyRule") - playing.writes.load(Ordering::Acquire)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_of_the_load_balancer_controller_moves_by_its_ingress_and_back_and_nobody_else_writes_it() {
    let stage = Stage::start(SPEED).await;
    let (front, playing) = open(&stage).await;
    let (before, _) = read(&stage).await;
    stage.apply(&managed(&migration("to-eks", ECS, EKS, ""), "60s")).await;
    let there = until(&stage, "to-eks", Phase::Completed).await;
    let status = there.status.unwrap();
    let manager = status.manager.unwrap();
    assert_eq!((manager.kind.as_str(), manager.stack.as_deref()), ("LBCIngress", Some(STACK)));
    assert_eq!(status.share.as_deref(), Some("0/100"));
    assert_eq!(front.shares(&stage.emulator).into_iter().find(|s| s.1 > 0.0), Some(("new".to_owned(), 100.0, 2)));
    let (after, action) = read(&stage).await;
    assert_eq!(action, long(&front, 0, 100));
    assert_eq!((&after.spec, &after.metadata.labels), (&before.spec, &before.metadata.labels));
    let others = |i: &Ingress| {
        let mut annotations = i.metadata.annotations.clone().unwrap();
        annotations.remove(ACTION);
        annotations
    };
    assert_eq!(others(&after), others(&before));

    stage.apply(&managed(&migration("to-ecs", EKS, ECS, ""), "60s")).await;
    until(&stage, "to-ecs", Phase::Completed).await;
    assert_eq!(front.shares(&stage.emulator).into_iter().find(|s| s.1 > 0.0), Some(("old".to_owned(), 100.0, 2)));
    assert_eq!(read(&stage).await.1, long(&front, 100, 0));
    // One target group was made by hand, one by the controller; Landbridge made none, and registered nobody.
    let calls = stage.emulator.calls();
    assert_eq!(calls.count("elasticloadbalancing:CreateTargetGroup"), 2);
    assert_eq!(calls.count("elasticloadbalancing:RegisterTargets"), 1);
    assert_eq!(foreign_writes(&stage, &playing), 0);
    playing.task.abort();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_is_away_is_told_of_and_not_written_past_when_it_aborts_or_a_gate_fails() {
    let stage = Stage::start(SPEED).await;
    let (front, playing) = open(&stage).await;
    let half = |name: &str| {
        let yaml = migration(name, ECS, EKS, "").replace("{weight: 50, bake: 0s}", "{weight: 50, bake: 1h}");
        managed(&yaml, "2s")
    };
    let is_half = async || front.shares(&stage.emulator).iter().any(|s| s.0 == "new" && s.1 > 49.0);
    let silent = |m: &TrafficMigration| says(m, reason::MANAGER_SILENT).is_some();

    stage.apply(&half("asked")).await;
    stage.eventually("half of the traffic is there", is_half).await;
    until(&stage, "asked", Phase::Baking).await;
    playing.away.store(true, Ordering::Release);
    let writes = stage.emulator.calls().count("elasticloadbalancing:ModifyRule");
    command(&stage, "asked", "abort").await;
    let told = stage.until::<TrafficMigration>(NAMESPACE, "asked", "told of the silence", silent).await;
    let message = says(&told, reason::MANAGER_SILENT).unwrap();
    assert!(message.contains("AWS Load Balancer Controller has not carried out"), "{message}");
    assert!(message.contains("Ingress shop/orders") && message.contains("k8s-shop-orders=50"), "{message}");
    assert_eq!(told.status.as_ref().and_then(|s| s.phase), Some(Phase::RollingBack));
    // The annotation is back, and the rule is as it was: nobody bypassed.
    assert_eq!(read(&stage).await.1, long(&front, 1, 0));
    assert_eq!(stage.emulator.calls().count("elasticloadbalancing:ModifyRule"), writes);
    playing.away.store(false, Ordering::Release);
    until(&stage, "asked", Phase::RolledBack).await;
    assert_eq!(front.shares(&stage.emulator).into_iter().find(|s| s.1 > 0.0).map(|s| s.0), Some("old".to_owned()));

    // The pods fall ill while the controller is away: it is the same way back.
    stage.apply(&half("ill")).await;
    stage.eventually("half of the traffic is there", is_half).await;
    until(&stage, "ill", Phase::Baking).await;
    playing.away.store(true, Ordering::Release);
    let writes = stage.emulator.calls().count("elasticloadbalancing:ModifyRule");
    stage.emulator.script_target(TargetScript::new("10.20.0.*", TargetFate::Failed));
    let told = stage.until::<TrafficMigration>(NAMESPACE, "ill", "told of the silence", silent).await;
    let status = told.status.unwrap();
    assert!(status.abort_reason.unwrap().contains("gate targets failed"));
    assert_eq!(stage.emulator.calls().count("elasticloadbalancing:ModifyRule"), writes);
    playing.away.store(false, Ordering::Release);
    until(&stage, "ill", Phase::RolledBack).await;
    assert_eq!(foreign_writes(&stage, &playing), 0);
    playing.task.abort();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingress_that_somebody_else_edits_is_left_alone_and_one_that_cannot_be_read_is_refused() {
    let stage = Stage::start(SPEED).await;
    let (front, playing) = open(&stage).await;
    stage.apply(&ingress("{\"type\": \"forward\", ")).await;
    playing.away.store(true, Ordering::Release);
    let yaml = migration("first", ECS, EKS, "").replace("{weight: 10, bake: 0s}", "{weight: 10, bake: 1h}");
    stage.apply(&managed(&yaml, "60s")).await;
    let refused = |m: &TrafficMigration| says(m, reason::PREFLIGHT).is_some_and(|said| said.contains("it is not JSON"));
    let refused = stage.until::<TrafficMigration>(NAMESPACE, "first", "refused", refused).await;
    let message = says(&refused, reason::PREFLIGHT).unwrap();
    assert!(
        message.contains("annotation alb.ingress.kubernetes.io/actions.orders of Ingress shop/orders"),
        "{message}"
    );
    stage.apply(&ingress(&short(&front))).await;
    playing.away.store(false, Ordering::Release);
    until(&stage, "first", Phase::Baking).await;
    stage.eventually("a tenth is there", async || read(&stage).await.1 == long(&front, 90, 10)).await;

    stage.apply(&ingress(&long(&front, 33, 66))).await;
    let conflicted = until(&stage, "first", Phase::Conflicted).await;
    let message = conflicted.status.unwrap().conflict.unwrap().message;
    assert!(message.contains("Ingress shop/orders has weights orders-ecs=33 orders=66"), "{message}");
    assert_eq!(read(&stage).await.1, long(&front, 33, 66));
    command(&stage, "first", "abort").await;
    until(&stage, "first", Phase::RolledBack).await;
    assert_eq!(foreign_writes(&stage, &playing), 0);
    playing.task.abort();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_of_the_controllers_gateway_moves_by_its_route_and_an_abort_goes_the_same_way() {
    let stage = Stage::start(SPEED).await;
    stage.make_kind(HTTP_ROUTES).await;
    let front = tagged(&stage, Told::Route).await;
    let route = "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: orders, namespace: shop}
spec:
  parentRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: orders}]
  rules:
    - matches: [{path: {type: PathPrefix, value: /}}]
      backendRefs: [{group: '', kind: TargetGroupName, name: orders-ecs, weight: 1}]
";
    stage.apply(route).await;
    let playing = Controller::play(&stage, &front, Told::Route);
    let yaml = migration("slow", ECS, EKS, "").replace("{weight: 50, bake: 0s}", "{weight: 50, bake: 1h}");
    stage.apply(&managed(&yaml, "60s")).await;
    let is_half = async || front.shares(&stage.emulator).iter().any(|s| s.0 == "new" && s.1 > 49.0);
    stage.eventually("half of the traffic is there", is_half).await;
    let baking = until(&stage, "slow", Phase::Baking).await;
    assert_eq!(baking.status.unwrap().manager.map(|m| m.kind).as_deref(), Some("LBCGateway"));
    let refs = |old: i32, new: i32| {
        json!([
            {"group": "", "kind": "TargetGroupName", "name": "orders-ecs", "weight": old},
            {"group": "", "kind": "Service", "name": "orders", "port": 80, "weight": new},
        ])
    };
    assert_eq!(stage.rules("orders").await[0]["backendRefs"], refs(50, 50));
    command(&stage, "slow", "abort").await;
    until(&stage, "slow", Phase::RolledBack).await;
    assert_eq!(stage.rules("orders").await[0]["backendRefs"], refs(1, 0));
    assert_eq!(stage.rules("orders").await[0]["matches"], json!([{"path": {"type": "PathPrefix", "value": "/"}}]));
    assert_eq!(front.shares(&stage.emulator).into_iter().find(|s| s.1 > 0.0).map(|s| s.0), Some("old".to_owned()));
    assert_eq!(foreign_writes(&stage, &playing), 0);
    playing.task.abort();
    stage.end().await;
}
