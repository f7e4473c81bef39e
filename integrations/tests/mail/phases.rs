//! What a failure means, by where it happens: before the end of a mail nobody gets it, after it somebody may.

use std::time::Duration;

use serde_json::json;
use updraft_protocol::FailureKind::{
    Interrupted, InvalidResponse, RateLimited, Status, Timeout, TooLarge, Unreachable,
};
use updraft_protocol::{FailureKind, Sending};

use crate::script::{Does, Script, Server, says};
use crate::{attempt, builder, call_with, called, send};

/// A failure, and what it has to be: its kind, whether it is tried again, whether the mail may be there, a part of its message.
type Expected = (FailureKind, bool, bool, &'static str);

async fn fails(script: Script, expected: Expected) {
    let told = format!("{script:?}");
    let server = Server::start(script).await;
    let mail = builder(&server.plain()).answer_within(Duration::from_millis(400)).build().unwrap();
    let (outcome, begun) = attempt(&mail, Duration::from_millis(600)).await;
    let failure = outcome.expect_err(&told);
    let found = (failure.kind, failure.retryable(), failure.may_have_acted());
    let (kind, retryable, may_have_acted, words) = expected;
    assert_eq!(found, (kind, retryable, may_have_acted), "{told}: {failure}");
    assert!(failure.message.contains(words), "{told}: {failure}");
    assert!(failure.message.len() <= 1 << 10, "{told}");
    // It counts as sent where its end was, and nowhere else.
    let ended = server.was_told(".");
    assert_eq!(begun, usize::from(ended), "{told}: {failure}");
    assert_eq!(ended, may_have_acted || told.contains("(\".\""), "{told}: {failure}");
}

#[tokio::test]
async fn what_fails_before_the_end_of_a_mail_has_not_sent_it() {
    let busy = "421 4.3.2 closing for now";
    let cases: Vec<(Script, Expected)> = vec![
        (
            vec![("greeting", says("554 5.3.2 no service"))],
            (Unreachable, true, false, "554 5.3.2 no service"),
        ),
        (vec![("greeting", Does::Closes)], (Unreachable, true, false, "closed the connection")),
        (vec![("greeting", Does::Hangs)], (Unreachable, true, false, "no answer within")),
        (
            vec![("greeting", says("HTTP/1.1 400 Bad Request"))],
            (Unreachable, true, false, "does not speak SMTP"),
        ),
        (vec![("EHLO", says("502 5.5.1 what"))], (Unreachable, false, false, "EHLO: 502")),
        (vec![("EHLO", says("250-a\r\n550 b"))], (Unreachable, true, false, "several codes")),
        (vec![("MAIL", says(busy))], (RateLimited, true, false, busy)),
        (vec![("MAIL", says("452 4.3.1 full"))], (RateLimited, true, false, "452")),
        (vec![("MAIL", says("550 5.7.1 not you"))], (Status, false, false, "the sender: 550")),
        (vec![("RCPT", says(busy))], (RateLimited, true, false, busy)),
        (
            vec![("RCPT", says("450 4.2.0 greylisted"))],
            (Status, true, false, "recipient analyst@corp.example: 450"),
        ),
        (
            vec![("RCPT", says("550 5.1.1 unknown"))],
            (Status, false, false, "recipient analyst@corp.example: 550 5.1.1 unknown"),
        ),
        (vec![("RCPT", Does::Closes)], (Unreachable, true, false, "closed the connection")),
        (
            vec![("RCPT", Does::Drips("250 2.1.5 ok\r\n".to_owned(), 100))],
            (Unreachable, true, false, "no answer within"),
        ),
        (vec![("DATA", says("451 4.3.0 not now"))], (Status, true, false, "the mail: 451")),
        (vec![("DATA", says("250 ok"))], (InvalidResponse, false, false, "250")),
        (vec![("DATA", Does::Closes)], (Unreachable, true, false, "closed the connection")),
        (vec![("DATA", Does::Hangs)], (Unreachable, true, false, "no answer within")),
    ];
    for (script, expected) in cases {
        fails(script, expected).await;
    }
}

#[tokio::test]
async fn what_the_server_says_of_a_whole_mail_decides() {
    for (script, expected) in [
        (vec![(".", says("451 4.3.0 try again"))], (Status, true, false, "the mail: 451")),
        (vec![(".", says("421 4.3.2 closing"))], (RateLimited, true, false, "421")),
        (vec![(".", says("554 5.7.1 spam"))], (Status, false, false, "the mail: 554 5.7.1 spam")),
    ] {
        fails(script, expected).await;
    }
}

#[tokio::test]
async fn a_mail_whose_fate_is_not_told_may_be_on_its_way() {
    let long = format!("250 {}\r\n", "x".repeat(10_000_000));
    let many = "250-x\r\n".repeat(100_000);
    for (script, expected) in [
        (vec![(".", Does::Closes)], (Interrupted, true, true, "may be on its way")),
        (vec![(".", Does::Hangs)], (Timeout, true, true, "may be on its way")),
        (
            vec![(".", Does::Drips("250 2.0.0 ok\r\n".to_owned(), 100))],
            (Timeout, true, true, "no answer within"),
        ),
        (vec![(".", Does::Says(long))], (InvalidResponse, false, true, "too long")),
        (vec![(".", Does::Says(many))], (InvalidResponse, false, true, "too many lines")),
        (vec![(".", says("nonsense"))], (InvalidResponse, false, true, "does not speak SMTP")),
        (vec![(".", says("354 go on"))], (InvalidResponse, false, true, "354")),
    ] {
        fails(script, expected).await;
    }
}

#[tokio::test]
async fn nobody_gets_a_mail_of_which_one_recipient_is_refused() {
    let server = Server::start(vec![("RCPT TO:<b@", says("550 5.1.1 unknown"))]).await;
    let mail = builder(&server.plain()).build().unwrap();
    let failure = send(&mail, json!({"to": ["a@corp.example"], "bcc": "b@corp.example"})).await.unwrap_err();
    assert!(failure.message.contains("recipient b@corp.example"), "{failure}");
    assert!(server.was_told("RCPT TO:<a@") && !server.was_told("DATA"));
}

#[tokio::test]
async fn answers_that_were_not_asked_for_end_the_connection() {
    let server = Server::start(vec![("MAIL", says("250 ok\r\n250 ok\r\n354 go on\r\n250 queued"))]).await;
    let mail = builder(&server.plain()).build().unwrap();
    let (outcome, begun) = attempt(&mail, Duration::from_secs(5)).await;
    let failure = outcome.unwrap_err();
    assert_eq!((failure.kind, begun), (Unreachable, 0), "{failure}");
}

#[tokio::test]
async fn a_call_that_is_withdrawn_sends_no_end() {
    let server = Server::start(vec![]).await;
    let mail = builder(&server.plain()).build().unwrap();
    let mut call = call_with(&json!({}));
    call.sending = Sending::new(|| false);
    let failure = called(&mail, call).await.unwrap_err();
    assert_eq!((failure.kind, failure.may_have_acted()), (Interrupted, false));
    assert!(server.was_told("DATA") && !server.was_told("."), "{:?}", server.lines());
}

#[tokio::test]
async fn a_server_that_is_away_is_told_as_the_system_says_it() {
    let server = Server::start(vec![]).await;
    let (url, addr) = (server.plain(), server.addr);
    drop(server);
    let mail = builder(&url).build().unwrap();
    let until = async {
        // Its listener is closed by its runtime, a moment later.
        loop {
            let (outcome, begun) = attempt(&mail, Duration::from_secs(5)).await;
            if let Err(failure) = outcome {
                return (failure, begun);
            }
        }
    };
    let (failure, begun) = until.await;
    assert_eq!((failure.kind, failure.retryable(), begun), (Unreachable, true, 0));
    assert!(failure.message.starts_with(&format!("mail {addr}: ")), "{failure}");
}

#[tokio::test]
async fn a_mail_that_is_larger_than_the_server_takes_is_not_offered() {
    let server = Server::start(vec![("EHLO", says("250-mail.example\r\n250 SIZE 100"))]).await;
    let mail = builder(&server.plain()).build().unwrap();
    let failure = send(&mail, json!({})).await.unwrap_err();
    assert_eq!((failure.kind, failure.may_have_acted()), (TooLarge, false), "{failure}");
    assert!(!server.was_told("MAIL"));
}
