//! CACAO playbooks: any bytes are a playbook or mistakes, each with its rule and a place in the text; the same bytes have the same
//! verdict; and no credential is ever told.

use updraft_cacao::{CacaoFinding, Mistakes, Support, check, import, looks_like_cacao};
use updraft_protocol::limits::MISTAKES;
use updraft_protocol::{Value, text};

use crate::shape::check_message;

/// Takes the text of a playbook.
///
/// # Panics
/// Something does not hold.
pub fn run(bytes: &[u8]) {
    let verdict = check(bytes);
    assert_eq!(verdict, check(bytes), "the same verdict twice");
    let checked = match &verdict {
        Ok(checked) => {
            assert!(looks_like_cacao(bytes), "what is taken looks like it");
            findings(bytes, &checked.warnings, Support::Warned);
            format!("{checked:?}")
        }
        Err(mistakes) => refused(bytes, mistakes),
    };
    let imported = match import(bytes) {
        Ok(imported) => {
            assert!(verdict.is_ok(), "what is imported passes the checks");
            let again = import(bytes).map(|again| again.playbook);
            assert_eq!(again.as_ref(), Ok(&imported.playbook), "the same playbook twice");
            findings(bytes, &imported.warnings, Support::Warned);
            format!("{imported:?}")
        }
        Err(mistakes) => refused(bytes, &mistakes),
    };
    for secret in secrets(bytes) {
        assert!(!checked.contains(&secret) && !imported.contains(&secret), "a credential is told");
    }
}

fn refused(bytes: &[u8], mistakes: &Mistakes) -> String {
    assert!(!mistakes.refused.is_empty(), "what is refused is refused for something");
    assert!(mistakes.refused.len() <= MISTAKES && mistakes.warned.len() <= MISTAKES);
    findings(bytes, &mistakes.refused, Support::Refused);
    findings(bytes, &mistakes.warned, Support::Warned);
    format!("{mistakes} {mistakes:?}")
}

fn findings(bytes: &[u8], findings: &[CacaoFinding], support: Support) {
    let lines = 1 + bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
    for finding in findings {
        check_message(&finding.to_string());
        assert_eq!(finding.rule.support(), support, "{finding}");
        assert!(finding.line <= lines, "line {} of {lines}", finding.line);
        assert!(finding.column <= bytes.len() as u64 + 1, "column {}", finding.column);
    }
}

/// The credentials in a text that stand nowhere else in it. Those of the corpus have a word that no message has.
fn secrets(bytes: &[u8]) -> Vec<String> {
    const WORD: &str = "horse";
    let Ok(text) = text::decode(bytes) else { return Vec::new() };
    let Ok(value) = Value::parse(&text) else { return Vec::new() };
    let definitions = value["authentication_info_definitions"].as_object();
    let texts = definitions.into_iter().flatten().flat_map(|(_, object)| {
        ["password", "token"].into_iter().filter_map(|name| object[name].as_str().map(str::to_owned))
    });
    texts.filter(|secret| secret.contains(WORD) && text.matches(secret.as_str()).count() == 1).collect()
}
