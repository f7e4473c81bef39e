//! The client: look-ups that can do without Redis, and commands on which somebody depends. Owns patience, retries and the breaker.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{FromRedisValue, Pipeline};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, timeout};
use updraft_protocol::limits::{REDIS_HEALTH_TIMEOUT, REDIS_LOOK_UPS, REDIS_RETRY_PAUSE};

use crate::breaker::Breaker;
use crate::connect::Connector;
use crate::error::Error;
use crate::health::{RedisFigures, RedisHealth, RedisTrouble, Troubles};
use crate::pool::Pool;
use crate::pool_mode::PoolNumbers;
use crate::settings::RedisSettings;
use crate::thread;

/// A deployment of Redis. Clones are the same.
#[derive(Clone)]
pub struct Redis(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) connector: Connector,
    pub(crate) troubles: Troubles,
    settings: RedisSettings,
    numbers: PoolNumbers,
    pool: Pool,
    breaker: Mutex<Breaker>,
    began: Instant,
    look_ups: Arc<Semaphore>,
    answered: AtomicU64,
    failed: AtomicU64,
    left_alone: AtomicU64,
    took_us: AtomicU64,
}

impl Redis {
    /// Opens the connections that are kept. A server that is not there is no error: it is looked for from then on.
    ///
    /// # Errors
    /// [`Error::Configuration`]: settings that are not valid.
    pub async fn connect(settings: RedisSettings) -> Result<Self, Error> {
        let numbers = settings.numbers()?;
        let connector = Connector::new(settings.clone(), numbers.connect_timeout);
        let pool = thread::run({
            let connector = connector.clone();
            async move {
                // What is wrong with the settings themselves, such as an authority that cannot be read, is told at once.
                if let Err(error @ Error::Configuration(_)) = connector.client().await {
                    return Err(error);
                }
                let pool = Pool::open(connector, numbers);
                pool.warm().await;
                Ok(pool)
            }
        });
        let pool = pool.await??;
        let troubles = Troubles::default();
        if let Some(error) = pool.last_error() {
            troubles.failed(&error);
        }
        Ok(Self(Arc::new(Inner {
            connector,
            troubles,
            breaker: Mutex::new(Breaker::new(settings.failures, settings.left_alone)),
            settings,
            numbers,
            pool,
            began: Instant::now(),
            look_ups: Arc::new(Semaphore::new(REDIS_LOOK_UPS)),
            answered: AtomicU64::default(),
            failed: AtomicU64::default(),
            left_alone: AtomicU64::default(),
            took_us: AtomicU64::default(),
        })))
    }

    /// What all keys begin with.
    pub fn prefix(&self) -> &str {
        &self.0.settings.prefix
    }

    /// Asks for something that the caller can do without: it waits no longer than its patience, and not at all while the server is
    /// left alone.
    ///
    /// # Errors
    /// There is no answer in that time.
    pub async fn look_up<T>(&self, commands: Pipeline) -> Result<T, Error>
    where
        T: FromRedisValue + Send + 'static,
    {
        self.patiently(commands, false).await
    }

    /// Writes something that the caller can do without; as [`Redis::look_up`].
    ///
    /// # Errors
    /// It is not known to be written in that time.
    pub async fn leave(&self, commands: Pipeline) -> Result<(), Error> {
        self.patiently(commands, true).await
    }

    async fn patiently<T>(&self, commands: Pipeline, is_write: bool) -> Result<T, Error>
    where
        T: FromRedisValue + Send + 'static,
    {
        let inner = self.0.clone();
        if !inner.breaker().pass(inner.began.elapsed()) {
            inner.left_alone.fetch_add(1, Ordering::Relaxed);
            return Err(Error::LeftAlone);
        }
        let permit = inner.look_ups.clone().try_acquire_owned().map_err(|_| Error::Busy)?;
        let (told, answer) = oneshot::channel();
        thread::handle()?.spawn(async move {
            let _permit = permit;
            let began = Instant::now();
            let asked = inner.pool.query::<T>(&commands);
            tokio::pin!(asked);
            let answer = match timeout(inner.settings.patience, &mut asked).await {
                Ok(answer) => {
                    inner.ended(&answer, is_write, began);
                    answer
                }
                Err(_) => {
                    inner.late();
                    // Who asked does without it; the connection is free when it is answered.
                    let _ = told.send(Err(Error::Slow));
                    let _ = asked.await;
                    return;
                }
            };
            let _ = told.send(answer);
        });
        answer.await.unwrap_or_else(|_| Err(Error::Unreachable("its thread died".to_owned())))
    }

    /// Sends commands on which somebody depends: waits for a connection and for the answer, and tries again after failures of
    /// connections, as the settings say. They have to bear being sent twice.
    ///
    /// # Errors
    /// The last error.
    pub async fn run<T>(&self, commands: Pipeline) -> Result<T, Error>
    where
        T: FromRedisValue + Send + 'static,
    {
        let inner = self.0.clone();
        thread::run(async move {
            let mut pause = REDIS_RETRY_PAUSE;
            for left in (0..=inner.numbers.retries).rev() {
                match inner.depended_on::<T>(&commands).await {
                    Err(error) if error.retryable() && left > 0 => tokio::time::sleep(pause).await,
                    answer => return answer,
                }
                pause = pause.saturating_mul(2);
            }
            Err(Error::Slow)
        })
        .await?
    }

    /// Sends commands on which somebody depends who tries again by itself.
    ///
    /// # Errors
    /// Why they were not answered.
    pub async fn once<T>(&self, commands: Pipeline) -> Result<T, Error>
    where
        T: FromRedisValue + Send + 'static,
    {
        let inner = self.0.clone();
        thread::run(async move { inner.depended_on(&commands).await }).await?
    }

    /// What is wrong, as the last calls tell.
    pub fn trouble(&self) -> Option<RedisTrouble> {
        self.0.troubles.worst()
    }

    /// Asks the server whether it is there.
    pub async fn health(&self) -> RedisHealth {
        let mut ping = redis::pipe();
        ping.cmd("PING").ignore();
        let inner = self.0.clone();
        let asked = thread::run(async move {
            let began = Instant::now();
            let answer = timeout(REDIS_HEALTH_TIMEOUT, inner.pool.query::<()>(&ping)).await;
            let answer = answer.unwrap_or_else(|_| Err(inner.pool.last_error().unwrap_or(Error::Slow)));
            inner.ended(&answer, false, began);
        });
        if let Err(error) = asked.await {
            self.0.troubles.failed(&error);
        }
        RedisHealth { trouble: self.trouble(), figures: self.figures() }
    }

    /// The figures.
    pub fn figures(&self) -> RedisFigures {
        let inner = &self.0;
        let state = inner.pool.state();
        let statistics = &state.statistics;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RedisFigures {
            connections: state.connections,
            idle: state.idle_connections,
            opened: statistics.connections_created,
            broken: statistics.connections_closed_broken + statistics.connections_closed_invalid,
            waited: statistics.get_waited,
            waited_in_vain: statistics.get_timed_out,
            waited_ms: u64::try_from(statistics.get_wait_time.as_millis()).unwrap_or(u64::MAX),
            answered: read(&inner.answered),
            failed: read(&inner.failed),
            left_alone: read(&inner.left_alone),
            took_us: read(&inner.took_us),
            is_left_alone: inner.breaker().is_open(),
        }
    }
}

impl Inner {
    /// How long a connection may take to open.
    pub(crate) fn connect_timeout(&self) -> Duration {
        self.numbers.connect_timeout
    }

    async fn depended_on<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, Error> {
        let began = Instant::now();
        let answer = self.pool.query::<T>(commands).await;
        self.ended(&answer, true, began);
        answer
    }

    /// Counts how a call has ended.
    fn ended<T>(&self, answer: &Result<T, Error>, is_write: bool, began: Instant) {
        // A server that answers with an error is there.
        let is_there = matches!(answer, Ok(_) | Err(Error::Failed(_) | Error::Full(_)));
        self.breaker().ended(is_there, self.began.elapsed());
        match answer {
            Ok(_) => {
                let took = began.elapsed();
                self.answered.fetch_add(1, Ordering::Relaxed);
                let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
                self.took_us.fetch_add(us, Ordering::Relaxed);
                metrics::histogram!("updraft_redis_seconds").record(took.as_secs_f64());
                self.pool.well();
                self.troubles.answered(is_write);
            }
            Err(error) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                // A wait that was too long has a reason, where connections cannot be opened.
                let reason = self.pool.last_error().filter(|_| *error == Error::Slow);
                self.troubles.failed(reason.as_ref().unwrap_or(error));
                if is_there {
                    self.troubles.answered(false);
                }
            }
        }
    }

    /// A look-up was not answered within its patience. One says little of the server; so many in a row that it is left alone do.
    fn late(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        let mut breaker = self.breaker();
        breaker.ended(false, self.began.elapsed());
        let is_open = breaker.is_open();
        drop(breaker);
        if let Some(reason) = self.pool.last_error().or_else(|| is_open.then_some(Error::Slow)) {
            self.troubles.failed(&reason);
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
