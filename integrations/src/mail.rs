//! Mail: the integration `mail`, which sends by the SMTP server that the operator names. Owns the way of one mail; knows nothing of
//! mailboxes. The commands are its own, not those of a library: only so it is known whether a mail may have been taken.

mod address;
mod attachment;
mod builder;
mod connections;
mod declared;
mod dialog;
mod failure;
mod letter;
mod message;
mod policy;
mod server;
mod session;

use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;
use updraft_protocol::limits::MAIL_UNSENT;
use updraft_protocol::{
    ActionSpec, Answer, Argument, Call, Effect, Failure, Flaw, Integration, Json, Name, SecretReference,
    TargetKind, Value,
};

use self::connections::{Connections, Key};
use self::letter::Letter;
use self::message::Mail;
use self::policy::Policy;
use self::session::{Login, Options, Session};

pub use address::{MailDomain, MailDomainError};
pub use builder::{Error, MailBuilder};
pub use declared::DeclaredMail;
pub use server::{MailSecurity, MailServer, MailServerError};

/// The JSON Schema of the arguments.
static SCHEMA: LazyLock<Option<Json>> = LazyLock::new(|| Json::parse(include_str!("mail/schema.json")).ok());

/// The one action.
const SEND: &str = "send";

const KNOWN: [(&str, Argument); 10] = [
    ("to", Argument::Data),
    ("cc", Argument::Data),
    ("bcc", Argument::Data),
    ("from", Argument::Data),
    ("reply_to", Argument::Data),
    ("subject", Argument::Text),
    ("text", Argument::Text),
    ("html", Argument::Html),
    ("attachments", Argument::Data),
    ("headers", Argument::Headers),
];

/// Sends mail by the operator's SMTP server. Action: `send`.
///
/// # Arguments
///
/// | argument | meaning | default |
/// | --- | --- | --- |
/// | `to`, `cc`, `bcc` | an address, `{address, name}`, or a list of them | one recipient in all is needed |
/// | `from` | another sender, which the operator allows | that of the operator |
/// | `reply_to` | where answers go | none |
/// | `subject` | one line | needed |
/// | `text`, `html` | the body; with both a reader chooses | one is needed |
/// | `attachments` | a list of `{name, content_type, text or base64 or file}`; `file` is a file of the execution | none |
/// | `headers` | a map: names that begin with `X-`, and `Auto-Submitted`, `Importance`, `In-Reply-To`, `References` and the like | none |
///
/// # Output
///
/// `{"message_id": "<…@corp.example>", "accepted": ["a@corp.example"], "response_code": 250, "response": "2.0.0 queued as 4D2"}`.
///
/// # Guarantees and limits
///
/// * Values are data: a text is one address or refused, and no subject, name or header has a second line.
/// * A mail goes to all of its recipients or to none: where the server refuses one of them, the step fails, and nothing is sent.
/// * The attempt counts as sent when the end of its mail is about to be: what fails before it, also in the midst of the mail, has not acted.
///   A connection that is lost between the end and the answer is [`FailureKind::Interrupted`]: the mail may be on its way. Sending is
///   not idempotent; `Message-ID` is the same in every attempt, by which many receivers show a mail once that came twice.
/// * TLS is never optional: `STARTTLS` that is not offered ends the connection before anything is said. A password is sent over TLS alone.
/// * Where the server is, is the operator's word: it may have a private address.
/// * 421, and 4xx for the sender, are [`FailureKind::RateLimited`]; other 4xx are tried again; 5xx are not. A login that is refused
///   and a certificate that is not trusted are [`FailureKind::Unreachable`], and are not tried again.
/// * [`MailBuilder::at_once`] mails at once; connections are kept for [`MailBuilder::keep_for`], and count among those of HTTP.
///   Rates are [`CallLimits`](updraft_protocol::CallLimits) of the engine, as those of every integration.
///
/// ```
/// use updraft_integrations::MailIntegration;
///
/// let mail = MailIntegration::builder("smtp://mail.corp.example".parse()?, "SOC <soc@corp.example>")
///     .to("corp.example".parse()?)
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`FailureKind::Interrupted`]: updraft_protocol::FailureKind::Interrupted
/// [`FailureKind::RateLimited`]: updraft_protocol::FailureKind::RateLimited
/// [`FailureKind::Unreachable`]: updraft_protocol::FailureKind::Unreachable
pub struct MailIntegration {
    options: Options,
    policy: Policy,
    login: Option<(String, Name)>,
    bytes: usize,
    places: Semaphore,
    connections: Connections,
}

impl MailIntegration {
    /// A configuration with this server, and the sender of mails whose step names none: `soc@corp.example` or
    /// `SOC <soc@corp.example>`.
    pub fn builder(server: MailServer, from: &str) -> MailBuilder {
        MailBuilder::new(server, from)
    }

    async fn send(&self, mut call: Call) -> Result<Json, Failure> {
        let letter = Letter::of(&call.arguments.take(), &self.policy)?;
        let password = self.login.as_ref().map(|(_, name)| password(&call, name)).transpose()?;
        let login = self.login.as_ref().zip(password.as_deref());
        let login = login.map(|((user, _), password)| Login { user, password });
        let key = Key::of(&call.tenant, login);
        let place = self.places.acquire().await;
        let server = &self.options.server;
        let ready = timeout(MAIL_UNSENT, self.ready(letter, &call, &key, login)).await;
        let (mail, mut session) = ready.unwrap_or_else(|_| Err(failure::late(server, MAIL_UNSENT)))?;
        if !call.sending.begin() {
            return Err(failure::withdrawn());
        }
        let reply = session.end(server, call.timeout).await;
        drop(place);
        let reply = reply?;
        self.connections.keep(key, session);
        let accepted: Vec<&str> = mail.recipients.iter().map(AsRef::as_ref).collect();
        let output = serde_json::json!({
            "message_id": mail.id,
            "accepted": accepted,
            "response_code": reply.code,
            "response": reply.told(),
        });
        Ok(output.into())
    }

    /// The mail, and a connection on which all of it was sent but its end.
    async fn ready(
        &self,
        mut letter: Letter,
        call: &Call,
        key: &Key,
        login: Option<Login<'_>>,
    ) -> Result<(Mail, Session), Failure> {
        let mut attachments = Vec::new();
        let mut left = self.bytes;
        for attachment in std::mem::take(&mut letter.attachments) {
            let loaded = attachment.load(&call.files, left).await?;
            left = left.saturating_sub(loaded.bytes.len());
            attachments.push(loaded);
        }
        let mail = Mail::of(letter, attachments, &self.policy.from, call.task_id, self.bytes)?;
        let mut session = self.session(key, login).await?;
        match session.offer(&self.options.server, &mail).await {
            Ok(()) => Ok((mail, session)),
            Err(failure) => {
                tokio::spawn(session.leave());
                Err(failure)
            }
        }
    }

    async fn session(&self, key: &Key, login: Option<Login<'_>>) -> Result<Session, Failure> {
        while let Some(mut kept) = self.connections.take(key) {
            if kept.is_there().await {
                return Ok(kept);
            }
        }
        Session::open(&self.options, login).await
    }
}

/// The password of the tenant's server.
fn password(call: &Call, name: &Name) -> Result<String, Failure> {
    let place = SecretReference::of_tool(name.clone()).place;
    let given = call.secrets.iter().find(|secret| secret.reference.place == place);
    given.map(updraft_protocol::GivenSecret::text).ok_or_else(|| {
        let message = format!("missing here: secret `{name}`");
        Failure::new(updraft_protocol::FailureKind::NotConfigured, message)
    })
}

/// The declaration of `send`.
fn spec(timeout: Duration) -> ActionSpec {
    let example = serde_json::json!({
        "message_id": "<0190aaaabbbb71118222333344445555@corp.example>",
        "accepted": ["soc@corp.example"],
        "response_code": 250,
        "response": "2.0.0 queued",
    });
    ActionSpec {
        schema: SCHEMA.clone(),
        arguments: &KNOWN,
        effect: Effect::Write,
        is_idempotent: false,
        target: Some("to"),
        also_targets: &["cc", "bcc"],
        target_kind: Some(TargetKind::Mail),
        says_sending: true,
        timeout: Some(timeout),
        example: Some(example.into()),
        ..ActionSpec::default()
    }
}

impl fmt::Debug for MailIntegration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailIntegration").field("server", &self.options.server).finish_non_exhaustive()
    }
}

impl Integration for MailIntegration {
    fn actions(&self) -> &[&str] {
        &[SEND]
    }

    fn spec(&self, _action: &str) -> ActionSpec {
        let secrets = self.login.iter().map(|(_, name)| name.clone()).collect();
        ActionSpec { secrets, ..spec(self.options.answer) }
    }

    fn check(&self, _action: &str, arguments: &Value) -> Vec<Flaw> {
        letter::flaws(arguments, Some(&self.policy))
    }

    fn uses_files(&self, _action: &str, arguments: &Value) -> bool {
        attachment::uses_files(arguments)
    }

    fn call(&self, call: Call) -> Answer<'_> {
        Box::pin(self.send(call))
    }
}
