//! Elements to JSON and back, for the protocols that speak XML. All leaves are strings: XML has no other type.
//!
//! XML does not say what is a list: whoever reads or writes says which elements are, and how their items are called.
//! Attributes, comments and namespaces mean nothing to the services and are passed over; a DTD is refused.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use xmlparser::{ElementEnd, Token, Tokenizer};

/// How deep elements may nest; the deepest that the services define is 7.
const MAX_DEPTH: usize = 32;

/// The elements that are lists, each with the name of its items.
pub(crate) type Lists = &'static [(&'static str, &'static str)];

/// An element whose end has not come yet.
struct Open<'a> {
    name: &'a str,
    text: String,
    children: Vec<(&'a str, Value)>,
}

/// Reads a document as the content of its root element; an empty body is an empty object.
///
/// Errors: what is wrong with the document, in words.
pub(crate) fn parse(body: &[u8], lists: Lists) -> Result<Value, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the body is not UTF-8".to_owned())?;
    if text.trim().is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut root = None;
    for token in Tokenizer::from(text) {
        match token.map_err(|error| error.to_string())? {
            Token::ElementStart { local, .. } if open.len() == MAX_DEPTH || root.is_some() => {
                return Err(format!("element '{local}' is too deep, or a second root"));
            }
            Token::ElementStart { local, .. } => {
                open.push(Open { name: local.as_str(), text: String::new(), children: Vec::new() });
            }
            Token::ElementEnd { end: ElementEnd::Open, .. } => {}
            Token::ElementEnd { end, .. } => {
                let closed = open.pop().ok_or("an element ends that never began")?;
                if let ElementEnd::Close(_, local) = end
                    && local.as_str() != closed.name
                {
                    return Err(format!("element '{}' ends as '{local}'", closed.name));
                }
                let (name, value) = (closed.name, value_of(closed, lists));
                match open.last_mut() {
                    Some(parent) => parent.children.push((name, value)),
                    None => root = Some(value),
                }
            }
            Token::Text { text } => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&unescape(text.as_str())?);
                }
            }
            Token::Cdata { text, .. } => open.last_mut().into_iter().for_each(|it| it.text.push_str(text.as_str())),
            Token::DtdStart { .. } | Token::EmptyDtd { .. } | Token::EntityDeclaration { .. } => {
                return Err("a document type declaration is not allowed".to_owned());
            }
            _ => {}
        }
    }
    match root {
        Some(root @ Value::Object(_)) => Ok(root),
        // A root without elements: nothing is asked for.
        Some(_) => Ok(Value::Object(Map::new())),
        None => Err("the document ends before its root element does".to_owned()),
    }
}

fn value_of(element: Open<'_>, lists: Lists) -> Value {
    if lists.iter().any(|(list, _)| *list == element.name) {
        return element.children.into_iter().map(|(_, value)| value).collect();
    }
    if element.children.is_empty() {
        return Value::String(element.text);
    }
    Value::Object(element.children.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Replaces the five entities of XML and character references.
fn unescape(text: &str) -> Result<String, String> {
    let mut parts = text.split('&');
    let mut unescaped = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (entity, rest) = part.split_once(';').ok_or("'&' begins no entity")?;
        let number = entity.strip_prefix('#').map(|number| match number.strip_prefix('x') {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        });
        let character = match (entity, number) {
            ("amp", _) => Some('&'),
            ("lt", _) => Some('<'),
            ("gt", _) => Some('>'),
            ("quot", _) => Some('"'),
            ("apos", _) => Some('\''),
            (_, Some(Ok(number))) => char::from_u32(number),
            _ => None,
        };
        unescaped.push(character.ok_or_else(|| format!("'&{entity};' is no entity"))?);
        unescaped.push_str(rest);
    }
    Ok(unescaped)
}

/// Writes `value` as element `name`; `item` gives the name of the items of the list that is called so.
pub(crate) fn element(xml: &mut String, name: &str, value: &Value, item: &dyn Fn(&str) -> &'static str) {
    if value.is_null() {
        return;
    }
    let _ = write!(xml, "<{name}>");
    content(xml, name, value, item);
    let _ = write!(xml, "</{name}>");
}

/// Writes what is inside element `name`.
pub(crate) fn content(xml: &mut String, name: &str, value: &Value, item: &dyn Fn(&str) -> &'static str) {
    match value {
        Value::Null => {}
        Value::Array(items) => items.iter().for_each(|child| element(xml, item(name), child, item)),
        Value::Object(fields) => fields.iter().for_each(|(field, child)| element(xml, field, child, item)),
        Value::String(text) => xml.push_str(&escape(text)),
        Value::Bool(_) | Value::Number(_) => {
            let _ = write!(xml, "{value}");
        }
    }
}

/// Escapes markup, keeps line ends through XML's normalisation, and drops what XML 1.0 cannot carry.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\r' => escaped.push_str("&#xD;"),
            '\t' | '\n' => escaped.push(character),
            control if control < ' ' => {}
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LISTS: Lists = &[("Changes", "Change")];

    fn read(text: &str) -> Value {
        parse(text.as_bytes(), LISTS).unwrap()
    }

    #[test]
    fn a_document_is_the_content_of_its_root_whatever_its_namespace_and_comments() {
        let text = "<?xml version=\"1.0\"?><R xmlns=\"https://x/\"><!-- c --><A>1 &amp; &#x32;</A><B><C/></B>\
                    <Changes><Change><N>a</N></Change><Change><N>b</N></Change></Changes></R>";
        assert_eq!(read(text), json!({"A": "1 & 2", "B": {"C": ""}, "Changes": [{"N": "a"}, {"N": "b"}]}));
    }

    #[test]
    fn a_list_of_one_and_of_none_are_lists() {
        assert_eq!(read("<R><Changes><Change>x</Change></Changes></R>"), json!({"Changes": ["x"]}));
        assert_eq!(read("<R><Changes/></R>"), json!({"Changes": []}));
        assert_eq!(read("<R/>"), json!({}));
        assert_eq!(read("  "), json!({}));
    }

    #[test]
    fn what_is_no_document_is_refused_and_never_followed_into_depth() {
        let deep = format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000));
        for text in
            ["<a>", "<a></b>", "<a/><b/>", "</a>", "x", "<a>&nope;</a>", "<!DOCTYPE a><a/>", "{}", deep.as_str()]
        {
            assert!(parse(text.as_bytes(), LISTS).is_err(), "{}", &text[..text.len().min(20)]);
        }
        assert!(parse(&[0xff], LISTS).is_err());
    }

    #[test]
    fn what_is_written_reads_back() {
        let value = json!({"Changes": [{"N": "a<b>&\"c\""}], "Text": "x"});
        let mut text = String::new();
        element(&mut text, "R", &value, &|_| "Change");
        assert_eq!(read(&text), value);
    }

    #[test]
    fn carriage_returns_survive_and_other_control_characters_do_not_break_the_document() {
        assert_eq!(escape("a\r\nb\u{1}c"), "a&#xD;\nbc");
    }
}
