//! Shows the objects: a table that is redrawn in place on a terminal, a line for each change elsewhere.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal, Write, stdout},
};

use rustix::termios::{Winsize, tcgetwinsize};

use crate::{
    objects::{Key, Objects},
    row::{Row, table},
};

/// Where the objects are shown, on stdout.
#[derive(Debug)]
pub(crate) enum Screen {
    /// A terminal, and how many lines of it the table has now.
    Table(usize),
    /// Anything else: what was said last of each object.
    Changes(BTreeMap<Key, Row>),
}

impl Screen {
    /// A table when stdout is a terminal, lines otherwise.
    pub(crate) fn stdout() -> Self {
        if stdout().is_terminal() { Self::Table(0) } else { Self::Changes(BTreeMap::new()) }
    }

    /// Shows the objects as they are now. What was shown last stays when nothing is shown any more.
    pub(crate) fn show(&mut self, objects: &Objects) {
        let rows: BTreeMap<Key, Row> = objects.iter().map(|(key, object)| (key.clone(), Row::of(object))).collect();
        let shown = match self {
            Self::Table(drawn) => {
                let lines = fit(&rows.into_values().collect::<Vec<_>>(), size());
                let text = redraw(*drawn, &lines);
                *drawn = lines.len();
                print(&text)
            }
            Self::Changes(said) => {
                let lines = changes(said, &rows);
                *said = rows;
                lines.iter().try_for_each(|line| print(&format!("{line}\n")))
            }
        };
        // Whoever closed stdout does not want to see it; the sandbox goes on.
        if let Err(error) = shown {
            tracing::debug!(%error, "stdout");
        }
    }
}

pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Columns and lines of the terminal; what is not known counts as the smallest common one.
pub(crate) fn size() -> (usize, usize) {
    match tcgetwinsize(stdout()) {
        Ok(Winsize { ws_col, ws_row, .. }) if ws_col > 0 && ws_row > 0 => (ws_col.into(), ws_row.into()),
        _ => (80, 24),
    }
}

/// The table in that many columns and lines. What does not fit is counted, because a table taller than the terminal cannot
/// be redrawn in place.
fn fit(rows: &[Row], (columns, lines): (usize, usize)) -> Vec<String> {
    let room = lines.saturating_sub(3).max(1);
    let mut text = table(&rows[..rows.len().min(room)]);
    if rows.len() > room {
        text.push(format!("and {} more", rows.len() - room));
    }
    text.iter().map(|line| line.chars().take(columns).collect()).collect()
}

/// Goes back over the lines drawn before, clears from there to the end of the screen, and writes the new ones.
pub(crate) fn redraw(drawn: usize, lines: &[String]) -> String {
    let back = if drawn == 0 { String::new() } else { format!("\x1b[{drawn}A\r") };
    // Each line is cleared behind its end, and what is below the last as well.
    format!("{back}{}\x1b[K\n\x1b[J", lines.join("\x1b[K\n"))
}

/// What to say when the rows go from one state to another.
fn changes(before: &BTreeMap<Key, Row>, now: &BTreeMap<Key, Row>) -> Vec<String> {
    let changed = now.iter().filter(|(key, row)| before.get(*key) != Some(*row)).map(|(_, row)| row.sentence());
    let gone = before.iter().filter(|(key, _)| !now.contains_key(*key));
    changed.chain(gone.map(|(_, row)| format!("{} {}: gone", row.kind, row.name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_never_needs_more_room_than_the_terminal_has() {
        let row =
            |number: usize| Row { name: format!("shop/service-{number}"), message: "m".repeat(200), ..Row::default() };
        let rows: Vec<Row> = (0..50).map(row).collect();
        let lines = fit(&rows, (80, 24));
        assert!(lines.len() < 24 && lines.iter().all(|line| line.chars().count() <= 80), "{lines:#?}");
        assert_eq!(lines.last().unwrap(), "and 29 more");
        assert_eq!(fit(&rows[..2], (80, 24)).len(), 3);
    }

    #[test]
    fn only_what_changed_is_said() {
        let row = |name: &str, ready: &str| {
            let row = Row { kind: "ECSService".into(), name: name.into(), ready: ready.into(), ..Row::default() };
            ((4, "shop".to_owned(), name.to_owned()), row)
        };
        let before = BTreeMap::from([row("a", "False"), row("b", "True"), row("c", "True")]);
        let now = BTreeMap::from([row("a", "True"), row("b", "True"), row("d", "-")]);
        let said = changes(&before, &now);
        assert_eq!(said, ["ECSService a: Ready=True", "ECSService d: Ready=-", "ECSService c: gone"]);
    }
}
