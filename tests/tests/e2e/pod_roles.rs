//! One role for ECS tasks and EKS pods: associations in two clusters, the trust policy among those of others, deaths at writes.

use kube::Api;
use kube::api::DeleteParams;
use landbridge_api::condition::{self, reason};
use landbridge_api::names::annotation;
use landbridge_api::v1alpha1::{EcsService, IamTaskRole};
use landbridge_emulator::Emulator;
use landbridge_tests::shop::{is_ready, reason as reason_of};
use landbridge_tests::wire::Loss;
use landbridge_tests::{Stage, outsider};
use serde_json::{Value, json};

const PLATFORM: &str = r"
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: landbridge.dev/v1alpha1
kind: AWSAccount
metadata: {name: default}
spec:
  region: us-east-1
  allowedNamespaces: {names: [shop]}
";

/// The role `orders` with this under its spec.
fn role(spec: &Value) -> String {
    json!({
        "apiVersion": "landbridge.dev/v1alpha1", "kind": "IAMTaskRole",
        "metadata": {"name": "orders", "namespace": "shop"}, "spec": spec,
    })
    .to_string()
}

fn both() -> Value {
    json!({"podIdentityAssociations": [{"clusterName": "old"}, {"clusterName": "new", "serviceAccount": "orders-v2"}]})
}

fn roles(stage: &Stage) -> Api<IamTaskRole> {
    Api::namespaced(stage.client.clone(), "shop")
}

/// The message of the role's Ready condition.
fn message(role: &IamTaskRole) -> String {
    let conditions = role.status.as_ref().map(|s| s.common.conditions.as_slice()).unwrap_or_default();
    condition::find(conditions, condition::READY).map(|c| c.message.clone()).unwrap_or_default()
}

/// Has the role looked at now.
async fn look(stage: &Stage, value: &str) {
    let patch = json!({"metadata": {"annotations": {annotation::RECONCILE_NOW: value}}});
    stage.merge::<IamTaskRole>("orders", patch).await;
}

/// Makes an EKS cluster that can be used, with the agent of Pod Identity.
async fn eks_cluster(stage: &Stage, name: &str) {
    let aws = &stage.emulator;
    let subnets = json!({"subnetIds": ["subnet-0a1b2c3d4e5f60001", "subnet-0a1b2c3d4e5f60002"]});
    let cluster = json!({"name": name, "roleArn": "arn:aws:iam::000000000000:role/eks", "resourcesVpcConfig": subnets});
    outsider::eks(aws, "POST", "/clusters", &cluster);
    let is_active =
        async |path: String, what: &str| outsider::eks(aws, "GET", &path, &Value::Null)[what]["status"] == "ACTIVE";
    stage.eventually("the cluster is active", || is_active(format!("/clusters/{name}"), "cluster")).await;
    let agent = json!({"addonName": "eks-pod-identity-agent"});
    outsider::eks(aws, "POST", &format!("/clusters/{name}/addons"), &agent);
    let path = format!("/clusters/{name}/addons/eks-pod-identity-agent");
    stage.eventually("the agent is active", || is_active(path.clone(), "addon")).await;
}

/// The associations of a cluster as `namespace/account role`, and their IDs.
fn associations(aws: &Emulator, cluster: &str) -> Vec<(String, String)> {
    let path = format!("/clusters/{cluster}/pod-identity-associations");
    let listed = outsider::eks(aws, "GET", &path, &Value::Null)["associations"].clone();
    let ids = listed.as_array().cloned().unwrap_or_default();
    ids.iter()
        .map(|a| {
            let id = a["associationId"].as_str().unwrap().to_owned();
            let shown = outsider::eks(aws, "GET", &format!("{path}/{id}"), &Value::Null)["association"].clone();
            let text = |member: &str| shown[member].as_str().unwrap_or_default().to_owned();
            let role = text("roleArn").rsplit('/').next().unwrap_or_default().to_owned();
            (format!("{}/{} {role}", text("namespace"), text("serviceAccount")), id)
        })
        .collect()
}

fn named(aws: &Emulator, cluster: &str) -> Vec<String> {
    associations(aws, cluster).into_iter().map(|(name, _)| name).collect()
}

/// Sids of the trust policy of the role.
fn sids(aws: &Emulator) -> Vec<String> {
    let role = outsider::roles(aws).into_iter().find(|r| r["RoleName"] == "shop-orders").unwrap_or_default();
    let trust = &role["AssumeRolePolicyDocument"];
    let text = trust.as_str().map_or_else(|| trust.to_string(), str::to_owned);
    let document: Value = serde_json::from_str(&text).unwrap_or_default();
    let statements = document["Statement"].as_array().cloned().unwrap_or_default();
    statements.iter().map(|s| s["Sid"].as_str().unwrap_or("-").to_owned()).collect()
}

/// Actions of the writes since the last take, in order.
fn writes(stage: &Stage) -> Vec<String> {
    let calls = stage.emulator.take_calls();
    calls.writes().iter().map(|c| c.action.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_role_serves_tasks_and_the_pods_of_two_clusters_from_its_making_to_its_end() {
    let stage = Stage::start(300.0).await;
    let aws = &stage.emulator;
    eks_cluster(&stage, "old").await;
    eks_cluster(&stage, "new").await;
    stage.apply(PLATFORM).await;
    stage.until_current().await;
    aws.take_calls();
    stage.apply(&role(&both())).await;
    let made = stage.until("shop", "orders", "ready", is_ready::<IamTaskRole>).await;
    let calls = aws.take_calls();
    assert!(message(&made).contains("pods of old/shop/orders, new/shop/orders-v2 take it"), "{}", message(&made));
    assert_eq!(named(aws, "old"), ["shop/orders shop-orders"]);
    assert_eq!(named(aws, "new"), ["shop/orders-v2 shop-orders"]);
    assert_eq!(sids(aws), ["EcsTasks", "EksPodIdentity"]);
    let status = made.status.unwrap();
    assert!(status.pod_identity_associations.iter().all(|a| a.association_arn.is_some()));
    // The first look and the writes; what EKS answered to the writes is not asked for again.
    for (action, count) in [
        ("iam:CreateRole", 1),
        ("eks:CreatePodIdentityAssociation", 2),
        ("eks:DescribeCluster", 2),
        ("eks:DescribeAddon", 2),
        ("eks:ListPodIdentityAssociations", 2),
        ("eks:DescribePodIdentityAssociation", 0),
    ] {
        assert_eq!(calls.count(action), count, "{action}: {:?}", calls.by_action());
    }
    assert_eq!(calls.writes().len(), 3);

    // What leaves the spec goes before the trust shuts it out.
    stage.apply(&role(&json!({"podIdentityAssociations": [{"clusterName": "old"}]}))).await;
    stage.eventually("the other cluster loses the role", async || named(aws, "new").is_empty()).await;
    stage.until("shop", "orders", "ready", is_ready::<IamTaskRole>).await;
    assert_eq!(writes(&stage), ["eks:DeletePodIdentityAssociation", "iam:UpdateAssumeRolePolicy"]);

    // Drift that sweeps see.
    let (_, id) = associations(aws, "old").remove(0);
    outsider::eks(aws, "DELETE", &format!("/clusters/old/pod-identity-associations/{id}"), &Value::Null);
    stage.eventually("it is made again", async || named(aws, "old") == ["shop/orders shop-orders"]).await;
    // Drift that only a look at each one sees.
    let (_, id) = associations(aws, "old").remove(0);
    let elsewhere = json!({"roleArn": "arn:aws:iam::000000000000:role/elsewhere"});
    outsider::eks(aws, "POST", &format!("/clusters/old/pod-identity-associations/{id}"), &elsewhere);
    look(&stage, "1").await;
    stage.eventually("it is put back", async || named(aws, "old") == ["shop/orders shop-orders"]).await;

    // Somebody else's is refused, named and left alone.
    let theirs =
        json!({"namespace": "shop", "serviceAccount": "orders", "roleArn": "arn:aws:iam::000000000000:role/theirs"});
    outsider::eks(aws, "POST", "/clusters/new/pod-identity-associations", &theirs);
    let more = json!({"podIdentityAssociations": [{"clusterName": "old"}, {"clusterName": "new"}]});
    stage.apply(&role(&more)).await;
    let taken = |r: &IamTaskRole| reason_of(r, condition::READY) == Some(("False", reason::NAME_TAKEN));
    let refused = stage.until("shop", "orders", "refused", taken).await;
    assert!(
        message(&refused).contains("new/shop/orders (with role arn:aws:iam::000000000000:role/theirs)"),
        "{}",
        message(&refused)
    );
    assert_eq!(named(aws, "new"), ["shop/orders theirs"]);
    let mut always = more.clone();
    always["adoptionPolicy"] = json!("Always");
    stage.apply(&role(&always)).await;
    stage.until("shop", "orders", "ready", is_ready::<IamTaskRole>).await;
    assert_eq!(named(aws, "new"), ["shop/orders shop-orders"]);

    aws.take_calls();
    stage.delete(roles(&stage), "orders").await;
    stage.eventually("the role goes", async || roles(&stage).get_opt("orders").await.unwrap().is_none()).await;
    let gone = "eks:DeletePodIdentityAssociation";
    assert_eq!(writes(&stage), [gone, gone, "iam:DeleteRole"]);
    assert!(named(aws, "old").is_empty() && named(aws, "new").is_empty() && outsider::roles(aws).is_empty());
    stage.end().await;
}

/// A service that runs as the role.
const SERVICE: &str = r#"
apiVersion: landbridge.dev/v1alpha1
kind: ECSCluster
metadata: {name: prod}
spec:
  allowedNamespaces: {names: [shop]}
  serviceDefaults:
    launchType: FARGATE
    networkConfiguration: {awsvpcConfiguration: {subnets: [subnet-0a1b2c3d4e5f60001]}}
---
apiVersion: landbridge.dev/v1alpha1
kind: ECSService
metadata: {name: orders, namespace: shop}
spec:
  clusterRef: {name: prod}
  desiredCount: 1
  taskRoleRef: {name: orders}
  taskDefinition:
    cpu: "256"
    memory: "512"
    containerDefinitions: [{name: app, image: nginx}]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn trust_waits_for_an_oidc_provider_keeps_what_others_wrote_and_lets_tasks_go_last() {
    let stage = Stage::start(300.0).await;
    let aws = &stage.emulator;
    stage.apply(PLATFORM).await;
    let irsa = json!({"trust": {"foreignStatements": "Keep", "irsa": [{"clusterName": "fargate"}]}});
    stage.apply(&role(&irsa)).await;
    let says = |part: &'static str| move |r: &IamTaskRole| message(r).contains(part);
    stage.until("shop", "orders", "without a cluster", says("there is no EKS cluster fargate")).await;
    eks_cluster(&stage, "fargate").await;
    look(&stage, "1").await;
    stage
        .until(
            "shop",
            "orders",
            "without a provider",
            says("aws iam create-open-id-connect-provider --url https://oidc"),
        )
        .await;
    assert!(outsider::roles(aws).is_empty(), "a role is made with its trust");
    let cluster = outsider::eks(aws, "GET", "/clusters/fargate", &Value::Null)["cluster"].clone();
    let issuer = cluster["identity"]["oidc"]["issuer"].as_str().unwrap();
    let thumbprint = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280";
    let provider =
        [("Url", issuer), ("ClientIDList.member.1", "sts.amazonaws.com"), ("ThumbprintList.member.1", thumbprint)];
    outsider::iam(aws, "CreateOpenIDConnectProvider", &provider);
    look(&stage, "2").await;
    let ready = stage.until("shop", "orders", "ready", is_ready::<IamTaskRole>).await;
    let status = ready.status.unwrap();
    assert_eq!(Some(&status.irsa[0].annotations["eks.amazonaws.com/role-arn"]), status.role_arn.as_ref());
    assert!(sids(aws)[1].starts_with("EksIrsa"), "{:?}", sids(aws));

    // Terraform adds a statement of its own; an edit of ours leaves it.
    let role_now = outsider::roles(aws).remove(0);
    let trust = &role_now["AssumeRolePolicyDocument"];
    let text = trust.as_str().map_or_else(|| trust.to_string(), str::to_owned);
    let mut document: Value = serde_json::from_str(&text).unwrap();
    let theirs = json!({"Sid": "Terraform", "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "000000000000"}});
    document["Statement"].as_array_mut().unwrap().push(theirs);
    let text = document.to_string();
    outsider::iam(aws, "UpdateAssumeRolePolicy", &[("RoleName", "shop-orders"), ("PolicyDocument", &text)]);
    stage.apply(SERVICE).await;
    stage.until("shop", "orders", "ready", is_ready::<EcsService>).await;
    let out = json!({"trust": {"foreignStatements": "Keep", "ecsTasks": false, "irsa": [{"clusterName": "fargate"}]}});
    stage.apply(&role(&out)).await;
    let held = stage.until("shop", "orders", "held", says("because ECSService shop/orders refers to it")).await;
    assert_eq!(reason_of(&held, condition::READY), Some(("False", reason::IN_USE)));
    assert_eq!(sids(aws).first().map(String::as_str), Some("EcsTasks"));
    stage.delete(Api::<EcsService>::namespaced(stage.client.clone(), "shop"), "orders").await;
    stage.eventually("tasks are shut out", async || !sids(aws).contains(&"EcsTasks".to_owned())).await;
    assert_eq!(sids(aws).last().map(String::as_str), Some("Terraform"));
    let ready = stage.until("shop", "orders", "ready", is_ready::<IamTaskRole>).await;
    assert!(message(&ready).contains("trust statements of others are kept: Terraform"), "{}", message(&ready));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_whose_operator_dies_at_any_write_leaves_no_pod_with_what_is_not_in_the_spec() {
    let mut stage = Stage::start(300.0).await;
    eks_cluster(&stage, "old").await;
    eks_cluster(&stage, "new").await;
    stage.apply(PLATFORM).await;
    stage.until_current().await;
    let one = json!({"podIdentityAssociations": [{"clusterName": "new", "serviceAccount": "orders-v2"}]});
    for (nth, loss) in [(1, Loss::Answer), (2, Loss::Answer), (2, Loss::Request), (3, Loss::Answer), (3, Loss::Request)]
    {
        let context = format!("{loss:?} at write {nth}");
        stage.wire().cut_at(nth, loss);
        stage.apply(&role(&both())).await;
        let wire = stage.wire();
        stage.eventually("the wire is cut", async || wire.is_cut()).await;
        stage.kill_operator();
        // What may have been made leaves the spec while nobody looks.
        stage.apply(&role(&one)).await;
        another_goes_on(&mut stage).await;
        stage.until("shop", "orders", "ready", is_ready::<IamTaskRole>).await;
        assert!(named(&stage.emulator, "old").is_empty(), "{context}");
        assert_eq!(named(&stage.emulator, "new"), ["shop/orders-v2 shop-orders"], "{context}");
        stage.wire().cut_at(nth.min(2), loss);
        roles(&stage).delete("orders", &DeleteParams::background()).await.unwrap();
        let wire = stage.wire();
        stage.eventually("the wire is cut", async || wire.is_cut()).await;
        stage.kill_operator();
        another_goes_on(&mut stage).await;
        stage.eventually("the role goes", async || roles(&stage).get_opt("orders").await.unwrap().is_none()).await;
        let left = named(&stage.emulator, "new").len() + outsider::roles(&stage.emulator).len();
        assert_eq!(left, 0, "{context}");
    }
    stage.end().await;
}

async fn another_goes_on(stage: &mut Stage) {
    stage.release_leases().await;
    stage.start_operator().await;
}
