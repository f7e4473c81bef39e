//! `ISSUBSET` and `ISSUPERSET` as native expressions: over addresses, and over networks in CIDR notation. A text that is
//! neither is inside of nothing and around nothing.

use std::net::IpAddr;

use super::native::quoted;

/// What a text looks like that may be a network; that its first part is an address is asked beside it.
const CIDR: &str = "^[0-9A-Fa-f:.]{2,45}/[0-9]{1,3}$";

/// A network that is written out.
pub(super) struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    /// Reads `10.0.0.0/8`, or an address alone.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(at, prefix)| (at, Some(prefix)));
        let address: IpAddr = address.parse().ok()?;
        let bits = bits(address);
        let prefix = prefix.map_or(Some(bits), |prefix| prefix.parse().ok())?;
        (prefix <= bits).then_some(Self { address, prefix })
    }

    fn text(&self) -> String {
        quoted(&format!("{}/{}", self.address, self.prefix))
    }

    /// Whether `value` is an address or a network inside of this one.
    pub(super) fn contains(&self, value: &str) -> String {
        let (network, bits) = (self.text(), bits(self.address));
        let Parts { looks, first, last } = Parts::of(value);
        format!(
            "({value} is ip and {value} is in_network({network})) or ({looks} and {first} is in_network({network}) and \
             {last} >= {} and {last} <= {bits})",
            self.prefix
        )
    }

    /// Whether `value` is a network around this one, or the same address.
    pub(super) fn is_inside(&self, value: &str) -> String {
        let Parts { looks, last, .. } = Parts::of(value);
        let address = quoted(&self.address.to_string());
        let around = format!("{looks} and {last} <= {} and {address} is in_network({value})", self.prefix);
        match self.prefix == bits(self.address) {
            true => format!("({value} is ip and {value} is in_network({})) or ({around})", self.text()),
            false => around,
        }
    }
}

/// The parts of a value in CIDR notation, as expressions.
struct Parts {
    looks: String,
    first: String,
    last: String,
}

impl Parts {
    fn of(value: &str) -> Self {
        let first = format!("{value}|split('/')|first");
        let last = format!("{value}|split('/')|last|int");
        Self { looks: format!("{value} is matching({}) and {first} is ip", quoted(CIDR)), first, last }
    }
}

const fn bits(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}
