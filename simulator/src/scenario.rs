//! A scenario: everything that a seed decides, as data. Owns the parts that can be removed when a failure shrinks;
//! never draws during a run.

mod containment;
mod flow;
mod part;
mod pause;
mod people;
mod rerun;

use std::collections::BTreeSet;
use std::time::Duration;

use updraft_kernel::batch_limit::BatchLimit;
use updraft_protocol::Priority;

pub use containment::{AskedOfContainment, SentContainmentAsk};
pub use flow::{Flow, MOST_WEIGHT, SentPriority, SentQuota, SentScopePause};
pub use part::Part;
pub use pause::SentPause;
pub use rerun::SentRerun;

use crate::chance::{Chance, Dice, Purpose};
use crate::fault::Fault;

/// The number of keys: few, so that playbooks share them.
const KEYS: u64 = 2;

/// A millisecond, in the microseconds of a run.
pub const MILLIS: u64 = 1_000;

/// Everything that a seed decides.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The seed.
    pub seed: u64,
    /// Data directories, each with its journal and its engine.
    pub directories: usize,
    /// The submissions.
    pub orders: Vec<Order>,
    /// The cancels.
    pub cancels: Vec<Cancel>,
    /// The signals.
    pub signals: Vec<SentSignal>,
    /// The answers of people.
    pub answers: Vec<SentAnswer>,
    /// The skips.
    pub skips: Vec<SentSkip>,
    /// The pauses, each until it is taken back.
    pub pauses: Vec<SentPause>,
    /// The reruns.
    pub reruns: Vec<SentRerun>,
    /// What people ask of containments.
    pub containment_asks: Vec<SentContainmentAsk>,
    /// The places of each process.
    pub flow: Flow,
    /// The quotas that are set at run time.
    pub set_quotas: Vec<SentQuota>,
    /// The pauses of tenants and playbooks.
    pub scope_pauses: Vec<SentScopePause>,
    /// Other priorities.
    pub priorities: Vec<SentPriority>,
    /// The single failures.
    pub faults: Vec<Fault>,
    /// The continuous faults.
    pub noise: BTreeSet<Noise>,
    /// The limits.
    pub sizes: Sizes,
}

/// A submission.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its number in the scenario; unchanged when others are removed.
    pub number: usize,
    /// Its tenant.
    pub tenant: u64,
    /// Its time.
    pub at: u64,
    /// The approximate number of steps of its longest path.
    pub length: u64,
    /// The idempotency key under which its client retries until it is answered. Orders share keys, each for a playbook
    /// of its own.
    pub key: Option<u64>,
    /// How long after its time another client submits it under the same key.
    pub again: Option<u64>,
    /// Whether its playbook can no longer be read after the first start.
    pub forgotten: bool,
    /// How urgent it is.
    pub priority: Priority,
}

/// A request to cancel.
#[derive(Debug, Clone)]
pub struct Cancel {
    /// Its number in the scenario.
    pub number: usize,
    /// The order.
    pub order: usize,
    /// The delay after the order's time.
    pub after: u64,
}

/// A signal of a client.
#[derive(Debug, Clone)]
pub struct SentSignal {
    /// Its number in the scenario.
    pub number: usize,
    /// The order.
    pub order: usize,
    /// The delay after the order's time.
    pub after: u64,
    /// Its name.
    pub name: &'static str,
    /// Whether it has the input of its order as its key.
    pub keyed: bool,
    /// How long after the first another sender repeats it.
    pub again: Option<u64>,
}

/// An answer of a person to an approval of an order, once there is one.
#[derive(Debug, Clone)]
pub struct SentAnswer {
    /// Its number in the scenario, which also selects the approval.
    pub number: usize,
    /// The order.
    pub order: usize,
    /// The delay after the order's time.
    pub after: u64,
    /// The person; only the person 2 is in the group.
    pub person: usize,
    /// The choice.
    pub choice: &'static str,
    /// What is filled in where there is a form: a number that fits, or a larger one.
    pub number_of_hosts: Option<u64>,
}

/// A skip of a task of an order, or a change of the end of its wait, once one waits.
#[derive(Debug, Clone)]
pub struct SentSkip {
    /// Its number in the scenario, which also selects the task; an even one has the right to skip approvals.
    pub number: usize,
    /// The order.
    pub order: usize,
    /// The delay after the order's time.
    pub after: u64,
    /// How long the wait is to last, in milliseconds, where it is not skipped.
    pub lasts: Option<u64>,
}

/// The people who answer. The last one is named by no playbook.
pub const PEOPLE: [&str; 4] = ["ana", "ben", "lea", "eve"];

/// The most that fits the forms of approvals.
pub const HOSTS: u64 = 7;

/// The names of signals.
pub const SIGNALS: [&str; 2] = ["opened", "closed"];

/// A control that a client asks for until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientControl {
    /// A cancel, by its number.
    Cancel(usize),
    /// A signal, by its number.
    Signal(usize),
    /// A signal that is repeated.
    Repeated(usize),
    /// An answer, by its number.
    Answer(usize),
    /// A pause, by its number.
    Pause(usize),
    /// The end of a pause, by its number.
    Resume(usize),
    /// A skip, by its number.
    Skip(usize),
    /// Another priority, by its number.
    Prioritise(usize),
}

impl ClientControl {
    /// Whether the person who skips has the right `operate`.
    pub fn may_operate(self) -> bool {
        matches!(self, Self::Skip(number) if number.is_multiple_of(2))
    }
}

/// A continuous fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Noise {
    /// Tools fail.
    ToolsFail,
    /// Tools do not answer.
    ToolsSilent,
    /// Tools answer late, or twice.
    ToolsLate,
    /// Calls wait before they are sent; some never are.
    ToolsQueue,
    /// Answers of the store are lost.
    StoreForgets,
    /// Requests to the store arrive late, out of order, or twice.
    StoreLate,
    /// The store takes part of a batch.
    StorePartial,
    /// The store refuses some answers of tools for good.
    StorePoison,
    /// The disk is slow.
    SlowDisk,
}

/// All kinds of noise with their names.
pub const NOISES: [(Noise, &str); 9] = [
    (Noise::ToolsFail, "tools-fail"),
    (Noise::ToolsSilent, "tools-silent"),
    (Noise::ToolsLate, "tools-late"),
    (Noise::ToolsQueue, "tools-queue"),
    (Noise::StoreForgets, "store-forgets"),
    (Noise::StoreLate, "store-late"),
    (Noise::StorePartial, "store-partial"),
    (Noise::StorePoison, "store-poison"),
    (Noise::SlowDisk, "slow-disk"),
];

/// Limits, small so that they are reached.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// The batch limit of the writer.
    pub batch_limit: BatchLimit,
    /// Documents of the coalescer.
    pub documents: usize,
    /// Bytes of the coalescer.
    pub bytes: usize,
    /// Messages between journal and writer.
    pub queue: usize,
    /// Bytes of a segment.
    pub segment: usize,
    /// Segments that may wait for the store.
    pub segments: usize,
    /// How long an update may wait for others to share its batch; three times as long if it will soon be replaced.
    pub delay: u64,
    /// Rows of a page of the reconciler of containments.
    pub rows: usize,
}

impl Order {
    /// The input of its client; some playbooks that share a key share their input too.
    pub fn input(&self) -> u64 {
        self.number as u64 / 4
    }

    /// The input of another client under the same key: for every second order another input.
    pub fn input_again(&self) -> u64 {
        self.input() + self.number as u64 % 2
    }
}

impl Scenario {
    /// The scenario of a seed.
    pub fn of(seed: u64) -> Self {
        let mut dice = Chance::new(seed).dice(Purpose::Scenario, &[]);
        let directories = dice.small(1, 3) as usize;
        let tenants = dice.small(1, 6);
        let mut flow_dice = Chance::new(seed).dice(Purpose::Flow, &[]);
        let flow = Flow::draw(tenants, &mut flow_dice);
        let orders: Vec<Order> = (0..dice.small(1, 10) as usize)
            .map(|number| Order {
                number,
                tenant: dice.below(tenants),
                at: dice.below(400) * MILLIS + dice.below(MILLIS),
                length: dice.small(2, 8),
                key: (!dice.one_in(4)).then_some(number as u64 % KEYS),
                again: dice.one_in(2).then(|| dice.below(500) * MILLIS),
                forgotten: dice.one_in(12),
                priority: flow::priority(&mut flow_dice),
            })
            .collect();
        let cancels = (0..dice.small(0, 3) as usize)
            .map(|number| Cancel {
                number,
                order: dice.below(orders.len() as u64) as usize,
                after: if dice.one_in(3) { dice.below(60_000) } else { dice.below(300) } * MILLIS,
            })
            .collect();
        let faults = (0..dice.small(0, 8) as usize)
            .map(|number| Fault::draw(number, directories, orders.len() as u64, &mut dice))
            .collect();
        let noise = NOISES.iter().map(|(noise, _)| *noise).filter(|_| dice.one_in(2)).collect();
        let sizes = Sizes {
            batch_limit: batch_limit(&mut dice),
            documents: dice.pick(&[1, 4, 16, 1_000]),
            bytes: dice.pick(&[1_000, 8_000, 1 << 20]),
            queue: dice.pick(&[1, 2, 8]),
            segment: dice.pick(&[600, 2_000, 8_000]),
            segments: dice.pick(&[2, 3, 16]),
            delay: dice.pick(&[1, 10]) * MILLIS,
            rows: dice.pick(&[1, 2, 100]),
        };
        let signals = people::signals(orders.len() as u64, &mut dice);
        let answers = people::answers(orders.len() as u64, &mut dice);
        let skips = people::skips(orders.len() as u64, &mut dice);
        let pauses = SentPause::draw(orders.len() as u64, &mut dice);
        let count = orders.len() as u64;
        Self {
            set_quotas: SentQuota::draw(count, flow.in_flight, &mut flow_dice),
            scope_pauses: SentScopePause::draw(count, &mut flow_dice),
            priorities: SentPriority::draw(count, &mut flow_dice),
            flow,
            reruns: SentRerun::draw(orders.len() as u64, &mut dice),
            containment_asks: SentContainmentAsk::draw(orders.len() as u64, &mut dice),
            seed,
            directories,
            orders,
            cancels,
            signals,
            answers,
            pauses,
            skips,
            faults,
            noise,
            sizes,
        }
    }

    /// All parts, the most complicated ones first.
    pub fn parts(&self) -> BTreeSet<Part> {
        let mut parts: BTreeSet<Part> = self.noise.iter().map(|noise| Part::Noise(*noise)).collect();
        parts.extend(self.faults.iter().map(|fault| Part::Fault(fault.number)));
        parts.extend(self.cancels.iter().map(|cancel| Part::Cancel(cancel.number)));
        parts.extend(self.answers.iter().map(|answer| Part::Answer(answer.number)));
        parts.extend(self.signals.iter().map(|signal| Part::Signal(signal.number)));
        parts.extend(self.skips.iter().map(|skip| Part::Skip(skip.number)));
        parts.extend(self.pauses.iter().map(|pause| Part::Pause(pause.number)));
        parts.extend(self.reruns.iter().map(|rerun| Part::Rerun(rerun.number)));
        parts.extend(self.containment_asks.iter().map(|ask| Part::ContainmentAsk(ask.number)));
        parts.extend(self.set_quotas.iter().map(|sent| Part::Quota(sent.number)));
        parts.extend(self.scope_pauses.iter().map(|sent| Part::ScopePause(sent.number)));
        parts.extend(self.priorities.iter().map(|sent| Part::Priority(sent.number)));
        parts.extend(self.orders.iter().map(|order| Part::Order(order.number)));
        parts
    }

    /// The same scenario with only these parts.
    pub fn keep(&self, parts: &BTreeSet<Part>) -> Self {
        let mut kept = self.clone();
        kept.noise.retain(|noise| parts.contains(&Part::Noise(*noise)));
        kept.faults.retain(|fault| parts.contains(&Part::Fault(fault.number)));
        kept.cancels.retain(|cancel| parts.contains(&Part::Cancel(cancel.number)));
        kept.answers.retain(|answer| parts.contains(&Part::Answer(answer.number)));
        kept.signals.retain(|signal| parts.contains(&Part::Signal(signal.number)));
        kept.skips.retain(|skip| parts.contains(&Part::Skip(skip.number)));
        kept.pauses.retain(|pause| parts.contains(&Part::Pause(pause.number)));
        kept.reruns.retain(|rerun| parts.contains(&Part::Rerun(rerun.number)));
        kept.containment_asks.retain(|ask| parts.contains(&Part::ContainmentAsk(ask.number)));
        kept.set_quotas.retain(|sent| parts.contains(&Part::Quota(sent.number)));
        kept.scope_pauses.retain(|sent| parts.contains(&Part::ScopePause(sent.number)));
        kept.priorities.retain(|sent| parts.contains(&Part::Priority(sent.number)));
        kept.orders.retain(|order| parts.contains(&Part::Order(order.number)));
        let steps =
            parts.iter().find_map(|part| if let Part::Steps(steps) = part { Some(*steps) } else { None });
        for order in &mut kept.orders {
            order.length = order.length.min(steps.unwrap_or(u64::MAX));
        }
        kept
    }
}

fn batch_limit(dice: &mut Dice) -> BatchLimit {
    let (operations, batches) = (dice.pick(&[1, 3, 8, 1_000]), dice.pick(&[1, 2, 3]));
    if dice.one_in(2) {
        return BatchLimit::Fixed { operations, batches };
    }
    let latency = Duration::from_millis(10);
    BatchLimit::Adaptive { operations_min: 1, operations_max: operations, batches_max: batches, latency }
}
