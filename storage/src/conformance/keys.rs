//! Idempotency keys: the execution of a key is found, and there is only one.

use updraft_protocol::{ExecutionStatus, ExecutionUpdate, KeyHolder, Name, TenantCode, ids};

use super::Ending;
use super::samples::{
    STALE, WRITTEN, change, execution, execution_with, executions, holder, input_hash, key, key_of, peid,
    pid, revision, tenant,
};
use crate::store::{Store, WriteOutcome};

pub(super) async fn an_idempotency_key_finds_its_execution(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let keyed = |number, text: &'static str, hash| {
        execution_with(number, &acme, |head| {
            head.idempotency_key = Some(text.into());
            head.input_hash = hash;
        })
    };
    let batch = [keyed(1, "one", Some(input_hash(7)))?, keyed(2, "two", None)?, execution(3, &acme)?];
    store.write(executions(batch)).await?;
    let first = KeyHolder { peid: peid(1), input_hash: Some(input_hash(7)) };
    assert_eq!(store.execution_by_key(&key(&acme, "one")?).await?, Some(first));
    assert_eq!(store.execution_by_key(&key(&acme, "two")?).await?, Some(holder(2)));
    assert_eq!(store.execution_by_key(&key(&acme, "three")?).await?, None);
    assert_eq!(store.execution_by_key(&key(&acme, "")?).await?, None);
    let ended = change(1, revision(1, 2), ExecutionStatus::Completed);
    store.write(executions([ended])).await?;
    assert_eq!(store.execution_by_key(&key(&acme, "one")?).await?, Some(first));
    let read = store.execution(&acme, peid(1)).await?.ok_or("an execution")?;
    assert_eq!(read.head.input_hash, first.input_hash);
    Ok(())
}

/// The version is no part of a key: an execution from before an update of its playbook is found after it.
pub(super) async fn a_key_is_that_of_a_playbook_in_every_version(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let of = |number: u64, playbook: &str, version| {
        let name = Name::new(playbook)?;
        execution_with(number, &acme, |head| {
            head.pid = pid(number);
            head.playbook_name = name;
            head.playbook_version = version;
            head.idempotency_key = Some("one".into());
            head.input_hash = Some(input_hash(number));
        })
    };
    store.write(executions([of(1, "triage", 1)?, of(2, "contain", 9)?])).await?;
    for (playbook, number) in [("triage", 1), ("contain", 2)] {
        let first = KeyHolder { peid: peid(number), input_hash: Some(input_hash(number)) };
        assert_eq!(
            store.execution_by_key(&key_of(&acme, playbook, "one")?).await?,
            Some(first),
            "{playbook}"
        );
    }
    for playbook in ["Triage", "triag", "triage2", "phishing"] {
        assert_eq!(store.execution_by_key(&key_of(&acme, playbook, "one")?).await?, None, "{playbook}");
    }
    Ok(())
}

fn keyed(number: u64, owner: &TenantCode, playbook: &str) -> Result<ExecutionUpdate, ids::Error> {
    let playbook = Name::new(playbook)?;
    execution_with(number, owner, |head| {
        head.playbook_name = playbook;
        head.idempotency_key = Some("one".into());
    })
}

pub(super) async fn a_key_that_is_taken_is_poison_for_another_and_the_others_are_written(
    store: &dyn Store,
) -> Ending {
    let (acme, globex) = (tenant("acme")?, tenant("globex")?);
    let first = keyed(1, &acme, "phishing")?;
    assert_eq!(store.write(executions([first.clone()])).await?, [WRITTEN]);
    let later = ExecutionUpdate { revision: revision(1, 2), ..first.clone() };
    let batch = [
        execution(2, &acme)?,
        keyed(3, &acme, "phishing")?,
        keyed(4, &acme, "contain")?,
        keyed(5, &globex, "phishing")?,
        first,
    ];
    let outcomes = store.write(executions(batch)).await?;
    let of = peid(1).to_string();
    assert!(matches!(&outcomes[1], WriteOutcome::Poison(why) if why.contains(&of)), "{outcomes:?}");
    assert_eq!(
        [&outcomes[0], &outcomes[2], &outcomes[3], &outcomes[4]],
        [&WRITTEN, &WRITTEN, &WRITTEN, &STALE]
    );
    assert_eq!(store.execution(&acme, peid(3)).await?, None);
    assert_eq!(store.write(executions([later])).await?, [WRITTEN], "its holder goes on");
    assert_eq!(store.execution_by_key(&key(&acme, "one")?).await?, Some(holder(1)));
    Ok(())
}

pub(super) async fn of_two_in_one_batch_one_takes_the_key(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let batch = [keyed(1, &acme, "phishing")?, keyed(2, &acme, "phishing")?, execution(3, &acme)?];
    let outcomes = store.write(executions(batch)).await?;
    let written = [1, 2].map(|number: u64| outcomes[number as usize - 1] == WRITTEN);
    assert!(written[0] != written[1] && outcomes[2] == WRITTEN, "{outcomes:?}");
    let taken = if written[0] { holder(1) } else { holder(2) };
    assert_eq!(store.execution_by_key(&key(&acme, "one")?).await?, Some(taken));
    assert!(matches!(&outcomes[usize::from(written[0])], WriteOutcome::Poison(_)), "{outcomes:?}");
    Ok(())
}
