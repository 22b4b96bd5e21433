//! EC2 by the forms that any client of it sends: aws-sdk-ec2 is too large to compile here. Source of what is expected: the
//! actions and "Error codes" of the Amazon EC2 API reference, and NetworkConfiguration of the Amazon ECS API reference.

use aws_sdk_ecs::error::ProvideErrorMetadata as _;
use aws_sdk_ecs::types::{
    AwsVpcConfiguration, Compatibility, ContainerDefinition, LaunchType, NetworkConfiguration, NetworkMode,
};

use crate::support::{Aws, on_both_fronts};

/// The answer to an action that must succeed.
async fn ok(aws: &Aws, form: &str) -> String {
    let (status, text) = aws.form("ec2", &format!("Version=2016-11-15&Action={form}")).await;
    assert_eq!(status, 200, "{form}: {text}");
    text
}

/// Code and message of an action that must be refused.
async fn refused(aws: &Aws, form: &str) -> (String, String) {
    let (status, text) = aws.form("ec2", &format!("Version=2016-11-15&Action={form}")).await;
    assert!((400..500).contains(&status), "{form}: {text}");
    assert!(text.starts_with("<Response><Errors><Error>") && text.contains("<RequestID>"), "{text}");
    (one(&text, "Code"), one(&text, "Message").replace("&quot;", "\""))
}

/// The content of every element of this name.
fn each(text: &str, element: &str) -> Vec<String> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let parts = text.split(&open).skip(1);
    parts.map(|part| part.split(&close).next().unwrap().to_owned()).collect()
}

fn one(text: &str, element: &str) -> String {
    each(text, element).into_iter().next().unwrap_or_else(|| panic!("no {element} in {text}"))
}

async fn vpc(aws: &Aws) -> String {
    one(&ok(aws, "CreateVpc&CidrBlock=10.1.0.0/16").await, "vpcId")
}

async fn group(aws: &Aws, name: &str, vpc: &str) -> String {
    let form = format!("CreateSecurityGroup&GroupName={name}&GroupDescription=for+{name}&VpcId={vpc}");
    one(&ok(aws, &form).await, "groupId")
}

/// Matrix: "create/describe VPC, subnets by filter, SG".
#[tokio::test]
async fn vpcs_subnets_and_groups_are_made_and_found_by_filters() {
    on_both_fronts(async |aws| {
        let vpc = vpc(&aws).await;
        let subnet = format!("CreateSubnet&VpcId={vpc}&AvailabilityZone=eu-west-1b&CidrBlock=10.1.1.0/24");
        let tagged = format!("{subnet}&TagSpecification.1.ResourceType=subnet&TagSpecification.1.Tag.1.Key=tier&TagSpecification.1.Tag.1.Value=app");
        let subnet_id = one(&ok(&aws, &tagged).await, "subnetId");
        let found = ok(&aws, &format!("DescribeSubnets&Filter.1.Name=vpc-id&Filter.1.Value.1={vpc}")).await;
        assert_eq!(each(&found, "subnetId"), [subnet_id.as_str()]);
        assert_eq!((one(&found, "availabilityZoneId"), one(&found, "availableIpAddressCount")), ("euw1-az2".into(), "251".into()));
        let found = ok(&aws, "DescribeSubnets&Filter.1.Name=tag%3Atier&Filter.1.Value.1=a*").await;
        assert_eq!(each(&found, "subnetId"), [subnet_id.as_str()]);
        let defaults = ok(&aws, "DescribeSubnets&Filter.1.Name=default-for-az&Filter.1.Value.1=true").await;
        let mut zones = each(&defaults, "availabilityZone");
        zones.sort();
        assert_eq!(zones, ["eu-west-1a", "eu-west-1b", "eu-west-1c"]);
        let web = group(&aws, "web", &vpc).await;
        let found = ok(&aws, &format!("DescribeSecurityGroups&GroupId.1={web}")).await;
        assert_eq!((one(&found, "groupName"), one(&found, "groupDescription")), ("web".into(), "for web".into()));
        let of_vpc = ok(&aws, &format!("DescribeSecurityGroups&Filter.1.Name=vpc-id&Filter.1.Value.1={vpc}")).await;
        assert_eq!(each(&of_vpc, "groupDescription").len(), 2, "with the default one");
        let (code, _) = refused(&aws, &format!("DeleteVpc&VpcId={vpc}")).await;
        assert_eq!(code, "DependencyViolation");
        ok(&aws, &format!("DeleteSubnet&SubnetId={subnet_id}")).await;
        ok(&aws, &format!("DeleteSecurityGroup&GroupId={web}")).await;
        ok(&aws, &format!("DeleteVpc&VpcId={vpc}")).await;
        let vpcs = ok(&aws, "DescribeVpcs").await;
        assert_eq!((each(&vpcs, "vpcId").len(), one(&vpcs, "isDefault")), (1, "true".into()));
    })
    .await;
}

/// Matrix: "SG ingress/egress rules, DescribeSecurityGroupRules, revoke, dup error, tags".
#[tokio::test]
async fn rules_are_authorized_once_described_changed_and_revoked() {
    on_both_fronts(async |aws| {
        let vpc = vpc(&aws).await;
        let (web, db) = (group(&aws, "web", &vpc).await, group(&aws, "db", &vpc).await);
        let range = |block: &str| {
            format!(
                "IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=80&IpPermissions.1.ToPort=80\
                 &IpPermissions.1.IpRanges.1.CidrIp={block}&IpPermissions.1.IpRanges.1.Description=from+anywhere"
            )
        };
        let tags = "TagSpecification.1.ResourceType=security-group-rule&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v";
        let open = range("0.0.0.0/0");
        let added = ok(&aws, &format!("AuthorizeSecurityGroupIngress&GroupId={web}&{open}&{tags}")).await;
        let rule = one(&added, "securityGroupRuleId");
        assert_eq!((one(&added, "cidrIpv4"), one(&added, "fromPort")), ("0.0.0.0/0".into(), "80".into()));
        let (code, message) = refused(&aws, &format!("AuthorizeSecurityGroupIngress&GroupId={web}&{open}")).await;
        assert_eq!(code, "InvalidPermission.Duplicate");
        assert_eq!(message, "the specified rule \"peer: 0.0.0.0/0, TCP, from port: 80, to port: 80, ALLOW\" already exists");
        let from_web = format!(
            "IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=5432&IpPermissions.1.ToPort=5432\
             &IpPermissions.1.Groups.1.GroupId={web}"
        );
        ok(&aws, &format!("AuthorizeSecurityGroupIngress&GroupId={db}&{from_web}")).await;
        let (code, _) = refused(&aws, &format!("DeleteSecurityGroup&GroupId={web}")).await;
        assert_eq!(code, "DependencyViolation", "another group's rule names it");
        let all = ok(&aws, &format!("DescribeSecurityGroupRules&Filter.1.Name=group-id&Filter.1.Value.1={web}")).await;
        assert_eq!(each(&all, "isEgress"), ["true", "false"], "a new group lets everything out");
        let update = format!(
            "ModifySecurityGroupRules&GroupId={web}&SecurityGroupRule.1.SecurityGroupRuleId={rule}\
             &SecurityGroupRule.1.SecurityGroupRule.IpProtocol=tcp&SecurityGroupRule.1.SecurityGroupRule.FromPort=443\
             &SecurityGroupRule.1.SecurityGroupRule.ToPort=443&SecurityGroupRule.1.SecurityGroupRule.CidrIpv4=10.0.0.9/8"
        );
        ok(&aws, &update).await;
        let shown = ok(&aws, &format!("DescribeSecurityGroupRules&SecurityGroupRuleId.1={rule}")).await;
        assert_eq!((one(&shown, "cidrIpv4"), one(&shown, "toPort")), ("10.0.0.0/8".into(), "443".into()));
        assert_eq!((one(&shown, "key"), one(&shown, "value")), ("k".into(), "v".into()));
        let told = "SecurityGroupRuleDescription.1.Description=ours&SecurityGroupRuleDescription.1.SecurityGroupRuleId";
        ok(&aws, &format!("UpdateSecurityGroupRuleDescriptionsIngress&GroupId={web}&{told}={rule}")).await;
        let groups = ok(&aws, &format!("DescribeSecurityGroups&GroupId.1={web}")).await;
        assert_eq!(one(&one(&groups, "ipPermissions"), "description"), "ours");
        let (code, _) = refused(&aws, &format!("RevokeSecurityGroupIngress&GroupId={web}&{open}")).await;
        assert_eq!(code, "InvalidPermission.NotFound");
        let gone = ok(&aws, &format!("RevokeSecurityGroupIngress&GroupId={web}&SecurityGroupRuleId.1={rule}")).await;
        assert_eq!(one(&one(&gone, "revokedSecurityGroupRuleSet"), "securityGroupRuleId"), rule);
        ok(&aws, &format!("AuthorizeSecurityGroupEgress&GroupId={web}&{open}")).await;
        ok(&aws, &format!("RevokeSecurityGroupEgress&GroupId={web}&{open}")).await;
        ok(&aws, &format!("CreateTags&ResourceId.1={web}&Tag.1.Key=team&Tag.1.Value=shop")).await;
        let tags = ok(&aws, &format!("DescribeTags&Filter.1.Name=resource-id&Filter.1.Value.1={web}")).await;
        assert_eq!((one(&tags, "resourceType"), one(&tags, "value")), ("security-group".into(), "shop".into()));
        ok(&aws, &format!("DeleteTags&ResourceId.1={web}&Tag.1.Key=team")).await;
        assert!(each(&ok(&aws, "DescribeTags&Filter.1.Name=key&Filter.1.Value.1=team").await, "key").is_empty());
    })
    .await;
}

/// Matrix: "error codes InvalidGroup.NotFound / InvalidVpcID.NotFound / InvalidSubnetID.NotFound".
#[tokio::test]
async fn what_is_not_there_is_refused_with_ec2_s_codes_and_words() {
    on_both_fronts(async |aws| {
        for (form, code, message) in [
            (
                "DescribeSecurityGroups&GroupId.1=sg-0123",
                "InvalidGroup.NotFound",
                "The security group 'sg-0123' does not exist",
            ),
            ("DescribeVpcs&VpcId.1=vpc-0123", "InvalidVpcID.NotFound", "The vpc ID 'vpc-0123' does not exist"),
            (
                "DescribeSubnets&SubnetId.1=subnet-0123",
                "InvalidSubnetID.NotFound",
                "The subnet ID 'subnet-0123' does not exist",
            ),
            (
                "DeleteSubnet&SubnetId=nonsense",
                "InvalidSubnetId.Malformed",
                "Invalid id: \"nonsense\" (expecting \"subnet-...\")",
            ),
            ("DescribeVpcs&Filter.1.Name=x&Filter.1.Value.1=y", "InvalidParameterValue", "The filter 'x' is invalid"),
            (
                "DescribeVpcs&MaxResults=1",
                "InvalidParameterValue",
                "Value ( 1 ) for parameter maxResults is invalid. Expecting a value between 5 and 1000.",
            ),
            ("CreateVpc", "MissingParameter", "The request must contain the parameter CidrBlock"),
            ("CreateVpc&CidrBlock=10.0.0.0/8", "InvalidVpc.Range", "The CIDR '10.0.0.0/8' is invalid."),
            ("RunInstances", "InvalidAction", "The action RunInstances is not valid for this web service."),
            ("DescribeVpcs&DryRun=true", "DryRunOperation", "Request would have succeeded, but DryRun flag is set."),
        ] {
            assert_eq!(refused(&aws, form).await, (code.to_owned(), message.to_owned()), "{form}");
        }
        let twice = "CreateSecurityGroup&GroupName=x&GroupDescription=x";
        ok(&aws, twice).await;
        assert_eq!(refused(&aws, twice).await.0, "InvalidGroup.Duplicate");
    })
    .await;
}

async fn service(
    aws: &Aws,
    subnet: &str,
    group: &str,
) -> Result<(), aws_sdk_ecs::operation::create_service::CreateServiceError> {
    let ecs = aws_sdk_ecs::Client::new(&aws.config());
    ecs.create_cluster().cluster_name("default").send().await.unwrap();
    let container = ContainerDefinition::builder().name("web").image("nginx").build();
    let task = ecs.register_task_definition().family("web").network_mode(NetworkMode::Awsvpc).cpu("256").memory("512");
    let task = task.requires_compatibilities(Compatibility::Fargate).container_definitions(container);
    task.send().await.unwrap();
    let network = AwsVpcConfiguration::builder().subnets(subnet).security_groups(group).build().unwrap();
    let network = NetworkConfiguration::builder().awsvpc_configuration(network).build();
    let request = ecs.create_service().service_name("web").task_definition("web").desired_count(2);
    let request = request.launch_type(LaunchType::Fargate).network_configuration(network);
    request.send().await.map(|_| ()).map_err(aws_sdk_ecs::error::SdkError::into_service_error)
}

/// Matrix: "unknown subnet / security group rejected" (ECS-svc).
#[tokio::test]
async fn a_strict_network_refuses_services_in_subnets_and_groups_that_are_not_there() {
    for in_words in [true, false] {
        let aws = Aws::start_with(|builder| builder.strict_network(in_words)).await;
        let result = service(&aws, "subnet-0123", "sg-0123").await;
        if !in_words {
            result.unwrap();
            continue;
        }
        let refused = result.unwrap_err();
        assert!(refused.is_invalid_parameter_exception(), "{refused:?}");
        let message = "Error retrieving subnet information for [subnet-0123]: The subnet ID 'subnet-0123' does not exist \
                       (ErrorCode: InvalidSubnetID.NotFound)";
        assert_eq!(refused.message(), Some(message));
        let subnet = one(&ok(&aws, "DescribeSubnets").await, "subnetId");
        let refused = service(&aws, &subnet, "sg-0123").await.unwrap_err();
        let message = "Error retrieving security group information for [sg-0123]: The security group 'sg-0123' does not exist \
                       (ErrorCode: InvalidGroup.NotFound)";
        assert_eq!(refused.message(), Some(message));
    }
}

#[tokio::test]
async fn tasks_have_network_interfaces_that_keep_their_subnet_and_groups_from_being_deleted() {
    let aws = Aws::start_with(|builder| builder.strict_network(true)).await;
    let vpc = vpc(&aws).await;
    let made = ok(&aws, &format!("CreateSubnet&VpcId={vpc}&CidrBlock=10.1.1.0/24&AvailabilityZone=eu-west-1c")).await;
    let (subnet, web) = (one(&made, "subnetId"), group(&aws, "web", &vpc).await);
    service(&aws, &subnet, &web).await.unwrap();
    aws.pass(60);
    let found = ok(&aws, &format!("DescribeNetworkInterfaces&Filter.1.Name=group-id&Filter.1.Value.1={web}")).await;
    assert_eq!(each(&found, "networkInterfaceId").len(), 2);
    assert_eq!((one(&found, "vpcId"), one(&found, "availabilityZone")), (vpc, "eu-west-1c".into()));
    assert!(one(&found, "privateIpAddress").starts_with("10.1.1."), "{found}");
    assert_eq!(refused(&aws, &format!("DeleteSecurityGroup&GroupId={web}")).await.0, "DependencyViolation");
    assert_eq!(refused(&aws, &format!("DeleteSubnet&SubnetId={subnet}")).await.0, "DependencyViolation");
    let ecs = aws_sdk_ecs::Client::new(&aws.config());
    ecs.delete_service().service("web").force(true).send().await.unwrap();
    aws.pass(120);
    ok(&aws, &format!("DeleteSecurityGroup&GroupId={web}")).await;
    ok(&aws, &format!("DeleteSubnet&SubnetId={subnet}")).await;
}

#[tokio::test]
async fn a_strict_network_refuses_load_balancers_in_subnets_and_groups_that_are_not_there() {
    let aws = Aws::start_with(|builder| builder.strict_network(true)).await;
    let elb = aws_sdk_elasticloadbalancingv2::Client::new(&aws.config());
    let subnets = each(&ok(&aws, "DescribeSubnets").await, "subnetId");
    let create = |subnet: &str, group: &str| {
        let request = elb.create_load_balancer().name("web").subnets(&subnets[0]).subnets(subnet);
        request.security_groups(group)
    };
    let refused = create("subnet-0123", "sg-0123").send().await.unwrap_err().into_service_error();
    assert!(refused.is_subnet_not_found_exception(), "{refused:?}");
    let refused = create(&subnets[1], "sg-0123").send().await.unwrap_err().into_service_error();
    assert!(refused.is_invalid_security_group_exception(), "{refused:?}");
    let group = one(&ok(&aws, "CreateSecurityGroup&GroupName=lb&GroupDescription=lb").await, "groupId");
    let made = create(&subnets[1], &group).send().await.unwrap();
    let made = &made.load_balancers()[0];
    assert_eq!(made.vpc_id(), Some(one(&ok(&aws, "DescribeVpcs").await, "vpcId").as_str()));
    let shown = ok(&aws, &format!("DescribeSubnets&SubnetId.1={}", subnets[0])).await;
    assert_eq!(made.availability_zones()[0].zone_name(), Some(one(&shown, "availabilityZone").as_str()));
    assert_eq!(refused_code(&aws, &format!("DeleteSecurityGroup&GroupId={group}")).await, "DependencyViolation");
    elb.delete_load_balancer().load_balancer_arn(made.load_balancer_arn().unwrap()).send().await.unwrap();
    ok(&aws, &format!("DeleteSecurityGroup&GroupId={group}")).await;
}

async fn refused_code(aws: &Aws, form: &str) -> String {
    refused(aws, form).await.0
}

/// "Request throttling for the Amazon EC2 API": an unfiltered DescribeSecurityGroups has a smaller bucket of its own class.
#[tokio::test]
async fn requests_beyond_the_published_rate_exceed_the_request_limit() {
    let aws = Aws::start_with(|builder| builder.quotas(true)).await;
    for _ in 0..50 {
        ok(&aws, "DescribeSecurityGroups").await;
    }
    let (status, text) = aws.form("ec2", "Version=2016-11-15&Action=DescribeSecurityGroups").await;
    assert_eq!((status, one(&text, "Code")), (503, "RequestLimitExceeded".to_owned()));
    aws.pass(1);
    for _ in 0..10 {
        ok(&aws, "DescribeSecurityGroups").await;
    }
    ok(&aws, "DescribeVpcs").await;
}
