//! Sentinels: which server is the master now. Asked anew with each connection, so that a failover is followed.

use redis::Client;

use crate::error::Error;

/// Where a sentinel says that the master is.
///
/// # Errors
/// The sentinel does not answer, or knows no such master.
pub(crate) async fn master(sentinel: &Client, name: &str) -> Result<(String, u16), Error> {
    let mut connection = sentinel.get_multiplexed_async_connection().await?;
    let mut asked = redis::cmd("SENTINEL");
    asked.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
    let told: Option<(String, u16)> = asked.query_async(&mut connection).await?;
    told.ok_or_else(|| Error::NotMaster(format!("the sentinels know no master {name}")))
}
