//! Any order, repetition and loss of batches ends in the newest state, field by field: many on the model, some on a
//! real server.

use proptest::prelude::*;
use proptest::test_runner::Config;
use updraft_protocol::Update;

use super::history::{histories, play};
use super::model::Model;
use super::samples::{stored_execution, stored_task, tenant};
use crate::mongo::document::Stored;
use crate::mongo::testing::database;
use crate::mongo::write::operation::address;
use crate::store::{Detail, ExecutionStore};

fn config(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config(512))]

    #[test]
    fn every_history_ends_in_the_newest_state_on_the_model(steps in histories()) {
        let mut model = Model::default();
        let newest = play(&steps, |batch| model.write(&batch));
        for update in newest.into_iter().flatten() {
            let (collection, id) = address(&update);
            let stored = model.get(collection, id).unwrap();
            match update {
                Update::Execution(newest) => {
                    let stored = Stored::read(collection, &stored, Detail::Whole).unwrap();
                    prop_assert_eq!(stored, stored_execution(&newest));
                }
                Update::Task(newest) => {
                    let stored = Stored::read(collection, &stored, Detail::Whole).unwrap();
                    prop_assert_eq!(stored, stored_task(&newest));
                }
            }
        }
    }
}

/// Plays histories on a database each.
fn on_a_server(steps: &[super::history::Step]) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (database, store) = runtime.block_on(async {
        let database = database().await;
        let store = database.store().await;
        (database, store)
    });
    let newest = play(steps, |batch| runtime.block_on(store.write(batch)).unwrap());
    for update in newest.into_iter().flatten() {
        match update {
            Update::Execution(newest) => {
                let stored = runtime.block_on(store.execution(&tenant(), newest.peid)).unwrap();
                prop_assert_eq!(stored, stored_execution(&newest));
            }
            Update::Task(newest) => {
                let stored = runtime.block_on(store.tasks(&tenant(), newest.peid, 0, 100)).unwrap();
                let stored = stored.into_iter().find(|task| task.task_request_id == newest.task_id);
                prop_assert_eq!(stored, stored_task(&newest));
            }
        }
    }
    drop(database);
    Ok(())
}

proptest! {
    #![proptest_config(config(8))]

    #[test]
    fn every_history_ends_in_the_newest_state(steps in histories()) {
        on_a_server(&steps)?;
    }
}
