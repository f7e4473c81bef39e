//! The step `end`: ends its path, with its output. The output is bounded as an answer is, since many branches may end
//! in one commit.

use updraft_protocol::playbook::EndStatus;
use updraft_protocol::{Effect, Failure, FailureKind};

use super::Arrival;
use crate::machine::scope::ScopeId;
use crate::machine::task::Ending;
use crate::machine::walk::Go;
use crate::machine::{Effects, Machine};
use crate::plan::PlannedEnd;

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
        let ending = self.ending_of(at.scope, end);
        let task = at.ending_task(self);
        work.push(self.end_task(task, ending, at.now, effects));
    }

    fn ending_of(&mut self, scope: ScopeId, end: &PlannedEnd) -> Ending {
        let rendered = end.output.as_ref().map(|template| template.render_metered(&self.view(scope)));
        let rendered = rendered.map(|(rendered, spent)| {
            self.turn.work += spent.work;
            rendered
        });
        let output = rendered
            .transpose()
            .and_then(|output| output.map(|output| self.keep(output.into(), Effect::Read)).transpose());
        match (output, end.status) {
            (Err(failure), _) => Ending::Failed(failure),
            (Ok(output), EndStatus::Completed) => Ending::Completed(output),
            (Ok(output), EndStatus::Failed) => {
                // The message of the failed execution names the step.
                let failure = Failure::new(FailureKind::EndStep, "it ends its path as failed");
                match output {
                    Some(output) => Ending::EndedFailed(failure, output),
                    None => Ending::Failed(failure),
                }
            }
        }
    }
}
