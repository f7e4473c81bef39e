//! The mail as it is sent: headers, parts, and the lines that SMTP carries. The same attempt after attempt, but for its date: its
//! `Message-ID` is made of the task, by which a receiver recognises a mail that comes twice. Sends nothing.

use lettre::address::Envelope;
use lettre::message::header::{self, ContentTransferEncoding, ContentType, HeaderName, HeaderValue, Headers};
use lettre::message::{Attachment as Part, Body, Mailbox, Mailboxes, MessageBuilder, MultiPart, SinglePart};
use lettre::{Address, Message};
use sha2::{Digest, Sha256};
use updraft_protocol::{Failure, FailureKind, TaskId};

use super::attachment::{Loaded, too_large};
use super::letter::Letter;

/// A mail that is ready to be sent.
#[derive(Debug)]
pub(super) struct Mail {
    pub(super) id: String,
    pub(super) from: Address,
    pub(super) recipients: Vec<Address>,
    /// Its lines as SMTP carries them, without the dot that ends them.
    pub(super) lines: Vec<u8>,
    /// What it has without the dots that are added on the way.
    pub(super) bytes: usize,
}

impl Mail {
    /// The mail of a letter.
    ///
    /// # Errors
    /// It is larger than it may be.
    pub(super) fn of(
        letter: Letter,
        attachments: Vec<Loaded>,
        usual: &Mailbox,
        task: TaskId,
        most: usize,
    ) -> Result<Self, Failure> {
        let carried: usize = attachments.iter().map(|one| one.bytes.len()).sum();
        if carried > most {
            return Err(too_large(most));
        }
        let from = letter.from.clone().unwrap_or_else(|| usual.clone());
        let id = format!("<{}@{}>", task.uuid().simple(), from.email.domain());
        let recipients: Vec<Address> = letter.recipients().into_iter().map(|to| to.email.clone()).collect();
        let envelope = Envelope::new(Some(from.email.clone()), recipients.clone()).map_err(|e| unmade(&e))?;
        let head = head(&letter, &from, &id).envelope(envelope);
        let sender = from.email;
        let message = body(head, letter, attachments, task).map_err(|error| unmade(&error))?;
        let formatted = message.formatted();
        drop(message);
        if formatted.len() > most {
            return Err(too_large(most));
        }
        let (bytes, lines) = (formatted.len(), lines(&formatted));
        Ok(Self { id, from: sender, recipients, lines, bytes })
    }
}

fn unmade(error: &lettre::error::Error) -> Failure {
    Failure::new(FailureKind::InvalidArguments, format!("arguments: no mail can be made of this: {error}"))
}

/// All headers that are not those of the body. `Bcc` is none of them: those who get the mail so are known to the server alone.
fn head(letter: &Letter, from: &Mailbox, id: &str) -> MessageBuilder {
    let mut head = Message::builder().date_now().message_id(Some(id.to_owned())).from(from.clone());
    let lists = [("To", &letter.to), ("Cc", &letter.cc)].into_iter().filter(|(_, list)| !list.is_empty());
    head = lists.fold(head, |head, (name, list)| head.raw_header(folded(name, list)));
    if let Some(reply_to) = &letter.reply_to {
        head = head.reply_to(reply_to.clone());
    }
    head = head.subject(letter.subject.clone());
    for (name, value) in &letter.headers {
        if let Ok(name) = HeaderName::new_from_ascii(name.clone()) {
            head = head.raw_header(HeaderValue::new(name, value.clone()));
        }
    }
    head
}

/// A list of mailboxes, each on a line of its own: all on one may be more than a line has.
fn folded(name: &'static str, list: &[Mailbox]) -> HeaderValue {
    let each = list.iter().map(|one| {
        let mut headers = Headers::new();
        headers.set(header::To::from(Mailboxes::from(one.clone())));
        let line = headers.to_string();
        line.trim_start_matches("To: ").trim_end().to_owned()
    });
    let encoded = each.collect::<Vec<_>>().join(",\r\n ");
    HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), encoded.clone(), encoded)
}

fn body(
    head: MessageBuilder,
    letter: Letter,
    attachments: Vec<Loaded>,
    task: TaskId,
) -> Result<Message, lettre::error::Error> {
    let boundary = boundary(&letter, &attachments, task);
    let text = letter.text.map(|text| written(ContentType::TEXT_PLAIN, text));
    let html = letter.html.map(|html| written(ContentType::TEXT_HTML, html));
    let mixed = || MultiPart::mixed().boundary(format!("{boundary}-m"));
    let alternative = || MultiPart::alternative().boundary(format!("{boundary}-a"));
    let parts = match (text, html, attachments.is_empty()) {
        (Some(text), Some(html), true) => alternative().singlepart(text).singlepart(html),
        (Some(text), Some(html), false) => mixed().multipart(alternative().singlepart(text).singlepart(html)),
        (Some(one), None, true) | (None, Some(one), true) => return head.singlepart(one),
        (Some(one), None, false) | (None, Some(one), false) => mixed().singlepart(one),
        (None, None, _) => mixed().build(),
    };
    head.multipart(attachments.into_iter().fold(parts, |parts, one| parts.singlepart(part(one))))
}

/// A text, in an encoding in which every line is short and every byte is one that servers take.
fn written(content_type: ContentType, text: String) -> SinglePart {
    let lines = with_line_ends(&text);
    let is_plain = !lines.chars().any(|c| c.is_control() && !matches!(c, '\r' | '\n' | '\t'));
    let body = match is_plain {
        true => Body::new(lines),
        false => encoded(lines, ContentTransferEncoding::QuotedPrintable),
    };
    SinglePart::builder().header(content_type).body(body)
}

fn encoded(text: String, encoding: ContentTransferEncoding) -> Body {
    // It refuses what is not of seven or eight bits, which these encodings take.
    Body::new_with_encoding(text, encoding).unwrap_or_else(Body::new)
}

/// Bytes are carried as they are: base64, whatever they are.
fn part(attachment: Loaded) -> SinglePart {
    let Loaded { name, content_type, bytes } = attachment;
    let body = Body::new_with_encoding(bytes, ContentTransferEncoding::Base64).unwrap_or_else(Body::new);
    Part::new(name).body(body, content_type)
}

/// The text with the line ends of mail, whatever it had.
fn with_line_ends(text: &str) -> String {
    let mut lines = String::with_capacity(text.len() + text.len() / 32);
    let mut all = text.chars().peekable();
    while let Some(c) = all.next() {
        match c {
            '\r' => {
                all.next_if_eq(&'\n');
                lines.push_str("\r\n");
            }
            '\n' => lines.push_str("\r\n"),
            c => lines.push(c),
        }
    }
    lines
}

/// A line between parts that nobody can put into one of them, and that is the same in every attempt: it depends on all of them.
fn boundary(letter: &Letter, attachments: &[Loaded], task: TaskId) -> String {
    let mut hash = Sha256::new();
    hash.update(task.uuid().as_bytes());
    for text in [&letter.text, &letter.html].into_iter().flatten() {
        hash.update(text.as_bytes());
    }
    for attachment in attachments {
        hash.update(attachment.name.as_bytes());
        hash.update(&attachment.bytes);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let digits = digest.iter().take(16).map(|byte| format!("{byte:02x}"));
    format!("updraft-{}", digits.collect::<String>())
}

/// The lines as SMTP carries them (RFC 5321, 4.5.2): each ends with CR and LF, no CR or LF stands alone, so that no server reads an end
/// where another reads none, and a dot at the beginning of a line is doubled.
fn lines(message: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(message.len() + message.len() / 64 + 2);
    let mut is_start = true;
    let mut bytes = message.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if matches!(byte, b'\r' | b'\n') {
            if byte == b'\r' {
                bytes.next_if_eq(&b'\n');
            }
            lines.extend_from_slice(b"\r\n");
            is_start = true;
            continue;
        }
        if is_start && byte == b'.' {
            lines.push(b'.');
        }
        lines.push(byte);
        is_start = false;
    }
    if !is_start {
        lines.extend_from_slice(b"\r\n");
    }
    lines
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
