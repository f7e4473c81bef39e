//! The steps `end` and `fail`: end their path, with an output. It is bounded as an answer is: many branches may end in
//! one commit.

use updraft_protocol::{Effect, Failure, FailureKind, Json, Timestamp, Value};

use super::Arrival;
use crate::machine::scope::ScopeId;
use crate::machine::task::Ending;
use crate::machine::walk::Go;
use crate::machine::{Effects, Machine};
use crate::plan::PlannedEnd;
use crate::template::Template;

impl Machine {
    pub(super) fn arrive_at_end(
        &mut self,
        at: Arrival,
        end: &PlannedEnd,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        if self.is_put_off(at) {
            return;
        }
        let ending = self.ending_of(at, end);
        let task = at.ending_task(self);
        work.push(self.end_task(task, ending, at.now, effects));
    }

    fn ending_of(&mut self, at: Arrival, end: &PlannedEnd) -> Ending {
        let began = self.began(at.recorded, at.now);
        let output =
            end.output.as_ref().map(|output| self.json_rendered_in(at.scope, began, output)).transpose();
        let output =
            output.and_then(|output| output.map(|output| self.keep(output, Effect::Read)).transpose());
        let failure = end.failure.as_ref().map(|failure| self.rendered(at, failure)).transpose();
        match (output, failure) {
            (Err(failure), _) | (_, Err(failure)) => Ending::Failed(failure),
            (Ok(output), Ok(None)) => Ending::Completed(output),
            (Ok(output), Ok(Some(reason))) => {
                let reason = reason.as_str().map_or_else(|| Json::from(&reason).to_string(), str::to_owned);
                let failure = Failure::new(FailureKind::EndStep, reason);
                match output {
                    Some(output) => Ending::EndedFailed(failure, output),
                    None => Ending::Failed(failure),
                }
            }
        }
    }

    pub(super) fn rendered(&mut self, at: Arrival, template: &Template) -> Result<Value, Failure> {
        self.rendered_in(at.scope, self.began(at.recorded, at.now), template)
    }

    /// Renders a text in a scope, for a task that began at `began`.
    pub(super) fn rendered_in(
        &mut self,
        scope: ScopeId,
        began: Timestamp,
        template: &Template,
    ) -> Result<Value, Failure> {
        let (rendered, spent) = template.render_metered(&self.view(scope, began));
        self.turn.work += spent.work;
        rendered
    }

    /// The same as JSON text; a value that is kept as its own text is handed on by reference.
    pub(super) fn json_rendered_in(
        &mut self,
        scope: ScopeId,
        began: Timestamp,
        template: &Template,
    ) -> Result<Json, Failure> {
        let (rendered, spent) = template.render_json_metered(&self.view(scope, began));
        self.turn.work += spent.work;
        rendered
    }
}
