//! The client of the local socket: sends requests to the engine that runs on a data directory, if there is one. Starts
//! no engine, and opens no store.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Take};
#[cfg(unix)]
use tokio::net::UnixStream as Stream;
use tokio::time::timeout;
use updraft_actors::{CancelVerdict, Inspection};
use updraft_protocol::limits::{LOCAL_LINE_BYTES, LOCAL_WAIT};
use updraft_protocol::{
    Asked, ContainmentApplied, ContainmentAsk, ContainmentDocument, ContainmentId, DeadLetter,
    ExecutionDocument, ExecutionId, Json, PlaybookId, TenantCode,
};
use updraft_storage::store::{ContainmentQuery, ContainmentsOf, Cursor, ExecutionQuery, InboxQuery};

use super::message::{Answer, Ask, InboxPlace, Request, VERSION};
use crate::health::EngineHealth;
use crate::inbox::InboxEntry;
use crate::overdue::{OverduePage, OverdueQuery};

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum Error {
    /// No engine with a local socket runs there.
    #[error("no engine runs on {}", data.display())]
    NoEngine {
        /// The data directory.
        data: PathBuf,
    },
    /// The connection failed, or ended before the answer did.
    #[error("the engine on {} does not answer: {source}", data.display())]
    Connection {
        /// The data directory.
        data: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// It exceeds its time limit.
    #[error("the engine on {} does not answer in time", data.display())]
    Late {
        /// The data directory.
        data: PathBuf,
    },
    /// The answer is not valid for the request: the engine is of another version.
    #[error("the engine on {} gives an answer that is none here: {why}", data.display())]
    Garbled {
        /// The data directory.
        data: PathBuf,
        /// The flaw.
        why: String,
    },
    /// The engine, or the tenant, has no place for a further execution at the moment.
    #[error("{message}")]
    NoPlace {
        /// Its message.
        message: String,
    },
    /// The engine failed or refused the request.
    #[error("{message}")]
    Engine {
        /// Its message.
        message: String,
        /// Whether the same request can succeed later.
        retryable: bool,
    },
}

impl Error {
    /// Whether the same request can succeed later.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Connection { .. } | Self::Late { .. } | Self::NoPlace { .. } => true,
            Self::Engine { retryable, .. } => *retryable,
            Self::NoEngine { .. } | Self::Garbled { .. } => false,
        }
    }
}

/// Sends requests to the engine that runs on a data directory. Each request has a connection of its own; dropping the
/// future cancels it.
#[derive(Debug, Clone)]
pub struct Client {
    data: PathBuf,
}

impl Client {
    /// A client for this data directory. Nothing is opened yet.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self { data: data.into() }
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Whether an engine with a local socket runs there.
    ///
    /// # Errors
    /// This is unknown, for example if the socket may not be opened.
    pub async fn is_there(&self) -> Result<bool, Error> {
        let reached = timeout(LOCAL_WAIT, connect(&self.data)).await.map_err(|_| self.late())?;
        match reached.map_err(|error| self.failed(error)) {
            Ok(_) => Ok(true),
            Err(Error::NoEngine { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// One page of a tenant's executions, newest first, and where the next page begins; as
    /// [`Reader::executions`](crate::Reader::executions).
    ///
    /// # Errors
    /// No engine runs there, or it does not answer.
    pub async fn executions(
        &self,
        query: ExecutionQuery,
    ) -> Result<(Vec<ExecutionDocument>, Option<Cursor>), Error> {
        let mut talk = self.ask(Ask::list(query)).await?;
        let mut page = Vec::new();
        loop {
            match talk.next().await? {
                Answer::Execution(execution) => page.push((*execution).into()),
                Answer::End { next } => return Ok((page, next.map(Cursor::from))),
                other => return Err(self.beside(&other)),
            }
        }
    }

    /// An execution of a tenant with its tasks, at one durable moment.
    ///
    /// # Errors
    /// No engine runs there, or it does not answer.
    pub async fn execution(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
    ) -> Result<Option<Inspection>, Error> {
        let mut talk = self.ask(Ask::Show { tenant: tenant.clone(), peid }).await?;
        let (mut execution, mut tasks) = (None, Vec::new());
        loop {
            match talk.next().await? {
                Answer::Execution(found) => execution = Some(Arc::new((*found).into())),
                Answer::Task(task) => tasks.push((*task).into()),
                Answer::End { .. } => {
                    return Ok(execution.map(|execution| Inspection { execution, tasks, whole: true }));
                }
                other => return Err(self.beside(&other)),
            }
        }
    }

    /// A playbook version as it was put, by its id.
    ///
    /// # Errors
    /// No engine runs there, or it does not answer.
    pub async fn definition(&self, tenant: &TenantCode, pid: PlaybookId) -> Result<Option<Json>, Error> {
        let mut talk = self.ask(Ask::Definition { tenant: tenant.clone(), pid }).await?;
        let mut definition = None;
        loop {
            match talk.next().await? {
                Answer::Definition(found) => definition = Some(found),
                Answer::End { .. } => return Ok(definition),
                other => return Err(self.beside(&other)),
            }
        }
    }

    /// Cancels an execution; as [`Engine::cancel`](crate::Engine::cancel).
    ///
    /// # Errors
    /// It is refused, no engine runs there, or it does not answer: then the execution may have been cancelled.
    pub async fn cancel(
        &self,
        tenant: &TenantCode,
        peid: ExecutionId,
        asked: Asked,
    ) -> Result<Option<CancelVerdict>, Error> {
        let mut talk = self.ask(Ask::Cancel { tenant: tenant.clone(), peid, asked }).await?;
        let mut verdict = None;
        loop {
            match talk.next().await? {
                Answer::Cancelled => verdict = Some(CancelVerdict::Cancelled),
                Answer::AlreadyEnded(status) => verdict = Some(CancelVerdict::AlreadyEnded(status)),
                Answer::End { .. } => return Ok(verdict),
                other => return Err(self.beside(&other)),
            }
        }
    }

    /// One page of an inbox; as [`Engine::inbox`](crate::Engine::inbox).
    ///
    /// # Errors
    /// No engine runs there, or it does not answer.
    pub async fn inbox(&self, query: InboxQuery) -> Result<Vec<InboxEntry>, Error> {
        let InboxQuery { tenant, of, after, limit } = query;
        let (of, after) = (of.into(), after.map(InboxPlace::from));
        let mut talk = self.ask(Ask::Inbox { tenant, of, after, limit }).await?;
        let mut page = Vec::new();
        loop {
            match talk.next().await? {
                Answer::Asked(entry) => page.push(*entry),
                Answer::End { .. } => return Ok(page),
                other => return Err(self.beside(&other)),
            }
        }
    }

    /// One page of what is overdue, of all tenants; as [`Engine::overdue`](crate::Engine::overdue).
    ///
    /// # Errors
    /// No engine runs there, or it does not answer.
    pub async fn overdue(&self, query: OverdueQuery) -> Result<OverduePage, Error> {
        let OverdueQuery { of, after, limit } = query;
        match self.ask(Ask::Overdue { of, after, limit }).await?.next().await? {
            Answer::Overdue(page) => Ok(*page),
            other => Err(self.beside(&other)),
        }
    }

    /// One page of a tenant's containments. The next page begins after its last row; an empty one is the end.
    ///
    /// # Errors
    /// No engine runs there, or it does not answer.
    pub async fn containments(&self, query: ContainmentQuery) -> Result<Vec<ContainmentDocument>, Error> {
        let ContainmentQuery { tenant, of, after, limit } = query;
        let target = match of {
            ContainmentsOf::Open => None,
            ContainmentsOf::Target(target) => Some(target),
        };
        let after = after.map(|after| (after.until, after.id));
        let mut talk = self.ask(Ask::Containments { tenant, target, after, limit }).await?;
        let mut page = Vec::new();
        loop {
            match talk.next().await? {
                Answer::Containment(row) => page.push(*row),
                Answer::End { .. } => return Ok(page),
                other => return Err(self.beside(&other)),
            }
        }
    }

    /// Asks something of a containment; as [`Containments::ask`](crate::Containments::ask).
    ///
    /// # Errors
    /// It is refused, no engine runs there, or it does not answer: then it may have been applied.
    pub async fn contain(
        &self,
        tenant: &TenantCode,
        id: ContainmentId,
        (uid, reason): (&str, &str),
        ask: ContainmentAsk,
    ) -> Result<ContainmentApplied, Error> {
        let (tenant, uid, reason) = (tenant.clone(), uid.into(), reason.into());
        match self.ask(Ask::Contain { tenant, id, uid, ask, reason }).await?.next().await? {
            Answer::Contained(applied) => Ok(applied),
            other => Err(self.beside(&other)),
        }
    }

    /// The health of the engine and its store.
    ///
    /// # Errors
    /// No engine runs there, or it does not answer.
    pub async fn health(&self) -> Result<EngineHealth, Error> {
        match self.ask(Ask::Health {}).await?.next().await? {
            Answer::Health(health) => Ok(*health),
            other => Err(self.beside(&other)),
        }
    }

    /// One page of dead letters; as [`Reader::dead_letters`](crate::Reader::dead_letters).
    ///
    /// # Errors
    /// No engine runs there, or it does not answer.
    pub async fn dead_letters(
        &self,
        tenant: Option<&TenantCode>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Error> {
        let (tenant, after) = (tenant.cloned(), after.map(str::to_owned));
        let mut talk = self.ask(Ask::DeadLetters { tenant, after, limit }).await?;
        let mut letters = Vec::new();
        loop {
            match talk.next().await? {
                Answer::Letter(letter) => letters.push(*letter),
                Answer::End { .. } => return Ok(letters),
                other => return Err(self.beside(&other)),
            }
        }
    }

    pub(super) async fn ask(&self, ask: Ask) -> Result<Talk<'_>, Error> {
        let mut line = serde_json::to_vec(&Request { version: VERSION, ask })
            .map_err(|error| self.failed(io::Error::other(error)))?;
        line.push(b'\n');
        let connecting = async {
            let mut stream = connect(&self.data).await?;
            match stream.write_all(&line).await {
                // An engine that refuses the client may close the connection before the request: its answer has the
                // reason.
                Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
                Ok(()) | Err(_) => Ok(stream),
            }
        };
        let connected = timeout(LOCAL_WAIT, connecting).await;
        let stream = connected.map_err(|_| self.late())?.map_err(|error| self.failed(error))?;
        Ok(Talk { client: self, lines: BufReader::new(stream).take(0) })
    }

    fn late(&self) -> Error {
        Error::Late { data: self.data.clone() }
    }

    fn failed(&self, source: io::Error) -> Error {
        let data = self.data.clone();
        match source.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::NotADirectory => {
                Error::NoEngine { data }
            }
            _ => Error::Connection { data, source },
        }
    }

    fn garbled(&self, why: impl Into<String>) -> Error {
        Error::Garbled { data: self.data.clone(), why: why.into() }
    }

    /// An unexpected line of an answer; an error is the engine's own.
    pub(super) fn beside(&self, answer: &Answer) -> Error {
        match answer {
            Answer::Error { message, retryable } => {
                Error::Engine { message: message.clone(), retryable: *retryable }
            }
            Answer::NoPlace { message } => Error::NoPlace { message: message.clone() },
            _ => self.garbled("a line that was not asked for"),
        }
    }
}

#[cfg(unix)]
async fn connect(data: &Path) -> io::Result<Stream> {
    let folder = super::socket::Folder::of(data)?;
    Stream::connect(folder.socket()).await
}

/// This system has no Unix sockets, and so no engine has one.
#[cfg(not(unix))]
type Stream = tokio::io::DuplexStream;
#[cfg(not(unix))]
async fn connect(_: &Path) -> io::Result<Stream> {
    Err(ErrorKind::NotFound.into())
}

/// An answer, line by line.
pub(super) struct Talk<'a> {
    client: &'a Client,
    lines: Take<BufReader<Stream>>,
}

impl Talk<'_> {
    pub(super) async fn next(&mut self) -> Result<Answer, Error> {
        let mut line = Vec::new();
        self.lines.set_limit(LOCAL_LINE_BYTES as u64);
        let read = timeout(LOCAL_WAIT, self.lines.read_until(b'\n', &mut line)).await;
        let read = read.map_err(|_| self.client.late())?;
        read.map_err(|error| self.client.failed(error))?;
        if line.len() >= LOCAL_LINE_BYTES {
            return Err(self.client.garbled(format!("a line of {LOCAL_LINE_BYTES} bytes or more")));
        }
        if line.last() != Some(&b'\n') {
            return Err(self.client.failed(ErrorKind::UnexpectedEof.into()));
        }
        serde_json::from_slice(&line).map_err(|error| self.client.garbled(error.to_string()))
    }
}
