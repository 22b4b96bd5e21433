//! external-dns's own AWS provider, plan and TXT registry (v0.22.0) on the zones that Landbridge writes: each leaves the other's
//! records alone, and a migration of a name that is external-dns's is refused with its owner.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use landbridge_api::condition::{self, reason};
use landbridge_api::v1alpha1::{CloudMapExport, EcsService, MigrationPhase as Phase, TrafficMigration};
use landbridge_emulator::{Emulator, Server};
use landbridge_tests::bridge::{EXPORT, SERVICE};
use landbridge_tests::shop::{NAMESPACE, PLATFORM, is_ready, reason as reason_of};
use landbridge_tests::{Stage, bridge, outsider};
use serde_json::{Value, json};

use crate::programs::{aws, find, serve};

const HOST: &str = "orders.example.com";

/// External-dns with an owner id of its own.
struct ExternalDns {
    program: PathBuf,
    aws: Server,
}

impl ExternalDns {
    async fn beside(stage: &Stage, program: PathBuf) -> Self {
        Self { program, aws: serve(stage).await }
    }

    /// One cycle of its loop, which must go well. Gives what it saw and did.
    async fn cycle(&self, domain: &str, wanted: &Value) -> Value {
        self.attempt(domain, wanted).await.unwrap_or_else(|said| panic!("external-dns failed:\n{said}"))
    }

    /// One cycle of its loop, with the policy that also deletes: what it saw and did, or what it said when it failed.
    async fn attempt(&self, domain: &str, wanted: &Value) -> Result<Value, String> {
        let (program, domain, wanted) = (self.program.clone(), domain.to_owned(), wanted.to_string());
        let environment = aws(&self.aws);
        // The emulator answers it from this process.
        tokio::task::spawn_blocking(move || run(&program, &domain, &wanted, &environment)).await.unwrap()
    }
}

fn run(program: &Path, domain: &str, wanted: &str, environment: &[(&str, String)]) -> Result<Value, String> {
    let mut command = Command::new(program);
    command.args(["-owner", "blue", "-policy", "sync", "-domain", domain]).env_clear();
    command.envs(environment.iter().map(|(k, v)| (k, v))).env("HOME", "/nonexistent");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(wanted.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&output.stdout).unwrap())
}

/// What it did: created, updated, deleted.
fn done(outcome: &Value) -> [Vec<&str>; 3] {
    let names = |key: &str| outcome[key].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    [names("created"), names("updated"), names("deleted")]
}

fn owner_seen<'a>(outcome: &'a Value, name: &str) -> Option<&'a str> {
    outcome["seen"].as_array()?.iter().find(|r| r["name"] == name)?["owner"].as_str()
}

/// The record sets of a name, and of what external-dns would note beside it, as the zone holds them.
fn sets(aws: &Emulator, part: &str) -> Vec<Value> {
    let state = aws.state();
    let zones = state["route53"]["hostedZones"].as_array().cloned().unwrap_or_default();
    let sets = zones.into_iter().flat_map(|zone| zone["ResourceRecordSets"].as_array().cloned().unwrap_or_default());
    sets.filter(|s| s["Name"].as_str().is_some_and(|n| n.contains(part))).collect()
}

/// A hosted zone, and a load balancer with a healthy target group for each side.
struct Scene {
    zone: String,
    canonical: String,
    /// Names and target groups of `front` and `pods`.
    names: [String; 2],
    groups: [String; 2],
}

impl Scene {
    async fn set(stage: &Stage) -> Self {
        let aws = &stage.emulator;
        let zone = "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>example.com</Name>\
                    <CallerReference>1</CallerReference></CreateHostedZoneRequest>";
        let answer = outsider::route53(aws, "hostedzone", zone);
        let zone = answer.split("/hostedzone/").nth(1).unwrap().split('<').next().unwrap().to_owned();
        let groups = ["front", "pods"].map(|name| front(aws, name));
        let of =
            |name: &str, what: &str| outsider::elb(aws, "DescribeLoadBalancers", &[("Names.member.1", name)], what);
        let names = ["front", "pods"].map(|name| of(name, "DNSName").to_lowercase());
        let scene = Self { zone, canonical: of("front", "CanonicalHostedZoneId"), names, groups };
        stage.apply(PLATFORM).await;
        stage.apply(&SERVICES.replace("GROUP", &scene.groups[0])).await;
        stage.until::<EcsService>(NAMESPACE, "orders", "ready", is_ready).await;
        let targets = [("TargetGroupArn", scene.groups[1].as_str()), ("Targets.member.1.Id", "10.20.0.1")];
        outsider::elb(aws, "RegisterTargets", &targets, "none");
        scene
    }

    /// A simple alias to the first load balancer, made by hand.
    fn point(&self, aws: &Emulator, name: &str) {
        let record = format!(
            "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes>\
             <Change><Action>CREATE</Action><ResourceRecordSet><Name>{name}</Name><Type>A</Type><AliasTarget>\
             <HostedZoneId>{}</HostedZoneId><DNSName>{}</DNSName><EvaluateTargetHealth>true</EvaluateTargetHealth>\
             </AliasTarget></ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>",
            self.canonical, self.names[0]
        );
        outsider::route53(aws, &format!("hostedzone/{}/rrset", self.zone), &record);
    }

    /// A migration of a name that stops half-way for a day.
    fn migration(&self, object: &str, name: &str) -> String {
        let Self { zone, canonical, names, groups } = self;
        format!(
            "apiVersion: landbridge.dev/v1alpha1
kind: TrafficMigration
metadata: {{name: {object}, namespace: shop}}
spec:
  from: {{ecsServiceRef: {{name: orders}}}}
  to:
    kubernetesService: {{name: orders}}
    targetGroupArn: '{}'
    record: {{aliasTarget: {{hostedZoneId: {canonical}, dnsName: '{}'}}}}
  backend: {{route53: {{hostedZoneId: {zone}, name: {name}, propagation: 1s}}}}
  gates: {{interval: 1s, minReady: 0s}}
  steps: [{{weight: 50, bake: 24h}}, {{weight: 100, bake: 0s}}]
",
            groups[1], names[1]
        )
    }
}

/// A load balancer with a listener that forwards to a target group of its own.
fn front(aws: &Emulator, name: &str) -> String {
    let subnets = [("Name", name), ("Subnets.member.1", "subnet-a"), ("Subnets.member.2", "subnet-b")];
    let balancer = outsider::elb(aws, "CreateLoadBalancer", &subnets, "LoadBalancerArn");
    let group = [("Name", name), ("Protocol", "HTTP"), ("Port", "8080"), ("VpcId", "vpc-1"), ("TargetType", "ip")];
    let group = outsider::elb(aws, "CreateTargetGroup", &group, "TargetGroupArn");
    let listener = [
        ("LoadBalancerArn", balancer.as_str()),
        ("Protocol", "HTTP"),
        ("Port", "80"),
        ("DefaultActions.member.1.Type", "forward"),
        ("DefaultActions.member.1.TargetGroupArn", group.as_str()),
    ];
    outsider::elb(aws, "CreateListener", &listener, "ListenerArn");
    group
}

const SERVICES: &str = "
apiVersion: landbridge.dev/v1alpha1
kind: ECSService
metadata: {name: orders, namespace: shop}
spec:
  clusterRef: {name: prod}
  desiredCount: 1
  loadBalancers: [{targetGroupArn: 'GROUP', containerName: orders, containerPort: 8080}]
  taskDefinition:
    cpu: 256
    memory: 512
    containerDefinitions: [{name: orders, image: 'httpd:2.4', portMappings: [{containerPort: 8080}]}]
---
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
endpoints: [{addresses: [10.20.0.1], zone: us-east-1a, conditions: {ready: true}}]
";

fn phase(migration: &TrafficMigration) -> Option<Phase> {
    migration.status.as_ref().and_then(|s| s.phase)
}

fn message(migration: &TrafficMigration) -> &str {
    let conditions = migration.status.as_ref().map(|s| s.common.conditions.as_slice()).unwrap_or_default();
    condition::find(conditions, condition::READY).map_or("", |c| c.message.as_str())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "builds external-dns from its Go modules"]
async fn external_dns_leaves_the_weighted_records_of_a_migration_alone_and_the_migration_leaves_its_records_alone() {
    let program = find("external-dns");
    let stage = Stage::start(60.0).await;
    let scene = Scene::set(&stage).await;
    let dns = ExternalDns::beside(&stage, program).await;
    scene.point(&stage.emulator, HOST);
    let theirs = json!([{"name": "blog.example.com", "type": "A", "ttl": 60, "targets": ["192.0.2.1"]}]);
    let first = dns.cycle("example.com", &theirs).await;
    assert_eq!(done(&first), [vec!["blog.example.com A"], vec![], vec![]]);
    assert_eq!(owner_seen(&first, HOST), Some(""), "it sees the name, and that it is not its own");

    stage.apply(&scene.migration("half", HOST)).await;
    let half = |m: &TrafficMigration| m.status.as_ref().is_some_and(|s| s.share.as_deref() == Some("50/50"));
    stage.until(NAMESPACE, "half", "half-way", half).await;
    let ours = sets(&stage.emulator, "orders.");
    assert_eq!(ours.len(), 2, "{ours:?}");
    let blog = sets(&stage.emulator, "blog.");
    assert_eq!(blog.len(), 2, "its record and its note: {blog:?}");

    for wanted in [&theirs, &theirs] {
        let cycle = dns.cycle("example.com", wanted).await;
        assert_eq!(done(&cycle), [const { Vec::<&str>::new() }; 3], "{cycle}");
    }
    // Somebody asks it for the same name. To it a simple record is another than weighted ones, so it tries to make one, and
    // Route 53 refuses the two beside each other. With the same set identifiers it sees that they are not its own.
    let asks = |extra: Vec<Value>| {
        let mut all = theirs.as_array().unwrap().clone();
        all.extend(extra);
        json!(all)
    };
    let simple = json!({"name": HOST, "type": "CNAME", "ttl": 60, "targets": [scene.names[0]]});
    let said = dns.attempt("example.com", &asks(vec![simple.clone()])).await.unwrap_err();
    assert!(said.contains("InvalidChangeBatch"), "{said}");
    assert_eq!(sets(&stage.emulator, "orders."), ours);
    let same = ours.iter().map(|set| {
        let mut one = json!({"name": HOST, "type": "A", "ttl": 60, "targets": ["192.0.2.9"], "weight": "1"});
        one["setIdentifier"] = set["SetIdentifier"].clone();
        one
    });
    let cycle = dns.cycle("example.com", &asks(same.collect())).await;
    assert_eq!(done(&cycle), [const { Vec::<&str>::new() }; 3], "{cycle}");
    dns.cycle("example.com", &theirs).await;
    assert_eq!(sets(&stage.emulator, "orders."), ours, "nor does it take anything away afterwards");
    // The migration looks at its records, finds nothing amiss and goes on.
    let bakes = |m: &TrafficMigration| phase(m) == Some(Phase::Baking);
    stage.until(NAMESPACE, "half", "in its bake", bakes).await;
    assert_eq!(sets(&stage.emulator, "orders."), ours);
    stage.delete(kube::Api::<TrafficMigration>::namespaced(stage.client.clone(), NAMESPACE), "half").await;
    let gone = async || stage.get::<TrafficMigration>(NAMESPACE, "half").await.is_none();
    stage.eventually("the migration goes back and goes", gone).await;
    assert_eq!(sets(&stage.emulator, "blog."), blog, "the migration came and went beside it");
    // What is its own it still changes and deletes.
    let last = dns.cycle("example.com", &json!([])).await;
    assert_eq!(done(&last), [vec![], vec![], vec!["blog.example.com A"]]);
    assert_eq!(sets(&stage.emulator, "blog."), [] as [Value; 0]);
    assert_eq!(sets(&stage.emulator, "orders.").len(), 1);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "builds external-dns from its Go modules"]
async fn a_migration_of_a_name_of_external_dns_is_refused_with_its_owner_for_aliases_and_weighted_records() {
    let program = find("external-dns");
    let stage = Stage::start(60.0).await;
    let scene = Scene::set(&stage).await;
    let dns = ExternalDns::beside(&stage, program).await;
    let balancer = &scene.names[0];
    let weighted = |id: &str, weight: &str| {
        json!({"name": "weighted.example.com", "type": "CNAME", "ttl": 60, "targets": [balancer], "setIdentifier": id,
               "weight": weight})
    };
    let wanted = json!([
        {"name": "alias.example.com", "type": "CNAME", "ttl": 60, "targets": [balancer]},
        {"name": "plain.example.com", "type": "A", "ttl": 60, "targets": ["192.0.2.1"]},
        weighted("ecs", "90"), weighted("eks", "10"),
    ]);
    let first = dns.cycle("example.com", &wanted).await;
    assert!(done(&first)[0].len() >= 4, "{first}");
    let second = dns.cycle("example.com", &wanted).await;
    assert_eq!(done(&second), [const { Vec::<&str>::new() }; 3], "it reads what it wrote: {second}");
    let before = sets(&stage.emulator, "example.com");
    for name in ["alias", "plain", "weighted"] {
        stage.apply(&scene.migration(name, &format!("{name}.example.com"))).await;
        let refused = |m: &TrafficMigration| reason_of(m, condition::READY) == Some(("False", reason::PREFLIGHT));
        let migration = stage.until(NAMESPACE, name, "refused", refused).await;
        let said = message(&migration);
        assert!(said.contains("external-dns with owner id blue"), "{name}: {said}");
    }
    assert_eq!(sets(&stage.emulator, "example.com"), before, "nothing was written");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "builds external-dns from its Go modules"]
async fn external_dns_leaves_the_zone_of_a_cloud_map_namespace_alone() {
    let program = find("external-dns");
    let stage = Stage::start(30.0).await;
    for yaml in [bridge::PLATFORM, SERVICE] {
        stage.apply(yaml).await;
    }
    stage.endpoints(&[("10.0.0.1", true)]).await;
    stage.apply(EXPORT).await;
    stage.until("shop", "orders", "ready", is_ready::<CloudMapExport>).await;
    let dns = ExternalDns::beside(&stage, program).await;
    let before = sets(&stage.emulator, "shop.internal");
    assert!(before.iter().any(|s| s["Name"] == "orders.shop.internal."), "{before:?}");
    let cycle = dns.cycle("shop.internal", &json!([])).await;
    assert_eq!(owner_seen(&cycle, "orders.shop.internal"), Some(""));
    assert_eq!(done(&cycle), [const { Vec::<&str>::new() }; 3], "{cycle}");
    // Asked for the name, it tries, and only Cloud Map may write there.
    let wanted = json!([{"name": "orders.shop.internal", "type": "A", "ttl": 60, "targets": ["192.0.2.1"]}]);
    let said = dns.attempt("shop.internal", &wanted).await.unwrap_err();
    assert!(said.contains("can only be managed through AWS Cloud Map"), "{said}");
    assert_eq!(sets(&stage.emulator, "shop.internal"), before);
    stage.end().await;
}
