//! What a dry run asks for in place of people and of senders of signals. Decides nothing of what follows.

use std::sync::Arc;

use updraft_kernel::machine::MachineEvent;
use updraft_protocol::{Asked, Name, Signal, TaskId, WaitKind};

use super::DryRun;
use crate::answers::{QuestionAsked, Reaction, SignalAwaited, SignalGiven};

/// Who does what is done to a dry run.
fn somebody() -> Asked {
    Asked { uid: "dry-run".into(), reason: "as it is written".into() }
}

impl DryRun<'_> {
    /// A task waits: asks what becomes of that, once for each wait.
    pub(super) fn ask(&mut self, number: usize, id: TaskId) {
        let Some(task) = self.keeper.task(id) else { return };
        let Some(wait) = task.wait.as_deref().filter(|_| !task.status.ended()) else { return };
        if !matches!(wait.kind, WaitKind::Approval | WaitKind::Signal) || !self.asked.insert((id, wait.since))
        {
            return;
        }
        let subject: Arc<str> = wait.subject.clone().unwrap_or_default();
        let (place, at, until) = (task.place.clone(), wait.since, wait.until);
        if wait.kind == WaitKind::Signal {
            let awaited = SignalAwaited { place, signal: subject, key: wait.key.clone(), at, until };
            self.ask_for_signal(number, id, &awaited);
        } else if let Some(gate) = wait.gate.as_deref().cloned() {
            self.ask_people(number, id, QuestionAsked { place, question: subject, gate, at, until });
        }
    }

    fn ask_people(&mut self, number: usize, task: TaskId, asked: QuestionAsked) {
        let reaction = self.answers.question(&asked);
        let text = format!("approval {:?}", &*asked.question);
        self.keeper.questions.push(asked);
        match reaction {
            None => self.lacks(task, text),
            Some(Reaction::Nothing) => {}
            Some(Reaction::Skips(after)) => self.skip(number, task, after),
            Some(Reaction::Answers(answers)) => {
                for (after, answer) in answers {
                    let event = MachineEvent::Answer { task, answer };
                    self.queue.push(self.now.after(after), (number, event));
                }
            }
        }
    }

    fn ask_for_signal(&mut self, number: usize, task: TaskId, awaited: &SignalAwaited) {
        match self.answers.signal(awaited) {
            None => {
                let key = awaited.key.as_deref().map(|key| format!(" with the key {key:?}"));
                self.lacks(task, format!("signal {}{}", awaited.signal, key.unwrap_or_default()));
            }
            Some(SignalGiven::Nothing) => {}
            Some(SignalGiven::Skips(after)) => self.skip(number, task, after),
            Some(SignalGiven::Comes(after, payload)) => {
                let Ok(name) = Name::new(&*awaited.signal) else { return };
                let id = format!("{task}-{}", awaited.at.0).into();
                let signal = Signal { id, name, key: awaited.key.clone(), payload };
                let event = MachineEvent::Signal(signal, somebody());
                self.queue.push(self.now.after(after), (number, event));
            }
        }
    }

    fn skip(&mut self, number: usize, task: TaskId, after: std::time::Duration) {
        let event = MachineEvent::Skip { task, asked: somebody(), may_operate: true };
        self.queue.push(self.now.after(after), (number, event));
    }
}
