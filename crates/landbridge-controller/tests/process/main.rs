//! The real `landbridge-controller` as a process of its own, between a real Kubernetes API and an AWS on loopback.

// A panic in a test is a failed test, also in the files beside the tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod front;
mod killed;
mod operator;
