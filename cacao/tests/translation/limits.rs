//! Long chains and deep nests: what is long is translated in time and stays flat, what is too deep is refused.

use updraft_cacao::model::*;
use updraft_cacao::{Rule, translate};
use updraft_protocol::playbook::StepKind;

use super::playbooks::{agent, command, empty, id, name, step, variable};
use super::world;

fn action(number: u32, next: &CacaoId) -> (CacaoId, WorkflowStep) {
    let kind = WorkflowStepKind::Action(ActionStep {
        commands: vec![command("look")],
        agent: id("tool", 1),
        targets: Vec::new(),
        in_args: Vec::new(),
        out_args: Vec::new(),
    });
    let mut action = step(kind);
    action.on_completion = Some(next.clone());
    (id("action", number), action)
}

fn choice(on_true: &CacaoId, on_false: Option<&CacaoId>, next: &CacaoId) -> WorkflowStep {
    let condition = "__b__:value = true".to_owned();
    let (on_true, on_false) = (on_true.clone(), on_false.cloned());
    let mut choice = step(WorkflowStepKind::If(IfCondition { condition, on_true, on_false }));
    choice.on_completion = Some(next.clone());
    choice
}

fn playbook(first: CacaoId, steps: impl IntoIterator<Item = (CacaoId, WorkflowStep)>) -> CacaoPlaybook {
    let mut start = step(WorkflowStepKind::Start);
    start.on_completion = Some(first);
    let mut playbook = empty(id("start", 1));
    playbook.steps.extend(steps);
    playbook.steps.insert(id("start", 1), start);
    playbook.steps.insert(id("end", 1), step(WorkflowStepKind::End));
    playbook.variables.insert(name("__b__"), variable("bool", "true"));
    playbook.agents.insert(id("tool", 1), agent());
    playbook
}

#[test]
fn a_chain_of_choices_that_join_again_stays_flat() {
    /// As many as fit into the steps of a playbook.
    const CHOICES: u32 = 300;
    let end = id("end", 1);
    let mut next = end.clone();
    let mut steps = Vec::new();
    for number in 1..=CHOICES {
        let (left, right) = (action(2 * number, &next), action(2 * number + 1, &next));
        let choice = choice(&left.0, Some(&right.0), &end);
        next = id("if-condition", number);
        steps.extend([left, right, (next.clone(), choice)]);
    }
    let translation = translate(&playbook(next, steps)).expect("it is translated");
    // The start, the choices and the end.
    assert_eq!(translation.playbook.steps.len(), CHOICES as usize + 2);
    assert!(
        translation.playbook.steps.iter().filter(|step| matches!(step.kind, StepKind::If(_))).count() == 300
    );
    assert!(world::plan(&translation.playbook).is_ok());
}

#[test]
fn what_is_nested_too_deep_is_refused_with_the_way_to_it() {
    let nested = |depth: u32| {
        let (end, last) = (id("end", 1), action(1, &id("end", 1)));
        let mut inner = last.0.clone();
        let mut steps = vec![last];
        for number in 1..=depth {
            let choice = choice(&inner, None, &end);
            inner = id("if-condition", number);
            steps.push((inner.clone(), choice));
        }
        translate(&playbook(inner, steps))
    };
    let translation = nested(20).expect("it is translated");
    assert!(world::plan(&translation.playbook).is_ok());
    let findings = nested(21).expect_err("it is refused");
    assert!(findings.iter().all(|finding| finding.rule == Rule::Nesting), "{findings:?}");
    assert!(findings[0].message.contains(" → "), "{findings:?}");
}

#[test]
fn a_step_of_two_bodies_is_refused_with_both() {
    let (end, shared) = (id("end", 1), action(1, &id("end", 1)));
    let choice = choice(&shared.0, None, &shared.0);
    let found =
        translate(&playbook(id("if-condition", 1), [shared.clone(), (id("if-condition", 1), choice)]));
    let findings = found.expect_err("it is refused");
    let told = findings.iter().find(|finding| finding.rule == Rule::SharedStep).expect("the rule");
    assert_eq!(told.object, shared.0.as_str());
    assert!(told.message.contains("the main line") && told.message.contains("on_true of"), "{told}");
    assert!(findings.iter().all(|finding| finding.object != end.as_str()));
}

#[test]
fn what_becomes_too_large_is_refused() {
    let end = id("end", 1);
    let mut next = end.clone();
    let mut steps = Vec::new();
    for number in 1..=600 {
        let (id, mut action) = action(number, &next);
        action.delay = Some(1);
        next = id.clone();
        steps.push((id, action));
    }
    let findings = translate(&playbook(next, steps)).expect_err("it is refused");
    assert!(findings.iter().all(|finding| finding.rule == Rule::Translation), "{findings:?}");
    assert!(findings[0].message.starts_with("becomes 1202 steps"), "{findings:?}");
    let mut playbook = playbook(end, []);
    for number in 0..400 {
        playbook.variables.insert(name(&format!("__v{number}__")), variable("string", "a"));
    }
    let findings = translate(&playbook).expect_err("it is refused");
    assert!(findings[0].message.contains("variables"), "{findings:?}");
    playbook.variables =
        (0..299).map(|number| (name(&format!("__v{number}__")), variable("string", "a"))).collect();
    let translation = translate(&playbook).expect("it is translated");
    assert!(world::plan(&translation.playbook).is_ok(), "{:?}", world::plan(&translation.playbook).err());
}
