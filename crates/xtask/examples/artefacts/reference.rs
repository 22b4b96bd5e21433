//! `docs/reference/<kind>.md`: every field of every kind, with type, default, limits and rules, from the CRDs.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use landbridge_api::crd::crds;
use serde_json::Value;

use crate::artefact::Artefact;

/// The reference pages.
pub fn artefacts() -> Result<Vec<Artefact>> {
    crds().context("deriving the CRDs")?.iter().map(page).collect()
}

fn page(crd: &Value) -> Result<Artefact> {
    let kind = crd["spec"]["names"]["kind"].as_str().context("a CRD without a kind")?;
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let scope = crd["spec"]["scope"].as_str().unwrap_or_default();
    let short = crd["spec"]["names"]["shortNames"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut text = format!("# {kind}\n\n{}\n\n", text_of(schema));
    writeln!(
        text,
        "API version `landbridge.dev/v1alpha1`, {} scope, short name {}. This page is made from the schema by \
         `cargo xtask generate`; `kubectl explain {}` says the same.",
        scope.to_lowercase(),
        short.map(|s| format!("`{s}`")).collect::<Vec<_>>().join(", "),
        crd["spec"]["names"]["plural"].as_str().unwrap_or_default()
    )?;
    for part in ["spec", "status"] {
        let Some(schema) = schema["properties"].get(part) else { continue };
        write!(text, "\n## {part}\n\n")?;
        rules(&mut text, schema)?;
        text.push_str("| field | type | meaning |\n|---|---|---|\n");
        rows(&mut text, "", schema)?;
    }
    Ok(Artefact::new(format!("docs/reference/{}.md", kind.to_lowercase()), text))
}

fn rules(text: &mut String, schema: &Value) -> Result<()> {
    let rules: Vec<_> = schema["x-kubernetes-validations"].as_array().into_iter().flatten().collect();
    if rules.is_empty() {
        return Ok(());
    }
    text.push_str("Refused when it is applied:\n\n");
    for rule in rules {
        writeln!(text, "- {}", rule["message"].as_str().or(rule["rule"].as_str()).unwrap_or_default())?;
    }
    text.push('\n');
    Ok(())
}

fn rows(text: &mut String, prefix: &str, schema: &Value) -> Result<()> {
    let required: Vec<_> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        let need = if required.contains(&name.as_str()) { ", required" } else { "" };
        writeln!(text, "| `{path}` | {}{need} | {} |", type_of(property), meaning(property))?;
        rows(text, &path, property)?;
        if property["items"]["properties"].is_object() {
            rows(text, &format!("{path}[]"), &property["items"])?;
        }
        if property["additionalProperties"]["properties"].is_object() {
            rows(text, &format!("{path}.<key>"), &property["additionalProperties"])?;
        }
    }
    Ok(())
}

fn type_of(schema: &Value) -> String {
    if schema["x-kubernetes-int-or-string"] == true {
        return "integer or string".to_owned();
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", type_of(&schema["items"])),
        Some("object") if schema["additionalProperties"].is_object() => {
            format!("map to {}", type_of(&schema["additionalProperties"]))
        }
        Some(name) => name.to_owned(),
        None => "any".to_owned(),
    }
}

fn meaning(schema: &Value) -> String {
    let mut parts = vec![text_of(schema)];
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<_> = values.iter().filter(|v| !v.is_null()).map(|v| format!("`{}`", plain(v))).collect();
        parts.push(format!("One of {}.", values.join(", ")));
    }
    if let Some(default) = schema.get("default") {
        parts.push(format!("Default `{}`.", plain(default)));
    }
    for (key, word) in [
        ("minimum", "at least"),
        ("maximum", "at most"),
        ("minLength", "length at least"),
        ("maxLength", "length at most"),
        ("maxItems", "items at most"),
        ("pattern", "matches"),
    ] {
        if let Some(limit) = schema.get(key) {
            parts.push(format!("({word} `{}`)", plain(limit).replace('|', "\\|")));
        }
    }
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        parts.push(format!("Rule: {}.", rule["message"].as_str().unwrap_or_default().replace('|', "\\|")));
    }
    parts.retain(|p| !p.is_empty());
    parts.join(" ")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn text_of(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
