//! Secrets: those of a directory of files, where one is named, then those of the environment, then those that stand in CACAO files.
//! Never prints one.
//!
//! Whoever starts the program is its one operator: every tenant that it runs has the same secrets. A backend
//! with customers embeds the library and brings a provider of its own.

use std::path::{Path, PathBuf};

use updraft::cacao::TakenSecret;
use updraft::integrations::{SecretDirectory, SecretEnvironment};
use updraft::secret::{Error, Found, Secret, SecretProvider};
use updraft::{Name, TenantCode};

use crate::cacao;
use crate::environment;
use crate::options::Grants;

/// The variable that names their directory.
const VARIABLE: &str = "UPDRAFT_SECRETS";

/// Their directory, as the command line or the environment names it. A variable that is empty says as little as one that is
/// not set.
pub(crate) fn directory(grants: &Grants) -> Option<PathBuf> {
    grants.secrets.clone().or_else(|| environment::path(VARIABLE))
}

/// The secrets that the program has.
pub(crate) struct Secrets {
    files: Option<SecretDirectory>,
    environment: SecretEnvironment,
    taken: Vec<TakenSecret>,
}

impl Secrets {
    /// Those of the files in this directory, those of the environment, and those that stand in these CACAO files.
    pub(crate) fn of(directory: Option<&Path>, cacao: &[PathBuf]) -> Self {
        let taken = cacao.iter().flat_map(|file| cacao::secrets(file)).collect();
        Self { files: directory.map(SecretDirectory::new), environment: SecretEnvironment, taken }
    }
}

impl SecretProvider for Secrets {
    fn secret<'a>(&'a self, tenant: &'a TenantCode, name: &'a Name) -> Found<'a> {
        Box::pin(async move {
            if let Some(files) = &self.files {
                let found = files.secret(tenant, name).await;
                if found != Err(Error::Unknown) {
                    return found;
                }
            }
            let found = self.environment.secret(tenant, name).await;
            match self.taken.iter().find(|taken| taken.name == *name) {
                Some(taken) if found == Err(Error::Unknown) => {
                    Secret::short(taken.secret.expose()).map_err(|_| Error::Unknown)
                }
                _ => found,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_a_secret_and_what_is_in_none_is_looked_for_in_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("edr-token"), "from-a-file\n").unwrap();
        let secrets = Secrets::of(Some(folder.path()), &[]);
        let tenant = TenantCode::new("acme").unwrap();
        let found = secrets.secret(&tenant, &Name::new("edr-token").unwrap()).await;
        assert_eq!(found.unwrap().expose(), "from-a-file");
        let unknown = secrets.secret(&tenant, &Name::new("nobody.has.this.one").unwrap()).await;
        assert_eq!(unknown, Err(Error::Unknown));
    }
}
