//! Cases of dead letters: kept once, under their tenant, in order, and whole unless they are too large.

use serde_json::json;
use updraft_protocol::limits::DEAD_LETTER_BYTES;
use updraft_protocol::{DeadLetter, ExecutionStatus, ExecutionUpdate, Json, TaskUpdate, Timestamp, Update};

use super::Ending;
use super::samples::{
    change, execution, execution_with, executions, full_execution_state, full_task_state, peid, revision,
    task, task_state, tenant,
};
use crate::store::{Error, Store};

/// The letter of a later change of an execution, which does not name its tenant.
fn headless(number: u64, seq: u64) -> DeadLetter {
    let update = change(number, revision(1, seq), ExecutionStatus::Completed);
    DeadLetter::of(&Update::from(update), format!("why {number}.{seq}"))
}

fn assert_same(read: &DeadLetter, kept: &DeadLetter) {
    let value = |letter: &DeadLetter| letter.update.as_ref().map(Json::value);
    assert_eq!(value(read), value(kept), "{}", kept.key);
    let bare = |letter: &DeadLetter| DeadLetter { update: None, ..letter.clone() };
    assert_eq!(bare(read), bare(kept));
}

pub(super) async fn a_letter_comes_back_as_it_was_kept(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let whole = ExecutionUpdate { state: full_execution_state()?, ..execution(1, &acme)? };
    let mut hostile = execution_with(2, &acme, |head| {
        head.input = Json::from(json!({"$set": {"a.b": u64::MAX}, "": [null, 1.5, "\u{0}ä🦀"]}));
        head.uid = Some("$uid".into());
    })?;
    hostile.revision = revision(u64::MAX, u64::MAX);
    hostile.state.updated_date = Timestamp(u64::MAX);
    let tasked = TaskUpdate { state: full_task_state(), ..task(3, 1, &acme)? };
    let updates = [Update::from(whole), Update::from(hostile), Update::from(tasked)];
    let reasons = ["it is too large", "", "nul \u{0}, 'quote', \"$where\", 漢字 🦀"];
    let letters: Vec<_> =
        updates.iter().zip(reasons).map(|(update, reason)| DeadLetter::of(update, reason.into())).collect();
    assert!(letters.iter().all(|letter| letter.update.is_some()));
    store.keep_dead_letters(letters.clone()).await?;
    for owner in [None, Some(&acme)] {
        let read = store.dead_letters(owner, None, 10).await?;
        assert_eq!(read.len(), 3);
        // Executions are before tasks.
        read.iter().zip(&letters).for_each(|(read, kept)| assert_same(read, kept));
    }
    store.keep_dead_letters(Vec::new()).await?;
    assert_eq!(store.execution(&acme, peid(1)).await?, None, "a dead letter is in no other place");
    Ok(())
}

pub(super) async fn a_letter_is_kept_once(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let update = Update::from(execution(1, &acme)?);
    let first = DeadLetter::of(&update, "first".into());
    let second = DeadLetter { update: None, ..DeadLetter::of(&update, "second".into()) };
    store.keep_dead_letters(vec![first.clone(), second.clone()]).await?;
    let new = headless(2, 1);
    store.keep_dead_letters(vec![second, new.clone(), new.clone()]).await?;
    store.keep_dead_letters(vec![new.clone()]).await?;
    let read = store.dead_letters(None, None, 10).await?;
    assert_eq!(read.len(), 2);
    assert_same(&read[0], &first);
    assert_same(&read[1], &new);
    Ok(())
}

pub(super) async fn an_unknown_tenant_is_found_through_the_execution(store: &dyn Store) -> Ending {
    let (acme, umbrella) = (tenant("acme")?, tenant("umbrella")?);
    store.write(executions([execution(1, &acme)?, execution(2, &umbrella)?])).await?;
    let of_task = TaskUpdate { head: None, state: full_task_state(), ..task(1, 7, &acme)? };
    let of_task = DeadLetter::of(&Update::from(of_task), "no such document".into());
    assert_eq!(of_task.tenant_code, None);
    store.keep_dead_letters(vec![headless(1, 2), headless(2, 2), headless(3, 2), of_task]).await?;
    let peids = async |owner| {
        let read = store.dead_letters(owner, None, 10).await?;
        assert!(owner.is_none() || read.iter().all(|letter| letter.tenant_code.as_ref() == owner));
        Ok::<_, Error>(read.iter().map(|letter| letter.peid).collect::<Vec<_>>())
    };
    assert_eq!(peids(Some(&acme)).await?, [peid(1), peid(1)]);
    assert_eq!(peids(Some(&umbrella)).await?, [peid(2)]);
    assert_eq!(peids(None).await?, [peid(1), peid(2), peid(3), peid(1)]);
    let unknown = store.dead_letters(None, None, 10).await?.remove(2);
    assert_same(&unknown, &headless(3, 2));
    Ok(())
}

pub(super) async fn tenants_are_walls_between_letters(store: &dyn Store) -> Ending {
    let (acme, umbrella, nobody) = (tenant("acme")?, tenant("umbrella")?, tenant("nobody")?);
    let letter = |number, owner| -> Result<DeadLetter, updraft_protocol::ids::Error> {
        Ok(DeadLetter::of(&Update::from(execution(number, owner)?), "never".into()))
    };
    store.keep_dead_letters(vec![letter(1, &acme)?, letter(2, &umbrella)?, letter(3, &acme)?]).await?;
    for (owner, own) in [(&acme, vec![peid(1), peid(3)]), (&umbrella, vec![peid(2)]), (&nobody, vec![])] {
        let read = store.dead_letters(Some(owner), None, 10).await?;
        assert_eq!(read.iter().map(|letter| letter.peid).collect::<Vec<_>>(), own, "{owner}");
        let first = letter(1, &acme)?.key;
        let read = store.dead_letters(Some(owner), Some(&first), 10).await?;
        let later: Vec<_> = own.into_iter().filter(|own| *own != peid(1)).collect();
        assert_eq!(read.iter().map(|letter| letter.peid).collect::<Vec<_>>(), later, "{owner}");
    }
    Ok(())
}

pub(super) async fn letters_are_paged_by_key(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    store.write(executions([execution(1, &acme)?])).await?;
    let mut letters: Vec<_> = (2..12).rev().map(|seq| headless(1, seq)).collect();
    for seq in [3, 1, 2] {
        let update = TaskUpdate {
            revision: revision(2, seq),
            state: task_state(updraft_protocol::TaskStatus::Completed),
            head: None,
            ..task(1, 1, &acme)?
        };
        letters.push(DeadLetter::of(&Update::from(update), "never".into()));
    }
    store.keep_dead_letters(letters.clone()).await?;
    let mut keys: Vec<_> = letters.into_iter().map(|letter| letter.key).collect();
    keys.sort();
    for owner in [None, Some(&acme)] {
        for limit in [1, 2, 5, 100] {
            let mut seen: Vec<String> = Vec::new();
            loop {
                let page = store.dead_letters(owner, seen.last().map(String::as_str), limit).await?;
                assert!(page.len() <= limit);
                if page.is_empty() {
                    break;
                }
                seen.extend(page.into_iter().map(|letter| letter.key));
                assert!(seen.len() <= keys.len(), "pages go round in a circle");
            }
            assert_eq!(seen, keys, "by {limit}");
        }
        assert_eq!(store.dead_letters(owner, None, 0).await?, []);
        assert_eq!(store.dead_letters(owner, Some("task:z"), 5).await?, []);
        let between = store.dead_letters(owner, Some("f"), 5).await?;
        assert_eq!(between.len(), 3, "a cursor needs no letter of its own");
    }
    Ok(())
}

pub(super) async fn a_large_update_is_kept_and_a_larger_one_is_named(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let large = |number, bytes: usize| -> Result<DeadLetter, updraft_protocol::ids::Error> {
        let mut update = execution(number, &acme)?;
        update.state.output = Some(Json::from(json!("x".repeat(bytes))));
        Ok(DeadLetter::of(&Update::from(update), "it is too large".into()))
    };
    let letters = vec![large(1, DEAD_LETTER_BYTES - 4_096)?, large(2, DEAD_LETTER_BYTES)?];
    assert_eq!(letters.iter().map(|letter| letter.update.is_some()).collect::<Vec<_>>(), [true, false]);
    store.keep_dead_letters(letters.clone()).await?;
    let read = store.dead_letters(Some(&acme), None, 10).await?;
    assert_eq!(read.len(), 2);
    read.iter().zip(&letters).for_each(|(read, kept)| assert_same(read, kept));
    Ok(())
}
