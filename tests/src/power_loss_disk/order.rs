//! What the keeper of a power-loss disk is told, line by line. Carries nothing out.

use std::fmt;

use super::DiskFault;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    /// Power fails and comes back; answered with the new place.
    LosePower,
    /// What is there goes to a directory, which is the answer.
    Keep,
    Sweep,
    Strike {
        of: String,
        spare: usize,
        fault: DiskFault,
    },
    Fill(bool),
    Mend,
    /// Answered with a number.
    Met,
    /// Answered with names.
    SyncedAgain,
}

/// Stands for no part of a name.
const ANY: &str = "*";

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LosePower => f.write_str("lose-power"),
            Self::Keep => f.write_str("keep"),
            Self::Sweep => f.write_str("sweep"),
            Self::Fill(full) => write!(f, "fill {full}"),
            Self::Mend => f.write_str("mend"),
            Self::Met => f.write_str("met"),
            Self::SyncedAgain => f.write_str("synced-again"),
            Self::Strike { of, spare, fault } => {
                let of = if of.is_empty() { ANY } else { of };
                write!(f, "strike {of} {spare} ")?;
                match fault {
                    DiskFault::Write(bytes) => write!(f, "write {bytes}"),
                    DiskFault::Sync => f.write_str("sync 0"),
                    DiskFault::SyncFolder => f.write_str("folder 0"),
                    DiskFault::Remove => f.write_str("remove 0"),
                }
            }
        }
    }
}

impl Order {
    pub(super) fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        Some(match words.as_slice() {
            ["lose-power"] => Self::LosePower,
            ["keep"] => Self::Keep,
            ["sweep"] => Self::Sweep,
            ["fill", full] => Self::Fill(full.parse().ok()?),
            ["mend"] => Self::Mend,
            ["met"] => Self::Met,
            ["synced-again"] => Self::SyncedAgain,
            ["strike", of, spare, kind, bytes] => {
                let fault = match *kind {
                    "write" => DiskFault::Write(bytes.parse().ok()?),
                    "sync" => DiskFault::Sync,
                    "folder" => DiskFault::SyncFolder,
                    "remove" => DiskFault::Remove,
                    _ => return None,
                };
                let of = if *of == ANY { String::new() } else { (*of).to_owned() };
                Self::Strike { of, spare: spare.parse().ok()?, fault }
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_heard_as_it_was_given() {
        let strike = |of: &str, fault| Order::Strike { of: of.to_owned(), spare: 3, fault };
        let orders = [
            Order::LosePower,
            Order::Keep,
            Order::Sweep,
            Order::Fill(true),
            Order::Mend,
            Order::Met,
            Order::SyncedAgain,
            strike(".journal", DiskFault::Write(7)),
            strike("", DiskFault::Sync),
            strike("", DiskFault::SyncFolder),
            strike("updraft.db", DiskFault::Remove),
        ];
        for order in orders {
            assert_eq!(Order::parse(&order.to_string()), Some(order.clone()), "{order}");
        }
        assert_eq!(Order::parse("strike a b sync 0"), None);
    }
}
