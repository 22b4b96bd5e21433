//! The command line of `convert`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Which side the files are converted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ConvertTo {
    /// Deployment, DaemonSet or CronJob, and what belongs to them.
    Kubernetes,
    /// ECSService and IAMTaskRole.
    Ecs,
}

/// Where tasks run that come from Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ConvertCapacity {
    /// On Fargate, in the cheapest size that holds the pod.
    Fargate,
    /// On container instances.
    Ec2,
}

/// Arguments of `convert`.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// Which side to convert to.
    #[arg(long)]
    pub to: ConvertTo,
    /// File or folder of manifests or JSON; `-` reads standard input. Can be given more than once.
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Read folders below the given ones too.
    #[arg(short = 'R', long)]
    pub recursive: bool,
    /// Namespace of the objects. Default: that of the input.
    #[arg(short = 'n', long)]
    pub namespace: Option<String>,
    /// The report's form: `table`, `json`, or a file that it is written to as JSON.
    #[arg(long, value_name = "table|json|FILE")]
    pub report: Option<String>,
    /// Exit 2 when a field was refused, or what was printed would be.
    #[arg(long)]
    pub strict: bool,
    /// Tell the size of the pod on EKS Fargate too, which keeps 256 MiB for itself.
    #[arg(long)]
    pub eks_fargate: bool,
    /// Name of the Kubernetes objects. Default: that of the ECSService, the service or the family.
    #[arg(long, help_heading = "To Kubernetes")]
    pub name: Option<String>,
    /// Make a CronJob with this schedule.
    #[arg(long, value_name = "CRON", help_heading = "To Kubernetes")]
    pub schedule: Option<String>,
    /// p95 of CPU and maximum of memory per container (JSON or CSV), from which requests are right-sized.
    #[arg(long, value_name = "FILE", help_heading = "To Kubernetes")]
    pub usage: Option<PathBuf>,
    /// Host of the ingress object, where no listener rule among the files says it. Can be given more than once.
    #[arg(long, help_heading = "To Kubernetes")]
    pub host: Vec<String>,
    /// Make HTTPRoutes for this Gateway (NAME or NAMESPACE/NAME), and no Ingress.
    #[arg(long, help_heading = "To Kubernetes")]
    pub gateway: Option<String>,
    /// Write IRSA's annotation to the ServiceAccount; without it pods get the role through EKS Pod Identity.
    #[arg(long, help_heading = "To Kubernetes")]
    pub irsa: bool,
    /// ClusterSecretStore of External Secrets for Secrets Manager.
    #[arg(long, value_name = "NAME", default_value = "aws-secrets-manager", help_heading = "To Kubernetes")]
    pub secret_store: String,
    /// ClusterSecretStore of External Secrets for Parameter Store.
    #[arg(long, value_name = "NAME", default_value = "aws-parameter-store", help_heading = "To Kubernetes")]
    pub parameter_store: String,
    /// The ECSCluster of the services. Default: the one that they were converted from, or `default`.
    #[arg(long, help_heading = "To ECS")]
    pub cluster: Option<String>,
    /// Where tasks run. Default: where they ran before, if they were converted from ECS; else Fargate.
    #[arg(long, help_heading = "To ECS")]
    pub capacity: Option<ConvertCapacity>,
    /// ARN of the task role, for ServiceAccounts that name none.
    #[arg(long, value_name = "ARN", help_heading = "To ECS")]
    pub task_role_arn: Option<String>,
    /// Make an IAMTaskRole for the role, which tasks and pods then share.
    #[arg(long, help_heading = "To ECS")]
    pub iam_task_role: bool,
    /// The IAMTaskRole that pulls images, reads secrets and writes logs.
    #[arg(long, value_name = "NAME", help_heading = "To ECS")]
    pub execution_role: Option<String>,
    /// ARN of the role with which ECS manages EBS volumes.
    #[arg(long, value_name = "ARN", help_heading = "To ECS")]
    pub infrastructure_role_arn: Option<String>,
    /// The CloudMapNamespace in which the services are found by the names of their Kubernetes Services.
    #[arg(long, value_name = "NAME", help_heading = "To ECS")]
    pub cloud_map_namespace: Option<String>,
    /// Folder for what Application Auto Scaling needs in place of HorizontalPodAutoscalers, as `--cli-input-json` takes it.
    #[arg(long, value_name = "DIR", help_heading = "To ECS")]
    pub scaling: Option<PathBuf>,
}
