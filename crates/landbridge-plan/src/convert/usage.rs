//! What containers really use, and the requests that follow from it.
//!
//! A task's size is what Fargate sells, not what a container needs; copied into requests it wastes nodes. From the 95th
//! percentile of CPU and the maximum of memory over a week or more, requests are the percentile and a fifth, and the
//! maximum and a quarter, at least `25m` and `64Mi`. The limit of memory stays the old one until a soak has passed.

use std::collections::BTreeMap;

use serde_json::Value;

/// The smallest request for CPU, in millicores.
const LEAST_CPU: f64 = 25.0;
/// The smallest request for memory, in MiB.
const LEAST_MEMORY: f64 = 64.0;

/// What one container uses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Used {
    /// 95th percentile of CPU, in CPU units (Container Insights' `CpuUtilized`).
    pub cpu_p95: f64,
    /// Most memory, in MiB (Container Insights' `MemoryUtilized`).
    pub memory_max: f64,
}

/// What containers use, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage(pub BTreeMap<String, Used>);

impl Used {
    /// The request for CPU, in millicores.
    pub fn cpu(self) -> i64 {
        (self.cpu_p95 * 1000.0 / 1024.0 * 1.2).max(LEAST_CPU).ceil() as i64
    }

    /// The request for memory, in MiB.
    pub fn memory(self) -> i64 {
        (self.memory_max * 1.25).max(LEAST_MEMORY).ceil() as i64
    }
}

impl Usage {
    /// Reads a file of usage: a JSON list of `{"container", "cpuP95", "memoryMax"}`, or CSV with these columns. CPU is
    /// in CPU units, memory in MiB, as Container Insights has them.
    ///
    /// # Errors
    /// What is wrong with the file, where, and what to write.
    pub fn read(text: &str) -> Result<Self, String> {
        let rows = if text.trim_start().starts_with(['[', '{']) { of_json(text) } else { of_csv(text) }?;
        let mut usage = Self::default();
        for (at, name, used) in rows {
            if usage.0.insert(name.clone(), used).is_some() {
                return Err(format!("{at}: container {name} stands twice: keep one"));
            }
        }
        if usage.0.is_empty() { Err("it names no container".to_owned()) } else { Ok(usage) }
    }
}

type Row = (String, String, Used);

fn of_json(text: &str) -> Result<Vec<Row>, String> {
    let value: Value = serde_json::from_str(text).map_err(|e| format!("is no JSON: {e}"))?;
    let items = value.as_array().ok_or("is no list: write [{\"container\": …, \"cpuP95\": …, \"memoryMax\": …}]")?;
    let rows = items.iter().enumerate().map(|(index, item)| {
        let at = format!("item {index}");
        let name = item["container"].as_str().ok_or_else(|| format!("{at}: container is missing"))?;
        let number = |field: &str| item[field].as_f64().ok_or_else(|| format!("{at}: {field} is no number"));
        row(&at, name, number("cpuP95")?, number("memoryMax")?)
    });
    rows.collect()
}

fn of_csv(text: &str) -> Result<Vec<Row>, String> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let Some((_, head)) = lines.next() else { return Err("it is empty".to_owned()) };
    let columns: Vec<&str> = head.split(',').map(str::trim).collect();
    let column = |name: &str| {
        let found = columns.iter().position(|c| c.eq_ignore_ascii_case(name));
        found.ok_or_else(|| format!("line 1: there is no column {name}: write container,cpuP95,memoryMax"))
    };
    let (container, cpu, memory) = (column("container")?, column("cpuP95")?, column("memoryMax")?);
    let rows = lines.map(|(index, line)| {
        let at = format!("line {}", index + 1);
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let cell = |column: usize| cells.get(column).copied().unwrap_or_default();
        let number = |column: usize| {
            cell(column)
                .parse::<f64>()
                .map_err(|_| format!("{at}: {} is {:?}, which is no number", columns[column], cell(column)))
        };
        row(&at, cell(container), number(cpu)?, number(memory)?)
    });
    rows.collect()
}

fn row(at: &str, name: &str, cpu_p95: f64, memory_max: f64) -> Result<Row, String> {
    /// More than any machine has.
    const MOST: f64 = 1e9;
    if name.is_empty() {
        return Err(format!("{at}: container is missing"));
    }
    for (field, number) in [("cpuP95", cpu_p95), ("memoryMax", memory_max)] {
        if !(0.0..=MOST).contains(&number) {
            return Err(format!("{at}: {field} is {number}: expected CPU units or MiB, 0 or more"));
        }
    }
    Ok((at.to_owned(), name.to_owned(), Used { cpu_p95, memory_max }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_the_percentile_and_a_fifth_and_the_maximum_and_a_quarter() {
        let used = Used { cpu_p95: 512.0, memory_max: 400.0 };
        assert_eq!((used.cpu(), used.memory()), (600, 500));
        let idle = Used { cpu_p95: 1.0, memory_max: 3.0 };
        assert_eq!((idle.cpu(), idle.memory()), (25, 64));
    }

    #[test]
    fn json_and_csv_say_the_same() {
        let json = Usage::read(r#"[{"container": "web", "cpuP95": 120.5, "memoryMax": 300}]"#).unwrap();
        let csv = Usage::read("container,cpuP95,memoryMax\nweb, 120.5, 300\n").unwrap();
        assert_eq!(json, csv);
        assert_eq!(csv.0["web"], Used { cpu_p95: 120.5, memory_max: 300.0 });
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, said) in [
            ("", "empty"),
            ("container,cpuP95,memoryMax\n", "names no container"),
            ("a,b\n1,2\n", "no column container"),
            ("container,cpuP95,memoryMax\nweb,much,1\n", "line 2: cpuP95 is \"much\""),
            ("container,cpuP95,memoryMax\nweb,NaN,1\n", "line 2: cpuP95 is NaN"),
            ("container,cpuP95,memoryMax\nweb,1,1\nweb,1,1\n", "line 3: container web stands twice"),
            ("[1]", "item 0: container is missing"),
            ("{}", "is no list"),
            ("[", "is no JSON"),
            (r#"[{"container": "web", "cpuP95": -1, "memoryMax": 3}]"#, "item 0: cpuP95 is -1"),
        ] {
            let error = Usage::read(text).unwrap_err();
            assert!(error.contains(said), "{text:?}: {error}");
        }
    }
}
