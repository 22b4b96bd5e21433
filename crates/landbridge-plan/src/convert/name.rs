//! Names that Kubernetes takes, made of names that ECS takes.

/// Longest DNS label.
const LABEL: usize = 63;
/// Longest name of a port of a container.
const PORT: usize = 15;

/// A DNS label (RFC 1123): lower-case letters, digits and `-`, at most 63. A name that is one stays as it is; one that
/// would be cut off gets a hash at its end, so that two long names stay two.
pub fn label(name: &str) -> String {
    shortened(&made(name), LABEL)
}

/// A name of a container port: a DNS label of at most 15, with a letter in it.
pub fn port(name: &str) -> String {
    let made = made(name).replace("--", "-");
    let lettered = if made.bytes().any(|b| b.is_ascii_lowercase()) { made } else { format!("p-{made}") };
    shortened(&lettered, PORT)
}

fn made(name: &str) -> String {
    let letters: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let trimmed = letters.trim_matches('-');
    if trimmed.is_empty() { "x".to_owned() } else { trimmed.to_owned() }
}

fn shortened(name: &str, longest: usize) -> String {
    if name.len() <= longest {
        return name.to_owned();
    }
    let hash = crate::hash::short(&serde_json::Value::from(name));
    let hash = &hash[..hash.len().min(4)];
    let head = name[..longest - 5].trim_end_matches('-');
    format!("{head}-{}", hash.to_ascii_lowercase())
}

/// Whether a text is a key of a label or annotation.
pub fn is_label_key(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(p, n)| (Some(p), n));
    let prefix_fits =
        prefix.is_none_or(|p| !p.is_empty() && p.len() <= 253 && p.split('.').all(|part| label(part) == part));
    prefix_fits && !name.is_empty() && is_label_value(name)
}

/// Whether a text is a value of a label.
pub fn is_label_value(value: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    value.len() <= LABEL
        && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && edge(value.chars().next())
        && edge(value.chars().next_back())
}

/// Whether every Kubernetes takes this as the name of an environment variable.
pub fn is_variable(name: &str) -> bool {
    let first = name.chars().next();
    first.is_some_and(|c| !c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && name != "."
        && name != ".."
        && !name.starts_with("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_kubernetes_takes_stays_and_any_other_becomes_one() {
        assert_eq!(label("orders-2"), "orders-2");
        assert_eq!(label("Web_App"), "web-app");
        assert_eq!(label("__"), "x");
        let long = label(&"a".repeat(80));
        assert!(long.len() <= 63 && long.starts_with("aaa"), "{long}");
        assert_ne!(long, label(&format!("{}b", "a".repeat(79))));
        assert_eq!(port("8080"), "p-8080");
        assert!(port("a-very-long-name-of-a-port").len() <= 15);
    }

    #[test]
    fn labels_take_what_the_api_server_takes() {
        for key in ["team", "app.kubernetes.io/name", "a_b.c"] {
            assert!(is_label_key(key), "{key}");
        }
        for key in ["", "a b", "-a", "aws:x", "a/b/c", "/a", "A.b/c", &"a".repeat(64)] {
            assert!(!is_label_key(key), "{key}");
        }
        assert!(is_label_value("") && is_label_value("v1.2") && !is_label_value("a b") && !is_label_value("a-"));
    }

    #[test]
    fn variables_are_those_that_every_kubernetes_takes() {
        assert!(is_variable("DB_HOST") && is_variable("spring.x") && is_variable("_a"));
        assert!(!is_variable("1A") && !is_variable("") && !is_variable("a b") && !is_variable("ü"));
    }
}
