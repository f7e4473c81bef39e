//! What stands above the tables: what limits, what is wrong, and the figures of which there is one each. Draws nothing.

use updraft::{CacheFigures, EngineSnapshot};

use super::rates::Rates;
use super::tables::{counts, grouped};
use crate::text::clean;

/// A line with its name before it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HeadLine {
    pub(super) name: &'static str,
    pub(super) text: String,
    /// Whether it is to be seen first.
    pub(super) is_bad: bool,
}

/// The lines, the most urgent first.
pub(super) fn head(now: &EngineSnapshot, rates: &Rates<'_>) -> Vec<HeadLine> {
    let line = |name, text: String| HeadLine { name, text: clean(&text).into_owned(), is_bad: false };
    let mut lines = Vec::new();
    for trouble in &now.troubles {
        lines.push(HeadLine { is_bad: true, ..line("trouble", trouble.clone()) });
    }
    match &now.limited_by {
        Some(limit) => {
            let text = format!("{}: {}. {}", limit.stage, limit.why, limit.change);
            lines.push(HeadLine { is_bad: true, ..line("limited by", text) });
        }
        None => lines.push(line("limited by", "nothing".to_owned())),
    }
    lines.push(line("executions", executions(now)));
    lines.push(line("store", store(now, rates)));
    lines.push(line("journal", journal(now, rates)));
    if !now.guardrail_refusals.is_empty() {
        lines.push(line("guardrails", format!("refused: {}", counts(&now.guardrail_refusals))));
    }
    if now.targets_locked > 0 {
        let (locked, waiting) = (now.targets_locked, now.target_locks_waiting);
        lines.push(line("locks", format!("{locked} targets are locked, {waiting} steps wait for one")));
    }
    if now.caches.iter().any(|of| of.hit_ratio().is_some()) {
        lines.push(line("caches", caches(&now.caches)));
    }
    lines
}

/// How much of what was asked of each cache did not have to be loaded.
fn caches(all: &[CacheFigures]) -> String {
    let of = |of: &CacheFigures| {
        let percent = of.hit_ratio()? * 100.0;
        Some(format!("{} {percent:.0} % kept, {} loads", of.kind, grouped(of.loads)))
    };
    all.iter().filter_map(of).collect::<Vec<_>>().join("; ")
}

fn executions(now: &EngineSnapshot) -> String {
    let executions = &now.executions;
    let [in_flight, permits, queued, parked] =
        [executions.in_flight as u64, executions.permits, executions.queued, executions.parked as u64]
            .map(grouped);
    format!("{in_flight} of {permits} in flight, {queued} queued, {parked} parked")
}

fn store(now: &EngineSnapshot, rates: &Rates<'_>) -> String {
    let store = &now.store;
    let mut text = format!(
        "{} of {} documents wait ({}), {} of {} batches under way",
        grouped(store.documents as u64),
        grouped(store.documents_most as u64),
        bytes(store.bytes),
        store.batches_in_flight,
        store.batches_in_flight_most,
    );
    let written = rates.per_s(|snapshot| snapshot.store.written as u64);
    let coalesced = rates.per_s(|snapshot| snapshot.store.coalesced as u64);
    if let Some((written, coalesced)) = written.zip(coalesced) {
        text += &format!(", {} written/s, {} overtaken/s", rounded(written), rounded(coalesced));
    }
    for (number, what) in [
        (store.deferred, "deferred"),
        (store.retried, "batches sent again"),
        (store.dead_letters, "dead letters"),
        (store.dead_letters_lost, "dead letters lost"),
    ] {
        if number > 0 {
            text += &format!(", {} {what}", grouped(number as u64));
        }
    }
    text
}

fn journal(now: &EngineSnapshot, rates: &Rates<'_>) -> String {
    let journal = &now.journal;
    let appends = rates.per_s(|snapshot| snapshot.journal.durable);
    let appends = appends.map(|rate| format!("{} appends/s, ", rounded(rate))).unwrap_or_default();
    let segments = if journal.segments == 1 { "segment" } else { "segments" };
    format!(
        "{appends}{} behind in the store, {} {segments}, {} of {} on the way to the disk",
        grouped(journal.behind),
        journal.segments,
        bytes(journal.queued_bytes),
        bytes(journal.queued_bytes_most),
    )
}

fn rounded(rate: f64) -> String {
    grouped(rate.round() as u64)
}

/// `1.5 MiB`.
fn bytes(bytes: usize) -> String {
    let bytes = bytes as f64;
    match bytes {
        0.0..1024.0 => format!("{bytes:.0} B"),
        1024.0..1_048_576.0 => format!("{:.1} KiB", bytes / 1024.0),
        _ => format!("{:.1} MiB", bytes / 1_048_576.0),
    }
}
