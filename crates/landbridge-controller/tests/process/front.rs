//! The door to AWS, on loopback: it can kill whoever calls at a given call, when AWS has done what was asked and before
//! the answer is out.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use landbridge_emulator::Emulator;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::operator::Operator;

/// Larger than any request of ours.
const LARGEST: usize = 1 << 20;

/// Which calls are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Those that change something.
    Writes,
    /// All.
    Calls,
}

/// The door. Dropping it closes it.
pub struct Front {
    pub url: String,
    door: Door,
    task: JoinHandle<()>,
}

#[derive(Clone)]
struct Door {
    aws: Emulator,
    operator: Operator,
    /// What is counted, and how many are left until the caller dies.
    trap: Arc<Mutex<Option<(Counted, usize)>>>,
}

impl Front {
    /// Opens it for that operator.
    pub async fn open(aws: Emulator, operator: Operator) -> Self {
        let door = Door { aws, operator, trap: Arc::default() };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(door.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, door, task }
    }

    /// Kills the operator at the `nth` (from 1) of what is counted from now.
    pub fn kill_at(&self, nth: usize, counted: Counted) {
        *self.door.trap() = Some((counted, nth));
    }

    /// Kills nobody any more. Says whether somebody was killed since the last [`Front::kill_at`].
    pub fn disarm(&self) -> bool {
        self.door.trap().take().is_none()
    }

    /// Whether nobody is waited for.
    pub fn has_killed(&self) -> bool {
        self.door.trap().is_none()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Door {
    fn trap(&self) -> std::sync::MutexGuard<'_, Option<(Counted, usize)>> {
        self.trap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets AWS do what is asked; says whether the caller dies of it.
    fn pass(&self, request: axum::http::Request<axum::body::Bytes>) -> (Response, bool) {
        // Requests go one by one, so that none slips through between a death and its count.
        let mut trap = self.trap();
        let writes = || self.aws.calls().writes().len();
        let before = writes();
        let response = self.aws.respond(request).map(Body::from);
        let Some((counted, left)) = trap.as_mut() else { return (response, false) };
        if *counted == Counted::Calls || writes() > before {
            *left -= 1;
        }
        if *left > 0 {
            return (response, false);
        }
        self.operator.kill();
        *trap = None;
        (response, true)
    }
}

async fn answer(State(door): State<Door>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LARGEST).await.unwrap_or_default();
    let (response, dies) = door.pass(Request::from_parts(parts, body));
    if dies {
        // Nobody is there to hear it.
        return std::future::pending().await;
    }
    response
}
