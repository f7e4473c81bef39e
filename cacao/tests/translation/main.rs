//! Translated playbooks, run: by the machine of the engine, beside an interpreter of CACAO that knows nothing of the translation.

#![allow(clippy::expect_used, clippy::panic, reason = "what is generated is known to be right")]

mod generated;
mod interpreter;
mod limits;
mod playbooks;
mod results;
mod texts;
mod world;

use proptest::prelude::*;
use updraft_cacao::{Support, export, import, translate};

use interpreter::Interpreter;
use world::World;

/// A call as both tell it: the command with its number, and the values of the variables that it names.
type Called = (String, String);

/// What becomes of an execution.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    /// The calls of each path that runs beside others, in their order.
    pub(crate) calls: std::collections::BTreeMap<usize, Vec<Called>>,
    /// Whether it completed.
    pub(crate) completed: bool,
    /// The variables at its end, if it completed.
    pub(crate) variables: Option<updraft_protocol::Value>,
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn the_engine_does_what_the_standard_says(seed in any::<u64>()) {
        let generated = generated::playbook(seed);
        match translate(&generated.playbook) {
            Err(findings) => {
                prop_assert!(findings.iter().any(|finding| finding.rule.support() == Support::Refused));
            }
            Ok(translation) => {
                let again = translate(&generated.playbook).expect("the same");
                prop_assert_eq!(&again.playbook, &translation.playbook);
                let plan = world::plan(&translation.playbook);
                prop_assert!(plan.is_ok(), "{:?}\n{}", plan.err(), world::printed(&translation.playbook));
                for run in 0..3 {
                    let seed = seed ^ run;
                    let expected = Interpreter::run(&generated, seed);
                    let found = World::run(&translation.playbook, &generated, seed);
                    prop_assert_eq!(
                        &found,
                        &expected,
                        "{}\n{:#?}",
                        world::printed(&translation.playbook),
                        generated.playbook.steps
                    );
                }
            }
        }
    }
}

#[test]
fn most_generated_playbooks_are_translated() {
    let translated = (0..300).filter(|seed| translate(&generated::playbook(*seed).playbook).is_ok()).count();
    assert!(translated > 200, "{translated} of 300");
}

#[test]
fn what_is_exported_and_imported_does_the_same() {
    let mut exported = 0;
    for seed in 0..150 {
        let generated = generated::playbook(seed);
        let Ok(first) = translate(&generated.playbook) else { continue };
        let Some(second) = again(&first.playbook) else { continue };
        exported += 1;
        let third = again(&second).expect("what was exported once is exported as a whole");
        assert_eq!(world::printed(&second), world::printed(&third), "seed {seed}");
        let expected = World::run(&first.playbook, &generated, seed);
        let found = World::run(&second, &generated, seed);
        let printed = [world::printed(&first.playbook), world::printed(&second)].join("\n");
        assert_eq!(without_names(&found), without_names(&expected), "seed {seed}\n{printed}");
        assert_eq!(found.completed, expected.completed, "seed {seed}\n{printed}");
    }
    assert!(exported > 80, "{exported}");
}

/// The calls with the values that they got, whatever the variables are called.
fn without_names(outcome: &Outcome) -> Vec<(usize, Vec<(String, String)>)> {
    let call = |(command, values): &Called| {
        let values = updraft_protocol::Value::parse(values).expect("JSON");
        let values = values.as_object().into_iter().flatten().map(|(_, value)| value.to_string());
        (command.split(' ').next().unwrap_or_default().to_owned(), values.collect::<String>())
    };
    outcome.calls.iter().map(|(path, calls)| (*path, calls.iter().map(call).collect())).collect()
}

/// The playbook, exported and imported; `None` where something is left out.
fn again(playbook: &updraft_protocol::Playbook) -> Option<updraft_protocol::Playbook> {
    let exported = export(playbook);
    let json = exported.json.to_string();
    let import = || import(json.as_bytes()).unwrap_or_else(|mistakes| panic!("{mistakes}\n{json}")).playbook;
    exported.left_out.is_empty().then(import)
}
