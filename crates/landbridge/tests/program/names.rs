//! Exports and imports without a cluster: what the files say of Services is enough for an export, and what an import makes is
//! left to the operator.

use crate::bench::Bench;

const SERVICE: &str = r"
apiVersion: v1
kind: Service
metadata: {name: orders, namespace: shop}
spec:
  selector: {app: orders}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: orders-1, namespace: shop, labels: {kubernetes.io/service-name: orders}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.0.0.1]}, {addresses: [10.0.0.2], conditions: {ready: false}}]
";

const EXPORT: &str = r"
apiVersion: landbridge.dev/v1alpha1
kind: CloudMapExport
metadata: {name: orders, namespace: shop}
spec:
  serviceRef: {name: orders}
  namespaceRef: {name: shop.internal}
";

/// An import, and its Service and slices as the operator has made them.
const IMPORT: &str = r"
apiVersion: landbridge.dev/v1alpha1
kind: CloudMapImport
metadata: {name: all-orders, namespace: shop}
spec:
  source: {cloudMap: {namespaceRef: {name: shop.internal}, service: orders}}
  service: {ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata:
  name: all-orders
  namespace: shop
  labels: {multicluster.kubernetes.io/service-name: all-orders}
  annotations: {landbridge.dev/owner: CloudMapImport/shop/all-orders, landbridge.dev/installation: landbridge}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: by-hand, namespace: shop, labels: {kubernetes.io/service-name: all-orders}}
addressType: IPv4
endpoints: []
";

#[test]
fn an_export_is_applied_from_files_that_hold_the_service_and_its_slices() {
    let bench = Bench::with_sample();
    std::fs::remove_file(bench.folder.path().join("orders.yaml")).unwrap();
    std::fs::remove_file(bench.folder.path().join("web.yaml")).unwrap();
    bench.write("export.yaml", EXPORT);
    bench.run(&["plan", "-f", "."]).ended(1).shows("only the cluster knows it");
    bench.write("service.yaml", SERVICE);
    bench.run(&["plan", "-f", "."]).ended(0).shows("+ register Cloud Map instance tcp-10_0_0_1-8080");
    bench.run(&["apply", "-f", "."]).ended(0).told("1 endpoints of Service shop/orders are registered");
    let writes = bench.writes();
    let of = |action: &str| writes.iter().filter(|w| *w == action).count();
    assert_eq!((of("servicediscovery:CreateService"), of("servicediscovery:RegisterInstance")), (1, 1));
    bench.run(&["apply", "-f", "."]).ended(0).told("Nothing was written to AWS.");

    // What is discovered comes through a real socket, at a host that has no name of AWS.
    bench.write("import.yaml", IMPORT);
    bench.run(&["plan", "-f", "."]).ended(0).shows("+ create EndpointSlice shop/all-orders-").shows("10.0.0.1");
    bench.run(&["apply", "-f", "."]).ended(1).told("apply the file with kubectl");
    std::fs::remove_file(bench.folder.path().join("import.yaml")).unwrap();

    bench.writes();
    bench.run(&["delete", "-f", "."]).ended(0);
    let writes = bench.writes();
    assert!(writes.contains(&"servicediscovery:DeregisterInstance".to_owned()), "{writes:?}");
    assert!(writes.contains(&"servicediscovery:DeleteService".to_owned()), "{writes:?}");
}
