//! What a record of each type may hold. Source: "Supported DNS record types" (Route 53 developer guide,
//! ResourceRecordTypes.html). Types that are not named here are kept as they are given.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::name;

/// What is wrong with the values of a record, in the words of Route 53's parser.
pub(super) fn faults(kind: &str, values: &[&str]) -> Vec<String> {
    let mut faults: Vec<String> = values
        .iter()
        .filter_map(|value| {
            let (code, what) = fault(kind, value)?;
            Some(format!("Invalid Resource Record: 'FATAL problem: {code} ({what}) encountered with '{value}''"))
        })
        .collect();
    let mut seen = BTreeSet::new();
    faults.extend(
        values
            .iter()
            .filter(|value| !seen.insert(**value))
            .map(|value| format!("Duplicate Resource Record: '{value}'")),
    );
    if kind == "CNAME" && values.len() > 1 {
        faults.push(
            "Invalid Resource Record: 'FATAL problem: MultipleCNAMEs (A CNAME has exactly one value)'".to_owned(),
        );
    }
    faults
}

fn fault(kind: &str, value: &str) -> Option<(&'static str, &'static str)> {
    let domain = |value: &str| {
        name::normal(value).is_none().then_some(("InvalidDomainName", "Value is not a valid domain name"))
    };
    let mut fields = value.split_ascii_whitespace();
    match kind {
        "A" => value
            .parse::<Ipv4Addr>()
            .is_err()
            .then_some(("ARRDATAIllegalIPv4Address", "Value is not a valid IPv4 address")),
        "AAAA" => value
            .parse::<Ipv6Addr>()
            .is_err()
            .then_some(("AAAARRDATAIllegalIPv6Address", "Value is not a valid IPv6 address")),
        "CNAME" | "NS" | "PTR" => domain(value),
        "MX" => match (fields.next().map(str::parse::<u16>), fields.next(), fields.next()) {
            (Some(Ok(_)), Some(host), None) => domain(host),
            _ => Some(("MXRRDATANotTwoFields", "MX value must have a priority and a domain name")),
        },
        "SRV" => {
            let numbers = fields.by_ref().take(3).filter(|field| field.parse::<u16>().is_ok()).count();
            match (numbers, fields.next(), fields.next()) {
                (3, Some(host), None) => domain(host),
                _ => Some(("SRVRRDATANotFourFields", "SRV value must have priority, weight, port and a domain name")),
            }
        }
        "TXT" | "SPF" => {
            let quoted = value.len() >= 2 && value.starts_with('"') && value.ends_with('"');
            (!quoted).then_some(("InvalidCharacterString", "Value should be enclosed in quotation marks"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_takes_its_own_values() {
        for (kind, good, bad) in [
            ("A", "192.0.2.1", "192.0.2.256"),
            ("AAAA", "2001:db8::1", "192.0.2.1"),
            ("CNAME", "a.example.com", "a..b"),
            ("MX", "10 mail.example.com", "mail.example.com"),
            ("SRV", "1 1 80 a.example.com", "1 1 a.example.com"),
            ("TXT", "\"v=spf1\"", "v=spf1"),
        ] {
            assert!(faults(kind, &[good]).is_empty(), "{kind}");
            assert_eq!(faults(kind, &[bad]).len(), 1, "{kind}");
        }
        assert!(faults("A", &["192.0.2.1", "192.0.2.1"])[0].starts_with("Duplicate Resource Record"));
        assert_eq!(faults("CNAME", &["a.example.com", "b.example.com"]).len(), 1);
    }
}
