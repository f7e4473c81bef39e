//! What must hold after all the runs of a process that was killed. Knows what was heard, stored and done; starts
//! nothing.

use std::collections::{BTreeSet, HashMap};

use updraft::invariant::{acted_as_asked, ended_whole, one_end, steps_in_order};
use updraft::playbook::StepKind;
use updraft::{ExecutionDocument, ExecutionStatus, Plan, TaskDocument, TaskId, TaskStatus};

use super::crash_test::CrashTest;
use super::{EMBEDDED, ORDER, builder, playbook};
use crate::tool_server::ToolAct;

/// Judges what is left in the end, and says how many steps have an outcome that nobody knows.
pub fn judge(
    world: &CrashTest,
    executions: usize,
    stored: &[(ExecutionDocument, Vec<TaskDocument>)],
) -> usize {
    let playbook = playbook(world.server.address());
    let catalogue = builder("", world.server.address(), EMBEDDED).catalogue();
    let plan = Plan::check(&playbook, &catalogue.unwrap()).unwrap();
    let walk = playbook.walk();
    let once: BTreeSet<&str> = walk
        .iter()
        .filter(|walked| matches!(&walked.step.kind, StepKind::Action(action) if action.at_most_once))
        .map(|walked| walked.id.as_str())
        .collect();
    let acts = world.server.acts();
    let mut by_key: HashMap<TaskId, Vec<(usize, &ToolAct)>> = HashMap::new();
    for (at, act) in acts.iter().enumerate() {
        by_key.entry(act.key).or_default().push((at, act));
    }

    assert_eq!(world.accepted.len(), executions);
    let peids: BTreeSet<_> = stored.iter().map(|(execution, _)| execution.peid).collect();
    let missing: Vec<_> = world.accepted.iter().filter(|(_, peid)| !peids.contains(peid)).collect();
    assert!(missing.is_empty(), "what was accepted is there, not so {missing:?}");
    assert_eq!((peids.len(), stored.len()), (executions, executions), "one execution for one submission");
    let mut unknown = 0;
    for (execution, tasks) in stored {
        assert_eq!(execution.state.execution_status, ExecutionStatus::Completed, "{execution:?}");
        one_end(&world.told[&execution.peid]).unwrap();
        ended_whole(execution, tasks).unwrap();
        steps_in_order(&plan, tasks).unwrap();
        shaken(tasks);
        let mut first_act: HashMap<&str, usize> = HashMap::new();
        for task in tasks.iter().filter(|task| task.head.integration.as_str() == "http") {
            let step = task.head.step_id.as_str();
            let of_task = by_key.remove(&task.task_request_id).unwrap_or_default();
            let keys: Vec<TaskId> = of_task.iter().map(|(_, act)| act.key).collect();
            acted_as_asked(once.contains(step), task.task_request_id, &keys).unwrap();
            for (_, act) in &of_task {
                assert_eq!(
                    (act.step.as_str(), act.tenant.as_str()),
                    (step, execution.head.tenant_code.as_str())
                );
            }
            match task.state.status {
                TaskStatus::Completed => assert!(!keys.is_empty(), "{step} completed and never acted"),
                TaskStatus::Unknown => unknown += 1,
                status => panic!("{step} of {} is {status}", execution.peid),
            }
            first_act.extend(of_task.first().map(|(at, _)| (step, *at)));
        }
        for (before, after) in ORDER {
            if let (Some(before_at), Some(after_at)) = (first_act.get(before), first_act.get(after)) {
                assert!(before_at < after_at, "{after} acted before {before}");
            }
        }
    }
    assert!(by_key.is_empty(), "every act belongs to a task that is stored: {by_key:?}");
    println!(
        "{executions} executions, {} acts, {unknown} steps of unknown outcome; {}",
        acts.len(),
        world.count
    );
    assert!(world.count.resumed > 0, "the runs ended in the middle of work");
    unknown
}

/// A tool that panicked has failed one attempt, and nothing else.
fn shaken(tasks: &[TaskDocument]) {
    for task in tasks.iter().filter(|task| task.head.step_id.as_str() == "shake") {
        assert_eq!(task.state.status, TaskStatus::Completed, "{task:?}");
        assert!(task.state.attempt > 1, "its first call panicked");
    }
}
