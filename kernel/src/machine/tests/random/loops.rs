//! Random loops, and the locks of random bodies.

use serde_json::{Value, json};

use super::Generator;

impl Generator {
    pub(super) fn repeat(&mut self, step: &mut Value, length: u64, depth: u64) -> Option<()> {
        let first = self.step(length, depth - 1)?;
        let name = format!("of_{}", step["id"].as_str().expect("an id"));
        let rounds = self.draw(4);
        let (word, condition) = match self.draw(2) {
            0 => ("while", format!("{name} < {rounds}")),
            _ => ("until", format!("{name} >= {rounds}")),
        };
        step[word] = json!(condition);
        step["carry"] = json!({ name.clone(): { "first": 0, "then": format!("{{{{ {name} + 1 }}}}") } });
        step["do"] = json!([first]);
        step["at_most"] = json!(1 + self.draw(5));
        if self.draw(2) == 0 {
            step["pause"] = json!(["1s", "40s"][self.draw(2) as usize]);
        }
        if self.draw(3) == 0 {
            step["timeout"] = json!(["500ms", "50s"][self.draw(2) as usize]);
        }
        self.lock(step);
        self.handle(step, "on_failure", length, depth);
        self.handle(step, "on_timeout", length, depth);
        self.on_cancel(step, depth);
        Some(())
    }

    pub(super) fn for_each(&mut self, step: &mut Value, length: u64, depth: u64) -> Option<()> {
        let item = format!("count_{}", step["id"].as_str().expect("an id"));
        let outer = std::mem::replace(&mut self.counter, item);
        let first = self.step(length, depth - 1);
        self.counter = outer;
        let first = first?;
        step["for_each"] =
            json!(["[1, 2, 3]", "input.list", "input.map", "[]", "input.n"][self.draw(5) as usize]);
        let name = format!("item_of_{}", step["id"].as_str().expect("an id"));
        step["as"] = json!(name);
        step["do"] = json!([first]);
        step["at_once"] = json!(1 + self.draw(3));
        step["tolerate"] = [json!(0), json!(1), json!("50%")][self.draw(3) as usize].clone();
        step["on_item_failure"] = json!(["continue", "stop"][self.draw(2) as usize]);
        if self.draw(2) == 0 {
            step["collect"] = json!(format!("{{{{ {name}_index }}}}"));
        }
        if self.draw(3) == 0 {
            step["lock"] = json!({ "target": format!("{{{{ {name} }}}}") });
        }
        self.handle(step, "on_failure", length, depth);
        self.on_cancel(step, depth);
        Some(())
    }

    /// The lock of a body.
    pub(super) fn lock(&mut self, step: &mut Value) {
        if self.draw(3) == 0 {
            let target = ["h", "{{ input.n }}", "{{ now }}"][self.draw(3) as usize];
            step["lock"] = json!({ "target": target });
        }
    }
}
