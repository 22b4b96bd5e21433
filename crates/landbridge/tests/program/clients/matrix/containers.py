"""The lines about clusters, task definitions and services of ECS."""

from bench import *  # noqa: F403


def own_cluster(**more):
    return ecs.create_cluster(clusterName=fresh("own"), **more)["cluster"]["clusterName"]


ALL = ["ATTACHMENTS", "CONFIGURATIONS", "SETTINGS", "STATISTICS", "TAGS"]
SPOT = {"capacityProvider": "FARGATE_SPOT", "weight": 3, "base": 0}


@line("ECS-clu", "CreateCluster with settings, Service Connect defaults, Fargate providers, strategy and tags")
def _():
    made = ecs.create_cluster(
        clusterName=fresh("whole"), tags=[{"key": "a", "value": "b"}], settings=[{"name": "containerInsights", "value": "enabled"}],
        capacityProviders=["FARGATE", "FARGATE_SPOT"], defaultCapacityProviderStrategy=[SPOT],
        serviceConnectDefaults={"namespace": namespace()[1]},
    )["cluster"]
    same((made["status"], made["settings"]), ("ACTIVE", [{"name": "containerInsights", "value": "enabled"}]))


@line("ECS-clu", "DescribeClusters with everything included shows every field")
def _():
    name = own_cluster(
        tags=[{"key": "a", "value": "b"}], settings=[{"name": "containerInsights", "value": "enabled"}],
        configuration={"executeCommandConfiguration": {"logging": "DEFAULT"}}, capacityProviders=["FARGATE", "FARGATE_SPOT"],
        defaultCapacityProviderStrategy=[SPOT], serviceConnectDefaults={"namespace": namespace()[1]},
    )
    shown = ecs.describe_clusters(clusters=[name], include=ALL)["clusters"][0]
    holds(shown, {
        "tags": [{"key": "a", "value": "b"}], "settings": [{"name": "containerInsights", "value": "enabled"}],
        "configuration": {"executeCommandConfiguration": {"logging": "DEFAULT"}},
        "capacityProviders": ["FARGATE", "FARGATE_SPOT"], "defaultCapacityProviderStrategy": [SPOT],
    })
    assert ":namespace/" in shown["serviceConnectDefaults"]["namespace"], shown
    assert "statistics" in shown, shown


@line("ECS-clu", "DescribeClusters without include hides tags and settings")
def _():
    name = own_cluster(tags=[{"key": "a", "value": "b"}])
    shown = ecs.describe_clusters(clusters=[name])["clusters"][0]
    same((shown.get("tags") or [], shown.get("settings") or []), ([], []))


@line("ECS-clu", "CreateCluster of a name that is there answers with it")
def _():
    name = own_cluster()
    again = ecs.create_cluster(clusterName=name)["cluster"]["clusterArn"]
    same(ecs.describe_clusters(clusters=[name])["clusters"][0]["clusterArn"], again)


@line("ECS-clu", "DescribeClusters of nobody: a failure, MISSING")
def _():
    answer = ecs.describe_clusters(clusters=["nobody"])
    same((answer["clusters"], answer["failures"][0]["reason"]), ([], "MISSING"))


@line("ECS-clu", "UpdateCluster, UpdateClusterSettings, PutClusterCapacityProviders")
def _():
    name = own_cluster()
    ecs.update_cluster(cluster=name, configuration={"executeCommandConfiguration": {"logging": "NONE"}})
    ecs.update_cluster_settings(cluster=name, settings=[{"name": "containerInsights", "value": "enhanced"}])
    ecs.put_cluster_capacity_providers(cluster=name, capacityProviders=["FARGATE_SPOT"], defaultCapacityProviderStrategy=[SPOT])
    shown = ecs.describe_clusters(clusters=[name], include=ALL)["clusters"][0]
    same(shown["settings"], [{"name": "containerInsights", "value": "enhanced"}])
    same(shown["configuration"]["executeCommandConfiguration"]["logging"], "NONE")
    same((shown["capacityProviders"], shown["defaultCapacityProviderStrategy"]), (["FARGATE_SPOT"], [SPOT]))


@line("ECS-clu", "an unknown cluster: ClusterNotFoundException")
def _():
    refused("ClusterNotFoundException", lambda: ecs.update_cluster_settings(cluster="nobody", settings=[]))
    refused("ClusterNotFoundException", lambda: ecs.describe_services(cluster="nobody", services=["x"]))
    refused("ClusterNotFoundException", lambda: ecs.list_services(cluster="nobody"))


@line("ECS-clu", "a bad name and a capacity provider that is not there are refused")
def _():
    refused("InvalidParameterException", lambda: ecs.create_cluster(clusterName="no good!"))
    refused("InvalidParameterException|ClientException", lambda: own_cluster(capacityProviders=["nobody"]))


@line("ECS-clu", "ListClusters in pages")
def _():
    names = [own_cluster(), own_cluster()]
    arns = pages(ecs.list_clusters, "clusterArns", maxResults=1)
    assert len(arns) == len(set(arns)) and {arn.split("/")[1] for arn in arns} >= set(names), arns


@line("ECS-clu", "capacity providers of an Auto Scaling group and of Managed Instances")
def _():
    asg = "arn:aws:autoscaling:us-east-1:000000000000:autoScalingGroup:7b2f0c1e-4d0a-4f0e-9a51-0c5a1f6f2a11:autoScalingGroupName/spare"
    name = fresh("spare")
    ecs.create_capacity_provider(name=name, autoScalingGroupProvider={"autoScalingGroupArn": asg, "managedScaling": {"status": "ENABLED"}})
    shown = ecs.describe_capacity_providers(capacityProviders=[name])["capacityProviders"][0]
    same((shown["status"], shown["autoScalingGroupProvider"]["managedScaling"]["targetCapacity"]), ("ACTIVE", 100))
    instances = {
        "infrastructureRoleArn": role("ecs.amazonaws.com"),
        "instanceLaunchTemplate": {
            "ec2InstanceProfileArn": "arn:aws:iam::000000000000:instance-profile/ecsInstanceRole",
            "networkConfiguration": {"subnets": network()[1]},
        },
    }
    made = ecs.create_capacity_provider(name=fresh("managed"), cluster=own_cluster(), managedInstancesProvider=instances)
    assert made["capacityProvider"]["managedInstancesProvider"]["infrastructureRoleArn"], made


@line("ECS-clu", "DeleteCluster with services: ClusterContainsServicesException")
def _():
    name = own_cluster()
    create(cluster=name, desiredCount=0)
    refused("ClusterContainsServicesException", lambda: ecs.delete_cluster(cluster=name))


@line("ECS-clu", "services deleted, DeleteCluster answers INACTIVE, and DescribeClusters keeps it")
def _():
    name = own_cluster()
    service = create(cluster=name, desiredCount=0)
    ecs.delete_service(cluster=name, service=service["serviceName"])
    until(lambda: described(service)["status"] == "INACTIVE", "an inactive service")
    same(ecs.delete_cluster(cluster=name)["cluster"]["status"], "INACTIVE")
    same(ecs.describe_clusters(clusters=[name])["clusters"][0]["status"], "INACTIVE")


@line("ECS-td", "RegisterTaskDefinition with all its fields reads back")
def _():
    account = sts.get_caller_identity()["Account"]
    whole = container(
        cpu=128, memory=256, essential=True, environment=[{"name": "A", "value": "1"}], command=["run"], user="1000",
        readonlyRootFilesystem=True, dockerLabels={"a": "b"}, stopTimeout=30, workingDirectory="/app",
        mountPoints=[{"sourceVolume": "data", "containerPath": "/data", "readOnly": True}],
        healthCheck={"command": ["CMD", "true"], "interval": 10, "timeout": 5, "retries": 3, "startPeriod": 1},
        secrets=[{"name": "S", "valueFrom": f"arn:aws:ssm:us-east-1:{account}:parameter/s"}],
        logConfiguration={"logDriver": "awslogs", "options": {"awslogs-group": "/ecs", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "w"}},
        ulimits=[{"name": "nofile", "softLimit": 1024, "hardLimit": 2048}],
    )
    asked = definition(
        containers=[whole], executionRoleArn=execution(), taskRoleArn=execution(), ephemeralStorage={"sizeInGiB": 30},
        runtimePlatform={"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}, volumes=[{"name": "data"}],
        tags=[{"key": "a", "value": "b"}],
    )
    ecs.register_task_definition(**asked)
    answer = ecs.describe_task_definition(taskDefinition=asked["family"], include=["TAGS"])
    shown = answer["taskDefinition"]
    holds(shown, {key: asked[key] for key in ("family", "cpu", "memory", "networkMode", "executionRoleArn", "ephemeralStorage", "runtimePlatform")})
    holds(shown["containerDefinitions"][0], {key: value for key, value in whole.items() if key != "portMappings"})
    same((answer["tags"], shown["volumes"][0]["name"]), ([{"key": "a", "value": "b"}], "data"))
    holds(shown["containerDefinitions"][0]["portMappings"][0], {"containerPort": 80, "protocol": "tcp", "name": "http"})


@line("ECS-td", "revisions count up; described by family:revision and by ARN")
def _():
    family = fresh("app")
    one, two = register(family=family), register(family=family)
    assert one.endswith(f"{family}:1") and two.endswith(f"{family}:2"), (one, two)
    for name in (f"{family}:1", one):
        same(ecs.describe_task_definition(taskDefinition=name)["taskDefinition"]["taskDefinitionArn"], one)
    same(ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]["taskDefinitionArn"], two)


@line("ECS-td", "a Fargate size that does not exist: ClientException")
def _():
    refused("ClientException", lambda: register(cpu="256", memory="8192"))


@line("ECS-td", "Fargate without cpu and memory: ClientException")
def _():
    refused("ClientException", lambda: register(cpu=None, memory=None))


@line("ECS-td", "Fargate with bridge networking: ClientException")
def _():
    refused("ClientException", lambda: register(networkMode="bridge"))


@line("ECS-td", "Fargate with awslogs or secrets but no execution role: ClientException")
def _():
    options = {"awslogs-group": "/ecs", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "w"}
    refused("ClientException", lambda: register(containers=[container(logConfiguration={"logDriver": "awslogs", "options": options})]))
    refused("ClientException", lambda: register(containers=[container(secrets=[{"name": "S", "valueFrom": "s"}])]))


@line("ECS-td", "eleven containers: ClientException")
def _():
    refused("ClientException", lambda: register(containers=[{"name": f"c{n}", "image": "x"} for n in range(11)]))


@line("ECS-td", "a name used twice, a dependsOn and a volume that are not there: ClientException")
def _():
    refused("ClientException", lambda: register(containers=[container(), container()]))
    refused("ClientException", lambda: register(containers=[container(dependsOn=[{"containerName": "db", "condition": "START"}])]))
    refused("ClientException", lambda: register(containers=[container(mountPoints=[{"sourceVolume": "no", "containerPath": "/d"}])]))


@line("ECS-td", "DescribeTaskDefinition of nobody: ClientException")
def _():
    refused("ClientException", lambda: ecs.describe_task_definition(taskDefinition="nobody"))


@line("ECS-td", "ListTaskDefinitions by family, newest first, in pages; families")
def _():
    family = fresh("listed")
    arns = [register(family=family) for _ in range(3)]
    same(pages(ecs.list_task_definitions, "taskDefinitionArns", familyPrefix=family, sort="DESC", maxResults=1), arns[::-1])
    same(ecs.list_task_definition_families(familyPrefix=family)["families"], [family])


@line("ECS-td", "deregistered is INACTIVE, deleted is DELETE_IN_PROGRESS, an ACTIVE one is not deleted")
def _():
    arn = register()
    answer = ecs.delete_task_definitions(taskDefinitions=[arn])
    assert answer["failures"] and not answer["taskDefinitions"], answer
    same(ecs.deregister_task_definition(taskDefinition=arn)["taskDefinition"]["status"], "INACTIVE")
    same(ecs.delete_task_definitions(taskDefinitions=[arn])["taskDefinitions"][0]["status"], "DELETE_IN_PROGRESS")


def whole_service():
    space, _ = namespace("dns")
    registry = discovery(space, DnsConfig={"DnsRecords": [{"Type": "A", "TTL": 10}]})
    target = group()
    listener(target)
    return {
        "launchType": None, "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1, "base": 0}],
        "loadBalancers": [behind(target)], "serviceRegistries": [{"registryArn": registry["Arn"]}], "platformVersion": "1.4.0",
        "deploymentConfiguration": {
            "deploymentCircuitBreaker": {"enable": True, "rollback": True}, "maximumPercent": 150, "minimumHealthyPercent": 50,
        },
        "enableExecuteCommand": True, "healthCheckGracePeriodSeconds": 30, "enableECSManagedTags": True, "propagateTags": "SERVICE",
        "availabilityZoneRebalancing": "ENABLED", "tags": [{"key": "a", "value": "b"}],
    }


ROUND_TRIP = ("capacityProviderStrategy", "loadBalancers", "serviceRegistries", "platformVersion", "enableExecuteCommand",
              "healthCheckGracePeriodSeconds", "enableECSManagedTags", "propagateTags", "availabilityZoneRebalancing")


@line("ECS-svc", "CreateService with load balancer, registry, breaker, strategy, exec and tags")
def _():
    asked = whole_service()
    made = create(**asked)
    holds(made, {key: asked[key] for key in ("loadBalancers", "serviceRegistries", "capacityProviderStrategy")})
    holds(made["deploymentConfiguration"], asked["deploymentConfiguration"])
    same(made["status"], "ACTIVE")


@line("ECS-svc", "DescribeServices shows every field that was set")
def _():
    asked = whole_service()
    shown = described(create(**asked), include=["TAGS"])
    holds(shown, {key: asked[key] for key in ROUND_TRIP})
    holds(shown["deploymentConfiguration"], asked["deploymentConfiguration"])
    same(shown["tags"], asked["tags"])


@line("ECS-svc", "the running count reaches the desired one, the deployment COMPLETED, and an event says steady state")
def _():
    shown = steady(create(desiredCount=2))
    same(shown["runningCount"], 2)
    assert any("has reached a steady state" in it["message"] for it in shown["events"]), shown["events"]


@line("ECS-svc", "tasks of a service: RUNNING, with interface, startedBy, group and tags")
def _():
    service = create(tags=[{"key": "a", "value": "b"}], propagateTags="SERVICE")
    steady(service)
    task = tasks_of(service)[0]
    same((task["lastStatus"], task["group"]), ("RUNNING", f"service:{service['serviceName']}"))
    assert task["startedBy"].startswith("ecs-svc/"), task
    details = {it["name"]: it["value"] for it in task["attachments"][0]["details"]}
    assert details["networkInterfaceId"].startswith("eni-") and details["privateIPv4Address"], task
    assert {"key": "a", "value": "b"} in task["tags"], task["tags"]


@line("ECS-svc", "tasks are registered in the target group by address")
def _():
    target = group(HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2)
    listener(target)
    service = create(desiredCount=2, loadBalancers=[behind(target)])
    steady(service)
    shown = elb.describe_target_health(TargetGroupArn=target)["TargetHealthDescriptions"]
    addresses = sorted(it["containers"][0]["networkInterfaces"][0]["privateIpv4Address"] for it in tasks_of(service))
    same(sorted(it["Target"]["Id"] for it in shown), addresses)
    same({it["TargetHealth"]["State"] for it in shown}, {"healthy"})


@line("ECS-svc", "tasks are registered as Cloud Map instances")
def _():
    space, _ = namespace("dns")
    registry = discovery(space, DnsConfig={"DnsRecords": [{"Type": "A", "TTL": 10}]}, HealthCheckCustomConfig={"FailureThreshold": 1})
    service = create(desiredCount=2, serviceRegistries=[{"registryArn": registry["Arn"]}])
    steady(service)
    shown = sd.list_instances(ServiceId=registry["Id"])["Instances"]
    addresses = sorted(it["containers"][0]["networkInterfaces"][0]["privateIpv4Address"] for it in tasks_of(service))
    same(sorted(it["Attributes"]["AWS_INSTANCE_IPV4"] for it in shown), addresses)


@line("Events", "changes of ECS reach a queue as events of aws.ecs")
def _():
    url, _, _ = heard({"source": ["aws.ecs"]})
    service = create()
    steady(service)
    kinds = set()

    def all_kinds():
        for event in receive(url):
            if service["serviceArn"] in event["resources"] or event["detail"].get("group", "").endswith(service["serviceName"]):
                kinds.add(event["detail-type"])
        return {"ECS Task State Change", "ECS Deployment State Change", "ECS Service Action"} <= kinds

    until(all_kinds, f"all three kinds of events")


@line("ECS-svc", "CreateService again with its client token answers with the service")
def _():
    asked = service_of(desiredCount=0, clientToken=fresh("token"))
    first = ecs.create_service(**asked)["service"]["serviceArn"]
    same(ecs.create_service(**asked)["service"]["serviceArn"], first)


@line("ECS-svc", "CreateService of a name that is taken by another: not idempotent")
def _():
    service = create(desiredCount=0)
    other = service_of(name=service["serviceName"], desiredCount=3)
    refused("InvalidParameterException", lambda: ecs.create_service(**other), "idempotent")


@line("ECS-svc", "an unknown task definition is refused")
def _():
    refused("ClientException|InvalidParameterException", lambda: create(taskDefinition="nobody:1"))


@line("ECS-svc", "an INACTIVE task definition is refused")
def _():
    arn = register()
    ecs.deregister_task_definition(taskDefinition=arn)
    refused("ClientException|InvalidParameterException", lambda: create(taskDefinition=arn), "inactive")


@line("ECS-svc", "an unknown target group: InvalidParameterException")
def _():
    unknown = group()[:-4] + "0000"
    refused("InvalidParameterException", lambda: create(loadBalancers=[behind(unknown)]))


@line("ECS-svc", "a target group without a load balancer: InvalidParameterException")
def _():
    lonely = group()
    refused("InvalidParameterException", lambda: create(loadBalancers=[behind(lonely)]), "load balancer")


@line("ECS-svc", "a load balancer's container that is not there is refused")
def _():
    target = group()
    listener(target)
    refused("InvalidParameterException", lambda: create(loadBalancers=[{**behind(target), "containerName": "nobody"}]))


@line("ECS-svc", "awsvpc without a network configuration is refused")
def _():
    refused("InvalidParameterException", lambda: create(networkConfiguration=None), "network")


@line("ECS-svc", "an unknown subnet and an unknown security group are refused")
def _():
    none = awsvpc(subnets=["subnet-00000000000000001"])
    refused("InvalidParameterException", lambda: create(networkConfiguration=none))
    none = awsvpc(groups=["sg-00000000000000001"])
    refused("InvalidParameterException", lambda: create(networkConfiguration=none))


@line("ECS-svc", "launch type and capacity provider strategy together are refused")
def _():
    strategy = [{"capacityProvider": "FARGATE", "weight": 1}]
    refused("InvalidParameterException", lambda: create(capacityProviderStrategy=strategy))


@line("ECS-svc", "DescribeServices of eleven is refused, of nobody a failure")
def _():
    describe = lambda names: ecs.describe_services(cluster=cluster(), services=names)
    refused("InvalidParameterException", lambda: describe([f"s{n}" for n in range(11)]))
    answer = describe(["nobody"])
    same((answer["services"], answer["failures"][0]["reason"]), ([], "MISSING"))


@line("ECS-svc", "UpdateService of nobody: ServiceNotFoundException")
def _():
    refused("ServiceNotFoundException", lambda: ecs.update_service(cluster=cluster(), service="nobody", desiredCount=1))


@line("ECS-svc", "the desired count up and down: running follows without a new deployment")
def _():
    service = create(desiredCount=2)
    deployment = steady(service)["deployments"][0]["id"]
    for count in (3, 1):
        update(service, desiredCount=count)
        shown = steady(service)
        same((shown["runningCount"], shown["deployments"][0]["id"]), (count, deployment))


@line("ECS-svc", "a new task definition: PRIMARY and ACTIVE deployments, then one COMPLETED")
def _():
    service = create(desiredCount=2)
    steady(service)
    other = register(containers=[container("nginx:2")])
    shown = update(service, taskDefinition=other)
    same([it["status"] for it in shown["deployments"]], ["PRIMARY", "ACTIVE"])
    same(steady(service)["taskDefinition"], other)
    same({it["taskDefinitionArn"] for it in tasks_of(service)}, {other})


@line("ECS-svc", "forceNewDeployment is a new deployment")
def _():
    service = create()
    before = steady(service)["deployments"][0]["id"]
    update(service, forceNewDeployment=True)
    assert steady(service)["deployments"][0]["id"] != before


@line("ECS-svc", "a stopped task says why, and another takes its place")
def _():
    service = create()
    steady(service)
    task = tasks_of(service)[0]["taskArn"]
    ecs.stop_task(cluster=cluster(), task=task, reason="by hand")
    look = lambda: ecs.describe_tasks(cluster=cluster(), tasks=[task])["tasks"][0]
    until(lambda: look()["lastStatus"] == "STOPPED", "a stopped task")
    same((look()["stoppedReason"], look()["stopCode"]), ("by hand", "UserInitiated"))
    until(lambda: [it for it in tasks_of(service) if it["lastStatus"] == "RUNNING" and it["taskArn"] != task], "another task")


@line("ECS-svc", "ListServices in pages; a batch of ten described")
def _():
    name = own_cluster()
    arn = register()
    made = [create(cluster=name, taskDefinition=arn, desiredCount=0)["serviceArn"] for _ in range(10)]
    same(sorted(pages(ecs.list_services, "serviceArns", cluster=name, maxResults=1)), sorted(made))
    shown = ecs.describe_services(cluster=name, services=made)["services"]
    same(sorted(it["serviceArn"] for it in shown), sorted(made))


@line("ECS-svc", "tags of a service: added, removed, listed")
def _():
    arn = create(desiredCount=0, tags=[{"key": "a", "value": "1"}])["serviceArn"]
    ecs.tag_resource(resourceArn=arn, tags=[{"key": "b", "value": "2"}])
    ecs.untag_resource(resourceArn=arn, tagKeys=["a"])
    same(ecs.list_tags_for_resource(resourceArn=arn)["tags"], [{"key": "b", "value": "2"}])


def connected(port="http"):
    _, name = namespace()
    alias = {"portName": port, "discoveryName": "web", "clientAliases": [{"port": 80, "dnsName": "web"}]}
    return name, {"enabled": True, "namespace": name, "services": [alias]}


@line("ECS-svc", "a Service Connect configuration is shown by the deployment; ListServicesByNamespace")
def _():
    name, connect = connected()
    service = create(serviceConnectConfiguration=connect)
    shown = described(service)["deployments"][0]["serviceConnectConfiguration"]
    same((shown["enabled"], shown["services"][0]["portName"]), (True, "http"))
    same(ecs.list_services_by_namespace(namespace=name)["serviceArns"], [service["serviceArn"]])


@line("ECS-svc", "a Service Connect port that the task definition does not name is refused")
def _():
    _, connect = connected("nobody")
    refused("InvalidParameterException", lambda: create(serviceConnectConfiguration=connect))


@line("ECS-svc", "a task of one's own runs; the same client token runs it once")
def _():
    asked = {
        "cluster": cluster(), "taskDefinition": register(), "launchType": "FARGATE", "networkConfiguration": awsvpc(),
        "clientToken": fresh("token"), "startedBy": "matrix",
    }
    task = ecs.run_task(**asked)["tasks"][0]["taskArn"]
    same(ecs.run_task(**asked)["tasks"][0]["taskArn"], task)
    until(lambda: ecs.describe_tasks(cluster=cluster(), tasks=[task])["tasks"][0]["lastStatus"] == "RUNNING", "a running task")


@line("ECS-svc", "Express Mode: an Express service, or a clean refusal")
def _():
    asked = {"executionRoleArn": execution(), "infrastructureRoleArn": role("ecs.amazonaws.com"), "primaryContainer": {"image": "nginx:1"}}
    try:
        made = ecs.create_express_gateway_service(**asked)["service"]
        assert made["serviceArn"], made
    except ClientError as error:
        known = ("UnsupportedFeatureException", "UnknownOperationException", "InvalidAction", "AccessDeniedException")
        assert error.response["Error"]["Code"] in known, error


@line("ECS-svc", "PutAccountSetting and ListAccountSettings")
def _():
    ecs.put_account_setting(name="containerInsights", value="enabled")
    shown = ecs.list_account_settings(name="containerInsights", effectiveSettings=True)["settings"]
    same((shown[0]["name"], shown[0]["value"]), ("containerInsights", "enabled"))
    ecs.put_account_setting(name="containerInsights", value="disabled")


@line("ECS-svc", "maximumPercent below minimumHealthyPercent is refused")
def _():
    percents = {"maximumPercent": 50, "minimumHealthyPercent": 100}
    refused("InvalidParameterException", lambda: create(deploymentConfiguration=percents))


@line("ECS-svc", "DeleteService of running tasks without force is refused")
def _():
    service = create()
    where = {"cluster": cluster(), "service": service["serviceName"]}
    refused("InvalidParameterException", lambda: ecs.delete_service(**where))


@line("ECS-svc", "DeleteService with force: DRAINING, then INACTIVE, both described")
def _():
    service = create()
    steady(service)
    answer = ecs.delete_service(cluster=cluster(), service=service["serviceName"], force=True)["service"]
    same((answer["status"], described(service)["status"]), ("DRAINING", "DRAINING"))
    until(lambda: described(service)["status"] == "INACTIVE", "an inactive service")


@line("ECS-svc", "UpdateService of an INACTIVE one: ServiceNotActiveException; DeleteService of nobody: ServiceNotFoundException")
def _():
    service = create(desiredCount=0)
    ecs.delete_service(cluster=cluster(), service=service["serviceName"])
    until(lambda: described(service)["status"] == "INACTIVE", "an inactive service")
    refused("ServiceNotActiveException", lambda: update(service, desiredCount=1))
    refused("ServiceNotFoundException", lambda: ecs.delete_service(cluster=cluster(), service="nobody"))


@line("ECS-svc", "a deleted name is free again")
def _():
    service = create(desiredCount=0)
    ecs.delete_service(cluster=cluster(), service=service["serviceName"])
    until(lambda: described(service)["status"] == "INACTIVE", "an inactive service")
    again = create(name=service["serviceName"], desiredCount=0)
    same((again["status"], described(again)["status"]), ("ACTIVE", "ACTIVE"))


def front():
    """(blue, green, production rule, its role)"""
    blue, green = (group(HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2) for _ in range(2))
    made = rule(listener(group()), 10, weighted((blue, 1), (green, 0)))
    return blue, green, made, role("ecs.amazonaws.com")


def two_sided(configuration, image="nginx:1"):
    blue, green, production, arn = front()
    advanced = {"alternateTargetGroupArn": green, "productionListenerRule": production, "roleArn": arn}
    both = behind(blue, advancedConfiguration=advanced)
    service = create(taskDefinition=register(containers=[container(image)]), loadBalancers=[both], deploymentConfiguration=configuration)
    return service, blue, green, production


def latest(service):
    where = {"cluster": service["clusterArn"], "service": service["serviceName"]}
    brief = ecs.list_service_deployments(**where)["serviceDeployments"][0]
    arn = brief["serviceDeploymentArn"]
    return ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0]


def ended(service, status="SUCCESSFUL"):
    return until(lambda: latest(service) if latest(service)["status"] == status else None, status)


@line("ECS-dep", "BLUE_GREEN with bake time, hooks and advanced configuration reads back")
def _():
    hook = {"hookTargetArn": "arn:aws:lambda:us-east-1:000000000000:function:check", "roleArn": role("ecs.amazonaws.com"),
            "lifecycleStages": ["POST_TEST_TRAFFIC_SHIFT"]}
    asked = {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5, "lifecycleHooks": [hook]}
    service, _, green, production = two_sided(asked)
    shown = described(service)
    same((shown["deploymentConfiguration"]["strategy"], shown["deploymentConfiguration"]["bakeTimeInMinutes"]), ("BLUE_GREEN", 5))
    holds(shown["deploymentConfiguration"]["lifecycleHooks"][0], hook)
    holds(shown["loadBalancers"][0]["advancedConfiguration"], {"alternateTargetGroupArn": green, "productionListenerRule": production})


@line("ECS-dep", "LINEAR and CANARY configurations read back")
def _():
    linear = {"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 25.0, "stepBakeTimeInMinutes": 1}}
    canary = {"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 5.0, "canaryBakeTimeInMinutes": 1}}
    for asked in (linear, canary):
        service, *_ = two_sided(asked)
        holds(described(service)["deploymentConfiguration"], asked)


@line("ECS-dep", "a blue/green update goes through its lifecycle stages and moves the rule's weights")
def _():
    service, blue, green, production = two_sided({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1})
    ended(service)
    update(service, taskDefinition=register(containers=[container("nginx:2")]))
    stages = set()
    until(lambda: stages.add(latest(service).get("lifecycleStage")) or latest(service)["status"] == "SUCCESSFUL", "its end")
    assert {"SCALE_UP", "BAKE_TIME"} <= stages, stages
    shown = elb.describe_rules(RuleArns=[production])["Rules"][0]["Actions"][0]["ForwardConfig"]["TargetGroups"]
    weights = {it["TargetGroupArn"]: it["Weight"] for it in shown}
    same((weights[blue], weights[green] > 0), (0, True))


@line("ECS-dep", "service deployments: listed, described with revisions and status")
def _():
    service = create()
    steady(service)
    other = register(containers=[container("nginx:2")])
    update(service, taskDefinition=other)
    shown = ended(service)
    assert shown["targetServiceRevision"]["arn"] != shown["sourceServiceRevisions"][0]["arn"], shown
    same(shown["targetServiceRevision"]["runningTaskCount"], 1)
    where = {"cluster": cluster(), "service": service["serviceName"]}
    same(len(ecs.list_service_deployments(**where)["serviceDeployments"]), 2)


@line("ECS-dep", "service revisions: the images, load balancers and network that were deployed")
def _():
    service, blue, *_ = two_sided({"strategy": "ROLLING"})
    arn = latest(service)["targetServiceRevision"]["arn"]
    shown = ecs.describe_service_revisions(serviceRevisionArns=[arn])["serviceRevisions"][0]
    same((shown["containerImages"][0]["image"], shown["loadBalancers"][0]["targetGroupArn"]), ("nginx:1", blue))
    assert shown["networkConfiguration"]["awsvpcConfiguration"]["subnets"], shown


@line("ECS-dep", "DescribeServices names the current service deployment and revisions")
def _():
    service = create()
    shown = described(service)
    same(shown["currentServiceDeployment"], latest(service)["serviceDeploymentArn"])
    steady(service)
    same(described(service)["currentServiceRevisions"][0]["arn"], latest(service)["targetServiceRevision"]["arn"])


@line("ECS-dep", "StopServiceDeployment rolls back")
def _():
    service = create()
    steady(service)
    before = described(service)["taskDefinition"]
    update(service, taskDefinition=register(containers=[container("slow-start:1")]))
    ecs.stop_service_deployment(serviceDeploymentArn=latest(service)["serviceDeploymentArn"], stopType="ROLLBACK")
    ended(service, "ROLLBACK_SUCCESSFUL")
    same(described(service)["taskDefinition"], before)


@line("ECS-dep", "CODE_DEPLOY refuses a new task definition; EXTERNAL has task sets")
def _():
    target = group()
    listener(target)
    service = create(loadBalancers=[behind(target)], deploymentController={"type": "CODE_DEPLOY"})
    refused("InvalidParameterException", lambda: update(service, taskDefinition=register()))
    outside = ecs.create_service(cluster=cluster(), serviceName=fresh("outside"), desiredCount=2, deploymentController={"type": "EXTERNAL"})
    where = {"cluster": cluster(), "service": outside["service"]["serviceName"]}
    half = {"unit": "PERCENT", "value": 50.0}
    made = ecs.create_task_set(
        **where, taskDefinition=register(), launchType="FARGATE", networkConfiguration=awsvpc(), scale=half
    )["taskSet"]
    look = lambda: ecs.describe_task_sets(**where, taskSets=[made["id"]])["taskSets"][0]
    until(lambda: look()["stabilityStatus"] == "STEADY_STATE", "a steady task set")
    same((look()["computedDesiredCount"], look()["runningCount"]), (1, 1))


@line("ECS-dep", "an image that cannot be pulled breaks the circuit, and the deployment is rolled back")
def _():
    service = create(deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}})
    before = steady(service)["taskDefinition"]
    update(service, taskDefinition=register(containers=[container("registry.example.com/pull-error:1")]))
    ended(service, "ROLLBACK_SUCCESSFUL")
    same(described(service)["taskDefinition"], before)
