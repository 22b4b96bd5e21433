//! CloudMapImport: what it imports changes in AWS, where nobody tells of it, so it is looked at often; a look at what has not
//! changed costs one call.

use std::time::Duration;

use landbridge_api::v1alpha1::CloudMapImport;
use landbridge_aws::Aws;
use landbridge_plan::cloud_map_import::CloudMapImportResolved;

use super::wake_if_going;
use crate::config::Config;
use crate::context::{Converge, Operator};
use crate::feed::Change;
use crate::objects::World;

impl Converge for CloudMapImport {
    fn resync(config: &Config) -> Duration {
        config.import_look
    }

    fn follow(&self, operator: &Operator, _: &CloudMapImportResolved, _: &Aws, _moves: bool) -> Duration {
        operator.config.import_look
    }

    fn changed(world: &World, change: &Change<'_, Self>) {
        let Some(old) = change.old.filter(|_| change.new.is_none()) else { return };
        if let Some(source) = &old.spec.source.cloud_map {
            wake_if_going(&world.cloud_map, None, &source.namespace_ref.name);
        }
    }
}
