//! Any pause, history of controls and signals of an execution.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use updraft_protocol::{
    Asked, ControlHistory, ControlKind, ControlRecord, ExecutionId, GivenSignal, Name, Pause, PauseCause,
    ReceivedSignals, Signal, TaskId,
};

use super::{date, json, text};

pub(super) fn pause() -> impl Strategy<Value = Option<Arc<Pause>>> {
    let pause = (date(), text(), text()).prop_map(|(since, uid, reason)| {
        let asked = Asked { uid: uid.unwrap_or_default(), reason: reason.unwrap_or_default() };
        Arc::new(Pause { since: since.unwrap_or_default(), cause: PauseCause::Asked(asked) })
    });
    option::of(pause)
}

pub(super) fn controls() -> impl Strategy<Value = Option<Arc<ControlHistory>>> {
    const KINDS: &[ControlKind] = &[ControlKind::Cancel, ControlKind::Rerun, ControlKind::Signal];
    let task = option::of(any::<[u8; 16]>().prop_map(TaskId::from_bytes));
    let execution = option::of(any::<[u8; 16]>().prop_map(ExecutionId::from_bytes));
    let record = (select(KINDS), date(), (text(), text()), (task, execution), date());
    let record = record.prop_map(|(kind, at, (uid, reason), (task, execution), until)| {
        let asked = Asked { uid: uid.unwrap_or_default(), reason: reason.unwrap_or_default() };
        let signal = task.map(|_| GivenSignal { id: "7".into(), name: "closed".parse().unwrap() });
        ControlRecord { kind, at: at.unwrap_or_default(), asked, task, until, execution, signal }
    });
    let history = (any::<u32>(), vec(record, 0..3));
    option::of(history.prop_map(|(earlier, newest)| Arc::new(ControlHistory { earlier, newest })))
}

pub(super) fn signals() -> impl Strategy<Value = Option<Arc<ReceivedSignals>>> {
    let signal = ("[A-Za-z0-9_.-]{1,12}", text(), json()).prop_map(|(name, key, payload)| {
        let name: Name = name.parse().unwrap();
        Signal { id: name.as_str().into(), name, key, payload }
    });
    option::of(vec(signal, 0..3))
        .prop_map(|kept| kept.map(|kept| Arc::new(ReceivedSignals { kept, taken: std::vec!["a".into()] })))
}
