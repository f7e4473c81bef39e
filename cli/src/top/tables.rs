//! What `updraft top` shows, as tables of text: the newest snapshot, and rates against the one before. Draws nothing.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use updraft::EngineSnapshot;

use super::rates::Rates;
use crate::text::{clean, duration};

/// The tables, in the order in which one is reached from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TopTable {
    Tenants,
    Tools,
    Gates,
    Shards,
    Threads,
}

/// A value of a table, with what it is sorted by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cell {
    pub(super) text: String,
    /// `None` sorts by the text.
    rank: Option<f64>,
    /// Whether it is to be seen first.
    pub(super) is_bad: bool,
}

/// A table with its rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rows {
    pub(super) title: String,
    pub(super) columns: &'static [&'static str],
    pub(super) rows: Vec<Vec<Cell>>,
}

/// How a table is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) column: usize,
    pub(super) is_reversed: bool,
}

impl TopTable {
    pub(super) const ALL: [Self; 5] = [Self::Tenants, Self::Tools, Self::Gates, Self::Shards, Self::Threads];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Tenants => "tenants",
            Self::Tools => "tools",
            Self::Gates => "gates",
            Self::Shards => "shards",
            Self::Threads => "threads",
        }
    }

    /// As a snapshot has it: tenants with most to do first, gates in trouble first, tools and shards by name.
    pub(super) const fn first_order(self) -> Order {
        match self {
            Self::Tenants => Order { column: 2, is_reversed: true },
            Self::Tools | Self::Shards => Order { column: 0, is_reversed: false },
            Self::Gates => Order { column: 5, is_reversed: true },
            Self::Threads => Order { column: 3, is_reversed: true },
        }
    }

    const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Tenants => &["tenant", "in flight", "queued", "most in flight", "weight", "quota"],
            Self::Tools => &[
                "tool",
                "running",
                "waiting",
                "done/s",
                "failed/s",
                "retried/s",
                "mean",
                "mean wait",
                "not made",
                "circuits",
                "failures",
            ],
            Self::Gates => &["tool", "tenant", "at", "waiting", "running", "circuit", "for"],
            Self::Shards => &["shard", "executions", "commits", "launches", "busy", "last turn", "restarts"],
            Self::Threads => &["stage", "computing", "disk", "busiest"],
        }
    }

    /// Its rows, sorted.
    pub(super) fn rows(self, now: &EngineSnapshot, rates: &Rates<'_>, order: Order) -> Rows {
        let (mut rows, more) = match self {
            Self::Tenants => (tenants(now), now.tenants_in_all),
            Self::Tools => (tools(now, rates), now.integrations.len()),
            Self::Gates => (gates(now), now.gates_in_all),
            Self::Shards => (shards(now), now.shards.len()),
            Self::Threads => (threads(now), now.stages.len()),
        };
        rows.sort_by(|one, other| {
            let ordering = one[order.column].against(&other[order.column]);
            let ordering = if order.is_reversed { ordering.reverse() } else { ordering };
            ordering.then_with(|| one[0].against(&other[0]))
        });
        let title = if more > rows.len() {
            format!("{} ({} of {more})", self.name(), rows.len())
        } else {
            self.name().to_owned()
        };
        Rows { title, columns: self.columns(), rows }
    }
}

impl Cell {
    fn text(text: impl AsRef<str>) -> Self {
        Self { text: clean(text.as_ref()).into_owned(), rank: None, is_bad: false }
    }

    fn number(number: impl TryInto<u64>) -> Self {
        let number = number.try_into().unwrap_or(u64::MAX);
        Self { text: grouped(number), rank: Some(number as f64), is_bad: false }
    }

    /// A text that is sorted by a number.
    fn ranked(text: String, rank: f64) -> Self {
        Self { text, rank: Some(rank), is_bad: false }
    }

    fn share(share: Option<f64>) -> Self {
        match share {
            Some(share) => Self::ranked(format!("{:.0} %", share * 100.0), share),
            None => Self::ranked("-".to_owned(), -1.0),
        }
    }

    fn bad(self, is_bad: bool) -> Self {
        Self { is_bad, ..self }
    }

    fn against(&self, other: &Self) -> Ordering {
        match (self.rank, other.rank) {
            (Some(one), Some(other)) => one.total_cmp(&other),
            _ => self.text.cmp(&other.text),
        }
    }
}

/// A number with its thousands apart: `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn tenants(now: &EngineSnapshot) -> Vec<Vec<Cell>> {
    let row = |load: &updraft::TenantLoad| {
        let most = load.in_flight_most;
        let is_full = most.is_some_and(|most| load.in_flight as u64 >= most) && load.queued > 0;
        vec![
            Cell::text(load.tenant.as_str()),
            Cell::number(load.in_flight).bad(is_full),
            Cell::number(load.queued).bad(is_full),
            most.map_or_else(|| Cell::ranked("-".to_owned(), f64::MAX), Cell::number),
            Cell::number(load.weight),
            Cell::text(if load.has_own_quota { "own" } else { "default" }),
        ]
    };
    now.tenants.iter().map(row).collect()
}

fn tools(now: &EngineSnapshot, rates: &Rates<'_>) -> Vec<Vec<Cell>> {
    let row = |tool: &updraft::IntegrationLoad| {
        let rate = rates.of_tool(tool);
        let per_s = |rate: Option<f64>| match rate {
            Some(rate) => Cell::ranked(format!("{rate:.1}"), rate),
            None => Cell::ranked("-".to_owned(), -1.0),
        };
        let mean = |mean: Option<f64>| match mean {
            Some(ms) => Cell::ranked(duration(ms as u64), ms),
            None => Cell::ranked("-".to_owned(), -1.0),
        };
        let refused: u64 = tool.refused.values().sum();
        vec![
            Cell::text(&tool.integration),
            Cell::number(tool.running),
            Cell::number(tool.waiting),
            per_s(rate.completed_per_s),
            per_s(rate.failed_per_s).bad(rate.failed_per_s.is_some_and(|rate| rate > 0.0)),
            per_s(rate.retried_per_s),
            mean(rate.mean_ms),
            mean(rate.mean_wait_ms),
            Cell::number(refused),
            Cell::text(counts(&tool.circuits)).bad(!tool.circuits.is_empty()),
            Cell::text(counts(&tool.failed)),
        ]
    };
    now.integrations.iter().map(row).collect()
}

/// `timeout 3, unreachable 1`, the most first.
pub(super) fn counts<N: Copy + Ord + TryInto<u64>>(counts: &BTreeMap<String, N>) -> String {
    let mut counts: Vec<_> = counts.iter().collect();
    counts.sort_by_key(|(_, number)| std::cmp::Reverse(**number));
    let told = |(what, number): &(&String, &N)| {
        format!("{} {}", what.replace('_', " "), grouped((**number).try_into().unwrap_or(u64::MAX)))
    };
    counts.iter().map(told).collect::<Vec<_>>().join(", ")
}

fn gates(now: &EngineSnapshot) -> Vec<Vec<Cell>> {
    let row = |gate: &updraft::GateLoad| {
        let credentials = gate.credentials.iter().map(|name| name.as_str());
        let at: Vec<&str> = gate.host.as_deref().into_iter().chain(credentials).collect();
        let is_closed = gate.circuit == updraft::CircuitWord::Closed;
        vec![
            Cell::text(gate.integration.as_str()),
            Cell::text(gate.tenant.as_ref().map_or("all", |tenant| tenant.as_str())),
            Cell::text(at.join(" ")),
            Cell::number(gate.waiting),
            Cell::number(gate.running),
            Cell::ranked(gate.circuit.as_str().replace('_', " "), f64::from(gate.circuit as u8))
                .bad(!is_closed),
            Cell::ranked(
                gate.left_ms.map(duration).unwrap_or_default(),
                gate.left_ms.unwrap_or_default() as f64,
            ),
        ]
    };
    now.gates.iter().map(row).collect()
}

fn shards(now: &EngineSnapshot) -> Vec<Vec<Cell>> {
    let row = |shard: &updraft::ShardLoad| {
        let ago = shard.last_turn.map(|turn| now.at.since(turn));
        vec![
            Cell::number(shard.shard),
            Cell::number(shard.executions),
            Cell::number(shard.commits_waiting),
            match shard.launches_waiting {
                Some(launches) => Cell::number(launches),
                None => Cell::ranked("restarts".to_owned(), -1.0).bad(true),
            },
            Cell::share(shard.busy).bad(shard.busy.is_some_and(|busy| busy >= 0.85)),
            match ago {
                Some(ago) => Cell::ranked(format!("{} ago", duration(ago)), ago as f64),
                None => Cell::ranked("-".to_owned(), -1.0),
            },
            Cell::number(shard.restarts).bad(shard.restarts > 0),
        ]
    };
    now.shards.iter().map(row).collect()
}

fn threads(now: &EngineSnapshot) -> Vec<Vec<Cell>> {
    let row = |stage: &updraft::bottleneck::Stage| {
        vec![
            Cell::text(&stage.name),
            Cell::share(Some(stage.cpu)),
            Cell::share(Some(stage.disk)),
            Cell::share(Some(stage.busy)).bad(stage.busy >= 0.85),
        ]
    };
    now.stages.iter().map(row).collect()
}
