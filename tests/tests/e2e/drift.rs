//! What others change in AWS behind the operator's back is put back, reported, or left, as the policy says.

use kube::api::{Api, Patch, PatchParams};
use landbridge_api::condition::{self, DRIFTED, READY};
use landbridge_api::v1alpha1::{CloudMapNamespace, EcsCluster, EcsService, IamTaskRole};
use landbridge_emulator::{Emulator, Fault, FaultKind};
use landbridge_plan::kind::Kind;
use landbridge_tests::shop::{NAMESPACE, ORDERS, PLATFORM, WEB, is_ready, reason};
use landbridge_tests::{Stage, kstatus, outsider};
use serde_json::{Value, json};

/// How much faster than time AWS is.
const SPEED: f64 = 100.0;

/// Something that an outsider changes.
struct Meddling {
    what: &'static str,
    call: Call,
    /// What the change is about, as AWS holds it.
    held: fn(&Emulator) -> Value,
}

enum Call {
    Json(&'static str, &'static str, Value),
    Iam(&'static str, Vec<(&'static str, &'static str)>),
}

impl Meddling {
    /// Makes the change.
    fn meddle(&self, aws: &Emulator) {
        match &self.call {
            Call::Json(service, operation, input) => drop(outsider::call(aws, service, operation, input)),
            Call::Iam(operation, parameters) => outsider::iam(aws, operation, parameters),
        }
    }
}

fn orders(aws: &Emulator) -> Value {
    outsider::service(aws, "orders")
}

fn role(aws: &Emulator) -> Value {
    outsider::roles(aws).into_iter().find(|r| r["RoleName"] == "shop-orders").unwrap_or_default()
}

fn cluster(aws: &Emulator) -> Value {
    outsider::clusters(aws).into_iter().next().unwrap_or_default()
}

/// Tags in the order of their keys; AWS promises none.
fn sorted(tags: &Value) -> Value {
    let mut tags: Vec<Value> = tags.as_array().cloned().unwrap_or_default();
    tags.sort_by_key(Value::to_string);
    Value::Array(tags)
}

fn update(fields: &Value) -> Call {
    let mut input = json!({"cluster": "prod", "service": "orders"});
    input.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    Call::Json("ecs", "UpdateService", input)
}

fn of_role(operation: &'static str, parameters: &[(&'static str, &'static str)]) -> Call {
    let of = [("RoleName", "shop-orders")];
    Call::Iam(operation, of.iter().chain(parameters).copied().collect())
}

/// Changes of the service itself, each of a field that no other controller governs.
fn of_the_service(aws: &Emulator) -> Vec<Meddling> {
    // Somebody registers a revision of their own in our family and deploys it.
    let image = json!([{"name": "orders", "image": "example.com/theirs:1"}]);
    let theirs = json!({"family": "prod-orders", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
        "cpu": "512", "memory": "1024", "containerDefinitions": image});
    let revision = outsider::call(aws, "ecs", "RegisterTaskDefinition", &theirs);
    let revision = &revision["taskDefinition"]["taskDefinitionArn"];
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60009"]}});
    let breaker = json!({"deploymentCircuitBreaker": {"enable": false, "rollback": false}});
    vec![
        Meddling {
            what: "the count",
            call: update(&json!({"desiredCount": 5})),
            held: |aws| orders(aws)["desiredCount"].clone(),
        },
        Meddling {
            what: "the percentages",
            call: update(&json!({"deploymentConfiguration": {"maximumPercent": 150, "minimumHealthyPercent": 50}})),
            held: |aws| orders(aws)["deploymentConfiguration"].clone(),
        },
        Meddling {
            what: "the circuit breaker",
            call: update(&json!({"deploymentConfiguration": breaker})),
            held: |aws| orders(aws)["deploymentConfiguration"].clone(),
        },
        Meddling {
            what: "execute command",
            call: update(&json!({"enableExecuteCommand": true})),
            held: |aws| orders(aws)["enableExecuteCommand"].clone(),
        },
        Meddling {
            what: "the network",
            call: update(&json!({"networkConfiguration": network})),
            held: |aws| orders(aws)["networkConfiguration"].clone(),
        },
        Meddling {
            what: "rebalancing",
            call: update(&json!({"availabilityZoneRebalancing": "DISABLED"})),
            held: |aws| orders(aws)["availabilityZoneRebalancing"].clone(),
        },
        Meddling {
            what: "managed tags",
            call: update(&json!({"enableECSManagedTags": true, "propagateTags": "SERVICE"})),
            held: |aws| json!([orders(aws)["enableECSManagedTags"], orders(aws)["propagateTags"]]),
        },
        Meddling {
            what: "the platform version",
            call: update(&json!({"platformVersion": "1.4.0"})),
            held: |aws| orders(aws)["platformVersion"].clone(),
        },
        Meddling {
            what: "the task definition",
            call: update(&json!({"taskDefinition": revision})),
            held: |aws| orders(aws)["taskDefinition"].clone(),
        },
        Meddling {
            what: "a tag of the service",
            call: Call::Json(
                "ecs",
                "UntagResource",
                json!({"resourceArn": orders(aws)["serviceArn"], "tagKeys": ["team"]}),
            ),
            held: |aws| sorted(&orders(aws)["tags"]),
        },
    ]
}

/// Changes of what hangs on the service and of what it refers to.
fn of_the_rest(aws: &Emulator) -> Vec<Meddling> {
    let namespace = &outsider::namespaces(aws)[0];
    let soa = json!({"Properties": {"DnsProperties": {"SOA": {"TTL": 1}}}});
    let found = &outsider::discovery(aws)[0];
    let slow = json!({"DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 3600}]}});
    let off = json!([{"name": "containerInsights", "value": "disabled"}]);
    let group = "/ecs/prod/orders";
    vec![
        Meddling {
            what: "the retention",
            call: Call::Json("logs", "PutRetentionPolicy", json!({"logGroupName": group, "retentionInDays": 1})),
            held: |aws| outsider::log_groups(aws)[0]["retentionInDays"].clone(),
        },
        Meddling {
            what: "a tag of the log group",
            call: Call::Json(
                "logs",
                "UntagResource",
                json!({"resourceArn": outsider::log_groups(aws)[0]["logGroupArn"], "tagKeys": ["team"]}),
            ),
            held: |aws| outsider::log_groups(aws)[0]["tags"].clone(),
        },
        Meddling {
            what: "the record's TTL",
            call: Call::Json("servicediscovery", "UpdateService", json!({"Id": found["Id"], "Service": slow})),
            held: |aws| outsider::discovery(aws)[0]["DnsConfig"]["DnsRecords"].clone(),
        },
        Meddling {
            what: "the zone's TTL",
            call: Call::Json(
                "servicediscovery",
                "UpdatePrivateDnsNamespace",
                json!({"Id": namespace["Id"], "Namespace": soa}),
            ),
            held: |aws| outsider::namespaces(aws)[0]["Properties"]["DnsProperties"]["SOA"]["TTL"].clone(),
        },
        Meddling {
            what: "Container Insights",
            call: Call::Json("ecs", "UpdateClusterSettings", json!({"cluster": "prod", "settings": off})),
            held: |aws| cluster(aws)["settings"].clone(),
        },
        Meddling {
            what: "the capacity providers",
            call: Call::Json(
                "ecs",
                "PutClusterCapacityProviders",
                json!({"cluster": "prod", "capacityProviders": ["FARGATE"], "defaultCapacityProviderStrategy": []}),
            ),
            held: |aws| sorted(&cluster(aws)["capacityProviders"]),
        },
        Meddling {
            what: "a tag of the cluster",
            call: Call::Json(
                "ecs",
                "UntagResource",
                json!({"resourceArn": cluster(aws)["clusterArn"], "tagKeys": ["team"]}),
            ),
            held: |aws| sorted(&cluster(aws)["tags"]),
        },
    ]
}

/// Changes of the role that the containers act as.
fn of_the_role() -> Vec<Meddling> {
    let anything = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let anyone = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;
    vec![
        Meddling {
            what: "a policy's content",
            call: of_role("PutRolePolicy", &[("PolicyName", "queue"), ("PolicyDocument", anything)]),
            held: |aws| role(aws)["InlinePolicies"].clone(),
        },
        Meddling {
            what: "a policy too many",
            call: of_role("PutRolePolicy", &[("PolicyName", "backdoor"), ("PolicyDocument", anything)]),
            held: |aws| role(aws)["InlinePolicies"].clone(),
        },
        Meddling {
            what: "a managed policy",
            call: of_role("AttachRolePolicy", &[("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")]),
            held: |aws| role(aws)["AttachedPolicies"].clone(),
        },
        Meddling {
            what: "the boundary",
            call: of_role(
                "PutRolePermissionsBoundary",
                &[("PermissionsBoundary", "arn:aws:iam::aws:policy/AdministratorAccess")],
            ),
            held: |aws| role(aws)["PermissionsBoundary"].clone(),
        },
        Meddling {
            what: "the trust",
            call: of_role("UpdateAssumeRolePolicy", &[("PolicyDocument", anyone)]),
            // The text is ours again; its meaning is compared elsewhere.
            held: |aws| {
                let text = role(aws)["AssumeRolePolicyDocument"].as_str().unwrap_or_default().to_owned();
                serde_json::from_str(&text).unwrap_or_default()
            },
        },
        Meddling {
            what: "a tag of the role",
            call: of_role("UntagRole", &[("TagKeys.member.1", "team")]),
            held: |aws| sorted(&role(aws)["Tags"]),
        },
    ]
}

/// Everything but the service itself.
fn of_all_but_the_service(aws: &Emulator) -> Vec<Meddling> {
    of_the_rest(aws).into_iter().chain(of_the_role()).collect()
}

/// The sample with that drift policy on everything that AWS holds, a tag on each thing, and a TTL of the zone.
async fn shop(policy: &str) -> Stage {
    let stage = Stage::start(SPEED).await;
    let with = |yaml: &str| yaml.replace("\nspec:\n", &format!("\nspec:\n  driftPolicy: {policy}\n"));
    // An account is nothing that drifts.
    let platform = with(PLATFORM).replacen(&format!("  driftPolicy: {policy}\n"), "", 1);
    for yaml in [platform, with(WEB), with(ORDERS)] {
        stage.apply(&yaml).await;
    }
    let tags = json!({"spec": {"tags": [{"key": "team", "value": "shop"}]}});
    stage.merge::<EcsService>("orders", tags.clone()).await;
    stage.merge::<IamTaskRole>("orders", tags.clone()).await;
    let clusters: Api<EcsCluster> = Api::all(stage.client.clone());
    clusters.patch("prod", &PatchParams::default(), &Patch::Merge(&tags)).await.unwrap();
    let namespaces: Api<CloudMapNamespace> = Api::all(stage.client.clone());
    let soa = json!({"spec": {"properties": {"dnsProperties": {"soa": {"ttl": 60}}}}});
    namespaces.patch("shop.internal", &PatchParams::default(), &Patch::Merge(&soa)).await.unwrap();
    stage.until_current().await;
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn every_class_of_field_of_the_service_is_put_back_when_a_sweep_sees_it_changed() {
    let stage = shop("Correct").await;
    let aws = &stage.emulator;
    for meddling in of_the_service(aws) {
        let before = (meddling.held)(aws);
        meddling.meddle(aws);
        let what = format!("{} is put back to {before}", meddling.what);
        stage.eventually(&what, async || (meddling.held)(&stage.emulator) == before).await;
        stage.until(NAMESPACE, "orders", "ready again", is_ready::<EcsService>).await;
    }
    stage.end().await;
}

/// Changes of tags of what bulk reads show no tags of: seen when the object is compared whole.
const UNSEEN: [&str; 1] = ["a tag of the log group"];

#[tokio::test(flavor = "multi_thread")]
async fn roles_names_logs_and_clusters_are_put_back_by_sweeps_alone() {
    let stage = shop("Correct").await;
    let aws = &stage.emulator;
    for meddling in of_all_but_the_service(aws).into_iter().filter(|m| !UNSEEN.contains(&m.what)) {
        let before = (meddling.held)(aws);
        aws.take_calls();
        meddling.meddle(aws);
        let what = format!("{} is put back to {before}", meddling.what);
        // The outsider's write and one of the operator's.
        stage.eventually(&what, async || stage.writes().len() > 1 && (meddling.held)(&stage.emulator) == before).await;
    }
    stage.until_current().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_no_bulk_read_shows_is_put_back_when_somebody_asks_for_a_look() {
    let stage = shop("Correct").await;
    let all: Vec<Meddling> = of_the_rest(&stage.emulator).into_iter().filter(|m| UNSEEN.contains(&m.what)).collect();
    let before = meddle_with_all(&stage, &all).await;
    stage.reconcile_all_now("meddled").await;
    for (meddling, before) in all.iter().zip(before) {
        let what = format!("{} is put back to {before}", meddling.what);
        stage.eventually(&what, async || (meddling.held)(&stage.emulator) == before).await;
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hangs_on_a_service_is_made_again_by_sweeps_alone_when_somebody_deletes_it() {
    let stage = shop("Correct").await;
    let aws = &stage.emulator;
    outsider::call(aws, "logs", "DeleteLogGroup", &json!({"logGroupName": "/ecs/prod/orders"}));
    outsider::iam(aws, "DeleteRolePolicy", &[("RoleName", "shop-orders"), ("PolicyName", "queue")]);
    stage.eventually("the log group is there", async || !outsider::log_groups(&stage.emulator).is_empty()).await;
    let policies = async || !role(&stage.emulator)["InlinePolicies"]["queue"].is_null();
    stage.eventually("the role has its policy", policies).await;
    stage.until_current().await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_aws_refuses_the_bulk_read_of_roles_the_rest_is_still_swept() {
    let stage = shop("Correct").await;
    let aws = &stage.emulator;
    let refused = FaultKind::Error("AccessDenied".into(), "not allowed".into());
    aws.fault(Fault::on("iam:GetAccountAuthorizationDetails", refused));
    let refusals = async || stage.emulator.calls().count("iam:GetAccountAuthorizationDetails") > 1;
    stage.eventually("AWS refuses", refusals).await;
    let retention = &of_the_rest(aws)[0];
    let before = (retention.held)(aws);
    retention.meddle(aws);
    stage.eventually("the retention is put back", async || (retention.held)(&stage.emulator) == before).await;
    stage.end().await;
}

/// Makes every change and waits until AWS shows each; gives what was there before.
async fn meddle_with_all(stage: &Stage, all: &[Meddling]) -> Vec<Value> {
    let before: Vec<Value> = all.iter().map(|m| (m.held)(&stage.emulator)).collect();
    for meddling in all {
        meddling.meddle(&stage.emulator);
    }
    for (meddling, before) in all.iter().zip(&before) {
        let what = format!("{} is not {before} any more", meddling.what);
        stage.eventually(&what, async || (meddling.held)(&stage.emulator) != *before).await;
    }
    before
}

async fn drifted<K: Kind>(stage: &Stage, kind: &str, name: &str) -> Option<String> {
    let objects = stage.objects().await;
    let object = objects
        .into_iter()
        .find(|o| o.metadata.name.as_deref() == Some(name) && o.types.as_ref().is_some_and(|t| t.kind == kind))?;
    let object: K = object.try_parse().ok()?;
    let conditions = &object.stored().map(K::common)?.conditions;
    condition::find(conditions, DRIFTED).map(|c| format!("{} {}", c.reason, c.message))
}

#[tokio::test(flavor = "multi_thread")]
async fn with_report_the_condition_names_what_differs_and_nothing_is_written() {
    let stage = shop("Report").await;
    let aws = &stage.emulator;
    let all: Vec<Meddling> = of_the_service(aws).into_iter().chain(of_all_but_the_service(aws)).collect();
    stage.emulator.take_calls();
    meddle_with_all(&stage, &all).await;
    stage.sweeps(2).await;
    stage.reconcile_all_now("meddled").await;
    let told = drifted::<EcsService>(&stage, "ECSService", "orders").await.unwrap_or_default();
    for path in
        ["desiredCount", "deploymentConfiguration", "enableExecuteCommand", "taskDefinition", "tags", "retention"]
    {
        assert!(told.starts_with("DriftReported") && told.contains(path), "{path} is not in {told}");
    }
    let service: EcsService = stage.get(NAMESPACE, "orders").await.unwrap();
    assert!(service.status.as_ref().unwrap().drift.len() >= 10, "{:?}", service.status.unwrap().drift);
    assert_eq!(reason(&service, READY), Some(("False", "DriftReported")));
    for (kind, name, told) in [
        ("IAMTaskRole", "orders", drifted::<IamTaskRole>(&stage, "IAMTaskRole", "orders").await),
        ("ECSCluster", "prod", drifted::<EcsCluster>(&stage, "ECSCluster", "prod").await),
        (
            "CloudMapNamespace",
            "shop.internal",
            drifted::<CloudMapNamespace>(&stage, "CloudMapNamespace", "shop.internal").await,
        ),
    ] {
        assert!(told.is_some(), "{kind} {name} says nothing of its drift");
    }
    assert_eq!(stage.writes().len(), all.len(), "only the outsider wrote: {:#?}", stage.writes());
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_ignore_nothing_is_written_and_no_drift_told() {
    let stage = shop("Ignore").await;
    let aws = &stage.emulator;
    let all: Vec<Meddling> = of_the_service(aws).into_iter().chain(of_all_but_the_service(aws)).collect();
    stage.emulator.take_calls();
    meddle_with_all(&stage, &all).await;
    stage.sweeps(2).await;
    stage.reconcile_all_now("meddled").await;
    for object in stage.objects().await {
        let status = &object.data["status"];
        assert_eq!(kstatus::condition(status, DRIFTED), None, "{:?}: {status:#}", object.metadata.name);
        assert!(status["drift"].is_null(), "{:?}: {status:#}", object.metadata.name);
    }
    // Left alone is not the same as well: what was asked for is not what runs.
    let service: EcsService = stage.get(NAMESPACE, "orders").await.unwrap();
    assert_eq!(reason(&service, READY).map(|(ready, _)| ready), Some("False"));
    assert_eq!(stage.writes().len(), all.len(), "only the outsider wrote: {:#?}", stage.writes());
    stage.end().await;
}
