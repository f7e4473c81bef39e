//! Notations of other languages, and their equivalents here. Owns the messages for it; decides nothing.

use minijinja::machinery::ast::{self, BinOpKind};
use updraft_protocol::suggest::suggestion;

/// Whether a name means something in every template, so that nothing else can have it.
pub(crate) fn is_root(name: &str) -> bool {
    matches!(name, "input" | "variables" | "constants" | "steps" | "now" | "loop" | "none" | "true" | "false")
}

/// Why a name cannot be read; `there` are those that can be.
pub(super) fn unknown<'a>(name: &str, there: impl Iterator<Item = &'a str>) -> String {
    match name {
        "null" | "nil" => format!("`{name}` is written `none`"),
        _ if is_operator(name) => format!("`{name}` is written `{}`", name.to_ascii_lowercase()),
        "range" | "namespace" | "self" => format!("`{name}` is not available"),
        _ => {
            let names: Vec<&str> = there.collect();
            let near = suggestion(name, names.iter().copied());
            let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let (last, others) = quoted.split_last().map_or(("", &[][..]), |(last, others)| (last, others));
            format!("`{name}` is not known{near}; there are {} and {last}", others.join(", "))
        }
    }
}

/// Why a function or method cannot be called, and its equivalent.
pub(super) fn call(call: &ast::Call<'_>) -> String {
    let name = match &call.expr {
        ast::Expr::Var(var) => var.id,
        ast::Expr::GetAttr(attr) => attr.name,
        _ => "",
    };
    match instead(name) {
        Some(instead) => format!("`{name}(…)` is written {instead}"),
        None => "functions and methods are not available; use filters".to_owned(),
    }
}

fn instead(name: &str) -> Option<&'static str> {
    Some(match name {
        "now" | "utcnow" | "today" | "timestamp" => "`now`",
        "has" | "defined" | "exists_path" => "`steps.lookup.output is defined`",
        "size" | "len" | "length" | "count" => "`input.list|length`",
        "startsWith" | "startswith" | "starts_with" => "`input.text is startingwith('…')`",
        "endsWith" | "endswith" | "ends_with" => "`input.text is endingwith('…')`",
        "contains" | "includes" => "`'…' in input.text`",
        "matches" | "match" | "test" | "search" => "`input.text is matching('…')`",
        "exists" | "any" => "`input.list|selectattr('field', 'eq', …)|length > 0`",
        "all" => "`input.list|rejectattr('field', 'eq', …)|length == 0`",
        "exists_one" => "`input.list|selectattr('field', 'eq', …)|length == 1`",
        "filter" => "`input.list|selectattr('field', 'eq', …)`",
        "map" => "`input.list|map(attribute='field')`",
        "get" => "`input.map['name']|default(…)`",
        "keys" => "`input.map|list`",
        "values" | "items" => "`input.map|items`",
        "int" | "uint" => "`input.text|int`",
        "double" | "float" => "`input.text|float`",
        "string" | "str" | "toString" => "`input.number|string`",
        "bool" => "`input.value|bool`",
        "lower" | "toLowerCase" | "lowerAscii" => "`input.text|lower`",
        "upper" | "toUpperCase" | "upperAscii" => "`input.text|upper`",
        "split" => "`input.text|split('…')`",
        "join" => "`input.list|join('…')`",
        "replace" => "`input.text|replace('…', '…')`",
        "strip" | "trim" => "`input.text|trim`",
        _ => return None,
    })
}

/// Whether a name is an operator in upper case.
fn is_operator(name: &str) -> bool {
    ["and", "or", "not", "in", "is"]
        .iter()
        .any(|operator| name.eq_ignore_ascii_case(operator) && name != *operator)
}

/// The notation here for a condition that its parser rejects with `detail`.
pub(super) fn foreign(source: &str, detail: &str) -> Option<String> {
    let trimmed = source.trim();
    if trimmed.starts_with("{{") || trimmed.starts_with("{%") {
        return Some(
            "a condition is written without `{{ }}` around it: `steps.lookup.output.score > 80`".to_owned(),
        );
    }
    let plain = outside_of_texts(source);
    if plain.lines().any(|line| line.trim_start().starts_with("//")) {
        return Some("a condition has no comments".to_owned());
    }
    operators(&plain, detail)
}

/// The notation here for the expressions of a template that its parser rejects.
pub(super) fn foreign_in_template(source: &str, detail: &str) -> Option<String> {
    let mut inside = String::new();
    let mut rest = source;
    while let Some(start) = rest.find("{{").into_iter().chain(rest.find("{%")).min() {
        let begun = rest.get(start + 2..).unwrap_or_default();
        let end = begun.find("}}").into_iter().chain(begun.find("%}")).min().unwrap_or(begun.len());
        inside.push_str(begun.get(..end).unwrap_or_default());
        inside.push('\n');
        rest = begun.get(end..).unwrap_or_default();
    }
    operators(&outside_of_texts(&inside), detail)
}

/// What the parser says, in an author's words.
pub(super) fn plainly(detail: &str) -> String {
    [
        ("unexpected end of variable block", "unexpected end of the expression"),
        ("unexpected end of block", "unexpected `%}`"),
        ("expected end of variable block", "expected an operator, or the end of the expression"),
        ("expected end of block", "expected `%}`"),
        ("unexpected input after expression", "expected an operator, or the end of the expression"),
        ("identifier", "name"),
    ]
    .iter()
    .fold(detail.to_owned(), |detail, (theirs, ours)| detail.replace(theirs, ours))
}

/// A notation of another language, outside of texts in quotes.
fn operators(plain: &str, detail: &str) -> Option<String> {
    if detail.contains("too large") {
        return Some("a whole number is too long to be written out; let it stand in `variables`".to_owned());
    }
    let numbered = plain.split("steps.").skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if numbered {
        return Some("a step whose id starts with a digit is read as `steps['ID']`".to_owned());
    }
    let instead = if plain.contains("&&") {
        ("&&", "and")
    } else if plain.contains("||") {
        ("||", "or")
    } else if plain.replace("!=", "").contains('!') {
        ("!", "not")
    } else if plain.contains("===") {
        ("===", "==")
    } else if plain.contains("<>") {
        ("<>", "!=")
    } else if plain.contains("=~") {
        ("=~", "is matching('…')")
    } else if plain.contains('?') {
        ("a ? b : c", "b if a else c")
    } else if let Some(word) = words(plain).find(|word| is_operator(word)) {
        return Some(unknown(word, std::iter::empty::<&str>()));
    } else if detail.contains("unexpected `=`") || detail.contains("after expression") && assigns(plain) {
        ("=", "==")
    } else {
        return None;
    };
    Some(format!("`{}` is written `{}`", instead.0, instead.1))
}

/// The words of an expression that are no fields.
fn words(plain: &str) -> impl Iterator<Item = &str> {
    let part = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.'));
    plain.split(part).filter(|word| !word.contains('.'))
}

/// Whether it has an `=` that is no part of another operator.
fn assigns(plain: &str) -> bool {
    ["==", "!=", "<=", ">="]
        .iter()
        .fold(plain.to_owned(), |plain, known| plain.replace(known, ""))
        .contains('=')
}

/// The source without its texts in quotes.
fn outside_of_texts(source: &str) -> String {
    let (mut plain, mut quote, mut escaped) = (String::with_capacity(source.len()), None, false);
    for character in source.chars() {
        match quote {
            None if matches!(character, '"' | '\'') => quote = Some(character),
            None => plain.push(character),
            Some(_) if escaped => escaped = false,
            Some(_) if character == '\\' => escaped = true,
            Some(open) if character == open => quote = None,
            Some(_) => {}
        }
    }
    plain
}

/// `steps.look-up.output` is read as a difference. Returns the mistake, if no name that is `set` follows the hyphen.
pub(super) fn hyphen(binary: &ast::BinOp<'_>, set: impl Fn(&str) -> bool) -> Option<String> {
    let mut parts = vec![];
    let mut left = binary;
    loop {
        if !matches!(left.op, BinOpKind::Sub) {
            return None;
        }
        let name = match start(&left.right) {
            ast::Expr::Var(var)
                if !set(var.id)
                    && !matches!(var.id, "input" | "variables" | "constants" | "steps" | "loop") =>
            {
                var.id.to_owned()
            }
            ast::Expr::Const(number) if !parts.is_empty() => number.value.to_string(),
            _ => return None,
        };
        parts.push(name);
        match &left.left {
            ast::Expr::BinOp(inner) => left = inner,
            ast::Expr::GetAttr(attr) => {
                let base = written(&attr.expr)?;
                parts.push(attr.name.to_owned());
                parts.reverse();
                let name = parts.join("-");
                return Some(format!(
                    "a name with a hyphen stands in brackets: `{base}['{name}']`, not `{base}.{name}`"
                ));
            }
            _ => return None,
        }
    }
}

/// The start of a path.
fn start<'a>(mut expr: &'a ast::Expr<'a>) -> &'a ast::Expr<'a> {
    loop {
        expr = match expr {
            ast::Expr::GetAttr(attr) => &attr.expr,
            ast::Expr::GetItem(item) => &item.expr,
            ast::Expr::Filter(filter) => match &filter.expr {
                Some(operand) => operand,
                None => return expr,
            },
            _ => return expr,
        };
    }
}

/// A path of plain names, as it was written.
fn written(expr: &ast::Expr<'_>) -> Option<String> {
    match expr {
        ast::Expr::Var(var) => Some(var.id.to_owned()),
        ast::Expr::GetAttr(attr) => Some(format!("{}.{}", written(&attr.expr)?, attr.name)),
        ast::Expr::GetItem(item) => match &item.subscript_expr {
            ast::Expr::Const(known) => {
                let key =
                    known.value.as_str().map_or_else(|| known.value.to_string(), |text| format!("'{text}'"));
                Some(format!("{}[{key}]", written(&item.expr)?))
            }
            _ => None,
        },
        _ => None,
    }
}
