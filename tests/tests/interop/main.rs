//! Beside programs that others wrote, on the same API server and the same emulated AWS: the AWS MCS controller for Kubernetes as
//! it is released, and external-dns's own provider, plan and registry for Route 53. They are built from their Go modules.
//!
//! `LANDBRIDGE_INTEROP=build` builds them into the cache (Go and a module proxy are needed), `LANDBRIDGE_INTEROP=<folder>` names
//! a folder that holds `mcs-controller` and `external-dns`. Without it the tests say that they were skipped.

// What the tests share may panic as they may.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod external_dns;
mod mcs_controller;
mod programs;
