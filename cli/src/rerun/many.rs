//! `updraft rerun --where`: all executions that a filter finds run again, by the engine that runs there, or to their end by one of
//! this process. Owns what is told; that each begins once is decided by the engine.

use serde::Serialize;
use updraft::local::Client;
use updraft::{Bulk, Engine, ExecutionId, ExecutionStatus, Handle, Rerun};

use crate::bulk::{confirm, filter, left_alone, uncounted, uncounted_there};
use crate::command::Command;
use crate::data::{self, Kept};
use crate::exit::{Ending, Error};
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::options::RerunExecution;
use crate::output::Output;
use crate::remains::remains;

/// What became of one execution.
#[derive(Serialize)]
struct ToldRerun {
    peid: ExecutionId,
    /// The new execution, if there is one.
    rerun: Option<ExecutionId>,
    /// How that has ended, if it has and this process has run it.
    status: Option<ExecutionStatus>,
    /// Why there is none.
    refused: Option<String>,
    /// The new execution, where this process runs it.
    #[serde(skip)]
    handle: Option<Handle>,
}

/// The reruns of a count.
enum Reruns<'e> {
    /// By an engine of this process.
    Own(Bulk<'e, Rerun>),
    /// By the engine that runs there.
    There(Bulk<'e, Rerun, Client>),
}

impl Reruns<'_> {
    /// The next rerun has begun, or is refused; `None` if all have been asked for. An error leaves the rest.
    async fn next(&mut self) -> Result<Option<ToldRerun>, Error> {
        let refused = |peid, refused| ToldRerun {
            peid,
            rerun: None,
            status: None,
            refused: Some(refused),
            handle: None,
        };
        let begun =
            |peid, rerun, handle| ToldRerun { peid, rerun: Some(rerun), status: None, refused: None, handle };
        Ok(match self {
            Self::Own(bulk) => bulk.next().await.map(|(peid, rerun)| match rerun {
                Ok(handle) => begun(peid, handle.peid(), Some(handle)),
                Err(error) => refused(peid, error.to_string()),
            }),
            Self::There(bulk) => match bulk.next().await {
                None => None,
                Some((peid, Ok(rerun))) => Some(begun(peid, rerun, None)),
                Some((peid, Err(error))) => Some(refused(peid, left_alone(error)?)),
            },
        })
    }

    fn left(&self) -> usize {
        match self {
            Self::Own(bulk) => bulk.left(),
            Self::There(bulk) => bulk.left(),
        }
    }
}

/// Runs them again.
pub(super) async fn rerun_all(options: &RerunExecution, screen: &Screen) -> Result<Ending, Error> {
    let mut interrupt = Interrupt::listen(screen)?;
    let kept = Kept::of(&options.data)?;
    let client = Client::new(&kept.directory);
    if client.is_there().await? {
        let counting = client.count_reruns(filter(&options.which)?, super::asked(options)?);
        let Some(counted) = interrupt.unless(counting).await else { return Ok(Ending::Interrupted) };
        let counted = counted.map_err(uncounted_there)?;
        confirm(counted.count(), "run again", &options.which, &mut interrupt, screen).await?;
        return run(Reruns::There(client.rerun_all(counted)), options, &mut interrupt, screen).await;
    }
    let builder = super::builder(&kept, options)?;
    let go_on = format!("go on with: {}", Command::new("recover", &kept).working(&options.work));
    let Some(engine) = data::start(builder, &mut interrupt, screen).await? else {
        return Ok(Ending::Interrupted);
    };
    let mut done = run_here(&engine, options, &mut interrupt, screen).await;
    if let Ok(ending) = done
        && ending != Ending::Interrupted
    {
        done = remains(&engine, ending, &go_on, &mut interrupt, screen).await;
    }
    data::close(&engine, &mut interrupt, screen).await;
    if matches!(done, Ok(Ending::Interrupted)) {
        screen.say(&go_on);
    }
    done
}

async fn run_here(
    engine: &Engine,
    options: &RerunExecution,
    interrupt: &mut Interrupt,
    screen: &Screen,
) -> Result<Ending, Error> {
    let counting = engine.count_reruns(filter(&options.which)?, super::asked(options)?);
    let Some(counted) = interrupt.unless(counting).await else { return Ok(Ending::Interrupted) };
    let counted = counted.map_err(uncounted)?;
    confirm(counted.count(), "run again", &options.which, interrupt, screen).await?;
    run(Reruns::Own(engine.rerun_all(counted)), options, interrupt, screen).await
}

/// Tells of each as it begins, and as it ends where this process runs it; as JSON, of all at the end.
async fn run(
    mut reruns: Reruns<'_>,
    options: &RerunExecution,
    interrupt: &mut Interrupt,
    screen: &Screen,
) -> Result<Ending, Error> {
    let (mut told, mut output) = (Vec::new(), Output::stdout());
    let stopped = loop {
        match interrupt.unless(reruns.next()).await {
            Some(Ok(None)) => break None,
            Some(Ok(Some(rerun))) => {
                screen.say(&sentence(&rerun));
                told.push(rerun);
            }
            Some(Err(error)) => break Some(Err(error)),
            None => break Some(Ok(Ending::Interrupted)),
        }
    };
    if stopped.is_some() {
        let left = reruns.left();
        screen.say(&format!("{left} were not asked for: the same command goes on with what is left"));
    }
    let ended = match stopped {
        Some(stopped) => stopped,
        None => wait_for(&mut told, (!options.json).then_some(&mut output), interrupt).await,
    };
    if options.json {
        output.json(&told);
    }
    let ending = ended?;
    output.finish().map(|()| ending)
}

/// How it is said.
fn sentence(ToldRerun { peid, rerun, refused, .. }: &ToldRerun) -> String {
    match (rerun, refused) {
        (Some(rerun), _) => format!("{peid}  runs again as {rerun}"),
        (None, refused) => format!("{peid}  does not run again: {}", refused.as_deref().unwrap_or_default()),
    }
}

/// Waits for all that this process runs.
async fn wait_for(
    told: &mut [ToldRerun],
    mut output: Option<&mut Output>,
    interrupt: &mut Interrupt,
) -> Result<Ending, Error> {
    let mut ending = Ending::Completed;
    for rerun in told {
        let Some(handle) = &rerun.handle else {
            ending = if rerun.refused.is_some() { ending.and(Ending::Failed) } else { ending };
            continue;
        };
        let Some(ended) = interrupt.unless(handle.wait()).await else { return Ok(Ending::Interrupted) };
        let status = ended.map_err(|lost| Error::Failed(lost.to_string()))?.state.execution_status;
        (rerun.status, ending) = (Some(status), ending.and(Ending::of(status)));
        if let Some(output) = &mut output {
            output.line(format_args!("{}  {}  {status}", rerun.peid, handle.peid()));
        }
    }
    Ok(ending)
}
