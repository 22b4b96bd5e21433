//! EventBridge and SQS through aws-sdk-eventbridge and aws-sdk-sqs: what ECS tells arrives in a queue that lets it in.

use aws_sdk_eventbridge::types::{PutEventsRequestEntry, RuleState, Target};
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};

use crate::support::Aws;

/// A queue that takes what a rule sends it, and the rule.
pub(crate) struct Heard {
    sqs: aws_sdk_sqs::Client,
    events: aws_sdk_eventbridge::Client,
    url: String,
}

impl Heard {
    pub(crate) async fn start(aws: &Aws, pattern: Value) -> Self {
        let sqs = aws_sdk_sqs::Client::new(&aws.config());
        let events = aws_sdk_eventbridge::Client::new(&aws.config());
        let url = sqs.create_queue().queue_name("heard").send().await.unwrap().queue_url().unwrap().to_owned();
        let asked = sqs.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::QueueArn);
        let arn = asked.send().await.unwrap().attributes().unwrap()[&QueueAttributeName::QueueArn].clone();
        let rule = events.put_rule().name("hear").event_pattern(pattern.to_string()).send().await.unwrap();
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
            "Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": rule.rule_arn()}},
        }]});
        let set = sqs.set_queue_attributes().queue_url(&url);
        set.attributes(QueueAttributeName::Policy, policy.to_string()).send().await.unwrap();
        let target = Target::builder().id("queue").arn(arn).build().unwrap();
        let put = events.put_targets().rule("hear").targets(target).send().await.unwrap();
        assert_eq!(put.failed_entry_count(), 0);
        Self { sqs, events, url }
    }

    /// Everything in the queue, which is then empty.
    pub(crate) async fn take(&self) -> Vec<Value> {
        let mut taken = Vec::new();
        loop {
            let got = self.sqs.receive_message().queue_url(&self.url).max_number_of_messages(10).send().await.unwrap();
            if got.messages().is_empty() {
                return taken;
            }
            for message in got.messages() {
                taken.push(serde_json::from_str(message.body().unwrap()).unwrap());
                let handle = message.receipt_handle().unwrap();
                self.sqs.delete_message().queue_url(&self.url).receipt_handle(handle).send().await.unwrap();
            }
        }
    }
}

async fn deploy(aws: &Aws, image: &str) {
    use aws_sdk_ecs::types::{
        AwsVpcConfiguration, Compatibility, ContainerDefinition, LaunchType, NetworkConfiguration, NetworkMode,
    };
    let ecs = aws_sdk_ecs::Client::new(&aws.config());
    ecs.create_cluster().cluster_name("prod").send().await.unwrap();
    let container = ContainerDefinition::builder().name("web").image(image).build();
    let definition = ecs.register_task_definition().family("web").network_mode(NetworkMode::Awsvpc).cpu("256");
    let definition = definition.memory("512").requires_compatibilities(Compatibility::Fargate);
    definition.container_definitions(container).send().await.unwrap();
    let vpc = AwsVpcConfiguration::builder().subnets("subnet-0a1b2c3d4e5f60001").build().unwrap();
    let network = NetworkConfiguration::builder().awsvpc_configuration(vpc).build();
    let service = ecs.create_service().cluster("prod").service_name("web").task_definition("web").desired_count(1);
    service.launch_type(LaunchType::Fargate).network_configuration(network).send().await.unwrap();
}

/// "Amazon ECS task state change events", "Amazon ECS service deployment state change events", "Amazon ECS service action
/// events".
#[tokio::test]
async fn a_deployment_is_heard_from_its_beginning_to_the_steady_state() {
    let aws = Aws::start().await;
    let heard = Heard::start(&aws, json!({"source": ["aws.ecs"], "detail-type": [{"prefix": "ECS "}]})).await;
    deploy(&aws, "nginx").await;
    aws.pass(120);
    let events = heard.take().await;
    let of = |kind: &str, field: &str| -> Vec<String> {
        let of_kind = events.iter().filter(|event| event["detail-type"] == kind);
        of_kind.map(|event| event["detail"][field].as_str().unwrap_or_default().to_owned()).collect()
    };
    let task = "ECS Task State Change";
    assert_eq!(of(task, "lastStatus"), ["PROVISIONING", "PENDING", "RUNNING"]);
    assert!(of(task, "group").iter().all(|group| group == "service:web"));
    assert!(of(task, "createdAt").iter().all(|at| at.ends_with('Z')), "{:?}", of(task, "createdAt"));
    let deployment = "ECS Deployment State Change";
    assert_eq!(of(deployment, "eventName"), ["SERVICE_DEPLOYMENT_IN_PROGRESS", "SERVICE_DEPLOYMENT_COMPLETED"]);
    assert_eq!(of("ECS Service Action", "eventName"), ["SERVICE_STEADY_STATE"]);
    let service = &events.iter().find(|event| event["detail-type"] == deployment).unwrap()["resources"][0];
    assert_eq!(service, "arn:aws:ecs:eu-west-1:123456789012:service/prod/web");
}

/// "AWS service events delivered via AWS CloudTrail": the only way to hear of a change by hand.
#[tokio::test]
async fn who_changed_what_by_hand_is_heard_from_cloudtrail() {
    let aws = Aws::start().await;
    deploy(&aws, "nginx").await;
    let pattern = json!({"source": ["aws.ecs"], "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {"eventName": ["UpdateService"]}});
    let heard = Heard::start(&aws, pattern).await;
    let ecs = aws_sdk_ecs::Client::new(&aws.config());
    ecs.update_service().cluster("prod").service("web").desired_count(3).send().await.unwrap();
    ecs.update_service().cluster("prod").service("nobody").desired_count(3).send().await.unwrap_err();
    aws.pass(10);
    let events = heard.take().await;
    assert_eq!(events.len(), 2);
    assert_eq!(events[0]["detail"]["requestParameters"]["service"], "web");
    assert_eq!(events[0]["detail"]["userIdentity"]["arn"], "arn:aws:iam::123456789012:user/landbridge");
    assert_eq!(events[0]["detail"]["errorCode"], Value::Null);
    assert_eq!(events[1]["detail"]["errorCode"], "ServiceNotFoundException");
}

/// "Using dead-letter queues to process undelivered events": without one, what a policy keeps out is lost.
#[tokio::test]
async fn a_queue_that_lets_nobody_in_gets_nothing_and_a_disabled_rule_sends_nothing() {
    let aws = Aws::start().await;
    let heard = Heard::start(&aws, json!({"source": ["shop"]})).await;
    let entry = PutEventsRequestEntry::builder().source("shop").detail_type("sold").detail("{\"n\": 1}").build();
    let put = async || {
        let answer = heard.events.put_events().entries(entry.clone()).send().await.unwrap();
        assert_eq!(answer.failed_entry_count(), 0);
        aws.pass(5);
    };
    put().await;
    assert_eq!(heard.take().await[0]["detail"], json!({"n": 1}));
    heard.events.disable_rule().name("hear").send().await.unwrap();
    put().await;
    assert_eq!(heard.take().await, Vec::<Value>::new());
    heard.events.enable_rule().name("hear").send().await.unwrap();
    let set = heard.sqs.set_queue_attributes().queue_url(&heard.url).attributes(QueueAttributeName::Policy, "");
    set.send().await.unwrap();
    put().await;
    assert_eq!(heard.take().await, Vec::<Value>::new());
}

/// PutRule, PutTargets and DeleteRule.
#[tokio::test]
async fn a_rule_goes_after_its_targets_and_its_refusals_are_the_sdk_s_own() {
    let aws = Aws::start().await;
    let heard = Heard::start(&aws, json!({"source": ["shop"]})).await;
    let events = &heard.events;
    let bad = events.put_rule().name("bad").event_pattern("{\"source\": \"x\"}").send().await.unwrap_err();
    assert!(bad.into_service_error().is_invalid_event_pattern_exception());
    let missing = events.describe_rule().name("missing").send().await.unwrap_err();
    assert!(missing.into_service_error().is_resource_not_found_exception());
    assert!(events.delete_rule().name("hear").send().await.is_err());
    let rule = events.describe_rule().name("hear").send().await.unwrap();
    assert_eq!(rule.state(), Some(&RuleState::Enabled));
    let targets = events.list_targets_by_rule().rule("hear").send().await.unwrap();
    assert_eq!(targets.targets()[0].id(), "queue");
    events.remove_targets().rule("hear").ids("queue").send().await.unwrap();
    events.delete_rule().name("hear").send().await.unwrap();
    assert!(events.list_rules().send().await.unwrap().rules().is_empty());
}

/// "Amazon SQS visibility timeout" and "Amazon SQS dead-letter queues".
#[tokio::test]
async fn a_message_comes_back_until_it_is_deleted_or_was_received_too_often() {
    let aws = Aws::start().await;
    let sqs = aws_sdk_sqs::Client::new(&aws.config());
    let letters = sqs.create_queue().queue_name("letters").send().await.unwrap().queue_url().unwrap().to_owned();
    let redrive = json!({"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:123456789012:letters", "maxReceiveCount": 2});
    let work = sqs.create_queue().queue_name("work").attributes(QueueAttributeName::RedrivePolicy, redrive.to_string());
    let work = work.send().await.unwrap().queue_url().unwrap().to_owned();
    sqs.send_message().queue_url(&work).message_body("job").send().await.unwrap();
    let receive = async |url: &str| {
        let got = sqs.receive_message().queue_url(url).send().await.unwrap();
        got.messages().first().cloned()
    };
    let first = receive(&work).await.unwrap();
    assert_eq!(first.body(), Some("job"));
    assert_eq!(receive(&work).await, None);
    aws.pass(31);
    assert!(receive(&work).await.is_some());
    aws.pass(31);
    assert_eq!(receive(&work).await, None);
    let dead = receive(&letters).await.unwrap();
    sqs.delete_message().queue_url(&letters).receipt_handle(dead.receipt_handle().unwrap()).send().await.unwrap();
    aws.pass(31);
    assert_eq!(receive(&letters).await, None);
    let gone = sqs.get_queue_url().queue_name("nowhere").send().await.unwrap_err().into_service_error();
    assert!(gone.is_queue_does_not_exist(), "{gone:?}");
}
