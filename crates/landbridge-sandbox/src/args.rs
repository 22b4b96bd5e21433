//! The arguments of `landbridge sandbox`.

use std::time::Duration;

use jiff::SignedDuration;

/// A Kubernetes API, an AWS that exists only in this process, and the operator, to try everything without an account.
///
/// Everything is on this machine and in one temporary directory; all of it is gone at the end, however that comes.
#[derive(Debug, Clone, PartialEq, clap::Args)]
pub struct SandboxArgs {
    /// End as soon as every object of the sample is Ready; fail, with the reasons, when one is not in time.
    ///
    /// With `--demo`: play it to its end, print the counts, and fail unless all of it held.
    #[arg(long)]
    pub once: bool,

    /// How long `--once` waits for the sample, or for the end of the demo, after the API server is up, such as 90s or 5m.
    #[arg(long, default_value = "5m", value_parser = duration)]
    pub timeout: Duration,

    /// How many times as fast as on AWS tasks start and deployments roll; 5 unless it is given, in a demo 20.
    #[arg(long, value_parser = speed)]
    pub speed: Option<f64>,

    /// Refuse calls beyond AWS's published request quotas, as AWS does.
    #[arg(long)]
    pub quotas: bool,

    /// Run pods too: kube-controller-manager, kube-scheduler and kwok, and a real HTTP server for each pod and ECS task.
    ///
    /// Deployments become Ready pods with addresses in three zones. The first time the three programs are built, which takes
    /// minutes.
    #[arg(long)]
    pub with_workloads: bool,

    /// Start without the sample shop.
    #[arg(long, conflicts_with = "once")]
    pub no_sample: bool,

    /// Play a story with live traffic in place of the sample; pods run as with `--with-workloads`.
    ///
    /// `migration`: a load generator asks an emulated load balancer all the time while a TrafficMigration moves a service
    /// from ECS tasks to pods, and another one back.
    #[arg(long, value_enum, conflicts_with = "no_sample")]
    pub demo: Option<Demo>,

    /// Requests per second of the demo's load generator, 1 to 500.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=500), requires = "demo")]
    pub rate: u16,

    /// How long the demo's migrations watch each step, in whole seconds, such as 5s.
    #[arg(long, default_value = "5s", value_parser = whole_seconds, requires = "demo")]
    pub bake: Duration,
}

/// A story that the sandbox plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Demo {
    /// A service moves from ECS to EKS and back under traffic.
    Migration,
}

impl SandboxArgs {
    /// How many times as fast as AWS.
    pub fn speed(&self) -> f64 {
        self.speed.unwrap_or(if self.demo.is_some() { 20.0 } else { 5.0 })
    }

    /// Whether pods run.
    pub fn workloads(&self) -> bool {
        self.with_workloads || self.demo.is_some()
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok());
    parsed
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "expected a duration such as 90s, 5m or 1h30m".to_owned())
}

fn whole_seconds(text: &str) -> Result<Duration, String> {
    let parsed = duration(text)?;
    let fits = parsed.subsec_nanos() == 0 && parsed <= Duration::from_hours(1);
    if fits { Ok(parsed) } else { Err("expected whole seconds, at most an hour, such as 5s".to_owned()) }
}

/// How many times as fast as AWS: 0.01 to 1000.
///
/// # Errors
/// Anything else, in words for the command line.
pub fn speed(text: &str) -> Result<f64, String> {
    let parsed = text.parse::<f64>().ok().filter(|speed| (0.01..=1000.0).contains(speed));
    parsed.ok_or_else(|| "expected a number from 0.01 to 1000, such as 1 for AWS's own pace".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command, FromArgMatches};

    use super::*;

    fn parse(args: &[&str]) -> Result<SandboxArgs, String> {
        let matches =
            SandboxArgs::augment_args(Command::new("sandbox").no_binary_name(true)).try_get_matches_from(args);
        matches.and_then(|matches| SandboxArgs::from_arg_matches(&matches)).map_err(|error| error.to_string())
    }

    #[test]
    fn without_arguments_it_runs_until_it_is_stopped_with_the_sample() {
        let args = parse(&[]).unwrap();
        assert_eq!((args.once, args.no_sample, args.timeout), (false, false, Duration::from_mins(5)));
        assert!(!args.workloads(), "its programs take minutes to build");
        assert!((args.speed() - 5.0).abs() < f64::EPSILON);
        let demo = parse(&["--demo", "migration", "--once"]).unwrap();
        assert!(demo.workloads() && demo.speed() > args.speed());
    }

    #[test]
    fn arguments_that_make_no_sense_are_refused_with_an_example() {
        for (args, says) in [
            (["--timeout", "soon"], "90s"),
            (["--once", "--timeout=-5m"], "90s"),
            (["--timeout", "0s"], "90s"),
            (["--speed", "0"], "0.01"),
            (["--speed", "NaN"], "0.01"),
            (["--once", "--no-sample"], "cannot be used with"),
            (["--demo", "migraton"], "migration"),
            (["--rate", "20"], "--demo"),
            (["--demo=migration", "--rate=0"], "1..=500"),
            (["--demo=migration", "--bake=1500ms"], "whole seconds"),
        ] {
            let error = parse(&args).unwrap_err();
            assert!(error.contains(says), "{args:?}: {error}");
        }
    }
}
