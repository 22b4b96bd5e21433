//! How many objects of one account are reconciled at once. Each account has slots of its own, so that a slow or dead
//! account never holds up another's objects.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The slots of every account.
pub struct Slots {
    each: usize,
    by_key: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Slots {
    /// That many slots for each key.
    pub fn new(each: u32) -> Self {
        Self { each: usize::try_from(each).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS), by_key: Mutex::default() }
    }

    /// Waits for a slot under the key; it is free again when the permit is dropped.
    pub async fn enter(&self, key: &str) -> Option<OwnedSemaphorePermit> {
        let slots = {
            let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
            match by_key.get(key) {
                Some(slots) => slots.clone(),
                None => by_key.entry(key.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(self.each))).clone(),
            }
        };
        slots.acquire_owned().await.ok()
    }

    /// Objects under way now, by key.
    pub fn busy(&self) -> Vec<(String, usize)> {
        let by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        by_key.iter().map(|(k, s)| (k.clone(), self.each - s.available_permits())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_account_does_not_take_slots_from_another() {
        let slots = Slots::new(1);
        let held = slots.enter("dead-account").await;
        assert!(slots.enter("other-account").await.is_some());
        let waiting = tokio::time::timeout(std::time::Duration::from_millis(20), slots.enter("dead-account")).await;
        assert!(waiting.is_err(), "the dead account's only slot is taken");
        drop(held);
        assert!(slots.enter("dead-account").await.is_some());
    }
}
