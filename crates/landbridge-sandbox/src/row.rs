//! One object as a line of the live table. Pure: from the object's JSON to text.

use kube::api::DynamicObject;
use landbridge_api::condition::READY;
use serde_json::Value;

/// What the table shows of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Its kind.
    pub kind: String,
    /// `namespace/name`, or the name alone where there is no namespace.
    pub name: String,
    /// The status of its condition `Ready`: `True`, `False`, `Unknown`, or `-` before the first.
    pub ready: String,
    /// The reason of that condition.
    pub reason: String,
    /// `running/desired`, for a service.
    pub tasks: String,
    /// `family:revision`, for a service.
    pub task_definition: String,
    /// The message of that condition.
    pub message: String,
}

/// The headings, in the order of [`Row::cells`].
const HEADINGS: [&str; 7] = ["KIND", "NAME", "READY", "REASON", "TASKS", "TASK DEFINITION", "MESSAGE"];

impl Row {
    /// The line of an object.
    pub fn of(object: &DynamicObject) -> Self {
        let status = &object.data["status"];
        let ready = condition(object, READY);
        let text = |field: &str| ready.and_then(|ready| ready[field].as_str()).unwrap_or_default().to_owned();
        let name = object.metadata.name.clone().unwrap_or_default();
        let count = |field: &str| status[field].as_i64().map_or_else(|| "?".to_owned(), |count| count.to_string());
        let tasks = match status.get("desiredCount") {
            Some(_) => format!("{}/{}", count("runningCount"), count("desiredCount")),
            None => String::new(),
        };
        Self {
            kind: object.types.as_ref().map(|types| types.kind.clone()).unwrap_or_default(),
            name: object.metadata.namespace.as_ref().map_or_else(|| name.clone(), |space| format!("{space}/{name}")),
            ready: if ready.is_some() { text("status") } else { "-".to_owned() },
            reason: if object.metadata.deletion_timestamp.is_some() { "Deleting".to_owned() } else { text("reason") },
            tasks,
            task_definition: status["taskDefinition"]["revision"].as_str().unwrap_or_default().to_owned(),
            message: text("message").replace('\n', " "),
        }
    }

    fn cells(&self) -> [&str; 7] {
        [&self.kind, &self.name, &self.ready, &self.reason, &self.tasks, &self.task_definition, &self.message]
    }

    /// The line that says what it is now, where there is no table to see it in.
    pub fn sentence(&self) -> String {
        let labelled = |label: &str, text: &str| if text.is_empty() { String::new() } else { format!("{label}{text}") };
        let tasks = labelled(", tasks ", &self.tasks);
        let revision = labelled(", revision ", &self.task_definition);
        let reason = labelled(" ", &self.reason);
        let why = if self.ready == "True" { String::new() } else { labelled(": ", &self.message) };
        format!("{} {}: Ready={}{reason}{tasks}{revision}{why}", self.kind, self.name, self.ready)
    }
}

/// The condition of that type, if the object has it.
pub fn condition<'a>(object: &'a DynamicObject, type_: &str) -> Option<&'a Value> {
    object.data["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == type_)
}

/// Whether the condition `Ready` is `True` and speaks of the spec as it is now.
pub fn is_ready(object: &DynamicObject) -> bool {
    let current = object.data["status"]["observedGeneration"].as_i64() == object.metadata.generation;
    current && condition(object, READY).is_some_and(|ready| ready["status"] == "True")
}

/// The table: the headings, then one line for each row, every column as wide as its widest cell.
pub fn table(rows: &[Row]) -> Vec<String> {
    let lines: Vec<[&str; 7]> = std::iter::once(HEADINGS).chain(rows.iter().map(Row::cells)).collect();
    let mut widths = [0; 7];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &[&str; 7]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(status: &Value) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "landbridge.dev/v1alpha1",
            "kind": "ECSService",
            "metadata": {"name": "web", "namespace": "shop", "generation": 2},
            "status": status,
        }))
        .unwrap()
    }

    #[test]
    fn a_row_says_what_the_status_says() {
        let row = Row::of(&object(&json!({
            "conditions": [{"type": "Ready", "status": "False", "reason": "RollingOut", "message": "1 of\n2"}],
            "runningCount": 1, "desiredCount": 2, "taskDefinition": {"revision": "shop-web:3"},
        })));
        assert_eq!(row.cells(), ["ECSService", "shop/web", "False", "RollingOut", "1/2", "shop-web:3", "1 of 2"]);
        assert_eq!(
            row.sentence(),
            "ECSService shop/web: Ready=False RollingOut, tasks 1/2, revision shop-web:3: 1 of 2"
        );
        let bare = Row::of(&object(&json!({})));
        assert_eq!(bare.cells(), ["ECSService", "shop/web", "-", "", "", "", ""]);
    }

    #[test]
    fn ready_for_an_older_spec_is_not_ready() {
        let status = |generation: i64| json!({"observedGeneration": generation, "conditions": [{"type": "Ready", "status": "True"}]});
        assert!(!is_ready(&object(&status(1))));
        assert!(is_ready(&object(&status(2))));
        assert!(!is_ready(&object(&json!({"observedGeneration": 2}))));
    }

    #[test]
    fn columns_of_the_table_line_up_and_no_line_ends_in_blanks() {
        let rows = [Row { kind: "A".into(), name: "a-long-name".into(), ready: "True".into(), ..Row::default() }];
        let lines = table(&rows);
        assert_eq!(lines[0].find("READY"), lines[1].find("True"));
        assert_eq!(lines[1], lines[1].trim_end());
    }
}
