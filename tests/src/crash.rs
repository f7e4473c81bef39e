//! What the crash test and the process that it kills agree on: the tenants, the playbook, the lines that are
//! said.

mod child_protocol;
mod count;
mod crash_test;
mod environment;
mod judge;
mod loss;
mod panicking_tool;
mod process_run;
mod trouble;

use std::net::SocketAddr;

use updraft::integrations::HttpIntegration;
use updraft::integrations::http::Allow;
use updraft::limits::FLUSH_DELAY;
use updraft::{Builder, Engine, Playbook, TenantCode};

use crate::harness::{named, tenant};
pub use child_protocol::ChildMessage;
pub use count::Count;
pub use crash_test::{CrashTest, Death, seed};
pub use environment::Environment;
pub use judge::judge;
pub use panicking_tool::PanickingTool;

/// Tenants of both shards.
pub const TENANTS: [&str; 4] = ["acme", "globex", "initech", "umbrella"];

/// Whose the execution of this number is.
pub fn tenant_of(number: usize) -> TenantCode {
    tenant(TENANTS[number % TENANTS.len()])
}

/// Default steps and steps that must not act twice, in line and side by side, with a wait, a condition, and a tool
/// that panics.
pub fn playbook(tools: SocketAddr) -> Playbook {
    let request = |id: &str, more: &str| {
        format!(
            "{{id: {id}, action: http.request, arguments: {{method: POST, \
             url: 'http://{tools}/act/{{{{ input.tenant }}}}/{id}'}}, \
             retry: {{attempts: 5, initial: 1ms, max: 5ms}}, {more}}}"
        )
    };
    let doubt = request("doubt", "timeout: 30s");
    let left2 = request("left2", &format!("at_most_once: true, on_unknown: [{doubt}]"));
    let body = [
        "steps:".to_owned(),
        format!("  - {}", request("ask", "timeout: 30s")),
        "  - id: sides".to_owned(),
        "    parallel: all".to_owned(),
        "    branches:".to_owned(),
        format!("      left: [{}, {left2}]", request("left", "timeout: 30s")),
        format!(
            "      right: [{}]",
            request("right", "at_most_once: true, on_unknown: [{id: doubt2, end: null}]")
        ),
        "      pause: [{id: pause, delay: 3ms}]".to_owned(),
        "  - id: choose".to_owned(),
        "    if: steps.ask.output.status == 200".to_owned(),
        "    then:".to_owned(),
        format!("      - {}", request("act", "at_most_once: true, on_unknown: last")),
        format!("      - {}", request("last", "timeout: 30s")),
        "      - {id: shake, action: shaky.shake, retry: {attempts: 5, initial: 1ms, max: 5ms}}".to_owned(),
        "    else: [{id: never, fail: it failed}]\n".to_owned(),
    ]
    .join("\n");
    named("crash", &body)
}

/// Which steps act before which.
pub const ORDER: [(&str, &str); 6] =
    [("ask", "left"), ("ask", "right"), ("left", "left2"), ("left", "act"), ("ask", "act"), ("ask", "last")];

/// The tool over HTTP, which may reach the test's server.
pub fn http(tools: SocketAddr) -> HttpIntegration {
    let allow: Allow = tools.to_string().parse().unwrap();
    HttpIntegration::builder().allow(allow).build().unwrap()
}

/// The address of the store that is embedded.
pub const EMBEDDED: &str = "embedded";

/// The engine of every run, with the store at this address.
pub fn builder(data: &str, tools: SocketAddr, store: &str) -> Builder {
    Engine::builder()
        .data(data)
        // Half of the default, so that the store often has executions that go on.
        .flush_delay(FLUSH_DELAY / 2)
        .store_at(store.parse().unwrap())
        .shards(2)
        .integration("http", http(tools))
        .integration("shaky", PanickingTool)
}
