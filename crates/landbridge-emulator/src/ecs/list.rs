//! Pages of a listing: `maxResults` and `nextToken`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::member::{Members, invalid};
use crate::refusal::Refusal;

/// One page of `items`, under `key`, with a `nextToken` if more follow. Items must come in a fixed order and each
/// only once: the token names the last item given.
pub(crate) fn page(
    key: &str,
    items: impl IntoIterator<Item = String>,
    input: &Value,
    default: usize,
) -> Result<Value, Refusal> {
    let (items, token) = cut(items, input, default)?;
    Ok(answer(key, items.into(), token))
}

/// One page of names and the token of the next.
pub(crate) fn cut(
    items: impl IntoIterator<Item = String>,
    input: &Value,
    default: usize,
) -> Result<(Vec<String>, Option<String>), Refusal> {
    let size = match input.number("maxResults") {
        None => default,
        Some(size @ 1..=100) => size as usize,
        Some(size) => return Err(invalid(format!("maxResults must be between 1 and 100, and is {size}"))),
    };
    let mut items = items.into_iter();
    let mut taken = Vec::new();
    if let Some(token) = input.text("nextToken") {
        let last = decode(token).ok_or_else(|| invalid("Invalid token."))?;
        // Skips up to the last item given; if that is gone by now, up to the first that sorts after it.
        let rest: Vec<String> = items.collect();
        let met = rest.iter().position(|item| *item == last).map(|at| at + 1);
        let at = met.or_else(|| rest.iter().position(|item| *item > last)).unwrap_or(rest.len());
        let more = rest.len() > at + size;
        taken.extend(rest.into_iter().skip(at).take(size));
        let token = taken.last().filter(|_| more).map(|last| STANDARD.encode(last));
        return Ok((taken, token));
    }
    taken.extend(items.by_ref().take(size));
    let more = items.next().is_some();
    let token = taken.last().filter(|_| more).map(|last| STANDARD.encode(last));
    Ok((taken, token))
}

pub(crate) fn answer(key: &str, items: Value, token: Option<String>) -> Value {
    let mut answer = Value::Object(Map::from_iter([(key.to_owned(), items)]));
    if let Some(token) = token {
        answer["nextToken"] = token.into();
    }
    answer
}

fn decode(token: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(token).ok()?).ok()
}
