//! The step `set`: gives variables new values, which are the output of its task. Its end writes them to the path that they
//! belong to: of a task that is recorded too, in the order of the walk, so that they are the same after a crash.

use updraft_protocol::limits::ITEM_WORK;
use updraft_protocol::{Effect, Failure, FailureKind, Json, Value};

use super::Arrival;
use crate::machine::scope::{ScopeId, VariableValue};
use crate::machine::task::Ending;
use crate::machine::walk::Go;
use crate::machine::{Effects, Machine};
use crate::plan::{PlannedKind, PlannedSet};

impl Machine {
    pub(super) fn arrive_at_set(
        &mut self,
        at: Arrival,
        set: &PlannedSet,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        if self.is_put_off(at) {
            return;
        }
        let ending = match self.values_of(at, set) {
            Ok(values) => Ending::Completed(Some(values)),
            Err(failure) => Ending::Failed(failure),
        };
        let task = at.ending_task(self);
        work.push(self.end_task(task, ending, at.now, effects));
    }

    fn values_of(&mut self, at: Arrival, set: &PlannedSet) -> Result<Json, Failure> {
        self.turn.work += ITEM_WORK;
        let values = self.rendered(at, &set.values)?;
        let wrong = self.plan.types.as_ref().map(|types| types.mistakes(&values)).unwrap_or_default();
        if let Some(mistake) = wrong.first() {
            return Err(Failure::new(FailureKind::Template, mistake.to_string()));
        }
        let values = self.keep(values.into(), Effect::Read)?;
        match self.holds_too_much(None, values.as_str().len()) {
            Some(failure) => Err(failure),
            None => Ok(values),
        }
    }

    /// Gives variables of the path on which `scope` is new values: a map of them, by their names.
    pub(in crate::machine) fn write_variables(&mut self, scope: ScopeId, values: &Json) {
        // What a task recorded was a map when it was written.
        let Ok(Value::Object(values)) = values.tree() else { return };
        let path = self.path_around(scope);
        if let Some(path) = self.scopes.get_mut(path) {
            values.iter().for_each(|(name, value)| path.set_variable(name, Json::from(value)));
        }
    }

    /// The variables of the path on which `scope` is.
    pub(in crate::machine) fn variables_of(&self, scope: ScopeId) -> &[VariableValue] {
        self.scopes.get(self.path_around(scope)).map_or(&[], |path| &path.variables)
    }

    /// The scope of the main line, branch or item that a scope is on: the rounds of a loop, and the
    /// body and the steps of a `finally`, are on the path around it.
    fn path_around(&self, mut scope: ScopeId) -> ScopeId {
        while let Some(here) = self.scopes.get(scope)
            && let Some((outer, opener)) = here.opener
            && match self.plan.step(self.task(opener).step).kind {
                PlannedKind::Repeat(_) => here.locals.is_some(),
                PlannedKind::Finally(_) => true,
                _ => false,
            }
        {
            scope = outer;
        }
        scope
    }
}
