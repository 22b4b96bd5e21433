//! The sides of a migration, resolved.

use std::sync::Arc;

use serde::Serialize;

use super::CloudMapPlace;
use crate::account::AccountTarget;

/// The account and both sides.
#[derive(Clone, Debug, Serialize)]
pub struct TrafficMigrationResolved {
    /// The account that holds the load balancer: that of the ECS side.
    pub account: Arc<AccountTarget>,
    /// The side that has the traffic at the beginning.
    pub from: Side,
    /// The side that gets it.
    pub to: Side,
    /// Other migrations that are under way with a side of this one, as `TrafficMigration shop/orders`.
    #[serde(skip)]
    pub rivals: Vec<String>,
}

/// One side.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// In words: `ECSService shop/orders`.
    pub name: String,
    /// The target group that the spec names.
    pub target_group: Option<String>,
    /// Why it cannot be found among the objects, if it cannot.
    #[serde(skip)]
    pub missing: Option<String>,
    /// ARN of the target group that another migration made for the same Service.
    #[serde(skip)]
    pub made_before: Option<String>,
    /// Where callers find it in Cloud Map, for a migration that goes by that.
    pub cloud_map: Option<CloudMapPlace>,
    /// What it is.
    #[serde(flatten)]
    pub kind: SideKind,
}

/// What a side is.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SideKind {
    /// An ECS service.
    Ecs {
        /// Name of its cluster.
        cluster: String,
        /// Name of the service.
        service: String,
    },
    /// A Kubernetes Service.
    Kubernetes {
        /// The owner that a target group made for it carries, for example `Service/shop/orders:http`.
        owner: String,
        /// Pods behind the port.
        #[serde(skip)]
        pods: Vec<Pod>,
    },
}

/// A pod behind a Service's port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pod {
    /// Address.
    pub address: String,
    /// Port.
    pub port: i32,
    /// Whether it takes new requests.
    pub ready: bool,
    /// Whether it is on its way out.
    pub terminating: bool,
    /// Availability Zone.
    pub zone: Option<Arc<str>>,
}

impl Side {
    /// The set identifier of its weighted records: `ecs/shop/orders`.
    pub fn set_identifier(&self) -> String {
        let (kind, name) = self.name.split_once(' ').unwrap_or(("", &self.name));
        let kind = if kind == "ECSService" { "ecs" } else { "kubernetes" };
        format!("{kind}/{name}")
    }

    /// Its pods, when it is a Kubernetes Service whose target group Landbridge fills.
    pub fn managed(&self) -> Option<(&str, &[Pod])> {
        match &self.kind {
            SideKind::Kubernetes { owner, pods } if self.target_group.is_none() => Some((owner, pods)),
            _ => None,
        }
    }
}
