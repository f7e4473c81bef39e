//! Bugs planted into the shipped code: sub-playbooks.

use super::Mutant;

const CHILD: &str = "kernel/src/machine/child.rs";
const STEP: &str = "kernel/src/machine/step/sub_playbook.rs";
const CANCEL: &str = "kernel/src/machine/cancel.rs";
const END: &str = "kernel/src/machine/end.rs";
const EXECUTION: &str = "kernel/src/execution.rs";

/// The table.
pub const CHILDREN: &[Mutant] = &[
    Mutant {
        name: "child-started-twice",
        claim: "a child that is looked for after a crash is another one",
        file: STEP,
        find: "                let parent = Parent { peid: self.peid, task: id, depth, waits: child.waits };\n",
        replace: "                let other = updraft_protocol::TaskId::from_bytes(*ExecutionId::of_child(id).as_bytes());\n                let starter = if at.recorded.is_some() { other } else { id };\n                let parent = Parent { peid: self.peid, task: starter, depth, waits: child.waits };\n",
    },
    Mutant {
        name: "child-forgotten",
        claim: "a parent that is read back does not look for its child again",
        file: STEP,
        find: "                effects.acts.push(Act::StartChild(Box::new(StartChild { parent, playbook, input })));\n",
        replace: "                if at.recorded.is_none() {\n                    effects.acts.push(Act::StartChild(Box::new(StartChild { parent, playbook, input })));\n                }\n",
    },
    Mutant {
        name: "cancel-stays-above",
        claim: "the cancel of an execution does not go down to its children",
        file: END,
        find: "            self.stop_child(seq, now, effects);\n",
        replace: "",
    },
    Mutant {
        name: "lost-child-is-not-waited-for",
        claim: "a branch that lost is told as over while its child goes on",
        file: CANCEL,
        find: "        self.waits_for_child(task) || (what == Cancel::Path && self.calls_at_most_once(task))\n",
        replace: "        what == Cancel::Path && self.calls_at_most_once(task)\n",
    },
    Mutant {
        name: "orphan-goes-on",
        claim: "a child whose parent has ended goes on after a crash",
        file: EXECUTION,
        find: "            ExecutionEvent::Orphaned => self.stop(MachineEvent::Cancel(None), now),\n",
        replace: "            ExecutionEvent::Orphaned => {}\n",
    },
    Mutant {
        name: "child-over-its-time-goes-on",
        claim: "a step whose time is over fails, and its child goes on",
        file: CHILD,
        find: "        if !child.waits {\n",
        replace: "        if child.waits || !child.waits {\n",
    },
    Mutant {
        name: "failure-of-a-child-completes",
        claim: "a child that was cancelled completes its task",
        file: CHILD,
        find: "            ExecutionStatus::Completed => self\n",
        replace: "            ExecutionStatus::Completed | ExecutionStatus::Cancelled => self\n",
    },
    Mutant {
        name: "child-after-its-report",
        claim: "a child is started although its task has its report",
        file: EXECUTION,
        find: "        let is_report = matches!(event, MachineEvent::Child { .. });\n",
        replace: "        let is_report = false;\n",
    },
];
