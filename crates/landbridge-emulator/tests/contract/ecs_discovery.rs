//! Service Connect, task protection and execute-command through the SDK. Expectations are those of "Amazon ECS Service
//! Connect components", ServiceConnectConfiguration, ListServicesByNamespace, UpdateTaskProtection and ExecuteCommand.

use aws_sdk_ecs::Client as Ecs;
use aws_sdk_ecs::error::ProvideErrorMetadata as _;
use aws_sdk_ecs::types::{
    ServiceConnectClientAlias, ServiceConnectConfiguration, ServiceConnectService, ServiceDeploymentStatus,
};
use aws_sdk_servicediscovery::Client as CloudMap;
use aws_sdk_servicediscovery::types::{FilterCondition, ServiceFilter, ServiceFilterName, ServiceSummary};

use crate::ecs::{create, described, register, shop};
use crate::ecs_load_balancing::current;
use crate::support::{Aws, on_both_fronts};

fn connect(port: &str, name: &str) -> ServiceConnectConfiguration {
    let alias = ServiceConnectClientAlias::builder().port(80).dns_name(name).build().unwrap();
    let exposed = ServiceConnectService::builder().port_name(port).discovery_name(name).client_aliases(alias);
    let exposed = exposed.build().unwrap();
    ServiceConnectConfiguration::builder().enabled(true).namespace("shop").services(exposed).build()
}

/// A namespace of that name, and its id.
async fn namespace(aws: &Aws, cloud_map: &CloudMap) -> String {
    cloud_map.create_http_namespace().name("shop").send().await.unwrap();
    aws.pass(10);
    cloud_map.list_namespaces().send().await.unwrap().namespaces()[0].id().unwrap().to_owned()
}

async fn services(cloud_map: &CloudMap, namespace: &str) -> Vec<ServiceSummary> {
    let filter = ServiceFilter::builder().name(ServiceFilterName::NamespaceId).values(namespace);
    let filter = filter.condition(FilterCondition::Eq).build().unwrap();
    cloud_map.list_services().filters(filter).send().await.unwrap().services().to_vec()
}

#[tokio::test]
async fn service_connect_registers_tasks_under_their_discovery_name_and_takes_the_name_away_again() {
    on_both_fronts(async |aws| {
        let (ecs, cloud_map) = (shop(&aws).await, CloudMap::new(&aws.config()));
        let namespace = namespace(&aws, &cloud_map).await;
        create(&ecs).service_connect_configuration(connect("http", "web-api")).send().await.unwrap();
        aws.pass(60);
        let made = services(&cloud_map, &namespace).await;
        assert_eq!((made.len(), made[0].name()), (1, Some("web-api")));
        let deployment = described(&ecs).await.deployments()[0].clone();
        assert_eq!(deployment.service_connect_configuration().unwrap().services()[0].port_name(), "http");
        let resource = &deployment.service_connect_resources()[0];
        assert_eq!((resource.discovery_name(), resource.discovery_arn()), (Some("web-api"), made[0].arn()));
        let id = made[0].id().unwrap();
        let instances = cloud_map.list_instances().service_id(id).send().await.unwrap().instances().to_vec();
        assert_eq!(instances.len(), 2);
        let attributes = instances[0].attributes().unwrap();
        assert_eq!((attributes["AWS_INSTANCE_PORT"].as_str(), attributes["ECS_SERVICE_NAME"].as_str()), ("80", "web"));
        let listed = ecs.list_services_by_namespace().namespace("shop").send().await.unwrap();
        assert_eq!(listed.service_arns(), [described(&ecs).await.service_arn().unwrap()]);
        let update = ecs.update_service().cluster("prod").service("web");
        update.service_connect_configuration(connect("http", "web-v2")).send().await.unwrap();
        aws.pass(180);
        let made = services(&cloud_map, &namespace).await;
        assert_eq!((made.len(), made[0].name()), (1, Some("web-v2")), "what no revision uses is gone");
        ecs.delete_service().cluster("prod").service("web").force(true).send().await.unwrap();
        aws.pass(60);
        assert!(services(&cloud_map, &namespace).await.is_empty());
        cloud_map.delete_namespace().id(&namespace).send().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_port_that_no_container_names_and_a_namespace_that_is_not_there_are_refused() {
    on_both_fronts(async |aws| {
        let (ecs, cloud_map) = (shop(&aws).await, CloudMap::new(&aws.config()));
        let early = create(&ecs).service_connect_configuration(connect("http", "web")).send().await;
        assert!(early.unwrap_err().into_service_error().is_namespace_not_found_exception());
        namespace(&aws, &cloud_map).await;
        let unknown = create(&ecs).service_connect_configuration(connect("grpc", "web")).send().await;
        let unknown = unknown.unwrap_err().into_service_error();
        assert!(unknown.is_invalid_parameter_exception(), "{unknown:?}");
        assert!(unknown.message().unwrap().contains("grpc"), "{unknown:?}");
        let none = ecs.list_services_by_namespace().namespace("none").send().await.unwrap_err().into_service_error();
        assert!(none.is_namespace_not_found_exception(), "{none:?}");
    })
    .await;
}

async fn running(ecs: &Ecs) -> Vec<String> {
    ecs.list_tasks().cluster("prod").service_name("web").send().await.unwrap().task_arns().to_vec()
}

#[tokio::test]
async fn protected_tasks_outlive_scaling_in_and_deployments() {
    on_both_fronts(async |aws| {
        let ecs = shop(&aws).await;
        create(&ecs).send().await.unwrap();
        aws.pass(60);
        let task = running(&ecs).await[0].clone();
        let protect = ecs.update_task_protection().cluster("prod").tasks(&task).protection_enabled(true);
        let answer = protect.expires_in_minutes(60).send().await.unwrap();
        assert!(answer.protected_tasks()[0].expiration_date().is_some());
        ecs.update_service().cluster("prod").service("web").desired_count(0).send().await.unwrap();
        aws.pass(60);
        assert_eq!(running(&ecs).await, std::slice::from_ref(&task));
        let got = ecs.get_task_protection().cluster("prod").tasks(&task).tasks("none").send().await.unwrap();
        assert!(got.protected_tasks()[0].protection_enabled());
        assert_eq!(got.failures()[0].reason(), Some("MISSING"));
        register(&ecs, "nginx:2").await;
        let update = ecs.update_service().cluster("prod").service("web").task_definition("web").desired_count(1);
        update.send().await.unwrap();
        aws.pass(600);
        assert_eq!(current(&ecs).await.status(), Some(&ServiceDeploymentStatus::InProgress));
        ecs.update_task_protection().cluster("prod").tasks(&task).protection_enabled(false).send().await.unwrap();
        aws.pass(60);
        assert_eq!(current(&ecs).await.status(), Some(&ServiceDeploymentStatus::Successful));
        assert!(!running(&ecs).await.contains(&task));
    })
    .await;
}

#[tokio::test]
async fn a_command_gets_a_session_if_the_task_was_started_for_it() {
    on_both_fronts(async |aws| {
        let ecs = shop(&aws).await;
        create(&ecs).desired_count(1).send().await.unwrap();
        aws.pass(60);
        let task = running(&ecs).await.remove(0);
        let command = |task: String| ecs.execute_command().cluster("prod").task(task).command("sh").interactive(true);
        let refused = command(task).send().await.unwrap_err().into_service_error();
        assert!(refused.is_invalid_parameter_exception(), "{refused:?}");
        let update = ecs.update_service().cluster("prod").service("web").enable_execute_command(true);
        update.force_new_deployment(true).send().await.unwrap();
        aws.pass(120);
        let answer = command(running(&ecs).await.remove(0)).send().await.unwrap();
        assert_eq!((answer.container_name(), answer.interactive()), (Some("web"), true));
        assert!(answer.session().unwrap().stream_url().unwrap().starts_with("wss://ssmmessages.eu-west-1."));
    })
    .await;
}
