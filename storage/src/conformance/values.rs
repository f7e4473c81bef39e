//! Cases of values: any JSON is read as the same value that was written, in every store.

use updraft_protocol::ids::mix;
use updraft_protocol::{Failure, FailureKind, Json, Update};

use super::Ending;
use super::samples::{WRITTEN, execution_with, peid, playbook, task, tenant};
use crate::store::Store;

/// Values of every form that a store might change.
const FORMS: &[&str] = &[
    r#"{"$set":{"$where":"1"},"$literal":"$tenant_code","$$ROOT":"$$NOW"}"#,
    r#"{"a.b.c":1,".":2,"":3,"_id":{"$oid":"507f1f77bcf86cd799439011"},"$numberDecimal":"1.0"}"#,
    r#"{"nul\u0000in":"a name","text":"\u0000 \u007f \u2028 \ufffe \ud83e\udd80 ' \" \\ ; DROP TABLE meta; --"}"#,
    r#"{"ключ":"значение","漢字":"🦀","e\u0301":"é","\u00e9":"é"}"#,
    "[18446744073709551615,18446744073709551616,-9223372036854775808,-9223372036854775809]",
    "[9007199254740993,-9007199254740993,9007199254740993.0,123456789012345678901234567890123456789012345]",
    "[0.1,0.10,1.50,0.30000000000000004,0.30000000000000000001,3.14159265358979323846264338327950288]",
    "[0,-0,-0.0,0.0,0e5,1e3,1E+3,1e-7,5e-324,1e-400,1.7976931348623157e308,1e309,12e45678,-1E-99999999999]",
    "[null,true,false,\"\",[],{},[[]],[{}],\"null\",\"1\"]",
    r#""$name""#,
    "\"\"",
    "1e400",
    " { \"b\" : 1 ,\n \"a\" : [ ] } ",
];

/// JSON text of the seed: numbers, texts and names of all lengths, nested.
fn any(seed: &mut u64, depth: usize) -> String {
    let mut below = |limit: u64| {
        *seed = mix(seed.wrapping_add(1));
        *seed % limit
    };
    match below(if depth == 0 { 6 } else { 8 }) {
        0 => ["null", "true", "false"][below(3) as usize].to_owned(),
        1..=3 => {
            let mut digits = |least: u64, most: u64| {
                (0..least + below(most)).map(|_| char::from(b'0' + below(10) as u8)).collect::<String>()
            };
            let whole = digits(0, 30).trim_start_matches('0').to_owned();
            let whole = if whole.is_empty() { "0".to_owned() } else { whole };
            let (fraction, exponent) = (digits(1, 25), digits(1, 4));
            let sign = ["", "-"][below(2) as usize];
            let fraction = if below(2) == 0 { String::new() } else { format!(".{fraction}") };
            let exponent = [String::new(), format!("e{exponent}"), format!("E-{exponent}")];
            format!("{sign}{whole}{fraction}{}", exponent[below(3) as usize])
        }
        4 | 5 => {
            let characters = (0..below(12)).filter_map(|_| {
                let plane = [0x80, 0x3000, 0x11_0000][below(3) as usize];
                char::from_u32(below(plane) as u32)
            });
            serde_json::Value::from(characters.collect::<String>()).to_string()
        }
        6 => {
            let count = below(5);
            format!("[{}]", (0..count).map(|_| any(seed, depth - 1)).collect::<Vec<_>>().join(","))
        }
        _ => {
            let count = below(5);
            // The number makes names distinct.
            let field = |at| format!("\"{at}.$\\u0041{at}\":{}", any(seed, depth - 1));
            format!("{{{}}}", (0..count).map(field).collect::<Vec<_>>().join(","))
        }
    }
}

/// Lists and maps within each other, this many.
fn deep(levels: usize) -> String {
    format!("{}1{}", "[{\"a\":".repeat(levels / 2), "}]".repeat(levels / 2))
}

async fn comes_back(store: &dyn Store, number: u64, text: &str) -> Ending {
    let acme = tenant("acme")?;
    let json = Json::parse(text)?;
    let value = json.value();
    let mut failure = Failure::new(FailureKind::Status, "409");
    failure.answer = Some(Json::parse(&format!("{{\"body\":{text}}}"))?);
    let mut update = execution_with(number, &acme, |head| {
        head.input = json.clone();
        head.variables = json.clone();
    })?;
    update.state.output = Some(json.clone());
    update.state.error = Some(failure.clone().into());
    let mut task = task(number, 1, &acme)?;
    task.state.response = Some(json.clone());
    task.state.error = Some(failure.into());
    let mut book = playbook(number, &acme, "values", u32::try_from(number)?)?;
    book.definition = json;
    let _ = store.put_playbook(book.clone()).await?;
    assert_eq!(
        store.write(vec![Update::from(update), Update::from(task)]).await?,
        vec![WRITTEN; 2],
        "{text}"
    );

    let same =
        |read: Option<Json>| assert_eq!(read.map(|read| read.value().to_string()), Some(value.to_string()));
    let answer =
        |failure: Option<Box<Failure>>| failure?.answer.map(|answer| Json::from(&answer.value()["body"]));
    let read = store.execution(&acme, peid(number)).await?.ok_or("an execution")?;
    same(Some(read.head.input.clone()));
    same(Some(read.head.variables.clone()));
    same(read.state.output);
    same(answer(read.state.error));
    let read = store.tasks(&acme, peid(number), 0, 1).await?.pop().ok_or("a task")?;
    same(read.state.response);
    same(answer(read.state.error));
    let read = store.playbook(&acme, book.pid).await?.ok_or("a playbook")?;
    same(Some(read.definition));
    Ok(())
}

pub(super) async fn every_form_of_a_value_comes_back_as_it_was(store: &dyn Store) -> Ending {
    // An answer in a failure is two levels deeper in its document.
    let nested = [2, 60, 124].map(deep);
    let texts = FORMS.iter().copied().chain(nested.iter().map(String::as_str));
    for (number, text) in (1..).zip(texts) {
        comes_back(store, number, text).await?;
    }
    Ok(())
}

pub(super) async fn any_value_comes_back_as_it_was(store: &dyn Store) -> Ending {
    let mut seed = 18;
    for number in 1..=64 {
        let text = any(&mut seed, 4);
        comes_back(store, number, &text).await?;
    }
    Ok(())
}

pub(super) async fn a_definition_of_other_digits_is_another(store: &dyn Store) -> Ending {
    use crate::store::PutOutcome;

    let acme = tenant("acme")?;
    let mut book = playbook(1, &acme, "digits", 1)?;
    book.definition = Json::parse("{\"a\":123456789012345678901,\"b\":1.50}")?;
    let _ = store.put_playbook(book.clone()).await?;
    book.definition = Json::parse("{\"b\": 1.5, \"a\": 123456789012345678901}")?;
    assert!(!matches!(store.put_playbook(book.clone()).await?, PutOutcome::Conflict(_)));
    book.definition = Json::parse("{\"a\":123456789012345678902,\"b\":1.50}")?;
    assert!(matches!(store.put_playbook(book.clone()).await?, PutOutcome::Conflict(_)));
    Ok(())
}
