//! A world around the backlog: submissions, places, and a store that gets every change later than it is durable. Whatever comes in
//! which order, every execution that is accepted begins once or is cancelled, and no bound is passed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;

use super::*;

const TENANTS: u8 = 3;
const PLACES: usize = 4;
const PLACES_OF_TENANT: usize = 2;

/// What somebody did with what he claimed.
#[derive(Debug, Clone, Copy)]
enum How {
    Cancelled,
    /// Nothing that he knows of.
    Left,
    /// It has another priority, and the store knows.
    Reprioritised(u8),
}

#[derive(Debug, Clone)]
enum Doing {
    Submit {
        tenant: u8,
        priority: u8,
        is_accepted: bool,
    },
    /// The store gets the next changes.
    Store(u8),
    /// A read begins, or the oldest one is answered.
    Read,
    Answer {
        fails: bool,
    },
    Begin,
    End(u8),
    Claim(u8),
    GiveBack {
        at: u8,
        how: How,
    },
    Refresh(u8),
    Wait(u64),
}

fn how() -> impl Strategy<Value = How> {
    prop_oneof![Just(How::Cancelled), Just(How::Left), (0_u8..4).prop_map(How::Reprioritised)]
}

fn doing() -> impl Strategy<Value = Doing> {
    let tenant = 0..TENANTS;
    prop_oneof![
        6 => (tenant.clone(), 0_u8..4, prop::bool::weighted(0.9))
            .prop_map(|(tenant, priority, is_accepted)| Doing::Submit { tenant, priority, is_accepted }),
        4 => (1_u8..6).prop_map(Doing::Store),
        4 => Just(Doing::Read),
        4 => prop::bool::weighted(0.1).prop_map(|fails| Doing::Answer { fails }),
        6 => Just(Doing::Begin),
        4 => any::<u8>().prop_map(Doing::End),
        1 => any::<u8>().prop_map(Doing::Claim),
        1 => (any::<u8>(), how()).prop_map(|(at, how)| Doing::GiveBack { at, how }),
        1 => tenant.prop_map(Doing::Refresh),
        1 => (0_u64..100_000).prop_map(Doing::Wait),
    ]
}

struct World {
    backlog: AdmissionLine<()>,
    now: u64,
    /// Those that the store has as queued.
    stored: BTreeMap<TenantCode, BTreeSet<Queued>>,
    /// What is durable, and not stored: an execution is queued, or no longer.
    behind: VecDeque<(TenantCode, Queued, bool)>,
    /// Reads under way, each with how many of `behind` the store must have before.
    reads: VecDeque<(TenantCode, usize, usize)>,
    accepted: BTreeMap<ExecutionId, (TenantCode, Queued)>,
    running: Vec<(TenantCode, Queued)>,
    /// Those that have begun or are cancelled, which is known to who reads.
    over: BTreeSet<ExecutionId>,
    claimed: Vec<(TenantCode, ExecutionId)>,
    next: u64,
}

impl World {
    fn new() -> Self {
        Self {
            backlog: AdmissionLine::new(u64::MAX),
            now: 1_000_000,
            stored: BTreeMap::new(),
            behind: VecDeque::new(),
            reads: VecDeque::new(),
            accepted: BTreeMap::new(),
            running: Vec::new(),
            over: BTreeSet::new(),
            claimed: Vec::new(),
            next: 1,
        }
    }

    fn step(&mut self, doing: Doing) {
        match doing {
            Doing::Submit { tenant: of, priority, is_accepted } => self.submit(of, priority, is_accepted),
            Doing::Store(count) => (0..count).for_each(|_| self.store()),
            Doing::Read => self.read(),
            Doing::Answer { fails } => self.answer(fails),
            Doing::Begin => self.begin(),
            Doing::End(at) if !self.running.is_empty() => {
                let (of, _) = self.running.swap_remove(usize::from(at) % self.running.len());
                self.backlog.readmit(&of);
            }
            Doing::Claim(at) => self.claim(at),
            Doing::GiveBack { at, how } if !self.claimed.is_empty() => {
                let claimed = self.claimed.swap_remove(usize::from(at) % self.claimed.len());
                self.give_back(claimed, how);
            }
            Doing::Refresh(of) => self.backlog.refresh(&tenant(&format!("t{of}"))),
            Doing::Wait(time) => self.now += time,
            Doing::End(_) | Doing::GiveBack { .. } => {}
        }
        assert!(self.backlog.is_sound());
    }

    fn submit(&mut self, of: u8, priority: u8, is_accepted: bool) {
        let of = tenant(&format!("t{of}"));
        self.backlog.arrive(&of, u64::MAX).unwrap();
        if !is_accepted {
            return self.backlog.withdrawn(&of);
        }
        let priority = Priority::ALL[usize::from(priority)];
        let peid = ExecutionId::from_bytes(u128::from(self.next).to_be_bytes());
        let queued = Queued { position: Queued::position(Timestamp(self.now), priority), peid };
        (self.next, self.now) = (self.next + 1, self.now + 1);
        self.accepted.insert(peid, (of.clone(), queued));
        self.behind.push_back((of.clone(), queued, true));
        self.backlog.queued(&of, queued);
    }

    fn store(&mut self) {
        let Some((of, queued, is_queued)) = self.behind.pop_front() else { return };
        let stored = self.stored.entry(of).or_default();
        if is_queued {
            stored.insert(queued);
        } else {
            stored.remove(&queued);
        }
        self.reads.iter_mut().for_each(|(_, behind, _)| *behind = behind.saturating_sub(1));
    }

    fn read(&mut self) {
        let Some((of, limit)) = self.backlog.next_read() else { return };
        self.reads.push_back((of, self.behind.len(), limit));
    }

    fn answer(&mut self, fails: bool) {
        let Some((of, behind, limit)) = self.reads.pop_front() else { return };
        if fails {
            return self.backlog.not_read(&of);
        }
        (0..behind).for_each(|_| self.store());
        let stored = self.stored.get(&of).into_iter().flatten();
        let rows: Vec<Queued> = stored.take(limit).copied().collect();
        let is_last = rows.len() < limit;
        let first = rows.into_iter().filter(|row| !self.over.contains(&row.peid)).collect();
        self.backlog.page(&of, QueuedPage { first, is_last, leaves_out: false });
    }

    fn begin(&mut self) {
        if self.running.len() >= PLACES {
            return;
        }
        let running = &self.running;
        let may =
            |of: &TenantCode| running.iter().filter(|(other, _)| other == of).count() < PLACES_OF_TENANT;
        let Some((of, Admitted::Begin(queued))) = self.backlog.next(may) else { return };
        assert!(self.over.insert(queued.peid), "{queued:?} begins twice, or after its end");
        assert!(self.claimed.iter().all(|(_, peid)| *peid != queued.peid), "it is claimed");
        self.behind.push_back((of.clone(), queued, false));
        self.running.push((of, queued));
        self.backlog.begun(queued.peid);
    }

    fn claim(&mut self, at: u8) {
        let open: Vec<_> = self.accepted.iter().filter(|(peid, _)| !self.over.contains(peid)).collect();
        if open.is_empty() {
            return;
        }
        let (peid, (of, _)) = open[usize::from(at) % open.len()];
        if self.backlog.claim(of, *peid) == Claim::Claimed {
            self.claimed.push((of.clone(), *peid));
        }
    }

    fn give_back(&mut self, (of, peid): (TenantCode, ExecutionId), how: How) {
        let (_, queued) = self.accepted[&peid].clone();
        let given = match how {
            How::Left => GivenBack::Somewhere,
            How::Cancelled => {
                assert!(self.over.insert(peid));
                self.behind.push_back((of.clone(), queued, false));
                GivenBack::Gone
            }
            How::Reprioritised(priority) => {
                while !self.behind.is_empty() {
                    self.store();
                }
                let place = Queued::position(queued.position, Priority::ALL[usize::from(priority)]);
                let moved = Queued { position: place, peid };
                let stored = self.stored.entry(of.clone()).or_default();
                stored.remove(&queued);
                stored.insert(moved);
                self.accepted.insert(peid, (of.clone(), moved));
                GivenBack::At(moved)
            }
        };
        self.backlog.give_back(&of, peid, given);
    }

    /// Lets everything go on until nothing more happens.
    fn settle(&mut self) {
        for claimed in std::mem::take(&mut self.claimed) {
            self.give_back(claimed, How::Left);
        }
        for _ in 0..self.accepted.len() * 4 + 20 {
            self.step(Doing::Read);
            self.step(Doing::Answer { fails: false });
            for _ in 0..PLACES {
                self.step(Doing::Begin);
            }
            self.step(Doing::End(0));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_accepted_execution_begins_once_or_is_cancelled(all in prop::collection::vec(doing(), 1..200)) {
        let mut world = World::new();
        for doing in all {
            world.step(doing);
        }
        world.settle();
        prop_assert_eq!(world.over.len(), world.accepted.len(), "nothing is left");
        while !world.behind.is_empty() {
            world.store();
        }
        prop_assert!(world.backlog.is_empty() && world.reads.is_empty());
        prop_assert_eq!(world.backlog.tenants().count(), 0);
    }

    /// Whatever order they come in, those of one tenant begin in the order of their places where all can be seen.
    #[test]
    fn those_of_a_tenant_begin_in_the_order_of_their_places(
        all in prop::collection::vec((0_u64..300_000, 0_u8..4), 1..60)
    ) {
        let mut world = World::new();
        for (wait, priority) in all {
            world.step(Doing::Wait(wait));
            world.submit(0, priority, true);
        }
        world.settle();
        let mut order: Vec<Queued> = world.accepted.values().map(|(_, queued)| *queued).collect();
        order.sort_unstable();
        let begun: Vec<Queued> = world.behind.iter().filter(|(_, _, queued)| !queued).map(|(_, row, _)| *row).collect();
        let seen: Vec<Queued> = order.iter().filter(|row| begun.contains(row)).copied().collect();
        prop_assert_eq!(begun, seen);
    }
}
