//! Generated conditions: printed and parsed again they are the same, what the engine decides of them is what a direct reading
//! of the standard says, and no text makes the parser panic.

use std::cmp::Ordering;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn literal(kind: StixKind) -> BoxedStrategy<Literal> {
    match kind {
        StixKind::Number => prop_oneof![
            prop_oneof![Just("5"), Just("-3"), Just("+6"), Just("0")]
                .prop_map(|n| Literal::Integer(n.to_owned())),
            prop_oneof![Just(".5"), Just("5.0"), Just("-1.25")].prop_map(|n| Literal::Float(n.to_owned())),
        ]
        .boxed(),
        StixKind::Bool => any::<bool>().prop_map(Literal::Bool).boxed(),
        StixKind::Hex => prop_oneof![Just("ff00"), Just("FF00"), Just("")]
            .prop_map(|digits| Literal::Hex(digits.to_owned()))
            .boxed(),
        _ => text().prop_map(Literal::Text).boxed(),
    }
}

pub(super) fn text() -> BoxedStrategy<String> {
    prop_oneof![
        prop_oneof![Just("srv-01.example"), Just("it's a\\b\nc"), Just(""), Just("x"), Just("{{ input }}")]
            .prop_map(str::to_owned),
        "[a-z'\\\\{}%_# ]{0,8}",
        any::<String>(),
    ]
    .boxed()
}

/// Paths that lead to what is known to be of a kind, and others.
fn path() -> BoxedStrategy<(ObjectPath, Option<StixKind>)> {
    let named = |object: &str, steps: Vec<ObjectStep>| ObjectPath {
        object: object.to_owned(),
        property: "value".to_owned(),
        steps,
        column: Column(0),
    };
    let plain: Vec<_> = variables()
        .into_iter()
        .filter(|(_, kind, _)| *kind != StixKind::Dictionary)
        .map(|(name, kind, _)| (named(name, vec![]), Some(kind)))
        .collect();
    let keys = ["n", "s", "b", "none", "list", "a b", "c'", "missing", "IN"];
    let key = prop::sample::select(keys.to_vec()).prop_map(|key| ObjectStep::Key(key.to_owned()));
    let index =
        prop::sample::select(vec!["0", "1", "-1", "9"]).prop_map(|at| ObjectStep::Index(at.to_owned()));
    let inside =
        vec(prop_oneof![3 => key, 1 => index], 1..4).prop_map(move |steps| (named("__alert__", steps), None));
    prop_oneof![2 => prop::sample::select(plain), 1 => inside].boxed()
}

fn order() -> BoxedStrategy<StixOrder> {
    prop::sample::select(vec![
        StixOrder::Equal,
        StixOrder::Unequal,
        StixOrder::Less,
        StixOrder::LessOrEqual,
        StixOrder::Greater,
        StixOrder::GreaterOrEqual,
    ])
    .boxed()
}

fn kind() -> BoxedStrategy<StixKind> {
    prop::sample::select(vec![StixKind::Number, StixKind::Text, StixKind::Bool]).boxed()
}

fn test() -> BoxedStrategy<Test> {
    (path(), any::<bool>(), kind())
        .prop_flat_map(|((path, known), negated, other)| {
            let kind = known.unwrap_or(other);
            let textual = matches!(kind, StixKind::Text | StixKind::Hex);
            let literals = vec(literal(if known.is_none() { other } else { kind }), 0..3);
            let compare = (order(), literal(kind), literals, text(), 0..if textual { 5 } else { 3 });
            compare.prop_map(move |(order, literal, literals, text, which)| {
                let order = match literal {
                    Literal::Bool(_) if !matches!(order, StixOrder::Unequal) => StixOrder::Equal,
                    _ => order,
                };
                let compare = match which {
                    0 => Compare::Exists,
                    1 => Compare::Order(order, Operand::Literal(literal)),
                    2 => Compare::In(literals),
                    3 => Compare::Like(text),
                    _ => Compare::Matches(regex_syntax::escape(&text)),
                };
                Test { path: path.clone(), negated, compare }
            })
        })
        .boxed()
}

pub(super) fn expression() -> BoxedStrategy<Expression> {
    test()
        .prop_map(Expression::Test)
        .prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                vec(inner.clone(), 2..4).prop_map(Expression::And),
                vec(inner, 2..4).prop_map(Expression::Or),
            ]
        })
        .boxed()
}

/// What the standard says of an expression, read from its tree alone.
fn holds(expression: &Expression) -> bool {
    match expression {
        Expression::And(parts) => parts.iter().all(holds),
        Expression::Or(parts) => parts.iter().any(holds),
        Expression::Test(test) => match found(&test.path) {
            None => test.negated && matches!(test.compare, Compare::Exists),
            Some(value) => compared(&value, &test.compare).is_some_and(|holds| holds != test.negated),
        },
    }
}

fn found(path: &ObjectPath) -> Option<Value> {
    let (_, _, mut value) = variables().into_iter().find(|(name, ..)| *name == path.object)?;
    for step in &path.steps {
        value = match step {
            ObjectStep::Key(key) => value.as_object()?.get(key)?.clone(),
            ObjectStep::Index(at) => {
                let list = value.as_array()?;
                let at: i64 = at.parse().ok()?;
                let at = if at < 0 { list.len().checked_add_signed(at as isize)? } else { at as usize };
                list.get(at)?.clone()
            }
            ObjectStep::Any => return None,
        };
    }
    (!value.is_null()).then_some(value)
}

/// Whether a comparison holds; `None` where the types have nothing in common.
fn compared(value: &Value, compare: &Compare) -> Option<bool> {
    Some(match compare {
        Compare::Exists => true,
        Compare::Order(order, Operand::Literal(literal)) => {
            let ordering = ordered(value, literal)?;
            match order {
                StixOrder::Equal => ordering.is_eq(),
                StixOrder::Unequal => ordering.is_ne(),
                StixOrder::Less => ordering.is_lt(),
                StixOrder::LessOrEqual => ordering.is_le(),
                StixOrder::Greater => ordering.is_gt(),
                StixOrder::GreaterOrEqual => ordering.is_ge(),
            }
        }
        Compare::In(set) => set.iter().any(|literal| ordered(value, literal) == Some(Ordering::Equal)),
        Compare::Like(pattern) => {
            let value: Vec<char> = value.as_str()?.chars().collect();
            let pattern: Vec<char> = pattern.chars().collect();
            like(&value, &pattern)
        }
        // Generated patterns are escaped texts.
        Compare::Matches(pattern) => value.as_str()?.contains(&unescaped(pattern)),
        _ => return None,
    })
}

fn unescaped(pattern: &str) -> String {
    let mut text = String::new();
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        text.extend(if char == '\\' { chars.next() } else { Some(char) });
    }
    text
}

fn ordered(value: &Value, literal: &Literal) -> Option<Ordering> {
    match literal {
        Literal::Text(text) => Some(value.as_str()?.chars().cmp(text.chars())),
        Literal::Hex(digits) => Some(value.as_str()?.to_lowercase().cmp(&digits.to_lowercase())),
        Literal::Integer(number) | Literal::Float(number) => {
            value.as_f64()?.partial_cmp(&number.parse::<f64>().ok()?)
        }
        Literal::Bool(literal) => Some(value.as_bool()?.cmp(literal)),
        _ => None,
    }
}

fn like(value: &[char], pattern: &[char]) -> bool {
    match pattern.split_first() {
        None => value.is_empty(),
        Some(('%', rest)) => (0..=value.len()).any(|skipped| like(&value[skipped..], rest)),
        Some((first, rest)) => {
            value.split_first().is_some_and(|(own, left)| (*first == '_' || first == own) && like(left, rest))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn what_is_printed_is_read_as_the_same(expression in expression()) {
        let printed = expression.to_string();
        prop_assert_eq!(parse(&printed), Ok(expression), "{}", printed);
    }

    #[test]
    fn the_engine_decides_what_the_standard_says(expression in expression()) {
        prop_assert_eq!(decide(&expression.to_string()), Ok(holds(&expression)), "{}", expression);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn no_text_of_words_makes_the_parser_panic(
        words in vec(prop::sample::select(super::stix2_patterns::WORDS.to_vec()), 0..16)
    ) {
        let _ = parse(&words.concat()).map(|expression| native(&expression, &reading));
    }
}
