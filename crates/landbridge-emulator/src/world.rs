//! Everything AWS would remember, the queue of what happens next, and the identity of a call.
//!
//! The world has no clock: whoever holds it says how far to run. Events of equal time run in the order they were
//! planned, so a seed and a sequence of calls give the same history every time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use jiff::Timestamp;

use crate::calls::CallLog;
use crate::clock::later;
use crate::faults::Faults;
use crate::quotas::Quotas;
use crate::scripts::Scripts;
use crate::timings::Timings;
use crate::{
    cloud_map, cloudwatch, codedeploy, ec2, ecr, ecs, eks, elbv2, events, iam, logs, route53, scaling, scheduler,
    secrets, sqs, ssm, sts,
};

/// What the services remember: all of it can be copied, which is how a stale read is answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Services {
    pub(crate) ecr: ecr::Ecr,
    pub(crate) ecs: ecs::Ecs,
    pub(crate) events: events::Events,
    pub(crate) cloud_map: cloud_map::CloudMap,
    pub(crate) cloudwatch: cloudwatch::CloudWatch,
    pub(crate) codedeploy: codedeploy::CodeDeploy,
    pub(crate) ec2: ec2::Ec2,
    pub(crate) eks: eks::Eks,
    pub(crate) elbv2: elbv2::Elb,
    pub(crate) iam: iam::Iam,
    pub(crate) logs: logs::Logs,
    pub(crate) route53: route53::Route53,
    pub(crate) scheduler: scheduler::Scheduler,
    pub(crate) scaling: scaling::Scaling,
    pub(crate) secrets: secrets::Secrets,
    pub(crate) sqs: sqs::Sqs,
    pub(crate) ssm: ssm::Ssm,
    pub(crate) sts: sts::Sts,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    /// The account and region of calls whose credentials name no other.
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) services: Services,
    pub(crate) queue: Queue,
    pub(crate) rng: Rng,
    /// Draws for requests of the data plane: traffic changes no identifier.
    pub(crate) dice: Rng,
    pub(crate) timings: Timings,
    /// Whether a task needs its roles to exist and to trust ECS.
    pub(crate) check_roles: bool,
    /// Whether subnets and security groups that others name must be there.
    pub(crate) strict_network: bool,
    pub(crate) scripts: Scripts,
    pub(crate) calls: CallLog,
    pub(crate) faults: Faults,
    pub(crate) quotas: Quotas,
}

/// Who calls, where and when; made by the gateway for each request.
#[derive(Debug, Clone)]
pub(crate) struct Cx {
    pub(crate) now: Timestamp,
    pub(crate) region: String,
    pub(crate) account: String,
    /// ARN of the calling principal.
    pub(crate) principal: String,
    /// The host that was called, with its port; empty where the request names none.
    pub(crate) host: String,
    pub(crate) request_id: String,
}

impl Cx {
    /// The address of a service as an answer should name it: the emulator's own for who called that, AWS's for who
    /// called AWS.
    pub(crate) fn endpoint(&self, service: &str) -> String {
        if self.host.is_empty() || self.host.ends_with(".amazonaws.com") {
            format!("https://{service}.{}.amazonaws.com", self.region)
        } else {
            format!("http://{}", self.host)
        }
    }
}

/// Something that happens by itself at its time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    Ecs(ecs::Event),
    CloudMap(cloud_map::Event),
    CloudWatch(cloudwatch::Tick),
    CodeDeploy(codedeploy::Event),
    Eks(eks::Event),
    Elbv2(elbv2::Event),
    Route53(route53::Event),
    Scheduler(scheduler::Event),
    Events(events::Delivery),
    Scaling(scaling::Due),
    Secrets(secrets::Rotation),
}

impl Event {
    /// Whether it is one of a series that goes on by itself: there is always a next one, so nobody can wait for the last.
    fn recurs(&self) -> bool {
        match self {
            Self::CloudWatch(_) => true,
            Self::Scaling(due) => due.recurs(),
            Self::Scheduler(event) => event.recurs(),
            Self::Secrets(rotation) => rotation.recurs(),
            Self::Ecs(_)
            | Self::CloudMap(_)
            | Self::CodeDeploy(_)
            | Self::Eks(_)
            | Self::Elbv2(_)
            | Self::Route53(_)
            | Self::Events(_) => false,
        }
    }
}

impl World {
    /// Plans `event` for `delay` from the world's present.
    pub(crate) fn after(&mut self, delay: Duration, event: Event) {
        let at = later(self.now, delay);
        self.queue.push(at, event);
    }

    /// Lets everything happen that is due until `to`, each at its own time, and makes `to` the present.
    pub(crate) fn run_until(&mut self, to: Timestamp) {
        while let Some((at, event)) = self.queue.pop_due(to) {
            self.now = self.now.max(at);
            match event {
                Event::Ecs(event) => ecs::happen(self, event),
                Event::CloudMap(event) => cloud_map::happen(self, event),
                Event::CloudWatch(tick) => cloudwatch::happen(self, &tick),
                Event::CodeDeploy(event) => codedeploy::happen(self, &event),
                Event::Eks(event) => eks::happen(self, event),
                Event::Elbv2(event) => elbv2::happen(self, event),
                Event::Scheduler(event) => scheduler::happen(self, event),
                Event::Route53(event) => route53::happen(self, &event),
                Event::Events(delivery) => events::happen(self, &delivery),
                Event::Scaling(due) => scaling::happen(self, &due),
                Event::Secrets(rotation) => secrets::happen(self, &rotation),
            }
        }
        self.now = self.now.max(to);
    }
}

/// Planned events in order of (time, planning order).
#[derive(Debug, Default)]
pub(crate) struct Queue {
    heap: BinaryHeap<Reverse<Planned>>,
    /// Times of those that do not recur, in the same order: the first of them is the first to be popped.
    single: BinaryHeap<Reverse<Timestamp>>,
    planned: u64,
}

#[derive(Debug)]
struct Planned {
    at: Timestamp,
    seq: u64,
    event: Event,
}

impl Queue {
    fn push(&mut self, at: Timestamp, event: Event) {
        self.planned += 1;
        if !event.recurs() {
            self.single.push(Reverse(at));
        }
        self.heap.push(Reverse(Planned { at, seq: self.planned, event }));
    }

    fn pop_due(&mut self, until: Timestamp) -> Option<(Timestamp, Event)> {
        if self.heap.peek()?.0.at > until {
            return None;
        }
        let Reverse(planned) = self.heap.pop()?;
        if !planned.event.recurs() {
            self.single.pop();
        }
        Some((planned.at, planned.event))
    }

    /// When the next thing happens that does not recur.
    pub(crate) fn next_single_at(&self) -> Option<Timestamp> {
        self.single.peek().map(|at| at.0)
    }
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        self.seq == other.seq
    }
}

impl Eq for Planned {}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Planned {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.seq).cmp(&(other.at, other.seq))
    }
}

/// SplitMix64: small, seedable and good enough for identifiers and jitter; nothing here is a secret.
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0.0..1.0`.
    pub(crate) fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number below `bound`; 0 for a bound of 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }

    /// `digits` lowercase hexadecimal digits, as in task and revision identifiers.
    pub(crate) fn hex(&mut self, digits: usize) -> String {
        let mut text = String::with_capacity(digits);
        let mut bits = 0;
        for place in 0..digits {
            bits = if place % 16 == 0 { self.next() } else { bits >> 4 };
            text.extend(char::from_digit((bits & 15) as u32, 16));
        }
        text
    }

    /// `digits` decimal digits without a leading zero, as in `ecs-svc/1234567890123456789`.
    pub(crate) fn decimal(&mut self, digits: usize) -> String {
        (0..digits)
            .map(|place| if place == 0 { 1 + self.below(9) } else { self.below(10) })
            .map(|d| d.to_string())
            .collect()
    }

    /// A random UUID in AWS's lower-case form.
    pub(crate) fn uuid(&mut self) -> String {
        let bytes = (u128::from(self.next()) << 64) | u128::from(self.next());
        uuid::Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid().to_string()
    }
}
