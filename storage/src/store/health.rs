//! Health: the state of a store and its possible faults, as data for monitoring. Contains no data of tenants and no
//! credentials.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Error;

/// The state of a store, for monitoring.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The faults; empty if there is none.
    pub troubles: Vec<Trouble>,
    /// The connections, if the store has a pool of them.
    pub pool: Option<PoolStatistics>,
}

/// The connections of a store's pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolStatistics {
    /// Connections that are open.
    pub open: u64,
    /// Open ones that are not in use.
    pub idle: u64,
    /// Open ones in use.
    pub in_use: u64,
    /// Callers that wait for one.
    pub waiting: u64,
    /// Connections opened since the start.
    pub opened_total: u64,
    /// Callers whose wait timed out since the start.
    pub timeouts_total: u64,
    /// Microseconds that callers waited for a connection since the start, all together.
    pub waited_us_total: u64,
}

/// One fault of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Trouble {
    /// It cannot be reached, or does not answer in time.
    Unreachable {
        /// The cause.
        cause: String,
    },
    /// Servers answer, but none of them takes writes at the moment.
    NotPrimary {
        /// Their answer.
        cause: String,
    },
    /// It does not accept the credentials, or they do not suffice.
    Authentication {
        /// Its answer.
        cause: String,
    },
    /// Every connection of the pool is in use, and callers wait for one.
    PoolExhausted {
        /// The number of waiting callers.
        waiting: u64,
        /// The most connections of the pool.
        most: u64,
    },
    /// It has no space.
    Full {
        /// Its answer.
        cause: String,
    },
    /// It can be read, but not written.
    ReadOnly {
        /// Its answer.
        cause: String,
    },
    /// It answers, but too late.
    Slow {
        /// The time of its answer.
        took_ms: u64,
        /// The longest normal time.
        threshold_ms: u64,
    },
    /// It answers, but refuses operations.
    Failing {
        /// Its answer.
        cause: String,
    },
}

impl Trouble {
    /// The fault in an error of the store.
    pub fn of(error: &Error) -> Self {
        let cause = error.to_string();
        match error {
            Error::Unavailable(cause) => Self::Unreachable { cause: cause.clone() },
            Error::Full(cause) => Self::Full { cause: cause.clone() },
            Error::Refused(cause) => Self::Failing { cause: cause.clone() },
            Error::InUse { .. } | Error::Schema { .. } | Error::Corrupt(_) => Self::Failing { cause },
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { cause } => write!(f, "the store is unreachable: {cause}"),
            Self::NotPrimary { cause } => write!(f, "no server takes writes: {cause}"),
            Self::Authentication { cause } => write!(f, "the store does not let us in: {cause}"),
            Self::PoolExhausted { waiting, most } => {
                write!(f, "all {most} connections to the store are in use, and {waiting} callers wait")
            }
            Self::Full { cause } => write!(f, "the store is full: {cause}"),
            Self::ReadOnly { cause } => write!(f, "the store can only be read: {cause}"),
            Self::Slow { took_ms, threshold_ms } => {
                write!(f, "the store took {took_ms} ms to answer; {threshold_ms} ms is well")
            }
            Self::Failing { cause } => write!(f, "the store refuses: {cause}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_is_a_trouble_of_its_kind_with_its_words() {
        let error = Error::Unavailable("refused".to_owned());
        assert_eq!(Trouble::of(&error), Trouble::Unreachable { cause: "refused".to_owned() });
        let error = Error::Full("no space".to_owned());
        assert_eq!(Trouble::of(&error), Trouble::Full { cause: "no space".to_owned() });
        let error = Error::Schema { place: "here".to_owned(), found: 9, known: 1 };
        assert_eq!(Trouble::of(&error), Trouble::Failing { cause: error.to_string() });
    }

    #[test]
    fn a_trouble_is_serialised_with_its_kind_and_told_in_words() {
        let trouble = Trouble::PoolExhausted { waiting: 3, most: 10 };
        let value = serde_json::to_value(&trouble).unwrap();
        assert_eq!(value, serde_json::json!({"kind": "pool_exhausted", "waiting": 3, "most": 10}));
        assert_eq!(trouble.to_string(), "all 10 connections to the store are in use, and 3 callers wait");
    }
}
