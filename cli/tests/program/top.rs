//! `top` beside an engine that runs, without one, and on a terminal.

use serde_json::json;

use crate::ended::ended;
use crate::signals::Run;
use crate::tools::Tool;

#[test]
fn what_runs_is_told_once_as_text_and_as_json_and_that_nothing_runs() {
    let Run { dir, tool, child, first, .. } = Run::begin();
    let dir = dir.path();
    let told = ended(dir, &["top", "--json"]).json();
    assert_eq!((&told["running"], &told["executions"]["in_flight"]), (&json!(true), &json!(1)));
    let http = told["integrations"].as_array().unwrap().iter().find(|tool| tool["integration"] == "http");
    assert_eq!(http.unwrap()["running"], 1, "{told}");
    assert_eq!(told["tenants"][0]["tenant"], "default");
    // Standard output is no terminal here.
    for arguments in [&["top", "--once"][..], &["top"]] {
        let told = ended(dir, arguments);
        assert_eq!(told.code, 0, "{}", told.err);
        for part in ["limited by  ", "1 of 100,000 in flight", "TENANTS", "TOOLS", "http", "SHARDS"] {
            assert!(told.out.contains(part), "{part}: {}", told.out);
        }
    }
    Tool::answer(first);
    Tool::answer(tool.asked().1);
    drop(child.wait_with_output().unwrap());
    let none = ended(dir, &["top"]);
    assert_eq!((none.code, none.out.as_str()), (1, "no engine runs on updraft-data\n"), "{}", none.err);
    let none = ended(dir, &["top", "--json"]);
    assert_eq!((none.code, none.json()), (1, json!({"running": false})));
}
