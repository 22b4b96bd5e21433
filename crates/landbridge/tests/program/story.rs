//! From the first plan to the last deletion.

use std::process::Command;
use std::time::{Duration, Instant};

use landbridge_emulator::{Fault, FaultKind};

use crate::bench::{Bench, Ran};

#[test]
fn a_plan_of_a_new_folder_is_whole_and_writes_nothing() {
    let bench = Bench::with_sample();
    let ran = bench.run(&["plan", "-f", "."]).ended(0).shows("taskRoleArn: (known after apply)");
    assert!(!ran.out.contains("to wait for"), "{}", ran.out);
    insta::assert_snapshot!("first_plan", ran.out);
    assert_eq!(bench.writes(), Vec::<String>::new());
}

#[test]
fn the_json_form_of_a_plan_is_stable() {
    let bench = Bench::with_sample();
    insta::assert_snapshot!("first_plan_json", bench.run(&["plan", "-o", "json", "-f", "."]).ended(0).out);
}

#[test]
fn an_applied_folder_is_healthy_and_a_second_apply_writes_nothing() {
    let bench = Bench::with_sample();
    bench.run(&["plan", "--detailed-exitcode", "-f", "."]).ended(2);
    bench.run(&["diff", "-f", "."]).ended(1);
    bench.run(&["apply", "--wait", "-f", "."]).ended(0).told("✓ ECSService/shop/web: 2 of 2 tasks run prod-web:1");
    assert!(bench.writes().len() >= 10);
    bench.run(&["apply", "--wait", "-f", "."]).ended(0).told("Nothing was written to AWS.");
    bench.run(&["plan", "--detailed-exitcode", "-f", "."]).ended(0).shows("No changes. AWS is as the files say.");
    bench.run(&["diff", "-f", "."]).ended(0);
    assert_eq!(bench.writes(), Vec::<String>::new());
}

#[test]
fn a_new_image_is_planned_as_one_difference_and_takes_two_writes() {
    let bench = Bench::with_sample();
    bench.run(&["apply", "--wait", "-f", "."]).ended(0);
    bench.edit("web.yaml", "nginx:1.29", "nginx:1.30");
    insta::assert_snapshot!("new_image", bench.run(&["plan", "-f", "."]).ended(0).out);
    bench.writes();
    bench.run(&["apply", "--wait", "-f", "."]).ended(0).told("2 of 2 tasks run prod-web:2");
    assert_eq!(bench.writes(), ["ecs:RegisterTaskDefinition", "ecs:UpdateService"]);
}

#[test]
fn an_image_that_cannot_be_pulled_ends_as_rolled_back_with_the_reason() {
    let bench = Bench::with_sample();
    bench.run(&["apply", "--wait", "-f", "."]).ended(0);
    bench.edit("web.yaml", "nginx:1.29", "pull-error:1");
    let ran = bench.run(&["apply", "--wait", "-f", "."]).ended(1).told("✗ ECSService/shop/web: RolledBack: ECS rolled");
    assert!(ran.err.contains("circuit breaker"), "{}", ran.err);
    assert!(ran.err.contains("✓ ECSService/shop/orders"), "{}", ran.err);
    // As it is said: once the rollback is over, the same command tries again.
    assert!(ran.err.contains("another `landbridge apply` tries it again"), "{}", ran.err);
    bench.run(&["apply", "-f", "orders.yaml", "-f", "platform.yaml", "--wait"]).ended(0);
    let deadline = Instant::now() + Duration::from_mins(1);
    let rolling = |s: &serde_json::Value| s["deployments"].as_array().is_some_and(|d| d.len() > 1);
    while bench.aws.state()["ecs"]["services"].as_array().unwrap().iter().any(rolling) {
        assert!(Instant::now() < deadline, "the rollback never ends");
        std::thread::yield_now();
    }
    bench.writes();
    bench.run(&["apply", "--wait", "-f", "."]).ended(1).told("RolledBack");
    assert_eq!(bench.writes(), ["ecs:UpdateService"]);
}

#[test]
fn deletion_takes_services_first_and_leaves_nothing() {
    let bench = Bench::with_sample();
    bench.run(&["apply", "--wait", "-f", "."]).ended(0);
    bench.writes();
    bench.run(&["delete", "--dry-run", "-f", "."]).ended(0).shows("- delete ECS service prod/web");
    assert_eq!(bench.writes(), Vec::<String>::new());
    bench.run(&["delete", "-f", "."]).ended(0).told("✓ ECSCluster/prod: gone");
    let writes = bench.writes();
    let at =
        |action: &str| writes.iter().position(|w| w == action).unwrap_or_else(|| panic!("no {action}: {writes:?}"));
    assert!(at("ecs:DeleteService") < at("iam:DeleteRole") && at("iam:DeleteRole") < at("ecs:DeleteCluster"));
    bench.run(&["delete", "-f", "."]).ended(0).told("Nothing was written to AWS.");
}

#[test]
fn an_interrupted_apply_is_completed_by_the_same_command() {
    let bench = Bench::with_sample();
    // Services cannot be made, so that the apply is in its middle until it is interrupted.
    bench.aws.fault(Fault::on("ecs:CreateService", FaultKind::ServerError));
    let child = bench.start(&["apply", "--wait", "-f", "."]);
    let deadline = Instant::now() + Duration::from_mins(1);
    while bench.aws.calls().count("ecs:CreateService") == 0 {
        assert!(Instant::now() < deadline, "the apply never came to a service");
        std::thread::yield_now();
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    Ran::of(&child.wait_with_output().unwrap()).ended(130).told("the same command goes on from there");
    bench.aws.clear_faults();
    bench.run(&["apply", "--wait", "-f", "."]).ended(0).told("2 of 2 tasks run prod-web:1");
    let calls = bench.aws.calls();
    assert_eq!(calls.count("ecs:CreateCluster"), 1);
    assert_eq!(calls.count("ecs:RegisterTaskDefinition"), 2, "{:?}", calls.by_action());
}
