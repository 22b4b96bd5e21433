//! An AWS, a folder of files and a way to run the program on them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use landbridge_emulator::{Emulator, Server};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The sample files that the sandbox starts with.
pub fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../landbridge-sandbox/sample")
}

/// An emulated AWS whose time runs fast, and files.
pub struct Bench {
    pub aws: Emulator,
    pub server: Server,
    pub folder: TempDir,
    // Last, so that the server goes before what it runs on.
    _runtime: Runtime,
}

impl Bench {
    pub fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let aws = Emulator::builder().speed(100.0).build();
        let server = runtime.block_on(aws.serve("127.0.0.1:0".parse().unwrap())).unwrap();
        Self { aws, server, folder: TempDir::new().unwrap(), _runtime: runtime }
    }

    /// The sample files in the folder, to be changed.
    pub fn with_sample() -> Self {
        let bench = Self::new();
        for file in ["platform.yaml", "orders.yaml", "web.yaml"] {
            fs::copy(sample().join(file), bench.folder.path().join(file)).unwrap();
        }
        bench
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.folder.path().join(name), content).unwrap();
    }

    /// Replaces text in a file of the folder.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.folder.path().join(name)).unwrap();
        assert!(text.contains(from), "{name} does not contain {from}");
        self.write(name, text.replace(from, to));
    }

    /// The program in the folder with AWS at hand.
    pub fn command(&self, args: &[&str]) -> Command {
        program(&self.server.url(), self.folder.path(), args)
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::of(&self.command(args).output().unwrap())
    }

    pub fn start(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Writes since the last question, as `ecs:CreateService`.
    pub fn writes(&self) -> Vec<String> {
        self.aws.take_calls().writes().into_iter().map(|call| call.action.clone()).collect()
    }
}

/// The program with nothing of this process's environment but the path, and AWS at `endpoint`.
pub fn program(endpoint: &str, folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_landbridge"));
    command.args(args).current_dir(folder).env_clear().stdin(Stdio::null());
    command.env("HOME", folder).env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("AWS_ENDPOINT_URL", endpoint).env("AWS_REGION", "us-east-1");
    command.env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "example");
    command
}

/// What a run of the program came to.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// It ended with this code.
    #[track_caller]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n{}\n{}", self.out, self.err);
        self
    }

    /// It says this on standard error.
    #[track_caller]
    pub fn told(self, text: &str) -> Self {
        assert!(self.err.contains(text), "{text:?} is not in\n{}", self.err);
        self
    }

    /// It says this on standard output.
    #[track_caller]
    pub fn shows(self, text: &str) -> Self {
        assert!(self.out.contains(text), "{text:?} is not in\n{}", self.out);
        self
    }
}
