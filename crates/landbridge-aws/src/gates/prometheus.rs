//! Instant queries to Prometheus («HTTP API», `/api/v1/query`), and to what speaks as it does: Thanos, Mimir, VictoriaMetrics.

use std::time::Duration;

use landbridge_plan::traffic_migration::Said;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::http::{self, Http};
use super::signature::Signer;

/// Asks for one value. `signer` signs for those who know no tokens.
pub(super) async fn ask(http: &Http, signer: Option<&Signer>, address: &str, query: &str, longest: Duration) -> Said {
    match answer(http, signer, address, query, longest).await {
        Ok(value) => Said::Value(value),
        Err(why) => Said::Nothing(why),
    }
}

async fn answer(
    http: &Http,
    signer: Option<&Signer>,
    address: &str,
    query: &str,
    longest: Duration,
) -> Result<f64, String> {
    let url = format!("{}/api/v1/query", address.trim_end_matches('/'));
    let body = format!("query={}&timeout={}s", utf8_percent_encode(query, NON_ALPHANUMERIC), longest.as_secs());
    let answer = http.send(&url, ("application/x-www-form-urlencoded", body), signer, longest).await?;
    let status = answer.status();
    let text = answer.text(longest).await?;
    let Ok(answer) = serde_json::from_str::<Value>(&text) else {
        return Err(format!("the answer ({status}) is none of Prometheus: check the address"));
    };
    if answer["status"] != "success" {
        let said = answer["error"].as_str().map_or_else(|| "no reason".to_owned(), http::cut);
        return Err(format!("Prometheus answered {status}: {said}"));
    }
    value(&answer["data"])
}

/// The one value of a scalar or a vector.
fn value(data: &Value) -> Result<f64, String> {
    let pair = match (data["resultType"].as_str(), data["result"].as_array()) {
        (Some("scalar"), Some(pair)) => pair.get(1),
        (Some("vector"), Some(all)) => match all.as_slice() {
            [] => return Err("the query came to no value".to_owned()),
            [only] => only["value"].get(1),
            many => return Err(format!("the query came to {} values: aggregate them to one", many.len())),
        },
        (kind, _) => {
            let kind = kind.unwrap_or("nothing");
            return Err(format!("the query came to a {kind}: it must come to a scalar or a vector of one value"));
        }
    };
    let text = pair.and_then(Value::as_str).unwrap_or_default();
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err(format!("the query came to {}", if text.is_empty() { "no number" } else { text })),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_value_is_a_value_and_everything_else_says_what_it_is() {
        let vector = |values: &[&str]| {
            let result: Vec<Value> =
                values.iter().map(|v| json!({"metric": {}, "value": [1_700_000_000, v]})).collect();
            json!({"resultType": "vector", "result": result})
        };
        assert_eq!(value(&vector(&["0.25"])), Ok(0.25));
        assert_eq!(value(&json!({"resultType": "scalar", "result": [1, "3"]})), Ok(3.0));
        for (data, told) in [
            (vector(&[]), "no value"),
            (vector(&["1", "2"]), "2 values: aggregate"),
            (vector(&["NaN"]), "came to NaN"),
            (vector(&["+Inf"]), "came to +Inf"),
            (json!({"resultType": "matrix", "result": []}), "came to a matrix"),
            (json!({"resultType": "vector", "result": [{}]}), "no number"),
            (json!(null), "came to a nothing"),
        ] {
            let said = value(&data).unwrap_err();
            assert!(said.contains(told), "{said}");
        }
    }
}
