//! Builds a program from source with Go, into the cache, once: under a lock that other sandboxes wait for, in a directory of
//! its own, and moved into place only when the program runs. A build that fails or is interrupted leaves nothing.

use std::{
    ffi::OsString,
    fs::{self, File, TryLockError},
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use crate::{
    assets::{Assets, Binary, HELM, KUBERNETES, KWOK},
    error::{Doing, Error, Result},
    guarded::{Guarded, Program},
    progress::Progress,
    run_dir::RunDir,
};

/// How often the build's log and the lock are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Builds it, or waits for whoever is building it already; gives where it is in the cache.
pub(crate) fn build(
    assets: &Assets,
    binary: Binary,
    progress: &Progress,
    cancelled: &CancellationToken,
) -> Result<PathBuf> {
    let go = assets.on_path("go").ok_or(Error::NoGo { program: binary.name() })?;
    let target = assets.cached(binary);
    let home = target.parent().unwrap_or(&assets.cache);
    fs::create_dir_all(home)
        .doing(|| format!("creating the cache {} (LANDBRIDGE_CACHE names another)", home.display()))?;
    let _lock = lock(&home.join("build.lock"), binary, progress, cancelled)?;
    if let Some(built_meanwhile) = assets.find(binary)? {
        return Ok(built_meanwhile);
    }
    // In the cache, so that the finished program is on the same file system and one rename puts it in place.
    let run = RunDir::create_in(&home.join("building"))?;
    let begun = Instant::now();
    progress.step(&format!("building {} from source; {}", binary.name(), expectation(binary)));
    let mut build = Guarded::spawn(recipe(go, binary, &run)?, &run)?;
    follow(&mut build, binary, progress, cancelled)?;
    let built = run.path().join("out").join(binary.name());
    prove(binary, &built)?;
    fs::rename(&built, &target).doing(|| format!("moving {} into the cache", target.display()))?;
    progress.line(&format!("built {} in {:.0?}: {}", binary.name(), begun.elapsed(), target.display()));
    Ok(target)
}

fn expectation(binary: Binary) -> &'static str {
    match binary {
        Binary::KubeApiserver => "about three to five minutes on two cores, this once",
        Binary::KubeControllerManager => "about three to six minutes on two cores, this once",
        _ => "one to three minutes on two cores, this once",
    }
}

/// The lock is the file's, not the process's: a process that dies gives it back.
fn lock(path: &Path, binary: Binary, progress: &Progress, cancelled: &CancellationToken) -> Result<File> {
    let lock = File::create(path).doing(|| format!("creating {}", path.display()))?;
    let mut said = false;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::Error(error)) => return Err(error).doing(|| format!("locking {}", path.display())),
            Err(TryLockError::WouldBlock) => {}
        }
        if !said {
            progress.step(&format!("waiting for another process that is building {}", binary.name()));
            said = true;
        }
        pause(binary, cancelled)?;
    }
}

fn pause(binary: Binary, cancelled: &CancellationToken) -> Result<()> {
    sleep(LOOK_EVERY);
    if cancelled.is_cancelled() { Err(Error::Cancelled { program: binary.name() }) } else { Ok(()) }
}

/// The call of `go`. Its output and its temporary files are in the run directory.
fn recipe(go: PathBuf, binary: Binary, run: &RunDir) -> Result<Program> {
    let (module, out, tmp) = (run.path().join("module"), run.path().join("out"), run.path().join("tmp"));
    for dir in [&module, &out, &tmp] {
        fs::create_dir(dir).doing(|| format!("creating {}", dir.display()))?;
    }
    let mut env: Vec<(&'static str, OsString)> = vec![
        ("CGO_ENABLED", "0".into()),
        ("GOFLAGS", "".into()),
        ("GOWORK", "off".into()),
        ("GOOS", "".into()),
        ("GOARCH", "".into()),
        ("GOTMPDIR", tmp.into()),
    ];
    let flags = format!("-ldflags=-s -w {}", stamps(binary));
    let args: Vec<String> = if binary == Binary::Helm {
        env.push(("GOBIN", out.into()));
        let package = format!("helm.sh/helm/v4/cmd/helm@{HELM}");
        ["install", "-v", "-trimpath", &flags, &package].map(str::to_owned).into()
    } else {
        let (files, package) = pinned(binary);
        for (name, text) in files {
            fs::write(module.join(name), text).doing(|| format!("writing {name}"))?;
        }
        ["build", "-v", "-mod=readonly", "-trimpath", &flags, "-o", "../out/", &package].map(str::to_owned).into()
    };
    let args = args.into_iter().map(OsString::from).collect();
    Ok(Program { name: "go", path: go, args, env, dir: module, grace: 2 })
}

/// The module that pins everything the program is built from, and the program's package.
fn pinned(binary: Binary) -> ([(&'static str, &'static str); 2], String) {
    if binary == Binary::Kwok {
        let files = [("go.mod", include_str!("../go/kwok/go.mod")), ("go.sum", include_str!("../go/kwok/go.sum"))];
        return (files, "sigs.k8s.io/kwok/cmd/kwok".to_owned());
    }
    let files = [("go.mod", include_str!("../go/go.mod")), ("go.sum", include_str!("../go/go.sum"))];
    (files, format!("k8s.io/kubernetes/cmd/{}", binary.name()))
}

/// What a release build stamps into the programs; without it Kubernetes calls itself v0.0.0 and clients misjudge it.
fn stamps(binary: Binary) -> String {
    if binary == Binary::Helm {
        return format!("-X helm.sh/helm/v4/internal/version.version={HELM}");
    }
    if binary == Binary::Kwok {
        return String::new(); // Its sources have it.
    }
    let mut parts = KUBERNETES.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let values = [("gitVersion", KUBERNETES), ("gitMajor", major), ("gitMinor", minor), ("gitTreeState", "clean")];
    let stamp = |package: &str| values.map(|(name, value)| format!("-X {package}.{name}={value}")).join(" ");
    [stamp("k8s.io/component-base/version"), stamp("k8s.io/client-go/pkg/version")].join(" ")
}

/// Shows what go says until it ends: a line for each module it downloads and for each package it compiles.
fn follow(build: &mut Guarded, binary: Binary, progress: &Progress, cancelled: &CancellationToken) -> Result<()> {
    let (mut read, mut compiled) = (0, 0);
    loop {
        let ended = build.exited()?;
        let (new, next) = lines_since(build.log(), read);
        read = next;
        for line in new.lines() {
            if let Some(downloading) = line.strip_prefix("go: ") {
                progress.detail(&format!("building {}: {downloading}", binary.name()));
            } else {
                compiled += 1;
                let doing = if line.ends_with(&format!("/cmd/{}", binary.name())) { "linking" } else { "compiled" };
                progress.detail(&format!("building {}: {doing} {line} ({compiled} packages)", binary.name()));
            }
        }
        match ended {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(Error::Build { program: binary.name(), status, log: build.log_tail() }),
            None => pause(binary, cancelled)?,
        }
    }
}

/// The whole lines of the file from that byte on, and where the next ones begin.
fn lines_since(path: &Path, from: u64) -> (String, u64) {
    let mut text = Vec::new();
    let opened = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::Start(from))?;
        file.read_to_end(&mut text)
    });
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if opened.is_err() || whole == 0 {
        return (String::new(), from);
    }
    (String::from_utf8_lossy(&text[..whole]).into_owned(), from + whole as u64)
}

/// A program goes into the cache only when it runs and says that it is the version wanted.
fn prove(binary: Binary, path: &Path) -> Result<()> {
    let (args, version): (&[&str], _) = match binary {
        Binary::Kubectl => (&["version", "--client"], KUBERNETES),
        Binary::Helm => (&["version", "--short"], HELM),
        Binary::Kwok => (&["--version"], KWOK),
        _ => (&["--version"], KUBERNETES),
    };
    let output =
        Command::new(path).args(args).output().doing(|| format!("running what was built, {}", path.display()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && said.contains(version) {
        return Ok(());
    }
    Err(Error::Unusable {
        place: format!("the {} that was built", binary.name()),
        reason: format!("asked for its version it says {:?}, not {version}", said.trim()),
        remedy: "This is a defect of Landbridge; set KUBEBUILDER_ASSETS to go on without the build",
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A `go` that runs a script instead; the build around it is the real one.
    fn assets_with_go(dir: &Path, script: &str) -> Assets {
        let bin = dir.join("bin");
        fs::create_dir_all(&bin).unwrap();
        fs::write(bin.join("go"), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(bin.join("go"), fs::Permissions::from_mode(0o755)).unwrap();
        Assets { kubebuilder: None, path: Some(bin.into()), cache: dir.join("cache") }
    }

    fn files_below(dir: &Path) -> Vec<String> {
        let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
        let mut files: Vec<String> = entries
            .flatten()
            .flat_map(|entry| {
                if entry.path().is_dir() {
                    files_below(&entry.path())
                } else {
                    vec![entry.path().display().to_string()]
                }
            })
            .collect();
        files.sort();
        files
    }

    const BUILDS: &str = r#"echo once >>"$(dirname "$0")/runs"
        sleep 0.3
        printf '#!/bin/sh\necho Kubernetes v1.36.3\n' >../out/kube-apiserver && chmod +x ../out/kube-apiserver"#;

    #[tokio::test]
    async fn two_at_once_build_once_and_both_find_it() {
        let dir = tempfile::tempdir().unwrap();
        let assets = assets_with_go(dir.path(), BUILDS);
        let silent = Progress::silent();
        let obtain = || assets.obtain(Binary::KubeApiserver, &silent);
        let (one, other) = tokio::join!(obtain(), obtain());
        let built = assets.cached(Binary::KubeApiserver);
        assert_eq!((one.unwrap(), other.unwrap()), (built.clone(), built));
        assert_eq!(fs::read_to_string(dir.path().join("bin/runs")).unwrap(), "once\n");
    }

    #[tokio::test]
    async fn a_failed_build_says_what_go_said_and_what_to_do_and_leaves_nothing_half_done() {
        let dir = tempfile::tempdir().unwrap();
        let assets =
            assets_with_go(dir.path(), "echo half >../out/kube-apiserver; echo 'go: no such host' >&2; exit 1");
        let error = assets.obtain(Binary::KubeApiserver, &Progress::silent()).await.unwrap_err().to_string();
        assert!(error.contains("no such host") && error.contains("Go 1.26") && error.contains("disk"), "{error}");
        let left = files_below(&assets.cache);
        assert!(left.len() == 1 && left[0].ends_with("build.lock"), "{left:?}");
    }

    #[tokio::test]
    async fn a_build_that_nobody_waits_for_any_more_ends_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let assets = assets_with_go(dir.path(), r#"echo >"$(dirname "$0")/started"; sleep 600"#);
        let silent = Progress::silent();
        let build = assets.obtain(Binary::Kubectl, &silent);
        let started = dir.path().join("bin/started");
        tokio::select! {
            done = build => panic!("{done:?}"),
            () = async { while !started.exists() { tokio::time::sleep(LOOK_EVERY).await } } => {}
        }
        let deadline = Instant::now() + Duration::from_secs(20);
        while files_below(&assets.cache).len() != 1 {
            assert!(Instant::now() < deadline, "{:?}", files_below(&assets.cache));
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    #[tokio::test]
    async fn what_does_not_say_its_version_never_reaches_the_cache() {
        let dir = tempfile::tempdir().unwrap();
        let assets =
            assets_with_go(dir.path(), "printf '#!/bin/sh\\necho v0\\n' >../out/kubectl; chmod +x ../out/kubectl");
        let error = assets.obtain(Binary::Kubectl, &Progress::silent()).await.unwrap_err().to_string();
        assert!(error.contains("v0") && error.contains(KUBERNETES), "{error}");
        assert!(!assets.cached(Binary::Kubectl).exists());
    }

    #[tokio::test]
    async fn without_go_the_error_lists_every_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let assets = Assets { cache: dir.path().to_owned(), ..Assets::default() };
        let error = assets.obtain(Binary::KubeApiserver, &Progress::silent()).await.unwrap_err().to_string();
        assert!(["KUBEBUILDER_ASSETS", "PATH", "Go 1.26"].iter().all(|way| error.contains(way)), "{error}");
    }
}
