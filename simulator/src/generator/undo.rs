//! How the actions of random playbooks are taken back: by a call, or by the reconciler of containments where they expire.

use serde_json::{Value, json};

use super::{Generator, VERIFIED};

impl Generator<'_> {
    /// Writes how an action is taken back: by a call, or what expires by the reconciler of containments.
    pub(super) fn undo(&mut self, step: &mut Value, id: &str, at_most_once: bool) {
        let of = self.dice.pick(&["{{ output }}", "{{ output }}", "{{ output.none.there }}"]);
        let action = self.dice.pick(&["act", "act", "queue"]);
        if self.dice.one_in(3) {
            step["already"] = json!({ "action": action, "arguments": { "for": id }, "if": VERIFIED });
        }
        step["undo"] = json!({ "action": action, "arguments": { "for": id, "of": of } });
        step["undo"]["retry"] =
            json!({ "attempts": self.dice.small(1, 4), "initial": "100ms", "max": "40s" });
        step["undo"]["within"] = json!(self.dice.pick(&["1m", "1h", "9h"]));
        step["undo"]["timeout"] = json!(self.dice.pick(&["50ms", "1s", "30s"]));
        if self.dice.one_in(3) {
            step["expires"] = json!("{{ input.n + 1 }}h");
            step["target"] = json!("{{ input.n }}");
            step["undo"]["on"] =
                [json!(["asked"]), json!(["failure", "asked"])][self.dice.below(2) as usize].clone();
        } else if self.dice.one_in(3) {
            step["undo"]["on"] = [json!(["cancel"]), json!(["failure"])][self.dice.below(2) as usize].clone();
        }
        if at_most_once {
            step["undo"]["safe_if_unknown"] = json!(self.dice.one_in(2));
        }
    }
}
