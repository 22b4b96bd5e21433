//! EC2 as a client sees it where the contract tests do not look, one behaviour per test.

#![allow(clippy::needless_pass_by_value)]

use serde_json::{Value, json};

use crate::bench::Bench;

fn ok(bench: &mut Bench, op: &str, input: Value) -> Value {
    bench.ok("ec2", op, input)
}

fn refused(bench: &mut Bench, op: &str, input: Value) -> (String, String) {
    let refusal = bench.call("ec2", op, input).unwrap_err();
    (refusal.code.into_owned(), refusal.message)
}

fn code(bench: &mut Bench, op: &str, input: Value) -> String {
    refused(bench, op, input).0
}

fn vpc(bench: &mut Bench) -> String {
    ok(bench, "CreateVpc", json!({"CidrBlock": "10.1.0.0/16"}))["vpc"]["vpcId"].as_str().unwrap().to_owned()
}

fn group(bench: &mut Bench, vpc: Option<&str>) -> String {
    let mut input = json!({"GroupName": "web", "GroupDescription": "web"});
    if let Some(vpc) = vpc {
        input["VpcId"] = json!(vpc);
    }
    ok(bench, "CreateSecurityGroup", input)["groupId"].as_str().unwrap().to_owned()
}

fn permission(protocol: &str, ports: Option<(i64, i64)>, blocks: &[&str]) -> Value {
    let ranges: Value = blocks.iter().map(|block| json!({ "CidrIp": block })).collect();
    let mut permission = json!({"IpProtocol": protocol, "IpRanges": ranges});
    if let Some((from, to)) = ports {
        (permission["FromPort"], permission["ToPort"]) = (json!(from.to_string()), json!(to.to_string()));
    }
    permission
}

#[test]
fn every_account_and_region_has_its_own_default_vpc_that_is_always_the_same() {
    let mut bench = Bench::new();
    let default = ok(&mut bench, "DescribeVpcs", json!({}))["vpcSet"].clone();
    assert_eq!((default.as_array().unwrap().len(), &default[0]["cidrBlock"]), (1, &json!("172.31.0.0/16")));
    assert_eq!(ok(&mut Bench::new(), "DescribeVpcs", json!({}))["vpcSet"], default);
    let groups = ok(&mut bench, "DescribeSecurityGroups", json!({}))["securityGroupInfo"].clone();
    assert_eq!(groups[0]["groupName"], "default");
    assert_eq!(groups[0]["ipPermissions"][0]["groups"][0]["groupId"], groups[0]["groupId"]);
    bench.region = "us-east-1".to_owned();
    assert_ne!(ok(&mut bench, "DescribeVpcs", json!({}))["vpcSet"], default);
    let zones = ok(&mut bench, "DescribeAvailabilityZones", json!({}))["availabilityZoneInfo"].clone();
    assert_eq!((&zones[2]["zoneName"], &zones[2]["zoneId"]), (&json!("us-east-1c"), &json!("use1-az3")));
    let region = json!({"RegionName": ["eu-west-1"]});
    assert_eq!(
        ok(&mut bench, "DescribeRegions", region)["regionInfo"][0]["regionEndpoint"],
        "ec2.eu-west-1.amazonaws.com"
    );
}

#[test]
fn subnets_lie_within_their_vpc_and_beside_each_other() {
    let mut bench = Bench::new();
    let vpc = vpc(&mut bench);
    let subnet = |block: &str| json!({"VpcId": vpc, "CidrBlock": block});
    ok(&mut bench, "CreateSubnet", subnet("10.1.0.0/24"));
    assert_eq!(code(&mut bench, "CreateSubnet", subnet("10.1.0.128/25")), "InvalidSubnet.Conflict");
    assert_eq!(code(&mut bench, "CreateSubnet", subnet("10.2.0.0/24")), "InvalidSubnet.Range");
    assert_eq!(code(&mut bench, "CreateSubnet", subnet("nonsense")), "InvalidParameterValue");
    let mut elsewhere = subnet("10.1.1.0/24");
    elsewhere["AvailabilityZone"] = json!("us-east-1a");
    assert_eq!(code(&mut bench, "CreateSubnet", elsewhere), "InvalidParameterValue");
}

#[test]
fn rules_are_grouped_by_protocol_and_ports_and_keep_their_form() {
    let mut bench = Bench::new();
    let group = group(&mut bench, None);
    let permissions = json!([
        permission("6", Some((80, 80)), &["10.0.0.1/8", "192.168.0.0/16"]),
        permission("icmp", None, &["10.0.0.0/8"]),
        permission("-1", Some((1, 2)), &["10.0.0.0/8"]),
    ]);
    ok(&mut bench, "AuthorizeSecurityGroupIngress", json!({"GroupId": group, "IpPermissions": permissions}));
    let shown = ok(&mut bench, "DescribeSecurityGroups", json!({"GroupId": [group]}))["securityGroupInfo"][0].clone();
    let tcp = &shown["ipPermissions"][0];
    assert_eq!((&tcp["ipProtocol"], &tcp["fromPort"]), (&json!("tcp"), &json!(80)));
    assert_eq!(tcp["ipRanges"], json!([{"cidrIp": "10.0.0.0/8"}, {"cidrIp": "192.168.0.0/16"}]));
    assert_eq!(shown["ipPermissions"][1]["fromPort"], -1);
    assert!(shown["ipPermissions"][2].get("fromPort").is_none(), "all protocols have no ports");
    let all = json!({"GroupId": group, "IpPermissions": [permission("all", None, &["10.0.0.0/8"])]});
    let (code, message) = refused(&mut bench, "AuthorizeSecurityGroupIngress", all);
    assert_eq!(code, "InvalidPermission.Duplicate");
    assert_eq!(message, "the specified rule \"peer: 10.0.0.0/8, ALL, ALLOW\" already exists");
}

#[test]
fn wrong_permissions_are_refused_and_nothing_of_the_request_is_done() {
    let mut bench = Bench::new();
    let group = group(&mut bench, None);
    let good = permission("tcp", Some((80, 80)), &["10.0.0.0/8"]);
    for (bad, code_wanted) in [
        (permission("tcp", None, &["10.0.0.0/8"]), "InvalidParameterValue"),
        (permission("tcp", Some((90, 80)), &["10.0.0.0/8"]), "InvalidParameterValue"),
        (permission("tcp", Some((0, 70_000)), &["10.0.0.0/8"]), "InvalidParameterValue"),
        (permission("tea", Some((80, 80)), &["10.0.0.0/8"]), "InvalidParameterValue"),
        (permission("tcp", Some((80, 80)), &["10.0.0.0/40"]), "InvalidParameterValue"),
        (permission("tcp", Some((80, 80)), &[]), "MissingParameter"),
        (good.clone(), "InvalidParameterValue"),
        (json!({"IpProtocol": "-1", "Groups": [{"GroupId": "sg-0123"}]}), "InvalidGroup.NotFound"),
    ] {
        let input = json!({"GroupId": group, "IpPermissions": [good, bad]});
        assert_eq!(code(&mut bench, "AuthorizeSecurityGroupIngress", input.clone()), code_wanted, "{input}");
    }
    let shown = ok(&mut bench, "DescribeSecurityGroups", json!({"GroupId": [group]}));
    assert_eq!(shown["securityGroupInfo"][0]["ipPermissions"], json!([]));
    let blocks: Vec<String> = (0..61).map(|n| format!("10.0.{n}.0/24")).collect();
    let blocks: Vec<&str> = blocks.iter().map(String::as_str).collect();
    let input = json!({"GroupId": group, "IpPermissions": [permission("tcp", Some((80, 80)), &blocks)]});
    assert_eq!(code(&mut bench, "AuthorizeSecurityGroupIngress", input), "RulesPerSecurityGroupLimitExceeded");
}

#[test]
fn what_a_group_does_not_have_is_refused_to_revoke_and_in_the_default_vpc_only_told() {
    let mut bench = Bench::new();
    let other = vpc(&mut bench);
    let (own, default) = (group(&mut bench, Some(&other)), group(&mut bench, None));
    let input =
        |group: &str| json!({"GroupId": group, "IpPermissions": [permission("tcp", Some((80, 80)), &["10.0.0.0/8"])]});
    assert_eq!(code(&mut bench, "RevokeSecurityGroupIngress", input(&own)), "InvalidPermission.NotFound");
    let told = ok(&mut bench, "RevokeSecurityGroupIngress", input(&default));
    assert_eq!(told["unknownIpPermissionSet"][0]["fromPort"], 80);
    assert_eq!(told["revokedSecurityGroupRuleSet"], json!([]));
    let single =
        json!({"GroupName": "web", "IpProtocol": "tcp", "FromPort": "22", "ToPort": "22", "CidrIp": "10.0.0.0/8"});
    ok(&mut bench, "AuthorizeSecurityGroupIngress", single.clone());
    assert_eq!(ok(&mut bench, "RevokeSecurityGroupIngress", single)["revokedSecurityGroupRuleSet"][0]["toPort"], 22);
}

#[test]
fn the_default_group_stays_and_names_are_checked() {
    let mut bench = Bench::new();
    let id = ok(&mut bench, "DescribeSecurityGroups", json!({}))["securityGroupInfo"][0]["groupId"].clone();
    assert_eq!(code(&mut bench, "DeleteSecurityGroup", json!({ "GroupId": id })), "CannotDelete");
    for name in ["sg-x", "default", "", "a|b"] {
        let input = json!({"GroupName": name, "GroupDescription": "d"});
        assert_eq!(code(&mut bench, "CreateSecurityGroup", input), "InvalidParameterValue", "{name}");
    }
    assert_eq!(code(&mut bench, "CreateSecurityGroup", json!({"GroupName": "x"})), "MissingParameter");
    let (code, message) = refused(&mut bench, "DeleteSecurityGroup", json!({"GroupName": "none"}));
    assert_eq!(code, "InvalidGroup.NotFound");
    assert!(message.starts_with("The security group 'none' does not exist in default VPC 'vpc-"), "{message}");
}

#[test]
fn lists_come_in_pages() {
    let mut bench = Bench::new();
    for n in 0..7 {
        let input = json!({"GroupName": format!("g{n}"), "GroupDescription": "d"});
        ok(&mut bench, "CreateSecurityGroup", input);
    }
    let first = ok(&mut bench, "DescribeSecurityGroups", json!({"MaxResults": "5"}));
    assert_eq!(first["securityGroupInfo"].as_array().unwrap().len(), 5);
    let rest = json!({"MaxResults": "5", "NextToken": first["nextToken"]});
    let rest = ok(&mut bench, "DescribeSecurityGroups", rest);
    assert_eq!(rest["securityGroupInfo"].as_array().unwrap().len(), 3, "with the default one");
    assert!(rest.get("nextToken").is_none());
    assert_eq!(code(&mut bench, "DescribeSecurityGroups", json!({"NextToken": "x"})), "InvalidNextToken");
    let both = json!({"MaxResults": "5", "VpcId": ["vpc-1"]});
    assert_eq!(code(&mut bench, "DescribeVpcs", both), "InvalidVpcID.NotFound");
}

#[test]
fn tags_are_set_and_taken_from_all_resources_or_none() {
    let mut bench = Bench::new();
    let (vpc, group) = (vpc(&mut bench), group(&mut bench, None));
    let tags = json!([{"Key": "team", "Value": "shop"}, {"Key": "env", "Value": "prod"}]);
    let input = json!({"ResourceId": [vpc, "sg-0123"], "Tag": tags});
    assert_eq!(code(&mut bench, "CreateTags", input), "InvalidGroup.NotFound");
    assert_eq!(ok(&mut bench, "DescribeTags", json!({}))["tagSet"], json!([]));
    ok(&mut bench, "CreateTags", json!({"ResourceId": [vpc, group], "Tag": tags}));
    let other = json!({"ResourceId": [group], "Tag": [{"Key": "team", "Value": "other"}, {"Key": "env"}]});
    ok(&mut bench, "DeleteTags", other);
    let filter = json!({"Filter": [{"Name": "resource-type", "Value": ["security-group"]}]});
    let left = ok(&mut bench, "DescribeTags", filter)["tagSet"].clone();
    assert_eq!(left, json!([{"resourceId": group, "resourceType": "security-group", "key": "team", "value": "shop"}]));
    let found = ok(&mut bench, "DescribeVpcs", json!({"Filter": [{"Name": "tag:env", "Value": ["prod"]}]}));
    assert_eq!(found["vpcSet"][0]["vpcId"], vpc);
    let reserved = json!({"ResourceId": [vpc], "Tag": [{"Key": "aws:x", "Value": "y"}]});
    assert_eq!(code(&mut bench, "CreateTags", reserved), "InvalidParameterValue");
}
