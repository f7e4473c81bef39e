//! The world: the directories with their processes, and the loop that handles one event after the other, with faults
//! between them. Owns which process has which directory; makes none of a process's decisions.

mod containments;
mod controls;
mod flow;
mod requests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use updraft_kernel::invariant::Violation;
use updraft_kernel::plan::Plan;
use updraft_kernel::virtual_shard::VirtualShard;
use updraft_protocol::{Catalogue, Name, Playbook, TenantCode};

pub use containments::AskedPut;

use crate::chance::{Chance, Purpose};
use crate::client::ClientRequest;
use crate::context::Context;
use crate::event::{NodeId, WorldEvent};
use crate::execution::{Home, NodeLocks};
use crate::fault::{Fault, FaultKind, FaultTrigger, Moment};
use crate::generator::Generator;
use crate::node::{Phase, SimulatedNode};
use crate::scenario::{MILLIS, Scenario};
use crate::statistics::Statistics;
use crate::tool;
use crate::trace::Trace;

/// Events after which every run should have ended.
const EVENTS: u64 = 60_000;

/// The result of a run.
#[derive(Debug)]
pub struct RunReport {
    /// The first invariant that did not hold.
    pub violation: Option<Violation>,
    /// The hash of the trace.
    pub hash: u64,
    /// The statistics.
    pub statistics: Statistics,
    /// The trace, if it was requested.
    pub trace: Vec<String>,
}

/// A data directory with its machine.
#[derive(Debug, Default)]
struct Directory {
    owner: Option<NodeId>,
    skew: i64,
    started: bool,
}

/// A run.
pub struct World {
    pub(crate) scenario: Scenario,
    pub(crate) cx: Context,
    pub(crate) nodes: BTreeMap<NodeId, SimulatedNode>,
    pub(crate) requests: BTreeMap<usize, ClientRequest>,
    directories: Vec<Directory>,
    faults: Vec<Fault>,
    /// The pauses of scopes that have begun, or came to nothing.
    scopes_paused: BTreeSet<usize>,
}

/// Runs a scenario to its end, or to the first violation.
pub fn run(scenario: &Scenario, tracing: bool) -> RunReport {
    let mut world = match World::new(scenario, tracing) {
        Ok(world) => world,
        Err(violation) => {
            return RunReport {
                violation: Some(violation),
                hash: 0,
                statistics: Statistics::default(),
                trace: Vec::new(),
            };
        }
    };
    world.go();
    if world.cx.violation().is_none() {
        world.at_the_end();
    }
    let violation = world.cx.violation().cloned();
    let Context { trace, statistics, .. } = world.cx;
    RunReport { violation, hash: trace.hash(), statistics, trace: trace.into_lines() }
}

impl World {
    fn new(scenario: &Scenario, tracing: bool) -> Result<Self, Violation> {
        let chance = Chance::new(scenario.seed);
        let trace = Trace::new(tracing);
        let mut cx =
            Context::new(chance, scenario.noise.clone(), scenario.sizes, scenario.directories, trace);
        let wrong = |what: String| Violation { invariant: "the generator", what };
        let last = scenario.orders.iter().map(|order| order.number + 1).max().unwrap_or_default();
        cx.plans = vec![None; last];
        let tenants = scenario.orders.iter().map(|order| order.tenant + 1).max().unwrap_or_default();
        for tenant in 0..tenants {
            let code =
                TenantCode::new(format!("tenant-{tenant}")).map_err(|error| wrong(error.to_string()))?;
            cx.tenants.push(code);
        }
        let mut catalogue = Catalogue::default();
        let name = Name::new("tool").map_err(|error| wrong(error.to_string()))?;
        catalogue.add_integration(name, Arc::new(tool::Declared));
        cx.catalogue = catalogue;
        for order in &scenario.orders {
            let names = ["playbook", "child", "grandchild"].map(|name| format!("{name}-{}", order.number));
            for (below, name) in (0_u64..).zip(&names) {
                let dice = chance.dice(Purpose::Playbook, &[order.number as u64, below]);
                let calls = names.get(below as usize + 1).map(String::as_str);
                let locks = chance.dice(Purpose::Lock, &[order.number as u64]);
                let mut playbook = Generator::write((dice, locks), order.length >> below, calls);
                playbook["name"] = name.as_str().into();
                let text = playbook.to_string();
                let playbook =
                    Playbook::parse(text.as_bytes()).map_err(|error| wrong(format!("{error:?}: {text}")))?;
                let plan = Plan::check(&playbook, &cx.catalogue)
                    .map_err(|wrongs| wrong(format!("{wrongs:?}: {text}")))?;
                cx.note(format_args!("{name} of tenant-{}: {text}", order.tenant));
                if below == 0 {
                    cx.plans[order.number] = Some(Arc::new(plan));
                } else {
                    cx.children.insert(plan.name.clone(), Arc::new(plan));
                }
            }
            cx.queue.at(order.at, WorldEvent::Submit(order.number));
            if let Some(again) = order.again.filter(|_| order.key.is_some()) {
                cx.queue.at(order.at + again, WorldEvent::Again(order.number));
            }
        }
        controls::queue_controls(scenario, &mut cx);
        (0..scenario.directories).for_each(|directory| cx.queue.at(0, WorldEvent::Start(directory)));
        cx.directories_of_orders(scenario);
        Ok(Self {
            scenario: scenario.clone(),
            cx,
            nodes: BTreeMap::new(),
            requests: scenario.orders.iter().map(|order| (order.number, ClientRequest::Open)).collect(),
            directories: (0..scenario.directories).map(|_| Directory::default()).collect(),
            faults: scenario.faults.clone(),
            scopes_paused: BTreeSet::new(),
        })
    }

    fn go(&mut self) {
        while self.cx.violation().is_none()
            && let Some((when, event)) = self.cx.queue.pop()
        {
            self.cx.now = when;
            self.cx.statistics.events += 1;
            if self.cx.statistics.events > EVENTS {
                return self.cx.violated("everything ends", format!("after {EVENTS} events it has not"));
            }
            self.handle(event);
            self.wake_reconcilers();
            self.strike();
        }
    }

    fn handle(&mut self, event: WorldEvent) {
        match event {
            WorldEvent::Submit(order) => self.submit(order),
            WorldEvent::Again(order) => self.submit_again(order),
            WorldEvent::Control(control) => self.control(control),
            WorldEvent::Rerun(number, times) => self.rerun(number, times),
            WorldEvent::AskOfContainment(number, times) => self.ask_of_containment(number, times),
            WorldEvent::PauseScope(number, is_paused) => self.pause_scope(number, is_paused),
            WorldEvent::SetQuota(number) => self.set_quota(number),
            WorldEvent::PutAsked(put) => self.put_asked(*put),
            WorldEvent::Reconcile(call) => self.reconcile(*call),
            WorldEvent::Start(directory) => self.start(directory),
            WorldEvent::Arrive(request) => self.arrive(request),
            WorldEvent::Act(task) => {
                self.cx.oracle.acted(task);
                self.cx.moment(Moment::Acted);
            }
            WorldEvent::Node(id, inner) => {
                if let Some(node) = self.nodes.get_mut(&id) {
                    self.cx.trace.note(self.cx.now, format_args!("n{id} {inner:?}"));
                    node.handle(inner, &mut self.cx);
                    self.look_after(id);
                }
            }
        }
    }

    /// The reconcilers look when the store has something for them.
    fn wake_reconcilers(&mut self) {
        if std::mem::take(&mut self.cx.store.has_holds) {
            for node in self.nodes.values_mut() {
                node.wake_reconciler(&mut self.cx);
            }
        }
    }

    /// Records what a process has reported.
    fn look_after(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let (directory, answers) = (node.directory, std::mem::take(&mut node.answers));
        let (gone, failed) = (node.phase == Phase::Gone, node.phase == Phase::Failed);
        for (order, peid) in answers {
            self.answered(id, order, peid);
        }
        let owns = self.directories[directory].owner == Some(id);
        if gone {
            self.process_ends(id);
        }
        if owns && (gone || failed) {
            // The application restarts the engine.
            self.directories[directory].owner = None;
            let wait = self.cx.pace(2_000 * MILLIS);
            self.cx.queue.at(self.cx.now + wait, WorldEvent::Start(directory));
        }
    }

    fn process_ends(&mut self, id: NodeId) {
        self.nodes.remove(&id);
        self.leave(id);
    }

    /// Starts a process, unless one is running; earlier disk failures are repaired.
    fn start(&mut self, directory: usize) {
        if self.directories[directory].owner.is_some() {
            return;
        }
        let before = self.cx.disks[directory].owner;
        if self
            .nodes
            .get(&before)
            .is_some_and(|node| node.directory == directory && node.phase == Phase::Failed)
        {
            self.kill(before);
        }
        self.begin(directory);
    }

    fn begin(&mut self, directory: usize) {
        let id = self.cx.number();
        let mut dice = self.cx.dice(Purpose::Fault, &[id]);
        let home = Home {
            node: id,
            directory,
            epochs: Arc::default(),
            skew: self.directories[directory].skew,
            shards: dice.small(1, 4) as usize,
            locks: NodeLocks::default(),
        };
        let forgotten: BTreeSet<usize> = if self.directories[directory].started {
            let orders = self.scenario.orders.iter().filter(|order| order.forgotten);
            orders.map(|order| order.number).collect()
        } else {
            BTreeSet::new()
        };
        self.cx.note(format_args!("n{id} starts on directory {directory} with {} shards", home.shards));
        self.directories[directory].owner = Some(id);
        self.directories[directory].started = true;
        self.cx.disks[directory].owner = id;
        self.nodes.insert(
            id,
            SimulatedNode::start(id, directory, home, (forgotten, &self.scenario.flow), &mut self.cx),
        );
    }

    fn kill(&mut self, id: NodeId) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.die(&mut self.cx);
        }
        self.process_ends(id);
    }

    /// Applies the faults that are due.
    fn strike(&mut self) {
        let due = |fault: &Fault, statistics: &Statistics| match fault.trigger {
            FaultTrigger::Events(events) => statistics.events >= events,
            FaultTrigger::Moment(moment, times) => statistics.times(moment) >= times,
        };
        while let Some(index) = self.faults.iter().position(|fault| due(fault, &self.cx.statistics)) {
            let fault = self.faults.remove(index);
            self.apply(&fault);
        }
    }

    fn apply(&mut self, fault: &Fault) {
        let directory = fault.directory;
        let Some(owner) = self.directories[directory].owner else { return };
        self.cx.note(format_args!("FAULT {} on directory {directory}: {:?}", fault.number, fault.kind));
        self.cx.statistics.count(fault.kind.name());
        let mut dice = self.cx.dice(Purpose::Fault, &[fault.number as u64, 1]);
        match fault.kind {
            FaultKind::Kill | FaultKind::PowerLoss => {
                self.kill(owner);
                if fault.kind == FaultKind::PowerLoss {
                    self.cx.disks[directory].lose_power(&mut dice);
                }
                self.directories[directory].owner = None;
                let wait = dice.below(300 * MILLIS);
                self.cx.queue.at(self.cx.now + wait, WorldEvent::Start(directory));
            }
            FaultKind::Takeover => {
                self.cx.disks[directory].lose_power(&mut dice);
                self.begin(directory);
                self.leave(owner);
            }
            FaultKind::SyncFails => self.cx.disks[directory].sync_fails = true,
            FaultKind::WriteFails => self.cx.disks[directory].write_fails = true,
            FaultKind::Outage { time } => self.cx.store.out_until = self.cx.now + time,
            FaultKind::Clock { millis } => self.directories[directory].skew += millis,
            FaultKind::Restart { .. } | FaultKind::ShardDies | FaultKind::ActorDies { .. } => {}
        }
        let Some(node) = self.nodes.get_mut(&owner) else { return };
        match fault.kind {
            FaultKind::Restart { time_limit } => node.shut_down(time_limit, &mut self.cx),
            FaultKind::Clock { .. } => node.set_clock(self.directories[directory].skew, &mut self.cx),
            FaultKind::ShardDies => node.kill_shard(dice.below(4) as usize, &mut self.cx),
            FaultKind::ActorDies { times } => node.kill_actor(times, &mut self.cx),
            _ => {}
        }
        self.look_after(owner);
    }

    /// The process that runs a tenant.
    pub(crate) fn owner_of(&self, tenant: usize) -> Option<NodeId> {
        let directory = VirtualShard::of(&self.cx.tenants[tenant]).shard(self.directories.len());
        self.directories[directory].owner
    }

    /// No event is left: every accepted execution must have ended, and nothing may be left anywhere.
    fn at_the_end(&mut self) {
        let ended = self.cx.oracle.at_the_end(&self.cx.store, |document| {
            self.cx.plan_of(self.cx.order_of(&document.head)?, &document.head)
        });
        self.cx.check(ended);
        for (order, request) in &self.requests {
            if matches!(request, ClientRequest::Open | ClientRequest::Pending(_)) {
                self.cx.violated("everything ends", format!("order {order} was never answered"));
            }
        }
        for directory in &self.directories {
            let rest = match directory.owner.and_then(|owner| self.nodes.get(&owner)) {
                Some(node) => node.rest(),
                None => Some("a directory has no process".to_owned()),
            };
            if let Some(rest) = rest {
                self.cx.violated("nothing is left", rest);
            }
        }
        let Context { store, statistics, .. } = &mut self.cx;
        for document in store.executions.values() {
            statistics.count(document.state.execution_status.as_str());
        }
    }
}
