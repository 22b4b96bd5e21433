//! Domain names as Route 53 keeps and orders them. Source: "DNS domain name format" (Route 53 developer guide,
//! DomainNameFormat.html) and ListResourceRecordSets.

use std::fmt::Write as _;

/// The kept form: lower case, a dot at the end, and whatever is no letter, digit, hyphen or underscore as `\` and three octal
/// digits (`*` is `\052`). None for what is no domain name.
pub(super) fn normal(name: &str) -> Option<String> {
    let bytes = bytes(name)?;
    let trimmed = bytes.strip_suffix(b".").unwrap_or(&bytes);
    let fits = |label: &[u8]| (1..=63).contains(&label.len());
    if trimmed.len() > 254 || !trimmed.split(|byte| *byte == b'.').all(fits) {
        return None;
    }
    let mut normal = String::with_capacity(trimmed.len() + 1);
    for byte in trimmed {
        match byte.to_ascii_lowercase() {
            plain @ (b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.') => normal.push(char::from(plain)),
            other => {
                let _ = write!(normal, "\\{other:03o}");
            }
        }
    }
    normal.push('.');
    Some(normal)
}

/// What stands for a name in the order of listings: labels from the last to the first, in ASCII order with the dot at the
/// end (`com.example.www.`).
pub(super) fn order(normal: &str) -> Vec<u8> {
    let bytes = bytes(normal).unwrap_or_default();
    let labels: Vec<&[u8]> = bytes.split(|byte| *byte == b'.').filter(|label| !label.is_empty()).rev().collect();
    let mut order = labels.join(&b'.');
    order.push(b'.');
    order
}

/// True if `name` is `zone` or lies below it; both normal.
pub(super) fn is_within(name: &str, zone: &str) -> bool {
    name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
}

/// The bytes that a name with `\ooo` escapes means.
fn bytes(name: &str) -> Option<Vec<u8>> {
    let mut given = name.bytes();
    let mut bytes = Vec::with_capacity(name.len());
    while let Some(byte) = given.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let digits = [given.next()?, given.next()?, given.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 8).ok()?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_in_lower_case_with_a_dot_at_the_end_and_octal_escapes() {
        for (name, kept) in [
            ("WWW.Example.com", Some("www.example.com.")),
            ("*.example.com.", Some("\\052.example.com.")),
            ("\\052.example.com", Some("\\052.example.com.")),
            ("_sip._tcp.example.com", Some("_sip._tcp.example.com.")),
            ("", None),
            ("a..b", None),
            (".", None),
            ("\\9", None),
        ] {
            assert_eq!(normal(name).as_deref(), kept, "{name}");
        }
        assert_eq!(normal(&format!("{}.com", "a".repeat(64))), None);
    }

    #[test]
    fn names_are_ordered_by_their_labels_from_the_last_to_the_first() {
        let mut names = [
            "www.example.com.",
            "example.com.",
            "a.www.example.com.",
            "\\052.example.com.",
            "z.example.org.",
            "a.example.com.",
        ];
        names.sort_by_key(|name| order(name));
        let sorted = [
            "example.com.",
            "\\052.example.com.",
            "a.example.com.",
            "www.example.com.",
            "a.www.example.com.",
            "z.example.org.",
        ];
        assert_eq!(names, sorted);
    }

    #[test]
    fn a_name_is_within_its_zone_by_whole_labels_only() {
        assert!(is_within("example.com.", "example.com."));
        assert!(is_within("a.example.com.", "example.com."));
        assert!(!is_within("badexample.com.", "example.com."));
    }
}
