//! `landbridge get`: what is there, and is it all right.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use kube::core::DynamicObject;
use serde_json::{Value, json};

use crate::cli::{GetArgs, ObjectOutput};
use crate::exit::Exit;
use crate::live::{KindInfo, Live};

/// Lists objects.
pub async fn get(args: &GetArgs) -> Result<Exit> {
    let kinds = KindInfo::named(&args.kind)?;
    let live = Live::connect().await?;
    let namespace = args.namespace.clone().unwrap_or_else(|| live.namespace.clone());
    let mut rows = Vec::new();
    for kind in &kinds {
        let objects = match &args.name {
            Some(name) => vec![live.get(kind, &namespace, name).await?],
            None => live.list(kind, (!args.all_namespaces).then_some(namespace.as_str())).await?,
        };
        rows.extend(objects.into_iter().map(|object| (kind.clone(), object)));
    }
    if rows.is_empty() {
        eprintln!("no objects found{}", if args.all_namespaces { "" } else { " (use -A for all namespaces)" });
    }
    print(&rows, args.output).context("writing to standard output")?;
    Ok(Exit::Ok)
}

fn print(rows: &[(KindInfo, DynamicObject)], output: ObjectOutput) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match output {
        ObjectOutput::Table | ObjectOutput::Wide => {
            write!(out, "{}", table(rows, output == ObjectOutput::Wide, jiff::Timestamp::now()))?;
        }
        ObjectOutput::Name => {
            for (kind, object) in rows {
                writeln!(
                    out,
                    "{}.landbridge.dev/{}",
                    kind.plural,
                    object.metadata.name.as_deref().unwrap_or_default()
                )?;
            }
        }
        ObjectOutput::Json | ObjectOutput::Yaml => {
            let items: Vec<_> = rows.iter().map(|(_, o)| o).collect();
            let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
            if output == ObjectOutput::Json {
                writeln!(out, "{}", serde_json::to_string_pretty(&list)?)?;
            } else {
                write!(out, "{}", serde_saphyr::to_string(&list)?)?;
            }
        }
    }
    Ok(())
}

/// What a person sees; nothing when there is nothing.
fn table(rows: &[(KindInfo, DynamicObject)], wide: bool, now: jiff::Timestamp) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut head = vec!["KIND", "NAMESPACE", "NAME", "READY", "REASON", "TASKS", "AGE"];
    if wide {
        head.push("MESSAGE");
    }
    columns(&head, rows.iter().map(|(kind, object)| row(kind, object, wide, now)).collect())
}

/// The Ready condition of an object.
pub fn ready(object: &DynamicObject) -> Option<&Value> {
    object.data["status"]["conditions"].as_array()?.iter().find(|c| c["type"] == "Ready")
}

fn row(kind: &KindInfo, object: &DynamicObject, wide: bool, now: jiff::Timestamp) -> Vec<String> {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let status = &object.data["status"];
    let ready = ready(object).cloned().unwrap_or_default();
    let tasks = match (status["runningCount"].as_i64(), status["desiredCount"].as_i64()) {
        (Some(running), Some(desired)) => format!("{running}/{desired}"),
        _ => String::new(),
    };
    let created = object.metadata.creation_timestamp.as_ref().map(|t| t.0);
    let mut row = vec![
        kind.kind.clone(),
        object.metadata.namespace.clone().unwrap_or_default(),
        object.metadata.name.clone().unwrap_or_default(),
        if ready.is_null() { "Unknown".to_owned() } else { text(&ready["status"]) },
        if ready.is_null() { "Pending".to_owned() } else { text(&ready["reason"]) },
        tasks,
        created.map_or_else(String::new, |t| age(now.as_second() - t.as_second())),
    ];
    if wide {
        row.push(text(&ready["message"]));
    }
    row
}

/// An age as kubectl prints it: `45s`, `12m`, `5h`, `3d`.
pub fn age(seconds: i64) -> String {
    match seconds.max(0) {
        s if s < 120 => format!("{s}s"),
        s if s < 7200 => format!("{}m", s / 60),
        s if s < 172_800 => format!("{}h", s / 3600),
        s => format!("{}d", s / 86_400),
    }
}

/// Left-aligned columns, three spaces apart, as kubectl prints them.
pub fn columns(head: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut all = vec![head.iter().map(|h| (*h).to_owned()).collect::<Vec<_>>()];
    all.extend(rows);
    let width = |i: usize| all.iter().filter_map(|r| r.get(i)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let mut text = String::new();
    for row in &all {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("   ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(word: &str, json: Value) -> (KindInfo, DynamicObject) {
        (KindInfo::named(word).unwrap().remove(0), serde_json::from_value(json).unwrap())
    }

    #[test]
    fn the_table_shows_what_is_there_and_whether_it_is_all_right() {
        let meta = |name: &str| json!({"name": name, "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z"});
        let rolled_back = "ECS rolled prod-web:2 back to prod-web:1";
        let rows = [
            found(
                "awsaccount",
                json!({"metadata": {"name": "default", "creationTimestamp": "2025-12-29T00:00:00Z"}, "status": {
                    "conditions": [{"type": "Ready", "status": "True", "reason": "Ready", "message": "account 000000000000"}],
                }}),
            ),
            found(
                "ecssvc",
                json!({"metadata": meta("web"), "status": {"runningCount": 2, "desiredCount": 3, "conditions": [
                    {"type": "Stalled", "status": "True", "reason": "RolledBack", "message": rolled_back},
                    {"type": "Ready", "status": "False", "reason": "RolledBack", "message": rolled_back},
                ]}}),
            ),
            found("iamtaskrole", json!({"metadata": meta("new")})),
        ];
        let now = "2026-01-01T00:12:30Z".parse().unwrap();
        insta::assert_snapshot!("get", table(&rows, false, now));
        insta::assert_snapshot!("get_wide", table(&rows, true, now));
        assert_eq!(table(&[], true, now), "");
    }

    #[test]
    fn columns_are_as_wide_as_their_longest_cell() {
        let text =
            columns(&["NAME", "READY"], vec![vec!["orders".into(), "True".into()], vec!["web".into(), String::new()]]);
        assert_eq!(text, "NAME     READY\norders   True\nweb\n");
    }

    #[test]
    fn an_age_is_short() {
        assert_eq!([age(45), age(720), age(18_000), age(300_000)], ["45s", "12m", "5h", "3d"]);
    }
}
