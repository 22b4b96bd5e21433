//! `landbridge apply` and `landbridge delete`: no operator, no Kubernetes.

use std::time::Instant;

use anyhow::Result;

use super::plan::print;
use crate::cli::ApplyArgs;
use crate::exit::Exit;
use crate::session::{Session, load};

/// Makes AWS what the files say.
pub async fn apply(args: &ApplyArgs) -> Result<Exit> {
    let set = load_files(args, "apply").await?;
    let deadline = Instant::now() + args.timeout;
    let mut session = Session::open(&set, &args.source.installation).await;
    if args.dry_run {
        return show(args, &session.plan(set).await?);
    }
    interruptible(async { session.apply(set, args.wait, deadline).await }).await
}

/// Deletes from AWS what the files describe.
pub async fn delete(args: &ApplyArgs) -> Result<Exit> {
    let mut set = load_files(args, "delete").await?;
    let deadline = Instant::now() + args.timeout;
    let mut session = Session::open(&set, &args.source.installation).await;
    if args.dry_run {
        set.mark_deleted();
        return show(args, &session.plan(set).await?);
    }
    interruptible(async { session.delete(set, deadline).await }).await
}

async fn load_files(args: &ApplyArgs, verb: &str) -> Result<crate::files::ObjectSet> {
    anyhow::ensure!(
        !args.source.files.is_empty(),
        "{verb} needs -f FILE; objects in a cluster are the operator's to converge (use kubectl {verb})"
    );
    load(&args.source).await
}

fn show(args: &ApplyArgs, plans: &[landbridge_plan::plan::Plan]) -> Result<Exit> {
    print(plans, args.source.output)?;
    Ok(if plans.iter().any(|p| !p.blocked.is_empty()) { Exit::Failed } else { Exit::Ok })
}

/// Ctrl-C stops between two requests. What was written stays written, and the same command goes on from there.
async fn interruptible(work: impl Future<Output = Result<bool>>) -> Result<Exit> {
    tokio::select! {
        done = work => Ok(if done? { Exit::Ok } else { Exit::Failed }),
        signal = tokio::signal::ctrl_c() => {
            signal?;
            anyhow::bail!("interrupted; what was applied stays, and the same command goes on from there")
        }
    }
}
