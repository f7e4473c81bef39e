//! The cases: each operator, filter, test and statement on values of any size, including the worst known input.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use updraft_kernel::plan::Mistake;
use updraft_kernel::template::Template;
use updraft_protocol::{ActionSpec, Argument};

/// An expression over data that grows.
pub(crate) struct Case {
    /// The filter, test, operator or statement under test.
    pub(crate) of: &'static str,
    pub(crate) text: &'static str,
    pub(crate) data: fn(usize) -> Value,
    place: Argument,
}

const fn case(of: &'static str, text: &'static str, data: fn(usize) -> Value) -> Case {
    Case { of, text, data, place: Argument::Data }
}

impl Case {
    const fn at(self, place: Argument) -> Self {
        Self { place, ..self }
    }

    /// The text as the argument that it is meant for.
    pub(crate) fn template(&self) -> Result<Template, Vec<Mistake>> {
        const ARGUMENTS: &[(&str, Argument)] =
            &[("url", Argument::Url), ("fields", Argument::Fields), ("headers", Argument::Headers)];
        let spec = ActionSpec { arguments: ARGUMENTS, ..ActionSpec::default() };
        let named = ARGUMENTS.iter().find(|(_, place)| *place == self.place);
        let value = match self.place {
            Argument::Fields => json!({ "x": [self.text] }),
            Argument::Headers => json!({ "x": self.text }),
            _ => json!(self.text),
        };
        let name = named.map_or("x", |(name, _)| name);
        Template::arguments("arguments", &BTreeMap::from([(name.to_owned(), value.into())]), &spec)
    }
}

/// A text of this length.
fn text(size: usize) -> Value {
    json!({ "v": "aB é".repeat(size / 5 + 1) })
}

/// A text of blanks and letters.
fn words(size: usize) -> Value {
    json!({ "v": "a b\n".repeat(size / 4 + 1) })
}

fn letters(size: usize) -> Value {
    json!({ "v": "x".repeat(size), "w": "x".repeat(size / 2) })
}

fn escaped(size: usize) -> Value {
    json!({ "v": "\u{1}\"".repeat(size / 8 + 1) })
}

/// Distinct whole numbers, unordered.
fn numbers(size: usize) -> Value {
    let count = size / 6 + 1;
    json!({ "v": (0..count).map(|n| n * 7_919 % count).collect::<Vec<_>>() })
}

/// Numbers that are kept as their digits.
fn digits(size: usize) -> Value {
    let list: Vec<String> =
        (0..=size / 40).map(|n| format!("{}123456789012345678901234567890.5", n + 1)).collect();
    serde_json::from_str(&format!("{{\"v\": [{}]}}", list.join(","))).unwrap_or_default()
}

fn fractions(size: usize) -> Value {
    json!({ "v": (0..=size / 8).map(|n| n as f64 * 1.5).collect::<Vec<_>>() })
}

/// Distinct texts with a common prefix.
fn names(size: usize) -> Value {
    let count = size / 40 + 1;
    json!({ "v": (0..count).map(|n| format!("A-name-that-begins-alike-{:06}", n * 7_919 % count)).collect::<Vec<_>>() })
}

fn flags(size: usize) -> Value {
    json!({ "v": vec![true; size / 5 + 1] })
}

fn empty_lists(size: usize) -> Value {
    json!({ "v": vec![json!([]); size / 3 + 1] })
}

fn empty_texts(size: usize) -> Value {
    json!({ "v": vec![""; size / 3 + 1] })
}

fn small_maps(size: usize) -> Value {
    json!({ "v": vec![json!({"a": {}}); size / 9 + 1] })
}

/// Maps as they are in answers.
fn users(size: usize) -> Value {
    let count = size / 80 + 1;
    let user = |n: usize| json!({"id": n, "name": format!("User-{:05}", n * 7_919 % count), "on": n.is_multiple_of(2), "tags": ["a", "b"], "at": {"x": n}});
    json!({ "v": (0..count).map(user).collect::<Vec<_>>() })
}

/// One map with many names.
fn map(size: usize) -> Value {
    let count = size / 20 + 1;
    json!({ "v": (0..count).map(|n| (format!("key-{n:06}"), json!(count - n))).collect::<serde_json::Map<_, _>>() })
}

/// Lists inside lists.
fn nested(size: usize) -> Value {
    let inner = json!([[[[[1], [2]], [[3]]]], "x"]);
    json!({ "v": vec![inner; size / 30 + 1] })
}

fn two(size: usize) -> Value {
    let list: Vec<_> = (0..=size / 12).collect();
    json!({ "v": list, "w": list })
}

fn two_maps(size: usize) -> Value {
    let one = map(size / 2)["v"].clone();
    json!({ "v": one, "w": one })
}

fn texts_and_part(size: usize) -> Value {
    json!({ "v": "a".repeat(size), "w": format!("{}b", "a".repeat(size / 2)) })
}

fn binary(size: usize) -> Value {
    json!({ "v": "01".repeat(size / 2) })
}

/// The longest text that fits into a URL when it is encoded, also of the largest size.
fn address(size: usize) -> Value {
    json!({ "v": "aB/é".repeat(size / 32 / 5 + 1) })
}

fn segments(size: usize) -> Value {
    json!({ "v": vec!["a-b é"; size / 16 / 12 + 1] })
}

fn beside_one(size: usize) -> Value {
    json!({ "v": vec![json!({}); size / 3], "one": 1 })
}

/// All of them.
pub(crate) static CASES: &[Case] = &[
    // Printing.
    case("print", "{{ input.v }}", text),
    case("print", "{{ input.v }}", escaped),
    case("print", "{{ input.v }}", numbers),
    case("print", "{{ input.v }}", digits),
    case("print", "{{ input.v }}", empty_lists),
    case("print", "{{ input.v }}", empty_texts),
    case("print", "{{ input.v }}", small_maps),
    case("print", "{{ input.v }}", users),
    case("print", "{{ input.v }}", map),
    case("print", "{{ input.v }}", nested),
    case("print", "{{ steps.lookup.output.v }}{{ input.v }}", flags),
    case("print", "{{ input.one }}", beside_one),
    case("print", "a{{ input.v }}", users),
    case("print", "a{{ input.v }}", escaped),
    case("[]", "{{ input.v[-1] }}", numbers),
    case("[]", "{{ input.v[input.v|length - 1] }}", text),
    case("[]", "{{ input['v']['key-000000'] }}", map),
    case("[]", "{% for k in input.v %}{% set x = input.v[k] %}{% endfor %}", map),
    case("[]", "{% for k in [1, 2, 3, 4, 5] %}{% set x = input.v[-k] %}{% endfor %}", text),
    case("[:]", "{{ input.v[1:] }}", numbers),
    case("[:]", "{{ input.v[::-1] }}", users),
    case("[:]", "{{ input.v[::-2] }}", text),
    // Statements.
    case("for", "{% for x in input.v %}{% endfor %}", numbers),
    case("for", "{% for x in input.v if x %}{{ loop.index }}{% set y = x %}{% endfor %}", numbers),
    case("for", "{% for c in input.v %}{% endfor %}", text),
    case("for", "{% for k, v in input.v|items %}{{ v }}{% endfor %}", map),
    case("for", "{% for x in input.v %}{% for y in input.v %}{% endfor %}{% endfor %}", users),
    case("if", "{% for x in input.v %}{% if x > 1 %}a{% elif x %}b{% endif %}{% endfor %}", numbers),
    case("set", "{% for x in input.v %}{% set y = [x, input.v] %}{% endfor %}", users),
    case("set", "{% set x = input.v ~ input.v %}{% set y = x ~ x %}{% set z = y ~ y %}", text),
    case("with", "{% with x = input.v %}{{ x|length }}{% endwith %}", users),
    // Operators.
    case("+", "{{ input.v + input.w }}", two),
    case("+", "{{ input.v + input.w }}", letters),
    case("+", "{% for x in input.v %}{% set y = x + 1 %}{% endfor %}", fractions),
    case("-", "{% for x in input.v %}{% set y = -x - 1 %}{% endfor %}", numbers),
    case("*", "{% for x in input.v %}{% set y = x * 3 %}{% endfor %}", numbers),
    case("*", "{% for x in input.v %}{% set y = x * 0.3 %}{% endfor %}", fractions),
    case("/", "{% for x in input.v %}{% set y = x / 7.1 %}{% endfor %}", fractions),
    case("%", "{% for x in input.v %}{% set y = x % 0.7 %}{% endfor %}", fractions),
    case("/", "{% for x in input.v %}{% set y = x / 7 %}{% endfor %}", numbers),
    case("//", "{% for x in input.v %}{% set y = x // 7 %}{% endfor %}", numbers),
    case("%", "{% for x in input.v %}{% set y = x % 7 %}{% endfor %}", numbers),
    case("~", "{{ input.v ~ input.v }}", text),
    case("~", "{{ (input.v ~ '')|length }}", users),
    case("~", "{% for x in input.v %}{% set y = 'a' ~ x %}{% endfor %}", numbers),
    case("==", "{{ input.v == input.w }}", two),
    case("==", "{{ input.v == input.w }}", two_maps),
    case("==", "{{ input.v|sort == input.v }}", digits),
    case("!=", "{{ input.v != input.v ~ '' }}", text),
    case("<", "{{ input.v < input.w }}", two),
    case("<=", "{{ input.v <= input.v }}", digits),
    case(">", "{{ input.w > input.v }}", texts_and_part),
    case(">=", "{{ input.v >= input.v }}", names),
    case("in", "{{ -1 in input.v }}", numbers),
    case("in", "{{ input.w in input.v }}", texts_and_part),
    case("in", "{{ [[]] in input.v }}", nested),
    case("not in", "{{ 'key' not in input.v }}", map),
    case("and", "{{ (input.v and 1)|bool }}", users),
    case("or", "{{ (input.v or 1)|bool }}", users),
    case("not", "{{ not input.v }}", users),
    case("if else", "{{ 1 if input.v else 2 }}", users),
    case("[…]", "{{ [input.v, input.v] }}", users),
    case("{…}", "{{ {'a': input.v, 'b': input.v}|length }}", users),
    // Filters.
    case("abs", "{{ input.v|map('abs') }}", fractions),
    case("attr", "{{ input.v|attr('key-000001') }}", map),
    case("bool", "{{ input.v|map('bool') }}", names),
    case("capitalize", "{{ input.v|capitalize|length }}", text),
    case("count", "{{ input.v|count }}", text),
    case("d", "{{ input.v|d('x')|length }}", users),
    case("default", "{{ input.v|map(attribute='gone', default=1) }}", users),
    case("default", "{{ input.v|map('default', 'x', true) }}", empty_texts),
    case("dictsort", "{{ input.v|dictsort|length }}", map),
    case("dictsort", "{{ input.v|dictsort(by='value', reverse=true)|length }}", map),
    case("first", "{{ input.v|map('first')|length }}", names),
    case("first", "{{ input.v|first }}", text),
    case("float", "{{ input.v|map('float') }}", numbers),
    case("int", "{{ input.v|map('int', default=0) }}", digits),
    case("int", "{{ input.v|map('string')|map('int') }}", fractions),
    case("int", "{{ input.v|map('int') }}", fractions),
    case("int", "{{ input.v|map('int', default=0) }}", names),
    case("items", "{{ input.v|items }}", map),
    case("join", "{{ input.v|join(', ')|length }}", names),
    case("join", "{{ input.v|join(input.v|join)|length }}", numbers),
    case("join", "{{ input.v|join(attribute='name')|length }}", users),
    case("last", "{{ input.v|map('last')|length }}", names),
    case("length", "{{ input.v|length }}", text),
    case("length", "{{ input.v|length }}", users),
    case("lines", "{{ input.v|lines }}", words),
    case("list", "{{ input.v|list }}", text),
    case("list", "{{ input.v|map('list') }}", names),
    case("lower", "{{ input.v|lower|length }}", text),
    case("map", "{{ input.v|map('string') }}", numbers),
    case("map", "{{ input.v|map(attribute='at.x') }}", users),
    case("map", "{{ input.v|map('split', '')|length }}", names),
    case("map", "{{ input.v|map('replace', 'a', input.v|join)|length }}", names),
    case("max", "{{ input.v|max }}", names),
    case("max", "{{ input.v|max(attribute='name') }}", users),
    case("min", "{{ input.v|min }}", digits),
    case("reject", "{{ input.v|reject }}", numbers),
    case("reject", "{{ input.v|reject('in', input.v)|list }}", numbers),
    case("rejectattr", "{{ input.v|rejectattr('on')|length }}", users),
    case("replace", "{{ input.v|replace('x', 'yy')|length }}", letters),
    case("replace", "{{ input.v|replace('', '--')|length }}", letters),
    case("replace", "{{ input.v|replace(input.w, '')|length }}", texts_and_part),
    case("replace", "{{ input.v|replace('x', input.v)|length }}", letters),
    case("reverse", "{{ input.v|reverse|length }}", text),
    case("reverse", "{{ input.v|reverse|length }}", users),
    case("round", "{{ input.v|map('round', 1) }}", fractions),
    case("round", "{{ input.v|map('round', 300) }}", fractions),
    case("round", "{{ input.v|map('round', -2, 'ceil') }}", numbers),
    case("select", "{{ input.v|select('odd') }}", numbers),
    case("select", "{{ input.v|select('eq', input.v)|list }}", names),
    case("select", "{{ input.v|select('matching', 'alike-0*7$') }}", names),
    case("selectattr", "{{ input.v|selectattr('at.x', 'gt', 3)|length }}", users),
    case("sort", "{{ input.v|sort }}", numbers),
    case("sort", "{{ input.v|sort }}", names),
    case("sort", "{{ input.v|sort(case_sensitive=true, reverse=true) }}", names),
    case("sort", "{{ input.v|sort }}", digits),
    case("sort", "{{ input.v|sort|length }}", nested),
    case("sort", "{{ input.v|sort(attribute='name')|length }}", users),
    case("sort", "{{ input.v|sort(attribute='a,a,a,a,a,a,a,a')|length }}", numbers),
    case("sort", "{{ input.v|sort(attribute='on,name,at.x,tags.0')|length }}", users),
    case("split", "{{ input.v|split }}", words),
    case("split", "{{ input.v|split('') }}", text),
    case("split", "{{ input.v|split('\n', 3) }}", words),
    case("string", "{{ input.v|string|length }}", users),
    case("sum", "{{ input.v|sum }}", fractions),
    case("sum", "{{ input.v|sum(attribute='id') }}", users),
    case("title", "{{ input.v|title|length }}", text),
    case("tojson", "{{ input.v|tojson|length }}", users),
    case("tojson", "{{ input.v|tojson(indent=8)|length }}", nested),
    case("tojson", "{{ input.v|tojson|length }}", escaped),
    case("trim", "{{ input.v|trim|length }}", text),
    case("trim", "{{ input.v|trim('xyz')|length }}", letters),
    case("unique", "{{ input.v|unique|length }}", names),
    case("unique", "{{ input.v|unique(attribute='on')|length }}", users),
    case("unique", "{{ input.v|unique|length }}", flags),
    case("upper", "{{ input.v|upper|length }}", text),
    case("urlencode", "{{ input.v|urlencode|length }}", text),
    // By use of the text.
    case("path", "https://h.example/{{ input.v|path }}", address).at(Argument::Url),
    case("query", "https://h.example/?{{ input.v|query }}", address).at(Argument::Url),
    case("spread", "{{ input.v|spread }}", names).at(Argument::Fields),
    case("spread", "{{ input.v|spread }}", numbers).at(Argument::Fields),
    case("urlencode", "https://h.example/?a={{ input.v|urlencode }}", address).at(Argument::Url),
    case("print", "https://h.example/?a={{ input.v }}", address).at(Argument::Url),
    case("print", "https://h.example/?{% for x in input.v %}{{ x }}&{% endfor %}", segments)
        .at(Argument::Url),
    case("print", "https://h.example/x{% for x in input.v %}{{ x }}/{% endfor %}", segments)
        .at(Argument::Url),
    case("print", "a {{ input.v }}", letters).at(Argument::Headers),
    case("print", "{{ input.v }}", letters).at(Argument::Headers),
    case("print", "{{ input.v|join(',') }}", numbers).at(Argument::Headers),
    // Tests.
    case("boolean", "{{ input.v|select('boolean')|length }}", flags),
    case("defined", "{{ input.v is defined }}", users),
    case("divisibleby", "{{ input.v|select('divisibleby', 3)|length }}", numbers),
    case("endingwith", "{{ input.v|select('endingwith', '7')|length }}", names),
    case("eq", "{{ input.v is eq(input.w) }}", two),
    case("equalto", "{{ input.v is equalto(input.w) }}", two_maps),
    case("even", "{{ input.v|select('even')|length }}", numbers),
    case("false", "{{ input.v|select('false')|length }}", flags),
    case("float", "{{ input.v|select('float')|length }}", digits),
    case("ge", "{{ input.v|select('ge', 5)|length }}", digits),
    case("gt", "{{ input.v|select('gt', 5)|length }}", fractions),
    case("in", "{{ 'x' is in(input.v) }}", names),
    case("integer", "{{ input.v|select('integer')|length }}", digits),
    case("iterable", "{{ input.v|select('iterable')|length }}", nested),
    case("le", "{{ input.v|select('le', 'b')|length }}", names),
    case("lt", "{{ input.v|select('lt', 'b')|length }}", names),
    case("mapping", "{{ input.v|select('mapping')|length }}", users),
    case("matching", "{{ input.v is matching('evil|bad') }}", text),
    case("matching", "{{ input.v is matching('[01]*1[01]{12}2') }}", binary),
    case("matching", "{{ input.v is matching('[01]*1[01]{3000}2') }}", binary),
    case("matching", "{{ input.v is matching('(x+x+)+y') }}", letters),
    case("matching", "{{ input.v is matching('\\\\bx\\\\b') }}", text),
    case("matching", "{{ input.v is matching('\\\\pL{1,5}\\\\d') }}", text),
    case("ne", "{{ input.v is ne(input.w) }}", two),
    case("none", "{{ input.v|select('none')|length }}", numbers),
    case("number", "{{ input.v|select('number')|length }}", numbers),
    case("odd", "{{ input.v|select('odd')|length }}", numbers),
    case("sequence", "{{ input.v|select('sequence')|length }}", nested),
    case("startingwith", "{{ input.v is startingwith(input.w) }}", letters),
    case("string", "{{ input.v|select('string')|length }}", names),
    case("true", "{{ input.v|select('true')|length }}", flags),
    case("undefined", "{{ input.v.gone is undefined }}", users),
];
