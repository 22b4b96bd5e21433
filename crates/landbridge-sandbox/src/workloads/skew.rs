//! Kubernetes' version skew policy, for programs that come from different places.

use std::path::Path;

use crate::{
    assets::minor_version,
    error::{Error, Result},
};

/// Refuses controllers and a scheduler that are newer than the API server, or more than one minor release older.
/// Source: "Version Skew Policy" of Kubernetes.
pub(super) fn check(apiserver: &Path, others: &[&Path]) -> Result<()> {
    let minor = |path: &Path| {
        minor_version(path).map_err(|reason| Error::Unusable {
            place: path.display().to_string(),
            reason,
            remedy: REMEDY,
        })
    };
    let served = minor(apiserver)?;
    for other in others {
        let asks = minor(other)?;
        if asks > served || asks + 1 < served {
            let reason = format!(
                "it is Kubernetes 1.{asks}, and the API server {} is 1.{served}; it may be as old as that or one older",
                apiserver.display()
            );
            return Err(Error::Unusable { place: other.display().to_string(), reason, remedy: REMEDY });
        }
    }
    Ok(())
}

const REMEDY: &str = "Unset KUBEBUILDER_ASSETS and take kube-apiserver, kube-controller-manager and kube-scheduler off the \
                      PATH to have all of them built in one version, or put all three of one version into the directory \
                      that KUBEBUILDER_ASSETS names";

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn controllers_newer_than_the_api_server_or_much_older_are_refused_with_both_versions() {
        let dir = tempfile::tempdir().unwrap();
        let program = |minor: u32| {
            let path = dir.path().join(format!("program-{minor}"));
            fs::write(&path, format!("#!/bin/sh\necho Kubernetes v1.{minor}.1\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            path
        };
        let apiserver = program(35);
        for (minor, fits) in [(33, false), (34, true), (35, true), (36, false)] {
            let checked = check(&apiserver, &[&program(minor)]);
            assert_eq!(checked.is_ok(), fits, "1.{minor}: {checked:?}");
            if let Err(error) = checked {
                let said = error.to_string();
                assert!(
                    said.contains(&format!("1.{minor}")) && said.contains("1.35") && said.contains("Unset"),
                    "{said}"
                );
            }
        }
    }
}
