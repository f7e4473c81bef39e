//! Where executions are kept: what an engine is started with, how that is only read, and how it is closed.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::Duration;

use updraft::integrations::HttpIntegration;
use updraft::integrations::http::Allow;
use updraft::{Builder, Engine, ExecutionId, Inspection, Reader, StoreAddress, TenantCode};

use crate::exit::Error;
use crate::interrupt::Interrupt;
use crate::network;
use crate::options::{Data, Work};
use crate::secrets::Secrets;

/// How long attempts may take to end once the program wants to.
const DRAIN: Duration = Duration::from_secs(10);

/// A data directory and a store.
pub(crate) struct Kept {
    pub(crate) directory: PathBuf,
    pub(crate) store: StoreAddress,
}

impl Kept {
    /// Where the options say, the address checked.
    pub(crate) fn of(options: &Data) -> Result<Self, Error> {
        Ok(Self { directory: options.data.clone(), store: options.store.address()? })
    }

    /// What lays an engine's configuration here.
    pub(crate) fn lay(&self, builder: Builder) -> Builder {
        builder.data(&self.directory).store_at(self.store.clone())
    }

    /// How what was left here goes on.
    pub(crate) fn hint(&self) -> String {
        let same = if self.store == StoreAddress::Embedded { "" } else { ", and the same store" };
        format!("go on with: updraft resume --data {}{same}", self.directory.display())
    }

    /// Refuses a place that holds nothing of another command, so that reading makes nothing there.
    pub(crate) fn existing(&self) -> Result<(), Error> {
        match self.store {
            StoreAddress::Embedded => existing(&self.directory),
            StoreAddress::MongoDb(_) => Ok(()),
        }
    }
}

/// An engine's configuration with the tools that the program has.
pub(crate) fn tools(allowed: Vec<Allow>, secrets: Option<&Path>) -> Result<Builder, Error> {
    let http = allowed.into_iter().fold(HttpIntegration::builder(), |http, entry| http.allow(entry));
    let http = http.build().map_err(|error| Error::refused("--allow-net", error))?;
    Ok(Engine::builder().integration("http", http).secrets(Secrets::of(secrets)))
}

/// An engine's configuration for this place, as it is asked to work.
pub(crate) fn builder(kept: &Kept, work: &Work) -> Result<Builder, Error> {
    let allowed = network::allowed(&work.grants.allow_net, &kept.directory)?;
    let tools = tools(allowed, work.grants.secrets.as_deref())?;
    Ok(kept.lay(tools).durability(work.durability).configuration_wait(work.configuration_wait.0))
}

fn existing(data: &Path) -> Result<(), Error> {
    match std::fs::metadata(data) {
        Ok(found) if !found.is_dir() => Err(Error::refused(data.display(), "not a directory")),
        Ok(_) if data.join("updraft.db").exists() || data.join("journal").exists() => Ok(()),
        Ok(_) => Err(Error::refused(data.display(), "no data of Updraft there")),
        Err(error) => Err(Error::refused(data.display(), format!("no data directory there: {error}"))),
    }
}

/// Starts an engine; none where an interruption came first.
pub(crate) async fn start(builder: Builder, interrupt: &mut Interrupt) -> Result<Option<Engine>, Error> {
    tokio::select! {
        started = builder.start() => Ok(Some(started?)),
        () = interrupt.asked() => Ok(None),
    }
}

/// What is stored, opened to be read.
pub(crate) struct Reading {
    reader: Reader,
    /// Whoever reads the embedded store has it, and brings what a crash left in the journal there first.
    engine: Option<Engine>,
}

impl Deref for Reading {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

impl Reading {
    /// Lets go of it.
    pub(crate) async fn close(self) {
        if let Some(engine) = &self.engine {
            close(engine).await;
        }
    }
}

/// Opens what is stored to be read: what is unfinished stays as it is. On a server, nothing is written, no data
/// directory is needed, and an engine may run beside it.
pub(crate) async fn read(options: &Data) -> Result<Reading, Error> {
    let kept = Kept::of(options)?;
    if let StoreAddress::MongoDb(_) = kept.store {
        return Ok(Reading { reader: Reader::at(&kept.store).await?, engine: None });
    }
    kept.existing()?;
    let engine = reopen(&kept).await?;
    Ok(Reading { reader: engine.reader(), engine: Some(engine) })
}

/// An engine that resumes nothing.
async fn reopen(kept: &Kept) -> Result<Engine, Error> {
    Ok(kept.lay(Engine::builder()).shards(1).resume(false).start().await?)
}

/// Lets attempts that run end, and brings everything into the store.
pub(crate) async fn close(engine: &Engine) {
    // However it is left, the next start has everything.
    let _ = engine.shutdown(DRAIN).await;
}

/// Where an execution stands once its engine is gone: what the journal has for the store is brought there.
pub(crate) async fn read_back(
    kept: &Kept,
    tenant: &TenantCode,
    peid: ExecutionId,
) -> Result<Inspection, Error> {
    let engine = reopen(kept).await?;
    let found = engine.execution(tenant, peid).await;
    close(&engine).await;
    found?.ok_or_else(|| Error::Failed(format!("execution {peid} is not there any more")))
}
