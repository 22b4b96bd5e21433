//! What was measured, as people read it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use kube::Client;
use landbridge_emulator::Calls;

use crate::process::Usage;

/// Everything that was measured.
pub struct Report {
    pub services: usize,
    pub quotas: bool,
    pub took: Duration,
    pub calls: Calls,
    pub writes: ApiServerCalls,
    pub used: Usage,
    pub rss: u64,
}

/// Requests that the API server has answered, by verb and resource.
pub struct ApiServerCalls(BTreeMap<String, u64>);

impl ApiServerCalls {
    /// Reads the API server's own counts.
    pub async fn read(client: &Client) -> anyhow::Result<Self> {
        let text = client.request_text(http::Request::get("/metrics").body(Vec::new())?).await?;
        let mut counts = BTreeMap::new();
        for line in text.lines() {
            let Some((labels, count)) =
                line.strip_prefix("apiserver_request_total{").and_then(|rest| rest.rsplit_once("} "))
            else {
                continue;
            };
            let label = |name: &str| {
                let start = format!("{name}=\"");
                labels.split(',').find_map(|l| l.strip_prefix(&start)?.strip_suffix('"')).unwrap_or_default()
            };
            let resource = match label("subresource") {
                "" => label("resource").to_owned(),
                subresource => format!("{}/{subresource}", label("resource")),
            };
            let of = format!("{} {resource} {}", label("verb"), label("code"));
            *counts.entry(of).or_default() += count.parse::<f64>()? as u64;
        }
        Ok(Self(counts))
    }

    /// Those since then that write, by verb and resource.
    pub fn since(&self, then: &Self) -> Self {
        let since = self.0.iter().map(|(of, now)| (of.clone(), now - then.0.get(of).copied().unwrap_or_default()));
        let writes = ["POST", "PUT", "PATCH", "APPLY", "DELETE"];
        Self(since.filter(|(of, count)| *count > 0 && writes.iter().any(|w| of.starts_with(w))).collect())
    }

    fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

impl Report {
    /// What AWS's quotas alone force: each bucket's burst at once, the rest as it refills.
    fn bound(&self) -> Duration {
        let of = |burst: f64, per_second: f64| ((self.services as f64 - burst) / per_second).max(0.0);
        Duration::from_secs_f64(of(20.0, 1.0).max(of(50.0, 5.0)))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = |count: f64| count / self.services as f64;
        let took = self.took.as_secs_f64();
        writeln!(f, "{} services Ready in {took:.2} s: {:.0} a second", self.services, self.services as f64 / took)?;
        if self.quotas {
            let bound = self.bound().as_secs_f64();
            writeln!(f, "bound that AWS's quotas force {bound:.1} s, ratio {:.3}", took / bound)?;
        }
        writeln!(f, "throttled calls: {}", self.calls.throttled())?;
        writeln!(f, "AWS calls per service: {:.2}", each(self.calls.total() as f64))?;
        for (action, count) in self.calls.by_action() {
            writeln!(f, "  {action:<36} {count:>6} {:>8.2}", each(count as f64))?;
        }
        writeln!(f, "API-server writes per service: {:.2}", each(self.writes.total() as f64))?;
        for (of, count) in &self.writes.0 {
            writeln!(f, "  {of:<36} {count:>6} {:>8.2}", each(*count as f64))?;
        }
        let total = self.used.total();
        writeln!(f, "processor time per service: {:.2} ms", each(total.as_secs_f64()) * 1000.0)?;
        for (process, used) in self.used.by_process() {
            writeln!(f, "  {process:<36} {:>6.2} s {:>6.2} ms", used.as_secs_f64(), each(used.as_secs_f64()) * 1000.0)?;
        }
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let alone = self.services as f64 / (total.as_secs_f64() / cores as f64);
        writeln!(f, "{cores} cores that do nothing else would make at most {alone:.0} services a second")?;
        writeln!(f, "memory of the operator: {:.1} MB", self.rss as f64 / 1e6)
    }
}
