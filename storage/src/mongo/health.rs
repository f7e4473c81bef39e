//! Health: whether the store answers, how soon, and the cause if it does not. An engine itself says why the store takes
//! no updates.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::options::{ReadPreference, SelectionCriteria};
use tokio::time::{Instant, timeout};
use updraft_protocol::limits::MONGO_SELECTION_TIMEOUT;

use super::{MongoStore, error};
use crate::store::{Error, Health, Trouble};

/// The criteria of health.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// The longest normal ping.
    pub(super) slow_ping: Duration,
    /// The most connections of the pool.
    pub(super) connections: u32,
}

/// The limit of a check: one server selection, and then an answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2 * MONGO_SELECTION_TIMEOUT.as_secs());

/// Whether the server answers.
pub(super) async fn ping(store: &MongoStore) -> Result<(), Error> {
    let admin = store.client.database("admin");
    match timeout(PROBE_TIMEOUT, admin.run_command(doc! {"ping": 1})).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error::store_error(error)),
        Err(_) => Err(Error::Unavailable("no answer".to_owned())),
    }
}

/// The health of the store. A pool without a free connection is reported as such, not as a server that does not answer.
pub(super) async fn health(store: &MongoStore) -> Health {
    let pool = store.pool.statistics();
    let trouble = match exhausted(store) {
        Some(exhausted) => Some(exhausted),
        None => timeout(PROBE_TIMEOUT, look(store))
            .await
            .unwrap_or_else(|_| Some(exhausted(store).unwrap_or_else(|| unreachable(store, "no answer")))),
    };
    Health { troubles: trouble.into_iter().collect(), pool: Some(pool) }
}

fn exhausted(store: &MongoStore) -> Option<Trouble> {
    let pool = store.pool.statistics();
    let most = u64::from(store.health.connections);
    (pool.waiting > 0 && pool.in_use >= most)
        .then_some(Trouble::PoolExhausted { waiting: pool.waiting, most })
}

async fn look(store: &MongoStore) -> Option<Trouble> {
    let admin = store.client.database("admin");
    let nearest = SelectionCriteria::ReadPreference(ReadPreference::Nearest { options: None });
    let hello = match admin.run_command(doc! {"hello": 1}).selection_criteria(nearest).await {
        Ok(hello) => hello,
        Err(error) => return Some(trouble(store, &error)),
    };
    if let Some(trouble) = role(&hello) {
        return Some(trouble);
    }
    let began = Instant::now();
    match admin.run_command(doc! {"ping": 1}).await {
        Ok(_) => slow(began.elapsed(), store.health.slow_ping),
        Err(error) => Some(trouble(store, &error)),
    }
}

/// The trouble in a server's own description.
fn role(hello: &Document) -> Option<Trouble> {
    let is = |name: &str| hello.get_bool(name).unwrap_or(false);
    if is("readOnly") {
        return Some(Trouble::ReadOnly { cause: "the server says so".to_owned() });
    }
    // A secondary that knows of a primary answers in its place.
    let writable = is("isWritablePrimary") || is("ismaster") || hello.get_str("primary").is_ok();
    (!writable).then(|| Trouble::NotPrimary { cause: "the replica set has no primary".to_owned() })
}

fn slow(took: Duration, threshold: Duration) -> Option<Trouble> {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    (took > threshold).then(|| Trouble::Slow { took_ms: millis(took), threshold_ms: millis(threshold) })
}

/// The trouble of the deployment in an error of the driver.
fn trouble(store: &MongoStore, error: &mongodb::error::Error) -> Trouble {
    use mongodb::error::ErrorKind;
    /// The server steps down, or is no primary.
    const NOT_PRIMARY: [i32; 7] = [91, 189, 10058, 10107, 11600, 11602, 13435];
    let why = error::told(error);
    if error::is_authentication(error) {
        return Trouble::Authentication { cause: why };
    }
    match &*error.kind {
        ErrorKind::Command(command) if NOT_PRIMARY.contains(&command.code) => {
            Trouble::NotPrimary { cause: why }
        }
        ErrorKind::ServerSelection { .. } if store.monitor.failures().is_none() => {
            Trouble::NotPrimary { cause: "servers answer, and none is a primary".to_owned() }
        }
        ErrorKind::Command(_) => Trouble::Failing { cause: why },
        _ => unreachable(store, &why),
    }
}

fn unreachable(store: &MongoStore, why: &str) -> Trouble {
    let why = store.monitor.failures().unwrap_or_else(|| why.to_owned());
    Trouble::Unreachable { cause: format!("{}: {why}", store.uri) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_whether_the_deployment_takes_writes() {
        assert_eq!(role(&doc! {"isWritablePrimary": true}), None);
        assert_eq!(role(&doc! {"ismaster": true}), None);
        assert_eq!(role(&doc! {"isWritablePrimary": false, "secondary": true, "primary": "a:1"}), None);
        let alone = role(&doc! {"isWritablePrimary": false, "secondary": true});
        assert!(matches!(alone, Some(Trouble::NotPrimary { .. })), "{alone:?}");
        let read = role(&doc! {"isWritablePrimary": true, "readOnly": true});
        assert!(matches!(read, Some(Trouble::ReadOnly { .. })), "{read:?}");
    }

    #[test]
    fn a_ping_is_slow_beyond_its_threshold() {
        let threshold = Duration::from_millis(250);
        assert_eq!(slow(threshold, threshold), None);
        let late = slow(Duration::from_millis(251), threshold);
        assert_eq!(late, Some(Trouble::Slow { took_ms: 251, threshold_ms: 250 }));
    }
}
