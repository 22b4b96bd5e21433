//! Public parameters: the ECS-optimized machine images of each region ("Retrieving Amazon ECS-optimized Linux AMI
//! metadata"). Image identifiers are made up, one per path and region.

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::wire::json::epoch;

const ROOT: &str = "/aws/service/ecs/optimized-ami/";
const FAMILIES: [(&str, &str); 6] = [
    ("amazon-linux-2023/recommended", "Amazon Linux 2023"),
    ("amazon-linux-2023/arm64/recommended", "Amazon Linux 2023"),
    ("amazon-linux-2023/gpu/recommended", "Amazon Linux 2023"),
    ("amazon-linux-2/recommended", "Amazon Linux 2"),
    ("amazon-linux-2/arm64/recommended", "Amazon Linux 2"),
    ("amazon-linux-2/gpu/recommended", "Amazon Linux 2"),
];

fn image(region: &str, family: &str) -> String {
    let hash = Sha256::digest(format!("{region} {family}"));
    hash.iter().take(9).fold("ami-".to_owned(), |text, byte| text + &format!("{byte:02x}"))[..21].to_owned()
}

/// The value of a path under the root: the whole record, or one of its members.
fn value(region: &str, path: &str) -> Option<String> {
    let (family, system) = FAMILIES.iter().find(|(family, _)| path.starts_with(family))?;
    let record = json!({
        "ecs_agent_version": "1.100.0", "ecs_runtime_version": "Docker version 25.0.13", "image_id": image(region, family),
        "image_name": format!("ecs-optimized-{}", family.replace('/', "-")), "image_version": "20260101", "os": system,
        "schema_version": 1, "source_image_name": "base",
    });
    match path.strip_prefix(family)?.strip_prefix('/') {
        None if path == *family => Some(record.to_string()),
        Some("image_id") => record["image_id"].as_str().map(str::to_owned),
        _ => None,
    }
}

/// A public parameter, as GetParameter shows it.
pub(super) fn named(region: &str, name: &str, now: Timestamp) -> Option<Value> {
    let name = format!("/{}", name.trim_start_matches('/'));
    let path = name.strip_prefix(ROOT)?;
    Some(json!({
        "Name": name, "Type": "String", "Value": value(region, path)?, "Version": 1, "LastModifiedDate": epoch(now),
        "ARN": format!("arn:aws:ssm:{region}::parameter{name}"), "DataType": "text",
    }))
}

/// Those under a path of AWS's own; no other shows them.
pub(super) fn under(region: &str, prefix: &str, recursive: bool, now: Timestamp) -> Vec<(String, Value)> {
    if !prefix.starts_with("/aws/") {
        return Vec::new();
    }
    let paths = FAMILIES.iter().flat_map(|(family, _)| [format!("{ROOT}{family}"), format!("{ROOT}{family}/image_id")]);
    let shown = paths.filter(|path| path.strip_prefix(prefix).is_some_and(|rest| recursive || !rest.contains('/')));
    shown.filter_map(|path| named(region, &path, now).map(|shown| (path, shown))).collect()
}
