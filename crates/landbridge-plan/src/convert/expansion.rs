//! `$(NAME)` in commands and variables: Kubernetes replaces it, ECS does not.
//!
//! Kubernetes reads `$(NAME)` as the value of a variable and `$$` as a dollar sign, in `command`, `args`, `env` and exec
//! probes (`command` of Container in its API reference). What is literal in ECS must be escaped to stay literal.

use std::collections::BTreeMap;

/// A literal text as Kubernetes must be told it.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        out.push(letter);
        if letter == '$' && matches!(letters.peek(), Some('$' | '(')) {
            out.push('$');
        }
    }
    out
}

/// What Kubernetes makes of a text, and the names in it that it does not know and leaves as they are.
pub fn expanded(text: &str, variables: &BTreeMap<String, String>) -> (String, Vec<String>) {
    let (mut out, mut unknown) = (String::with_capacity(text.len()), Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after_name)) = after.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            if let Some(value) = variables.get(name) {
                out.push_str(value);
            } else {
                out.push_str(&rest[at..=at + name.len() + 2]);
                unknown.push(name.to_owned());
            }
            rest = after_name;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    (out, unknown)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_known_variable_is_replaced_and_an_unknown_one_stays_and_is_named() {
        let known = BTreeMap::from([("HOST".to_owned(), "db".to_owned())]);
        assert_eq!(
            expanded("http://$(HOST):$(PORT)/$$(HOST)", &known),
            ("http://db:$(PORT)/$(HOST)".into(), vec!["PORT".into()])
        );
        assert_eq!(expanded("a$b $( $", &known).0, "a$b $( $");
    }

    proptest! {
        #[test]
        fn what_is_literal_in_ecs_is_literal_in_kubernetes(text in "[a$()x]{0,12}") {
            let known = BTreeMap::from([("x".to_owned(), "WRONG".to_owned()), ("a".to_owned(), "WRONG".to_owned())]);
            prop_assert_eq!(expanded(&escaped(&text), &known).0, text);
        }
    }
}
