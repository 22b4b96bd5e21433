//! Which services report metrics to CloudWatch ("Amazon ECS service utilization metrics").

use jiff::Timestamp;

use crate::world::World;

/// Since when a service reports its utilization: since it was made, while it has running tasks.
pub(crate) fn runs_since(
    world: &World,
    account: &str,
    region: &str,
    cluster: &str,
    service: &str,
) -> Option<Timestamp> {
    let ecs = &world.services.ecs;
    let service = ecs.services.get(&format!("arn:aws:ecs:{region}:{account}:service/{cluster}/{service}"))?;
    let running = service.tasks.iter().any(|task| ecs.tasks.get(task).is_some_and(super::task::Task::is_running));
    running.then_some(service.created_at)
}

/// Cluster and name of every service that reports metrics.
pub(crate) fn services_with_metrics(world: &World, account: &str, region: &str) -> Vec<(String, String)> {
    let scope = format!("arn:aws:ecs:{region}:{account}:");
    let services = world.services.ecs.services.values();
    let here = services.filter(|service| service.is_active() && service.arn.starts_with(&scope));
    here.map(|service| (service.cluster_name.clone(), service.name.clone())).collect()
}
