//! Finds the programs of the control plane, and has them built where no other source is reachable.
//!
//! kube-controller-manager, kube-scheduler and kwok run only where pods are wanted (`workloads`), so they are built only then.
//!
//! In this order: the directory `KUBEBUILDER_ASSETS` names (what `setup-envtest use -p path` prints, the official
//! archives), the PATH, the cache, a build from source with Go (`go_build.rs`). etcd comes with the crate
//! `etcd-bin-vendored`, so it is never built. Nothing is downloaded from here: the one download there is, is Go's own
//! verified fetch of modules.

use std::{
    env,
    ffi::OsString,
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use tokio_util::sync::CancellationToken;

use crate::{
    error::{Doing, Error, Result},
    go_build,
    progress::Progress,
};

/// The Kubernetes release that is built, and the one everything here is tried with.
pub const KUBERNETES: &str = "v1.36.3";
/// The Helm release that is built for tests of the chart.
pub const HELM: &str = "v4.3.1";
/// The kwok release that is built: the one our stages are written for.
pub const KWOK: &str = "v0.8.0";
/// The oldest minor release of an API server found elsewhere that serves: the oldest that kube 5 is tested with.
const OLDEST_MINOR: u32 = 33;

/// A program that the sandbox or its tests run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binary {
    /// The Kubernetes API server.
    KubeApiserver,
    /// The Kubernetes command line.
    Kubectl,
    /// Helm, for tests of the chart.
    Helm,
    /// The API server's store.
    Etcd,
    /// Kubernetes' own controllers: Deployments, EndpointSlices, namespaces, garbage collection and the others.
    KubeControllerManager,
    /// What gives pods their nodes.
    KubeScheduler,
    /// A kubelet that runs nothing: nodes and pods become what a real one would report.
    Kwok,
}

impl Binary {
    /// The name of its executable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KubeApiserver => "kube-apiserver",
            Self::Kubectl => "kubectl",
            Self::Helm => "helm",
            Self::Etcd => "etcd",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Kwok => "kwok",
        }
    }
}

/// Where programs are looked for. All of it is given, so that a test can say what the environment is.
#[derive(Debug, Clone, Default)]
pub struct Assets {
    /// A directory of ready programs, as `KUBEBUILDER_ASSETS` names one.
    pub kubebuilder: Option<PathBuf>,
    /// A search path in the form of `PATH`.
    pub path: Option<OsString>,
    /// The cache: what was built once is found there.
    pub cache: PathBuf,
}

impl Assets {
    /// From `KUBEBUILDER_ASSETS`, `PATH`, and `LANDBRIDGE_CACHE` or else `XDG_CACHE_HOME/landbridge` or else
    /// `HOME/.cache/landbridge`.
    pub fn from_env() -> Result<Self> {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let cache = set("LANDBRIDGE_CACHE")
            .map(PathBuf::from)
            .or_else(|| set("XDG_CACHE_HOME").map(|base| Path::new(&base).join("landbridge")))
            .or_else(|| set("HOME").map(|home| Path::new(&home).join(".cache/landbridge")))
            .ok_or(Error::NoCache)?;
        // A relative one would be another place in every directory.
        let cache = std::path::absolute(&cache).doing(|| format!("finding the cache {}", cache.display()))?;
        Ok(Self { kubebuilder: set("KUBEBUILDER_ASSETS").map(PathBuf::from), path: set("PATH"), cache })
    }

    /// Where it is, without building anything.
    pub fn find(&self, binary: Binary) -> Result<Option<PathBuf>> {
        if let Some(found) = self.in_kubebuilder(binary)? {
            return Ok(Some(found));
        }
        if binary == Binary::Etcd {
            return vendored_etcd().map(Some);
        }
        let on_path = self.on_path(binary.name()).filter(|path| serves(binary, path).is_ok());
        Ok(on_path.or_else(|| Some(self.cached(binary)).filter(|path| is_executable(path))))
    }

    /// Where it is, after a build if need be; that takes minutes. Dropping the future ends the build.
    pub async fn obtain(&self, binary: Binary, progress: &Progress) -> Result<PathBuf> {
        let cancelled = CancellationToken::new();
        let _cancel_when_dropped = cancelled.clone().drop_guard();
        let (assets, progress) = (self.clone(), progress.clone());
        let obtained = tokio::task::spawn_blocking(move || match assets.find(binary)? {
            Some(found) => Ok(found),
            None => go_build::build(&assets, binary, &progress, &cancelled),
        });
        obtained.await.map_err(io::Error::other).doing(|| format!("building {}", binary.name()))?
    }

    /// Where the cache has it, or would.
    pub(crate) fn cached(&self, binary: Binary) -> PathBuf {
        let (family, version) = match binary {
            Binary::Helm => ("helm", HELM),
            Binary::Kwok => ("kwok", KWOK),
            _ => ("kubernetes", KUBERNETES),
        };
        self.cache.join(family).join(format!("{version}-{}", platform())).join(binary.name())
    }

    /// Its place on the search path.
    pub(crate) fn on_path(&self, name: &str) -> Option<PathBuf> {
        env::split_paths(self.path.as_ref()?).map(|dir| dir.join(name)).find(|path| is_executable(path))
    }

    /// An API server in the named directory must serve: whoever names one wants that and no other. Other programs are taken
    /// from there when they are there and serve; envtest's archives do not have them.
    fn in_kubebuilder(&self, binary: Binary) -> Result<Option<PathBuf>> {
        let Some(dir) = &self.kubebuilder else { return Ok(None) };
        let path = dir.join(binary.name());
        if binary != Binary::KubeApiserver && !is_executable(&path) {
            return Ok(None);
        }
        match serves(binary, &path) {
            Ok(()) => Ok(Some(path)),
            Err(reason) => Err(Error::Unusable {
                place: format!("KUBEBUILDER_ASSETS={}", dir.display()),
                reason,
                remedy: "Unset it, or set it to what `setup-envtest use -p path` prints",
            }),
        }
    }
}

/// Whether a program found somewhere is one that works here, or why not.
fn serves(binary: Binary, path: &Path) -> Result<(), String> {
    match binary {
        Binary::KubeApiserver | Binary::KubeControllerManager | Binary::KubeScheduler => match minor_version(path)? {
            minor if minor >= OLDEST_MINOR => Ok(()),
            minor => Err(format!(
                "its {} is Kubernetes 1.{minor}, and 1.{OLDEST_MINOR} is the oldest that works",
                binary.name()
            )),
        },
        Binary::Kwok => {
            let said = says(path)?;
            // Releases of kwok that share the first two numbers understand the same stages.
            let wanted = KWOK.rsplit_once('.').map_or(KWOK, |(minor, _)| minor);
            let same = said.contains(&format!("{wanted}."));
            if same { Ok(()) } else { Err(format!("{} --version says {said:?}, not {KWOK}", path.display())) }
        }
        Binary::Kubectl | Binary::Helm | Binary::Etcd => Ok(()),
    }
}

/// The platform in Go's words, as in `linux-amd64`.
fn platform() -> String {
    let os = if env::consts::OS == "macos" { "darwin" } else { env::consts::OS };
    let arch = match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{os}-{arch}")
}

fn vendored_etcd() -> Result<PathBuf> {
    let unusable = |reason: String| Error::Unusable {
        place: "the etcd that comes with the crate etcd-bin-vendored".to_owned(),
        reason,
        remedy: "Set KUBEBUILDER_ASSETS to a directory that holds etcd and kube-apiserver",
    };
    let path = etcd_bin_vendored::etcd_bin_path().map_err(|error| unusable(error.to_string()))?;
    if is_executable(path) {
        return Ok(path.to_owned());
    }
    Err(unusable(format!("{} is not there; was cargo's registry cleaned since the build?", path.display())))
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// The minor release of a Kubernetes program by what it says of itself ("Kubernetes v1.36.3"), or why that is not known.
pub(crate) fn minor_version(program: &Path) -> Result<u32, String> {
    let said = says(program)?;
    let minor = said.strip_prefix("Kubernetes v1.").and_then(|rest| rest.split('.').next()?.parse().ok());
    minor.ok_or_else(|| format!("{} --version says {said:?}, which names no version", program.display()))
}

/// What a program says when it is asked for its version.
fn says(program: &Path) -> Result<String, String> {
    let output = Command::new(program)
        .arg("--version")
        .output()
        .map_err(|error| format!("{} does not run: {error}", program.display()))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn fake(dir: &Path, binary: Binary, says: &str) -> PathBuf {
        fs::create_dir_all(dir).unwrap();
        let path = dir.join(binary.name());
        fs::write(&path, format!("#!/bin/sh\necho '{says}'\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn the_named_directory_comes_before_the_path_and_the_path_before_the_cache() {
        let dir = tempfile::tempdir().unwrap();
        let mut assets = Assets { cache: dir.path().join("cache"), ..Assets::default() };
        assert_eq!(assets.find(Binary::KubeApiserver).unwrap(), None);
        let cached = fake(assets.cached(Binary::KubeApiserver).parent().unwrap(), Binary::KubeApiserver, "");
        assert_eq!(assets.find(Binary::KubeApiserver).unwrap(), Some(cached.clone()));
        let old = dir.path().join("old");
        fake(&old, Binary::KubeApiserver, "Kubernetes v1.20.9");
        assets.path = Some(old.clone().into());
        assert_eq!(assets.find(Binary::KubeApiserver).unwrap(), Some(cached), "an old one on the PATH is passed over");
        let on_path = fake(&dir.path().join("bin"), Binary::KubeApiserver, "Kubernetes v1.35.0");
        assets.path = Some(env::join_paths([old, dir.path().join("bin")]).unwrap());
        assert_eq!(assets.find(Binary::KubeApiserver).unwrap(), None.or(Some(assets.cached(Binary::KubeApiserver))));
        assets.path = Some(dir.path().join("bin").into());
        assert_eq!(assets.find(Binary::KubeApiserver).unwrap(), Some(on_path));
        let named = fake(&dir.path().join("named"), Binary::KubeApiserver, "Kubernetes v1.34.1");
        assets.kubebuilder = Some(dir.path().join("named"));
        assert_eq!(assets.find(Binary::KubeApiserver).unwrap(), Some(named));
    }

    #[test]
    fn a_named_directory_that_does_not_serve_is_an_error_that_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let assets = Assets { kubebuilder: Some(dir.path().to_owned()), ..Assets::default() };
        let error = assets.find(Binary::KubeApiserver).unwrap_err().to_string();
        assert!(error.contains("KUBEBUILDER_ASSETS") && error.contains("setup-envtest"), "{error}");
        fake(dir.path(), Binary::KubeApiserver, "Kubernetes v1.28.0");
        let error = assets.find(Binary::KubeApiserver).unwrap_err().to_string();
        assert!(error.contains("1.28") && error.contains("1.33"), "{error}");
    }

    #[test]
    fn programs_of_another_version_than_our_stages_are_for_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join("old"), dir.path().join("new"));
        fake(&old, Binary::Kwok, "kwok version v0.7.0 go1.24.0 (linux/amd64)");
        fake(&old, Binary::KubeScheduler, "Kubernetes v1.30.4");
        let kwok = fake(&new, Binary::Kwok, "kwok version v0.8.3 go1.26.0 (linux/amd64)");
        let path = Some(env::join_paths([&old]).unwrap());
        let mut assets = Assets { path, cache: dir.path().join("cache"), ..Assets::default() };
        assert_eq!(assets.find(Binary::Kwok).unwrap(), None);
        assert_eq!(assets.find(Binary::KubeScheduler).unwrap(), None);
        assets.path = Some(env::join_paths([&new]).unwrap());
        assert_eq!(assets.find(Binary::Kwok).unwrap(), Some(kwok));
        assets.kubebuilder = Some(old);
        let error = assets.find(Binary::Kwok).unwrap_err().to_string();
        assert!(error.contains("KUBEBUILDER_ASSETS") && error.contains("v0.7.0") && error.contains(KWOK), "{error}");
        assets.kubebuilder = Some(new);
        assert_eq!(assets.find(Binary::KubeScheduler).unwrap(), None, "envtest's archives have none");
    }

    #[test]
    fn etcd_is_always_there() {
        let found = Assets::default().find(Binary::Etcd).unwrap().unwrap();
        assert!(is_executable(&found), "{}", found.display());
    }
}
