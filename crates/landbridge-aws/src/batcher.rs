//! Many small questions asked at about the same time become one call.
//!
//! A page opens with its first question and closes when it is full, when nothing came for `idle`, or after `window`. While
//! another page is under way the whole window is used, so that load makes pages fuller. A page that fails fails its own
//! questions only; what AWS does not answer is `None`; a question that nobody waits for any more is left out.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use landbridge_plan::verdict::ErrorClass;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::budget::Priority;
use crate::error::AwsError;
use crate::operations::Operation;

/// When a page closes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pages {
    /// The most questions that AWS takes in one call.
    pub(crate) size: usize,
    /// Closes a page when nothing came for so long.
    pub(crate) idle: Duration,
    /// Closes a page that old.
    pub(crate) window: Duration,
}

impl Pages {
    /// Pages of `size` with the usual times: a lone question waits a millisecond.
    pub(crate) const fn of(size: usize) -> Self {
        Self { size, idle: Duration::from_millis(1), window: Duration::from_millis(20) }
    }
}

type Answer<V> = Result<Option<V>, AwsError>;

/// Coalesces questions `K` into pages.
pub(crate) struct Batcher<K, V> {
    pages: Pages,
    state: Arc<Mutex<State<K, V>>>,
}

struct State<K, V> {
    open: Option<Page<K, V>>,
    /// Counts pages, so that a closer knows whether the open one is still its own.
    number: u64,
    under_way: usize,
}

struct Page<K, V> {
    questions: BTreeMap<K, Vec<oneshot::Sender<Answer<V>>>>,
    priority: Priority,
    arrivals: u64,
    full: oneshot::Sender<Page<K, V>>,
}

/// What a page is waited for with.
struct Opened<K, V> {
    number: u64,
    full: oneshot::Receiver<Page<K, V>>,
}

impl<K, V> Batcher<K, V>
where
    K: Ord + Clone + Send + 'static,
    V: Clone + Send + 'static,
{
    pub(crate) fn new(pages: Pages) -> Self {
        Self { pages, state: Arc::new(Mutex::new(State { open: None, number: 0, under_way: 0 })) }
    }

    /// The answer to `key`. `load` is used if this question opens a page.
    pub(crate) async fn get<F, L>(
        &self,
        operation: &'static Operation,
        key: K,
        priority: Priority,
        load: L,
    ) -> Answer<V>
    where
        L: FnOnce(Vec<K>, Priority) -> F + Send + 'static,
        F: Future<Output = Result<BTreeMap<K, V>, AwsError>> + Send,
    {
        let (sender, receiver) = oneshot::channel();
        if let Some(opened) = self.ask(key, priority, sender) {
            let (pages, state) = (self.pages, Arc::clone(&self.state));
            tokio::spawn(async move {
                let Some(page) = closed(pages, &state, opened).await else { return };
                lock(&state).under_way += 1;
                run(page, load).await;
                lock(&state).under_way -= 1;
            });
        }
        receiver.await.unwrap_or_else(|_| {
            Err(AwsError::new(
                operation,
                ErrorClass::Transient,
                "the call was given up because the process is stopping",
            ))
        })
    }

    /// Puts the question on the open page. When that opened it, the page has to be waited for.
    fn ask(&self, key: K, priority: Priority, sender: oneshot::Sender<Answer<V>>) -> Option<Opened<K, V>> {
        let mut state = lock(&self.state);
        let mut opened = None;
        if state.open.is_none() {
            let (full, receiver) = oneshot::channel();
            opened = Some(Opened { number: state.number, full: receiver });
            state.open = Some(Page { questions: BTreeMap::new(), priority, arrivals: 0, full });
        }
        if let Some(page) = &mut state.open {
            page.questions.entry(key).or_default().push(sender);
            page.priority = page.priority.min(priority);
            page.arrivals += 1;
            if page.questions.len() >= self.pages.size
                && let Some(page) = state.close()
            {
                page.hand_over();
            }
        }
        opened
    }
}

impl<K, V> State<K, V> {
    fn close(&mut self) -> Option<Page<K, V>> {
        self.number += 1;
        self.open.take()
    }
}

impl<K, V> Page<K, V> {
    fn hand_over(mut self) {
        let (unused, _) = oneshot::channel();
        let full = std::mem::replace(&mut self.full, unused);
        // Without a closer (the runtime stops) the page is dropped and its questions are told.
        drop(full.send(self));
    }
}

/// The page when it is full or its time is over.
async fn closed<K, V>(pages: Pages, state: &Mutex<State<K, V>>, mut opened: Opened<K, V>) -> Option<Page<K, V>> {
    let end = Instant::now() + pages.window;
    let mut seen = 0;
    loop {
        let pause = (Instant::now() + pages.idle).min(end);
        tokio::select! {
            page = &mut opened.full => return page.ok(),
            () = tokio::time::sleep_until(pause) => {}
        }
        let mut state = lock(state);
        if state.number != opened.number {
            continue; // It is full: the next turn receives it.
        }
        let under_way = state.under_way > 0;
        let Some(page) = &state.open else { return None };
        let quiet = page.arrivals == seen && !under_way;
        seen = page.arrivals;
        if quiet || Instant::now() >= end {
            return state.close();
        }
    }
}

/// Asks AWS, and tells everybody who still waits.
async fn run<K, V, F, L>(page: Page<K, V>, load: L)
where
    K: Ord + Clone,
    V: Clone,
    L: FnOnce(Vec<K>, Priority) -> F,
    F: Future<Output = Result<BTreeMap<K, V>, AwsError>>,
{
    let questions: BTreeMap<_, _> = page
        .questions
        .into_iter()
        .filter_map(|(key, mut waiting)| {
            waiting.retain(|w| !w.is_closed());
            (!waiting.is_empty()).then_some((key, waiting))
        })
        .collect();
    if questions.is_empty() {
        return;
    }
    let answers = load(questions.keys().cloned().collect(), page.priority).await;
    for (key, waiting) in questions {
        let answer = answers.as_ref().map(|found| found.get(&key).cloned()).map_err(Clone::clone);
        for one in waiting {
            // Whoever is gone does not need it.
            drop(one.send(answer.clone()));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::DESCRIBE_SERVICES;
    use futures::future::join_all;

    type Asked = Arc<Mutex<Vec<Vec<u32>>>>;

    async fn double(asked: Asked, keys: Vec<u32>) -> Result<BTreeMap<u32, u32>, AwsError> {
        lock(&asked).push(keys.clone());
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok(keys.into_iter().filter(|k| *k != 13).map(|k| (k, k * 2)).collect())
    }

    #[tokio::test(start_paused = true)]
    async fn questions_asked_together_share_pages_and_what_aws_leaves_out_is_none() {
        let batcher = Batcher::new(Pages::of(10));
        let asked = Asked::default();
        let questions = (0..25).map(|k| {
            let asked = Arc::clone(&asked);
            batcher.get(DESCRIBE_SERVICES, k, Priority::Deploy, move |keys, _| double(asked, keys))
        });
        let answers = join_all(questions).await;
        assert_eq!(answers[3], Ok(Some(6)));
        assert_eq!(answers[13], Ok(None));
        assert_eq!(lock(&asked).iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lone_question_waits_a_millisecond_and_equal_ones_are_asked_once() {
        let batcher = Batcher::new(Pages::of(10));
        let asked = Asked::default();
        let start = Instant::now();
        let two = (0..2).map(|_| {
            let asked = Arc::clone(&asked);
            batcher.get(DESCRIBE_SERVICES, 7, Priority::Deploy, move |keys, _| double(asked, keys))
        });
        assert_eq!(join_all(two).await, [Ok(Some(14)), Ok(Some(14))]);
        assert_eq!(*lock(&asked), [[7]]);
        assert!(start.elapsed() <= Duration::from_millis(8), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_fails_fails_its_own_questions_only() {
        let batcher: Batcher<u32, u32> = Batcher::new(Pages::of(2));
        let ask = |key: u32| {
            batcher.get(DESCRIBE_SERVICES, key, Priority::Deploy, |keys, _| async move {
                if keys.contains(&1) {
                    return Err(AwsError::new(DESCRIBE_SERVICES, ErrorClass::Throttled, "no"));
                }
                Ok(keys.into_iter().map(|k| (k, k)).collect())
            })
        };
        let answers = join_all([ask(1), ask(2), ask(3)]).await;
        assert!(answers[0].is_err() && answers[1].is_err());
        assert_eq!(answers[2], Ok(Some(3)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_nobody_waits_for_is_not_asked() {
        let batcher = Batcher::new(Pages::of(10));
        let asked = Asked::default();
        let given_up = {
            let asked = Arc::clone(&asked);
            batcher.get(DESCRIBE_SERVICES, 1, Priority::Deploy, move |keys, _| double(asked, keys))
        };
        drop(tokio::time::timeout(Duration::from_micros(10), given_up).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(lock(&asked).is_empty());
    }
}
