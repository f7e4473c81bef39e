//! Outputs: the part of an answer that an execution keeps. The outcome of the call is decided before. Here an answer
//! over the limit makes a `read` fail; a `write` stays done, with the fields of its answer that fit and a note.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};
use updraft_protocol::limits::{
    EXECUTION_OUTPUT_BYTES, FAILURE_ANSWER_BYTES, LOOP_BYTES, NESTING, OUTPUT_REST_BYTES, RESPONSE_BYTES,
    VALUE_NESTING,
};
use updraft_protocol::{Effect, Failure, FailureKind, Json, TaskState, Timestamp, Value};

use super::Machine;
use super::scope::ScopeId;
use super::task_seq::TaskSeq;

/// Fields that are kept before all others.
const FIRST: [&str; 2] = ["status", HEADERS];
const HEADERS: &str = "headers";
/// Bytes of [`OUTPUT_REST_BYTES`] that are reserved for the note and the name of the field that is left out.
const NOTE_BYTES: usize = 512;

type AnswerFields<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;
/// The kept fields.
type KeptFields<'a> = BTreeMap<Cow<'a, str>, Cow<'a, RawValue>>;

impl Machine {
    /// The part of the answer to a successful call that is kept.
    ///
    /// # Errors
    ///
    /// If a `read` returned what may not be kept: `too_large`, or `invalid_response` if it could not be read back.
    pub(super) fn keep(&self, output: Json, effect: Effect) -> Result<Json, Failure> {
        let too_much = self.too_much(output.as_str().len()).map(|reason| (FailureKind::TooLarge, reason));
        let unreadable =
            || Some((FailureKind::InvalidResponse, format!("the answer is {}", output.unreadable()?)));
        match (too_much.or_else(unreadable), effect) {
            (None, _) => Ok(output),
            (Some((kind, reason)), Effect::Read) => Err(Failure::new(kind, reason)),
            (Some((_, reason)), Effect::Write) => Ok(rest_of_output(&output, &reason)),
        }
    }

    /// The result of the main line: where it completed, with the outputs of the playbook if it has some.
    pub(super) fn with_outputs(
        &mut self,
        result: Result<Option<Json>, Failure>,
        now: Timestamp,
    ) -> Result<Option<Json>, Failure> {
        let plan = self.plan.clone();
        let (Ok(_), Some(outputs)) = (&result, &plan.outputs) else { return result };
        let (value, spent) = outputs.evaluate(&self.view(ScopeId::MAIN, now));
        self.turn.work += spent.work;
        self.keep(value?.into(), Effect::Read).map(Some)
    }

    /// A failure, with the part of its tool's answer that is kept.
    pub(super) fn keep_answer(&self, mut failure: Failure) -> Failure {
        let Some(answer) = &failure.answer else { return failure };
        let bytes = answer.as_str().len();
        if bytes > FAILURE_ANSWER_BYTES || nests_too_deeply(answer) || self.too_much(bytes).is_some() {
            failure.answer = rest_of_answer(answer);
            let message = format!("{} (its answer of {bytes} bytes is not kept)", failure.message);
            failure = failure.with_message(message);
        }
        failure
    }

    /// Why loops and variables of the execution cannot hold so many more bytes; `None` if they can. What the loop `of` holds already is
    /// replaced. While recorded tasks are walked nothing is refused: it was held before.
    pub(super) fn holds_too_much(&mut self, of: Option<TaskSeq>, bytes: usize) -> Option<Failure> {
        if !self.recorded.is_empty() {
            return None;
        }
        self.turn.work += self.tasks.iter().len() as u64;
        let others = self.tasks.iter().filter(|task| Some(task.seq) != of);
        let held: usize = others.map(|task| task.phase.held_bytes()).sum();
        let held = held + self.scopes.variable_bytes();
        (held + bytes > LOOP_BYTES).then(|| {
            let message =
                format!("the loops and variables of an execution hold at most {LOOP_BYTES} bytes at once");
            Failure::new(FailureKind::TooLarge, message)
        })
    }

    /// Why so many more bytes are not kept; `None` if they are.
    pub(super) fn too_much(&self, bytes: usize) -> Option<String> {
        if bytes > RESPONSE_BYTES {
            return Some(format!("the answer has {bytes} bytes; at most {RESPONSE_BYTES} are kept"));
        }
        (self.output_bytes + bytes > EXECUTION_OUTPUT_BYTES)
            .then(|| format!("an execution keeps at most {EXECUTION_OUTPUT_BYTES} bytes of answers"))
    }
}

/// Whether an answer is nested so deeply that a document with it could not be read back.
fn nests_too_deeply(answer: &Json) -> bool {
    fn depth(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
            Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
            _ => 0,
        }
    }
    answer.tree().map_or(true, |tree| depth(&tree) > NESTING + 1)
}

/// The share of [`EXECUTION_OUTPUT_BYTES`] that a task's state uses.
pub(super) fn kept_bytes(state: &TaskState) -> usize {
    let answer = state.error.as_ref().and_then(|error| error.answer.as_ref());
    let bytes = |json: &Json| json.as_str().len();
    state.response.as_ref().map_or(0, bytes) + answer.map_or(0, bytes)
}

/// The small fields of an output, without its body, and the reason.
fn rest_of_output(output: &Json, reason: &str) -> Json {
    let fields: AnswerFields<'_> = serde_json::from_str(output.as_str()).unwrap_or_default();
    let (mut kept, left_out) = small(&fields, OUTPUT_REST_BYTES - NOTE_BYTES);
    let before = kept.remove("note").and_then(|note| serde_json::from_str::<String>(note.get()).ok());
    let before = before.filter(|before| before.len() <= NOTE_BYTES / 4);
    let headers = left_out.then_some("some headers are left out");
    let notes: Vec<&str> = before.as_deref().into_iter().chain([reason]).chain(headers).collect();
    let note = to_raw_value(&notes.join("; ")).ok();
    kept.insert("body".into(), Cow::Borrowed(RawValue::NULL));
    kept.extend(note.map(|note| ("note".into(), Cow::Owned(note))));
    text(&kept).unwrap_or_else(Json::null)
}

/// The status and the headers of a failure's answer, if they are small. The body is left out, so that a template that
/// names it fails rather than reads a part.
fn rest_of_answer(answer: &Json) -> Option<Json> {
    let mut fields: AnswerFields<'_> = serde_json::from_str(answer.as_str()).ok()?;
    fields.retain(|name, _| FIRST.contains(&name.as_ref()));
    text(&small(&fields, OUTPUT_REST_BYTES).0)
}

/// The fields that fit into so many bytes, each header counted by itself; and whether headers are left out.
fn small<'a>(fields: &AnswerFields<'a>, mut left: usize) -> (KeptFields<'a>, bool) {
    let first = FIRST.iter().filter_map(|name| fields.get_key_value(*name));
    let others = fields.iter().filter(|(name, _)| !FIRST.contains(&name.as_ref()) && *name != "body");
    let (mut kept, mut left_out) = (KeptFields::new(), false);
    for (name, value) in first.chain(others) {
        let value = if name == HEADERS { fitting(value, left) } else { Some(Cow::Borrowed(*value)) };
        let bytes = value.as_deref().map(|value| bytes(name, value));
        match value.zip(bytes) {
            Some((value, bytes)) if bytes <= left && brackets(&value) < VALUE_NESTING => {
                left -= bytes;
                left_out |= matches!(value, Cow::Owned(_));
                kept.insert(name.clone(), value);
            }
            _ => left_out |= name == HEADERS,
        }
    }
    (kept, left_out)
}

/// The size of a field. A name is written with escapes: at most six bytes for each of its own.
fn bytes(name: &str, value: &RawValue) -> usize {
    6 * name.len() + value.get().len() + 4
}

fn brackets(value: &RawValue) -> usize {
    value.get().bytes().filter(|byte| b"[{".contains(byte)).count()
}

/// The headers; if they are too large, those that fit into so many bytes together.
fn fitting(headers: &RawValue, left: usize) -> Option<Cow<'_, RawValue>> {
    if bytes(HEADERS, headers) <= left {
        return Some(Cow::Borrowed(headers));
    }
    let mut all: AnswerFields<'_> = serde_json::from_str(headers.get()).ok()?;
    let mut left = left.checked_sub(bytes(HEADERS, RawValue::NULL))?;
    all.retain(|name, value| {
        let bytes = bytes(name, value);
        let fits = bytes <= left;
        left -= if fits { bytes } else { 0 };
        fits
    });
    to_raw_value(&all).ok().map(Cow::Owned)
}

fn text(fields: &KeptFields<'_>) -> Option<Json> {
    Json::parse(&serde_json::to_string(fields).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rest(output: Value) -> Value {
        let rest = rest_of_output(&output.into(), "it is large");
        assert!(rest.as_str().len() <= OUTPUT_REST_BYTES, "{} bytes", rest.as_str().len());
        rest.value().try_into().unwrap()
    }

    #[test]
    fn status_and_headers_stay_and_the_note_says_why_the_body_does_not() {
        let output = json!({
            "status": 201, "headers": {"location": "/7"}, "body": "x".repeat(9_000), "note": "one character was not UTF-8",
        });
        assert_eq!(
            rest(output),
            json!({
                "status": 201, "headers": {"location": "/7"}, "body": null,
                "note": "one character was not UTF-8; it is large",
            })
        );
    }

    #[test]
    fn fields_that_are_large_go_and_small_ones_stay() {
        let headers = json!({"link": "x".repeat(3_000), "location": "/7"});
        let output = json!({ "rows": vec![7; 5_000], "id": 4, "headers": headers, "status": 200 });
        assert_eq!(
            rest(output),
            json!({
                "id": 4, "status": 200, "headers": {"location": "/7"}, "body": null,
                "note": "it is large; some headers are left out",
            })
        );
        let many: serde_json::Map<String, Value> =
            (0..9_000).map(|n| (format!("\u{1}{n}"), json!(n))).collect();
        assert!(rest(Value::Object(many)).as_object().unwrap().len() > 20);
        let note = json!({ "note": "n".repeat(1_400), "body": 1 });
        assert_eq!(
            rest(note),
            json!({ "body": null, "note": "it is large" }),
            "a note that is large goes too"
        );
    }

    #[test]
    fn what_is_no_map_leaves_the_note_alone() {
        for output in [json!("x".repeat(9_000)), json!([1, 2]), json!(null)] {
            assert_eq!(rest(output), json!({ "body": null, "note": "it is large" }));
        }
    }

    #[test]
    fn of_a_failures_answer_status_and_small_headers_stay() {
        let answer = json!({ "status": 409, "headers": {"etag": "7"}, "body": "x".repeat(9_000), "more": 1 });
        assert_eq!(
            rest_of_answer(&answer.into()).unwrap().value(),
            json!({ "status": 409, "headers": {"etag": "7"} })
        );
        let answer = json!({ "status": 409, "headers": {"etag": "x".repeat(9_000), "retry-after": "3"} });
        assert_eq!(
            rest_of_answer(&answer.into()).unwrap().value(),
            json!({ "status": 409, "headers": {"retry-after": "3"} })
        );
        assert_eq!(rest_of_answer(&json!([1]).into()), None);
    }
}
