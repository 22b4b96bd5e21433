//! Quantities of Kubernetes (`500m`, `1Gi`), and CPU units and mebibytes of ECS.
//!
//! 1024 CPU units are one CPU, so 512 units are `500m`, not `512m`.

use serde_json::Value;

/// Thousandths of a quantity, rounded up: `500m` is 500, `1` is 1000. None when it is no quantity.
pub fn milli(value: &Value) -> Option<i64> {
    scaled(value, 1000)
}

/// A quantity of bytes, rounded up.
pub fn bytes(value: &Value) -> Option<i64> {
    scaled(value, 1)
}

/// A quantity of bytes in mebibytes, rounded up.
pub fn mebibytes(value: &Value) -> Option<i64> {
    Some(bytes(value)?.div_euclid(1 << 20) + i64::from(bytes(value)?.rem_euclid(1 << 20) > 0))
}

fn scaled(value: &Value, scale: i128) -> Option<i64> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (times, divided) = factor(suffix)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.len() > 12 || whole.len() > 18 {
        return None;
    }
    let parts = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let numerator = digits.checked_mul(times)?.checked_mul(scale)?;
    let denominator = parts.checked_mul(divided)?;
    i64::try_from((numerator + denominator - 1).div_euclid(denominator)).ok()
}

/// What a suffix multiplies by and divides by ("Resource units in Kubernetes" in its documentation).
fn factor(suffix: &str) -> Option<(i128, i128)> {
    const DECIMAL: [&str; 6] = ["k", "M", "G", "T", "P", "E"];
    const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let power = |all: &[&str]| all.iter().position(|s| *s == suffix).and_then(|at| u32::try_from(at + 1).ok());
    match suffix {
        "" => return Some((1, 1)),
        "m" => return Some((1, 1000)),
        "u" => return Some((1, 1_000_000)),
        "n" => return Some((1, 1_000_000_000)),
        _ => {}
    }
    if let Some(exponent) = suffix.strip_prefix(['e', 'E']).filter(|e| !e.is_empty()) {
        let exponent: i32 = exponent.parse().ok().filter(|e| (-12..=15).contains(e))?;
        let power = 10_i128.pow(exponent.unsigned_abs());
        return Some(if exponent < 0 { (1, power) } else { (power, 1) });
    }
    if let Some(power) = power(&DECIMAL) {
        return Some((1000_i128.pow(power), 1));
    }
    Some((1024_i128.pow(power(&BINARY)?), 1))
}

/// Millicores of CPU units, rounded down to what exists and never to nothing.
pub fn cpu_of_units(units: i64) -> i64 {
    if units <= 0 { 0 } else { (units * 1000 / 1024).max(1) }
}

/// CPU units of millicores, rounded up.
pub fn units_of_cpu(milli: i64) -> i64 {
    (milli * 1024 + 999).div_euclid(1000)
}

/// Millicores as Kubernetes writes them.
pub fn cpu_text(milli: i64) -> String {
    if milli % 1000 == 0 { (milli / 1000).to_string() } else { format!("{milli}m") }
}

/// Mebibytes as Kubernetes writes them.
pub fn memory_text(mebibytes: i64) -> String {
    if mebibytes > 0 && mebibytes % 1024 == 0 { format!("{}Gi", mebibytes / 1024) } else { format!("{mebibytes}Mi") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_spelling_of_a_quantity_is_read() {
        for (text, thousandths) in
            [("500m", 500), ("0.5", 500), ("2", 2000), ("1e3m", -1), ("100u", 1), ("1.5k", 1_500_000)]
        {
            assert_eq!(milli(&json!(text)).unwrap_or(-1), thousandths, "{text}");
        }
        assert_eq!(milli(&json!(2)), Some(2000));
        for (text, size) in
            [("1Gi", 1024), ("512Mi", 512), ("1000000", 1), ("1G", 954), ("1.5Gi", 1536), ("1e9", 954), ("2049Ki", 3)]
        {
            assert_eq!(mebibytes(&json!(text)), Some(size), "{text}");
        }
        for text in ["", "m", "1 Gi", "-1", "abc", "1x", "1.2.3", "9999999999999999999999"] {
            assert_eq!(milli(&json!(text)), None, "{text:?}");
        }
    }

    #[test]
    fn cpu_units_are_thousand_and_twenty_fourths_of_a_cpu() {
        for (units, milli) in [(256, 250), (512, 500), (1024, 1000), (128, 125), (1, 1)] {
            assert_eq!(cpu_of_units(units), milli);
        }
        assert_eq!((units_of_cpu(250), units_of_cpu(300), units_of_cpu(1)), (256, 308, 2));
        // 1000 millicores cannot tell 1024 units apart; most come back nevertheless.
        assert_eq!((1..=1024).filter(|u| units_of_cpu(cpu_of_units(*u)) != *u).count(), 24);
    }

    #[test]
    fn sizes_are_written_as_people_write_them() {
        assert_eq!((cpu_text(250).as_str(), cpu_text(2000).as_str()), ("250m", "2"));
        assert_eq!((memory_text(512).as_str(), memory_text(2048).as_str()), ("512Mi", "2Gi"));
    }
}
