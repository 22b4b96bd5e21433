//! The real program in a process of its own, against an emulated AWS on loopback. No Kubernetes is near.

// A panic in a test is a failed test, also in the files beside the tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bench;
mod clients;
mod convert;
mod emulator;
mod mistakes;
mod moto;
mod names;
mod pip;
mod plugin;
mod story;
