//! Cloud Map through aws-sdk-servicediscovery.

use std::collections::HashMap;

use aws_sdk_servicediscovery::Client;
use aws_sdk_servicediscovery::types::{
    CustomHealthStatus, DnsConfig, DnsProperties, DnsRecord, FilterCondition, HealthCheckCustomConfig, NamespaceFilter,
    NamespaceFilterName, NamespaceType, OperationStatus, OperationTargetType, OperationType, PrivateDnsNamespaceChange,
    PrivateDnsNamespaceProperties, PrivateDnsNamespacePropertiesChange, PrivateDnsPropertiesMutable,
    PrivateDnsPropertiesMutableChange, RecordType, RoutingPolicy, ServiceChange, Soa, SoaChange, Tag,
};

use crate::support::Aws;

/// Waits for an operation and gives the ID of what it was about.
async fn finish(aws: &Aws, client: &Client, operation: &str, target: OperationTargetType) -> String {
    let open = client.get_operation().operation_id(operation).send().await.unwrap();
    assert_eq!(open.operation().unwrap().status(), Some(&OperationStatus::Submitted));
    aws.pass(3);
    let done = client.get_operation().operation_id(operation).send().await.unwrap();
    let done = done.operation().unwrap();
    assert_eq!(done.status(), Some(&OperationStatus::Success), "{done:?}");
    done.targets().unwrap()[&target].clone()
}

pub(crate) async fn private(aws: &Aws, client: &Client, name: &str) -> String {
    let ttl = PrivateDnsPropertiesMutable::builder().soa(Soa::builder().ttl(60).build().unwrap()).build();
    let request = client
        .create_private_dns_namespace()
        .name(name)
        .vpc("vpc-1")
        .description("the shop")
        .properties(PrivateDnsNamespaceProperties::builder().dns_properties(ttl).build())
        .tags(Tag::builder().key("team").value("shop").build().unwrap());
    let answer = request.send().await.unwrap();
    finish(aws, client, answer.operation_id().unwrap(), OperationTargetType::Namespace).await
}

fn a_records(ttl: i64) -> DnsConfig {
    let record = DnsRecord::builder().r#type(RecordType::A).ttl(ttl).build().unwrap();
    DnsConfig::builder().dns_records(record).routing_policy(RoutingPolicy::Multivalue).build().unwrap()
}

pub(crate) async fn web(client: &Client, namespace: &str) -> String {
    let request = client
        .create_service()
        .name("web")
        .namespace_id(namespace)
        .dns_config(a_records(10))
        .health_check_custom_config(HealthCheckCustomConfig::builder().build());
    request.send().await.unwrap().service().unwrap().id().unwrap().to_owned()
}

#[tokio::test]
async fn a_private_namespace_round_trips_and_its_soa_changes() {
    let aws = Aws::start().await;
    let client = Client::new(&aws.config());
    let id = private(&aws, &client, "shop.internal").await;
    let soa = SoaChange::builder().ttl(120).build().unwrap();
    let properties = PrivateDnsPropertiesMutableChange::builder().soa(soa).build();
    let properties = PrivateDnsNamespacePropertiesChange::builder().dns_properties(properties).build();
    let change = PrivateDnsNamespaceChange::builder().properties(properties).build();
    let answer = client.update_private_dns_namespace().id(&id).namespace(change).send().await.unwrap();
    finish(&aws, &client, answer.operation_id().unwrap(), OperationTargetType::Namespace).await;
    let answer = client.get_namespace().id(&id).send().await.unwrap();
    let namespace = answer.namespace().unwrap();
    assert_eq!(namespace.r#type(), Some(&NamespaceType::DnsPrivate));
    assert_eq!(namespace.description(), Some("the shop"));
    let dns: &DnsProperties = namespace.properties().unwrap().dns_properties().unwrap();
    assert_eq!(dns.soa().unwrap().ttl(), 120);
    assert!(dns.hosted_zone_id().unwrap().starts_with('Z'));
    let tags = client.list_tags_for_resource().resource_arn(namespace.arn().unwrap()).send().await.unwrap();
    assert_eq!(tags.tags()[0].value(), "shop");
}

#[tokio::test]
async fn a_taken_name_names_its_owner_and_the_filters_find_it() {
    let aws = Aws::start().await;
    let client = Client::new(&aws.config());
    let create = || client.create_http_namespace().name("shop");
    let first = create().creator_request_id("r1").send().await.unwrap();
    let id = finish(&aws, &client, first.operation_id().unwrap(), OperationTargetType::Namespace).await;
    let replay = create().creator_request_id("r1").send().await.unwrap();
    assert_eq!(replay.operation_id(), first.operation_id());
    let error = create().creator_request_id("r2").send().await.unwrap_err().into_service_error();
    let aws_sdk_servicediscovery::operation::create_http_namespace::CreateHttpNamespaceError::NamespaceAlreadyExists(
        taken,
    ) = error
    else {
        panic!("not NamespaceAlreadyExists: {error:?}")
    };
    assert_eq!((taken.namespace_id(), taken.creator_request_id()), (Some(id.as_str()), Some("r1")));
    let filter = NamespaceFilter::builder()
        .name(NamespaceFilterName::Name)
        .values("shop")
        .condition(FilterCondition::Eq)
        .build()
        .unwrap();
    let found = client.list_namespaces().filters(filter).send().await.unwrap();
    let ids: Vec<_> = found.namespaces().iter().filter_map(|namespace| namespace.id()).collect();
    assert_eq!(ids, [id.as_str()]);
}

#[tokio::test]
async fn update_service_replaces_what_it_does_not_repeat() {
    let aws = Aws::start().await;
    let client = Client::new(&aws.config());
    let namespace = private(&aws, &client, "shop.internal").await;
    let id = web(&client, &namespace).await;
    let change = ServiceChange::builder().description("bare").build();
    let answer = client.update_service().id(&id).service(change).send().await.unwrap();
    finish(&aws, &client, answer.operation_id().unwrap(), OperationTargetType::Service).await;
    let answer = client.get_service().id(&id).send().await.unwrap();
    let service = answer.service().unwrap();
    assert!(service.dns_config().is_none());
    assert_eq!(service.description(), Some("bare"));
    assert!(service.health_check_custom_config().is_some());
}

#[tokio::test]
async fn instances_are_registered_listed_and_hold_service_and_namespace() {
    let aws = Aws::start().await;
    let client = Client::new(&aws.config());
    let namespace = private(&aws, &client, "shop.internal").await;
    let id = web(&client, &namespace).await;
    let register = || {
        let instance = client.register_instance().service_id(&id).instance_id("pod-1");
        instance.attributes("AWS_INSTANCE_IPV4", "10.0.0.1").attributes("zone", "a")
    };
    let answer = register().send().await.unwrap();
    let again = register().send().await.unwrap_err().into_service_error();
    assert!(again.is_duplicate_request(), "{again:?}");
    finish(&aws, &client, answer.operation_id().unwrap(), OperationTargetType::Instance).await;
    let listed = client.list_instances().service_id(&id).send().await.unwrap();
    assert_eq!(listed.instances()[0].attributes().unwrap()["zone"], "a");
    let custom = client.update_instance_custom_health_status().service_id(&id).instance_id("pod-1");
    custom.status(CustomHealthStatus::Unhealthy).send().await.unwrap();
    let health = client.get_instances_health_status().service_id(&id).send().await.unwrap();
    let expected = HashMap::from([("pod-1".to_owned(), aws_sdk_servicediscovery::types::HealthStatus::Unhealthy)]);
    assert_eq!(health.status(), Some(&expected));
    let held = client.delete_service().id(&id).send().await.unwrap_err().into_service_error();
    assert!(held.is_resource_in_use(), "{held:?}");
    let held = client.delete_namespace().id(&namespace).send().await.unwrap_err().into_service_error();
    assert!(held.is_resource_in_use(), "{held:?}");
    let answer = client.deregister_instance().service_id(&id).instance_id("pod-1").send().await.unwrap();
    finish(&aws, &client, answer.operation_id().unwrap(), OperationTargetType::Instance).await;
    client.delete_service().id(&id).send().await.unwrap();
    let answer = client.delete_namespace().id(&namespace).send().await.unwrap();
    finish(&aws, &client, answer.operation_id().unwrap(), OperationTargetType::Namespace).await;
    let gone = client.get_namespace().id(&namespace).send().await.unwrap_err().into_service_error();
    assert!(gone.is_namespace_not_found());
}

#[tokio::test]
async fn a_failed_operation_says_what_route_53_said() {
    let aws = Aws::start().await;
    let client = Client::new(&aws.config());
    let create = |request: &str| {
        let namespace = client.create_private_dns_namespace().name("shop.internal").vpc("vpc-1");
        namespace.creator_request_id(request).send()
    };
    create("r1").await.unwrap();
    let second = create("r2").await.unwrap();
    aws.pass(3);
    let answer = client.get_operation().operation_id(second.operation_id().unwrap()).send().await.unwrap();
    let failed = answer.operation().unwrap();
    assert_eq!(
        (failed.r#type(), failed.status()),
        (Some(&OperationType::CreateNamespace), Some(&OperationStatus::Fail))
    );
    assert_eq!(failed.error_code(), Some("CANNOT_CREATE_HOSTED_ZONE"));
    assert!(failed.error_message().unwrap().contains("ConflictingDomainExists"));
}

#[tokio::test]
async fn service_attributes_round_trip() {
    let aws = Aws::start().await;
    let client = Client::new(&aws.config());
    let namespace = private(&aws, &client, "shop.internal").await;
    let id = web(&client, &namespace).await;
    client.update_service_attributes().service_id(&id).attributes("a", "1").attributes("b", "2").send().await.unwrap();
    client.delete_service_attributes().service_id(&id).attributes("a").send().await.unwrap();
    let answer = client.get_service_attributes().service_id(&id).send().await.unwrap();
    let attributes = answer.service_attributes().unwrap().attributes().unwrap();
    assert_eq!(attributes, &HashMap::from([("b".to_owned(), "2".to_owned())]));
}

/// The SDK puts `data-` before the host of this call, which no loopback address has; without a socket it does not matter.
#[tokio::test]
async fn instances_are_discovered_without_a_socket() {
    let aws = Aws::start().await;
    let config = aws.config().to_builder().http_client(aws.emulator.http_client()).build();
    let client = Client::new(&config);
    let namespace = private(&aws, &client, "shop.internal").await;
    let id = web(&client, &namespace).await;
    let instance = client.register_instance().service_id(&id).instance_id("pod-1");
    instance.attributes("AWS_INSTANCE_IPV4", "10.0.0.1").send().await.unwrap();
    aws.pass(3);
    let found = client.discover_instances().namespace_name("shop.internal").service_name("web").send().await.unwrap();
    assert_eq!(found.instances()[0].instance_id(), Some("pod-1"));
    let revision = client.discover_instances_revision().namespace_name("shop.internal").service_name("web");
    assert_eq!(revision.send().await.unwrap().instances_revision(), found.instances_revision());
    let none = client.discover_instances().namespace_name("none").service_name("web").send().await;
    assert!(none.unwrap_err().into_service_error().is_namespace_not_found());
}
