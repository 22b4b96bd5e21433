//! Writes to Elastic Load Balancing.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ForwardActionConfig, Matcher, ProtocolEnum, Tag, TargetDescription, TargetGroupAttribute,
    TargetGroupIpAddressTypeEnum, TargetGroupTuple, TargetTypeEnum,
};
use landbridge_api::v1alpha1::TargetWeight;
use landbridge_plan::change::{Tags, Target, TargetGroupSettings};
use landbridge_plan::verdict::ErrorClass;

use super::{Produced, Writer, or_gone};
use crate::elbv2::{forward, weights};
use crate::error::AwsError;
use crate::operations::{self as op, Operation};

impl Writer<'_> {
    pub(super) async fn create_target_group(
        self,
        name: &str,
        settings: &TargetGroupSettings,
        tags: &Tags,
    ) -> Result<Produced, AwsError> {
        let check = &settings.health_check;
        let matcher = (check.http_codes.is_some() || check.grpc_codes.is_some()).then(|| {
            let matcher = Matcher::builder().set_http_code(check.http_codes.clone());
            matcher.set_grpc_code(check.grpc_codes.clone()).build()
        });
        let tags: Vec<Tag> = tags.iter().map(|(k, v)| Tag::builder().key(k).value(v).build()).collect();
        let call = || {
            let call = self.aws.elb().create_target_group().name(name).target_type(TargetTypeEnum::Ip);
            let call = call.protocol(ProtocolEnum::from(settings.protocol.as_str())).port(settings.port);
            let call = call.set_protocol_version(settings.protocol_version.clone()).vpc_id(&settings.vpc_id);
            let family = settings.ip_address_type.as_deref().map(TargetGroupIpAddressTypeEnum::from);
            let call = call.set_ip_address_type(family).set_health_check_path(check.path.clone());
            let call = call.set_health_check_protocol(check.protocol.as_deref().map(ProtocolEnum::from));
            let call = call.set_health_check_port(check.port.clone());
            let call = call.set_health_check_interval_seconds(check.interval);
            let call = call.set_health_check_timeout_seconds(check.timeout);
            let call = call.set_healthy_threshold_count(check.healthy_threshold);
            let call = call.set_unhealthy_threshold_count(check.unhealthy_threshold);
            call.set_matcher(matcher.clone()).set_tags(Some(tags.clone())).send()
        };
        let operation = op::CREATE_TARGET_GROUP;
        let answer = self.aws.call(operation, self.priority, call).await?;
        let arn = answer.target_groups().first().and_then(|g| g.target_group_arn());
        let arn = arn.ok_or_else(|| AwsError::incomplete(operation, "TargetGroupArn"))?;
        Ok(Produced::from([("arn", arn.to_owned())]))
    }

    pub(super) async fn set_target_group_attributes(
        self,
        arn: &str,
        attributes: &BTreeMap<String, String>,
    ) -> Result<Produced, AwsError> {
        let of = |(key, value): (&String, &String)| TargetGroupAttribute::builder().key(key).value(value).build();
        let attributes: Vec<_> = attributes.iter().map(of).collect();
        let call = || {
            let call = self.aws.elb().modify_target_group_attributes().target_group_arn(arn);
            call.set_attributes(Some(attributes.clone())).send()
        };
        self.aws.memory().elb_attributes.forget(arn);
        self.aws.call(op::MODIFY_TARGET_GROUP_ATTRIBUTES, self.priority, call).await?;
        Ok(Produced::new())
    }

    pub(super) async fn delete_target_group(self, arn: &str) -> Result<Produced, AwsError> {
        let call = || self.aws.elb().delete_target_group().target_group_arn(arn).send();
        or_gone(self.aws.call(op::DELETE_TARGET_GROUP, self.priority, call).await.map(drop))
    }

    pub(super) async fn register_targets(self, group: &str, targets: &[Target]) -> Result<Produced, AwsError> {
        let call = || {
            let call = self.aws.elb().register_targets().target_group_arn(group);
            call.set_targets(Some(described(targets))).send()
        };
        self.aws.call(op::REGISTER_TARGETS, self.priority, call).await?;
        Ok(Produced::new())
    }

    pub(super) async fn deregister_targets(self, group: &str, targets: &[Target]) -> Result<Produced, AwsError> {
        let call = || {
            let call = self.aws.elb().deregister_targets().target_group_arn(group);
            call.set_targets(Some(described(targets))).send()
        };
        or_gone(self.aws.call(op::DEREGISTER_TARGETS, self.priority, call).await.map(drop))
    }

    /// Reads the actions, compares the weights with `expected`, and writes all actions back with other weights. Elastic Load
    /// Balancing knows no conditional write, so the read comes right before it.
    pub(super) async fn shift_weights(
        self,
        point: &str,
        is_default: bool,
        expected: &[TargetWeight],
        wanted: &[TargetWeight],
    ) -> Result<Produced, AwsError> {
        let operation = if is_default { op::MODIFY_LISTENER } else { op::MODIFY_RULE };
        let actions = self.actions_of(point, is_default).await?;
        let found = forward(&actions).map(weights).unwrap_or_default();
        if found == wanted {
            return Ok(Produced::new());
        }
        if found != expected {
            return Err(AwsError::new(
                operation,
                ErrorClass::Conflict,
                format!("the weights of {point} were changed by somebody else in this moment"),
            ));
        }
        let actions: Vec<Action> = actions.iter().map(|a| reweighted(a, wanted)).collect();
        if is_default {
            let call = || {
                let call = self.aws.elb().modify_listener().listener_arn(point);
                call.set_default_actions(Some(actions.clone())).send()
            };
            self.aws.call(operation, self.priority, call).await?;
        } else {
            let call = || self.aws.elb().modify_rule().rule_arn(point).set_actions(Some(actions.clone())).send();
            self.aws.call(operation, self.priority, call).await?;
        }
        Ok(Produced::new())
    }

    async fn actions_of(self, point: &str, is_default: bool) -> Result<Vec<Action>, AwsError> {
        let absent = |operation: &'static Operation| AwsError::incomplete(operation, "actions");
        if is_default {
            let call = || self.aws.elb().describe_listeners().listener_arns(point).send();
            let answer = self.aws.call(op::DESCRIBE_LISTENERS, self.priority, call).await?;
            let listener = answer.listeners().first().ok_or_else(|| absent(op::DESCRIBE_LISTENERS))?;
            return Ok(listener.default_actions().to_vec());
        }
        let call = || self.aws.elb().describe_rules().rule_arns(point).send();
        let answer = self.aws.call(op::DESCRIBE_RULES, self.priority, call).await?;
        Ok(answer.rules().first().ok_or_else(|| absent(op::DESCRIBE_RULES))?.actions().to_vec())
    }
}

/// A forward action with other weights; any other action as it is.
fn reweighted(action: &Action, wanted: &[TargetWeight]) -> Action {
    if forward(std::slice::from_ref(action)).is_none() {
        return action.clone();
    }
    let of = |w: &TargetWeight| TargetGroupTuple::builder().target_group_arn(&w.target).weight(w.weight).build();
    let sticky = action.forward_config().and_then(|f| f.target_group_stickiness_config()).cloned();
    let config = ForwardActionConfig::builder()
        .set_target_groups(Some(wanted.iter().map(of).collect()))
        .set_target_group_stickiness_config(sticky)
        .build();
    let mut action = action.clone();
    // The short form would contradict the long one.
    action.target_group_arn = None;
    action.forward_config = Some(config);
    action
}

fn described(targets: &[Target]) -> Vec<TargetDescription> {
    targets.iter().map(|t| TargetDescription::builder().id(&t.id).port(t.port).build()).collect()
}
