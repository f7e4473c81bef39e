//! Loops: the items of a `for_each` beside each other and beside plain steps, and a resume after many of them have ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use serde_json::json;
use updraft_kernel::machine::{Act, Effects, Machine, MachineEvent, Terms, Timer};
use updraft_kernel::plan::Plan;
use updraft_protocol::{ExecutionHead, Json, Playbook, Revision, TaskDocument, TaskId, Update};

use crate::sample::{self, NOW};

fn terms() -> Terms {
    Terms::default()
}

/// A `for_each` over `input.many` with this body.
fn plan(body: &str) -> Arc<Plan> {
    let text = format!(
        "format: 1\nname: loops\nversion: 1\nsteps:\n  - {{for_each: input.many, do: {body}, collect: '{{{{ item_index }}}}'}}\n"
    );
    let playbook = Playbook::parse(text.as_bytes()).unwrap();
    Arc::new(Plan::check(&playbook, &sample::catalogue()).unwrap())
}

fn head(items: usize) -> Arc<ExecutionHead> {
    // Short: what an expression gives is bounded in bytes before it is in items.
    let input = Json::from(json!({"many": vec![7; items], "hash": "44d88612fea8a8f36de82e1278abb02f"}));
    Arc::new(ExecutionHead { input, ..(*sample::head()).clone() })
}

/// Runs until the execution has ended, or until so many calls were answered. Gives each batch of writes to `keep`.
fn run(
    plan: &Arc<Plan>,
    head: &Arc<ExecutionHead>,
    answered: usize,
    mut keep: impl FnMut(Vec<Update>),
) -> Machine {
    let answer = sample::answer();
    let (mut machine, effects) = Machine::start(plan.clone(), sample::peid(1), head.clone(), terms(), NOW);
    let (mut calls, mut turns, mut left) = (Vec::new(), 0, answered);
    let mut take = |effects: Effects, calls: &mut Vec<_>, turns: &mut usize| {
        for act in &effects.acts {
            match act {
                Act::Start(attempt) => calls.push((attempt.task, attempt.call)),
                Act::Arm(Timer::Turn, _) => *turns += 1,
                _ => {}
            }
        }
        keep(effects.writes);
    };
    take(effects, &mut calls, &mut turns);
    while !machine.ended() {
        let event = if turns > 0 {
            turns -= 1;
            MachineEvent::TimerDue(Timer::Turn)
        } else if let (true, Some((task, call))) = (left > 0, calls.pop()) {
            left -= 1;
            MachineEvent::AttemptEnded { task, call, outcome: Ok(answer.clone()) }
        } else {
            break;
        };
        take(machine.apply(event, NOW), &mut calls, &mut turns);
        // All writes so far are durable.
        machine.forget(machine.leaving());
    }
    machine
}

/// The documents after these writes.
fn documents(machine: &Machine, writes: Vec<Update>) -> Vec<TaskDocument> {
    let mut documents: BTreeMap<TaskId, TaskDocument> = BTreeMap::new();
    for update in writes {
        let Update::Task(update) = update else { continue };
        let Revision { epoch, seq } = update.revision;
        match documents.get_mut(&update.task_id) {
            Some(known) => {
                known.state.merge(update.state.clone());
                known.seq = seq;
            }
            None => {
                let (head, state) = (update.head.clone().unwrap(), update.state.clone());
                let document = TaskDocument { task_request_id: update.task_id, head, state, epoch, seq };
                documents.insert(update.task_id, document);
            }
        }
    }
    assert!(!machine.ended());
    let mut documents: Vec<_> = documents.into_values().collect();
    documents.sort_unstable_by_key(|document| document.head.task_seq);
    documents
}

/// Items of one step that computes.
#[divan::bench(args = [1_000, 10_000, 100_000], sample_count = 20)]
fn items_that_compute(bencher: Bencher<'_, '_>, items: usize) {
    let (plan, head) = (plan("[{if: 'true', then: []}]"), head(items));
    bencher
        .counter(ItemsCount::new(items))
        .bench(|| run(black_box(&plan), black_box(&head), 0, |_| ()).ended());
}

/// Items of one call.
#[divan::bench(args = [1_000, 10_000], sample_count = 20)]
fn items_that_call(bencher: Bencher<'_, '_>, items: usize) {
    let plan =
        plan("[{id: call, action: tool.act, arguments: {hash: '{{ item_index }}', verdict: '{{ item }}'}}]");
    let head = head(items);
    bencher
        .counter(ItemsCount::new(items))
        .bench(|| run(black_box(&plan), black_box(&head), items, |_| ()).ended());
}

/// Items of one step that reads another part of the input than their list.
#[divan::bench(args = [1_000, 10_000, 100_000], sample_count = 5)]
fn items_that_read_the_input(bencher: Bencher<'_, '_>, items: usize) {
    let (plan, head) = (plan("[{if: \"input.hash == 'none'\", then: []}]"), head(items));
    bencher
        .counter(ItemsCount::new(items))
        .bench(|| run(black_box(&plan), black_box(&head), 0, |_| ()).ended());
}

/// As many plain steps of one call.
#[divan::bench(sample_count = 20)]
fn plain_steps_that_call(bencher: Bencher<'_, '_>) {
    let (plan, head) = (sample::plan(1_000), head(1_000));
    bencher
        .counter(ItemsCount::new(1_000_usize))
        .bench(|| run(black_box(&plan), black_box(&head), 1_000, |_| ()).ended());
}

/// A resume in the last of so many items.
#[divan::bench(args = [10_000, 100_000], sample_count = 5)]
fn resume_after_items(bencher: Bencher<'_, '_>, items: usize) {
    let plan =
        plan("[{id: call, action: tool.act, arguments: {hash: '{{ item_index }}', verdict: '{{ item }}'}}]");
    let mut writes = Vec::new();
    let machine = run(&plan, &head(items), items - 1, |more| writes.extend(more));
    let (execution, tasks) = (machine.document(), documents(&machine, writes));
    bencher.with_inputs(|| (execution.clone(), tasks.clone())).bench_values(|(execution, tasks)| {
        Machine::resume(plan.clone(), execution, tasks, terms(), NOW).is_ok()
    });
}
