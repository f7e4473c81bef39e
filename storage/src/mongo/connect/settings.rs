//! The driver's options: values of the builder override those of the address, and these override the mode. A value out
//! of range is refused, wherever it was set, and never repeated.

use std::time::Duration;

use mongodb::options::{Acknowledgment, ClientOptions, WriteConcern};
use updraft_protocol::limits::{MONGO_CONFIRM, MONGO_CONNECTIONS_MAX, MONGO_TIMEOUT_MAX, SPAN};

use super::pool_mode::PoolMode;

/// The name of this program in a server's logs.
const APP_NAME: &str = "updraft";
/// The shortest interval between checks of a server: the driver's own bound.
const HEARTBEAT_MIN: Duration = Duration::from_millis(500);

/// The values of the builder.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    pub(super) most: Option<u32>,
    pub(super) kept: Option<u32>,
    pub(super) connecting: Option<u32>,
    pub(super) idle: Option<Duration>,
    pub(super) connect: Option<Duration>,
    pub(super) selection: Option<Duration>,
    pub(super) heartbeat: Option<Duration>,
    pub(super) retry_reads: Option<bool>,
    pub(super) retry_writes: Option<bool>,
    pub(super) app_name: Option<String>,
}

impl Settings {
    /// The selection timeout, as far as it is known before the address is resolved.
    pub(super) fn selection(&self, said: Option<Duration>, mode: PoolMode) -> Duration {
        self.selection.or(said).unwrap_or(mode.numbers().selection)
    }

    /// Sets the driver's options. An engine that only reads keeps no spare connection open.
    ///
    /// # Errors
    /// The invalid option, with the allowed values.
    pub(super) fn apply(
        &self,
        options: &mut ClientOptions,
        mode: PoolMode,
        read_only: bool,
    ) -> Result<(), String> {
        let numbers = mode.numbers();
        let most = self.most.or(options.max_pool_size).unwrap_or(numbers.most);
        within("maxPoolSize", most, 1, MONGO_CONNECTIONS_MAX)?;
        let kept = self.kept.or(options.min_pool_size);
        let kept = match kept {
            Some(kept) => within("minPoolSize", kept, 0, most)?,
            None if read_only => 0,
            None => numbers.kept.min(most),
        };
        let connecting = self.connecting.or(options.max_connecting);
        let connecting = match connecting {
            Some(connecting) => within("maxConnecting", connecting, 1, most)?,
            None => numbers.connecting.min(most),
        };
        let connect = self.connect.or(options.connect_timeout).unwrap_or(numbers.connect);
        let selection = self.selection(options.server_selection_timeout, mode);
        let heartbeat = self.heartbeat.or(options.heartbeat_freq).unwrap_or(numbers.heartbeat);
        // Zero means no limit.
        let idle = self.idle.or(options.max_idle_time).unwrap_or(numbers.idle);
        let one = Duration::from_millis(1);
        options.connect_timeout = Some(lasting("connectTimeoutMS", connect, one, MONGO_TIMEOUT_MAX)?);
        options.server_selection_timeout =
            Some(lasting("serverSelectionTimeoutMS", selection, one, MONGO_TIMEOUT_MAX)?);
        options.heartbeat_freq =
            Some(lasting("heartbeatFrequencyMS", heartbeat, HEARTBEAT_MIN, MONGO_TIMEOUT_MAX)?);
        options.max_idle_time = Some(lasting("maxIdleTimeMS", idle, Duration::ZERO, SPAN)?);
        options.max_pool_size = Some(most);
        options.min_pool_size = Some(kept);
        options.max_connecting = Some(connecting);
        options.retry_reads = self.retry_reads.or(options.retry_reads).or(Some(true));
        options.retry_writes = self.retry_writes.or(options.retry_writes).or(Some(true));
        options.app_name = self.app_name.clone().or(options.app_name.take()).or(Some(APP_NAME.to_owned()));
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
    lasting("wtimeoutMS", wait, Duration::ZERO, MONGO_TIMEOUT_MAX)?;
    Ok(concern)
}

fn within(name: &str, value: u32, least: u32, most: u32) -> Result<u32, String> {
    if (least..=most).contains(&value) {
        Ok(value)
    } else {
        Err(format!("{name} is not within {least} to {most}"))
    }
}

pub(super) fn lasting(
    name: &str,
    value: Duration,
    least: Duration,
    most: Duration,
) -> Result<Duration, String> {
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(format!("{name} is not within {} to {}", least.as_millis(), most.as_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn settled(options: &str, settings: &Settings, mode: PoolMode) -> Result<ClientOptions, String> {
        let mut parsed = ClientOptions::parse(format!("mongodb://host/db?{options}")).await.unwrap();
        settings.apply(&mut parsed, mode, false).map(|()| parsed)
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
        let set = Settings { most: Some(5), retry_writes: Some(true), ..Settings::default() };
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
