//! Scanning a condition before it is parsed: the parser recurses, and what it would recurse into is
//! counted here without recursion.

use updraft_protocol::limits::NESTING;

/// Operators in a row, brackets around them counted: more than any text a person writes, far less than
/// what a thread's stack holds.
const IN_A_ROW: usize = 2 * NESTING;

/// What one open bracket holds so far.
#[derive(Default, Clone, Copy)]
struct Level {
    /// Operators since the last `,`, `&&` or `||`: those two are parsed flat.
    operators: usize,
    /// `?` since the last `,`: each takes all that follows into itself.
    choices: usize,
}

/// Why the condition may not be parsed.
pub(super) fn scan(source: &str) -> Result<(), String> {
    let text = source.as_bytes();
    let mut open = vec![Level::default()];
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let next = text.get(at + 1).copied();
        let mut taken = 1;
        match byte {
            b'\'' | b'"' => taken = string(text, at, false)?,
            b'/' if next == Some(b'/') => taken = line(text, at),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'0'..=b'9' => {
                taken = word(text, at);
                let word = &text[at..at + taken];
                let quoted = matches!(text.get(at + taken), Some(b'\'' | b'"'));
                let raw = matches!(word, b"r" | b"R" | b"br" | b"bR" | b"Br" | b"BR");
                if quoted && raw {
                    taken += string(text, at + taken, true)?;
                } else if word == b"in" {
                    operator(&mut open);
                }
            }
            b'(' | b'[' | b'{' => open.push(Level::default()),
            b')' | b']' | b'}' if open.len() > 1 => {
                open.pop();
                // A subscript or call goes on with the value before it.
                operator(&mut open);
            }
            b',' => restart(&mut open, true),
            b'&' | b'|' => restart(&mut open, false),
            b'?' => choice(&mut open),
            b'+' | b'-' | b'*' | b'/' | b'%' | b'.' | b'!' | b'<' | b'>' | b'=' => {
                taken = if next == Some(b'=') { 2 } else { 1 };
                operator(&mut open);
            }
            _ => {}
        }
        at += taken;
        if open.len() > NESTING {
            return Err(format!("brackets are nested more than {NESTING} deep"));
        }
        if open.iter().map(|level| 1 + level.operators + level.choices).sum::<usize>() > IN_A_ROW {
            return Err(format!("more than {IN_A_ROW} operators in a row"));
        }
    }
    Ok(())
}

fn operator(open: &mut [Level]) {
    if let Some(level) = open.last_mut() {
        level.operators += 1;
    }
}

fn choice(open: &mut [Level]) {
    if let Some(level) = open.last_mut() {
        level.choices += 1;
    }
}

fn restart(open: &mut [Level], all: bool) {
    if let Some(level) = open.last_mut() {
        level.operators = 0;
        if all {
            level.choices = 0;
        }
    }
}

fn word(text: &[u8], at: usize) -> usize {
    text[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count()
}

fn line(text: &[u8], at: usize) -> usize {
    text[at..].iter().take_while(|byte| !matches!(byte, b'\n' | b'\r')).count()
}

/// The bytes of the text literal at `at`. One that does not end is refused here: after it the parser and
/// this scan would not agree about what is a text.
fn string(text: &[u8], at: usize, raw: bool) -> Result<usize, String> {
    let quote = text[at];
    let triple = text[at..].starts_with(&[quote; 3]);
    let end: &[u8] = if triple { &[quote; 3] } else { &[quote] };
    let mut here = at + end.len();
    while let Some(&byte) = text.get(here) {
        match byte {
            b'\\' if !raw => here += 2,
            b'\n' | b'\r' if !triple => break,
            _ if text[here..].starts_with(end) => return Ok(here + end.len() - at),
            _ => here += 1,
        }
    }
    Err("a text is not closed".to_owned())
}
