//! Logs: one subscriber for the process, as text or JSON, on stderr.
//!
//! Nothing secret is logged because nothing secret is passed to a log macro: objects are named, never printed whole,
//! and request bodies of the SDKs are kept out by the filter whatever level is asked for.

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;

use crate::config::{Config, LogFormat};

/// Crates that print requests, headers or credentials at their lower levels.
const NEVER_BELOW_WARN: [&str; 8] = [
    "aws_sigv4=warn",
    "aws_smithy_runtime=warn",
    "aws_smithy_http_client=warn",
    "aws_config=warn",
    "aws_sdk_ecs=warn",
    "h2=warn",
    "hyper_util=warn",
    "reqwest=warn",
];

/// Starts logging.
///
/// # Errors
/// The filter cannot be read, or the process logs already.
pub fn start(config: &Config) -> anyhow::Result<()> {
    let mut filter =
        EnvFilter::try_new(&config.log).with_context(|| format!("--log {:?} is not a filter", config.log))?;
    for directive in NEVER_BELOW_WARN {
        filter = filter.add_directive(directive.parse::<Directive>()?);
    }
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match config.log_format {
        LogFormat::Text => subscriber.try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
    };
    started.map_err(|e| anyhow::anyhow!("logging cannot start: {e}"))
}
