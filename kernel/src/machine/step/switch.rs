//! The step `switch`: finds the first case that fits; which one is the output of its task.

use updraft_protocol::{Failure, InputHash};

use super::Arrival;
use crate::machine::task::Ending;
use crate::machine::walk::Go;
use crate::machine::{Effects, Machine};
use crate::plan::{PlannedCase, PlannedSwitch};

impl Machine {
    pub(super) fn arrive_at_switch(
        &mut self,
        at: Arrival,
        switch: &PlannedSwitch,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        if self.is_put_off(at) {
            return;
        }
        let ending = match self.case_of(at, switch) {
            Ok(case) => Ending::Completed(Some(serde_json::json!({ "case": case }).into())),
            Err(failure) => Ending::Failed(failure),
        };
        let task = at.ending_task(self);
        work.push(self.end_task(task, ending, at.now, effects));
    }

    /// The number of the first case that fits, from 0.
    fn case_of(&mut self, at: Arrival, switch: &PlannedSwitch) -> Result<Option<usize>, Failure> {
        let value = switch.value.as_ref().map(|value| self.rendered(at, value)).transpose()?;
        let value = value.as_ref().map(InputHash::of_value);
        for (number, case) in switch.cases.iter().enumerate() {
            let fits = match case {
                PlannedCase::Is(hashes) => value.is_some_and(|value| hashes.contains(&value)),
                PlannedCase::When(condition) => {
                    let view = self.view(at.scope, self.began(at.recorded, at.now));
                    let (decided, spent) = condition.decide_metered(&view);
                    self.turn.work += spent.work;
                    decided?
                }
            };
            if fits {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }
}
