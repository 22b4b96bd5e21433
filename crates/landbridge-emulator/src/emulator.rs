//! The handle on an emulated AWS: build it, call it, move its time, break it, look inside.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::calls::{CallLog, Calls};
use crate::clock::Clock;
use crate::cloudwatch::{self, Metric};
use crate::faults::{Fault, Faults};
use crate::gateway;
use crate::quotas::Quotas;
use crate::route53;
use crate::scripts::{HookScript, Scripts, SubnetScript, TargetScript, TaskScript};
use crate::timings::Timings;
use crate::utilization::Utilization;
use crate::world::{Queue, Rng, Services, World};
use crate::{ecs, elbv2};

/// An AWS of its own. Clones are handles on the same world.
#[derive(Debug, Clone)]
pub struct Emulator {
    world: Arc<Mutex<World>>,
    clock: Clock,
}

/// What an [`Emulator`] starts with.
#[derive(Debug, Clone)]
pub struct Builder {
    account: String,
    region: String,
    speed: f64,
    seed: u64,
    quotas: bool,
    check_roles: bool,
    strict_network: bool,
    timings: Timings,
    clock: Option<Clock>,
}

impl Emulator {
    /// Account 000000000000, us-east-1, the machine's time, quotas off.
    pub fn builder() -> Builder {
        Builder {
            account: "000000000000".to_owned(),
            region: "us-east-1".to_owned(),
            speed: 1.0,
            seed: 0,
            quotas: false,
            check_roles: true,
            strict_network: false,
            timings: Timings::default(),
            clock: None,
        }
    }

    /// Answers one request at the present, after everything due until then has happened.
    /// A response with [`crate::ConnectionLost`] in its extensions stands for an answer that never came.
    #[allow(clippy::needless_pass_by_value)]
    pub fn respond(&self, request: Request<Bytes>) -> Response<Bytes> {
        gateway::respond(&mut self.present(), &request)
    }

    /// Whether a request that came at `began` waits for its answer (a long poll). Under a clock that is moved by hand it
    /// does not: nobody moves that clock meanwhile.
    pub(crate) fn is_awaited(&self, request: &Request<Bytes>, began: Timestamp) -> bool {
        !self.clock.is_manual() && gateway::is_awaited(&mut self.present(), request, began)
    }

    /// Lets everything happen that is due. The server's ticker calls it; in-process users need not.
    pub fn tick(&self) {
        drop(self.present());
    }

    /// Moves a manual clock forward, event by event. On a real clock it only lets due events happen.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.tick();
    }

    /// Runs a manual clock from event to event until nothing more is planned or `limit` of virtual time has passed.
    /// Returns the virtual time that took. What goes on for ever happens meanwhile and is not waited for: evaluations of
    /// alarms, recurring schedules and scheduled scaling, rotations of secrets.
    pub fn settle(&self, limit: Duration) -> Duration {
        let start = self.now();
        let end = crate::clock::later(start, limit);
        loop {
            let next = self.present().queue.next_single_at().filter(|at| *at <= end);
            let Some(next) = next else { break };
            let before = self.now();
            self.clock.advance_to(next);
            if self.now() == before && next > before {
                break; // A real clock cannot be moved.
            }
            self.tick();
        }
        Duration::from_secs_f64(crate::clock::seconds_between(start, self.now()))
    }

    /// The present in virtual time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The account calls belong to unless their credentials name another.
    pub fn account(&self) -> String {
        self.lock().account.clone()
    }

    /// The region calls belong to unless their signature names another.
    pub fn region(&self) -> String {
        self.lock().region.clone()
    }

    /// Every call so far.
    pub fn calls(&self) -> Calls {
        self.lock().calls.copy()
    }

    /// Every call so far, and starts counting again.
    pub fn take_calls(&self) -> Calls {
        self.lock().calls.take()
    }

    /// Adds a rule that breaks calls.
    pub fn fault(&self, rule: Fault) {
        self.lock().faults.add(rule);
    }

    /// The actions of the rules that no call was meant by so far: misspelt, perhaps.
    pub fn unmet_faults(&self) -> Vec<String> {
        self.lock().faults.unmet()
    }

    /// Removes every rule that breaks calls.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Adds a script that decides what becomes of tasks with certain images.
    pub fn script(&self, script: TaskScript) {
        self.lock().scripts.add(script);
    }

    /// Adds a script that decides how targets with certain ids answer health checks from now on, those that are
    /// registered already too. What ECS registered keeps to the scripts for its images.
    pub fn script_target(&self, script: TargetScript) {
        let mut world = self.present();
        world.scripts.add_target(script);
        elbv2::answer_anew(&mut world);
    }

    /// Adds a script that decides what the Lambda functions of deployment lifecycle hooks answer.
    pub fn script_hook(&self, script: HookScript) {
        self.lock().scripts.add_hook(script);
    }

    /// Adds a script that decides how many addresses certain subnets have for tasks. A task that finds none stops before it
    /// starts, as on AWS.
    pub fn script_subnet(&self, script: SubnetScript) {
        self.lock().scripts.add_subnet(script);
    }

    /// Tells what services are busy with, past minutes included; the newest that matches a service and has the metric decides.
    /// [`Emulator::set_utilization`] and [`Emulator::set_metric`] go before it.
    pub fn script_utilization(&self, utilization: Utilization) {
        self.lock().scripts.add_utilization(utilization);
    }

    /// An Availability Zone fails: the tasks in it stop, and none is placed there until it is restored.
    pub fn lose_zone(&self, zone: &str) {
        ecs::lose_zone(&mut self.present(), zone);
    }

    /// A lost Availability Zone is back. Services with Availability Zone rebalancing spread their tasks evenly again.
    pub fn restore_zone(&self, zone: &str) {
        ecs::restore_zone(&mut self.present(), zone);
    }

    /// AWS takes Spot capacity back: the tasks on `FARGATE_SPOT` whose ARN or group (`service:web`) matches `tasks` (`*` stands
    /// for any text) are warned, and STOPPED at most [`Timings::spot_warning`] later. Returns how many they are. Whether their
    /// services find other Spot capacity is told by [`crate::TaskFate::NoSpotCapacity`].
    pub fn interrupt_spot(&self, tasks: &str) -> usize {
        ecs::interrupt_spot(&mut self.present(), tasks)
    }

    /// The tasks of all accounts that have an address and whose containers run: who plays their programs answers under it.
    pub fn running_tasks(&self) -> Vec<ecs::RunningTask> {
        ecs::running_tasks(&self.present())
    }

    /// How a listener spreads the requests for `path` at `host` of clients that hold no stickiness cookie, by the rules
    /// that are in force now: a changed one takes [`Timings::rule_propagation`]. None if there is no such listener, no
    /// shares where the load balancer answers itself.
    pub fn shares(&self, listener_arn: &str, host: &str, path: &str) -> Option<Vec<elbv2::Share>> {
        elbv2::shares(&self.present(), listener_arn, host, path)
    }

    /// What a listener of an application load balancer does with one request now: the target it goes to, drawn by the weights
    /// in force, or what the load balancer answers. None if there is no such listener. No call; whoever plays the data plane
    /// asks this for every request.
    pub fn route(&self, listener_arn: &str, asked: &elbv2::Asked<'_>) -> Option<elbv2::Route> {
        elbv2::route(&mut self.present(), listener_arn, asked)
    }

    /// The listeners of every application load balancer.
    pub fn listeners(&self) -> Vec<elbv2::ListenerFacts> {
        elbv2::listeners(&self.present())
    }

    /// Publishes `value` every minute from now on for a metric in the emulator's own account and region, until another value
    /// is set: what AWS's own services measure, such as `RequestCountPerTarget` in `AWS/ApplicationELB`.
    pub fn set_metric(&self, namespace: &str, name: &str, dimensions: &[(&str, &str)], value: f64) {
        let mut world = self.present();
        let place = (world.account.clone(), world.region.clone());
        cloudwatch::set_level(&mut world, &place, Metric::new(namespace, name, dimensions), value);
    }

    /// Sets what a metric in the emulator's own account and region had in the minute of `at`, past or still to come, in place
    /// of what it had: `RequestCount` of a target group, in `AWS/ApplicationELB`.
    pub fn set_datapoint(&self, namespace: &str, name: &str, dimensions: &[(&str, &str)], at: Timestamp, value: f64) {
        let place = {
            let world = self.present();
            (world.account.clone(), world.region.clone())
        };
        self.set_datapoint_in((&place.0, &place.1), namespace, name, dimensions, at, value);
    }

    /// The same in that account and Region.
    pub fn set_datapoint_in(
        &self,
        (account, region): (&str, &str),
        namespace: &str,
        name: &str,
        dimensions: &[(&str, &str)],
        at: Timestamp,
        value: f64,
    ) {
        let (mut world, place) = (self.present(), (account.to_owned(), region.to_owned()));
        cloudwatch::set_point(&mut world, &place, Metric::new(namespace, name, dimensions), at, value);
    }

    /// What ECS measures of a service from now on, in percent of what its tasks reserve; 1 unless it is set. It is reported
    /// while the service runs tasks.
    pub fn set_utilization(&self, cluster: &str, service: &str, cpu: f64, memory: f64) {
        let dimensions = [("ClusterName", cluster), ("ServiceName", service)];
        self.set_metric("AWS/ECS", "CPUUtilization", &dimensions, cpu);
        self.set_metric("AWS/ECS", "MemoryUtilization", &dimensions, memory);
    }

    /// What DNS answers for a name and a record type (`A`, `CNAME`, ...) from the hosted zones: by what is in force now. A
    /// change is in force once GetChange says `INSYNC`. Empty where no record has that name and type.
    pub fn resolve(&self, name: &str, kind: &str) -> Vec<route53::DnsAnswer> {
        route53::resolve(&self.present(), name, kind)
    }

    /// Sets what a Route 53 health check finds from now on; a new one finds its endpoint healthy. False if there is no such
    /// health check.
    pub fn set_health_check(&self, id: &str, healthy: bool) -> bool {
        route53::set_health_check(&mut self.present(), id, healthy)
    }

    /// Removes added scripts; the built-in ones stay.
    pub fn clear_scripts(&self) {
        let mut world = self.present();
        world.scripts.clear();
        elbv2::answer_anew(&mut world);
    }

    /// Switches request quotas on, with full buckets, or off.
    pub fn enforce_quotas(&self, enforced: bool) {
        self.lock().quotas.enforce(enforced);
    }

    /// Everything the services remember, as JSON, for a look from outside.
    pub fn state(&self) -> Value {
        let world = self.present();
        let Services {
            cloud_map,
            cloudwatch,
            codedeploy,
            ec2,
            ecr,
            ecs,
            eks,
            elbv2,
            events,
            iam,
            logs,
            route53,
            scaling,
            scheduler,
            secrets,
            sqs,
            ssm,
            sts,
        } = &world.services;
        json!({
            "now": world.now.to_string(),
            "ecr": ecr.dump(),
            "ecs": ecs.dump(),
            "cloudMap": cloud_map.dump(),
            "cloudWatch": cloudwatch.dump(),
            "codeDeploy": codedeploy.dump(),
            "ec2": ec2.dump(),
            "eks": eks.dump(),
            "scheduler": scheduler.dump(),
            "elbv2": elbv2.dump(world.now),
            "iam": iam.dump(),
            "logs": logs.dump(),
            "events": events.dump(),
            "route53": route53.dump(&world),
            "scaling": scaling.dump(),
            "secrets": secrets.dump(),
            "sqs": sqs.dump(),
            "ssm": ssm.dump(),
            "sts": sts.dump(),
        })
    }

    fn present(&self) -> MutexGuard<'_, World> {
        let mut world = self.lock();
        world.run_until(self.clock.now());
        world
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Builder {
    /// The account of calls whose credentials name no other.
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = account.into();
        self
    }

    /// The region of calls whose signature names no other.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into();
        self
    }

    /// Virtual seconds per second of the machine; without effect beside [`Builder::clock`].
    #[must_use]
    pub fn speed(mut self, speed: f64) -> Self {
        self.speed = speed;
        self
    }

    /// Where identifiers, addresses and chance come from: the same seed and calls give the same history.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether AWS's published request quotas are enforced.
    #[must_use]
    pub fn quotas(mut self, quotas: bool) -> Self {
        self.quotas = quotas;
        self
    }

    /// Whether a task fails to start, as on AWS, unless its roles exist and trust `ecs-tasks.amazonaws.com`.
    #[must_use]
    pub fn check_roles(mut self, check_roles: bool) -> Self {
        self.check_roles = check_roles;
        self
    }

    /// Whether ECS, Elastic Load Balancing and EKS refuse subnets and security groups that EC2 does not know. They take any
    /// otherwise.
    #[must_use]
    pub fn strict_network(mut self, strict_network: bool) -> Self {
        self.strict_network = strict_network;
        self
    }

    /// How long things take in virtual time.
    #[must_use]
    pub fn timings(mut self, timings: Timings) -> Self {
        self.timings = timings;
        self
    }

    /// The source of time, instead of the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Starts the world.
    pub fn build(self) -> Emulator {
        let clock = self.clock.unwrap_or_else(|| Clock::real(self.speed));
        let mut quotas = Quotas::default();
        quotas.enforce(self.quotas);
        let world = World {
            now: clock.now(),
            account: self.account,
            region: self.region,
            services: Services::default(),
            queue: Queue::default(),
            rng: Rng::seeded(self.seed),
            dice: Rng::seeded(self.seed.wrapping_add(1)),
            timings: self.timings,
            check_roles: self.check_roles,
            strict_network: self.strict_network,
            scripts: Scripts::default(),
            calls: CallLog::default(),
            faults: Faults::default(),
            quotas,
        };
        Emulator { world: Arc::new(Mutex::new(world)), clock }
    }
}
