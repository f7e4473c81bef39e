//! HTML: where values may stand, and that they are text there.

use minijinja::machinery::ast::Stmt;
use minijinja::machinery::parse;
use minijinja::syntax::SyntaxConfig;
use proptest::prelude::*;

use super::*;

/// What is printed of a value behind this text of an author.
fn behind(literal: &str, value: &str) -> Result<String, &'static str> {
    let mut html = Html::default();
    html.literal(literal);
    html.value(value)
}

fn checked(source: &str) -> Result<(), &'static str> {
    match parse(source, "t", SyntaxConfig::default()).unwrap() {
        Stmt::Template(template) => check(&template.children),
        _ => unreachable!("a template is parsed"),
    }
}

#[test]
fn a_value_is_text_between_elements_and_in_quotes() {
    let evil = "</p><img src=x onerror=\"a('b')\">&amp;`";
    let text = "&lt;/p&gt;&lt;img src=x onerror=&quot;a(&#39;b&#39;)&quot;&gt;&amp;amp;&#96;";
    for before in [
        "",
        "<p>",
        "<p class=a>",
        "<br/>",
        "</p>",
        "a < b, ",
        "a <3 ",
        "<!-- > - -- -->",
        "<!-->",
        "<!DOCTYPE html>",
        "<?xml?>",
        "</>",
        "</ x>",
        "<script>if (a < b) '</scripty>'</script>",
        "<STYLE>a</Style >",
        "<p title=\"",
        "<p title = '",
        "<p hidden title='a>b",
        "<img src=\"https://a.example/b\" alt=\"",
        "<a href=x title='",
    ] {
        assert_eq!(behind(before, evil).as_deref(), Ok(text), "{before}");
    }
}

#[test]
fn a_value_stands_nowhere_else() {
    for before in [
        "<",
        "</",
        "<p",
        "<p ",
        "<p class",
        "<p class=",
        "<p class=a",
        "<p class='a' ",
        "<p title='a'",
        "<!",
        "<!-- ",
        "<!-- --",
        "</ x",
        "<script>",
        "<script>'</scripty>",
        "<SCRIPT type='a'>\"",
        "<style>a { color: ",
        "<textarea>",
        "<title>",
        "<svg><text>",
        "<plaintext></plaintext>",
        "<p style=\"color: ",
        "<p onclick='a(",
        "<p ONclick='",
        "<iframe srcdoc=\"",
        "<img srcset='https://a.example/b ",
        "<meta http-equiv=refresh content='0;url=https://a.example/",
    ] {
        assert!(behind(before, "x").is_err(), "{before}");
    }
}

#[test]
fn a_value_is_a_part_of_a_url_and_never_says_where_that_leads() {
    for before in [
        "<a href=\"",
        "<a href='ht",
        "<a href='https://",
        "<a href='https://a.example",
        "<img SRC='//a.example/",
        "<a href='javascript:",
        "<a href='https:///",
        "<a href='&#104;ttps://a.example/",
        "<a xlink:href='",
        "<form action='/",
    ] {
        assert!(behind(before, "x").is_err(), "{before}");
    }
    let value = "a/../b?c=\"d\"&e#f javascript:";
    let part = "a%2F..%2Fb%3Fc%3D%22d%22%26e%23f%20javascript%3A";
    for before in [
        "<a href=\"https://a.example/",
        "<a HREF='HTTP://a.example?q=",
        "<img src='https://a.example/b/c?d=",
        "<a href='mailto:",
    ] {
        assert_eq!(behind(before, value).as_deref(), Ok(part), "{before}");
    }
}

#[test]
fn an_author_is_told_before_any_value_is_known() {
    for (source, says) in [
        ("<p>{{ a }}</p>{% for b in c %}<li>{{ b }}</li>{% else %}<li>none</li>{% endfor %}", None),
        ("<p {% if a %}class='x'{% else %}class='y'{% endif %}>{{ b }}</p>", None),
        ("<a href='{{ url }}'>", Some("a URL is written")),
        ("{% if a %}<p title='{% endif %}{{ b }}", Some("the branches")),
        ("{% for a in b %}<p title='{% endfor %}{{ c }}", Some("a loop")),
        ("{% if a %}<script>{{ b }}</script>{% endif %}", Some("a value stands")),
        ("{{ '<script>' }}{{ a }}", Some("a value stands")),
    ] {
        match (checked(source), says) {
            (Ok(()), None) => {}
            (Err(said), Some(says)) => assert!(said.starts_with(says), "{source}: {said}"),
            (said, _) => panic!("{source}: {said:?}"),
        }
    }
}

proptest! {
    /// Claim: whatever a value is, nothing of it is markup, and it does not change where the author's text has come to.
    #[test]
    fn nothing_of_a_value_is_markup(value in any::<String>(), attribute in any::<bool>()) {
        let before = if attribute { "<p title=\"" } else { "<p>" };
        let printed = behind(before, &value).unwrap();
        prop_assert!(!printed.contains(['<', '>', '"', '\'', '`']));
        let (mut without, mut with) = (Html::default(), Html::default());
        without.literal(before);
        with.literal(&format!("{before}{printed}"));
        prop_assert_eq!(with, without);
    }
}
