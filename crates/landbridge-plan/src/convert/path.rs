//! Where a field is: names of members, keys of items. One field is one leaf: a scalar, a list of scalars, or something
//! empty.
//!
//! Items are named where the list has a natural key (`containerDefinitions[web]`), else counted (`portMappings[0]`), so
//! that a path says the same thing in a report, in an annotation, and after a list was put in another order.

use std::fmt;

use serde_json::{Map, Value};

use super::name::label;

/// Lists whose items have a key, by the name of the list.
const KEYED: &[(&str, &str)] = &[
    ("containerDefinitions", "name"),
    ("containers", "name"),
    ("initContainers", "name"),
    ("volumes", "name"),
    ("environment", "name"),
    ("env", "name"),
    ("secrets", "name"),
    ("secretOptions", "name"),
    ("ulimits", "name"),
    ("properties", "name"),
    ("volumeConfigurations", "name"),
    ("dependsOn", "containerName"),
    ("tags", "key"),
    ("capacityProviderStrategy", "capacityProvider"),
];

/// Lists whose items Kubernetes may name otherwise than ECS does.
const RENAMED: &[&str] = &["containerDefinitions", "containers", "initContainers", "volumes", "dependsOn"];

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A member.
    Field(String),
    /// The item with this key.
    Key(String),
    /// The item at this place.
    Index(usize),
}

/// Where a field is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// A path of members, as `taskDefinition.cpu`; no item and no quoting.
    pub fn of(text: &str) -> Self {
        Self(text.split('.').filter(|s| !s.is_empty()).map(|s| Step::Field(s.to_owned())).collect())
    }

    /// This path and one member more.
    #[must_use]
    pub fn field(&self, name: &str) -> Self {
        self.with(Step::Field(name.to_owned()))
    }

    /// This path and one item more, by key.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_owned()))
    }

    /// This path and one item more, by place.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// What is left of this path after `prefix`; none when it does not start with it.
    pub fn after(&self, prefix: &Self) -> Option<Self> {
        self.0.strip_prefix(prefix.0.as_slice()).map(|rest| Self(rest.to_vec()))
    }

    /// This path and then that.
    #[must_use]
    pub fn join(&self, rest: &Self) -> Self {
        Self(self.0.iter().chain(&rest.0).cloned().collect())
    }

    /// Reads what [`fmt::Display`] writes; none when it is no path.
    pub fn parse(text: &str) -> Option<Self> {
        let mut steps = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix('[') {
                let (step, after) = item(inner)?;
                steps.push(step);
                rest = after;
            } else {
                let name = rest.strip_prefix('.').unwrap_or(rest);
                if let Some(quoted) = name.strip_prefix('"') {
                    let (name, after) = unquoted(quoted)?;
                    steps.push(Step::Field(name));
                    rest = after;
                } else {
                    let end = name.find(['.', '[']).unwrap_or(name.len());
                    if end == 0 {
                        return None;
                    }
                    steps.push(Step::Field(name[..end].to_owned()));
                    rest = &name[end..];
                }
            }
        }
        (!steps.is_empty()).then_some(Self(steps))
    }
}

fn item(text: &str) -> Option<(Step, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (key, after) = unquoted(quoted)?;
        return Some((Step::Key(key), after.strip_prefix(']')?));
    }
    let (inner, after) = text.split_once(']')?;
    let step = inner.parse().map_or_else(|_| Step::Key(inner.to_owned()), Step::Index);
    Some((step, after))
}

/// A text up to its closing quote, and what follows.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((out, &text[at + 1..])),
            '\\' => out.push(letters.next()?.1),
            other => out.push(other),
        }
    }
    None
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Field(name) => {
                    let dot = if at == 0 { "" } else { "." };
                    let name = if is_plain(name) { name.clone() } else { quoted(name) };
                    write!(f, "{dot}{name}")?;
                }
                Step::Key(key) if is_plain(key) && key.parse::<usize>().is_err() => write!(f, "[{key}]")?,
                Step::Key(key) => write!(f, "[{}]", quoted(key))?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Whether a path is one that the pattern means: `[]` is any item, `*` any one member, `**` anything below, `"a.b/*"` any
/// member that begins so.
pub fn matches(pattern: &str, path: &Path) -> bool {
    let wanted = pieces(pattern);
    let mut wanted = wanted.iter().map(String::as_str);
    let mut steps = path.0.iter();
    loop {
        match (wanted.next(), steps.next()) {
            (Some("**"), _) | (None, None) => return true,
            (Some("*"), Some(Step::Field(_))) | (Some("[]"), Some(Step::Key(_) | Step::Index(_))) => {}
            (Some(name), Some(Step::Field(field))) if name == field => {}
            (Some(name), Some(Step::Field(field))) if name.strip_suffix("/*").is_some_and(|p| field.starts_with(p)) => {
            }
            _ => return false,
        }
    }
}

/// The pieces of a pattern: names, quoted where they have dots, and items.
fn pieces(pattern: &str) -> Vec<String> {
    let (mut out, mut here, mut in_quotes) = (Vec::new(), String::new(), false);
    for letter in pattern.replace("[]", ".[]").chars() {
        match letter {
            '"' => in_quotes = !in_quotes,
            '.' if !in_quotes => out.push(std::mem::take(&mut here)),
            other => here.push(other),
        }
    }
    out.push(here);
    out.retain(|piece| !piece.is_empty());
    out
}

/// Every field of a value, in its order.
pub fn leaves(value: &Value) -> Vec<(Path, &Value)> {
    let mut found = Vec::new();
    collect(&Path::default(), value, &mut found);
    found
}

fn collect<'a>(at: &Path, value: &'a Value, found: &mut Vec<(Path, &'a Value)>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (name, member) in map {
                collect(&at.field(name), member, found);
            }
        }
        Value::Array(items) if items.iter().any(|i| i.is_object() || i.is_array()) => {
            let key = key_field(at, items);
            for (index, item) in items.iter().enumerate() {
                let step = key.and_then(|k| item[k].as_str()).map_or(Step::Index(index), |k| Step::Key(k.to_owned()));
                collect(&at.with(step), item, found);
            }
        }
        _ => found.push((at.clone(), value)),
    }
}

/// The key of a list, when each of its items has one of its own.
fn key_field(at: &Path, items: &[Value]) -> Option<&'static str> {
    let key = key_of(at.0.last()?)?;
    let mut seen = std::collections::BTreeSet::new();
    items.iter().all(|i| i[key].as_str().is_some_and(|k| !k.is_empty() && seen.insert(k))).then_some(key)
}

fn key_of(list: &Step) -> Option<&'static str> {
    let Step::Field(name) = list else { return None };
    KEYED.iter().find(|(list, _)| list == name).map(|(_, key)| *key)
}

fn name_of(list: Option<&Step>) -> Option<&str> {
    match list? {
        Step::Field(name) => Some(name),
        _ => None,
    }
}

/// Whether a value says nothing: null, or an empty list or object.
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// What is at a path. A key is also found under the name that Kubernetes makes of it.
pub fn get<'a>(value: &'a Value, path: &Path) -> Option<&'a Value> {
    let mut here = value;
    let mut list: Option<&Step> = None;
    for step in &path.0 {
        here = match step {
            Step::Field(name) => here.get(name)?,
            Step::Index(index) => here.get(*index)?,
            Step::Key(key) => here.get(position(here.as_array()?, name_of(list)?, key)?)?,
        };
        list = Some(step);
    }
    Some(here)
}

fn position(items: &[Value], list: &str, key: &str) -> Option<usize> {
    let field = KEYED.iter().find(|(name, _)| *name == list)?.1;
    let exact = items.iter().position(|i| i[field] == key);
    exact.or_else(|| {
        let made = RENAMED.contains(&list).then(|| label(key))?;
        items.iter().position(|i| i[field].as_str().is_some_and(|k| label(k) == made))
    })
}

/// An item that is not there yet: with its key, if it has one.
fn made(list: Option<&Step>, step: &Step) -> Value {
    match (list.and_then(key_of), step) {
        (Some(field), Step::Key(key)) => Value::Object(Map::from_iter([(field.to_owned(), Value::from(key.as_str()))])),
        _ => Value::Null,
    }
}

/// Puts a value at a path, and makes what is missing on the way.
pub fn set(value: &mut Value, path: &Path, new: Value) {
    let mut here = value;
    let mut list: Option<&Step> = None;
    for step in &path.0 {
        here = match step {
            Step::Field(name) => {
                if !here.is_object() {
                    *here = Value::Object(Map::new());
                }
                let Some(map) = here.as_object_mut() else { return };
                map.entry(name.clone()).or_insert(Value::Null)
            }
            Step::Index(_) | Step::Key(_) => {
                if !here.is_array() {
                    *here = Value::Array(Vec::new());
                }
                let Some(items) = here.as_array_mut() else { return };
                let named = name_of(list);
                let at = match step {
                    Step::Index(index) => (*index < items.len()).then_some(*index),
                    Step::Key(key) => named.and_then(|name| position(items, name, key)),
                    Step::Field(_) => None,
                };
                let at = at.unwrap_or_else(|| {
                    items.push(made(list, step));
                    items.len() - 1
                });
                &mut items[at]
            }
        };
        list = Some(step);
    }
    *here = new;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_is_read_as_it_was_written_whatever_its_names_are() {
        let value = json!({
            "containerDefinitions": [{"name": "web", "dockerLabels": {"a.b/c": "1", "with \"quotes\"": "2", "[x]": "3"}},
                                     {"name": "0", "portMappings": [{"containerPort": 80}]}],
        });
        let found = leaves(&value);
        assert_eq!(found.len(), 6);
        for (path, leaf) in found {
            let read = Path::parse(&path.to_string()).unwrap();
            assert_eq!(read, path);
            assert_eq!(get(&value, &read), Some(leaf), "{path}");
        }
    }

    #[test]
    fn what_is_set_path_by_path_is_the_value_again() {
        let value = json!({"cpu": 1, "tags": [{"key": "a", "value": "1"}, {"key": "b"}], "list": [[1], {"x": [2, 3]}]});
        let mut built = Value::Null;
        for (path, leaf) in leaves(&value) {
            set(&mut built, &path, leaf.clone());
        }
        assert_eq!(built, value);
    }

    #[test]
    fn a_pattern_means_items_members_and_all_below() {
        let path = Path::parse("containerDefinitions[web].dockerLabels.\"a.b\"").unwrap();
        assert!(matches("containerDefinitions[].dockerLabels.*", &path));
        assert!(matches("containerDefinitions[].**", &path));
        assert!(!matches("containerDefinitions[].dockerLabels", &path));
        assert!(!matches("containerDefinitions.dockerLabels.*", &path));
    }

    #[test]
    fn text_that_is_no_path_is_none() {
        for text in ["", "a..b", "a[", "a[\"x", "\"x", "."] {
            assert_eq!(Path::parse(text), None, "{text:?}");
        }
    }
}
