//! `updraft recover`: what a crash or an interruption left, run to its end.

use futures_util::{StreamExt, stream};
use updraft::{Engine, Handle, Inspection, ReadError};

use crate::command::{Command, advised};
use crate::data::{self, Kept};
use crate::exit::{Ending, Error};
use crate::follow::INTERRUPTED;
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::options::Recover;
use crate::output::{Array, Output};
use crate::text::{clean, duration};

/// Executions that are waited for at once; they run whether they are waited for or not.
const WAITS: usize = 1_000;

/// Goes on with all that is unfinished, and tells of each end.
pub(crate) async fn recover(options: &Recover, screen: &Screen) -> Result<Ending, Error> {
    let kept = Kept::of(&options.data)?;
    kept.existing()?;
    let mut builder = data::builder(&kept, &options.work)?;
    if let Some(loss) = options.accept_loss {
        builder = builder.accept_loss(loss);
    }
    let again = Command::new("recover", &kept).working(&options.work);
    let go_on = format!("go on with: {again}");
    let mut interrupt = Interrupt::listen(screen)?;
    interrupt.last_words(go_on.clone());
    let started = data::start(builder, &mut interrupt, screen).await;
    let Some(engine) = started.map_err(|error| advised(error, &kept, Some(&again)))? else {
        screen.say(&go_on);
        return Ok(Ending::Interrupted);
    };
    let handles = engine.take_resumed();
    let output =
        if options.json { Told::Json(Output::stdout().array()) } else { Told::Lines(Output::stdout()) };
    if handles.is_empty() {
        screen.say("nothing is unfinished");
    }
    let waited = wait(&engine, handles, &mut interrupt, output, screen).await;
    data::close(&engine, &mut interrupt, screen).await;
    if matches!(waited, Ok(Ending::Interrupted)) {
        screen.say(&go_on);
    }
    waited
}

async fn wait(
    engine: &Engine,
    handles: Vec<Handle>,
    interrupt: &mut Interrupt,
    mut told: Told,
    screen: &Screen,
) -> Result<Ending, Error> {
    let mut ending = Ending::Completed;
    let all = handles.len();
    let mut ends = stream::iter(handles).map(end).buffer_unordered(WAITS);
    let mut ended = 0;
    loop {
        tokio::select! {
            end = ends.next() => match end {
                Some(inspection) => {
                    let inspection = inspection?;
                    ended += 1;
                    ending = ending.and(Ending::of(inspection.execution.state.execution_status));
                    told.execution(&inspection);
                }
                None => break,
            },
            () = interrupt.asked() => {
                screen.say(INTERRUPTED);
                data::close(engine, interrupt, screen).await;
                screen.say(&format!("{} of {all} executions are left", all - ended));
                ending = Ending::Interrupted;
                break;
            }
        }
    }
    told.end()?;
    Ok(ending)
}

/// An execution at its end.
async fn end(handle: Handle) -> Result<Inspection, ReadError> {
    handle.wait().await?;
    handle.inspect().await
}

/// How ends are told.
enum Told {
    Json(Array),
    Lines(Output),
}

impl Told {
    fn execution(&mut self, inspection: &Inspection) {
        match self {
            Self::Json(array) => array.whole(inspection),
            Self::Lines(output) => {
                let (peid, head, state) =
                    (inspection.execution.peid, &inspection.execution.head, &inspection.execution.state);
                let took = state.playbook_runtime.map(|runtime| format!(" in {}", duration(runtime)));
                let error = state.error.as_ref().map(|error| format!(": {}", clean(&error.to_string())));
                output.line(format_args!(
                    "{peid}  {}  {} version {}  {}{}{}",
                    head.tenant_code,
                    head.playbook_name,
                    head.playbook_version,
                    state.execution_status,
                    took.unwrap_or_default(),
                    error.unwrap_or_default()
                ));
            }
        }
    }

    fn end(self) -> Result<(), Error> {
        match self {
            Self::Json(array) => array.end(),
            Self::Lines(output) => output.finish(),
        }
    }
}
