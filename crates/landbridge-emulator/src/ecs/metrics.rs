//! Which services report metrics to CloudWatch ("Amazon ECS service utilization metrics").

use jiff::Timestamp;

use super::Ecs;
use super::member::Members;
use super::service::Service;
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
    runs(ecs, service).then_some(service.created_at)
}

fn runs(ecs: &Ecs, service: &Service) -> bool {
    service.tasks.iter().any(|task| ecs.tasks.get(task).is_some_and(super::task::Task::is_running))
}

/// `CLUSTER/SERVICE` and the creation of the service that runs tasks in a target group (`targetgroup/NAME/ID`).
pub(crate) fn runs_behind(world: &World, account: &str, region: &str, group: &str) -> Option<(String, Timestamp)> {
    let ecs = &world.services.ecs;
    let scope = format!("arn:aws:ecs:{region}:{account}:");
    let group = format!("arn:aws:elasticloadbalancing:{region}:{account}:{group}");
    let registers = |service: &Service| {
        let mut balancers = service.deployments.iter().flat_map(|it| it.revision.fields.list("loadBalancers"));
        balancers.any(|it| {
            let alternate = it.object("advancedConfiguration").and_then(|it| it.text("alternateTargetGroupArn"));
            [it.text("targetGroupArn"), alternate].contains(&Some(group.as_str()))
        })
    };
    let here = ecs.services.values().filter(|it| it.is_active() && it.arn.starts_with(&scope));
    let service = here.into_iter().find(|service| registers(service) && runs(ecs, service))?;
    Some((format!("{}/{}", service.cluster_name, service.name), service.created_at))
}

/// Cluster and name of every service that reports metrics.
pub(crate) fn services_with_metrics(world: &World, account: &str, region: &str) -> Vec<(String, String)> {
    let scope = format!("arn:aws:ecs:{region}:{account}:");
    let services = world.services.ecs.services.values();
    let here = services.filter(|service| service.is_active() && service.arn.starts_with(&scope));
    here.map(|service| (service.cluster_name.clone(), service.name.clone())).collect()
}
