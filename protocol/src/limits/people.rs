//! Limits of what people and other programs tell a running execution.

use std::time::Duration;

/// Unanswered controls of one execution. Further callers wait for room.
pub const CONTROLS_HELD: usize = 64;
/// How long a step `wait_for` waits for its signal, unless it says otherwise: a tool that calls back does it within a day.
pub const SIGNAL_WAIT: Duration = Duration::from_secs(24 * 3600);
/// Signals of one execution that no step has waited for yet.
pub const SIGNALS_KEPT: usize = 100;
/// Their bytes: all of them are written with each signal that comes.
pub const SIGNALS_KEPT_BYTES: usize = 1 << 20;
/// The payload of one signal: it is the news, what it is about is fetched by a step.
pub const SIGNAL_BYTES: usize = 64 << 10;
/// Ids of signals that were taken by steps, which an execution knows again: a sender repeats within minutes.
pub const SIGNALS_REMEMBERED: usize = 100;
