//! Permissions as a request gives them: a list of `IpPermissions`, or one in the older single parameters. Source:
//! AuthorizeSecurityGroupIngress and IpPermission.

use super::cidr::Block;
use super::invalid;
use super::network::Network;
use super::rule::{Peer, Permission};
use crate::input::Input;
use crate::refusal::Refusal;

/// A permission with what is said about it.
pub(super) type Described = (Permission, Option<String>);

/// All permissions of a request.
pub(super) fn read(
    input: Input<'_>,
    network: &Network,
    account: &str,
    egress: bool,
) -> Result<Vec<Described>, Refusal> {
    let mut read = Vec::new();
    for permission in input.objects("IpPermissions")? {
        let (protocol, ports) = traffic(permission)?;
        let peers = peers(permission, network, account)?;
        if peers.is_empty() {
            return Err(Refusal::new("MissingParameter", "Source group or CIDR must be specified"));
        }
        read.extend(
            peers.into_iter().map(|(peer, description)| {
                (Permission { egress, protocol: protocol.clone(), ports, peer }, description)
            }),
        );
    }
    if input.get("IpProtocol").is_some()
        || input.get("CidrIp").is_some()
        || input.get("SourceSecurityGroupName").is_some()
    {
        read.push((single(input, network, account, egress)?, None));
    }
    for (at, (permission, _)) in read.iter().enumerate() {
        if read[..at].iter().any(|(earlier, _)| earlier == permission) {
            return Err(invalid("The same permission must not appear multiple times"));
        }
    }
    Ok(read)
}

fn single(input: Input<'_>, network: &Network, account: &str, egress: bool) -> Result<Permission, Refusal> {
    let peer = match (input.text("CidrIp")?, input.text("SourceSecurityGroupName")?) {
        (Some(block), None) => Peer::V4(cidr(block, true)?),
        (None, Some(name)) => {
            let group = network.groups.values().find(|group| group.name == name);
            let group = group.ok_or_else(|| super::group::name_not_found(network, name))?;
            Peer::Group { owner: account.to_owned(), id: group.id.clone() }
        }
        _ => return Err(Refusal::new("MissingParameter", "Source group or CIDR must be specified")),
    };
    let (protocol, ports) = match input.get("IpProtocol") {
        Some(_) => traffic(input)?,
        // A group alone means everything from it.
        None => ("-1".to_owned(), None),
    };
    Ok(Permission { egress, protocol, ports, peer })
}

/// Protocol and ports: names for the protocols that have ports, numbers for the others.
pub(super) fn traffic(input: Input<'_>) -> Result<(String, Option<(i64, i64)>), Refusal> {
    let given = super::needed(input, "IpProtocol")?.to_lowercase();
    let protocol = match given.as_str() {
        "-1" | "all" => "-1",
        "6" | "tcp" => "tcp",
        "17" | "udp" => "udp",
        "1" | "icmp" => "icmp",
        "58" | "icmpv6" => "icmpv6",
        number if number.parse::<u8>().is_ok() => number,
        other => return Err(invalid(format!("Invalid value '{other}' for IP protocol. Unknown protocol."))),
    };
    let ports = match (input.number("FromPort")?, input.number("ToPort")?) {
        (Some(from), Some(to)) => Some((from, to)),
        (None, None) => None,
        _ => return Err(invalid("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")),
    };
    match (protocol, ports) {
        ("tcp" | "udp", None) => {
            Err(invalid("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange."))
        }
        ("tcp" | "udp", Some((from, to))) => {
            let is_port = |port: i64| (0..=65_535).contains(&port);
            if !is_port(from) || !is_port(to) || from > to {
                let name = protocol.to_uppercase();
                return Err(invalid(format!("Invalid {name} port range ({from}:{to})")));
            }
            Ok((protocol.to_owned(), ports))
        }
        ("icmp" | "icmpv6", ports) => Ok((protocol.to_owned(), Some(ports.unwrap_or((-1, -1))))),
        // Other protocols have no ports: what is given is passed over.
        _ => Ok((protocol.to_owned(), None)),
    }
}

fn peers(input: Input<'_>, network: &Network, account: &str) -> Result<Vec<(Peer, Option<String>)>, Refusal> {
    let mut peers = Vec::new();
    let mut push = |of: Input<'_>, peer: Peer| {
        peers.push((peer, description(of)?));
        Ok::<(), Refusal>(())
    };
    for range in input.objects("IpRanges")? {
        push(range, Peer::V4(cidr(super::needed(range, "CidrIp")?, true)?))?;
    }
    for range in input.objects("Ipv6Ranges")? {
        push(range, Peer::V6(cidr(super::needed(range, "CidrIpv6")?, false)?))?;
    }
    for list in input.objects("PrefixListIds")? {
        push(list, Peer::PrefixList(super::needed(list, "PrefixListId")?.to_owned()))?;
    }
    for pair in input.objects("Groups")? {
        let owner = pair.text("UserId")?.unwrap_or(account);
        let id = match (pair.text("GroupId")?, pair.text("GroupName")?) {
            (Some(id), _) => id.to_owned(),
            (None, Some(name)) => {
                let group = network.groups.values().find(|group| group.name == name);
                group.ok_or_else(|| super::group::name_not_found(network, name))?.id.clone()
            }
            (None, None) => return Err(Refusal::new("MissingParameter", "Source group or CIDR must be specified")),
        };
        if owner == account && !network.groups.contains_key(&id) {
            return Err(super::group::not_found(&id));
        }
        push(pair, Peer::Group { owner: owner.to_owned(), id })?;
    }
    Ok(peers)
}

/// "Up to 255 characters in length" of letters, digits, spaces and `._-:/()#,@[]+=&;{}!$*` (IpRange).
pub(super) fn description(input: Input<'_>) -> Result<Option<String>, Refusal> {
    let Some(description) = input.text("Description")? else { return Ok(None) };
    let fits = |c: char| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c);
    if description.len() > 255 || !description.chars().all(fits) {
        return Err(invalid(
            "Invalid rule description. Valid descriptions are strings less than 256 characters from the following set: \
             a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
        ));
    }
    Ok(Some(description.to_owned()))
}

/// The block as it is kept; bits below the prefix are dropped.
pub(super) fn cidr(given: &str, v4: bool) -> Result<String, Refusal> {
    let block = Block::parse(given).filter(|block| block.is_v4() == v4);
    block.map(|block| block.to_string()).ok_or_else(|| invalid(format!("CIDR block {given} is malformed")))
}
