//! Titles and examples of the fields of a playbook, as editors show them. Owns no rule of what is valid: the types do.

use serde_json::{Value, json};

/// A title and examples of one field: the type that has the field, its name, its title, and values that it may have.
pub(super) type FieldHint = (&'static str, &'static str, &'static str, Value);

/// Titles of the types, by their names in the schema.
pub(super) const TITLES: [(&str, &str); 48] = [
    ("Action", "Call of a tool"),
    ("Already", "Was it so before?"),
    ("Approval", "Question to people"),
    ("Body", "Steps"),
    ("Branches", "Branches"),
    ("CachePolicy", "Kept answers"),
    ("CacheReach", "Who is given kept answers"),
    ("Carried", "Value for the next round"),
    ("Choices", "Choices"),
    ("Cleanup", "Cleanup"),
    ("Delay", "Wait for a time"),
    ("End", "End, completed"),
    ("Escalation", "Escalation"),
    ("Fail", "End, failed"),
    ("Finally", "Body with a cleanup"),
    ("ForEach", "For each item"),
    ("Handler", "What follows"),
    ("If", "Choice by a condition"),
    ("Join", "When the path goes on"),
    ("Name", "Name"),
    ("OnItemFailure", "After too many failures"),
    ("OnLastFailure", "After the last attempt"),
    ("Parallel", "Branches at once"),
    ("Playbook", "Playbook"),
    ("Record", "Kept arguments"),
    ("Reminder", "Reminder"),
    ("Repeat", "Loop"),
    ("Retry", "Retries"),
    ("Set", "Values of variables"),
    ("Span", "Duration"),
    ("Step", "Step"),
    ("StepCache", "Kept answers"),
    ("StepId", "Id of a step"),
    ("SubPlaybook", "Another playbook"),
    ("SubVersion", "Version of the other playbook"),
    ("Switch", "Choice by a value"),
    ("SwitchCase", "Case"),
    ("Tolerance", "Failures that are tolerated"),
    ("Undo", "Undo"),
    ("UndoOn", "When it is undone"),
    ("Lock", "Lock"),
    ("LoopItems", "Items"),
    ("Verify", "Verification"),
    ("WaitFor", "Wait for a signal"),
    ("WaitUntil", "Wait until an instant"),
    ("WhenOpen", "While the tool does not work"),
    ("WholeBody", "Steps with handlers"),
    ("WholeCleanup", "Cleanup with a time limit"),
];

/// The hints of all fields.
pub(super) fn fields() -> Vec<FieldHint> {
    [playbook(), step(), action(), around_action(), people(), choices(), loops(), waits(), bodies()].concat()
}

fn playbook() -> Vec<FieldHint> {
    let steps = json!([[{"id": "look_up", "action": "http.request", "arguments": {"url": "https://intel.internal/v1"}}]]);
    vec![
        ("Playbook", "catch", "After a failure", json!([[{"fail": "{{ failure.message }}"}]])),
        ("Playbook", "category_id", "Category", json!(["phishing"])),
        ("Playbook", "constants", "Constants", json!([{"intel": "https://intel.internal"}])),
        (
            "Playbook",
            "description",
            "Description",
            json!(["Looks up the sender and asks before the mail is deleted."]),
        ),
        ("Playbook", "finally", "At the end", json!([[{"delay": "1s"}]])),
        ("Playbook", "format", "Format", json!([1])),
        (
            "Playbook",
            "inputs",
            "Input",
            json!([{"type": "object", "required": ["host"], "properties": {"host": {"type": "string"}}}]),
        ),
        ("Playbook", "markings", "Markings", json!([["TLP:GREEN"]])),
        ("Playbook", "name", "Name", json!(["phishing-triage"])),
        ("Playbook", "on_last_failure", "After the last attempt", json!(["pause"])),
        ("Playbook", "output_schema", "Output", json!([{"type": "object", "required": ["verdict"]}])),
        ("Playbook", "outputs", "Outputs", json!([{"verdict": "{{ steps.look_up.output.body.verdict }}"}])),
        ("Playbook", "steps", "Steps", steps),
        ("Playbook", "tasks_at_once", "Tasks at once", json!([20])),
        ("Playbook", "timeout", "Time limit", json!(["1h"])),
        ("Playbook", "types", "Types of variables", json!([{"score": "integer"}])),
        ("Playbook", "variables", "Variables", json!([{"score": 0}])),
        ("Playbook", "version", "Version", json!([1])),
    ]
}

fn step() -> Vec<FieldHint> {
    vec![
        ("Step", "description", "Description", json!(["Off the network, before anything else."])),
        ("Step", "id", "Id", json!(["isolate"])),
        ("Step", "next", "Next step", json!(["tell_people"])),
        ("Step", "on_cancel", "When cancelled", json!([[{"delay": "1s"}]])),
        ("Step", "on_failure", "After a failure", json!(["continue", "tell_people", [{"end": null}]])),
        ("Step", "on_timeout", "After a timeout", json!(["continue"])),
        ("Step", "on_unknown", "Outcome unknown", json!(["ask_a_person"])),
    ]
}

fn action() -> Vec<FieldHint> {
    let release = json!([{"action": "edr.release", "arguments": {"host": "{{ input.host }}"}}]);
    vec![
        ("Action", "action", "Action", json!(["http.request", "edr.isolate"])),
        (
            "Action",
            "already",
            "Was it so before?",
            json!([{"action": "edr.host", "arguments": {"host": "{{ input.host }}"}, "if": "result.isolated"}]),
        ),
        (
            "Action",
            "arguments",
            "Arguments",
            json!([{"method": "POST", "url": "https://edr.internal/hosts/{{ input.host }}/isolate", "json": {}}]),
        ),
        ("Action", "at_most_once", "At most once", json!([true])),
        ("Action", "cache", "Kept answers", json!([{"ttl": "1h"}, "none"])),
        ("Action", "expires", "Lasts", json!(["4h", "{{ input.isolate_for }}"])),
        ("Action", "integration", "Integration", json!(["edr"])),
        ("Action", "lock", "Lock", json!([{"target": "{{ input.host }}"}])),
        ("Action", "on_last_failure", "After the last attempt", json!(["pause"])),
        ("Action", "record", "Kept arguments", json!(["none"])),
        ("Action", "retry", "Retries", json!([{"attempts": 6, "initial": "200ms", "max": "10s"}])),
        ("Action", "target", "Target", json!(["{{ input.host }}"])),
        ("Action", "timeout", "Time limit of an attempt", json!(["30s"])),
        ("Action", "undo", "Undo", release),
        (
            "Action",
            "verify",
            "Verification",
            json!([{"action": "edr.host", "arguments": {"host": "{{ input.host }}"}, "until": "result.isolated"}]),
        ),
        ("Action", "when_open", "While the tool does not work", json!(["fail"])),
    ]
}

fn around_action() -> Vec<FieldHint> {
    let host = json!([{"host": "{{ input.host }}"}]);
    vec![
        ("Already", "action", "Action", json!(["edr.host"])),
        ("Already", "arguments", "Arguments", host.clone()),
        ("Already", "if", "Was so, if", json!(["result.isolated"])),
        ("Already", "retry", "Retries", json!([{"attempts": 3}])),
        ("Already", "timeout", "Time limit of an attempt", json!(["30s"])),
        ("CachePolicy", "key", "What the answer depends on", json!(["{{ input.hash | lower }}"])),
        ("CachePolicy", "stale", "How much longer it is given while it is asked for anew", json!(["30m"])),
        ("CachePolicy", "negative_ttl", "How long nothing is remembered", json!(["5m"])),
        ("CachePolicy", "scope", "Who is given it", json!(["tenant", "shared"])),
        ("CachePolicy", "ttl", "How old it may be", json!(["1h"])),
        ("Retry", "attempts", "Attempts", json!([5])),
        ("Retry", "give_up_after", "Longest delay of a tool", json!(["1h"])),
        ("Retry", "initial", "First wait", json!(["500ms"])),
        ("Retry", "max", "Longest wait", json!(["1m"])),
        ("Retry", "multiplier", "Growth", json!([2])),
        ("Lock", "target", "Target", json!(["{{ input.host }}"])),
        ("Lock", "wait", "Longest wait", json!(["10m"])),
        ("Undo", "action", "Action", json!(["edr.release"])),
        ("Undo", "arguments", "Arguments", json!([{"id": "{{ output.body.action_id }}"}])),
        ("Undo", "on", "When", json!([["failure", "cancel"]])),
        ("Undo", "retry", "Retries", json!([{"attempts": 10}])),
        ("Undo", "safe_if_unknown", "Harmless if unknown", json!([true])),
        ("Undo", "timeout", "Time limit of an attempt", json!(["30s"])),
        ("Undo", "within", "Time limit", json!(["1h"])),
        ("Verify", "action", "Action", json!(["edr.host"])),
        ("Verify", "arguments", "Arguments", host),
        ("Verify", "at_most", "Looks", json!([10])),
        ("Verify", "pause", "Between two looks", json!(["5s"])),
        ("Verify", "retry", "Retries", json!([{"attempts": 3}])),
        ("Verify", "timeout", "Time limit of an attempt", json!(["30s"])),
        ("Verify", "until", "Has come about, if", json!(["result.isolated"])),
        ("Verify", "within", "Time limit", json!(["5m"])),
    ]
}

fn people() -> Vec<FieldHint> {
    let mail = json!([{"action": "http.request", "arguments": {"url": "https://chat.internal/ask"}}]);
    vec![
        ("Approval", "approval", "Question", json!(["Isolate {{ input.host }}?"])),
        ("Approval", "assignees", "People", json!([["ana", "bo"], "{{ input.on_call }}"])),
        ("Approval", "choices", "Choices", json!([{"isolate": "continue", "watch": [{"delay": "1h"}]}])),
        (
            "Approval",
            "form",
            "Form",
            json!([{"type": "object", "required": ["ticket"], "properties": {"ticket": {"type": "string"}}}]),
        ),
        ("Approval", "group", "Group", json!(["tier-2"])),
        ("Approval", "on_escalation", "Escalation", json!([{"after": "1h", "do": mail}])),
        ("Approval", "on_open", "When it begins", json!([mail])),
        ("Approval", "on_reminder", "Reminder", json!([{"every": "4h", "do": mail}])),
        ("Approval", "quorum", "Quorum", json!([2])),
        ("Approval", "timeout", "Time limit", json!(["7d"])),
        ("Escalation", "after", "After", json!(["1h"])),
        ("Escalation", "do", "Steps", json!([mail])),
        ("Reminder", "do", "Steps", json!([mail])),
        ("Reminder", "every", "Every", json!(["4h"])),
    ]
}

fn choices() -> Vec<FieldHint> {
    let steps = json!([[{"delay": "1s"}]]);
    vec![
        ("If", "if", "Condition", json!(["steps.look_up.output.body.score > 80"])),
        ("If", "then", "If it holds", steps.clone()),
        ("If", "else", "If not", steps.clone()),
        ("If", "lock", "Lock", json!([{"target": "{{ input.host }}"}])),
        ("Switch", "lock", "Lock", json!([{"target": "{{ input.host }}"}])),
        ("Switch", "switch", "Value", json!(["input.severity"])),
        ("Switch", "cases", "Cases", json!([[{"is": ["high", "critical"], "do": [{"delay": "1s"}]}]])),
        ("Switch", "default", "Otherwise", steps.clone()),
        ("SwitchCase", "is", "Value", json!(["high", ["high", "critical"]])),
        ("SwitchCase", "when", "Condition", json!(["input.score >= 80"])),
        ("SwitchCase", "do", "Steps", steps.clone()),
        ("Parallel", "lock", "Lock", json!([{"target": "{{ input.host }}"}])),
        ("Parallel", "parallel", "When the path goes on", json!(["all", "any", {"at_least": 2}])),
        (
            "Parallel",
            "branches",
            "Branches",
            json!([{"sender": [{"delay": "1s"}], "links": [{"delay": "1s"}]}]),
        ),
        ("Join", "at_least", "How many", json!([2])),
    ]
}

fn loops() -> Vec<FieldHint> {
    let steps = json!([[{"delay": "1s"}]]);
    vec![
        ("ForEach", "for_each", "Items", json!(["input.hosts"])),
        ("ForEach", "as", "Name of an item", json!(["host"])),
        ("ForEach", "at_once", "Items at once", json!([10])),
        ("ForEach", "collect", "Result of an item", json!([{"host": "{{ item }}"}])),
        ("ForEach", "do", "Steps", steps.clone()),
        ("ForEach", "lock", "Lock", json!([{"target": "{{ item }}"}])),
        ("ForEach", "on_item_failure", "After too many failures", json!(["stop"])),
        ("LoopItems", "file", "File", json!(["steps.export.output.file"])),
        ("ForEach", "tolerate", "Failures that are tolerated", json!([3, "5%"])),
        ("Repeat", "while", "As long as", json!(["steps.poll.output.body.state == 'running'"])),
        ("Repeat", "until", "Until", json!(["steps.poll.output.body.state == 'done'"])),
        ("Repeat", "at_most", "Rounds", json!([100])),
        (
            "Repeat",
            "carry",
            "From round to round",
            json!([{"cursor": {"first": null, "then": "{{ steps.page.output.body.next }}"}}]),
        ),
        ("Repeat", "do", "Steps", steps),
        ("Repeat", "lock", "Lock", json!([{"target": "{{ input.host }}"}])),
        ("Repeat", "pause", "Between two rounds", json!(["10s"])),
        ("Repeat", "timeout", "Time limit of all rounds", json!(["30m"])),
        ("Carried", "first", "In the first round", json!([0])),
        ("Carried", "then", "In the next round", json!(["{{ steps.page.output.body.next }}"])),
    ]
}

fn waits() -> Vec<FieldHint> {
    vec![
        ("Delay", "delay", "How long", json!(["10m"])),
        ("WaitFor", "wait_for", "Signal", json!(["ticket-closed"])),
        ("WaitFor", "key", "Key of the signal", json!(["{{ steps.open.output.body.id }}"])),
        ("WaitFor", "timeout", "Time limit", json!(["1d"])),
        ("WaitUntil", "wait_until", "Instant", json!(["{{ input.retry_at }}", "2027-01-05T08:00:00Z"])),
        ("WaitUntil", "zone", "Time zone", json!(["Europe/Zurich"])),
        ("End", "end", "Output", json!([null, {"verdict": "{{ steps.look_up.output.body.verdict }}"}])),
        ("Fail", "fail", "Reason", json!(["no host is called {{ input.host }}"])),
        ("Fail", "output", "Output", json!([{"host": "{{ input.host }}"}])),
        ("Set", "set", "Values", json!([{"score": "{{ variables.score + 1 }}"}])),
        ("SubPlaybook", "playbook", "Playbook", json!(["isolate-host"])),
        ("SubPlaybook", "target", "Target", json!(["{{ input.host }}"])),
        ("SubPlaybook", "timeout", "Time limit", json!(["8d"])),
        ("SubPlaybook", "version", "Version", json!(["newest", 3])),
        ("SubPlaybook", "wait", "Waits", json!([false])),
        ("SubPlaybook", "with", "Input", json!([{"host": "{{ input.host }}"}])),
    ]
}

fn bodies() -> Vec<FieldHint> {
    let steps = json!([[{"delay": "1s"}]]);
    let told = |kind, name, title| (kind, name, title, steps.clone());
    vec![
        told("Finally", "do", "Steps"),
        told("Finally", "catch", "After a failure"),
        told("Finally", "finally", "At the end"),
        ("Finally", "lock", "Lock", json!([{"target": "{{ input.host }}"}])),
        told("WholeBody", "do", "Steps"),
        told("WholeBody", "catch", "After a failure"),
        told("WholeBody", "finally", "At the end"),
        told("WholeCleanup", "do", "Steps"),
        told("WholeCleanup", "catch", "After a failure"),
        ("WholeCleanup", "timeout", "Time limit", json!(["5m"])),
    ]
}
