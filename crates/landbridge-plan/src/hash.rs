//! Hashes of JSON values. Object keys are sorted by `serde_json`, so the same content has the same hash.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The first 20 hexadecimal digits of the SHA-256 of the value's JSON.
pub fn short(value: &Value) -> String {
    text(&value.to_string())
}

/// The first 20 hexadecimal digits of the SHA-256 of a text.
pub fn text(text: &str) -> String {
    digest(text, 20)
}

/// A client token: 36 characters that depend on nothing but the parts.
pub fn client_token(parts: &[&str]) -> String {
    digest(&parts.join("\u{1f}"), 36)
}

fn digest(text: &str, length: usize) -> String {
    use std::fmt::Write as _;
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex.truncate(length);
    hex
}
