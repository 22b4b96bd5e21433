//! `docs/reference/convert.md`: what becomes of every field, from the tables by which `landbridge convert` works.

use std::fmt::Write as _;

use anyhow::Result;
use landbridge_plan::convert::beside_fields::BESIDE;
use landbridge_plan::convert::table::Section;
use landbridge_plan::convert::{ecs_fields, kubernetes_fields};

use crate::artefact::Artefact;

const HEAD: &str = "# What becomes of every field\n\n\
`landbridge convert` works by these tables; `cargo xtask generate` makes this page of them. [How to convert](../how-to/convert.md) says \
how to read a report.\n\n\
A row says what becomes of a field as a rule. A report is more exact: a field is called *mapped* only when the result, converted back, \
gives the same field again; otherwise it is *approximated*. A field that is ECS's default, or a switch that is off, is mapped. A field \
without a row is *refused*. `[]` is any item of a list, `*` any key, `**` everything below.\n";

/// The page.
pub fn artefacts() -> Result<Vec<Artefact>> {
    let mut text = String::from(HEAD);
    text.push_str("\n## From ECS to Kubernetes\n\nPaths are those of ECSService's spec.\n");
    for section in ecs_fields::SECTIONS.iter().chain(BESIDE.iter().copied().flatten()) {
        rows(&mut text, section)?;
    }
    text.push_str("\n## From Kubernetes to ECS\n");
    let mut seen = Vec::new();
    for section in kubernetes_fields::KINDS.iter().flat_map(|k| k.sections) {
        if !seen.contains(&section.title) && section.title != "Init container" {
            seen.push(section.title);
            rows(&mut text, section)?;
        }
    }
    text.push_str("\n### Other kinds\n\n| kind | refused because |\n|---|---|\n");
    for kind in ["StatefulSet", "CronJob", "Job", "Pod", "ReplicaSet", "NetworkPolicy", "Namespace"] {
        writeln!(text, "| {kind} | {} |", kubernetes_fields::why_not(kind))?;
    }
    Ok(vec![Artefact::new("docs/reference/convert.md", text)])
}

fn rows(text: &mut String, section: &Section) -> Result<()> {
    writeln!(text, "\n### {}\n", section.title)?;
    if !section.prefix.is_empty() {
        writeln!(text, "Below `{}`:\n", section.prefix)?;
    }
    text.push_str("| field | | becomes | note |\n|---|---|---|---|\n");
    for row in section.rows {
        let to = if row.to.is_empty() { String::new() } else { format!("`{}`", row.to) };
        writeln!(text, "| `{}` | {} | {to} | {} |", row.field, row.outcome.word(), row.note)?;
    }
    Ok(())
}
