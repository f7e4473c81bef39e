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
/// How long a step `approval` waits, unless it says otherwise: a week with its weekend.
pub const APPROVAL_WAIT: Duration = Duration::from_secs(7 * 24 * 3600);
/// People, or groups, that one approval names: whoever else may answer is a member of a group.
pub const APPROVAL_PEOPLE: usize = 100;
/// People that one approval may need: all of their answers are stored with each.
pub const APPROVAL_QUORUM: u32 = 20;
/// Choices of one approval: a person chooses among them.
pub const APPROVAL_CHOICES: usize = 20;
/// Reminders of one approval: a week of hours, and more than a person reads.
pub const REMINDERS: u32 = 200;
/// Controls that an execution remembers, the newest of them: all are written with each further one.
pub const CONTROLS_RECORDED: usize = 100;
/// A paused execution is out of memory as long as it may; it is looked at after a year, since timers need an instant.
pub const PAUSE_LOOK: Duration = Duration::from_secs(366 * 24 * 3600);
/// How long a step whose last attempt has failed waits for a person who mends the cause: a week with its weekend, as an approval.
pub const LAST_FAILURE_WAIT: Duration = Duration::from_secs(7 * 24 * 3600);
/// A question, which a person reads.
pub const QUESTION_BYTES: usize = 4 << 10;
/// The data of one answer, as JSON: a person fills in a form. All of a quorum's are stored with each.
pub const FORM_DATA_BYTES: usize = 16 << 10;
/// Mistakes in the data of an answer that its person is told: the others are found when these are mended.
pub const FORM_MISTAKES: usize = 10;
/// What a person adds to an answer.
pub const COMMENT_BYTES: usize = 1 << 10;
/// How long an answer that is late waits until the store has the approval of an ended item, which is in no memory any more.
pub const LATE_ANSWER_STORED: Duration = Duration::from_secs(5);
