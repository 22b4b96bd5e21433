//! The rules and target groups of a migration. On the way a look costs one read of the rules, one of the target groups and
//! one of each side's targets; what changes seldom is remembered.

use futures::future::{try_join, try_join3, try_join4};
use landbridge_api::v1alpha1::{
    CloudMapMode, MigrationPhase as Phase, MigrationRecordType, RecordBackend, RecordManager, TargetWeight,
    TrafficMigration,
};
use landbridge_plan::ecs_service::ServiceFacts;
use landbridge_plan::kind::Kind as _;
use landbridge_plan::traffic_migration::{
    CloudMapPlace, GateAnswer, GateRound, LimitFacts, PointFacts, RecordFacts, RegistryFacts, ScalingFacts, Side,
    SideFacts, SideKind, TargetGroupFacts, TrafficMigrationObserved, TrafficMigrationResolved, ZoneFacts, front,
    goes_back, member_of_simple, mode, name_for, questions, shared_point,
};

use super::{DEAR, Freshness, Observe, priority};
use crate::budget::Priority;
use crate::client::Aws;
use crate::describe::RECENT;
use crate::elbv2::load_balancer_of;
use crate::error::AwsError;
use crate::route53::weights_of;

impl Observe for TrafficMigration {
    async fn observe(
        &self,
        aws: &Aws,
        resolved: &TrafficMigrationResolved,
        freshness: Freshness,
    ) -> Result<TrafficMigrationObserved, AwsError> {
        let look = Look { object: self, aws, resolved, freshness, priority: priority(self, resolved) };
        Box::pin(look.everything()).await
    }
}

struct Look<'a> {
    object: &'a TrafficMigration,
    aws: &'a Aws,
    resolved: &'a TrafficMigrationResolved,
    freshness: Freshness,
    priority: Priority,
}

impl Look<'_> {
    async fn everything(self) -> Result<TrafficMigrationObserved, AwsError> {
        let services = try_join(self.service(&self.resolved.from), self.service(&self.resolved.to));
        if self.object.spec.backend.http_route.is_some() {
            let mut found = self.inside(services.await?).await;
            found.from.scaling = self.scaling().await?;
            return Ok(found);
        }
        if mode(self.object).is_some() {
            return Box::pin(self.by_cloud_map(services.await?)).await;
        }
        let (from, services) = try_join(self.old_group(), services).await?;
        let (mut points, missing) = self.points(from.as_ref()).await?;
        let to = self.new_group(from.as_ref(), &points).await?;
        let answers = self.answers(self.asked(from.as_ref(), to.as_ref()));
        let answers = async { Ok(answers.await) };
        let old = Box::pin(self.whole(&self.resolved.from, from));
        let new = Box::pin(self.whole(&self.resolved.to, to));
        let (from, to, (), answers) = try_join4(old, new, self.tags_of_points(&mut points), answers).await?;
        let (limits, scaling) = try_join(self.limits(&points, from.as_ref()), self.scaling()).await?;
        Ok(TrafficMigrationObserved {
            at: self.aws.now(),
            points,
            missing,
            from: SideFacts { group: from, service: services.0, scaling, ..SideFacts::default() },
            to: SideFacts { group: to, service: services.1, ..SideFacts::default() },
            answers,
            limits,
            zone: self.zone().await?,
        })
    }

    /// For callers inside the cluster the watches say everything but how the ECS services are.
    async fn inside(&self, services: (Option<ServiceFacts>, Option<ServiceFacts>)) -> TrafficMigrationObserved {
        let side = |side: &Side, service: Option<ServiceFacts>| {
            let endpoints = side.service.as_ref().map(|s| s.health.clone());
            SideFacts { service, endpoints, ..SideFacts::default() }
        };
        TrafficMigrationObserved {
            at: self.aws.now(),
            points: self.resolved.objects.clone(),
            from: side(&self.resolved.from, services.0),
            to: side(&self.resolved.to, services.1),
            answers: self.answers(self.asked(None, None)).await,
            ..TrafficMigrationObserved::default()
        }
    }

    /// The gates' questions, if there are any now.
    fn asked(&self, from: Option<&TargetGroupFacts>, to: Option<&TargetGroupFacts>) -> Option<GateRound> {
        questions(self.object, from, to, self.aws.now())
    }

    /// What is said to them. Each side is measured in its own account.
    async fn answers(&self, round: Option<GateRound>) -> Vec<GateAnswer> {
        let sides = [&self.resolved.from, &self.resolved.to].map(|side| side.account.clone());
        self.aws.gate_answers(&self.object.identity(), round, sides, self.priority).await
    }

    /// The sides by their Cloud Map services, and the name in front of them or the service that they share.
    async fn by_cloud_map(
        &self,
        services: (Option<ServiceFacts>, Option<ServiceFacts>),
    ) -> Result<TrafficMigrationObserved, AwsError> {
        let (from, to) = (&self.resolved.from.cloud_map, &self.resolved.to.cloud_map);
        let (from, to) = match mode(self.object) {
            // One that has left is still looked for where the other is.
            Some(CloudMapMode::InstanceRatio) => {
                let found = self.registry(from.as_ref().or(to.as_ref())).await?;
                (found.clone(), found)
            }
            _ => try_join(self.registry(from.as_ref()), self.registry(to.as_ref())).await?,
        };
        let points = match (front(self.object), &from) {
            (Some(backend), _) => self.records(&backend).await?,
            (None, Some(facts)) => vec![shared_point(self.resolved, facts)],
            (None, None) => Vec::new(),
        };
        Ok(TrafficMigrationObserved {
            at: self.aws.now(),
            points,
            missing: Vec::new(),
            from: SideFacts {
                service: services.0,
                registry: from,
                scaling: self.scaling().await?,
                ..SideFacts::default()
            },
            to: SideFacts { service: services.1, registry: to, ..SideFacts::default() },
            answers: self.answers(self.asked(None, None)).await,
            limits: None,
            zone: self.zone().await?,
        })
    }

    async fn registry(&self, place: Option<&CloudMapPlace>) -> Result<Option<RegistryFacts>, AwsError> {
        let Some(place) = place else { return Ok(None) };
        let age = self.freshness.at_most(DEAR).filter(|_| self.phase() != Phase::Preflight);
        self.aws.registry(place, age, self.priority).await
    }

    /// The hosted zone of the name that moves; whose it is counts before the first write.
    async fn zone(&self) -> Result<Option<ZoneFacts>, AwsError> {
        match front(self.object).filter(|_| self.phase() == Phase::Preflight) {
            Some(front) => self.aws.zone(&front.hosted_zone_id, self.priority).await,
            None => Ok(None),
        }
    }

    fn phase(&self) -> Phase {
        self.object.status.as_ref().and_then(|s| s.phase).unwrap_or_default()
    }

    /// Whether attributes count now: what to refuse, what to copy, how long to drain.
    fn needs_attributes(&self) -> bool {
        matches!(self.phase(), Phase::Preflight | Phase::Preparing | Phase::Finalising | Phase::Draining)
    }

    /// Room for a target group of ours, which is asked for before it is made.
    async fn limits(
        &self,
        points: &[PointFacts],
        from: Option<&TargetGroupFacts>,
    ) -> Result<Option<LimitFacts>, AwsError> {
        let Some(point) = points.iter().find(|p| !p.load_balancer.is_empty()) else { return Ok(None) };
        if self.phase() != Phase::Preflight || self.resolved.to.managed().is_none() {
            return Ok(None);
        }
        let targets = from.map_or(0, |group| group.targets.len());
        self.aws.room(&point.load_balancer, targets, self.priority).await.map(Some)
    }

    /// The floor under the old side: before it is raised, and for as long as it is.
    async fn scaling(&self) -> Result<Option<ScalingFacts>, AwsError> {
        let SideKind::Ecs { cluster, service } = &self.resolved.from.kind else { return Ok(None) };
        // What is elsewhere is not written.
        if self.resolved.from.account.is_some() {
            return Ok(None);
        }
        let pinned = self.object.status.as_ref().is_some_and(|s| s.pinned.is_some());
        if !pinned && !matches!(self.phase(), Phase::Preflight | Phase::Preparing) {
            return Ok(None);
        }
        match self.aws.scalable_target(&format!("service/{cluster}/{service}"), self.priority).await {
            // The way back does not need it: it is put right after that.
            Err(_) if goes_back(self.object) => Ok(Some(ScalingFacts { unread: true, ..ScalingFacts::default() })),
            found => found,
        }
    }

    /// The account of a side. One that is elsewhere is only read.
    async fn aws_of(&self, side: &Side) -> Result<Aws, AwsError> {
        match &side.account {
            Some(account) => self.aws.beside(account).await,
            None => Ok(self.aws.clone()),
        }
    }

    async fn service(&self, side: &Side) -> Result<Option<ServiceFacts>, AwsError> {
        let SideKind::Ecs { cluster, service } = &side.kind else { return Ok(None) };
        if goes_back(self.object) {
            // The way back needs the load balancer and nobody else.
            return Ok(None);
        }
        let age = self.freshness.at_most(RECENT).unwrap_or_default();
        self.aws_of(side).await?.service(cluster, service, age, self.priority).await
    }

    fn stored(&self, from: bool) -> Option<String> {
        let groups = self.object.status.as_ref()?.target_groups.as_ref()?;
        if from { groups.from.clone() } else { groups.to.clone() }
    }

    /// The target group of the old side: the spec's, the stored one, or on the way back the one that an earlier migration
    /// made, which the named rules tell.
    async fn old_group(&self) -> Result<Option<TargetGroupFacts>, AwsError> {
        let side = &self.resolved.from;
        match self.known_group(side, true).await? {
            None if side.target_group.is_none() => self.made_for(side).await,
            found => Ok(found),
        }
    }

    /// The target group of a side that the spec, the status or an earlier migration names. An ARN that was stored may be
    /// that of one which somebody deleted meanwhile: then it is looked for by its name, as when none was stored.
    async fn known_group(&self, side: &Side, from: bool) -> Result<Option<TargetGroupFacts>, AwsError> {
        let known = side.target_group.clone().or_else(|| self.stored(from)).or_else(|| side.made_before.clone());
        let Some(arn) = known else { return Ok(None) };
        Ok(self.aws_of(side).await?.target_groups(&[arn], self.priority).await?.into_values().next())
    }

    async fn new_group(
        &self,
        from: Option<&TargetGroupFacts>,
        points: &[PointFacts],
    ) -> Result<Option<TargetGroupFacts>, AwsError> {
        let side = &self.resolved.to;
        let found = self.known_group(side, false).await?;
        if found.is_some() || side.target_group.is_some() {
            return Ok(found);
        }
        let Some((owner, _)) = side.managed() else { return Ok(None) };
        let balancer = points.first().map(|p| p.load_balancer.as_str());
        let Some(balancer) = balancer.or(from.and_then(|f| f.load_balancers.first().map(String::as_str))) else {
            return Ok(None);
        };
        self.aws.target_group_named(&name_for(owner, &self.resolved.account, balancer), self.priority).await
    }

    /// The target group that an earlier migration made for a Service: it has the same name, behind the load balancer of the
    /// rules or of the other side.
    async fn made_for(&self, side: &Side) -> Result<Option<TargetGroupFacts>, AwsError> {
        let Some((owner, _)) = side.managed() else { return Ok(None) };
        let named = self.named();
        let mut balancers: Vec<String> = named.iter().map(|arn| load_balancer_of(arn)).collect();
        if let Some(arn) = self.resolved.to.target_group.clone() {
            let other = self.aws.target_groups(&[arn], self.priority).await?;
            balancers.extend(other.into_values().flat_map(|g| g.load_balancers));
        }
        for balancer in balancers {
            let name = name_for(owner, &self.resolved.account, &balancer);
            if let Some(found) = self.aws.target_group_named(&name, self.priority).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The rules: once the migration has begun those that it began with, before that those that are named, or all that
    /// forward to the old side.
    async fn points(&self, from: Option<&TargetGroupFacts>) -> Result<(Vec<PointFacts>, Vec<String>), AwsError> {
        if let Some(backend) = front(self.object) {
            return Ok((self.records(&backend).await?, Vec::new()));
        }
        let undo = self.object.status.as_ref().map(|s| s.undo.as_slice()).unwrap_or_default();
        let named = self.named();
        let ids: Vec<String> =
            if undo.is_empty() { named.to_vec() } else { undo.iter().map(|p| p.id.clone()).collect() };
        if ids.is_empty() {
            let Some(from) = from else { return Ok((Vec::new(), Vec::new())) };
            let Some(balancer) = from.load_balancers.first() else { return Ok((Vec::new(), Vec::new())) };
            let found = self.aws.points_forwarding_to(balancer, &from.arn, self.priority).await?;
            return Ok((found, Vec::new()));
        }
        let found = self.aws.points(&ids, self.priority).await?;
        let missing = ids.into_iter().filter(|id| !found.iter().any(|p| p.id == *id)).collect();
        Ok((found, missing))
    }

    /// The rules that the spec names.
    fn named(&self) -> &[String] {
        let backend = self.object.spec.backend.application_load_balancer.as_ref();
        backend.map(|b| b.listener_rule_arns.as_slice()).unwrap_or_default()
    }

    /// The record sets of the name, a point for each type that has any.
    async fn records(&self, backend: &RecordBackend) -> Result<Vec<PointFacts>, AwsError> {
        let types = if backend.record_types.is_empty() { &[MigrationRecordType::A][..] } else { &backend.record_types };
        let (zone, mut points) = (&backend.hosted_zone_id, Vec::new());
        for type_ in types {
            let type_ = match type_ {
                MigrationRecordType::A => "A",
                MigrationRecordType::Aaaa => "AAAA",
                MigrationRecordType::Cname => "CNAME",
            };
            let Some(record) = self.aws.record(zone, &backend.name, type_, self.priority).await? else { continue };
            let mut point = PointFacts {
                id: format!("{zone} {} {type_}", record.name),
                weights: weights_of(&record),
                ..PointFacts::default()
            };
            if record.is_simple() {
                let target = member_of_simple(self.object, self.resolved, &record);
                point.weights = vec![TargetWeight { target, weight: 1 }];
            }
            let governed = backend.manager == Some(RecordManager::ExternalDns);
            if self.phase() == Phase::Preflight {
                for note in self.aws.external_dns_notes(zone, &record, self.priority).await? {
                    let of = note.set.filter(|_| governed).map(|set| format!("/{set}")).unwrap_or_default();
                    point.tags.extend(note.resource.map(|r| (format!("external-dns/resource{of}"), r)));
                    point.tags.insert(format!("external-dns/owner{of}"), note.owner);
                }
            }
            point.record = Some(RecordFacts { governed, ..record });
            points.push(point);
        }
        Ok(points)
    }

    async fn whole(&self, side: &Side, group: Option<TargetGroupFacts>) -> Result<Option<TargetGroupFacts>, AwsError> {
        let Some(mut group) = group else { return Ok(None) };
        let (arn, aws) = (group.arn.clone(), self.aws_of(side).await?);
        let tags = async {
            let mut found = aws.elb_tags(std::slice::from_ref(&arn), self.priority).await?;
            Ok(found.remove(&arn).unwrap_or_default())
        };
        let attributes = async {
            if !self.needs_attributes() {
                return Ok(std::collections::BTreeMap::new());
            }
            aws.target_group_attributes(&arn, self.freshness.at_most(DEAR), self.priority).await
        };
        let (targets, tags, attributes) = try_join3(aws.targets(&arn, self.priority), tags, attributes).await?;
        (group.targets, group.tags, group.attributes) = (targets, tags, attributes);
        Ok(Some(group))
    }

    async fn tags_of_points(&self, points: &mut [PointFacts]) -> Result<(), AwsError> {
        let arns: Vec<String> = points.iter().filter(|p| p.record.is_none()).map(|p| p.id.clone()).collect();
        let mut tags = self.aws.elb_tags(&arns, self.priority).await?;
        for point in points.iter_mut().filter(|p| p.record.is_none()) {
            point.tags = tags.remove(&point.id).unwrap_or_default();
        }
        Ok(())
    }
}
