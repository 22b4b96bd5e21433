//! One server: answers every request with who it is.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderName, StatusCode},
    response::IntoResponse,
};
use landbridge_emulator::TargetFate;
use tokio::{
    net::TcpListener,
    sync::oneshot,
    task::{AbortHandle, JoinHandle},
    time::{sleep, timeout},
};

use super::{Backend, Wanted};

/// How long requests under way may take once no more are taken: as long as Kubernetes and ECS wait by default before they
/// kill (terminationGracePeriodSeconds, stopTimeout).
const DRAIN: Duration = Duration::from_secs(30);
/// The header that says on which side a server is.
pub(crate) const SIDE: HeaderName = HeaderName::from_static("x-landbridge-side");
/// The header that says which pod or task it stands for.
const NAME: HeaderName = HeaderName::from_static("x-landbridge-name");

/// A running server. Dropping it ends it at once.
#[derive(Debug)]
pub(super) struct Serving {
    socket: SocketAddr,
    answered: Arc<AtomicU64>,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
    abort: AbortHandle,
}

#[derive(Debug, Clone)]
struct Identity {
    wanted: Arc<Wanted>,
    answered: Arc<AtomicU64>,
}

impl Serving {
    /// Listens on a free port of the loopback.
    pub(super) async fn start(wanted: &Wanted) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let socket = listener.local_addr()?;
        let answered = Arc::new(AtomicU64::new(0));
        let identity = Identity { wanted: Arc::new(wanted.clone()), answered: Arc::clone(&answered) };
        let (stop, stopped) = oneshot::channel::<()>();
        let router = Router::new().fallback(respond).with_state(identity);
        let task = tokio::spawn(async move {
            let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
                let _ = stopped.await;
            });
            if let Err(error) = serving.await {
                tracing::warn!(%error, "a server of a pod or task ended");
            }
        });
        let abort = task.abort_handle();
        Ok(Self { socket, answered, stop: Some(stop), task: Some(task), abort })
    }

    pub(super) fn socket(&self) -> SocketAddr {
        self.socket
    }

    /// As others see it.
    pub(super) fn backend(&self, wanted: &Wanted) -> Backend {
        Backend {
            side: wanted.side,
            name: wanted.name.clone(),
            address: wanted.address,
            zone: wanted.zone.clone(),
            socket: self.socket,
            answered: Arc::clone(&self.answered),
        }
    }

    /// Takes no more connections, finishes what is under way, and ends, at most thirty seconds later; does not wait for it.
    pub(super) fn drain(mut self) {
        drop(self.stop.take());
        if let Some(task) = self.task.take() {
            let abort = self.abort.clone();
            tokio::spawn(async move {
                if timeout(DRAIN, task).await.is_err() {
                    abort.abort();
                }
            });
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Not when it drains: then the task is somebody else's.
        if self.task.is_some() {
            self.abort.abort();
        }
    }
}

async fn respond(State(identity): State<Identity>) -> impl IntoResponse {
    let wanted = &identity.wanted;
    sleep(wanted.answer.delay).await;
    let status = match wanted.answer.fate {
        TargetFate::Healthy => StatusCode::OK,
        TargetFate::Code(code) => StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        TargetFate::Timeout | TargetFate::Failed => std::future::pending().await,
    };
    identity.answered.fetch_add(1, Ordering::Relaxed);
    let (side, name, zone) = (wanted.side.name(), wanted.name.as_str(), wanted.zone.as_deref().unwrap_or("-"));
    let body = format!("side={side} name={name} address={} zone={zone}\n", wanted.address);
    (status, [(SIDE, side.to_owned()), (NAME, name.to_owned())], body)
}
