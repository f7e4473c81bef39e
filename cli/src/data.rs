//! The data directory: what an engine is started with, how it is only read, and how it is closed.

use std::path::Path;
use std::time::Duration;

use updraft::integrations::HttpIntegration;
use updraft::integrations::http::Allow;
use updraft::{Builder, Engine, ExecutionId, Inspection, TenantCode};

use crate::exit::Error;
use crate::interrupt::Interrupt;
use crate::network;
use crate::options::Work;
use crate::secrets::Secrets;

/// How long attempts may take to end once the program wants to.
const DRAIN: Duration = Duration::from_secs(10);

/// An engine's configuration with the tools that the program has.
pub(crate) fn tools(allowed: Vec<Allow>) -> Result<Builder, Error> {
    let http = HttpIntegration::builder().secrets(Secrets::of_environment());
    let http = allowed.into_iter().fold(http, |http, entry| http.allow(entry));
    let http = http.build().map_err(|error| Error::refused("--allow-net", error))?;
    Ok(Engine::builder().integration("http", http))
}

/// An engine's configuration for this directory, as it is asked to work.
pub(crate) fn builder(data: &Path, work: &Work) -> Result<Builder, Error> {
    let allowed = network::allowed(&work.allow_net, data)?;
    Ok(tools(allowed)?.data(data).durability(work.durability))
}

/// Refuses a directory that holds nothing of another command, so that reading makes nothing there.
pub(crate) fn existing(data: &Path) -> Result<(), Error> {
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

/// An engine that only reads: what is unfinished stays as it is.
pub(crate) async fn read(data: &Path) -> Result<Engine, Error> {
    existing(data)?;
    Ok(Engine::builder().data(data).shards(1).resume(false).start().await?)
}

/// Lets attempts that run end, and brings everything into the store.
pub(crate) async fn close(engine: &Engine) {
    // However it is left, the next start has everything.
    let _ = engine.shutdown(DRAIN).await;
}

/// Where an execution stands once its engine is gone.
pub(crate) async fn read_back(
    data: &Path,
    tenant: &TenantCode,
    peid: ExecutionId,
) -> Result<Inspection, Error> {
    let engine = read(data).await?;
    let found = engine.execution(tenant, peid).await;
    close(&engine).await;
    found?.ok_or_else(|| Error::Failed(format!("execution {peid} is not there any more")))
}
