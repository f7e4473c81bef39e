//! Shell commands: the integrations `bash` and `ssh`, where the operator allows them.

use updraft::Builder;

use crate::exit::Error;
use crate::options::Grants;

/// The configuration with both of them, for where nothing is called: no permission is needed, and none is used.
#[cfg(unix)]
pub(crate) fn declared(builder: Builder) -> Builder {
    use updraft::integrations::{BashIntegration, DeclaredSsh};

    builder.integration("bash", BashIntegration::new("/")).integration("ssh", DeclaredSsh)
}

/// The configuration with those that are allowed.
#[cfg(unix)]
pub(crate) fn granted(mut builder: Builder, grants: &Grants) -> Result<Builder, Error> {
    use updraft::integrations::{BashIntegration, SshIntegration};

    if grants.allow_bash {
        let home = crate::environment::path("HOME").unwrap_or_else(|| "/".into());
        builder = builder.integration("bash", BashIntegration::new(home));
    }
    if let (Some(hosts), false) = (&grants.ssh_known_hosts, grants.allow_ssh.is_empty()) {
        let allowed = grants.allow_ssh.iter().cloned();
        let mut ssh =
            allowed.fold(SshIntegration::builder(), |ssh, entry| ssh.allow(entry)).known_hosts(hosts);
        if let Some(key) = &grants.ssh_key {
            ssh = ssh.key(key);
        }
        let ssh = ssh.build().map_err(|error| Error::refused("--allow-ssh", error))?;
        builder = builder.integration("ssh", ssh);
    }
    Ok(builder)
}

/// On other systems there are none.
#[cfg(not(unix))]
pub(crate) fn declared(builder: Builder) -> Builder {
    builder
}

/// On other systems there are none.
#[cfg(not(unix))]
pub(crate) fn granted(builder: Builder, grants: &Grants) -> Result<Builder, Error> {
    if grants.allow_bash || !grants.allow_ssh.is_empty() {
        return Err(Error::Refused("--allow-bash, --allow-ssh: not on this system".to_owned()));
    }
    Ok(builder)
}
