//! A world for unit tests: services are called as the gateway calls them, and time is moved by hand.

#![allow(clippy::needless_pass_by_value)]

use std::time::Duration;

use serde_json::Value;

use crate::clock::later;
use crate::quotas::Quotas;
use crate::refusal::Refusal;
use crate::timings::Timings;
use crate::world::{Cx, Queue, Rng, Services, World};

pub(crate) struct Bench {
    pub(crate) world: World,
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) principal: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let account = "123456789012".to_owned();
        let region = "eu-west-1".to_owned();
        let world = World {
            now: "2026-01-01T00:00:00Z".parse().unwrap(),
            account: account.clone(),
            region: region.clone(),
            services: Services::default(),
            queue: Queue::default(),
            rng: Rng::seeded(7),
            dice: Rng::seeded(8),
            timings: Timings::default(),
            check_roles: true,
            strict_network: false,
            scripts: crate::scripts::Scripts::default(),
            calls: crate::calls::CallLog::default(),
            faults: crate::faults::Faults::default(),
            quotas: Quotas::default(),
        };
        Self { world, account, region, principal: "arn:aws:iam::123456789012:user/tester".to_owned() }
    }

    pub(crate) fn call(&mut self, service: &str, op: &str, input: Value) -> Result<Value, Refusal> {
        let cx = Cx {
            now: self.world.now,
            region: self.region.clone(),
            account: self.account.clone(),
            principal: self.principal.clone(),
            host: String::new(),
            request_id: "request".to_owned(),
        };
        match service {
            "iam" => crate::iam::call(&mut self.world, &cx, op, &input),
            "sts" => crate::sts::call(&mut self.world, &cx, op, &input),
            "servicediscovery" => crate::cloud_map::call(&mut self.world, &cx, op, &input),
            "secretsmanager" => crate::secrets::call(&mut self.world, &cx, op, &input),
            "ssm" => crate::ssm::call(&mut self.world, &cx, op, &input),
            "monitoring" => crate::cloudwatch::call(&mut self.world, &cx, op, &input),
            "sqs" => crate::sqs::call(&mut self.world, &cx, op, &input),
            "eks" => crate::eks::call(&mut self.world, &cx, op, &input),
            "scheduler" => crate::scheduler::call(&mut self.world, &cx, op, &input),
            "ec2" => crate::ec2::call(&mut self.world, &cx, op, &input),
            "route53" => crate::route53::call(&mut self.world, &cx, op, &input),
            "ecs" => crate::ecs::call(&mut self.world, &cx, op, &input),
            "application-autoscaling" => crate::scaling::call(&mut self.world, &cx, op, &input),
            "ecr" => crate::ecr::call(&mut self.world, &cx, op, &input),
            "logs" => crate::logs::call(&mut self.world, &cx, op, &input),
            other => panic!("no service '{other}' on the bench"),
        }
    }

    /// The answer of a call that must succeed.
    pub(crate) fn ok(&mut self, service: &str, op: &str, input: Value) -> Value {
        self.call(service, op, input).unwrap_or_else(|refusal| panic!("{op} was refused: {refusal:?}"))
    }

    /// The code of a call that must be refused.
    pub(crate) fn code(&mut self, service: &str, op: &str, input: Value) -> String {
        match self.call(service, op, input) {
            Ok(answer) => panic!("{op} was answered: {answer}"),
            Err(refusal) => refusal.code.into_owned(),
        }
    }

    /// Lets `seconds` of virtual time pass.
    pub(crate) fn pass(&mut self, seconds: u64) {
        let to = later(self.world.now, Duration::from_secs(seconds));
        self.world.run_until(to);
    }
}
