//! Kubernetes' own objects as the planner sees them: Services, and the EndpointSlices behind them.
//!
//! A cluster may have thousands of EndpointSlices, so these types hold what a plan asks and nothing else. They are made
//! from Kubernetes' types by pure functions, in the operator as in the CLI.

mod endpoint_slice;
mod foreign;
mod service;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use landbridge_api::names::tag;
use serde::Serialize;

use crate::owner::Owner;

pub use endpoint_slice::*;
pub use foreign::*;
pub use service::*;

/// Who owns an object that Landbridge writes in Kubernetes: the annotations of the object itself, with the keys and values
/// that AWS resources carry as tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Held {
    /// `Kind/namespace/name` of the custom resource; none for an object that Landbridge did not make.
    pub owner: Option<Box<str>>,
    /// The installation.
    pub installation: Option<Box<str>>,
}

impl Held {
    /// What the annotations say.
    pub fn of(meta: &ObjectMeta) -> Self {
        let said = |key: &str| meta.annotations.as_ref()?.get(key).map(|v| Box::from(v.as_str()));
        Self { owner: said(tag::OWNER), installation: said(tag::INSTALLATION) }
    }

    /// Whether it is that owner's.
    pub fn is(&self, owner: &Owner) -> bool {
        self.owner.as_deref() == Some(&owner.object) && self.installation.as_deref() == Some(&owner.installation)
    }

    /// Whose it is, in words.
    pub fn said(&self) -> String {
        match (&self.owner, &self.installation) {
            (Some(owner), Some(installation)) => format!("{owner} of installation {installation}"),
            (Some(owner), None) => owner.to_string(),
            (None, _) => "nobody that Landbridge knows of".to_owned(),
        }
    }
}

/// The annotations that make an object the owner's.
pub fn annotations(owner: &Owner) -> BTreeMap<String, String> {
    owner.tags()
}

/// A text that is not there takes no memory of its own.
fn boxed(text: Option<&String>) -> Option<Box<str>> {
    text.filter(|t| !t.is_empty()).map(|t| Box::from(t.as_str()))
}
