//! An emulator as a process of its own.

use std::fs;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::process::{Child, Command};

use crate::client::Client;

const PAGE: u64 = 4096;
/// Python programs take seconds when nothing is cached.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running emulator. It is killed when this is dropped.
pub struct Program {
    child: Child,
    port: u16,
}

impl Program {
    /// Starts it, and says how long it took to its first answer.
    pub async fn start(command: &str) -> anyhow::Result<(Self, Duration)> {
        // A port that was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let command = command.replace("{port}", &port.to_string());
        let mut words = command.split_whitespace();
        let mut process = Command::new(words.next().context("no command")?);
        process.args(words).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let began = Instant::now();
        let child = process.spawn().with_context(|| format!("starting {command}"))?;
        let mut program = Self { child, port };
        while !program.answers().await {
            if let Some(status) = program.child.try_wait()? {
                bail!("{command} ended with {status}");
            }
            if began.elapsed() > PATIENCE {
                bail!("{command} does not answer");
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok((program, began.elapsed()))
    }

    async fn answers(&self) -> bool {
        let Ok(mut client) = self.client().await else { return false };
        client.ecs("ListClusters", &serde_json::json!({})).await.is_ok()
    }

    /// A connection to it.
    pub async fn client(&self) -> anyhow::Result<Client> {
        Client::connect(self.port).await
    }

    /// Memory that it and its children hold, in bytes.
    pub fn memory(&self) -> u64 {
        let Some(root) = self.child.id() else { return 0 };
        let all = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.filter(|pid| *pid == root || parent(*pid) == Some(root)).map(resident).sum()
    }
}

/// See proc_pid_stat(5).
fn parent(pid: u32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    text.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

fn resident(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * PAGE
}
