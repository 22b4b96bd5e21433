//! Plans of the kind, and what is observed for them.

mod observed;
mod resolved;

pub use observed::*;
pub use resolved::*;
