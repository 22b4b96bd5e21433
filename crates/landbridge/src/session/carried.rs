//! The kinds that a session carries through, and what it must know of each beside its planner.

use kube::core::object::HasStatus;
use landbridge_api::v1alpha1::{
    AwsAccount, CloudMapExport, CloudMapImport, CloudMapNamespace, EcsCluster, EcsService, IamTaskRole,
    TrafficMigration,
};
use landbridge_aws::observe::Observe;
use landbridge_plan::kind::Kind;
use landbridge_plan::objects::{Held, Snapshot};
use landbridge_plan::token;

/// A kind that a session can carry through.
pub trait Carried: Observe + Held + HasStatus<Status = <Self as Kind>::Status> {
    /// The planned object as others may refer to it before it is made.
    fn expect(_status: &mut <Self as Kind>::Status, _identity: &str) {}
    /// Takes the object out of the snapshot.
    fn leave(&self, snapshot: &mut Snapshot);
}

impl Carried for AwsAccount {
    fn leave(&self, snapshot: &mut Snapshot) {
        snapshot.accounts.remove(self.object_name());
    }
}

impl Carried for EcsCluster {
    fn leave(&self, snapshot: &mut Snapshot) {
        snapshot.ecs_clusters.remove(self.object_name());
    }
}

impl Carried for CloudMapNamespace {
    fn expect(status: &mut <Self as Kind>::Status, identity: &str) {
        status.namespace_id.get_or_insert_with(|| token::token(identity, "id"));
    }
    fn leave(&self, snapshot: &mut Snapshot) {
        snapshot.cloud_map_namespaces.remove(self.object_name());
    }
}

impl Carried for IamTaskRole {
    fn expect(status: &mut <Self as Kind>::Status, identity: &str) {
        status.role_arn.get_or_insert_with(|| token::token(identity, "arn"));
    }
    fn leave(&self, snapshot: &mut Snapshot) {
        snapshot.iam_task_roles.remove(&(self.object_namespace().to_owned(), self.object_name().to_owned()));
    }
}

impl Carried for EcsService {
    fn leave(&self, snapshot: &mut Snapshot) {
        snapshot.ecs_services.remove(&(self.object_namespace().to_owned(), self.object_name().to_owned()));
    }
}

impl Carried for CloudMapExport {
    fn leave(&self, snapshot: &mut Snapshot) {
        snapshot.cloud_map_exports.remove(&(self.object_namespace().to_owned(), self.object_name().to_owned()));
    }
}

impl Carried for CloudMapImport {
    fn leave(&self, snapshot: &mut Snapshot) {
        snapshot.cloud_map_imports.remove(&(self.object_namespace().to_owned(), self.object_name().to_owned()));
    }
}

impl Carried for TrafficMigration {
    fn leave(&self, snapshot: &mut Snapshot) {
        snapshot.traffic_migrations.remove(&(self.object_namespace().to_owned(), self.object_name().to_owned()));
    }
}
