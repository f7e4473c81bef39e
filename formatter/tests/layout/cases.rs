//! Where values stand.

use crate::laid_out;

#[test]
fn each_level_is_two_blanks_further_in() {
    let text = "a:\n- 1\n-   b:   'x'\n    c :\n           d: \"y\"\n- - e\n  -   f\n-\n      g:\t2  \n";
    let to = "a:\n  - 1\n  - b: 'x'\n    c:\n      d: \"y\"\n  - - e\n    - f\n  - g: 2\n";
    assert_eq!(laid_out(text), to);
}

#[test]
fn line_ends_and_encodings_of_any_system_become_one() {
    let text = "a: 1\r\nb: |\r\n  x\r\n  y\r\nc: 'p\r\n  q'";
    let to = "a: 1\nb: |\n  x\n  y\nc: 'p\n  q'\n";
    assert_eq!(laid_out(text), to);
    assert_eq!(laid_out(&format!("\u{feff}{text}")), to);
    let utf16: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(updraft_formatter::format(&utf16, crate::MOST).unwrap(), to);
}

#[test]
fn one_blank_line_stays_where_there_were_some() {
    let text = "\n\na: 1\n\n\n\nb:\n\n\n  - 1\n   \n  - 2\n\n\n# c\n\n\nd: 3\n\n\n";
    assert_eq!(laid_out(text), "a: 1\n\nb:\n  - 1\n\n  - 2\n\n# c\n\nd: 3\n");
}

#[test]
fn what_stands_in_one_line_between_brackets_stays_so_where_there_is_room() {
    let text = "a: { b : 1,c: [ 1,2 ,{d: x}], e: {  }, f: [ ] , }\ng: [k: v, \"m\":n]\nh: {i: &x 1, j: *x , k: !!str 2}\n";
    let to =
        "a: {b: 1, c: [1, 2, {d: x}], e: {}, f: []}\ng: [k: v, \"m\": n]\nh: {i: &x 1, j: *x, k: !!str 2}\n";
    assert_eq!(laid_out(text), to);
    let long = "x".repeat(80);
    let text =
        format!("a: {{b: 1, c: {long}, d: [1, 2], e: {{}}}}\nf:\n  - [{long}, [y, z], {{g: {long}}}]\n");
    let to = format!(
        "a:\n  b: 1\n  c: {long}\n  d: [1, 2]\n  e: {{}}\nf:\n  - - {long}\n    - [y, z]\n    - {{g: {long}}}\n"
    );
    assert_eq!(laid_out(&text), to);
}

#[test]
fn what_stands_in_several_lines_between_brackets_becomes_a_line_for_each() {
    let text =
        "a: [1,\n  {b: 2, c: 3}, {d: 4,\n e: 'p\n q'}, [\n]]\nf: &x {g: 1,\n h: 2}\ni:\n - &y [1,\n   2]\n";
    let to = "a:\n  - 1\n  - {b: 2, c: 3}\n  - d: 4\n    e: 'p\n      q'\n  - []\nf: &x\n  g: 1\n  h: 2\ni:\n  - &y\n    - 1\n    - 2\n";
    assert_eq!(laid_out(text), to);
}

#[test]
fn a_text_of_several_lines_is_kept_byte_for_byte() {
    let kept =
        "a: |\n  x  \n    y\t\n\n  z\nb: >+\n  p\n   q\n\n\nc: |-\n  r\n     \nd: |2\n    s\n  t\ne: >1-\n";
    assert_eq!(laid_out(kept), kept.replace(">1-", ">2-"));
    let text = "a:\n     b: |1\n         x\n       y\n     c:\n     - >+ \n      z\n\n\n";
    assert_eq!(laid_out(text), "a:\n  b: |2\n       x\n     y\n  c:\n    - >+\n      z\n\n\n");
    let last = "a: |\n  x";
    assert_eq!(laid_out(last), "a: |\n  x\n");
}

#[test]
fn a_quoted_or_plain_text_of_several_lines_keeps_its_lines() {
    let text = "a: this is\n       long  \n\n  text\nb: \"x \\\n     \\  y\n\n   z\\ \n  \"\nc:\n      on\n      lines\nd:\n    short\n";
    let to =
        "a: this is\n  long\n\n  text\nb: \"x \\\n  \\  y\n\n  z\\ \n  \"\nc:\n  on\n  lines\nd: short\n";
    assert_eq!(laid_out(text), to);
    // One that was put below its name as it is long stays there.
    let long = "word ".repeat(30);
    let text = format!("a:\n  \"{long}\"\nb: \"{long}\"\n");
    assert_eq!(laid_out(&text), text);
}

#[test]
fn spellings_are_their_authors() {
    let kept = "a: 'x'\nb: \"y\"\nc: \"\\u0041\"\nd: 1.10\ne: 1e400\nf: 123456789012345678901234567890\ng: null\nh: -0\n\
                \"i j\": null\n'k': yes it is\nl: 'it''s'\nm: http://x/#a\nn: b#c\no: ü🦀\n";
    assert_eq!(laid_out(kept), kept);
}

#[test]
fn anchors_aliases_and_marks_of_documents_stay() {
    let text = "%YAML 1.2\n# c\n---   # d\na:   &x\n  b: 1\nc: *x\ne:\n  &y\n  - 1\nf:   !!map &z\n  g: 1\n!!str  h: *z\n...\n# i\n";
    let to = "%YAML 1.2\n# c\n--- # d\na: &x\n  b: 1\nc: *x\ne: &y\n  - 1\nf: !!map &z\n  g: 1\n!!str h: *z\n# i\n";
    assert_eq!(laid_out(text), to);
    assert_eq!(laid_out("--- {a: 1,   b: 2}\n"), "---\n{a: 1, b: 2}\n");
    assert_eq!(laid_out("? a\n: b\n? c\n:\n  - d\n"), "a: b\nc:\n  - d\n");
}

#[test]
fn json_is_laid_out_a_value_a_line() {
    let text = "{\"b\":[1.10,-0],\"a\":{},\r\n\"c\":\"\\u0041 \\\" , ]\"}";
    let to = "{\n  \"b\": [\n    1.10,\n    -0\n  ],\n  \"a\": {},\n  \"c\": \"\\u0041 \\\" , ]\"\n}\n";
    assert_eq!(laid_out(text), to);
}
