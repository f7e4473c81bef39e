//! Addresses of machines: every kind with its values, as the file has them. Which of them is connected to is decided by the
//! translation.

use std::collections::BTreeMap;

/// A kind of address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AddressKind {
    /// A URL.
    Url,
    /// The name of a host.
    Dname,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// A MAC address.
    L2mac,
    /// The number of a VLAN.
    Vlan,
}

impl AddressKind {
    /// All kinds, those that are preferred first.
    pub const ALL: [Self; 6] = [Self::Url, Self::Dname, Self::Ipv4, Self::Ipv6, Self::L2mac, Self::Vlan];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::Dname => "dname",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::L2mac => "l2mac",
            Self::Vlan => "vlan",
        }
    }

    /// The kind with this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// The address of one machine. Its kinds are alternatives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// The values of each kind that is there, texts that may refer to variables; of a VLAN its number.
    pub values: BTreeMap<AddressKind, Vec<String>>,
}
