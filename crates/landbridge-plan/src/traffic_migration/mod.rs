//! Plans of a TrafficMigration: the machine that moves weights, what must hold before and meanwhile, and the way back.
//!
//! [`machine`] is the whole of it; [`preflight`] refuses, [`shift`] compares and sets weights, [`gates`] judge, [`group`]
//! keeps the target group that stands for a Kubernetes Service. Weights that are written through Kubernetes objects are in
//! [`object`], and whoever carries them into AWS is in [`manager`].

mod action;
mod command;
mod delete;
mod external_dns;
mod gates;
mod group;
mod machine;
mod manager;
mod object;
mod observed;
mod pass;
mod places;
mod preflight;
mod preflight_objects;
mod quotas;
mod ratio;
mod recorded;
mod records;
mod registry;
mod resolve;
mod resolved;
mod scaling;
mod settings;
mod shift;
#[cfg(test)]
mod tests;
mod weights;

use jiff::Timestamp;
use landbridge_api::common::{CommonStatus, Knobs};
use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{MigrationPhase, TrafficMigration, TrafficMigrationStatus};

use crate::account::AccountTarget;
use crate::kind::{Health, Kind, News};
use crate::objects::Objects;
use crate::plan::{Plan, Unmet};

pub use command::goes_back;
pub use gates::address::forbidden;
pub use gates::question::{Ask, GateAnswer, GateQuestion, GateRound, MeasuredIn, Said, Series, questions};
pub use group::name_for;
pub use observed::*;
pub use places::{CloudMapPlace, ExportPlace};
pub(crate) use ratio::governing;
pub use ratio::{Most, shared_point};
pub use records::{front, member_of_simple};
pub use registry::{InstanceFacts, RegistryFacts, ZoneFacts, mode};
pub use resolved::*;
pub use weights::seconds;

use machine::advance;
use pass::Pass;

impl Kind for TrafficMigration {
    type Resolved = TrafficMigrationResolved;
    type Observed = TrafficMigrationObserved;
    type Status = TrafficMigrationStatus;

    /// `spec.paused` stops steps, not the way back, so it is the machine's business and no knob.
    fn knobs(&self) -> Knobs {
        Knobs::default()
    }
    fn stored(&self) -> Option<&TrafficMigrationStatus> {
        self.status.as_ref()
    }
    fn common(status: &TrafficMigrationStatus) -> &CommonStatus {
        &status.common
    }
    fn common_mut(status: &mut TrafficMigrationStatus) -> &mut CommonStatus {
        &mut status.common
    }

    fn resolve(&self, objects: &dyn Objects) -> Result<TrafficMigrationResolved, Unmet> {
        resolve::resolve(self, objects)
    }

    fn account(resolved: &TrafficMigrationResolved) -> &AccountTarget {
        &resolved.account
    }

    fn plan(&self, resolved: &TrafficMigrationResolved, observed: &TrafficMigrationObserved, _now: Timestamp) -> Plan {
        advance(&Pass::of(self, resolved, observed)).plan
    }

    fn health(
        &self,
        resolved: &TrafficMigrationResolved,
        observed: &TrafficMigrationObserved,
        _now: Timestamp,
    ) -> Health {
        let state = advance(&Pass::of(self, resolved, observed)).state;
        let (from, to) = (&resolved.from.name, &resolved.to.name);
        let share = state.share.clone().unwrap_or_default();
        match state.phase.unwrap_or_default() {
            MigrationPhase::Completed if matches!(&*share, "" | "0/100") => {
                Health::Healthy(format!("{to} has the traffic that {from} had"))
            }
            MigrationPhase::Completed => Health::Healthy(format!(
                "it ended with all traffic at {to}; that was changed since then, and now it is {share} between {from} and {to}"
            )),
            MigrationPhase::RolledBack => {
                let why = state.abort_reason.unwrap_or_default();
                let message =
                    format!("the traffic is back with {from}: {why}. Another try is another TrafficMigration");
                Health::Failed { reason: reason::ROLLED_BACK, message, stalled: true }
            }
            MigrationPhase::Conflicted => {
                let message = state.conflict.map(|c| c.message).unwrap_or_default();
                Health::Failed { reason: reason::CONFLICTED, message, stalled: true }
            }
            phase => Health::Progressing {
                reason: reason::PROGRESSING,
                message: format!("{phase:?}: {share} between {from} and {to}"),
            },
        }
    }

    fn facts(
        &self,
        resolved: &TrafficMigrationResolved,
        observed: &TrafficMigrationObserved,
    ) -> TrafficMigrationStatus {
        advance(&Pass::of(self, resolved, observed)).state
    }

    /// The phase, the way back and the intent are stored before any weight is written.
    fn intent(
        &self,
        resolved: &TrafficMigrationResolved,
        observed: &TrafficMigrationObserved,
        _plan: &Plan,
    ) -> Option<TrafficMigrationStatus> {
        let state = advance(&Pass::of(self, resolved, observed)).state;
        (self.status.as_ref() != Some(&state)).then_some(state)
    }

    /// A migration without its status would not know the way back.
    fn finds_again(&self, _intent: &TrafficMigrationStatus) -> bool {
        false
    }

    fn news(&self, resolved: &TrafficMigrationResolved, observed: &TrafficMigrationObserved) -> Vec<News> {
        let before = self.status.as_ref().and_then(|s| s.phase).unwrap_or_default();
        let state = advance(&Pass::of(self, resolved, observed)).state;
        let phase = state.phase.unwrap_or_default();
        if phase == before {
            return Vec::new();
        }
        let warning =
            matches!(phase, MigrationPhase::RollingBack | MigrationPhase::RolledBack | MigrationPhase::Conflicted);
        let step = state.progress.map(|p| format!(", step {p}")).unwrap_or_default();
        let why = match phase {
            MigrationPhase::RollingBack | MigrationPhase::RolledBack => state.abort_reason,
            MigrationPhase::Conflicted => state.conflict.map(|c| c.message),
            _ => None,
        };
        let why = why.map(|w| format!(": {w}")).unwrap_or_default();
        let share = state.share.unwrap_or_default();
        vec![News { warning, reason: format!("{phase:?}"), message: format!("weights {share}{step}{why}") }]
    }
}
