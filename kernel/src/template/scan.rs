//! Scanning a template before it is parsed: the parser recurses, so its nesting is counted here on its own tokens,
//! without recursion.

use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;
use updraft_protocol::limits::{NESTING, TEMPLATE_OPERATORS_IN_A_ROW};

/// Why the template may not be parsed: too many nested brackets, or operators in a row.
pub(super) fn scan(source: &str, syntax: SyntaxConfig) -> Result<(), String> {
    // All that is counted takes a byte at least: most texts are too short to be refused.
    if source.len() <= NESTING.min(TEMPLATE_OPERATORS_IN_A_ROW) {
        return Ok(());
    }
    scan_tokens(tokenize(source, false, syntax).map_while(Result::ok).map(|(token, _)| token))
}

/// Why the condition may not be parsed, likewise.
pub(super) fn scan_expression(source: &str) -> Result<(), String> {
    let tokens = tokenize(source, true, SyntaxConfig::default());
    scan_tokens(tokens.map_while(Result::ok).map(|(token, _)| token))
}

fn scan_tokens<'s>(tokens: impl Iterator<Item = Token<'s>>) -> Result<(), String> {
    // Operators since the last comma, for each open bracket. An error of the tokenizer ends the scan: the parser reads
    // the same tokens and stops at the same one.
    let mut open = vec![0_usize];
    let (mut sum, mut elifs) = (0, 0);
    for token in tokens {
        match token {
            Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => {
                open.push(1);
                sum += 1;
            }
            Token::ParenClose | Token::BracketClose | Token::BraceClose if open.len() > 1 => {
                sum -= open.pop().unwrap_or(0);
                // A subscript or call continues the value before it.
                deepen(&mut open, &mut sum);
            }
            Token::Comma | Token::Colon => restart(&mut open, &mut sum),
            Token::VariableStart | Token::BlockStart => {
                open = vec![0];
                sum = 0;
            }
            Token::Ident("elif") => elifs += 1,
            token if deepens(&token) => deepen(&mut open, &mut sum),
            _ => {}
        }
        if elifs > NESTING {
            return Err(format!("more than {NESTING} `elif`"));
        }
        if open.len() > NESTING {
            return Err(format!("brackets are nested more than {NESTING} deep"));
        }
        if sum > TEMPLATE_OPERATORS_IN_A_ROW {
            return Err(format!("more than {TEMPLATE_OPERATORS_IN_A_ROW} operators in a row"));
        }
    }
    Ok(())
}

fn deepen(open: &mut [usize], sum: &mut usize) {
    if let Some(last) = open.last_mut() {
        *last += 1;
        *sum += 1;
    }
}

fn restart(open: &mut [usize], sum: &mut usize) {
    let inner = open.len() > 1;
    if let Some(last) = open.last_mut() {
        let keep = usize::from(inner);
        *sum = *sum + keep - *last;
        *last = keep;
    }
}

fn deepens(token: &Token<'_>) -> bool {
    matches!(
        token,
        Token::Plus
            | Token::Minus
            | Token::Mul
            | Token::Div
            | Token::FloorDiv
            | Token::Pow
            | Token::Mod
            | Token::Dot
            | Token::Tilde
            | Token::Pipe
            | Token::Eq
            | Token::Ne
            | Token::Gt
            | Token::Gte
            | Token::Lt
            | Token::Lte
            | Token::Ident("if" | "else" | "not" | "and" | "or" | "is" | "in")
    )
}
