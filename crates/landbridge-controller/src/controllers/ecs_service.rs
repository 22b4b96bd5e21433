//! ECSService: what it refers to and is going may wait for it; between two whole comparisons the sweep watches it.

use std::time::Duration;

use landbridge_api::common::{ClusterScopedRef, LocalRef};
use landbridge_api::v1alpha1::EcsService;
use landbridge_aws::Aws;
use landbridge_aws::sweep::Mode;
use landbridge_plan::ecs_service::EcsServiceResolved;
use landbridge_plan::kind::Kind as _;

use super::wake_if_going;
use crate::config::Config;
use crate::context::{Converge, Operator};
use crate::feed::Change;
use crate::objects::{World, imports_tasks_of};
use crate::sweeps;

impl Converge for EcsService {
    fn resync(config: &Config) -> Duration {
        config.service_resync
    }

    fn follow(&self, operator: &Operator, resolved: &EcsServiceResolved, aws: &Aws, moves: bool) -> Duration {
        let mode = if moves { Mode::Rolling } else { Mode::Steady };
        operator.sweeps.watch(self, resolved, aws, mode, &operator.leases);
        // The sweep is much quicker; this is for what it cannot see.
        Duration::from_mins(5)
    }

    fn forget(&self, operator: &Operator) {
        operator.sweeps.unwatch(&sweeps::owner(self));
    }

    fn changed(world: &World, change: &Change<'_, Self>) {
        wake_imports(world, change);
        if let Some(service) = change.new.or(change.old) {
            let (namespace, name) = (service.object_namespace(), service.object_name());
            world.migrations.wake_where(|m| {
                let sides = [&m.spec.from, &m.spec.to].into_iter().filter_map(|s| s.ecs_service_ref.as_ref());
                m.object_namespace() == namespace && sides.into_iter().any(|s| s.name == name)
            });
        }
        let Some(old) = change.old else { return };
        let before = References::of(old);
        if change.new.is_some_and(|new| References::of(new) == before) {
            return;
        }
        wake_if_going(&world.clusters, None, &before.cluster.name);
        if let Some(namespace) = before.namespace {
            wake_if_going(&world.cloud_map, None, &namespace.name);
        }
        for role in before.roles.into_iter().flatten() {
            let (namespace, name) = (old.object_namespace(), &role.name);
            wake_if_going(&world.roles, Some(namespace), name);
            // It shuts ECS tasks out once nothing runs as it any more.
            world.roles.wake_where(|r| {
                let trust = r.spec.trust.as_ref();
                r.object_namespace() == namespace
                    && r.object_name() == name
                    && trust.is_some_and(|t| t.ecs_tasks == Some(false))
            });
        }
    }
}

/// Tasks that come or go show in the service's status long before an import would look by itself.
fn wake_imports(world: &World, change: &Change<'_, EcsService>) {
    let tasks = |s: &EcsService| {
        let status = s.status.as_ref();
        let counts = status.map(|s| (s.running_count, s.pending_count, s.desired_count));
        (s.metadata.uid.clone(), counts, status.and_then(|s| s.deployment.clone()))
    };
    let Some(service) = change.new.or(change.old) else { return };
    if change.old.map(tasks) != change.new.map(tasks) {
        let (namespace, name) = (service.object_namespace(), service.object_name());
        world.imports.wake_where(|i| i.object_namespace() == namespace && imports_tasks_of(i, name));
    }
}

#[derive(PartialEq)]
struct References<'a> {
    cluster: &'a ClusterScopedRef,
    namespace: Option<&'a ClusterScopedRef>,
    roles: [Option<&'a LocalRef>; 2],
}

impl<'a> References<'a> {
    fn of(service: &'a EcsService) -> Self {
        let spec = &service.spec;
        Self {
            cluster: &spec.cluster_ref,
            namespace: spec.service_discovery.as_ref().map(|d| &d.namespace_ref),
            roles: [spec.task_role_ref.as_ref(), spec.execution_role_ref.as_ref()],
        }
    }
}
