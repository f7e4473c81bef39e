//! Watching one execution of an engine: submits it, shows it, and says how it ended. Owns the words about it; starts and
//! closes no engine.

use updraft::limits::LEFT_COUNTED;
use updraft::{
    Engine, ExecutionId, Handle, Inspection, Name, Playbook, PlaybookId, Refusal, Rerun, RerunError,
    Submission, SubmitError, TenantCode,
};

use crate::ask::Answering;
use crate::exit::{Ending, Error};
use crate::follow::{Followed, follow};
use crate::interrupt::Interrupt;
use crate::log::Screen;
use crate::output::Output;
use crate::playbook::with_way;
use crate::progress::Progress;
use crate::step_tree::StepTree;

/// What is said at a signal while it is not known whether the execution was accepted.
const PERHAPS_BEGUN: &str = "interrupted while it was submitted; where it was accepted, ";

/// Whose execution is watched, and how.
pub(crate) struct Watch<'a> {
    pub(crate) tenant: &'a TenantCode,
    /// Its idempotency key.
    pub(crate) key: Option<&'a str>,
    pub(crate) json: bool,
    /// How what lies beside it goes on.
    pub(crate) go_on: &'a str,
    /// How its approvals are answered.
    pub(crate) answering: &'a Answering<'a>,
    pub(crate) screen: &'a Screen,
}

/// How an execution begins.
pub(crate) enum Beginning {
    /// As one of this playbook, which is stored with those that its steps run.
    Submit { playbook: Box<Playbook>, subs: Vec<Playbook>, submission: Box<Submission> },
    /// As the rerun of this one.
    Again(ExecutionId, Box<Rerun>),
}

/// How far an execution was watched.
pub(crate) enum Watched {
    /// To its end.
    Ended(Ending),
    /// An interruption came before it was known to be accepted.
    NotBegun,
    /// An interruption came before its end.
    Left {
        peid: ExecutionId,
        progress: Box<Progress>,
        /// Whether the store has everything.
        stored: bool,
    },
}

/// An execution that was accepted.
struct Begun {
    handle: Handle,
    /// Its playbook's name and version.
    name: Name,
    version: u32,
    /// Which steps are shown inside of which.
    tree: StepTree,
}

impl Watch<'_> {
    /// Begins an execution and follows it.
    pub(crate) async fn run(
        &self,
        engine: &Engine,
        beginning: Beginning,
        interrupt: &mut Interrupt,
    ) -> Result<Watched, Error> {
        let begun = interrupt.unless(self.begin(engine, beginning)).await;
        let Some(begun) = begun else {
            self.screen.say(&format!("{PERHAPS_BEGUN}{}", self.go_on));
            return Ok(Watched::NotBegun);
        };
        let Begun { handle, name, version, tree } = begun?;
        let mut progress = Progress::new(tree, self.json, self.screen);
        let peid = handle.peid();
        progress.begin(&format!("{name} version {version}, execution {peid}"));
        // A signal that comes meanwhile is one to an execution that is known: following it sees the signal.
        interrupt.unless(self.tell_of_others(engine)).await.transpose()?;
        match follow(engine, &handle, &mut progress, interrupt, (self.screen, self.answering)).await? {
            Followed::Ended(inspection) => self.tell(&inspection, progress).map(Watched::Ended),
            Followed::Left { stored } => Ok(Watched::Left { peid, progress: Box::new(progress), stored }),
        }
    }

    async fn begin(&self, engine: &Engine, beginning: Beginning) -> Result<Begun, Error> {
        let (playbook, subs, submission) = match beginning {
            Beginning::Submit { playbook, subs, submission } => (*playbook, subs, *submission),
            Beginning::Again(peid, rerun) => return self.begin_again(engine, peid, *rerun).await,
        };
        let (name, version) = (playbook.name.clone(), playbook.version);
        let tree = StepTree::of(&playbook);
        for sub in subs {
            engine.playbooks().put(self.tenant, sub).await?;
        }
        let pid = engine.playbooks().put(self.tenant, playbook).await?;
        let submitted = engine.submit(submission).await;
        let handle = submitted.map_err(|error| self.refused(error, &name))?;
        match self.key.filter(|_| handle.reused()) {
            None => Ok(Begun { handle, name, version, tree }),
            Some(key) => self.begun_before(engine, handle, key, (pid, tree)).await,
        }
    }

    /// Runs an execution again that has ended.
    async fn begin_again(&self, engine: &Engine, peid: ExecutionId, rerun: Rerun) -> Result<Begun, Error> {
        let handle = engine.rerun(self.tenant, peid, rerun).await.map_err(|error| match error {
            RerunError::Read(error) => error.into(),
            error => Error::Refused(error.to_string()),
        })?;
        let handle = engine.take_up(self.tenant, handle.peid()).await?.unwrap_or(handle);
        let head = handle.inspect().await?.execution.head.clone();
        let tree = Self::tree_of(engine, self.tenant, head.pid).await?;
        Ok(Begun { handle, name: head.playbook_name.clone(), version: head.playbook_version, tree })
    }

    async fn tree_of(engine: &Engine, tenant: &TenantCode, pid: PlaybookId) -> Result<StepTree, Error> {
        let stored = engine.playbooks().get(tenant, pid).await?;
        let stored = stored.and_then(|stored| Playbook::parse(stored.definition.as_str().as_bytes()).ok());
        Ok(stored.as_ref().map(StepTree::of).unwrap_or_default())
    }

    /// The execution that has the key already.
    async fn begun_before(
        &self,
        engine: &Engine,
        handle: Handle,
        key: &str,
        (pid, tree): (PlaybookId, StepTree),
    ) -> Result<Begun, Error> {
        let peid = handle.peid();
        self.screen.say(&format!("--key {key}: execution {peid} has this key; nothing is run anew"));
        // It may be one that a crash left: then it is this command's own.
        let handle = engine.take_up(self.tenant, peid).await?.unwrap_or(handle);
        let head = handle.inspect().await?.execution.head.clone();
        let tree = if head.pid == pid {
            tree
        } else {
            // The key was used before, for another version.
            Self::tree_of(engine, self.tenant, head.pid).await?
        };
        Ok(Begun { handle, name: head.playbook_name.clone(), version: head.playbook_version, tree })
    }

    /// Says what lies there unfinished, and is left as it is.
    async fn tell_of_others(&self, engine: &Engine) -> Result<(), Error> {
        let others = engine.unresumed(LEFT_COUNTED).await?;
        let (count, executions) = match others {
            0 => return Ok(()),
            1 => ("one".to_owned(), "execution is"),
            LEFT_COUNTED => (format!("{others} or more"), "executions are"),
            _ => (others.to_string(), "executions are"),
        };
        let go_on = self.go_on;
        self.screen.say(&format!("{count} other unfinished {executions} there, left as before; {go_on}"));
        Ok(())
    }

    /// Why it was not accepted, in the words of the command line.
    fn refused(&self, error: SubmitError, playbook: &Name) -> Error {
        match (&error.refusal, self.key) {
            (Refusal::KeyReused { peid }, Some(key)) => Error::Refused(format!(
                "--key {key}: execution {peid} of playbook {playbook} has this key, with another --input or other --var; \
                 use another key, or `--on-reuse return-first` to be shown that execution"
            )),
            (Refusal::Missing(missing), _) => {
                let missing: Vec<String> =
                    missing.iter().map(|mistake| with_way(&mistake.to_string())).collect();
                Error::Refused(missing.join("\n"))
            }
            _ => error.into(),
        }
    }

    /// Shows where it stands at last.
    pub(crate) fn tell(&self, inspection: &Inspection, progress: Progress) -> Result<Ending, Error> {
        let shown = progress.end(inspection);
        if self.json {
            // Where standard error was lost, the result is not.
            let mut output = Output::stdout();
            output.whole(inspection);
            output.finish()?;
        } else {
            shown?;
        }
        Ok(Ending::of(inspection.execution.state.execution_status))
    }
}
