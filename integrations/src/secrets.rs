//! Providers of secrets: values given at the start, the environment, a directory of files. A backend with a vault
//! implements its own. Keeps nothing on disk, shows nothing.

mod directory;
mod environment;
mod map;

pub use directory::SecretDirectory;
pub use environment::SecretEnvironment;
pub use map::SecretMap;
