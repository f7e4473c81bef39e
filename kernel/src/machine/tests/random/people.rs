//! Random approvals.

use serde_json::{Value, json};

use super::Generator;

impl Generator {
    pub(super) fn approval(&mut self, step: &mut Value, length: u64, depth: u64) {
        step["approval"] = json!("{{ input.n }} hosts?");
        step["timeout"] = json!(["20s", "3h"][self.draw(2) as usize]);
        step["quorum"] = json!(1 + self.draw(2));
        if self.draw(2) == 0 {
            step["choices"] = json!({ "approve": "continue", "later": self.body(length, depth) });
        }
        if self.draw(3) == 0 {
            let hosts = json!({"type": "integer", "maximum": 2});
            step["form"] = json!({"type": "object", "required": ["n"], "properties": {"n": hosts, "why": {"default": "-"}}});
        }
        if depth > 0 && self.draw(2) == 0 {
            self.beside(step, length, depth);
        }
        match self.draw(3) {
            0 => step["assignees"] = json!(["p0", "p1"]),
            1 => step["group"] = json!("g"),
            _ => {}
        }
        self.handle(step, "on_failure", length, depth);
        self.handle(step, "on_timeout", length, depth);
    }

    /// Bodies beside a wait, that is over after 20 s or three hours.
    fn beside(&mut self, step: &mut Value, length: u64, depth: u64) {
        let is_short = step["timeout"] == "20s";
        let (every, after) = if is_short { ("5s", "9s") } else { ("1h", "30m") };
        for (field, time) in [
            ("on_open", None),
            ("on_reminder", Some(("every", every))),
            ("on_escalation", Some(("after", after))),
        ] {
            let own = format!("count_{}_{field}", step["id"].as_str().expect("an id"));
            let outer = std::mem::replace(&mut self.counter, own);
            let first = (self.draw(2) == 0).then(|| self.step(length, depth - 1)).flatten();
            self.counter = outer;
            match (first, time) {
                (None, _) => {}
                (Some(first), None) => step[field] = json!([first]),
                (Some(first), Some((name, time))) => step[field] = json!({ name: time, "do": [first] }),
            }
        }
    }
}
