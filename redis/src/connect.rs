//! Connecting: a server of the address, which has to be a master. Owns one connection's making and its check, for the pool and for
//! listeners.

use std::time::Duration;

use bb8_redis::bb8::ManageConnection;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo,
    TlsCertificates,
};
use tokio::time::timeout;

use crate::error::Error;
use crate::sentinel;
use crate::settings::RedisSettings;

/// What makes connections.
#[derive(Clone)]
pub(crate) struct Connector {
    settings: RedisSettings,
    connect_timeout: Duration,
}

/// A connection of the pool.
pub(crate) struct Connection {
    pub(crate) inner: MultiplexedConnection,
    /// Nobody gets it again.
    pub(crate) is_broken: bool,
}

impl Connector {
    pub(crate) fn new(settings: RedisSettings, connect_timeout: Duration) -> Self {
        Self { settings, connect_timeout }
    }

    /// A client of the master, as it is known now.
    ///
    /// # Errors
    /// No sentinel knows it.
    pub(crate) async fn client(&self) -> Result<Client, Error> {
        let address = &self.settings.address;
        let Some(master) = &address.master else {
            let first = address.hosts.first().cloned();
            let (host, port) = first.ok_or_else(|| Error::Configuration("no host".to_owned()))?;
            return self.client_of((host, port), self.login());
        };
        let mut last = Error::NotMaster("no sentinel".to_owned());
        for host in &address.hosts {
            // Sentinels have no logins of their own here.
            let client = self.client_of(host.clone(), RedisConnectionInfo::default())?;
            match timeout(self.connect_timeout, sentinel::master(&client, master)).await {
                Ok(Ok(master)) => return self.client_of(master, self.login()),
                Ok(Err(error)) => last = error,
                Err(_) => last = Error::Unreachable(format!("sentinel {}:{}: no answer", host.0, host.1)),
            }
        }
        Err(last)
    }

    fn client_of(&self, (host, port): (String, u16), login: RedisConnectionInfo) -> Result<Client, Error> {
        let address = match self.settings.address.is_tls {
            false => ConnectionAddr::Tcp(host, port),
            true => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        };
        let login = login.set_protocol(ProtocolVersion::RESP2).set_skip_set_lib_name();
        let info = address.into_connection_info()?.set_redis_settings(login);
        if !self.settings.address.is_tls {
            return Ok(Client::open(info)?);
        }
        // The first who speaks TLS decides for the process; whoever has decided before, it stays.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let root_cert = self.settings.authority.clone();
        Ok(Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert })?)
    }

    fn login(&self) -> RedisConnectionInfo {
        let address = &self.settings.address;
        let mut login = RedisConnectionInfo::default().set_db(address.database.into());
        if let Some(user) = &address.user {
            login = login.set_username(user);
        }
        if let Some(password) = &address.password {
            login = login.set_password(password.expose());
        }
        login
    }

    async fn open(&self) -> Result<Connection, Error> {
        let client = self.client().await?;
        // Who uses it sets limits of its own.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.connect_timeout))
            .set_response_timeout(None);
        let mut inner = client.get_multiplexed_async_connection_with_config(&config).await?;
        match redis::cmd("ROLE").query_async::<Vec<redis::Value>>(&mut inner).await {
            Ok(role) if is_master(&role) => {}
            Ok(_) => return Err(Error::NotMaster("the server is a replica".to_owned())),
            // Who may not ask learns by what the server answers to writes.
            Err(error) if matches!(Error::from(error.clone()), Error::Refused(_)) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Connection { inner, is_broken: false })
    }
}

fn is_master(role: &[redis::Value]) -> bool {
    matches!(role.first(), Some(redis::Value::BulkString(role)) if role == b"master")
}

impl ManageConnection for Connector {
    type Connection = Connection;
    type Error = Error;

    async fn connect(&self) -> Result<Connection, Error> {
        // Each sentinel has its time, the server one.
        let whole = self.connect_timeout.saturating_mul(1 + self.settings.address.hosts.len() as u32);
        let opened = timeout(whole, self.open()).await;
        opened.unwrap_or_else(|_| Err(Error::Unreachable("no answer in time".to_owned())))
    }

    async fn is_valid(&self, connection: &mut Connection) -> Result<(), Error> {
        Ok(redis::cmd("PING").query_async(&mut connection.inner).await?)
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        connection.is_broken
    }
}
