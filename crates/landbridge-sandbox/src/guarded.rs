//! A program that cannot outlive this process: started through a small shell (`guard.sh`) that ends it when this process
//! closes a pipe or ceases to hold it. Does not know what it runs.

use std::{
    ffi::{OsStr, OsString},
    fs,
    io::{Read, Seek, SeekFrom},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use crate::{
    error::{Doing, Error, Result},
    run_dir::RunDir,
};

/// How much of a log is shown when its program failed, in bytes.
const LOG_TAIL: u64 = 4096;

/// What to run, and how.
#[derive(Debug)]
pub(crate) struct Program {
    /// Its name in messages and of its log file.
    pub(crate) name: &'static str,
    /// The executable.
    pub(crate) path: PathBuf,
    /// Its arguments.
    pub(crate) args: Vec<OsString>,
    /// What its environment has beside this process's own.
    pub(crate) env: Vec<(&'static str, OsString)>,
    /// Its working directory.
    pub(crate) dir: PathBuf,
    /// Whole seconds between being asked to end and being made to.
    pub(crate) grace: u32,
}

/// A running program; dropping it ends the program and everything it started.
#[derive(Debug)]
pub(crate) struct Guarded {
    name: &'static str,
    shell: Child,
    lifeline: Option<ChildStdin>,
    log: PathBuf,
    patience: Duration,
}

impl Guarded {
    /// Starts it, with its output in `<run>/<name>.log`.
    pub(crate) fn spawn(program: Program, run: &RunDir) -> Result<Self> {
        let log = run.path().join(format!("{}.log", program.name));
        let mut shell = Command::new("/bin/sh")
            .args(["-c", &code(include_str!("guard.sh")), "landbridge-guard"])
            .arg(program.grace.to_string())
            .arg(&log)
            .arg(&program.path)
            .args(program.args)
            .envs(program.env)
            .current_dir(program.dir)
            .stdin(Stdio::piped())
            .stdout(run.presence()?)
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .doing(|| format!("starting {}", program.path.display()))?;
        let lifeline = shell.stdin.take();
        // One second above the grace, because the shell counts it in its own steps.
        let patience = Duration::from_secs(u64::from(program.grace) + 1);
        Ok(Self { name: program.name, shell, lifeline, log, patience })
    }

    /// An error that says how it ended when it has ended by itself.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        match self.exited()? {
            None => Ok(()),
            Some(status) => Err(Error::Ended { program: self.name, status, log: self.log_tail() }),
        }
    }

    /// How it ended, or `None` while it runs.
    pub(crate) fn exited(&mut self) -> Result<Option<ExitStatus>> {
        self.shell.try_wait().doing(|| format!("waiting for {}", self.name))
    }

    /// Where its output goes.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// The last lines of its output.
    pub(crate) fn log_tail(&self) -> String {
        log_tail(&self.log)
    }

    /// Asks it to end, and has the shell make it after the grace; does not wait.
    pub(crate) fn ask_to_stop(&mut self) {
        self.lifeline = None;
    }

    /// Asks it to end, then makes it, and returns when it has ended.
    pub(crate) fn stop(&mut self) {
        self.ask_to_stop();
        let deadline = Instant::now() + self.patience;
        while matches!(self.shell.try_wait(), Ok(None)) {
            if Instant::now() >= deadline {
                let group = rustix::process::Pid::from_child(&self.shell);
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
                let _ = self.shell.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The last lines of a log file, or why there are none.
pub(crate) fn log_tail(path: &Path) -> String {
    tail(path).unwrap_or_else(|error| format!("(no log: {error})"))
}

fn tail(path: &Path) -> std::io::Result<String> {
    let mut file = fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// A shell script without its comments: it is an argument, and lists of processes show it.
pub(crate) fn code(script: &str) -> String {
    let code = script.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    code.collect::<Vec<_>>().join("\n")
}

/// `--name=value`, also where the value is a path that is not UTF-8.
pub(crate) fn flag(name: &str, value: impl AsRef<OsStr>) -> OsString {
    let mut flag = OsString::from(format!("--{name}="));
    flag.push(value);
    flag
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, run: &RunDir) -> Guarded {
        let program = Program {
            name: "script",
            path: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            env: Vec::new(),
            dir: run.path().to_owned(),
            grace: 1,
        };
        Guarded::spawn(program, run).unwrap()
    }

    fn until(what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !holds() {
            assert!(Instant::now() < deadline, "not within 10 s: {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn alive(pid: &str) -> bool {
        Command::new("kill").args(["-0", pid]).stderr(Stdio::null()).status().unwrap().success()
    }

    #[test]
    fn how_a_program_ended_and_what_it_said_are_known() {
        let parent = tempfile::tempdir().unwrap();
        let run = RunDir::create_in(parent.path()).unwrap();
        let mut program = shell("echo no such luck >&2; exit 7", &run);
        until("the program has ended", || program.exited().unwrap().is_some());
        let error = program.check_alive().unwrap_err().to_string();
        assert!(error.contains("exit status: 7") && error.contains("no such luck"), "{error}");
    }

    #[test]
    fn a_program_nobody_holds_any_more_takes_what_it_started_with_it_even_when_both_ignore_being_asked() {
        let parent = tempfile::tempdir().unwrap();
        let run = RunDir::create_in(parent.path()).unwrap();
        let mut program =
            shell("trap '' TERM; sh -c 'trap \"\" TERM; echo $$ >child; while :; do sleep 1; done'", &run);
        let file = run.path().join("child");
        until("the child has started", || fs::read_to_string(&file).is_ok_and(|pid| pid.ends_with('\n')));
        let child = fs::read_to_string(&file).unwrap().trim().to_owned();
        assert!(alive(&child));
        // No `stop`: what a process that is gone does, which is nothing but let go of the pipe.
        drop(program.lifeline.take());
        until("the child is gone", || !alive(&child));
        until("the shell is gone", || program.exited().unwrap().is_some());
    }

    #[test]
    fn a_program_that_ends_when_asked_is_not_made_to() {
        let parent = tempfile::tempdir().unwrap();
        let run = RunDir::create_in(parent.path()).unwrap();
        let kept = parent.path().join("said");
        let script =
            format!("trap 'echo goodbye >{}; exit 0' TERM; echo >ready; while :; do sleep 0.01; done", kept.display());
        let mut program = shell(&script, &run);
        let ready = run.path().join("ready");
        until("the program is ready", || ready.exists());
        program.stop();
        assert_eq!(fs::read_to_string(kept).unwrap(), "goodbye\n");
    }
}
