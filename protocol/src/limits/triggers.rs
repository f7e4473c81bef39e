//! Limits of triggers.

use std::time::Duration;

/// The largest file of a trigger: a filter and the mapping of an event.
pub const TRIGGER_BYTES: usize = 64 << 10;

/// The most triggers of an engine, those of all tenants: as many as there are settings of one kind.
pub const TRIGGERS: usize = super::SETTINGS;

/// The most triggers of one tenant: no tenant takes the room of the others.
pub const TRIGGERS_OF_TENANT: usize = TRIGGERS / 10;

/// The longest pattern of a schedule.
pub const CRON_BYTES: usize = 256;

/// An instant of a schedule that is older than this was missed: nothing ran that would have fired it. An engine that is busy
/// is late by less.
pub const TRIGGER_LATE: Duration = Duration::from_secs(60);

/// What `missed: all` fires at most, the newest of them: a day of quarters of an hour.
pub const TRIGGER_CAUGHT_UP: usize = 100;

/// Missed instants that are counted in one step: a week of minutes. Others wait for the next step.
pub const TRIGGER_STEP: usize = 10_080;

/// Changes of a time zone that are crossed to find the next instant: those of two centuries.
pub const ZONE_CHANGES: usize = 400;

/// Triggers that are at work at once: each waits for the store and for its submission.
pub const TRIGGERS_AT_WORK: usize = 64;

/// How long a driver sleeps at most: a clock that was set is seen by then.
pub const TRIGGER_SLEEP: Duration = Duration::from_secs(1);

/// How long a trigger waits before it tries again what was refused for now, or looks again whether the execution has ended that
/// it waits for.
pub const TRIGGER_AGAIN: Duration = Duration::from_millis(500);

/// How long the driver waits before it reads the triggers again from a store that did not answer.
pub const TRIGGER_READ_AGAIN: Duration = Duration::from_secs(5);

/// The longest reason why an event started nothing that a trigger keeps.
pub const TRIGGER_TROUBLE_BYTES: usize = 1 << 10;

/// The largest body of a request to a webhook: less than an input may be, since the event has more.
pub const WEBHOOK_BYTES: usize = 512 << 10;

/// How long a request to a webhook may take to arrive. One that is slower is given up.
pub const WEBHOOK_READ: Duration = Duration::from_secs(10);

/// Requests to webhooks that are answered at once; further ones are told to come again.
pub const WEBHOOKS_AT_ONCE: usize = 256;

/// Those of one tenant: whoever holds them all, by bodies that do not come, holds up no other tenant.
pub const WEBHOOKS_OF_TENANT: usize = WEBHOOKS_AT_ONCE / 2;

/// Signatures of one request that are compared: a sender whose secret changes gives two.
pub const WEBHOOK_SIGNATURES: usize = 5;

/// Headers of one request that are looked at.
pub const WEBHOOK_HEADERS: usize = 100;

/// The longest value of a header by which requests are told apart.
pub const WEBHOOK_KEY_BYTES: usize = 1 << 10;

/// Headers that the event of one webhook has.
pub const WEBHOOK_EVENT_HEADERS: usize = 20;

/// The longest time for which a signed request may be old.
pub const WEBHOOK_TOLERANCE: Duration = Duration::from_secs(3600);

/// How long the provider of secrets may take while a request waits.
pub const WEBHOOK_SECRET: Duration = Duration::from_secs(5);

/// Connections to the server of webhooks; further ones wait to be accepted.
pub const SERVED_CONNECTIONS: usize = 1_024;
/// Playbooks of triggers that are loaded at the start: at some milliseconds each they take no longer than the first minute.
pub const PLANS_WARMED: usize = 1_000;

/// Queue triggers of an engine: each is read ten times a second where nothing comes.
pub const QUEUES: usize = 64;

/// Messages that are read from a queue at once, and submitted beside each other.
pub const QUEUE_BATCH: usize = 128;

/// Messages of the first read of a queue: how large they are is not known yet.
pub const QUEUE_BATCH_FIRST: usize = 8;

/// About so many bytes of messages are read from a queue at once, and as many wait to be tried again: 32 of the largest. Fewer
/// messages are read after a read that had more.
pub const QUEUE_BATCH_BYTES: usize = 16 << 20;

/// The largest message of a queue: less than an input may be, since the event has more.
pub const QUEUE_MESSAGE_BYTES: usize = 512 << 10;

/// The longest name of a stream, a group or a field.
pub const QUEUE_NAME_BYTES: usize = 256;

/// How often a message may be tried that starts nothing.
pub const QUEUE_ATTEMPTS: u32 = 100;

/// Messages of a queue that wait to be tried again; with so many nothing new is read.
pub const QUEUE_WAITING: usize = 1_000;

/// The pause before a queue is read again in which there was nothing.
pub const QUEUE_LOOK: Duration = Duration::from_millis(100);

/// The pause before a message that started nothing is tried again, and before Redis is asked again that did not answer.
pub const QUEUE_AGAIN: Duration = Duration::from_secs(1);

/// A message that another consumer was given so long ago has been left: it has died.
pub const QUEUE_LEFT: Duration = Duration::from_secs(60);

/// How often messages that wait for room are kept from being taken over: several times before they would be.
pub const QUEUE_KEPT: Duration = Duration::from_secs(15);

/// Polls of an engine: each waits for its tool in a task of its own, and may hold an answer.
pub const POLLS: usize = 256;

/// The shortest time between two calls of a poll: what is asked more often is to be sent by its tool.
pub const POLL_LEAST: Duration = Duration::from_secs(1);

/// The largest answer of a poll that is looked at, as JSON: two thousand items of two kilobytes.
pub const POLL_ANSWER_BYTES: usize = 4 << 20;

/// The most items of one answer: those that the store keeps the digests of. A tool gives fewer where it is asked for fewer.
pub const POLL_ITEMS: usize = 2_000;

/// The largest item: less than an input may be, since the event has more.
pub const POLL_ITEM_BYTES: usize = 512 << 10;

/// The longest id of an item.
pub const POLL_ID_BYTES: usize = 4 << 10;

/// The largest cursor, as JSON: the links to what has changed that directories give have some kilobytes.
pub const POLL_CURSOR_BYTES: usize = 16 << 10;

/// The longest pause that a tool may ask for which a poll keeps: one that asks for more is asked again after a day.
pub const POLL_ASKED_PAUSE: Duration = Duration::from_secs(24 * 3600);

/// The longest pause of a poll that fails, where it is not asked more rarely anyway.
pub const POLL_PAUSE: Duration = Duration::from_secs(900);

/// The pause after the first failure of a poll that is asked at instants of a calendar.
pub const POLL_AGAIN: Duration = Duration::from_secs(30);

/// How long a call of a poll stands in line for the limits of its tool before it has failed.
pub const POLL_IN_LINE: Duration = Duration::from_secs(600);

/// How often a poll fails in a row before the health of the engine tells it: a tool is restarted now and then.
pub const POLL_FAILING: u32 = 3;

/// Triggers that cannot look for what is new which the health of the engine names.
pub const TRIGGERS_TOLD: usize = 20;

const _: () = {
    // Each digest takes 35 bytes as JSON.
    assert!(POLL_ITEMS * 35 + 2 * POLL_CURSOR_BYTES + 2 * TRIGGER_TROUBLE_BYTES < super::SETTING_BYTES);
    assert!(POLL_ITEM_BYTES < super::INPUT_BYTES);
};
