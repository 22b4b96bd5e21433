//! The JSON of an action in an Ingress's annotation `alb.ingress.kubernetes.io/actions.<name>`: who gets how much. Weights are
//! changed in the text itself, so that everything else in it stays byte for byte as its owner wrote it.
//!
//! The forms are those of the AWS Load Balancer Controller's guide, «Ingress annotations», `actions`.

use std::ops::Range;

use serde_json::Value;

/// An entry among the target groups of a forward action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A target group that the controller does not make.
    Arn(String),
    /// Another one, by its name.
    Name(String),
    /// A Service and its port, name or number: its target group is the controller's.
    Service(String, String),
}

/// A forward action, as it was read.
#[derive(Clone, Debug)]
pub(super) struct Action<'a> {
    text: &'a str,
    groups: Vec<Group>,
    /// Of the short form, the member that names the only target group.
    short: Option<Range<usize>>,
}

/// A target group of it, and where it stands in the text.
#[derive(Clone, Debug)]
struct Group {
    entry: Entry,
    weight: i32,
    /// The weight's digits, where one is written.
    digits: Option<Range<usize>>,
    /// The whole entry.
    place: Range<usize>,
}

impl<'a> Action<'a> {
    /// Reads an action; none when it is one that forwards nothing, such as a redirect.
    ///
    /// # Errors
    /// What is wrong with the text, and where.
    pub(super) fn read(text: &'a str) -> Result<Option<Self>, String> {
        let value: Value = serde_json::from_str(text).map_err(|e| format!("it is not JSON: {e}"))?;
        let root = skip_space(text, 0);
        if !value.is_object() {
            return Err("it is not a JSON object".to_owned());
        }
        if value["type"] != "forward" {
            return match value["type"].as_str() {
                Some(_) => Ok(None),
                None => Err("it has no \"type\"".to_owned()),
            };
        }
        let top = members(text, root);
        if let Some(only) = top.iter().find(|m| matches!(m.name.as_str(), "targetGroupARN" | "targetGroupName")) {
            let named = value[&only.name].as_str().unwrap_or_default().to_owned();
            let entry = if only.name == "targetGroupARN" { Entry::Arn(named) } else { Entry::Name(named) };
            let group = Group { entry, weight: 1, digits: None, place: only.whole.clone() };
            return Ok(Some(Self { text, groups: vec![group], short: Some(only.whole.clone()) }));
        }
        let config = top.iter().find(|m| m.name == "forwardConfig").map(|m| members(text, m.value.start));
        let list = config.and_then(|c| c.into_iter().find(|m| m.name == "targetGroups"));
        let list = list.filter(|_| value["forwardConfig"]["targetGroups"].is_array());
        let list = list.ok_or("it forwards, and has neither targetGroupARN nor forwardConfig.targetGroups")?;
        let places = items(text, list.value.start);
        let read = value["forwardConfig"]["targetGroups"].as_array().into_iter().flatten().zip(places);
        let groups = read.enumerate().map(|(at, (value, place))| group(text, at, value, place));
        Ok(Some(Self { text, groups: groups.collect::<Result<_, _>>()?, short: None }))
    }

    /// The entries and their weights; one without a weight has 1.
    pub(super) fn weights(&self) -> impl Iterator<Item = (&Entry, i32)> {
        self.groups.iter().map(|g| (&g.entry, g.weight))
    }

    /// The text with these weights: entries that are there get them, others are added behind the last.
    pub(super) fn with(&self, weights: &[(Entry, i32)]) -> String {
        let of = |entry: &Entry| weights.iter().find(|(e, _)| e == entry).map(|(_, w)| *w);
        let missing: Vec<_> = weights.iter().filter(|(e, _)| !self.groups.iter().any(|g| g.entry == *e)).collect();
        if let Some(short) = &self.short {
            let there = self.groups.iter().map(|g| written(&g.entry, of(&g.entry).unwrap_or(g.weight)));
            let added = missing.iter().map(|(e, w)| written(e, *w));
            let list = there.chain(added).collect::<Vec<_>>().join(",");
            let long = format!("\"forwardConfig\":{{\"targetGroups\":[{list}]}}");
            return format!("{}{long}{}", &self.text[..short.start], &self.text[short.end..]);
        }
        let mut edits: Vec<(Range<usize>, String)> = Vec::new();
        for group in &self.groups {
            // With several target groups each must have a weight.
            let Some(weight) = of(&group.entry).or((!missing.is_empty()).then_some(group.weight)) else { continue };
            match &group.digits {
                Some(digits) => edits.push((digits.clone(), weight.to_string())),
                None => edits.push((group.place.end - 1..group.place.end - 1, format!(",\"weight\":{weight}"))),
            }
        }
        if let Some(last) = self.groups.last().filter(|_| !missing.is_empty()) {
            let added = missing.iter().map(|(e, w)| written(e, *w)).collect::<Vec<_>>().join(",");
            edits.push((last.place.end..last.place.end, format!(",{added}")));
        }
        let mut text = self.text.to_owned();
        for (place, new) in edits.into_iter().rev() {
            text.replace_range(place, &new);
        }
        text
    }
}

fn group(text: &str, at: usize, value: &Value, place: Range<usize>) -> Result<Group, String> {
    let named = |field: &str| value[field].as_str().map(str::to_owned);
    let port = || named("servicePort").or_else(|| value["servicePort"].as_i64().map(|n| n.to_string()));
    let entry = named("targetGroupARN").map(Entry::Arn).or_else(|| named("targetGroupName").map(Entry::Name));
    let entry = entry.or_else(|| Some(Entry::Service(named("serviceName")?, port()?)));
    let entry = entry.ok_or_else(|| {
        format!("forwardConfig.targetGroups[{at}] names neither targetGroupARN nor serviceName with servicePort")
    })?;
    let digits = members(text, place.start).into_iter().find(|m| m.name == "weight").map(|m| m.value);
    let weight = match &value["weight"] {
        Value::Null => 1,
        weight => {
            weight.as_i64().and_then(|w| i32::try_from(w).ok()).filter(|w| (0..=999).contains(w)).ok_or_else(|| {
                format!("forwardConfig.targetGroups[{at}].weight is {weight}, and not a whole number from 0 to 999")
            })?
        }
    };
    Ok(Group { entry, weight, digits, place })
}

/// An entry as it is written where there was none.
fn written(entry: &Entry, weight: i32) -> String {
    let (field, name) = match entry {
        Entry::Arn(arn) => ("targetGroupARN", arn),
        Entry::Name(name) => ("targetGroupName", name),
        Entry::Service(name, _) => ("serviceName", name),
    };
    let port = match entry {
        Entry::Service(_, port) => {
            let number = port.parse::<u16>().map(Value::from);
            format!(",\"servicePort\":{}", number.unwrap_or_else(|_| Value::from(port.as_str())))
        }
        _ => String::new(),
    };
    format!("{{\"{field}\":{}{port},\"weight\":{weight}}}", Value::from(name.as_str()))
}

/// A member of an object in a text that is known to be JSON.
struct Member {
    name: String,
    /// Name and value.
    whole: Range<usize>,
    value: Range<usize>,
}

/// The members of the object that begins at `at`; none when no object does.
fn members(text: &str, at: usize) -> Vec<Member> {
    let mut found = Vec::new();
    if !text[at..].starts_with('{') {
        return found;
    }
    let mut here = skip_space(text, at + 1);
    while text[here..].starts_with('"') {
        let name_end = skip(text, here);
        let name = serde_json::from_str(&text[here..name_end]).unwrap_or_default();
        let value = skip_space(text, skip_space(text, name_end) + 1);
        let end = skip(text, value);
        found.push(Member { name, whole: here..end, value: value..end });
        here = skip_space(text, end);
        if text[here..].starts_with(',') {
            here = skip_space(text, here + 1);
        }
    }
    found
}

/// The items of the array that begins at `at`.
fn items(text: &str, at: usize) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut here = skip_space(text, at + 1);
    while !text[here..].starts_with(']') && here < text.len() {
        let end = skip(text, here);
        found.push(here..end);
        here = skip_space(text, end);
        if text[here..].starts_with(',') {
            here = skip_space(text, here + 1);
        }
    }
    found
}

fn skip_space(text: &str, at: usize) -> usize {
    text.len() - text[at..].trim_start_matches([' ', '\t', '\n', '\r']).len()
}

/// Where the value that begins at `at` ends.
fn skip(text: &str, at: usize) -> usize {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for (offset, c) in text[at..].char_indices() {
        let here = at + offset;
        if in_text {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => {
                    in_text = false;
                    if depth == 0 {
                        return here + 1;
                    }
                }
                _ => {}
            }
            continue;
        }
        match c {
            '"' => in_text = true,
            '{' | '[' => depth += 1,
            // A bare value ends where what holds it goes on.
            '}' | ']' | ',' | ' ' | '\t' | '\n' | '\r' if depth == 0 => return here,
            '}' | ']' => {
                depth -= 1;
                if depth == 0 {
                    return here + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn arn(name: &str) -> Entry {
        Entry::Arn(name.into())
    }

    fn service(name: &str, port: &str) -> Entry {
        Entry::Service(name.into(), port.into())
    }

    fn edited(text: &str, weights: &[(Entry, i32)]) -> String {
        Action::read(text).unwrap().unwrap().with(weights)
    }

    #[test]
    fn only_the_digits_of_weights_change() {
        let text = " {\"type\":\"forward\" ,\n \"forwardConfig\": {\"targetGroups\": [ {\"weight\" : 100,\"targetGroupARN\":\
                    \"arn:x\"}, { \"serviceName\": \"or\\\"d}ers\", \"servicePort\": \"http\", \"weight\": 0 } ],\n\
                    \"targetGroupStickinessConfig\": {\"enabled\": false}}, \"x\": [1,{\"weight\":7}] }\n";
        let weights = [(arn("arn:x"), 90), (service("or\"d}ers", "http"), 10)];
        let wanted = text.replace("\"weight\" : 100", "\"weight\" : 90").replace("\"weight\": 0", "\"weight\": 10");
        assert_eq!(edited(text, &weights), wanted);
        assert_eq!(edited(&wanted, &[(arn("arn:x"), 100), (service("or\"d}ers", "http"), 0)]), text);
    }

    #[test]
    fn a_side_that_is_not_there_joins_behind_the_last_and_every_entry_gets_a_weight() {
        let weights = [(arn("arn:x"), 100), (service("orders", "8080"), 0)];
        let joined = "{\"targetGroupARN\":\"arn:x\",\"weight\":100},{\"serviceName\":\"orders\",\"servicePort\":8080,\"weight\":0}";
        let long = "{\"type\":\"forward\",\"forwardConfig\":{\"targetGroups\":[{\"targetGroupARN\":\"arn:x\"}]}}";
        let wanted = format!("{{\"type\":\"forward\",\"forwardConfig\":{{\"targetGroups\":[{joined}]}}}}");
        assert_eq!(edited(long, &weights), wanted);
        let short = "{\"type\":\"forward\",\"targetGroupARN\": \"arn:x\"}";
        assert_eq!(edited(short, &weights), wanted);
    }

    #[test]
    fn what_cannot_be_read_is_said_with_what_and_where() {
        for (text, words) in [
            ("{\"type\":\"forward\",", "line 1 column 18"),
            ("[]", "not a JSON object"),
            ("{}", "no \"type\""),
            ("{\"type\":\"forward\"}", "neither targetGroupARN nor forwardConfig"),
            (
                "{\"type\":\"forward\",\"forwardConfig\":{\"targetGroups\":{}}}",
                "neither targetGroupARN nor forwardConfig",
            ),
            ("{\"type\":\"forward\",\"forwardConfig\":{\"targetGroups\":[{}]}}", "targetGroups[0] names neither"),
            (
                "{\"type\":\"forward\",\"forwardConfig\":{\"targetGroups\":[{\"targetGroupARN\":\"a\",\"weight\":\"9\"}]}}",
                "targetGroups[0].weight is \"9\"",
            ),
            (
                "{\"type\":\"forward\",\"forwardConfig\":{\"targetGroups\":[{\"targetGroupARN\":\"a\",\"weight\":1000}]}}",
                "from 0 to 999",
            ),
        ] {
            let said = Action::read(text).unwrap_err();
            assert!(said.contains(words), "{text}: {said:?}");
        }
        assert!(Action::read("{\"type\":\"redirect\",\"redirectConfig\":{}}").unwrap().is_none());
    }

    fn spaced(value: &Value, space: &str) -> String {
        match value {
            Value::Object(map) => {
                let list: Vec<_> = map
                    .iter()
                    .map(|(k, v)| format!("{}{space}:{space}{}", Value::from(k.as_str()), spaced(v, space)))
                    .collect();
                format!("{{{space}{}{space}}}", list.join(&format!("{space},{space}")))
            }
            Value::Array(list) => {
                let list: Vec<_> = list.iter().map(|v| spaced(v, space)).collect();
                format!("[{space}{}{space}]", list.join(&format!("{space},{space}")))
            }
            other => other.to_string(),
        }
    }

    proptest! {
        #[test]
        fn an_edit_is_undone_by_its_opposite_and_touches_nothing_else(
            names in proptest::collection::btree_set("[a-z\"\\\\{}\\[\\], é]{1,8}", 1..5),
            old in proptest::collection::vec(0_i32..1000, 5),
            new in proptest::collection::vec(0_i32..1000, 5),
            space in "[ \n\t]{0,2}",
        ) {
            let names: Vec<String> = names.into_iter().collect();
            let action = |weights: &[i32]| {
                let groups: Vec<Value> = names.iter().zip(weights)
                    .map(|(n, w)| serde_json::json!({"targetGroupARN": n, "weight": w})).collect();
                let value = serde_json::json!({
                    "a": {"weight": 3}, "forwardConfig": {"targetGroups": groups}, "type": "forward", "z": "}]\\\"",
                });
                spaced(&value, &space)
            };
            let wanted: Vec<(Entry, i32)> = names.iter().cloned().map(Entry::Arn).zip(new.clone()).collect();
            prop_assert_eq!(edited(&action(&old), &wanted), action(&new));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[\\{\\}\\[\\]\":,a-z0-9 \\\\é]{0,60}") {
            let _ = Action::read(&text);
        }
    }
}
