//! Lines of the matrix of emulators that no other test of ECS is about: clusters, task definitions and services, as the
//! operations' own pages in the Amazon ECS API reference document them.

use aws_sdk_ecs::Client;
use aws_sdk_ecs::error::ProvideErrorMetadata as _;
use aws_sdk_ecs::operation::create_service::builders::CreateServiceFluentBuilder;
use aws_sdk_ecs::types::{
    AvailabilityZoneRebalancing, CanaryConfiguration, CapacityProviderStrategyItem, ClusterField, ClusterSetting,
    ClusterSettingName, Compatibility, ContainerCondition, ContainerDefinition, ContainerDependency, CpuArchitecture,
    DeploymentConfiguration, DeploymentLifecycleHook, DeploymentLifecycleHookStage, DeploymentLifecycleHookTargetType,
    DeploymentStrategy, DesiredStatus, EfsVolumeConfiguration, EphemeralStorage, LaunchType, LinearConfiguration,
    LoadBalancer, LogConfiguration, LogDriver, MountPoint, NetworkMode, OsFamily, PropagateTags, RuntimePlatform,
    Secret, ServiceRegistry, SettingName, SortOrder, Tag, TaskDefinitionField, TaskDefinitionStatus, TaskField, Ulimit,
    UlimitName, Volume,
};

use crate::cloud_map::private;
use crate::ecs::{breaker, create, described, network, register, shop};
use crate::ecs_load_balancing::{strategy, turns};
use crate::load_balancing::{balancer, forward, group, listener};
use crate::support::{ACCOUNT, REGION, on_both_fronts};

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

fn spot(base: i32) -> CapacityProviderStrategyItem {
    CapacityProviderStrategyItem::builder().capacity_provider("FARGATE_SPOT").weight(3).base(base).build().unwrap()
}

fn insights(value: &str) -> ClusterSetting {
    ClusterSetting::builder().name(ClusterSettingName::ContainerInsights).value(value).build()
}

#[tokio::test]
async fn a_cluster_shows_what_it_was_given_only_to_who_asks_for_it_and_changes() {
    on_both_fronts(async |aws| {
        let client = Client::new(&aws.config());
        let make = || client.create_cluster().cluster_name("prod").settings(insights("enabled")).tags(tag("a", "b"));
        let make = || make().capacity_providers("FARGATE").capacity_providers("FARGATE_SPOT");
        let made = make().default_capacity_provider_strategy(spot(1)).send().await.unwrap().cluster().unwrap().clone();
        let again = make().default_capacity_provider_strategy(spot(1)).send().await.unwrap();
        assert_eq!(again.cluster().unwrap().cluster_arn(), made.cluster_arn());
        let bare = client.describe_clusters().clusters("prod").send().await.unwrap().clusters()[0].clone();
        assert!(bare.tags().is_empty() && bare.settings().is_empty(), "{bare:?}");
        let whole =
            client.describe_clusters().clusters("prod").include(ClusterField::Tags).include(ClusterField::Settings);
        let whole = whole.send().await.unwrap().clusters()[0].clone();
        assert_eq!((whole.tags(), whole.settings()), (&[tag("a", "b")][..], &[insights("enabled")][..]));
        assert_eq!(whole.default_capacity_provider_strategy(), [spot(1)]);
        let changed = client.update_cluster_settings().cluster("prod").settings(insights("disabled")).send().await;
        assert_eq!(changed.unwrap().cluster().unwrap().settings(), [insights("disabled")]);
        client.update_cluster().cluster("prod").settings(insights("enhanced")).send().await.unwrap();
        let put = client.put_cluster_capacity_providers().cluster("prod").capacity_providers("FARGATE_SPOT");
        let put = put.default_capacity_provider_strategy(spot(0)).send().await.unwrap();
        assert_eq!(put.cluster().unwrap().capacity_providers(), ["FARGATE_SPOT"]);
        let none = client.update_cluster().cluster("none").settings(insights("enabled")).send().await;
        assert!(none.unwrap_err().into_service_error().is_cluster_not_found_exception());
        let bad = client.create_cluster().cluster_name("no good").send().await.unwrap_err().into_service_error();
        assert!(bad.is_invalid_parameter_exception(), "{bad:?}");
        let bad = client.create_cluster().cluster_name("good").capacity_providers("none").send().await;
        assert!(bad.unwrap_err().into_service_error().is_invalid_parameter_exception());
    })
    .await;
}

#[tokio::test]
async fn clusters_are_listed_page_by_page_and_a_deleted_one_stays_inactive() {
    on_both_fronts(async |aws| {
        let client = Client::new(&aws.config());
        for name in ["a", "b", "c"] {
            client.create_cluster().cluster_name(name).send().await.unwrap();
        }
        let mut pages = client.list_clusters().max_results(1).into_paginator().send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.unwrap();
            assert!(page.cluster_arns().len() <= 1);
            names.extend(page.cluster_arns().iter().map(|arn| arn.rsplit('/').next().unwrap().to_owned()));
        }
        assert_eq!(names, ["a", "b", "c"]);
        let gone = client.delete_cluster().cluster("a").send().await.unwrap();
        assert_eq!(gone.cluster().unwrap().status(), Some("INACTIVE"));
        let seen = client.describe_clusters().clusters("a").send().await.unwrap();
        assert_eq!(seen.clusters()[0].status(), Some("INACTIVE"));
        assert_eq!(client.list_clusters().send().await.unwrap().cluster_arns().len(), 2);
    })
    .await;
}

fn container(name: &str) -> aws_sdk_ecs::types::builders::ContainerDefinitionBuilder {
    ContainerDefinition::builder().name(name).image("nginx")
}

#[tokio::test]
async fn a_task_definition_that_fargate_cannot_run_or_that_contradicts_itself_is_refused() {
    on_both_fronts(async |aws| {
        let client = Client::new(&aws.config());
        let fargate = || {
            let definition = client.register_task_definition().family("web").cpu("256").memory("512");
            definition.requires_compatibilities(Compatibility::Fargate).network_mode(NetworkMode::Awsvpc)
        };
        let logs = LogConfiguration::builder().log_driver(LogDriver::Awslogs).options("awslogs-group", "g");
        let logs = logs.options("awslogs-region", "eu-west-1").options("awslogs-stream-prefix", "p").build().unwrap();
        let after = ContainerDependency::builder().container_name("none").condition(ContainerCondition::Start);
        let mount = MountPoint::builder().source_volume("none").container_path("/x").build();
        let many = (0..11).map(|n| container(&format!("c{n}")).build()).collect();
        let one = || fargate().container_definitions(container("web").build());
        for (what, request) in [
            ("a size that is none", one().cpu("256").memory("8192")),
            ("no size", one().set_cpu(None).set_memory(None)),
            ("a network mode that is not awsvpc", one().network_mode(NetworkMode::Bridge)),
            (
                "logs without an execution role",
                fargate().container_definitions(container("web").log_configuration(logs).build()),
            ),
            ("eleven containers", fargate().set_container_definitions(Some(many))),
            ("a name twice", one().container_definitions(container("web").build())),
            (
                "an unknown dependency",
                fargate().container_definitions(container("web").depends_on(after.build().unwrap()).build()),
            ),
            ("an unknown volume", fargate().container_definitions(container("web").mount_points(mount).build())),
        ] {
            let refused = request.send().await.unwrap_err().into_service_error();
            assert!(refused.is_client_exception(), "{what}: {refused:?}");
        }
        let unknown = client.describe_task_definition().task_definition("none").send().await;
        assert!(unknown.unwrap_err().into_service_error().is_client_exception());
    })
    .await;
}

#[tokio::test]
async fn revisions_count_up_are_listed_and_go_by_way_of_inactive() {
    on_both_fronts(async |aws| {
        let client = shop(&aws).await;
        let arn = register(&client, "nginx:2").await;
        for name in ["web:2", arn.as_str(), "web"] {
            let found = client.describe_task_definition().task_definition(name).send().await.unwrap();
            assert_eq!(found.task_definition().unwrap().task_definition_arn(), Some(arn.as_str()), "{name}");
        }
        let listed = client.list_task_definitions().family_prefix("web").sort(SortOrder::Desc).max_results(1);
        let listed = listed.send().await.unwrap();
        assert_eq!((listed.task_definition_arns(), listed.next_token().is_some()), (&[arn.clone()][..], true));
        assert_eq!(client.list_task_definition_families().send().await.unwrap().families(), ["web"]);
        let active = client.delete_task_definitions().task_definitions("web:2").send().await.unwrap();
        assert_eq!((active.task_definitions().len(), active.failures().len()), (0, 1));
        let gone = client.deregister_task_definition().task_definition("web:2").send().await.unwrap();
        assert_eq!(gone.task_definition().unwrap().status(), Some(&TaskDefinitionStatus::Inactive));
        let inactive = create(&client).task_definition("web:2").send().await.unwrap_err().into_service_error();
        assert!(inactive.is_invalid_parameter_exception() || inactive.is_client_exception(), "{inactive:?}");
        create(&client).task_definition("web:1").send().await.unwrap();
        client.deregister_task_definition().task_definition("web:1").send().await.unwrap();
        let used = client.delete_task_definitions().task_definitions("web:1").send().await.unwrap();
        assert_eq!(used.task_definitions()[0].status(), Some(&TaskDefinitionStatus::DeleteInProgress));
    })
    .await;
}

#[tokio::test]
async fn a_service_that_cannot_run_is_refused() {
    on_both_fronts(async |aws| {
        let client = shop(&aws).await;
        let new = || create(&client).service_name("new");
        let refused = async |request: CreateServiceFluentBuilder| {
            let refused = Box::pin(request.send()).await.unwrap_err().into_service_error();
            assert!(refused.is_invalid_parameter_exception(), "{refused:?}");
        };
        refused(new().set_network_configuration(None)).await;
        refused(new().capacity_provider_strategy(spot(0))).await;
        let percent = DeploymentConfiguration::builder().maximum_percent(50).minimum_healthy_percent(100).build();
        refused(new().deployment_configuration(percent)).await;
        let unknown = Box::pin(new().task_definition("none").send()).await.unwrap_err().into_service_error();
        assert!(unknown.is_client_exception(), "{unknown:?}");
    })
    .await;
}

#[tokio::test]
async fn a_service_is_made_once_for_a_request_and_again_when_it_was_deleted() {
    on_both_fronts(async |aws| {
        let client = shop(&aws).await;
        let made = create(&client).client_token("t").send().await.unwrap().service().unwrap().clone();
        let again = create(&client).client_token("t").send().await.unwrap();
        assert_eq!(again.service().unwrap().created_at(), made.created_at());
        let other = create(&client).desired_count(5).send().await.unwrap_err().into_service_error();
        assert_eq!(other.message(), Some("Creation of service was not idempotent."));
        let kept =
            client.delete_service().cluster("prod").service("web").send().await.unwrap_err().into_service_error();
        assert!(kept.is_invalid_parameter_exception(), "{kept:?}");
        client.delete_service().cluster("prod").service("web").force(true).send().await.unwrap();
        aws.pass(60);
        assert_eq!(described(&client).await.status(), Some("INACTIVE"));
        let late = client.update_service().cluster("prod").service("web").desired_count(1).send().await;
        assert!(late.unwrap_err().into_service_error().is_service_not_active_exception());
        let none = client.delete_service().cluster("prod").service("none").send().await;
        assert!(none.unwrap_err().into_service_error().is_service_not_found_exception());
        create(&client).send().await.unwrap();
        assert_eq!(described(&client).await.status(), Some("ACTIVE"));
    })
    .await;
}

#[tokio::test]
async fn a_service_follows_its_desired_count_replaces_what_stops_and_keeps_tags() {
    on_both_fronts(async |aws| {
        let client = shop(&aws).await;
        create(&client).send().await.unwrap();
        aws.pass(60);
        for count in [3, 1] {
            client.update_service().cluster("prod").service("web").desired_count(count).send().await.unwrap();
            aws.pass(60);
            assert_eq!(described(&client).await.running_count(), count);
        }
        let before = described(&client).await.deployments()[0].id().unwrap().to_owned();
        client.update_service().cluster("prod").service("web").force_new_deployment(true).send().await.unwrap();
        assert_ne!(described(&client).await.deployments()[0].id(), Some(before.as_str()));
        aws.pass(120);
        let list = || client.list_tasks().cluster("prod").service_name("web");
        let task = list().send().await.unwrap().task_arns()[0].clone();
        let stopped = client.stop_task().cluster("prod").task(&task).reason("a test").send().await.unwrap();
        assert_eq!(stopped.task().unwrap().desired_status(), Some("STOPPED"));
        aws.pass(60);
        let gone = list().desired_status(DesiredStatus::Stopped).send().await.unwrap();
        assert!(gone.task_arns().contains(&task));
        let seen = client.describe_tasks().cluster("prod").tasks(&task).send().await.unwrap();
        assert_eq!(
            (seen.tasks()[0].last_status(), seen.tasks()[0].stopped_reason()),
            (Some("STOPPED"), Some("a test"))
        );
        assert_eq!(list().send().await.unwrap().task_arns().len(), 1);
        let arn = described(&client).await.service_arn().unwrap().to_owned();
        client.tag_resource().resource_arn(&arn).tags(tag("a", "b")).tags(tag("c", "d")).send().await.unwrap();
        client.untag_resource().resource_arn(&arn).tag_keys("a").send().await.unwrap();
        let tags = client.list_tags_for_resource().resource_arn(&arn).send().await.unwrap();
        assert_eq!(tags.tags(), [tag("c", "d")]);
    })
    .await;
}

/// CreateService and Service, with every member that a Fargate service can have; Task, with what it takes over.
#[tokio::test]
async fn a_whole_service_and_its_tasks_read_back_as_they_were_written() {
    on_both_fronts(async |aws| {
        let (client, elb) = (shop(&aws).await, aws_sdk_elasticloadbalancingv2::Client::new(&aws.config()));
        let web = group(&elb, "web").await;
        listener(&elb, &balancer(&elb, "web").await, 80, forward(&[(&web, 1)])).await;
        let cloud_map = aws_sdk_servicediscovery::Client::new(&aws.config());
        let namespace = private(&aws, &cloud_map, "shop.internal").await;
        let registry = crate::cloud_map::web(&cloud_map, &namespace).await;
        let registry = format!("arn:aws:servicediscovery:{REGION}:{ACCOUNT}:service/{registry}");
        let behind = LoadBalancer::builder().target_group_arn(&web).container_name("web").container_port(80).build();
        let registered = ServiceRegistry::builder().registry_arn(&registry).build();
        let request = create(&client).set_launch_type(None).capacity_provider_strategy(spot(1)).tags(tag("a", "b"));
        let request = request.load_balancers(behind.clone()).service_registries(registered.clone());
        let request = request.enable_execute_command(true).enable_ecs_managed_tags(true).platform_version("1.4.0");
        let request = request.propagate_tags(PropagateTags::Service).health_check_grace_period_seconds(30);
        let request = request.availability_zone_rebalancing(AvailabilityZoneRebalancing::Disabled);
        Box::pin(request.send()).await.unwrap();
        aws.pass(90);
        let seen = described(&client).await;
        assert_eq!((seen.load_balancers(), seen.service_registries()), (&[behind][..], &[registered][..]));
        assert_eq!((seen.capacity_provider_strategy(), seen.launch_type()), (&[spot(1)][..], None));
        assert_eq!((seen.enable_execute_command(), seen.enable_ecs_managed_tags()), (true, true));
        assert_eq!((seen.platform_version(), seen.platform_family()), (Some("1.4.0"), Some("Linux")));
        assert_eq!((seen.propagate_tags(), seen.tags()), (Some(&PropagateTags::Service), &[tag("a", "b")][..]));
        assert_eq!(seen.health_check_grace_period_seconds(), Some(30));
        assert_eq!(seen.availability_zone_rebalancing(), Some(&AvailabilityZoneRebalancing::Disabled));
        assert_eq!(seen.network_configuration(), Some(&network()));
        let asked = breaker().deployment_circuit_breaker().cloned();
        let read = seen.deployment_configuration().unwrap();
        assert_eq!(
            read.deployment_circuit_breaker().map(|it| (it.enable(), it.rollback())),
            asked.map(|it| (it.enable(), it.rollback()))
        );
        assert_eq!((read.maximum_percent(), read.minimum_healthy_percent()), (Some(200), Some(100)));
        let listed = client.list_tasks().cluster("prod").service_name("web").send().await.unwrap();
        let tasks = client.describe_tasks().cluster("prod").set_tasks(Some(listed.task_arns().to_vec()));
        let tasks = tasks.include(TaskField::Tags).send().await.unwrap().tasks().to_vec();
        let task = &tasks[0];
        assert_eq!((tasks.len(), task.last_status(), task.group()), (2, Some("RUNNING"), Some("service:web")));
        assert_eq!(task.started_by(), seen.deployments()[0].id());
        assert_eq!(
            (task.attachments()[0].r#type(), task.attachments()[0].status()),
            (Some("ElasticNetworkInterface"), Some("ATTACHED"))
        );
        assert_eq!(task.capacity_provider_name(), Some("FARGATE_SPOT"));
        let has = |key: &str, value: &str| task.tags().contains(&tag(key, value));
        assert!(has("a", "b") && has("aws:ecs:serviceName", "web") && has("aws:ecs:clusterName", "prod"), "{task:?}");
    })
    .await;
}

/// RegisterTaskDefinition, ContainerDefinition, Volume, RuntimePlatform and EphemeralStorage.
#[tokio::test]
async fn a_whole_task_definition_reads_back_as_it_was_written() {
    on_both_fronts(async |aws| {
        let client = shop(&aws).await;
        let secret = Secret::builder().name("PASSWORD").value_from("arn:aws:ssm:eu-west-1:123456789012:parameter/p");
        let ulimit = Ulimit::builder().name(UlimitName::Nofile).soft_limit(1024).hard_limit(4096).build().unwrap();
        let mount = MountPoint::builder().source_volume("data").container_path("/data").read_only(true).build();
        let first = container("init").essential(false).command("true").build();
        let after = ContainerDependency::builder().container_name("init").condition(ContainerCondition::Success);
        let second = container("web").entry_point("/bin/web").command("-v").working_directory("/srv").user("1000");
        let second = second.secrets(secret.build().unwrap()).ulimits(ulimit).mount_points(mount).stop_timeout(30);
        let second = second.depends_on(after.build().unwrap()).docker_labels("a", "b").readonly_root_filesystem(true);
        let second = second.cpu(128).memory(256).memory_reservation(128).build();
        let efs = EfsVolumeConfiguration::builder().file_system_id("fs-1").root_directory("/x").build().unwrap();
        let platform = RuntimePlatform::builder().cpu_architecture(CpuArchitecture::Arm64);
        let platform = platform.operating_system_family(OsFamily::Linux).build();
        let role = format!("arn:aws:iam::{ACCOUNT}:role/execution");
        let request = client.register_task_definition().family("whole").cpu("1 vCPU").memory("2GB").tags(tag("a", "b"));
        let request = request.requires_compatibilities(Compatibility::Fargate).network_mode(NetworkMode::Awsvpc);
        let request = request.execution_role_arn(&role).task_role_arn(&role).runtime_platform(platform.clone());
        let request = request.ephemeral_storage(EphemeralStorage::builder().size_in_gib(40).build());
        let request = request.volumes(Volume::builder().name("data").efs_volume_configuration(efs).build());
        let request = request.container_definitions(first).container_definitions(second.clone());
        Box::pin(request.send()).await.unwrap();
        let read = client.describe_task_definition().task_definition("whole").include(TaskDefinitionField::Tags);
        let read = read.send().await.unwrap();
        let whole = read.task_definition().unwrap();
        assert_eq!((whole.cpu(), whole.memory(), read.tags()), (Some("1024"), Some("2048"), &[tag("a", "b")][..]));
        assert_eq!((whole.execution_role_arn(), whole.task_role_arn()), (Some(role.as_str()), Some(role.as_str())));
        assert_eq!((whole.runtime_platform(), whole.ephemeral_storage().unwrap().size_in_gib()), (Some(&platform), 40));
        let efs = whole.volumes()[0].efs_volume_configuration().unwrap();
        assert_eq!((efs.file_system_id(), efs.root_directory()), ("fs-1", Some("/x")));
        let web = &whole.container_definitions()[1];
        assert_eq!((web.entry_point(), web.command()), (second.entry_point(), second.command()));
        assert_eq!(
            (web.secrets(), web.ulimits(), web.mount_points()),
            (second.secrets(), second.ulimits(), second.mount_points())
        );
        assert_eq!((web.depends_on(), web.docker_labels()), (second.depends_on(), second.docker_labels()));
        assert_eq!((web.cpu(), web.memory(), web.memory_reservation()), (128, Some(256), Some(128)));
        assert_eq!((web.stop_timeout(), web.user(), web.working_directory()), (Some(30), Some("1000"), Some("/srv")));
        assert_eq!(web.readonly_root_filesystem(), Some(true));
    })
    .await;
}

/// AdvancedConfiguration, LinearConfiguration, CanaryConfiguration and DeploymentLifecycleHook.
#[tokio::test]
async fn what_a_deployment_is_to_do_reads_back_as_it_was_written() {
    on_both_fronts(async |aws| {
        let hook = DeploymentLifecycleHook::builder().target_type(DeploymentLifecycleHookTargetType::Pause);
        let hook = hook.lifecycle_stages(DeploymentLifecycleHookStage::PostScaleUp).build();
        let blue_green = strategy(DeploymentStrategy::BlueGreen).bake_time_in_minutes(7).build();
        let shop = turns(&aws, blue_green).await;
        let linear = LinearConfiguration::builder().step_percent(12.5).step_bake_time_in_minutes(3).build();
        let canary = CanaryConfiguration::builder().canary_percent(0.5).canary_bake_time_in_minutes(4).build();
        for asked in [
            strategy(DeploymentStrategy::BlueGreen).lifecycle_hooks(hook).build(),
            strategy(DeploymentStrategy::Linear).linear_configuration(linear).build(),
            strategy(DeploymentStrategy::Canary).canary_configuration(canary).build(),
        ] {
            let update =
                shop.ecs.update_service().cluster("prod").service("web").deployment_configuration(asked.clone());
            update.send().await.unwrap();
            let service = described(&shop.ecs).await;
            let read = service.deployment_configuration().unwrap();
            assert_eq!((read.strategy(), read.bake_time_in_minutes()), (asked.strategy(), Some(1)));
            assert_eq!(read.linear_configuration(), asked.linear_configuration());
            assert_eq!(read.canary_configuration(), asked.canary_configuration());
            assert_eq!(read.lifecycle_hooks()[0].lifecycle_stages(), [DeploymentLifecycleHookStage::PostScaleUp]);
            let advanced = service.load_balancers()[0].advanced_configuration().unwrap();
            assert_eq!(advanced.production_listener_rule(), Some(shop.production.as_str()));
            assert!(advanced.alternate_target_group_arn().is_some() && advanced.role_arn().is_some());
            assert!(service.current_service_deployment().is_some());
            assert_eq!(service.current_service_revisions()[0].running_task_count(), 2);
        }
    })
    .await;
}

#[tokio::test]
async fn tasks_run_alone_once_for_a_token_and_settings_of_the_account_are_kept() {
    on_both_fronts(async |aws| {
        let client = shop(&aws).await;
        let run = || {
            let run = client.run_task().cluster("prod").task_definition("web").launch_type(LaunchType::Fargate);
            run.network_configuration(network()).client_token("once")
        };
        let first = run().send().await.unwrap();
        let again = run().send().await.unwrap();
        assert_eq!(first.tasks()[0].task_arn(), again.tasks()[0].task_arn());
        let other = run().count(2).send().await.unwrap_err().into_service_error();
        assert!(other.is_conflict_exception(), "{other:?}");
        aws.pass(60);
        let seen = client.describe_tasks().cluster("prod").tasks(first.tasks()[0].task_arn().unwrap()).send().await;
        let seen = seen.unwrap().tasks()[0].clone();
        assert_eq!((seen.last_status(), seen.group()), (Some("RUNNING"), Some("family:web")));
        let put = client.put_account_setting().name(SettingName::ContainerInsights).value("enabled");
        put.send().await.unwrap();
        let listed = client.list_account_settings().name(SettingName::ContainerInsights).send().await.unwrap();
        assert_eq!(listed.settings()[0].value(), Some("enabled"));
        let express = client.create_express_gateway_service().execution_role_arn("r").infrastructure_role_arn("i");
        let express = express.send().await.unwrap_err().into_service_error();
        assert_eq!(express.code(), Some("UnknownOperationException"));
    })
    .await;
}
