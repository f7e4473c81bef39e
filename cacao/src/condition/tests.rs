//! What conditions mean: a table of examples, decided by the engine; what is refused, with its column.

mod generated;
mod stix2_patterns;

use serde_json::{Value, json};
use updraft_kernel::condition::Condition;
use updraft_kernel::visible::{StepView, Visible};
use updraft_protocol::{Json, Timestamp};

use super::*;

/// The variables of the examples, each with its kind and its value.
fn variables() -> Vec<(&'static str, StixKind, Value)> {
    vec![
        ("__count__", StixKind::Number, json!(5)),
        ("__share__", StixKind::Number, json!(0.5)),
        ("__name__", StixKind::Text, json!("it's a\\b\nc")),
        ("__host__", StixKind::Text, json!("srv-01.example")),
        ("__ip__", StixKind::Text, json!("10.1.2.3")),
        ("__net__", StixKind::Text, json!("10.0.0.0/8")),
        ("__six__", StixKind::Text, json!("2001:db8::1")),
        ("__seen__", StixKind::Text, json!("2026-01-31T11:00:00.000Z")),
        ("__hex__", StixKind::Hex, json!("FF00")),
        ("__yes__", StixKind::Bool, json!(true)),
        ("__null__", StixKind::Number, json!(null)),
        ("__empty__", StixKind::Text, json!("")),
        (
            "__alert__",
            StixKind::Dictionary,
            json!({"n": 7, "s": "x", "b": false, "none": null, "list": [1, "two"], "a b": {"c'": 1}}),
        ),
    ]
}

struct Variables(Json);

impl Visible for Variables {
    fn input(&self) -> &Json {
        &self.0
    }

    fn variables(&self) -> &Json {
        &self.0
    }

    fn constants(&self) -> &Json {
        &self.0
    }

    fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    fn step(&self, _: &str) -> Option<StepView<'_>> {
        None
    }
}

fn reading(name: &str) -> Option<Reading> {
    let (_, kind, _) = variables().into_iter().find(|(known, ..)| *known == name)?;
    Some(Reading { expression: format!("variables[{}]", native::quoted(name)), kind })
}

/// What the engine decides of a condition over the variables.
fn decide(text: &str) -> Result<bool, String> {
    let expression = parse(text).map_err(|error| error.to_string())?;
    let native = native(&expression, &reading).map_err(|error| error.to_string())?;
    let compiled = Condition::compile("if", &native).map_err(|mistake| format!("{mistake}: {native}"))?;
    let values: serde_json::Map<String, Value> =
        variables().into_iter().map(|(name, _, value)| (name.to_owned(), value)).collect();
    compiled.decide(&Variables(Json::from(Value::Object(values)))).map_err(|failure| failure.to_string())
}

#[test]
fn conditions_hold_as_stix_says() {
    let table = include_str!("tests/table.txt");
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (verdict, condition) = line.split_once(' ').unwrap();
        assert_eq!(decide(condition.trim()), Ok(verdict == "true"), "{condition}");
    }
}

#[test]
fn a_text_may_have_line_breaks_quotes_and_braces() {
    assert_eq!(decide("__name__:value = 'it\\'s a\\\\b\nc'"), Ok(true));
    for hostile in
        ["' or true or '", "{{ input }}", "%}", "\\' or 1 == 1", "{#", "'~variables['__count__']~'"]
    {
        let written = hostile.replace('\\', "\\\\").replace('\'', "\\'");
        for operator in ["=", "LIKE", "IN ("] {
            let end = if operator == "IN (" { ")" } else { "" };
            assert_eq!(
                decide(&format!("__host__:value {operator} '{written}'{end}")),
                Ok(false),
                "{hostile}"
            );
        }
    }
}

#[test]
fn what_is_no_condition_is_refused_where_it_is_wrong() {
    for (text, message) in [
        ("", "column 1: a variable is needed here: `__count__:value`"),
        ("__a__", "column 6: `:` is needed here: a variable is read as `__a__:value`"),
        ("__a__:value", "column 12: an operator is needed here"),
        ("__a__:value = ", "column 15: a value is needed here"),
        ("__a__:value = \"x\"", "column 15: a text stands in single quotes"),
        ("__a__:value = 'x", "column 15: the text that begins here has no `'`"),
        ("__a__:value = 'x\\n'", "column 17: in a text a backslash is written"),
        ("__a__:value = 5 __b__:value = 6", "column 17: the end of the condition, `AND` or `OR`"),
        ("(__a__:value = 5", "column 17: `)` is needed here"),
        ("[__a__:value = 5", "column 17: `]` is needed"),
        ("NOT __a__:value = 5", "column 1: `NOT` stands behind the variable"),
        ("__a__:value = True", "column 15: `True` is written `true`"),
        ("__a__:value < true", "column 15: `<` does not compare true and false"),
        ("__a__:value like 'x'", "column 13: `like` is written `LIKE`"),
        ("__a__:value && 5", "column 13: `&` is written `AND`"),
        ("__a__:value = t'yesterday'", "column 15: an instant such as"),
        ("__a__:value = h'f'", "column 15: two hexadecimal digits"),
        ("__a__:value.x-y = 1", "column 13: a name with a hyphen stands in quotes here: 'x-y'"),
        ("__a__:value.IN = 1", "column 13: `IN` is a word of the language"),
        ("__a__:value = 007", "column 16: the end of the condition"),
        ("[__a__:value = 1] AND [__a__:value = 2]", "column 19: a second `[…]`"),
        (
            "[__a__:value = 1] FOLLOWEDBY [__a__:value = 2]",
            "column 19: this combines or qualifies observations",
        ),
        ("[__a__:value = 1] WITHIN 5 SECONDS", "column 19: this combines or qualifies observations"),
        ("[__a__:value = 1] REPEATS 5 TIMES", "column 19: this combines or qualifies observations"),
        ("__ä__:value = 5", "column 3: 'ä' means nothing here"),
        ("'a' = 'b'", "column 1: a variable is needed on the left"),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.starts_with(message), "{text}: {error}");
        assert!(!parse(text).unwrap_err().retryable());
    }
}

#[test]
fn what_has_no_type_in_common_is_refused() {
    for (text, message) in [
        ("__count__:value = 'a'", "column 1: a number is not compared with a text"),
        ("__yes__:value = 1", "true or false is not compared with a number"),
        ("__host__:value = true", "a text is not compared with true or false"),
        ("__host__:value = 5", "a text is not compared with a number"),
        ("__count__:value IN (1, 'a')", "a number is not compared with a text"),
        ("__count__:value LIKE '5%'", "a number is not compared with a pattern"),
        ("__count__:value ISSUBSET '10.0.0.0/8'", "a number is not compared with a network"),
        ("__ip__:value ISSUBSET '10.0.0.0/99'", "`10.0.0.0/99` is no network"),
        ("__host__:value MATCHES '('", "no regular expression"),
        ("__host__:value MATCHES '(a){9999}{9999}'", "the pattern takes too much memory"),
        ("__host__:value = __count__:value", "a text"),
        ("__yes__:value < __yes__:value", "`<` does not compare true and false"),
        ("__alert__:value = 'x'", "a dictionary is compared by its keys"),
        ("__host__:value.key = 'x'", "`__host__` is no dictionary"),
        ("__alert__:value.list[*] = 1", "`[*]`, any item of a list, cannot be asked"),
        ("__hosts__:value = 'x'", "there is no variable `__hosts__` here"),
        ("__host__:name = 'x'", "a variable is read as `__host__:value`, not as `__host__:name`"),
        ("__count__:value = 1234567890123456789", "a whole number has at most 18 digits"),
        ("__count__:value = 0.1234567890123456", "a fraction has at most 15 digits"),
    ] {
        let error = decide(text).unwrap_err();
        assert!(error.contains(message), "{text}: {error}");
    }
}

#[test]
fn size_depth_and_number_are_bounded() {
    let deep = format!("{}__count__:value = 5{}", "(".repeat(33), ")".repeat(33));
    assert_eq!(parse(&deep).unwrap_err().message, "brackets are nested more than 32 deep");
    let deepest = format!("{}__count__:value = 5{}", "(".repeat(32), ")".repeat(32));
    assert_eq!(decide(&deepest), Ok(true));
    let all = vec!["__count__:value = 5"; 100].join(" AND ");
    assert_eq!(decide(&all), Ok(true));
    let many = vec!["__count__:value = 5"; 201].join(" OR ");
    assert_eq!(parse(&many).unwrap_err().message, "a condition has at most 200 comparisons");
    let far = "EXISTS __alert__:value.a.b.c.d.e.f";
    assert_eq!(decide(&[far; 12].join(" OR ")), Ok(false));
    assert!(decide(&format!("{far}.g")).unwrap_err().contains("at most 6 keys"));
    let long = format!("__host__:value = '{}'", "a".repeat(9_000));
    assert_eq!(parse(&long).unwrap_err().message, "a condition has at most 8192 bytes");
}
