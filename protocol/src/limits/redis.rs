//! The limits of connections to Redis, each with its reason.

use std::time::Duration;

/// Connections at most, unless configured.
pub const REDIS_CONNECTIONS: u32 = 80;
/// The most that can be configured.
pub const REDIS_CONNECTIONS_MAX: u32 = 2_000;
/// Connections that are kept open, unless configured.
pub const REDIS_CONNECTIONS_KEPT: u32 = 15;
/// How long a connection stays idle before it is closed, unless configured.
pub const REDIS_IDLE: Duration = Duration::from_secs(20 * 60);
/// How long a connection lives, however busy: so that a moved server, a rotated password or a balancer is noticed.
pub const REDIS_LIFE: Duration = Duration::from_secs(3_600);
/// How long a connection may take to open, login included, unless configured.
pub const REDIS_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a command may take that somebody depends on, unless configured.
pub const REDIS_COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
/// How long such a command waits for a connection, unless configured.
pub const REDIS_WAIT: Duration = Duration::from_secs(15);
/// How often such a command is tried again after a failure of the connection, unless configured.
pub const REDIS_RETRIES: u32 = 5;
/// The most that can be configured.
pub const REDIS_RETRIES_MAX: u32 = 100;
/// The pause before the first retry; each later one is twice as long.
pub const REDIS_RETRY_PAUSE: Duration = Duration::from_millis(20);
/// How long a look-up waits that can do without Redis, unless configured: what it would save takes longer.
pub const REDIS_PATIENCE: Duration = Duration::from_millis(5);
/// The longest time that can be configured.
pub const REDIS_TIMEOUT_MAX: Duration = Duration::from_secs(300);
/// Look-ups at once that can do without Redis: with more, the next one does without it.
pub const REDIS_LOOK_UPS: usize = 4_096;
/// After so many failures in a row nobody asks Redis for a while, unless configured.
pub const REDIS_FAILURES: u32 = 5;
/// For that long, unless configured; then one asks again.
pub const REDIS_LEFT_ALONE: Duration = Duration::from_secs(1);
/// How long a health check may take.
pub const REDIS_HEALTH_TIMEOUT: Duration = Duration::from_secs(2);
/// The bytes of an address.
pub const REDIS_ADDRESS_BYTES: usize = 4_096;
/// Hosts of an address: with Sentinel, the sentinels.
pub const REDIS_HOSTS: usize = 16;
/// How long a listener waits before it connects again.
pub const REDIS_LISTEN_AGAIN: Duration = Duration::from_millis(200);
/// A quiet listener asks its server so often whether it is there.
pub const REDIS_LISTEN_PING: Duration = Duration::from_secs(5);

const _: () =
    assert!(REDIS_CONNECTIONS_KEPT <= REDIS_CONNECTIONS && REDIS_CONNECTIONS <= REDIS_CONNECTIONS_MAX);
