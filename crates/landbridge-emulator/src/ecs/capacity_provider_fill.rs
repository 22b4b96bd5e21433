//! What DescribeCapacityProviders shows beyond what was asked for. Source: the defaults of AutoScalingGroupProvider,
//! ManagedScaling, InstanceLaunchTemplate and, for InstanceRequirementsRequest, of EC2's InstanceRequirements.

use serde_json::{Map, Value, json};

use super::member::{Members, invalid};
use crate::refusal::Refusal;
use crate::world::Cx;

pub(super) fn fill(cx: &Cx, fields: &mut Map<String, Value>) -> Result<(), Refusal> {
    if let Some(Value::Object(group)) = fields.get_mut("autoScalingGroupProvider") {
        fill_group(cx, group)?;
    }
    if let Some(Value::Object(managed)) = fields.get_mut("managedInstancesProvider") {
        fill_managed(managed)?;
    }
    Ok(())
}

fn fill_group(cx: &Cx, group: &mut Map<String, Value>) -> Result<(), Refusal> {
    let Some(name) = group.text("autoScalingGroupArn").filter(|name| !name.is_empty()).map(str::to_owned) else {
        return Err(invalid("The Auto Scaling group ARN can not be null or empty."));
    };
    if !name.starts_with("arn:") {
        // The real ARN has a UUID; any that is always the same for a name will do.
        let arn =
            format!("arn:aws:autoscaling:{}:{}:autoScalingGroup:0:autoScalingGroupName/{name}", cx.region, cx.account);
        group.insert("autoScalingGroupArn".to_owned(), json!(arn));
    }
    group.entry("managedTerminationProtection").or_insert(json!("DISABLED"));
    group.entry("managedDraining").or_insert(json!("ENABLED"));
    let scaling = group.entry("managedScaling").or_insert(json!({}));
    if let Some(scaling) = scaling.as_object_mut() {
        scaling.entry("status").or_insert(json!("DISABLED"));
        for (name, default) in [
            ("targetCapacity", 100),
            ("minimumScalingStepSize", 1),
            ("maximumScalingStepSize", 10_000),
            ("instanceWarmupPeriod", 300),
        ] {
            scaling.entry(name).or_insert(json!(default));
        }
    }
    let scaled = group["managedScaling"].text("status") == Some("ENABLED");
    if group.text("managedTerminationProtection") == Some("ENABLED") && !scaled {
        return Err(invalid("Managed termination protection needs managed scaling."));
    }
    Ok(())
}

fn fill_managed(managed: &mut Map<String, Value>) -> Result<(), Refusal> {
    if managed.text("infrastructureRoleArn").is_none_or(str::is_empty) {
        return Err(invalid("The infrastructure role can not be null or empty."));
    }
    managed.entry("propagateTags").or_insert(json!("NONE"));
    let Some(Value::Object(template)) = managed.get_mut("instanceLaunchTemplate") else {
        return Err(invalid("The instance launch template can not be null."));
    };
    for (name, default) in [("monitoring", "BASIC"), ("capacityOptionType", "ON_DEMAND")] {
        template.entry(name).or_insert(json!(default));
    }
    template.entry("instanceMetadataTagsPropagation").or_insert(json!(true));
    template.entry("storageConfiguration").or_insert(json!({ "storageSizeGiB": 80 }));
    if let Some(Value::Object(requirements)) = template.get_mut("instanceRequirements") {
        for (name, default) in
            [("bareMetal", "excluded"), ("burstablePerformance", "excluded"), ("localStorage", "included")]
        {
            requirements.entry(name).or_insert(json!(default));
        }
        requirements.entry("instanceGenerations").or_insert(json!(["current"]));
    }
    Ok(())
}
