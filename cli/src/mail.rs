//! Mail: the integration `mail`, where the operator names a server.

use updraft::Builder;
use updraft::integrations::http::{Allow, Tls};
use updraft::integrations::mail::MailServer;
use updraft::integrations::{DeclaredMail, MailIntegration};

use crate::data;
use crate::exit::Error;
use crate::options::Grants;

/// The secret that is the password of the server's user.
const PASSWORD: &str = "smtp-password";

/// The configuration with it, for where nothing is called: no server is needed, and none is used.
pub(crate) fn declared(builder: Builder) -> Builder {
    builder.integration("mail", DeclaredMail)
}

/// The configuration with it, where a server is named.
pub(crate) fn granted(builder: Builder, allowed: &[Allow], grants: &Grants) -> Result<Builder, Error> {
    let (Some(server), Some(from)) = (&grants.mail.smtp, &grants.mail.smtp_from) else { return Ok(builder) };
    let server: MailServer = server.parse().map_err(|error| Error::refused("--smtp", error))?;
    let has_user = server.user().is_some();
    let mut mail = MailIntegration::builder(server, from);
    mail = allowed.iter().cloned().fold(mail, |mail, entry| mail.allow(entry));
    mail = grants.mail.smtp_to.iter().cloned().fold(mail, |mail, domain| mail.to(domain));
    mail = grants.mail.smtp_sender.iter().fold(mail, |mail, sender| mail.sender(sender));
    if has_user {
        mail = mail.password(PASSWORD.parse().map_err(|error| Error::refused("--smtp", error))?);
    }
    let mut tls = Tls::new();
    for file in &grants.trust {
        tls = tls.trust(&data::trusted(file)?).map_err(|error| Error::refused(file.display(), error))?;
    }
    let mail = mail.tls(tls).build().map_err(|error| Error::refused("--smtp", error))?;
    Ok(builder.integration("mail", mail))
}
