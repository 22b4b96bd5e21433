//! Traffic moves from ECS tasks to pods and back, on a real API server and an emulated load balancer, while somebody watches
//! every moment whether each request would find a healthy target.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use landbridge_api::condition::{self, reason};
use landbridge_api::names::annotation;
use landbridge_api::v1alpha1::{MigrationPhase as Phase, TrafficMigration};
use landbridge_emulator::Emulator;
use landbridge_tests::shop::{NAMESPACE, PLATFORM, is_ready};
use landbridge_tests::{Stage, outsider};
use serde_json::json;

use crate::call_counts::all_current;

pub const SPEED: f64 = 300.0;
pub const HOST: &str = "orders.example.com";

/// A load balancer with a rule that forwards to the target group of ECS service `orders`.
pub struct Front {
    pub listener: String,
    pub rule: String,
    pub old: String,
}

impl Front {
    /// Its parts, made by hand as a team would have them before.
    pub async fn open(stage: &Stage) -> Self {
        Self::before(stage, PODS).await
    }

    /// The same, with those pods and their Service.
    pub async fn before(stage: &Stage, pods: &str) -> Self {
        let aws = &stage.emulator;
        let subnets = [("Name", "front"), ("Subnets.member.1", "subnet-a"), ("Subnets.member.2", "subnet-b")];
        let balancer = outsider::elb(aws, "CreateLoadBalancer", &subnets, "LoadBalancerArn");
        let group = [
            ("Name", "orders-ecs"),
            ("Protocol", "HTTP"),
            ("Port", "8080"),
            ("VpcId", "vpc-1"),
            ("TargetType", "ip"),
            ("HealthCheckIntervalSeconds", "5"),
            ("HealthCheckTimeoutSeconds", "2"),
            ("HealthyThresholdCount", "2"),
        ];
        let old = outsider::elb(aws, "CreateTargetGroup", &group, "TargetGroupArn");
        drains_in_a_second(aws, &old);
        let listener = [
            ("LoadBalancerArn", balancer.as_str()),
            ("Protocol", "HTTP"),
            ("Port", "80"),
            ("DefaultActions.member.1.Type", "fixed-response"),
            ("DefaultActions.member.1.FixedResponseConfig.StatusCode", "404"),
        ];
        let listener = outsider::elb(aws, "CreateListener", &listener, "ListenerArn");
        let rule = [
            ("ListenerArn", listener.as_str()),
            ("Priority", "1"),
            ("Conditions.member.1.Field", "host-header"),
            ("Conditions.member.1.Values.member.1", HOST),
            ("Actions.member.1.Type", "forward"),
            ("Actions.member.1.TargetGroupArn", old.as_str()),
        ];
        let rule = outsider::elb(aws, "CreateRule", &rule, "RuleArn");
        let front = Self { listener, rule, old };
        stage.apply(PLATFORM).await;
        stage.apply(&service("orders", "prod", &front.old)).await;
        stage.until::<landbridge_api::v1alpha1::EcsService>(NAMESPACE, "orders", "ready", is_ready).await;
        // The platform's namespace too, which AWS makes in its own time: its calls are not a migration's.
        all_current(stage).await;
        stage.apply(pods).await;
        front
    }

    /// The Service and its pods again.
    pub async fn pods(stage: &Stage) {
        stage.apply(PODS).await;
    }

    /// Percent of the requests that each target group gets, by the last part of its name.
    pub fn shares(&self, aws: &Emulator) -> Vec<(String, f64, usize)> {
        let shares = aws.shares(&self.listener, HOST, "/").unwrap_or_default();
        let name = |arn: &str| if arn == self.old { "old" } else { "new" }.to_owned();
        shares.into_iter().map(|s| (name(&s.target_group), s.percent, s.healthy)).collect()
    }
}

/// An ECSService of that name in that cluster, with two tasks behind that target group.
pub fn service(name: &str, cluster: &str, group: &str) -> String {
    format!(
        "apiVersion: landbridge.dev/v1alpha1
kind: ECSService
metadata: {{name: {name}, namespace: shop}}
spec:
  clusterRef: {{name: {cluster}}}
  desiredCount: 2
  loadBalancers: [{{targetGroupArn: '{group}', containerName: orders, containerPort: 8080}}]
  taskDefinition:
    cpu: 512
    memory: 1024
    containerDefinitions:
      - {{name: orders, image: 'public.ecr.aws/docker/library/httpd:2.4', portMappings: [{{containerPort: 8080}}]}}
"
    )
}

/// The operator's clock is real, so what drains for five minutes would drain for five minutes.
pub fn drains_in_a_second(aws: &Emulator, group: &str) {
    let attributes = [
        ("TargetGroupArn", group),
        ("Attributes.member.1.Key", "deregistration_delay.timeout_seconds"),
        ("Attributes.member.1.Value", "1"),
    ];
    outsider::elb(aws, "ModifyTargetGroupAttributes", &attributes, "none");
}

/// A Service whose pods are written by hand: no kubelet runs here.
pub const PODS: &str = "
apiVersion: v1
kind: Service
metadata: {name: orders, namespace: shop}
spec: {ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: orders-1, namespace: shop, labels: {kubernetes.io/service-name: orders}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP}]
endpoints:
  - {addresses: [10.20.0.1], zone: us-east-1a, conditions: {ready: true}}
  - {addresses: [10.20.0.2], zone: us-east-1b, conditions: {ready: true}}
  - {addresses: [10.20.0.3], zone: us-east-1b, conditions: {ready: false}}
";

/// A migration whose times are as short as they can be.
pub fn migration(name: &str, from: &str, to: &str, rest: &str) -> String {
    format!(
        "apiVersion: landbridge.dev/v1alpha1
kind: TrafficMigration
metadata: {{name: {name}, namespace: shop}}
spec:
  from: {{{from}}}
  to: {{{to}}}
  backend: {{applicationLoadBalancer: {{propagation: 1s}}}}
  gates: {{interval: 1s, minReady: 0s}}
  abort: {{afterFailures: 2}}
  steps: [{{weight: 1, bake: 0s}}, {{weight: 10, bake: 0s}}, {{weight: 50, bake: 0s}}, {{weight: 100, bake: 0s}}]
  finalise: {{soak: 0s}}
{rest}"
    )
}

pub const ECS: &str = "ecsServiceRef: {name: orders}";
pub const EKS: &str = "kubernetesService: {name: orders}";

pub async fn until(stage: &Stage, name: &str, phase: Phase) -> TrafficMigration {
    let is = |m: &TrafficMigration| m.status.as_ref().and_then(|s| s.phase) == Some(phase);
    stage.until(NAMESPACE, name, &format!("{phase:?}"), is).await
}

pub async fn command(stage: &Stage, name: &str, verb: &str) {
    let patch = json!({"metadata": {"annotations": {annotation::MIGRATE: verb}}});
    stage.merge::<TrafficMigration>(name, patch).await;
}

/// Somebody who looks at the load balancer all the time, as callers do.
pub struct Watch {
    stop: Arc<AtomicBool>,
    looks: Arc<AtomicUsize>,
    thread: std::thread::JoinHandle<Vec<String>>,
}

impl Watch {
    pub fn begin(stage: &Stage, front: &Front) -> Self {
        let (stop, looks) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (ends, counts, aws, listener) =
            (stop.clone(), looks.clone(), stage.emulator.clone(), front.listener.clone());
        let thread = std::thread::spawn(move || {
            let mut failed = Vec::new();
            while !ends.load(Ordering::Relaxed) {
                let shares = aws.shares(&listener, HOST, "/").unwrap_or_default();
                let whole: f64 = shares.iter().map(|s| s.percent).sum();
                let dead = shares.iter().any(|s| s.percent > 0.0 && s.healthy == 0);
                if dead || (whole - 100.0).abs() > 0.01 {
                    failed.push(format!("{shares:?}"));
                }
                counts.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            failed
        });
        Self { stop, looks, thread }
    }

    /// Fails if a request could have failed.
    pub fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        let failed = self.thread.join().unwrap();
        assert!(self.looks.load(Ordering::Relaxed) > 100);
        assert_eq!(failed, [] as [String; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_moves_from_tasks_to_pods_and_back_and_every_request_finds_a_healthy_target() {
    let stage = Stage::start(SPEED).await;
    let front = Front::open(&stage).await;
    let watch = Watch::begin(&stage, &front);

    stage.apply(&migration("to-eks", ECS, EKS, "")).await;
    let there = until(&stage, "to-eks", Phase::Completed).await;
    assert_eq!(there.status.unwrap().share.as_deref(), Some("0/100"));
    // Two pods are ready; the third is not and gets nothing.
    assert_eq!(front.shares(&stage.emulator), [("new".to_owned(), 100.0, 2)]);
    let calls = stage.emulator.calls();
    // One made by hand, and one for the pods.
    assert_eq!(calls.count("elasticloadbalancing:CreateTargetGroup"), 2);
    assert_eq!(calls.count("elasticloadbalancing:RegisterTargets"), 1);
    // Weight 0, four steps, and without the old side: one write each.
    assert_eq!(calls.count("elasticloadbalancing:ModifyRule"), 6);

    stage.apply(&migration("to-ecs", EKS, ECS, "")).await;
    until(&stage, "to-ecs", Phase::Completed).await;
    assert_eq!(front.shares(&stage.emulator), [("old".to_owned(), 100.0, 2)]);
    assert_eq!(stage.emulator.calls().count("elasticloadbalancing:CreateTargetGroup"), 2);
    watch.end();

    // What was made goes with the objects, and what was there before stays.
    for name in ["to-ecs", "to-eks"] {
        stage.delete(kube::Api::<TrafficMigration>::namespaced(stage.client.clone(), NAMESPACE), name).await;
    }
    stage
        .eventually("the migrations are gone", async || {
            stage.get::<TrafficMigration>(NAMESPACE, "to-eks").await.is_none()
                && stage.get::<TrafficMigration>(NAMESPACE, "to-ecs").await.is_none()
        })
        .await;
    assert_eq!(stage.emulator.calls().count("elasticloadbalancing:DeleteTargetGroup"), 1);
    assert_eq!(front.shares(&stage.emulator), [("old".to_owned(), 100.0, 2)]);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_and_pods_that_fall_ill_give_the_traffic_back_with_one_write() {
    let stage = Stage::start(SPEED).await;
    let front = Front::open(&stage).await;
    let slow = "";
    let yaml = migration("slow", ECS, EKS, slow).replace("{weight: 50, bake: 0s}", "{weight: 50, bake: 1h}");
    stage.apply(&yaml).await;
    until(&stage, "slow", Phase::Baking).await;
    stage.eventually("half of the traffic is there", async || front.shares(&stage.emulator)[0].1 < 51.0).await;
    let writes = || stage.emulator.calls().count("elasticloadbalancing:ModifyRule");
    let before = writes();
    command(&stage, "slow", "abort").await;
    until(&stage, "slow", Phase::RolledBack).await;
    assert_eq!(writes(), before + 1);
    assert_eq!(front.shares(&stage.emulator)[0].0, "old");

    let yaml = yaml.replace("name: slow", "name: ill");
    stage.apply(&yaml).await;
    until(&stage, "ill", Phase::Baking).await;
    stage.eventually("half of the traffic is there", async || front.shares(&stage.emulator)[0].1 < 51.0).await;
    let before = writes();
    // Every pod goes: nothing of the new side is left.
    stage.apply(&PODS.replace("ready: true", "ready: false").replace("10.20.0.", "10.20.1.")).await;
    let back = until(&stage, "ill", Phase::RolledBack).await;
    assert_eq!(writes(), before + 1);
    let why = back.status.as_ref().unwrap().abort_reason.clone().unwrap();
    assert!(why.contains("gate targets failed"), "{why}");
    let ready = condition::find(&back.status.unwrap().common.conditions, condition::READY).unwrap().clone();
    assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("False", reason::ROLLED_BACK));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_group_that_somebody_deleted_is_made_again_and_a_mistaken_migration_takes_none_with_it() {
    let stage = Stage::start(SPEED).await;
    let front = Front::open(&stage).await;
    let yaml = migration("first", ECS, EKS, "").replace("{weight: 50, bake: 0s}", "{weight: 50, bake: 1h}");
    stage.apply(&yaml).await;
    until(&stage, "first", Phase::Baking).await;
    command(&stage, "first", "abort").await;
    let first = until(&stage, "first", Phase::RolledBack).await;
    let made = first.status.unwrap().target_groups.unwrap().to.unwrap();

    stage.apply(&migration("mistaken", ECS, EKS, "").replace("{propagation: 1s}", "{listenerRuleArns: [nope]}")).await;
    let refused = |m: &TrafficMigration| {
        let conditions = m.status.as_ref().map(|s| s.common.conditions.as_slice()).unwrap_or_default();
        condition::find(conditions, condition::READY).is_some_and(|c| c.reason == reason::PREFLIGHT)
    };
    stage.until::<TrafficMigration>(NAMESPACE, "mistaken", "refused", refused).await;
    stage.delete(kube::Api::<TrafficMigration>::namespaced(stage.client.clone(), NAMESPACE), "mistaken").await;
    let gone = async || stage.get::<TrafficMigration>(NAMESPACE, "mistaken").await.is_none();
    stage.eventually("the mistaken migration is gone", gone).await;
    assert_eq!(stage.emulator.calls().count("elasticloadbalancing:DeleteTargetGroup"), 0, "the first one has it");

    outsider::elb(&stage.emulator, "DeleteTargetGroup", &[("TargetGroupArn", &made)], "none");
    stage.apply(&migration("again", ECS, EKS, "")).await;
    let again = until(&stage, "again", Phase::Completed).await;
    assert_ne!(again.status.unwrap().target_groups.unwrap().to.unwrap(), made);
    assert_eq!(front.shares(&stage.emulator), [("new".to_owned(), 100.0, 2)]);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_weights_are_left_alone_and_told_and_a_second_migration_is_refused() {
    let stage = Stage::start(SPEED).await;
    let front = Front::open(&stage).await;
    let yaml = migration("first", ECS, EKS, "").replace("{weight: 10, bake: 0s}", "{weight: 10, bake: 1h}");
    stage.apply(&yaml).await;
    until(&stage, "first", Phase::Baking).await;
    stage.eventually("a tenth is there", async || front.shares(&stage.emulator)[0].1 < 91.0).await;
    stage.apply(&migration("second", ECS, EKS, "")).await;
    let refused = |m: &TrafficMigration| {
        let conditions = m.status.as_ref().map(|s| s.common.conditions.as_slice()).unwrap_or_default();
        let ready = condition::find(conditions, condition::READY);
        ready.is_some_and(|c| {
            c.reason == reason::PREFLIGHT && c.message.contains("TrafficMigration shop/first is under way")
        })
    };
    stage.until::<TrafficMigration>(NAMESPACE, "second", "refused", refused).await;

    let before = stage.emulator.calls().count("elasticloadbalancing:ModifyRule");
    let only_old = [
        ("RuleArn", front.rule.as_str()),
        ("Actions.member.1.Type", "forward"),
        ("Actions.member.1.TargetGroupArn", front.old.as_str()),
    ];
    outsider::elb(&stage.emulator, "ModifyRule", &only_old, "none");
    let conflicted = until(&stage, "first", Phase::Conflicted).await;
    let message = conflicted.status.unwrap().conflict.unwrap().message;
    assert!(message.contains("orders-ecs=1"), "{message}");
    assert_eq!(stage.emulator.calls().count("elasticloadbalancing:ModifyRule"), before + 1);
    command(&stage, "first", "abort").await;
    until(&stage, "first", Phase::RolledBack).await;
    stage.end().await;
}

/// A load balancer of the pods' own, as the AWS Load Balancer Controller would have made it: its listener and target group,
/// with two targets.
pub fn front_of_pods(aws: &Emulator) -> (String, String) {
    let subnets = [("Name", "pods"), ("Subnets.member.1", "subnet-a"), ("Subnets.member.2", "subnet-b")];
    let balancer = outsider::elb(aws, "CreateLoadBalancer", &subnets, "LoadBalancerArn");
    let group =
        [("Name", "orders-eks"), ("Protocol", "HTTP"), ("Port", "8080"), ("VpcId", "vpc-1"), ("TargetType", "ip")];
    let group = outsider::elb(aws, "CreateTargetGroup", &group, "TargetGroupArn");
    let targets = [
        ("TargetGroupArn", group.as_str()),
        ("Targets.member.1.Id", "10.20.0.1"),
        ("Targets.member.2.Id", "10.20.0.2"),
    ];
    outsider::elb(aws, "RegisterTargets", &targets, "none");
    drains_in_a_second(aws, &group);
    let listener = [
        ("LoadBalancerArn", balancer.as_str()),
        ("Protocol", "HTTP"),
        ("Port", "80"),
        ("DefaultActions.member.1.Type", "forward"),
        ("DefaultActions.member.1.TargetGroupArn", group.as_str()),
    ];
    (outsider::elb(aws, "CreateListener", &listener, "ListenerArn"), group)
}

/// A client that resolves the name, keeps the answer for its time to live, and sends requests to where it leads.
pub fn resolving_client(
    stage: &Stage,
    listeners: [String; 2],
    stop: &Arc<AtomicBool>,
) -> std::thread::JoinHandle<[usize; 3]> {
    // Sixty seconds of the emulator's time.
    let ttl = std::time::Duration::from_secs_f64(60.0 / SPEED);
    let (aws, stop) = (stage.emulator.clone(), stop.clone());
    std::thread::spawn(move || {
        let (mut counts, mut turn) = ([0; 3], 0.0_f64);
        let mut cached = (0, std::time::Instant::now().checked_sub(ttl).unwrap());
        while !stop.load(Ordering::Relaxed) {
            if cached.1.elapsed() >= ttl {
                // An even spread over the shares, which needs no luck.
                turn = (turn + 0.618_034) % 1.0;
                let answers = aws.resolve("orders.example.com", "A");
                let new = answers.iter().filter(|a| a.values.iter().any(|v| v.contains("pods")));
                let new: f64 = new.map(|a| a.share.unwrap_or(1.0)).sum();
                cached = (usize::from(turn < new), std::time::Instant::now());
                counts[2] += usize::from(answers.is_empty());
            }
            let shares = aws.shares(&listeners[cached.0], HOST, "/").unwrap_or_default();
            let alive = shares.iter().any(|s| s.percent > 0.0 && s.healthy > 0);
            counts[if alive { cached.0 } else { 2 }] += 1;
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        counts
    })
}

/// A name that leads to the load balancer of the tasks, and may lead to that of the pods.
pub struct Name {
    pub zone: String,
    listener: String,
    group: String,
    canonical: String,
    balancers: [String; 2],
}

impl Name {
    pub async fn before(stage: &Stage) -> Self {
        let aws = &stage.emulator;
        let (listener, group) = front_of_pods(aws);
        let zone = "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>example.com\
                    </Name><CallerReference>1</CallerReference></CreateHostedZoneRequest>";
        let answer = outsider::route53(aws, "hostedzone", zone);
        let zone = answer.split("/hostedzone/").nth(1).unwrap().split('<').next().unwrap().to_owned();
        let of =
            |name: &str, field: &str| outsider::elb(aws, "DescribeLoadBalancers", &[("Names.member.1", name)], field);
        let balancers = ["front", "pods"].map(|name| of(name, "DNSName").to_lowercase());
        let canonical = of("front", "CanonicalHostedZoneId");
        let name = Self { zone, listener, group, canonical, balancers };
        name.change(stage, &[("CREATE", name.simple())]);
        stage.eventually("the name resolves", async || !stage.emulator.resolve(HOST, "A").is_empty()).await;
        name
    }

    /// The record as it was at the beginning.
    pub fn simple(&self) -> String {
        format!(
            "<AliasTarget><HostedZoneId>{}</HostedZoneId><DNSName>{}</DNSName><EvaluateTargetHealth>true\
             </EvaluateTargetHealth></AliasTarget>",
            self.canonical, self.balancers[0]
        )
    }

    /// A batch by somebody else: an action and what the set holds beside its name and type.
    pub fn change(&self, stage: &Stage, changes: &[(&str, String)]) {
        let change = |(action, set): &(&str, String)| {
            format!(
                "<Change><Action>{action}</Action><ResourceRecordSet><Name>{HOST}</Name><Type>A</Type>{set}\
                 </ResourceRecordSet></Change>"
            )
        };
        let changes: String = changes.iter().map(change).collect();
        let body = format!(
            "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch>\
             <Changes>{changes}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
        );
        outsider::route53(&stage.emulator, &format!("hostedzone/{}/rrset", self.zone), &body);
    }

    fn target(&self, balancer: usize) -> String {
        self.leading_to(&self.balancers[balancer])
    }

    /// Where the name leads when it leads to that load balancer.
    pub fn leading_to(&self, name: &str) -> String {
        let zone = &self.canonical;
        format!("record: {{aliasTarget: {{hostedZoneId: {zone}, dnsName: '{name}'}}}}")
    }

    /// The side of the tasks, and where the name leads for it.
    pub fn ecs(&self) -> String {
        format!("{ECS}, {}", self.target(0))
    }

    /// The side of the pods.
    pub fn eks(&self) -> String {
        format!("{EKS}, targetGroupArn: '{}', {}", self.group, self.target(1))
    }

    /// A migration by this name.
    pub fn migration(&self, name: &str, from: &str, to: &str) -> String {
        let backend = format!("route53: {{hostedZoneId: {}, name: {HOST}, propagation: 1s}}", self.zone);
        migration(name, from, to, "").replace("applicationLoadBalancer: {propagation: 1s}", &backend)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_moves_from_one_load_balancer_to_another_and_no_client_that_keeps_to_the_ttl_loses_a_request() {
    let stage = Stage::start(SPEED).await;
    let front = Front::open(&stage).await;
    let name = Name::before(&stage).await;
    let stop = Arc::new(AtomicBool::new(false));
    let client = resolving_client(&stage, [front.listener.clone(), name.listener.clone()], &stop);
    stage.apply(&name.migration("to-eks", ECS, &name.eks())).await;
    until(&stage, "to-eks", Phase::Completed).await;
    let answers = stage.emulator.resolve(HOST, "A");
    assert!(answers.len() == 1 && answers[0].set_identifier.is_none(), "{answers:?}");
    // The name made weighted, four steps, and simple again.
    assert_eq!(stage.emulator.calls().count("route53:ChangeResourceRecordSets"), 1 + 6);

    stage.apply(&name.migration("to-ecs", &name.eks(), &name.ecs())).await;
    until(&stage, "to-ecs", Phase::Completed).await;
    stop.store(true, Ordering::Relaxed);
    let [old, new, lost] = client.join().unwrap();
    assert!(old > 100 && new > 100, "{old} {new}");
    assert_eq!(lost, 0);
    stage.end().await;
}
