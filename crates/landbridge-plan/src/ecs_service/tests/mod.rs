//! Tests of the plans of an ECSService: tables of cases, whole stories against a small model of AWS, and properties.

mod cases;
mod model;
mod properties;
mod resolving;
mod stories;
