//! Tags: what an object's AWS resources should carry, and what to write so that they do.
//!
//! Tags of AWS itself (`aws:…`) are neither compared nor written. Landbridge's own (`landbridge.dev/…`) are written when
//! they are wrong and never taken away here.

use landbridge_api::ecs::Tag;
use landbridge_api::names::tag;

use crate::account::AccountTarget;
use crate::change::Tags;
use crate::owner::Owner;
use crate::plan::Difference;

/// What to write so that the tags of a resource are as wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagChange {
    /// Tags to set.
    pub set: Tags,
    /// Keys to take away.
    pub remove: Vec<String>,
}

/// The tags that an object's resources carry: the account's defaults, the object's own, and who owns them. The
/// object's own win over the account's.
pub fn wanted(account: &AccountTarget, own: &[Tag], owner: &Owner) -> Tags {
    let own = own.iter().map(|t| (t.key.clone(), t.value.clone().unwrap_or_default()));
    account.default_tags.clone().into_iter().chain(own).chain(owner.tags()).collect()
}

/// Whether AWS would take the tags: at most 50, keys of at most 128 characters that are not AWS's own, values of at
/// most 256 characters (AWS General Reference, «Tag naming limits and requirements»).
///
/// # Errors
/// What is wrong, in words.
pub fn validate(tags: &Tags) -> Result<(), String> {
    if tags.len() > 50 {
        return Err(format!(
            "{} tags are more than AWS takes (50, with those of the account and 2 of Landbridge); take some away",
            tags.len()
        ));
    }
    for (key, value) in tags {
        if key.is_empty() || key.chars().count() > 128 {
            return Err(format!("the tag key \"{key}\" must have 1 to 128 characters"));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(format!("the tag key \"{key}\" begins with aws:, which only AWS may use"));
        }
        if value.chars().count() > 256 {
            return Err(format!("the value of tag \"{key}\" has more than 256 characters"));
        }
    }
    Ok(())
}

/// What to write, if anything: [`TagChange::set`] holds only what differs.
pub fn change(from: &Tags, to: &Tags) -> Option<TagChange> {
    let set: Tags = to.iter().filter(|(k, v)| from.get(*k) != Some(v)).map(|(k, v)| (k.clone(), v.clone())).collect();
    let remove: Vec<String> = from.keys().filter(|k| is_users(k) && !to.contains_key(*k)).cloned().collect();
    (!set.is_empty() || !remove.is_empty()).then_some(TagChange { set, remove })
}

/// How the tags of users differ, as paths such as `tags[team]`.
pub fn differences(path: &str, from: &Tags, to: &Tags) -> Vec<Difference> {
    let mut keys: Vec<&String> = from.keys().chain(to.keys()).filter(|k| is_users(k)).collect();
    keys.sort_unstable();
    keys.dedup();
    let value = |tags: &Tags, key: &str| tags.get(key).map(|v| v.as_str().into());
    keys.into_iter()
        .filter(|k| from.get(*k) != to.get(*k))
        .map(|k| Difference::new(format!("{path}[{k}]"), value(from, k), value(to, k)))
        .collect()
}

/// Whether a key is neither AWS's nor Landbridge's.
pub fn is_users(key: &str) -> bool {
    !key.starts_with("aws:") && !key.starts_with(tag::PREFIX)
}

/// Tags as a list of `{key, value}` with the given member names, sorted by key: how request bodies write them.
pub fn listed(tags: &Tags, key: &str, value: &str) -> serde_json::Value {
    tags.iter().map(|(k, v)| serde_json::json!({ key: k, value: v })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn tags_of_aws_and_of_landbridge_are_not_differences_and_never_removed() {
        let from = tags(&[("aws:cloudformation:stack", "x"), ("landbridge.dev/content", "h"), ("team", "shop")]);
        assert_eq!(differences("tags", &from, &tags(&[("team", "shop")])), []);
        assert_eq!(change(&from, &tags(&[("team", "shop")])), None);
    }

    #[test]
    fn tags_that_aws_would_refuse_are_named() {
        assert_eq!(validate(&tags(&[("team", "")])), Ok(()));
        let many: Tags = (0..51).map(|i| (format!("k{i}"), String::new())).collect();
        assert!(validate(&many).unwrap_err().starts_with("51 tags are more than AWS takes"));
        assert!(validate(&tags(&[("AWS:x", "")])).unwrap_err().contains("only AWS may use"));
        assert!(validate(&tags(&[("k", &"v".repeat(257))])).unwrap_err().contains("more than 256"));
        assert!(validate(&tags(&[("", "v")])).unwrap_err().contains("1 to 128"));
    }

    #[test]
    fn only_the_tags_that_differ_are_written() {
        let from = tags(&[("team", "shop"), ("old", "1"), ("cost", "7")]);
        let to = tags(&[("team", "blog"), ("cost", "7"), ("new", "2")]);
        let change = change(&from, &to).unwrap();
        assert_eq!(change.set, tags(&[("new", "2"), ("team", "blog")]));
        assert_eq!(change.remove, ["old"]);
        assert_eq!(
            differences("tags", &from, &to),
            [
                Difference::new("tags[new]", None, Some(json!("2"))),
                Difference::new("tags[old]", Some(json!("1")), None),
                Difference::new("tags[team]", Some(json!("shop")), Some(json!("blog"))),
            ]
        );
    }

    #[test]
    fn the_objects_own_tags_win_over_the_accounts_and_ownership_wins_over_both() {
        let account = AccountTarget {
            default_tags: tags(&[("team", "platform"), ("env", "prod")]),
            installation: "here".into(),
            ..AccountTarget::default()
        };
        let own = [
            Tag { key: "team".into(), value: Some("shop".into()) },
            Tag { key: tag::OWNER.into(), value: Some("me".into()) },
        ];
        let wanted = wanted(&account, &own, &Owner::new("ECSCluster/prod", &account));
        assert_eq!(
            wanted,
            tags(&[
                ("env", "prod"),
                ("landbridge.dev/installation", "here"),
                ("landbridge.dev/owner", "ECSCluster/prod"),
                ("team", "shop"),
            ])
        );
    }
}
