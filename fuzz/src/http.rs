//! Answers of tools by HTTP: whatever a server sends becomes a bounded value or a failure, without the secret that
//! the request carried.
//!
//! The input reads like an answer: a line with the status and the step's arguments as JSON, lines of headers, an
//! empty line, the body.

use std::cell::LazyCell;

use http::header::DATE;
use http::{HeaderName, HeaderValue, Response};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use updraft_integrations::http::fuzzing;
use updraft_protocol::limits::{FAILURE_MESSAGE_BYTES, NESTING, RESPONSE_BYTES, SPAN};
use updraft_protocol::{Failure, FailureKind, Json};

use crate::data::SECRET;
use crate::shape::{check_text_of, depth};

/// Takes the arguments of a step and an answer.
///
/// # Panics
/// Something does not hold.
pub fn run(bytes: &[u8]) {
    let Some((arguments, response)) = parts(bytes) else { return };
    let echoed = arguments.to_string().contains(SECRET);
    let status = response.status().as_u16();
    let text = arguments["response"] == "text";
    let answer = ask(arguments.clone(), response.clone());
    assert_eq!(answer, ask(arguments, response), "the same answer twice");
    match answer {
        Ok(output) => check(&output, status, text),
        Err(failure) => {
            if let Some(answer) = &failure.answer {
                check(answer, status, false);
            }
            assert!(!failure.message.is_empty() && failure.message.len() <= FAILURE_MESSAGE_BYTES);
            assert!(echoed || !failure.message.contains(SECRET), "{}", failure.message);
            let waits = failure.retry_after();
            assert!(waits.is_none_or(|after| after <= SPAN), "{waits:?}");
            assert!(waits.is_none() || failure.kind == FailureKind::RateLimited, "{failure:?}");
        }
    }
}

fn check(output: &Json, status: u16, text: bool) {
    assert!(output.as_str().len() <= RESPONSE_BYTES, "{} bytes", output.as_str().len());
    assert!(!output.as_str().contains(SECRET), "{output}");
    let value = output.tree();
    assert!(value.is_ok(), "{output} is nested too deeply");
    let value = value.unwrap_or_default();
    assert_eq!(value["status"].as_u64(), Some(status.into()));
    let body = value.get("body");
    assert!(body.is_some_and(|body| !text || body.is_null() || body.as_str().is_some()), "{value}");
    assert!(value["headers"].as_object().is_some(), "{value}");
    assert!(depth(&value) <= NESTING, "{} levels", depth(&value));
    check_text_of(&value);
}

fn ask(arguments: Value, response: Response<Vec<u8>>) -> Result<Json, Failure> {
    thread_local! {
        static RUNTIME: LazyCell<Option<Runtime>> =
            LazyCell::new(|| Builder::new_current_thread().enable_time().build().ok());
    }
    let answer = RUNTIME.with(|runtime| {
        let answer = fuzzing::answer(arguments, SECRET, response);
        runtime.as_ref().map(|runtime| runtime.block_on(answer))
    });
    answer.unwrap_or_else(|| Err(Failure::new(FailureKind::Interrupted, "there is no runtime")))
}

fn parts(bytes: &[u8]) -> Option<(Value, Response<Vec<u8>>)> {
    let mut rest = bytes;
    let first = std::str::from_utf8(line(&mut rest)).ok()?;
    let (status, arguments) = first.split_once(' ')?;
    let mut arguments: Value = serde_json::from_str(arguments).ok()?;
    if let Some(fields) = arguments.as_object_mut() {
        fields.entry("url").or_insert_with(|| json!("https://tool.example/"));
    }
    let mut response = Response::builder().status(status.parse::<u16>().ok()?);
    loop {
        let header = line(&mut rest);
        if header.is_empty() {
            break;
        }
        let colon = header.iter().position(|&byte| byte == b':')?;
        let name = HeaderName::from_bytes(header.get(..colon)?).ok()?;
        let value = HeaderValue::from_bytes(header.get(colon + 1..)?.trim_ascii()).ok()?;
        response = response.header(name, value);
    }
    let mut response = response.body(rest.to_vec()).ok()?;
    // The same answer twice: no clock stands in for a date.
    response.headers_mut().entry(DATE).or_insert(HeaderValue::from_static("Wed, 21 Oct 2015 07:27:30 GMT"));
    Some((arguments, response))
}

/// The next line, without its end.
fn line<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let end = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
    let (line, after) = rest.split_at(end);
    *rest = after.get(1..).unwrap_or_default();
    line
}
