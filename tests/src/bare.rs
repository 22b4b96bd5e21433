//! The smallest shop: a cluster with what its services have in common, and bare services of ten lines.

/// The namespace `shop` and the cluster `prod` that it may use. No account: the process's own AWS environment, unless a
/// test adds one.
pub const PLATFORM: &str = r"
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: landbridge.dev/v1alpha1
kind: ECSCluster
metadata: {name: prod}
spec:
  allowedNamespaces: {names: [shop]}
  serviceDefaults:
    launchType: FARGATE
    networkConfiguration: {awsvpcConfiguration: {subnets: [subnet-0a1b2c3d4e5f60001]}}
";

/// A service of one task with one container, `app`.
pub fn service(name: &str, image: &str) -> String {
    format!(
        r#"
apiVersion: landbridge.dev/v1alpha1
kind: ECSService
metadata: {{name: {name}, namespace: shop}}
spec:
  clusterRef: {{name: prod}}
  desiredCount: 1
  taskDefinition:
    cpu: "256"
    memory: "512"
    containerDefinitions: [{{name: app, image: "{image}"}}]
"#
    )
}
