//! The limits of sending mail, with their reasons.

use std::time::Duration;

use super::{ATTEMPT_UNSENT, FAILURE_ANSWER_BYTES, RESPONSE_BYTES};

/// Recipients of one mail: a server must take as many (RFC 5321, 4.5.3.1.8).
pub const MAIL_RECIPIENTS: usize = 100;
/// An address: the longest that a server must take is 256 bytes with its angle brackets (RFC 5321, 4.5.3.1.3).
pub const MAIL_ADDRESS_BYTES: usize = 254;
/// The part of an address before `@` (RFC 5321, 4.5.3.1.1).
pub const MAIL_LOCAL_PART_BYTES: usize = 64;
/// The name beside an address.
pub const MAIL_NAME_BYTES: usize = 256;
/// The text of a header, and a subject: a line of a mail has at most 998 (RFC 5322, 2.1.1), with the header's name.
pub const MAIL_HEADER_BYTES: usize = 900;
/// Headers that a step adds.
pub const MAIL_HEADERS: usize = 20;
/// The text of a mail, and its HTML: people read them.
pub const MAIL_TEXT_BYTES: usize = 1 << 20;
/// Attachments of one mail.
pub const MAIL_ATTACHMENTS: usize = 20;
/// The name of an attachment: file systems take no longer one.
pub const MAIL_FILE_NAME_BYTES: usize = 255;
/// A whole mail as it is sent, unless configured: what most servers take.
pub const MAIL_BYTES: usize = 10 << 20;
/// The largest mail that may be configured: each that is sent is in memory as a whole, some three times for a moment.
pub const MAIL_BYTES_MOST: usize = 50 << 20;
/// Mails that are sent at once, unless configured: servers allow some ten connections of one client.
pub const MAIL_AT_ONCE: usize = 4;
/// The most that may be configured.
pub const MAIL_AT_ONCE_MOST: usize = 64;
/// How long an answer of the server is waited for, unless configured. RFC 5321 allows minutes; a playbook's people wait.
pub const MAIL_ANSWER: Duration = Duration::from_secs(60);
/// All of an attempt before the end of its mail is sent, connection and login included: until then nothing is delivered.
pub const MAIL_UNSENT: Duration = Duration::from_secs(300);
/// One line of an answer: RFC 5321 allows 512, servers with long explanations send more.
pub const MAIL_LINE_BYTES: usize = 2 << 10;
/// Lines of one answer: a server has some twenty extensions.
pub const MAIL_ANSWER_LINES: usize = 128;
/// What is told of an answer.
pub const MAIL_TOLD_BYTES: usize = 1 << 10;
/// How much is handed to the connection at once.
pub const MAIL_BLOCK_BYTES: usize = 64 << 10;
/// Connections that are kept for the next mail, each logged in.
pub const MAIL_IDLE_CONNECTIONS: usize = 4;
/// How long one is kept: mails of an incident follow each other, and servers end idle connections after minutes.
pub const MAIL_IDLE: Duration = Duration::from_secs(30);
/// How long a server that is left is waited for: it has nothing to do any more.
pub const MAIL_QUIT: Duration = Duration::from_secs(1);
/// Domains to which mail may be sent, and addresses from which.
pub const MAIL_ALLOWED: usize = 256;

const _: () = {
    assert!(MAIL_UNSENT.as_secs() < ATTEMPT_UNSENT.as_secs());
    assert!(MAIL_ANSWER.as_secs() < MAIL_UNSENT.as_secs());
    assert!(MAIL_BYTES <= MAIL_BYTES_MOST && MAIL_AT_ONCE <= MAIL_AT_ONCE_MOST);
    assert!(MAIL_RECIPIENTS * (MAIL_ADDRESS_BYTES + 3) + 2 * MAIL_TOLD_BYTES + (1 << 10) < RESPONSE_BYTES);
    assert!(2 * MAIL_TOLD_BYTES + 512 < FAILURE_ANSWER_BYTES);
};
