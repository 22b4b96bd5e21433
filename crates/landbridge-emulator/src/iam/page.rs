//! `MaxItems` and `Marker`, as every List of IAM has them: 100 items unless asked, at most 1000.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::input::Input;
use crate::page;
use crate::refusal::Refusal;

/// Cuts one page out of `items`, ordered by their keys, and writes it under `field` with `IsTruncated` and `Marker`.
/// The marker names the last item given, so items that come or go in between neither repeat nor hide others. Only the
/// items of the page are written out with `show`.
pub(crate) fn cut<'k, T>(
    input: Input<'_>,
    field: &str,
    items: impl Iterator<Item = (&'k str, T)>,
    show: impl Fn(T) -> Value,
) -> Result<Map<String, Value>, Refusal> {
    let most = input.number_within("MaxItems", 1, 1000)?.unwrap_or(100) as usize;
    let after = input.text("Marker")?.map(read_marker).transpose()?;
    let (page, next) = page::by_key(items, after.as_deref(), most);
    let mut answer = Map::new();
    answer.insert(field.to_owned(), page.into_iter().map(show).collect());
    answer.insert("IsTruncated".to_owned(), Value::Bool(next.is_some()));
    answer.extend(next.map(|last| ("Marker".to_owned(), Value::String(URL_SAFE_NO_PAD.encode(last)))));
    Ok(answer)
}

fn read_marker(marker: &str) -> Result<String, Refusal> {
    let decoded = URL_SAFE_NO_PAD.decode(marker).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.ok_or_else(|| Refusal::new("ValidationError", "Invalid Marker."))
}
