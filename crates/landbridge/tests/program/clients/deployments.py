"""Deployments as boto3 sees them: rolling, a broken one, blue/green and canary, with AWS's own waiters.

The endpoint, the Region and credentials come from the environment. It says what it saw; a wrong answer ends it.
"""

import json
import time

import boto3

ecs, elb, iam = boto3.client("ecs"), boto3.client("elbv2"), boto3.client("iam")
FAST = {"Delay": 1, "MaxAttempts": 90}
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60001"], "securityGroups": ["sg-0a1b2c3d4e5f60001"]}}
BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}


def register(image):
    container = {"name": "web", "image": image, "portMappings": [{"containerPort": 80}]}
    answer = ecs.register_task_definition(
        family="web", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
        containerDefinitions=[container],
    )
    return answer["taskDefinition"]["taskDefinitionArn"]


def create(name, definition, configuration, **more):
    ecs.create_service(
        cluster="prod", serviceName=name, taskDefinition=definition, desiredCount=2, launchType="FARGATE",
        networkConfiguration=NETWORK, deploymentConfiguration=configuration, **more,
    )
    ecs.get_waiter("services_stable").wait(cluster="prod", services=[name], WaiterConfig=FAST)


def described(name):
    return ecs.describe_services(cluster="prod", services=[name])["services"][0]


def update(name, definition):
    return ecs.update_service(cluster="prod", service=name, taskDefinition=definition)["service"]


def runs_only(name, definition):
    service = described(name)
    assert [it["rolloutState"] for it in service["deployments"]] == ["COMPLETED"], service["deployments"]
    assert service["taskDefinition"] == definition and service["runningCount"] == 2, service
    tasks = ecs.list_tasks(cluster="prod", serviceName=name)["taskArns"]
    ecs.get_waiter("tasks_running").wait(cluster="prod", tasks=tasks, WaiterConfig=FAST)
    tasks = ecs.describe_tasks(cluster="prod", tasks=tasks)["tasks"]
    assert {task["taskDefinitionArn"] for task in tasks} == {definition}, tasks


def stages_of(name, look):
    """Follows the newest deployment of a service to its end; the stages it went through, and what `look` saw."""
    stages, seen = [], []
    while True:
        brief = ecs.list_service_deployments(cluster="prod", service=name)["serviceDeployments"][0]
        arn = brief["serviceDeploymentArn"]
        deployment = ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0]
        stage = deployment.get("lifecycleStage")
        if stage and (not stages or stages[-1] != stage):
            stages.append(stage)
        saw = look()
        if not seen or seen[-1] != saw:
            seen.append(saw)
        if deployment["status"] in ("SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"):
            return deployment["status"], stages, seen
        time.sleep(0.05)


def rolling(one, two, broken):
    create("rolling", one, BREAKER)
    update("rolling", two)
    assert [it["status"] for it in described("rolling")["deployments"]] == ["PRIMARY", "ACTIVE"]
    ecs.get_waiter("services_stable").wait(cluster="prod", services=["rolling"], WaiterConfig=FAST)
    runs_only("rolling", two)
    print("rolling: the new revision runs alone")
    update("rolling", broken)
    status, _, _ = stages_of("rolling", lambda: None)
    assert status == "ROLLBACK_SUCCESSFUL", status
    ecs.get_waiter("services_stable").wait(cluster="prod", services=["rolling"], WaiterConfig=FAST)
    runs_only("rolling", two)
    print("rolling: an image that cannot be pulled is rolled back")


def front():
    """A load balancer with a rule that spreads what it gets over two target groups."""
    balancer = elb.create_load_balancer(Name="web", Subnets=["subnet-0a1b2c3d4e5f60001", "subnet-0a1b2c3d4e5f60002"])
    balancer = balancer["LoadBalancers"][0]["LoadBalancerArn"]
    groups = []
    for name in ("blue", "green"):
        group = elb.create_target_group(
            Name=name, Protocol="HTTP", Port=80, VpcId="vpc-0a1b2c3d4e5f60001", TargetType="ip",
            HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2,
        )
        groups.append(group["TargetGroups"][0]["TargetGroupArn"])
    nothing = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    listener = elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[nothing])
    spread = {"TargetGroups": [{"TargetGroupArn": groups[0], "Weight": 1}, {"TargetGroupArn": groups[1], "Weight": 0}]}
    rule = elb.create_rule(
        ListenerArn=listener["Listeners"][0]["ListenerArn"], Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/*"]}], Actions=[{"Type": "forward", "ForwardConfig": spread}],
    )
    return groups, rule["Rules"][0]["RuleArn"]


def moves_traffic(strategy, settings, one, two):
    groups, rule = front()
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=strategy, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}))
    balancer = {
        "targetGroupArn": groups[0], "containerName": "web", "containerPort": 80,
        "advancedConfiguration": {
            "alternateTargetGroupArn": groups[1], "productionListenerRule": rule, "roleArn": role["Role"]["Arn"],
        },
    }
    name = strategy.lower().replace("_", "-")
    create(name, one, {"strategy": strategy, **settings}, loadBalancers=[balancer], healthCheckGracePeriodSeconds=5)

    def weights():
        spread = elb.describe_rules(RuleArns=[rule])["Rules"][0]["Actions"][0]["ForwardConfig"]["TargetGroups"]
        return tuple(next(it["Weight"] for it in spread if it["TargetGroupArn"] == group) for group in groups)

    # The waiter looks at counts of tasks; a deployment that is watched (bake time) is not over then.
    status, _, seen = stages_of(name, weights)
    assert status == "SUCCESSFUL" and set(seen) == {(100, 0)}, (status, seen)
    before = weights()
    update(name, two)
    status, stages, seen = stages_of(name, weights)
    assert status == "SUCCESSFUL", status
    ecs.get_waiter("services_stable").wait(cluster="prod", services=[name], WaiterConfig=FAST)
    runs_only(name, two)
    assert seen[0] == before and seen[-1] == before[::-1], seen
    print(f"{name}: stages {' '.join(stages)}")
    print(f"{name}: weights {seen}")
    delete(name)
    clear(rule)
    return stages, seen


def delete(name):
    ecs.update_service(cluster="prod", service=name, desiredCount=0)
    ecs.delete_service(cluster="prod", service=name)
    ecs.get_waiter("services_inactive").wait(cluster="prod", services=[name], WaiterConfig=FAST)


def clear(rule):
    elb.delete_rule(RuleArn=rule)
    for balancer in elb.describe_load_balancers()["LoadBalancers"]:
        elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    for group in elb.describe_target_groups()["TargetGroups"]:
        elb.delete_target_group(TargetGroupArn=group["TargetGroupArn"])


def main():
    ecs.create_cluster(clusterName="prod")
    one, two, broken = register("nginx:1"), register("nginx:2"), register("nginx:pull-error")
    rolling(one, two, broken)
    delete("rolling")
    stages, _ = moves_traffic("BLUE_GREEN", {"bakeTimeInMinutes": 1}, one, two)
    assert "BAKE_TIME" in stages and "PRODUCTION_TRAFFIC_SHIFT" in stages, stages
    canary = {"bakeTimeInMinutes": 1, "canaryConfiguration": {"canaryPercent": 20, "canaryBakeTimeInMinutes": 1}}
    _, seen = moves_traffic("CANARY", canary, one, two)
    assert (80, 20) in seen, seen
    linear = {"bakeTimeInMinutes": 1, "linearConfiguration": {"stepPercent": 50, "stepBakeTimeInMinutes": 1}}
    _, seen = moves_traffic("LINEAR", linear, one, two)
    assert (50, 50) in seen, seen
    ecs.delete_cluster(cluster="prod")
    print("everything is gone")


main()
