//! The same seed and the same calls give the same answers, the same log and the same state, byte for byte.

use std::fmt::Write as _;
use std::time::Duration;

use landbridge_emulator::{Clock, Emulator, Fault, FaultKind};
use serde_json::{Value, json};

/// An emulated AWS whose every answer is written down.
struct Diary {
    aws: Emulator,
    text: String,
}

impl Diary {
    fn of(seed: u64) -> Self {
        let clock = Clock::manual("2026-01-01T00:00:00Z".parse().unwrap());
        let aws = Emulator::builder().clock(clock).seed(seed).build();
        aws.fault(Fault::on("*", FaultKind::ServerError).probability(0.1));
        aws.fault(Fault::on("ecs:Describe*", FaultKind::StaleRead(Duration::from_secs(5))).probability(0.3));
        Self { aws, text: String::new() }
    }

    fn call(&mut self, target: &str, input: &Value) {
        let request = http::Request::post("/").header("x-amz-target", target).header("host", "127.0.0.1");
        let response = self.aws.respond(request.body(input.to_string().into()).unwrap());
        let body = String::from_utf8_lossy(response.body());
        writeln!(self.text, "{target} {} {:?} {body}", response.status(), response.headers()).unwrap();
    }

    fn ecs(&mut self, operation: &str, input: &Value) {
        self.call(&format!("AmazonEC2ContainerServiceV20141113.{operation}"), input);
    }

    /// Ten services of images that run, crash, cannot be pulled and are slow, for an hour with a change of each.
    fn an_hour(mut self) -> String {
        self.ecs("CreateCluster", &json!({"clusterName": "prod"}));
        self.call(
            "Route53AutoNaming_v20170314.CreatePrivateDnsNamespace",
            &json!({"Name": "shop.internal", "Vpc": "vpc-1", "CreatorRequestId": "1"}),
        );
        let images = ["nginx:1", "crash-after-30s:1", "pull-error:1", "slow-start:1"];
        for (number, image) in images.iter().cycle().take(10).enumerate() {
            let family = format!("s{number}");
            for image in [*image, "nginx:2"] {
                let container = json!({"name": "web", "image": image, "portMappings": [{"containerPort": 80}]});
                let definition = json!({
                    "family": family, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
                    "memory": "512", "containerDefinitions": [container],
                });
                self.ecs("RegisterTaskDefinition", &definition);
            }
            let service = json!({
                "cluster": "prod", "serviceName": family, "taskDefinition": format!("{family}:1"), "desiredCount": 3,
                "launchType": "FARGATE", "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a", "b"]}},
                "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": true}},
            });
            self.ecs("CreateService", &service);
        }
        for minute in 0..60 {
            self.aws.advance(Duration::from_mins(1));
            let service = format!("s{}", minute % 10);
            if minute % 7 == 0 {
                let update = json!({"cluster": "prod", "service": service, "taskDefinition": format!("{service}:2")});
                self.ecs("UpdateService", &update);
            }
            self.ecs("DescribeServices", &json!({"cluster": "prod", "services": [service]}));
            self.ecs("ListTasks", &json!({"cluster": "prod"}));
        }
        writeln!(self.text, "{:#?}\n{:#}", self.aws.calls().log(), self.aws.state()).unwrap();
        self.text
    }
}

#[test]
fn the_same_seed_gives_the_same_answers_log_and_state_ten_times_and_another_seed_others() {
    let first = Diary::of(7).an_hour();
    assert!(
        first.contains("deployment failed: tasks failed to start") && first.contains("has reached a steady state"),
        "nothing happened"
    );
    for again in 1..10 {
        let next = Diary::of(7).an_hour();
        let differs = first.lines().zip(next.lines()).find(|(before, now)| before != now);
        assert_eq!((differs, first.len()), (None, next.len()), "in run {again}");
    }
    assert_ne!(Diary::of(8).an_hour(), first);
}
