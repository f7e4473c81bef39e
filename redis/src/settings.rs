//! Settings: where Redis is, and how it is used. Owns the checks; shows no login.

use std::fmt;
use std::time::Duration;

use updraft_protocol::Secret;
use updraft_protocol::limits::{
    REDIS_CONNECTIONS_MAX, REDIS_FAILURES, REDIS_LEFT_ALONE, REDIS_PATIENCE, REDIS_RETRIES_MAX,
    REDIS_TIMEOUT_MAX, SPAN,
};

use crate::address::RedisAddress;
use crate::error::Error;
use crate::pool_mode::{PoolNumbers, RedisPoolMode};

/// The settings of a connection to Redis. What is set here overrides the address, and that the mode.
#[derive(Clone)]
pub struct RedisSettings {
    pub(crate) address: RedisAddress,
    pub(crate) mode: RedisPoolMode,
    pub(crate) authority: Option<Vec<u8>>,
    pub(crate) prefix: String,
    pub(crate) patience: Duration,
    pub(crate) failures: u32,
    pub(crate) left_alone: Duration,
    connections: Option<u32>,
    connections_kept: Option<u32>,
    idle: Option<Duration>,
    connect_timeout: Option<Duration>,
    command_timeout: Option<Duration>,
    wait: Option<Duration>,
    retries: Option<u32>,
}

/// Defines the setters of numbers that the mode sets otherwise.
macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)+) => {
        impl RedisSettings {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(mut self, $name: $type) -> Self {
                self.$name = Some($name);
                self
            })+
        }
    };
}

numbers! {
    /// The most connections.
    connections: u32;
    /// Connections that are kept open, and opened at the start.
    connections_kept: u32;
    /// How long an unused connection is kept. None lives longer than an hour.
    idle: Duration;
    /// How long a connection may take to open, login included.
    connect_timeout: Duration;
    /// How long a command may take that somebody depends on.
    command_timeout: Duration;
    /// How long such a command waits for a connection.
    wait: Duration;
    /// How often such a command is tried again.
    retries: u32;
}

impl RedisSettings {
    /// The settings for an address ([`RedisAddress::parse`]).
    ///
    /// # Errors
    /// The mistake in it, without its login.
    pub fn new(address: &str) -> Result<Self, Error> {
        let wrong = |why| Error::Configuration(format!("the address: {why}"));
        Ok(Self::at(RedisAddress::parse(address).map_err(wrong)?))
    }

    /// The settings for a checked address.
    pub fn at(address: RedisAddress) -> Self {
        Self {
            address,
            mode: RedisPoolMode::Default,
            authority: None,
            prefix: "updraft".to_owned(),
            patience: REDIS_PATIENCE,
            failures: REDIS_FAILURES,
            left_alone: REDIS_LEFT_ALONE,
            connections: None,
            connections_kept: None,
            idle: None,
            connect_timeout: None,
            command_timeout: None,
            wait: None,
            retries: None,
        }
    }

    /// The use for which the pool is tuned: the defaults of its numbers.
    #[must_use]
    pub fn mode(mut self, mode: RedisPoolMode) -> Self {
        self.mode = mode;
        self
    }

    /// The login: a user of the server's ACL, or `None` for the default user.
    #[must_use]
    pub fn login(mut self, user: Option<String>, password: Secret) -> Self {
        (self.address.user, self.address.password) = (user, Some(password));
        self
    }

    /// The authority that signs the server's certificate, PEM; by default those of the machine. For addresses with TLS.
    #[must_use]
    pub fn authority(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authority = Some(pem.into());
        self
    }

    /// What all keys begin with; by default `updraft`. Engines with one store have one prefix.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long a look-up waits that can do without Redis; by default 5 ms.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// After so many failures in a row Redis is left alone for so long; by default 5, for a second.
    #[must_use]
    pub fn breaker(mut self, failures: u32, left_alone: Duration) -> Self {
        (self.failures, self.left_alone) = (failures, left_alone);
        self
    }

    /// The address.
    pub fn address(&self) -> &RedisAddress {
        &self.address
    }

    /// The numbers of the pool, checked.
    ///
    /// # Errors
    /// The setting that is not valid, with what is allowed.
    pub(crate) fn numbers(&self) -> Result<PoolNumbers, Error> {
        let mode = self.mode.numbers();
        let connections = self.connections.unwrap_or(mode.connections);
        let numbers = PoolNumbers {
            connections,
            // A small pool keeps no more than it may have.
            connections_kept: self.connections_kept.unwrap_or(mode.connections_kept.min(connections)),
            idle: self.idle.unwrap_or(mode.idle),
            connect_timeout: self.connect_timeout.unwrap_or(mode.connect_timeout),
            command_timeout: self.command_timeout.unwrap_or(mode.command_timeout),
            wait: self.wait.unwrap_or(mode.wait),
            retries: self.retries.unwrap_or(mode.retries),
        };
        let most = u128::from(connections);
        let millis = |time: Duration| time.as_millis();
        let times = millis(REDIS_TIMEOUT_MAX);
        for (name, value, least, most) in [
            ("connections", most, 1, REDIS_CONNECTIONS_MAX.into()),
            ("connections_kept", numbers.connections_kept.into(), 0, most),
            ("idle (ms)", millis(numbers.idle), 1, millis(SPAN)),
            ("connect_timeout (ms)", millis(numbers.connect_timeout), 1, times),
            ("command_timeout (ms)", millis(numbers.command_timeout), 1, times),
            ("wait (ms)", millis(numbers.wait), 1, times),
            ("retries", numbers.retries.into(), 0, REDIS_RETRIES_MAX.into()),
            ("patience (ms)", millis(self.patience), 1, times),
            ("failures", self.failures.into(), 1, u32::MAX.into()),
        ] {
            if !(least..=most).contains(&value) {
                return Err(Error::Configuration(format!("{name} is not within {least} to {most}")));
            }
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if self.prefix.is_empty() || self.prefix.len() > 64 || !self.prefix.chars().all(is_plain) {
            let message = "prefix: 1 to 64 letters, digits, `-`, `_` and `.`".to_owned();
            return Err(Error::Configuration(message));
        }
        if self.authority.is_some() && !self.address.is_tls {
            let message = "an authority is given, and the address is not one with TLS (rediss://)".to_owned();
            return Err(Error::Configuration(message));
        }
        Ok(numbers)
    }
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RedisSettings");
        shown.field("address", &self.address).field("mode", &self.mode);
        shown.field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> RedisSettings {
        RedisSettings::new("redis://bob:s3cret@localhost").unwrap()
    }

    #[test]
    fn the_defaults_are_those_of_the_design_and_modes_differ_as_their_table_says() {
        let of = |mode| {
            let numbers = settings().mode(mode).numbers().unwrap();
            let times = [numbers.idle, numbers.connect_timeout, numbers.command_timeout, numbers.wait];
            let counts = [numbers.connections, numbers.connections_kept, numbers.retries].map(u64::from);
            counts.into_iter().chain(times.map(|time| time.as_secs())).collect::<Vec<u64>>()
        };
        assert_eq!(of(RedisPoolMode::Default), [80, 15, 5, 1_200, 5, 10, 15]);
        assert_eq!(of(RedisPoolMode::HighThroughput), [160, 30, 5, 1_200, 5, 10, 15]);
        assert_eq!(of(RedisPoolMode::LowLatency), [80, 40, 2, 3_600, 2, 2, 3]);
    }

    #[test]
    fn what_is_set_goes_before_the_mode_and_nonsense_is_refused_with_what_is_allowed() {
        let numbers = settings().connections(3).retries(0).numbers().unwrap();
        assert_eq!((numbers.connections, numbers.connections_kept, numbers.retries), (3, 3, 0));
        for (wrong, told) in [
            (settings().connections(0), "connections is not within 1 to 2000"),
            (settings().connections(5).connections_kept(6), "connections_kept is not within 0 to 5"),
            (settings().wait(Duration::ZERO), "wait (ms) is not within 1 to 300000"),
            (settings().prefix("a:b"), "prefix"),
            (settings().authority("pem"), "rediss://"),
        ] {
            assert!(wrong.numbers().unwrap_err().to_string().contains(told), "{told}");
        }
    }

    #[test]
    fn settings_show_no_login() {
        let password = Secret::short("s3cret2").unwrap();
        let shown = format!("{:?}", settings().login(Some("eve".to_owned()), password));
        assert!(
            !shown.contains("s3cret") && !shown.contains("eve") && shown.contains("localhost"),
            "{shown}"
        );
    }
}
