//! For tests of this crate and of those above it: objects from YAML, a small shop, the passing of time.
//!
//! Compiled for this crate's own tests and with the feature `testing`; nothing that ships uses it.

#[cfg(test)]
pub(crate) mod laws;
pub mod model;

use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use landbridge_api::v1alpha1::AwsAccount;
use serde::de::DeserializeOwned;

use crate::account::AccountTarget;
use crate::kind::Kind;
use crate::objects::{Objects, Snapshot};
use crate::plan::{Plan, Unmet};

/// Account ID of [`account`].
pub const ACCOUNT_ID: &str = "111122223333";
/// Installation of [`shop`].
pub const INSTALLATION: &str = "here";

/// An object from YAML.
///
/// # Panics
/// The YAML is not such an object; the message says why.
pub fn object<K: DeserializeOwned>(yaml: &str) -> K {
    match serde_saphyr::from_str(yaml) {
        Ok(object) => object,
        Err(error) => stop(&format!("{error}\n{yaml}")),
    }
}

/// An account in Frankfurt that every Kubernetes namespace may use.
pub fn account(name: &str) -> AwsAccount {
    object(&format!(
        "apiVersion: landbridge.dev/v1alpha1
kind: AWSAccount
metadata: {{name: {name}}}
spec: {{accountId: '{ACCOUNT_ID}', region: eu-central-1, allowedNamespaces: {{names: ['*']}}}}
"
    ))
}

/// What [`account`] resolves to.
pub fn target() -> Arc<AccountTarget> {
    Arc::new(AccountTarget::of(&account("default"), INSTALLATION))
}

/// One object of each kind: account `default`, cluster `prod`, Cloud Map namespace `shop`, and in the Kubernetes namespace
/// `shop` the role `orders` and the service `web` that uses all of them. Beside them the Kubernetes Service `orders`.
pub fn shop() -> Snapshot {
    static SHOP: LazyLock<Snapshot> = LazyLock::new(make_shop);
    SHOP.clone()
}

/// The Kubernetes Service `orders` with a port.
const SERVICE: &str = "metadata: {name: orders, namespace: shop, uid: u-orders}
spec: {clusterIP: 10.96.0.7, selector: {app: orders}, ports: [{name: http, port: 80, targetPort: 8080}]}
";
/// Where it is served: two pods that are ready and one that is not.
const SLICE: &str = "metadata: {name: orders-1, namespace: shop, labels: {kubernetes.io/service-name: orders}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
  - {addresses: [10.0.0.1], zone: eu-central-1a, nodeName: n1, targetRef: {kind: Pod, name: p1}}
  - {addresses: [10.0.0.2], zone: eu-central-1b, nodeName: n2, targetRef: {kind: Pod, name: p2}}
  - {addresses: [10.0.0.3], zone: eu-central-1b, conditions: {ready: false}, targetRef: {kind: Pod, name: p3}}
";

fn make_shop() -> Snapshot {
    let mut objects = Snapshot { installation: INSTALLATION.to_owned(), ..Snapshot::default() };
    objects.insert(account("default"));
    objects.insert(object::<landbridge_api::v1alpha1::EcsCluster>(
        "apiVersion: landbridge.dev/v1alpha1
kind: ECSCluster
metadata: {name: prod}
spec: {allowedNamespaces: {names: [shop]}}
",
    ));
    objects.insert(object::<landbridge_api::v1alpha1::CloudMapNamespace>(
        "apiVersion: landbridge.dev/v1alpha1
kind: CloudMapNamespace
metadata: {name: shop}
spec: {namespaceName: shop.internal, type: DNS_PRIVATE, vpc: vpc-1, allowedNamespaces: {names: [shop]}}
status:
  namespaceId: ns-1
  conditions:
    - {type: Ready, status: 'True', reason: Ready, message: there, lastTransitionTime: '2026-01-01T00:00:00Z'}
",
    ));
    objects.knows_kubernetes = true;
    objects.insert_service(&object(SERVICE));
    objects.insert_slice(&object(SLICE));
    objects.insert(object::<landbridge_api::v1alpha1::IamTaskRole>(
        "apiVersion: landbridge.dev/v1alpha1
kind: IAMTaskRole
metadata: {name: orders, namespace: shop}
spec: {}
",
    ));
    objects.insert(object::<landbridge_api::v1alpha1::EcsService>(
        "apiVersion: landbridge.dev/v1alpha1
kind: ECSService
metadata: {name: web, namespace: shop}
spec:
  clusterRef: {name: prod}
  taskRoleRef: {name: orders}
  serviceDiscovery: {namespaceRef: {name: shop}}
  taskDefinition: {containerDefinitions: [{name: web, image: nginx}]}
",
    ));
    objects
}

/// The moment at which tests happen, unless they say otherwise.
pub fn now() -> Timestamp {
    Timestamp::constant(1_800_000_000, 0)
}

/// The object as it is after `kubectl delete`.
#[must_use]
pub fn deleted<K: Kind>(mut object: K) -> K {
    object.meta_mut().deletion_timestamp = Some(Time(now()));
    object
}

/// The references of an object among those of [`shop`].
///
/// # Panics
/// They do not resolve.
pub fn resolved<K: Kind>(object: &K, objects: &dyn Objects) -> K::Resolved {
    match object.resolve(objects) {
        Ok(resolved) => resolved,
        Err(Unmet::Wait(wait)) => stop(&wait.message),
        Err(Unmet::Blocked(blocked)) => stop(&blocked.message),
    }
}

/// The plan of an object whose references are among those of [`shop`].
///
/// # Panics
/// They do not resolve.
pub fn plan<K: Kind>(object: &K, observed: &K::Observed) -> Plan {
    let objects = shop();
    object.plan(&resolved(object, &objects), observed, now())
}

/// The plan on one line a step, as `operation target <- cause`, then waits and refusals as `wait Reason`.
pub fn outline(plan: &Plan) -> Vec<String> {
    let steps = plan.steps.iter().map(|s| {
        let after = if s.after.is_empty() { String::new() } else { format!(" after {}", s.after.join(",")) };
        format!("{} {} <- {:?}{after}", s.change.operation(), s.change.target(), s.cause)
    });
    let waits = plan.waits.iter().map(|w| format!("wait {}", w.reason));
    let blocked = plan.blocked.iter().map(|b| format!("blocked {}", b.reason));
    let gone = plan.gone.then(|| "gone".to_owned());
    steps.chain(waits).chain(blocked).chain(gone).collect()
}

/// A test that cannot go on must fail.
#[allow(clippy::panic)]
#[track_caller]
fn stop(why: &str) -> ! {
    panic!("{why}")
}
