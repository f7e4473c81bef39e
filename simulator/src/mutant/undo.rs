//! Bugs in the undos before the end of an execution.

use super::Mutant;

const UNDO: &str = "kernel/src/machine/step/undo.rs";
const UNDOS: &str = "kernel/src/machine/undos.rs";
const REGISTRATION: &str = "kernel/src/machine/undo.rs";
const ABANDON: &str = "kernel/src/machine/abandon.rs";

/// The table.
pub const UNDO_BUGS: &[Mutant] = &[
    Mutant {
        name: "undo-forgotten",
        claim: "an execution that fails or is cancelled undoes nothing",
        file: UNDO,
        find: "        if !self.undos.has_begun && self.undos.has_any(on) {\n",
        replace: "        if !self.undos.has_begun && self.undos.has_any(on) && false {\n",
    },
    Mutant {
        name: "undo-forwards",
        claim: "what was done first is undone first",
        file: UNDOS,
        find: "        let taken = std::iter::from_fn(|| self.registered.pop());\n",
        replace: "        let taken = std::iter::from_fn(|| (!self.registered.is_empty()).then(|| self.registered.remove(0)));\n",
    },
    Mutant {
        name: "undo-order-lost-by-resume",
        claim: "after a crash the order is that in which the tasks began",
        file: UNDOS,
        find: "        self.registered.sort_by_key(|registered| registered.record.number);\n",
        replace: "",
    },
    Mutant {
        name: "undo-of-unknown",
        claim: "what nobody knows to have been done is undone, although that is not safe",
        file: REGISTRATION,
        find: "            TaskStatus::Unknown => undo.safe_if_unknown,\n",
        replace: "            TaskStatus::Unknown => true,\n",
    },
    Mutant {
        name: "undo-made-again",
        claim: "an undo that had ended is made again after a crash",
        file: UNDO,
        find: "        let recorded = self.undos.recorded(&path);\n",
        replace: "        let recorded = self.undos.recorded(&path).filter(|task| !task.state.status.ended());\n",
    },
    Mutant {
        name: "undo-on-the-wrong-end",
        claim: "what is undone on failure alone is undone on a cancel too",
        file: UNDOS,
        find: "        taken.into_iter().find(|registered| registered.record.on.contains(&on))\n",
        replace: "        taken.into_iter().find(|registered| registered.record.on.contains(&on) || true)\n",
    },
    Mutant {
        name: "already-forgotten",
        claim: "what was so before the action is undone",
        file: REGISTRATION,
        find: "        let was_so = was_so.unwrap_or(false);\n",
        replace: "        let was_so = false;\n",
    },
    Mutant {
        name: "already-untold",
        claim: "a target that was so before is contained by this execution",
        file: REGISTRATION,
        find: "undo.record(&view, (hold, was_so), self",
        replace: "undo.record(&view, (hold, false), self",
    },
    Mutant {
        name: "undo-untold",
        claim: "what an execution that ends from its documents has not undone is not told",
        file: ABANDON,
        find: "    writes.extend(not_undone(tasks, execution_status, epoch, now));\n",
        replace: "    writes.extend(not_undone(&tasks[..0], execution_status, epoch, now));\n",
    },
];
