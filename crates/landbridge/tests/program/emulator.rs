//! `landbridge emulator`: the emulated AWS alone, driven by this same program as its client.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::bench::{Ran, program, sample};

const PAGE: &str = include_str!("../../../../docs/how-to/emulator.md");

/// A running `landbridge emulator`, and where it listens.
pub struct Served {
    process: Child,
    pub url: String,
    folder: TempDir,
}

impl Served {
    pub fn start(args: &[&str], faults: &str) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("faults.yaml"), faults).unwrap();
        let mut command = program("", folder.path(), &["emulator", "--listen", "127.0.0.1:0"]);
        let mut process = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("export AWS_ENDPOINT_URL=").unwrap_or_else(|| panic!("{line}")).to_owned();
        Self { process, url, folder }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::of(&program(&self.url, self.folder.path(), args).output().unwrap())
    }

    /// Ends it as Ctrl-C does; what it says then.
    pub fn stop(mut self) -> String {
        let interrupt = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status().unwrap();
        assert!(interrupt.success());
        assert!(self.process.wait().unwrap().success());
        let mut said = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        said
    }
}

#[test]
fn the_emulator_alone_serves_a_client_fails_what_its_file_says_and_counts_the_calls_at_the_end() {
    let faults = "calls: [{action: 'ecs:CreateCluster', fault: throttle, times: 1}, {action: 'ecs:CreateServce', fault: throttle}]\n\
                  tasks: [{image: '*', fate: {slowStart: 1s}}]\n";
    let served = Served::start(&["--speed", "100", "--faults", "faults.yaml"], faults);
    let sample = sample();
    served.run(&["apply", "-f", sample.to_str().unwrap(), "--wait"]).ended(0);
    let said = served.stop();
    assert!(said.contains("no call was such as these rules of the file of faults mean: ecs:CreateServce"), "{said}");
    // The first was throttled, as the file says, and tried again.
    assert!(said.contains("2  ecs:CreateCluster"), "{said}");
    assert!(said.contains("2  ecs:CreateService"), "{said}");
}

#[test]
fn the_file_of_faults_that_the_page_shows_is_taken() {
    let block = PAGE.split("```\n").find(|block| block.starts_with("calls:")).unwrap();
    Served::start(&["--faults", "faults.yaml"], block).stop();
}

#[test]
fn what_the_emulator_cannot_do_is_said_before_it_serves() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("faults.yaml"), "calls: [{action: 'ecs:*', fault: explode}]\n").unwrap();
    let run = |args: &[&str]| Ran::of(&program("", folder.path(), args).output().unwrap());
    run(&["emulator", "--faults", "faults.yaml"]).ended(1).told("faults.yaml is no file of faults").told("explode");
    let whole = "calls: [{action: 'route53:ChangeResourceRecordSets', fault: {partial: {every: 2}}}]\n";
    std::fs::write(folder.path().join("whole.yaml"), whole).unwrap();
    let told = run(&["emulator", "--faults", "whole.yaml"]).ended(1).told("whole.yaml is no file of faults");
    told.told("`partial` cannot break route53:ChangeResourceRecordSets").told("it breaks ecs:DeleteTaskDefinitions");
    std::fs::write(folder.path().join("subnets.yaml"), "subnets: [{id: subnet-1, free: 0}]\n").unwrap();
    run(&["emulator", "--faults", "subnets.yaml"]).ended(1).told("free").told("addresses");
    run(&["emulator", "--faults", "nowhere.yaml"]).ended(1).told("reading nowhere.yaml");
    for (file, told) in [
        ("calls: [{action: CreateService, fault: throttle}]", "write SERVICE:Operation"),
        ("calls: [{action: 'esc:CreateService', fault: throttle}]", "is of no service that is emulated"),
    ] {
        std::fs::write(folder.path().join("action.yaml"), file).unwrap();
        run(&["emulator", "--faults", "action.yaml"]).ended(1).told(told);
    }
    run(&["emulator", "--listen", "192.0.2.1:4566"])
        .ended(1)
        .told("not a loopback address")
        .told("write 127.0.0.1:4566");
    run(&["emulator", "--listen", "4566"]).ended(2).told("such as 127.0.0.1:4566");
    run(&["emulator", "--region", "Frankfurt"]).ended(2).told("such as eu-central-1");
    run(&["emulator", "--speed", "0"]).ended(2).told("0.01 to 1000");
    run(&["emulator", "--account", "12"]).ended(2).told("12 digits");
}
