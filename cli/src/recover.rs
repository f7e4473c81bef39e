//! `updraft recover`: what a crash or an interruption left, run to its end; and the containments that are due, undone.

use futures_util::{StreamExt, stream};
use tokio::time::MissedTickBehavior;
use updraft::limits::CONTAINMENT_LOOK;
use updraft::{
    Clock, ContainmentDocument, ContainmentStatus, Engine, Handle, Inspection, ReadError, SystemClock,
    Timestamp,
};

use crate::command::{Command, advised};
use crate::data::{self, Kept};
use crate::due::{Ahead, Due, counted};
use crate::exit::{Ending, Error};
use crate::follow::INTERRUPTED;
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::options::Recover;
use crate::output::{Array, Output};
use crate::remains;
use crate::text::{clean, duration};

/// Executions that are waited for at once; they run whether they are waited for or not.
const WAITS: usize = 1_000;

/// Looks after which an undo takes long.
const LATE: u32 = 10;

/// Goes on with all that is unfinished, has undone what is due, and tells of each end.
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
    let told =
        if options.json { Told::Json(Output::stdout().array()) } else { Told::Lines(Output::stdout()) };
    let mut recovery =
        Recovery { engine: &engine, screen, told, due: Due::default(), ending: Ending::Completed };
    let mut waited = recovery.run(&mut interrupt).await;
    if waited.is_ok() {
        waited = recovery.told.end();
    }
    let (ending, left) = (recovery.ending, recovery.due.open());
    data::close(&engine, &mut interrupt, screen).await;
    if ending == Ending::Interrupted {
        if left > 0 {
            screen.say(&format!("containments that are not undone yet: {}", counted(left)));
        }
        screen.say(&go_on);
    }
    waited.map(|()| ending)
}

/// What goes on, and what is told of it.
struct Recovery<'a> {
    engine: &'a Engine,
    screen: &'a Screen,
    told: Told,
    due: Due,
    ending: Ending,
}

impl Recovery<'_> {
    async fn run(&mut self, interrupt: &mut Interrupt) -> Result<(), Error> {
        let mut handles = self.engine.take_resumed();
        match interrupt.unless(self.look(None)).await {
            Some(Err(error)) if handles.is_empty() => return Err(error),
            Some(_) => {}
            None => {
                self.ending = Ending::Interrupted;
                return Ok(());
            }
        }
        match self.due.open() {
            0 if handles.is_empty() => self.screen.say("nothing is unfinished"),
            0 => {}
            open => {
                self.screen.say(&format!("containments that are due, and are undone now: {}", counted(open)))
            }
        }
        while !handles.is_empty() {
            if !self.wait(handles, interrupt).await? {
                return Ok(());
            }
            // One that nothing waits for goes on when what began it has ended.
            handles = remains::children(self.engine).await?;
        }
        match interrupt.unless(self.undo()).await {
            Some(done) => done,
            None => {
                self.screen.say(INTERRUPTED);
                self.ending = Ending::Interrupted;
                Ok(())
            }
        }
    }

    /// Waits for the ends of executions; false where an interruption came first.
    async fn wait(&mut self, handles: Vec<Handle>, interrupt: &mut Interrupt) -> Result<bool, Error> {
        let all = handles.len();
        let mut ends = stream::iter(handles).map(end).buffer_unordered(WAITS);
        let mut looks = tokio::time::interval(CONTAINMENT_LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ended = 0;
        loop {
            tokio::select! {
                end = ends.next() => match end {
                    Some(inspection) => {
                        let inspection = inspection?;
                        ended += 1;
                        let status = inspection.execution.state.execution_status;
                        self.ending = self.ending.and(Ending::of(status));
                        self.told.execution(&inspection);
                    }
                    None => return Ok(true),
                },
                _ = looks.tick() => {
                    // Executions outlast a store that does not answer, of which the engine warns. At the end all is looked at again.
                    let _ = interrupt.unless(self.look(None)).await;
                }
                () = interrupt.asked() => {
                    self.screen.say(INTERRUPTED);
                    data::close(self.engine, interrupt, self.screen).await;
                    self.screen.say(&format!("{} of {all} executions are left", all - ended));
                    self.ending = Ending::Interrupted;
                    return Ok(false);
                }
            }
        }
    }

    /// Waits until all that is due now is undone, or could not be, and says what is due later.
    async fn undo(&mut self) -> Result<(), Error> {
        self.engine.flush().await?;
        let now = self.look(None).await?;
        let mut looks = 0;
        while self.due.open() > 0 {
            tokio::time::sleep(CONTAINMENT_LOOK).await;
            self.look(Some(now)).await?;
            looks += 1;
            if looks == LATE {
                self.due.undoing(self.engine).await?.iter().for_each(|slow| self.tell_of_slow(slow));
            }
        }
        let Ahead { failed, later, .. } = Ahead::of(self.engine, now).await?;
        if failed.count > 0 {
            let (count, first) = (failed.count(), failed.first());
            self.screen.say(&format!(
                "containments whose undo has failed: {count}, the first is tried again at {first}: an engine has to run then, \
                 or `recover`"
            ));
        }
        if later.count > 0 {
            let (count, first) = (later.count(), later.first());
            self.screen.say(&format!(
                "containments that are due later: {count}, the first at {first}: an engine has to run then, or `recover`"
            ));
        }
        if failed.count > 0 || self.due.has_failed(self.engine).await? {
            self.ending = self.ending.and(Ending::Failed);
        }
        Ok(())
    }

    /// Tells of the undos that have ended, and follows what is due by an instant, or now; returns that instant.
    async fn look(&mut self, by: Option<Timestamp>) -> Result<Timestamp, Error> {
        // Before the clock is read: what an execution has released is due at once.
        self.engine.register_containments().await?;
        let by = by.unwrap_or_else(|| SystemClock.now());
        for ended in self.due.look(self.engine, by).await? {
            self.told.containment(&ended, self.screen);
        }
        Ok(by)
    }

    /// Says which undo takes long, and how it is found why.
    fn tell_of_slow(&self, slow: &ContainmentDocument) {
        let ContainmentDocument { target, tenant_code, details, .. } = slow;
        let Some(peid) = details.execution else { return };
        self.screen.say(&format!(
            "{target} is being undone, which takes long: `updraft why {peid} --tenant {tenant_code}` says why; Ctrl-C is safe"
        ));
    }
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

    /// A containment whose undo has ended. The array is of executions alone.
    fn containment(&mut self, ended: &ContainmentDocument, screen: &Screen) {
        let ContainmentDocument { id, tenant_code, target, status, until, details, .. } = ended;
        let how = match (status, &details.reason) {
            (ContainmentStatus::UndoFailed, Some(reason)) => format!(": {reason}"),
            (ContainmentStatus::Active, _) => format!(" until {until}: others contain it"),
            _ => String::new(),
        };
        let line = format!("{id}  {tenant_code}  {target}  {}{how}", status.as_str());
        match self {
            Self::Json(_) => screen.say(&line),
            Self::Lines(output) => output.line(clean(&line)),
        }
    }

    fn end(self) -> Result<(), Error> {
        match self {
            Self::Json(array) => array.end(),
            Self::Lines(output) => output.finish(),
        }
    }
}
