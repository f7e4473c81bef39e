//! `updraft cancel --where`: the end of all executions that a filter finds. Owns what is told of each.

use serde::Serialize;
use updraft::local::Client;
use updraft::{Asked, Bulk, CancelVerdict, ExecutionId, ExecutionStatus};

use super::told;
use crate::bulk::{asked, confirm, filter, left_alone, uncounted, uncounted_there};
use crate::data::Kept;
use crate::exit::{Ending, Error};
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::options::CancelExecution;
use crate::output::Output;
use crate::reading::Reading;

/// What became of one execution.
#[derive(Serialize)]
struct ToldCancel {
    peid: ExecutionId,
    /// How it has ended, if it has.
    status: Option<ExecutionStatus>,
    /// Whether that was so before.
    before: bool,
    /// Why it has not.
    refused: Option<String>,
}

/// The cancels of a count.
enum Cancels<'e> {
    /// By an engine of this process, which runs nothing.
    Own(Bulk<'e, Asked>),
    /// By the engine that runs there.
    There(Bulk<'e, Asked, Client>),
}

impl Cancels<'_> {
    /// What became of the next execution, or why it is left as it is; `None` if all have been asked. An error leaves the rest.
    async fn next(&mut self) -> Result<Option<(ExecutionId, Result<CancelVerdict, String>)>, Error> {
        Ok(match self {
            Self::Own(bulk) => bulk
                .next()
                .await
                .map(|(peid, cancelled)| (peid, cancelled.map_err(|error| error.to_string()))),
            Self::There(bulk) => match bulk.next().await {
                None => None,
                Some((peid, Ok(cancelled))) => Some((peid, cancelled.ok_or("it is gone".to_owned()))),
                Some((peid, Err(error))) => Some((peid, Err(left_alone(error)?))),
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

/// Cancels them.
pub(super) async fn cancel_all(
    options: &CancelExecution,
    kept: &Kept,
    screen: &Screen,
) -> Result<Ending, Error> {
    let mut interrupt = Interrupt::listen(screen)?;
    let place = Reading::of_directory(kept).await?;
    let done = cancel_there(&place, options, &mut interrupt, screen).await;
    place.close().await;
    done
}

async fn cancel_there(
    place: &Reading,
    options: &CancelExecution,
    interrupt: &mut Interrupt,
    screen: &Screen,
) -> Result<Ending, Error> {
    let (filter, asked) = (filter(&options.which)?, asked(&options.which));
    let (count, cancels) = match place {
        Reading::Running(client) => {
            let counting = client.count_cancels(filter, asked);
            let Some(counted) = interrupt.unless(counting).await else { return Ok(Ending::Interrupted) };
            let counted = counted.map_err(uncounted_there)?;
            (counted.count(), Cancels::There(client.cancel_all(counted)))
        }
        Reading::Alone(engine) => {
            let counting = engine.count_cancels(filter, asked);
            let Some(counted) = interrupt.unless(counting).await else { return Ok(Ending::Interrupted) };
            let counted = counted.map_err(uncounted)?;
            (counted.count(), Cancels::Own(engine.cancel_all(counted)))
        }
        Reading::Server(_) => return Err(Error::Failed("no engine runs here".to_owned())),
    };
    confirm(count, "cancelled", &options.which, interrupt, screen).await?;
    run(cancels, options, interrupt, screen).await
}

/// Tells of each as it is cancelled; as JSON, of all at the end.
async fn run(
    mut cancels: Cancels<'_>,
    options: &CancelExecution,
    interrupt: &mut Interrupt,
    screen: &Screen,
) -> Result<Ending, Error> {
    let (mut all, mut output, mut ending) = (Vec::new(), Output::stdout(), Ending::Completed);
    let stopped = loop {
        let (peid, cancelled) = match interrupt.unless(cancels.next()).await {
            Some(Ok(Some(next))) => next,
            Some(Ok(None)) => break None,
            Some(Err(error)) => break Some(Err(error)),
            None => break Some(Ok(Ending::Interrupted)),
        };
        let (said, ended) = match &cancelled {
            Ok(verdict) => told(*verdict),
            Err(why) => (format!("is not cancelled: {why}"), Ending::Failed),
        };
        ending = ending.and(ended);
        if options.json {
            all.push(ToldCancel::of(peid, cancelled));
        } else {
            output.line(format_args!("{peid}  {said}"));
        }
    };
    if stopped.is_some() {
        screen.say(&format!("{} were not asked: the same command goes on with them", cancels.left()));
    }
    if options.json {
        output.json(&all);
    }
    let ending = stopped.unwrap_or(Ok(ending))?;
    output.finish().map(|()| ending)
}

impl ToldCancel {
    fn of(peid: ExecutionId, cancelled: Result<CancelVerdict, String>) -> Self {
        let (status, before, refused) = match cancelled {
            Ok(CancelVerdict::Cancelled) => (Some(ExecutionStatus::Cancelled), false, None),
            Ok(CancelVerdict::AlreadyEnded(status)) => (Some(status), true, None),
            Err(why) => (None, false, Some(why)),
        };
        Self { peid, status, before, refused }
    }
}
