//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

mod convert;

pub use convert::{ConvertArgs, ConvertCapacity, ConvertTo};

/// Amazon ECS from reviewed files: plan it, apply it, see why it is not ready. `kubectl landbridge` is the same program.
#[derive(Debug, Parser)]
#[command(name = "landbridge", version, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what would change in AWS, and change nothing.
    ///
    /// With -f no Kubernetes is needed: the files and AWS credentials are enough. Without -f the objects come from the
    /// current Kubernetes cluster.
    Plan(PlanArgs),
    /// Like plan, with kubectl diff's exit codes: 0 no difference, 1 differences, more than 1 an error.
    Diff(SourceArgs),
    /// Make AWS what the files say. No Kubernetes is needed; the operator can take over later without a change.
    Apply(ApplyArgs),
    /// Delete from AWS what the files describe, as their deletionPolicy says.
    Delete(ApplyArgs),
    /// List Landbridge's objects in the cluster, and whether they are all right.
    Get(GetArgs),
    /// Show one object: what it waits for, why it is not ready, why tasks stopped.
    Describe(DescribeArgs),
    /// Move traffic between ECS and EKS, or between two ECS services: look at a TrafficMigration, and tell it what to do.
    Migrate(MigrateArgs),
    /// Convert ECS services to Kubernetes manifests, or back, with a report of what became of every field.
    ///
    /// --to kubernetes takes ECSService objects (with the ECSCluster and IAMTaskRole that they refer to) and the JSON of the AWS
    /// CLI: task definitions, services, scalable targets and scaling policies, listener rules, target groups. --to ecs takes
    /// Deployments and DaemonSets with the objects around them. The manifests go to standard output, the report to standard
    /// error. A field is mapped (the same, and it comes back the same), approximated with a note, or refused with a reason.
    ///
    /// Exit codes: 0 converted; 1 nothing was converted; with --strict 2 when a field was refused.
    Convert(Box<ConvertArgs>),
    /// Run a real Kubernetes API, an emulated AWS and the operator on this machine.
    Sandbox(landbridge_sandbox::SandboxArgs),
    /// Run the emulated AWS alone, for any client that takes an endpoint: the AWS CLI, boto3, deploy tools.
    ///
    /// Nothing leaves this machine, and nothing is kept at the end. The calls that were made are counted then.
    Emulator(EmulatorArgs),
    /// Print the CustomResourceDefinitions, for `kubectl apply -f -`.
    Crds,
    /// Print a completion script.
    Completion {
        /// For which shell.
        shell: Shell,
    },
}

/// Where the objects come from.
#[derive(Debug, Args)]
pub struct SourceArgs {
    /// File or folder of manifests; `-` reads standard input. Can be given more than once.
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Read folders below the given ones too.
    #[arg(short = 'R', long)]
    pub recursive: bool,
    /// Namespace of objects that name none; without -f, the namespace to read (default: all).
    #[arg(short = 'n', long)]
    pub namespace: Option<String>,
    /// Identity in the ownership tags. It must be the operator's own, if one runs in the account.
    #[arg(long, env = "LANDBRIDGE_INSTALLATION", default_value = "landbridge")]
    pub installation: String,
    /// `text` for people, `json` for programs; the JSON form is stable.
    #[arg(short = 'o', long, default_value = "text")]
    pub output: PlanOutput,
}

/// Form of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlanOutput {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Where the objects come from.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Exit 2 when something would change, 0 when nothing would, 1 on an error.
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// Arguments of `apply` and `delete`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// Where the objects come from.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Follow each rollout until it is healthy, or failed, or the time is over.
    #[arg(long)]
    pub wait: bool,
    /// Longest time for the whole command, for example `90s` or `15m`.
    #[arg(long, default_value = "15m", value_parser = duration)]
    pub timeout: Duration,
    /// Show the plan and stop.
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `get`.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// Kind (`ecsservice`, `ecssvc`, `ECSService` …) or `all`.
    #[arg(default_value = "all")]
    pub kind: String,
    /// Only the object of this name.
    pub name: Option<String>,
    /// Namespace; default: the current one.
    #[arg(short = 'n', long)]
    pub namespace: Option<String>,
    /// All namespaces.
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// Output form.
    #[arg(short = 'o', long, default_value = "table")]
    pub output: ObjectOutput,
}

/// Form of a list of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ObjectOutput {
    /// Columns.
    Table,
    /// Columns with the message.
    Wide,
    /// A Kubernetes list.
    Json,
    /// A Kubernetes list.
    Yaml,
    /// `kind/name` lines.
    Name,
}

/// Arguments of `describe`.
#[derive(Debug, Args)]
pub struct DescribeArgs {
    /// Kind and name as `ecsservice/web`, or the kind alone with NAME.
    pub kind: String,
    /// Name.
    pub name: Option<String>,
    /// Namespace; default: the current one.
    #[arg(short = 'n', long)]
    pub namespace: Option<String>,
}

/// Arguments of `migrate`.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: MigrateVerb,
}

/// What to do with a migration.
#[derive(Debug, Subcommand)]
pub enum MigrateVerb {
    /// Show what it will do and what stands in the way. Nothing is written.
    Plan(MigrationTarget),
    /// Begin, where spec.approval is Manual.
    Start(MigrationTarget),
    /// Show weights, health and gates.
    Status {
        /// Which.
        #[command(flatten)]
        target: MigrationTarget,
        /// Stay until it has ended; exits 1 when it went back.
        #[arg(short = 'w', long)]
        watch: bool,
    },
    /// Hold the weights where they are.
    Pause(MigrationTarget),
    /// Go on after a pause; in a conflict, write our weights again.
    Resume(MigrationTarget),
    /// Agree to the next step: end the bake early, let a manual step go on, or go on without a gate that has no data.
    Promote(MigrationTarget),
    /// In a conflict, go on from the weights that are there.
    AdoptCurrent(MigrationTarget),
    /// Give all traffic back to the old side, with one write per rule.
    Abort(MigrationTarget),
}

/// Which migration.
#[derive(Debug, Args)]
pub struct MigrationTarget {
    /// Name of the TrafficMigration.
    pub name: String,
    /// Namespace; default: the current one.
    #[arg(short = 'n', long)]
    pub namespace: Option<String>,
}

impl MigrateVerb {
    /// Which migration is meant.
    pub fn target(&self) -> &MigrationTarget {
        match self {
            Self::Plan(target)
            | Self::Start(target)
            | Self::Status { target, .. }
            | Self::Pause(target)
            | Self::Resume(target)
            | Self::Promote(target)
            | Self::AdoptCurrent(target)
            | Self::Abort(target) => target,
        }
    }

    /// The word in the annotation.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Plan(_) => "plan",
            Self::Start(_) => "start",
            Self::Status { .. } => "status",
            Self::Pause(_) => "pause",
            Self::Resume(_) => "resume",
            Self::Promote(_) => "promote",
            Self::AdoptCurrent(_) => "adopt-current",
            Self::Abort(_) => "abort",
        }
    }

    /// What is said once it was told.
    pub fn done(&self) -> &'static str {
        match self {
            Self::Start(_) => "started",
            Self::Pause(_) => "paused",
            Self::Resume(_) => "resumed",
            Self::Promote(_) => "promoted",
            Self::AdoptCurrent(_) => "told to go on from the present weights:",
            Self::Abort(_) => "told to go back:",
            Self::Plan(_) | Self::Status { .. } => "looked at",
        }
    }
}

/// Arguments of `emulator`.
#[derive(Debug, Args)]
pub struct EmulatorArgs {
    /// Loopback address and port; port 0 is any free one.
    #[arg(long, default_value = "127.0.0.1:4566", value_name = "ADDRESS:PORT", value_parser = listen)]
    pub listen: SocketAddr,
    /// How many times as fast as on AWS tasks start and deployments roll, from 0.01 to 1000.
    #[arg(long, default_value_t = 1.0, value_parser = landbridge_sandbox::args::speed)]
    pub speed: f64,
    /// Where identifiers and chance come from: the same seed and the same calls give the same answers.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Refuse calls beyond AWS's published request quotas, as AWS does.
    #[arg(long)]
    pub quotas: bool,
    /// Refuse subnets and security groups that were not made through EC2, as AWS does.
    #[arg(long)]
    pub strict_network: bool,
    /// File of calls to break and of tasks to fail (YAML or JSON).
    ///
    /// For example `calls: [{action: "ecs:Describe*", fault: throttle, probability: 0.1}]`, or
    /// `tasks: [{image: "*/web:2", fate: pullError}]`. Its parts are calls, tasks, targets, hooks, subnets, utilization and zones;
    /// docs/how-to/emulator.md has every form.
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// Account of credentials that name no other.
    #[arg(long, default_value = "000000000000", value_parser = account)]
    pub account: String,
    /// Region of signatures that name no other.
    #[arg(long, default_value = "us-east-1", value_parser = region)]
    pub region: String,
}

/// `127.0.0.1:4566`, `[::1]:4566`, `localhost:4566`.
fn listen(text: &str) -> Result<SocketAddr, String> {
    let numbered = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let parsed = numbered.as_deref().unwrap_or(text).parse();
    parsed.map_err(|_| "expected a loopback address and a port, such as 127.0.0.1:4566 or 127.0.0.1:0".to_owned())
}

fn region(text: &str) -> Result<String, String> {
    let fits = landbridge_emulator::is_region(text);
    if fits { Ok(text.to_owned()) } else { Err("expected the name of an AWS Region, such as eu-central-1".to_owned()) }
}

fn account(text: &str) -> Result<String, String> {
    let fits = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    if fits { Ok(text.to_owned()) } else { Err("expected the 12 digits of an AWS account".to_owned()) }
}

/// `90s`, `15m`, `2h`, or seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = digits.parse().map_err(|_| format!("{text:?} is not a time such as 90s, 15m or 2h"))?;
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(format!("{unit:?} is not a unit of time: write s, m or h")),
    };
    number.checked_mul(factor).map(Duration::from_secs).ok_or_else(|| format!("{text:?} is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn an_address_is_read_also_as_localhost_and_refused_with_an_example() {
        assert_eq!(listen("localhost:4566").unwrap(), listen("127.0.0.1:4566").unwrap());
        for wrong in ["4566", ":4566", "localhost", "127.0.0.1:99999"] {
            assert!(listen(wrong).unwrap_err().contains("such as 127.0.0.1:4566"), "{wrong}");
        }
        assert!(region("us-gov-west-1").is_ok() && region("Frankfurt").is_err() && region("").is_err());
    }

    #[test]
    fn times_are_read_with_their_unit_and_refused_with_what_to_write() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("15m"), Ok(Duration::from_mins(15)));
        assert!(duration("15x").unwrap_err().contains("write s, m or h"));
        assert!(duration("soon").is_err());
    }
}
