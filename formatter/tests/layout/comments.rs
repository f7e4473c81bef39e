//! Where comments stand.

use crate::laid_out;

#[test]
fn a_comment_stays_with_what_it_stands_at() {
    let text = "# top\n\n\n# second\na: 1   #eol\n# between\nb:   # of b\n      # before c\n      c: 1\n      # after c\n# before d\n\
                d:\n    -   1 # one\n    # mid\n    -   # of e\n        e: 2\n        # last\n# end\n";
    let to = "# top\n\n# second\na: 1 #eol\n# between\nb: # of b\n  # before c\n  c: 1\n  # after c\n# before d\n\
              d:\n  - 1 # one\n  # mid\n  - # of e\n    e: 2\n    # last\n# end\n";
    assert_eq!(laid_out(text), to);
}

#[test]
fn a_comment_after_a_body_belongs_to_the_body_it_is_indented_with() {
    let text = "a:\n  b:\n    c: 1\n      # deep\n    # of c\n   # of b\n  # of b\n # of a\nd:\n- 1\n  # in the list\n# of e\ne: 2\n";
    let to = "a:\n  b:\n    c: 1\n    # deep\n    # of c\n  # of b\n  # of b\n# of a\nd:\n  - 1\n  # in the list\n# of e\ne: 2\n";
    assert_eq!(laid_out(text), to);
}

#[test]
fn a_comment_between_a_name_and_its_value_stays_there() {
    let kept = "a: # c\n  \"x\"\nb:\n  # d\n  y\nc: &x # e\n  # f\n  g: 1\nh: # i\n  |\n  text\nj:\n  # k\n  *x\nl:\n  -\n    # m\n    n: 1\n";
    assert_eq!(laid_out(kept), kept);
}

#[test]
fn a_comment_in_a_text_is_text_and_after_its_header_a_comment() {
    let text = "a: |   # c\n   x # no\n   # no\n  # yes\nb: >- # d\n  \"# no\n\n# e\nf: \"# no\" # yes\n";
    let to = "a: | # c\n  x # no\n  # no\n# yes\nb: >- # d\n  \"# no\n\n# e\nf: \"# no\" # yes\n";
    assert_eq!(laid_out(text), to);
}

#[test]
fn comments_between_brackets_keep_their_order() {
    let text = "a: { # c\n  b: 1, # d\n  # e\n  f: 2 # g\n  # h\n} # i\nj: [ # k\n  1 # l\n  , # m\n  2 ]\nn: [ # o\n  # p\n] # q\n";
    let to = "a: # c\n  b: 1 # d\n  # e\n  f: 2 # g\n  # h\n  # i\nj: # k\n  - 1 # l\n  # m\n  - 2\nn: # o\n  # p\n  [] # q\n";
    assert_eq!(laid_out(text), to);
    let long = "x".repeat(100);
    let text = format!("a: [{long}, y] # why\nb:\n  - {{c: {long}, d: 1}} # how\n");
    assert_eq!(
        laid_out(&text),
        format!("a: # why\n  - {long}\n  - y\nb:\n  - # how\n    c: {long}\n    d: 1\n")
    );
    assert_eq!(laid_out("{a: 1, # x\n b: 2} # y\n# z\n"), "a: 1 # x\nb: 2\n# y\n# z\n");
}

#[test]
fn comments_that_stood_in_one_column_still_do() {
    let text = "a: 1        # x\nbcd: 2      # y\ne:\n    f: 1    # z\ng: 3 # alone\n\n\nh: 1    # p\ni: 2\n\n\n\njk: 3   # q\n";
    let to = "a: 1   # x\nbcd: 2 # y\ne:\n  f: 1 # z\ng: 3 # alone\n\nh: 1 # p\ni: 2\n\njk: 3 # q\n";
    assert_eq!(laid_out(text), to);
}
