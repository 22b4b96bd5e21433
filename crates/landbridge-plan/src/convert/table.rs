//! What becomes of a field by its place: the rows of the mapping table. The converter looks a field up here unless it has
//! something more exact to say; the reference page is made from the same rows.

use super::path::{Path, matches};
use super::report::Outcome;

/// A row of the mapping table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The field, as a pattern: `[]` is any item, `*` any one member, `**` all that is below.
    pub field: &'static str,
    /// What becomes of it.
    pub outcome: Outcome,
    /// Where it goes.
    pub to: &'static str,
    /// How it differs, or why it is refused.
    pub note: &'static str,
}

/// Rows of fields that stand below one place.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// What the rows are of, for readers.
    pub title: &'static str,
    /// Where they stand, as a pattern; empty for the root.
    pub prefix: &'static str,
    /// The rows; the first that fits counts.
    pub rows: &'static [Row],
}

/// A mapped field.
pub(super) const fn same(field: &'static str, to: &'static str) -> Row {
    Row { field, outcome: Outcome::Mapped, to, note: "" }
}

/// A mapped field of which something is to be known.
pub(super) const fn same_but(field: &'static str, to: &'static str, note: &'static str) -> Row {
    Row { field, outcome: Outcome::Mapped, to, note }
}

/// A field that comes near.
pub(super) const fn near(field: &'static str, to: &'static str, note: &'static str) -> Row {
    Row { field, outcome: Outcome::Approximated, to, note }
}

/// A field that the other side has nothing for.
pub(super) const fn none(field: &'static str, note: &'static str) -> Row {
    Row { field, outcome: Outcome::Refused, to: "", note }
}

/// The row of a field, if there is one.
pub fn row(sections: &'static [Section], path: &Path) -> Option<&'static Row> {
    sections.iter().find_map(|section| {
        section.rows.iter().find(|row| {
            let dot = if section.prefix.is_empty() { "" } else { "." };
            matches(&format!("{}{dot}{}", section.prefix, row.field), path)
        })
    })
}
