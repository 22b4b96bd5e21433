//! `landbridge apply` and `landbridge delete`: no operator, no Kubernetes.

use std::time::Instant;

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};

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
    let done = interruptible(session.apply(set, args.wait, deadline)).await;
    tell(&session);
    done
}

/// Deletes from AWS what the files describe.
pub async fn delete(args: &ApplyArgs) -> Result<Exit> {
    let set = load_files(args, "delete").await?;
    let deadline = Instant::now() + args.timeout;
    let mut session = Session::open(&set, &args.source.installation).await;
    if args.dry_run {
        return show(args, &session.plan_deletion(set).await?);
    }
    let done = interruptible(session.delete(set, deadline)).await;
    tell(&session);
    done
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

fn tell(session: &Session) {
    match session.writes() {
        0 => eprintln!("Nothing was written to AWS."),
        1 => eprintln!("1 write to AWS."),
        n => eprintln!("{n} writes to AWS."),
    }
}

/// Ctrl-C and SIGTERM stop between two requests, or lose the answer of one: what was written stays written, and the
/// same command finds it and goes on from there.
async fn interruptible(work: impl Future<Output = Result<bool>>) -> Result<Exit> {
    let mut terminate = signal(SignalKind::terminate())?;
    let interrupted = tokio::select! {
        done = work => return Ok(if done? { Exit::Ok } else { Exit::Failed }),
        signal = tokio::signal::ctrl_c() => signal.map(|()| Exit::Interrupted)?,
        _ = terminate.recv() => Exit::Terminated,
    };
    eprintln!("interrupted; what was applied stays, and the same command goes on from there");
    Ok(interrupted)
}
