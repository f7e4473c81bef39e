//! Reruns of random executions.

use std::collections::{BTreeMap, BTreeSet};

use proptest::test_runner::TestCaseError;
use updraft_protocol::{Declaration, TaskDocument, TaskId, TaskStatus};

use super::super::world::World;
use crate::invariant;
use crate::rerun::{RerunPlan, Standing, standings};

/// A rerun of what failed calls no tool for a result that it has taken over, and ends.
pub(super) fn run_what_is_left(world: &World, choices: &[u8]) -> Result<(), TestCaseError> {
    let declared = if choices.len().is_multiple_of(2) { Declaration::Acted } else { Declaration::NotActed };
    let plan = world.machine.plan().clone();
    let tasks = world.tasks();
    let standings = standings(&tasks, &BTreeMap::new(), world.now);
    let unknown = |task: &&TaskDocument| match standings.get(&task.task_request_id) {
        None => task.state.status == TaskStatus::Unknown,
        Some(standing) => *standing == Standing::Doubtful,
    };
    let declared: BTreeMap<TaskId, Declaration> =
        tasks.iter().filter(unknown).map(|task| (task.task_request_id, declared)).collect();
    let rerun = RerunPlan {
        plan: &plan,
        playbooks: None,
        inputs: None,
        from: None,
        standings: &standings,
        declared: &declared,
    };
    let (mut again, taken) =
        world.rerun(&rerun).map_err(|refusal| TestCaseError::fail(refusal.to_string()))?;
    let results: BTreeSet<TaskId> =
        again.tasks().iter().map(|task| task.task_request_id).take(taken).collect();
    let choices: Vec<u8> = choices.iter().rev().copied().collect();
    super::play(&mut again, &choices);
    let (first, tasks) = (tasks, again.tasks());
    if again.called.iter().any(|(_, key)| results.contains(key)) {
        return Err(TestCaseError::fail("a result that was taken over is called again"));
    }
    for found in [
        invariant::ended_whole(again.execution(), &tasks),
        invariant::steps_in_order(again.machine.plan(), &tasks),
        invariant::one_end(&again.ends),
        invariant::kept_results_stand((&first, &tasks), None, true),
        invariant::what_stands_is_kept(&plan, (&first, &tasks), None),
        invariant::items_are_counted(&plan, &tasks),
        invariant::counters_count_on(&plan, &tasks),
        invariant::undo_is_registered(&plan, &tasks),
        invariant::undone_before_the_end(&plan, again.execution(), &tasks),
    ] {
        found.map_err(|violation| TestCaseError::fail(violation.to_string()))?;
    }
    Ok(())
}
