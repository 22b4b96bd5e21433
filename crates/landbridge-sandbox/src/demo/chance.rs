//! How far chance takes a share of requests from its weight. Pure.

/// How seldom chance alone leaves the bounds: once in ten million.
const SELDOM: f64 = 1e-7;

/// The fewest and the most of `requests` that may well go to a side which each goes to with the probability `share`:
/// the quantiles of the binomial distribution, [`SELDOM`] / 2 at either end.
pub(super) fn bounds(requests: u64, share: f64) -> (u64, u64) {
    if share <= 0.0 {
        return (0, 0);
    }
    if share >= 1.0 {
        return (requests, requests);
    }
    let (mut below, mut fewest) = (0.0, None);
    // ln of the probability of exactly `count`, from one to the next.
    let mut ln = requests as f64 * (1.0 - share).ln();
    for count in 0..=requests {
        if count > 0 {
            ln += ((requests - count + 1) as f64 / count as f64).ln() + (share / (1.0 - share)).ln();
        }
        below += ln.exp();
        if fewest.is_none() && below >= SELDOM / 2.0 {
            fewest = Some(count);
        }
        if below >= 1.0 - SELDOM / 2.0 {
            return (fewest.unwrap_or(0), count);
        }
    }
    (fewest.unwrap_or(0), requests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_of_the_binomial_distribution() {
        assert_eq!((bounds(500, 0.0), bounds(500, 1.0), bounds(0, 0.5)), ((0, 0), (500, 500), (0, 0)));
        // One in a hundred of 300 may well be none; half of 1000 is 500 give or take 5.3 standard deviations of 15.8.
        assert_eq!(bounds(300, 0.01).0, 0);
        let (fewest, most) = bounds(1000, 0.5);
        assert_eq!((fewest + most, (414..=418).contains(&fewest)), (1000, true), "{fewest} {most}");
        let (fewest, most) = bounds(1_000_000, 0.1);
        assert!((98_000..99_000).contains(&fewest) && (101_000..102_000).contains(&most), "{fewest} {most}");
    }

    #[test]
    fn all_of_it_stays_within_and_a_wrong_weight_does_not() {
        let (_, most) = bounds(200, 0.01);
        assert!(most < 20, "a tenth in place of a hundredth is seen: {most}");
        let (fewest, _) = bounds(200, 0.5);
        assert!(fewest > 20, "a tenth in place of a half is seen: {fewest}");
    }
}
