//! How to use the sandbox from another terminal: a file to source, and the words that say so.

use std::path::{Path, PathBuf};

/// The region of the emulated account.
pub const REGION: &str = "us-east-1";
/// Credentials that the emulator takes; they open nothing anywhere else.
pub const CREDENTIALS: (&str, &str) = ("sandbox", "sandbox");

/// The sandbox's installation, in its ownership tags.
pub const INSTALLATION: &str = "sandbox";

/// What somebody else needs to reach this sandbox.
#[derive(Debug, Clone)]
pub struct Instructions {
    /// The kubeconfig file.
    pub kubeconfig: PathBuf,
    /// The address of the emulated AWS.
    pub aws_endpoint: String,
    /// The directory of a kubectl that is not on the PATH.
    pub kubectl_dir: Option<PathBuf>,
    /// Where the operator logs, when that is a file.
    pub log: Option<PathBuf>,
    /// How fast the emulated AWS is.
    pub speed: f64,
    /// Whether the sample is there to play with.
    pub sample: bool,
    /// Whether pods run.
    pub workloads: bool,
}

impl Instructions {
    /// A file for `.` of a POSIX shell.
    pub fn env_file(&self) -> String {
        let mut lines = vec![
            format!("export KUBECONFIG={}", quoted(&self.kubeconfig)),
            format!("export AWS_ENDPOINT_URL={}", self.aws_endpoint),
            format!("export AWS_REGION={REGION} AWS_DEFAULT_REGION={REGION}"),
            format!("export AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY={}", CREDENTIALS.0, CREDENTIALS.1),
            // So that `landbridge plan` and `apply` there are the operator's peers, not another installation.
            format!("export LANDBRIDGE_INSTALLATION={INSTALLATION}"),
            // What would win over, or spoil, the credentials above.
            "unset AWS_PROFILE AWS_SESSION_TOKEN".to_owned(),
        ];
        if let Some(dir) = &self.kubectl_dir {
            lines.push(format!("export PATH={}:\"$PATH\"", quoted(dir)));
        }
        lines.join("\n") + "\n"
    }

    /// What is printed once everything runs.
    pub fn text(&self, env_file: &Path) -> String {
        let times = if (self.speed - 1.0).abs() < f64::EPSILON {
            "at AWS's own pace".to_owned()
        } else {
            format!("{} times as fast as AWS", self.speed)
        };
        let mut text = format!(
            "
A Kubernetes API and an AWS that exists only in this process ({times}) are running, with Landbridge between them.

In another terminal, point kubectl and the AWS CLI at them:

    . {}

Then, for example:

    kubectl get landbridge --all-namespaces
",
            quoted(env_file)
        );
        if self.sample {
            text.push_str(SAMPLE_COMMANDS);
        }
        if self.workloads {
            text.push_str(WORKLOAD_COMMANDS);
        }
        let log = self.log.as_ref().map(|log| format!("\nThe operator logs to {}.\n", log.display()));
        text + &log.unwrap_or_default() + "\nCtrl-C ends everything and removes it.\n"
    }
}

const SAMPLE_COMMANDS: &str = r#"    kubectl -n shop describe ecsservice orders
    kubectl -n shop scale ecsservice web --replicas=4
    kubectl -n shop patch ecsservice orders --type=json \
        -p='[{"op": "replace", "path": "/spec/taskDefinition/containerDefinitions/0/image", "value": "orders:crash"}]'
    aws ecs describe-services --cluster prod --services web orders
"#;

const WORKLOAD_COMMANDS: &str = "    kubectl create deployment hello --image=hello:1 --replicas=3 --port=80
    kubectl expose deployment hello
    kubectl get pods,endpointslices -o wide
    kubectl set image deployment/hello hello=hello:2 && kubectl rollout status deployment/hello
";

/// In single quotes for a POSIX shell, where it needs them.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |character: char| character.is_ascii_alphanumeric() || "/._-+@".contains(character);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_reads_the_env_file_also_where_paths_are_unusual() {
        let dir = tempfile::tempdir().unwrap();
        let instructions = Instructions {
            kubeconfig: "/tmp/it's a \"place\" $HOME/kubeconfig".into(),
            aws_endpoint: "http://127.0.0.1:4566".to_owned(),
            kubectl_dir: Some("/opt/with space".into()),
            log: None,
            speed: 1.0,
            sample: true,
            workloads: true,
        };
        let file = dir.path().join("env");
        std::fs::write(&file, instructions.env_file()).unwrap();
        let script =
            format!(". {}; echo \"$KUBECONFIG|$AWS_ENDPOINT_URL|$PATH|${{AWS_PROFILE-unset}}\"", quoted(&file));
        let output = Command::new("/bin/sh").args(["-c", &script]).env("AWS_PROFILE", "mine").output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let wanted = "/tmp/it's a \"place\" $HOME/kubeconfig|http://127.0.0.1:4566|/opt/with space:";
        assert!(said.starts_with(wanted) && said.trim_end().ends_with("|unset"), "{said}");
        assert!(instructions.text(&file).contains(&format!(". {}", file.display())));
    }
}
