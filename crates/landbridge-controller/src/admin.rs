//! The HTTP endpoints for probes, metrics and a look inside: /healthz, /readyz, /metrics, /debug/state. They change
//! nothing, and no answer holds anything secret.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::context::Operator;
use crate::crds::Waiting;
use crate::feed::{Feed, Watched};

/// What the endpoints speak of. The operator comes in when it has started.
#[derive(Default)]
pub struct Admin {
    /// The CRD that is waited for.
    pub crds: Waiting,
    /// The running operator.
    pub operator: OnceLock<Arc<Operator>>,
}

/// Serves until `stop`. Gives back the address, which tells the port when 0 was asked for.
///
/// # Errors
/// The address cannot be bound.
pub async fn serve(admin: Arc<Admin>, address: SocketAddr, stop: CancellationToken) -> anyhow::Result<SocketAddr> {
    let advice = || format!("{address} cannot be bound; choose another with --admin-address");
    let listener = TcpListener::bind(address).await.with_context(advice)?;
    let bound = listener.local_addr()?;
    let router = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/debug/state", get(state))
        .with_state(admin);
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await {
            tracing::error!(%error, "the admin endpoints ended");
        }
    });
    Ok(bound)
}

impl Admin {
    /// What is not ready yet; empty means ready. A replica that holds no lease is ready too: it stands by.
    pub fn not_ready(&self) -> Vec<String> {
        if let Some(crd) = self.crds.current() {
            return vec![format!("waiting for CustomResourceDefinition {crd}: kubectl apply -f crds/")];
        }
        let Some(operator) = self.operator.get() else { return vec!["starting".to_owned()] };
        let world = &operator.world;
        [
            unlisted(&world.accounts),
            unlisted(&world.clusters),
            unlisted(&world.cloud_map),
            unlisted(&world.roles),
            unlisted(&world.services),
            unlisted(&world.migrations),
            unlisted(&world.namespaces),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn unlisted<K: Watched>(feed: &Feed<K>) -> Option<String> {
    (!feed.is_ready()).then(|| format!("objects of kind {} have not been listed yet", K::kind(&())))
}

async fn readyz(State(admin): State<Arc<Admin>>) -> Response {
    match admin.not_ready() {
        missing if missing.is_empty() => "ok\n".into_response(),
        missing => (StatusCode::SERVICE_UNAVAILABLE, missing.join("\n") + "\n").into_response(),
    }
}

async fn metrics(State(admin): State<Arc<Admin>>) -> Response {
    let Some(operator) = admin.operator.get() else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    for bucket in operator.pool.budgets() {
        let shard = format!("{}-{}", bucket.account, bucket.region);
        operator.metrics.tokens_left(shard.trim_end_matches('-'), bucket.bucket, bucket.tokens);
    }
    let text = operator.metrics.text(operator.leases.held().len());
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
}

async fn state(State(admin): State<Arc<Admin>>) -> Json<Value> {
    let Some(operator) = admin.operator.get() else { return Json(json!({ "notReady": admin.not_ready() })) };
    let world = &operator.world;
    Json(json!({
        "replica": operator.leases.identity(),
        "notReady": admin.not_ready(),
        "leases": operator.leases.held(),
        "objects": {
            "AWSAccount": world.accounts.store().len(),
            "ECSCluster": world.clusters.store().len(),
            "CloudMapNamespace": world.cloud_map.store().len(),
            "IAMTaskRole": world.roles.store().len(),
            "ECSService": world.services.store().len(),
            "TrafficMigration": world.migrations.store().len(),
        },
        "swept": operator.sweeps.watched(),
        "sweptThings": operator.sweeps.watched_things(),
        "failing": operator.backoff.failing(),
        "underWay": operator.slots.busy().into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "budgets": operator.pool.budgets(),
    }))
}
