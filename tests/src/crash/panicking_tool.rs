//! A tool that panics when it is first called for a task. It does nothing else.

use serde_json::json;
use updraft::{Answer, Call, Integration};

use crate::quiet;

/// The tool.
pub struct PanickingTool;

impl Integration for PanickingTool {
    fn actions(&self) -> &[&str] {
        &["shake"]
    }

    fn call(&self, call: Call) -> Answer<'_> {
        Box::pin(async move {
            if call.attempt == 1 {
                quiet::panics_on_purpose();
                panic!("{}a shaky tool", quiet::ON_PURPOSE);
            }
            Ok(json!({ "attempt": call.attempt }).into())
        })
    }
}
