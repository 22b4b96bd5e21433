//! From Kubernetes to ECS.

use super::*;
use crate::convert::ecs::Capacity;

/// A workload with more than most have, and everything around it.
pub const RICH: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  labels: {app.kubernetes.io/name: web, team: shop}
  annotations: {note: x, deployment.kubernetes.io/revision: "3"}
  uid: 0a
  generation: 4
spec:
  replicas: 3
  novelty: {deep: 1}
  revisionHistoryLimit: 5
  progressDeadlineSeconds: 600
  minReadySeconds: 10
  selector: {matchLabels: {app: web}}
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  template:
    metadata:
      labels: {app: web, tier: front}
      annotations: {prometheus.io/scrape: "true"}
    spec:
      serviceAccountName: web
      terminationGracePeriodSeconds: 45
      priorityClassName: high
      hostAliases: [{ip: 10.0.0.9, hostnames: [db]}]
      tolerations: [{key: a, operator: Exists}]
      nodeSelector: {kubernetes.io/arch: arm64, disktype: ssd}
      affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: []}}
      topologySpreadConstraints:
        - {maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: web}}}
      securityContext: {runAsUser: 1000, runAsNonRoot: true, fsGroup: 1000}
      volumes:
        - {name: scratch, emptyDir: {}}
        - {name: config, configMap: {name: files}}
      initContainers:
        - {name: migrate, image: "web:1", args: [migrate]}
        - {name: proxy, image: "envoy:1", restartPolicy: Always, resources: {requests: {cpu: 100m, memory: 64Mi}}}
      containers:
        - name: web
          image: web:1
          imagePullPolicy: Always
          novelty: yes please
          command: [/bin/web]
          args: ["--host=$(HOST)", "--literal=$$(HOST)"]
          workingDir: /srv
          ports: [{name: http, containerPort: 8080}]
          env:
            - {name: HOST, value: db.shop}
            - {name: URL, value: "http://$(HOST)/"}
            - {name: LEVEL, valueFrom: {configMapKeyRef: {name: settings, key: level}}}
            - {name: PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}
            - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
          envFrom: [{configMapRef: {name: settings}, prefix: APP_}]
          resources: {requests: {cpu: 300m, memory: 600Mi}, limits: {cpu: "1", memory: 700Mi, ephemeral-storage: 30Gi}}
          volumeMounts:
            - {name: scratch, mountPath: /tmp}
            - {name: config, mountPath: /etc/web}
          livenessProbe: {httpGet: {path: /live, port: 8080}, periodSeconds: 10, timeoutSeconds: 2, failureThreshold: 3}
          readinessProbe: {httpGet: {path: /ready, port: 8080}}
          lifecycle: {preStop: {exec: {command: [sleep, "5"]}}}
          securityContext: {readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
status: {replicas: 3}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080, appProtocol: http}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: shop, annotations: {eks.amazonaws.com/role-arn: "arn:aws:iam::123456789012:role/web"}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data: {level: info}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: db, namespace: shop}
spec:
  refreshInterval: 1h
  secretStoreRef: {kind: ClusterSecretStore, name: aws-secrets-manager}
  target: {name: db}
  data:
    - {secretKey: password, remoteRef: {key: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf", property: password}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 3
  maxReplicas: 9
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: shop}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  rules:
    - host: shop.example.com
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: lonely, namespace: shop}
data: {a: b}
"#;

#[test]
fn a_rich_workload_becomes_a_service_that_does_the_same() {
    let made = to_ecs(
        &documents(RICH),
        &ecs::Options {
            cluster: Some("prod".into()),
            cloud_map_namespace: Some("internal".into()),
            ..ecs::Options::default()
        },
    )
    .unwrap();
    let spec = &the(&made, "ECSService")["spec"];
    let task = &spec["taskDefinition"];
    let web = task["containerDefinitions"].as_array().unwrap().iter().find(|c| c["name"] == "web").unwrap();
    assert_eq!(web["entryPoint"], json!(["/bin/web"]));
    assert_eq!(web["command"], json!(["--host=db.shop", "--literal=$(HOST)"]));
    let env: std::collections::BTreeMap<_, _> = web["environment"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["name"].as_str().unwrap(), e["value"].as_str().unwrap()))
        .collect();
    assert_eq!(env, [("APP_level", "info"), ("HOST", "db.shop"), ("LEVEL", "info"), ("URL", "http://db.shop/")].into());
    assert_eq!(
        web["secrets"],
        json!([{"name": "PASSWORD", "valueFrom": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf:password::"}])
    );
    assert_eq!((&web["cpu"], &web["memory"], &web["memoryReservation"]), (&json!(308), &json!(700), &json!(600)));
    assert_eq!(web["portMappings"], json!([{"containerPort": 8080, "name": "http", "appProtocol": "http"}]));
    assert_eq!(
        (&web["user"], &web["stopTimeout"], &web["readonlyRootFilesystem"]),
        (&json!("1000"), &json!(45), &json!(true))
    );
    assert_eq!(
        web["dependsOn"],
        json!([{"containerName": "migrate", "condition": "SUCCESS"}, {"containerName": "proxy", "condition": "START"}])
    );
    assert_eq!(web["healthCheck"]["command"][1], "curl -fsS -o /dev/null 'http://localhost:8080/live' || exit 1");
    assert_eq!(web["mountPoints"], json!([{"sourceVolume": "scratch", "containerPath": "/tmp"}]));
    // 308 + 103 CPU units and 764 MiB.
    assert_eq!((&task["cpu"], &task["memory"]), (&json!("512"), &json!("1024")));
    assert_eq!((made.report.sizes[0].cpu_asked, made.report.sizes[0].memory_asked), (411, 764));
    assert_eq!(task["ephemeralStorage"], json!({"sizeInGiB": 30}));
    assert_eq!(task["taskRoleArn"], "arn:aws:iam::123456789012:role/web");
    assert_eq!(task["runtimePlatform"], json!({"cpuArchitecture": "ARM64"}));
    assert_eq!(task["tags"], json!([{"key": "tier", "value": "front"}]));
    assert_eq!(spec["tags"], json!([{"key": "team", "value": "shop"}]));
    assert!(spec.get("desiredCount").is_none(), "what scales it decides");
    assert_eq!(spec["deploymentConfiguration"], json!({"maximumPercent": 134, "minimumHealthyPercent": 100}));
    assert_eq!(spec["serviceDiscovery"], json!({"namespaceRef": {"name": "internal"}, "name": "web"}));
    assert_eq!((&spec["clusterRef"]["name"], &spec["launchType"]), (&json!("prod"), &json!("FARGATE")));
}

#[test]
fn what_ecs_cannot_do_is_refused_with_what_to_do() {
    let made = to_ecs(&documents(RICH), &ecs::Options::default()).unwrap();
    let web = "spec.template.spec.containers[web]";
    for (field, word) in [
        (format!("{web}.lifecycle.preStop.exec.command"), "SIGTERM"),
        (format!("{web}.readinessProbe.httpGet.path"), "target group"),
        (format!("{web}.env[NODE].valueFrom.fieldRef.fieldPath"), "METADATA"),
        (format!("{web}.volumeMounts[1].mountPath"), "refused"),
        ("spec.template.spec.volumes[config].configMap.name".into(), "EFS"),
        ("spec.template.spec.tolerations[0].key".into(), "capacity provider"),
        ("spec.template.spec.nodeSelector.disktype".into(), "capacity provider"),
        ("spec.maxReplicas".into(), "Application Auto Scaling"),
        ("spec.rules[0].host".into(), "listener rule"),
        ("spec.maxUnavailable".into(), "minimumHealthyPercent"),
        ("data.a".into(), "no Deployment"),
        ("spec.ports[0].port".into(), "Service Connect"),
    ] {
        let entry = entry(&made, &field);
        assert_eq!(entry.outcome, Outcome::Refused, "{field}");
        assert!(entry.note.contains(word), "{field}: {}", entry.note);
    }
    let said = not_back("apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec: {}\n");
    assert!(said[0].message.contains("no identity"), "{said:?}");
    assert!(not_back("hello: there\n")[0].message.starts_with("is not a Kubernetes object"));
    assert!(
        not_back("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: db}\n")[0]
            .message
            .contains("containers is missing")
    );
    let eleven: Vec<String> = (0..11).map(|i| format!("{{name: c{i}, image: x}}")).collect();
    let many = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: db}}\nspec: {{template: {{spec: {{containers: [{}]}}}}}}\n",
        eleven.join(", ")
    );
    assert!(not_back(&many)[0].message.contains("a task has 10 at most"));
}

#[test]
fn what_nobody_said_is_noted() {
    let yaml = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: bare}, \
                spec: {template: {spec: {containers: [{name: app}]}}}}";
    let documents = documents(yaml);
    let made = to_ecs(&documents, &ecs::Options::default()).unwrap();
    let notes = made.report.notes.join("\n");
    assert!(notes.contains("container app has no image"), "{notes}");
    assert!(notes.contains("no --cluster was given"), "{notes}");
    let options = ecs::Options { cluster: Some("prod".into()), ..ecs::Options::default() };
    let made = to_ecs(&documents, &options).unwrap();
    assert!(!made.report.notes.join("\n").contains("--cluster"), "{:?}", made.report.notes);
}

#[test]
fn instances_take_what_fargate_does_not() {
    let yaml = r"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      hostNetwork: true
      volumes: [{name: sock, hostPath: {path: /var/run/docker.sock}}]
      containers:
        - {name: web, image: nginx, securityContext: {privileged: true}, volumeMounts: [{name: sock, mountPath: /sock}]}
";
    let of = |capacity| {
        to_ecs(&documents(yaml), &ecs::Options { capacity: Some(capacity), ..ecs::Options::default() }).unwrap()
    };
    let made = of(Capacity::Ec2);
    let task = &the(&made, "ECSService")["spec"]["taskDefinition"];
    assert_eq!(
        (&task["networkMode"], &task["volumes"][0]["host"]["sourcePath"]),
        (&json!("host"), &json!("/var/run/docker.sock"))
    );
    assert_eq!(
        (&task["containerDefinitions"][0]["privileged"], &task["containerDefinitions"][0]["memoryReservation"]),
        (&json!(true), &json!(128))
    );
    let made = of(Capacity::Fargate);
    for field in [
        "spec.template.spec.hostNetwork",
        "spec.template.spec.volumes[sock].hostPath.path",
        "spec.template.spec.containers[web].securityContext.privileged",
    ] {
        assert_eq!(outcome(&made, field), Outcome::Refused, "{field}");
    }
}

#[test]
fn a_role_becomes_an_iam_task_role_when_asked_and_takes_nothing_away() {
    let made = to_ecs(&documents(RICH), &ecs::Options { iam_task_role: true, ..ecs::Options::default() }).unwrap();
    let role = &the(&made, "IAMTaskRole")["spec"];
    assert_eq!(
        (&role["roleName"], &role["adoptionPolicy"], &role["deletionPolicy"]),
        (&json!("web"), &json!("IfUnchanged"), &json!("Retain"))
    );
    assert_eq!(the(&made, "ECSService")["spec"]["taskRoleRef"]["name"], "web");
}

#[test]
fn whoever_edits_the_manifest_wins_over_what_was_kept() {
    let task = json!({"family": "web", "cpu": "300", "memory": "1000", "containerDefinitions": [
        {"name": "Web_App", "image": "nginx", "cpu": 125, "ulimits": [{"name": "nofile", "softLimit": 1, "hardLimit": 2}]},
    ]});
    let mut made = of_task(&task);
    let again = back(&made.objects, &ecs::Options::default());
    let found = &the(&again, "ECSService")["spec"]["taskDefinition"];
    same(&crate::canonical::task_definition(&task), &crate::canonical::task_definition(found));

    made.objects[0]["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = json!("250m");
    let again = back(&made.objects, &ecs::Options::default());
    let container = &the(&again, "ECSService")["spec"]["taskDefinition"]["containerDefinitions"][0];
    assert_eq!(
        (&container["name"], &container["cpu"], &container["ulimits"][0]["hardLimit"]),
        (&json!("Web_App"), &json!(256), &json!(2))
    );

    made.objects[0]["metadata"]["annotations"]["landbridge.dev/ecs-fields"] = json!("{");
    let all: Vec<Document> = made.objects.iter().map(document).collect();
    let mistakes = to_ecs(&all, &ecs::Options::default()).unwrap_err();
    assert!(mistakes[0].message.contains("landbridge.dev/ecs-fields is no JSON object"), "{mistakes:?}");
}

/// The rich workload with another autoscaler.
fn scaled(metrics: &str, behavior: &str) -> Conversion {
    let yaml = RICH.replace(
        "metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}]",
        &format!("metrics: [{metrics}]\n  behavior: {{{behavior}}}"),
    );
    assert!(yaml.contains(behavior));
    let options = ecs::Options { cluster: Some("prod".into()), scaling: true, ..ecs::Options::default() };
    to_ecs(&documents(&yaml), &options).unwrap()
}

#[test]
fn an_autoscaler_becomes_a_scalable_target_and_a_policy_for_each_metric_that_ecs_measures() {
    let metrics = "{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}, \
                   {type: Resource, resource: {name: memory, target: {type: Utilization, averageUtilization: 75}}}";
    let made = scaled(metrics, "scaleDown: {stabilizationWindowSeconds: 300}");
    let shown: Vec<_> = made.scaling.iter().map(|r| (r.file.as_str(), r.command, r.input.clone())).collect();
    let with = |mut more: Value| {
        more["ServiceNamespace"] = json!("ecs");
        more["ResourceId"] = json!("service/prod/web");
        more["ScalableDimension"] = json!("ecs:service:DesiredCount");
        more
    };
    let policy = |name: &str, metric: &str, target: f64| {
        with(json!({"PolicyName": name, "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": target, "ScaleInCooldown": 300,
                "PredefinedMetricSpecification": {"PredefinedMetricType": metric}}}))
    };
    assert_eq!(
        shown,
        [
            ("web.scalable-target.json", "register-scalable-target", with(json!({"MinCapacity": 3, "MaxCapacity": 9}))),
            (
                "web.cpu.scaling-policy.json",
                "put-scaling-policy",
                policy("cpu", "ECSServiceAverageCPUUtilization", 60.0)
            ),
            (
                "web.memory.scaling-policy.json",
                "put-scaling-policy",
                policy("memory", "ECSServiceAverageMemoryUtilization", 75.0)
            ),
        ]
    );
    assert_eq!(outcome(&made, "spec.maxReplicas"), Outcome::Mapped);
    let target = entry(&made, "spec.metrics[0].resource.target.averageUtilization");
    assert_eq!(target.outcome, Outcome::Approximated);
    assert!(target.note.contains("size of the task"), "{}", target.note);
}

#[test]
fn a_metric_that_ecs_does_not_measure_and_a_limit_of_speed_are_refused_and_the_rest_is_scaled() {
    let metrics = "{type: Pods, pods: {metric: {name: queue}, target: {type: AverageValue, averageValue: 5}}}";
    let made = scaled(metrics, "scaleUp: {policies: [{type: Pods, value: 4, periodSeconds: 60}]}");
    assert_eq!(made.scaling.len(), 1, "{:?}", made.scaling);
    for (field, word) in [
        ("spec.metrics[0].pods.metric.name", "CustomizedMetricSpecification"),
        ("spec.behavior.scaleUp.policies[0].value", "step scaling policy"),
    ] {
        let entry = entry(&made, field);
        assert_eq!(entry.outcome, Outcome::Refused, "{field}");
        assert!(entry.note.contains(word), "{field}: {}", entry.note);
    }
    let without = to_ecs(&documents(RICH), &ecs::Options::default()).unwrap();
    assert_eq!(without.scaling, []);
    assert!(entry(&without, "spec.maxReplicas").note.contains("--scaling DIR"));
}
