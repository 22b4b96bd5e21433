//! The Helm chart: it lints, installs on a real API server under Pod Security `restricted`, refuses values that do not
//! exist, and its service account may do what the operator needs and no more.

use std::path::{Path, PathBuf};
use std::process::Output;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use landbridge_sandbox::{Assets, Binary, Progress};
use landbridge_tests::{Stage, repository};
use serde_json::json;
use tokio::process::Command;

use crate::neighbour::{PLATFORM, is_ready, service};

const RELEASE: &str = "landbridge";
const NAMESPACE: &str = "landbridge-system";
const OPERATOR: &str = "system:serviceaccount:landbridge-system:landbridge";

fn chart() -> PathBuf {
    repository().join("charts/landbridge")
}

/// Runs Helm with a home of its own.
async fn helm(home: &Path, kubeconfig: Option<&Path>, arguments: &[&str]) -> Output {
    let helm = Assets::from_env().unwrap().obtain(Binary::Helm, &Progress::stderr()).await.unwrap();
    let mut command = Command::new(helm);
    command.args(arguments).env("HOME", home).env_remove("KUBECONFIG");
    for folder in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        command.env(folder, home.join(folder));
    }
    if let Some(kubeconfig) = kubeconfig {
        command.env("KUBECONFIG", kubeconfig);
    }
    command.output().await.unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn the_chart_lints_renders_and_refuses_values_that_do_not_exist() {
    let home = tempfile::tempdir().unwrap();
    let chart = chart().display().to_string();
    let linted = helm(home.path(), None, &["lint", "--strict", &chart]).await;
    assert!(linted.status.success(), "{}", said(&linted));
    let rendered = helm(home.path(), None, &["template", RELEASE, &chart, "-n", NAMESPACE]).await;
    assert!(rendered.status.success(), "{}", said(&rendered));
    let text = said(&rendered);
    for kind in ["Deployment", "ServiceAccount", "ClusterRole", "CustomResourceDefinition"] {
        assert!(text.contains(&format!("kind: {kind}\n")), "there is no {kind}");
    }
    let everything = "replicas=2,networkPolicy.enabled=true,metrics.serviceMonitor=true,operator.watchNamespaces={a,b}";
    let rendered = helm(home.path(), None, &["template", RELEASE, &chart, "--set", everything]).await;
    assert!(rendered.status.success(), "{}", said(&rendered));
    assert!(!text.contains("GATE_TOKENS") && !text.contains("gate-tokens"));
    let with_tokens = ["template", RELEASE, &chart, "--set", "gates.tokensSecret=prometheus"];
    let rendered = helm(home.path(), None, &with_tokens).await;
    assert!(rendered.status.success(), "{}", said(&rendered));
    let text = said(&rendered);
    for line in [
        "{name: LANDBRIDGE_GATE_TOKENS, value: /etc/landbridge/gate-tokens}",
        "{name: gate-tokens, mountPath: /etc/landbridge/gate-tokens, readOnly: true}",
        "{name: gate-tokens, secret: {secretName: \"prometheus\", defaultMode: 0440}}",
    ] {
        assert!(text.contains(&format!("- {line}\n")), "there is no {line}");
    }
    for (value, word) in [
        ("gates.tokens=prometheus", "tokens"),
        ("gates.tokensSecret=Not/aName", "tokensSecret"),
        ("replica=2", "replica"),
        ("operator.sweeps=60s", "sweeps"),
        ("operator.sweep=often", "sweep"),
        ("replicas=many", "replicas"),
    ] {
        let refused = helm(home.path(), None, &["template", RELEASE, &chart, "--set", value]).await;
        assert!(!refused.status.success() && said(&refused).contains(word), "{value}: {}", said(&refused));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_installed_chart_lets_the_operator_work_and_nothing_more() {
    let mut stage = Stage::without_operator(30.0).await;
    // The chart brings the kinds.
    let kinds = [
        "awsaccounts",
        "ecsclusters",
        "cloudmapnamespaces",
        "iamtaskroles",
        "ecsservices",
        "cloudmapexports",
        "cloudmapimports",
        "trafficmigrations",
    ];
    remove_kinds(&stage.client, &kinds).await;
    make_restricted_namespace(&stage.client).await;
    let home = tempfile::tempdir().unwrap();
    let chart = chart().display().to_string();
    let kubeconfig = stage.kubeconfig();
    let installed = helm(home.path(), Some(&kubeconfig), &["install", RELEASE, &chart, "-n", NAMESPACE]).await;
    assert!(installed.status.success(), "{}", said(&installed));
    assert!(!said(&installed).contains("would violate PodSecurity"), "{}", said(&installed));
    the_pod_is_admitted(&stage.client).await;
    the_account_may_do_what_it_needs_and_no_more(&stage.client, &kinds).await;

    // The operator as that account goes the ordinary path.
    stage.user = Some(OPERATOR.to_owned());
    stage.config.namespace = Some(NAMESPACE.to_owned());
    stage.start_operator().await;
    stage.apply(PLATFORM).await;
    stage.apply(&service("web", "", "")).await;
    stage.until("shop", "web", "ready", is_ready).await;
    events_arrive(&stage).await;
    let values = "rbac.routes=true,gates.tokensSecret=gate-tokens";
    let with_routes = ["upgrade", RELEASE, &chart, "-n", NAMESPACE, "--set", values];
    let upgraded = helm(home.path(), Some(&kubeconfig), &with_routes).await;
    assert!(upgraded.status.success(), "{}", said(&upgraded));
    the_account_may_write_weights_into_routes_and_make_none(&stage.client).await;
    // Tokens are mounted: no right to read Secrets comes with them.
    the_pod_is_admitted(&stage.client).await;
    for verb in ["get", "list", "watch"] {
        assert!(!may(&stage.client, verb, "", "secrets", "", NAMESPACE).await, "{verb} secrets");
    }
    stage.end().await;
}

async fn remove_kinds(client: &Client, kinds: &[&str]) {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    for kind in kinds {
        let name = format!("{kind}.landbridge.dev");
        let uid = crds.get(&name).await.unwrap().metadata.uid.unwrap();
        crds.delete(&name, &kube::api::DeleteParams::default()).await.unwrap();
        let gone = kube::runtime::wait::conditions::is_deleted(&uid);
        let wait = kube::runtime::wait::await_condition(crds.clone(), &name, gone);
        tokio::time::timeout(std::time::Duration::from_secs(90), wait).await.expect("the kind goes").unwrap();
    }
}

async fn make_restricted_namespace(client: &Client) {
    let labels =
        [("pod-security.kubernetes.io/enforce", "restricted"), ("pod-security.kubernetes.io/warn", "restricted")];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let metadata = ObjectMeta { name: Some(NAMESPACE.to_owned()), labels: Some(labels), ..ObjectMeta::default() };
    let namespace = Namespace { metadata, ..Namespace::default() };
    Api::all(client.clone()).create(&PostParams::default(), &namespace).await.unwrap();
}

/// Nobody here makes pods of a Deployment, so the test asks for the pod that would be made.
async fn the_pod_is_admitted(client: &Client) {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), NAMESPACE);
    let template = deployments.get(RELEASE).await.unwrap().spec.unwrap().template;
    let metadata = ObjectMeta { name: Some("would-be".to_owned()), ..template.metadata.unwrap_or_default() };
    let mut pod = Pod { metadata, spec: template.spec, status: None };
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    pods.create(&dry_run, &pod).await.unwrap();
    // The namespace does refuse what is not restricted.
    if let Some(spec) = pod.spec.as_mut() {
        spec.host_network = Some(true);
    }
    let refused = pods.create(&dry_run, &pod).await.unwrap_err().to_string();
    assert!(refused.contains("PodSecurity"), "{refused}");
}

async fn the_account_may_do_what_it_needs_and_no_more(client: &Client, kinds: &[&str]) {
    for kind in kinds {
        for verb in ["get", "list", "watch", "patch"] {
            assert!(may(client, verb, "landbridge.dev", kind, "", "shop").await, "{verb} {kind}");
        }
        assert!(may(client, "patch", "landbridge.dev", kind, "status", "shop").await, "patch {kind}/status");
        for verb in ["create", "delete", "deletecollection"] {
            // It makes and deletes those that stand for ServiceExports.
            let its_own = *kind == "cloudmapexports" && verb != "deletecollection";
            assert_eq!(may(client, verb, "landbridge.dev", kind, "", "shop").await, its_own, "{verb} {kind}");
        }
    }
    assert!(may(client, "create", "coordination.k8s.io", "leases", "", NAMESPACE).await);
    for (group, resource) in [("", "services"), ("discovery.k8s.io", "endpointslices")] {
        for verb in ["get", "list", "watch", "create", "patch", "delete"] {
            assert!(may(client, verb, group, resource, "", "shop").await, "{verb} {resource}");
        }
    }
    for verb in ["get", "list", "watch", "create", "patch", "delete"] {
        assert!(
            may(client, verb, "multicluster.x-k8s.io", "serviceimports", "", "shop").await,
            "{verb} serviceimports"
        );
    }
    for (verb, group, resource, subresource) in [
        ("watch", "multicluster.x-k8s.io", "serviceexports", ""),
        ("patch", "multicluster.x-k8s.io", "serviceexports", "status"),
        ("patch", "multicluster.x-k8s.io", "serviceimports", "status"),
        ("list", "about.k8s.io", "clusterproperties", ""),
        ("list", "apps", "deployments", ""),
    ] {
        assert!(may(client, verb, group, resource, subresource, "").await, "{verb} {resource}/{subresource}");
    }
    for (verb, group, resource, namespace) in [
        ("get", "apps", "deployments", "shop"),
        ("delete", "multicluster.x-k8s.io", "serviceexports", "shop"),
        ("patch", "gateway.networking.k8s.io", "httproutes", "shop"),
        ("list", "networking.k8s.io", "ingresses", "shop"),
        ("get", "", "secrets", NAMESPACE),
        ("list", "", "secrets", "shop"),
        ("get", "", "pods", NAMESPACE),
        ("create", "", "pods", NAMESPACE),
        ("get", "", "configmaps", NAMESPACE),
        ("create", "coordination.k8s.io", "leases", "kube-system"),
        ("patch", "", "namespaces", ""),
        ("patch", "apiextensions.k8s.io", "customresourcedefinitions", ""),
        ("escalate", "rbac.authorization.k8s.io", "clusterroles", ""),
        ("impersonate", "", "users", ""),
        ("*", "*", "*", ""),
    ] {
        assert!(!may(client, verb, group, resource, "", namespace).await, "{verb} {group}/{resource} in {namespace:?}");
    }
}

async fn the_account_may_write_weights_into_routes_and_make_none(client: &Client) {
    let routes = [
        ("gateway.networking.k8s.io", "httproutes"),
        ("networking.k8s.io", "ingresses"),
        ("externaldns.k8s.io", "dnsendpoints"),
    ];
    for (group, resource) in routes {
        for (verb, allowed) in [("list", true), ("watch", true), ("patch", true), ("create", false), ("delete", false)]
        {
            assert_eq!(may(client, verb, group, resource, "", "shop").await, allowed, "{verb} {resource}");
        }
    }
    assert!(may(client, "list", "elbv2.k8s.aws", "targetgroupbindings", "", "shop").await);
    assert!(!may(client, "patch", "elbv2.k8s.aws", "targetgroupbindings", "", "shop").await);
}

/// Whether the chart's service account may do that.
async fn may(client: &Client, verb: &str, group: &str, resource: &str, subresource: &str, namespace: &str) -> bool {
    let some = |text: &str| Some(text.to_owned()).filter(|t| !t.is_empty());
    let attributes = ResourceAttributes {
        verb: some(verb),
        group: some(group),
        resource: some(resource),
        subresource: some(subresource),
        namespace: some(namespace),
        ..ResourceAttributes::default()
    };
    let spec = SubjectAccessReviewSpec {
        user: Some(OPERATOR.to_owned()),
        groups: Some(vec!["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{NAMESPACE}")]),
        resource_attributes: Some(attributes),
        ..SubjectAccessReviewSpec::default()
    };
    let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
    let answer = Api::all(client.clone()).create(&PostParams::default(), &review).await.unwrap();
    answer.status.unwrap().allowed
}

/// The operator's events are stored: without the permission they would be lost in silence.
async fn events_arrive(stage: &Stage) {
    use k8s_openapi::api::events::v1::Event;
    let events: Api<Event> = Api::namespaced(stage.client.clone(), "shop");
    stage
        .eventually("an event of the service", async || {
            !events.list(&kube::api::ListParams::default()).await.unwrap().items.is_empty()
        })
        .await;
    // A cluster-scoped object's events are in the namespace `default`.
    let patch = json!({"spec": {"accountId": "999999999999"}});
    let accounts: Api<landbridge_api::v1alpha1::AwsAccount> = Api::all(stage.client.clone());
    accounts.patch("default", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    let events: Api<Event> = Api::namespaced(stage.client.clone(), "default");
    stage
        .eventually("an event of the account", async || {
            !events.list(&kube::api::ListParams::default()).await.unwrap().items.is_empty()
        })
        .await;
}
