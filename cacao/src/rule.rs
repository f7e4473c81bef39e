//! The rules of the standard that are looked at, each with what becomes of it. Owns the names that findings and
//! `docs/cacao.md` have.

use std::fmt;

/// What becomes of what a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Support {
    /// It is done as the standard says.
    Supported,
    /// It is taken, and something is said of it.
    Warned,
    /// A playbook with it is refused.
    Refused,
}

impl Support {
    /// The word in the table.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Warned => "warned",
            Self::Refused => "refused",
        }
    }
}

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident = $name:literal $support:ident,)+) => {
        /// A rule of the standard, or of its translation. Each is a line of `docs/cacao.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule { $($(#[$doc])* $rule,)+ }

        impl Rule {
            /// All rules.
            pub const ALL: &'static [Self] = &[$(Self::$rule),+];

            /// Its name: `pointer-to-nothing`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$rule => $name),+ }
            }

            /// What becomes of what it is about.
            pub const fn support(self) -> Support {
                match self { $(Self::$rule => Support::$support),+ }
            }
        }
    };
}

rules! {
    // The file.
    /// It is larger than a playbook may be.
    FileSize = "file-size" Refused,
    /// It is no text, or no JSON.
    Json = "json" Refused,
    /// It is something else than a playbook of CACAO 2.0.
    NotCacao = "not-cacao" Refused,

    // The workflow.
    /// A pointer names a step that is not there.
    PointerToNothing = "pointer-to-nothing" Refused,

    // What only the translation can tell: one line each, added by it.
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
