//! The pool: bb8 over our connector. Owns what bb8 would swallow, the errors of connections that it opens by itself.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bb8_redis::bb8::{self, ErrorSink, PooledConnection, RunError};
use redis::{FromRedisValue, Pipeline};
use tokio::time::timeout;
use updraft_protocol::limits::REDIS_LIFE;

use crate::connect::Connector;
use crate::error::Error;
use crate::pool_mode::PoolNumbers;

/// How often bb8 looks for connections that are too old or idle for too long.
const REAPER: Duration = Duration::from_secs(10);

/// The connections to one deployment.
#[derive(Clone)]
pub(crate) struct Pool {
    inner: bb8::Pool<Connector>,
    numbers: PoolNumbers,
    last: LastError,
}

/// The last error of a connection that could not be opened, until one could.
#[derive(Debug, Clone, Default)]
struct LastError(Arc<Mutex<Option<Error>>>);

impl LastError {
    fn get(&self) -> Option<Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, error: Option<Error>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }
}

impl ErrorSink<Error> for LastError {
    fn sink(&self, error: Error) {
        tracing::debug!(%error, "a connection to redis could not be opened");
        self.set(Some(error));
    }

    fn boxed_clone(&self) -> Box<dyn ErrorSink<Error>> {
        Box::new(self.clone())
    }
}

impl Pool {
    /// A pool, which begins to open the connections that it keeps. Called on the thread of connections.
    pub(crate) fn open(connector: Connector, numbers: PoolNumbers) -> Self {
        let last = LastError::default();
        let inner = bb8::Pool::builder()
            .max_size(numbers.connections)
            .min_idle(numbers.connections_kept)
            .max_lifetime(REDIS_LIFE)
            .idle_timeout(numbers.idle)
            .connection_timeout(numbers.wait)
            .reaper_rate(REAPER)
            // A look-up would wait for one more answer; what fails is not given out again.
            .test_on_check_out(false)
            .error_sink(Box::new(last.clone()))
            .build_unchecked(connector);
        Self { inner, numbers, last }
    }

    /// Sends commands, and returns what is answered.
    ///
    /// # Errors
    /// No connection in time, no answer in time, or an error of the server.
    pub(crate) async fn query<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, Error> {
        let mut connection = self.connection().await?;
        let sent = commands.query_async::<T>(&mut connection.inner);
        let answer = match timeout(self.numbers.command_timeout, sent).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(Error::Slow),
        };
        connection.is_broken = answer.as_ref().is_err_and(Error::is_of_connection);
        answer
    }

    async fn connection(&self) -> Result<PooledConnection<'_, Connector>, Error> {
        match self.inner.get().await {
            Ok(connection) => Ok(connection),
            Err(RunError::User(error)) => Err(error),
            Err(RunError::TimedOut) => Err(self.last.get().unwrap_or_else(|| {
                Error::NoConnection(format!("all {} are in use", self.numbers.connections))
            })),
        }
    }

    /// Waits until the connections are there that are kept, or one cannot be opened.
    pub(crate) async fn warm(&self) {
        const LOOK: Duration = Duration::from_millis(5);
        let opened = async {
            while self.inner.state().connections < self.numbers.connections_kept && self.last.get().is_none()
            {
                tokio::time::sleep(LOOK).await;
            }
        };
        // Whoever needs one waits by itself.
        let _ = timeout(self.numbers.connect_timeout, opened).await;
    }

    /// A server answered: what was wrong before is so no longer.
    pub(crate) fn well(&self) {
        self.last.set(None);
    }

    /// Why a connection could not be opened, if none could since.
    pub(crate) fn last_error(&self) -> Option<Error> {
        self.last.get()
    }

    /// The connections now.
    pub(crate) fn state(&self) -> bb8::State {
        self.inner.state()
    }
}
