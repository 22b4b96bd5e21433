//! What other converters get wrong, each as a sentence.

use serde_json::json;

use super::*;

#[test]
fn cpu_units_are_not_millicores() {
    let made = of_task(&task_with(&json!({"cpu": 512})));
    assert_eq!(container(&made)["resources"]["requests"]["cpu"], "500m");
}

#[test]
fn a_port_without_host_port_and_a_container_without_memory_are_converted() {
    let made = of_task(&task_with(&json!({"portMappings": [{"containerPort": 80}]})));
    assert_eq!(container(&made)["ports"], json!([{"containerPort": 80, "protocol": "TCP"}]));
    assert!(container(&made).get("resources").is_none());
}

#[test]
fn the_command_of_ecs_is_args_and_keeps_the_entry_point_of_the_image() {
    let made = of_task(&task_with(&json!({"command": ["serve", "--port", "80"]})));
    assert_eq!(container(&made)["args"], json!(["serve", "--port", "80"]));
    assert!(container(&made).get("command").is_none());
    let both = of_task(&task_with(&json!({"entryPoint": ["/init"], "command": ["serve"]})));
    assert_eq!((&container(&both)["command"], &container(&both)["args"]), (&json!(["/init"]), &json!(["serve"])));
}

#[test]
fn resources_probes_volumes_and_entry_point_are_all_there() {
    let mut task = task_with(&json!({
        "cpu": 256, "memory": 512, "entryPoint": ["/init"],
        "healthCheck": {"command": ["CMD-SHELL", "curl -f localhost"]},
        "mountPoints": [{"sourceVolume": "data", "containerPath": "/data"}],
    }));
    task["volumes"] = json!([{"name": "data", "host": {}}]);
    let made = of_task(&task);
    let container = container(&made);
    for field in ["resources", "livenessProbe", "volumeMounts", "command"] {
        assert!(!container[field].is_null(), "{field} is missing in {container:#}");
    }
    assert_eq!(made.objects[0]["spec"]["template"]["spec"]["volumes"], json!([{"name": "data", "emptyDir": {}}]));
}

#[test]
fn the_execution_role_is_never_the_role_of_the_pod() {
    let mut task = task_with(&json!({}));
    task["executionRoleArn"] = json!("arn:aws:iam::123456789012:role/execution");
    let options = kubernetes::Options { irsa: true, ..kubernetes::Options::default() };
    let made = forth(&[document(&task)], &options);
    assert!(the(&made, "ServiceAccount")["metadata"].get("annotations").is_none());
    assert_eq!(outcome(&made, "executionRoleArn"), Outcome::Approximated);
    task["taskRoleArn"] = json!("arn:aws:iam::123456789012:role/task");
    let made = forth(&[document(&task)], &options);
    assert_eq!(
        the(&made, "ServiceAccount")["metadata"]["annotations"],
        json!({"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/task"})
    );
}

#[test]
fn what_is_a_secret_is_said_by_ecs_and_not_by_the_name_of_a_variable() {
    let made = of_task(&task_with(&json!({
        "environment": [{"name": "SECRET_SANTA", "value": "yes"}, {"name": "PLAIN", "value": "1"}],
        "secrets": [{"name": "HARMLESS", "valueFrom": "/shop/harmless"}],
    })));
    let env = container(&made)["env"].as_array().unwrap();
    assert!(env.contains(&json!({"name": "SECRET_SANTA", "value": "yes"})), "{env:#?}");
    assert!(env.iter().any(|e| e["name"] == "HARMLESS" && e["valueFrom"]["secretKeyRef"].is_object()), "{env:#?}");
    assert!(none_of(&made, "Secret") && none_of(&made, "ConfigMap"));
}

#[test]
fn no_secret_is_read_or_written() {
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf:password:AWSCURRENT:";
    let made = of_task(&task_with(&json!({"secrets": [{"name": "DB", "valueFrom": arn}]})));
    assert!(none_of(&made, "Secret"));
    let data = &the(&made, "ExternalSecret")["spec"]["data"];
    let reference = json!({
        "key": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf", "property": "password", "version": "AWSCURRENT",
    });
    assert_eq!(*data, json!([{"secretKey": "DB", "remoteRef": reference}]));

    let given = "
apiVersion: v1
kind: Secret
metadata: {name: db}
data: {password: aHVudGVyMg==}
stringData: {other: hunter2}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: nginx
          env: [{name: DB, valueFrom: {secretKeyRef: {name: db, key: password}}}]
";
    let made = to_ecs(&documents(given), &ecs::Options::default()).unwrap();
    let all = format!("{:?} {}", made.objects, serde_json::to_string(&made.report).unwrap());
    assert!(!all.contains("hunter2") && !all.contains("aHVudGVyMg"), "{all}");
    assert_eq!(outcome(&made, "data.password"), Outcome::Refused);
    assert!(
        entry(&made, "spec.template.spec.containers[web].env[DB].valueFrom.secretKeyRef.key")
            .note
            .contains("ExternalSecret")
    );
}

#[test]
fn the_selector_is_never_made_of_tags_and_never_empty() {
    let mut task = task_with(&json!({}));
    let without = of_task(&task);
    task["tags"] = json!([{"key": "team", "value": "shop"}]);
    let with = of_task(&task);
    for made in [&without, &with] {
        let spec = &made.objects[0]["spec"];
        assert_eq!(spec["selector"]["matchLabels"], json!({"app.kubernetes.io/name": "web"}));
        assert_eq!(spec["template"]["metadata"]["labels"]["app.kubernetes.io/name"], "web");
    }
    assert_eq!(with.objects[0]["spec"]["template"]["metadata"]["labels"]["team"], "shop");
}

#[test]
fn a_health_check_is_liveness_alone_and_of_no_invented_form() {
    let made = of_task(&task_with(&json!({
        "healthCheck": {"command": ["CMD", "/ok"], "interval": 10, "timeout": 2, "retries": 4, "startPeriod": 60},
    })));
    let container = container(&made);
    assert!(container.get("readinessProbe").is_none());
    let probe = &container["livenessProbe"];
    assert_eq!(
        *probe,
        json!({"exec": {"command": ["/ok"]}, "periodSeconds": 10, "timeoutSeconds": 2, "failureThreshold": 4})
    );
    assert_eq!(
        (&container["startupProbe"]["periodSeconds"], &container["startupProbe"]["failureThreshold"]),
        (&json!(10), &json!(10))
    );

    let invented = of_task(&task_with(&json!({"healthCheck": {"command": ["HTTP", "/"]}})));
    assert!(super::container(&invented).get("livenessProbe").is_none());
    assert_eq!(outcome(&invented, "containerDefinitions[web].healthCheck.command"), Outcome::Refused);
}

#[test]
fn every_fargate_size_is_known_and_a_pod_that_fits_none_is_said() {
    let of = |cpu: &str, memory: &str| {
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {"template": {"spec": {"containers": [
                {"name": "web", "image": "nginx", "resources": {"requests": {"cpu": cpu, "memory": memory}}},
            ]}}},
        });
        back(&[deployment], &ecs::Options::default())
    };
    for (cpu, memory, size) in [("250m", "512Mi", ("256", "512")), ("32", "200Gi", ("32768", "249856"))] {
        let made = of(cpu, memory);
        let task = &the(&made, "ECSService")["spec"]["taskDefinition"];
        assert_eq!((&task["cpu"], &task["memory"]), (&json!(size.0), &json!(size.1)));
    }
    let large = of("40", "1Gi");
    let entry = entry(&large, "spec.template.spec.containers[web].resources.requests.cpu");
    assert_eq!(entry.outcome, Outcome::Refused);
    assert!(entry.note.contains("no Fargate size holds 40960 CPU units"), "{}", entry.note);
}

#[test]
fn a_rollout_can_always_replace_something() {
    let of = |most: i64, least: i64, scheduling: &str| {
        let service = json!({
            "serviceName": "web", "taskDefinition": "web", "schedulingStrategy": scheduling,
            "deploymentConfiguration": {"maximumPercent": most, "minimumHealthyPercent": least},
        });
        forth(&[document(&service), document(&task_with(&json!({})))], &kubernetes::Options::default())
    };
    let made = of(100, 100, "REPLICA");
    assert_eq!(
        made.objects[0]["spec"]["strategy"]["rollingUpdate"],
        json!({"maxSurge": "25%", "maxUnavailable": "0%"})
    );
    assert_eq!(outcome(&made, "deploymentConfiguration.maximumPercent"), Outcome::Approximated);
    let made = of(150, 50, "REPLICA");
    assert_eq!(
        made.objects[0]["spec"]["strategy"]["rollingUpdate"],
        json!({"maxSurge": "50%", "maxUnavailable": "50%"})
    );
    assert_eq!(outcome(&made, "deploymentConfiguration.maximumPercent"), Outcome::Mapped);
    for (most, least) in [(100, 100), (200, 50), (100, 0)] {
        let made = of(most, least, "DAEMON");
        let rolling = &the(&made, "DaemonSet")["spec"]["updateStrategy"]["rollingUpdate"];
        assert_eq!(rolling["maxSurge"], "0%");
        assert_ne!(rolling["maxUnavailable"], "0%");
    }
}

#[test]
fn hosts_of_listener_rules_are_kept_and_no_service_is_a_load_balancer() {
    let group = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/1";
    let service = json!({
        "serviceName": "web", "taskDefinition": "web",
        "loadBalancers": [{"targetGroupArn": group, "containerName": "web", "containerPort": 80}],
    });
    let rules = json!({"Rules": [{
        "Priority": "10",
        "Conditions": [
            {"Field": "host-header", "HostHeaderConfig": {"Values": ["shop.example.com"]}},
            {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/api/*", "/health"]}},
        ],
        "Actions": [{"Type": "forward", "TargetGroupArn": group}],
    }]});
    let task = task_with(&json!({"portMappings": [{"containerPort": 80}]}));
    let all = [document(&service), document(&task), document(&rules)];
    let made = forth(&all, &kubernetes::Options::default());
    let rule = &the(&made, "Ingress")["spec"]["rules"][0];
    assert_eq!(rule["host"], "shop.example.com");
    let paths: Vec<_> =
        rule["http"]["paths"].as_array().unwrap().iter().map(|p| (p["path"].clone(), p["pathType"].clone())).collect();
    assert_eq!(paths, [(json!("/api"), json!("Prefix")), (json!("/health"), json!("Exact"))]);
    assert_eq!(the(&made, "Service")["spec"]["type"], "ClusterIP");

    let options = kubernetes::Options { gateway: Some("infra/public".into()), ..kubernetes::Options::default() };
    let made = forth(&all, &options);
    let route = &the(&made, "HTTPRoute")["spec"];
    assert_eq!(route["hostnames"], json!(["shop.example.com"]));
    assert_eq!(route["parentRefs"], json!([{"name": "public", "namespace": "infra"}]));

    let alone = forth(&all[..2], &kubernetes::Options::default());
    assert!(none_of(&alone, "Ingress"));
    assert!(entry(&alone, "loadBalancers[0].targetGroupArn").note.contains("describe-rules"));
}

#[test]
fn name_and_namespace_of_a_service_are_kept_whole() {
    let made = forth(
        &documents(
            "
apiVersion: landbridge.dev/v1alpha1
kind: ECSService
metadata: {name: orders, namespace: shop}
spec:
  clusterRef: {name: prod}
  serviceDiscovery: {namespaceRef: {name: shop.internal}, name: orders-v2}
  taskDefinition:
    containerDefinitions: [{name: web, image: nginx, portMappings: [{containerPort: 80}]}]
",
        ),
        &kubernetes::Options::default(),
    );
    let service = the(&made, "Service");
    assert_eq!((&service["metadata"]["name"], &service["metadata"]["namespace"]), (&json!("orders"), &json!("shop")));
    assert_eq!(service["metadata"]["annotations"]["landbridge.dev/cloud-map-name"], "orders-v2.shop.internal");
    let again = back(&made.objects, &ecs::Options::default());
    let spec = &the(&again, "ECSService")["spec"];
    assert_eq!(spec["serviceDiscovery"], json!({"namespaceRef": {"name": "shop.internal"}, "name": "orders-v2"}));
    assert_eq!(spec["clusterRef"]["name"], "prod");
}
