//! ARNs and names: how ECS writes them, and what a request may give in their place.

use crate::world::{Cx, Rng};

/// `arn:aws:ecs:REGION:ACCOUNT:KIND/` + `path`.
pub(crate) fn arn(cx: &Cx, kind: &str, path: &str) -> String {
    format!("arn:aws:ecs:{}:{}:{kind}/{path}", cx.region, cx.account)
}

/// What follows the last `/` of an ARN; the whole of a name.
pub(crate) fn last_part(name_or_arn: &str) -> &str {
    name_or_arn.rsplit('/').next().unwrap_or(name_or_arn)
}

/// The ARN that `name_or_arn` stands for in the caller's account and region.
pub(crate) fn cluster_arn(cx: &Cx, name_or_arn: &str) -> String {
    if name_or_arn.starts_with("arn:") { name_or_arn.to_owned() } else { arn(cx, "cluster", name_or_arn) }
}

/// `arn:aws:ecs:REGION:ACCOUNT:` of any ECS ARN.
pub(crate) fn scope_of(arn: &str) -> &str {
    let end = arn.match_indices(':').nth(4).map_or(arn.len(), |(at, _)| at + 1);
    &arn[..end]
}

/// The region in an ARN.
pub(crate) fn region_of(arn: &str) -> &str {
    arn.split(':').nth(3).unwrap_or_default()
}

/// The account in an ARN.
pub(crate) fn account_of(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

/// Names of clusters, services, families and capacity providers: up to 255 letters, digits, `-` and `_`.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=255).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// An identifier of letters, digits, `-` and `_`; those of service deployments have 21.
pub(crate) fn token(rng: &mut Rng, length: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..length).map(|_| LETTERS[rng.below(64) as usize] as char).collect()
}
