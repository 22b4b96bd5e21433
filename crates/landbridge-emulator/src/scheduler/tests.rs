//! EventBridge Scheduler as a client sees it, one behaviour per test.

#![allow(clippy::needless_pass_by_value)]

use serde_json::{Value, json};

use crate::bench::Bench;

const ROLE: &str = "arn:aws:iam::123456789012:role/scheduler";
const QUEUE: &str = "arn:aws:sqs:eu-west-1:123456789012:q";

/// A bench with a role that EventBridge Scheduler can take, and a queue.
fn bench() -> Bench {
    let mut bench = Bench::new();
    let statement =
        json!({"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"});
    let trust = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    bench.ok("iam", "CreateRole", json!({"RoleName": "scheduler", "AssumeRolePolicyDocument": trust}));
    bench.ok("sqs", "CreateQueue", json!({"QueueName": "q"}));
    bench
}

fn ok(bench: &mut Bench, op: &str, input: Value) -> Value {
    bench.ok("scheduler", op, input)
}

fn code(bench: &mut Bench, op: &str, input: Value) -> String {
    bench.code("scheduler", op, input)
}

fn wanted(expression: &str) -> Value {
    json!({
        "Name": "tick", "ScheduleExpression": expression, "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": QUEUE, "RoleArn": ROLE, "Input": "hello"},
    })
}

/// How many messages came to the queue since the last look.
fn came(bench: &mut Bench) -> usize {
    let mut count = 0;
    loop {
        let input = json!({"QueueUrl": "http://x/123456789012/q", "MaxNumberOfMessages": 10});
        let answer = bench.ok("sqs", "ReceiveMessage", input);
        let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
        if messages.is_empty() {
            return count;
        }
        count += messages.len();
        for message in messages {
            assert_eq!(message["Body"], "hello");
            let gone = json!({"QueueUrl": "http://x/123456789012/q", "ReceiptHandle": message["ReceiptHandle"]});
            bench.ok("sqs", "DeleteMessage", gone);
        }
    }
}

#[test]
fn a_schedule_comes_back_as_it_was_given_with_its_defaults() {
    let mut bench = bench();
    let arn = ok(&mut bench, "CreateSchedule", wanted("rate(5 minutes)"))["ScheduleArn"].clone();
    assert_eq!(arn, "arn:aws:scheduler:eu-west-1:123456789012:schedule/default/tick");
    let got = ok(&mut bench, "GetSchedule", json!({"Name": "tick"}));
    assert_eq!(
        (&got["State"], &got["GroupName"], &got["ScheduleExpressionTimezone"]),
        (&json!("ENABLED"), &json!("default"), &json!("UTC"))
    );
    assert_eq!(got["Target"]["Input"], "hello");
    assert_eq!(code(&mut bench, "CreateSchedule", wanted("rate(5 minutes)")), "ConflictException");
    let mut update = wanted("cron(0 12 * * ? *)");
    update["State"] = json!("DISABLED");
    ok(&mut bench, "UpdateSchedule", update);
    let got = ok(&mut bench, "GetSchedule", json!({"Name": "tick"}));
    assert_eq!((&got["State"], &got["ScheduleExpression"]), (&json!("DISABLED"), &json!("cron(0 12 * * ? *)")));
    ok(&mut bench, "DeleteSchedule", json!({"Name": "tick"}));
    for op in ["GetSchedule", "DeleteSchedule"] {
        assert_eq!(code(&mut bench, op, json!({"Name": "tick"})), "ResourceNotFoundException");
    }
    assert_eq!(code(&mut bench, "UpdateSchedule", wanted("rate(5 minutes)")), "ResourceNotFoundException");
}

#[test]
fn bad_schedules_are_refused() {
    let mut bench = bench();
    let with = |pointer: &str, value: Value| {
        let mut input = wanted("rate(5 minutes)");
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        input.pointer_mut(parent).unwrap()[member] = value;
        input
    };
    for input in [
        with("/Name", json!("a b")),
        with("/ScheduleExpression", json!("rate(5 fortnights)")),
        with("/ScheduleExpression", json!("cron(* * * * *)")),
        with("/ScheduleExpressionTimezone", json!("Middle/Earth")),
        with("/FlexibleTimeWindow", Value::Null),
        with("/FlexibleTimeWindow/Mode", json!("FLEXIBLE")),
        with("/State", json!("ON")),
        with("/Target/RoleArn", json!("arn:aws:iam::123456789012:role/none")),
        with("/Target/Arn", json!("q")),
        with("/Target/Arn", json!("arn:aws:ecs:eu-west-1:123456789012:cluster/prod")),
    ] {
        assert_eq!(code(&mut bench, "CreateSchedule", input.clone()), "ValidationException", "{input}");
    }
    let elsewhere = with("/GroupName", json!("none"));
    assert_eq!(code(&mut bench, "CreateSchedule", elsewhere), "ResourceNotFoundException");
    let mut dates = wanted("rate(5 minutes)");
    (dates["StartDate"], dates["EndDate"]) = (json!(2_000_000_000), json!(1_900_000_000));
    assert_eq!(code(&mut bench, "CreateSchedule", dates), "ValidationException");
}

#[test]
fn a_rate_fires_at_once_and_then_in_step_until_it_is_disabled() {
    let mut bench = bench();
    ok(&mut bench, "CreateSchedule", wanted("rate(5 minutes)"));
    bench.pass(1);
    assert_eq!(came(&mut bench), 1);
    bench.pass(3600);
    assert_eq!(came(&mut bench), 12);
    let mut update = wanted("rate(5 minutes)");
    update["State"] = json!("DISABLED");
    ok(&mut bench, "UpdateSchedule", update);
    bench.pass(3600);
    assert_eq!(came(&mut bench), 0);
    assert_eq!(bench.world.calls.copy().writes_of_services().len(), 13);
}

#[test]
fn a_time_fires_once_and_a_schedule_that_is_over_can_go_by_itself() {
    let mut bench = bench();
    let mut once = wanted("at(2026-01-01T02:00:00)");
    once["ActionAfterCompletion"] = json!("DELETE");
    ok(&mut bench, "CreateSchedule", once);
    bench.pass(2 * 3600 - 1);
    assert_eq!(came(&mut bench), 0);
    bench.pass(2);
    assert_eq!(came(&mut bench), 1);
    assert_eq!(code(&mut bench, "GetSchedule", json!({"Name": "tick"})), "ResourceNotFoundException");
}

#[test]
fn a_cron_fires_between_its_dates() {
    let mut bench = bench();
    let mut hourly = wanted("cron(0 * * * ? *)");
    // From half past one to half past four in the morning of the bench's first day.
    let midnight = 1_767_225_600;
    (hourly["StartDate"], hourly["EndDate"]) = (json!(midnight + 5400), json!(midnight + 16_200));
    ok(&mut bench, "CreateSchedule", hourly);
    bench.pass(86_400);
    assert_eq!(came(&mut bench), 3, "at two, three and four");
}

#[test]
fn an_ecs_target_runs_tasks_with_the_schedule_s_overrides() {
    let mut bench = bench();
    let ecs = |bench: &mut Bench, op: &str, input: Value| bench.ok("ecs", op, input);
    ecs(&mut bench, "CreateCluster", json!({"clusterName": "prod"}));
    let container = json!([{"name": "job", "image": "nginx", "memory": 64}]);
    let definition = json!({"family": "job", "containerDefinitions": container});
    let definition =
        ecs(&mut bench, "RegisterTaskDefinition", definition)["taskDefinition"]["taskDefinitionArn"].clone();
    let mut nightly = wanted("at(2026-01-01T00:10:00)");
    let overrides = json!({"containerOverrides": [{"name": "job", "command": ["run"]}]}).to_string();
    nightly["Target"] = json!({
        "Arn": "arn:aws:ecs:eu-west-1:123456789012:cluster/prod", "RoleArn": ROLE, "Input": overrides,
        "EcsParameters": {"TaskDefinitionArn": definition, "TaskCount": 2, "LaunchType": "EC2", "EnableECSManagedTags": true},
    });
    ok(&mut bench, "CreateSchedule", nightly);
    bench.pass(660);
    let tasks = ecs(&mut bench, "ListTasks", json!({"cluster": "prod"}))["taskArns"].clone();
    assert_eq!(tasks.as_array().unwrap().len(), 2);
    let task = ecs(&mut bench, "DescribeTasks", json!({"cluster": "prod", "tasks": tasks}))["tasks"][0].clone();
    assert_eq!(task["overrides"]["containerOverrides"][0]["command"], json!(["run"]));
}

#[test]
fn groups_hold_schedules_and_tags() {
    let mut bench = bench();
    let tags = json!([{"Key": "team", "Value": "shop"}]);
    let arn = ok(&mut bench, "CreateScheduleGroup", json!({"Name": "jobs", "Tags": tags}))["ScheduleGroupArn"].clone();
    assert_eq!(code(&mut bench, "CreateScheduleGroup", json!({"Name": "default"})), "ConflictException");
    let mut schedule = wanted("rate(1 day)");
    schedule["GroupName"] = json!("jobs");
    ok(&mut bench, "CreateSchedule", schedule);
    ok(&mut bench, "CreateSchedule", wanted("rate(1 day)"));
    let names = ok(&mut bench, "ListSchedules", json!({"GroupName": "jobs"}))["Schedules"].clone();
    assert_eq!((names.as_array().unwrap().len(), &names[0]["Target"]["Arn"]), (1, &json!(QUEUE)));
    let first = ok(&mut bench, "ListSchedules", json!({"MaxResults": "1"}));
    let rest = ok(&mut bench, "ListSchedules", json!({"NextToken": first["NextToken"]}));
    assert_eq!(rest["Schedules"][0]["GroupName"], "jobs");
    let groups = ok(&mut bench, "ListScheduleGroups", json!({}))["ScheduleGroups"].clone();
    assert_eq!((&groups[0]["Name"], &groups[1]["Name"]), (&json!("default"), &json!("jobs")));
    ok(&mut bench, "UntagResource", json!({"ResourceArn": arn, "TagKeys": ["team"]}));
    ok(&mut bench, "TagResource", json!({"ResourceArn": arn, "Tags": [{"Key": "a", "Value": "b"}]}));
    assert_eq!(
        ok(&mut bench, "ListTagsForResource", json!({ "ResourceArn": arn }))["Tags"],
        json!([{"Key": "a", "Value": "b"}])
    );
    ok(&mut bench, "DeleteScheduleGroup", json!({"Name": "jobs"}));
    assert_eq!(ok(&mut bench, "ListSchedules", json!({}))["Schedules"].as_array().unwrap().len(), 1);
    assert_eq!(code(&mut bench, "DeleteScheduleGroup", json!({"Name": "default"})), "ValidationException");
}
