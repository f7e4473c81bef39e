//! Where executions are kept: what an engine is started with, and how it is closed.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;
use updraft::connectors::Connectors;
use updraft::integrations::HttpIntegration;
use updraft::integrations::http::{Allow, HttpBuilder};
use updraft::{
    Builder, Engine, ExecutionId, Inspection, Resume, Shutdown, StartError, StoreAddress, TenantCode,
};

use crate::at::At;
use crate::cacao;
use crate::connector;
use crate::exit::Error;
use crate::input;
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::mail;
use crate::network;
use crate::options::{Data, Grants, Work};
use crate::secrets::{self, Secrets};
use crate::shell;

/// How long attempts may take to end once the program wants to, and the store for what is left.
const DRAIN: Duration = Duration::from_secs(10);
/// How much longer an engine may take to let go of what it has.
const GRACE: Duration = Duration::from_secs(5);
/// How long a start or an end may take before that is said.
const LATE: Duration = Duration::from_secs(2);
/// How long the store may take to say where an interrupted execution stands.
const READ_BACK: Duration = Duration::from_secs(10);

/// How long another process that has the data directory is waited for: an engine that starts or ends, or a command that
/// reads.
pub(crate) const HELD: Duration = Duration::from_secs(2);
/// The pause before it is asked again.
pub(crate) const PAUSE: Duration = Duration::from_millis(50);

/// What is said where a start takes long.
const STARTING: &str =
    "starting takes long: the store, the disk or what the journal has for them; Ctrl-C is safe";
/// What is said where a start finds no room.
const WAITS_FOR_ROOM: &str = "waiting for room on the disk; Ctrl-C is safe";
/// How long until it is looked for again.
const ROOM: Duration = Duration::from_secs(1);
/// What is said where an end takes long.
const CLOSING: &str = "waiting, 10 s at most, for the store to take what the journal has; Ctrl-C is safe";
/// What is said at a signal then.
const NOT_WAITING: &str =
    "interrupted: what the store does not have is in the journal, and the next start brings it there";

/// The largest bundle of certificates that is read.
const TRUST_BYTES: usize = 4 << 20;

/// A data directory and a store.
pub(crate) struct Kept {
    pub(crate) directory: PathBuf,
    pub(crate) store: StoreAddress,
    /// The same as it was given.
    pub(crate) at: At,
}

impl Kept {
    /// Where the options say, the address checked.
    pub(crate) fn of(options: &Data) -> Result<Self, Error> {
        Self::new(&options.data, &options.store)
    }

    /// A directory and a store, the address checked.
    pub(crate) fn new(directory: &Path, at: &At) -> Result<Self, Error> {
        Ok(Self { directory: directory.to_owned(), store: at.address()?, at: at.clone() })
    }

    /// What lays an engine's configuration here.
    pub(crate) fn lay(&self, builder: Builder) -> Builder {
        builder.data(&self.directory).store_at(self.store.clone())
    }

    /// Refuses a place that holds nothing of another command, so that reading makes nothing there.
    pub(crate) fn existing(&self) -> Result<(), Error> {
        if self.store.is_embedded() { existing(&self.directory) } else { Ok(()) }
    }
}

/// A bundle of authorities that are trusted.
pub(crate) fn trusted(file: &Path) -> Result<Vec<u8>, Error> {
    input::bytes(file, TRUST_BYTES).map_err(|error| Error::refused(file.display(), error))
}

/// How HTTP reaches hosts, by what is granted.
pub(crate) fn http(allowed: &[Allow], grants: &Grants) -> Result<HttpBuilder, Error> {
    let allowed = allowed.iter().cloned();
    let mut http = allowed.fold(HttpIntegration::builder(), |http, entry| http.allow(entry));
    for file in &grants.trust {
        http = http.trust(&trusted(file)?).map_err(|error| Error::refused(file.display(), error))?;
    }
    network::proxied(http)
}

/// An engine's configuration with the tools that the program has, which may use what is granted.
pub(crate) fn tools(allowed: Vec<Allow>, grants: &Grants) -> Result<Builder, Error> {
    let integration =
        http(&allowed, grants)?.build().map_err(|error| Error::refused("--allow-net", error))?;
    let connectors = connector::read(&grants.connectors, http(&allowed, grants)?)?;
    let builder = Engine::builder()
        .integration("http", integration)
        .connectors(&connectors)
        .secrets(Secrets::of(secrets::directory(grants).as_deref(), &grants.secrets_of));
    mail::granted(shell::granted(builder, grants)?, &allowed, grants)
}

/// A configuration with these connectors and the secrets that are granted: for calls by hand.
pub(crate) fn tools_with(connectors: &Connectors, grants: &Grants) -> Result<Builder, Error> {
    cacao::agree(&grants.secrets_of)?;
    let secrets = Secrets::of(secrets::directory(grants).as_deref(), &grants.secrets_of);
    Ok(Engine::builder().connectors(connectors).secrets(secrets))
}

/// An engine's configuration for this place, as it is asked to work.
pub(crate) fn builder(kept: &Kept, work: &Work) -> Result<Builder, Error> {
    cacao::agree(&work.grants.secrets_of)?;
    let allowed = network::allowed(&work.grants.allow_net, &kept.directory)?;
    let tools = tools(allowed, &work.grants)?;
    let builder = work
        .redis
        .lay(kept.lay(tools))?
        .durability(work.durability)
        .configuration_wait(work.configuration_wait.0);
    let builder = builder.approval_wait(work.approval_wait.0).signal_wait(work.signal_wait.0);
    Ok(builder.child_wait(work.child_wait.0))
}

/// Refuses a directory that holds nothing of another command.
pub(crate) fn existing(data: &Path) -> Result<(), Error> {
    match std::fs::metadata(data) {
        Ok(found) if !found.is_dir() => Err(Error::refused(data.display(), "not a directory")),
        Ok(_) if data.join("updraft.db").exists() || data.join("journal").exists() => Ok(()),
        Ok(_) => Err(Error::refused(data.display(), "no data of Updraft there")),
        Err(error) => Err(Error::refused(data.display(), format!("no data directory there: {error}"))),
    }
}

/// Starts an engine, once its disk has room for that, and commands that read have let go of its data directory; none where
/// an interruption came first.
pub(crate) async fn start(
    builder: Builder,
    interrupt: &mut Interrupt,
    screen: &Screen,
) -> Result<Option<Engine>, Error> {
    let (mut told, free) = (false, Instant::now() + HELD);
    loop {
        let (mut starting, mut late) = (pin!(builder.clone().start()), pin!(tokio::time::sleep(LATE).fuse()));
        let started = loop {
            tokio::select! {
                started = &mut starting => break started,
                () = &mut late => screen.say(STARTING),
                () = interrupt.asked() => return Ok(None),
            }
        };
        let pause = match started {
            // A command that reads has it for a moment.
            Err(error) if error.is_in_use() && Instant::now() < free => PAUSE,
            Err(error) if error.is_full() => {
                if !told {
                    screen.say(&format!("{error}: {WAITS_FOR_ROOM}"));
                }
                told = true;
                ROOM
            }
            started => return Ok(Some(started?)),
        };
        if interrupt.unless(tokio::time::sleep(pause)).await.is_none() {
            return Ok(None);
        }
    }
}

/// An engine that resumes nothing.
pub(crate) async fn reopen(kept: &Kept) -> Result<Engine, StartError> {
    kept.lay(Engine::builder()).shards(1).resume(Resume::Nothing).start().await
}

/// Lets go of an engine that ran nothing. However it is left, the next start has everything.
pub(crate) async fn release(engine: &Engine) {
    let _ = engine.shutdown(DRAIN).await;
}

/// Lets attempts that run end, and brings everything into the store; whether that has everything. An interruption that
/// comes meanwhile, and was not what it is closed for, ends the wait. However it is left, the next start has everything.
pub(crate) async fn close(engine: &Engine, interrupt: &mut Interrupt, screen: &Screen) -> bool {
    let known = interrupt.came();
    let mut closing = pin!(tokio::time::timeout(DRAIN + GRACE, engine.shutdown(DRAIN)));
    let mut late = pin!(tokio::time::sleep(LATE).fuse());
    loop {
        tokio::select! {
            left = &mut closing => return matches!(left, Ok(Shutdown::Stored | Shutdown::Already)),
            () = &mut late, if !known => screen.say(CLOSING),
            () = interrupt.asked(), if !known => {
                screen.say(NOT_WAITING);
                return false;
            }
        }
    }
}

/// Where an execution stands once its engine is gone: what the journal has for the store is brought there.
pub(crate) async fn read_back(
    kept: &Kept,
    tenant: &TenantCode,
    peid: ExecutionId,
) -> Result<Inspection, Error> {
    let reading = async {
        let engine = loop {
            match reopen(kept).await {
                Err(error) if error.is_in_use() => tokio::time::sleep(PAUSE).await,
                opened => break opened?,
            }
        };
        let found = engine.execution(tenant, peid).await;
        release(&engine).await;
        found?.ok_or_else(|| Error::Failed(format!("execution {peid} is not there any more")))
    };
    let late = |_| Err(Error::Failed(format!("execution {peid}: the store does not say where it stands")));
    tokio::time::timeout(READ_BACK, reading).await.unwrap_or_else(late)
}
