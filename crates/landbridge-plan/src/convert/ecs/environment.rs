//! Variables: plain ones, ones from ConfigMaps, and secrets, of which only the place is known.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Taking, items, put};
use crate::convert::expansion::expanded;
use crate::convert::path::Path;
use crate::convert::report::Outcome;
use crate::convert::secret::Location;

const CONFIG: &str = "copied into the task definition: a change of the ConfigMap needs a new revision";
const NO_SECRET: &str = "nothing among the files says where the value is in AWS: put it into Secrets Manager and add an ExternalSecret \
                         that names it";

/// Variables while they are collected. The last of a name counts.
#[derive(Default)]
struct Found {
    plain: Vec<(String, Option<String>)>,
    secret: Vec<(String, String)>,
    known: BTreeMap<String, String>,
}

impl Found {
    fn forget(&mut self, name: &str) {
        self.plain.retain(|(n, _)| n != name);
        self.secret.retain(|(n, _)| n != name);
    }

    fn plain(&mut self, name: &str, value: Option<&str>) {
        self.forget(name);
        self.known.insert(name.to_owned(), value.unwrap_or_default().to_owned());
        self.plain.push((name.to_owned(), value.map(str::to_owned)));
    }

    fn secret(&mut self, name: &str, value_from: String) {
        self.forget(name);
        self.secret.push((name.to_owned(), value_from));
    }
}

/// Takes the variables of a container; gives those whose values are known.
pub fn take(
    taking: &mut Taking<'_>,
    container: &Value,
    at: &Path,
    out: &mut Map<String, Value>,
) -> BTreeMap<String, String> {
    let mut found = Found::default();
    for (index, source) in items(&container["envFrom"]).enumerate() {
        let at = at.field("envFrom").index(index);
        if source["configMapRef"].is_null() {
            secrets_of(taking, source, &at, &mut found);
        } else {
            config_of(taking, source, &at, &mut found);
        }
    }
    let keyed = crate::convert::path::leaves(container);
    for (index, variable) in items(&container["env"]).enumerate() {
        let name = variable["name"].as_str().unwrap_or_default();
        let by_key = at.field("env").key(name);
        let is_keyed = keyed.iter().any(|(p, _)| p.0.starts_with(&Path::of("env").key(name).0));
        let at = if is_keyed { by_key } else { at.field("env").index(index) };
        one(taking, variable, name, &at, &mut found);
    }
    let plain = found.plain.iter().map(|(name, value)| match value {
        Some(value) => json!({"name": name, "value": value}),
        None => json!({"name": name}),
    });
    put(out, "environment", Value::Array(plain.collect()));
    let secrets = found.secret.iter().map(|(name, from)| json!({"name": name, "valueFrom": from}));
    put(out, "secrets", Value::Array(secrets.collect()));
    found.known
}

fn one(taking: &mut Taking<'_>, variable: &Value, name: &str, at: &Path, found: &mut Found) {
    let from = &variable["valueFrom"];
    if from.is_null() {
        let value = variable["value"].as_str().map(|text| {
            let (value, _) = expanded(text, &found.known);
            if value != expanded(text, &BTreeMap::new()).0 {
                taking.approximate(&at.field("value"), "ECS replaces no $(NAME): the values were filled in");
            }
            value
        });
        found.plain(name, value.as_deref());
        return;
    }
    let at = at.field("valueFrom");
    if !from["secretKeyRef"].is_null() {
        let reference = &from["secretKeyRef"];
        let key = reference["key"].as_str().unwrap_or_default();
        match place(taking, &reference["name"], key) {
            Some(place) => found.secret(name, place),
            None => taking.refuse(&at, NO_SECRET),
        }
    } else if !from["configMapKeyRef"].is_null() {
        let reference = &from["configMapKeyRef"];
        let map = config(taking, &reference["name"]);
        let key = reference["key"].as_str().unwrap_or_default();
        match map.and_then(|(object, map)| Some((object, map["data"].get(key)?.as_str()?))) {
            Some((object, value)) => {
                taking.approximate(&at, CONFIG);
                taking.say(object, &Path::of("data").field(key), Outcome::Approximated, CONFIG);
                found.plain(name, Some(value));
            }
            None => taking.refuse(&at, "the ConfigMap with this key is not among the files: add its file"),
        }
    } else {
        taking.refuse(&at, "ECS has no downward API: a task reads ${ECS_CONTAINER_METADATA_URI_V4} itself");
    }
}

/// The ConfigMap of that name, and its place in the input.
fn config<'a>(taking: &Taking<'a>, name: &Value) -> Option<(usize, &'a Value)> {
    let mut around = taking.group.around.iter().map(|at| (*at, taking.objects[*at]));
    around.find(|(_, o)| o["kind"] == "ConfigMap" && o["metadata"]["name"] == *name)
}

/// Where the value of a key of a Secret is in AWS, as an ExternalSecret says it.
fn place(taking: &Taking<'_>, secret: &Value, key: &str) -> Option<String> {
    external(taking, secret).find_map(|external| {
        let entry = items(&external["spec"]["data"]).find(|d| d["secretKey"] == key)?;
        located(external, entry)
    })
}

fn located(external: &Value, entry: &Value) -> Option<String> {
    let store = entry["sourceRef"]["storeRef"]["name"].as_str();
    let store = store.or_else(|| external["spec"]["secretStoreRef"]["name"].as_str()).unwrap_or_default();
    Location::of_remote_ref(&entry["remoteRef"], store)?.value_from()
}

fn external<'a>(taking: &Taking<'a>, secret: &Value) -> impl Iterator<Item = &'a Value> {
    let objects = taking.objects;
    let secret = secret.clone();
    let around: Vec<usize> = taking.group.around.clone();
    around.into_iter().map(move |at| objects[at]).filter(move |o| {
        let target = &o["spec"]["target"]["name"];
        o["kind"] == "ExternalSecret" && (if target.is_null() { &o["metadata"]["name"] } else { target }) == &secret
    })
}

fn config_of(taking: &mut Taking<'_>, source: &Value, at: &Path, found: &mut Found) {
    let prefix = source["prefix"].as_str().unwrap_or_default().to_owned();
    let Some((object, map)) = config(taking, &source["configMapRef"]["name"]) else {
        taking.refuse(at, "the ConfigMap is not among the files: add its file");
        return;
    };
    taking.approximate(at, CONFIG);
    for (key, value) in map["data"].as_object().into_iter().flatten() {
        taking.say(object, &Path::of("data").field(key), Outcome::Approximated, CONFIG);
        found.plain(&format!("{prefix}{key}"), value.as_str());
    }
}

fn secrets_of(taking: &mut Taking<'_>, source: &Value, at: &Path, found: &mut Found) {
    let prefix = source["prefix"].as_str().unwrap_or_default();
    let entries: Vec<(String, Option<String>)> = external(taking, &source["secretRef"]["name"])
        .flat_map(|e| {
            items(&e["spec"]["data"])
                .map(move |d| (d["secretKey"].as_str().unwrap_or_default().to_owned(), located(e, d)))
        })
        .collect();
    if entries.is_empty() || entries.iter().any(|(_, place)| place.is_none()) {
        taking.refuse(at, NO_SECRET);
        return;
    }
    taking.approximate(at, "each key is a secret of its own in the task definition: a key that is added later is not");
    for (key, place) in entries {
        if let Some(place) = place {
            found.secret(&format!("{prefix}{key}"), place);
        }
    }
}
