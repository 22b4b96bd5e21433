//! Blocks of IPv4 and IPv6 addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    /// The first address; bits below the prefix are zero.
    first: u128,
    prefix: u32,
    bits: u32,
}

impl Block {
    /// None for what is no block, such as a prefix that is too long.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let prefix: u32 = prefix.parse().ok()?;
        let (address, bits) = match address.parse().ok()? {
            IpAddr::V4(address) => (u128::from(u32::from(address)), 32_u32),
            IpAddr::V6(address) => (u128::from(address), 128),
        };
        let below = bits.checked_sub(prefix)?;
        let first = if below == 128 { 0 } else { address >> below << below };
        Some(Self { first, prefix, bits })
    }

    pub(super) fn is_v4(self) -> bool {
        self.bits == 32
    }

    pub(super) fn prefix(self) -> u32 {
        self.prefix
    }

    /// How many addresses it has; for IPv6 as many as fit.
    pub(super) fn size(self) -> u128 {
        1_u128.checked_shl(self.bits - self.prefix).unwrap_or(u128::MAX)
    }

    pub(super) fn contains(self, other: Self) -> bool {
        self.bits == other.bits && self.prefix <= other.prefix && self.overlaps(other)
    }

    pub(super) fn overlaps(self, other: Self) -> bool {
        let last = |block: Self| block.first.saturating_add(block.size() - 1);
        self.bits == other.bits && self.first <= last(other) && other.first <= last(self)
    }

    /// An IPv4 block's address number `at`, beginning again at its end.
    pub(super) fn address(self, at: u32) -> Ipv4Addr {
        let size = u32::try_from(self.size()).unwrap_or(u32::MAX);
        Ipv4Addr::from((self.first as u32).wrapping_add(at.checked_rem(size).unwrap_or(0)))
    }
}

impl std::fmt::Display for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_v4() {
            write!(f, "{}/{}", Ipv4Addr::from(self.first as u32), self.prefix)
        } else {
            write!(f, "{}/{}", Ipv6Addr::from(self.first), self.prefix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_begins_where_its_prefix_says() {
        for (text, block) in [
            ("10.0.0.5/24", Some("10.0.0.0/24")),
            ("0.0.0.0/0", Some("0.0.0.0/0")),
            ("2001:db8::1/32", Some("2001:db8::/32")),
            ("::/0", Some("::/0")),
            ("10.0.0.0/33", None),
            ("10.0.0.0", None),
            ("x/8", None),
        ] {
            assert_eq!(Block::parse(text).map(|block| block.to_string()).as_deref(), block, "{text}");
        }
    }

    #[test]
    fn blocks_overlap_and_contain_by_their_addresses() {
        let block = |text| Block::parse(text).unwrap();
        assert!(block("10.0.0.0/16").contains(block("10.0.255.0/24")));
        assert!(!block("10.0.0.0/24").contains(block("10.0.0.0/16")));
        assert!(block("10.0.0.0/24").overlaps(block("10.0.0.0/16")));
        assert!(!block("10.0.0.0/24").overlaps(block("10.0.1.0/24")));
        assert!(!block("::/0").contains(block("10.0.0.0/8")));
        assert_eq!(block("10.0.0.0/24").address(260), Ipv4Addr::new(10, 0, 0, 4));
    }
}
