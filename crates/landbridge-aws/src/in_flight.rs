//! Registrations and deregistrations of Cloud Map instances that have begun: Cloud Map does them later, one at a time for
//! each instance, and some fail then.
//!
//! What has ended is seen in the list of instances, which costs one call for a hundred of them. Only an operation that
//! takes long is asked for by itself, to learn whether it failed.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use landbridge_plan::change::Tags;
use landbridge_plan::cloud_map_export::{INIT_HEALTH, InstanceOperation};
use tokio::time::Instant;

use crate::budget::Priority;
use crate::client::Aws;
use crate::error::AwsError;

/// How long an operation usually takes at most; one that takes longer is asked for.
const USUAL: Duration = Duration::from_secs(6);
/// How long what an operation has done may take to be seen.
const SEEN_WITHIN: Duration = Duration::from_secs(30);
/// How long until a change that failed is tried again.
const RETRY: Duration = Duration::from_secs(10);
/// Operations that are asked for in one look: enough to say why they fail.
const ASKED_AT_ONCE: usize = 10;

/// What was asked of an instance.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Asked {
    /// To be there with these attributes.
    Register(Tags),
    /// To be gone.
    Deregister,
    /// Something that somebody else asked for, or we in an earlier life.
    Unknown,
}

#[derive(Clone, Debug)]
struct Begun {
    operation: String,
    asked: Asked,
    at: Instant,
    failed: Option<(Instant, String)>,
}

/// Operations on instances that have begun, by service ID and instance ID.
#[derive(Debug, Default)]
pub(crate) struct InFlight(Mutex<HashMap<String, BTreeMap<String, Begun>>>);

impl InFlight {
    /// An operation has begun.
    pub(crate) fn begun(&self, service: &str, instance: &str, operation: String, asked: Asked) {
        let begun = Begun { operation, asked, at: Instant::now(), failed: None };
        self.lock().entry(service.to_owned()).or_default().insert(instance.to_owned(), begun);
    }

    /// Whether anything of the service is under way.
    pub(crate) fn any(&self, service: &str) -> bool {
        self.lock().contains_key(service)
    }

    /// Forgets what the list of instances shows to have ended, and gives the operations to ask for.
    fn compare(&self, service: &str, instances: &BTreeMap<String, Tags>) -> Vec<(String, String)> {
        let mut all = self.lock();
        let Some(under_way) = all.get_mut(service) else { return Vec::new() };
        under_way.retain(|instance, begun| match &begun.failed {
            Some((at, _)) => at.elapsed() < RETRY,
            None => !is_done(&begun.asked, instances.get(instance)),
        });
        let late = |b: &Begun| b.failed.is_none() && (b.asked == Asked::Unknown || b.at.elapsed() > USUAL);
        let late: Vec<_> = under_way
            .iter()
            .filter(|(_, begun)| late(begun))
            .map(|(instance, begun)| (instance.clone(), begun.operation.clone()))
            .take(ASKED_AT_ONCE)
            .collect();
        if under_way.is_empty() {
            all.remove(service);
        }
        late
    }

    /// What GetOperation said of an operation; none when Cloud Map does not know it.
    fn answered(&self, service: &str, instance: &str, status: Option<&str>, failure: impl FnOnce() -> String) {
        let mut all = self.lock();
        let Some(under_way) = all.get_mut(service) else { return };
        let Some(begun) = under_way.get_mut(instance) else { return };
        match status {
            Some("SUBMITTED" | "PENDING") => {}
            Some("FAIL") => begun.failed = Some((Instant::now(), failure())),
            // It is done, and the list may need a moment to show it.
            Some("SUCCESS") if begun.asked != Asked::Unknown && begun.at.elapsed() < SEEN_WITHIN => {}
            _ => drop(under_way.remove(instance)),
        }
        if under_way.is_empty() {
            all.remove(service);
        }
    }

    fn shown(&self, service: &str) -> BTreeMap<String, InstanceOperation> {
        let of = |begun: &Begun| InstanceOperation {
            id: begun.operation.clone(),
            failure: begun.failed.as_ref().map(|(_, why)| why.clone()),
        };
        self.lock().get(service).into_iter().flatten().map(|(id, begun)| (id.clone(), of(begun))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, BTreeMap<String, Begun>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the instance is as it was asked to be. Cloud Map need not show the health that it was to begin with.
fn is_done(asked: &Asked, present: Option<&Tags>) -> bool {
    match (asked, present) {
        (Asked::Register(wanted), Some(present)) => {
            let shown = |tags: &Tags| -> Tags {
                tags.iter().filter(|(k, _)| *k != INIT_HEALTH).map(|(k, v)| (k.clone(), v.clone())).collect()
            };
            shown(wanted) == shown(present)
        }
        (Asked::Deregister, None) => true,
        _ => false,
    }
}

impl Aws {
    /// What is still under way in a Cloud Map service whose instances have just been listed.
    pub(crate) async fn instances_under_way(
        &self,
        service: &str,
        instances: &BTreeMap<String, Tags>,
        priority: Priority,
    ) -> Result<BTreeMap<String, InstanceOperation>, AwsError> {
        let in_flight = &self.memory().in_flight;
        let late = in_flight.compare(service, instances);
        let asked =
            late.iter().map(|(instance, id)| async move { Ok((instance, self.operation(id, priority).await?)) });
        for (instance, operation) in futures::future::try_join_all(asked).await? {
            let status = operation.as_ref().map(|o| o.status.clone());
            in_flight.answered(service, instance, status.as_deref(), || {
                let code = operation.as_ref().and_then(|o| o.error_code.clone());
                let said = operation.as_ref().and_then(|o| o.error.clone());
                let said = said.map(|s| format!(" ({s})")).unwrap_or_default();
                format!("{}{said}", code.unwrap_or_else(|| "an error without a code".to_owned()))
            });
        }
        Ok(in_flight.shown(service))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn listed(id: &str, attributes: &Tags) -> BTreeMap<String, Tags> {
        BTreeMap::from([(id.to_owned(), attributes.clone())])
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_list_shows_has_ended_and_only_what_takes_long_is_asked_for() {
        let all = InFlight::default();
        let wanted = tags(&[("PORT", "80"), (INIT_HEALTH, "HEALTHY")]);
        all.begun("srv", "a", "op-a".into(), Asked::Register(wanted));
        all.begun("srv", "b", "op-b".into(), Asked::Deregister);
        let old = listed("a", &tags(&[("PORT", "81")]));
        assert!(all.compare("srv", &old).is_empty());
        assert_eq!(all.shown("srv").keys().collect::<Vec<_>>(), ["a"]);
        tokio::time::advance(USUAL + Duration::from_secs(1)).await;
        assert_eq!(all.compare("srv", &old), [("a".to_owned(), "op-a".to_owned())]);
        all.compare("srv", &listed("a", &tags(&[("PORT", "80")])));
        assert!(!all.any("srv"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_shown_for_a_while_and_then_tried_again() {
        let all = InFlight::default();
        all.begun("srv", "a", "op".into(), Asked::Deregister);
        let there = listed("a", &Tags::new());
        all.answered("srv", "a", Some("PENDING"), String::new);
        assert_eq!(all.shown("srv")["a"].failure, None);
        all.answered("srv", "a", Some("FAIL"), || "ACCESS_DENIED".into());
        assert!(all.compare("srv", &there).is_empty());
        assert_eq!(all.shown("srv")["a"].failure.as_deref(), Some("ACCESS_DENIED"));
        tokio::time::advance(RETRY).await;
        all.compare("srv", &there);
        assert!(!all.any("srv"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_operation_of_an_earlier_life_is_asked_for_at_once_and_ends_with_its_answer() {
        let all = InFlight::default();
        all.begun("srv", "a", "op".into(), Asked::Unknown);
        assert_eq!(all.compare("srv", &BTreeMap::new()).len(), 1);
        all.answered("srv", "a", Some("SUCCESS"), String::new);
        assert!(!all.any("srv"));
    }
}
