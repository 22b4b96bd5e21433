//! Cloud Map as a client sees it, one behaviour per test.

#![allow(clippy::needless_pass_by_value)]

use serde_json::{Value, json};

use super::{TaskInstance, deregister_task, find_namespace, has_service, register_task, set_task_health};
use crate::bench::Bench;

const SERVICE: &str = "servicediscovery";

fn ok(bench: &mut Bench, op: &str, input: Value) -> Value {
    bench.ok(SERVICE, op, input)
}

fn code(bench: &mut Bench, op: &str, input: Value) -> String {
    bench.code(SERVICE, op, input)
}

/// Submits, waits until done, and gives the finished operation.
fn done(bench: &mut Bench, op: &str, input: Value) -> Value {
    let id = ok(bench, op, input)["OperationId"].clone();
    bench.pass(3);
    ok(bench, "GetOperation", json!({"OperationId": id}))["Operation"].clone()
}

fn namespace(bench: &mut Bench, op: &str, input: Value) -> String {
    let operation = done(bench, op, input);
    assert_eq!(operation["Status"], "SUCCESS", "{operation}");
    operation["Targets"]["NAMESPACE"].as_str().unwrap().to_owned()
}

fn http(bench: &mut Bench, name: &str) -> String {
    namespace(bench, "CreateHttpNamespace", json!({"Name": name}))
}

fn private(bench: &mut Bench, name: &str) -> String {
    namespace(bench, "CreatePrivateDnsNamespace", json!({"Name": name, "Vpc": "vpc-1"}))
}

fn service(bench: &mut Bench, input: Value) -> String {
    ok(bench, "CreateService", input)["Service"]["Id"].as_str().unwrap().to_owned()
}

fn records(kinds: &[&str]) -> Value {
    json!({"DnsRecords": kinds.iter().map(|kind| json!({"Type": kind, "TTL": 10})).collect::<Value>()})
}

fn dns_service(bench: &mut Bench) -> (String, String) {
    let namespace = private(bench, "shop.internal");
    let input = json!({"Name": "web", "NamespaceId": namespace, "DnsConfig": records(&["A"]),
                       "HealthCheckCustomConfig": {"FailureThreshold": 1}});
    (namespace, service(bench, input))
}

fn register(bench: &mut Bench, service: &str, instance: &str, attributes: Value) {
    let input = json!({"ServiceId": service, "InstanceId": instance, "Attributes": attributes});
    assert_eq!(done(bench, "RegisterInstance", input)["Status"], "SUCCESS");
}

#[test]
fn a_namespace_appears_when_its_operation_has_gone_from_submitted_over_pending_to_success() {
    let mut bench = Bench::new();
    let input = json!({"Name": "shop.internal", "Vpc": "vpc-1", "Description": "d", "CreatorRequestId": "r1",
                       "Properties": {"DnsProperties": {"SOA": {"TTL": 60}}}, "Tags": [{"Key": "k", "Value": "v"}]});
    let id = ok(&mut bench, "CreatePrivateDnsNamespace", input)["OperationId"].clone();
    let status = |bench: &mut Bench| {
        let operation = ok(bench, "GetOperation", json!({"OperationId": id}))["Operation"].clone();
        (operation["Status"].clone(), operation["Targets"]["NAMESPACE"].as_str().unwrap().to_owned())
    };
    let (submitted, namespace) = status(&mut bench);
    assert_eq!(submitted, "SUBMITTED");
    assert_eq!(code(&mut bench, "GetNamespace", json!({"Id": namespace})), "NamespaceNotFound");
    bench.pass(2);
    assert_eq!(status(&mut bench).0, "PENDING");
    bench.pass(1);
    assert_eq!(status(&mut bench).0, "SUCCESS");
    let got = ok(&mut bench, "GetNamespace", json!({"Id": namespace}))["Namespace"].clone();
    assert_eq!((&got["Type"], &got["Description"]), (&json!("DNS_PRIVATE"), &json!("d")));
    assert_eq!(got["Properties"]["DnsProperties"]["SOA"]["TTL"], 60);
    assert_eq!(got["Properties"]["HttpProperties"]["HttpName"], "shop.internal");
    assert!(got["Properties"]["DnsProperties"]["HostedZoneId"].as_str().unwrap().starts_with('Z'));
    let arn = format!("arn:aws:servicediscovery:eu-west-1:123456789012:namespace/{namespace}");
    assert_eq!(got["Arn"], arn);
    let tags = ok(&mut bench, "ListTagsForResource", json!({"ResourceARN": arn}))["Tags"].clone();
    assert_eq!(tags, json!([{"Key": "k", "Value": "v"}]));
    assert_eq!(ok(&mut bench, "GetNamespace", json!({"Id": arn}))["Namespace"]["Id"], namespace);
}

#[test]
fn the_same_creation_again_answers_the_same_operation_before_and_after_it_is_done() {
    let mut bench = Bench::new();
    let input = json!({"Name": "shop", "CreatorRequestId": "r1"});
    let first = ok(&mut bench, "CreateHttpNamespace", input.clone());
    assert_eq!(ok(&mut bench, "CreateHttpNamespace", input.clone()), first);
    bench.pass(3);
    assert_eq!(ok(&mut bench, "CreateHttpNamespace", input), first);
}

#[test]
fn a_taken_name_is_refused_with_the_id_and_the_request_of_the_one_that_has_it() {
    let mut bench = Bench::new();
    let taken = namespace(&mut bench, "CreateHttpNamespace", json!({"Name": "shop", "CreatorRequestId": "r1"}));
    let again = json!({"Name": "shop", "CreatorRequestId": "r2"});
    let refusal = bench.call(SERVICE, "CreateHttpNamespace", again).unwrap_err();
    assert_eq!(refusal.code, "NamespaceAlreadyExists");
    assert_eq!((&refusal.extra["NamespaceId"], &refusal.extra["CreatorRequestId"]), (&json!(taken), &json!("r1")));
}

#[test]
fn a_private_name_can_live_in_two_vpcs_but_not_twice_in_one() {
    let mut bench = Bench::new();
    private(&mut bench, "shop.internal");
    namespace(&mut bench, "CreatePrivateDnsNamespace", json!({"Name": "shop.internal", "Vpc": "vpc-2"}));
    let again = json!({"Name": "SHOP.internal", "Vpc": "vpc-1"});
    assert_eq!(code(&mut bench, "CreatePrivateDnsNamespace", again), "NamespaceAlreadyExists");
}

#[test]
fn of_two_creations_of_one_name_at_once_the_second_fails_with_conflicting_domain_exists() {
    let mut bench = Bench::new();
    let input = |request: &str| json!({"Name": "shop.internal", "Vpc": "vpc-1", "CreatorRequestId": request});
    ok(&mut bench, "CreatePrivateDnsNamespace", input("r1"));
    let second = done(&mut bench, "CreatePrivateDnsNamespace", input("r2"));
    assert_eq!((&second["Status"], &second["ErrorCode"]), (&json!("FAIL"), &json!("CANNOT_CREATE_HOSTED_ZONE")));
    assert!(second["ErrorMessage"].as_str().unwrap().contains("ConflictingDomainExists"));
}

#[test]
fn names_that_cloud_map_does_not_take_are_invalid_input() {
    let mut bench = Bench::new();
    for (op, name) in [
        ("CreateHttpNamespace", "a b"),
        ("CreateHttpNamespace", ""),
        ("CreateHttpNamespace", "arn:aws:x"),
        ("CreatePrivateDnsNamespace", "-shop"),
        ("CreatePrivateDnsNamespace", "shop..internal"),
        ("CreatePublicDnsNamespace", "single"),
    ] {
        assert_eq!(code(&mut bench, op, json!({"Name": name, "Vpc": "vpc-1"})), "InvalidInput", "{op} {name}");
    }
    assert_eq!(code(&mut bench, "CreatePrivateDnsNamespace", json!({"Name": "shop"})), "InvalidInput");
    let soa = json!({"Name": "shop", "Vpc": "vpc-1", "Properties": {"DnsProperties": {"SOA": {"TTL": -1}}}});
    assert_eq!(code(&mut bench, "CreatePrivateDnsNamespace", soa), "InvalidInput");
}

#[test]
fn updates_change_description_and_soa_and_what_is_absent_stays() {
    let mut bench = Bench::new();
    let id = private(&mut bench, "shop.internal");
    let soa = json!({"Properties": {"DnsProperties": {"SOA": {"TTL": 99}}}});
    done(&mut bench, "UpdatePrivateDnsNamespace", json!({"Id": id, "Namespace": {"Description": "new"}}));
    done(&mut bench, "UpdatePrivateDnsNamespace", json!({"Id": id, "Namespace": soa}));
    let got = ok(&mut bench, "GetNamespace", json!({"Id": id}))["Namespace"].clone();
    assert_eq!(got["Description"], "new");
    assert_eq!(got["Properties"]["DnsProperties"]["SOA"]["TTL"], 99);
    let wrong = json!({"Id": id, "Namespace": {"Description": "x"}});
    assert_eq!(code(&mut bench, "UpdateHttpNamespace", wrong), "InvalidInput");
}

#[test]
fn a_second_change_while_one_is_under_way_is_a_duplicate_request_that_names_it() {
    let mut bench = Bench::new();
    let id = http(&mut bench, "shop");
    let input = json!({"Id": id, "Namespace": {"Description": "x"}});
    let first = ok(&mut bench, "UpdateHttpNamespace", input.clone())["OperationId"].clone();
    let refusal = bench.call(SERVICE, "UpdateHttpNamespace", input).unwrap_err();
    assert_eq!((refusal.code.as_ref(), &refusal.extra["DuplicateOperationId"]), ("DuplicateRequest", &first));
    assert_eq!(code(&mut bench, "DeleteNamespace", json!({"Id": id})), "DuplicateRequest");
    bench.pass(3);
    assert_eq!(done(&mut bench, "DeleteNamespace", json!({"Id": id}))["Status"], "SUCCESS");
}

#[test]
fn namespaces_are_filtered_after_the_page_is_cut() {
    let mut bench = Bench::new();
    for name in ["a", "b", "c"] {
        http(&mut bench, name);
    }
    private(&mut bench, "a.internal");
    let filters = json!([{"Name": "NAME", "Values": ["a"], "Condition": "BEGINS_WITH"},
                         {"Name": "TYPE", "Values": ["HTTP"]}]);
    let (mut names, mut pages, mut token) = (Vec::new(), 0, Value::Null);
    loop {
        let mut input = json!({"MaxResults": 1, "Filters": filters});
        if !token.is_null() {
            input["NextToken"] = token;
        }
        let page = ok(&mut bench, "ListNamespaces", input);
        names.extend(page["Namespaces"].as_array().unwrap().iter().map(|found| found["Name"].clone()));
        pages += 1;
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!((names, pages), (vec![json!("a")], 4));
    let strange = json!({"Filters": [{"Name": "TYPE", "Values": ["HTTP"], "Condition": "BETWEEN"}]});
    assert_eq!(code(&mut bench, "ListNamespaces", strange), "InvalidInput");
    assert_eq!(code(&mut bench, "ListNamespaces", json!({"NextToken": "%"})), "InvalidInput");
}

#[test]
fn the_fifty_first_namespace_is_refused_while_quotas_are_enforced() {
    let mut bench = Bench::new();
    for n in 0..50 {
        ok(&mut bench, "CreateHttpNamespace", json!({"Name": format!("n{n}")}));
    }
    bench.pass(3);
    bench.world.quotas.enforce(true);
    assert_eq!(code(&mut bench, "CreateHttpNamespace", json!({"Name": "more"})), "ResourceLimitExceeded");
}

#[test]
fn a_namespace_with_services_and_a_service_with_instances_are_in_use() {
    let mut bench = Bench::new();
    let (namespace, service) = dns_service(&mut bench);
    register(&mut bench, &service, "i-1", json!({"AWS_INSTANCE_IPV4": "10.0.0.1"}));
    assert_eq!(code(&mut bench, "DeleteNamespace", json!({"Id": namespace})), "ResourceInUse");
    assert_eq!(code(&mut bench, "DeleteService", json!({"Id": service})), "ResourceInUse");
    done(&mut bench, "DeregisterInstance", json!({"ServiceId": service, "InstanceId": "i-1"}));
    ok(&mut bench, "DeleteService", json!({"Id": service}));
    assert_eq!(code(&mut bench, "GetService", json!({"Id": service})), "ServiceNotFound");
    assert_eq!(done(&mut bench, "DeleteNamespace", json!({"Id": namespace}))["Status"], "SUCCESS");
    assert_eq!(code(&mut bench, "GetNamespace", json!({"Id": namespace})), "NamespaceNotFound");
}

#[test]
fn a_service_round_trips_with_the_defaults_that_cloud_map_fills_in() {
    let mut bench = Bench::new();
    let (namespace, id) = dns_service(&mut bench);
    let got = ok(&mut bench, "GetService", json!({"Id": id}))["Service"].clone();
    assert_eq!(got["NamespaceId"], namespace);
    assert_eq!(got["Type"], "DNS_HTTP");
    assert_eq!(got["DnsConfig"]["RoutingPolicy"], "MULTIVALUE");
    assert_eq!(got["DnsConfig"]["DnsRecords"], json!([{"Type": "A", "TTL": 10}]));
    assert_eq!(got["HealthCheckCustomConfig"]["FailureThreshold"], 1);
    let listed = json!({"Filters": [{"Name": "NAMESPACE_ID", "Values": [namespace], "Condition": "EQ"}]});
    assert_eq!(ok(&mut bench, "ListServices", listed)["Services"][0]["Id"], json!(id));
    assert_eq!(ok(&mut bench, "GetNamespace", json!({"Id": namespace}))["Namespace"]["ServiceCount"], 1);
}

#[test]
fn a_service_name_that_is_taken_is_refused_with_ids_and_the_same_request_again_is_not() {
    let mut bench = Bench::new();
    let namespace = http(&mut bench, "shop");
    let input = json!({"Name": "web", "NamespaceId": namespace, "CreatorRequestId": "r1"});
    let id = service(&mut bench, input.clone());
    assert_eq!(service(&mut bench, input), id);
    let other = json!({"Name": "WEB", "NamespaceId": namespace, "CreatorRequestId": "r2"});
    let refusal = bench.call(SERVICE, "CreateService", other).unwrap_err();
    assert_eq!(refusal.code, "ServiceAlreadyExists");
    assert_eq!((&refusal.extra["ServiceId"], &refusal.extra["CreatorRequestId"]), (&json!(id), &json!("r1")));
    let nowhere = json!({"Name": "web", "NamespaceId": "ns-none"});
    assert_eq!(code(&mut bench, "CreateService", nowhere), "NamespaceNotFound");
}

#[test]
fn service_configurations_that_do_not_fit_the_namespace_are_invalid_input() {
    let mut bench = Bench::new();
    let (shop, internal) = (http(&mut bench, "shop"), private(&mut bench, "shop.internal"));
    let check = json!({"Type": "HTTP"});
    for input in [
        json!({"NamespaceId": shop, "DnsConfig": records(&["A"])}),
        json!({"NamespaceId": internal, "DnsConfig": records(&["A"]), "Type": "HTTP"}),
        json!({"NamespaceId": internal, "DnsConfig": records(&["A"]), "HealthCheckConfig": check}),
        json!({"NamespaceId": shop, "HealthCheckConfig": check, "HealthCheckCustomConfig": {}}),
        json!({"NamespaceId": internal, "DnsConfig": records(&["CNAME"])}),
        json!({"NamespaceId": internal, "DnsConfig": records(&["A", "A"])}),
        json!({"NamespaceId": internal, "DnsConfig": records(&["MX"])}),
        json!({"NamespaceId": internal, "DnsConfig": records(&[])}),
        json!({"NamespaceId": shop, "HealthCheckConfig": {"Type": "TCP", "ResourcePath": "/"}}),
    ] {
        let mut input = input;
        input["Name"] = json!("web");
        assert_eq!(code(&mut bench, "CreateService", input.clone()), "InvalidInput", "{input}");
    }
    assert_eq!(code(&mut bench, "CreateService", json!({"Name": "-web", "NamespaceId": shop})), "InvalidInput");
}

#[test]
fn update_service_replaces_and_keeps_the_custom_health_check() {
    let mut bench = Bench::new();
    let (_, id) = dns_service(&mut bench);
    let ttl = json!({"DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 300}]}});
    done(&mut bench, "UpdateService", json!({"Id": id, "Service": ttl}));
    let got = ok(&mut bench, "GetService", json!({"Id": id}))["Service"].clone();
    assert_eq!(got["DnsConfig"]["DnsRecords"], json!([{"Type": "A", "TTL": 300}]));
    done(&mut bench, "UpdateService", json!({"Id": id, "Service": {"Description": "no records"}}));
    let got = ok(&mut bench, "GetService", json!({"Id": id}))["Service"].clone();
    assert!(got.get("DnsConfig").is_none());
    assert_eq!((&got["Type"], &got["Description"]), (&json!("HTTP"), &json!("no records")));
    assert_eq!(got["HealthCheckCustomConfig"]["FailureThreshold"], 1);
}

#[test]
fn update_service_is_refused_for_other_record_types_and_in_http_namespaces() {
    let mut bench = Bench::new();
    let (_, id) = dns_service(&mut bench);
    let other = json!({"Id": id, "Service": {"DnsConfig": records(&["SRV"])}});
    assert_eq!(code(&mut bench, "UpdateService", other), "InvalidInput");
    let shop = http(&mut bench, "shop");
    let plain = service(&mut bench, json!({"Name": "web", "NamespaceId": shop}));
    let update = json!({"Id": plain, "Service": {"Description": "x"}});
    assert_eq!(code(&mut bench, "UpdateService", update), "InvalidInput");
}

#[test]
fn service_attributes_are_merged_deleted_and_limited() {
    let mut bench = Bench::new();
    let (_, id) = dns_service(&mut bench);
    ok(&mut bench, "UpdateServiceAttributes", json!({"ServiceId": id, "Attributes": {"a": "1", "b": "2"}}));
    ok(&mut bench, "UpdateServiceAttributes", json!({"ServiceId": id, "Attributes": {"b": "3"}}));
    ok(&mut bench, "DeleteServiceAttributes", json!({"ServiceId": id, "Attributes": ["a"]}));
    let got = ok(&mut bench, "GetServiceAttributes", json!({"ServiceId": id}))["ServiceAttributes"].clone();
    assert_eq!(got["Attributes"], json!({"b": "3"}));
    let many: Value = (0..30).map(|n| (format!("k{n}"), json!(""))).collect();
    let input = json!({"ServiceId": id, "Attributes": many});
    assert_eq!(code(&mut bench, "UpdateServiceAttributes", input), "ServiceAttributesLimitExceededException");
}

#[test]
fn an_instance_needs_the_attributes_of_the_service_s_records() {
    let mut bench = Bench::new();
    let (_, id) = dns_service(&mut bench);
    for attributes in [
        json!({}),
        json!({"AWS_INSTANCE_IPV4": "not-an-address"}),
        json!({"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": "99999"}),
        json!({"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INIT_HEALTH_STATUS": "FINE"}),
        json!({"AWS_INSTANCE_IPV4": "10.0.0.1", "big": "x".repeat(1025)}),
    ] {
        let input = json!({"ServiceId": id, "InstanceId": "i", "Attributes": attributes});
        assert_eq!(code(&mut bench, "RegisterInstance", input), "InvalidInput", "{attributes}");
    }
    let name = json!({"ServiceId": id, "InstanceId": "a b", "Attributes": {"AWS_INSTANCE_IPV4": "10.0.0.1"}});
    assert_eq!(code(&mut bench, "RegisterInstance", name), "InvalidInput");
}

#[test]
fn one_request_per_instance_can_be_under_way_and_the_same_one_again_is_it() {
    let mut bench = Bench::new();
    let (_, id) = dns_service(&mut bench);
    let input = |request: &str| {
        json!({"ServiceId": id, "InstanceId": "i", "CreatorRequestId": request,
                                       "Attributes": {"AWS_INSTANCE_IPV4": "10.0.0.1"}})
    };
    let first = ok(&mut bench, "RegisterInstance", input("r1"));
    assert_eq!(ok(&mut bench, "RegisterInstance", input("r1")), first);
    assert_eq!(code(&mut bench, "RegisterInstance", input("r2")), "DuplicateRequest");
    let deregister = json!({"ServiceId": id, "InstanceId": "i"});
    assert_eq!(code(&mut bench, "DeregisterInstance", deregister.clone()), "DuplicateRequest");
    assert_eq!(code(&mut bench, "GetInstance", deregister.clone()), "InstanceNotFound");
    bench.pass(3);
    let got = ok(&mut bench, "GetInstance", deregister);
    assert_eq!(got["Instance"]["Attributes"]["AWS_INSTANCE_IPV4"], "10.0.0.1");
    let unknown = json!({"ServiceId": id, "InstanceId": "none"});
    assert_eq!(code(&mut bench, "DeregisterInstance", unknown), "InstanceNotFound");
}

#[test]
fn discovery_sees_healthy_instances_and_all_if_none_is_healthy() {
    let mut bench = Bench::new();
    let (_, id) = dns_service(&mut bench);
    register(&mut bench, &id, "i-1", json!({"AWS_INSTANCE_IPV4": "10.0.0.1", "zone": "a"}));
    register(&mut bench, &id, "i-2", json!({"AWS_INSTANCE_IPV4": "10.0.0.2", "zone": "b"}));
    let find = |bench: &mut Bench, extra: Value| -> Vec<Value> {
        let mut input = json!({"NamespaceName": "shop.internal", "ServiceName": "web"});
        for (key, value) in extra.as_object().into_iter().flatten() {
            input[key] = value.clone();
        }
        let found = ok(bench, "DiscoverInstances", input)["Instances"].clone();
        found.as_array().unwrap().iter().map(|instance| instance["InstanceId"].clone()).collect()
    };
    let fail = |bench: &mut Bench, instance: &str| {
        let input = json!({"ServiceId": id, "InstanceId": instance, "Status": "UNHEALTHY"});
        ok(bench, "UpdateInstanceCustomHealthStatus", input);
    };
    assert_eq!(find(&mut bench, json!({"QueryParameters": {"zone": "b"}})), ["i-2"]);
    assert_eq!(find(&mut bench, json!({"OptionalParameters": {"zone": "z"}})), ["i-1", "i-2"]);
    fail(&mut bench, "i-1");
    assert_eq!(find(&mut bench, json!({})), ["i-2"]);
    assert_eq!(find(&mut bench, json!({"HealthStatus": "UNHEALTHY"})), ["i-1"]);
    fail(&mut bench, "i-2");
    assert_eq!(find(&mut bench, json!({})), ["i-1", "i-2"]);
    assert!(find(&mut bench, json!({"HealthStatus": "HEALTHY"})).is_empty());
    let status = ok(&mut bench, "GetInstancesHealthStatus", json!({"ServiceId": id}));
    assert_eq!(status["Status"], json!({"i-1": "UNHEALTHY", "i-2": "UNHEALTHY"}));
}

#[test]
fn discovery_of_a_name_that_is_not_there_says_which_one() {
    let mut bench = Bench::new();
    dns_service(&mut bench);
    let input = |namespace: &str, service: &str| json!({"NamespaceName": namespace, "ServiceName": service});
    assert_eq!(code(&mut bench, "DiscoverInstances", input("none", "web")), "NamespaceNotFound");
    assert_eq!(code(&mut bench, "DiscoverInstancesRevision", input("shop.internal", "none")), "ServiceNotFound");
}

#[test]
fn custom_health_is_refused_where_the_service_has_none() {
    let mut bench = Bench::new();
    let shop = http(&mut bench, "shop");
    let id = service(&mut bench, json!({"Name": "web", "NamespaceId": shop}));
    register(&mut bench, &id, "i", json!({"url": "https://x.example"}));
    let input = json!({"ServiceId": id, "InstanceId": "i", "Status": "HEALTHY"});
    assert_eq!(code(&mut bench, "UpdateInstanceCustomHealthStatus", input), "CustomHealthNotFound");
    let status = ok(&mut bench, "GetInstancesHealthStatus", json!({"ServiceId": id, "Instances": ["i"]}));
    assert_eq!(status["Status"], json!({"i": "UNKNOWN"}));
}

#[test]
fn tasks_that_ecs_registers_are_found_and_move_the_revision() {
    let mut bench = Bench::new();
    let (namespace, id) = dns_service(&mut bench);
    let arn = format!("arn:aws:servicediscovery:eu-west-1:123456789012:service/{id}");
    assert!(has_service(&bench.world, &arn));
    assert!(!has_service(&bench.world, &format!("{arn}x")));
    let revision = |bench: &mut Bench| {
        let input = json!({"NamespaceName": "shop.internal", "ServiceName": "web"});
        ok(bench, "DiscoverInstancesRevision", input)["InstancesRevision"].as_u64().unwrap()
    };
    let before = revision(&mut bench);
    let attributes = [("AWS_INSTANCE_IPV4".to_owned(), "10.0.0.9".to_owned())].into_iter().collect();
    register_task(
        &mut bench.world,
        &TaskInstance { registry_arn: arn.clone(), instance_id: "t1".to_owned(), attributes },
    );
    assert!(revision(&mut bench) > before);
    set_task_health(&mut bench.world, &arn, "t1", false);
    let status = ok(&mut bench, "GetInstancesHealthStatus", json!({"ServiceId": id}));
    assert_eq!(status["Status"], json!({"t1": "UNHEALTHY"}));
    deregister_task(&mut bench.world, &arn, "t1");
    assert_eq!(ok(&mut bench, "ListInstances", json!({"ServiceId": id}))["Instances"], json!([]));
    let found = find_namespace(&bench.world, "eu-west-1", "123456789012", "shop.internal").unwrap();
    assert!(found.ends_with(&namespace));
    assert_eq!(find_namespace(&bench.world, "eu-west-1", "123456789012", &found), Some(found.clone()));
    assert_eq!(find_namespace(&bench.world, "us-east-1", "123456789012", "shop.internal"), None);
}

#[test]
fn operations_are_listed_in_order_and_filtered_by_target_type_and_status() {
    let mut bench = Bench::new();
    let (namespace, service) = dns_service(&mut bench);
    register(&mut bench, &service, "i", json!({"AWS_INSTANCE_IPV4": "10.0.0.1"}));
    let count = |bench: &mut Bench, name: &str, condition: &str, values: Value| {
        let input = json!({"Filters": [{"Name": name, "Condition": condition, "Values": values}]});
        ok(bench, "ListOperations", input)["Operations"].as_array().unwrap().len()
    };
    assert_eq!(count(&mut bench, "NAMESPACE_ID", "EQ", json!([namespace])), 1);
    assert_eq!(count(&mut bench, "SERVICE_ID", "EQ", json!([service])), 1);
    assert_eq!(count(&mut bench, "TYPE", "IN", json!(["CREATE_NAMESPACE", "REGISTER_INSTANCE"])), 2);
    assert_eq!(count(&mut bench, "STATUS", "EQ", json!(["FAIL"])), 0);
    assert_eq!(code(&mut bench, "GetOperation", json!({"OperationId": "none"})), "OperationNotFound");
}

#[test]
fn tags_are_merged_removed_and_limited_and_only_known_resources_have_them() {
    let mut bench = Bench::new();
    let (_, id) = dns_service(&mut bench);
    let arn = format!("arn:aws:servicediscovery:eu-west-1:123456789012:service/{id}");
    ok(
        &mut bench,
        "TagResource",
        json!({"ResourceARN": arn, "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]}),
    );
    ok(&mut bench, "UntagResource", json!({"ResourceARN": arn, "TagKeys": ["b"]}));
    let tags = ok(&mut bench, "ListTagsForResource", json!({"ResourceARN": arn}))["Tags"].clone();
    assert_eq!(tags, json!([{"Key": "a", "Value": "1"}]));
    let many: Vec<_> = (0..50).map(|n| json!({"Key": format!("k{n}"), "Value": ""})).collect();
    assert_eq!(code(&mut bench, "TagResource", json!({"ResourceARN": arn, "Tags": many})), "TooManyTagsException");
    let nothing = json!({"ResourceARN": format!("{arn}x")});
    assert_eq!(code(&mut bench, "ListTagsForResource", nothing), "ResourceNotFoundException");
}
