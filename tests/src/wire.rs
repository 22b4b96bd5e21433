//! The wires between one operator and the rest: AWS and the API server. A test can have them cut at any write: what the
//! operator sends from then on reaches nobody, and nothing comes back, as for a process that dies.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use kube::client::Body;
use landbridge_emulator::Emulator;
use tokio_util::sync::CancellationToken;
use tower::{Layer, Service};

use crate::deaths::Deaths;

/// What the cut loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The request: AWS never sees it.
    Request,
    /// The answer: AWS did what was asked.
    Answer,
}

/// The wires of one operator: to an emulator in the same process, and as a [`Layer`] of its client to the API server.
#[derive(Clone, Debug)]
pub struct Wire {
    emulator: Emulator,
    deaths: Option<Deaths>,
    /// The write at which it is cut, counted from now, and how.
    cut_at: Arc<Mutex<Option<(usize, Loss)>>>,
    is_cut: CancellationToken,
}

impl Wire {
    /// A whole wire; it is cut where `deaths` say.
    pub fn new(emulator: Emulator, deaths: Option<Deaths>) -> Self {
        Self { emulator, deaths, cut_at: Arc::default(), is_cut: CancellationToken::new() }
    }

    /// Cuts it at the `nth` write to AWS from now, counted from 1.
    pub fn cut_at(&self, nth: usize, loss: Loss) {
        *self.cut_at.lock().unwrap_or_else(PoisonError::into_inner) = Some((nth, loss));
    }

    /// Leaves it whole.
    pub fn leave_whole(&self) {
        *self.cut_at.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether it has been cut.
    pub fn is_cut(&self) -> bool {
        self.is_cut.is_cancelled()
    }

    /// Waits until it is cut.
    pub async fn cut(&self) {
        self.is_cut.cancelled().await;
    }

    /// The wire as the SDK wants it.
    pub fn http_client(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        http_client_fn(move |_, _| connector.clone())
    }

    /// Counts a write; says whether the wire is cut at it.
    fn cuts(&self, request: &HttpRequest) -> Option<Loss> {
        let (operation, is_write) = operation(request);
        if let Some(deaths) = &self.deaths {
            return deaths.at_aws(&operation, is_write);
        }
        let mut cut_at = self.cut_at.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, loss) = cut_at.as_mut().filter(|_| is_write)?;
        *left = left.saturating_sub(1);
        (*left == 0).then_some(*loss)
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if !self.is_cut() {
            match self.cuts(&request) {
                None => return self.emulator.call(request),
                Some(loss) => {
                    self.is_cut.cancel();
                    if loss == Loss::Answer {
                        // The emulator does what is asked when it is polled.
                        drop(self.emulator.call(request).now_or_never());
                    }
                }
            }
        }
        HttpConnectorFuture::new(std::future::pending())
    }
}

/// The operation of a request, and whether it would change something, by its name.
fn operation(request: &HttpRequest) -> (String, bool) {
    let operation = if let Some(target) = request.headers().get("x-amz-target") {
        target.rsplit('.').next().unwrap_or_default().to_owned()
    } else {
        let form = String::from_utf8_lossy(request.body().bytes().unwrap_or_default());
        let action = form.split('&').find_map(|pair| pair.strip_prefix("Action="));
        // Services of REST name no operation: their reads are GETs.
        let path = request.uri().split('?').next().unwrap_or_default().to_owned();
        action.map_or_else(|| format!("{} {path}", request.method()), str::to_owned)
    };
    let is_read = ["Describe", "Get", "List", "Discover", "Assume", "GET "].iter().any(|r| operation.starts_with(r));
    (operation, !is_read)
}

impl<S> Layer<S> for Wire {
    type Service = Severable<S>;

    fn layer(&self, inner: S) -> Severable<S> {
        Severable { inner, wire: self.clone() }
    }
}

/// The wire to the API server.
#[derive(Debug)]
pub struct Severable<S> {
    inner: S,
    wire: Wire,
}

impl<S> Service<http::Request<Body>> for Severable<S>
where
    S: Service<http::Request<Body>>,
    S::Response: 'static,
    S::Error: 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        if self.wire.is_cut() {
            return std::future::pending().boxed();
        }
        match self.wire.deaths.as_ref().and_then(|deaths| deaths.at_objects(&request)) {
            None => self.inner.call(request).boxed(),
            Some(Loss::Request) => {
                self.wire.is_cut.cancel();
                std::future::pending().boxed()
            }
            Some(Loss::Answer) => {
                let (answered, wire) = (self.inner.call(request), self.wire.clone());
                // Whoever kills the operator at the cut must not take the request away from the API server.
                let dies = async move {
                    drop(answered.await);
                    wire.is_cut.cancel();
                    std::future::pending().await
                };
                dies.boxed()
            }
        }
    }
}
