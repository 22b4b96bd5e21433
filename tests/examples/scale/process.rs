//! What processes have used, from /proc.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

/// The kernel counts processor time in hundredths of a second (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);
const PAGE: u64 = 4096;

/// Processor time by name of the process: a process and all that descend from it.
#[derive(Debug, Default)]
pub struct Usage(BTreeMap<String, Duration>);

struct Stat {
    name: String,
    parent: u32,
    used: Duration,
}

impl Usage {
    /// What the process and its descendants have used so far.
    pub fn of_all(root: u32) -> Self {
        let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
        let numbers = numbers.filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
        let all: BTreeMap<u32, Stat> = numbers.filter_map(|pid| Some((pid, stat(pid)?))).collect();
        let mut family = BTreeSet::from([root]);
        // A child may have a lower number than its parent; a few rounds find all.
        for _ in 0..4 {
            family.extend(
                all.iter().filter(|(_, s)| family.contains(&s.parent)).map(|(pid, _)| *pid).collect::<Vec<_>>(),
            );
        }
        let mut usage = Self::default();
        for (pid, stat) in all.into_iter().filter(|(pid, _)| family.contains(pid)) {
            let role = match stat.name.as_str() {
                _ if pid == root => "emulator and benchmark",
                "scale" => "operator",
                other => other,
            };
            *usage.0.entry(role.to_owned()).or_default() += stat.used;
        }
        usage
    }

    /// What was used since then.
    pub fn since(&self, then: &Self) -> Self {
        let used = |(name, now): (&String, &Duration)| {
            (name.clone(), now.saturating_sub(then.0.get(name).copied().unwrap_or_default()))
        };
        Self(self.0.iter().map(used).collect())
    }

    /// By name of the process.
    pub fn by_process(&self) -> impl Iterator<Item = (&str, Duration)> {
        self.0.iter().map(|(name, used)| (name.as_str(), *used)).filter(|(_, used)| !used.is_zero())
    }

    /// All together.
    pub fn total(&self) -> Duration {
        self.0.values().sum()
    }
}

/// See proc_pid_stat(5): the name is in parentheses and may hold anything.
fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (head, rest) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let ticks = fields.get(11)?.parse::<u32>().ok()? + fields.get(12)?.parse::<u32>().ok()?;
    Some(Stat { name: head.split_once('(')?.1.to_owned(), parent: fields.get(1)?.parse().ok()?, used: TICK * ticks })
}

/// Memory that a process holds, in bytes.
pub fn rss(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * PAGE
}
