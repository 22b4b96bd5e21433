//! Lists of hosted zones. Source: ListHostedZones, ListHostedZonesByName, ListHostedZonesByVPC and GetHostedZoneCount.

use serde_json::{Value, json};

use super::vpc::Vpc;
use super::zone::Zone;
use super::{bare, most_items, name};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

fn own<'w>(world: &'w World, cx: &Cx) -> impl Iterator<Item = &'w Zone> + use<'w> {
    let account = cx.account.clone();
    world.services.route53.zones.values().filter(move |zone| zone.account == account)
}

fn show(world: &World, zone: &Zone) -> Value {
    zone.show(zone.records(world).len())
}

pub(super) fn count(world: &World, cx: &Cx) -> Value {
    json!({ "HostedZoneCount": own(world, cx).count() })
}

/// In the order of their IDs; the marker is the ID of the first zone of the next page.
pub(super) fn all(world: &World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let most = most_items(input, 100)?;
    let marker = input.text("Marker")?.unwrap_or_default();
    let private = input.text("HostedZoneType")? == Some("PrivateHostedZone");
    let mut rest = own(world, cx).filter(|zone| zone.id.as_str() >= marker && (!private || zone.private));
    let page: Value = rest.by_ref().take(most).map(|zone| show(world, zone)).collect();
    let next = rest.next();
    let mut answer = json!({"HostedZones": page, "IsTruncated": next.is_some(), "MaxItems": most, "Marker": marker});
    if let Some(next) = next {
        answer["NextMarker"] = json!(next.id);
    }
    Ok(answer)
}

/// In the order of their names' labels from the last to the first, from `DNSName` on.
pub(super) fn by_name(world: &World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let most = most_items(input, 100)?;
    let from = match input.text("DNSName")? {
        None => None,
        Some(given) => Some(
            name::normal(given)
                .ok_or_else(|| Refusal::new("InvalidDomainName", format!("{given} is not a valid domain name")))?,
        ),
    };
    let from_id = input.text("HostedZoneId")?.map(bare);
    if from_id.is_some() && from.is_none() {
        return Err(input.refuse("The hosted zone ID can only be specified together with a DNS name"));
    }
    let start = from.as_ref().map(|from| (name::order(from), from_id.unwrap_or_default().to_owned()));
    let mut zones: Vec<_> = own(world, cx).map(|zone| ((name::order(&zone.name), zone.id.clone()), zone)).collect();
    zones.sort_by(|one, other| one.0.cmp(&other.0));
    let mut rest = zones.into_iter().filter(|(key, _)| start.as_ref().is_none_or(|start| key >= start));
    let page: Value = rest.by_ref().take(most).map(|(_, zone)| show(world, zone)).collect();
    let next = rest.next();
    let mut answer = json!({"HostedZones": page, "IsTruncated": next.is_some(), "MaxItems": most});
    if let Some(from) = from {
        answer["DNSName"] = json!(from);
    }
    if let Some(id) = from_id {
        answer["HostedZoneId"] = json!(id);
    }
    if let Some((_, next)) = next {
        answer["NextDNSName"] = json!(next.name);
        answer["NextHostedZoneId"] = json!(next.id);
    }
    Ok(answer)
}

/// The private zones that a VPC sees, also those of other accounts; the token is the ID of the next.
pub(super) fn by_vpc(world: &World, input: Input<'_>) -> Result<Value, Refusal> {
    let most = most_items(input, 100)?;
    let vpc = Vpc::read(input)?;
    let from = input.text("NextToken")?.unwrap_or_default();
    let zones = world.services.route53.zones.values();
    let mut rest = zones.filter(|zone| zone.vpcs.contains(&vpc) && zone.id.as_str() >= from);
    let summary = |zone: &Zone| {
        let owner = match &zone.namespace {
            Some(_) => json!({ "OwningService": "servicediscovery.amazonaws.com" }),
            None => json!({ "OwningAccount": zone.account }),
        };
        json!({"HostedZoneId": zone.id, "Name": zone.name, "Owner": owner})
    };
    let page: Value = rest.by_ref().take(most).map(summary).collect();
    let mut answer = json!({"HostedZoneSummaries": page, "MaxItems": most});
    if let Some(next) = rest.next() {
        answer["NextToken"] = json!(next.id);
    }
    Ok(answer)
}
