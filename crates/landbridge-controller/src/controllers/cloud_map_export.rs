//! CloudMapExport: a namespace that is going may wait for it. What wakes it are Services and EndpointSlices.

use std::time::Duration;

use landbridge_api::v1alpha1::CloudMapExport;
use landbridge_aws::Aws;
use landbridge_plan::cloud_map_export::CloudMapExportResolved;

use super::wake_if_going;
use crate::context::{Converge, Operator};
use crate::feed::Change;
use crate::objects::World;

impl Converge for CloudMapExport {
    /// Endpoints become ready in Kubernetes, whose watches tell of it.
    fn follow(&self, _: &Operator, _: &CloudMapExportResolved, _: &Aws, _moves: bool) -> Duration {
        Duration::from_mins(5)
    }

    fn changed(world: &World, change: &Change<'_, Self>) {
        if let (Some(old), None) = (change.old, change.new) {
            wake_if_going(&world.cloud_map, None, &old.spec.namespace_ref.name);
        }
    }
}
