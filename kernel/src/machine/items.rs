//! The items of a `for_each` step while it runs: those that have not begun, and counts, failures and results of those
//! that have ended. An item that has ended leaves nothing else in memory. Opens no scope, and ends no task.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use updraft_protocol::limits::{FAILURE_MESSAGE_BYTES, ITEM_FAILURES, ITEMS, RESPONSE_BYTES};
use updraft_protocol::playbook::OnItemFailure;
use updraft_protocol::{Failure, FailureKind, Json, Value};

use super::items_of_file::FileItems;
use super::loops::LoopProgress;
use super::scope::ScopeId;
use crate::item_files::ItemsPart;
use crate::plan::{PlannedForEach, StepIndex};

/// The results that are kept: an answer's bytes without those of counts and failures.
const RESULTS_BYTES: usize = RESPONSE_BYTES - 2 * ITEM_FAILURES * FAILURE_MESSAGE_BYTES;
/// Places of items that are kept, however few are left.
const ITEMS_LEFT: usize = 64;

/// Reads further items of a file.
pub(super) type ReadPart<'r> = dyn Fn(&FileItems) -> Result<ItemsPart, Failure> + 'r;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Items {
    /// The items that have not begun, from `next` on.
    waiting: VecDeque<Item>,
    /// Those before `next` that have not begun: later ones had, when the machine was made of documents.
    passed: VecDeque<(u32, Item)>,
    count: usize,
    /// The number of the next item.
    next: u32,
    /// The items that have begun and not ended.
    open: usize,
    completed: usize,
    failed: usize,
    failures: Vec<ItemFailure>,
    /// What is collected, by number. `None` where the step collects nothing, or it became too much.
    results: Option<Vec<Option<Json>>>,
    result_bytes: usize,
    /// The size of all items, as JSON.
    pub(super) bytes: usize,
    /// Whether no further one begins.
    is_stopped: bool,
    /// Whether the walk is about to open further items, as it is at the beginning.
    pub(super) opening: bool,
    /// How many of the open ones are queued.
    queued: usize,
    /// The steps that wait in queued items, by the number of the item.
    postponed: BTreeMap<u32, Postponed>,
    /// Where those are that are not read yet, if they are in a file.
    pub(super) file: Option<FileItems>,
}

/// What waits in a queued item.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Postponed {
    /// The scope of the item.
    pub(super) item: ScopeId,
    /// The steps that go on when it does.
    pub(super) steps: Vec<(ScopeId, StepIndex)>,
}

/// An item that has not begun.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    /// Its key, in a map.
    pub(super) key: Option<String>,
    pub(super) value: Value,
    /// Its size, in a file.
    pub(super) bytes: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct ItemFailure {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Json>,
    kind: FailureKind,
    message: String,
}

/// The output of the step.
#[derive(Serialize)]
struct Output<'i> {
    items: usize,
    completed: usize,
    failed: usize,
    not_started: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<&'i [Option<Json>]>,
    failures: &'i [ItemFailure],
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl Items {
    /// The items that a step's expression gave.
    ///
    /// # Errors
    /// If the value is no list and no map, or has too many items.
    pub(super) fn of(value: Value, collects: bool) -> Result<Self, Failure> {
        let refuse = |message: String| Err(Failure::new(FailureKind::Template, message));
        let bytes = Json::from(&value).as_str().len();
        let waiting: VecDeque<Item> = match value {
            Value::Array(items) => {
                items.into_iter().map(|value| Item { key: None, value, bytes: 0 }).collect()
            }
            Value::Object(map) => {
                map.into_iter().map(|(key, value)| Item { key: Some(key), value, bytes: 0 }).collect()
            }
            other => {
                let kind = other.kind();
                return refuse(format!("`for_each` needs a list or a map, not {kind}"));
            }
        };
        let count = waiting.len();
        Self::counted(waiting, (count, bytes), None, collects)
    }

    /// So many items, of which some are read.
    pub(super) fn counted(
        waiting: VecDeque<Item>,
        (count, bytes): (usize, usize),
        file: Option<FileItems>,
        collects: bool,
    ) -> Result<Self, Failure> {
        if count > ITEMS {
            let message = format!("`for_each` has {count} items; at most {ITEMS} are allowed");
            return Err(Failure::new(FailureKind::Template, message));
        }
        Ok(Self {
            waiting,
            passed: VecDeque::new(),
            count,
            next: 0,
            open: 0,
            completed: 0,
            failed: 0,
            failures: Vec::new(),
            results: collects.then(Vec::new),
            result_bytes: 0,
            bytes,
            is_stopped: false,
            opening: true,
            queued: 0,
            postponed: BTreeMap::new(),
            file,
        })
    }

    /// Whether all of them have ended, or never begin.
    pub(super) fn are_over(&self) -> bool {
        (self.left() == 0 || self.is_stopped) && self.open == 0
    }

    /// How many of them have ended, and how.
    pub(super) fn progress(&self) -> LoopProgress {
        let [items, completed, failed] =
            [self.count, self.completed, self.failed].map(|count| u64::try_from(count).unwrap_or(u64::MAX));
        LoopProgress::Items { items, completed, failed }
    }

    /// So many that have begun are left, and no further one begins.
    pub(super) fn leave(&mut self, open: usize) {
        self.open = open;
        self.is_stopped = true;
        self.queued = 0;
        self.postponed.clear();
        // The work that would open further items was withdrawn: the end of the last one has to ask for it again.
        self.opening = false;
    }

    /// Whether another one may begin where so many may be under way.
    pub(super) fn may_begin(&self, at_once: usize) -> bool {
        let holds_more = self.file.as_ref().is_none_or(|file| file.may_begin() || self.open == 0);
        self.has_room(at_once) && holds_more && !self.is_stopped && self.postponed.is_empty()
    }

    /// Whether fewer than so many are under way.
    pub(super) fn has_room(&self, at_once: usize) -> bool {
        self.open - self.queued < at_once
    }

    /// One that has just gone on is queued.
    pub(super) fn queue(&mut self) {
        self.queued += 1;
    }

    /// A step of a queued item waits.
    pub(super) fn postpone(&mut self, (item, number): (ScopeId, u32), step: (ScopeId, StepIndex)) {
        let postponed = self.postponed.entry(number).or_insert_with(|| Postponed { item, steps: Vec::new() });
        postponed.steps.push(step);
    }

    /// A queued item is under way from now on, or has ended; gives the steps that wait in it.
    pub(super) fn go_on_queued(&mut self, number: u32) -> Vec<(ScopeId, StepIndex)> {
        // Those that are cancelled are queued no more.
        self.queued = self.queued.saturating_sub(1);
        self.postponed.remove(&number).map_or_else(Vec::new, |postponed| postponed.steps)
    }

    /// The first queued item in which steps wait is under way from now on, if there is room for it.
    pub(super) fn first_queued(&mut self, at_once: usize) -> Option<Postponed> {
        if !self.has_room(at_once) {
            return None;
        }
        let (_, first) = self.postponed.pop_first()?;
        self.queued = self.queued.saturating_sub(1);
        Some(first)
    }

    /// No step waits in these scopes any more.
    pub(super) fn withdraw(&mut self, scopes: &[ScopeId]) {
        self.postponed.retain(|_, postponed| {
            postponed.steps.retain(|(scope, _)| !scopes.contains(scope));
            !postponed.steps.is_empty()
        });
    }

    /// How many have not begun.
    fn left(&self) -> usize {
        self.count.saturating_sub(self.next as usize) + self.passed.len()
    }

    /// The next item begins; its number.
    pub(super) fn begin(&mut self, read: &ReadPart<'_>) -> Option<(u32, Item)> {
        let (number, item) = match self.passed.pop_front() {
            Some((number, item)) => {
                self.file.iter_mut().for_each(|file| file.hold_less(&item));
                (number, item)
            }
            None => self.next(read)?,
        };
        self.open(number, &item);
        Some((number, item))
    }

    fn open(&mut self, number: u32, item: &Item) {
        self.open += 1;
        self.file.iter_mut().for_each(|file| file.begin(number, item));
    }

    /// Whether the rest cannot be read.
    pub(super) fn is_broken(&self) -> bool {
        self.file.as_ref().is_some_and(|file| file.broken.is_some())
    }

    /// No further one begins: the rest cannot be read.
    pub(super) fn break_off(&mut self, failure: Failure) {
        self.is_stopped = true;
        self.file.iter_mut().for_each(|file| file.broken = Some(failure.clone()));
    }

    /// The next item of which something is recorded goes on; its number. Those before it wait for their turn.
    pub(super) fn go_on(
        &mut self,
        is_recorded: impl Fn(u32) -> bool,
        read: &ReadPart<'_>,
    ) -> Option<(u32, Item)> {
        while let Some((number, item)) = self.next(read) {
            if is_recorded(number) {
                self.open(number, &item);
                return Some((number, item));
            }
            if let Some(Err(failure)) = self.file.as_mut().map(|file| file.hold(&item)) {
                self.break_off(failure);
                return None;
            }
            self.passed.push_back((number, item));
        }
        None
    }

    fn next(&mut self, read: &ReadPart<'_>) -> Option<(u32, Item)> {
        if self.waiting.is_empty()
            && self.left() > self.passed.len()
            && let Some(file) = self.file.as_mut().filter(|file| file.broken.is_none())
        {
            match file.further(read) {
                Ok(items) => self.waiting = items,
                Err(failure) => self.break_off(failure),
            }
        }
        let item = self.waiting.pop_front()?;
        // What has begun leaves memory: its place too.
        if self.waiting.capacity() > 4 * self.waiting.len() + ITEMS_LEFT {
            self.waiting.shrink_to(2 * self.waiting.len());
        }
        let number = self.next;
        self.next += 1;
        Some((number, item))
    }

    /// An item has ended, with what is collected of it.
    pub(super) fn end(
        &mut self,
        (index, key): (u32, Option<Json>),
        result: Result<Option<Json>, Failure>,
        step: &PlannedForEach,
    ) {
        self.open -= 1;
        self.file.iter_mut().for_each(|file| file.end(index));
        match result {
            Ok(result) => {
                self.completed += 1;
                self.collect(index, result);
            }
            Err(failure) => {
                self.failed += 1;
                if self.failures.len() < ITEM_FAILURES {
                    let (kind, message) = (failure.kind, failure.message);
                    self.failures.push(ItemFailure { index, key, kind, message });
                }
            }
        }
        self.is_stopped |= self.is_beyond(step) && step.on_item_failure == OnItemFailure::Stop;
    }

    fn collect(&mut self, index: u32, result: Option<Json>) {
        let (Some(results), Some(result)) = (&mut self.results, result) else { return };
        self.result_bytes += result.as_str().len();
        if self.result_bytes > RESULTS_BYTES {
            self.results = None;
            return;
        }
        let at = index as usize;
        if results.len() <= at {
            results.resize(at + 1, None);
        }
        results[at] = Some(result);
    }

    /// Whether more have failed than the step tolerates.
    fn is_beyond(&self, step: &PlannedForEach) -> bool {
        self.failed > step.tolerate.of(self.count)
    }

    /// The output of the step, and its failure if too many items have failed.
    pub(super) fn outcome(mut self, step: &PlannedForEach) -> (Json, Option<Failure>) {
        if let Some(results) = &mut self.results {
            results.resize(self.next as usize, None);
        }
        self.failures.sort_unstable_by_key(|failure| failure.index);
        let note = (step.collect.is_some() && self.results.is_none())
            .then(|| format!("more than {RESULTS_BYTES} bytes were collected; they are not kept"));
        let output = Output {
            items: self.count,
            completed: self.completed,
            failed: self.failed,
            not_started: self.left(),
            results: self.results.as_deref(),
            failures: &self.failures,
            note,
        };
        // Cannot fail: its texts are JSON already, and its keys are texts.
        let text = serde_json::to_string(&output).unwrap_or_default();
        let broken = self.file.as_mut().and_then(|file| file.broken.take());
        let failure = self.is_beyond(step).then(|| {
            let first = self.failures.first().map_or(String::new(), |first| {
                format!("; the first of them, item {}: {}", first.index, first.message)
            });
            let message = format!("{} of {} items failed{first}", self.failed, self.count);
            Failure::new(FailureKind::Item, message).with_retryable(false)
        });
        (Json::parse(&text).unwrap_or_else(|_| Json::null()), broken.or(failure))
    }
}
