//! Waits until the API server serves every kind. A watch of a kind that is not there would only fail over and over.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::runtime::conditions;
use kube::runtime::wait::Condition as _;
use kube::{Api, Client};

/// The plurals of the kinds, as their CRDs are named.
pub const PLURALS: [&str; 8] = [
    "awsaccounts",
    "ecsclusters",
    "cloudmapnamespaces",
    "iamtaskroles",
    "ecsservices",
    "cloudmapexports",
    "cloudmapimports",
    "trafficmigrations",
];

/// How often a missing CRD is looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Which CRD is waited for, for the readiness answer.
#[derive(Debug, Default)]
pub struct Waiting(Mutex<Option<String>>);

impl Waiting {
    /// Name of the CRD that is waited for.
    pub fn current(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, name: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = name;
    }
}

/// Returns once all CRDs are established. It looks for one after the other and says so once for each that is missing.
pub async fn established(client: &Client, waiting: &Waiting) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for plural in PLURALS {
        let name = format!("{plural}.{}", landbridge_api::names::GROUP);
        let mut said = false;
        loop {
            let problem = match tokio::time::timeout(Duration::from_secs(10), api.get_opt(&name)).await {
                Ok(Ok(crd)) if conditions::is_crd_established().matches_object(crd.as_ref()) => break,
                Ok(Ok(Some(_))) => "it is not established yet".to_owned(),
                Ok(Ok(None)) => "it is not installed: kubectl apply -f crds/".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "the API server does not answer".to_owned(),
            };
            waiting.set(Some(name.clone()));
            if !said {
                tracing::warn!(crd = name, problem, "waiting for a CustomResourceDefinition");
                said = true;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        waiting.set(None);
    }
}
