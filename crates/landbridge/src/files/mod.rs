//! Manifest files: read, checked as the API server would check them, and turned into typed objects.

mod check;
mod document;
pub mod foreign;
mod problem;
mod set;

pub use check::Checker;
pub use document::{Document, read};
pub use problem::{Problem, Problems};
pub use set::{ByKind, Object, ObjectSet};
