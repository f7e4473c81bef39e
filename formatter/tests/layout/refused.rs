//! Texts that have no layout, and why.

use updraft_formatter::{Error, format};

use crate::refusal;

#[test]
fn what_the_reader_refuses_is_refused_in_its_words() {
    for (text, told) in [
        ("a: [1\n", "line 1, column 4, a[0]: a `[` is not closed"),
        (
            "a: 1\nb: {{ x }}\n",
            "line 2, column 4, b: a template needs quotes around the whole text: `\"{{ … }}\"`",
        ),
        ("a: 1\na: 2\n", "line 2, column 1, a: stands here a second time; the first is at line 1, column 1"),
        ("a: 1\n---\nb: 2\n", "line 2, column 1: a second document begins; a file has one playbook"),
        ("a: !x 1\n", "line 1, column 7, a: tags are not read; leave it out, and write a text in quotes"),
        ("a:\n", "line 1, column 2, a: a value is missing; write `null`, or `\"\"` for an empty text"),
        ("{\"a\": 1,}", "line 1, column 9"),
        ("", "line 1, column 1: the file is empty"),
        ("# c\n", "line 1, column 1: the file is empty"),
    ] {
        let refusal = refusal(text);
        assert!(refusal.starts_with(told), "{text:?}: {refusal}");
    }
    let deep = format!("a: {}1{}", "[".repeat(200), "]".repeat(200));
    assert!(refusal(&deep).ends_with("nested more than 127 deep"), "{}", refusal(&deep));
    // Each alias stands for ten of the one before.
    let mut bomb = "a0: &a0 x\n".to_owned();
    for at in 1..9 {
        bomb += &format!("a{at}: &a{at} [{}]\n", format!("*a{}, ", at - 1).repeat(10));
    }
    assert!(refusal(&bomb).contains("aliases"), "{}", refusal(&bomb));
    assert!(matches!(format(b"a: \xff", 100), Err(Error::Unread(_))));
}

#[test]
fn what_is_no_map_is_refused() {
    for text in ["- a\n", "text\n", "[{\"a\": 1}]", "\"a\""] {
        assert_eq!(refusal(text), "a map of fields is needed: a playbook, or test cases", "{text}");
    }
}

#[test]
fn a_name_of_several_lines_is_refused_with_its_place() {
    let told = "the name of a field is laid out only where it is written in one line";
    assert_eq!(refusal("x: 1\n? \"a\n  b\"\n: 1\n"), format!("line 2, column 3: {told}"));
    assert_eq!(refusal("x: 1\n? |\n  b\n: 1\n"), format!("line 2, column 3: {told}"));
}

#[test]
fn a_text_that_goes_on_below_a_comment_is_refused_with_its_place() {
    let told = "line 1, column 4: a comment stands inside a text of several lines; put the text in quotes";
    assert_eq!(refusal("k: 0\n\t#c\n  b\n"), told);
    assert!(refusal("k: 0\n  #c\n  b\n").contains("line"));
}

#[test]
fn a_text_that_would_grow_beyond_what_may_be_read_is_refused() {
    let text = format!("a: {}{}{}", "[".repeat(36), "1,".repeat(4_000), "]".repeat(36));
    assert_eq!(format(text.as_bytes(), 100_000), Err(Error::TooLarge { most: 100_000 }));
    let text = format!("a: {}", "b".repeat(100));
    assert!(matches!(format(text.as_bytes(), 100), Err(Error::Unread(_))));
    let exact = "a: 1\n";
    assert_eq!(format(exact.as_bytes(), exact.len()).as_deref(), Ok(exact));
}
