//! The machine against a model of a load balancer.

mod cloud_map;
mod external_dns;
mod gates;
mod model;
mod objects;
mod preflight;
mod properties;
mod recorded;
mod scaling;
mod stories;
