//! From a share in percent to weights, and back.
//!
//! Weights are relative. A share is written as two whole numbers that add up to 100, or to 1000 when it has tenths: an
//! Application Load Balancer takes weights from 0 to 999 (Elastic Load Balancing API reference, `TargetGroupTuple`). Both are
//! never 0: then the load balancer would answer by itself.

use landbridge_api::v1alpha1::{Span, TargetWeight};

/// Largest weight of a target group.
pub(super) const OF_GROUP: i32 = 999;
/// Largest weight of a record (Route 53 API reference, `ResourceRecordSet.Weight`).
pub(super) const OF_RECORD: i32 = 255;

/// The weights of `from` and `to` when `to` gets `percent` of the traffic. Where weights are too small for tenths of a
/// percent, the share is the nearest that there is, and never none of what was asked for.
pub(super) fn pair(percent: f64, largest: i32) -> (i32, i32) {
    let tenths = ((percent * 10.0).round() as i32).clamp(0, 1000);
    if tenths % 10 == 0 {
        return (100 - tenths / 10, tenths / 10);
    }
    if largest >= 999 {
        return (1000 - tenths, tenths);
    }
    let whole = largest + 1;
    let new = ((f64::from(tenths) * f64::from(whole) / 1000.0).round() as i32).clamp(1, largest);
    (whole - new, new)
}

/// The weights when `to` gets `percent`.
pub(super) fn split(from: &str, to: &str, percent: f64, largest: i32) -> Vec<TargetWeight> {
    let (old, new) = pair(percent, largest);
    vec![weight(from, old), weight(to, new)]
}

/// A target group with a weight.
pub(super) fn weight(target: &str, weight: i32) -> TargetWeight {
    TargetWeight { target: target.to_owned(), weight }
}

/// Whether two forward actions mean the same: order does not count.
pub(super) fn same(a: &[TargetWeight], b: &[TargetWeight]) -> bool {
    let sorted = |weights: &[TargetWeight]| {
        let mut list: Vec<(String, i32)> = weights.iter().map(|w| (w.target.clone(), w.weight)).collect();
        list.sort();
        list
    };
    sorted(a) == sorted(b)
}

/// `90/10`, in percent, as exactly as they are.
pub(super) fn said(share_of_to: f64) -> String {
    let percent = |share: f64| {
        let text = format!("{:.1}", share * 100.0);
        text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
    };
    format!("{}/{}", percent(1.0 - share_of_to), percent(share_of_to))
}

/// Seconds of a span such as `1h30m`; none when it is not one.
pub fn seconds(span: &Span) -> Option<i64> {
    let (mut total, mut digits) = (0_i64, String::new());
    for c in span.0.chars() {
        let unit = match c {
            '0'..='9' => {
                digits.push(c);
                continue;
            }
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        total = total.checked_add(std::mem::take(&mut digits).parse::<i64>().ok()?.checked_mul(unit)?)?;
    }
    (digits.is_empty() && !span.0.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_add_up_and_are_never_both_zero() {
        for tenths in 0..=1000 {
            let (old, new) = pair(f64::from(tenths) / 10.0, OF_GROUP);
            assert!(old + new == 100 || old + new == 1000, "{tenths}");
            assert!((0..=999).contains(&old) && (0..=999).contains(&new), "{tenths}");
            assert!((f64::from(new) / f64::from(old + new) - f64::from(tenths) / 1000.0).abs() < 1e-9, "{tenths}");
        }
        let of = |percent| pair(percent, OF_GROUP);
        assert_eq!([of(1.0), of(0.1), of(100.0), of(33.3)], [(99, 1), (999, 1), (0, 100), (667, 333)]);
        let of = |percent| pair(percent, OF_RECORD);
        assert_eq!(
            [of(1.0), of(0.1), of(100.0), of(33.3), of(99.9)],
            [(99, 1), (255, 1), (0, 100), (171, 85), (1, 255)]
        );
    }

    #[test]
    fn a_share_is_said_as_exactly_as_it_is() {
        assert_eq!([said(0.0), said(0.1), said(0.001), said(1.0)], ["100/0", "90/10", "99.9/0.1", "0/100"]);
    }

    #[test]
    fn a_span_has_hours_minutes_and_seconds() {
        let of = |text: &str| seconds(&Span(text.to_owned()));
        assert_eq!([of("90s"), of("1h30m"), of("24h"), of("0s")], [Some(90), Some(5400), Some(86_400), Some(0)]);
        assert_eq!([of(""), of("5"), of("1d"), of("m"), of("1.5h")], [None; 5]);
    }
}
