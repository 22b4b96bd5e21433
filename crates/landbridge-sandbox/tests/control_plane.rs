//! A control plane as its users meet it: it answers, it checks who asks, and it leaves nothing, whatever becomes of the
//! process that started it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test that cannot go on must fail.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use kube::{
    Api, Config,
    api::PostParams,
    config::{KubeConfigOptions, Kubeconfig},
};
use landbridge_sandbox::{Assets, Binary, ControlPlane, Options, Progress};

/// The variable that turns the ignored test below into the process that is killed.
const VICTIM: &str = "LANDBRIDGE_TEST_VICTIM_DIR";

fn options(parent: &Path) -> Options {
    Options { parent: parent.to_owned(), progress: Progress::stderr(), ..Options::from_env().unwrap() }
}

/// Every process that has the directory's path among its arguments: etcd, kube-apiserver and the shells that guard them.
fn processes_of(dir: &Path) -> Vec<String> {
    let output = Command::new("ps").args(["-A", "-ww", "-o", "pid=,args="]).output().unwrap();
    let dir = dir.to_str().unwrap();
    let all = String::from_utf8_lossy(&output.stdout);
    all.lines().filter(|line| line.contains(dir) && !line.contains(VICTIM)).map(str::to_owned).collect()
}

fn entries(dir: &Path) -> Vec<String> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path().display().to_string()).collect()
}

#[tokio::test]
async fn two_control_planes_at_once_know_nothing_of_each_other_and_leave_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let (one, other) =
        tokio::join!(ControlPlane::start(options(parent.path())), ControlPlane::start(options(parent.path())));
    let (mut one, mut other) = (one.unwrap(), other.unwrap());
    let map = ConfigMap {
        metadata: kube::core::ObjectMeta { name: Some("mine".into()), ..Default::default() },
        ..Default::default()
    };
    Api::<ConfigMap>::default_namespaced(one.client().await.unwrap())
        .create(&PostParams::default(), &map)
        .await
        .unwrap();
    let elsewhere = Api::<ConfigMap>::default_namespaced(other.client().await.unwrap()).get_opt("mine").await.unwrap();
    assert!(elsewhere.is_none());
    one.check_alive().unwrap();
    other.check_alive().unwrap();
    assert_eq!(entries(parent.path()).len(), 2);
    assert!(!processes_of(parent.path()).is_empty());
    one.stop().await;
    assert_eq!(entries(parent.path()), [other.dir().display().to_string()], "the other one goes on");
    other.client().await.unwrap().apiserver_version().await.unwrap();
    drop(other);
    assert_eq!(entries(parent.path()), Vec::<String>::new());
    assert_eq!(processes_of(parent.path()), Vec::<String>::new());
}

#[tokio::test]
async fn the_api_server_proves_who_it_is_and_asks_who_its_client_is() {
    let plane = ControlPlane::shared_for_tests().await.unwrap();
    let reading = |kubeconfig: String| async move {
        let kubeconfig = Kubeconfig::from_yaml(&kubeconfig).unwrap();
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        config.default_retry = false;
        Api::<Namespace>::all(kube::Client::try_from(config).unwrap()).get("default").await
    };
    reading(plane.kubeconfig().to_owned()).await.unwrap();

    let line = |key: &str| plane.kubeconfig().lines().find(|line| line.contains(key)).unwrap().to_owned();
    let without_authority = plane.kubeconfig().replace(&format!("{}\n", line("certificate-authority-data")), "");
    let error = format!("{:?}", reading(without_authority).await.unwrap_err());
    assert!(error.contains("UnknownIssuer"), "{error}");

    for (token, code) in [("wrong".to_owned(), 401), (service_account_token(plane).await, 403)] {
        let kubeconfig = plane.kubeconfig().replace(&line("token:"), &format!("      token: {token}"));
        match reading(kubeconfig).await.unwrap_err() {
            kube::Error::Api(status) => assert_eq!(status.code, code, "{status:?}"),
            error => panic!("{error:?}"),
        }
    }
}

/// The token of a fresh service account that nobody has given any right.
async fn service_account_token(plane: &ControlPlane) -> String {
    let api = Api::<ServiceAccount>::default_namespaced(plane.client().await.unwrap());
    let metadata = kube::core::ObjectMeta { generate_name: Some("nobody-".into()), ..Default::default() };
    let account = api.create(&PostParams::default(), &ServiceAccount { metadata, ..Default::default() }).await.unwrap();
    let request = serde_json::from_value(serde_json::json!({"spec": {"audiences": []}})).unwrap();
    let granted =
        api.create_token_request(&account.metadata.name.unwrap(), &PostParams::default(), &request).await.unwrap();
    granted.status.unwrap().token.unwrap()
}

#[tokio::test]
async fn kubectl_works_with_nothing_but_the_kubeconfig_file() {
    let plane = ControlPlane::shared_for_tests().await.unwrap();
    let kubectl = Assets::from_env().unwrap().obtain(Binary::Kubectl, &Progress::stderr()).await.unwrap();
    let output = Command::new(kubectl)
        .args(["get", "namespaces", "--output=name"])
        .env("KUBECONFIG", plane.kubeconfig_path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("namespace/default"), "{output:?}");
}

#[tokio::test]
async fn a_control_plane_that_cannot_start_says_what_its_program_said_and_leaves_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let mut options = options(parent.path());
    options.apiserver_flags.push("--no-such-flag".into());
    let error = ControlPlane::start(options).await.unwrap_err().to_string();
    assert!(error.contains("kube-apiserver") && error.contains("no-such-flag"), "{error}");
    assert_eq!(entries(parent.path()), Vec::<String>::new());
    assert_eq!(processes_of(parent.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_temporary_directory_too_deep_for_a_socket_is_refused_with_a_way_out() {
    let parent = tempfile::tempdir().unwrap();
    let error = ControlPlane::start(options(&parent.path().join("d".repeat(120)))).await.unwrap_err().to_string();
    assert!(error.contains("TMPDIR"), "{error}");
}

#[test]
fn kill_minus_9_of_the_process_that_started_it_leaves_no_process_and_no_file() {
    let parent = tempfile::tempdir().unwrap();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "the_process_that_is_killed", "--nocapture"])
        .env(VICTIM, parent.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let ready = lines.map_while(Result::ok).any(|line| line.contains("the control plane is ready"));
    assert!(ready, "the control plane of the other process did not start");
    let before = processes_of(parent.path());
    assert!(before.iter().any(|line| line.contains("secure-port")), "{before:?}");
    assert!(before.iter().any(|line| line.contains("unsafe-no-fsync")), "{before:?}");
    assert_eq!(entries(parent.path()).len(), 1);

    victim.kill().unwrap();
    victim.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        let (processes, files) = (processes_of(parent.path()), entries(parent.path()));
        if processes.is_empty() && files.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "30 s after kill -9: {processes:?} {files:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Not a test of its own: the process that the test above starts and kills.
#[tokio::test]
#[ignore = "run only as another process, by the test that kills it"]
async fn the_process_that_is_killed() {
    let Some(parent) = std::env::var_os(VICTIM) else { return };
    let _plane = ControlPlane::start(options(Path::new(&parent))).await.unwrap();
    println!("the control plane is ready");
    std::future::pending::<()>().await;
}
