//! Idempotency: the decision on a submission whose key belongs to an execution. The same decision is made for
//! executions in memory and in the store. Looks nothing up.

use updraft_protocol::{ExecutionId, InputHash, KeyHolder};

/// The wish of a submission whose key was used before with another input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnReuse {
    /// Refuse it: the key was meant for another submission.
    #[default]
    Refuse,
    /// Return the first execution: for feeds that deliver an alert again with another time stamp.
    ReturnFirst,
}

/// The decision on a submission whose key belongs to an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum KeyVerdict {
    /// It gets this execution.
    First(ExecutionId),
    /// It is refused: this execution has the key, with another input.
    Reused(ExecutionId),
}

impl OnReuse {
    /// Decides on a submission with the hash `own`; `first` is the execution that has its key. An execution whose hash
    /// is unknown counts as one with another input.
    pub fn judge(self, own: InputHash, first: KeyHolder) -> KeyVerdict {
        if self == Self::ReturnFirst || first.input_hash == Some(own) {
            KeyVerdict::First(first.peid)
        } else {
            KeyVerdict::Reused(first.peid)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use updraft_protocol::Value;

    use super::*;

    #[test]
    fn the_same_input_is_given_the_first_and_another_only_where_the_submission_asks_for_it() {
        let hash = |number: u64| InputHash::of(&Value::Number(number.into()), &BTreeMap::new());
        let peid = ExecutionId::from_bytes([7; 16]);
        let first = |input_hash| KeyHolder { peid, input_hash };
        let (given, refused) = (KeyVerdict::First(peid), KeyVerdict::Reused(peid));
        for (on_reuse, stored, verdict) in [
            (OnReuse::Refuse, Some(hash(1)), given),
            (OnReuse::Refuse, Some(hash(2)), refused),
            (OnReuse::Refuse, None, refused),
            (OnReuse::ReturnFirst, Some(hash(1)), given),
            (OnReuse::ReturnFirst, Some(hash(2)), given),
            (OnReuse::ReturnFirst, None, given),
        ] {
            assert_eq!(on_reuse.judge(hash(1), first(stored)), verdict, "{on_reuse:?} {stored:?}");
        }
        assert_eq!(OnReuse::default(), OnReuse::Refuse);
    }
}
