//! Events of executions: that one started, that one of its tasks waits for somebody outside, that it ended. Owns their
//! order, which the store keeps as positions in the documents; reads no store.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::document::{ExecutionDocument, TaskDocument};
use crate::failure::Failure;
use crate::field::fields;
use crate::ids::{ExecutionId, Name, StepId, TaskId};
use crate::json::Json;
use crate::scope::ScopePath;
use crate::status::{ExecutionStatus, TaskStatus};
use crate::time::Timestamp;
use crate::wait::Wait;

/// What can happen, in the order in which one group of updates tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantEventKind {
    /// The first step of an execution began.
    Started,
    /// A task waits for somebody outside of its execution.
    Waiting,
    /// An execution ended.
    Ended,
}

impl TenantEventKind {
    /// Every kind, in their order.
    pub const ALL: [Self; 3] = [Self::Started, Self::Waiting, Self::Ended];

    /// The text in outputs and declarations.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Waiting => "waiting",
            Self::Ended => "ended",
        }
    }
}

/// The place of an event among all events of a store: they become durable in this order.
///
/// 19 bits are the generation of the numbers of groups, 42 the number of the group in its journal, 2 the kind: a journal
/// that takes ten thousand groups a second has numbers for fourteen years.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventPosition(pub u64);

impl EventPosition {
    const KIND_BITS: u32 = 2;
    const GROUP_BITS: u32 = 42;
    /// The highest generation.
    pub const GENERATIONS: u32 = (1 << 19) - 1;

    /// After every other: stores keep no larger number.
    pub const LAST: Self = Self(i64::MAX as u64);

    /// The position of an event of a group: of its generation, and its number in the journal.
    pub const fn of(generation: u32, group: u64, kind: TenantEventKind) -> Self {
        Self(Self::before(generation, group).0 | kind as u64)
    }

    /// The generation of the group's number.
    pub const fn generation(self) -> u64 {
        self.0 >> (Self::GROUP_BITS + Self::KIND_BITS)
    }

    /// The position that no event of the group is before.
    pub const fn before(generation: u32, group: u64) -> Self {
        const GROUPS: u64 = (1 << EventPosition::GROUP_BITS) - 1;
        let generation = if generation > Self::GENERATIONS { Self::GENERATIONS } else { generation };
        let group = if group > GROUPS { GROUPS } else { group };
        Self((generation as u64) << (Self::GROUP_BITS + Self::KIND_BITS) | group << Self::KIND_BITS)
    }
}

fields! {
    /// The places of the events of an execution: stored beside its document, and no part of it, as an actor does not know
    /// them.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub struct ExecutionPositions {
        /// Of its start.
        pub started as "started_position": Option<EventPosition>,
        /// Of its end.
        pub ended as "ended_position": Option<EventPosition>,
    }
}

fields! {
    /// The places of the events of a task, as those of an execution.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub struct TaskPositions {
        /// Of the beginning of its newest wait for somebody outside.
        pub waiting as "waiting_position": Option<EventPosition>,
    }
}

/// The place of a reader: after the event of this position and this id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventCursor {
    /// The position of the event.
    pub position: EventPosition,
    /// The execution that started or ended, or the task that waits.
    pub id: Uuid,
}

impl EventCursor {
    /// Before every event.
    pub const START: Self = Self { position: EventPosition(0), id: Uuid::nil() };

    /// After every event before this position.
    pub const fn at(position: EventPosition) -> Self {
        Self { position, id: Uuid::nil() }
    }
}

impl fmt::Display for EventCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.position.0, self.id.simple())
    }
}

impl FromStr for EventCursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('-').and_then(|(position, id)| {
            let position = u64::from_str_radix(position, 16).ok().filter(|at| i64::try_from(*at).is_ok())?;
            Some(Self { position: EventPosition(position), id: Uuid::try_parse(id).ok()? })
        });
        parts.ok_or_else(|| format!("`{text}` is no cursor of events; each event comes with its own"))
    }
}

impl Serialize for EventCursor {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventCursor {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TenantEvent {
    /// Its place: who goes on from here gets what comes after it.
    pub cursor: EventCursor,
    /// The execution.
    pub peid: ExecutionId,
    /// The alert of the execution.
    pub alert_id: Option<Arc<str>>,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub what: Happened,
}

/// What happened to an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happened {
    /// Its first step began.
    Started {
        /// Its playbook.
        playbook: Name,
        /// The version of the playbook.
        version: u32,
    },
    /// A task waits for somebody outside of it.
    Waiting {
        /// The task.
        task: TaskId,
        /// Its step.
        step: StepId,
        /// The run of a body that contains the step.
        scope: ScopePath,
        /// The status of the task when the event was read: `waiting` while it still waits.
        status: TaskStatus,
        /// What it waits for, since when, until when.
        wait: Box<Wait>,
    },
    /// It ended.
    Ended {
        /// Its playbook.
        playbook: Name,
        /// The version of the playbook.
        version: u32,
        /// How.
        status: ExecutionStatus,
        /// Milliseconds from start to end.
        runtime: Option<u64>,
        /// Why it failed.
        error: Option<Box<Failure>>,
        /// Its output, where whole documents were asked for.
        output: Option<Json>,
    },
}

impl Happened {
    /// Its kind.
    pub const fn kind(&self) -> TenantEventKind {
        match self {
            Self::Started { .. } => TenantEventKind::Started,
            Self::Waiting { .. } => TenantEventKind::Waiting,
            Self::Ended { .. } => TenantEventKind::Ended,
        }
    }
}

impl TenantEvent {
    /// That an execution started, or that it ended, as its document and its positions say; `None` if they do not.
    pub fn of_execution(
        kind: TenantEventKind,
        document: ExecutionDocument,
        positions: ExecutionPositions,
    ) -> Option<Self> {
        let (head, state) = (document.head, document.state);
        let (playbook, version) = (head.playbook_name.clone(), head.playbook_version);
        let (position, at, what) = match kind {
            TenantEventKind::Started => {
                (positions.started?, state.started_date?, Happened::Started { playbook, version })
            }
            TenantEventKind::Ended => {
                let what = Happened::Ended {
                    playbook,
                    version,
                    status: state.execution_status,
                    runtime: state.playbook_runtime,
                    error: state.error,
                    output: state.output,
                };
                (positions.ended?, state.finished_date?, what)
            }
            TenantEventKind::Waiting => return None,
        };
        let cursor = EventCursor { position, id: document.peid.uuid() };
        Some(Self { cursor, peid: document.peid, alert_id: head.alert_id.clone(), at, what })
    }

    /// That a task began to wait, as its document and its positions say; `None` if they do not.
    pub fn of_task(document: TaskDocument, positions: TaskPositions) -> Option<Self> {
        let (head, state) = (document.head, document.state);
        let wait = state.wait?;
        let cursor = EventCursor { position: positions.waiting?, id: document.task_request_id.uuid() };
        Some(Self {
            cursor,
            peid: head.peid,
            alert_id: head.alert_id.clone(),
            at: wait.since,
            what: Happened::Waiting {
                task: document.task_request_id,
                step: head.step_id.clone(),
                scope: head.scope.clone(),
                status: state.status,
                wait,
            },
        })
    }
}

/// An event as people and other programs are told it: one flat object, without what is missing.
#[derive(Debug, Serialize)]
pub struct ToldEvent<'e> {
    cursor: EventCursor,
    event: TenantEventKind,
    at: Timestamp,
    peid: ExecutionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert_id: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    playbook: Option<&'e Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runtime: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'e Failure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'e Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<TaskId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'e StepId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'e ScopePath>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wait: Option<&'e Wait>,
}

impl TenantEvent {
    /// As people and other programs are told it.
    pub fn told(&self) -> ToldEvent<'_> {
        let told = ToldEvent {
            cursor: self.cursor,
            event: self.what.kind(),
            at: self.at,
            peid: self.peid,
            alert_id: self.alert_id.as_deref(),
            playbook: None,
            version: None,
            status: None,
            runtime: None,
            error: None,
            output: None,
            task: None,
            step: None,
            scope: None,
            wait: None,
        };
        match &self.what {
            Happened::Started { playbook, version } => {
                ToldEvent { playbook: Some(playbook), version: Some(*version), ..told }
            }
            Happened::Waiting { task, step, scope, status, wait } => ToldEvent {
                task: Some(*task),
                step: Some(step),
                scope: Some(scope),
                status: Some(status.as_str()),
                wait: Some(wait),
                ..told
            },
            Happened::Ended { playbook, version, status, runtime, error, output } => ToldEvent {
                playbook: Some(playbook),
                version: Some(*version),
                status: Some(status.as_str()),
                runtime: *runtime,
                error: error.as_deref(),
                output: output.as_ref(),
                ..told
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_follow_the_generation_then_the_group_then_the_kind() {
        let kinds =
            |generation, group| TenantEventKind::ALL.map(|kind| EventPosition::of(generation, group, kind));
        let all: Vec<_> = [(0, 0), (0, 1), (0, u64::MAX), (1, 0), (1, 7), (u32::MAX, u64::MAX)]
            .into_iter()
            .flat_map(|(generation, group)| kinds(generation, group))
            .collect();
        assert!(all.is_sorted_by(|one, next| one < next));
        // Stores keep signed numbers.
        assert!(all.iter().all(|position| i64::try_from(position.0).is_ok()));
        assert_eq!(EventPosition::before(1, 7), kinds(1, 7)[0]);
    }

    #[test]
    fn a_cursor_comes_back_from_its_text() {
        let cursor = EventCursor {
            position: EventPosition::of(3, 1 << 40, TenantEventKind::Ended),
            id: Uuid::from_u128(u128::MAX - 5),
        };
        for cursor in [EventCursor::START, cursor] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for text in ["", "-", "7", "7-", "g-00000000000000000000000000000000", "ffffffffffffffff-", "é-é"] {
            assert!(text.parse::<EventCursor>().unwrap_err().contains(text), "{text}");
        }
        let beyond = format!("ffffffffffffffff-{}", Uuid::nil().simple());
        assert!(beyond.parse::<EventCursor>().is_err(), "no store has it");
    }
}
