//! A directory that goes away with the process that made it, however that process ends.
//!
//! `unsafe` is forbidden here, so there is no death signal to ask the kernel for. A pipe does the same: a small shell reads
//! it, this process and every program it starts hold the other end, and when the last of them is gone the shell reads
//! end-of-file and removes the directory. What even that cannot clean (the machine lost power, or the shell was killed
//! too) is found at the next start by its lock, which nobody holds.

use std::{
    fs::{self, File},
    io::{PipeWriter, pipe},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    error::{Doing, Result},
    guarded::code,
};

/// Directories of runs that have their lock.
const PREFIX: &str = "landbridge-run-";
/// Directories that are being made and have no lock yet.
const NEW_PREFIX: &str = "landbridge-new-";
/// How long the removal of a run directory may take before it is finished from here.
const SWEEP_PATIENCE: Duration = Duration::from_secs(10);

/// A private directory (mode 0700) for one run; see the module.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    presence: Option<PipeWriter>,
    sweeper: Child,
    /// Held, never read: that it is locked says that this run is alive.
    _lock: File,
}

impl RunDir {
    /// Makes a run directory in `parent` after removing those of earlier runs that nobody holds any more.
    pub fn create_in(parent: &Path) -> Result<Self> {
        fs::create_dir_all(parent).doing(|| format!("creating {}", parent.display()))?;
        remove_abandoned(parent);
        let fresh = tempfile::Builder::new()
            .prefix(NEW_PREFIX)
            .tempdir_in(parent)
            .doing(|| format!("creating a directory in {}", parent.display()))?;
        let lock = File::create(fresh.path().join("lock")).doing(|| "creating the run directory's lock")?;
        lock.lock().doing(|| "locking the run directory")?;
        // Renamed only once it is locked: whoever sees the name of a run also sees its lock.
        let name = fresh.path().file_name().map(|name| name.to_string_lossy().replace(NEW_PREFIX, PREFIX));
        let path = parent.join(name.unwrap_or_default());
        fs::rename(fresh.path(), &path).doing(|| format!("naming the run directory {}", path.display()))?;
        let _ = fresh.keep();
        let (end, presence) = pipe().doing(|| "opening a pipe")?;
        let sweeper = Command::new("/bin/sh")
            .args(["-c", &code(include_str!("sweep.sh")), "landbridge-sweep"])
            .arg(&path)
            .current_dir("/")
            .stdin(end)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .doing(|| "starting /bin/sh to watch over the run directory")?;
        Ok(Self { path, presence: Some(presence), sweeper, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The end of the pipe that keeps the directory; a program that works in the directory holds one.
    pub(crate) fn presence(&self) -> Result<Stdio> {
        match &self.presence {
            Some(presence) => Ok(presence.try_clone().doing(|| "duplicating a pipe")?.into()),
            None => Ok(Stdio::null()),
        }
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        self.presence = None;
        let deadline = Instant::now() + SWEEP_PATIENCE;
        while matches!(self.sweeper.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        if self.path.exists() {
            let _ = self.sweeper.kill();
            if let Err(error) = fs::remove_dir_all(&self.path) {
                tracing::warn!(path = %self.path.display(), %error, "could not remove the run directory");
            }
        }
    }
}

/// Removes the directories of runs whose lock nobody holds. What cannot be removed (another user's) is left alone.
fn remove_abandoned(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let abandoned = (name.starts_with(PREFIX) && is_abandoned(&entry.path()))
            || (name.starts_with(NEW_PREFIX) && is_old(&entry.path()));
        if abandoned {
            tracing::info!(path = %entry.path().display(), "removing what an earlier run left behind");
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_abandoned(path: &Path) -> bool {
    match File::open(path.join("lock")) {
        Ok(lock) => lock.try_lock().is_ok(),
        // The lock is made before the directory has its name, so one without is on its way out already.
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// A directory still without its lock a minute after it was made: its process died between the two.
fn is_old(path: &Path) -> bool {
    let changed = fs::metadata(path).and_then(|metadata| metadata.modified());
    changed.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > Duration::from_mins(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_directory_is_gone_once_dropped() {
        let parent = tempfile::tempdir().unwrap();
        let run = RunDir::create_in(parent.path()).unwrap();
        fs::write(run.path().join("file"), "text").unwrap();
        let path = run.path().to_owned();
        assert!(path.exists());
        drop(run);
        assert!(!path.exists());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_directory_of_a_dead_run_is_removed_at_the_next_start_and_that_of_a_live_one_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let dead = parent.path().join("landbridge-run-dead");
        fs::create_dir(&dead).unwrap();
        File::create(dead.join("lock")).unwrap();
        let first = RunDir::create_in(parent.path()).unwrap();
        assert!(!dead.exists());
        let second = RunDir::create_in(parent.path()).unwrap();
        assert!(first.path().exists() && second.path().exists());
    }
}
