//! A master, its replica, and a sentinel that watches them.

use std::time::Duration;

use super::server::{RedisServer, RedisServerOptions, free_port};

/// The three of them.
#[derive(Debug)]
pub struct Sentinel {
    /// The master at first.
    pub master: RedisServer,
    /// Its replica.
    pub replica: RedisServer,
    sentinel: RedisServer,
}

impl Sentinel {
    /// Starts them; the sentinel knows the replica when this returns.
    ///
    /// # Panics
    /// One of them does not start.
    pub fn start() -> Self {
        let master = RedisServer::start();
        let lines =
            vec![format!("replicaof 127.0.0.1 {}", master.port()), "repl-diskless-sync-delay 0".to_owned()];
        let replica = RedisServer::with(RedisServerOptions { lines, tls: None });
        let port = free_port();
        let configuration = format!(
            "bind 127.0.0.1\nport {port}\nsentinel monitor main 127.0.0.1 {} 1\n\
             sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 2000\n",
            master.port()
        );
        let mut sentinel = RedisServer::prepared(port, &configuration, &["redis.conf", "--sentinel"]);
        sentinel.up();
        let all = Self { master, replica, sentinel };
        all.wait_for(
            "replica",
            |told| told.contains(&all.replica.port().to_string()),
            &["sentinel", "replicas", "main"],
        );
        all.wait_for("link", |told| told.contains("master_link_status:up"), &[]);
        all
    }

    /// Its address.
    pub fn address(&self) -> String {
        format!("redis+sentinel://127.0.0.1:{}/main", self.sentinel.port())
    }

    /// Waits until the sentinel tells clients of the replica as the master.
    ///
    /// # Panics
    /// It never does.
    pub fn wait_for_failover(&self) {
        let port = self.replica.port().to_string();
        let asked = ["sentinel", "get-master-addr-by-name", "main"];
        self.wait_for("failover", |told| told.contains(&port), &asked);
    }

    /// Waits until the sentinel, or without a question the replica's state, says what is wanted.
    fn wait_for(&self, what: &str, is_there: impl Fn(&str) -> bool, asked: &[&str]) {
        let mut told = String::new();
        for _ in 0..2_400 {
            told = match asked {
                [] => self.replica.tell(&["INFO", "replication"]),
                asked => self.sentinel.tell(asked),
            };
            if is_there(&told) {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("no {what}: {told}");
    }
}
