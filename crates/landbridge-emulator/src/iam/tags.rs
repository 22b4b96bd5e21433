//! Tags of roles and policies: at most 50, keys unique without regard to case ("Rules for tagging in IAM and AWS STS",
//! id_tags.html).

use serde_json::{Value, json};

use super::{limit_exceeded, names, page};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// Tags in the order they were given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tags(Vec<(String, String)>);

const MOST: usize = 50;

impl Tags {
    /// The tags of a creation.
    pub(crate) fn read(input: Input<'_>) -> Result<Self, Refusal> {
        let mut tags = Self::default();
        tags.merge(checked(input)?)?;
        Ok(tags)
    }

    /// Sets each of `new`; a key that differs only in case is overwritten.
    fn merge(&mut self, new: Vec<(String, String)>) -> Result<(), Refusal> {
        let mut merged = self.0.clone();
        for (key, value) in new {
            match merged.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&key)) {
                Some(tag) => tag.1 = value,
                None => merged.push((key, value)),
            }
        }
        if merged.len() > MOST {
            return Err(limit_exceeded("The number of tags has reached the maximum limit."));
        }
        self.0 = merged;
        Ok(())
    }

    fn remove(&mut self, keys: &[&str]) {
        self.0.retain(|(known, _)| !keys.iter().any(|key| key.eq_ignore_ascii_case(known)));
    }

    /// `[{Key, Value}]`, or null where there is none: IAM leaves the element out.
    pub(crate) fn answer(&self) -> Value {
        if self.0.is_empty() { Value::Null } else { self.0.iter().map(tag).collect() }
    }
}

fn tag((key, value): &(String, String)) -> Value {
    json!({"Key": key, "Value": value})
}

fn checked(input: Input<'_>) -> Result<Vec<(String, String)>, Refusal> {
    let tags = input.tags("Tags")?;
    for (index, (key, value)) in tags.iter().enumerate() {
        let text = |text: &str| text.chars().all(|c| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c));
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 || !text(key) || !text(value) {
            return Err(input.refuse(format!(
                "1 validation error detected: Value at 'tags.{}.member' failed to satisfy constraint: keys have 1 to 128 \
                 characters, values up to 256, of [\\p{{L}}\\p{{Z}}\\p{{N}}_.:/=+\\-@]",
                index + 1
            )));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(Refusal::new("InvalidInput", "Tag keys beginning with aws: are reserved for system use."));
        }
        if tags[..index].iter().any(|(earlier, _)| earlier.eq_ignore_ascii_case(key)) {
            let message = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(Refusal::new("InvalidInput", message));
        }
    }
    Ok(tags)
}

pub(crate) fn tag_role(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = names::role_name(input)?;
    if input.get("Tags").is_none() {
        return Err(input.missing("Tags"));
    }
    let new = checked(input)?;
    world.services.iam.account(&cx.account).role_mut(name)?.tags.merge(new)?;
    Ok(Value::Null)
}

pub(crate) fn untag_role(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let name = names::role_name(input)?;
    if input.get("TagKeys").is_none() {
        return Err(input.missing("TagKeys"));
    }
    let keys = input.texts("TagKeys")?;
    world.services.iam.account(&cx.account).role_mut(name)?.tags.remove(&keys);
    Ok(Value::Null)
}

pub(crate) fn list_role_tags(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let role = world.services.iam.account(&cx.account).role(names::role_name(input)?)?;
    let mut sorted: Vec<_> = role.tags.0.iter().collect();
    sorted.sort();
    let items = sorted.into_iter().map(|pair| (pair.0.as_str(), pair));
    page::cut(input, "Tags", items, tag).map(Value::Object)
}
