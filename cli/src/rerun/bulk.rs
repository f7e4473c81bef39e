//! `updraft rerun --where`: all executions that a filter finds run again, once a person has seen how many they are. Owns what is
//! asked and told; which they are, and that each begins once, is decided by the engine.

use std::io::{BufRead, stdin};
use std::time::Duration;

use serde::Serialize;
use updraft::{
    BulkError, Clock, Engine, ExecutionFilter, ExecutionId, ExecutionStatus, Handle, SystemClock, Timestamp,
};

use crate::ask::is_somebody_there;
use crate::command::Command;
use crate::data::{self, Kept};
use crate::exit::{Ending, Error};
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::options::{RerunExecution, Which};
use crate::output::Output;

/// What became of one execution.
#[derive(Serialize)]
struct Told {
    peid: ExecutionId,
    /// The new execution, if there is one.
    rerun: Option<ExecutionId>,
    /// How that has ended, if it has.
    status: Option<ExecutionStatus>,
    /// Why there is none.
    refused: Option<String>,
}

/// Runs them again, to their end.
pub(super) async fn rerun_all(options: &RerunExecution, screen: &Screen) -> Result<Ending, Error> {
    let mut interrupt = Interrupt::listen(screen)?;
    let kept = Kept::of(&options.data)?;
    let builder = super::builder(&kept, options)?;
    let go_on = format!("go on with: {}", Command::new("recover", &kept).working(&options.work));
    let Some(engine) = data::start(builder, &mut interrupt, screen).await? else {
        return Ok(Ending::Interrupted);
    };
    let done = run(&engine, options, &mut interrupt, screen).await;
    data::close(&engine, &mut interrupt, screen).await;
    if matches!(done, Ok(Ending::Interrupted)) {
        screen.say(&go_on);
    }
    done
}

async fn run(
    engine: &Engine,
    options: &RerunExecution,
    interrupt: &mut Interrupt,
    screen: &Screen,
) -> Result<Ending, Error> {
    let refused = |error: BulkError| match error {
        BulkError::Read(error) => Error::Read(error),
        error => Error::Refused(error.to_string()),
    };
    let counted = engine.count_reruns(filter(options)?, super::asked(options)?).await.map_err(refused)?;
    let count = counted.count();
    screen.say(&format!("{count} executions are to be run again"));
    if count > 0 && !options.yes && !interrupt.unless(is_confirmed(screen)).await.unwrap_or(false) {
        return Err(Error::Refused("nothing was run again: `--yes` does it without a question".to_owned()));
    }
    let (mut bulk, mut begun, mut told) = (engine.rerun_all(counted), Vec::new(), Vec::new());
    let mut ending = Ending::Completed;
    while let Some(next) = interrupt.unless(bulk.next()).await {
        let Some((peid, rerun)) = next else {
            return wait_for(begun, (told, ending), options.json, interrupt).await;
        };
        match rerun {
            Ok(handle) => {
                screen.say(&format!("{peid}  runs again as {}", handle.peid()));
                begun.push((peid, handle));
            }
            Err(error) => {
                screen.say(&format!("{peid}  does not run again: {error}"));
                ending = ending.and(Ending::Failed);
                told.push(Told { peid, rerun: None, status: None, refused: Some(error.to_string()) });
            }
        }
    }
    screen.say(&format!("{} are left: the same command goes on with them", bulk.left()));
    Ok(Ending::Interrupted)
}

/// Waits for all that has begun.
async fn wait_for(
    begun: Vec<(ExecutionId, Handle)>,
    (mut told, mut ending): (Vec<Told>, Ending),
    as_json: bool,
    interrupt: &mut Interrupt,
) -> Result<Ending, Error> {
    let mut output = Output::stdout();
    for (peid, handle) in begun {
        let Some(ended) = interrupt.unless(handle.wait()).await else { return Ok(Ending::Interrupted) };
        let status = ended.map_err(|lost| Error::Failed(lost.to_string()))?.state.execution_status;
        ending = ending.and(Ending::of(status));
        if !as_json {
            output.line(format_args!("{peid}  {}  {status}", handle.peid()));
        }
        told.push(Told { peid, rerun: Some(handle.peid()), status: Some(status), refused: None });
    }
    if as_json {
        output.json(&told);
    }
    output.finish().map(|()| ending)
}

fn filter(options: &RerunExecution) -> Result<ExecutionFilter, Error> {
    let now = SystemClock.now();
    let ago =
        |span: Duration| Timestamp(now.0.saturating_sub(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)));
    let mut filter = ExecutionFilter::new(options.tenant.clone());
    let mut fields = Vec::new();
    for which in options.which.iter().cloned() {
        let field = std::mem::discriminant(&which);
        if fields.contains(&field) {
            return Err(Error::Refused("--where: each field is said once at most".to_owned()));
        }
        fields.push(field);
        filter = match which {
            Which::All => filter,
            Which::Status(status) => filter.status(status),
            Which::Playbook(name) => filter.playbook(name),
            Which::Since(span) => filter.since(ago(span)),
            Which::Until(span) => filter.until(ago(span)),
        };
    }
    Ok(filter)
}

/// Whether the person at the terminal says yes.
async fn is_confirmed(screen: &Screen) -> bool {
    if !is_somebody_there() {
        return false;
    }
    screen.say("type yes to run them again");
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        stdin().lock().read_line(&mut line).map(|_| line)
    });
    matches!(read.await, Ok(Ok(line)) if line.trim() == "yes")
}
