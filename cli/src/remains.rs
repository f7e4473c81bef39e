//! What remains when an execution that was run has ended: sub-playbooks of it that still run, which are waited for, and
//! containments, which are told of.

use std::collections::BTreeSet;

use updraft::{Clock, Engine, ExecutionStatus, Handle, SystemClock};

use crate::due::{Ahead, counted};
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

/// Waits for the sub-playbooks, and tells of the containments that stay; `ending` is that of what was run.
pub(crate) async fn remains(
    engine: &Engine,
    ending: Ending,
    go_on: &str,
    interrupt: &mut Interrupt,
    screen: &Screen,
) -> Result<Ending, Error> {
    let Some(waited) = interrupt.unless(wait(engine, screen)).await else {
        screen.say(INTERRUPTED);
        screen.say(&format!("sub-playbooks that are left: {}", children(engine).await?.len()));
        return Ok(ending.and(Ending::Interrupted));
    };
    waited?;
    // What was run has ended, whatever becomes of these words.
    match interrupt.unless(contained(engine, go_on, screen)).await {
        None => screen.say("interrupted: it was not looked for containments that stay"),
        Some(Err(error)) => screen.say(&format!("it is not known which containments stay: {error}")),
        Some(Ok(())) => {}
    }
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

/// Says which containments stay: this process undoes none.
async fn contained(engine: &Engine, go_on: &str, screen: &Screen) -> Result<(), Error> {
    engine.flush().await?;
    engine.register_containments().await?;
    let Ahead { now, failed, later } = Ahead::of(engine, SystemClock.now()).await?;
    if now + failed.count > 0 {
        let count = counted(now + failed.count);
        screen.say(&format!(
            "containments that have to be undone now, which this command does not: {count}; {go_on}"
        ));
    }
    if later.count > 0 {
        let (count, first) = (later.count(), later.first());
        screen.say(&format!(
            "containments that stay: {count}, the first until {first}; an engine has to run here then, or {go_on}"
        ));
    }
    Ok(())
}
