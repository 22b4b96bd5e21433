//! Reads of Elastic Load Balancing: target groups with their targets, rules and default actions with their weights.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ForwardActionConfig, Listener, ProtocolEnum, Rule, Tag, TargetDescription, TargetGroup,
    TargetGroupIpAddressTypeEnum, TargetGroupTuple, TargetHealthDescription, TargetTypeEnum,
};
use landbridge_api::v1alpha1::TargetWeight;
use landbridge_plan::change::Tags;
use landbridge_plan::traffic_migration::{HealthCheckFacts, LimitFacts, PointFacts, TargetFacts, TargetGroupFacts};
use landbridge_plan::verdict::ErrorClass;

use crate::budget::Priority;
use crate::client::Aws;
use crate::error::AwsError;
use crate::observe::DEAR;
use crate::operations as op;

/// Resources of one DescribeTags (Elastic Load Balancing API reference, `DescribeTags`: at most 20).
const TAGGED_AT_ONCE: usize = 20;

impl Aws {
    /// The target groups of these ARNs, by ARN; those that are not there are left out.
    pub(crate) async fn target_groups(
        &self,
        arns: &[String],
        priority: Priority,
    ) -> Result<BTreeMap<String, TargetGroupFacts>, AwsError> {
        if arns.is_empty() {
            return Ok(BTreeMap::new());
        }
        let ask = |arns: Vec<String>| async move {
            let call = || self.elb().describe_target_groups().set_target_group_arns(Some(arns.clone())).send();
            self.call(op::DESCRIBE_TARGET_GROUPS, priority, call).await.map(|a| a.target_groups().to_vec())
        };
        let found = match ask(arns.to_vec()).await {
            // One that is gone hides the others.
            Err(error) if error.class == ErrorClass::NotFound => {
                let mut found = Vec::new();
                for arn in arns.iter().filter(|_| arns.len() > 1) {
                    found.extend(or_none(ask(vec![arn.clone()]).await)?);
                }
                found
            }
            other => other?,
        };
        Ok(found.iter().map(|g| (g.target_group_arn().unwrap_or_default().to_owned(), group_facts(g))).collect())
    }

    /// The target group of that name; none when there is none.
    pub(crate) async fn target_group_named(
        &self,
        name: &str,
        priority: Priority,
    ) -> Result<Option<TargetGroupFacts>, AwsError> {
        let call = || self.elb().describe_target_groups().names(name).send();
        let answer = self.call(op::DESCRIBE_TARGET_GROUPS, priority, call).await;
        let found = or_none(answer.map(|a| a.target_groups().to_vec()))?;
        Ok(found.first().map(group_facts))
    }

    /// Quotas of Elastic Load Balancing by their names, at most ten minutes old.
    async fn elb_limits(&self, priority: Priority) -> Result<BTreeMap<String, i64>, AwsError> {
        if let Some(known) = self.memory().elb_limits.get("", DEAR) {
            return Ok(known);
        }
        let (mut found, mut marker) = (BTreeMap::new(), None::<String>);
        loop {
            let call = || self.elb().describe_account_limits().set_marker(marker.clone()).send();
            let answer = self.call(op::DESCRIBE_ELB_LIMITS, priority, call).await?;
            let limits = answer.limits().iter().filter_map(|l| Some((l.name()?.to_owned(), l.max()?.parse().ok()?)));
            found.extend(limits);
            marker = answer.next_marker().map(str::to_owned);
            if marker.is_none() {
                self.memory().elb_limits.put(String::new(), found.clone());
                return Ok(found);
            }
        }
    }

    /// What a load balancer may have and has, when `targets` of its targets are known. A quota that AWS does not name bounds
    /// nothing.
    pub(crate) async fn room(
        &self,
        load_balancer: &str,
        targets: usize,
        priority: Priority,
    ) -> Result<LimitFacts, AwsError> {
        let limits = self.elb_limits(priority).await?;
        let limit = |name: &str| limits.get(name).copied().unwrap_or(i64::MAX);
        let (mut groups, mut marker) = (0, None::<String>);
        loop {
            let call = || {
                let call = self.elb().describe_target_groups().load_balancer_arn(load_balancer);
                call.set_marker(marker.clone()).send()
            };
            let answer = self.call(op::DESCRIBE_TARGET_GROUPS, priority, call).await?;
            groups += answer.target_groups().len();
            marker = answer.next_marker().map(str::to_owned);
            if marker.is_none() {
                break;
            }
        }
        Ok(LimitFacts {
            groups_per_load_balancer: limit("target-groups-per-application-load-balancer"),
            groups_in_use: i64::try_from(groups).unwrap_or(i64::MAX),
            targets_per_group: limit("targets-per-target-group"),
            targets_per_load_balancer: limit("targets-per-application-load-balancer"),
            targets_in_use: i64::try_from(targets).unwrap_or(i64::MAX),
        })
    }

    /// The targets of a target group, in order, with their states.
    pub(crate) async fn targets(&self, arn: &str, priority: Priority) -> Result<Vec<TargetFacts>, AwsError> {
        let call = || self.elb().describe_target_health().target_group_arn(arn).send();
        let answer = self.call(op::DESCRIBE_TARGET_HEALTH, priority, call).await;
        let found = or_none(answer.map(|a| a.target_health_descriptions().to_vec()))?;
        let mut targets: Vec<TargetFacts> = found.iter().map(target_facts).collect();
        targets.sort();
        Ok(targets)
    }

    /// Attributes of a target group, at most `age` old.
    pub(crate) async fn target_group_attributes(
        &self,
        arn: &str,
        age: Option<Duration>,
        priority: Priority,
    ) -> Result<BTreeMap<String, String>, AwsError> {
        if let Some(known) = age.and_then(|age| self.memory().elb_attributes.get(arn, age)) {
            return Ok(known);
        }
        let call = || self.elb().describe_target_group_attributes().target_group_arn(arn).send();
        let answer = self.call(op::DESCRIBE_TARGET_GROUP_ATTRIBUTES, priority, call).await?;
        let pairs = answer.attributes().iter().filter_map(|a| Some((a.key()?.to_owned(), a.value()?.to_owned())));
        let attributes: BTreeMap<String, String> = pairs.collect();
        self.memory().elb_attributes.put(arn.to_owned(), attributes.clone());
        Ok(attributes)
    }

    /// Tags of load balancer things, by ARN, at most ten minutes old.
    pub(crate) async fn elb_tags(
        &self,
        arns: &[String],
        priority: Priority,
    ) -> Result<BTreeMap<String, Tags>, AwsError> {
        let known = |arn: &String| Some((arn.clone(), self.memory().elb_tags.get(arn, DEAR)?));
        let mut tags: BTreeMap<String, Tags> = arns.iter().filter_map(known).collect();
        let missing: Vec<String> = arns.iter().filter(|a| !tags.contains_key(*a)).cloned().collect();
        for page in missing.chunks(TAGGED_AT_ONCE) {
            let call = || self.elb().describe_tags().set_resource_arns(Some(page.to_vec())).send();
            let answer = self.call(op::ELB_DESCRIBE_TAGS, priority, call).await?;
            for described in answer.tag_descriptions() {
                let of = |t: &Tag| Some((t.key()?.to_owned(), t.value().unwrap_or_default().to_owned()));
                let found: Tags = described.tags().iter().filter_map(of).collect();
                let arn = described.resource_arn().unwrap_or_default().to_owned();
                self.memory().elb_tags.put(arn.clone(), found.clone());
                tags.insert(arn, found);
            }
        }
        Ok(tags)
    }

    /// The rules and default actions of these ARNs, in their order; those that are not there are left out.
    pub(crate) async fn points(&self, ids: &[String], priority: Priority) -> Result<Vec<PointFacts>, AwsError> {
        let (rules, listeners): (Vec<_>, Vec<_>) = ids.iter().cloned().partition(|id| id.contains(":listener-rule/"));
        let mut found = self.rules_of(&rules, priority).await?;
        found.extend(self.listeners_of(&listeners, priority).await?);
        let place = |point: &PointFacts| ids.iter().position(|id| *id == point.id);
        found.sort_by_key(place);
        Ok(found)
    }

    async fn rules_of(&self, arns: &[String], priority: Priority) -> Result<Vec<PointFacts>, AwsError> {
        let ask = |arns: Vec<String>| async move {
            let call = || self.elb().describe_rules().set_rule_arns(Some(arns.clone())).send();
            self.call(op::DESCRIBE_RULES, priority, call).await.map(|a| a.rules().iter().map(rule_facts).collect())
        };
        those_there(arns, ask).await
    }

    async fn listeners_of(&self, arns: &[String], priority: Priority) -> Result<Vec<PointFacts>, AwsError> {
        let ask = |arns: Vec<String>| async move {
            let call = || self.elb().describe_listeners().set_listener_arns(Some(arns.clone())).send();
            let answer = self.call(op::DESCRIBE_LISTENERS, priority, call).await;
            answer.map(|a| a.listeners().iter().map(listener_facts).collect())
        };
        those_there(arns, ask).await
    }

    /// Every rule and default action of a load balancer that forwards to a target group, in the order of their ARNs.
    pub(crate) async fn points_forwarding_to(
        &self,
        load_balancer: &str,
        group: &str,
        priority: Priority,
    ) -> Result<Vec<PointFacts>, AwsError> {
        let mut found = Vec::new();
        for listener in self.listeners_on(load_balancer, priority).await? {
            let arn = listener.listener_arn().unwrap_or_default().to_owned();
            found.push(listener_facts(&listener));
            found.extend(self.rules_on(&arn, priority).await?.iter().filter(|r| !is_default(r)).map(rule_facts));
        }
        found.retain(|p| p.weights.iter().any(|w| w.target == group));
        found.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(found)
    }

    async fn listeners_on(&self, load_balancer: &str, priority: Priority) -> Result<Vec<Listener>, AwsError> {
        let (mut found, mut marker) = (Vec::new(), None);
        loop {
            let call =
                || self.elb().describe_listeners().load_balancer_arn(load_balancer).set_marker(marker.clone()).send();
            let answer = self.call(op::DESCRIBE_LISTENERS, priority, call).await?;
            found.extend_from_slice(answer.listeners());
            marker = answer.next_marker().map(str::to_owned);
            if marker.is_none() {
                return Ok(found);
            }
        }
    }

    async fn rules_on(&self, listener: &str, priority: Priority) -> Result<Vec<Rule>, AwsError> {
        let (mut found, mut marker) = (Vec::new(), None);
        loop {
            let call = || self.elb().describe_rules().listener_arn(listener).set_marker(marker.clone()).send();
            let answer = self.call(op::DESCRIBE_RULES, priority, call).await?;
            found.extend_from_slice(answer.rules());
            marker = answer.next_marker().map(str::to_owned);
            if marker.is_none() {
                return Ok(found);
            }
        }
    }
}

/// What is there of these ARNs. An answer is refused whole when one of them is gone, so that each is then asked for alone.
async fn those_there<F>(arns: &[String], ask: impl Fn(Vec<String>) -> F) -> Result<Vec<PointFacts>, AwsError>
where
    F: Future<Output = Result<Vec<PointFacts>, AwsError>>,
{
    if arns.is_empty() {
        return Ok(Vec::new());
    }
    match ask(arns.to_vec()).await {
        Err(error) if error.class == ErrorClass::NotFound => {}
        other => return other,
    }
    let mut found = Vec::new();
    for arn in arns.iter().filter(|_| arns.len() > 1) {
        found.extend(or_none(ask(vec![arn.clone()]).await)?);
    }
    Ok(found)
}

fn or_none<T>(result: Result<Vec<T>, AwsError>) -> Result<Vec<T>, AwsError> {
    match result {
        Err(error) if error.class == ErrorClass::NotFound => Ok(Vec::new()),
        other => other,
    }
}

fn is_default(rule: &Rule) -> bool {
    rule.is_default().unwrap_or(false)
}

fn rule_facts(rule: &Rule) -> PointFacts {
    let id = rule.rule_arn().unwrap_or_default().to_owned();
    point(id, false, rule.actions())
}

fn listener_facts(listener: &Listener) -> PointFacts {
    let id = listener.listener_arn().unwrap_or_default().to_owned();
    point(id, true, listener.default_actions())
}

fn point(id: String, is_default: bool, actions: &[Action]) -> PointFacts {
    let load_balancer = load_balancer_of(&id);
    let forward = forward(actions);
    let sticky = forward.and_then(Action::forward_config).and_then(|f| f.target_group_stickiness_config());
    let sticky = sticky.filter(|s| s.enabled() == Some(true)).map(|s| s.duration_seconds().unwrap_or_default());
    let weights = forward.map(weights).unwrap_or_default();
    PointFacts { id, load_balancer, is_default, weights, sticky_seconds: sticky, ..PointFacts::default() }
}

/// The action that forwards: it is the last one (Elastic Load Balancing API reference, `Action`).
pub(crate) fn forward(actions: &[Action]) -> Option<&Action> {
    actions.iter().find(|a| a.forward_config().is_some() || a.target_group_arn().is_some())
}

/// Weights of a forward action. A target group without one has weight 1.
pub(crate) fn weights(action: &Action) -> Vec<TargetWeight> {
    let groups = action.forward_config().map(ForwardActionConfig::target_groups).unwrap_or_default();
    let of = |g: &TargetGroupTuple| TargetWeight {
        target: g.target_group_arn().unwrap_or_default().to_owned(),
        weight: g.weight().unwrap_or(1),
    };
    if groups.is_empty() {
        let only = action.target_group_arn().map(|arn| TargetWeight { target: arn.to_owned(), weight: 1 });
        return only.into_iter().collect();
    }
    groups.iter().map(of).collect()
}

/// The ARN of the load balancer that a listener or rule belongs to: their ARNs hold its type, name and ID.
pub(crate) fn load_balancer_of(arn: &str) -> String {
    let (head, resource) = arn.rsplit_once(':').unwrap_or(("", arn));
    let mut parts = resource.split('/').skip(1);
    let (kind, name, id) = (parts.next(), parts.next(), parts.next());
    let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
    format!("{head}:loadbalancer/{}/{}/{}", text(kind), text(name), text(id))
}

fn group_facts(group: &TargetGroup) -> TargetGroupFacts {
    let text = |t: Option<&str>| t.unwrap_or_default().to_owned();
    let owned = |t: Option<&str>| t.map(str::to_owned);
    TargetGroupFacts {
        arn: text(group.target_group_arn()),
        name: text(group.target_group_name()),
        target_type: text(group.target_type().map(TargetTypeEnum::as_str)),
        protocol: text(group.protocol().map(ProtocolEnum::as_str)),
        protocol_version: owned(group.protocol_version()),
        port: group.port().unwrap_or_default(),
        vpc_id: text(group.vpc_id()),
        ip_address_type: owned(group.ip_address_type().map(TargetGroupIpAddressTypeEnum::as_str)),
        health_check: HealthCheckFacts {
            protocol: owned(group.health_check_protocol().map(ProtocolEnum::as_str)),
            port: owned(group.health_check_port()),
            path: owned(group.health_check_path()),
            interval: group.health_check_interval_seconds(),
            timeout: group.health_check_timeout_seconds(),
            healthy_threshold: group.healthy_threshold_count(),
            unhealthy_threshold: group.unhealthy_threshold_count(),
            http_codes: owned(group.matcher().and_then(|m| m.http_code())),
            grpc_codes: owned(group.matcher().and_then(|m| m.grpc_code())),
        },
        load_balancers: group.load_balancer_arns().to_vec(),
        ..TargetGroupFacts::default()
    }
}

fn target_facts(described: &TargetHealthDescription) -> TargetFacts {
    let target = described.target();
    let health = described.target_health();
    TargetFacts {
        id: target.and_then(|t| t.id()).unwrap_or_default().to_owned(),
        port: target.and_then(TargetDescription::port).unwrap_or_default(),
        zone: target.and_then(|t| t.availability_zone()).unwrap_or_default().to_owned(),
        state: health.and_then(|h| h.state()).map(|s| s.as_str().to_owned()).unwrap_or_default(),
        reason: health.and_then(|h| h.reason()).map(|r| r.as_str().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_or_rule_says_which_load_balancer_it_belongs_to() {
        let head = "arn:aws:elasticloadbalancing:eu-central-1:111122223333";
        for resource in ["listener/app/front/50dc/f2f7", "listener-rule/app/front/50dc/f2f7/9683"] {
            assert_eq!(load_balancer_of(&format!("{head}:{resource}")), format!("{head}:loadbalancer/app/front/50dc"));
        }
    }
}
