//! The VPCs that see a private hosted zone. Source: AssociateVPCWithHostedZone and DisassociateVPCFromHostedZone.

use serde_json::{Value, json};

use super::{batch, zone};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// VPCs of a private zone while quotas are enforced ("Quotas on hosted zones").
const PER_ZONE: usize = 300;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Vpc {
    pub(super) region: String,
    pub(super) id: String,
}

impl Vpc {
    pub(super) fn read(input: Input<'_>) -> Result<Self, Refusal> {
        let (region, id) = (input.required("VPCRegion")?, input.required("VPCId")?);
        if !id.starts_with("vpc-") {
            return Err(Refusal::new("InvalidVPCId", format!("The VPC: {id} you provided is invalid.")));
        }
        Ok(Self { region: region.to_owned(), id: id.to_owned() })
    }

    pub(super) fn show(&self) -> Value {
        json!({"VPCRegion": self.region, "VPCId": self.id})
    }
}

/// Refuses a VPC that already sees another private zone of that name; `own` is the zone that asks.
pub(super) fn check_free(world: &World, vpc: &Vpc, name: &str, own: &str) -> Result<(), Refusal> {
    let mut zones = world.services.route53.zones.values();
    let Some(other) = zones.find(|zone| zone.id != own && zone.name == name && zone.vpcs.contains(vpc)) else {
        return Ok(());
    };
    let message = format!(
        "The VPC {} in region {} has already been associated with the hosted zone {} with the same domain name.",
        vpc.id, vpc.region, other.id
    );
    Err(Refusal::new("ConflictingDomainExists", message))
}

pub(super) fn associate(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let zone = zone::known(world, cx, input.required("HostedZoneId")?)?;
    let vpc = Vpc::read(input.object("VPC")?.ok_or_else(|| input.missing("VPC"))?)?;
    if !zone.private {
        let message = format!("{} is a public hosted zone; a VPC can only be associated with a private one", zone.id);
        return Err(Refusal::new("PublicZoneVPCAssociation", message));
    }
    check_free(world, &vpc, &zone.name, &zone.id)?;
    if world.quotas.enforced() && zone.vpcs.len() >= PER_ZONE {
        return Err(Refusal::new("LimitsExceeded", format!("A hosted zone can have at most {PER_ZONE} VPCs")));
    }
    let id = zone.id.clone();
    if let Some(zone) = world.services.route53.zones.get_mut(&id)
        && !zone.vpcs.contains(&vpc)
    {
        zone.vpcs.push(vpc);
    }
    Ok(json!({ "ChangeInfo": batch::submit(world, &cx.account, &id, Vec::new(), input.text("Comment")?) }))
}

pub(super) fn disassociate(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let zone = zone::known(world, cx, input.required("HostedZoneId")?)?;
    let vpc = Vpc::read(input.object("VPC")?.ok_or_else(|| input.missing("VPC"))?)?;
    if !zone.vpcs.contains(&vpc) {
        let message = format!("The VPC: {} is not associated with the hosted zone: {}.", vpc.id, zone.id);
        return Err(Refusal::new("VPCAssociationNotFound", message).status(404));
    }
    if zone.vpcs.len() == 1 {
        let message = "The VPC is the last one of the private hosted zone, which must be associated with at least one";
        return Err(Refusal::new("LastVPCAssociation", message));
    }
    let id = zone.id.clone();
    if let Some(zone) = world.services.route53.zones.get_mut(&id) {
        zone.vpcs.retain(|other| *other != vpc);
    }
    Ok(json!({ "ChangeInfo": batch::submit(world, &cx.account, &id, Vec::new(), input.text("Comment")?) }))
}
