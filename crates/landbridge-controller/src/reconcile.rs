//! The one generic driver: how an object of any kind goes from what is written in Kubernetes to what is true in AWS.
//!
//! Its phases are in [`crate::pass`], what follows from a pass is in [`crate::outcome`], and all decisions about AWS are
//! in `landbridge-plan`. Nothing here knows a kind.

use std::sync::Arc;
use std::time::Instant;

use kube::runtime::controller::Action;
use landbridge_plan::verdict::Failure;

use crate::context::{Context, Converge, shard as shard_of_account, shard_of};
use crate::outcome::Outcome;
use crate::pass::Pass;

/// One pass over one object, called by the controller's queue. Never fails: a failure is an outcome.
pub async fn reconcile<K: Converge>(queued: Arc<K>, ctx: Arc<Context<K>>) -> Action {
    let shard = shard_of(&*queued, &ctx.operator.world);
    let Some(tenure) = ctx.operator.leases.tenure(&shard).await else {
        // Another replica's. Getting the lease wakes every object of the shard.
        return Action::await_change();
    };
    let waiting = Instant::now();
    let _slot = ctx.operator.slots.enter(&shard).await;
    ctx.operator.metrics.waited(waiting.elapsed());

    // It may have changed or gone while it waited for its turn.
    let Some(object) = ctx.latest(&queued) else { return Action::await_change() };
    let mut pass = Pass::new(object, &ctx);
    // Boxed, so that the thousands that wait for a slot are small.
    let outcome = tokio::select! {
        outcome = Box::pin(converge(&mut pass, &shard)) => outcome.unwrap_or_else(Outcome::Failed),
        () = tenure.ended() => Outcome::Fenced,
    };
    pass.end(&outcome)
}

/// Resolve, observe, plan, execute, observe again, status. An `Err` is the API server's; AWS's failures go into the
/// status and the outcome.
async fn converge<K: Converge>(pass: &mut Pass<'_, K>, shard: &str) -> Result<Outcome, Failure> {
    if pass.is_not_ours_any_more() {
        return Ok(Outcome::Gone);
    }
    let resolved = match pass.resolve() {
        Ok(resolved) => resolved,
        Err(unmet) => return pass.unmet(&unmet).await,
    };
    if shard_of_account(K::account(&resolved)) != shard {
        return Ok(Outcome::Again);
    }
    let aws = pass.aws(&resolved).await;
    let observed = match pass.observe(&resolved, &aws).await {
        Ok(observed) => observed,
        Err(failure) => return pass.unreadable(failure).await,
    };
    let plan = pass.plan(&resolved, &observed);
    let word = pass.store_beginning(&resolved, &observed, &plan).await?;
    let done = pass.execute(&resolved, &plan, &aws, word).await?;
    let (resolved, plan, observed) = pass.observe_again(resolved, &aws, plan, observed, &done).await;
    if plan.gone {
        return pass.let_go().await;
    }
    let outcome = pass.conclude(&resolved, &observed, &plan, &done).await?;
    Ok(pass.follow(&resolved, &aws, outcome))
}
