//! The limits of the local socket, each with its reason.

use std::time::Duration;

use super::{EXECUTION_OUTPUT_BYTES, MONGO_CALL_TIMEOUT, SETTING_BYTES, SIGNAL_BYTES};

/// Connections that are served at once. Each may hold a page of a list; others wait until one has ended.
pub const LOCAL_CONNECTIONS: usize = 16;
/// One request: names and ids of bounded length, with room to spare, and a guardrail, which is larger than the payload of a
/// signal.
pub const LOCAL_REQUEST_BYTES: usize = SETTING_BYTES + (16 << 10);
/// How long a request may take to be sent. It is one line.
pub const LOCAL_REQUEST_TIME: Duration = Duration::from_secs(5);
/// How long a list waits until the store has the journal's updates: several times what it takes while the store keeps
/// up.
pub const LOCAL_FLUSH: Duration = Duration::from_secs(1);
/// How long a client may take to read one line of an answer. Clients read a whole page before they use it.
pub const LOCAL_SEND_TIME: Duration = Duration::from_secs(10);
/// How long a connection may take from beginning to end: a slow call of the store, and a page that is read slowly.
pub const LOCAL_ANSWER_TIME: Duration = Duration::from_secs(60);
/// The longest line that a client reads: an execution of the largest size, each of its characters escaped.
pub const LOCAL_LINE_BYTES: usize = 64 << 20;
/// How long a client waits for the next line: a little longer than the engine may take.
pub const LOCAL_WAIT: Duration = Duration::from_secs(65);
/// How long an engine waits for its socket to close. The socket is removed before, unless the disk hangs.
pub const LOCAL_CLOSE: Duration = Duration::from_secs(1);

const _: () = {
    assert!(
        LOCAL_REQUEST_TIME.as_secs() + LOCAL_FLUSH.as_secs() + MONGO_CALL_TIMEOUT.as_secs()
            < LOCAL_ANSWER_TIME.as_secs()
    );
    assert!(LOCAL_SEND_TIME.as_secs() < LOCAL_ANSWER_TIME.as_secs());
    assert!(LOCAL_ANSWER_TIME.as_secs() < LOCAL_WAIT.as_secs());
    assert!(EXECUTION_OUTPUT_BYTES < LOCAL_LINE_BYTES);
    assert!(SIGNAL_BYTES < LOCAL_REQUEST_BYTES);
};
