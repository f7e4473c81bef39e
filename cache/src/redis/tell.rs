//! Telling: what this process invalidates, told to Redis and by it to the other processes; and what those tell, taken to heart here.
//! Owns what could not be told yet: until it is, this process reads nothing from Redis.
//!
//! A message is the number of its process, its own number, and scopes. Who hears one with a gap before it, or begins to listen,
//! forgets everything in memory. A process that has lost its listener gives everything in Redis a new stamp when it is back: the
//! server may be another one now, which has not got the last stamps.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use updraft_kernel::shared::CacheVersions;
use updraft_protocol::limits::{
    CACHE_PUBLISHERS, CACHE_TELL_AGAIN, CACHE_TELL_WAIT, CACHE_TOLD_AT_ONCE, CACHE_UNTOLD,
    REDIS_HEALTH_TIMEOUT,
};
use updraft_redis::{Error, Heard, Listening, Redis, pipe};

use super::{Seal, restamp};
use crate::key::CacheScope;

/// The scope that everything has.
pub(super) const EVERYTHING: u64 = 0;

/// What is told, and what was heard.
pub(crate) struct Told {
    redis: Redis,
    seal: Seal,
    versions: Arc<CacheVersions>,
    /// This process, among those that tell.
    publisher: [u8; 16],
    owed: Mutex<Owed>,
    /// How many scopes are owed, those that are being told included. Raised before anything in memory becomes invalid, so that who
    /// begins a load afterwards sees it.
    count: AtomicUsize,
    owing: Notify,
    /// How often all was told.
    settled: watch::Sender<u64>,
    /// Whether it is known if there is anything to be heard.
    heard: watch::Sender<bool>,
}

/// What Redis does not know yet.
#[derive(Debug, Default)]
struct Owed {
    scopes: Vec<u64>,
    everything: bool,
}

/// Listener and teller, until this is dropped.
pub(crate) struct Telling {
    _listening: Listening,
    _telling: Listening,
}

impl Told {
    /// What tells and hears, over this connection.
    ///
    /// # Errors
    /// The machine has no more threads.
    pub(crate) async fn start(
        redis: Redis,
        seal: Seal,
        versions: Arc<CacheVersions>,
    ) -> Result<(Arc<Self>, Telling), Error> {
        let told = Arc::new(Self {
            redis: redis.clone(),
            seal,
            versions,
            publisher: rand::random(),
            owed: Mutex::default(),
            count: AtomicUsize::new(0),
            owing: Notify::new(),
            settled: watch::Sender::new(0),
            heard: watch::Sender::new(false),
        });
        let (ears, mouth) = (told.clone(), told.clone());
        let heard = Mutex::new(Publishers::default());
        let listening = redis.listen(channel(&told.seal), move |event| ears.hear(&heard, event))?;
        let telling = redis.beside(async move { mouth.keep_telling().await })?;
        // What is kept before the listener begins would be forgotten when it does.
        let mut heard = told.heard.subscribe();
        let known = async move { heard.wait_for(|heard| *heard).await.is_ok() };
        let _ = redis.wait(REDIS_HEALTH_TIMEOUT, known).await;
        Ok((told, Telling { _listening: listening, _telling: telling }))
    }

    /// The seal of these processes.
    pub(crate) fn seal(&self) -> &Seal {
        &self.seal
    }

    /// Whether there is something that Redis does not know yet.
    pub(crate) fn owes(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }

    /// Owes Redis these: nothing is read there until it knows them.
    pub(crate) fn owe(&self, scopes: &[CacheScope]) {
        let mut owed = self.owed();
        if owed.everything {
            return;
        }
        if owed.scopes.len() + scopes.len() > CACHE_UNTOLD {
            self.everything(&mut owed);
        } else {
            owed.scopes.extend(scopes.iter().map(|scope| scope.number()));
            self.count.fetch_add(scopes.len(), Ordering::AcqRel);
        }
        drop(owed);
        self.owing.notify_one();
    }

    /// Waits for a moment until all is told that was owed.
    pub(crate) async fn settled(self: &Arc<Self>) {
        let told = self.clone();
        let all_told = async move {
            let mut settled = told.settled.subscribe();
            while told.owes() && settled.changed().await.is_ok() {}
        };
        // Who cannot wait any longer reads nothing there: that is enough.
        let _ = self.redis.wait(CACHE_TELL_WAIT, all_told).await;
    }

    fn everything(&self, owed: &mut Owed) {
        self.count.fetch_add(1, Ordering::AcqRel);
        self.count.fetch_sub(owed.scopes.len(), Ordering::AcqRel);
        *owed = Owed { scopes: Vec::new(), everything: true };
    }

    fn owed(&self) -> MutexGuard<'_, Owed> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn keep_telling(&self) {
        let mut number = 0_u64;
        loop {
            self.owing.notified().await;
            while let Some(scopes) = self.next() {
                number += 1;
                while let Err(error) = self.tell(number, &scopes).await {
                    tracing::debug!(%error, "redis could not be told what is invalid");
                    tokio::time::sleep(CACHE_TELL_AGAIN).await;
                }
                self.count.fetch_sub(scopes.len(), Ordering::AcqRel);
                self.settled.send_modify(|times| *times += 1);
            }
        }
    }

    /// What is told next, at once.
    fn next(&self) -> Option<Vec<u64>> {
        let mut owed = self.owed();
        if std::mem::take(&mut owed.everything) {
            return Some(vec![EVERYTHING]);
        }
        let count = owed.scopes.len().min(CACHE_TOLD_AT_ONCE);
        (count > 0).then(|| owed.scopes.drain(..count).collect())
    }

    async fn tell(&self, number: u64, scopes: &[u64]) -> Result<(), Error> {
        let mut commands = pipe();
        commands.atomic();
        let mut message = self.publisher.to_vec();
        message.extend(number.to_le_bytes());
        for scope in scopes {
            restamp(&mut commands, self.seal.space(), *scope);
            message.extend(scope.to_le_bytes());
        }
        commands.cmd("PUBLISH").arg(channel(&self.seal)).arg(message).ignore();
        self.redis.once(commands).await
    }

    fn hear(&self, publishers: &Mutex<Publishers>, event: Heard<'_>) {
        let mut publishers = publishers.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Heard::Begins => {
                *publishers = Publishers { is_listening: true, ..Publishers::default() };
                self.versions.raise_all();
            }
            Heard::Ends => {
                let mut owed = self.owed();
                if !owed.everything {
                    self.everything(&mut owed);
                }
                drop(owed);
                // While nothing can be heard, what is in memory stays: without Redis that is all there is.
                if std::mem::take(&mut publishers.is_listening) {
                    self.versions.raise_all();
                }
                self.owing.notify_one();
            }
            Heard::Message(message) => match publishers.heard(message, &self.publisher) {
                News::Own => {}
                News::Scopes(scopes) => scopes.iter().for_each(|scope| self.versions.raise(*scope)),
                News::Everything => self.versions.raise_all(),
            },
        }
        self.heard.send_if_modified(|heard| !std::mem::replace(heard, true));
    }
}

/// The last message of each process.
#[derive(Debug, Default)]
struct Publishers {
    is_listening: bool,
    last: HashMap<[u8; 16], u64>,
}

/// What a message means here.
#[derive(Debug, PartialEq, Eq)]
enum News {
    Own,
    Scopes(Vec<u64>),
    Everything,
}

impl Publishers {
    fn heard(&mut self, message: &[u8], own: &[u8; 16]) -> News {
        let Some((publisher, rest)) = message.split_first_chunk::<16>() else { return News::Everything };
        if publisher == own {
            return News::Own;
        }
        let Some((number, scopes)) = rest.split_first_chunk::<8>() else { return News::Everything };
        let (scopes, left) = scopes.as_chunks::<8>();
        let number = u64::from_le_bytes(*number);
        if self.last.len() >= CACHE_PUBLISHERS && !self.last.contains_key(publisher) {
            self.last.clear();
        }
        // Told again, it has the same number.
        let last = self.last.insert(*publisher, number).unwrap_or(0);
        let is_next = number == last || number == last.wrapping_add(1);
        let scopes: Vec<u64> = scopes.iter().map(|scope| u64::from_le_bytes(*scope)).collect();
        if !is_next || !left.is_empty() || scopes.contains(&EVERYTHING) {
            return News::Everything;
        }
        News::Scopes(scopes)
    }
}

fn channel(seal: &Seal) -> String {
    format!("{}:invalid", seal.space())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(publisher: u8, number: u64, scopes: &[u64]) -> Vec<u8> {
        let mut message = vec![publisher; 16];
        message.extend(number.to_le_bytes());
        scopes.iter().for_each(|scope| message.extend(scope.to_le_bytes()));
        message
    }

    #[test]
    fn who_misses_a_message_forgets_everything() {
        let mut publishers = Publishers::default();
        let mut heard = |publisher, number, scopes: &[u64]| {
            publishers.heard(&message(publisher, number, scopes), &[9; 16])
        };
        assert_eq!(heard(1, 1, &[5, 6]), News::Scopes(vec![5, 6]));
        assert_eq!(heard(1, 2, &[7]), News::Scopes(vec![7]));
        assert_eq!(heard(1, 2, &[7]), News::Scopes(vec![7]), "it was told twice");
        assert_eq!(heard(1, 4, &[7]), News::Everything);
        assert_eq!(heard(1, 5, &[8]), News::Scopes(vec![8]));
        assert_eq!(heard(2, 3, &[8]), News::Everything, "the first ones of another were not heard");
        assert_eq!(heard(2, 4, &[8]), News::Scopes(vec![8]));
        assert_eq!(heard(2, 5, &[EVERYTHING]), News::Everything);
        assert_eq!(heard(9, 77, &[8]), News::Own);
    }

    #[test]
    fn garbage_on_the_channel_forgets_everything() {
        let mut publishers = Publishers::default();
        for garbage in [&b""[..], b"hello", &[1; 17], &[1; 30]] {
            assert_eq!(publishers.heard(garbage, &[9; 16]), News::Everything);
        }
    }
}
