//! Traffic moves by weighted records that external-dns governs: a stand-in for it reads sources on the real API server and writes
//! the emulated zone with TXT companions, as the program does, and can be made silent. (The program itself is run by the
//! interoperation suite.)

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use kube::Api;
use kube::api::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use landbridge_api::condition::{self, reason};
use landbridge_api::v1alpha1::{MigrationPhase as Phase, TrafficMigration};
use landbridge_emulator::Emulator;
use landbridge_tests::shop::NAMESPACE;
use landbridge_tests::{Stage, outsider};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::migration::{ECS, EKS, Front, HOST, command, front_of_pods, migration, resolving_client, until};

const SPEED: f64 = 300.0;
const PREFIX: &str = "external-dns.kubernetes.io/";

/// The part of external-dns's CRD that its API server needs.
const CRD: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: dnsendpoints.externaldns.k8s.io, annotations: {api-approved.kubernetes.io: 'https://github.com/kubernetes-sigs/external-dns/pull/2007'}}
spec:
  group: externaldns.k8s.io
  scope: Namespaced
  names: {kind: DNSEndpoint, plural: dnsendpoints, singular: dnsendpoint, listKind: DNSEndpointList}
  versions:
    - name: v1alpha1
      served: true
      storage: true
      schema:
        openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
";

/// The sources: a DNSEndpoint for the load balancer of the tasks, an Ingress for that of the pods.
fn sources(tasks: &str, pods: &str) -> String {
    format!(
        "apiVersion: externaldns.k8s.io/v1alpha1
kind: DNSEndpoint
metadata: {{name: orders-tasks, namespace: shop}}
spec:
  endpoints:
    - dnsName: {HOST}
      recordType: A
      setIdentifier: tasks
      targets: ['{tasks}']
      providerSpecific: [{{name: alias, value: 'true'}}, {{name: aws/weight, value: '255'}}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: orders
  namespace: shop
  annotations:
    {PREFIX}set-identifier: pods
    {PREFIX}aws-weight: '0'
    {PREFIX}target: '{pods}'
spec:
  rules:
    - host: {HOST}
      http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: orders, port: {{name: http}}}}}}}}]}}
"
    )
}

/// The stand-in.
pub struct ExternalDns {
    silent: Arc<AtomicBool>,
    batches: Arc<AtomicUsize>,
    pub task: JoinHandle<()>,
}

fn objects(stage: &Stage, group: &str, version: &str, kind: &str, plural: &str) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural);
    Api::namespaced_with(stage.client.clone(), NAMESPACE, &kind)
}

fn ingresses(stage: &Stage) -> Api<DynamicObject> {
    objects(stage, "networking.k8s.io", "v1", "Ingress", "ingresses")
}

fn endpoints(stage: &Stage) -> Api<DynamicObject> {
    objects(stage, "externaldns.k8s.io", "v1alpha1", "DNSEndpoint", "dnsendpoints")
}

/// A record set as a source asks for it.
#[derive(Clone, Debug, PartialEq)]
struct Wanted {
    identifier: String,
    weight: String,
    target: String,
    resource: String,
}

async fn wanted(ingresses: &Api<DynamicObject>, endpoints: &Api<DynamicObject>) -> Option<Vec<Wanted>> {
    let ingress = ingresses.get_opt("orders").await.ok()??;
    let annotations: BTreeMap<String, String> = ingress.metadata.annotations.unwrap_or_default();
    let of = |name: &str| annotations.get(&format!("{PREFIX}{name}")).cloned();
    let endpoint = endpoints.get_opt("orders-tasks").await.ok()??;
    let endpoint: &Value = &endpoint.data["spec"]["endpoints"][0];
    let properties = endpoint["providerSpecific"].as_array()?.iter();
    let weight = properties.filter(|p| p["name"] == "aws/weight").find_map(|p| p["value"].as_str())?;
    Some(vec![
        Wanted {
            identifier: endpoint["setIdentifier"].as_str()?.to_owned(),
            weight: weight.to_owned(),
            target: endpoint["targets"][0].as_str()?.to_owned(),
            resource: "crd/shop/orders-tasks".to_owned(),
        },
        Wanted {
            identifier: of("set-identifier")?,
            weight: of("aws-weight")?,
            target: of("target")?,
            resource: "ingress/shop/orders".to_owned(),
        },
    ])
}

/// The batch that upserts a record set and its TXT companion, which says whose it is.
fn batch(canonical: &str, owner: &str, set: &Wanted) -> String {
    let Wanted { identifier, weight, target, resource } = set;
    let routing = format!("<SetIdentifier>{identifier}</SetIdentifier><Weight>{weight}</Weight>");
    let text = format!("heritage=external-dns,external-dns/owner={owner},external-dns/resource={resource}");
    format!(
        "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes>\
         <Change><Action>UPSERT</Action><ResourceRecordSet><Name>{HOST}</Name><Type>A</Type>{routing}<AliasTarget>\
         <HostedZoneId>{canonical}</HostedZoneId><DNSName>{target}</DNSName>\
         <EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget></ResourceRecordSet></Change>\
         <Change><Action>UPSERT</Action><ResourceRecordSet><Name>a-{HOST}</Name><Type>TXT</Type>{routing}<TTL>300</TTL>\
         <ResourceRecords><ResourceRecord><Value>\"{text}\"</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>\
         </Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
    )
}

impl ExternalDns {
    pub fn start(stage: &Stage, zone: &str, canonical: &str, owner: &'static str) -> Self {
        let (silent, batches) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (hush, count, aws) = (silent.clone(), batches.clone(), stage.emulator.clone());
        let (ingresses, endpoints) = (ingresses(stage), endpoints(stage));
        let (zone, canonical) = (zone.to_owned(), canonical.to_owned());
        let task = tokio::spawn(async move {
            let mut written: Vec<Wanted> = Vec::new();
            loop {
                let sets = wanted(&ingresses, &endpoints).await.unwrap_or_default();
                for set in sets.into_iter().filter(|_| !hush.load(Ordering::Relaxed)) {
                    if written.contains(&set) {
                        continue;
                    }
                    outsider::route53(&aws, &format!("hostedzone/{zone}/rrset"), &batch(&canonical, owner, &set));
                    count.fetch_add(1, Ordering::Relaxed);
                    written.retain(|w| w.identifier != set.identifier);
                    written.push(set);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        Self { silent, batches, task }
    }

    fn silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::Relaxed);
    }

    /// Nobody else wrote a record: two batches more are the record of another test's hand.
    pub fn wrote_everything(&self, aws: &Emulator) -> bool {
        aws.calls().count("route53:ChangeResourceRecordSets") == self.batches.load(Ordering::Relaxed)
    }
}

/// Both sides behind load balancers of their own, the name in a zone, and external-dns that governs it.
pub struct Governed {
    pub stage: Stage,
    pub front: Front,
    pub pods: (String, String),
    pub zone: String,
    pub canonical: String,
}

impl Governed {
    pub async fn open() -> Self {
        let stage = Stage::start(SPEED).await;
        let front = Front::open(&stage).await;
        let pods = front_of_pods(&stage.emulator);
        let zone = "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">\
                    <Name>example.com</Name><CallerReference>1</CallerReference></CreateHostedZoneRequest>";
        let answer = outsider::route53(&stage.emulator, "hostedzone", zone);
        let zone = answer.split("/hostedzone/").nth(1).unwrap().split('<').next().unwrap().to_owned();
        let of = |name: &str, what: &str| {
            outsider::elb(&stage.emulator, "DescribeLoadBalancers", &[("Names.member.1", name)], what)
        };
        let canonical = of("front", "CanonicalHostedZoneId");
        stage.apply(CRD).await;
        let kind = endpoints(&stage);
        let served = async || kind.list(&kube::api::ListParams::default()).await.is_ok();
        stage.eventually("DNSEndpoints are served", served).await;
        let names = [of("front", "DNSName").to_lowercase(), of("pods", "DNSName").to_lowercase()];
        stage.apply(&sources(&names[0], &names[1])).await;
        Self { stage, front, pods, zone, canonical }
    }

    pub fn migration(&self, name: &str, back: bool) -> String {
        let tasks = format!("{ECS}, dnsSource: {{kind: DNSEndpoint, name: orders-tasks}}");
        let pods = format!("{EKS}, targetGroupArn: '{}', dnsSource: {{setIdentifier: pods}}", self.pods.1);
        let (from, to) = if back { (&pods, &tasks) } else { (&tasks, &pods) };
        let backend = format!(
            "managerDeadline: 3s, route53: {{hostedZoneId: {}, name: {HOST}, propagation: 1s, manager: ExternalDNS}}",
            self.zone
        );
        migration(name, from, to, "").replace("applicationLoadBalancer: {propagation: 1s}", &backend)
    }

    pub async fn both_sets_are_there(&self) {
        let aws = &self.stage.emulator;
        self.stage.eventually("both sets are there", async || aws.resolve(HOST, "A").len() == 2).await;
    }

    /// The weights that the sources say: of the tasks and of the pods.
    pub async fn weights(&self) -> (String, String) {
        let sets = wanted(&ingresses(&self.stage), &endpoints(&self.stage)).await.unwrap();
        (sets[0].weight.clone(), sets[1].weight.clone())
    }
}

fn ready(object: &TrafficMigration) -> (String, String) {
    let conditions = object.status.as_ref().map(|s| s.common.conditions.as_slice()).unwrap_or_default();
    let ready = condition::find(conditions, condition::READY);
    ready.map(|c| (c.reason.clone(), c.message.clone())).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn external_dns_is_told_by_its_sources_and_no_client_that_keeps_to_the_ttl_loses_a_request() {
    let governed = Governed::open().await;
    let stage = &governed.stage;
    let dns = ExternalDns::start(stage, &governed.zone, &governed.canonical, "here");
    governed.both_sets_are_there().await;
    let stop = Arc::new(AtomicBool::new(false));
    let client = resolving_client(stage, [governed.front.listener.clone(), governed.pods.0.clone()], &stop);

    stage.apply(&governed.migration("to-eks", false)).await;
    let there = until(stage, "to-eks", Phase::Completed).await;
    assert_eq!(there.status.unwrap().share.as_deref(), Some("0/100"));
    assert_eq!(governed.weights().await, ("0".to_owned(), "100".to_owned()));
    stage.apply(&governed.migration("to-ecs", true)).await;
    until(stage, "to-ecs", Phase::Completed).await;
    assert_eq!(governed.weights().await, ("100".to_owned(), "0".to_owned()));

    stop.store(true, Ordering::Relaxed);
    let [old, new, lost] = client.join().unwrap();
    assert!(old > 100 && new > 100, "{old} {new}");
    assert_eq!(lost, 0);
    assert!(dns.wrote_everything(&stage.emulator), "only external-dns writes records");
    dns.task.abort();
    governed.stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_external_dns_is_reported_and_not_passed_by_and_an_abort_puts_the_annotations_back() {
    let governed = Governed::open().await;
    let stage = &governed.stage;
    let dns = ExternalDns::start(stage, &governed.zone, &governed.canonical, "here");
    governed.both_sets_are_there().await;
    let slow = governed.migration("slow", false).replace("{weight: 10, bake: 0s}", "{weight: 10, bake: 1h}");
    stage.apply(&slow).await;
    until(stage, "slow", Phase::Baking).await;
    let tenth = async || governed.weights().await == ("90".to_owned(), "10".to_owned());
    stage.eventually("the sources say a tenth", tenth).await;

    dns.silent(true);
    command(stage, "slow", "abort").await;
    let silent = |m: &TrafficMigration| ready(m).0 == reason::MANAGER_SILENT;
    let said = stage.until::<TrafficMigration>(NAMESPACE, "slow", "told of the silence", silent).await;
    assert!(ready(&said).1.contains("external-dns has not carried out"), "{:?}", ready(&said));
    // What was there before is what the sources say; the records are as they were left.
    assert_eq!(governed.weights().await, ("255".to_owned(), "0".to_owned()));
    assert_eq!(said.status.unwrap().share.as_deref(), Some("90/10"));
    assert!(dns.wrote_everything(&stage.emulator), "nobody writes past it");
    dns.silent(false);
    let back = until(stage, "slow", Phase::RolledBack).await;
    assert_eq!(back.status.unwrap().share.as_deref(), Some("100/0"));

    // Somebody else changes an annotation.
    stage.apply(&slow.replace("name: slow", "name: other")).await;
    until(stage, "other", Phase::Baking).await;
    stage.eventually("the sources say a tenth", tenth).await;
    let patch = json!({"metadata": {"annotations": {format!("{PREFIX}aws-weight"): "77"}}});
    let params = kube::api::PatchParams { field_manager: Some("argocd".to_owned()), ..Default::default() };
    ingresses(stage).patch("orders", &params, &kube::api::Patch::Merge(patch)).await.unwrap();
    let conflicted = until(stage, "other", Phase::Conflicted).await;
    let message = conflicted.status.unwrap().conflict.unwrap().message;
    assert!(message.contains("argocd") || message.contains("record"), "{message}");
    command(stage, "other", "abort").await;
    until(stage, "other", Phase::RolledBack).await;
    assert_eq!(governed.weights().await, ("255".to_owned(), "0".to_owned()));
    dns.task.abort();
    governed.stage.end().await;
}
