//! Availability Zones and Regions. Source: DescribeAvailabilityZones, DescribeRegions and "Availability Zone IDs".

use serde_json::{Value, json};

use super::filter::Kind;
use super::invalid;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// The Regions that every account has without opting in.
const REGIONS: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

const ZONES: Kind = Kind {
    set: "availabilityZoneInfo",
    named: &[("ZoneName", "zoneName"), ("ZoneId", "zoneId")],
    filters: &[
        ("zone-name", "zoneName"),
        ("zone-id", "zoneId"),
        ("region-name", "regionName"),
        ("group-name", "groupName"),
        ("opt-in-status", "optInStatus"),
        ("state", "zoneState"),
        ("zone-type", "zoneType"),
    ],
    least: 1,
    missing: |_, zone| invalid(format!("Invalid availability zone: [{zone}]")),
};

const ALL_REGIONS: Kind = Kind {
    set: "regionInfo",
    named: &[("RegionName", "regionName")],
    filters: &[("region-name", "regionName"), ("endpoint", "regionEndpoint"), ("opt-in-status", "optInStatus")],
    least: 1,
    missing: |_, region| invalid(format!("The following supplied region names are invalid: [{region}]")),
};

/// The three zones that a Region has here.
pub(super) fn names(region: &str) -> Vec<String> {
    ["a", "b", "c"].map(|letter| format!("{region}{letter}")).into()
}

/// `euw1-az1` for `eu-west-1a`: the same zone in every account, here for all the first by its letter.
pub(super) fn id(zone: &str) -> String {
    let (region, letter) = zone.split_at(zone.len().saturating_sub(1));
    let short: String = region
        .split('-')
        .map(|part| match part {
            "north" => "n",
            "south" => "s",
            "east" => "e",
            "west" => "w",
            "central" => "c",
            "northeast" => "ne",
            "northwest" => "nw",
            "southeast" => "se",
            "southwest" => "sw",
            "gov" => "g",
            other => other,
        })
        .collect();
    let number = letter.bytes().next().map_or(1, |letter| letter.saturating_sub(b'a') + 1);
    format!("{short}-az{number}")
}

pub(super) fn describe(_world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let zone = |zone: String| {
        json!({
            "zoneName": zone,
            "zoneId": id(&zone),
            "zoneState": "available",
            "regionName": cx.region,
            "groupName": format!("{}-zg-1", cx.region),
            "networkBorderGroup": cx.region,
            "optInStatus": "opt-in-not-required",
            "zoneType": "availability-zone",
            "messageSet": [],
        })
    };
    ZONES.describe(input, names(&cx.region).into_iter().map(zone).collect())
}

pub(super) fn regions(_world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let region = |region: &&str| {
        let endpoint = format!("ec2.{region}.amazonaws.com");
        json!({"regionName": region, "regionEndpoint": endpoint, "optInStatus": "opt-in-not-required"})
    };
    ALL_REGIONS.describe(input, REGIONS.iter().map(region).collect())
}
