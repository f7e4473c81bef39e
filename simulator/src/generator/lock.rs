//! Locks of targets: few of them, so that steps and bodies of several executions ask for the same. Owns their distribution.

use serde_json::{Value, json};

use super::Generator;

impl Generator<'_> {
    /// Writes a lock for some of the steps that may have one.
    pub(super) fn lock(&mut self, step: &mut Value, id: &str) {
        let Some(dice) = &mut self.locks else { return };
        let fields = ["integration", "if", "switch", "parallel", "for_each", "while", "until"];
        // A wait for a signal has fields of such names, too.
        let may = fields.iter().any(|field| !step[*field].is_null()) && step["wait_for"].is_null();
        if !may || !dice.one_in(2) {
            return;
        }
        let of_item = format!("h{{{{ item_{id}_index % 2 }}}}");
        let target = match step["for_each"].is_null() {
            true => dice.pick(&["h0", "h0", "H0.", "h1", "h{{ input.n }}"]),
            false => dice.pick(&["h0", of_item.as_str()]),
        };
        step["lock"] = json!({ "target": target, "wait": dice.pick(&["5s", "2m", "1h", "3h"]) });
    }
}
