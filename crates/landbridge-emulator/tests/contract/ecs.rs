//! ECS through aws-sdk-ecs: every answer parses, and refusals are the SDK's own variants.

use aws_sdk_ecs::Client;
use aws_sdk_ecs::error::ProvideErrorMetadata as _;
use aws_sdk_ecs::types::{
    AssignPublicIp, AutoScalingGroupProvider, AutoScalingGroupProviderUpdate, AwsVpcConfiguration,
    CapacityProviderField, CapacityProviderStatus, CapacityProviderType, CapacityProviderUpdateStatus, ClusterField,
    ClusterServiceConnectDefaultsRequest, Compatibility, ContainerDefinition,
    CreateManagedInstancesProviderConfiguration, DeploymentCircuitBreaker, DeploymentConfiguration,
    DeploymentRolloutState, HealthCheck, InstanceLaunchTemplate, KeyValuePair, LaunchType, LogConfiguration, LogDriver,
    ManagedDraining, ManagedInstancesNetworkConfiguration, ManagedScaling, ManagedScalingStatus, NetworkConfiguration,
    NetworkMode, PortMapping, PropagateTags, ServiceDeploymentStatus, ServiceField, ServiceRegistry, Tag,
    TaskDefinitionField, TransportProtocol,
};

use crate::cloud_map::{private, web};
use crate::iam::ecs_tasks;
use crate::support::{ACCOUNT, Aws, REGION, on_both_fronts};

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

fn container(image: &str) -> ContainerDefinition {
    let port = PortMapping::builder().container_port(80).name("http").protocol(TransportProtocol::Tcp).build();
    let logs = LogConfiguration::builder().log_driver(LogDriver::Awslogs).options("awslogs-group", "/ecs/web");
    let logs = logs.options("awslogs-region", REGION).options("awslogs-stream-prefix", "web");
    ContainerDefinition::builder()
        .name("web")
        .image(image)
        .essential(true)
        .environment(KeyValuePair::builder().name("MODE").value("a & <b>").build())
        .port_mappings(port)
        .log_configuration(logs.build().unwrap())
        .health_check(HealthCheck::builder().command("CMD-SHELL").command("true").interval(10).build().unwrap())
        .build()
}

pub(crate) async fn register(client: &Client, image: &str) -> String {
    let request = client
        .register_task_definition()
        .family("web")
        .requires_compatibilities(Compatibility::Fargate)
        .network_mode(NetworkMode::Awsvpc)
        .cpu("256")
        .memory("512")
        .execution_role_arn(format!("arn:aws:iam::{ACCOUNT}:role/execution"))
        .container_definitions(container(image))
        .tags(tag("team", "shop"));
    let answer = request.send().await.unwrap();
    answer.task_definition().unwrap().task_definition_arn().unwrap().to_owned()
}

pub(crate) fn network() -> NetworkConfiguration {
    let vpc = AwsVpcConfiguration::builder().subnets("subnet-1").security_groups("sg-1");
    let vpc = vpc.assign_public_ip(AssignPublicIp::Disabled).build().unwrap();
    NetworkConfiguration::builder().awsvpc_configuration(vpc).build()
}

pub(crate) fn breaker() -> DeploymentConfiguration {
    let breaker = DeploymentCircuitBreaker::builder().enable(true).rollback(true).build();
    DeploymentConfiguration::builder().deployment_circuit_breaker(breaker).build()
}

/// A cluster, the roles and the task definition of a service.
pub(crate) async fn shop(aws: &Aws) -> Client {
    let config = aws.config();
    let iam = aws_sdk_iam::Client::new(&config);
    iam.create_role().role_name("execution").assume_role_policy_document(ecs_tasks()).send().await.unwrap();
    let client = Client::new(&config);
    client.create_cluster().cluster_name("prod").send().await.unwrap();
    register(&client, "nginx:1").await;
    client
}

pub(crate) fn create(client: &Client) -> aws_sdk_ecs::operation::create_service::builders::CreateServiceFluentBuilder {
    let service = client.create_service().cluster("prod").service_name("web").task_definition("web").desired_count(2);
    service.launch_type(LaunchType::Fargate).network_configuration(network()).deployment_configuration(breaker())
}

pub(crate) async fn described(client: &Client) -> aws_sdk_ecs::types::Service {
    let answer = client.describe_services().cluster("prod").services("web").include(ServiceField::Tags).send().await;
    answer.unwrap().services()[0].clone()
}

#[tokio::test]
async fn a_cluster_round_trips_with_tags_settings_and_service_connect_defaults() {
    on_both_fronts(async |aws| {
        let client = Client::new(&aws.config());
        let defaults = ClusterServiceConnectDefaultsRequest::builder().namespace("shop").build().unwrap();
        let request = client.create_cluster().cluster_name("prod").tags(tag("team", "shop"));
        request.capacity_providers("FARGATE").service_connect_defaults(defaults).send().await.unwrap();
        let describe = || client.describe_clusters().clusters("prod").clusters("none");
        let answer = describe().include(ClusterField::Tags).include(ClusterField::Settings).send().await.unwrap();
        let cluster = &answer.clusters()[0];
        assert_eq!(cluster.status(), Some("ACTIVE"));
        assert_eq!(cluster.tags(), [tag("team", "shop")]);
        assert_eq!(cluster.capacity_providers(), ["FARGATE"]);
        assert!(cluster.service_connect_defaults().unwrap().namespace().unwrap().contains(":namespace/ns-"));
        assert_eq!(answer.failures()[0].reason(), Some("MISSING"));
        assert!(describe().send().await.unwrap().clusters()[0].tags().is_empty());
    })
    .await;
}

#[tokio::test]
async fn capacity_providers_of_both_kinds_are_made_changed_and_deleted() {
    on_both_fronts(async |aws| {
        let client = Client::new(&aws.config());
        client.create_cluster().cluster_name("prod").send().await.unwrap();
        let group = AutoScalingGroupProvider::builder().auto_scaling_group_arn("spare-group").build().unwrap();
        let spare =
            client.create_capacity_provider().name("spare").auto_scaling_group_provider(group).tags(tag("a", "b"));
        let made = spare.clone().send().await.unwrap().capacity_provider().cloned().unwrap();
        assert_eq!(made.status(), Some(&CapacityProviderStatus::Active));
        assert_eq!(made.auto_scaling_group_provider().unwrap().managed_draining(), Some(&ManagedDraining::Enabled));
        let again = spare.send().await.unwrap_err().into_service_error();
        assert!(again.is_client_exception() && again.message().unwrap().contains("already exists"), "{again:?}");
        let network = ManagedInstancesNetworkConfiguration::builder().subnets("subnet-1").build();
        let template = InstanceLaunchTemplate::builder().ec2_instance_profile_arn("p").network_configuration(network);
        let managed = CreateManagedInstancesProviderConfiguration::builder().infrastructure_role_arn("r");
        let managed = managed.instance_launch_template(template.build().unwrap()).build().unwrap();
        let big = client.create_capacity_provider().name("big").cluster("prod").managed_instances_provider(managed);
        let made = big.send().await.unwrap().capacity_provider().cloned().unwrap();
        assert_eq!(made.status(), Some(&CapacityProviderStatus::Provisioning));
        assert_eq!(made.r#type(), Some(&CapacityProviderType::ManagedInstances));
        let scaling = ManagedScaling::builder().status(ManagedScalingStatus::Enabled).target_capacity(80).build();
        let change = AutoScalingGroupProviderUpdate::builder().managed_scaling(scaling).build();
        let update = client.update_capacity_provider().name("spare").auto_scaling_group_provider(change);
        let changed = update.send().await.unwrap().capacity_provider().cloned().unwrap();
        assert_eq!(changed.update_status(), Some(&CapacityProviderUpdateStatus::UpdateInProgress));
        aws.pass(60);
        let describe = client.describe_capacity_providers().capacity_providers("spare").capacity_providers("big");
        let seen = describe.capacity_providers("none").include(CapacityProviderField::Tags).send().await.unwrap();
        let spare = &seen.capacity_providers()[0];
        assert_eq!(spare.tags(), [tag("a", "b")]);
        let scaling = spare.auto_scaling_group_provider().unwrap().managed_scaling().unwrap();
        assert_eq!((scaling.target_capacity(), scaling.instance_warmup_period()), (Some(80), Some(300)));
        assert_eq!(seen.capacity_providers()[1].status(), Some(&CapacityProviderStatus::Active));
        assert_eq!(seen.failures()[0].reason(), Some("MISSING"));
        let kept = client.delete_cluster().cluster("prod").send().await.unwrap_err().into_service_error();
        assert!(kept.is_cluster_contains_capacity_provider_exception(), "{kept:?}");
        client.delete_capacity_provider().capacity_provider("big").cluster("prod").send().await.unwrap();
        client.delete_capacity_provider().capacity_provider("spare").send().await.unwrap();
        aws.pass(60);
        client.delete_cluster().cluster("prod").send().await.unwrap();
        let none = client.delete_capacity_provider().capacity_provider("spare").send().await.unwrap_err();
        assert!(none.into_service_error().is_client_exception());
    })
    .await;
}

#[tokio::test]
async fn a_task_definition_round_trips() {
    on_both_fronts(async |aws| {
        let client = shop(&aws).await;
        let arn = register(&client, "nginx:2").await;
        assert!(arn.ends_with(":task-definition/web:2"), "{arn}");
        let describe = client.describe_task_definition().task_definition(&arn).include(TaskDefinitionField::Tags);
        let answer = describe.send().await.unwrap();
        assert_eq!(answer.tags(), [tag("team", "shop")]);
        let definition = answer.task_definition().unwrap();
        assert_eq!((definition.revision(), definition.cpu()), (2, Some("256")));
        let web = &definition.container_definitions()[0];
        assert_eq!(web.environment(), container("nginx:2").environment());
        let options = |container: &ContainerDefinition| container.log_configuration().unwrap().options().cloned();
        assert_eq!(options(web), options(&container("nginx:2")));
        assert_eq!(web.port_mappings()[0].container_port(), Some(80));
        client.deregister_task_definition().task_definition(&arn).send().await.unwrap();
        let listed = client.list_task_definitions().family_prefix("web").send().await.unwrap();
        assert_eq!(listed.task_definition_arns().len(), 1);
        let bad = client.register_task_definition().family("web").requires_compatibilities(Compatibility::Fargate);
        let bad =
            bad.network_mode(NetworkMode::Awsvpc).cpu("256").memory("8192").container_definitions(container("nginx"));
        let refused = bad.send().await.unwrap_err().into_service_error();
        assert!(refused.is_client_exception(), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn a_service_starts_registers_its_tasks_and_leaves_nothing_behind() {
    on_both_fronts(async |aws| {
        let client = shop(&aws).await;
        let cloud_map = aws_sdk_servicediscovery::Client::new(&aws.config());
        let namespace = private(&aws, &cloud_map, "shop.internal").await;
        let registry = web(&cloud_map, &namespace).await;
        let arn = format!("arn:aws:servicediscovery:{REGION}:{ACCOUNT}:service/{registry}");
        let registries = ServiceRegistry::builder().registry_arn(arn).build();
        let request = create(&client).service_registries(registries).tags(tag("team", "shop"));
        request.propagate_tags(PropagateTags::Service).send().await.unwrap();
        aws.pass(60);
        let service = described(&client).await;
        assert_eq!((service.running_count(), service.tags()), (2, &[tag("team", "shop")][..]));
        assert_eq!(service.deployments()[0].rollout_state(), Some(&DeploymentRolloutState::Completed));
        assert!(service.events().iter().any(|event| event.message().unwrap().contains("steady state")));
        let listed = client.list_tasks().cluster("prod").service_name("web").send().await.unwrap();
        let tasks =
            client.describe_tasks().cluster("prod").set_tasks(Some(listed.task_arns().to_vec())).send().await.unwrap();
        assert!(tasks.tasks().iter().all(|task| task.last_status() == Some("RUNNING")));
        let instances = cloud_map.list_instances().service_id(&registry).send().await.unwrap();
        assert_eq!(instances.instances().len(), 2);
        assert!(instances.instances()[0].attributes().unwrap()["AWS_INSTANCE_IPV4"].starts_with("10."));
        client.delete_service().cluster("prod").service("web").force(true).send().await.unwrap();
        assert_eq!(described(&client).await.status(), Some("DRAINING"));
        aws.pass(60);
        assert_eq!(described(&client).await.status(), Some("INACTIVE"));
        let instances = cloud_map.list_instances().service_id(&registry).send().await.unwrap();
        assert!(instances.instances().is_empty());
        client.delete_cluster().cluster("prod").send().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_bad_image_is_rolled_back_and_the_records_say_so() {
    on_both_fronts(async |aws| {
        let client = shop(&aws).await;
        create(&client).send().await.unwrap();
        aws.pass(60);
        let good = described(&client).await.task_definition().unwrap().to_owned();
        register(&client, "landbridge.test/pull-error:1").await;
        client.update_service().cluster("prod").service("web").task_definition("web").send().await.unwrap();
        aws.pass(600);
        let service = described(&client).await;
        assert_eq!((service.task_definition(), service.running_count()), (Some(good.as_str()), 2));
        let listed = client.list_service_deployments().cluster("prod").service("web").send().await.unwrap();
        let arns = listed.service_deployments().iter().map(|brief| brief.service_deployment_arn().unwrap().to_owned());
        let records = client.describe_service_deployments().set_service_deployment_arns(Some(arns.collect()));
        let records = records.send().await.unwrap();
        let failed = records.service_deployments().iter();
        let failed: Vec<_> =
            failed.filter(|it| it.status() == Some(&ServiceDeploymentStatus::RollbackSuccessful)).collect();
        assert_eq!(failed.len(), 1);
        let revision = failed[0].target_service_revision().unwrap().arn().unwrap();
        let revisions = client.describe_service_revisions().service_revision_arns(revision).send().await.unwrap();
        let image = revisions.service_revisions()[0].container_images()[0].image();
        assert_eq!(image, Some("landbridge.test/pull-error:1"));
        let stopped = client.list_tasks().cluster("prod").desired_status(aws_sdk_ecs::types::DesiredStatus::Stopped);
        let stopped = stopped.send().await.unwrap().task_arns().to_vec();
        let tasks = client.describe_tasks().cluster("prod").set_tasks(Some(stopped)).send().await.unwrap();
        assert!(
            tasks.tasks().iter().any(|task| task.stopped_reason().unwrap().starts_with("CannotPullContainerError"))
        );
    })
    .await;
}

#[tokio::test]
async fn refusals_are_the_sdk_s_own_error_variants() {
    on_both_fronts(async |aws| {
        let client = shop(&aws).await;
        let none = client.describe_services().cluster("none").services("x").send().await;
        assert!(none.unwrap_err().into_service_error().is_cluster_not_found_exception());
        let none = client.update_service().cluster("prod").service("none").send().await;
        assert!(none.unwrap_err().into_service_error().is_service_not_found_exception());
        create(&client).send().await.unwrap();
        let again = create(&client).desired_count(3).send().await.unwrap_err().into_service_error();
        assert!(again.is_invalid_parameter_exception(), "{again:?}");
        let busy = client.delete_cluster().cluster("prod").send().await.unwrap_err().into_service_error();
        assert!(busy.is_cluster_contains_services_exception(), "{busy:?}");
        let names = (0..11).map(|n| format!("s{n}")).collect();
        let many = client.describe_services().cluster("prod").set_services(Some(names)).send().await;
        assert!(many.unwrap_err().into_service_error().is_invalid_parameter_exception());
        let unknown =
            client.list_attributes().target_type(aws_sdk_ecs::types::TargetType::ContainerInstance).send().await;
        let unknown = unknown.unwrap_err().into_service_error();
        assert_eq!(unknown.code(), Some("UnknownOperationException"));
        assert!(unknown.message().unwrap().contains("ecs:ListAttributes"));
    })
    .await;
}

#[tokio::test]
async fn pages_of_services_together_give_every_service_once() {
    on_both_fronts(async |aws| {
        let client = shop(&aws).await;
        for n in 0..7 {
            create(&client).service_name(format!("s{n}")).desired_count(0).send().await.unwrap();
        }
        let mut arns = client.list_services().cluster("prod").max_results(3).into_paginator().items().send();
        let mut names = Vec::new();
        while let Some(arn) = arns.next().await {
            names.push(arn.unwrap().rsplit('/').next().unwrap().to_owned());
        }
        names.sort();
        assert_eq!(names, ["s0", "s1", "s2", "s3", "s4", "s5", "s6"]);
    })
    .await;
}
