//! The wire between one operator and AWS. A test can have it cut at any write: what the operator sends from then on
//! reaches nobody, and nothing comes back, as for a process that dies.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use futures::FutureExt as _;
use landbridge_emulator::Emulator;
use tokio_util::sync::CancellationToken;

/// What the cut loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The request: AWS never sees it.
    Request,
    /// The answer: AWS did what was asked.
    Answer,
}

/// A wire to an emulator in the same process.
#[derive(Clone, Debug)]
pub struct Wire {
    emulator: Emulator,
    /// The write at which it is cut, counted from now, and how.
    cut_at: Arc<Mutex<Option<(usize, Loss)>>>,
    is_cut: CancellationToken,
}

impl Wire {
    /// A whole wire.
    pub fn new(emulator: Emulator) -> Self {
        Self { emulator, cut_at: Arc::default(), is_cut: CancellationToken::new() }
    }

    /// Cuts it at the `nth` write from now, counted from 1.
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

    /// The wire as the SDK wants it.
    pub fn http_client(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        http_client_fn(move |_, _| connector.clone())
    }

    /// Counts a write; says whether the wire is cut at it.
    fn cuts(&self) -> Option<Loss> {
        let mut cut_at = self.cut_at.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, loss) = cut_at.as_mut()?;
        *left = left.saturating_sub(1);
        (*left == 0).then_some(*loss)
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if !self.is_cut() {
            match is_write(&request).then(|| self.cuts()).flatten() {
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

/// Whether the request would change something, by the name of its operation.
fn is_write(request: &HttpRequest) -> bool {
    // Services of REST name no operation: their reads are GETs.
    if request.method() == "GET" {
        return false;
    }
    let operation = if let Some(target) = request.headers().get("x-amz-target") {
        target.rsplit('.').next().unwrap_or_default().to_owned()
    } else {
        let form = String::from_utf8_lossy(request.body().bytes().unwrap_or_default());
        let action = form.split('&').find_map(|pair| pair.strip_prefix("Action="));
        action.unwrap_or_default().to_owned()
    };
    !["Describe", "Get", "List", "Discover", "Assume"].iter().any(|read| operation.starts_with(read))
}
