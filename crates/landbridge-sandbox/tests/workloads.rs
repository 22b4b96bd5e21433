//! Pods on a control plane with kube-controller-manager, kube-scheduler and kwok, and the servers that answer for them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test that cannot go on must fail.

use std::{
    collections::BTreeSet,
    fmt::Debug,
    net::{IpAddr, SocketAddr},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use k8s_openapi::api::{
    apps::v1::Deployment,
    autoscaling::v2::HorizontalPodAutoscaler,
    batch::v1::Job,
    core::v1::{Namespace, Node, Pod},
    discovery::v1::{Endpoint, EndpointSlice},
};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use landbridge_emulator::Emulator;
use landbridge_sandbox::{Addresses, Backend, Backends, ControlPlane, Options, Progress, Side, install::apply_yaml};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

/// How long anything may take; a machine that compiles beside the tests is slow.
const PATIENCE: Duration = Duration::from_secs(90);

async fn client() -> Client {
    ControlPlane::shared_for_tests_with_workloads().await.unwrap().client().await.unwrap()
}

/// Asks until what `look` finds is as `wanted` says.
async fn until<T: Debug>(what: &str, mut look: impl AsyncFnMut() -> T, wanted: impl Fn(&T) -> bool) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = look().await;
        if wanted(&found) {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}: {found:#?}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// A namespace of the test's own, with a Deployment and a Service `web` in it.
struct Web {
    client: Client,
    namespace: &'static str,
}

impl Web {
    async fn deploy(namespace: &'static str, replicas: i32, template_spec: Value) -> Self {
        let mut template_spec = template_spec;
        template_spec["topologySpreadConstraints"] = json!([{
            "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"app": "web"}}, "matchLabelKeys": ["pod-template-hash"],
        }]);
        let objects = [
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": namespace},
                "spec": {
                    "replicas": replicas,
                    "selector": {"matchLabels": {"app": "web"}},
                    "template": {"metadata": {"labels": {"app": "web"}}, "spec": template_spec},
                },
            }),
            json!({
                "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": namespace},
                "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
            }),
        ];
        let client = client().await;
        let text = objects.iter().map(Value::to_string).collect::<Vec<_>>().join("\n---\n");
        apply_yaml(&client, namespace, &text).await.unwrap();
        Self { client, namespace }
    }

    fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.client.clone(), self.namespace)
    }

    async fn patch(&self, patch: Value) {
        self.deployments().patch("web", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    async fn rolled_out(&self, replicas: i32) -> Deployment {
        let look = async || self.deployments().get("web").await.unwrap();
        until("the Deployment is rolled out", look, |deployment| {
            let status = deployment.status.clone().unwrap_or_default();
            status.observed_generation == deployment.metadata.generation
                && [status.replicas, status.ready_replicas, status.updated_replicas].map(Option::unwrap_or_default)
                    == [replicas; 3]
        })
        .await
    }

    fn pod_api(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), self.namespace)
    }

    async fn pods(&self) -> Vec<Pod> {
        self.pod_api().list(&ListParams::default()).await.unwrap().items
    }

    async fn endpoints(&self) -> Vec<Endpoint> {
        let api = Api::<EndpointSlice>::namespaced(self.client.clone(), self.namespace);
        let slices = api.list(&ListParams::default().labels("kubernetes.io/service-name=web")).await.unwrap();
        slices.items.into_iter().flat_map(|slice| slice.endpoints.unwrap_or_default()).collect()
    }

    async fn annotate(&self, pod: &str, ready: &str) {
        let patch = json!({"metadata": {"annotations": {"sandbox.landbridge.dev/ready": ready}}});
        self.pod_api().patch(pod, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    /// Deletes the namespace and waits until it is gone with all that is in it.
    async fn delete(self) {
        let api = Api::<Namespace>::all(self.client.clone());
        api.delete(self.namespace, &DeleteParams::default()).await.unwrap();
        let look = async || api.get_opt(self.namespace).await.unwrap();
        until("the namespace is gone", look, Option::is_none).await;
    }
}

fn is_ready(endpoint: &Endpoint) -> bool {
    endpoint.conditions.as_ref().and_then(|conditions| conditions.ready) == Some(true)
}

fn condition(pod: &Pod, wanted: &str) -> String {
    let conditions = pod.status.clone().unwrap_or_default().conditions.unwrap_or_default();
    conditions.into_iter().find(|it| it.type_ == wanted).map_or_else(|| "-".to_owned(), |it| it.status)
}

fn web() -> Value {
    // With the default of 30 seconds, the namespace controller takes another look at pods that go only after half of that.
    json!({
        "terminationGracePeriodSeconds": 4,
        "containers": [{"name": "web", "image": "web:1", "ports": [{"containerPort": 8080}]}],
    })
}

#[tokio::test]
async fn a_deployment_runs_in_three_zones_rolls_scales_to_nothing_and_goes_with_its_namespace() {
    let web = Web::deploy("story", 3, web()).await;
    web.rolled_out(3).await;
    let endpoints =
        until("three endpoints", async || web.endpoints().await, |it| it.iter().filter(|it| is_ready(it)).count() == 3)
            .await;
    let zones: BTreeSet<_> = endpoints.iter().filter_map(|endpoint| endpoint.zone.as_deref()).collect();
    assert_eq!(zones, BTreeSet::from(["us-east-1a", "us-east-1b", "us-east-1c"]), "{endpoints:#?}");
    // In the default VPC, each zone in its own block.
    for endpoint in &endpoints {
        let IpAddr::V4(address) = endpoint.addresses[0].parse().unwrap() else { panic!("{endpoint:?}") };
        let [first, second, third, _] = address.octets();
        let subnet = match endpoint.zone.as_deref() {
            Some("us-east-1a") => 64..80,
            Some("us-east-1b") => 80..96,
            _ => 96..112,
        };
        assert!((first, second) == (172, 31) && subnet.contains(&third), "{endpoint:?}");
    }

    let before: BTreeSet<_> = web.pods().await.iter().map(ResourceExt::name_any).collect();
    web.patch(json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:2"}]}}}})).await;
    web.rolled_out(3).await;
    let pods = until("the old pods are gone", async || web.pods().await, |pods| pods.len() == 3).await;
    assert!(pods.iter().all(|pod| !before.contains(&pod.name_any())), "{pods:#?}");
    assert!(pods.iter().all(|pod| pod.spec.as_ref().unwrap().containers[0].image.as_deref() == Some("web:2")));
    // What the admission plugin gives every pod once somebody makes service accounts.
    assert!(pods.iter().all(|pod| pod.spec.as_ref().unwrap().service_account_name.as_deref() == Some("default")));

    web.patch(json!({"spec": {"replicas": 0}})).await;
    web.rolled_out(0).await;
    until("no pod", async || web.pods().await, Vec::is_empty).await;
    until("no endpoint", async || web.endpoints().await, Vec::is_empty).await;
    web.patch(json!({"spec": {"replicas": 2}})).await;
    web.rolled_out(2).await;
    web.delete().await;
}

#[tokio::test]
async fn nodes_are_ready_and_their_leases_are_kept() {
    let client = client().await;
    let nodes = Api::<Node>::all(client.clone()).list(&ListParams::default()).await.unwrap().items;
    assert_eq!(nodes.len(), 6);
    let leases = Api::<k8s_openapi::api::coordination::v1::Lease>::namespaced(client, "kube-node-lease");
    for node in nodes {
        let look = async || leases.get_opt(&node.name_any()).await.unwrap();
        until("the node has a lease", look, |lease| {
            lease.as_ref().and_then(|lease| lease.spec.as_ref()).is_some_and(|spec| spec.renew_time.is_some())
        })
        .await;
    }
}

#[tokio::test]
async fn a_pod_is_ready_only_when_its_probe_its_gates_and_its_annotation_let_it() {
    let mut spec = web();
    spec["containers"][0]["readinessProbe"] = json!({"initialDelaySeconds": 2, "httpGet": {"port": 8080}});
    spec["readinessGates"] = json!([{"conditionType": "example.com/target-health"}]);
    let web = Web::deploy("readiness", 1, spec).await;
    let look = async || web.pods().await.into_iter().next();
    let holds = |wanted: &'static str, status: &'static str| {
        move |pod: &Option<Pod>| pod.as_ref().is_some_and(|pod| condition(pod, wanted) == status)
    };
    let pod = until("its probe passes", look, holds("ContainersReady", "True")).await.unwrap();
    assert_eq!(condition(&pod, "Ready"), "False", "the gate is not open: {pod:#?}");
    let status = pod.status.as_ref().unwrap();
    let passed = status.conditions.as_ref().unwrap().iter().find(|it| it.type_ == "ContainersReady").unwrap();
    let waited = passed.last_transition_time.as_ref().unwrap().0.duration_since(status.start_time.as_ref().unwrap().0);
    assert!(waited.as_secs() >= 2, "{waited}");
    let name = pod.name_any();
    for (gate, ready) in [("True", "True"), ("False", "False"), ("True", "True")] {
        let patch = json!({"status": {"conditions": [{"type": "example.com/target-health", "status": gate}]}});
        web.pod_api().patch_status(&name, &PatchParams::default(), &Patch::Strategic(patch)).await.unwrap();
        until("it follows its gate", look, holds("Ready", ready)).await;
    }
    web.annotate(&name, "false").await;
    until("it is not ready", look, holds("Ready", "False")).await;
    let endpoint =
        until("its endpoint is there", async || web.endpoints().await, |it| it.len() == 1 && !is_ready(&it[0])).await;
    assert!(endpoint[0].conditions.as_ref().unwrap().serving != Some(true));
    web.annotate(&name, "true").await;
    until("it is ready again", look, holds("Ready", "True")).await;
    web.delete().await;
}

#[tokio::test]
async fn an_image_that_cannot_be_pulled_a_job_and_an_autoscaler_are_as_on_a_real_cluster() {
    let mut spec = web();
    spec["containers"][0]["image"] = json!("web:pull-error");
    let web = Web::deploy("odds", 1, spec).await;
    let look = async || web.pods().await.into_iter().next();
    let waiting = |pod: &Option<Pod>| {
        let statuses = pod.as_ref()?.status.as_ref()?.container_statuses.clone()?;
        statuses.first()?.state.clone()?.waiting?.reason
    };
    until("it cannot pull", look, |pod| waiting(pod).as_deref() == Some("ErrImagePull")).await;

    let client = web.client.clone();
    let jobs = Api::<Job>::namespaced(client.clone(), web.namespace);
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "once", "image": "once:1"}]}}},
    });
    jobs.create(&PostParams::default(), &serde_json::from_value(job).unwrap()).await.unwrap();
    let succeeded = |job: &Job| job.status.as_ref().is_some_and(|status| status.succeeded == Some(1));
    until("the Job succeeds", async || jobs.get("once").await.unwrap(), succeeded).await;

    let scalers = Api::<HorizontalPodAutoscaler>::namespaced(client, web.namespace);
    let scaler = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 2, "maxReplicas": 4,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}],
        },
    });
    scalers.create(&PostParams::default(), &serde_json::from_value(scaler).unwrap()).await.unwrap();
    // It enforces its minimum; there are no metrics for more.
    let look = async || web.deployments().get("web").await.unwrap();
    until("the autoscaler acts", look, |deployment| deployment.spec.as_ref().unwrap().replicas == Some(2)).await;
    web.delete().await;
}

#[tokio::test]
async fn a_rolling_update_to_a_release_that_is_never_ready_keeps_the_old_pods() {
    let web = Web::deploy("stuck", 2, web()).await;
    web.rolled_out(2).await;
    let mut bad = self::web();
    bad["containers"][0]["image"] = json!("web:unhealthy");
    web.patch(json!({"spec": {"progressDeadlineSeconds": 2, "template": {"spec": bad}}})).await;
    let look = async || web.deployments().get("web").await.unwrap();
    let deployment = until("it gives up", look, |deployment| {
        let conditions = deployment.status.as_ref().and_then(|status| status.conditions.clone()).unwrap_or_default();
        conditions
            .iter()
            .any(|it| it.type_ == "Progressing" && it.reason.as_deref() == Some("ProgressDeadlineExceeded"))
    })
    .await;
    let status = deployment.status.unwrap();
    assert_eq!((status.available_replicas, status.updated_replicas), (Some(2), Some(1)));
    web.delete().await;
}

#[tokio::test]
async fn a_program_that_ends_by_itself_is_named_with_what_it_said_last() {
    let options = Options { workloads: true, progress: Progress::stderr(), ..Options::from_env().unwrap() };
    let mut plane = ControlPlane::start(options).await.unwrap();
    plane.check_alive().unwrap();
    let listed = Command::new("ps").args(["-A", "-ww", "-o", "pid=,args="]).output().unwrap().stdout;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    // The shell that guards it has the same arguments, behind its own.
    let of_kwok = |line: &&str| {
        let program = line.split_whitespace().nth(1).unwrap_or_default();
        program.ends_with("/kwok") && line.contains(plane.dir().to_str().unwrap())
    };
    let kwok = listed.lines().find(of_kwok).expect("kwok runs").split_whitespace().next().unwrap().to_owned();
    assert!(Command::new("kill").args(["-s", "KILL", &kwok]).status().unwrap().success());
    let error = until("it is noticed", async || plane.check_alive().err(), Option::is_some).await;
    let error = error.unwrap().to_string();
    assert!(error.starts_with("kwok ended by itself") && error.contains("log"), "{error}");
    plane.stop().await;
}

/// One HTTP/1.0 request; None when the connection is refused or broken.
async fn get(socket: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(socket).await.ok()?;
    stream.write_all(b"GET /orders HTTP/1.0\r\n\r\n").await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    (!answer.is_empty()).then_some(answer)
}

#[tokio::test]
async fn a_real_server_answers_for_each_pod_while_it_is_ready_and_while_it_drains() {
    let mut spec = web();
    spec["terminationGracePeriodSeconds"] = 8.into();
    spec["containers"][0]["lifecycle"] = json!({"preStop": {"sleep": {"seconds": 6}}});
    let web = Web::deploy("servers", 2, spec).await;
    web.rolled_out(2).await;
    let emulator = Emulator::builder().build();
    let backends = Backends::start(&web.client, &emulator);
    let addresses = backends.addresses();
    for pod in web.pods().await {
        let address: IpAddr = pod.status.as_ref().unwrap().pod_ip.as_ref().unwrap().parse().unwrap();
        let socket = addresses.lookup_within(address, PATIENCE).await.expect("it is served");
        assert!(socket.ip().is_loopback());
        let said = get(socket).await.unwrap();
        assert!(said.contains("200 OK") && said.contains("side=eks"), "{said}");
        assert!(said.contains(&format!("name=servers/{} address={address} zone=us-east-1", pod.name_any())), "{said}");
    }
    let served = addresses.all();
    let mine: Vec<_> = served.iter().filter(|backend| backend.name.starts_with("servers/")).collect();
    assert!(mine.len() == 2 && mine.iter().all(|it| it.side == Side::Eks && it.answered() == 1), "{served:?}");

    let pod = web.pods().await.remove(0);
    let address: IpAddr = pod.status.as_ref().unwrap().pod_ip.as_ref().unwrap().parse().unwrap();
    let socket = addresses.lookup(address).unwrap();
    web.annotate(&pod.name_any(), "false").await;
    until("a pod that is not ready is not served", async || addresses.lookup(address), Option::is_none).await;
    until("its connections are refused", async || get(socket).await, Option::is_none).await;
    web.annotate(&pod.name_any(), "true").await;
    let socket = addresses.lookup_within(address, PATIENCE).await.expect("it is served again");
    // The slice follows the pod in its own time, and would not say serving while it still says not ready.
    let endpoint = async || web.endpoints().await.into_iter().find(|it| it.addresses == [address.to_string()]);
    until("callers know that it is", endpoint, |it| it.as_ref().is_some_and(is_ready)).await;

    let deleted = Instant::now();
    web.pod_api().delete(&pod.name_any(), &DeleteParams::default()).await.unwrap();
    let conditions = |it: &Option<Endpoint>| it.as_ref().and_then(|it| it.conditions.clone()).unwrap_or_default();
    let leaves = |it: &Option<Endpoint>| conditions(it).terminating == Some(true);
    let endpoint = until("callers are told", endpoint, leaves).await;
    assert_eq!((conditions(&endpoint).serving, conditions(&endpoint).ready), (Some(true), Some(false)));
    assert!(get(socket).await.is_some_and(|said| said.contains("200 OK")), "it answers during its preStop hook");
    until("it is gone", async || get(socket).await, Option::is_none).await;
    assert!(deleted.elapsed() >= Duration::from_secs(5), "{:?}", deleted.elapsed());
    web.rolled_out(2).await;
    let served = addresses.all();
    drop(backends);
    for backend in served {
        until("every server ends with their keeper", async || get(backend.socket).await, Option::is_none).await;
    }
    web.delete().await;
}

/// What a caller of the Service `web` did: who answered, and what failed.
#[derive(Debug, Default)]
struct Traffic {
    answered: BTreeSet<String>,
    requests: usize,
    failures: Vec<String>,
}

impl Traffic {
    /// A request to each endpoint that is ready, again and again until told to stop.
    async fn send(web: &Web, addresses: &Addresses, stop: &AtomicBool) -> Self {
        let mut traffic = Self::default();
        while !stop.load(Ordering::Relaxed) {
            for endpoint in web.endpoints().await.iter().filter(|endpoint| is_ready(endpoint)) {
                let address: IpAddr = endpoint.addresses[0].parse().unwrap();
                traffic.requests += 1;
                let answer = match addresses.lookup_within(address, Duration::from_secs(1)).await {
                    Some(socket) => get(socket).await,
                    None => None,
                };
                match answer.filter(|answer| answer.contains("200 OK")) {
                    Some(answer) => drop(traffic.answered.insert(answer.lines().last().unwrap().to_owned())),
                    None => traffic.failures.push(format!("{address}: {endpoint:?}")),
                }
            }
            sleep(Duration::from_millis(5)).await;
        }
        traffic
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_of_ready_endpoints_lose_no_request_through_a_rolling_update() {
    let mut spec = web();
    spec["containers"][0]["lifecycle"] = json!({"preStop": {"sleep": {"seconds": 4}}});
    let web = Web::deploy("traffic", 3, spec).await;
    web.rolled_out(3).await;
    let backends = Backends::start(&web.client, &Emulator::builder().build());
    let (addresses, stop) = (backends.addresses(), AtomicBool::new(false));
    let before: BTreeSet<_> = web.pods().await.iter().map(ResourceExt::name_any).collect();
    let roll = async {
        until(
            "every pod is served",
            async || addresses.all(),
            |all| {
                before.iter().all(|pod| all.iter().any(|backend| backend.name.ends_with(pod) && backend.answered() > 0))
            },
        )
        .await;
        web.patch(json!({"spec": {"template": {"metadata": {"annotations": {"release": "2"}}}}})).await;
        web.rolled_out(3).await;
        until("the old pods are gone", async || web.pods().await, |pods| pods.len() == 3).await;
        let of_web =
            |all: &Vec<Backend>| all.iter().filter(|it| it.name.starts_with("traffic/")).cloned().collect::<Vec<_>>();
        until(
            "only new pods answer",
            async || addresses.all(),
            |all| of_web(all).len() == 3 && of_web(all).iter().all(|backend| backend.answered() > 0),
        )
        .await;
        stop.store(true, Ordering::Relaxed);
    };
    let (traffic, ()) = tokio::join!(Traffic::send(&web, &addresses, &stop), roll);
    assert_eq!(traffic.failures, Vec::<String>::new(), "of {} requests", traffic.requests);
    assert!(traffic.answered.len() == 6 && traffic.requests > 50, "{traffic:#?}");
    drop(backends);
    web.delete().await;
}
