//! What remains when an execution that was run has ended: sub-playbooks of it that still run, which are waited for.

use std::collections::BTreeSet;

use updraft::{Engine, ExecutionStatus, Handle};

use crate::exit::{Ending, Error};
use crate::follow::INTERRUPTED;
use crate::interrupt::Interrupt;
use crate::log::Screen;

/// The sub-playbooks that run in an engine: one that nothing waits for goes on when what began it has ended.
pub(crate) async fn children(engine: &Engine) -> Result<Vec<Handle>, Error> {
    let mut found = Vec::new();
    for handle in engine.unfinished() {
        if handle.inspect().await?.execution.head.parent.is_some() {
            found.push(handle);
        }
    }
    Ok(found)
}

/// Waits for the sub-playbooks; `ending` is that of what was run.
pub(crate) async fn remains(
    engine: &Engine,
    ending: Ending,
    interrupt: &mut Interrupt,
    screen: &Screen,
) -> Result<Ending, Error> {
    let Some(waited) = interrupt.unless(wait(engine, screen)).await else {
        screen.say(INTERRUPTED);
        screen.say(&format!("sub-playbooks that are left: {}", children(engine).await?.len()));
        return Ok(ending.and(Ending::Interrupted));
    };
    waited?;
    Ok(ending)
}

async fn wait(engine: &Engine, screen: &Screen) -> Result<(), Error> {
    let mut told = BTreeSet::new();
    loop {
        let running = children(engine).await?;
        if running.is_empty() {
            return Ok(());
        }
        if running.iter().any(|handle| told.insert(handle.peid())) {
            let all: Vec<String> = running.iter().map(|handle| handle.peid().to_string()).collect();
            screen.say(&format!(
                "waiting for sub-playbooks that it has begun: {}; Ctrl-C is safe",
                all.join(", ")
            ));
        }
        for handle in running {
            let ended = handle.wait().await?;
            let (name, state) = (&ended.head.playbook_name, &ended.state);
            if state.execution_status != ExecutionStatus::Completed {
                let why = state.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
                screen.say(&format!("{}  {name}  {}{why}", ended.peid, state.execution_status));
            }
        }
    }
}
