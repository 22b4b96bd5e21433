//! What became of every field: mapped, approximated with a note, or refused with a reason. Values never stand in it.

use std::fmt::Write as _;

use serde::Serialize;

use super::fargate::Fit;

/// What became of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// The other side says the same, and what it says gives the same field again.
    Mapped,
    /// The other side comes near; the note says how it differs.
    Approximated,
    /// The other side has nothing for it; the note says why, and what to do.
    Refused,
}

impl Outcome {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Mapped => "mapped",
            Self::Approximated => "approximated",
            Self::Refused => "refused",
        }
    }
}

/// One field of the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// File that it is in.
    pub file: String,
    /// Object that it is of, as `ECSService shop/web`.
    pub object: String,
    /// Where it is in that object.
    pub field: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Where it went.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub to: String,
    /// How it differs, or why it was refused and what to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Whether the exact value is kept in an annotation for the way back.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
}

/// The size of a task or pod on Fargate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Size {
    /// Object that has it.
    pub object: String,
    /// `ECS Fargate` or `EKS Fargate`.
    pub platform: &'static str,
    /// CPU units that are asked for.
    pub cpu_asked: i64,
    /// MiB that are asked for.
    pub memory_asked: i64,
    /// CPU units of the size.
    pub cpu: i64,
    /// MiB of the size.
    pub memory: i64,
    /// Per cent of the CPU that is wasted.
    pub cpu_waste_percent: i64,
    /// Per cent of the memory that is wasted.
    pub memory_waste_percent: i64,
    /// Price of an hour in dollars, at list prices for Linux on x86 in us-east-1.
    pub dollars_per_hour: String,
}

impl Size {
    /// The size of something that asks for so much.
    pub fn of(object: &str, platform: &'static str, asked: (i64, i64), fit: Fit) -> Self {
        Self {
            object: object.to_owned(),
            platform,
            cpu_asked: asked.0,
            memory_asked: asked.1,
            cpu: fit.cpu,
            memory: fit.memory,
            cpu_waste_percent: fit.cpu_waste,
            memory_waste_percent: fit.memory_waste,
            dollars_per_hour: format!("{}.{:06}", fit.price / 1_000_000, fit.price % 1_000_000),
        }
    }
}

/// What became of everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Every field of the input, once.
    pub fields: Vec<Entry>,
    /// Sizes on Fargate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sizes: Vec<Size>,
    /// What is to be known beside the fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Report {
    /// How many fields came to that.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.fields.iter().filter(|e| e.outcome == outcome).count()
    }

    /// `12 mapped, 3 approximated, 1 refused`.
    pub fn summary(&self) -> String {
        let part = |o: Outcome| format!("{} {}", self.count(o), o.word());
        [Outcome::Mapped, Outcome::Approximated, Outcome::Refused].map(part).join(", ")
    }

    /// The report for people, as a table for each object.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let width = |of: fn(&Entry) -> &str, most: usize| {
            self.fields.iter().map(|e| of(e).chars().count()).max().unwrap_or(0).min(most)
        };
        let (field, to) = (width(|e| &e.field, 60), width(|e| &e.to, 48));
        let mut last: Option<(&str, &str)> = None;
        for entry in &self.fields {
            let here = (entry.file.as_str(), entry.object.as_str());
            if last != Some(here) {
                let gap = if last.is_some() { "\n" } else { "" };
                let _ = writeln!(text, "{gap}{} ({})", entry.object, entry.file);
                last = Some(here);
            }
            let kept = if entry.kept { " [kept for the way back]" } else { "" };
            let line = format!(
                "  {:<12}  {:<field$}  {:<to$}  {}{kept}",
                entry.outcome.word(),
                entry.field,
                if entry.to.is_empty() { "-" } else { &entry.to },
                entry.note
            );
            let _ = writeln!(text, "{}", line.trim_end());
        }
        for size in &self.sizes {
            let _ = writeln!(
                text,
                "\n{}: {} {} CPU units, {} MiB for {} and {} asked: {} % of CPU and {} % of memory unused, ${} an hour",
                size.object,
                size.platform,
                size.cpu,
                size.memory,
                size.cpu_asked,
                size.memory_asked,
                size.cpu_waste_percent,
                size.memory_waste_percent,
                size.dollars_per_hour
            );
        }
        for note in &self.notes {
            let _ = writeln!(text, "\nnote: {note}");
        }
        let _ = writeln!(text, "\n{}", self.summary());
        text
    }
}
