//! Usage: what is said where the command line cannot be read. Who reads it repeats what he refuses; the login of an
//! address that stands where none is expected is left out.

use std::process::ExitCode;

use crate::exit::Ending;
use crate::log::Screen;
use crate::output::Output;

/// Says what is wrong, or the help that was asked for.
pub(crate) fn tell(error: &clap::Error, screen: &Screen) -> ExitCode {
    if !error.use_stderr() {
        let mut output = Output::stdout();
        output.line(error.render().to_string().trim_end());
        // Nobody may be there to read the help.
        let _ = output.finish();
        return Ending::Completed.into();
    }
    let said = error.render().to_string();
    without_logins(&said).lines().for_each(|line| screen.say(line));
    Ending::Refused.into()
}

/// A text whose addresses have no logins: what stands between `://` and the last `@` of a word.
fn without_logins(text: &str) -> String {
    let mut told = String::new();
    let mut rest = text;
    while let Some((before, address)) = rest.split_once("://") {
        let word = address.find(|c: char| c.is_whitespace() || c == '\'').unwrap_or(address.len());
        let login = address[..word].rfind('@');
        told += before;
        told += if login.is_some() { "://***" } else { "://" };
        rest = &address[login.unwrap_or(0)..];
    }
    told + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_left_out_and_nothing_else() {
        for (text, told) in [
            (
                "unexpected argument 'mongodb://bob:s3cret@h/x' found",
                "unexpected argument 'mongodb://***@h/x' found",
            ),
            ("a://b:c@d@e f@g h://i@j", "a://***@e f@g h://***@j"),
            ("see https://example.org or write to a@b", "see https://example.org or write to a@b"),
            ("://@", "://***@"),
            ("", ""),
        ] {
            assert_eq!(without_logins(text), told);
        }
    }
}
