//! `PageSize` and `Marker`, as every Describe has them: 400 items unless asked, at most 400.

use std::collections::BTreeMap;
use std::ops::Bound;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::input::Input;
use crate::refusal::Refusal;

/// The part of a listing that one call asks for.
pub(super) struct Page {
    most: usize,
    /// The key of the last item of the page before.
    pub(super) after: Option<String>,
}

impl Page {
    pub(super) fn read(input: Input<'_>) -> Result<Self, Refusal> {
        let most = input.number_within("PageSize", 1, 400)?.unwrap_or(400) as usize;
        let after = input.text("Marker")?.map(|marker| read_marker(input, marker)).transpose()?;
        Ok(Self { most, after })
    }

    /// Writes the page under `field`, with `NextMarker` if there is more. `items` come in the order of their keys and
    /// may begin before the page; only what is given is written out with `show`.
    pub(super) fn answer<T>(
        &self,
        field: &str,
        items: impl Iterator<Item = (String, T)>,
        show: impl Fn(T) -> Value,
    ) -> Value {
        let mut rest = items.filter(|(key, _)| self.after.as_ref().is_none_or(|after| key > after)).peekable();
        let (mut page, mut last) = (Vec::new(), String::new());
        while page.len() < self.most
            && let Some((key, item)) = rest.next()
        {
            last = key;
            page.push(show(item));
        }
        let mut answer = Map::from_iter([(field.to_owned(), Value::Array(page))]);
        if rest.peek().is_some() {
            answer.insert("NextMarker".to_owned(), json!(URL_SAFE_NO_PAD.encode(last)));
        }
        answer.into()
    }
}

/// What a sorted map holds under keys that begin with `prefix`, after the key `after`, without a look at the rest.
pub(super) fn under<'m, T>(
    map: &'m BTreeMap<String, T>,
    prefix: &str,
    after: Option<&str>,
) -> impl Iterator<Item = (&'m String, &'m T)> + use<'m, T> {
    let prefix = prefix.to_owned();
    let from = match after.filter(|after| *after > prefix.as_str()) {
        Some(after) => Bound::Excluded(after.to_owned()),
        None => Bound::Included(prefix.clone()),
    };
    map.range((from, Bound::Unbounded)).take_while(move |(key, _)| key.starts_with(&prefix))
}

fn read_marker(input: Input<'_>, marker: &str) -> Result<String, Refusal> {
    let decoded = URL_SAFE_NO_PAD.decode(marker).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.ok_or_else(|| input.refuse(format!("Invalid marker '{marker}'")))
}
