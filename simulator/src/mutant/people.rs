//! Bugs planted into the shipped code: signals.

use super::Mutant;

const SIGNAL: &str = "kernel/src/machine/signal.rs";
const WAIT_FOR: &str = "kernel/src/machine/step/wait_for.rs";

/// Bugs in what comes from people and other programs.
pub const PEOPLE: &[Mutant] = &[
    Mutant {
        name: "signal-lost",
        claim: "a signal that comes before its wait is told to be kept, and is not",
        file: SIGNAL,
        find: "        signals.kept.push(signal);\n",
        replace: "",
    },
    Mutant {
        name: "signal-twice",
        claim: "a signal that is repeated is applied again",
        file: SIGNAL,
        find: "        if signals.knows(&signal.id) {\n",
        replace: "        if signals.kept.iter().any(|kept| kept.id == signal.id) {\n",
    },
    Mutant {
        name: "signal-stays",
        claim: "a kept signal stays after a step has taken it, and the next one takes it too",
        file: SIGNAL,
        find: "        let signal = signals.take(name, key)?;\n        self.write_signals(signals, now, effects);\n",
        replace: "        let _ = (now, effects);\n        let signal = signals.take(name, key)?;\n",
    },
    Mutant {
        name: "signal-without-key",
        claim: "a signal ends a wait for another key",
        file: SIGNAL,
        find: "                && signal.is_for(wait.subject.as_deref().unwrap_or_default(), wait.key.as_deref())\n",
        replace: "                && signal.is_for(wait.subject.as_deref().unwrap_or_default(), signal.key.as_deref())\n",
    },
    Mutant {
        name: "wait-begins-anew",
        claim: "the wait for a signal begins again after a crash",
        file: WAIT_FOR,
        find: "            let due = self.wait_of(task).and_then(|wait| wait.until).unwrap_or(at.now);\n",
        replace: "            let due = at.now.after(wait.timeout);\n",
    },
];
