//! The settings of the driver: those of the builder override those of the address, and these override the mode. A value
//! out of range is refused, wherever it was set, and never repeated.

use std::time::Duration;

use mongodb::options::{Acknowledgment, ClientOptions, WriteConcern};
use updraft_protocol::limits::{MONGO_CONFIRM, MONGO_CONNECTIONS_MAX, MONGO_TIMEOUT_MAX, SPAN};

use super::MongoBuilder;
use super::pool_mode::PoolMode;

/// Defines each setting: the method of the builder that sets it, and its option in the driver.
macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $type:ty as $option:ident;)+) => {
        /// Settings that were chosen.
        #[derive(Debug, Clone, Default)]
        pub(super) struct Settings {
            $(pub(super) $name: Option<$type>,)+
        }

        impl Settings {
            /// Sets what is chosen here, and what is open otherwise as `otherwise` says.
            fn set(self, options: &mut ClientOptions, otherwise: Self) {
                $(options.$option = self.$name.or(options.$option.take()).or(otherwise.$name);)+
            }
        }

        impl MongoBuilder {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(mut self, $name: $type) -> Self {
                self.settings.$name = Some($name);
                self
            })+
        }
    };
}

settings! {
    /// The most connections to one server (`maxPoolSize`).
    connections: u32 as max_pool_size;
    /// Connections that are kept open, and opened before `connect` returns (`minPoolSize`).
    connections_kept: u32 as min_pool_size;
    /// The most connections that are opened at the same time (`maxConnecting`).
    connecting: u32 as max_connecting;
    /// How long an unused connection is kept (`maxIdleTimeMS`); zero keeps it for ever.
    idle: Duration as max_idle_time;
    /// How long name look-up, connection and TLS handshake may take (`connectTimeoutMS`).
    connect_timeout: Duration as connect_timeout;
    /// How long to search for a suitable server, and how long `connect` waits for the first answer
    /// (`serverSelectionTimeoutMS`).
    selection_timeout: Duration as server_selection_timeout;
    /// The interval between two checks of a server (`heartbeatFrequencyMS`).
    heartbeat: Duration as heartbeat_freq;
    /// Whether the driver sends a read again that a lost connection cut off (`retryReads`).
    retry_reads: bool as retry_reads;
    /// Whether the driver sends a write again that a lost connection cut off (`retryWrites`). Batches are sent again by
    /// the writer instead.
    retry_writes: bool as retry_writes;
    /// The name of this program in the server's logs (`appName`); by default `updraft`.
    app_name: String as app_name;
}

impl Settings {
    /// Sets the driver's options. An engine that only reads keeps no spare connection open.
    ///
    /// # Errors
    /// The invalid option, with the allowed values.
    pub(super) fn apply(
        self,
        options: &mut ClientOptions,
        mode: PoolMode,
        read_only: bool,
    ) -> Result<(), String> {
        let mut mode = mode.settings();
        let most = self.connections.or(options.max_pool_size).or(mode.connections);
        // A small pool keeps no more than it may have.
        mode.connections_kept = if read_only { Some(0) } else { mode.connections_kept.min(most) };
        mode.connecting = mode.connecting.min(most);
        self.set(options, mode);
        let most = u128::from(most.unwrap_or_default());
        let millis = |time: Option<Duration>| time.map(|time| time.as_millis());
        let times = MONGO_TIMEOUT_MAX.as_millis();
        for (name, value, least, most) in [
            ("maxPoolSize", Some(most), 1, MONGO_CONNECTIONS_MAX.into()),
            ("minPoolSize", options.min_pool_size.map(u128::from), 0, most),
            ("maxConnecting", options.max_connecting.map(u128::from), 1, most),
            ("maxIdleTimeMS", millis(options.max_idle_time), 0, SPAN.as_millis()),
            ("connectTimeoutMS", millis(options.connect_timeout), 1, times),
            ("serverSelectionTimeoutMS", millis(options.server_selection_timeout), 1, times),
            // The driver's own bound.
            ("heartbeatFrequencyMS", millis(options.heartbeat_freq), 500, times),
        ] {
            within(name, value, least, most)?;
        }
        options.write_concern = Some(confirmed(options.write_concern.take())?);
        Ok(())
    }
}

/// The write concern: by default one that allows the journal to drop what was confirmed.
fn confirmed(said: Option<WriteConcern>) -> Result<WriteConcern, String> {
    let mut concern = said.unwrap_or_default();
    if concern.w == Some(Acknowledgment::Nodes(0)) {
        return Err("w=0: a write that nobody confirms may be lost unseen".to_owned());
    }
    concern.w.get_or_insert(Acknowledgment::Majority);
    concern.journal.get_or_insert(true);
    let wait = *concern.w_timeout.get_or_insert(MONGO_CONFIRM);
    within("wtimeoutMS", Some(wait.as_millis()), 0, MONGO_TIMEOUT_MAX.as_millis())?;
    Ok(concern)
}

/// Refuses a value that is set and out of range.
pub(super) fn within(name: &str, value: Option<u128>, least: u128, most: u128) -> Result<(), String> {
    if value.is_none_or(|value| (least..=most).contains(&value)) {
        Ok(())
    } else {
        Err(format!("{name} is not within {least} to {most}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn settled(options: &str, settings: &Settings, mode: PoolMode) -> Result<ClientOptions, String> {
        let mut parsed = ClientOptions::parse(format!("mongodb://host/db?{options}")).await.unwrap();
        settings.clone().apply(&mut parsed, mode, false).map(|()| parsed)
    }

    #[tokio::test]
    async fn the_defaults_are_those_of_the_design() {
        let options = settled("", &Settings::default(), PoolMode::Default).await.unwrap();
        assert_eq!((options.max_pool_size, options.min_pool_size), (Some(100), Some(10)));
        assert_eq!(options.max_idle_time, Some(Duration::from_secs(30 * 60)));
        assert_eq!(options.connect_timeout, Some(Duration::from_secs(10)));
        assert_eq!(options.server_selection_timeout, Some(Duration::from_secs(5)));
        assert_eq!(options.heartbeat_freq, Some(Duration::from_secs(10)));
        assert_eq!((options.retry_reads, options.retry_writes), (Some(true), Some(true)));
        assert_eq!(options.app_name.as_deref(), Some("updraft"));
        let concern = options.write_concern.unwrap();
        assert_eq!((concern.w, concern.journal), (Some(Acknowledgment::Majority), Some(true)));
    }

    #[tokio::test]
    async fn modes_differ_in_the_numbers_that_their_table_gives() {
        let of = async |mode| {
            let options = settled("", &Settings::default(), mode).await.unwrap();
            let times = [options.max_idle_time, options.connect_timeout];
            let waits = [options.server_selection_timeout, options.heartbeat_freq];
            let seconds = [times, waits].concat().into_iter().map(|time| time.unwrap().as_secs());
            let connections = [options.max_pool_size, options.min_pool_size, options.max_connecting];
            let connections = connections.into_iter().map(|number| u64::from(number.unwrap()));
            connections.chain(seconds).collect::<Vec<u64>>()
        };
        assert_eq!(of(PoolMode::Default).await, [100, 10, 2, 1_800, 10, 5, 10]);
        assert_eq!(of(PoolMode::HighThroughput).await, [200, 20, 8, 1_800, 10, 5, 10]);
        assert_eq!(of(PoolMode::LowLatency).await, [100, 50, 8, 3_600, 5, 2, 5]);
    }

    #[tokio::test]
    async fn the_address_goes_before_the_mode_and_the_embedder_before_the_address() {
        let said = "maxPoolSize=7&minPoolSize=3&w=2&journal=false&retryWrites=false&appName=soar&heartbeatFrequencyMS=700";
        let options = settled(said, &Settings::default(), PoolMode::HighThroughput).await.unwrap();
        assert_eq!((options.max_pool_size, options.min_pool_size), (Some(7), Some(3)));
        assert_eq!((options.retry_writes, options.retry_reads), (Some(false), Some(true)));
        assert_eq!(options.app_name.as_deref(), Some("soar"));
        assert_eq!(options.heartbeat_freq, Some(Duration::from_millis(700)));
        let concern = options.write_concern.unwrap();
        assert_eq!((concern.w, concern.journal), (Some(Acknowledgment::Nodes(2)), Some(false)));
        let set = Settings { connections: Some(5), retry_writes: Some(true), ..Settings::default() };
        let options = settled(said, &set, PoolMode::Default).await.unwrap();
        assert_eq!((options.max_pool_size, options.min_pool_size), (Some(5), Some(3)));
        assert_eq!(options.retry_writes, Some(true));
    }

    #[tokio::test]
    async fn a_small_pool_keeps_no_more_than_it_may_have() {
        let options = settled("maxPoolSize=1", &Settings::default(), PoolMode::LowLatency).await.unwrap();
        assert_eq!(
            [options.max_pool_size, options.min_pool_size, options.max_connecting],
            [Some(1), Some(1), Some(1)]
        );
    }

    #[tokio::test]
    async fn nonsense_is_refused_with_what_is_allowed() {
        for (said, told) in [
            ("maxPoolSize=4000000000", "1 to 2000"),
            ("maxPoolSize=5&minPoolSize=6", "minPoolSize is not within 0 to 5"),
            ("maxConnecting=101", "1 to 100"),
            ("connectTimeoutMS=0", "connectTimeoutMS is not within 1 to"),
            ("serverSelectionTimeoutMS=0", "1 to 300000"),
            ("serverSelectionTimeoutMS=18446744073709551615", "1 to 300000"),
            ("heartbeatFrequencyMS=400000", "500 to 300000"),
            ("maxIdleTimeMS=999999999999999", "maxIdleTimeMS"),
            ("wtimeoutMS=999999999", "wtimeoutMS"),
            ("w=0", "w=0"),
        ] {
            let refused = settled(said, &Settings::default(), PoolMode::Default).await.unwrap_err();
            assert!(refused.contains(told), "{said}: {refused}");
        }
    }
}
