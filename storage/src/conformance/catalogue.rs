//! Cases of playbooks and epochs: stored once, found by name, listed by page; epochs only grow.

use futures_util::future::try_join_all;
use serde_json::json;
use updraft_protocol::{Json, Name, PlaybookDocument, PlaybookStatus};

use super::Ending;
use super::samples::{pid, playbook, tenant};
use crate::store::{Error, PutOutcome, Store};

pub(super) async fn a_playbook_is_put_once(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let first = playbook(1, &acme, "phishing", 1)?;
    assert_eq!(store.put_playbook(first.clone()).await?, PutOutcome::Created);
    assert_eq!(store.put_playbook(first.clone()).await?, PutOutcome::Unchanged(pid(1)));
    let definition = Json::parse("{ \"version\": 1, \"steps\": [ ], \"name\": \"phishing\" }")?;
    let again = PlaybookDocument { pid: pid(2), definition, ..first.clone() };
    assert_eq!(
        store.put_playbook(again).await?,
        PutOutcome::Unchanged(pid(1)),
        "spaces and order say nothing"
    );
    assert_eq!(store.playbook(&acme, pid(1)).await?, Some(first));
    assert_eq!(store.playbook(&acme, pid(2)).await?, None);
    Ok(())
}

pub(super) async fn another_definition_is_a_conflict(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let first = playbook(1, &acme, "phishing", 1)?;
    let _ = store.put_playbook(first.clone()).await?;
    for id in [pid(1), pid(2)] {
        let definition = Json::from(json!({"steps": [1]}));
        let other = PlaybookDocument { pid: id, definition, ..first.clone() };
        assert_eq!(store.put_playbook(other).await?, PutOutcome::Conflict(pid(1)));
    }
    assert_eq!(store.playbook(&acme, pid(1)).await?, Some(first));
    Ok(())
}

pub(super) async fn an_id_has_one_playbook(store: &dyn Store) -> Ending {
    let (acme, umbrella) = (tenant("acme")?, tenant("umbrella")?);
    let first = playbook(1, &acme, "phishing", 1)?;
    let _ = store.put_playbook(first.clone()).await?;
    for other in [playbook(1, &acme, "phishing", 2)?, playbook(1, &umbrella, "phishing", 1)?] {
        let refused = store.put_playbook(other).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    }
    assert_eq!(store.playbook(&acme, pid(1)).await?, Some(first));
    assert_eq!(store.playbook(&umbrella, pid(1)).await?, None);
    Ok(())
}

pub(super) async fn the_newest_version_is_found_by_name(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    for (number, version) in [(1, 9), (2, 10), (3, 2)] {
        let put = store.put_playbook(playbook(number, &acme, "phishing", version)?).await?;
        assert_eq!(put, PutOutcome::Created);
    }
    let _ = store.put_playbook(playbook(4, &acme, "phishing2", 99)?).await?;
    let name = Name::new("phishing")?;
    let found = async |version| {
        Ok::<_, Error>(store.playbook_named(&acme, &name, version).await?.map(|playbook| playbook.pid))
    };
    assert_eq!(found(None).await?, Some(pid(2)));
    assert_eq!(found(Some(9)).await?, Some(pid(1)));
    assert_eq!(found(Some(3)).await?, None);
    assert_eq!(store.playbook_named(&acme, &Name::new("Phishing")?, None).await?, None);
    Ok(())
}

pub(super) async fn many_put_one_playbook_and_one_creates_it(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let mut puts = Vec::new();
    for number in 1..=8 {
        puts.push(store.put_playbook(playbook(number, &acme, "phishing", 1)?));
    }
    let outcomes = try_join_all(puts).await?;
    let winner = store.playbook_named(&acme, &Name::new("phishing")?, None).await?.ok_or("one is there")?;
    assert_eq!(outcomes.iter().filter(|put| **put == PutOutcome::Created).count(), 1, "{outcomes:?}");
    let unchanged = outcomes.iter().filter(|put| **put == PutOutcome::Unchanged(winner.pid)).count();
    assert_eq!(unchanged, 7, "{outcomes:?}");
    Ok(())
}

pub(super) async fn the_catalogue_is_paged_by_name_and_version(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let mut expected = Vec::new();
    let mut number = 0;
    for name in ["b", "a", "B", "c-2", "c.1", "a2"] {
        for version in [10, 9, 1] {
            number += 1;
            let _ = store.put_playbook(playbook(number, &acme, name, version)?).await?;
            expected.push((Name::new(name)?, version));
        }
    }
    expected.sort();
    for category in [None, Some("email")] {
        for limit in [1, 2, 5, 100] {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = store.playbooks(&acme, PlaybookStatus::Active, category, after, limit).await?;
                assert!(page.len() <= limit);
                let keys = page.into_iter().map(|playbook| (playbook.name, playbook.version));
                seen.extend(keys);
                if seen.len() % limit != 0 || seen.len() >= expected.len() {
                    break;
                }
                after = seen.last().cloned();
            }
            assert_eq!(seen, expected, "{category:?}, by {limit}");
        }
        let last = expected.last().cloned();
        assert_eq!(store.playbooks(&acme, PlaybookStatus::Active, category, last, 5).await?, []);
    }
    Ok(())
}

pub(super) async fn the_catalogue_knows_status_and_category(store: &dyn Store) -> Ending {
    let acme = tenant("acme")?;
    let put = async |number, status, category: Option<&str>| {
        let book =
            playbook(number, &acme, &format!("p{number}"), 1).map_err(|e| Error::Refused(e.to_string()))?;
        store.put_playbook(PlaybookDocument { status, category_id: category.map(Into::into), ..book }).await
    };
    assert_eq!(put(1, PlaybookStatus::Active, Some("email")).await?, PutOutcome::Created);
    assert_eq!(put(2, PlaybookStatus::Retired, Some("email")).await?, PutOutcome::Created);
    assert_eq!(put(3, PlaybookStatus::Active, Some("cloud")).await?, PutOutcome::Created);
    assert_eq!(put(4, PlaybookStatus::Active, None).await?, PutOutcome::Created);
    let ids = async |status, category| {
        let read = store.playbooks(&acme, status, category, None, 10).await?;
        Ok::<_, Error>(read.iter().map(|playbook| playbook.pid).collect::<Vec<_>>())
    };
    assert_eq!(ids(PlaybookStatus::Active, None).await?, [pid(1), pid(3), pid(4)]);
    assert_eq!(ids(PlaybookStatus::Active, Some("email")).await?, [pid(1)]);
    assert_eq!(ids(PlaybookStatus::Retired, None).await?, [pid(2)]);
    assert_eq!(ids(PlaybookStatus::Retired, Some("cloud")).await?, []);
    assert_eq!(ids(PlaybookStatus::Active, Some("")).await?, []);
    Ok(())
}
