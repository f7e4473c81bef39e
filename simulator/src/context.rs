//! The context: the state that all parts of a run share. Owns the time, the queue of events, the disks, the store, the
//! tools and the oracle, and keeps the first violation. Decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Arguments;
use std::sync::Arc;

use updraft_kernel::containment::is_round;
use updraft_kernel::invariant::Violation;
use updraft_kernel::plan::Plan;
use updraft_kernel::virtual_shard::VirtualShard;
use updraft_protocol::{Catalogue, ExecutionHead, ExecutionId, Name, TenantCode};

use crate::chance::{Chance, Dice, Purpose};
use crate::disk::SimulatedDisk;
use crate::event::{Incarnation, Inner, NodeId, Queue, WorldEvent};
use crate::fault::Moment;
use crate::node::NO_ORDER;
use crate::oracle::Oracle;
use crate::scenario::{Noise, Scenario, Sizes};
use crate::statistics::Statistics;
use crate::store::SimulatedStore;
use crate::trace::Trace;

/// The state that all parts of a run share.
pub struct Context {
    /// Microseconds since the run began.
    pub now: u64,
    /// The future events.
    pub queue: Queue,
    /// The random choices.
    pub chance: Chance,
    /// The continuous faults.
    pub noise: BTreeSet<Noise>,
    /// The limits.
    pub sizes: Sizes,
    /// One for each directory.
    pub disks: Vec<SimulatedDisk>,
    /// The store.
    pub store: SimulatedStore,
    /// The checks.
    pub oracle: Oracle,
    /// The events so far.
    pub trace: Trace,
    /// What was explored, in numbers.
    pub statistics: Statistics,
    /// Tenants by their number.
    pub tenants: Vec<TenantCode>,
    /// The plan of each order; `None` for a removed order.
    pub plans: Vec<Option<Arc<Plan>>>,
    /// The plans of sub-playbooks, by name.
    pub children: BTreeMap<Name, Arc<Plan>>,
    /// The plans of rounds of undos, by name and version.
    pub rounds: BTreeMap<(Name, u32), Arc<Plan>>,
    /// What the tools are.
    pub catalogue: Catalogue,
    /// The directory of each order.
    directories: BTreeMap<usize, usize>,
    violation: Option<Violation>,
    numbers: u64,
}

impl Context {
    /// The context of a new run.
    pub fn new(
        chance: Chance,
        noise: BTreeSet<Noise>,
        sizes: Sizes,
        directories: usize,
        trace: Trace,
    ) -> Self {
        Self {
            now: 0,
            queue: Queue::default(),
            chance,
            noise,
            sizes,
            disks: (0..directories).map(|_| SimulatedDisk::default()).collect(),
            store: SimulatedStore::default(),
            oracle: Oracle::default(),
            trace,
            statistics: Statistics::of_one(),
            tenants: Vec::new(),
            plans: Vec::new(),
            children: BTreeMap::new(),
            rounds: BTreeMap::new(),
            catalogue: Catalogue::default(),
            directories: BTreeMap::new(),
            violation: None,
            numbers: 0,
        }
    }

    /// Sets the directory of each order.
    pub fn directories_of_orders(&mut self, scenario: &Scenario) {
        for order in &scenario.orders {
            let tenant = &self.tenants[order.tenant as usize];
            self.directories.insert(order.number, VirtualShard::of(tenant).shard(scenario.directories));
        }
    }

    /// The orders that a directory runs.
    pub fn orders_of_directory(&self, directory: usize) -> Vec<usize> {
        self.directories.iter().filter(|(_, of)| **of == directory).map(|(order, _)| *order).collect()
    }

    /// The plan of an execution of an order.
    pub fn plan_of(&self, order: usize, head: &ExecutionHead) -> Option<Arc<Plan>> {
        let name = &head.playbook_name;
        let round = self.rounds.get(&(name.clone(), head.playbook_version));
        let known = round.or(self.children.get(name));
        known.or_else(|| self.plans.get(order)?.as_ref()).cloned()
    }

    /// The order of an execution; none of that of a round of an undo.
    pub fn order_of(&self, head: &ExecutionHead) -> Option<usize> {
        if is_round(head) { Some(NO_ORDER) } else { head.uid.as_deref()?.parse().ok() }
    }

    /// Writes a line of the trace.
    pub fn note(&mut self, what: Arguments<'_>) {
        self.trace.note(self.now, what);
    }

    /// Counts a moment at which a fault may happen.
    pub fn moment(&mut self, moment: Moment) {
        self.statistics.moment(moment);
    }

    /// Schedules an event for a process.
    pub fn after(&mut self, wait: u64, node: NodeId, inner: Inner) {
        self.queue.at(self.now.saturating_add(wait), WorldEvent::Node(node, inner));
    }

    /// A short random time, different at each call.
    pub fn pace(&mut self, micros: u64) -> u64 {
        self.numbers += 1;
        self.dice(Purpose::Pace, &[self.numbers]).below(micros)
    }

    /// A unique number.
    pub fn number(&mut self) -> Incarnation {
        self.numbers += 1;
        self.numbers
    }

    /// A new id of an execution, in the form of a UUIDv7.
    pub fn execution_id(&mut self) -> ExecutionId {
        let mut dice = self.chance.dice(Purpose::Id, &[self.number()]);
        let millis = (1_000_000_000_000 + self.now / 1_000) as u128;
        let high = millis << 80 | 0x7 << 76 | u128::from(dice.bits() & 0xfff) << 64;
        let low = u128::from(dice.bits() >> 2 | 1 << 63);
        ExecutionId::from_bytes((high | low).to_be_bytes())
    }

    /// Dice for one purpose.
    pub fn dice(&self, purpose: Purpose, keys: &[u64]) -> Dice {
        self.chance.dice(purpose, keys)
    }

    /// Whether a kind of noise is on.
    pub fn noisy(&self, noise: Noise) -> bool {
        self.noise.contains(&noise)
    }

    /// Keeps the first violation.
    pub fn check(&mut self, checked: Result<(), Violation>) {
        if let Err(violation) = checked
            && self.violation.is_none()
        {
            self.trace.note(self.now, format_args!("VIOLATED {violation}"));
            self.violation = Some(violation);
        }
    }

    /// Keeps a violation.
    pub fn violated(&mut self, invariant: &'static str, what: String) {
        self.check(Err(Violation { invariant, what }));
    }

    /// The first violation.
    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }
}
