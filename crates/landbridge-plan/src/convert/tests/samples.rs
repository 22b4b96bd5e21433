//! Definitions as teams have them, and what becomes of each of their fields.

use super::*;

const GROUP: &str = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/orders/6d0ecf831eec9f09";

/// A service on Fargate as the AWS CLI prints it, with all that is beside it.
pub fn described() -> Vec<Document> {
    let task = json!({
        "taskDefinition": {
            "taskDefinitionArn": "arn:aws:ecs:eu-west-1:123456789012:task-definition/orders:41",
            "containerDefinitions": [
                {
                    "name": "orders", "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:2026-11-20", "cpu": 384,
                    "memory": 1536, "memoryReservation": 1024,
                    "portMappings": [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp", "name": "http", "appProtocol": "http"}],
                    "essential": true, "command": ["java", "-jar", "/app.jar", "--cache=$(nproc)"],
                    "environment": [{"name": "JAVA_OPTS", "value": "-Xmx1g -Dx=$(y)"}, {"name": "LOG_LEVEL", "value": "info"}],
                    "environmentFiles": [], "mountPoints": [{"sourceVolume": "uploads", "containerPath": "/uploads", "readOnly": false}],
                    "volumesFrom": [],
                    "secrets": [
                        {"name": "DB_PASSWORD", "valueFrom": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders/db-AbCdEf:password::"},
                        {"name": "API_KEY", "valueFrom": "arn:aws:ssm:eu-west-1:123456789012:parameter/orders/api-key"},
                    ],
                    "dependsOn": [{"containerName": "migrate", "condition": "SUCCESS"}],
                    "stopTimeout": 90, "user": "1000:1000", "readonlyRootFilesystem": true, "workingDirectory": "/srv",
                    "ulimits": [{"name": "nofile", "softLimit": 65535, "hardLimit": 65535}],
                    "logConfiguration": {"logDriver": "awslogs", "options": {
                        "awslogs-group": "/ecs/orders", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "orders",
                    }, "secretOptions": []},
                    "healthCheck": {"command": ["CMD-SHELL", "curl -f http://localhost:8080/health || exit 1"], "interval": 15, "timeout": 5, "retries": 3, "startPeriod": 120},
                    "systemControls": [],
                },
                {
                    "name": "migrate", "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:2026-11-20", "cpu": 0,
                    "portMappings": [], "essential": false, "command": ["java", "-jar", "/app.jar", "migrate"],
                    "environment": [], "mountPoints": [], "volumesFrom": [], "systemControls": [],
                },
            ],
            "family": "orders", "taskRoleArn": "arn:aws:iam::123456789012:role/orders",
            "executionRoleArn": "arn:aws:iam::123456789012:role/ecsTaskExecutionRole", "networkMode": "awsvpc", "revision": 41,
            "volumes": [{"name": "uploads", "efsVolumeConfiguration": {
                "fileSystemId": "fs-0123456789abcdef0", "rootDirectory": "/", "transitEncryption": "ENABLED",
                "authorizationConfig": {"accessPointId": "fsap-0123456789abcdef0", "iam": "ENABLED"},
            }}],
            "status": "ACTIVE", "requiresAttributes": [{"name": "com.amazonaws.ecs.capability.docker-remote-api.1.18"}],
            "placementConstraints": [], "compatibilities": ["EC2", "FARGATE"], "requiresCompatibilities": ["FARGATE"],
            "cpu": "512", "memory": "2048", "runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
            "registeredAt": "2026-11-20T09:00:00+00:00", "registeredBy": "arn:aws:iam::123456789012:user/ci",
        },
        "tags": [{"key": "team", "value": "orders"}, {"key": "cost center", "value": "a b"}],
    });
    let service = json!({"services": [{
        "serviceArn": "arn:aws:ecs:eu-west-1:123456789012:service/prod/orders", "serviceName": "orders",
        "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/prod",
        "loadBalancers": [{"targetGroupArn": GROUP, "containerName": "orders", "containerPort": 8080}],
        "serviceRegistries": [], "status": "ACTIVE", "desiredCount": 4, "runningCount": 4, "pendingCount": 0,
        "launchType": "FARGATE", "platformVersion": "LATEST", "platformFamily": "Linux",
        "taskDefinition": "arn:aws:ecs:eu-west-1:123456789012:task-definition/orders:41",
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": {"enable": true, "rollback": true}, "maximumPercent": 200, "minimumHealthyPercent": 100,
            "strategy": "ROLLING",
        },
        "deployments": [{"id": "ecs-svc/1", "status": "PRIMARY", "desiredCount": 4}], "events": [{"id": "1", "message": "steady"}],
        "createdAt": "2026-01-01T00:00:00+00:00", "placementConstraints": [], "placementStrategy": [],
        "networkConfiguration": {"awsvpcConfiguration": {
            "subnets": ["subnet-0a", "subnet-0b"], "securityGroups": ["sg-0a"], "assignPublicIp": "DISABLED",
        }},
        "healthCheckGracePeriodSeconds": 60, "schedulingStrategy": "REPLICA", "deploymentController": {"type": "ECS"},
        "createdBy": "arn:aws:iam::123456789012:user/ci", "enableECSManagedTags": false, "propagateTags": "NONE",
        "enableExecuteCommand": false, "availabilityZoneRebalancing": "ENABLED",
    }], "failures": []});
    let targets = json!({"ScalableTargets": [{
        "ServiceNamespace": "ecs", "ResourceId": "service/prod/orders", "ScalableDimension": "ecs:service:DesiredCount",
        "MinCapacity": 4, "MaxCapacity": 40, "RoleARN": "arn:aws:iam::123456789012:role/x", "CreationTime": "2026-01-01T00:00:00+00:00",
    }]});
    let policies = json!({"ScalingPolicies": [
        {
            "PolicyARN": "arn:x", "PolicyName": "memory", "ServiceNamespace": "ecs", "ResourceId": "service/prod/orders",
            "ScalableDimension": "ecs:service:DesiredCount", "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": 60.0, "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageMemoryUtilization"},
                "ScaleOutCooldown": 120, "ScaleInCooldown": 300,
            },
            "Alarms": [{"AlarmName": "a", "AlarmARN": "arn:a"}],
        },
        {
            "PolicyARN": "arn:y", "PolicyName": "requests", "ServiceNamespace": "ecs", "ResourceId": "service/prod/orders",
            "ScalableDimension": "ecs:service:DesiredCount", "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": 1000.0, "PredefinedMetricSpecification": {"PredefinedMetricType": "ALBRequestCountPerTarget"},
            },
        },
    ]});
    let rules = json!({"Rules": [{
        "RuleArn": "arn:rule", "Priority": "10", "IsDefault": false,
        "Conditions": [{"Field": "host-header", "Values": ["orders.example.com"], "HostHeaderConfig": {"Values": ["orders.example.com"]}}],
        "Actions": [{"Type": "forward", "TargetGroupArn": GROUP, "Order": 1, "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": GROUP, "Weight": 1}]}}],
    }]});
    let groups = json!({"TargetGroups": [{
        "TargetGroupArn": GROUP, "Protocol": "HTTP", "Port": 80, "HealthCheckProtocol": "HTTP", "HealthCheckPort": "traffic-port",
        "HealthCheckEnabled": true, "HealthCheckIntervalSeconds": 10, "HealthCheckTimeoutSeconds": 5, "HealthyThresholdCount": 2,
        "UnhealthyThresholdCount": 3, "HealthCheckPath": "/ready", "Matcher": {"HttpCode": "200"},
    }]});
    [task, service, targets, policies, rules, groups].iter().map(document).collect()
}

#[test]
fn a_service_with_all_that_is_beside_it_becomes_what_its_team_would_have_written() {
    let made = forth(&described(), &kubernetes::Options::default());
    let pod = &made.objects[0]["spec"]["template"]["spec"];
    let orders = container(&made);
    assert_eq!(orders["args"], json!(["java", "-jar", "/app.jar", "--cache=$$(nproc)"]));
    assert_eq!(orders["env"][0], json!({"name": "JAVA_OPTS", "value": "-Xmx1g -Dx=$$(y)"}));
    assert_eq!(
        orders["resources"],
        json!({"requests": {"cpu": "375m", "memory": "1Gi"}, "limits": {"memory": "1536Mi"}})
    );
    assert_eq!(orders["readinessProbe"]["httpGet"], json!({"path": "/ready", "port": 8080, "scheme": "HTTP"}));
    assert_eq!(
        (&orders["startupProbe"]["periodSeconds"], &orders["startupProbe"]["failureThreshold"]),
        (&json!(15), &json!(11))
    );
    assert_eq!(pod["initContainers"][0]["name"], "migrate");
    assert_eq!(
        pod["resources"],
        json!({"requests": {"cpu": "500m", "memory": "2Gi"}, "limits": {"cpu": "500m", "memory": "2Gi"}})
    );
    assert_eq!(pod["nodeSelector"], json!({"kubernetes.io/arch": "arm64", "kubernetes.io/os": "linux"}));
    assert_eq!(pod["terminationGracePeriodSeconds"], 90);
    assert_eq!(
        the(&made, "PersistentVolume")["spec"]["csi"]["volumeHandle"],
        "fs-0123456789abcdef0:/:fsap-0123456789abcdef0"
    );
    assert_eq!(the(&made, "PersistentVolume")["spec"]["mountOptions"], json!(["tls", "iam"]));
    assert_eq!(the(&made, "Service")["spec"]["ports"][0]["appProtocol"], "http");
    assert_eq!(the(&made, "SecurityGroupPolicy")["spec"]["securityGroups"]["groupIds"], json!(["sg-0a"]));
    let scaler = &the(&made, "HorizontalPodAutoscaler")["spec"];
    assert_eq!((&scaler["minReplicas"], &scaler["maxReplicas"]), (&json!(4), &json!(40)));
    assert_eq!(
        scaler["metrics"][0]["resource"],
        json!({"name": "memory", "target": {"type": "Utilization", "averageUtilization": 60}})
    );
    assert_eq!(scaler["behavior"]["scaleDown"]["stabilizationWindowSeconds"], 300);
    assert!(made.objects[0]["spec"].get("replicas").is_none());
    assert_eq!(the(&made, "PodDisruptionBudget")["spec"]["maxUnavailable"], 1);
    assert_eq!(made.objects.iter().filter(|o| o["kind"] == "ExternalSecret").count(), 2);
}

#[test]
fn the_report_says_of_each_field_what_its_team_must_know() {
    let made = forth(&described(), &kubernetes::Options::default());
    let container = "taskDefinition.containerDefinitions[orders]";
    let of = |field: &str| outcome(&made, &format!("{container}.{field}"));
    for field in [
        "name",
        "image",
        "cpu",
        "memory",
        "memoryReservation",
        "command",
        "environment[JAVA_OPTS].value",
        "secrets[DB_PASSWORD].valueFrom",
        "secrets[API_KEY].valueFrom",
        "portMappings[0].appProtocol",
        "portMappings[0].hostPort",
        "dependsOn[migrate].condition",
        "stopTimeout",
        "user",
        "workingDirectory",
        "readonlyRootFilesystem",
        "healthCheck.command",
        "healthCheck.startPeriod",
        "mountPoints[0].containerPath",
        "essential",
    ] {
        assert_eq!(of(field), Outcome::Mapped, "{field}: {}", entry(&made, &format!("{container}.{field}")).note);
    }
    for field in ["logConfiguration.logDriver", "logConfiguration.options.awslogs-group"] {
        assert_eq!(of(field), Outcome::Approximated, "{field}");
    }
    assert_eq!(of("ulimits[nofile].softLimit"), Outcome::Refused);
    assert!(entry(&made, &format!("{container}.ulimits[nofile].softLimit")).kept);
    for field in [
        "taskDefinition.cpu",
        "taskDefinition.memory",
        "taskDefinition.taskRoleArn",
        "taskDefinition.runtimePlatform.cpuArchitecture",
        "taskDefinition.volumes[uploads].efsVolumeConfiguration.authorizationConfig.accessPointId",
        "tags[team].value",
        "services[0].deploymentConfiguration.maximumPercent",
        "services[0].networkConfiguration.awsvpcConfiguration.securityGroups",
    ] {
        assert_eq!(outcome(&made, field), Outcome::Mapped, "{field}: {}", entry(&made, field).note);
    }
    assert_eq!(outcome(&made, "tags[\"cost center\"].value"), Outcome::Approximated);
    assert_eq!(outcome(&made, "services[0].networkConfiguration.awsvpcConfiguration.subnets"), Outcome::Approximated);
    assert!(
        entry(&made, "ScalingPolicies[1].TargetTrackingScalingPolicyConfiguration.TargetValue").note.contains("KEDA")
    );
    let values = ["AbCdEf", "orders.example.com", "65535"];
    let report = serde_json::to_string(&made.report.fields).unwrap();
    assert!(values.iter().all(|v| !report.contains(v)), "a value stands in the report");
}

#[test]
fn what_came_from_ecs_goes_back_to_ecs_as_it_was() {
    let made = forth(&described()[..2], &kubernetes::Options::default());
    let again = back(&made.objects, &ecs::Options { cluster: Some("prod".into()), ..ecs::Options::default() });
    let spec = &the(&again, "ECSService")["spec"];
    let (task, service) = (&described()[0].value, &described()[1].value["services"][0]);
    let mut wanted = task["taskDefinition"].clone();
    wanted["tags"] = task["tags"].clone();
    same(&crate::canonical::task_definition(&wanted), &crate::canonical::task_definition(&spec["taskDefinition"]));
    same(&crate::canonical::service(service), &crate::canonical::service(spec));
    assert_eq!((&spec["desiredCount"], &spec["clusterRef"]["name"]), (&json!(4), &json!("prod")));
}

/// Task definitions as they are found: a worker, a log router, a daemon on instances, a GPU job, the sizes of old files.
fn found() -> Vec<Value> {
    vec![
        json!({"family": "worker", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
            "executionRoleArn": "ecsTaskExecutionRole", "taskRoleArn": "worker",
            "containerDefinitions": [{"name": "worker", "image": "worker:1", "essential": true, "stopTimeout": 120,
                "linuxParameters": {"initProcessEnabled": true}, "environmentFiles": [{"value": "arn:aws:s3:::config/worker.env", "type": "s3"}],
                "restartPolicy": {"enabled": true, "ignoredExitCodes": [0], "restartAttemptPeriod": 180}}]}),
        json!({"family": "web-with-logs", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": ".5 vCPU", "memory": "1 GB",
            "containerDefinitions": [
                {"name": "app", "image": "app:1", "portMappings": [{"containerPort": 3000}],
                    "logConfiguration": {"logDriver": "awsfirelens", "options": {"Name": "opensearch", "Host": "logs.example.com"}},
                    "dependsOn": [{"containerName": "log_router", "condition": "START"}]},
                {"name": "log_router", "image": "amazon/aws-for-fluent-bit:stable", "essential": false, "memoryReservation": 50,
                    "firelensConfiguration": {"type": "fluentbit", "options": {"enable-ecs-log-metadata": "true"}}, "user": "0"}]}),
        json!({"family": "agent", "networkMode": "host", "pidMode": "host", "requiresCompatibilities": ["EC2"],
            "volumes": [{"name": "docker_sock", "host": {"sourcePath": "/var/run/docker.sock"}}, {"name": "proc", "host": {"sourcePath": "/proc/"}}],
            "containerDefinitions": [{"name": "datadog-agent", "image": "datadog/agent:7", "cpu": 100, "memory": 512, "privileged": true,
                "mountPoints": [{"sourceVolume": "docker_sock", "containerPath": "/var/run/docker.sock", "readOnly": true},
                    {"sourceVolume": "proc", "containerPath": "/host/proc/", "readOnly": true}],
                "linuxParameters": {"capabilities": {"add": ["SYS_ADMIN", "SYS_PTRACE"]}},
                "dockerSecurityOptions": ["apparmor:unconfined"]}]}),
        json!({"family": "train", "requiresCompatibilities": ["EC2"], "placementConstraints": [{"type": "memberOf", "expression": "attribute:ecs.instance-type =~ p4.*"}],
            "volumes": [{"name": "scratch"}, {"name": "cache", "dockerVolumeConfiguration": {"scope": "shared", "autoprovision": true, "driver": "local"}}],
            "containerDefinitions": [{"name": "train", "image": "train:1", "memory": 65536, "resourceRequirements": [{"type": "GPU", "value": "8"}],
                "mountPoints": [{"sourceVolume": "scratch", "containerPath": "/scratch"}, {"sourceVolume": "cache", "containerPath": "/cache"}],
                "linuxParameters": {"sharedMemorySize": 8192}, "ulimits": [{"name": "memlock", "softLimit": -1, "hardLimit": -1}]}]}),
        json!({"family": "old", "networkMode": "bridge", "containerDefinitions": [
            {"name": "nginx", "image": "nginx", "cpu": 10, "memory": 300, "portMappings": [{"containerPort": 80, "hostPort": 0, "protocol": "tcp"}],
                "links": ["php"], "hostname": "front", "dnsServers": ["10.0.0.2"], "extraHosts": [{"hostname": "db", "ipAddress": "10.0.0.9"}]},
            {"name": "php", "image": "php", "cpu": 333, "memoryReservation": 128, "essential": false,
                "dockerLabels": {"com.example.team": "web"}, "user": "www-data"}]}),
    ]
}

#[test]
fn definitions_as_they_are_found_go_there_and_back_as_they_were() {
    for task in found() {
        let made = of_task(&task);
        let again = back(&made.objects, &ecs::Options::default());
        let spec = &the(&again, "ECSService")["spec"];
        same(&crate::canonical::task_definition(&task), &crate::canonical::task_definition(&spec["taskDefinition"]));
        assert!(
            made.report.notes.iter().chain(&again.report.notes).all(|n| !n.contains("no longer fits")),
            "{:?}",
            again.report.notes
        );
    }
}
