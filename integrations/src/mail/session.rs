//! `Session`: a connection to the server on which mails can be sent: reached, secured, logged in. Owns the order of SMTP's commands; says
//! after each what a failure means.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use updraft_protocol::limits::MAIL_QUIT;
use updraft_protocol::{Failure, FailureKind};

use super::dialog::{Broken, Dialog, Reply};
use super::failure::{self, Asked};
use super::message::Mail;
use super::server::{MailSecurity, MailServer};
use crate::http::connection::Stream;
use crate::http::dial::{dial, look_up};
use crate::http::open::{OpenConnection, OpenConnections};

/// How the server is reached.
pub(super) struct Options {
    pub(super) server: MailServer,
    pub(super) config: Arc<ClientConfig>,
    /// The name that its certificate has.
    pub(super) name: ServerName<'static>,
    /// How the engine names itself; by its address where nothing is said.
    pub(super) hello: Option<String>,
    /// How long an answer is waited for.
    pub(super) answer: Duration,
}

/// A connection on which mails can be sent.
pub(super) struct Session {
    dialog: Dialog,
    /// Whether the server wants to know sizes, and the largest that it takes; 0 is any.
    size: Option<usize>,
    /// It counts among all open connections of the process; the few that are kept are closed for no other.
    _place: OpenConnection,
}

/// What the server offers.
#[derive(Debug, Default)]
struct Offers {
    starttls: bool,
    size: Option<usize>,
    logins: Vec<String>,
}

/// Who logs in.
#[derive(Clone, Copy)]
pub(super) struct Login<'a> {
    pub(super) user: &'a str,
    pub(super) password: &'a str,
}

impl Session {
    /// Reaches the server, and logs in.
    ///
    /// # Errors
    /// It is away, is not the one that it should be, offers no TLS where that is needed, or does not let the engine in.
    pub(super) async fn open(options: &Options, login: Option<Login<'_>>) -> Result<Self, Failure> {
        let server = &options.server;
        let place = OpenConnections::of_process().enter().await;
        let found = look_up(server.host(), server.port()).await;
        let addresses = found.map_err(|error| failure::unreached(server, error))?;
        let tcp = dial(addresses, server.port()).await.map_err(|error| failure::unreached(server, error))?;
        let hello = options.hello.clone().unwrap_or_else(|| own_address(&tcp));
        let mut dialog = match server.security() {
            MailSecurity::Implicit => Dialog::new(secured(options, Box::new(tcp)).await?, options.answer),
            MailSecurity::StartTls | MailSecurity::Plain => Dialog::new(Box::new(tcp), options.answer),
        };
        greeting(&mut dialog, options).await?;
        let mut offers = offers(&mut dialog, options, &hello).await?;
        if server.security() == MailSecurity::StartTls {
            dialog = Dialog::new(upgraded(dialog, options, &offers).await?, options.answer);
            // What was offered before may be anybody's.
            offers = self::offers(&mut dialog, options, &hello).await?;
        }
        if let Some(login) = login {
            log_in(&mut dialog, options, &offers, login).await?;
        }
        Ok(Self { dialog, size: offers.size, _place: place })
    }

    /// Whether another mail can be sent on it.
    pub(super) async fn is_there(&mut self) -> bool {
        self.dialog.ask("RSET").await.is_ok_and(|reply| reply.is_done())
    }

    /// Sends a mail up to its last line: the server does not have it before its end is sent.
    ///
    /// # Errors
    /// The server does not take it, for one of its recipients or at all. Then nobody gets it.
    pub(super) async fn offer(&mut self, server: &MailServer, mail: &Mail) -> Result<(), Failure> {
        if let Some(most) = self.size.filter(|most| *most > 0 && mail.bytes > *most) {
            let message = format!(
                "mail {server}: the server takes mails of at most {most} bytes, this one has {}",
                mail.bytes
            );
            return Err(Failure::new(FailureKind::TooLarge, message).with_may_have_acted(false));
        }
        let size = self.size.map(|_| format!(" SIZE={}", mail.bytes)).unwrap_or_default();
        self.done(server, &format!("MAIL FROM:<{}>{size}", mail.from), Asked::Mail).await?;
        for recipient in &mail.recipients {
            let command = format!("RCPT TO:<{recipient}>");
            self.done(server, &command, Asked::Recipient(recipient.as_ref())).await?;
        }
        let reply = self.ask(server, "DATA").await?;
        if reply.code != 354 {
            return Err(failure::refused(server, Asked::Data, &reply));
        }
        match self.dialog.write(&mail.lines).await {
            Ok(()) => Ok(()),
            Err(why) => Err(match self.dialog.reply(MAIL_QUIT).await {
                // It says why it has closed the connection.
                Ok(reply) if !reply.is_done() => failure::refused(server, Asked::Data, &reply),
                _ => failure::broken(server, &why),
            }),
        }
    }

    /// Sends the end of the mail, with which the server has it.
    ///
    /// # Errors
    /// The server refuses it, or does not say what became of it.
    pub(super) async fn end(&mut self, server: &MailServer, within: Duration) -> Result<Reply, Failure> {
        let ended = async {
            self.dialog.write(b".\r\n").await?;
            self.dialog.reply(within).await
        };
        let ended = timeout(within, ended).await.unwrap_or(Err(Broken::Late(within)));
        match ended {
            Ok(reply) if reply.is_done() => Ok(reply),
            Ok(reply) => Err(failure::refused(server, Asked::End, &reply)),
            Err(why) => Err(failure::lost(server, &why)),
        }
    }

    /// Says goodbye, for a moment.
    pub(super) async fn leave(mut self) {
        let _ = timeout(MAIL_QUIT, self.dialog.ask("QUIT")).await;
    }

    async fn ask(&mut self, server: &MailServer, command: &str) -> Result<Reply, Failure> {
        self.dialog.ask(command).await.map_err(|why| failure::broken(server, &why))
    }

    async fn done(&mut self, server: &MailServer, command: &str, asked: Asked<'_>) -> Result<(), Failure> {
        let reply = self.ask(server, command).await?;
        if reply.is_done() { Ok(()) } else { Err(failure::refused(server, asked, &reply)) }
    }
}

/// The engine's address, as a client without a name says it (RFC 5321, 4.1.3).
fn own_address(tcp: &TcpStream) -> String {
    match tcp.local_addr().map(|address| address.ip().to_canonical()) {
        Ok(std::net::IpAddr::V4(ip)) => format!("[{ip}]"),
        Ok(std::net::IpAddr::V6(ip)) => format!("[IPv6:{ip}]"),
        Err(_) => "[127.0.0.1]".to_owned(),
    }
}

async fn secured(options: &Options, stream: Stream) -> Result<Stream, Failure> {
    let connecting = TlsConnector::from(options.config.clone()).connect(options.name.clone(), stream);
    match timeout(options.answer, connecting).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(failure::no_tls(&options.server, &error)),
        Err(_) => Err(failure::broken(&options.server, &Broken::Late(options.answer))),
    }
}

async fn greeting(dialog: &mut Dialog, options: &Options) -> Result<(), Failure> {
    let server = &options.server;
    let greeting = dialog.reply(options.answer).await.map_err(|why| failure::broken(server, &why))?;
    if greeting.code == 220 {
        return Ok(());
    }
    Err(failure::unreached(server, told("the server takes no mail now", &greeting)))
}

fn told(what: &str, reply: &Reply) -> String {
    format!("{what}: {} {}", reply.code, reply.told())
}

async fn offers(dialog: &mut Dialog, options: &Options, hello: &str) -> Result<Offers, Failure> {
    let server = &options.server;
    let asked = dialog.ask(&format!("EHLO {hello}")).await;
    let reply = asked.map_err(|why| failure::broken(server, &why))?;
    if !reply.is_done() {
        let message = told("the server does not take EHLO", &reply);
        return Err(failure::unreached(server, message).with_retryable(reply.is_passing()));
    }
    let mut offers = Offers::default();
    for line in reply.lines.iter().skip(1) {
        let line = line.to_ascii_uppercase().replace('=', " ");
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            Some("STARTTLS") => offers.starttls = true,
            Some("SIZE") => offers.size = Some(words.next().and_then(|most| most.parse().ok()).unwrap_or(0)),
            Some("AUTH") => offers.logins.extend(words.map(str::to_owned)),
            _ => {}
        }
    }
    Ok(offers)
}

/// TLS over a connection that began without.
async fn upgraded(mut dialog: Dialog, options: &Options, offers: &Offers) -> Result<Stream, Failure> {
    let server = &options.server;
    if !offers.starttls {
        let message = "the server offers no STARTTLS, or somebody on the way takes it out: nothing was sent. `smtps://` is for a server that \
                       speaks TLS from the beginning";
        return Err(failure::lasting(server, message));
    }
    let reply = dialog.ask("STARTTLS").await.map_err(|why| failure::broken(server, &why))?;
    if reply.code != 220 {
        return Err(failure::unreached(server, told("the server does not begin TLS", &reply)));
    }
    let stream = dialog.into_stream().map_err(|why| failure::lasting(server, why))?;
    secured(options, stream).await
}

async fn log_in(
    dialog: &mut Dialog,
    options: &Options,
    offers: &Offers,
    login: Login<'_>,
) -> Result<(), Failure> {
    let server = &options.server;
    let has = |name: &str| offers.logins.iter().any(|login| login == name);
    let plain = BASE64_STANDARD.encode(format!("\0{}\0{}", login.user, login.password));
    let (user, password) = (BASE64_STANDARD.encode(login.user), BASE64_STANDARD.encode(login.password));
    let asked = if has("PLAIN") {
        dialog.ask(&format!("AUTH PLAIN {plain}")).await
    } else if has("LOGIN") {
        by_questions(dialog, [&user, &password]).await
    } else {
        let message = "the server offers no login by PLAIN or LOGIN";
        return Err(failure::lasting(server, message));
    };
    let reply = asked.map_err(|why| failure::broken(server, &why))?;
    if reply.code == 235 {
        return Ok(());
    }
    let mut why = told("the server does not take the login", &reply);
    for secret in [plain.as_str(), &password, login.password] {
        why = why.replace(secret, "***");
    }
    Err(failure::unreached(server, why).with_retryable(reply.is_passing()))
}

/// `LOGIN`: the server asks for one after the other.
async fn by_questions(dialog: &mut Dialog, answers: [&str; 2]) -> Result<Reply, Broken> {
    let mut reply = dialog.ask("AUTH LOGIN").await?;
    for answer in answers {
        if reply.code != 334 {
            break;
        }
        reply = dialog.ask(answer).await?;
    }
    Ok(reply)
}
