//! EventBridge Scheduler through aws-sdk-scheduler. Source of what is expected: CreateSchedule, ListSchedules,
//! CreateScheduleGroup (EventBridge Scheduler API reference) and "Schedule types" of its user guide.

use aws_sdk_scheduler::Client;
use aws_sdk_scheduler::error::ProvideErrorMetadata as _;
use aws_sdk_scheduler::types::{FlexibleTimeWindow, FlexibleTimeWindowMode, ScheduleState, Tag, Target};
use serde_json::json;

use crate::support::{Aws, on_both_fronts, trust};

async fn target(aws: &Aws) -> Target {
    let iam = aws_sdk_iam::Client::new(&aws.config());
    let trusting = trust(&json!({"Service": "scheduler.amazonaws.com"}), &json!({}));
    let role = iam.create_role().role_name("scheduler").assume_role_policy_document(trusting).send().await.unwrap();
    aws_sdk_sqs::Client::new(&aws.config()).create_queue().queue_name("q").send().await.unwrap();
    let target = Target::builder().arn("arn:aws:sqs:eu-west-1:123456789012:q").role_arn(role.role().unwrap().arn());
    target.input("hello").build().unwrap()
}

fn off() -> FlexibleTimeWindow {
    FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build().unwrap()
}

#[tokio::test]
async fn a_schedule_round_trips_fires_at_its_queue_and_is_deleted() {
    on_both_fronts(async |aws| {
        let client = Client::new(&aws.config());
        let target = target(&aws).await;
        let create = |expression: &str| {
            let request = client.create_schedule().name("tick").schedule_expression(expression);
            request.flexible_time_window(off()).target(target.clone())
        };
        let refused = create("rate(5 fortnights)").send().await.unwrap_err().into_service_error();
        assert!(refused.is_validation_exception(), "{refused:?}");
        assert_eq!(refused.message(), Some("Invalid Schedule Expression rate(5 fortnights)."));
        create("at(2026-01-01T00:10:00)").send().await.unwrap();
        let again = create("rate(1 day)").send().await.unwrap_err().into_service_error();
        assert!(again.is_conflict_exception(), "{again:?}");
        let got = client.get_schedule().name("tick").send().await.unwrap();
        assert_eq!((got.state(), got.group_name()), (Some(&ScheduleState::Enabled), Some("default")));
        assert_eq!(got.creation_date().unwrap().secs(), aws.emulator.now().as_second());
        aws.pass(601);
        let sqs = aws_sdk_sqs::Client::new(&aws.config());
        let url = sqs.get_queue_url().queue_name("q").send().await.unwrap();
        let message = sqs.receive_message().queue_url(url.queue_url().unwrap()).send().await.unwrap();
        assert_eq!(message.messages()[0].body(), Some("hello"));
        client.delete_schedule().name("tick").send().await.unwrap();
        let gone = client.get_schedule().name("tick").send().await.unwrap_err().into_service_error();
        assert!(gone.is_resource_not_found_exception(), "{gone:?}");
    })
    .await;
}

#[tokio::test]
async fn groups_are_made_listed_tagged_and_deleted_with_their_schedules() {
    on_both_fronts(async |aws| {
        let client = Client::new(&aws.config());
        let tag = Tag::builder().key("team").value("shop").build().unwrap();
        let made = client.create_schedule_group().name("jobs").tags(tag).send().await.unwrap();
        let arn = made.schedule_group_arn();
        let tags = client.list_tags_for_resource().resource_arn(arn).send().await.unwrap();
        assert_eq!(tags.tags()[0].value(), "shop");
        let target = target(&aws).await;
        let request = client.create_schedule().name("tick").group_name("jobs").schedule_expression("rate(1 day)");
        request.flexible_time_window(off()).target(target).send().await.unwrap();
        let listed = client.list_schedules().group_name("jobs").send().await.unwrap();
        assert_eq!(listed.schedules()[0].name(), Some("tick"));
        let groups = client.list_schedule_groups().send().await.unwrap();
        assert_eq!(groups.schedule_groups().len(), 2);
        client.delete_schedule_group().name("jobs").send().await.unwrap();
        let gone = client.list_schedules().group_name("jobs").send().await.unwrap_err().into_service_error();
        assert!(gone.is_resource_not_found_exception(), "{gone:?}");
    })
    .await;
}
