//! Plan tables of the kind.
