//! Task sets and deployment controllers through aws-sdk-ecs. Expectations are those of TaskSet, CreateTaskSet and the other
//! task set operations in the Amazon ECS API reference, and of "Deploy Amazon ECS services using a third-party controller".

use aws_sdk_ecs::Client as Ecs;
use aws_sdk_ecs::error::ProvideErrorMetadata as _;
use aws_sdk_ecs::types::{
    DeploymentController, DeploymentControllerType, LaunchType, LoadBalancer, Scale, ScaleUnit, StabilityStatus,
    TaskSet,
};
use aws_sdk_elasticloadbalancingv2::Client as Elb;
use aws_sdk_elasticloadbalancingv2::types::TargetHealthStateEnum;

use crate::ecs::{described, network, register, shop};
use crate::load_balancing::{balancer, forward, group, health, listener};
use crate::support::{Aws, on_both_fronts};

fn controller(kind: DeploymentControllerType) -> DeploymentController {
    DeploymentController::builder().r#type(kind).build().unwrap()
}

fn behind(group: &str) -> LoadBalancer {
    LoadBalancer::builder().target_group_arn(group).container_name("web").container_port(80).build()
}

fn percent(value: f64) -> Scale {
    Scale::builder().value(value).unit(ScaleUnit::Percent).build()
}

/// A service that somebody else deploys, and two target groups behind one listener.
async fn external(aws: &Aws) -> (Ecs, Elb, String, String) {
    let (ecs, elb) = (shop(aws).await, Elb::new(&aws.config()));
    let (blue, green) = (group(&elb, "blue").await, group(&elb, "green").await);
    listener(&elb, &balancer(&elb, "web").await, 80, forward(&[(&blue, 1), (&green, 0)])).await;
    let service = ecs.create_service().cluster("prod").service_name("web").desired_count(3);
    service.deployment_controller(controller(DeploymentControllerType::External)).send().await.unwrap();
    (ecs, elb, blue, green)
}

async fn create(ecs: &Ecs, group: &str, scale: f64) -> TaskSet {
    let set = ecs.create_task_set().cluster("prod").service("web").task_definition("web").scale(percent(scale));
    let set = set.launch_type(LaunchType::Fargate).network_configuration(network()).load_balancers(behind(group));
    set.external_id("release").send().await.unwrap().task_set().unwrap().clone()
}

async fn seen(ecs: &Ecs, set: &TaskSet) -> TaskSet {
    let describe = ecs.describe_task_sets().cluster("prod").service("web").task_sets(set.id().unwrap());
    describe.send().await.unwrap().task_sets()[0].clone()
}

async fn healthy(elb: &Elb, group: &str) -> usize {
    health(elb, group).await.iter().filter(|(state, _)| *state == TargetHealthStateEnum::Healthy).count()
}

#[tokio::test]
async fn task_sets_register_in_their_own_target_groups_and_one_of_them_is_primary() {
    on_both_fronts(async |aws| {
        let (ecs, elb, blue, green) = external(&aws).await;
        let first = create(&ecs, &blue, 100.0).await;
        assert_eq!(first.stability_status(), Some(&StabilityStatus::Stabilizing));
        assert_eq!((first.computed_desired_count(), first.external_id()), (3, Some("release")));
        let primary = ecs.update_service_primary_task_set().cluster("prod").service("web");
        primary.primary_task_set(first.id().unwrap()).send().await.unwrap();
        aws.pass(60);
        let steady = seen(&ecs, &first).await;
        assert_eq!(steady.stability_status(), Some(&StabilityStatus::SteadyState));
        assert_eq!((steady.running_count(), steady.status()), (3, Some("PRIMARY")));
        assert_eq!((healthy(&elb, &blue).await, healthy(&elb, &green).await), (3, 0));
        register(&ecs, "nginx:2").await;
        let second = create(&ecs, &green, 50.0).await;
        aws.pass(60);
        assert_eq!((healthy(&elb, &blue).await, healthy(&elb, &green).await), (3, 2));
        let service = described(&ecs).await;
        assert!(service.deployments().is_empty() && service.task_sets().len() == 2, "{service:?}");
        assert!(service.task_definition().unwrap().ends_with("web:1"));
        let scale = ecs.update_task_set().cluster("prod").service("web").task_set(second.task_set_arn().unwrap());
        let scaled = scale.scale(percent(100.0)).send().await.unwrap();
        assert_eq!(scaled.task_set().unwrap().computed_desired_count(), 3);
        let primary = ecs.update_service_primary_task_set().cluster("prod").service("web");
        primary.primary_task_set(second.id().unwrap()).send().await.unwrap();
        assert!(described(&ecs).await.task_definition().unwrap().ends_with("web:2"));
        let delete = ecs.delete_task_set().cluster("prod").service("web").task_set(first.id().unwrap());
        let early = delete.clone().send().await.unwrap_err().into_service_error();
        assert!(early.is_invalid_parameter_exception(), "{early:?}");
        let gone = delete.force(true).send().await.unwrap();
        assert_eq!(gone.task_set().unwrap().status(), Some("DRAINING"));
        aws.pass(90);
        assert_eq!((health(&elb, &blue).await.len(), healthy(&elb, &green).await), (0, 3));
        assert_eq!(described(&ecs).await.task_sets().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn who_deploys_a_service_decides_what_its_callers_may_change() {
    on_both_fronts(async |aws| {
        let (ecs, _, blue, _) = external(&aws).await;
        let update = || ecs.update_service().cluster("prod").service("web");
        let refused = update().task_definition("web").send().await.unwrap_err().into_service_error();
        assert!(refused.is_invalid_parameter_exception(), "{refused:?}");
        let unknown = ecs.update_task_set().cluster("prod").service("web").task_set("ecs-svc/1").scale(percent(1.0));
        let unknown = unknown.send().await.unwrap_err().into_service_error();
        assert!(unknown.is_task_set_not_found_exception(), "{unknown:?}");
        let deploy = ecs.create_service().cluster("prod").service_name("shop").task_definition("web").desired_count(1);
        let deploy = deploy.launch_type(LaunchType::Fargate).network_configuration(network());
        let deploy = deploy.deployment_controller(controller(DeploymentControllerType::CodeDeploy));
        let made = deploy.load_balancers(behind(&blue)).send().await.unwrap().service().unwrap().clone();
        assert_eq!(made.task_sets()[0].status(), Some("PRIMARY"));
        let refused = ecs.update_service().cluster("prod").service("shop").task_definition("web").send().await;
        let refused = refused.unwrap_err().into_service_error();
        assert!(refused.is_invalid_parameter_exception(), "{refused:?}");
        let words = "Unable to update task definition on services with a CODE_DEPLOY deployment controller.";
        assert!(refused.message().unwrap().starts_with(words), "{refused:?}");
        let set = ecs.create_task_set().cluster("prod").service("shop").task_definition("web").send().await;
        assert!(set.unwrap_err().message().unwrap().contains("external deployment controllers"));
        ecs.update_service().cluster("prod").service("shop").desired_count(2).send().await.unwrap();
        aws.pass(60);
        let shop = ecs.describe_services().cluster("prod").services("shop").send().await.unwrap().services()[0].clone();
        assert_eq!((shop.running_count(), shop.task_sets()[0].computed_desired_count()), (2, 2));
    })
    .await;
}
