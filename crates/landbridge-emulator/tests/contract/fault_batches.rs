//! Partial failures of batches, through the SDKs: some entries fail in their API's own shape, and the others are done. The shapes
//! are those of Failure (ECS), PutTargetsResultEntry and PutEventsResultEntry (EventBridge), BatchResultErrorEntry (SQS),
//! APIErrorType (Secrets Manager) and FailureInfo (Resource Groups Tagging API).

use std::num::NonZeroU64;

use aws_sdk_ecs::types::TaskDefinitionStatus;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, Target};
use aws_sdk_resourcegroupstagging::types::ErrorCode;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, SendMessageBatchRequestEntry};
use landbridge_emulator::{Entries, Fault, FaultKind};

use crate::ecs::{create, register, shop};
use crate::support::{Aws, on_both_fronts};

fn spoil(aws: &Aws, action: &str, entries: Entries) {
    aws.emulator.fault(Fault::on(action, FaultKind::Partial(entries)).times(1));
}

fn named(name: &str) -> Entries {
    Entries::Named(name.to_owned())
}

#[tokio::test]
async fn ecs_describes_the_others_and_gives_a_reason_that_is_not_missing() {
    on_both_fronts(async |aws| {
        let ecs = shop(&aws).await;
        for name in ["web", "api"] {
            create(&ecs).service_name(name).send().await.unwrap();
        }
        spoil(&aws, "ecs:DescribeServices", named("api"));
        let ask = async || {
            let call = ecs.describe_services().cluster("prod").services("web").services("api").services("none");
            call.send().await.unwrap()
        };
        let answer = ask().await;
        let names: Vec<_> = answer.services().iter().map(|it| it.service_name().unwrap()).collect();
        assert_eq!(names, ["web"]);
        let failures: Vec<_> = answer.failures().iter().map(|it| (it.arn().unwrap(), it.reason().unwrap())).collect();
        let service = |name: &str| format!("arn:aws:ecs:eu-west-1:123456789012:service/prod/{name}");
        assert_eq!(failures, [(&*service("api"), "ServerException"), (&*service("none"), "MISSING")]);
        assert!(answer.failures()[0].detail().unwrap().contains("try again"));
        assert_eq!(ask().await.services().len(), 2, "the next call is whole");
        spoil(&aws, "ecs:*", named("prod"));
        let answer = ecs.describe_clusters().clusters("prod").clusters("none").send().await.unwrap();
        let reasons: Vec<_> = answer.failures().iter().map(|it| it.reason().unwrap()).collect();
        assert_eq!((answer.clusters().len(), &reasons[..]), (0, &["ServerException", "MISSING"][..]));
    })
    .await;
}

#[tokio::test]
async fn what_ecs_fails_to_delete_stays_and_the_rest_goes() {
    on_both_fronts(async |aws| {
        let ecs = shop(&aws).await;
        register(&ecs, "nginx:2").await;
        for name in ["web:1", "web:2"] {
            ecs.deregister_task_definition().task_definition(name).send().await.unwrap();
        }
        spoil(&aws, "ecs:DeleteTaskDefinitions", Entries::Every(NonZeroU64::new(2).unwrap()));
        let answer =
            ecs.delete_task_definitions().task_definitions("web:1").task_definitions("web:2").send().await.unwrap();
        assert_eq!((answer.task_definitions().len(), answer.failures().len()), (1, 1));
        assert!(answer.failures()[0].arn().unwrap().ends_with("web:2"));
        let kept = ecs.describe_task_definition().task_definition("web:2").send().await.unwrap();
        assert_eq!(kept.task_definition().unwrap().status(), Some(&TaskDefinitionStatus::Inactive));
    })
    .await;
}

#[tokio::test]
async fn eventbridge_counts_the_entries_that_failed_and_keeps_the_others() {
    on_both_fronts(async |aws| {
        let events = aws_sdk_eventbridge::Client::new(&aws.config());
        events.put_rule().name("hear").event_pattern(r#"{"source": ["shop"]}"#).send().await.unwrap();
        let target = |id: &str| Target::builder().id(id).arn("arn:aws:sqs:eu-west-1:123456789012:q").build().unwrap();
        spoil(&aws, "events:PutTargets", Entries::Every(NonZeroU64::new(2).unwrap()));
        let put = events.put_targets().rule("hear").targets(target("a")).targets(target("b")).targets(target("c"));
        let put = put.send().await.unwrap();
        let failed = put.failed_entries();
        assert_eq!((put.failed_entry_count(), failed.len(), failed[0].target_id()), (1, 1, Some("b")));
        assert_eq!(failed[0].error_code(), Some("ConcurrentModificationException"));
        let listed = async || {
            let listed = events.list_targets_by_rule().rule("hear").send().await.unwrap();
            listed.targets().iter().map(|it| it.id().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(listed().await, ["a", "c"]);
        spoil(&aws, "events:RemoveTargets", named("a"));
        let removed = events.remove_targets().rule("hear").ids("a").ids("c").send().await.unwrap();
        assert_eq!((removed.failed_entry_count(), removed.failed_entries()[0].target_id()), (1, Some("a")));
        assert_eq!(listed().await, ["a"]);
        spoil(&aws, "events:PutEvents", named("shop"));
        let entry =
            |source: &str| PutEventsRequestEntry::builder().source(source).detail_type("sold").detail("{}").build();
        let put = events.put_events().entries(entry("till")).entries(entry("shop")).send().await.unwrap();
        let codes: Vec<_> = put.entries().iter().map(|it| (it.event_id().is_some(), it.error_code())).collect();
        assert_eq!((put.failed_entry_count(), &codes[..]), (1, &[(true, None), (false, Some("InternalFailure"))][..]));
    })
    .await;
}

#[tokio::test]
async fn messages_that_sqs_fails_to_take_or_to_delete_are_told_as_its_own_fault() {
    on_both_fronts(async |aws| {
        let sqs = aws_sdk_sqs::Client::new(&aws.config());
        let url = sqs.create_queue().queue_name("q").send().await.unwrap().queue_url().unwrap().to_owned();
        let message = |id: &str| SendMessageBatchRequestEntry::builder().id(id).message_body(id).build().unwrap();
        spoil(&aws, "sqs:SendMessageBatch", named("b"));
        let sent = sqs.send_message_batch().queue_url(&url).entries(message("a")).entries(message("b"));
        let sent = sent.entries(message("c")).send().await.unwrap();
        let failed = &sent.failed()[0];
        assert_eq!((sent.successful().len(), sent.failed().len(), failed.id()), (2, 1, "b"));
        assert_eq!((failed.code(), failed.sender_fault()), ("InternalError", false));
        let got = sqs
            .receive_message()
            .queue_url(&url)
            .max_number_of_messages(10)
            .visibility_timeout(30)
            .send()
            .await
            .unwrap();
        assert_eq!(got.messages().iter().map(|it| it.body().unwrap()).collect::<Vec<_>>(), ["a", "c"]);
        spoil(&aws, "sqs:*", Entries::Every(NonZeroU64::new(2).unwrap()));
        let entries = got.messages().iter().map(|it| {
            let entry = DeleteMessageBatchRequestEntry::builder().id(it.body().unwrap());
            entry.receipt_handle(it.receipt_handle().unwrap()).build().unwrap()
        });
        let gone =
            sqs.delete_message_batch().queue_url(&url).set_entries(Some(entries.collect())).send().await.unwrap();
        assert_eq!((gone.successful()[0].id(), gone.failed()[0].id()), ("a", "c"));
        aws.pass(31);
        let again = sqs.receive_message().queue_url(&url).max_number_of_messages(10).send().await.unwrap();
        assert_eq!(again.messages().iter().map(|it| it.body().unwrap()).collect::<Vec<_>>(), ["c"]);
    })
    .await;
}

#[tokio::test]
async fn secrets_and_tags_fail_one_by_one_too() {
    on_both_fronts(async |aws| {
        let ecs = shop(&aws).await;
        let secrets = aws_sdk_secretsmanager::Client::new(&aws.config());
        for name in ["db", "key"] {
            secrets.create_secret().name(name).secret_string("x").send().await.unwrap();
        }
        spoil(&aws, "secretsmanager:BatchGetSecretValue", named("key"));
        let got = secrets.batch_get_secret_value().secret_id_list("db").secret_id_list("key").send().await.unwrap();
        assert_eq!((got.secret_values()[0].name(), got.errors()[0].secret_id()), (Some("db"), Some("key")));
        assert_eq!(got.errors()[0].error_code(), Some("InternalServiceError"));
        let tagging = aws_sdk_resourcegroupstagging::Client::new(&aws.config());
        let other = ecs.create_cluster().cluster_name("other").send().await.unwrap();
        let other = other.cluster().unwrap().cluster_arn().unwrap();
        let prod = other.replace("/other", "/prod");
        spoil(&aws, "tag:TagResources", named("*/other"));
        let tagged = tagging
            .tag_resources()
            .resource_arn_list(&prod)
            .resource_arn_list(other)
            .tags("a", "b")
            .send()
            .await
            .unwrap();
        let failed = tagged.failed_resources_map().unwrap();
        assert_eq!((failed.len(), failed[other].status_code()), (1, 500));
        assert_eq!(failed[other].error_code(), Some(&ErrorCode::InternalServiceException));
        let tags = ecs.list_tags_for_resource().resource_arn(&prod).send().await.unwrap();
        assert_eq!(tags.tags()[0].key(), Some("a"));
    })
    .await;
}
