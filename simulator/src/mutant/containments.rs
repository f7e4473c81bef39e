//! Bugs in containments and in their reconciler.

use super::Mutant;

const MACHINE: &str = "kernel/src/containment.rs";
const ASKED: &str = "kernel/src/containment/asked.rs";
const CALLS: &str = "kernel/src/containment/calls.rs";
const RECONCILER: &str = "kernel/src/containment/reconciler.rs";

/// The table.
pub const CONTAINMENTS: &[Mutant] = &[
    Mutant {
        name: "containment-marked-first",
        claim: "a task is marked although its containment is not stored",
        file: RECONCILER,
        find: "            self.begin(Subject::Hold(Box::new(task)), (tenant.clone(), id), None);\n",
        replace: "            self.registered.push(task.clone());\n            self.begin(Subject::Hold(Box::new(task)), (tenant.clone(), id), None);\n",
    },
    Mutant {
        name: "containment-conflict-ignored",
        claim: "what another change came before counts as stored",
        file: RECONCILER,
        find: "        if was_as_read {\n",
        replace: "        if was_as_read || self.current.is_some() {\n",
    },
    Mutant {
        name: "containment-page-starves",
        claim: "what cannot be registered is read again and again, and nothing behind it",
        file: RECONCILER,
        find: ".and_then(HoldCursor::of);\n",
        replace: ".and_then(HoldCursor::of).filter(|_| false);\n",
    },
    Mutant {
        name: "containment-round-first",
        claim: "a round begins before the containment says so",
        file: RECONCILER,
        find: "            Some(after) => ReconcilerCommand::Put(after, revision),\n",
        replace: "            Some(after) if revision.is_some() && after.details.execution.is_none() && after.status == ContainmentStatus::Undoing => self.round(after, now),\n            Some(after) => ReconcilerCommand::Put(after, revision),\n",
    },
    Mutant {
        name: "containment-first-holder",
        claim: "the target is released when the time of the first holder is over",
        file: MACHINE,
        find: "chain(document.details.extended).max();\n",
        replace: "chain(document.details.extended).min();\n",
    },
    Mutant {
        name: "containment-extend-forgotten",
        claim: "what a person has extended ends before, as another task contains the target too",
        file: MACHINE,
        find: "    hold_by(details, holder);\n",
        replace: "    details.extended = None;\n    hold_by(details, holder);\n",
    },
    Mutant {
        name: "containment-due-once",
        claim: "what a person has extended between the reading and the undo is undone",
        file: MACHINE,
        find: "document.due.is_some_and(|due| due <= now);\n",
        replace: "document.due.is_some();\n",
    },
    Mutant {
        name: "containment-held-meanwhile",
        claim: "a task that contains the target while it is undone holds nothing",
        file: MACHINE,
        find: "if is_held { ContainmentStatus::Active } else { ContainmentStatus::Undone }",
        replace: "if is_held && false { ContainmentStatus::Active } else { ContainmentStatus::Undone }",
    },
    Mutant {
        name: "containment-failure-untold",
        claim: "an undo that failed counts as made",
        file: MACHINE,
        find: "if is_held { ContainmentStatus::Active } else { ContainmentStatus::UndoFailed }",
        replace: "if is_held { ContainmentStatus::Active } else { ContainmentStatus::Undone }",
    },
    Mutant {
        name: "containment-round-of-before",
        claim: "a second round follows the execution of the first, and is never made",
        file: MACHINE,
        find: "    (details.began, details.execution) = (Some(now), None);\n",
        replace: "    details.began = Some(now);\n",
    },
    Mutant {
        name: "containment-release-forgotten",
        claim: "what its execution has taken back stays contained until its time",
        file: MACHINE,
        find: "        return release(document, task, undo, now);\n",
        replace: "        return None;\n",
    },
    Mutant {
        name: "containment-was-so",
        claim: "what was so before by other hands is contained, and undone",
        file: MACHINE,
        find: "    if undo.was_so && before.is_none_or(",
        replace: "    if undo.was_so && before.is_some_and(",
    },
    Mutant {
        name: "containment-kept-undone",
        claim: "what a person keeps is undone when its time is over",
        file: ASKED,
        find: "                document.status = ContainmentStatus::Kept;\n",
        replace: "                document.status = ContainmentStatus::Active;\n",
    },
    Mutant {
        name: "containment-other-undo-forgotten",
        claim: "of different undos of one target only the newest is made",
        file: CALLS,
        find: "            details.also.insert(0, made);\n        }\n        return true;\n",
        replace: "            details.also.insert(0, made);\n        }\n",
    },
    Mutant {
        name: "containment-held-undo-forgotten",
        claim: "an undo that a later holder needs is forgotten when those of others are made",
        file: CALLS,
        find: "        if is_held {\n            details.also.insert(0, made);\n",
        replace: "        if false {\n            details.also.insert(0, made);\n",
    },
];
