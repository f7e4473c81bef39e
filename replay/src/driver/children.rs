//! The sub-playbooks of a dry run: each is a machine of its own, or ends as it is written down. Owns which task has started which;
//! what their ends mean is decided by the machine of the parent.

use updraft_kernel::machine::{ChildReport, MachineEvent, StartChild, head_of_child};
use updraft_protocol::limits::DRY_RUN_EXECUTIONS;
use updraft_protocol::{ExecutionId, Failure, FailureKind, PlaybookChoice, TaskId};

use super::{ByTask, DryRun};
use crate::answers::ChildMade;

/// What a task has started.
#[derive(Debug, Clone)]
enum Child {
    /// The machine with this number, of the parent with this number.
    Runs { number: usize, parent: usize, waits: bool },
    /// It is written down how it ends.
    Given,
}

/// What tasks have started.
#[derive(Debug, Default)]
pub(super) struct Children {
    by_task: ByTask<Child>,
    /// The tasks that started the machines, by the numbers of these.
    started: std::collections::BTreeMap<usize, TaskId>,
}

impl DryRun<'_> {
    /// A task starts its sub-playbook, unless it has.
    pub(super) fn start_child(&mut self, parent: usize, start: &StartChild) {
        let task = start.parent.task;
        if let Some(there) = self.children.by_task.get(&task).cloned() {
            return self.look_again(parent, task, &there);
        }
        let planned = self.plans.find(&start.playbook).cloned();
        let Some(place) = self.keeper.task(task).map(|task| task.place.clone()) else { return };
        let made = ChildMade {
            place: place.clone(),
            playbook: named(&start.playbook),
            input: start.input.clone(),
            at: self.now,
            waits: start.parent.waits,
            is_there: planned.is_some(),
        };
        if let Some((report, after)) = self.answers.child(&made) {
            self.children.by_task.insert(task, Child::Given);
            let event = MachineEvent::Child { task, report };
            return self.queue.push(self.now.after(after), (parent, event));
        }
        let Some(planned) = planned else {
            return self.lacks(task, format!("playbook {} {}", made.playbook, made.input));
        };
        let refused = |message: String| ChildReport::Refused(Failure::new(FailureKind::Child, message));
        let Some(head) = self.machines.get(parent).map(|running| running.machine.head().clone()) else {
            return;
        };
        let own = (planned.pid, &*planned.plan, planned.variables_json());
        let lacks = planned.plan.lacks_endpoint(|name| planned.variables.get(name));
        let report = match (head_of_child(&head, start, own, self.now), lacks) {
            (_, Some(variable)) => {
                let name = &planned.plan.name;
                refused(format!("playbook \"{name}\": variables.{variable} has no place to connect to"))
            }
            _ if self.machines.len() >= DRY_RUN_EXECUTIONS => {
                refused(format!("a dry run has at most {DRY_RUN_EXECUTIONS} executions"))
            }
            (Err(failure), None) => ChildReport::Refused(failure),
            (Ok(child), None) => {
                let (number, waits) = (self.machines.len(), start.parent.waits);
                self.children.by_task.insert(task, Child::Runs { number, parent, waits });
                self.children.started.insert(number, task);
                self.begin(planned.plan.clone(), ExecutionId::of_child(task), child, place.below());
                if waits {
                    return;
                }
                ChildReport::Started
            }
        };
        self.queue.push(self.now, (parent, MachineEvent::Child { task, report }));
    }

    /// A task looks for the sub-playbook that it has started.
    fn look_again(&mut self, parent: usize, task: TaskId, there: &Child) {
        let Child::Runs { number, waits, .. } = *there else { return };
        let Some(machine) = self.machines.get(number).map(|running| &running.machine) else { return };
        let report = match (machine.ended(), waits) {
            (true, _) => ChildReport::of(&machine.document()),
            (false, false) => ChildReport::Started,
            (false, true) => return,
        };
        self.queue.push(self.now, (parent, MachineEvent::Child { task, report }));
    }

    /// A sub-playbook is cancelled; its end is reported.
    pub(super) fn stop_child(&mut self, parent: usize, task: TaskId) {
        let report = match self.children.by_task.get(&task) {
            Some(Child::Runs { number, .. }) => match self.machines.get(*number) {
                Some(child) if child.machine.ended() => ChildReport::of(&child.machine.document()),
                _ => return self.queue.push(self.now, (*number, MachineEvent::Cancel(None))),
            },
            Some(Child::Given) | None => ChildReport::never_began(),
        };
        self.queue.push(self.now, (parent, MachineEvent::Child { task, report }));
    }

    /// A machine has ended: its parent hears of it.
    pub(super) fn child_ended(&mut self, number: usize) {
        let Some(task) = self.children.started.get(&number).copied() else { return };
        let Some(Child::Runs { parent, waits: true, .. }) = self.children.by_task.get(&task).cloned() else {
            return;
        };
        let Some(machine) = self.machines.get(number).map(|running| &running.machine) else { return };
        let report = ChildReport::of(&machine.document());
        self.queue.push(self.now, (parent, MachineEvent::Child { task, report }));
    }
}

/// A playbook as its step names it.
fn named(choice: &PlaybookChoice) -> String {
    match choice {
        PlaybookChoice::Id(pid) => pid.to_string(),
        PlaybookChoice::Named(name, None) => name.to_string(),
        PlaybookChoice::Named(name, Some(version)) => format!("{name} version {version}"),
    }
}
