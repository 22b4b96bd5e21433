//! The real program in a process of its own, against an emulated AWS on loopback. No Kubernetes is near.

mod bench;
mod mistakes;
mod moto;
mod story;
