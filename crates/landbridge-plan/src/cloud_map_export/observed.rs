//! What Cloud Map says of an export.

use std::collections::BTreeMap;

use landbridge_api::v1alpha1::CloudMapExport;
use serde::{Deserialize, Serialize};

use super::CloudMapExportResolved;
use super::attributes::{self, OWNER};
use crate::change::Tags;
use crate::ecs_service::DiscoveryFacts;

/// The Cloud Map service, what is registered in it, and what is under way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CloudMapExportObserved {
    /// The service of the wanted name, or the one whose ID is stored.
    pub service: Option<DiscoveryFacts>,
    /// Attributes of every instance by its ID, also of those of others.
    pub instances: BTreeMap<String, Tags>,
    /// Registrations and deregistrations that Cloud Map works on, or that failed just now, by instance ID.
    pub under_way: BTreeMap<String, InstanceOperation>,
}

/// A registration or deregistration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InstanceOperation {
    /// ID of the operation.
    pub id: String,
    /// Code and message of one that failed; it is tried again after a while.
    pub failure: Option<String>,
}

impl CloudMapExportObserved {
    /// Whether the instance is registered as wanted.
    pub(super) fn has(&self, id: &str, wanted: &Tags) -> bool {
        self.instances.get(id).is_some_and(|present| attributes::is_same(present, wanted))
    }

    /// Whether the instance carries the attribute of this owner.
    pub(super) fn owns(&self, id: &str, owner: &str) -> bool {
        self.instances.get(id).is_some_and(|a| a.get(OWNER).is_some_and(|o| o == owner))
    }

    /// How many instances are not this export's.
    pub(super) fn of_others(&self, object: &CloudMapExport, resolved: &CloudMapExportResolved) -> usize {
        let owner = attributes::owner(object, &resolved.account);
        self.instances.values().filter(|a| a.get(OWNER).is_none_or(|o| *o != owner)).count()
    }
}
