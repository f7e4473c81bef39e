//! The places of a command where no value may stand, in an author's words.

/// Why no value may stand at a place.
pub(super) type Wrong = &'static str;

pub(super) const IN_SINGLE: Wrong =
    "inside of `'…'` a value would end the quotes; it is quoted by itself: leave the quotes away";
pub(super) const IN_DOUBLE: Wrong =
    "inside of `\"…\"` a value would be read as shell; it is quoted by itself: leave the quotes away";
pub(super) const IN_SUBSTITUTION: Wrong =
    "inside of `$(…)` no value may stand; give it to a variable before: `NAME={{ … }}`, and read `\"$NAME\"`";
pub(super) const IN_BACKTICKS: Wrong = "inside of backticks no value may stand; give it to a variable before: `NAME={{ … }}`, and read `\"$NAME\"`";
pub(super) const IN_ARITHMETIC: Wrong = "inside of `$((…))` a value would be computed as shell";
pub(super) const IN_BRACES: Wrong = "inside of `${…}` a value would be read as shell";
pub(super) const IN_HEREDOC: Wrong = "in the lines of `<<` a value would be read as shell; write `printf '%s\\n' {{ … }} |` before the command";
pub(super) const BEFORE_HEREDOC: Wrong =
    "a value with a line break may not stand between `<<` and the lines that it announces";
pub(super) const IN_COMMENT: Wrong = "in a comment a value could begin another line; leave it away";
pub(super) const AFTER_BACKSLASH: Wrong = "after `\\` a value would not be one word";
pub(super) const AFTER_DOLLAR: Wrong = "after `$` a value would be read as shell";
pub(super) const PROGRAM: Wrong = "a value may not choose the program: its name is written out; after options of `sudo`, `env` and the like, behind `--`";
pub(super) const CODE: Wrong = "this program reads this word as code, so that a value would not stay data: it is written out; after other options, \
     behind `-e`, `-c` or `--`";
pub(super) const OPTION: Wrong = "a value that begins with `-` would be an option here; `--` before it says that none follow, if the program knows that";
pub(super) const OPTION_NAME: Wrong = "after `-` a value would choose the option: there may be digits alone";
pub(super) const NAME: Wrong =
    "this command reads its words as names, so that a value may stand only after `NAME=` that is written out";
pub(super) const VARIABLE: Wrong = "this variable says how the shell runs programs: its value is written out";
pub(super) const TARGET: Wrong = "a value may not say which file is read or written; the name is written out";
pub(super) const LOOP_NAME: Wrong = "the name of a variable is written out";
pub(super) const PATTERN: Wrong = "a pattern of `case` is written out";
pub(super) const GLUED: Wrong = "`spread` makes several words: blanks stand before and after it";
pub(super) const SPREAD: Wrong =
    "`spread` stands where several words may: among the words of a command, or of `for … in`";

pub(super) const AFTER_ANSI: Wrong =
    "shells read `$'…'` and `$\"…\"` in different ways: no value may stand after it";
pub(super) const AFTER_ARRAY: Wrong = "no value may stand after functions, arrays, and `(` that is glued to a word: shells read them in different ways";
pub(super) const AFTER_ARITHMETIC: Wrong = "no value may stand after `((…))` and `$[…]`, nor after `$((…))` with more than numbers, names and operators";
pub(super) const AFTER_BRACES: Wrong = "no value may stand after `${…}` that has quotes, `\\`, `{` or `(` in it: shells read it in different ways";
pub(super) const AFTER_BACKTICKS: Wrong =
    "no value may stand after backticks that have quotes, `\\` or `#` between them; write `$(…)`";
pub(super) const AFTER_TEST: Wrong =
    "no value may stand after `[[ … ]]`, which computes what it compares; write `[ … ]`";
pub(super) const AFTER_REDIRECTION: Wrong = "no value may stand after `&>`, `<(…)`, `>(…)` and `{NAME}>`: shells read them in different ways; write `> FILE 2>&1`";
pub(super) const AFTER_HEREDOC: Wrong = "no value may stand after a `<<` whose end is not plain: a word of letters, digits and `_`, no `\\` at ends of lines";
pub(super) const AFTER_FUNCTION: Wrong = "no value may stand after `function`, `coproc` and `alias`";
pub(super) const AFTER_SUBSTITUTION: Wrong =
    "no value may stand after `$(…)` with `case`, `<<` or a comment in it: shells read it in different ways";
pub(super) const AFTER_CLOSING: Wrong = "no value may stand after a `)`, `esac` or `in` that closes nothing";
pub(super) const TOO_DEEP: Wrong = "no value may stand in or after what is nested as deeply as this";
