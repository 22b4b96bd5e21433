//! Asks what the gates of migrations ask: CloudWatch, Prometheus, webhooks.
//!
//! Nothing here decides, and nothing here fails: who does not answer is told in words. Everybody is asked once an interval, in
//! the background and side by side, so that a provider that is slow or away keeps no pass, and no way back, waiting.

mod cloudwatch;
mod credential;
#[cfg(test)]
mod credential_tests;
mod http;
mod prometheus;
mod signature;
#[cfg(test)]
mod tests;
mod tokens;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use landbridge_plan::account::AccountTarget;
use landbridge_plan::traffic_migration::{Ask, GateAnswer, GateQuestion, GateRound, Said};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::budget::Priority;
use crate::client::Aws;

pub(crate) use signature::Signer;
pub(crate) use tokens::Tokens;

/// How long a pass waits for answers; those that come later are for the next one.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long answers of an object that is not looked at any more are kept.
const KEEP: Duration = Duration::from_mins(15);
/// A pass comes a little before or after its time; that much earlier it may ask all the same, as a part of the interval.
const EARLY: f64 = 0.2;

/// What was asked for every migration of an account, and answered.
pub(crate) struct Desk {
    http: http::Http,
    rounds: Mutex<HashMap<String, Round>>,
}

struct Round {
    step: String,
    asked: Instant,
    answers: Vec<GateAnswer>,
    /// Its sender is gone as soon as the answers are there.
    under_way: watch::Receiver<()>,
}

impl Aws {
    /// The newest answers to a round of questions of that object. At most a second is waited for them. `sides` are the
    /// accounts of `from` and `to`, where those are elsewhere.
    pub(crate) async fn gate_answers(
        &self,
        object: &str,
        round: Option<GateRound>,
        sides: [Option<Arc<AccountTarget>>; 2],
        priority: Priority,
    ) -> Vec<GateAnswer> {
        let (Some(desk), Some(round)) = (self.desk(), round) else { return Vec::new() };
        let step = round.step.clone();
        if let Some(mut under_way) = desk.begin(self, object, (round, sides), priority) {
            // An error says that the sender is gone: the answers are there.
            let _ = timeout(PATIENCE, under_way.changed()).await;
        }
        let rounds = lock(&desk.rounds);
        rounds.get(object).filter(|r| r.step == step).map(|r| r.answers.clone()).unwrap_or_default()
    }
}

impl Desk {
    /// A desk that has been asked nothing yet.
    pub(crate) fn new(tokens: Tokens) -> Self {
        Self { http: http::Http::new(tokens), rounds: Mutex::default() }
    }

    /// Asks, if it is time to. Gives what can be waited for while somebody is being asked.
    fn begin(
        self: &Arc<Self>,
        aws: &Aws,
        object: &str,
        (round, sides): (GateRound, [Option<Arc<AccountTarget>>; 2]),
        priority: Priority,
    ) -> Option<watch::Receiver<()>> {
        let mut rounds = lock(&self.rounds);
        let interval = Duration::from_secs(round.interval).mul_f64(1.0 - EARLY);
        let mut before = Vec::new();
        if let Some(held) = rounds.get_mut(object).filter(|r| r.step == round.step) {
            if held.under_way.has_changed().is_ok() {
                return Some(held.under_way.clone());
            }
            if held.asked.elapsed() < interval {
                return None;
            }
            before = std::mem::take(&mut held.answers);
        }
        rounds.retain(|_, r| r.asked.elapsed() < KEEP);
        let (done, under_way) = watch::channel(());
        let held = Round { step: round.step.clone(), asked: Instant::now(), answers: before, under_way };
        let waits = held.under_way.clone();
        rounds.insert(object.to_owned(), held);
        drop(rounds);
        let (desk, aws, object) = (Arc::clone(self), aws.clone(), object.to_owned());
        tokio::spawn(async move {
            let answers = Box::pin(desk.ask(&aws, round.questions, sides, priority)).await;
            if let Some(held) = lock(&desk.rounds).get_mut(&object).filter(|r| r.step == round.step) {
                held.answers = answers;
            }
            drop(done);
        });
        Some(waits)
    }

    /// Everybody at once; CloudWatch with one call an account for everything that is measured and one for every alarm.
    async fn ask(
        &self,
        aws: &Aws,
        questions: Vec<GateQuestion>,
        sides: [Option<Arc<AccountTarget>>; 2],
        priority: Priority,
    ) -> Vec<GateAnswer> {
        let at = aws.now();
        let (mut metrics, mut alarms, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for GateQuestion { gate, ask } in questions {
            match ask {
                Ask::Metrics { series, start, end } => metrics.push((gate, series, (start, end))),
                Ask::Alarm(name) => alarms.push((gate, name)),
                other => others.push((gate, other)),
            }
        }
        let others = join_all(others.into_iter().map(|(gate, ask)| async move {
            let said = match ask {
                Ask::Prometheus { address, query, timeout } => {
                    let longest = Duration::from_secs(timeout);
                    prometheus::ask(&self.http, aws.signer(), &address, &query, longest).await
                }
                Ask::Webhook { url, body, timeout } => {
                    http::post(&self.http, &url, &body, Duration::from_secs(timeout)).await
                }
                Ask::Metrics { .. } | Ask::Alarm(_) => Said::Nothing("it has not been asked".to_owned()),
            };
            (gate, said)
        }));
        let (metrics, alarms) = (aws.measured(metrics, sides, priority), aws.alarm_states(alarms, priority));
        let (metrics, alarms, others) = futures::join!(metrics, alarms, others);
        let all = metrics.into_iter().chain(alarms).chain(others);
        all.map(|(gate, said)| GateAnswer { gate, at, said }).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
