//! Bugs planted into the model around the kernel: the same mistakes would be mistakes of the journal, the write-behind,
//! the actors and the engine.

use super::Mutant;

const JOURNAL: &str = "simulator/src/journal.rs";
const RECOVERY: &str = "simulator/src/recovery.rs";
const STORE: &str = "simulator/src/store.rs";
const START: &str = "simulator/src/node/start.rs";
const REGISTRY: &str = "simulator/src/registry.rs";

/// Bugs in the model around the kernel.
pub const GLUE: &[Mutant] = &[
    Mutant {
        name: "journal-no-sync",
        claim: "callers are told before the sync",
        file: JOURNAL,
        find: "        if let Err(error) = cx.disks[self.directory].sync(self.node, self.active) {\n            return self.fail(error, window, cx);\n        }\n",
        replace: "",
    },
    Mutant {
        name: "journal-sync-ignored",
        claim: "a failed sync counts as done",
        file: JOURNAL,
        find: "        if let Err(error) = cx.disks[self.directory].sync(self.node, self.active) {\n",
        replace: "        if let Err(error @ Broken::Fenced) = cx.disks[self.directory].sync(self.node, self.active) {\n",
    },
    Mutant {
        name: "journal-not-poisoned",
        claim: "the journal goes on after a failed write",
        file: JOURNAL,
        find: "        self.poisoned = true;\n        self.refuse(window, cx);\n",
        replace: "        self.refuse(window, cx);\n",
    },
    Mutant {
        name: "retention-too-early",
        claim: "a segment goes when its first group is stored",
        file: JOURNAL,
        find: "            && self.is_stored(last)\n",
        replace: "            && self.is_stored(first.min(last))\n",
    },
    Mutant {
        name: "recovery-keeps-torn-tail",
        claim: "a torn tail is not cut off",
        file: RECOVERY,
        find: "        disk.cut(node, segment, good)?;\n",
        replace: "",
    },
    Mutant {
        name: "recovery-skips-last-segment",
        claim: "the last segment is not replayed",
        file: RECOVERY,
        find: "            scan.groups.push_back((frame.lsn, updates));\n",
        replace: "            if !last_of_all {\n                scan.groups.push_back((frame.lsn, updates));\n            }\n",
    },
    Mutant {
        name: "recovery-reads-too-early",
        claim: "unfinished executions are read before the store has the journal",
        file: START,
        find: "            return self.journal.barrier(Asker::Start);\n",
        replace: "            self.writer.answered.push(Asker::Start);\n            return true;\n",
    },
    Mutant {
        name: "recovery-accepts-too-early",
        claim: "the journal takes appends while it is replayed",
        file: START,
        find: "(self.id, self.directory, scan.sealed, scan.next, self.stored.clone());\n",
        replace: "(self.id, self.directory, scan.sealed, 1, self.stored.clone());\n",
    },
    Mutant {
        name: "start-same-epoch",
        claim: "a successor has its predecessor's epoch",
        file: STORE,
        find: "            *epoch += 1;\n",
        replace: "            *epoch = (*epoch).max(1);\n",
    },
    Mutant {
        name: "store-unguarded",
        claim: "the store takes what is older than what it has",
        file: STORE,
        find: "    (update.epoch, update.seq) > document\n",
        replace: "    (update.epoch, update.seq) != document\n",
    },
    Mutant {
        name: "registry-forgets-key",
        claim: "an ended execution's key is forgotten before the store has it",
        file: REGISTRY,
        find: "self.ended.front().is_some_and(|(lsn, _)| *lsn < stored_below)",
        replace: "self.ended.front().is_some_and(|(lsn, _)| *lsn < stored_below.max(u64::MAX))",
    },
    Mutant {
        name: "store-key-of-any-playbook",
        claim: "the store finds a key whichever playbook was submitted under it",
        file: STORE,
        find: "                && head.playbook_name == key.playbook_name\n",
        replace: "",
    },
    Mutant {
        name: "resume-forgets-hash",
        claim: "an execution that is resumed at a start no longer knows what was submitted",
        file: START,
        find: "RegisteredExecution::submitted(order, tenant, key, head.input_hash);",
        replace: "RegisteredExecution::submitted(order, tenant, key, None);",
    },
];
