//! The process.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use landbridge_tests::Stage;

/// The operator's process, or none. Clones are the same one; with the last of them it is killed.
#[derive(Clone, Default)]
pub struct Operator(Arc<Mutex<Option<Running>>>);

struct Running(Child);

impl Operator {
    /// Starts it with nothing of this process's environment: a kubeconfig, and AWS's own variables.
    pub fn start(&self, stage: &Stage, aws: &str) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_landbridge-controller"));
        command.args(["--admin-address", "127.0.0.1:0", "--sweep", "1s", "--rolling-sweep", "100ms", "--log", "error"]);
        command.env_clear().env("KUBECONFIG", stage.kubeconfig()).env("AWS_ENDPOINT_URL", aws);
        command.env("AWS_REGION", "us-east-1").env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "example");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        *self.lock() = Some(Running(child));
    }

    /// SIGKILL. When this returns, the process is no more.
    pub fn kill(&self) {
        if let Some(Running(child)) = &mut *self.lock() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// How it ended, if it has.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.lock().as_mut().and_then(|running| running.0.try_wait().unwrap())
    }

    /// SIGTERM; gives how it ended.
    pub fn stop(&self) -> ExitStatus {
        let Some(mut running) = self.lock().take() else { panic!("no operator runs") };
        let sent = Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
        running.0.wait().unwrap()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
