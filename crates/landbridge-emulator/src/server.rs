//! The emulator on a loopback socket, for clients that are other processes.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::emulator::Emulator;
use crate::gateway::{ConnectionLost, MAX_BODY};

/// How often due events are let happen when nobody calls.
const TICK: Duration = Duration::from_millis(20);

/// A listening emulator. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
    ticker: JoinHandle<()>,
}

impl Emulator {
    /// Listens on `address` (port 0 for any free one).
    ///
    /// # Errors
    /// An address that is not loopback, or cannot be bound.
    pub async fn serve(&self, address: SocketAddr) -> io::Result<Server> {
        if !address.ip().is_loopback() {
            let message = format!("{address} is not a loopback address; the emulator has no access control");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let router = Router::new().fallback(answer).with_state(self.clone());
        let task = tokio::spawn(async move {
            let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
                let _ = stopped.await;
            });
            if let Err(error) = serving.await {
                tracing::error!(%error, "the emulator stopped serving");
            }
        });
        let emulator = self.clone();
        let ticker = tokio::spawn(async move {
            let mut interval = tokio::time::interval(TICK);
            loop {
                interval.tick().await;
                emulator.tick();
            }
        });
        Ok(Server { address, stop: Some(stop), task: Some(task), ticker })
    }
}

impl Server {
    /// The endpoint to give to a client, for instance as `AWS_ENDPOINT_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops taking calls and waits (at most two seconds) until those under way are answered.
    pub async fn shutdown(mut self) {
        drop(self.stop.take());
        if let Some(task) = self.task.take() {
            let abort = task.abort_handle();
            if tokio::time::timeout(Duration::from_secs(2), task).await.is_err() {
                abort.abort();
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ticker.abort();
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Returns when the request can be answered: a long poll waits for something to give.
pub(crate) async fn patiently(emulator: &Emulator, request: &Request<Bytes>) {
    let began = emulator.now();
    while emulator.is_awaited(request, began) {
        tokio::time::sleep(TICK).await;
    }
}

async fn answer(State(emulator): State<Emulator>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    // One byte more than is allowed is enough for the gateway to refuse the request in AWS's words.
    let body = match http_body_util::Limited::new(body, MAX_BODY * 8).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => Bytes::from(vec![b' '; MAX_BODY + 1]),
    };
    let request = Request::from_parts(parts, body);
    patiently(&emulator, &request).await;
    let response = emulator.respond(request);
    if response.extensions().get::<ConnectionLost>().is_some() {
        // A body that fails makes hyper drop the connection, as a broken network would.
        let broken = futures::stream::once(async { Err::<Bytes, _>(io::Error::other("connection lost on purpose")) });
        return Response::new(Body::from_stream(broken));
    }
    response.map(Body::from)
}
