//! Programs and builtins that read their words as something other than data. Owns the lists; other programs are taken to read
//! data, and what they make of it is their author's.

/// How a program reads its words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Program {
    /// As data.
    #[default]
    Data,
    /// As data, but for the word after `-v`, which names a variable.
    NameAfterOption,
    /// As data, but for the word after `-c` or the like.
    CodeAfterOption,
    /// Its first word that is no option is code, or a file of code; so is the word after `-c` or the like.
    Script,
    /// As names of variables, or assignments.
    Names,
    /// As code.
    Code,
}

const CODE: [&str; 14] = [
    ".", "alias", "bind", "compgen", "complete", "enable", "eval", "let", "rsh", "shopt", "source", "ssh",
    "trap", "watch",
];
const NAMES: [&str; 11] = [
    "declare",
    "export",
    "getopts",
    "local",
    "mapfile",
    "read",
    "readarray",
    "readonly",
    "typeset",
    "unset",
    "wait",
];
const SCRIPTS: [&str; 23] = [
    "ash",
    "awk",
    "bash",
    "bc",
    "busybox",
    "dash",
    "dc",
    "gawk",
    "ksh",
    "lua",
    "mawk",
    "mksh",
    "nawk",
    "node",
    "osascript",
    "perl",
    "php",
    "powershell",
    "pwsh",
    "ruby",
    "sed",
    "sh",
    "zsh",
];
const CODE_AFTER_OPTION: [&str; 4] = ["mysql", "psql", "sqlite3", "su"];
/// Programs that run the program which their words name.
const WRAPPERS: [&str; 33] = [
    "builtin",
    "chroot",
    "chrt",
    "command",
    "doas",
    "env",
    "exec",
    "fakeroot",
    "flock",
    "ionice",
    "ltrace",
    "nice",
    "nohup",
    "nsenter",
    "numactl",
    "parallel",
    "pkexec",
    "proxychains",
    "runuser",
    "script",
    "setarch",
    "setpriv",
    "setsid",
    "stdbuf",
    "strace",
    "sudo",
    "systemd-run",
    "taskset",
    "time",
    "timeout",
    "unbuffer",
    "unshare",
    "xargs",
];
/// Variables that say which programs run, and how.
const VARIABLES: [&str; 11] = [
    "BASHOPTS",
    "CDPATH",
    "ENV",
    "FPATH",
    "GLOBIGNORE",
    "HOME",
    "IFS",
    "PATH",
    "PROMPT_COMMAND",
    "PS4",
    "SHELLOPTS",
];

impl Program {
    /// The program that a word names; `None` of one that runs another.
    pub(super) fn of(word: &str) -> Option<Self> {
        let name = word.rsplit('/').next().unwrap_or(word);
        match name {
            _ if WRAPPERS.contains(&name) => None,
            _ if CODE.contains(&name) => Some(Self::Code),
            _ if NAMES.contains(&name) => Some(Self::Names),
            _ if SCRIPTS.contains(&name) || name.starts_with("python") => Some(Self::Script),
            _ if CODE_AFTER_OPTION.contains(&name) => Some(Self::CodeAfterOption),
            "printf" | "test" | "[" => Some(Self::NameAfterOption),
            _ => Some(Self::Data),
        }
    }

    /// Whether a word of its makes the next one code, or the name of a program or variable.
    pub(super) fn is_before_code(self, word: &str) -> bool {
        const LONG: [&str; 6] = ["--command", "--eval", "--execute", "--expression", "--file", "--print"];
        let is_short = word.len() > 1 && word.starts_with('-') && !word.starts_with("--");
        match self {
            Self::Script | Self::CodeAfterOption => {
                (is_short && word.ends_with(['c', 'e', 'E', 'r', 'f'])) || LONG.contains(&word)
            }
            Self::NameAfterOption => word == "-v",
            // Those of `find`.
            _ => matches!(word, "-exec" | "-execdir" | "-ok" | "-okdir"),
        }
    }
}

/// Whether a variable says which programs run, or how.
pub(super) fn is_of_shell(variable: &str) -> bool {
    VARIABLES.contains(&variable) || variable.starts_with("LD_") || variable.starts_with("BASH_")
}
