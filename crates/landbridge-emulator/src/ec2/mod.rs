//! The part of Amazon EC2 that ECS services live in: VPCs, subnets, security groups with their rules, tags, and the network
//! interfaces of tasks. Source: the Amazon EC2 API reference, version 2016-11-15.
//!
//! Every account has a default VPC in every region, made when it is first looked at. No packet is filtered: rules are kept,
//! compared and shown. Instances, route tables, gateways and everything else answer as actions that do not exist.

mod cidr;
mod filter;
mod group;
mod interface;
mod network;
mod permission;
mod rule;
mod rule_change;
mod subnet;
mod tag;
mod vpc;
mod zone;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

pub(crate) use network::{block_of, check_groups, check_subnets, vpc_of, zone_of};

/// All accounts' and regions' networks, by (account, region).
#[derive(Debug, Clone, Default)]
pub(crate) struct Ec2 {
    networks: BTreeMap<(String, String), network::Network>,
}

impl Ec2 {
    /// Resources that have tags.
    pub(crate) fn tagged(&self, cx: &Cx) -> crate::tagging::Tagged {
        let network = self.networks.get(&(cx.account.clone(), cx.region.clone()));
        network.into_iter().flat_map(|network| tag::by_arn(network, cx)).collect()
    }

    /// Everything remembered, for a look from outside.
    pub(crate) fn dump(&self) -> Value {
        let network = |((account, region), network): (&(String, String), &network::Network)| json!({"account": account, "region": region, "network": network.dump(account, region)});
        self.networks.iter().map(network).collect()
    }
}

type Action = fn(&mut World, &Cx, Input<'_>) -> Result<Value, Refusal>;

/// Answers one action.
pub(crate) fn call(world: &mut World, cx: &Cx, op: &str, input: &Value) -> Result<Value, Refusal> {
    let input = Input::new(input, "InvalidParameterValue");
    let action: Action = match op {
        "CreateVpc" => vpc::create,
        "DescribeVpcs" => vpc::describe,
        "DeleteVpc" => vpc::delete,
        "CreateSubnet" => subnet::create,
        "DescribeSubnets" => subnet::describe,
        "DeleteSubnet" => subnet::delete,
        "CreateSecurityGroup" => group::create,
        "DescribeSecurityGroups" => group::describe,
        "DeleteSecurityGroup" => group::delete,
        "AuthorizeSecurityGroupIngress" => rule_change::authorize_ingress,
        "AuthorizeSecurityGroupEgress" => rule_change::authorize_egress,
        "RevokeSecurityGroupIngress" => rule_change::revoke_ingress,
        "RevokeSecurityGroupEgress" => rule_change::revoke_egress,
        "ModifySecurityGroupRules" => rule_change::modify,
        "UpdateSecurityGroupRuleDescriptionsIngress" => rule_change::describe_anew_ingress,
        "UpdateSecurityGroupRuleDescriptionsEgress" => rule_change::describe_anew_egress,
        "DescribeSecurityGroupRules" => rule::describe,
        "DescribeNetworkInterfaces" => interface::describe,
        "CreateTags" => tag::create,
        "DeleteTags" => tag::delete,
        "DescribeTags" => tag::describe,
        "DescribeAvailabilityZones" => zone::describe,
        "DescribeRegions" => zone::regions,
        _ => {
            let message = format!("The action {op} is not valid for this web service.");
            return Err(Refusal::new("InvalidAction", message));
        }
    };
    let in_words = |mut refusal: Refusal| {
        // The form carries text only: what cannot be read is a wrong value here.
        if refusal.code == "SerializationException" {
            refusal.code = "InvalidParameterValue".into();
        }
        refusal
    };
    if input.flag("DryRun").map_err(in_words)?.unwrap_or(false) {
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(Refusal::new("DryRunOperation", message).status(412));
    }
    action(world, cx, input).map_err(in_words)
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameterValue", message)
}

/// A parameter that must be there.
fn needed<'a>(input: Input<'a>, name: &str) -> Result<&'a str, Refusal> {
    let missing = || Refusal::new("MissingParameter", format!("The request must contain the parameter {name}"));
    input.text(name)?.ok_or_else(missing)
}

/// The refusal of an identifier: `Malformed` where it does not even look like one.
fn unknown(id: &str, prefix: &str, code: &'static str, malformed: &'static str, what: &str) -> Refusal {
    let hex = id
        .strip_prefix(prefix)
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if hex {
        Refusal::new(code, format!("The {what} '{id}' does not exist"))
    } else {
        Refusal::new(malformed, format!("Invalid id: \"{id}\" (expecting \"{prefix}...\")"))
    }
}
