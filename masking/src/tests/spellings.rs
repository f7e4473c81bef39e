//! The encodings in which a secret is found, one by one.

use super::encoders::{ENCODERS, Letters, encode, letters};
use super::{masked, masker};
use crate::Masker;

const SECRET: &str = "p\"ss\\w/rd <ä> & 'x' + %";

#[test]
fn a_secret_is_found_in_every_escape() {
    for encoder in ENCODERS {
        let text = format!("a={}&b", encode(encoder, SECRET));
        assert_eq!(masked(&[SECRET], &text), "a=***&b", "{text}");
    }
    for text in [
        "p&quot;ss&#92;w&sol;rd&#32;&lt;&#228;&gt;&#x20;&amp;&nbsp;&apos;x&#039;&#x20;&plus;&#x20;&percnt;",
        r#"p\"ss\\w\/rd \u003C\u00E4\u003e \u0026 \u0027x' \u002b \u0025"#,
        r"p\x22ss\x5cw/rd\x20<\xc3\xa4>\x20&\x20'x'\x20+\x20%",
        "p%22ss%5cw%2frd+%3c%c3%A4%3e+%26+%27x%27+%2b+%25",
    ] {
        assert_eq!(masked(&[SECRET], text), "***", "{text}");
    }
}

#[test]
fn a_secret_is_found_where_its_bytes_were_taken_for_characters_and_its_characters_written_as_bytes() {
    let taken: String = SECRET.bytes().map(char::from).collect();
    assert!(taken.contains('Ã'), "as those show it who read a header as Latin-1");
    for encoder in ENCODERS {
        let text = format!("a={}&b", encode(encoder, &taken));
        assert_eq!(masked(&[SECRET], &text), "a=***&b", "{text}");
    }
    assert_eq!(masked(&[SECRET], "p%22ss%5cw%2frd+%3c%e4%3e+%26+%27x%27+%2b+%25"), "***");
    assert_eq!(masked(&["zu ändern, €"], "zu+%e4ndern,+%e2%82%ac"), "zu+%e4ndern,+%e2%82%ac", "no Latin-1");
}

#[test]
fn a_secret_is_found_in_escapes_inside_escapes_three_deep() {
    let masker = masker(&[SECRET]);
    for outer in ENCODERS {
        for middle in ENCODERS {
            for inner in ENCODERS {
                let text = encode(outer, &encode(middle, &encode(inner, SECRET)));
                let text = format!("a: {text}, b");
                let masked = masker.text(text.clone());
                assert_eq!(masked, "a: ***, b", "{outer:?} {middle:?} {inner:?} {text}");
            }
        }
    }
    for text in
        ["a%2522bcdef", "a&amp;quot;bcdef", r"a\u0025\u00322bcdef", r#"a\\\"bcdef"#, "%61%2522%62c&#100;ef"]
    {
        assert_eq!(masked(&["a\"bcdef"], text), "***", "{text}");
    }
}

#[test]
fn escapes_that_are_part_of_a_secret_are_its_own() {
    for secret in ["pass%41word", "pass&amp;word", "pass\\nword", "pass+word", "pass\\\\word", "%%25%2525"] {
        for text in [secret.to_owned()].into_iter().chain(ENCODERS.map(|encoder| encode(encoder, secret))) {
            assert_eq!(masked(&[secret], &format!("a {text} b")), "a *** b", "{text}");
        }
    }
}

#[test]
fn what_stands_before_and_after_a_secret_hides_nothing_of_it() {
    for text in [
        r"C:\nabcdef",
        "50%abcdef",
        "50%4abcdef41",
        "&abcdef",
        "&#abcdef;",
        "\\abcdef",
        "+abcdef%",
        "abcdef\\",
    ] {
        let rest = text.replace("nabcdef", "n***").replace("abcdef", "***");
        assert_eq!(masked(&["abcdef"], text), rest, "{text}");
    }
    assert_eq!(masked(&["nabcdef"], r"C:\nabcdef"), r"C:\***");
}

#[test]
fn a_secret_is_found_in_hexadecimal_digits() {
    for upper in [false, true] {
        let text = letters(Letters::Hex { upper }, "hunter2");
        assert_eq!(masked(&["hunter2"], &format!("a 0x{text}00, b")), "a 0x***00, b");
    }
    assert_eq!(masked(&["hunter2"], "68756E74657232 %36%38756e74657232"), "*** ***");
}

#[test]
fn a_secret_is_found_in_base64_at_every_alignment() {
    for url in [false, true] {
        for padded in [false, true] {
            for before in ["", "u", "us", "user:"] {
                for after in ["", "!", " and more"] {
                    let secret = "~~hunter2??";
                    let text = letters(
                        Letters::Base64 { url, padded, line: 76 },
                        &format!("{before}{secret}{after}"),
                    );
                    let rest = masked(&[secret], &format!("a {text} b"));
                    let own = secret.len() * 8 / 6;
                    assert!(rest.contains("***") && rest.len() + own <= text.len() + 8, "{text} {rest}");
                }
            }
        }
    }
}

#[test]
fn a_secret_is_found_in_base64_that_is_broken_into_lines_or_escaped() {
    let secret =
        "a secret of some length, with ??? and ~~~ in it, longer than a line of base64 is, by some words";
    for line in [64, 76] {
        for encoder in ENCODERS {
            let whole = letters(Letters::Base64 { url: false, padded: true, line }, secret);
            let text = format!("a: {}, b", encode(encoder, &whole));
            assert_eq!(masked(&[secret], &text), "a: ***, b", "{text}");
        }
    }
    assert_eq!(masked(&["??????>>>"], r"Pz8\/Pz8\/Pj4+"), "***", "as PHP writes it");
}

#[test]
fn what_basic_sends_is_masked_as_a_whole() {
    for (user, password) in [("user", "hunter2"), ("u", "p/\"?~>"), ("", "password"), ("user", "pw")] {
        let mut masker = Masker::new();
        masker.add_basic(user, password);
        for (url, padded) in [(false, true), (true, false)] {
            let whole = letters(Letters::Base64 { url, padded, line: 76 }, &format!("{user}:{password}"));
            assert_eq!(masker.text(format!("Basic {whole}, b")), "Basic ***, b", "{user} {password}");
            assert_eq!(masker.text(format!("Basic {whole}%3D%3D, b").replace('=', "")), "Basic ***, b");
        }
        assert_eq!(masker.text(format!("{user} {password}")), format!("{user} ***"));
    }
    let mut masker = Masker::new();
    masker.add_basic("user", "");
    assert!(masker.is_empty());
}

#[test]
fn what_was_escaped_and_then_encoded_is_found() {
    let secret = "p\"s s/w&d";
    for text in
        ["p\\\"s s/w&d", "p\\\"s s\\/w&d", "p%22s%20s%2Fw%26d", "p%22s+s%2Fw%26d", "p&quot;s s/w&amp;d"]
    {
        for shape in [Letters::Hex { upper: false }, Letters::Base64 { url: false, padded: true, line: 76 }] {
            let encoded = letters(shape, text);
            assert_eq!(masked(&[secret], &format!("a {encoded} b")), "a *** b", "{text}");
        }
    }
}

#[test]
fn a_short_secret_is_masked_where_it_stands_alone() {
    let mut masker = Masker::new();
    masker.add_short("a+1");
    masker.add_short("42");
    for (text, rest) in [
        ("42", "***"),
        ("a 42, 42.", "a ***, ***."),
        ("421 142 x42 42x _42 ä42", "421 142 x42 42x _42 ä42"),
        ("q=%34%32&a%2B1", "q=***&***"),
        ("q%3D42%26 \\n42\\n &quot;42&quot; %2520&#x34;2", "q%3D***%26 \\n***\\n &quot;***&quot; %2520***"),
        ("NDI= 3432", "NDI= 3432"),
        ("%2042x %2042", "%2042x %20***"),
    ] {
        assert_eq!(masker.text(text.to_owned()), rest, "{text}");
    }
    masker.add_short("long-enough");
    assert_eq!(masker.text("xlong-enoughx".to_owned()), "x***x", "it is not short");
}

#[test]
fn a_secret_that_follows_its_own_beginning_in_escapes_is_masked_alone() {
    for (secret, text, rest) in [
        ("aab", "%61%61%61b", "%61***"),
        ("\"\"token", "{\\\"\\\"\\\"token", "{\\\"***"),
        ("abcabd", "x%61bcabcabd", "x%61bc***"),
    ] {
        assert_eq!(masker(&[secret]).text(text.to_owned()), rest, "{text}");
    }
}
