//! Traffic moves by Cloud Map, by a name in front of two services and by numbers of instances in one, while clients that
//! honour times to live look the name up and call what they find.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kube::Api;
use landbridge_api::condition::{self, reason};
use landbridge_api::v1alpha1::{CloudMapExport, EcsService, MigrationPhase as Phase, TrafficMigration};
use landbridge_emulator::Emulator;
use landbridge_tests::bridge::{PLATFORM, SERVICE};
use landbridge_tests::shop::{NAMESPACE, is_ready};
use landbridge_tests::{Stage, outsider};
use serde_json::json;

use super::migration::{ECS, EKS, migration, until};

pub const SPEED: f64 = 100.0;
pub const FRONT: &str = "orders.front.internal";
const PODS: [(&str, bool); 2] = [("10.20.0.1", true), ("10.20.0.2", true)];

/// Two more Cloud Map namespaces, one for each side.
const NAMESPACES: &str = "
apiVersion: landbridge.dev/v1alpha1
kind: CloudMapNamespace
metadata: {name: ecs.internal}
spec: {type: DNS_PRIVATE, vpc: vpc-0a1b2c3d4e5f60001, allowedNamespaces: {names: [shop]}}
---
apiVersion: landbridge.dev/v1alpha1
kind: CloudMapNamespace
metadata: {name: eks.internal}
spec: {type: DNS_PRIVATE, vpc: vpc-0a1b2c3d4e5f60001, allowedNamespaces: {names: [shop]}}
";

/// Tasks that are found in a Cloud Map namespace.
fn tasks(namespace: &str) -> String {
    format!(
        "apiVersion: landbridge.dev/v1alpha1
kind: ECSCluster
metadata: {{name: prod}}
spec:
  allowedNamespaces: {{names: [shop]}}
  serviceDefaults:
    launchType: FARGATE
    networkConfiguration: {{awsvpcConfiguration: {{subnets: [subnet-0a1b2c3d4e5f60001]}}}}
---
apiVersion: landbridge.dev/v1alpha1
kind: ECSService
metadata: {{name: orders, namespace: shop}}
spec:
  clusterRef: {{name: prod}}
  desiredCount: 2
  serviceDiscovery: {{namespaceRef: {{name: {namespace}}}}}
  taskDefinition:
    cpu: '256'
    memory: '512'
    containerDefinitions: [{{name: app, image: nginx, portMappings: [{{containerPort: 8080}}]}}]
"
    )
}

pub fn export(namespace: &str, shared: bool) -> String {
    format!(
        "apiVersion: landbridge.dev/v1alpha1
kind: CloudMapExport
metadata: {{name: orders, namespace: shop}}
spec: {{serviceRef: {{name: orders}}, namespaceRef: {{name: {namespace}}}, shared: {shared}}}
"
    )
}

/// A migration by Cloud Map whose times are short.
pub fn by_cloud_map(name: &str, from: &str, to: &str, backend: &str) -> String {
    migration(name, from, to, "")
        .replace("applicationLoadBalancer: {propagation: 1s}", &format!("cloudMap: {{{backend}, propagation: 1s}}"))
}

pub fn in_front(zone: &str) -> String {
    format!("mode: FrontName, frontName: {{hostedZoneId: {zone}, name: {FRONT}}}")
}

/// A zone of the team's own, and in it the front name, which leads to the tasks.
pub fn front_zone(aws: &Emulator) -> String {
    let zone = "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>front.internal</Name>\
                <VPC><VPCRegion>us-east-1</VPCRegion><VPCId>vpc-0a1b2c3d4e5f60001</VPCId></VPC>\
                <CallerReference>1</CallerReference>\
                <HostedZoneConfig><PrivateZone>true</PrivateZone></HostedZoneConfig></CreateHostedZoneRequest>";
    let answer = outsider::route53(aws, "hostedzone", zone);
    let zone = answer.split("/hostedzone/").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let record = format!(
        "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes>\
         <Change><Action>CREATE</Action><ResourceRecordSet><Name>{FRONT}</Name><Type>CNAME</Type><TTL>20</TTL>\
         <ResourceRecords><ResourceRecord><Value>orders.ecs.internal</Value></ResourceRecord></ResourceRecords>\
         </ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
    );
    outsider::route53(aws, &format!("hostedzone/{zone}/rrset"), &record);
    zone
}

/// What a resolver holds: values of a name, and until when.
type Cache = BTreeMap<String, (Vec<String>, Instant)>;

/// Looks a name up as a resolver does that keeps each record for its time to live. `turn` picks among weighted sets.
fn lookup(aws: &Emulator, cache: &mut Cache, name: &str, ttl: f64, turn: f64) -> Vec<String> {
    if let Some((values, until)) = cache.get(name)
        && Instant::now() < *until
    {
        return values.clone();
    }
    let answers = aws.resolve(name, "A");
    let is_one_of = answers.iter().any(|a| a.kind == "CNAME");
    let mut left = turn;
    let mut values = Vec::new();
    for answer in answers.iter().filter(|a| a.share.unwrap_or(1.0) > 0.0) {
        if !is_one_of {
            values.extend(answer.values.iter().cloned());
            continue;
        }
        if left < answer.share.unwrap_or(1.0) {
            values.clone_from(&answer.values);
            break;
        }
        left -= answer.share.unwrap_or(1.0);
    }
    cache.insert(name.to_owned(), (values.clone(), Instant::now() + Duration::from_secs_f64(ttl / SPEED)));
    values
}

/// What became of the calls.
#[derive(Debug, Default)]
struct Calls {
    tasks: usize,
    pods: usize,
    /// Those that one more lookup and try made good.
    retried: usize,
    lost: usize,
}

/// Calls the name all the time; of the addresses that it gets it takes one after the other.
fn client(stage: &Stage, name: &'static str, stop: &Arc<AtomicBool>) -> std::thread::JoinHandle<Calls> {
    let (aws, stop) = (stage.emulator.clone(), stop.clone());
    std::thread::spawn(move || {
        let (mut calls, mut cache, mut turn, mut next) = (Calls::default(), Cache::new(), 0.0_f64, 0_usize);
        while !stop.load(Ordering::Relaxed) {
            // An even spread over the shares, which needs no luck.
            (turn, next) = ((turn + 0.618_034) % 1.0, next + 1);
            let once = |cache: &mut Cache| -> Option<bool> {
                let mut found = lookup(&aws, cache, name, 20.0, turn);
                if let Some(host) = found.first().filter(|v| v.contains("internal")).cloned() {
                    found = lookup(&aws, cache, host.trim_end_matches('.'), 10.0, turn);
                }
                let address = found.get(next % found.len().max(1))?.clone();
                if PODS.iter().any(|(pod, _)| *pod == address) {
                    return Some(true);
                }
                aws.running_tasks().iter().any(|t| t.address.to_string() == address).then_some(false)
            };
            let outcome = once(&mut cache).or_else(|| {
                calls.retried += 1;
                cache.clear();
                once(&mut cache)
            });
            match outcome {
                Some(true) => calls.pods += 1,
                Some(false) => calls.tasks += 1,
                None => calls.lost += 1,
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        calls
    })
}

pub async fn sides(stage: &Stage, of_tasks: &str, of_pods: &str) {
    for yaml in [PLATFORM, NAMESPACES, SERVICE, &tasks(of_tasks)] {
        stage.apply(yaml).await;
    }
    stage.endpoints(&PODS).await;
    stage.until(NAMESPACE, "orders", "ready", is_ready::<EcsService>).await;
    if of_tasks != of_pods {
        stage.apply(&export(of_pods, false)).await;
        stage.until(NAMESPACE, "orders", "ready", is_ready::<CloudMapExport>).await;
    }
}

pub fn migrations(stage: &Stage) -> Api<TrafficMigration> {
    Api::namespaced(stage.client.clone(), NAMESPACE)
}

fn message(object: &TrafficMigration) -> &str {
    let conditions = object.status.as_ref().map(|s| s.common.conditions.as_slice()).unwrap_or_default();
    condition::find(conditions, condition::READY).map_or("", |c| c.message.as_str())
}

fn batches(stage: &Stage) -> usize {
    stage.emulator.calls().count("route53:ChangeResourceRecordSets")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_front_name_moves_between_two_cloud_map_services_and_no_client_that_keeps_to_the_ttl_loses_a_call() {
    let stage = Stage::start(SPEED).await;
    sides(&stage, "ecs.internal", "eks.internal").await;
    let zone = front_zone(&stage.emulator);
    stage.eventually("the name resolves", async || !stage.emulator.resolve(FRONT, "A").is_empty()).await;
    let stop = Arc::new(AtomicBool::new(false));
    let calls = client(&stage, FRONT, &stop);

    // The zone that Cloud Map made is not for names of ours.
    let namespaces: Api<landbridge_api::v1alpha1::CloudMapNamespace> = Api::all(stage.client.clone());
    let made = namespaces.get("ecs.internal").await.unwrap().status.unwrap().hosted_zone_id.unwrap();
    stage.apply(&by_cloud_map("wrong", ECS, EKS, &in_front(&made).replace(FRONT, "front.ecs.internal"))).await;
    let refused = |m: &TrafficMigration| message(m).contains("is never written to");
    let wrong = stage.until(NAMESPACE, "wrong", "refused", refused).await;
    assert!(message(&wrong).contains("create it, leading to orders.ecs.internal"), "{}", message(&wrong));
    stage.delete(migrations(&stage), "wrong").await;

    stage.apply(&by_cloud_map("to-eks", ECS, EKS, &in_front(&zone))).await;
    let there = until(&stage, "to-eks", Phase::Completed).await;
    assert_eq!(there.status.unwrap().share.as_deref(), Some("0/100"));
    let answers = stage.emulator.resolve(FRONT, "CNAME");
    assert_eq!((answers.len(), answers[0].values[0].as_str()), (1, "orders.eks.internal"), "{answers:?}");
    // Made by hand; made weighted, four steps, and simple again.
    assert_eq!(batches(&stage), 1 + 6);

    stage.apply(&by_cloud_map("to-ecs", EKS, ECS, &in_front(&zone))).await;
    until(&stage, "to-ecs", Phase::Completed).await;
    stop.store(true, Ordering::Relaxed);
    let calls = calls.join().unwrap();
    assert!(calls.tasks > 100 && calls.pods > 100, "{calls:?}");
    assert_eq!((calls.lost, calls.retried), (0, 0), "{calls:?}");
    assert_eq!(stage.instances("orders").len(), 2, "what is registered is left as it was");
    stage.end().await;
}

pub const RATIO: &str = "mode: InstanceRatio";

/// How many tasks and pods are registered.
pub fn registered(stage: &Stage) -> (usize, usize) {
    let all = stage.instances("orders");
    let pods = all.iter().filter(|id| id.starts_with("tcp-")).count();
    (all.len() - pods, pods)
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_are_made_by_registered_pods_until_the_tasks_go_and_back_again() {
    let stage = Stage::start(SPEED).await;
    sides(&stage, "shop.internal", "shop.internal").await;
    stage.eventually("tasks are found", async || stage.emulator.resolve("orders.shop.internal", "A").len() == 2).await;
    let stop = Arc::new(AtomicBool::new(false));
    let calls = client(&stage, "orders.shop.internal", &stop);

    // The migration first, then the export: so no pod is registered before its turn.
    let steps = |yaml: String, steps: &str| {
        let from = yaml.find("steps: [").unwrap();
        let to = yaml[from..].find(']').unwrap() + from;
        format!("{}steps: [{steps}{}", &yaml[..from], &yaml[to..])
    };
    let yaml = by_cloud_map("to-eks", ECS, EKS, RATIO);
    stage.apply(&yaml).await;
    stage.apply(&export("shop.internal", true)).await;
    let refused = |m: &TrafficMigration| message(m).contains("the shares are 33.3, 50 and 100 %");
    stage.until(NAMESPACE, "to-eks", "refused", refused).await;
    stage.until(NAMESPACE, "orders", "ready", is_ready::<CloudMapExport>).await;
    assert_eq!(registered(&stage), (2, 0));

    let (third, half, all) = ("{weight: 33.3, bake: 0s}", "{weight: 50, bake: 0s}", "{weight: 100, bake: 0s}");
    stage.apply(&steps(yaml, &format!("{third}, {half}, {all}"))).await;
    let soaking = |m: &TrafficMigration| message(m).contains("set its desiredCount");
    let there = stage.until(NAMESPACE, "to-eks", "at the last step", soaking).await;
    assert_eq!((registered(&stage), there.status.unwrap().share.as_deref()), ((2, 2), Some("50/50")));
    stage.merge::<EcsService>("orders", json!({"spec": {"desiredCount": 0}})).await;
    let there = until(&stage, "to-eks", Phase::Completed).await;
    assert_eq!((registered(&stage), there.status.unwrap().share.as_deref()), ((0, 2), Some("0/100")));

    // Back: ECS registers its tasks by itself, and the pods leave step by step.
    stage.merge::<EcsService>("orders", json!({"spec": {"desiredCount": 2}})).await;
    stage.eventually("tasks are back", async || registered(&stage) == (2, 2)).await;
    stage.until(NAMESPACE, "orders", "ready", is_ready::<EcsService>).await;
    let yaml = by_cloud_map("to-ecs", EKS, ECS, RATIO);
    stage.apply(&steps(yaml, &format!("{half}, {{weight: 66.7, bake: 0s}}, {all}"))).await;
    let back = until(&stage, "to-ecs", Phase::Completed).await;
    assert_eq!((registered(&stage), back.status.unwrap().share.as_deref()), ((2, 0), Some("0/100")));
    stop.store(true, Ordering::Relaxed);
    let calls = calls.join().unwrap();
    assert!(calls.tasks > 100 && calls.pods > 100, "{calls:?}");
    // ECS stops a task right after it has taken it out, so a client may need one more lookup then, and no more.
    assert_eq!(calls.lost, 0, "{calls:?}");

    // The object holds the pods back; it goes with the export.
    for name in ["to-eks", "to-ecs"] {
        stage.delete(migrations(&stage), name).await;
    }
    stage
        .eventually("the first goes", async || stage.get::<TrafficMigration>(NAMESPACE, "to-eks").await.is_none())
        .await;
    let held = |m: &TrafficMigration| message(m).contains("delete the export first");
    let waits = stage.until(NAMESPACE, "to-ecs", "held", held).await;
    let ready = condition::find(&waits.status.as_ref().unwrap().common.conditions, condition::READY).unwrap().clone();
    assert_eq!(ready.reason, reason::IN_USE);
    stage.delete(Api::<CloudMapExport>::namespaced(stage.client.clone(), NAMESPACE), "orders").await;
    stage.eventually("it goes", async || stage.get::<TrafficMigration>(NAMESPACE, "to-ecs").await.is_none()).await;
    assert_eq!(registered(&stage), (2, 0));
    stage.end().await;
}
