//! CloudWatch Logs through aws-sdk-cloudwatchlogs.

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::{InputLogEvent, LogGroupClass};

use crate::support::Aws;

async fn create(client: &Client, name: &str) {
    client.create_log_group().log_group_name(name).tags("team", "shop").send().await.unwrap();
}

#[tokio::test]
async fn a_log_group_round_trips_with_retention_and_tags() {
    let aws = Aws::start().await;
    let client = Client::new(&aws.config());
    create(&client, "/ecs/web").await;
    client.put_retention_policy().log_group_name("/ecs/web").retention_in_days(14).send().await.unwrap();
    let answer = client.describe_log_groups().log_group_name_prefix("/ecs/").send().await.unwrap();
    let group = &answer.log_groups()[0];
    assert_eq!(group.retention_in_days(), Some(14));
    assert_eq!(group.log_group_class(), Some(&LogGroupClass::Standard));
    assert_eq!(group.creation_time(), Some(aws.emulator.now().as_millisecond()));
    let arn = group.log_group_arn().unwrap();
    assert_eq!(group.arn(), Some(format!("{arn}:*").as_str()));
    client.tag_resource().resource_arn(arn).tags("env", "prod").send().await.unwrap();
    client.untag_resource().resource_arn(arn).tag_keys("team").send().await.unwrap();
    let tags = client.list_tags_for_resource().resource_arn(arn).send().await.unwrap();
    assert_eq!(tags.tags().unwrap().get("env").map(String::as_str), Some("prod"));
    assert_eq!(tags.tags().unwrap().len(), 1);
    client.delete_retention_policy().log_group_name("/ecs/web").send().await.unwrap();
    client.delete_log_group().log_group_name("/ecs/web").send().await.unwrap();
    assert!(client.describe_log_groups().send().await.unwrap().log_groups().is_empty());
}

#[tokio::test]
async fn refusals_are_the_sdk_s_own_error_variants() {
    let aws = Aws::start().await;
    let client = Client::new(&aws.config());
    create(&client, "x").await;
    let again = client.create_log_group().log_group_name("x").send().await.unwrap_err().into_service_error();
    assert!(again.is_resource_already_exists_exception(), "{again:?}");
    let gone = client.delete_log_group().log_group_name("y").send().await.unwrap_err().into_service_error();
    assert!(gone.is_resource_not_found_exception(), "{gone:?}");
    let days = client.put_retention_policy().log_group_name("x").retention_in_days(2).send().await;
    assert!(days.unwrap_err().into_service_error().is_invalid_parameter_exception());
}

#[tokio::test]
async fn pages_of_groups_together_give_every_group_once() {
    let aws = Aws::start().await;
    let client = Client::new(&aws.config());
    for n in 0..5 {
        create(&client, &format!("g{n}")).await;
    }
    let mut groups = client.describe_log_groups().limit(2).into_paginator().items().send();
    let mut names = Vec::new();
    while let Some(group) = groups.next().await {
        names.push(group.unwrap().log_group_name().unwrap().to_owned());
    }
    assert_eq!(names, ["g0", "g1", "g2", "g3", "g4"]);
}

#[tokio::test]
async fn events_are_written_and_read_back() {
    let aws = Aws::start().await;
    let client = Client::new(&aws.config());
    create(&client, "x").await;
    client.create_log_stream().log_group_name("x").log_stream_name("web/1").send().await.unwrap();
    let event = InputLogEvent::builder().timestamp(aws.emulator.now().as_millisecond()).message("hello");
    let put = client.put_log_events().log_group_name("x").log_stream_name("web/1");
    put.log_events(event.build().unwrap()).send().await.unwrap();
    let got = client.get_log_events().log_group_name("x").log_stream_name("web/1").send().await.unwrap();
    assert_eq!(got.events()[0].message(), Some("hello"));
    let found = client.filter_log_events().log_group_name("x").filter_pattern("hello").send().await.unwrap();
    assert_eq!(found.events()[0].log_stream_name(), Some("web/1"));
    let streams = client.describe_log_streams().log_group_name("x").send().await.unwrap();
    assert_eq!(streams.log_streams()[0].last_event_timestamp(), Some(aws.emulator.now().as_millisecond()));
}
