//! Streams, as one consumer of a group reads them: what is new, what it was given and has not settled, what another consumer has left.
//! Owns the commands and the form of their answers; decides nothing of a message.

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
    /// Its fields, in their order; `None` if it was deleted since it was given to the consumer.
    pub fields: Option<Vec<(Vec<u8>, Vec<u8>)>>,
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
        self.read(">", most).await
    }

    /// Messages that this consumer was given and has not settled, after one of them; `0` is the first.
    ///
    /// # Errors
    /// As [`StreamConsumer::newest`].
    pub async fn unsettled(&self, after: &str, most: usize) -> Result<Vec<StreamMessage>, Error> {
        self.read(after, most).await
    }

    async fn read(&self, from: &str, most: usize) -> Result<Vec<StreamMessage>, Error> {
        let mut commands = pipe();
        commands.cmd("XREADGROUP").arg("GROUP").arg(&self.group).arg(&self.consumer).arg("COUNT").arg(most);
        commands.arg("STREAMS").arg(&self.stream).arg(from);
        let (answer,): (Value,) = self.redis.once(commands).await?;
        Ok(of_streams(answer))
    }

    /// Takes over what other consumers were given so long ago and have not settled: they have died. Looks from one id on, `0-0` at
    /// first; also says from which it is to look on, `0-0` once all was looked at.
    ///
    /// # Errors
    /// As [`StreamConsumer::newest`].
    pub async fn claim(
        &self,
        idle: Duration,
        from: &str,
        most: usize,
    ) -> Result<(String, Vec<StreamMessage>), Error> {
        let mut commands = pipe();
        let idle_ms = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX);
        commands.cmd("XAUTOCLAIM").arg(&self.stream).arg(&self.group).arg(&self.consumer).arg(idle_ms);
        commands.arg(from).arg("COUNT").arg(most);
        let (answer,): (Value,) = self.redis.once(commands).await?;
        // The cursor, the messages, and since Redis 7 the ids of those that were deleted.
        let mut parts =
            if let Value::Array(parts) = answer { parts.into_iter() } else { Vec::new().into_iter() };
        let next = parts.next().and_then(bytes).and_then(|next| String::from_utf8(next).ok());
        Ok((next.unwrap_or_else(|| "0-0".to_owned()), parts.next().map(messages).unwrap_or_default()))
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
            for (name, value) in message.fields.iter().flatten() {
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
    let fields = match parts.next() {
        Some(Value::Array(flat)) => {
            let mut flat = flat.into_iter();
            let pairs = std::iter::from_fn(|| Some((bytes(flat.next()?)?, bytes(flat.next()?)?)));
            Some(pairs.collect())
        }
        _ => None,
    };
    Some(StreamMessage { id, fields })
}

fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.into_bytes()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::RedisSettings;
    use crate::testing::RedisServer;

    async fn consumer(server: &RedisServer, name: &str) -> StreamConsumer {
        let redis = Redis::connect(RedisSettings::for_test(&server.address())).await.unwrap();
        let consumer = StreamConsumer::new(redis, "alerts", "updraft", name);
        consumer.open().await.unwrap();
        consumer.open().await.unwrap();
        consumer
    }

    fn add(server: &RedisServer, value: &str) {
        server.tell(&["XADD", "alerts", "*", "alert", value]);
    }

    fn values(messages: &[StreamMessage]) -> Vec<String> {
        let value = |message: &StreamMessage| {
            let (name, value) = &message.fields.as_ref().unwrap()[0];
            assert_eq!(name, b"alert");
            String::from_utf8(value.clone()).unwrap()
        };
        messages.iter().map(value).collect()
    }

    #[tokio::test]
    async fn a_message_is_given_until_it_is_settled_and_claimed_from_who_has_died() {
        let server = RedisServer::start();
        add(&server, "before the group");
        let (one, two) = (consumer(&server, "one").await, consumer(&server, "two").await);
        for value in ["b", "c", "d"] {
            add(&server, value);
        }
        let first = one.newest(2).await.unwrap();
        assert_eq!(values(&first), ["before the group", "b"]);
        assert_eq!(values(&two.newest(9).await.unwrap()), ["c", "d"]);
        assert_eq!(one.newest(9).await.unwrap(), []);
        assert_eq!(one.unsettled("0", 9).await.unwrap(), first);
        assert_eq!(one.unsettled(&first[0].id, 9).await.unwrap(), first[1..]);
        one.settle(&[first[0].id.clone()]).await.unwrap();
        assert_eq!(values(&one.unsettled("0", 9).await.unwrap()), ["b"]);
        let (next, claimed) = one.claim(Duration::ZERO, "0-0", 2).await.unwrap();
        assert_eq!(values(&claimed), ["b", "c"]);
        let (next, claimed) = one.claim(Duration::ZERO, &next, 9).await.unwrap();
        assert_eq!((values(&claimed), &*next), (vec!["d".to_owned()], "0-0"));
        server.tell(&["XDEL", "alerts", &first[1].id]);
        let left = one.unsettled("0", 9).await.unwrap();
        assert_eq!((left.len(), &left[0].fields), (3, &None), "what was deleted is to be settled too");
    }

    #[tokio::test]
    async fn what_nobody_can_take_is_moved_with_its_reason() {
        let server = RedisServer::start();
        let one = consumer(&server, "one").await;
        add(&server, "bad");
        let [message] = &one.newest(9).await.unwrap()[..] else { panic!("one message") };
        let why = vec![("reason".to_owned(), "no JSON".to_owned())];
        one.bury("alerts:dead", &[DeadMessage { message: message.clone(), why }]).await.unwrap();
        assert_eq!(one.unsettled("0", 9).await.unwrap(), []);
        let dead = server.tell(&["XRANGE", "alerts:dead", "-", "+"]);
        add(&server, "worse");
        server.tell(&["SET", "no stream", "text"]);
        let [message] = &one.newest(9).await.unwrap()[..] else { panic!("one message") };
        let refused =
            one.bury("no stream", &[DeadMessage { message: message.clone(), why: Vec::new() }]).await;
        assert!(refused.is_err());
        assert_eq!(values(&one.unsettled("0", 9).await.unwrap()), ["worse"], "it is in one of both");
        assert!(dead.contains("bad") && dead.contains("reason") && dead.contains("no JSON"), "{dead}");
    }

    #[tokio::test]
    async fn a_group_that_is_gone_is_told_apart_and_something_else_is_no_stream() {
        let server = RedisServer::start();
        let one = consumer(&server, "one").await;
        server.tell(&["FLUSHALL"]);
        let error = one.newest(9).await.unwrap_err();
        assert!(StreamConsumer::is_gone(&error), "{error}");
        server.tell(&["SET", "alerts", "text"]);
        let error = one.open().await.unwrap_err();
        assert!(!StreamConsumer::is_gone(&error) && !error.retryable(), "{error}");
    }
}
