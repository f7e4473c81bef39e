//! What each kind of step says of itself: its detail, and the bodies that it leads into with their titles. Shows no argument
//! of a call, in which secrets may be.

use updraft_protocol::Value;
use updraft_protocol::playbook::{Body, Join, StepKind, SubVersion, SwitchCase};

use crate::diagram::Kind;

/// A body of a step as it is drawn.
pub(crate) struct GivenBody<'p> {
    /// Its title.
    pub(crate) title: String,
    /// Its steps; none where the path goes on at once.
    pub(crate) body: Option<&'p Body>,
    /// When the path goes on behind it.
    pub(crate) behind: Behind,
    /// Whether it runs beside the step, or after another exit.
    pub(crate) is_beside: bool,
}

/// When the path goes on behind a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behind {
    /// Where its steps let it.
    AsSteps,
    /// Whatever its steps do: they have a path of their own.
    Always,
    /// Never.
    Never,
}

/// The kind of a step.
pub(crate) fn kind(kind: &StepKind) -> Kind {
    match kind {
        StepKind::Action(_) => Kind::Action,
        StepKind::Parallel(_) => Kind::Parallel,
        StepKind::If(_) => Kind::If,
        StepKind::Switch(_) => Kind::Switch,
        StepKind::ForEach(_) => Kind::ForEach,
        StepKind::Repeat(_) => Kind::Repeat,
        StepKind::Set(_) => Kind::Set,
        StepKind::Delay(_) => Kind::Delay,
        StepKind::WaitUntil(_) => Kind::WaitUntil,
        StepKind::WaitFor(_) => Kind::WaitFor,
        StepKind::Approval(_) => Kind::Approval,
        StepKind::Finally(_) => Kind::Finally,
        StepKind::SubPlaybook(_) => Kind::SubPlaybook,
        StepKind::End(_) => Kind::End,
        StepKind::Fail(_) => Kind::Fail,
    }
}

/// What a step does, in a few words.
pub(crate) fn detail(kind: &StepKind) -> String {
    match kind {
        StepKind::Action(action) => format!("{}.{}", action.integration, action.action),
        StepKind::Parallel(parallel) => match parallel.join {
            Join::All => "all branches at once".to_owned(),
            Join::Any => "until one branch has completed".to_owned(),
            Join::AtLeast(count) => format!("until {count} branches have completed"),
        },
        StepKind::If(choice) => format!("if {}", choice.condition),
        StepKind::Switch(switch) => match &switch.value {
            Some(value) => format!("switch {value}"),
            None => "switch".to_owned(),
        },
        StepKind::ForEach(each) => {
            let at_once = each.at_once.map(|count| format!(", {count} at once")).unwrap_or_default();
            format!("for_each {} as {}{at_once}", each.items, each.name())
        }
        StepKind::Repeat(repeat) => match (&repeat.before, &repeat.after) {
            (Some(condition), _) => format!("while {condition}"),
            (None, Some(condition)) => format!("until {condition}"),
            (None, None) => "repeat".to_owned(),
        },
        StepKind::Set(set) => {
            let names: Vec<&str> = set.set.keys().map(String::as_str).collect();
            format!("set {}", names.join(", "))
        }
        StepKind::Delay(delay) => format!("delay {}", delay.duration),
        StepKind::WaitUntil(wait) => format!("wait_until {}", wait.instant),
        StepKind::WaitFor(wait) => match wait.timeout {
            Some(timeout) => format!("wait_for {}, at most {timeout}", wait.name),
            None => format!("wait_for {}", wait.name),
        },
        StepKind::Approval(approval) => format!("approval: {}", approval.question),
        StepKind::Finally(_) => "finally".to_owned(),
        StepKind::SubPlaybook(child) => match child.version {
            Some(SubVersion::Number(version)) => format!("playbook {} {version}", child.playbook),
            Some(SubVersion::Newest) | None => format!("playbook {}", child.playbook),
        },
        StepKind::End(_) => "end".to_owned(),
        StepKind::Fail(fail) => format!("fail: {}", fail.message),
    }
}

/// The bodies that a step of this kind leads into.
pub(crate) fn bodies(kind: &StepKind) -> Vec<GivenBody<'_>> {
    match kind {
        StepKind::If(choice) => {
            vec![way("then", Some(&choice.then)), way("else", choice.otherwise.as_ref())]
        }
        StepKind::Switch(switch) => {
            let cases = switch.cases.iter().map(|case| way(&case_title(case), Some(&case.body)));
            cases.chain([way("otherwise", switch.default.as_ref())]).collect()
        }
        StepKind::Parallel(parallel) => {
            let branches = parallel.branches.0.iter();
            // A branch ends; what it is part of goes on.
            branches.map(|(name, body)| scope(name.as_str(), body)).collect()
        }
        StepKind::ForEach(each) => vec![scope(&format!("for each {}", each.name()), &each.body)],
        StepKind::Repeat(repeat) => {
            let at_most = repeat.at_most.map(|rounds| format!(", at most {rounds}")).unwrap_or_default();
            let pause = repeat.pause.map(|pause| format!(", every {pause}")).unwrap_or_default();
            vec![scope(&format!("each round{at_most}{pause}"), &repeat.body)]
        }
        StepKind::Finally(step) => {
            vec![way("do", Some(&step.body)), scope("finally · in any case", &step.cleanup.body)]
        }
        StepKind::Approval(approval) => {
            let choices = approval.choices.iter().flat_map(|choices| &choices.0);
            let mut all: Vec<GivenBody<'_>> =
                choices.map(|(name, body)| way(name.as_str(), Some(body))).collect();
            all.extend(approval.on_open.iter().map(|body| beside("on_open".to_owned(), body)));
            let reminder = approval.on_reminder.iter();
            all.extend(reminder.map(|r| beside(format!("on_reminder · every {}", r.every), &r.body)));
            let escalation = approval.on_escalation.iter();
            all.extend(escalation.map(|e| beside(format!("on_escalation · after {}", e.after), &e.body)));
            all
        }
        _ => Vec::new(),
    }
}

/// One of several ways; where it has no steps, the path goes on at once.
fn way<'p>(title: &str, body: Option<&'p Body>) -> GivenBody<'p> {
    let body = body.filter(|body| !body.steps.is_empty());
    GivenBody { title: title.to_owned(), body, behind: Behind::AsSteps, is_beside: false }
}

/// A body in a scope of its own: the path goes on behind it even where all of its ways end.
fn scope<'p>(title: &str, body: &'p Body) -> GivenBody<'p> {
    GivenBody { title: title.to_owned(), body: Some(body), behind: Behind::Always, is_beside: false }
}

fn beside(title: String, body: &Body) -> GivenBody<'_> {
    GivenBody { title, body: Some(body), behind: Behind::Never, is_beside: true }
}

fn case_title(case: &SwitchCase) -> String {
    match (&case.is, &case.when) {
        (Some(value), _) => format!("is {}", written(value)),
        (None, Some(condition)) => format!("when {condition}"),
        (None, None) => "case".to_owned(),
    }
}

/// A value as its author wrote it: a text without quotes.
fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
