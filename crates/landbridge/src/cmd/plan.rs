//! `landbridge plan` and `landbridge diff`.

use std::io::{IsTerminal as _, Write as _};

use anyhow::{Context as _, Result};
use landbridge_plan::plan::Plan;
use landbridge_plan::render::{self, Summary};

use crate::cli::{PlanArgs, PlanOutput, SourceArgs};
use crate::exit::Exit;
use crate::session::{Session, load};

/// Shows what would change.
pub async fn plan(args: &PlanArgs) -> Result<Exit> {
    let plans = plans(&args.source).await?;
    print(&plans, args.source.output)?;
    let summary = Summary::of(&plans);
    Ok(match args.detailed_exitcode {
        _ if summary.blocked > 0 => Exit::Failed,
        true if summary.changes() => Exit::Changes,
        _ => Exit::Ok,
    })
}

/// Shows what would change and says by its exit code whether something would.
pub async fn diff(args: &SourceArgs) -> Result<Exit> {
    let plans = plans(args).await?;
    print(&plans, args.output)?;
    let summary = Summary::of(&plans);
    anyhow::ensure!(summary.blocked == 0, "{} objects are refused; see above", summary.blocked);
    Ok(if summary.changes() { Exit::Differs } else { Exit::Ok })
}

async fn plans(args: &SourceArgs) -> Result<Vec<Plan>> {
    let objects = load(args).await?;
    Session::open(&objects, &args.installation).await.plan(objects).await
}

/// Prints plans to standard output.
pub fn print(plans: &[Plan], output: PlanOutput) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match output {
        PlanOutput::Text => {
            let colour = out.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
            write!(out, "{}", render::text(plans, colour))
        }
        PlanOutput::Json => serde_json::to_string_pretty(&render::json(plans))
            .map_err(std::io::Error::from)
            .and_then(|text| writeln!(out, "{text}")),
    }
    .context("writing to standard output")
}
