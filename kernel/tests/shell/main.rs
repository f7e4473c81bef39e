//! Commands with values in them, run by real shells: each value arrives as the words that it was, and none is ever read as
//! shell, whatever is around it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "../meter/visible.rs"]
mod visible;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};
use updraft_kernel::template::Template;
use updraft_protocol::{ActionSpec, Argument};

use visible::Data;

/// What reads commands: POSIX's shell of this machine, and bash as itself and as POSIX's.
const SHELLS: [&[&str]; 3] = [&["sh"], &["bash"], &["bash", "--posix"]];

/// The compiled command, or its mistakes.
fn compiled(text: &str) -> Result<Template, Vec<String>> {
    let spec = ActionSpec { arguments: &[("command", Argument::Command)], ..ActionSpec::default() };
    let arguments = BTreeMap::from([("command".to_owned(), json!(text).into())]);
    Template::arguments("arguments", &arguments, &spec)
        .map_err(|found| found.iter().map(ToString::to_string).collect())
}

/// The rendered command; why it is refused.
fn rendered(text: &str, input: Value) -> Result<String, String> {
    let template = compiled(text).map_err(|found| found.join("; "))?;
    let rendered = template.render(&Data::new(input)).map_err(|failure| failure.message)?;
    Ok(rendered["command"].as_str().unwrap().to_owned())
}

/// What the command prints, run in this directory.
fn printed(shell: &[&str], command: &str, directory: &Path) -> Vec<u8> {
    let run = Command::new(shell[0])
        .args(&shell[1..])
        .args(["-c", command])
        .current_dir(directory)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null())
        .output();
    run.unwrap_or_else(|error| panic!("{shell:?} is needed for this test: {error}")).stdout
}

/// Directory of its own, gone with the test.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("updraft-shell-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[track_caller]
fn prints(text: &str, input: Value, expected: &str) {
    let command = rendered(text, input).unwrap_or_else(|why| panic!("{text}: {why}"));
    for shell in SHELLS {
        let printed = String::from_utf8(printed(shell, &command, Path::new("/"))).unwrap();
        assert_eq!(printed, expected, "{shell:?}: {command}");
    }
}

/// Texts that are something else where they are not quoted.
const HOSTILE: [&str; 32] = [
    "",
    " ",
    "  a  b ",
    "\t",
    "\n",
    "a\nb\n",
    "\n\n",
    "'",
    "''",
    "'\\''",
    "\"",
    "\\",
    "\\\n",
    "$HOME",
    "${HOME}",
    "$(id)",
    "`id`",
    "; id",
    "&& id",
    "| id",
    "> pwned",
    "# x",
    "*",
    "?",
    "[a-z]",
    "~",
    "{a,b}",
    "!!",
    "é 日本 \u{1f600}",
    "\u{7f}\u{1}\r",
    "a=b",
    "%s%n",
];

#[test]
fn each_value_arrives_as_one_word_that_is_what_it_was() {
    for value in HOSTILE {
        prints("printf '[%s]' {{ input }}", json!(value), &format!("[{value}]"));
        prints("printf '[%s]' -- {{ input }}", json!(value), &format!("[--][{value}]"));
        prints("printf '[%s]' --host={{ input }}.log x", json!(value), &format!("[--host={value}.log][x]"));
        prints(
            "printf '[%s]' a\\ {{ input }}\"'$HOME'\"{{ input }}",
            json!(value),
            &format!("[a {value}''{value}]"),
        );
        prints("A={{ input }}; printf '[%s]' \"$A\"", json!(value), &format!("[{value}]"));
        prints(
            "for x in a {{ input }}; do printf '[%s]' \"$x\"; done",
            json!(value),
            &format!("[a][{value}]"),
        );
        prints(
            "case {{ input }} in *) printf y;; esac; printf '[%s]' {{ input }}",
            json!(value),
            &format!("y[{value}]"),
        );
        prints("cat <<'E'\nit's\nE\nprintf '(%s)' {{ input }}", json!(value), &format!("it's\n({value})"));
        if !value.contains('\n') {
            prints(
                "cat <<'E' | cat; printf '[%s]' {{ input }}\nit's\nE\n",
                json!(value),
                &format!("it's\n[{value}]"),
            );
        }
    }
    prints("printf '[%s]' {{ input.n }} {{ input.t }}", json!({"n": 1.5, "t": true}), "[1.5][true]");
}

#[test]
fn each_item_of_a_list_is_a_word() {
    let all: Vec<Value> = HOSTILE.iter().map(|value| json!(value)).collect();
    let expected: String = HOSTILE.iter().map(|value| format!("[{value}]")).collect();
    prints("printf '[%s]' {{ input | spread }}", json!(all), &expected);
    prints("for x in {{ input | spread }}; do printf '[%s]' \"$x\"; done", json!(all), &expected);
    prints("printf '[%s]' a {{ input | spread }} b", json!([]), "[a][b]");
    prints("printf '[%s]'{% for x in input %} {{ x }}{% endfor %} end", json!(["'", "$x"]), "['][$x][end]");
}

/// A value of an alert: any text, and what ends quotes, words and commands, before what would be seen.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "'",
        "\"",
        "\\",
        "\n",
        ">pwned",
        ";>pwned;",
        "$(>pwned)",
        "`>pwned`",
        "&",
        "|",
        "#",
        ")",
        "}",
        "EOF",
        "\nEOF\n",
        "*/",
        "a",
        " ",
        "$",
        "{",
        "(",
        "esac",
        "]]",
        "${x:=$(>pwned)}",
        "a[$(>pwned)]",
        "-",
        "=",
        "\r",
        "é",
    ]);
    prop_oneof![
        1 => any::<String>().prop_filter("no NUL", |text| !text.contains('\0')),
        4 => prop::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat()),
    ]
}

/// What authors write around values: every form that opens, closes, quotes or separates.
const AUTHORED: &[&str] = &[
    "{{ input }}",
    "{{ input }}",
    "{{ input }}",
    "{{ input }}",
    " ",
    " ",
    " ",
    "\n",
    "'",
    "\"",
    "\\",
    "`",
    "$",
    "$(",
    "$((",
    "${x:-",
    "${x}",
    "${ ",
    "${|",
    "$x",
    "$'",
    ")",
    "))",
    "}",
    "(",
    "((",
    "{ ",
    "; ",
    ";",
    "&&",
    "||",
    "|",
    "&",
    "|&",
    "&>",
    "<<EOF\n",
    "<<'EOF'\n",
    "<<-EOF\n",
    "<<\"E F\"\n",
    "\nEOF\n",
    "\n\tEOF\n",
    "<<<",
    "<",
    ">f",
    "> ",
    "2>&1",
    "2>",
    "{fd}>f",
    "#",
    " # ",
    "\\\n",
    "echo ",
    "printf %s ",
    "cat ",
    "eval ",
    "sh -c ",
    "env ",
    "env -i ",
    "command ",
    "exec ",
    "export ",
    "A=",
    "a[0]=",
    "A=(",
    "declare ",
    "test -v ",
    "[ ",
    " ]",
    "[[ ",
    " ]]",
    " -eq ",
    "if ",
    " then ",
    " else ",
    " fi",
    "for x in ",
    "; do ",
    "; done",
    "case ",
    " in ",
    "a) ",
    ";; ",
    " esac",
    "f() ",
    "! ",
    "time ",
    "*",
    "~",
    "-",
    "--",
    " -- ",
    "=",
    "!",
    "x",
    "1",
    "a b",
    "trap ",
    "alias x=",
    "let ",
    "read ",
    "unset ",
    "$[",
    "<(",
    "]",
    "\t",
    "xargs ",
    "find . -exec ",
    "'a'",
    "\"a\"",
    "\"$x\"",
    "$(echo a)",
    "`echo a`",
];

/// A command with a value: often one that is accepted where what is before it is followed as a shell does.
fn author() -> impl Strategy<Value = String> {
    let pieces = |most: usize| {
        prop::collection::vec(prop::sample::select(AUTHORED), 0..most).prop_map(|pieces| pieces.concat())
    };
    let middle = prop::sample::select(vec!["", " ", "\necho ", "; echo a", " ; printf %s -- "]);
    (pieces(6), middle, pieces(3), pieces(4)).prop_map(|(before, middle, between, after)| {
        format!("{before}{middle}{between}{{{{ input }}}}{after}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 200, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn whatever_is_accepted_reads_no_value_as_shell(text in author(), value in hostile()) {
        let Ok(command) = rendered(&text, json!(value)) else { return Ok(()) };
        let scratch = Scratch::new("accepted");
        for shell in SHELLS {
            let _ = printed(shell, &command, &scratch.0);
            prop_assert!(!scratch.0.join("pwned").exists(), "{shell:?}: {command}");
        }
    }

    #[test]
    fn any_values_arrive_as_they_were(a in hostile(), b in hostile(), c in hostile()) {
        let input = json!({"a": a, "b": b, "c": [b, c]});
        let text = "printf '%s\\001' -- {{ input.a }} x{{ input.b }}\"y\" | cat && printf '%s\\001' -- {{ input.c | spread }}";
        let command = rendered(text, input).map_err(TestCaseError::fail)?;
        let expected: String =
            ["--", &a, &format!("x{b}y"), "--", &b, &c].iter().map(|word| format!("{word}\u{1}")).collect();
        for shell in SHELLS {
            prop_assert_eq!(String::from_utf8(printed(shell, &command, Path::new("/"))).unwrap(), expected.as_str());
        }
    }
}
