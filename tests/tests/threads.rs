//! Threads of an engine: all of them end with it, shut down or dropped. Alone in its program, since it counts them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]
#![cfg(target_os = "linux")]

use serde_json::json;
use updraft_tests::timeouts::TEST_TIMEOUT;
use updraft_tests::{Harness, playbook, until};

/// The threads that are not the test's own.
fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| ["updraft", "store-"].iter().any(|ours| name.starts_with(ours))).collect()
}

#[tokio::test]
async fn no_thread_of_an_engine_outlives_it() {
    let harness = Harness::default();
    let gate = playbook("steps:\n  - {id: first, action: tool.gate}\n");
    for shut_down in [true, false] {
        let engine = harness.start().await;
        assert!(threads().len() > 4, "{:?}", threads());
        let handle = harness.submit(&engine, &gate, json!({})).await;
        harness.tool.begun(1).await;
        if shut_down {
            harness.tool.open(1);
            handle.wait().await.unwrap();
            let _ = engine.shutdown(TEST_TIMEOUT).await;
        }
        drop((engine, handle));
        until(async || threads().is_empty()).await;
    }
}
