//! Settings: flags, each with an environment variable. Nothing here reads a file.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::lease::Timings;

/// Settings of the operator.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// Identity of this Landbridge installation. It is part of the ownership tags in AWS, so two installations in one
    /// AWS account need different ones.
    #[arg(long, env = "LANDBRIDGE_INSTALLATION", default_value = "landbridge", value_name = "NAME")]
    pub installation: String,

    /// Namespace of the leases. Default: the one this process runs in, else the kubeconfig's.
    #[arg(long, env = "LANDBRIDGE_NAMESPACE", value_name = "NAMESPACE")]
    pub namespace: Option<String>,

    /// Watch namespaced kinds in these namespaces only (comma-separated or repeated). Default: all.
    #[arg(long, env = "LANDBRIDGE_WATCH_NAMESPACES", value_name = "NAMESPACE", value_delimiter = ',')]
    pub watch_namespaces: Vec<String>,

    /// Name of this replica in leases and events. Default: the host name.
    #[arg(long, env = "POD_NAME", value_name = "NAME")]
    pub replica: Option<String>,

    /// Objects of one AWS account and region that are reconciled at once. Accounts do not take slots from each other.
    #[arg(long, env = "LANDBRIDGE_CONCURRENCY", default_value_t = 256, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub concurrency: u32,

    /// How often every object but an ECSService and an IAMTaskRole is compared whole with AWS, give or take a fifth.
    #[arg(long, env = "LANDBRIDGE_RESYNC", default_value = "10m", value_name = "DURATION", value_parser = duration)]
    pub resync: Duration,

    /// How often an ECSService or an IAMTaskRole is compared whole with AWS. Between two of them sweeps look for changes.
    #[arg(long, env = "LANDBRIDGE_SERVICE_RESYNC", default_value = "4h", value_name = "DURATION", value_parser = duration)]
    pub service_resync: Duration,

    /// How often a CloudMapImport looks whether its source has changed, give or take a fifth.
    #[arg(long, env = "LANDBRIDGE_IMPORT_LOOK", default_value = "5s", value_name = "DURATION", value_parser = duration)]
    pub import_look: Duration,

    /// How often sweeps look at everything that is managed, in bulk.
    #[arg(long, env = "LANDBRIDGE_SWEEP", default_value = "60s", value_name = "DURATION", value_parser = duration)]
    pub sweep: Duration,

    /// How soon a sweep looks again at a service that rolls out; the longer it takes, the less often.
    #[arg(long, env = "LANDBRIDGE_ROLLING_SWEEP", default_value = "1s", value_name = "DURATION", value_parser = duration)]
    pub rolling_sweep: Duration,

    /// Address of /healthz, /readyz, /metrics and /debug/state. In a pod: 0.0.0.0:8080.
    #[arg(long, env = "LANDBRIDGE_ADMIN_ADDRESS", default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    pub admin_address: SocketAddr,

    /// How long to wait at the end for AWS writes that are under way.
    #[arg(long, env = "LANDBRIDGE_GRACE", default_value = "20s", value_name = "DURATION", value_parser = duration)]
    pub grace: Duration,

    /// Directory with bearer tokens for the Prometheus servers and webhooks that gates of migrations ask, such as a mounted
    /// Secret. Each file is named after the host that its token is for, as `prometheus.example.com`, with another port than
    /// the scheme's own as `prometheus.example.com_9090`. They are read for each request.
    #[arg(long, env = "LANDBRIDGE_GATE_TOKENS", value_name = "DIRECTORY", value_parser = directory)]
    pub gate_tokens: Option<PathBuf>,

    /// Ask the API server to stream lists. It needs Kubernetes 1.34 or the WatchList feature gate.
    #[arg(long, env = "LANDBRIDGE_STREAMING_LISTS")]
    pub streaming_lists: bool,

    /// Form of the log.
    #[arg(long, env = "LANDBRIDGE_LOG_FORMAT", default_value = "text", value_name = "FORMAT")]
    pub log_format: LogFormat,

    /// What is logged: a level, or a tracing filter such as `info,landbridge_aws=debug`.
    #[arg(long, env = "LANDBRIDGE_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,

    /// How often it is looked which kinds of others are served; only tests change it.
    #[arg(skip = Duration::from_secs(10))]
    pub optional_look: Duration,

    /// Lease timings; only tests change them.
    #[arg(skip)]
    pub lease: Timings,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// Defaults are those of the flags.
impl Default for Config {
    fn default() -> Self {
        Self {
            installation: "landbridge".to_owned(),
            namespace: None,
            watch_namespaces: Vec::new(),
            replica: None,
            concurrency: 256,
            resync: Duration::from_mins(10),
            service_resync: Duration::from_hours(4),
            import_look: Duration::from_secs(5),
            sweep: Duration::from_mins(1),
            rolling_sweep: Duration::from_secs(1),
            admin_address: SocketAddr::from(([127, 0, 0, 1], 8080)),
            grace: Duration::from_secs(20),
            gate_tokens: None,
            streaming_lists: false,
            log_format: LogFormat::Text,
            log: "info".to_owned(),
            optional_look: Duration::from_secs(10),
            lease: Timings::default(),
        }
    }
}

/// `90s`, `10m`, `4h`, `1h30m` or a plain number of seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is not a duration: write for example 90s, 10m, 4h or 1h30m");
    if let Ok(seconds) = text.parse::<u64>() {
        return positive(Duration::from_secs(seconds)).ok_or_else(bad);
    }
    let span: jiff::SignedDuration = text.parse().map_err(|_| bad())?;
    Duration::try_from(span).ok().and_then(positive).ok_or_else(bad)
}

/// A directory that is there.
fn directory(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let missing = "this is no directory: mount the Secret there, or leave it out".to_owned();
    if path.is_dir() { Ok(path) } else { Err(missing) }
}

fn positive(duration: Duration) -> Option<Duration> {
    (!duration.is_zero()).then_some(duration)
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches};

    use super::*;

    fn parse(args: &[&str]) -> Result<Config, clap::Error> {
        let command = Config::augment_args(Command::new("landbridge-controller"));
        command.try_get_matches_from(args).and_then(|m| Config::from_arg_matches(&m))
    }

    #[test]
    fn the_defaults_of_the_flags_are_those_of_the_struct() {
        assert_eq!(format!("{:?}", parse(&["x"]).unwrap()), format!("{:?}", Config::default()));
    }

    #[test]
    fn durations_are_written_as_people_write_them_and_nonsense_is_refused_with_an_example() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!(duration("15"), Ok(Duration::from_secs(15)));
        for bad in ["", "soon", "-5s", "0", "0s"] {
            assert!(duration(bad).unwrap_err().contains("10m"), "{bad}");
        }
    }

    #[test]
    fn a_directory_that_is_not_there_is_refused_at_the_start() {
        let here = env!("CARGO_MANIFEST_DIR");
        assert_eq!(parse(&["x", "--gate-tokens", here]).unwrap().gate_tokens, Some(PathBuf::from(here)));
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let said = parse(&["x", "--gate-tokens", file]).unwrap_err().to_string();
        assert!(said.contains("--gate-tokens") && said.contains("no directory: mount the Secret"), "{said}");
    }

    #[test]
    fn namespaces_may_be_separated_by_commas_or_repeated() {
        let config = parse(&["x", "--watch-namespaces", "a,b", "--watch-namespaces", "c"]).unwrap();
        assert_eq!(config.watch_namespaces, ["a", "b", "c"]);
    }
}
