//! Manifest files: read, checked as the API server would check them, and turned into typed objects.

mod check;
mod document;
mod problem;
mod set;

pub use document::{Document, read};
pub use problem::{Problem, Problems};
pub use set::{ByKind, Object, ObjectSet};
