//! The step `for_each`: opens a scope for each item, a bounded number at once, and continues when all have ended.

use updraft_protocol::limits::{EVALUATION_WORK, FILE_PAGE_BYTES, ITEM_WORK, ITEMS_WORK, LOOP_BYTES};
use updraft_protocol::{Effect, Failure, Json, Timestamp};

use super::Arrival;
use crate::machine::items::Items;
use crate::machine::items_of_file::FileItems;
use crate::machine::queued::acts_or_waits;
use crate::machine::scope::{Locals, ScopeId};
use crate::machine::task::{Ending, Phase, Task};
use crate::machine::task_seq::TaskSeq;
use crate::machine::walk::{EndedBy, Go};
use crate::machine::{Effects, Machine, Undecided};
use crate::plan::{PlannedForEach, PlannedKind, StepIndex};

impl Machine {
    pub(super) fn arrive_at_for_each(
        &mut self,
        at: Arrival,
        each: &PlannedForEach,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        if self.is_put_off(at) {
            return;
        }
        // A hundred thousand items are more than the arguments of a call may be, and more work.
        let units = if each.names_a_value { ITEMS_WORK } else { EVALUATION_WORK };
        let view = self.view(at.scope, self.began(at.recorded, at.now));
        let (items, spent) = each.items.render_within(&view, (LOOP_BYTES, units));
        self.turn.work += spent.work;
        let items = items.and_then(|items| match each.of_file {
            true => self.items_of_file(&items, each),
            false => Items::of(items, each.collect.is_some()),
        });
        let items = items.and_then(|items| match self.holds_too_much(None, items.bytes) {
            Some(failure) => Err(failure),
            None => Ok(items),
        });
        match items {
            Ok(items) => {
                let task = at.task(self, effects);
                self.task_mut(task).phase = Phase::Repeating(Box::new(items));
                work.push(Go::Items(task));
            }
            Err(failure) => {
                // Where a file has gone whose items had begun.
                self.skip_recorded_inside(at.scope, at.step, None);
                let task = at.ending_task(self);
                work.push(self.end_task(task, Ending::Failed(failure), at.now, effects));
            }
        }
    }

    /// Opens the next item of a `for_each`, or ends the step when all items have ended. Comes back to itself while more
    /// may begin, so that an item goes as far as it can before the next one begins.
    pub(in crate::machine) fn go_on_with_items(
        &mut self,
        task: TaskSeq,
        now: Timestamp,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        let plan = self.plan.clone();
        let Some((scope, step)) = self.tasks.get(task).map(|task| (task.scope, task.step)) else { return };
        let PlannedKind::ForEach(each) = &plan.step(step).kind else { return };
        let at_once = each.at_once.unwrap_or(self.tasks_at_once);
        let spent = self.turn_is_spent() || self.is_paused();
        let has_recorded = self.has_recorded_inside(scope, step);
        let Self { tasks, recorded, scopes, files, head, .. } = self;
        let part_work = std::cell::Cell::new(0);
        let read = |items: &FileItems| {
            part_work.set(part_work.get() + FILE_PAGE_BYTES as u64);
            Self::read_part(files.as_deref(), &head.tenant_code, items)
        };
        let (outer, opener) = (scopes.path(scope), &plan.step(step).id);
        let path = |number: u32| outer.inside(opener, &number.to_string());
        let Some(Task { phase: Phase::Repeating(items), .. }) = tasks.get_mut(task) else { return };
        // Items that were recorded have begun, whatever the bounds are now.
        let begun =
            has_recorded.then(|| items.go_on(|number| recorded.has_in(&path(number)), &read)).flatten();
        if has_recorded && items.is_broken() {
            self.skip_recorded_inside(scope, step, None);
            return work.push(Go::Items(task));
        }
        if begun.is_none() && items.are_over() {
            let ending = self.outcome_of_items(task, each);
            return work.push(self.end_opener(task, ending, now, effects));
        }
        if begun.is_none() && !items.may_begin(at_once) {
            items.opening = false;
            return;
        }
        if begun.is_none() && spent {
            return self.undecided.push_back(Undecided::Items(task));
        }
        let is_begun = begun.is_some();
        let Some((number, item)) = begun.or_else(|| items.begin(&read)) else {
            items.opening = items.are_over();
            return if items.opening {
                work.push(Go::Items(task))
            };
        };
        let path = path(number);
        let is_queued = is_begun && !recorded.has_own_in(&path, |step| acts_or_waits(&plan.step(step).kind));
        if is_queued {
            items.queue();
        }
        self.turn.work += ITEM_WORK + part_work.get();
        let locals = Locals::of_item(&each.names, number, item);
        let inner = self.scopes.open(path, (scope, task), Some(locals));
        if let Some(inner) = self.scopes.get_mut(inner) {
            inner.queued = is_queued;
        }
        work.push(Go::Items(task));
        work.push(match self.lock_item(task, (inner, step)) {
            Err(failure) if !is_begun => Go::End(inner, task, Err(failure), EndedBy::Body),
            _ => Go::Enter(inner, each.start),
        });
    }

    /// An item of a `for_each` begins in this scope, with its lock if the step has one.
    fn lock_item(&mut self, task: TaskSeq, (item, step): (ScopeId, StepIndex)) -> Result<(), Failure> {
        let (plan, began) = (self.plan.clone(), self.began_of(task));
        let lock = plan.step(step).lock.as_deref();
        lock.map_or(Ok(()), |lock| self.lock_body(lock, (item, step), began))
    }

    /// An item has ended: it is counted, what the step collects of it is kept, and its tasks leave memory.
    pub(in crate::machine) fn end_item(
        &mut self,
        scope: ScopeId,
        task: TaskSeq,
        result: Result<Option<Json>, Failure>,
        work: &mut Vec<Go>,
    ) {
        let plan = self.plan.clone();
        let PlannedKind::ForEach(each) = &plan.step(self.task(task).step).kind else { return };
        let result = result.and_then(|_| match &each.collect {
            Some(collect) => {
                let began = self.began_of(task);
                let collected = self.json_rendered_in(scope, began, collect).map(Some);
                collected.map_err(|failure| {
                    let message = format!("`collect`: {}", failure.message);
                    failure.with_message(message)
                })
            }
            None => Ok(None),
        });
        let item = self.scopes.get(scope).and_then(|scope| scope.locals.as_ref()).map(|locals| {
            (locals.number, locals.get(&each.names.key).filter(|key| **key != Json::null()).cloned())
        });
        let was_queued = self.scopes.get(scope).is_some_and(|scope| scope.queued);
        let ended = self.scopes.drop(scope);
        self.leave(ended);
        let Phase::Repeating(items) = &mut self.task_mut(task).phase else { return };
        if let Some(item) = item {
            if was_queued {
                items.go_on_queued(item.0);
            }
            items.end(item, result, each);
        }
        self.let_queued_go_on(task);
        let Phase::Repeating(items) = &mut self.task_mut(task).phase else { return };
        if !std::mem::replace(&mut items.opening, true) {
            work.push(Go::Items(task));
        }
    }

    fn outcome_of_items(&mut self, task: TaskSeq, each: &PlannedForEach) -> Ending {
        let phase = std::mem::replace(&mut self.task_mut(task).phase, Phase::Ready);
        let Phase::Repeating(items) = phase else { return Ending::Completed(None) };
        let (output, failure) = items.outcome(each);
        // A `write` keeps what fits, and never fails.
        match (self.keep(output, Effect::Write), failure) {
            (Ok(output), None) => Ending::Completed(Some(output)),
            (Ok(output), Some(failure)) => Ending::EndedFailed(failure, output),
            (Err(failure), _) => Ending::Failed(failure),
        }
    }
}
