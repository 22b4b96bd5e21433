//! The command `landbridge sandbox` as a user meets it: another process, from some directory, that ends in every way there is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test that cannot go on must fail.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    thread::sleep,
    time::{Duration, Instant},
};

use clap::{Args as _, FromArgMatches as _};
use landbridge_sandbox::SandboxArgs;

/// The arguments of the process that the ignored test below turns into, separated by spaces.
const ARGS: &str = "LANDBRIDGE_TEST_SANDBOX_ARGS";
/// Everything here ends by itself long before this.
const PATIENCE: Duration = Duration::from_mins(4);

/// Not a test of its own: the command, as another process.
#[test]
#[ignore = "run only as another process, by the tests of this file"]
fn the_command() {
    let Ok(args) = std::env::var(ARGS) else { return };
    let command = SandboxArgs::augment_args(clap::Command::new("sandbox").no_binary_name(true));
    let args = SandboxArgs::from_arg_matches(&command.get_matches_from(args.split_whitespace())).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Err(error) = runtime.block_on(landbridge_sandbox::run(args)) {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

/// A sandbox in another process, whose temporary directory is `tmp` and whose working directory is the root.
struct Running {
    child: Child,
    lines: Receiver<String>,
    tmp: PathBuf,
}

impl Running {
    fn start(args: &str, tmp: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "the_command", "--nocapture"])
            .env(ARGS, args)
            .env("TMPDIR", tmp)
            .current_dir("/")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, lines) = channel();
        std::thread::spawn(move || stdout.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines, tmp: tmp.to_owned() }
    }

    /// Reads what it says until a line contains that text.
    fn read_until(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut said = String::new();
        while let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            said.push_str(&line);
            said.push('\n');
            if line.contains(text) {
                return said;
            }
        }
        self.child.kill().unwrap();
        panic!("it ended, or went on too long, without saying {text:?}:\n{said}{}", self.stderr());
    }

    fn stderr(&mut self) -> String {
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        said
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end; gives how it ended and everything it said that was not read yet.
    fn end(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "it does not end");
            sleep(Duration::from_millis(20));
        }
        let mut said: Vec<String> = self.lines.iter().collect();
        said.push(self.stderr());
        (self.child.wait().unwrap(), said.join("\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        nothing_left(&self.tmp);
    }
}

/// Every process that has the directory in its arguments.
fn processes_of(tmp: &Path) -> Vec<String> {
    let listed = Command::new("ps").args(["-A", "-ww", "-o", "pid=,args="]).output().unwrap().stdout;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    listed.lines().filter(|line| line.contains(tmp.to_str().unwrap())).map(str::to_owned).collect()
}

/// Waits until no process has the directory in its arguments and nothing is in it.
fn nothing_left(tmp: &Path) {
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        let processes = processes_of(tmp);
        let files: Vec<_> = fs::read_dir(tmp).unwrap().map(|entry| entry.unwrap().path()).collect();
        if processes.is_empty() && files.is_empty() {
            return;
        }
        assert!(std::thread::panicking() || Instant::now() < deadline, "left: {processes:#?} {files:?}");
        if Instant::now() >= deadline {
            return;
        }
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn once_ends_well_when_the_sample_is_ready_also_twice_at_the_same_time() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let running = [&one, &other].map(|tmp| Running::start("--once --speed 100", tmp.path()));
    for sandbox in running {
        let tmp = sandbox.tmp.clone();
        let (status, said) = sandbox.end();
        assert!(status.success(), "{said}");
        assert!(said.contains("ECSService shop/orders: Ready=True"), "{said}");
        nothing_left(&tmp);
    }
}

#[test]
fn once_fails_with_the_reasons_when_the_sample_is_not_ready_in_time() {
    let tmp = tempfile::tempdir().unwrap();
    let (status, said) = Running::start("--once --speed 0.01 --timeout 2s", tmp.path()).end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("was not Ready within 2s") && said.contains("ECSService shop/web: Ready="), "{said}");
}

#[test]
fn it_can_be_used_as_it_says_and_ctrl_c_ends_it_well() {
    let tmp = tempfile::tempdir().unwrap();
    let mut sandbox = Running::start("--speed 100 --with-workloads", tmp.path());
    let said = sandbox.read_until("ECSService shop/web: Ready=True");
    let source = said.lines().find(|line| line.trim().starts_with(". ")).expect("a file to source");
    let script = format!("{source}\nkubectl get landbridge --all-namespaces; echo \"$AWS_ENDPOINT_URL\"");
    let output = Command::new("/bin/sh").args(["-c", &script]).current_dir("/").output().unwrap();
    let listed = String::from_utf8_lossy(&output.stdout);
    assert!(listed.contains("ecsservice.landbridge.dev/web") && listed.contains("http://127.0.0.1:"), "{output:?}");
    // The commands for pods, as they are printed.
    let pods: Vec<&str> = said.lines().filter(|line| line.contains("kubectl") && line.contains("deployment")).collect();
    assert_eq!(pods.len(), 3, "{said}");
    let script = format!("set -e\n{source}\n{}\nkubectl get pods --output=wide", pods.join("\n"));
    let output = Command::new("/bin/sh").args(["-c", &script]).current_dir("/").output().unwrap();
    let listed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && listed.contains("successfully rolled out"), "{output:?}");
    assert!(listed.contains("hello-") && listed.contains(" 172.31."), "{listed}");
    sandbox.signal("INT");
    let (status, said) = sandbox.end();
    assert!(status.success() && said.contains("Stopping the operator"), "{status} {said}");
}

#[test]
fn kill_minus_9_leaves_no_process_and_no_file() {
    let tmp = tempfile::tempdir().unwrap();
    let mut sandbox = Running::start("--no-sample --with-workloads", tmp.path());
    sandbox.read_until("Ctrl-C ends everything");
    let processes = processes_of(tmp.path());
    for program in ["kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler", "kwok"] {
        assert!(processes.iter().any(|line| line.contains(program)), "no {program}: {processes:#?}");
    }
    sandbox.signal("KILL");
    let (status, said) = sandbox.end();
    assert!(!status.success(), "{said}");
}

#[test]
fn the_demo_moves_a_service_there_and_back_without_a_failed_request() {
    let tmp = tempfile::tempdir().unwrap();
    let demo = Running::start("--demo migration --once --rate 100 --bake 1s", tmp.path());
    let (status, said) = demo.end();
    assert!(status.success(), "{said}");
    assert!(said.contains("failed: 0") && said.contains("no request failed, every share is as its weight"), "{said}");
    for row in ["ECS to EKS      1%", "ECS to EKS     50%", "EKS to ECS     10%", "EKS to ECS    100%"] {
        assert!(said.contains(row), "{row}: {said}");
    }
    nothing_left(tmp.path());
}

#[test]
fn the_demo_fails_when_pods_answer_badly_on_the_way() {
    let tmp = tempfile::tempdir().unwrap();
    let mut demo = Running::start("--demo migration --once --rate 100 --bake 3s", tmp.path());
    let mut said = demo.read_until("weights 50/50");
    let source = said.lines().find(|line| line.trim().starts_with(". ")).expect("a file to source");
    // Without a wait between the pods: what it costs is the way back of the migration's own.
    let bad = r#"kubectl -n shop patch deployment orders -p '{"spec": {"minReadySeconds": 0, "template": {"spec":
        {"containers": [{"name": "orders", "image": "shop.example.com/orders:target-503"}]}}}}'"#;
    let output = Command::new("/bin/sh").args(["-c", &format!("{source}\n{bad}")]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let (status, rest) = demo.end();
    said.push_str(&rest);
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(
        said.contains("HTTP 503 from eks") && said.contains("orders-to-eks went back: gate targets failed"),
        "{said}"
    );
    assert!(said.contains("the demo did not hold") && said.contains("requests failed"), "{said}");
    nothing_left(tmp.path());
}

#[test]
fn ctrl_c_in_the_middle_of_the_demo_leaves_nothing() {
    let tmp = tempfile::tempdir().unwrap();
    let mut demo = Running::start("--demo migration --bake 1s", tmp.path());
    demo.read_until("Propagating, weights 99/1");
    demo.signal("INT");
    let (status, said) = demo.end();
    assert!(status.success() && said.contains("Stopping the operator"), "{status} {said}");
    nothing_left(tmp.path());
}
