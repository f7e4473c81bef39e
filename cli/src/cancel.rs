//! `updraft cancel`: the end of one execution, or of all that `--where` finds, by the engine that runs there, or without one. Runs
//! nothing else.

mod many;

use updraft::{CancelVerdict, ExecutionStatus};

use crate::bulk::asked;
use crate::data::Kept;
use crate::exit::{Ending, Error};
use crate::log::Screen;
use crate::options::CancelExecution;
use crate::output::Output;
use crate::reading::Reading;

/// Cancels, and tells what became of it; answers when that is durable.
pub(crate) async fn cancel(options: &CancelExecution, screen: &Screen) -> Result<Ending, Error> {
    // On a server too: whoever runs it has this data directory, and nobody may cancel behind his back.
    let kept = Kept::of(&options.data)?;
    let Some(peid) = options.which.peid else { return many::cancel_all(options, &kept, screen).await };
    let place = Reading::of_directory(&kept).await?;
    let (tenant, asked) = (&options.which.tenant, asked(&options.which));
    let verdict: Result<_, Error> = match &place {
        Reading::Running(client) => client.cancel(tenant, peid, asked).await.map_err(Error::from),
        Reading::Alone(engine) => engine.cancel(tenant, peid, asked).await.map_err(Error::from),
        Reading::Server(_) => Ok(None),
    };
    place.close().await;
    let Some(verdict) = verdict? else {
        return Err(Error::Failed(format!("tenant {tenant} has no execution {peid}")));
    };
    let (told, ending) = told(verdict);
    let mut output = Output::stdout();
    output.line(format_args!("{peid}  {told}"));
    output.finish().map(|()| ending)
}

/// How it is said. Whoever wanted an end and finds another one should hear of it.
fn told(verdict: CancelVerdict) -> (String, Ending) {
    match verdict {
        CancelVerdict::Cancelled => ("cancelled".to_owned(), Ending::Completed),
        CancelVerdict::AlreadyEnded(ExecutionStatus::Cancelled) => {
            ("was cancelled before".to_owned(), Ending::Completed)
        }
        CancelVerdict::AlreadyEnded(status) => (format!("had ended before: {status}"), Ending::Failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_that_is_cancelled_is_what_was_asked_for_however_it_came_to_it() {
        let ending = |verdict| told(verdict).1;
        assert_eq!(ending(CancelVerdict::Cancelled), Ending::Completed);
        for status in ExecutionStatus::ALL.iter().copied() {
            let wanted =
                if status == ExecutionStatus::Cancelled { Ending::Completed } else { Ending::Failed };
            assert_eq!(ending(CancelVerdict::AlreadyEnded(status)), wanted);
        }
    }
}
