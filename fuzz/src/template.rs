//! Templates: any text compiles or is a mistake; what compiles renders to a bounded value or fails with a reason
//! that shows no data. The input is a JSON value or a text, and after a line of three dashes the data.

use updraft_kernel::template::Template;
use updraft_protocol::limits::{ARGUMENTS_BYTES, MISTAKES, NESTING};
use updraft_protocol::{FailureKind, Value};

use crate::data::{Data, parts, shows_secrets};
use crate::shape::{check_message, check_text_of, depth, weight};

/// Takes a template and its data.
///
/// # Panics
/// Something does not hold.
pub fn run(bytes: &[u8]) {
    let Some((source, data)) = parts(bytes) else { return };
    let value = Value::parse(source).unwrap_or_else(|_| Value::String(source.to_owned()));
    let template = match Template::compile("arguments", &value) {
        Ok(template) => template,
        Err(mistakes) => {
            assert!((1..=MISTAKES).contains(&mistakes.len()), "{} mistakes", mistakes.len());
            for mistake in &mistakes {
                check_message(&mistake.to_string());
                assert!(mistake.path.starts_with("arguments"), "{mistake}");
            }
            let again = Template::compile("arguments", &value).map(drop);
            assert_eq!(again, Err(mistakes), "the same verdict twice");
            return;
        }
    };
    let scope = Data::new(&data);
    let rendered = template.render(&scope);
    assert_eq!(rendered, template.render(&scope), "the same value twice");
    match rendered {
        Ok(rendered) if template.is_literal() => assert_eq!(rendered, value),
        Ok(rendered) => {
            assert!(weight(&rendered) <= ARGUMENTS_BYTES, "{} bytes", weight(&rendered));
            assert!(depth(&rendered) < 2 * NESTING, "{} levels", depth(&rendered));
            check_text_of(&rendered);
        }
        Err(failure) => {
            assert_eq!(failure.kind, FailureKind::Template);
            check_message(&failure.message);
            assert!(shows_secrets(source) || !shows_secrets(&failure.message), "{}", failure.message);
        }
    }
}
