//! What a consumer is given, by a real server.

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
        let (name, value) = &message.fields[0];
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
    let all = one.unsettled(None, 9).await.unwrap();
    assert_eq!((&all.messages, all.after), (&first, None));
    let page = one.unsettled(None, 1).await.unwrap();
    assert_eq!((&page.messages[..], page.after.as_deref()), (&first[..1], Some(&*first[0].id)));
    assert_eq!(one.unsettled(page.after.as_deref(), 9).await.unwrap().messages, first[1..]);
    one.settle(&[first[0].id.clone()]).await.unwrap();
    assert_eq!(values(&one.unsettled(None, 9).await.unwrap().messages), ["b"]);
    assert_eq!(one.left_by_others(Duration::from_secs(60), None, 9).await.unwrap().messages, []);
    let claimed = one.left_by_others(Duration::ZERO, None, 2).await.unwrap();
    assert_eq!(values(&claimed.messages), ["b", "c"]);
    let claimed = one.left_by_others(Duration::ZERO, claimed.after.as_deref(), 9).await.unwrap();
    assert_eq!((values(&claimed.messages), claimed.after), (vec!["d".to_owned()], None));
    server.tell(&["XDEL", "alerts", &first[1].id]);
    assert_eq!(values(&one.unsettled(None, 9).await.unwrap().messages), ["c", "d"]);
    let pending = server.tell(&["XPENDING", "alerts", "updraft"]);
    assert!(pending.starts_with("*4\r\n:2\r\n"), "what was deleted is settled: {pending}");
}

#[tokio::test]
async fn how_often_a_message_has_failed_is_known_to_who_takes_it_over_and_nothing_else_counts() {
    let server = RedisServer::start();
    let (one, two) = (consumer(&server, "one").await, consumer(&server, "two").await);
    for value in ["a", "b", "c"] {
        add(&server, value);
    }
    let ids: Vec<String> = one.newest(9).await.unwrap().into_iter().map(|message| message.id).collect();
    let failures =
        |given: GivenBefore| given.messages.iter().map(|message| message.failures).collect::<Vec<_>>();
    for _ in 0..3 {
        one.keep(&[&ids[0], &ids[1]]).await.unwrap();
        assert_eq!(failures(one.unsettled(None, 9).await.unwrap()), [0, 0, 0]);
    }
    one.failed(&[(ids[0].clone(), 2), (ids[2].clone(), 1)]).await.unwrap();
    for consumer in [&one, &two, &one] {
        let taken = consumer.left_by_others(Duration::ZERO, None, 9).await.unwrap();
        assert_eq!(values(&taken.messages), ["a", "b", "c"], "in the order of the stream");
        assert_eq!(failures(taken), [2, 0, 1]);
    }
    one.failed(&[]).await.unwrap();
    one.keep(&[]).await.unwrap();
}

#[tokio::test]
async fn what_nobody_can_take_is_moved_with_its_reason() {
    let server = RedisServer::start();
    let one = consumer(&server, "one").await;
    add(&server, "bad");
    let [message] = &one.newest(9).await.unwrap()[..] else { panic!("one message") };
    let why = vec![("reason".to_owned(), "no JSON".to_owned())];
    one.bury("alerts:dead", &[DeadMessage { message: message.clone(), why }]).await.unwrap();
    assert_eq!(one.unsettled(None, 9).await.unwrap().messages, []);
    let dead = server.tell(&["XRANGE", "alerts:dead", "-", "+"]);
    add(&server, "worse");
    server.tell(&["SET", "no stream", "text"]);
    let [message] = &one.newest(9).await.unwrap()[..] else { panic!("one message") };
    let refused = one.bury("no stream", &[DeadMessage { message: message.clone(), why: Vec::new() }]).await;
    assert!(refused.is_err());
    assert_eq!(values(&one.unsettled(None, 9).await.unwrap().messages), ["worse"], "it is in one of both");
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
