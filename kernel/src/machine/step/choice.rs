//! The step `if`: evaluates its condition, which is the output of its task.

use super::Arrival;
use crate::machine::task::Ending;
use crate::machine::walk::Go;
use crate::machine::{Effects, Machine};
use crate::plan::PlannedIf;

impl Machine {
    pub(super) fn arrive_at_choice(
        &mut self,
        at: Arrival,
        choice: &PlannedIf,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        if self.is_put_off(at) {
            return;
        }
        let view = self.view(at.scope, self.began(at.recorded, at.now));
        let (decided, spent) = choice.condition.decide_metered(&view);
        self.turn.work += spent.work;
        let ending = match decided {
            Ok(holds) => Ending::Completed(Some(serde_json::json!({ "result": holds }).into())),
            Err(failure) => Ending::Failed(failure),
        };
        let task = at.ending_task(self);
        work.push(self.end_task(task, ending, at.now, effects));
    }
}
