//! Settings and the audit: a setting is changed only as it was read, and listed with its kind; records of the audit are
//! added once.

use std::sync::Arc;

use futures_util::future::try_join_all;
use updraft_protocol::limits::{PAGE_ROWS, SETTING_BYTES};
use updraft_protocol::{AuditId, AuditRecord, Json, Setting, SettingKind, Timestamp};

use super::Ending;
use super::samples::tenant;
use crate::store::{AuditQuery, Error, Store};

fn setting(kind: SettingKind, name: &str, revision: u64) -> Setting {
    Setting {
        key: kind.key(name),
        revision,
        value: Json::from(serde_json::json!({"n": revision, "$text": ["{{ x }}", null, -0.0]})),
        updated_date: Timestamp(1_700_000_000_000 + revision),
        uid: Some("u-1".into()),
        reason: revision.is_multiple_of(2).then(|| "a quiet \u{0} night".into()),
    }
}

fn record(number: u8) -> Result<AuditRecord, Box<dyn std::error::Error + Send + Sync>> {
    let mut id = [0; 16];
    (id[0], id[15]) = (number / 2, number);
    Ok(AuditRecord {
        id: AuditId::from_bytes(id),
        tenant_code: match number % 3 {
            0 => None,
            1 => Some(tenant("acme")?),
            _ => Some(tenant("umbrella")?),
        },
        at: Timestamp(u64::from(number)),
        uid: number.is_multiple_of(2).then(|| "u-1".into()),
        what: "guardrail.set".into(),
        subject: "isolate".into(),
        outcome: "done".into(),
        reason: Some("storm".into()),
        details: (number % 2 == 1).then(|| Json::from(serde_json::json!({"cap": number}))),
    })
}

pub(super) async fn a_setting_is_changed_only_as_it_was_read(store: &dyn Store) -> Ending {
    let first = setting(SettingKind::Quota, "acme", 1);
    assert_eq!(store.setting(&first.key).await?, None);
    assert!(!store.put_setting(setting(SettingKind::Quota, "acme", 2), Some(1)).await?, "there is none yet");
    assert!(store.put_setting(first.clone(), None).await?);
    assert!(!store.put_setting(setting(SettingKind::Quota, "acme", 9), None).await?, "there is one");
    assert_eq!(store.setting(&first.key).await?.as_ref(), Some(&first));
    let second = setting(SettingKind::Quota, "acme", 2);
    assert!(store.put_setting(second.clone(), Some(1)).await?);
    assert!(!store.put_setting(setting(SettingKind::Quota, "acme", 3), Some(1)).await?);
    assert_eq!(store.setting(&first.key).await?, Some(second));
    assert!(!store.remove_setting(&first.key, 1).await?);
    assert!(store.remove_setting(&first.key, 2).await?);
    assert!(!store.remove_setting(&first.key, 2).await?);
    assert_eq!(store.setting(&first.key).await?, None);
    Ok(())
}

pub(super) async fn of_many_changes_at_once_one_is_made(store: &dyn Store) -> Ending {
    for before in [None, Some(1)] {
        let revision = before.unwrap_or_default() + 1;
        let change = |_| store.put_setting(setting(SettingKind::CallCount, "vt", revision), before);
        let made = try_join_all((0..8).map(change)).await?;
        assert_eq!(made.iter().filter(|made| **made).count(), 1, "{before:?}");
    }
    Ok(())
}

pub(super) async fn settings_are_listed_with_their_kind_in_pages(store: &dyn Store) -> Ending {
    let of_kind: Vec<Setting> = (0..PAGE_ROWS + 3)
        .map(|number| setting(SettingKind::Guardrail, &format!("{number:05}"), 1))
        .collect();
    for setting in &of_kind {
        assert!(store.put_setting(setting.clone(), None).await?);
    }
    for kind in SettingKind::ALL {
        for name in ["", "~", "\u{10ffff}"] {
            let _ = store.put_setting(setting(kind, name, 1), None).await?;
        }
    }
    let (mut found, mut after) = (Vec::new(), None::<Arc<str>>);
    loop {
        let page = store.settings(SettingKind::Guardrail, after.as_deref(), usize::MAX).await?;
        assert!(page.len() <= PAGE_ROWS);
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        found.extend(page);
    }
    let expected = of_kind.iter().map(|setting| setting.key.clone());
    let keys: Vec<_> =
        expected.chain(["~", "\u{10ffff}"].map(|name| SettingKind::Guardrail.key(name))).collect();
    assert_eq!(found.iter().map(|setting| setting.key.clone()).collect::<Vec<_>>(), keys);
    assert_eq!(store.settings(SettingKind::Guardrail, None, 0).await?, []);
    Ok(())
}

pub(super) async fn a_setting_that_is_too_large_is_refused(store: &dyn Store) -> Ending {
    let text = format!("\"{}\"", "x".repeat(SETTING_BYTES - 2));
    let largest = Setting { value: Json::parse(&text)?, ..setting(SettingKind::Guardrail, "a", 1) };
    assert!(store.put_setting(largest.clone(), None).await?);
    assert_eq!(store.setting(&largest.key).await?, Some(largest));
    let text = format!("\"{}\"", "x".repeat(SETTING_BYTES - 1));
    let larger = Setting { value: Json::parse(&text)?, ..setting(SettingKind::Guardrail, "b", 1) };
    let refused = store.put_setting(larger, None).await;
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    Ok(())
}

pub(super) async fn the_audit_is_told_newest_first_and_by_tenant(store: &dyn Store) -> Ending {
    let all = (0..9).map(record).collect::<Result<Vec<_>, _>>()?;
    store.add_audit(all[..5].to_vec()).await?;
    let changed = AuditRecord { outcome: "forged".into(), ..all[4].clone() };
    store.add_audit([vec![changed], all[5..].to_vec()].concat()).await?;
    let mut newest: Vec<AuditRecord> = all.clone();
    newest.reverse();
    let page = |tenant, after, limit| store.audit(AuditQuery { tenant, after, limit });
    assert_eq!(page(None, None, 100).await?, newest);
    assert_eq!(page(None, None, 4).await?, newest[..4]);
    assert_eq!(page(None, Some(newest[3].id), 100).await?, newest[4..]);
    assert_eq!(page(None, None, 0).await?, []);
    let acme = Some(tenant("acme")?);
    let own: Vec<_> = newest.iter().filter(|record| record.tenant_code == acme).cloned().collect();
    assert_eq!(page(acme.clone(), None, 100).await?, own);
    assert_eq!(page(acme, Some(own[0].id), 1).await?, own[1..2]);
    assert_eq!(page(Some(tenant("nobody")?), None, 100).await?, []);
    Ok(())
}
