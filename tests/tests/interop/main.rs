//! Beside programs that others wrote, on the same API server and the same emulated AWS: the AWS MCS controller for Kubernetes as
//! it is released, external-dns's own provider, plan and registry for Route 53, and the AWS Load Balancer Controller.
//!
//! All of them are ignored unless they are asked for (`-- --ignored`). The first two are then built from their Go modules into the
//! cache (Go and a module proxy are needed), or `LANDBRIDGE_INTEROP` names a folder that holds `mcs-controller`, `external-dns` and
//! `aws-load-balancer-controller`, and beside that `aws-load-balancer-controller-crds.yaml`, its chart's `crds/crds.yaml`. Its releases
//! are no Go modules that a proxy has: `go build .` in its repository makes it.

// What the tests share may panic as they may.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod external_dns;
mod load_balancer_controller;
mod mcs_controller;
mod programs;
