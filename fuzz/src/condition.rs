//! Conditions: any text compiles or is a mistake; what compiles is decided, or fails with a reason that shows no
//! data. The input is a condition, and after a line of three dashes the data.

use updraft_kernel::condition::Condition;
use updraft_protocol::FailureKind;

use crate::data::{Data, parts, shows_secrets};
use crate::shape::check_message;

/// Takes a condition and its data.
///
/// # Panics
/// Something does not hold.
pub fn run(bytes: &[u8]) {
    let Some((source, data)) = parts(bytes) else { return };
    let condition = match Condition::compile("condition", source) {
        Ok(condition) => condition,
        Err(mistake) => {
            check_message(&mistake.to_string());
            assert_eq!(mistake.path, "condition");
            let again = Condition::compile("condition", source).map(drop);
            assert_eq!(again, Err(mistake), "the same verdict twice");
            return;
        }
    };
    let scope = Data::new(&data);
    let decided = condition.decide(&scope);
    assert_eq!(decided, condition.decide(&scope), "the same decision twice");
    if let Err(failure) = decided {
        assert_eq!(failure.kind, FailureKind::Condition);
        check_message(&failure.message);
        assert!(shows_secrets(source) || !shows_secrets(&failure.message), "{}", failure.message);
    }
}
