"""What an emulator of AWS must do for programs that run containers, line by line, as boto3 sees it.

    python matrix [--json FILE] [--only TEXT]

The endpoint, the Region and credentials come from the environment. Each line stands alone: it makes what it needs under names
of its own, and passes only if everything in it is as AWS documents it.
"""

import itertools
import json
import os
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=20, inject_host_prefix=False)
PATIENCE = float(os.environ.get("PATIENCE", "20"))
LINES = []
NUMBERS = itertools.count(1)


def client(service):
    return boto3.client(service, config=ONCE)


ec2, sts, iam, logs = client("ec2"), client("sts"), client("iam"), client("logs")
elb, sd, events, sqs = client("elbv2"), client("servicediscovery"), client("events"), client("sqs")
ecs, scaling, route53 = client("ecs"), client("application-autoscaling"), client("route53")
codedeploy, secrets, ssm, eks = client("codedeploy"), client("secretsmanager"), client("ssm"), client("eks")
quotas, ecr, cloudwatch = client("service-quotas"), client("ecr"), client("cloudwatch")
tagging = client("resourcegroupstaggingapi")


def line(area, text):
    def keep(test):
        LINES.append((area, text, test))
        return test

    return keep


def fresh(name):
    return f"{name}-{next(NUMBERS)}"


def refused(codes, call, says=""):
    """The call is refused with one of these codes."""
    try:
        answer = call()
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        assert code in codes.split("|"), f"refused with {code}: {message}"
        assert says.lower() in message.lower(), f"says {message!r}"
        return error.response
    raise AssertionError(f"not refused: {str(answer)[:200]}")


def until(look, why):
    """Looks until it holds; what it then saw."""
    end = time.monotonic() + PATIENCE
    while True:
        saw = look()
        if saw:
            return saw
        assert time.monotonic() < end, f"never: {why}"
        time.sleep(0.05)


def same(saw, wanted):
    assert saw == wanted, f"{saw!r}, not {wanted!r}"


def holds(shown, wanted):
    """Everything wanted is shown, at any depth."""
    for key, value in wanted.items():
        assert key in shown, f"{key} is not shown"
        if isinstance(value, dict):
            holds(shown[key], value)
        else:
            same(shown[key], value)


# What checks share: a network, roles and a cluster, made once.


class Once:
    def __init__(self, make):
        self.make, self.made = make, None

    def __call__(self):
        if self.made is None:
            self.made = (self.make(),)
        return self.made[0]


@Once
def network():
    """(VPC, two subnets, security group)"""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    zones = [zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=zones[n])["Subnet"]["SubnetId"]
        for n in range(2)
    ]
    group = ec2.create_security_group(GroupName=fresh("tasks"), Description="tasks", VpcId=vpc)["GroupId"]
    return vpc, subnets, group


def trust(service):
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def role(service="ecs-tasks.amazonaws.com"):
    return iam.create_role(RoleName=fresh("role"), AssumeRolePolicyDocument=trust(service))["Role"]["Arn"]


@Once
def execution():
    return role()


@Once
def cluster():
    name = fresh("shared")
    ecs.create_cluster(clusterName=name)
    return name


def awsvpc(subnets=None, groups=None):
    _, shared, group = network()
    subnets, groups = subnets or shared, groups or [group]
    return {"awsvpcConfiguration": {"subnets": subnets, "securityGroups": groups, "assignPublicIp": "DISABLED"}}


def container(image="nginx:1", **more):
    return {"name": "web", "image": image, "portMappings": [{"containerPort": 80, "name": "http"}], **more}


def definition(family=None, containers=None, **more):
    fields = {
        "family": family or fresh("app"), "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
        "memory": "512", "containerDefinitions": containers or [container()], **more,
    }
    return {key: value for key, value in fields.items() if value is not None}


def register(**more):
    return ecs.register_task_definition(**definition(**more))["taskDefinition"]["taskDefinitionArn"]


def service_of(name=None, **more):
    fields = {
        "cluster": cluster(), "serviceName": name or fresh("svc"), "desiredCount": 1, "launchType": "FARGATE",
        "networkConfiguration": awsvpc(), **more,
    }
    if "taskDefinition" not in fields:
        fields["taskDefinition"] = register()
    return {key: value for key, value in fields.items() if value is not None}


def create(**more):
    return ecs.create_service(**service_of(**more))["service"]


def described(service, **more):
    where = {"cluster": service["clusterArn"], "services": [service["serviceName"]]}
    return ecs.describe_services(**where, **more)["services"][0]


def is_steady(service):
    shown = described(service)
    done = len(shown["deployments"]) == 1 and shown["deployments"][0].get("rolloutState") == "COMPLETED"
    return shown if done and shown["runningCount"] == shown["desiredCount"] else None


def steady(service):
    return until(lambda: is_steady(service), "a steady service")


def update(service, **more):
    return ecs.update_service(cluster=service["clusterArn"], service=service["serviceName"], **more)["service"]


def tasks_of(service, **more):
    arns = ecs.list_tasks(cluster=service["clusterArn"], serviceName=service["serviceName"], **more)["taskArns"]
    return ecs.describe_tasks(cluster=service["clusterArn"], tasks=arns, include=["TAGS"])["tasks"] if arns else []


def group(**more):
    vpc, _, _ = network()
    fields = {"Name": fresh("tg"), "Protocol": "HTTP", "Port": 80, "VpcId": vpc, "TargetType": "ip", **more}
    return elb.create_target_group(**fields)["TargetGroups"][0]["TargetGroupArn"]


def balancer():
    _, subnets, security = network()
    made = elb.create_load_balancer(Name=fresh("lb"), Subnets=subnets, SecurityGroups=[security])["LoadBalancers"][0]
    return made["LoadBalancerArn"]


def listener(target, port=80):
    forward = [{"Type": "forward", "TargetGroupArn": target}]
    made = elb.create_listener(LoadBalancerArn=balancer(), Protocol="HTTP", Port=port, DefaultActions=forward)
    return made["Listeners"][0]["ListenerArn"]


def weighted(*groups_and_weights):
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in groups_and_weights]
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]


def rule(arn, priority, actions):
    conditions = [{"Field": "path-pattern", "Values": [f"/{priority}/*"]}]
    made = elb.create_rule(ListenerArn=arn, Priority=priority, Conditions=conditions, Actions=actions)
    return made["Rules"][0]["RuleArn"]


def behind(target, **more):
    return {"targetGroupArn": target, "containerName": "web", "containerPort": 80, **more}


def namespace(kind="http"):
    name = fresh("ns") + ".internal"
    if kind == "http":
        operation = sd.create_http_namespace(Name=name)["OperationId"]
    else:
        operation = sd.create_private_dns_namespace(Name=name, Vpc=network()[0])["OperationId"]
    done = until(lambda: finished(operation), "a namespace")
    same(done["Status"], "SUCCESS")
    return done["Targets"]["NAMESPACE"], name


def finished(operation):
    shown = sd.get_operation(OperationId=operation)["Operation"]
    return shown if shown["Status"] in ("SUCCESS", "FAIL") else None


def discovery(space, **more):
    return sd.create_service(Name=fresh("web"), NamespaceId=space, **more)["Service"]


def queue(rule_arn=None):
    url = sqs.create_queue(QueueName=fresh("queue"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [policy]})})
    return url, arn


def heard(pattern):
    """A queue that gets what the pattern matches."""
    url, arn = queue()
    name = fresh("rule")
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    return url, name, arn


def receive(url):
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for message in got:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [json.loads(message["Body"]) for message in got]


def pages(operation, key, **arguments):
    """Everything of a listing with pages of one."""
    everything, token, count = [], {}, 0
    while True:
        answer = operation(**arguments, **token)
        same(len(answer[key]) <= 1, True)
        everything += answer[key]
        count += 1
        if not answer.get("nextToken"):
            return everything
        assert count < 50, "pages without end"
        token = {"nextToken": answer["nextToken"]}
