//! The machine against a model of a load balancer.

mod model;
mod preflight;
mod properties;
mod stories;
