//! Bugs planted into the shipped code: signals and approvals.

use super::Mutant;

const SIGNAL: &str = "kernel/src/machine/signal.rs";
const APPROVAL: &str = "kernel/src/machine/approval.rs";
const BESIDE: &str = "kernel/src/machine/step/beside.rs";
const CONTROLS: &str = "kernel/src/machine/controls.rs";
const LAST_FAILURE: &str = "kernel/src/machine/last_failure.rs";
const STEP: &str = "kernel/src/machine/step.rs";

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
        name: "signal-unrecorded",
        claim: "it is not told who gave a signal",
        file: SIGNAL,
        find: "        self.note_control(ControlRecord { signal: Some(given), ..record });\n",
        replace: "        let _ = (given, record);\n",
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
        file: STEP,
        find: "        let due = self.wait_of(task).and_then(|wait| wait.until).unwrap_or(at.now);\n",
        replace: "        let due = self.wait_of(task).map_or(at.now, |wait| at.now.after(std::time::Duration::from_millis(wait.until.unwrap_or_default().since(wait.since))));\n",
    },
    Mutant {
        name: "gate-answered-twice",
        claim: "an approval that is decided takes another answer",
        file: APPROVAL,
        find: "        if let Some(reply) = earlier(&task.state, &gate, &answer, ",
        replace: "        if let Some(reply @ Ok(_)) = earlier(&task.state, &gate, &answer, ",
    },
    Mutant {
        name: "no-goes-on",
        claim: "the path goes on after a refusal",
        file: APPROVAL,
        find: "    if approval.goes_on(outcome.choice.as_str()) {\n",
        replace: "    if approval.goes_on(outcome.choice.as_str()) || outcome.choice.as_str() == REFUSE {\n",
    },
    Mutant {
        name: "answer-of-anybody",
        claim: "a person who is not asked answers",
        file: APPROVAL,
        find: "        if !gate.asks(&answer.uid, &answer.groups) {\n",
        replace: "        if false {\n",
    },
    Mutant {
        name: "misfit-is-taken",
        claim: "an answer that does not fit its form is taken",
        file: APPROVAL,
        find: "        let filled = form.filled(&data).map_err(|mistakes| {\n",
        replace: "        let filled = form.filled(&data).or(Ok(data)).map_err(|mistakes: Vec<crate::plan::Mistake>| {\n",
    },
    Mutant {
        name: "reminder-goes-on",
        claim: "what runs beside the wait of an approval goes on after the answer",
        file: BESIDE,
        find: "        let open: Vec<ScopeId> = self.scopes.opened_by(task).collect();\n",
        replace: "        let open: Vec<ScopeId> = Vec::new();\n        if true {\n            return self.settle(task, ending, now, effects);\n        }\n",
    },
    Mutant {
        name: "escalation-is-an-answer",
        claim: "the end of what runs beside the wait of an approval is taken for its answer",
        file: BESIDE,
        find: "        if let Some(ending) = asking.ending.clone()\n            && self.scopes",
        replace: "        if let Some(ending) = asking.ending.clone().or(Some(Ending::Completed(None)))\n            && self.scopes",
    },
    Mutant {
        name: "answer-forgotten",
        claim: "an answer that is decided while a call is waited for is not there after a crash",
        file: APPROVAL,
        find: "        if self.tasks.get(seq).is_some_and(|task| task.phase != Phase::Ended) {\n",
        replace: "        if self.tasks.get(seq).is_some_and(|task| task.phase == Phase::Ended) {\n",
    },
    Mutant {
        name: "one-person-is-a-quorum",
        claim: "any two answers are enough for a quorum of two",
        file: APPROVAL,
        find: "    let same = gate.answers.iter().filter(|given| given.choice.as_str() == choice).count();\n",
        replace: "    let same = gate.answers.len();\n",
    },
    Mutant {
        name: "end-forgotten",
        claim: "a wait of which the end was changed ends as before after a crash",
        file: CONTROLS,
        find: "        self.write_wait(seq, Wait { until: Some(until), ..wait }, now, effects);\n",
        replace: "        let _ = Wait { until: Some(until), ..wait };\n",
    },
    Mutant {
        name: "cancel-unrecorded",
        claim: "nobody knows afterwards by whom an execution was cancelled",
        file: CONTROLS,
        find: "        if let Some(asked) = asked.filter(|_| self.is_executing()) {\n",
        replace: "        if let Some(asked) = asked.filter(|_| self.ended()) {\n",
    },
    Mutant {
        name: "end-told-and-kept",
        claim: "a wait of which the end is told to be changed ends as before",
        file: CONTROLS,
        find: "            _ => self.wait(seq, until, effects),\n",
        replace: "            _ => {}\n",
    },
    Mutant {
        name: "pause-begins",
        claim: "an attempt begins while its execution is paused",
        file: "kernel/src/machine.rs",
        find: "        while !self.held && !self.is_paused() && !self.ended() {\n",
        replace: "        while !self.held && (!self.is_paused() || self.undecided.is_empty()) && !self.ended() {\n",
    },
    Mutant {
        name: "pause-forgotten",
        claim: "an execution that was paused goes on after a crash",
        file: "kernel/src/machine/resume.rs",
        find: "        machine.begin(now, &mut effects);\n",
        replace: "        machine.state.execution_status = ExecutionStatus::Executing;\n        machine.begin(now, &mut effects);\n",
    },
    Mutant {
        name: "pause-walks-on",
        claim: "a step begins while its execution is paused",
        file: "kernel/src/machine/step.rs",
        find: "        if at.recorded.is_none() && self.is_paused() {\n",
        replace: "        if at.recorded.is_none() && self.is_paused() && self.running > 0 {\n",
    },
    Mutant {
        name: "pause-loses-instants",
        claim: "an instant that passes during a pause is never due",
        file: "kernel/src/machine/pause.rs",
        find: "        effects.acts.extend(self.tasks.iter().filter_map(due));\n",
        replace: "        let _ = due;\n",
    },
    Mutant {
        name: "skip-approves",
        claim: "an approval that is skipped goes on",
        file: "kernel/src/machine/skip.rs",
        find: "                Ending::Failed(Failure::new(FailureKind::Skipped, message))\n",
        replace: "                let _ = Failure::new(FailureKind::Skipped, message);\n                Ending::Completed(None)\n",
    },
    Mutant {
        name: "skip-of-anybody",
        claim: "a person without the right to it skips an approval",
        file: "kernel/src/machine/skip.rs",
        find: "            WaitKind::Approval if !may_operate => return Err(ControlRefusal::NotOperator),\n",
        replace: "            WaitKind::Approval if !may_operate && self.ended() => return Err(ControlRefusal::NotOperator),\n",
    },
    Mutant {
        name: "resume-gives-up",
        claim: "a step that is held fails when a person resumes its execution",
        file: LAST_FAILURE,
        find: "            self.write_begins_again(task, now, effects);\n            self.task_mut(task).phase = Phase::Ready;\n            self.ready.push_back(Ready::Again(task));\n",
        replace: "            let _ = (Phase::Ready, Ready::Again(task), Self::write_begins_again);\n            self.settle(task, Ending::Failed(self.last_failure(task)), now, effects);\n",
    },
    Mutant {
        name: "held-is-forgotten",
        claim: "a step that is held begins again after a crash, and nobody has mended anything",
        file: "kernel/src/machine/step/action.rs",
        find: "                self.goes_on_waiting(at, effects);\n",
        replace: "                self.task_mut(task).phase = Phase::Ready;\n                self.ready.push_back(Ready::Again(task));\n",
    },
    Mutant {
        name: "held-for-ever",
        claim: "a step that is held does not fail when its time is over",
        file: LAST_FAILURE,
        find: "        self.is_paused_for_failure() && self.tasks",
        replace: "        self.is_paused_for_failure() && self.ended() && self.tasks",
    },
    Mutant {
        name: "failure-is-not-held",
        claim: "a step that is to pause its execution fails",
        file: LAST_FAILURE,
        find: "            if scope.cancelled || scope.shielded {\n",
        replace: "            if scope.cancelled || scope.shielded || scope.opener.is_some() {\n",
    },
];
