//! The load generator: real HTTP requests at a steady rate, each counted.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
    http::{HeaderName, Request, header::HOST},
};
use http_body_util::BodyExt;
use tokio::{
    net::TcpStream,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};

use super::counts::{Counts, Leg, Outcome};
use crate::{
    backends::{SIDE, Side},
    data_plane::{SHARE, TARGET_GROUP, send},
};

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Over which time the rate is measured.
const WINDOW: Duration = Duration::from_secs(3);

/// What the generator, the story and the screen share.
#[derive(Debug, Clone)]
pub(super) struct Ledger(Arc<Mutex<Book>>);

#[derive(Debug)]
struct Book {
    begun: Instant,
    leg: Leg,
    phase: String,
    counts: Counts,
    /// Requests without an end yet.
    under_way: u64,
    recent: VecDeque<(Instant, Option<Side>)>,
}

/// A look at the traffic.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Traffic {
    pub(super) leg: Leg,
    pub(super) requests: u64,
    pub(super) failed: u64,
    /// Answers per second of ECS and of EKS.
    pub(super) per_second: (f64, f64),
}

impl Ledger {
    pub(super) fn new() -> Self {
        let book = Book {
            begun: Instant::now(),
            leg: Leg::There,
            phase: "before".to_owned(),
            counts: Counts::default(),
            under_way: 0,
            recent: VecDeque::new(),
        };
        Self(Arc::new(Mutex::new(book)))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time counts from here.
    pub(super) fn restart(&self) {
        self.book().begun = Instant::now();
    }

    /// From here on requests belong to that leg.
    pub(super) fn begin(&self, leg: Leg) {
        self.book().leg = leg;
    }

    /// From here on requests belong to that phase.
    pub(super) fn enter(&self, phase: String) {
        self.book().phase = phase;
    }

    /// A request is sent; gives its leg and phase.
    fn send(&self) -> (Leg, String) {
        let mut book = self.book();
        book.under_way += 1;
        (book.leg, book.phase.clone())
    }

    /// Returns when every request that was sent has had its end.
    pub(super) async fn settled(&self) {
        while self.book().under_way > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn record(&self, leg: Leg, phase: &str, outcome: &Outcome) {
        let mut book = self.book();
        let (now, at) = (Instant::now(), book.begun.elapsed());
        book.counts.record(at, leg, phase, outcome);
        book.under_way = book.under_way.saturating_sub(1);
        let side = if let Outcome::Answered { side, .. } = outcome { *side } else { None };
        book.recent.push_back((now, side));
        while book.recent.front().is_some_and(|(then, _)| now - *then > WINDOW) {
            book.recent.pop_front();
        }
    }

    pub(super) fn counts(&self) -> Counts {
        self.book().counts.clone()
    }

    pub(super) fn traffic(&self) -> Traffic {
        let book = self.book();
        let span = book.begun.elapsed().min(WINDOW).as_secs_f64().max(0.1);
        let now = Instant::now();
        let of = |wanted: Side| {
            let recent = book.recent.iter().filter(|(then, side)| now - *then <= WINDOW && *side == Some(wanted));
            recent.count() as f64 / span
        };
        Traffic {
            leg: book.leg,
            requests: book.counts.requests(),
            failed: book.counts.failed(),
            per_second: (of(Side::Ecs), of(Side::Eks)),
        }
    }
}

/// The running generator; dropping it ends it.
#[derive(Debug)]
pub(super) struct Load(JoinHandle<()>);

/// Where requests go.
#[derive(Debug, Clone)]
pub(super) struct Aim {
    /// The load balancer's listener.
    pub(super) socket: SocketAddr,
    /// The host that is asked for.
    pub(super) host: &'static str,
    /// ARN of the target group of the ECS side.
    pub(super) ecs_group: String,
}

impl Load {
    /// Sends `rate` requests a second from now on, whatever becomes of those before.
    pub(super) fn start(ledger: Ledger, aim: Aim, rate: u16) -> Self {
        Self(tokio::spawn(async move {
            let mut tick = interval(Duration::from_secs(1) / u32::from(rate.max(1)));
            tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
            loop {
                tick.tick().await;
                let (ledger, aim) = (ledger.clone(), aim.clone());
                let (leg, phase) = ledger.send();
                tokio::spawn(async move {
                    let outcome = timeout(PATIENCE, aim.ask()).await;
                    let outcome = outcome.unwrap_or_else(|_| Outcome::Broken(format!("no answer within {PATIENCE:?}")));
                    ledger.record(leg, &phase, &outcome);
                });
            }
        }))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Aim {
    async fn ask(&self) -> Outcome {
        let stream = match TcpStream::connect(self.socket).await {
            Ok(stream) => stream,
            Err(error) => return Outcome::Broken(format!("the load balancer does not accept: {error}")),
        };
        let request = match Request::get("/").header(HOST, self.host).body(Body::empty()) {
            Ok(request) => request,
            Err(error) => return Outcome::Broken(error.to_string()),
        };
        let answer = match send(stream, request).await {
            Ok(answer) => answer,
            Err(error) => return Outcome::Broken(error.to_string()),
        };
        let (head, body) = answer.into_parts();
        // An answer that breaks off is none.
        if let Err(error) = body.collect().await {
            return Outcome::Broken(error.to_string());
        }
        let text = |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok());
        let side = match text(SIDE) {
            Some("ecs") => Some(Side::Ecs),
            Some("eks") => Some(Side::Eks),
            _ => None,
        };
        let drawn = text(TARGET_GROUP).filter(|group| !group.is_empty());
        let share = text(SHARE).and_then(|share| share.parse::<f64>().ok());
        let eks = drawn.zip(share).map(|(group, share)| {
            let eks = if group == self.ecs_group { 100.0 - share } else { share };
            (eks * 10.0).round() as u32
        });
        Outcome::Answered { status: head.status.as_u16(), side, eks }
    }
}
