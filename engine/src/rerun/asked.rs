//! A rerun as another process asks for it. Owns the form alone.

use serde::{Deserialize, Serialize};
use updraft_protocol::{Asked, Declaration, Json, StepId, TaskId};

use super::Rerun;

/// What of an execution runs again: a rerun in its parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskedRerun {
    pub(crate) asked: Asked,
    pub(crate) id: Option<String>,
    pub(crate) from: Option<StepId>,
    pub(crate) input: Option<Json>,
    pub(crate) is_newest: bool,
    pub(crate) declared: Vec<(TaskId, Declaration)>,
    pub(crate) is_first: bool,
}

impl From<Rerun> for AskedRerun {
    fn from(rerun: Rerun) -> Self {
        let Rerun { asked, id, from, input, is_newest, declared, is_first } = rerun;
        let (input, declared) = (input.map(Json::from), declared.into_iter().collect());
        Self { asked, id, from, input, is_newest, declared, is_first }
    }
}

impl From<AskedRerun> for Rerun {
    fn from(asked: AskedRerun) -> Self {
        let AskedRerun { asked, id, from, input, is_newest, declared, is_first } = asked;
        let (input, declared) = (input.map(|input| input.value()), declared.into_iter().collect());
        Self { asked, id, from, input, is_newest, declared, is_first }
    }
}
