//! The operator dies, or an answer is lost, at any write: nothing is lost, doubled or left behind.
