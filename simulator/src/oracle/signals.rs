//! Signals: what was told of one is kept, whatever happened since. None that was applied is lost, and no two steps take
//! the same.

use updraft_kernel::invariant::Violation;
use updraft_protocol::{
    Applied, ControlRefusal, ExecutionDocument, ExecutionId, Signal, TaskDocument, TaskStatus,
};

use super::{Oracle, broken};
use crate::scenario::ClientControl;

impl Oracle {
    /// A signal was answered.
    pub fn signal_told(
        &mut self,
        control: ClientControl,
        peid: ExecutionId,
        signal: &Signal,
        told: Result<Applied, ControlRefusal>,
    ) -> Result<(), Violation> {
        let refused = match &told {
            Err(ControlRefusal::Ended(status)) if !status.ended() => Some(format!("as it is {status}")),
            Err(ControlRefusal::TooManySignals | ControlRefusal::TooLarge(_) | ControlRefusal::NotKey) => {
                Some(format!("{told:?}"))
            }
            _ => None,
        };
        self.signals.entry(control).or_insert((peid, signal.clone(), told));
        match refused {
            Some(why) => broken("signals", format!("{} of {peid} is refused: {why}", signal.id)),
            None => Ok(()),
        }
    }

    /// Every signal that was applied is kept, or one step has taken it.
    pub(super) fn signals_are_there(
        &self,
        document: &ExecutionDocument,
        tasks: &[TaskDocument],
    ) -> Result<(), Violation> {
        let of_this = self.signals.values().filter(|(peid, ..)| *peid == document.peid);
        for (_, signal, told) in of_this {
            let received = document.state.signals.as_deref();
            let is_known = received.is_some_and(|received| received.knows(&signal.id));
            let is_kept =
                received.is_some_and(|received| received.kept.iter().any(|kept| kept.id == signal.id));
            let took = tasks.iter().filter(|task| {
                let waited = task.head.action.as_str() == "wait_for";
                waited && task.state.response.as_ref() == Some(&signal.payload)
            });
            let took: Vec<&TaskDocument> = took.collect();
            let fits = match told {
                Ok(_) => is_known && took.len() == usize::from(!is_kept),
                Err(_) => took.len() <= 1,
            };
            if !fits {
                let what = format!(
                    "{} of {} was told {told:?}: known {is_known}, kept {is_kept}, taken {} times",
                    signal.id,
                    document.peid,
                    took.len()
                );
                return broken("signals", what);
            }
            let other = took.iter().find(|task| {
                let wait = task.state.wait.as_deref();
                wait.is_some_and(|wait| {
                    wait.subject.as_deref() != Some(signal.name.as_str()) || wait.key != signal.key
                })
            });
            if let Some(task) = other {
                let what = format!("{} took {}, which is not for it", task.head.step_id, signal.id);
                return broken("signals", what);
            }
        }
        Ok(())
    }

    /// A wait for a signal must not have ended before its time without one.
    pub(super) fn wait_is_kept(task: &TaskDocument) -> Result<(), Violation> {
        let until = task.state.wait.as_deref().and_then(|wait| wait.until);
        let expired = task.state.status == TaskStatus::Failed;
        if expired && until.is_some_and(|until| task.state.updated_date < until) {
            return broken("waits are kept", format!("{} gave up before its time", task.head.step_id));
        }
        Ok(())
    }
}
