//! The lines of the matrix that need aws-sdk-ec2, over HTTP and in process. Expectations are those of the Amazon EC2 API reference
//! («Actions», «Error codes»).

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_ec2::error::ProvideErrorMetadata;
use aws_sdk_ec2::types::{Filter, IpPermission, IpRange, Tag};
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use landbridge_emulator::{Clock, Emulator};

/// Runs a test over HTTP, and once more without a socket.
async fn on_both_fronts(test: impl AsyncFn(SdkConfig)) {
    for in_process in [false, true] {
        let start = "2026-01-01T00:00:00Z".parse().unwrap();
        let emulator = Emulator::builder().region("eu-west-1").clock(Clock::manual(start)).build();
        let server = emulator.serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let plain = || aws_smithy_http_client::Builder::new().build_http();
        let credentials = Credentials::new("AKIDTESTS", "secret", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(aws_sdk_ec2::config::BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .endpoint_url(if in_process { "http://127.0.0.1".to_owned() } else { server.url() })
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::disabled())
            .http_client(if in_process { emulator.http_client() } else { plain() })
            .build();
        test(config).await;
    }
}

fn code(error: &impl ProvideErrorMetadata) -> &str {
    error.code().unwrap_or_default()
}

fn tcp(port: i32) -> IpPermission {
    let range = IpRange::builder().cidr_ip("10.0.0.0/8").build();
    IpPermission::builder().ip_protocol("tcp").from_port(port).to_port(port).ip_ranges(range).build()
}

#[tokio::test]
async fn a_vpc_its_subnets_by_filter_and_a_security_group_are_made_and_described() {
    on_both_fronts(async |config| {
        let ec2 = aws_sdk_ec2::Client::new(&config);
        let vpc = ec2.create_vpc().cidr_block("10.9.0.0/16").send().await.unwrap();
        let vpc = vpc.vpc().unwrap().vpc_id().unwrap().to_owned();
        let subnet = ec2.create_subnet().vpc_id(&vpc).cidr_block("10.9.1.0/24").availability_zone("eu-west-1a");
        let subnet = subnet.send().await.unwrap().subnet().unwrap().subnet_id().unwrap().to_owned();
        let here = Filter::builder().name("vpc-id").values(&vpc).build();
        let found = ec2.describe_subnets().filters(here).send().await.unwrap();
        let ids: Vec<_> = found.subnets().iter().filter_map(|s| s.subnet_id()).collect();
        assert_eq!(ids, [subnet.as_str()]);
        assert_eq!(found.subnets()[0].availability_zone(), Some("eu-west-1a"));
        let group = ec2.create_security_group().group_name("web").description("web").vpc_id(&vpc).send().await.unwrap();
        let described = ec2.describe_security_groups().group_ids(group.group_id().unwrap()).send().await.unwrap();
        assert_eq!(described.security_groups()[0].vpc_id(), Some(vpc.as_str()));
    })
    .await;
}

#[tokio::test]
async fn rules_of_a_security_group_are_authorized_described_refused_when_they_are_there_and_revoked() {
    on_both_fronts(async |config| {
        let ec2 = aws_sdk_ec2::Client::new(&config);
        let vpc = ec2.create_vpc().cidr_block("10.9.0.0/16").send().await.unwrap();
        let vpc = vpc.vpc().unwrap().vpc_id().unwrap().to_owned();
        let group = ec2.create_security_group().group_name("web").description("web").vpc_id(&vpc).send().await.unwrap();
        let group = group.group_id().unwrap().to_owned();
        let allow = || ec2.authorize_security_group_ingress().group_id(&group).ip_permissions(tcp(80)).send();
        allow().await.unwrap();
        let twice = allow().await.unwrap_err().into_service_error();
        assert_eq!(code(&twice), "InvalidPermission.Duplicate");
        let by_group = Filter::builder().name("group-id").values(&group).build();
        let rules = ec2.describe_security_group_rules().filters(by_group).send().await.unwrap();
        let ports: Vec<_> = rules.security_group_rules().iter().filter(|r| r.is_egress() == Some(false)).collect();
        assert_eq!(ports.iter().filter_map(|r| r.from_port()).collect::<Vec<_>>(), [80]);
        let tag = Tag::builder().key("team").value("shop").build();
        ec2.create_tags().resources(&group).tags(tag).send().await.unwrap();
        let described = ec2.describe_security_groups().group_ids(&group).send().await.unwrap();
        assert_eq!(described.security_groups()[0].tags()[0].value(), Some("shop"));
        let revoked = ec2.revoke_security_group_ingress().group_id(&group).ip_permissions(tcp(80)).send().await.unwrap();
        assert_eq!(revoked.r#return(), Some(true));
        let described = ec2.describe_security_groups().group_ids(&group).send().await.unwrap();
        assert!(described.security_groups()[0].ip_permissions().is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_told_with_the_code_of_its_kind() {
    on_both_fronts(async |config| {
        let ec2 = aws_sdk_ec2::Client::new(&config);
        let group = ec2.describe_security_groups().group_ids("sg-0123456789abcdef0").send().await;
        assert_eq!(code(&group.unwrap_err().into_service_error()), "InvalidGroup.NotFound");
        let vpc = ec2.describe_vpcs().vpc_ids("vpc-0123456789abcdef0").send().await;
        assert_eq!(code(&vpc.unwrap_err().into_service_error()), "InvalidVpcID.NotFound");
        let subnet = ec2.describe_subnets().subnet_ids("subnet-0123456789abcdef0").send().await;
        assert_eq!(code(&subnet.unwrap_err().into_service_error()), "InvalidSubnetID.NotFound");
    })
    .await;
}
