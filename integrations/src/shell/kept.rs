//! What is kept of a command's output: texts, within bounds, with a note of what they do not say.

use serde_json::{Value, json};
use updraft_protocol::Json;
use updraft_protocol::limits::{SHELL_ERROR_BYTES, SHELL_OUTPUT_BYTES};

use super::process::{Captured, Ran};

/// The exit code as shells tell it: 128 and the number of the signal that ended a process.
pub(super) fn exit_code(ran: &Ran) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    let signal = ran.status.signal().map(|signal| 128 + signal);
    ran.status.code().or(signal).unwrap_or(-1)
}

/// The output of a command that succeeded.
pub(super) fn output(ran: &mut Ran) -> Json {
    let mut notes = Vec::new();
    let stdout = text("stdout", &mut ran.stdout, SHELL_OUTPUT_BYTES, false, &mut notes);
    let stderr = text("stderr", &mut ran.stderr, SHELL_ERROR_BYTES, true, &mut notes);
    let mut output = json!({ "exit_code": exit_code(ran), "stdout": stdout, "stderr": stderr });
    if !notes.is_empty() {
        output["note"] = Value::String(notes.join("; "));
    }
    output.into()
}

/// The same of one that failed, of at most so many bytes each.
pub(super) fn answer(ran: &mut Ran, bytes: usize) -> Json {
    let stdout = text("stdout", &mut ran.stdout, bytes, true, &mut Vec::new());
    let stderr = text("stderr", &mut ran.stderr, bytes, true, &mut Vec::new());
    let code = exit_code(ran);
    json!({ "status": code, "headers": {}, "body": { "exit_code": code, "stdout": stdout, "stderr": stderr } }).into()
}

/// A stream as a text that takes at most so many bytes as JSON.
fn text(name: &str, captured: &mut Captured, bytes: usize, is_end: bool, notes: &mut Vec<String>) -> String {
    let whole = captured.whole;
    let kept = captured.kept();
    let mut is_cut = whole > kept.len() as u64;
    let decoded = String::from_utf8_lossy(kept);
    // A character at the cut may be half.
    let is_text = std::str::from_utf8(kept).is_ok() || (is_cut && is_text_within(kept));
    let mut left = bytes;
    let mut fits = |c: &char| match left.checked_sub(json_bytes(*c)) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    let text: String = if is_end {
        let end: Vec<char> = decoded.chars().rev().take_while(&mut fits).collect();
        end.into_iter().rev().collect()
    } else {
        decoded.chars().take_while(&mut fits).collect()
    };
    is_cut |= text.len() < decoded.len();
    if is_cut {
        let which = if is_end { "last" } else { "first" };
        notes.push(format!("{name}: of {whole} bytes the {which} {} are kept", text.len()));
    }
    if !is_text {
        notes.push(format!("{name}: not UTF-8; what is no character is U+FFFD"));
    }
    text
}

/// Whether it is UTF-8 but for a character that is cut at its beginning or end.
fn is_text_within(bytes: &[u8]) -> bool {
    let begin = bytes.iter().take(3).take_while(|byte| **byte & 0xC0 == 0x80).count();
    match std::str::from_utf8(bytes.get(begin..).unwrap_or_default()) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

fn json_bytes(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' => 2,
        c if c.is_control() => 6,
        c => c.len_utf8(),
    }
}
