//! The sides of a migration, resolved.

use std::sync::Arc;

use landbridge_api::v1alpha1::{MigrationManager, SideHealth};
use serde::Serialize;

use super::{CloudMapPlace, PointFacts};
use crate::account::AccountTarget;

/// The account and both sides.
#[derive(Clone, Debug, Serialize)]
pub struct TrafficMigrationResolved {
    /// The account that holds the load balancer, which is that of the ECS side, or the hosted zone.
    pub account: Arc<AccountTarget>,
    /// The side that has the traffic at the beginning.
    pub from: Side,
    /// The side that gets it.
    pub to: Side,
    /// Other migrations that have a side of this one, or come before it, each with what to do about it.
    #[serde(skip)]
    pub rivals: Vec<String>,
    /// Target groups that other migrations, which stay, have as theirs too: a deleted one leaves them to those.
    #[serde(skip)]
    pub shared_groups: Vec<String>,
    /// The program that writes the weights into AWS, when it is not Landbridge.
    #[serde(skip)]
    pub manager: Option<MigrationManager>,
    /// The Kubernetes objects that hold the weights, as they were read: the route itself, or what tells the manager.
    #[serde(skip)]
    pub objects: Vec<PointFacts>,
    /// Why such objects cannot be read, and what is wrong with those that can.
    #[serde(skip)]
    pub unreadable: Vec<String>,
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
    /// Its account, where that is another than the one that holds what is written.
    pub account: Option<Arc<AccountTarget>>,
    /// Where callers find it in Cloud Map, for a migration that goes by that.
    pub cloud_map: Option<CloudMapPlace>,
    /// The Service of the cluster that leads to it.
    #[serde(skip)]
    pub service: Option<ServiceSide>,
    /// Whether somebody else brings its targets to the load balancer, or none is between.
    #[serde(skip)]
    pub bound: bool,
    /// The set identifier of its records, where another program made them.
    #[serde(skip)]
    pub identifier: Option<String>,
    /// What it is.
    #[serde(flatten)]
    pub kind: SideKind,
}

/// A Service in front of a side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceSide {
    /// Name.
    pub name: String,
    /// Name of the port; empty where the only port has none.
    pub port_name: String,
    /// Number of the port.
    pub port: u16,
    /// Health of its endpoints.
    pub health: SideHealth,
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
        if let Some(identifier) = &self.identifier {
            return identifier.clone();
        }
        let (kind, name) = self.name.split_once(' ').unwrap_or(("", &self.name));
        let kind = if kind == "ECSService" { "ecs" } else { "kubernetes" };
        format!("{kind}/{name}")
    }

    /// Its pods, when it is a Kubernetes Service whose target group Landbridge fills.
    pub fn managed(&self) -> Option<(&str, &[Pod])> {
        match &self.kind {
            SideKind::Kubernetes { owner, pods } if self.target_group.is_none() && !self.bound => Some((owner, pods)),
            _ => None,
        }
    }
}
