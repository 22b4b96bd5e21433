//! From paths to YAML documents, each with the file and line it came from.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::problem::{Problem, Problems};

/// One YAML or JSON document.
#[derive(Clone, Debug)]
pub struct Document {
    /// File, or `stdin`.
    pub file: String,
    /// Line at which it starts, counted from one.
    pub line: usize,
    /// Its content.
    pub value: Value,
}

impl Document {
    /// A mistake in this document.
    pub fn problem(&self, object: Option<String>, message: impl Into<String>) -> Problem {
        Problem { file: self.file.clone(), line: self.line, object, message: message.into() }
    }

    /// `kind`, or nothing.
    pub fn kind(&self) -> &str {
        self.value["kind"].as_str().unwrap_or_default()
    }

    /// `apiVersion`, or nothing.
    pub fn api_version(&self) -> &str {
        self.value["apiVersion"].as_str().unwrap_or_default()
    }
}

/// Reads files, folders (their `.yaml`, `.yml` and `.json` files, below them too when `recursive`) and `-` for standard
/// input. All mistakes are collected before the call fails.
pub fn read(paths: &[PathBuf], recursive: bool) -> Result<Vec<Document>, Problems> {
    let mut documents = Vec::new();
    let mut problems = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            let mut text = String::new();
            match std::io::stdin().read_to_string(&mut text) {
                Ok(_) => parse("stdin", &text, &mut documents, &mut problems),
                Err(error) => problems.push(unreadable("stdin", &error)),
            }
            continue;
        }
        for file in expand(path, recursive, &mut problems) {
            let name = file.display().to_string();
            match fs::read_to_string(&file) {
                Ok(text) => parse(&name, &text, &mut documents, &mut problems),
                Err(error) => problems.push(unreadable(&name, &error)),
            }
        }
    }
    if problems.is_empty() { Ok(documents) } else { Err(Problems(problems)) }
}

fn unreadable(file: &str, error: &std::io::Error) -> Problem {
    let message = match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        std::io::ErrorKind::InvalidData => "is not text (UTF-8), so it is no YAML or JSON".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    Problem { file: file.to_owned(), line: 1, object: None, message }
}

fn expand(path: &Path, recursive: bool, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => {
            problems.push(unreadable(&path.display().to_string(), &error));
            return Vec::new();
        }
    };
    // Sorted, so that the same folder always gives the same plan.
    let mut entries: Vec<_> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        if entry.is_dir() {
            if recursive {
                files.extend(expand(&entry, true, problems));
            }
        } else if entry.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "json") {
            files.push(entry);
        }
    }
    files
}

/// Splits a file at its `---` lines and parses each part on its own, so that one mistake does not hide the next.
fn parse(file: &str, text: &str, documents: &mut Vec<Document>, problems: &mut Vec<Problem>) {
    for (line, part) in split(text) {
        if part.lines().all(|l| l.trim().is_empty() || l.trim_start().starts_with('#')) {
            continue;
        }
        match serde_saphyr::from_str::<Value>(&part) {
            Ok(Value::Null) => {}
            Ok(value @ Value::Object(_)) => flatten(Document { file: file.to_owned(), line, value }, documents),
            Ok(_) => problems.push(Problem {
                file: file.to_owned(),
                line,
                object: None,
                message: "is not a Kubernetes object: a mapping with apiVersion, kind, metadata and spec is expected"
                    .to_owned(),
            }),
            Err(error) => problems.push(not_yaml(file, line, &error)),
        }
    }
}

/// A `List` (what `kubectl get -o yaml` prints) stands for its items.
fn flatten(document: Document, documents: &mut Vec<Document>) {
    let is_list = document.api_version() == "v1" && document.kind() == "List";
    match document.value["items"].as_array() {
        Some(items) if is_list => {
            for item in items {
                flatten(Document { value: item.clone(), ..document.clone() }, documents);
            }
        }
        _ => documents.push(document),
    }
}

fn not_yaml(file: &str, start: usize, error: &serde_saphyr::Error) -> Problem {
    let line = error.location().map_or(start, |l| start + usize::try_from(l.line()).unwrap_or(1).saturating_sub(1));
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    Problem { file: file.to_owned(), line, object: None, message: format!("is not YAML: {first}") }
}

/// The documents of a file with the line at which each starts.
fn split(text: &str) -> Vec<(usize, String)> {
    let mut parts = vec![(1, String::new())];
    for (index, line) in text.lines().enumerate() {
        if line == "---" || line.starts_with("--- ") || line.starts_with("---\t") {
            let rest = line.trim_start_matches('-').trim_start();
            parts.push(if rest.is_empty() || rest.starts_with('#') {
                (index + 2, String::new())
            } else {
                (index + 1, format!("{rest}\n"))
            });
        } else if line == "..." {
            parts.push((index + 2, String::new()));
        } else if let Some((_, part)) = parts.last_mut() {
            part.push_str(line);
            part.push('\n');
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (Vec<Document>, Vec<Problem>) {
        let (mut documents, mut problems) = (Vec::new(), Vec::new());
        parse("shop.yaml", text, &mut documents, &mut problems);
        (documents, problems)
    }

    #[test]
    fn each_document_knows_the_line_it_starts_at() {
        let (documents, problems) = parsed("# shop\nkind: A\n---\nkind: B\n---\n\n---\nkind: C\n");
        assert!(problems.is_empty());
        assert_eq!(documents.iter().map(|d| (d.kind(), d.line)).collect::<Vec<_>>(), [("A", 1), ("B", 4), ("C", 8)]);
    }

    #[test]
    fn text_that_is_not_yaml_is_named_with_its_line_and_does_not_hide_the_next_document() {
        let (documents, problems) = parsed("kind: A\n---\nkind: [B\n---\nkind: C\n");
        assert_eq!(documents.len(), 2);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].message.starts_with("is not YAML"), "{}", problems[0]);
        assert!(problems[0].line >= 3 && problems[0].line <= 4, "{}", problems[0]);
    }

    #[test]
    fn a_plain_text_file_is_refused_as_no_kubernetes_object() {
        let (documents, problems) = parsed("hello there\n");
        assert!(documents.is_empty());
        assert!(problems[0].to_string().starts_with("shop.yaml:1: is not a Kubernetes object"));
    }

    #[test]
    fn a_list_stands_for_its_items() {
        let (documents, _) = parsed("apiVersion: v1\nkind: List\nitems: [{kind: A}, {kind: B}]\n");
        assert_eq!(documents.iter().map(Document::kind).collect::<Vec<_>>(), ["A", "B"]);
    }

    #[test]
    fn ten_thousand_documents_in_one_file_are_all_read() {
        let text = "kind: A\nmetadata: {name: x}\n---\n".repeat(10_000);
        let (documents, problems) = parsed(&text);
        assert_eq!((documents.len(), problems.len()), (10_000, 0));
        assert_eq!(documents[9_999].line, 29_998);
    }
}
