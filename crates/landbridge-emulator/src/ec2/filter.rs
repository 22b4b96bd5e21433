//! What every Describe of EC2 has: identifiers, filters and pages over what is shown. Source: "List and filter your resources"
//! (Amazon EC2 user guide) and the `Filters` of each action.

use serde_json::{Map, Value, json};

use super::invalid;
use crate::input::Input;
use crate::refusal::Refusal;

/// How one kind of resource is described.
pub(super) struct Kind {
    /// The list in the answer.
    pub(super) set: &'static str,
    /// The parameters that name resources, each with the place of what it names.
    pub(super) named: &'static [(&'static str, &'static str)],
    /// The filters beside those of tags, each with the place of its value: members divided by `/`, of lists every item.
    pub(super) filters: &'static [(&'static str, &'static str)],
    /// The fewest items that a page may ask for.
    pub(super) least: i64,
    /// What a name that nothing has is refused with, by the parameter and the name.
    pub(super) missing: fn(&str, &str) -> Refusal,
}

impl Kind {
    /// The answer to a call, of everything there is.
    pub(super) fn describe(&self, input: Input<'_>, all: Vec<Value>) -> Result<Value, Refusal> {
        let mut named = false;
        let mut wanted = all;
        for (parameter, place) in self.named {
            let names = input.texts(parameter)?;
            if names.is_empty() {
                continue;
            }
            named = true;
            let has = |shown: &Value, name: &str| values(shown, place).iter().any(|value| value == name);
            if let Some(unknown) = names.iter().find(|name| !wanted.iter().any(|shown| has(shown, name))) {
                return Err((self.missing)(parameter, unknown));
            }
            wanted.retain(|shown| names.iter().any(|name| has(shown, name)));
        }
        for filter in input.objects("Filter")? {
            let name = filter.required("Name")?;
            let patterns = filter.texts("Value")?;
            let place = self.place(name)?;
            wanted.retain(|shown| {
                let values = match &place {
                    Place::At(place) => values(shown, place),
                    Place::Tag(key) => {
                        tags(shown).into_iter().filter(|(of, _)| of == key).map(|(_, value)| value).collect()
                    }
                    Place::TagKey => tags(shown).into_iter().map(|(key, _)| key).collect(),
                };
                values.iter().any(|value| patterns.iter().any(|pattern| is_like(pattern, value)))
            });
        }
        self.page(input, named, wanted)
    }

    fn place<'a>(&self, name: &'a str) -> Result<Place<'a>, Refusal> {
        if let Some(key) = name.strip_prefix("tag:") {
            return Ok(Place::Tag(key));
        }
        if name == "tag-key" {
            return Ok(Place::TagKey);
        }
        let place = self.filters.iter().find(|(filter, _)| *filter == name).map(|(_, place)| Place::At(place));
        place.ok_or_else(|| invalid(format!("The filter '{name}' is invalid")))
    }

    /// The token of a page is the place of its first item.
    fn page(&self, input: Input<'_>, named: bool, wanted: Vec<Value>) -> Result<Value, Refusal> {
        let asked = input.number("MaxResults")?;
        if asked.is_some() && named {
            let message = "The parameter MaxResults cannot be used with the parameters that name resources";
            return Err(Refusal::new("InvalidParameterCombination", message));
        }
        if let Some(asked) = asked.filter(|asked| *asked < self.least || *asked > 1000) {
            return Err(invalid(format!(
                "Value ( {asked} ) for parameter maxResults is invalid. Expecting a value between {} and 1000.",
                self.least
            )));
        }
        let from = match input.text("NextToken")? {
            None => 0,
            Some(token) => token
                .parse::<usize>()
                .map_err(|_| Refusal::new("InvalidNextToken", format!("The token '{token}' is invalid")))?,
        };
        let most = asked.map_or(usize::MAX, |asked| asked as usize);
        let more = wanted.len().saturating_sub(from) > most;
        let page: Value = wanted.into_iter().skip(from).take(most).collect();
        let mut answer = Map::from_iter([(self.set.to_owned(), page)]);
        if more {
            answer.insert("nextToken".to_owned(), json!((from + most).to_string()));
        }
        Ok(answer.into())
    }
}

/// Where a filter looks.
enum Place<'a> {
    At(&'static str),
    Tag(&'a str),
    TagKey,
}

/// The values at a place, as text.
fn values(shown: &Value, place: &str) -> Vec<String> {
    let mut found = vec![shown];
    for part in place.split('/') {
        found = found
            .into_iter()
            .flat_map(|value| match value {
                Value::Array(items) => items.iter().collect(),
                other => vec![other],
            })
            .filter_map(|value| value.get(part))
            .collect();
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    found.into_iter().map(text).collect()
}

fn tags(shown: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let tags = shown["tagSet"].as_array().into_iter().flatten();
    tags.map(|tag| (text(&tag["key"]), text(&tag["value"]))).collect()
}

/// `pattern` with `*` for any text and `?` for any character, against the whole of `text`; the case counts.
fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut from, mut star) = (0, 0, None);
    while from < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == text[from] => (at, from) = (at + 1, from + 1),
            // The last star takes one character more.
            _ => match star {
                Some((place, taken)) => {
                    star = Some((place, taken + 1));
                    (at, from) = (place + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_stars_and_question_marks() {
        for (pattern, text, expected) in [
            ("web*", "web-1", true),
            ("*-?", "web-1", true),
            ("web", "web-1", false),
            ("WEB*", "web-1", false),
            ("*a*b", "xaxxb", true),
            ("", "", true),
            ("**", "", true),
            ("?", "", false),
        ] {
            assert_eq!(is_like(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_place_reaches_into_every_item_of_a_list() {
        let shown = json!({"ipPermissions": [{"ipRanges": [{"cidrIp": "a"}, {"cidrIp": "b"}]}, {"ipRanges": []}], "isDefault": true});
        assert_eq!(values(&shown, "ipPermissions/ipRanges/cidrIp"), ["a", "b"]);
        assert_eq!(values(&shown, "isDefault"), ["true"]);
        assert!(values(&shown, "none").is_empty());
    }
}
