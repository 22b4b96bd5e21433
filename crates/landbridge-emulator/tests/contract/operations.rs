//! The page `docs/reference/emulator-operations.md`, made from the tables by which the emulator finds an operation, and
//! compared with it, so that the page cannot drift. `LANDBRIDGE_PAGES=write` writes it.

use std::fmt::Write as _;
use std::path::Path;

use bytes::Bytes;
use http::Request;
use landbridge_emulator::{Clock, Emulator};

use crate::support::on_both_fronts;

/// How an operation is named in a request.
enum Named {
    /// By a header with this prefix.
    Target(&'static str),
    /// By a form of this API version.
    Form(&'static str),
    /// By method and path.
    Path,
}

/// A service: its title, the source with its table, and how its operations are named.
type Service = (&'static str, &'static str, Named);

const SERVICES: [Service; 20] = [
    ("Amazon ECS", include_str!("../../src/ecs/mod.rs"), Named::Target("AmazonEC2ContainerServiceV20141113")),
    ("Application Auto Scaling", include_str!("../../src/scaling/mod.rs"), Named::Target("AnyScaleFrontendService")),
    ("AWS Cloud Map", include_str!("../../src/cloud_map/mod.rs"), Named::Target("Route53AutoNaming_v20170314")),
    ("Amazon CloudWatch", include_str!("../../src/cloudwatch/mod.rs"), Named::Target("GraniteServiceVersion20100801")),
    ("Amazon CloudWatch Logs", include_str!("../../src/logs/mod.rs"), Named::Target("Logs_20140328")),
    ("AWS CodeDeploy", include_str!("../../src/codedeploy/mod.rs"), Named::Target("CodeDeploy_20141006")),
    ("Amazon EC2", include_str!("../../src/ec2/mod.rs"), Named::Form("2016-11-15")),
    ("Amazon ECR", include_str!("../../src/ecr/mod.rs"), Named::Target("AmazonEC2ContainerRegistry_V20150921")),
    ("Amazon EKS", include_str!("../../src/eks/mod.rs"), Named::Path),
    ("Elastic Load Balancing v2", include_str!("../../src/elbv2/mod.rs"), Named::Form("2015-12-01")),
    ("Amazon EventBridge", include_str!("../../src/events/mod.rs"), Named::Target("AWSEvents")),
    ("Amazon EventBridge Scheduler", include_str!("../../src/scheduler/mod.rs"), Named::Path),
    ("AWS IAM", include_str!("../../src/iam/mod.rs"), Named::Form("2010-05-08")),
    (
        "Resource Groups Tagging API",
        include_str!("../../src/tagging/mod.rs"),
        Named::Target("ResourceGroupsTaggingAPI_20170126"),
    ),
    ("Amazon Route 53", include_str!("../../src/route53/mod.rs"), Named::Path),
    ("AWS Secrets Manager", include_str!("../../src/secrets/mod.rs"), Named::Target("secretsmanager")),
    ("Service Quotas", include_str!("../../src/service_quotas.rs"), Named::Target("ServiceQuotasV20190624")),
    ("Amazon SQS", include_str!("../../src/sqs/mod.rs"), Named::Target("AmazonSQS")),
    ("AWS STS", include_str!("../../src/sts.rs"), Named::Form("2011-06-15")),
    ("AWS Systems Manager Parameter Store", include_str!("../../src/ssm/mod.rs"), Named::Target("AmazonSSM")),
];

/// The rest of Amazon ECS: with what is answered, the 88 operations that aws-sdk-ecs 1.157 has.
const REFUSED: [(&str, &[&str]); 5] = [
    (
        "Daemons of Managed Instances",
        &[
            "CreateDaemon",
            "DeleteDaemon",
            "DeleteDaemonTaskDefinition",
            "DescribeDaemon",
            "DescribeDaemonDeployments",
            "DescribeDaemonRevisions",
            "DescribeDaemonTaskDefinition",
            "ListDaemonDeployments",
            "ListDaemonTaskDefinitions",
            "ListDaemons",
            "RegisterDaemonTaskDefinition",
            "UpdateDaemon",
        ],
    ),
    (
        "Gateways",
        &[
            "AssociateGatewayWithCluster",
            "CreateGateway",
            "DeleteGateway",
            "DescribeGateway",
            "DescribeGatewayResources",
            "DescribeGatewayRoute",
            "DisassociateGatewayFromCluster",
            "ListGatewayClusterAssociations",
            "ListGatewayRoutes",
            "ListGateways",
            "UpdateGateway",
        ],
    ),
    (
        "Express Mode",
        &[
            "CreateExpressGatewayService",
            "DeleteExpressGatewayService",
            "DescribeExpressGatewayService",
            "UpdateExpressGatewayService",
        ],
    ),
    (
        "Container instances and their attributes",
        &[
            "DeleteAttributes",
            "DeregisterContainerInstance",
            "DescribeContainerInstances",
            "ListAttributes",
            "ListContainerInstances",
            "PutAttributes",
            "RegisterContainerInstance",
            "UpdateContainerAgent",
            "UpdateContainerInstancesState",
        ],
    ),
    (
        "What the container agent calls",
        &[
            "DiscoverPollEndpoint",
            "SubmitAttachmentStateChanges",
            "SubmitContainerStateChange",
            "SubmitTaskStateChange",
        ],
    ),
];

const HEAD: &str = "\
# What the emulator answers, operation by operation

Made from the emulator's own tables; a test compares. After a change:

```sh
LANDBRIDGE_PAGES=write cargo test -p landbridge-emulator --test contract operations
```

Any other operation of these services, and every one of other services, is refused as AWS refuses an operation that it does not
have, with what is missing in the message: `UnknownOperationException` in the JSON and CBOR protocols, `InvalidAction` in the
query protocols, and HTTP 404 with `UnknownOperationException` in the REST protocols.
";

/// Names of the operations in the table of a service: the arms of the match in its function `call`.
fn operations(source: &str) -> Vec<&str> {
    let (_, call) = source.split_once("\npub(crate) fn call(").expect("a function call");
    let (call, _) = call.split_once("\n}\n").expect("its end");
    let patterns = call.lines().filter_map(|line| {
        let pattern = line.strip_prefix("        ").filter(|line| line.starts_with(['"', '|']))?;
        Some(pattern.split_once("=>").map_or(pattern, |(pattern, _)| pattern))
    });
    let mut names: Vec<&str> = patterns.flat_map(|pattern| pattern.split('"').skip(1).step_by(2)).collect();
    names.sort_unstable();
    names
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for (title, source, _) in &SERVICES {
        let names = operations(source);
        write!(page, "\n## {title}\n\n{} operations: {}\n", names.len(), names.join(", ")).unwrap();
        if *title == "Amazon ECS" {
            page.push_str("\nRefused, for nothing of Landbridge calls them:\n\n| what | operations |\n|---|---|\n");
            for (what, names) in REFUSED {
                writeln!(page, "| {what} | {} |", names.join(", ")).unwrap();
            }
        }
    }
    page
}

/// The answer to a request for an operation without any input.
fn asked(emulator: &Emulator, named: &Named, operation: &str) -> Option<String> {
    let request = match named {
        Named::Target(prefix) => {
            Request::post("/").header("x-amz-target", format!("{prefix}.{operation}")).body(Bytes::from_static(b"{}"))
        }
        Named::Form(version) => Request::post("/").body(Bytes::from(format!("Action={operation}&Version={version}"))),
        Named::Path => return None,
    };
    let answer = emulator.respond(request.unwrap());
    Some(String::from_utf8(answer.into_body().to_vec()).unwrap())
}

fn is_unknown(answer: &str) -> bool {
    answer.contains("is no operation that this emulator knows") || answer.contains("<Code>InvalidAction</Code>")
}

#[test]
fn the_page_of_operations_is_what_the_emulator_answers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/emulator-operations.md");
    if std::env::var("LANDBRIDGE_PAGES").is_ok_and(|wanted| wanted == "write") {
        std::fs::write(&path, page()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page(), "{} is stale: run this with LANDBRIDGE_PAGES=write", path.display());
}

#[test]
fn what_the_page_lists_is_known_and_what_it_does_not_list_is_not() {
    let emulator = Emulator::builder().clock(Clock::manual("2026-01-01T00:00:00Z".parse().unwrap())).build();
    for (title, source, named) in &SERVICES {
        let names = operations(source);
        assert!(names.len() > 2, "{title}: {names:?}");
        for name in names {
            match asked(&emulator, named, name) {
                Some(answer) => assert!(!is_unknown(&answer), "{title} {name}: {answer}"),
                // A path leads to it.
                None => assert!(source.matches(&format!("\"{name}\"")).count() > 1, "{title} {name} has no path"),
            }
        }
        let none = asked(&emulator, named, "TeleportService");
        assert!(none.is_none_or(|answer| is_unknown(&answer)), "{title}");
    }
    let (_, ecs, named) = &SERVICES[0];
    let refused: Vec<&str> = REFUSED.iter().flat_map(|(_, names)| names.iter().copied()).collect();
    assert_eq!(operations(ecs).len() + refused.len(), 88, "all operations of aws-sdk-ecs 1.157");
    for name in refused {
        assert!(asked(&emulator, named, name).is_some_and(|answer| is_unknown(&answer)), "{name}");
    }
}

/// "UnknownOperationException" (common errors of the Amazon ECS API reference) as the SDK meets it.
#[tokio::test]
async fn daemons_gateways_and_express_mode_are_refused_as_unknown_operations() {
    on_both_fronts(async |aws| {
        let ecs = aws_sdk_ecs::Client::new(&aws.config());
        let code = |error: &dyn aws_sdk_ecs::error::ProvideErrorMetadata| error.code().map(ToOwned::to_owned);
        let daemons = ecs.list_daemons().send().await.unwrap_err().into_service_error();
        let gateways = ecs.list_gateways().send().await.unwrap_err().into_service_error();
        let express = ecs.describe_express_gateway_service().service_arn("arn:aws:ecs:eu-west-1:1:service/a/b");
        let express = express.send().await.unwrap_err().into_service_error();
        for code in [code(&daemons), code(&gateways), code(&express)] {
            assert_eq!(code.as_deref(), Some("UnknownOperationException"));
        }
    })
    .await;
}
