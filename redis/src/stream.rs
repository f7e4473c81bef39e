//! Streams, as one consumer of a group reads them: what is new, what it was given and has not settled, what another consumer has left.
//! Owns the commands and the form of their answers; decides nothing of a message.
//!
//! A group counts how often it has given a message. That count is kept at one more than the times that the message has failed: what
//! was given before is fetched without being counted (`XCLAIM … RETRYCOUNT`), so that it says the same after a restart.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use redis::{Pipeline, Value, pipe};

use crate::client::Redis;
use crate::error::Error;

/// A consumer of a group of a stream.
#[derive(Clone)]
pub struct StreamConsumer {
    redis: Redis,
    stream: String,
    group: String,
    consumer: String,
}

/// A message of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamMessage {
    /// Its id in the stream.
    pub id: String,
    /// Its fields, in their order.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// How often it has failed, as far as was noted.
    pub failures: u32,
}

impl StreamMessage {
    /// The bytes of its fields.
    pub fn bytes(&self) -> usize {
        self.fields.iter().map(|(name, value)| name.len() + value.len()).sum()
    }
}

/// Messages that were given before, and where the next of them begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenBefore {
    /// They.
    pub messages: Vec<StreamMessage>,
    /// After which id the next are asked for; `None` if there are no more.
    pub after: Option<String>,
}

/// A message that a group has given and that is not settled.
struct Pending {
    id: String,
    /// How often it was given, as the group counts.
    given: u64,
}

/// A message that nobody could take, for the stream of those.
#[derive(Debug, Clone)]
pub struct DeadMessage {
    /// It.
    pub message: StreamMessage,
    /// Fields that say why.
    pub why: Vec<(String, String)>,
}

/// About so many dead messages are kept.
const DEAD: usize = 100_000;

/// Adds a message to a stream, of which about so many are kept, the newest.
///
/// # Errors
/// There is no answer, or what is there is no stream: it may have been added.
pub async fn add_message(
    redis: &Redis,
    stream: &str,
    keeps: u64,
    fields: &[(&str, String)],
) -> Result<(), Error> {
    let mut commands = pipe();
    commands.cmd("XADD").arg(stream).arg("MAXLEN").arg("~").arg(keeps).arg("*");
    for (name, value) in fields {
        commands.arg(*name).arg(value);
    }
    commands.ignore();
    redis.once(commands).await
}

impl StreamConsumer {
    /// A consumer of a group.
    pub fn new(redis: Redis, stream: &str, group: &str, consumer: &str) -> Self {
        let [stream, group, consumer] = [stream, group, consumer].map(str::to_owned);
        Self { redis, stream, group, consumer }
    }

    /// Makes the group, and the stream, where they are not there. A new group begins with the oldest message.
    ///
    /// # Errors
    /// There is no answer, or what is there is no stream.
    pub async fn open(&self) -> Result<(), Error> {
        let mut commands = pipe();
        commands
            .cmd("XGROUP")
            .arg("CREATE")
            .arg(&self.stream)
            .arg(&self.group)
            .arg("0")
            .arg("MKSTREAM")
            .ignore();
        match self.redis.once::<()>(commands).await {
            Err(Error::Failed(told)) if told.contains("BUSYGROUP") => Ok(()),
            opened => opened,
        }
    }

    /// Messages that nobody was given yet, at most so many.
    ///
    /// # Errors
    /// There is no answer. [`StreamConsumer::is_gone`] tells whether the group is to be made again.
    pub async fn newest(&self, most: usize) -> Result<Vec<StreamMessage>, Error> {
        let mut commands = pipe();
        commands.cmd("XREADGROUP").arg("GROUP").arg(&self.group).arg(&self.consumer).arg("COUNT").arg(most);
        commands.arg("STREAMS").arg(&self.stream).arg(">");
        let (answer,): (Value,) = self.redis.once(commands).await?;
        Ok(of_streams(answer))
    }

    /// Messages that this consumer was given and has not settled, after one of them, at most so many. Those that were deleted
    /// meanwhile are settled.
    ///
    /// # Errors
    /// As [`StreamConsumer::newest`].
    pub async fn unsettled(&self, after: Option<&str>, most: usize) -> Result<GivenBefore, Error> {
        let pending = self.pending(None, after, most).await?;
        let messages = self.claim(&pending, Duration::ZERO).await?;
        let is_deleted = |pending: &&Pending| messages.iter().all(|found| found.id != pending.id);
        let deleted: Vec<String> = pending.iter().filter(is_deleted).map(|found| found.id.clone()).collect();
        self.settle(&deleted).await?;
        Ok(GivenBefore { messages, after: last(pending, most) })
    }

    /// Takes over what other consumers were given so long ago and have not settled: they have died. Looks after one id, at most at so
    /// many.
    ///
    /// # Errors
    /// As [`StreamConsumer::newest`].
    pub async fn left_by_others(
        &self,
        idle: Duration,
        after: Option<&str>,
        most: usize,
    ) -> Result<GivenBefore, Error> {
        let pending = self.pending(Some(idle), after, most).await?;
        Ok(GivenBefore { messages: self.claim(&pending, idle).await?, after: last(pending, most) })
    }

    /// What this consumer was given, or what any was given so long ago.
    async fn pending(
        &self,
        idle: Option<Duration>,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<Pending>, Error> {
        let mut commands = pipe();
        commands.cmd("XPENDING").arg(&self.stream).arg(&self.group);
        if let Some(idle) = idle {
            commands.arg("IDLE").arg(millis(idle));
        }
        commands.arg(after.map_or_else(|| "-".to_owned(), |after| format!("({after}"))).arg("+").arg(most);
        if idle.is_none() {
            commands.arg(&self.consumer);
        }
        let (answer,): (Value,) = self.redis.once(commands).await?;
        let Value::Array(found) = answer else { return Ok(Vec::new()) };
        Ok(found.into_iter().filter_map(pending).collect())
    }

    /// Takes messages that were given before and are idle for so long, and leaves their counts as they are.
    async fn claim(&self, pending: &[Pending], idle: Duration) -> Result<Vec<StreamMessage>, Error> {
        let mut of_count: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
        for Pending { id, given } in pending {
            of_count.entry(*given).or_default().push(id);
        }
        if of_count.is_empty() {
            return Ok(Vec::new());
        }
        let mut commands = pipe();
        for (given, ids) in &of_count {
            commands.cmd("XCLAIM").arg(&self.stream).arg(&self.group).arg(&self.consumer).arg(millis(idle));
            commands.arg(ids).arg("RETRYCOUNT").arg(given);
        }
        let answers: Vec<Value> = self.redis.once(commands).await?;
        let failures =
            of_count.keys().map(|given| u32::try_from(given.saturating_sub(1)).unwrap_or(u32::MAX));
        let found = answers.into_iter().zip(failures).flat_map(|(answer, failures)| {
            messages(answer).into_iter().map(move |message| StreamMessage { failures, ..message })
        });
        let mut found: Vec<StreamMessage> = found.collect();
        // Of several counts, in the order of the stream again.
        let places: BTreeMap<&str, usize> = pending.iter().map(|pending| &*pending.id).zip(0..).collect();
        found.sort_by_key(|message| places.get(&*message.id).copied());
        Ok(found)
    }

    /// Notes that messages of this consumer have failed so often.
    ///
    /// # Errors
    /// There is no answer: it may have been noted.
    pub async fn failed(&self, ids: &[(String, u32)]) -> Result<(), Error> {
        let mut of_count: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
        for (id, failures) in ids {
            of_count.entry(*failures).or_default().push(id);
        }
        let mut commands = pipe();
        for (failures, ids) in &of_count {
            self.keep_as(&mut commands, ids).arg("RETRYCOUNT").arg(u64::from(*failures) + 1).ignore();
        }
        if of_count.is_empty() { Ok(()) } else { self.redis.once(commands).await }
    }

    /// Keeps messages of this consumer from being taken over: they were given to it just now.
    ///
    /// # Errors
    /// There is no answer: others may take them over.
    pub async fn keep(&self, ids: &[&str]) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut commands = pipe();
        self.keep_as(&mut commands, ids).ignore();
        self.redis.once(commands).await
    }

    fn keep_as<'p>(&self, commands: &'p mut Pipeline, ids: &[&str]) -> &'p mut Pipeline {
        commands.cmd("XCLAIM").arg(&self.stream).arg(&self.group).arg(&self.consumer).arg(0);
        commands.arg(ids).arg("JUSTID")
    }

    /// Settles messages: nobody is given them again.
    ///
    /// # Errors
    /// There is no answer: they may be given again.
    pub async fn settle(&self, ids: &[String]) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut commands = pipe();
        self.acknowledge(&mut commands, ids);
        self.redis.once(commands).await
    }

    /// Adds messages that nobody could take to a stream of those, then settles them: a transaction would settle them also where the
    /// other stream is none.
    ///
    /// # Errors
    /// There is no answer, or the other is no stream: they may be given again, and be added twice.
    pub async fn bury(&self, to: &str, dead: &[DeadMessage]) -> Result<(), Error> {
        if dead.is_empty() {
            return Ok(());
        }
        let mut commands = pipe();
        for DeadMessage { message, why } in dead {
            commands.cmd("XADD").arg(to).arg("MAXLEN").arg("~").arg(DEAD).arg("*");
            for (name, value) in &message.fields {
                commands.arg(name).arg(value);
            }
            for (name, value) in why {
                commands.arg(name).arg(value);
            }
            commands.ignore();
        }
        self.redis.once::<()>(commands).await?;
        let ids: Vec<String> = dead.iter().map(|dead| dead.message.id.clone()).collect();
        self.settle(&ids).await
    }

    fn acknowledge(&self, commands: &mut Pipeline, ids: &[String]) {
        commands.cmd("XACK").arg(&self.stream).arg(&self.group).arg(ids).ignore();
    }

    /// Whether an error says that the group is not there any more: the server was emptied.
    pub fn is_gone(error: &Error) -> bool {
        matches!(error, Error::Failed(told) if told.contains("NOGROUP"))
    }
}

/// The messages of the one stream that was read.
fn of_streams(answer: Value) -> Vec<StreamMessage> {
    match answer {
        Value::Array(streams) => match streams.into_iter().next() {
            Some(Value::Array(stream)) => stream.into_iter().nth(1).map(messages).unwrap_or_default(),
            _ => Vec::new(),
        },
        Value::Map(streams) => {
            streams.into_iter().next().map(|(_, found)| messages(found)).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

fn messages(found: Value) -> Vec<StreamMessage> {
    let Value::Array(found) = found else { return Vec::new() };
    found.into_iter().filter_map(message).collect()
}

fn message(found: Value) -> Option<StreamMessage> {
    let Value::Array(parts) = found else { return None };
    let mut parts = parts.into_iter();
    let id = String::from_utf8(bytes(parts.next()?)?).ok()?;
    let Some(Value::Array(flat)) = parts.next() else { return None };
    let mut flat = flat.into_iter();
    let pairs = std::iter::from_fn(|| Some((bytes(flat.next()?)?, bytes(flat.next()?)?)));
    Some(StreamMessage { id, fields: pairs.collect(), failures: 0 })
}

/// The id of a message, its consumer, the milliseconds since it was given, and how often it was.
fn pending(found: Value) -> Option<Pending> {
    let Value::Array(parts) = found else { return None };
    let mut parts = parts.into_iter();
    let id = String::from_utf8(bytes(parts.next()?)?).ok()?;
    let Some(Value::Int(given)) = parts.nth(2) else { return None };
    Some(Pending { id, given: u64::try_from(given).ok()? })
}

/// After which id the next are asked for.
fn last(mut pending: Vec<Pending>, most: usize) -> Option<String> {
    if pending.len() < most { None } else { pending.pop().map(|last| last.id) }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.into_bytes()),
        _ => None,
    }
}
