"""The lines about what is around ECS."""

from bench import *  # noqa: F403


@line("EC2", "create and describe a VPC, subnets by filter, a security group")
def _():
    vpc, subnets, security = network()
    found = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    same(sorted(it["SubnetId"] for it in found), sorted(subnets))
    same(ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["CidrBlock"], "10.0.0.0/16")
    same(ec2.describe_security_groups(GroupIds=[security])["SecurityGroups"][0]["VpcId"], vpc)


@line("EC2", "security group rules: authorize, describe, duplicate refused, revoke, tags")
def _():
    made = ec2.create_security_group(GroupName=fresh("rules"), Description="x", VpcId=network()[0])["GroupId"]
    http = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]
    given = ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=http)["SecurityGroupRules"][0]
    refused("InvalidPermission.Duplicate", lambda: ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=http))
    by_group = [{"Name": "group-id", "Values": [made]}]
    shown = ec2.describe_security_group_rules(Filters=by_group)["SecurityGroupRules"]
    assert given["SecurityGroupRuleId"] in [it["SecurityGroupRuleId"] for it in shown], shown
    ec2.create_tags(Resources=[made], Tags=[{"Key": "team", "Value": "shop"}])
    same(ec2.describe_security_groups(GroupIds=[made])["SecurityGroups"][0]["Tags"], [{"Key": "team", "Value": "shop"}])
    ec2.revoke_security_group_ingress(GroupId=made, IpPermissions=http)
    shown = ec2.describe_security_group_rules(Filters=by_group)["SecurityGroupRules"]
    assert all(it["IsEgress"] for it in shown), shown
    ec2.delete_security_group(GroupId=made)


@line("EC2", "what is not there: InvalidGroup.NotFound, InvalidVpcID.NotFound, InvalidSubnetID.NotFound")
def _():
    refused("InvalidGroup.NotFound", lambda: ec2.describe_security_groups(GroupIds=["sg-00000000000000001"]))
    refused("InvalidVpcID.NotFound", lambda: ec2.describe_vpcs(VpcIds=["vpc-00000000000000001"]))
    refused("InvalidSubnetID.NotFound", lambda: ec2.describe_subnets(SubnetIds=["subnet-00000000000000001"]))


@line("STS", "GetCallerIdentity")
def _():
    shown = sts.get_caller_identity()
    assert len(shown["Account"]) == 12 and shown["Account"] in shown["Arn"], shown


@line("STS", "AssumeRole gives credentials; an unknown role is refused")
def _():
    account = sts.get_caller_identity()["Account"]
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn = iam.create_role(RoleName=fresh("role"), AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    given = sts.assume_role(RoleArn=arn, RoleSessionName="matrix")["Credentials"]
    assert given["AccessKeyId"].startswith("ASIA") and given["SessionToken"], given
    unknown = arn.rsplit("/", 1)[0] + "/nobody"
    refused("AccessDenied", lambda: sts.assume_role(RoleArn=unknown, RoleSessionName="matrix"))


@line("IAM", "CreateRole keeps path, description, session duration, boundary and tags")
def _():
    account, name = sts.get_caller_identity()["Account"], fresh("role")
    everything = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    boundary = iam.create_policy(PolicyName=fresh("boundary"), PolicyDocument=everything)["Policy"]["Arn"]
    iam.create_role(
        RoleName=name, Path="/shop/", Description="d", MaxSessionDuration=7200, PermissionsBoundary=boundary,
        Tags=[{"Key": "a", "Value": "b"}], AssumeRolePolicyDocument=trust("ecs-tasks.amazonaws.com"),
    )
    shown = iam.get_role(RoleName=name)["Role"]
    holds(shown, {"Path": "/shop/", "Description": "d", "MaxSessionDuration": 7200, "Tags": [{"Key": "a", "Value": "b"}]})
    same(shown["PermissionsBoundary"]["PermissionsBoundaryArn"], boundary)
    same(shown["Arn"], f"arn:aws:iam::{account}:role/shop/{name}")


@line("IAM", "a second CreateRole: EntityAlreadyExists")
def _():
    name = role().rsplit("/", 1)[1]
    again = {"RoleName": name, "AssumeRolePolicyDocument": trust("ecs-tasks.amazonaws.com")}
    refused("EntityAlreadyExists", lambda: iam.create_role(**again))


@line("IAM", "GetRole and DeleteRole of nobody: NoSuchEntity")
def _():
    refused("NoSuchEntity", lambda: iam.get_role(RoleName="nobody"))
    refused("NoSuchEntity", lambda: iam.delete_role(RoleName="nobody"))


@line("IAM", "documents that are no JSON: MalformedPolicyDocument")
def _():
    refused("MalformedPolicyDocument", lambda: iam.create_role(RoleName=fresh("role"), AssumeRolePolicyDocument="{"))
    name = role().rsplit("/", 1)[1]
    put = {"RoleName": name, "PolicyName": "p", "PolicyDocument": "not json"}
    refused("MalformedPolicyDocument", lambda: iam.put_role_policy(**put))


@line("IAM", "UpdateRole, UpdateAssumeRolePolicy, permissions boundary put and deleted")
def _():
    name = role().rsplit("/", 1)[1]
    iam.update_role(RoleName=name, Description="new", MaxSessionDuration=3600)
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust("ec2.amazonaws.com"))
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess")
    shown = iam.get_role(RoleName=name)["Role"]
    same(shown["Description"], "new")
    same(shown["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"], "ec2.amazonaws.com")
    assert "PermissionsBoundary" in shown, shown
    iam.delete_role_permissions_boundary(RoleName=name)
    assert "PermissionsBoundary" not in iam.get_role(RoleName=name)["Role"]


READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}


@line("IAM", "inline policies: put, get, list, delete")
def _():
    name = role().rsplit("/", 1)[1]
    iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=json.dumps(READ))
    same(iam.get_role_policy(RoleName=name, PolicyName="read")["PolicyDocument"], READ)
    same(iam.list_role_policies(RoleName=name)["PolicyNames"], ["read"])
    iam.delete_role_policy(RoleName=name, PolicyName="read")
    same(iam.list_role_policies(RoleName=name)["PolicyNames"], [])


@line("IAM", "customer and AWS managed policies: attach, list, detach")
def _():
    name = role().rsplit("/", 1)[1]
    own = iam.create_policy(PolicyName=fresh("policy"), PolicyDocument=json.dumps(READ))["Policy"]["Arn"]
    aws = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    for arn in (own, aws):
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    shown = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    same(sorted(it["PolicyArn"] for it in shown), sorted([own, aws]))
    iam.detach_role_policy(RoleName=name, PolicyArn=own)
    refused("NoSuchEntity", lambda: iam.detach_role_policy(RoleName=name, PolicyArn=own))


@line("IAM", "role tags; ListRoles by path with pages")
def _():
    for _ in range(2):
        name = fresh("role")
        iam.create_role(RoleName=name, Path="/paged/", AssumeRolePolicyDocument=trust("ecs-tasks.amazonaws.com"))
    iam.tag_role(RoleName=name, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.untag_role(RoleName=name, TagKeys=["a"])
    same(iam.list_role_tags(RoleName=name)["Tags"], [{"Key": "b", "Value": "2"}])
    first = iam.list_roles(PathPrefix="/paged/", MaxItems=1)
    same((len(first["Roles"]), first["IsTruncated"]), (1, True))
    rest = iam.list_roles(PathPrefix="/paged/", Marker=first["Marker"])
    same((len(rest["Roles"]), rest["IsTruncated"]), (1, False))


@line("IAM", "an OIDC provider for IRSA")
def _():
    url = f"https://oidc.eks.example.com/id/{fresh('X')}"
    arn = iam.create_open_id_connect_provider(Url=url, ClientIDList=["sts.amazonaws.com"], ThumbprintList=["a" * 40])
    shown = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn["OpenIDConnectProviderArn"])
    same((shown["Url"], shown["ClientIDList"]), (url.removeprefix("https://"), ["sts.amazonaws.com"]))


@line("IAM", "DeleteRole with an inline policy: DeleteConflict; then it goes")
def _():
    name = role().rsplit("/", 1)[1]
    iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=json.dumps(READ))
    refused("DeleteConflict", lambda: iam.delete_role(RoleName=name))
    iam.delete_role_policy(RoleName=name, PolicyName="read")
    iam.delete_role(RoleName=name)
    refused("NoSuchEntity", lambda: iam.get_role(RoleName=name))


@line("IAM", "SimulatePrincipalPolicy")
def _():
    arn = role()
    iam.put_role_policy(RoleName=arn.rsplit("/", 1)[1], PolicyName="read", PolicyDocument=json.dumps(READ))
    answer = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["s3:GetObject", "s3:PutObject"])
    decisions = {it["EvalActionName"]: it["EvalDecision"] for it in answer["EvaluationResults"]}
    same(decisions, {"s3:GetObject": "allowed", "s3:PutObject": "implicitDeny"})


@line("Logs", "a log group: create, duplicate, retention, describe, tags, delete")
def _():
    name = f"/ecs/{fresh('group')}"
    logs.create_log_group(logGroupName=name, tags={"a": "b"})
    refused("ResourceAlreadyExistsException", lambda: logs.create_log_group(logGroupName=name))
    logs.put_retention_policy(logGroupName=name, retentionInDays=30)
    refused("InvalidParameterException", lambda: logs.put_retention_policy(logGroupName=name, retentionInDays=31))
    shown = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]
    same(shown["retentionInDays"], 30)
    same(logs.list_tags_for_resource(resourceArn=shown["logGroupArn"])["tags"], {"a": "b"})
    logs.delete_log_group(logGroupName=name)
    refused("ResourceNotFoundException", lambda: logs.delete_log_group(logGroupName=name))


@line("ELBv2", "CreateLoadBalancer becomes active; attributes; by name")
def _():
    arn = balancer()
    look = lambda: elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]
    until(lambda: look()["State"]["Code"] == "active", "an active load balancer")
    idle = {"Key": "idle_timeout.timeout_seconds", "Value": "30"}
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[idle])
    assert idle in elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    name = look()["LoadBalancerName"]
    same(elb.describe_load_balancers(Names=[name])["LoadBalancers"][0]["LoadBalancerArn"], arn)
    refused("LoadBalancerNotFound", lambda: elb.describe_load_balancers(Names=["nobody"]))


@line("ELBv2", "an ip target group with health check; changed; attributes")
def _():
    arn = group(HealthCheckPath="/up", HealthCheckIntervalSeconds=10, Matcher={"HttpCode": "200-299"})
    elb.modify_target_group(TargetGroupArn=arn, HealthCheckPath="/live", HealthyThresholdCount=2)
    shown = elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]
    wanted = {"HealthCheckPath": "/live", "HealthCheckIntervalSeconds": 10, "HealthyThresholdCount": 2, "TargetType": "ip"}
    holds(shown, wanted)
    delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "10"}
    elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[delay])
    assert delay in elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]


@line("ELBv2", "a rule that forwards by weight; weights change; a priority is taken once")
def _():
    one, two = group(), group()
    arn = listener(one)
    made = rule(arn, 10, weighted((one, 90), (two, 10)))
    elb.modify_rule(RuleArn=made, Actions=weighted((one, 0), (two, 100)))
    shown = elb.describe_rules(RuleArns=[made])["Rules"][0]["Actions"][0]["ForwardConfig"]["TargetGroups"]
    same({it["TargetGroupArn"]: it["Weight"] for it in shown}, {one: 0, two: 100})
    refused("PriorityInUse", lambda: rule(arn, 10, weighted((one, 1))))
    refused("ResourceInUse", lambda: elb.delete_target_group(TargetGroupArn=two))


@line("ELBv2", "targets: register, health, deregister; errors")
def _():
    arn = group()
    elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": "10.0.0.10", "Port": 80}])
    health = lambda: elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    same((health()[0]["TargetHealth"]["State"], health()[0]["TargetHealth"].get("Reason")), ("unused", "Target.NotInUse"))
    elb.deregister_targets(TargetGroupArn=arn, Targets=[{"Id": "10.0.0.10", "Port": 80}])
    until(lambda: not health(), "no target")
    refused("TargetGroupNotFound", lambda: elb.describe_target_health(TargetGroupArn=arn[:-1] + "0"))
    bad = [{"Id": "not-an-address"}]
    refused("ValidationError|InvalidTarget", lambda: elb.register_targets(TargetGroupArn=arn, Targets=bad))


@line("CloudMap", "a private DNS namespace is an operation that takes a while, and has a hosted zone")
def _():
    operation = sd.create_private_dns_namespace(Name=fresh("zone") + ".internal", Vpc=network()[0])["OperationId"]
    assert sd.get_operation(OperationId=operation)["Operation"]["Status"] in ("SUBMITTED", "PENDING"), "done at once"
    done = until(lambda: finished(operation), "the operation")
    shown = sd.get_namespace(Id=done["Targets"]["NAMESPACE"])["Namespace"]
    assert shown["Properties"]["DnsProperties"]["HostedZoneId"].startswith("Z"), shown


@line("CloudMap", "the same CreatorRequestId again is the same operation")
def _():
    asked = {"Name": fresh("again") + ".internal", "Vpc": network()[0], "CreatorRequestId": fresh("id")}
    first = sd.create_private_dns_namespace(**asked)["OperationId"]
    same(sd.create_private_dns_namespace(**asked)["OperationId"], first)


@line("CloudMap", "a name that is taken: ConflictingDomainExists, NamespaceAlreadyExists")
def _():
    _, name = namespace("dns")
    again = lambda: sd.create_private_dns_namespace(Name=name, Vpc=network()[0])
    refused_or_failed("ConflictingDomainExists|NamespaceAlreadyExists", again)
    _, name = namespace("http")
    refused("NamespaceAlreadyExists", lambda: sd.create_http_namespace(Name=name))


def refused_or_failed(codes, call):
    try:
        operation = call()["OperationId"]
    except ClientError as error:
        assert error.response["Error"]["Code"] in codes.split("|"), error
        return
    done = until(lambda: finished(operation), "the operation")
    same(done["Status"], "FAIL")


@line("CloudMap", "HTTP namespaces: filters, pages, a new description")
def _():
    (one, name), _ = namespace(), namespace()
    by_name = [{"Name": "NAME", "Values": [name], "Condition": "EQ"}]
    same([it["Id"] for it in sd.list_namespaces(Filters=by_name)["Namespaces"]], [one])
    first = sd.list_namespaces(MaxResults=1)
    assert len(first["Namespaces"]) == 1 and first["NextToken"], first
    operation = sd.update_http_namespace(Id=one, Namespace={"Description": "new"})["OperationId"]
    until(lambda: finished(operation), "the update")
    same(sd.get_namespace(Id=one)["Namespace"]["Description"], "new")


DNS = {"DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 10}]}, "HealthCheckCustomConfig": {"FailureThreshold": 1}}


@line("CloudMap", "a service with DNS and custom health: create, get, list, update; a taken name")
def _():
    space, _ = namespace("dns")
    made = discovery(space, **DNS)
    shown = sd.get_service(Id=made["Id"])["Service"]
    same((shown["DnsConfig"]["DnsRecords"], shown["DnsConfig"]["RoutingPolicy"]), ([{"Type": "A", "TTL": 10}], "MULTIVALUE"))
    by_space = [{"Name": "NAMESPACE_ID", "Values": [space], "Condition": "EQ"}]
    same([it["Id"] for it in sd.list_services(Filters=by_space)["Services"]], [made["Id"]])
    change = {"Description": "new", "DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 5}]}}
    operation = sd.update_service(Id=made["Id"], Service=change)["OperationId"]
    until(lambda: finished(operation), "the update")
    same(sd.get_service(Id=made["Id"])["Service"]["DnsConfig"]["DnsRecords"][0]["TTL"], 5)
    again = {"Name": made["Name"], "NamespaceId": space, **DNS}
    refused("ServiceAlreadyExists", lambda: sd.create_service(**again))


@line("CloudMap", "instances: register, list, get, discover, custom health, deregister")
def _():
    space, name = namespace("dns")
    made = discovery(space, **DNS)
    attributes = {"AWS_INSTANCE_IPV4": "10.0.0.10", "color": "blue"}
    operation = sd.register_instance(ServiceId=made["Id"], InstanceId="one", Attributes=attributes)["OperationId"]
    same(until(lambda: finished(operation), "the registration")["Status"], "SUCCESS")
    same([it["Id"] for it in sd.list_instances(ServiceId=made["Id"])["Instances"]], ["one"])
    holds(sd.get_instance(ServiceId=made["Id"], InstanceId="one")["Instance"]["Attributes"], attributes)
    find = lambda **more: sd.discover_instances(NamespaceName=name, ServiceName=made["Name"], **more)["Instances"]
    same([(it["InstanceId"], it["HealthStatus"]) for it in find()], [("one", "HEALTHY")])
    same(find(QueryParameters={"color": "green"}), [])
    sd.update_instance_custom_health_status(ServiceId=made["Id"], InstanceId="one", Status="UNHEALTHY")
    until(lambda: find(HealthStatus="UNHEALTHY"), "an unhealthy instance")
    operation = sd.deregister_instance(ServiceId=made["Id"], InstanceId="one")["OperationId"]
    until(lambda: finished(operation), "the deregistration")
    refused("InstanceNotFound", lambda: sd.get_instance(ServiceId=made["Id"], InstanceId="one"))


@line("CloudMap", "DiscoverInstancesRevision; service attributes")
def _():
    space, name = namespace()
    made = discovery(space)
    revision = lambda: sd.discover_instances_revision(NamespaceName=name, ServiceName=made["Name"])["InstancesRevision"]
    before = revision()
    operation = sd.register_instance(ServiceId=made["Id"], InstanceId="one", Attributes={"port": "1"})["OperationId"]
    until(lambda: finished(operation), "the registration")
    until(lambda: revision() > before, "a newer revision")
    sd.update_service_attributes(ServiceId=made["Id"], Attributes={"zone": "a"})
    same(sd.get_service_attributes(ServiceId=made["Id"])["ServiceAttributes"]["Attributes"], {"zone": "a"})


@line("CloudMap", "DeleteNamespace with services: ResourceInUse")
def _():
    space, _ = namespace()
    discovery(space)
    refused("ResourceInUse", lambda: sd.delete_namespace(Id=space))


@line("CloudMap", "teardown: a service, then its namespace by an operation; not found after")
def _():
    space, _ = namespace()
    made = discovery(space)
    sd.delete_service(Id=made["Id"])
    refused("ServiceNotFound", lambda: sd.get_service(Id=made["Id"]))
    operation = sd.delete_namespace(Id=space)["OperationId"]
    until(lambda: finished(operation), "the deletion")
    refused("NamespaceNotFound", lambda: sd.get_namespace(Id=space))


@line("Events", "a queue with a policy, a rule for aws.ecs, its target listed")
def _():
    _, name, arn = heard({"source": ["aws.ecs"]})
    same([it["Arn"] for it in events.list_targets_by_rule(Rule=name)["Targets"]], [arn])
    same(json.loads(events.describe_rule(Name=name)["EventPattern"]), {"source": ["aws.ecs"]})


@line("Events", "PutEvents of one's own reaches the queue")
def _():
    source = fresh("shop")
    url, _, _ = heard({"source": [source]})
    entry = {"Source": source, "DetailType": "sold", "Detail": json.dumps({"n": 1})}
    same(events.put_events(Entries=[entry, {**entry, "Source": "other"}])["FailedEntryCount"], 0)
    got = until(lambda: receive(url), "the event")
    same([(it["detail-type"], it["detail"]) for it in got], [("sold", {"n": 1})])


@line("AAS", "a scalable target, target tracking, step and scheduled scaling; described; deregistered")
def _():
    service = create(desiredCount=1)
    target = {
        "ServiceNamespace": "ecs", "ResourceId": f"service/{cluster()}/{service['serviceName']}",
        "ScalableDimension": "ecs:service:DesiredCount",
    }
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=4)
    tracking = {"TargetValue": 50.0, "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}}
    made = scaling.put_scaling_policy(
        **target, PolicyName="cpu", PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=tracking
    )
    same(len(made["Alarms"]), 2)
    names = [it["AlarmName"] for it in made["Alarms"]]
    same(len(cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]), 2)
    steps = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]}
    scaling.put_scaling_policy(**target, PolicyName="steps", PolicyType="StepScaling", StepScalingPolicyConfiguration=steps)
    scaling.put_scheduled_action(
        **target, ScheduledActionName="night", Schedule="cron(0 22 * * ? *)", ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 1}
    )
    by_id = {"ServiceNamespace": "ecs", "ResourceId": target["ResourceId"]}
    same(len(scaling.describe_scaling_policies(**by_id)["ScalingPolicies"]), 2)
    same(len(scaling.describe_scheduled_actions(**by_id)["ScheduledActions"]), 1)
    scaling.deregister_scalable_target(**target)
    same(scaling.describe_scaling_policies(**by_id)["ScalingPolicies"], [])
    same(cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"], [])


@line("AAS", "a policy without a target: ObjectNotFoundException; minimum above maximum: ValidationException")
def _():
    target = {"ServiceNamespace": "ecs", "ResourceId": "service/none/none", "ScalableDimension": "ecs:service:DesiredCount"}
    steps = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]}
    put = {"PolicyName": "p", "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": steps}
    refused("ObjectNotFoundException", lambda: scaling.put_scaling_policy(**target, **put))
    target["ResourceId"] = f"service/{cluster()}/{create()['serviceName']}"
    register = lambda: scaling.register_scalable_target(**target, MinCapacity=5, MaxCapacity=1)
    refused("ValidationException", register)


@line("Route53", "a zone, weighted records moved by UPSERT, listed; a change that cannot be; deleted")
def _():
    name = fresh("shop") + ".example.com."
    zone = route53.create_hosted_zone(Name=name, CallerReference=fresh("ref"))["HostedZone"]["Id"]

    def record(side, weight, action="UPSERT"):
        fields = {"Name": f"api.{name}", "Type": "CNAME", "TTL": 60, "SetIdentifier": side, "Weight": weight}
        return {"Action": action, "ResourceRecordSet": {**fields, "ResourceRecords": [{"Value": f"{side}.example.com"}]}}

    change = lambda *changes: route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": list(changes)})
    answer = change(record("ecs", 255), record("eks", 0))
    same(answer["ChangeInfo"]["Status"], "PENDING")
    until(lambda: route53.get_change(Id=answer["ChangeInfo"]["Id"])["ChangeInfo"]["Status"] == "INSYNC", "INSYNC")
    change(record("ecs", 200), record("eks", 55))
    shown = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    same({it["SetIdentifier"]: it["Weight"] for it in shown if "SetIdentifier" in it}, {"ecs": 200, "eks": 55})
    refused("InvalidChangeBatch", lambda: change(record("eks", 7), record("none", 1, "DELETE")))
    shown = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    same({it["SetIdentifier"]: it["Weight"] for it in shown if "SetIdentifier" in it}, {"ecs": 200, "eks": 55})
    refused("HostedZoneNotEmpty", lambda: route53.delete_hosted_zone(Id=zone))
    change(record("ecs", 200, "DELETE"), record("eks", 55, "DELETE"))
    route53.delete_hosted_zone(Id=zone)


@line("CodeDeploy", "an ECS blue/green deployment: application, group, CreateDeployment, a status that moves")
def _():
    one, two = group(HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2), group(HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2)
    front = listener(one)
    service = create(loadBalancers=[behind(one)], deploymentController={"type": "CODE_DEPLOY"})
    app = fresh("app")
    codedeploy.create_application(applicationName=app, computePlatform="ECS")
    pair = {"targetGroups": [{"name": arn.split("/")[1]} for arn in (one, two)], "prodTrafficRoute": {"listenerArns": [front]}}
    codedeploy.create_deployment_group(
        applicationName=app, deploymentGroupName="web", serviceRoleArn=role("codedeploy.amazonaws.com"),
        deploymentConfigName="CodeDeployDefault.ECSAllAtOnce", ecsServices=[{"clusterName": cluster(), "serviceName": service["serviceName"]}],
        deploymentStyle={"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
        loadBalancerInfo={"targetGroupPairInfoList": [pair]},
        blueGreenDeploymentConfiguration={
            "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 0},
            "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT"},
        },
    )
    where = {"ContainerName": "web", "ContainerPort": 80}
    properties = {"TaskDefinition": register(containers=[container("nginx:2")]), "LoadBalancerInfo": where}
    spec = {"version": 0.0, "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": properties}}]}
    revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": json.dumps(spec)}}
    made = codedeploy.create_deployment(applicationName=app, deploymentGroupName="web", revision=revision)["deploymentId"]
    status = lambda: codedeploy.get_deployment(deploymentId=made)["deploymentInfo"]["status"]
    until(lambda: status() == "Succeeded", "a deployment that succeeded")


@line("Secrets", "secret versions, rotation and errors; a parameter put, read, overwritten")
def _():
    name = fresh("secret")
    first = secrets.create_secret(Name=name, SecretString="one")
    refused("ResourceExistsException", lambda: secrets.create_secret(Name=name, SecretString="x"))
    secrets.put_secret_value(SecretId=name, SecretString="two")
    same(secrets.get_secret_value(SecretId=name)["SecretString"], "two")
    same(secrets.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")["VersionId"], first["VersionId"])
    same(len(secrets.describe_secret(SecretId=name)["VersionIdsToStages"]), 2)
    refused("ResourceNotFoundException", lambda: secrets.get_secret_value(SecretId="nothing"))
    name = f"/{fresh('shop')}/key"
    ssm.put_parameter(Name=name, Value="1", Type="String")
    refused("ParameterAlreadyExists", lambda: ssm.put_parameter(Name=name, Value="2", Type="String"))
    same(ssm.put_parameter(Name=name, Value="2", Type="String", Overwrite=True)["Version"], 2)
    same(ssm.get_parameter(Name=name)["Parameter"]["Value"], "2")
    refused("ParameterNotFound", lambda: ssm.get_parameter(Name="/nothing"))


@line("EKS", "a cluster becomes ACTIVE with an endpoint; pod identity associations; an addon")
def _():
    name = fresh("eks")
    eks.create_cluster(name=name, roleArn=role("eks.amazonaws.com"), resourcesVpcConfig={"subnetIds": network()[1]})
    look = lambda: eks.describe_cluster(name=name)["cluster"]
    shown = until(lambda: look() if look()["status"] == "ACTIVE" else None, "an active cluster")
    assert shown["endpoint"].startswith("https://") and shown["identity"]["oidc"]["issuer"], shown
    pods = {"clusterName": name, "namespace": "shop", "serviceAccount": "web"}
    made = eks.create_pod_identity_association(**pods, roleArn=role("pods.eks.amazonaws.com"))["association"]
    again = {**pods, "roleArn": made["roleArn"]}
    refused("ResourceInUseException", lambda: eks.create_pod_identity_association(**again))
    other = role("pods.eks.amazonaws.com")
    by_id = {"clusterName": name, "associationId": made["associationId"]}
    eks.update_pod_identity_association(**by_id, roleArn=other)
    same(eks.describe_pod_identity_association(**by_id)["association"]["roleArn"], other)
    same(len(eks.list_pod_identity_associations(clusterName=name)["associations"]), 1)
    eks.delete_pod_identity_association(**by_id)
    refused("NotFoundException|ResourceNotFoundException", lambda: eks.describe_pod_identity_association(**by_id))
    eks.create_addon(clusterName=name, addonName="eks-pod-identity-agent")
    same(eks.list_addons(clusterName=name)["addons"], ["eks-pod-identity-agent"])


@line("Quotas", "ListServiceQuotas of ecs and fargate")
def _():
    for service in ("ecs", "fargate"):
        shown = quotas.list_service_quotas(ServiceCode=service)["Quotas"]
        assert shown and all(it["QuotaCode"].startswith("L-") and it["Value"] > 0 for it in shown), shown


@line("ECR", "a repository, a second one refused, a lifecycle policy, described")
def _():
    name = fresh("repo")
    made = ecr.create_repository(repositoryName=name)["repository"]
    assert made["repositoryUri"].endswith(f"/{name}"), made
    refused("RepositoryAlreadyExistsException", lambda: ecr.create_repository(repositoryName=name))
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 3}
    policy = {"rules": [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]}
    ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=json.dumps(policy))
    same(json.loads(ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"]), policy)
    same(len(ecr.describe_repositories(repositoryNames=[name])["repositories"]), 1)


@line("CloudWatch", "an alarm: put, describe, set")
def _():
    name = fresh("alarm")
    cloudwatch.put_metric_alarm(
        AlarmName=name, Namespace="Shop", MetricName="Errors", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="by hand")
    shown = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
    holds(shown, {"StateValue": "ALARM", "StateReason": "by hand", "Period": 60, "Threshold": 1.0})


@line("Tagging", "GetResources finds an ECS service by its tag")
def _():
    value = fresh("owner")
    service = create(desiredCount=0, tags=[{"key": "owner", "value": value}])
    find = lambda: tagging.get_resources(TagFilters=[{"Key": "owner", "Values": [value]}])["ResourceTagMappingList"]
    shown = until(find, "the service")
    same([it["ResourceARN"] for it in shown], [service["serviceArn"]])
