//! A load balancer, two sides and a clock, as far as the machine can tell. Every write is checked against the invariants when
//! it is made.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use landbridge_api::names::annotation;
use landbridge_api::v1alpha1::{MigrationPhase as Phase, TargetWeight, TrafficMigration, TrafficMigrationStatus};
use serde_json::{Value, json};

use crate::change::Change;
use crate::ecs_service::{DeploymentFacts, ServiceFacts};
use crate::kind::Kind;
use crate::plan::Plan;
use crate::testing::{object, target};
use crate::traffic_migration::{
    GateAnswer, LimitFacts, Pod, PointFacts, Reach, RecordFacts, Said, Side, SideFacts, SideKind, TargetFacts,
    TargetGroupFacts, TrafficMigrationObserved, TrafficMigrationResolved,
};
use crate::verdict::{self, Verdict};

pub(super) const LOAD_BALANCER: &str = "arn:lb/front";
pub(super) const OLD: &str = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/old/aa";
pub(super) const NEW: &str = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/new/bb";

/// A spec that goes to a Kubernetes Service in three steps of a minute.
pub(super) const TO_EKS: &str = "
metadata: {name: orders, namespace: shop}
spec:
  from: {ecsServiceRef: {name: orders}}
  to: {kubernetesService: {name: orders}}
  backend: {applicationLoadBalancer: {}}
  steps: [{weight: 1, bake: 1m}, {weight: 50, bake: 1m}, {weight: 100, bake: 1m}]
  finalise: {soak: 10m}
";

/// The same by the weights of a name.
pub(super) const BY_NAME: &str = "
metadata: {name: orders, namespace: shop}
spec:
  from: {ecsServiceRef: {name: orders}}
  to:
    kubernetesService: {name: orders}
    record: {aliasTarget: {hostedZoneId: Z9, dnsName: New.elb.example}}
  backend: {route53: {hostedZoneId: Z1, name: orders.example.com}}
  steps: [{weight: 1, bake: 1m}, {weight: 50, bake: 1m}, {weight: 100, bake: 1m}]
  finalise: {soak: 10m}
";

/// What breaks in the middle of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crash {
    /// Right before the write of that number.
    Before(usize),
    /// Right after it: its answer is lost.
    After(usize),
}

/// The world of one migration.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) object: TrafficMigration,
    pub(super) resolved: TrafficMigrationResolved,
    pub(super) observed: TrafficMigrationObserved,
    /// Sides whose targets do not answer: `from`, `to`.
    pub(super) sick: [bool; 2],
    /// Every write of weights so far, as `rule: weights`.
    pub(super) shifts: Vec<String>,
}

impl World {
    /// An ECS side with two tasks behind `rules` rules, and a Kubernetes side with two pods.
    pub(super) fn new(spec: &str, rules: usize) -> Self {
        let yaml = format!("apiVersion: landbridge.dev/v1alpha1\nkind: TrafficMigration{spec}");
        let old = TargetGroupFacts {
            arn: OLD.into(),
            name: "old".into(),
            target_type: "ip".into(),
            protocol: "HTTP".into(),
            port: 80,
            vpc_id: "vpc-1".into(),
            load_balancers: vec![LOAD_BALANCER.into()],
            targets: ["a", "b"].map(|zone| healthy(&format!("10.0.0.{zone}"), zone)).to_vec(),
            ..TargetGroupFacts::default()
        };
        let point = |n: usize| PointFacts {
            id: format!("rule/{n}"),
            load_balancer: LOAD_BALANCER.into(),
            is_default: n == 0,
            weights: vec![TargetWeight { target: OLD.into(), weight: 1 }],
            ..PointFacts::default()
        };
        let service = ServiceFacts {
            status: "ACTIVE".into(),
            deployments: vec![DeploymentFacts { status: "PRIMARY".into(), ..DeploymentFacts::default() }],
            ..ServiceFacts::default()
        };
        let pods = [("10.1.0.1", "a"), ("10.1.0.2", "b")];
        let pods = pods.map(|(address, _)| Pod {
            address: address.into(),
            port: 8080,
            ready: true,
            terminating: false,
            zone: None,
        });
        let observed = TrafficMigrationObserved {
            at: crate::testing::now(),
            points: (0..rules).map(point).collect(),
            from: SideFacts { group: Some(old), service: Some(service), ..SideFacts::default() },
            limits: Some(LimitFacts {
                groups_per_load_balancer: 100,
                groups_in_use: 1,
                targets_per_group: 1000,
                targets_per_load_balancer: 1000,
                targets_in_use: 2,
            }),
            ..TrafficMigrationObserved::default()
        };
        let resolved = TrafficMigrationResolved {
            account: target(),
            from: Side {
                name: "ECSService shop/orders".into(),
                target_group: None,
                kind: SideKind::Ecs { cluster: "prod".into(), service: "orders".into() },
                missing: None,
                made_before: None,
                account: None,
                cloud_map: None,
                identifier: None,
                service: None,
                bound: false,
            },
            to: Side {
                name: "Service shop/orders".into(),
                target_group: None,
                kind: SideKind::Kubernetes { owner: "Service/shop/orders:http".into(), pods: pods.to_vec() },
                missing: None,
                made_before: None,
                account: None,
                cloud_map: None,
                identifier: None,
                service: None,
                bound: false,
            },
            rivals: Vec::new(),
            shared_groups: Vec::new(),
            manager: None,
            objects: Vec::new(),
            unreadable: Vec::new(),
        };
        Self { object: object(&yaml), resolved, observed, sick: [false; 2], shifts: Vec::new() }
    }

    pub(super) fn phase(&self) -> Phase {
        self.status().phase.unwrap_or_default()
    }

    pub(super) fn status(&self) -> TrafficMigrationStatus {
        self.object.status.clone().unwrap_or_default()
    }

    pub(super) fn plan(&self) -> Plan {
        self.object.plan(&self.resolved, &self.observed, self.observed.at)
    }

    /// `kubectl annotate`.
    pub(super) fn command(&mut self, value: &str) {
        let annotations = self.object.metadata.annotations.get_or_insert_default();
        annotations.insert(annotation::MIGRATE.into(), value.into());
    }

    /// Time passes: registered targets in a rule become what they are.
    pub(super) fn wait(&mut self, seconds: i64) {
        self.observed.at = self.observed.at.checked_add(SignedDuration::from_secs(seconds)).unwrap();
        for answer in &mut self.observed.answers {
            answer.at = self.observed.at;
        }
        let sick = self.sick;
        for (side, sick) in [&mut self.observed.from, &mut self.observed.to].into_iter().zip(sick) {
            let Some(group) = &mut side.group else { continue };
            let used = !group.load_balancers.is_empty();
            for target in &mut group.targets {
                let state = if sick { "unhealthy" } else { "healthy" };
                target.state = if used { state } else { "unused" }.into();
            }
        }
    }

    /// One pass of the driver: intent, steps, look again, status. With a crash the rest does not happen.
    pub(super) fn pass(&mut self, crash: Option<Crash>) {
        let plan = self.plan();
        if !plan.steps.is_empty()
            && let Some(intent) = self.object.intent(&self.resolved, &self.observed, &plan)
        {
            self.object.status = Some(intent);
        }
        for (number, step) in plan.steps.iter().enumerate() {
            if crash == Some(Crash::Before(number)) {
                return;
            }
            self.write(&step.change);
            if crash == Some(Crash::After(number)) {
                return;
            }
        }
        self.conclude(&plan);
    }

    /// What is about to be written is stored.
    pub(super) fn begin(&mut self, plan: &Plan) {
        if !plan.steps.is_empty()
            && let Some(intent) = self.object.intent(&self.resolved, &self.observed, plan)
        {
            self.object.status = Some(intent);
        }
    }

    /// The status after a pass, its intent in it.
    pub(super) fn conclude(&mut self, plan: &Plan) {
        self.begin(plan);
        let done = Verdict::Done {
            resolved: &self.resolved,
            observed: &self.observed,
            plan,
            failure: None,
            executed: plan.steps.len(),
        };
        self.object.status = Some(verdict::status(&self.object, &done, self.observed.at));
    }

    /// Passes, `seconds` apart, until the phase or for a day.
    pub(super) fn run_until(&mut self, phase: Phase) {
        for _ in 0..10_000 {
            if self.phase() == phase {
                return;
            }
            self.pass(None);
            self.wait(10);
        }
        panic!("{phase:?} was not reached: {:?} {:?}", self.phase(), self.status());
    }

    /// The same until that step (from 0) is in the phase.
    pub(super) fn run_until_step(&mut self, step: i32, phase: Phase) {
        for _ in 0..10_000 {
            if self.phase() == phase && self.status().step == Some(step) {
                return;
            }
            self.pass(None);
            self.wait(10);
        }
        panic!("step {step} did not become {phase:?}: {:?}", self.status());
    }

    /// What every gate of these names is answered from now on.
    pub(super) fn answers(&mut self, answers: &[(&str, Said)]) {
        let answer = |(gate, said): &(&str, Said)| GateAnswer {
            gate: (*gate).to_owned(),
            at: self.observed.at,
            said: said.clone(),
        };
        self.observed.answers = answers.iter().map(answer).collect();
    }

    pub(super) fn settle(&mut self, passes: usize) {
        for _ in 0..passes {
            self.pass(None);
            self.wait(10);
        }
    }

    fn write(&mut self, change: &Change) {
        match change {
            Change::CreateTargetGroup { name, settings, tags } => {
                assert!(self.observed.to.group.is_none(), "made twice");
                self.observed.to.group = Some(TargetGroupFacts {
                    arn: NEW.into(),
                    name: name.clone(),
                    target_type: "ip".into(),
                    protocol: settings.protocol.clone(),
                    port: settings.port,
                    vpc_id: settings.vpc_id.clone(),
                    tags: tags.clone(),
                    ..TargetGroupFacts::default()
                });
            }
            Change::RegisterTargets { group, targets } => {
                assert_eq!(group, NEW, "only our own target group is touched");
                let there = &mut self.observed.to.group.as_mut().unwrap().targets;
                let zone = |id: &str| if id.ends_with('1') { "a" } else { "b" };
                there.extend(targets.iter().map(|t| TargetFacts {
                    id: t.id.clone(),
                    port: t.port,
                    zone: zone(&t.id).into(),
                    state: "initial".into(),
                    reason: None,
                }));
            }
            Change::DeregisterTargets { group, targets } => {
                assert_eq!(group, NEW, "only our own target group is touched");
                let there = &mut self.observed.to.group.as_mut().unwrap().targets;
                there.retain(|t| !targets.iter().any(|x| x.id == t.id && x.port == t.port));
            }
            Change::DeleteTargetGroup { arn } => {
                assert_eq!(arn, NEW, "only our own target group is deleted");
                let group = self.observed.to.group.take().unwrap();
                assert_eq!(group.load_balancers, [] as [String; 0], "a target group in use cannot be deleted");
            }
            Change::SetTargetGroupAttributes { attributes, .. } => {
                self.observed.to.group.as_mut().unwrap().attributes.extend(attributes.clone());
            }
            Change::ShiftWeights { point, expected, weights, .. } => self.shift(point, expected, weights),
            Change::ReplaceRecords { expected, records, .. } => self.replace(expected, records),
            Change::SetMinCapacity { resource, expected, min } => {
                let stored = self.status().pinned.unwrap();
                assert_eq!(&stored.resource, resource, "it is stored before it is written");
                let scaling = self.observed.from.scaling.as_mut().unwrap();
                assert_eq!(scaling.min, *expected);
                scaling.min = *min;
            }
            other => panic!("{}", other.operation()),
        }
    }

    fn shift(&mut self, id: &str, expected: &[TargetWeight], weights: &[TargetWeight]) {
        let status = self.status();
        // I1: it was stored before it is written.
        let intended = status.intent.iter().flat_map(|i| &i.after).any(|p| p.id == id && p.weights == weights);
        assert!(intended, "{id} {weights:?} is not in the intent {:?}", status.intent);
        // I7: some weight is left.
        assert!(weights.iter().map(|w| w.weight).sum::<i32>() > 0);
        // I3: no side gets traffic, or more of it, while it is below its floor, unless the other is no better.
        let healthy = |arn: &str| self.group(arn).map_or(0, |g| g.health().healthy);
        let point = self.observed.points.iter().find(|p| p.id == id).unwrap();
        for weight in weights.iter().filter(|w| w.weight > 0) {
            let after = PointFacts { weights: weights.to_vec(), ..point.clone() };
            let grows = after.share(&weight.target) > point.share(&weight.target);
            let other = if weight.target == OLD { NEW } else { OLD };
            assert!(
                !grows || healthy(&weight.target) > 0 || healthy(other) == 0,
                "{} is below its floor",
                weight.target
            );
        }
        let point = self.observed.points.iter_mut().find(|p| p.id == id).unwrap();
        // I2: what is there is what was read.
        assert_eq!(point.weights, expected);
        point.weights = weights.to_vec();
        let said = weights.iter().map(|w| format!("{}={}", if w.target == OLD { "old" } else { "new" }, w.weight));
        self.shifts.push(format!("{id} {}", said.collect::<Vec<_>>().join(" ")));
        self.attach();
    }

    fn replace(&mut self, expected: &[Value], records: &[Value]) {
        let point = self.observed.points[0].clone();
        let intended = self.status().intent.is_some_and(|i| i.after.iter().any(|p| p.records == records));
        assert!(intended, "{records:?} is not in the intent");
        let mut record = point.record.clone().unwrap();
        // Route 53 refuses a batch that deletes what is not there.
        assert_eq!(record.sets, expected);
        record.sets = records.to_vec();
        let weight = |set: &Value| TargetWeight {
            target: set["SetIdentifier"].as_str().unwrap().to_owned(),
            weight: set["Weight"].as_i64().unwrap() as i32,
        };
        let mut weights = if record.is_simple() {
            let target = crate::traffic_migration::member_of_simple(&self.object, &self.resolved, &record);
            vec![TargetWeight { target, weight: 1 }]
        } else {
            record.sets.iter().map(weight).collect()
        };
        weights.sort_by(|a, b| a.target.cmp(&b.target));
        assert!(weights.iter().map(|w| w.weight).sum::<i32>() > 0);
        let said = weights.iter().map(|w| format!("{}={}", w.target, w.weight));
        self.shifts.push(said.collect::<Vec<_>>().join(" "));
        let point = &mut self.observed.points[0];
        (point.weights, point.record) = (weights, Some(record));
    }

    /// The same with a name in place of rules: each side behind a load balancer of its own.
    pub(super) fn named(spec: &str) -> Self {
        let mut world = Self::new(spec, 0);
        let mut new = world.observed.from.group.clone().unwrap();
        (new.arn, new.name, new.load_balancers) = (NEW.into(), "new".into(), vec!["arn:lb/other".into()]);
        world.observed.to.group = Some(new);
        world.resolved.to.target_group = Some(NEW.into());
        let alias = json!({"HostedZoneId": "Z0", "DNSName": "old.elb.example.", "EvaluateTargetHealth": true});
        let set = json!({"Name": "orders.example.com.", "Type": "A", "AliasTarget": alias});
        let (zone, name) = ("Z1".to_owned(), "orders.example.com.".to_owned());
        let record =
            RecordFacts { zone, name, type_: "A".into(), sets: vec![set], reach: Reach::Everywhere, governed: false };
        world.observed.points = vec![PointFacts {
            id: "Z1 orders.example.com. A".into(),
            weights: vec![TargetWeight { target: "ecs/shop/orders".into(), weight: 1 }],
            record: Some(record),
            ..PointFacts::default()
        }];
        world
    }

    /// A target group belongs to the load balancer while a rule names it.
    pub(super) fn attach(&mut self) {
        let named: Vec<String> =
            self.observed.points.iter().flat_map(|p| p.weights.iter().map(|w| w.target.clone())).collect();
        for side in [&mut self.observed.from, &mut self.observed.to] {
            if let Some(group) = &mut side.group {
                let used = named.contains(&group.arn) || group.load_balancers.iter().any(|l| l == "arn:lb/other");
                group.load_balancers = if used { vec![LOAD_BALANCER.into()] } else { Vec::new() };
            }
        }
    }

    fn group(&self, arn: &str) -> Option<&TargetGroupFacts> {
        [&self.observed.from, &self.observed.to].into_iter().filter_map(|s| s.group.as_ref()).find(|g| g.arn == arn)
    }

    /// Somebody else changes a rule.
    pub(super) fn foreign_edit(&mut self, rule: usize, old: i32, new: i32) {
        let weights = [(OLD, old), (NEW, new)].map(|(t, weight)| TargetWeight { target: t.into(), weight });
        self.observed.points[rule].weights = weights.into_iter().filter(|w| w.target == OLD || new > 0).collect();
        self.attach();
    }

    /// The smallest share of the new side over all rules.
    pub(super) fn share(&self) -> f64 {
        self.observed.points.iter().map(|p| p.share(NEW)).fold(1.0, f64::min)
    }

    pub(super) fn tags_of_rules(&mut self, tags: &BTreeMap<String, String>) {
        for point in &mut self.observed.points {
            point.tags.clone_from(tags);
        }
    }
}

fn healthy(id: &str, zone: &str) -> TargetFacts {
    TargetFacts { id: id.into(), port: 80, zone: zone.into(), state: "healthy".into(), reason: None }
}
