//! Bugs planted into the shipped code: the coalescer, the merge of updates, and the machine's resume, attempts,
//! controls and ends.

use super::Mutant;

const COALESCER: &str = "kernel/src/coalescer.rs";
const LOW_WATERMARK: &str = "kernel/src/coalescer/low_watermark.rs";
const SLOTS: &str = "kernel/src/coalescer/slots.rs";
const FIELD: &str = "protocol/src/field.rs";
const UPDATE: &str = "protocol/src/update.rs";
const MACHINE: &str = "kernel/src/machine.rs";
const RECORDED: &str = "kernel/src/machine/recorded.rs";
const RESUME: &str = "kernel/src/machine/resume.rs";
const ATTEMPT: &str = "kernel/src/machine/attempt.rs";
const END: &str = "kernel/src/machine/end.rs";
const ABANDON: &str = "kernel/src/machine/abandon.rs";
const WALK: &str = "kernel/src/machine/walk.rs";
const ACTION: &str = "kernel/src/machine/step/action.rs";
const DELAY: &str = "kernel/src/machine/step/delay.rs";
const WRITER: &str = "kernel/src/writer.rs";
const DELIVERY: &str = "kernel/src/writer/delivery.rs";
const SETTLE: &str = "kernel/src/writer/settle.rs";
const DEFERRED: &str = "kernel/src/writer/deferred.rs";
const WRITES: &str = "kernel/src/machine/writes.rs";
const RETRY: &str = "kernel/src/retry.rs";

/// Bugs in the shipped code.
pub const KERNEL: &[Mutant] = &[
    Mutant {
        name: "coalescer-replaces",
        claim: "an update that waits is replaced by the newer one, not laid under it",
        file: COALESCER,
        find: "                part.lay_over(update);\n",
        replace: "                *part = Part::new(part.lsn, update);\n",
    },
    Mutant {
        name: "coalescer-drops-newer",
        claim: "what came while a batch flew is dropped when the batch comes back",
        file: COALESCER,
        find: "            part.lay_over(newer.update);\n",
        replace: "",
    },
    Mutant {
        name: "coalescer-keeps-pin",
        claim: "a merged update keeps its pin: the journal is never deleted",
        file: COALESCER,
        find: "            self.low_watermark.release(newer.lsn);\n",
        replace: "",
    },
    Mutant {
        name: "coalescer-forgets-newer",
        claim: "what waits behind a written update is never written",
        file: COALESCER,
        find: "            Some(_) => self.make_ready(at),\n",
        replace: "            Some(_) => {}\n",
    },
    Mutant {
        name: "writer-unknown-is-done",
        claim: "an update of which nobody knows what became counts as stored",
        file: SETTLE,
        find: "                Disposition::Retry => Settled::Retry,\n",
        replace: "                Disposition::Retry => Settled::Done,\n",
    },
    Mutant {
        name: "coalescer-hold-is-lost",
        claim: "what the store would not have now is never tried again",
        file: COALESCER,
        find: "                    self.deferred.insert((lsn, at));\n",
        replace: "                    let _ = lsn;\n",
    },
    Mutant {
        name: "coalescer-debounced-is-forgotten",
        claim: "what was left for a while is never written",
        file: COALESCER,
        find: "        self.ready.push(self.newest, at);\n",
        replace: "",
    },
    Mutant {
        name: "coalescer-unbounded",
        claim: "the producer never waits",
        file: COALESCER,
        find: "        within || self.is_empty()\n",
        replace: "        within || !within\n",
    },
    Mutant {
        name: "low-watermark-ignored",
        claim: "the watermark runs ahead of the store",
        file: LOW_WATERMARK,
        find: "self.counts.first_key_value().map_or(self.next, |(lsn, _)| *lsn)",
        replace: "self.next",
    },
    Mutant {
        name: "low-watermark-counted-once",
        claim: "a position counts as stored when the first of its documents is",
        file: LOW_WATERMARK,
        find: "or_default() += count;",
        replace: "or_default() += count.min(1);",
    },
    Mutant {
        name: "slots-leak",
        claim: "a document that was written stays in the index",
        file: SLOTS,
        find: "        self.index.remove(&id);\n",
        replace: "        let _ = &id;\n",
    },
    Mutant {
        name: "part-takes-newest-position",
        claim: "a merged update forgets that it carries an older one",
        file: SLOTS,
        find: "        self.update.merge(newer);\n",
        replace: "        self.lsn += 1;\n        self.update.merge(newer);\n",
    },
    Mutant {
        name: "writer-lost-is-done",
        claim: "a batch without an answer counts as stored",
        file: DELIVERY,
        find: "                self.trouble = Some(reason);\n",
        replace: "                self.trouble = Some(reason);\n                self.dispositions.fill(Disposition::Written);\n",
    },
    Mutant {
        name: "writer-deferred-is-done",
        claim: "what the store put off counts as stored",
        file: SETTLE,
        find: "                Disposition::Defer => Settled::Defer,\n",
        replace: "                Disposition::Defer => Settled::Done,\n",
    },
    Mutant {
        name: "writer-half-is-done",
        claim: "of a batch that is refused whole, one half is never written",
        file: DELIVERY,
        find: "                self.parts.push(middle..part.end);\n",
        replace: "                self.dispositions[middle..part.end].fill(Disposition::Written);\n",
    },
    Mutant {
        name: "writer-poison-is-not-kept",
        claim: "what is poison is let go without a dead letter",
        file: DELIVERY,
        find: "            self.letters = Some(self.dead_letters());\n",
        replace: "            self.letters = Some(Vec::new());\n",
    },
    Mutant {
        name: "writer-barrier-early",
        claim: "a barrier is answered before the group in front of it is stored",
        file: WRITER,
        find: "all || *last < below",
        replace: "all || *last <= below",
    },
    Mutant {
        name: "writer-deferred-is-forgotten",
        claim: "nobody comes back to what the store would not have",
        file: DEFERRED,
        find: "            self.until = now.checked_add(self.backoff.fail());\n",
        replace: "            self.backoff.fail();\n",
    },
    Mutant {
        name: "merge-oldest-wins",
        claim: "the older of two updates is laid over the newer",
        file: UPDATE,
        find: "        if other.revision() < self.revision() {\n",
        replace: "        if other.revision() > self.revision() {\n",
    },
    Mutant {
        name: "merge-loses-head",
        claim: "a document's first update loses its head to the second",
        file: UPDATE,
        find: "            (Self::Task(this), Self::Task(newer)) if this.task_id == newer.task_id => {\n                let (this, newer) = (Arc::make_mut(this), Arc::unwrap_or_clone(newer));\n                this.revision = newer.revision;\n                this.head = newer.head.or_else(|| this.head.take());\n",
        replace: "            (Self::Task(this), Self::Task(newer)) if this.task_id == newer.task_id => {\n                let (this, newer) = (Arc::make_mut(this), Arc::unwrap_or_clone(newer));\n                this.revision = newer.revision;\n                this.head = newer.head;\n",
    },
    Mutant {
        name: "merge-loses-error",
        claim: "a field that an update does not name is emptied",
        file: FIELD,
        find: "        if newer.is_some() {\n            *self = newer;\n        }\n",
        replace: "        *self = newer;\n",
    },
    Mutant {
        name: "resume-acts-again",
        claim: "an at_most_once step is run again after a crash",
        file: ACTION,
        find: "            _ if action.at_most_once => {\n",
        replace: "            _ if action.at_most_once && state.attempt > 1 => {\n",
    },
    Mutant {
        name: "resume-waits-anew",
        claim: "the wait before a retry begins again after a crash",
        file: ACTION,
        find: "let due = wait.as_ref().and_then(|wait| wait.until).unwrap_or(at.now);",
        replace: "let due = wait.as_ref().and_then(|wait| Some(at.now.after(std::time::Duration::from_millis(wait.until?.since(wait.since))))).unwrap_or(at.now);",
    },
    Mutant {
        name: "resume-forgets-number",
        claim: "a resumed execution numbers its updates from the start",
        file: RESUME,
        find: "        machine.revision = revision;\n",
        replace: "        let _ = revision;\n",
    },
    Mutant {
        name: "resume-forgets-task-number",
        claim: "a resumed task numbers its updates from the start",
        file: RECORDED,
        find: "            revision: Revision { epoch: document.epoch, seq: document.seq },\n            phase",
        replace: "            revision: Revision { epoch: document.epoch, seq: 0 },\n            phase",
    },
    Mutant {
        name: "resume-drops-attempt",
        claim: "a task that was under way is not run again",
        file: ACTION,
        find: "                self.ready.push_back(Ready::Again(task));\n",
        replace: "",
    },
    Mutant {
        name: "resume-denies-call",
        claim: "a call under way when the time was over counts as never made",
        file: RESUME,
        find: "                TaskStatus::Executing => Phase::Running,\n",
        replace: "                TaskStatus::Executing => Phase::Ready,\n",
    },
    Mutant {
        name: "resume-ends-again",
        claim: "a join that had ended is ended once more",
        file: WALK,
        find: "            return self.follow(task, recorded);\n",
        replace: "            return self.end_task(task, recorded, now, effects);\n",
    },
    Mutant {
        name: "delay-begins-anew",
        claim: "a delay begins again after a crash",
        file: DELAY,
        find: "        let due = self.wait_of(task).and_then(|wait| wait.until).unwrap_or(at.now);\n",
        replace: "        let due = at.now.after(delay.duration);\n",
    },
    Mutant {
        name: "attempt-number-grows",
        claim: "an attempt that is run again after a crash counts as the next one",
        file: ATTEMPT,
        find: "u32::from(task.state.status == TaskStatus::Retrying)",
        replace: "u32::from(task.state.status == TaskStatus::Retrying || matches!(work, Ready::Again(_)))",
    },
    Mutant {
        name: "attempt-any-report",
        claim: "a late report of an earlier attempt ends the one under way",
        file: ATTEMPT,
        find: "task.phase == Phase::Running && task.call == call;",
        replace: "task.phase == Phase::Running && task.call >= call;",
    },
    Mutant {
        name: "attempt-denies-act",
        claim: "an at_most_once step whose tool may have acted counts as failed",
        file: ATTEMPT,
        find: "        if action.at_most_once && failure.may_have_acted() {\n",
        replace: "        if action.at_most_once && failure.may_have_acted() && attempt > 1 {\n",
    },
    Mutant {
        name: "attempt-trusts-kind",
        claim: "the kind of a failure decides whether its tool may have acted, not what its integration says",
        file: ATTEMPT,
        find: "        if action.at_most_once && failure.may_have_acted() {\n",
        replace: "        if action.at_most_once && failure.kind.may_have_acted() {\n",
    },
    Mutant {
        name: "attempt-unsent-is-unknown",
        claim: "stopping an execution calls an attempt unknown that was never sent",
        file: ATTEMPT,
        find: "            task.phase = Phase::Unsent;\n",
        replace: "            task.phase = Phase::Running;\n",
    },
    Mutant {
        name: "permit-after-intent",
        claim: "the intent is written before the call has its place",
        file: ATTEMPT,
        find: "            Ok(arguments) if takes_permit => self.acquire(work, (scope, step, began), arguments, effects),\n",
        replace: "            Ok(arguments) if takes_permit => {\n                let (task, attempt) = self.count_attempt(work, now);\n                self.write_attempt(task, attempt, None, now, effects);\n                (self.running, self.task_mut(task).phase) = (self.running - 1, Phase::Ready);\n                self.acquire(Ready::Again(task), (scope, step, began), arguments, effects);\n            }\n",
    },
    Mutant {
        name: "permit-not-asked",
        claim: "a second attempt begins without the place that it needs",
        file: ATTEMPT,
        find: "if takes_permit =>",
        replace: "if takes_permit && matches!(work, Ready::Enter(..)) =>",
    },
    Mutant {
        name: "permit-lost-in-drain",
        claim: "a call in line when the engine drains counts as under way: it never drains",
        file: MACHINE,
        find: "        self.requeue_waiting_calls();\n",
        replace: "",
    },
    Mutant {
        name: "attempt-one-too-many",
        claim: "one attempt more than the playbook allows",
        file: ATTEMPT,
        find: "self.earlier_attempts(task)) >= action.retry.attempts",
        replace: "self.earlier_attempts(task)) > action.retry.attempts",
    },
    Mutant {
        name: "retry-ignores-tool",
        claim: "a tool that asked to be left alone is called at once",
        file: ATTEMPT,
        find: "due(&action.retry, attempt, seed, failure.retry_after(), failed)",
        replace: "due(&action.retry, attempt, seed, None, failed)",
    },
    Mutant {
        name: "retry-cuts-promise",
        claim: "what a tool asked for is cut to the longest wait of the playbook",
        file: RETRY,
        find: "failed.after(asked.unwrap_or_default())",
        replace: "failed.after(asked.unwrap_or_default().min(policy.max))",
    },
    Mutant {
        name: "retry-waits-for-ever",
        claim: "a tool that asks for more than the playbook allows is waited for",
        file: RETRY,
        find: "    if asked > policy.give_up_after {\n",
        replace: "    if asked > policy.give_up_after.max(asked) {\n",
    },
    Mutant {
        name: "retry-waits-past-deadline",
        claim: "a tool that asks to be left alone until the execution's time is over is waited for",
        file: RETRY,
        find: "    deadline.filter(|deadline| until >= *deadline)",
        replace: "    deadline.filter(|deadline| until < *deadline && asked.is_zero())",
    },
    Mutant {
        name: "timer-early",
        claim: "a timer that fires early, because the clock was set back, ends the wait",
        file: ATTEMPT,
        find: "        if now < due {\n",
        replace: "        if now.after(std::time::Duration::from_secs(60)) < due {\n",
    },
    Mutant {
        name: "retry-unbounded",
        claim: "the longest wait is not kept",
        file: RETRY,
        find: "    let ceiling = ceiling.min(policy.max.as_secs_f64());\n",
        replace: "",
    },
    Mutant {
        name: "control-denies-call",
        claim: "cancelling hides that a tool was called",
        file: END,
        find: "            let (task_status, failure) = if running && at_most_once {\n",
        replace: "            let (task_status, failure) = if running && at_most_once && seq.0 == 0 {\n",
    },
    Mutant {
        name: "machine-ends-twice",
        claim: "a timer or a report after the end ends it again",
        file: MACHINE,
        find: "        let mut effects = Effects::default();\n        if self.ended() {\n",
        replace: "        let mut effects = Effects::default();\n        self.phase = end::ExecutionPhase::Executing;\n        if self.ended() && matches!(event, MachineEvent::Cancel(_)) {\n",
    },
    Mutant {
        name: "machine-not-held",
        claim: "attempts begin while the engine drains",
        file: MACHINE,
        find: "while !self.held && !self.is_paused() && !self.ended() {\n",
        replace: "while !self.is_paused() && !self.ended() {\n",
    },
    Mutant {
        name: "give-up-same-number",
        claim: "the end of an execution that is given up is no newer than what it ends",
        file: ABANDON,
        find: "    document.epoch = epoch;\n    document.seq += 1;\n",
        replace: "    document.epoch = document.epoch.min(epoch);\n",
    },
    Mutant {
        name: "give-up-denies-call",
        claim: "giving up hides that a tool was called",
        file: ABANDON,
        find: "    if called { TaskStatus::Unknown } else { TaskStatus::Cancelled }\n",
        replace: "    if called && task.seq == 0 { TaskStatus::Unknown } else { TaskStatus::Cancelled }\n",
    },
    Mutant {
        name: "document-old-epoch",
        claim: "a task's updates keep the epoch of the process that created it",
        file: WRITES,
        find: "        let revision = Revision { epoch: self.epoch, seq: before + 1 };\n",
        replace: "        let epoch = self.task(task).revision.epoch;\n        let revision = Revision { epoch, seq: before + 1 };\n",
    },
    Mutant {
        name: "document-no-difference",
        claim: "an update names only its status",
        file: WRITES,
        find: "            change\n        };\n",
        replace: "            TaskState { response: None, ..change }\n        };\n",
    },
];
