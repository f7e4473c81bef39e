//! Commands: where a value may stand, in an author's words; real shells read them in `kernel/tests/shell`.

use updraft_protocol::limits::COMMAND_BYTES;

use super::places::{arguments, rendered};
use super::*;

fn command(text: &str, input: Value) -> Result<String, String> {
    let rendered = rendered(json!({ "command": text }), input)?;
    Ok(rendered["command"].as_str().unwrap().to_owned())
}

#[track_caller]
fn gives(text: &str, input: Value, expected: &str) {
    assert_eq!(command(text, input).as_deref(), Ok(expected), "{text}");
}

#[track_caller]
fn mistake(text: &str, reason: &str) {
    let found = arguments(json!({ "command": text })).expect_err(text);
    assert!(found.starts_with("arguments.command: ") && found.contains(reason), "{text}: {found}");
}

#[track_caller]
fn refused(text: &str, input: Value, reason: &str) {
    let found = command(text, input).expect_err(text);
    assert!(found.starts_with("arguments.command: ") && found.contains(reason), "{text}: {found}");
}

#[test]
fn a_value_is_one_word_in_single_quotes() {
    gives("ls {{ input }}", json!("a b"), "ls 'a b'");
    gives("ls {{ input }}", json!("it's"), "ls 'it'\\''s'");
    gives("ls {{ input }}", json!(""), "ls ''");
    gives("ls {{ input.n }} {{ input.b }}", json!({"n": 5, "b": false}), "ls '5' 'false'");
    gives("ls --host={{ input }}", json!("$x"), "ls --host='$x'");
    gives("ls /var/{{ input }}.log", json!("*"), "ls /var/'*'.log");
    gives("cat <<E\n'\nE\nls {{ input }}", json!("a"), "cat <<E\n'\nE\nls 'a'");
    gives("ls {{ 'a  b' }} {{ input }}", json!("c"), "ls a  b 'c'");
    gives("ls {{ input | spread }} x", json!(["a b", 1]), "ls 'a b' '1' x");
    gives("ls", json!(null), "ls");
    assert!(arguments(json!({"command": "ls '"})).unwrap().is_literal(), "without values it is the author's");
}

/// Where no value may stand, and why.
const REFUSED: &[(&str, &str)] = &[
    ("{{ input }}", "at its beginning: a value may not choose the program"),
    ("ls; {{ input }}", "after ‘ls; ’: a value may not choose the program"),
    ("ls |{{ input }}", "choose the program"),
    ("ls && {{ input }}", "choose the program"),
    ("if true; then {{ input }}; fi", "choose the program"),
    ("( {{ input }} )", "choose the program"),
    ("{ {{ input }}; }", "choose the program"),
    ("A=1 {{ input }}", "choose the program"),
    ("/bin/{{ input }} x", "choose the program"),
    ("x{{ input }}=1", "choose the program"),
    ("{{ input }}=1", "choose the program"),
    ("$X {{ input }}", "choose the program"),
    ("2>f {{ input }}", "choose the program"),
    ("sudo {{ input }}", "choose the program"),
    ("sudo -u bob {{ input }}", "choose the program"),
    ("/usr/bin/env -i A=1 {{ input }}", "choose the program"),
    ("timeout 5 {{ input }}", "choose the program"),
    ("time -p {{ input }}", "choose the program"),
    ("echo '{{ input }}'", "after ‘echo '’: inside of `'…'`"),
    ("echo \"{{ input }}\"", "inside of `\"…\"`"),
    ("echo \"a $(ls) {{ input }}\"", "inside of `\"…\"`"),
    ("echo $(ls {{ input }})", "inside of `$(…)`"),
    ("echo \"$(ls \"{{ input }}\")\"", "inside of `$(…)`"),
    ("echo `ls {{ input }}`", "inside of backticks"),
    ("echo $(({{ input }} + 1))", "inside of `$((…))`"),
    ("echo ${x:-{{ input }}}", "inside of `${…}`"),
    ("echo ${{ input }}", "after `$`"),
    ("echo \\{{ input }}", "after `\\`"),
    ("ls # {{ input }}", "in a comment"),
    ("cat <<E\n{{ input }}\nE", "in the lines of `<<`"),
    ("cat <<'E'\n{{ input }}\nE", "in the lines of `<<`"),
    ("cat << {{ input }}", "in the lines of `<<`"),
    ("ls > {{ input }}", "which file is read or written"),
    ("ls 2>>/tmp/{{ input }}", "which file is read or written"),
    ("cat < {{ input }}", "which file is read or written"),
    ("for {{ input }} in a; do ls; done", "the name of a variable is written out"),
    ("case a in {{ input }}) ls;; esac", "a pattern of `case`"),
    ("eval ls {{ input }}", "reads this word as code"),
    ("sh -c {{ input }}", "reads this word as code"),
    ("sudo -- bash -ec {{ input }}", "reads this word as code"),
    ("awk -F , {{ input }} f", "reads this word as code"),
    ("ssh host ls {{ input }}", "reads this word as code"),
    ("find . -exec {{ input }} ;", "reads this word as code"),
    ("export {{ input }}", "reads its words as names"),
    ("test -v {{ input }}", "reads its words as names"),
    ("PATH={{ input }} ls", "says how the shell runs programs"),
    ("export LD_PRELOAD={{ input }}", "says how the shell runs programs"),
    ("[[ {{ input }} -eq 1 ]]", "no value may stand after `[[ … ]]`"),
    ("echo $'a\\'' {{ input }}", "no value may stand after it"),
    ("f() { ls; }; f {{ input }}", "no value may stand after functions"),
    ("ls &> f {{ input }}", "no value may stand after `&>`"),
    ("echo ${x:-'}'} {{ input }}", "no value may stand after `${…}`"),
    ("echo ${ ls; } {{ input }}", "no value may stand after `${…}`"),
    ("/usr/bin/time {{ input }}", "choose the program"),
    ("cat >f (ls {{ input }})", "no value may stand after functions"),
    ("ls ) {{ input }}", "closes nothing"),
    ("ls {{ input | spread }}x", "blanks stand before and after"),
    ("ls {{ input | spread }}{{ input }}", "blanks stand before and after"),
    ("ls x{{ input | spread }}", "`spread` stands where several words may"),
    ("A={{ input | spread }}", "`spread` stands where several words may"),
    ("ls {{ input | spread | first }}", "`spread` lets a value be structure"),
    ("ls {% if input %}'{% endif %} {{ input }}", "inside of `'…'`"),
    ("ls {{ input }}\0", "a command has no NUL"),
];

#[test]
fn where_a_shell_would_read_more_than_a_word_no_value_stands() {
    for (text, reason) in REFUSED {
        mistake(text, reason);
    }
    mistake("'{{ input.a }}' `{{ input.b }}`", "inside of `'…'`");
    let both = arguments(json!({"command": "x '{{ input.a }}' \"{{ input.b }}\""})).unwrap_err();
    assert!(both.contains("`'…'`") && both.contains("`\"…\"`"), "each is told: {both}");
    let whole = arguments(json!({"command": {"$secret": "token"}})).unwrap_err();
    assert!(whole.contains("a command line is read by others"), "{whole}");
    assert!(arguments(json!({"command": ["ls"]})).unwrap_err().ends_with("a text is needed"));
}

#[test]
fn where_a_value_is_a_word_whatever_is_around_it_it_stands() {
    for text in [
        "ls -l \"$HOME\" $(date) `date` ${x} ${x%%.*} $((1 + (2))) {{ input }}",
        "echo \"$(echo \"a)\" ')')\" {{ input }} # it's",
        "ls # it's\nls {{ input }}",
        "cat <<-E >f; ls {{ input }}\n\tit's $(\n\tE\nls {{ input }}",
        "cat <<< {{ input }}",
        "A={{ input }} B=x{{ input }} ls {{ input }}",
        "export A={{ input }}; ls \"$A\"",
        "if grep -q -- {{ input }} f; then echo {{ input }}; else ls; fi",
        "for x in {{ input }} a; do\n  ls -- \"$x\" {{ input }}\ndone",
        "case {{ input }} in (a|b) ls {{ input }};; *) (ls {{ input }});; esac; ls {{ input }}",
        "sudo -n -- systemctl restart {{ input }}",
        "env A=1 nice ls {{ input }}",
        "find . -name {{ input }} -print",
        "awk -v x={{ input }} '{ print x }' f {{ input }}",
        "sh -c 'echo \"$1\"' sh {{ input }}",
        "grep {{ input }} f 2>/dev/null | sort >out; ls 2>&1 {{ input }}",
        "! ls {{ input }} && (cd / && ls {{ input }}) || { ls {{ input }}; }",
        "ls {% if input == 'x' %}-l {% else %}-a {{ input }} {% endif %}{{ input }}",
        "ls{% for x in [1, 2] %} {{ x }}{% endfor %} {{ input }}",
        "ls --limit={% if input == 'x' %}{{ input }}{% else %}10{% endif %} {{ input }}",
        "ls {% for x in [1, 2] %}{{ x }}{% endfor %} {{ input }}",
        "ls \\\n  -l \\\n  {{ input }}",
        "printf '%s' {{ input }} | wc -c",
        "echo \"cost: 5$\" \"$\"{{ input }}",
    ] {
        let found = command(text, json!("v"));
        assert!(found.is_ok(), "{text}: {found:?}");
    }
}

#[test]
fn a_value_is_no_option_unless_its_author_says_that_none_follow() {
    let option = "a value that begins with `-` would be an option";
    refused("rm {{ input }}", json!("-rf"), option);
    refused("rm {{ input }}.log", json!("-rf"), option);
    refused("rm {{ input.a }}{{ input.b }}", json!({"a": "", "b": "-rf"}), option);
    refused("rm ''{{ input }}", json!("-rf"), option);
    refused("rm {{ input }}", json!(-1), option);
    refused("rm {{ input | spread }}", json!(["a", "-rf"]), option);
    refused("rm -- a; rm {{ input }}", json!("-rf"), option);
    refused("tail -{{ input }} f", json!("5f"), "there may be digits alone");
    refused("tail --{{ input }} f", json!("follow"), "there may be digits alone");
    gives("tail -{{ input }} f", json!(5), "tail -'5' f");
    gives("tail -n{{ input }} f", json!("-5"), "tail -n'-5' f");
    gives("rm -- {{ input }}", json!("-rf"), "rm -- '-rf'");
    gives("rm -- {{ input | spread }}", json!(["-rf"]), "rm -- '-rf'");
    gives("rm ./{{ input }}", json!("-rf"), "rm ./'-rf'");
    gives("A={{ input }} ls; cat <<< {{ input }}", json!("-x"), "A='-x' ls; cat <<< '-x'");
}

#[test]
fn what_is_no_word_is_refused_without_being_told() {
    refused("ls {{ input }}", json!(null), "null, where one word is needed");
    refused("ls {{ input }}", json!(["a"]), "a list, where one word is needed");
    refused("ls {{ input }}", json!({"a": 1}), "a map, where one word is needed");
    refused("ls {{ input }}", json!("a\0b"), "has no NUL");
    refused("cat <<E {{ input }}\nE", json!("a\nb"), "may not stand between `<<` and the lines");
    refused("cat <<E {{ input | spread }}\nE", json!(["a\nb"]), "may not stand between `<<` and the lines");
    refused("ls {{ input | spread }}", json!("a"), "`spread` needs a list");
    refused("ls {{ input | spread }}", json!([["a"]]), "a list, where each item is one value");
    let many = "'".repeat(COMMAND_BYTES / 4);
    refused("ls {{ input }}", json!(many), "a command has at most 98304 bytes");
    let told = command("ls {{ input }}", json!("hunter2\0")).unwrap_err();
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn a_command_that_is_as_long_and_as_deep_as_may_be_is_checked_at_once() {
    for piece in
        ["(", "$(", "\"$(", "{ ", "case x in a) ", "if ", "<<E ", "`", "$(( (", "{% if input %}x {% endif %}"]
    {
        let text = format!("{} {{{{ input }}}}", piece.repeat(TEMPLATE_SOURCE_BYTES / 2 / piece.len()));
        assert!(arguments(json!({ "command": text })).is_err(), "{piece}");
    }
}
