//! landbridge

fn main() {}
