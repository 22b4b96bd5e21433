//! Whom a gate may not ask. Who may write a TrafficMigration may make the operator send requests, and must not reach with
//! them what only the operator's machine reaches: the credentials of the instance, the task or the pod.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why this address is nobody that a gate may ask.
pub fn forbidden(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(a) => forbidden_v4(a),
        IpAddr::V6(a) => forbidden_v6(a),
    }
}

/// 169.254.169.254 is the instance metadata service, 169.254.170.2 and 169.254.170.23 give ECS tasks and EKS pods their
/// credentials.
fn forbidden_v4(a: Ipv4Addr) -> Option<&'static str> {
    if a.is_link_local() {
        return Some("it is link-local, where metadata and credentials are");
    }
    let nobody = a.is_unspecified() || a.octets()[0] == 0 || a.is_multicast() || a.is_broadcast();
    nobody.then_some("it is no address of one machine")
}

fn forbidden_v6(a: Ipv6Addr) -> Option<&'static str> {
    if let Some(inner) = a.to_ipv4_mapped().or_else(|| embedded(a)) {
        return forbidden_v4(inner);
    }
    // fd00:ec2::254 and fd00:ec2::23 are the same services by IPv6.
    if a.is_unicast_link_local() || a.segments()[..2] == [0xfd00, 0x0ec2] {
        return Some("it is where metadata and credentials are");
    }
    (a.is_unspecified() || a.is_multicast()).then_some("it is no address of one machine")
}

/// The IPv4 address that NAT64 reaches by this one (RFC 6052, the well-known prefix).
fn embedded(a: Ipv6Addr) -> Option<Ipv4Addr> {
    let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = a.segments() else { return None };
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Some(Ipv4Addr::new(a, b, c, d))
}

/// Why nobody is asked at this URL, as far as can be told without resolving a name.
pub(in super::super) fn refused(url: &str) -> Option<String> {
    let rest = match url.split_once("://") {
        Some((scheme, rest)) if ["http", "https"].iter().any(|s| scheme.eq_ignore_ascii_case(s)) => rest,
        _ => return Some("it must begin with http:// or https://".to_owned()),
    };
    if url.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
        return Some("it has a character that no URL has".to_owned());
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Some("it holds a user name or password, which would be readable by everybody here".to_owned());
    }
    let host = host(authority);
    if host.is_empty() {
        return Some("it names no host".to_owned());
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return forbidden(address).map(|why| format!("{address} may not be asked: {why}"));
    }
    // Programs read 2852039166 and 0xa9.0xfe.0xa9.0xfe as addresses too.
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    last.starts_with(|c: char| c.is_ascii_digit())
        .then(|| format!("{host} is neither a name nor an address: write addresses as 10.0.0.1"))
}

fn host(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_asked_and_metadata_and_what_is_no_service_are_not() {
        for fine in [
            "http://prometheus.monitoring:9090",
            "https://gates.example.com/check?x=1",
            "http://10.0.0.1:80/",
            "http://127.0.0.1:9090",
            "HTTP://[fd12::1]:9090",
            "http://1password.example.com",
        ] {
            assert_eq!(refused(fine), None, "{fine}");
        }
        for (wrong, why) in [
            ("http://169.254.169.254/latest/meta-data", "link-local"),
            ("http://169.254.170.23/v1/credentials", "link-local"),
            ("http://[fd00:ec2::254]/", "credentials are"),
            ("http://[fe80::1]/", "credentials are"),
            ("http://[::ffff:169.254.169.254]/", "link-local"),
            ("http://[64:ff9b::a9fe:a9fe]/", "link-local"),
            ("http://2852039166/", "neither a name nor an address"),
            ("http://0xa9fea9fe/", "neither a name nor an address"),
            ("http://169.254.43518/", "neither a name nor an address"),
            ("http://0.0.0.0/", "no address of one machine"),
            ("http://0.0.0.1/", "no address of one machine"),
            ("http://user:secret@prometheus/", "user name or password"),
            ("http://good.example\\@169.254.169.254/", "no URL has"),
            ("file:///etc/passwd", "begin with http"),
            ("prometheus:9090", "begin with http"),
            ("http:///x", "names no host"),
            ("http:// spaced", "no URL has"),
        ] {
            let said = refused(wrong).unwrap_or_default();
            assert!(said.contains(why), "{wrong}: {said}");
        }
    }
}
