//! The tools of the load: an integration that is made once, and called by the engine and by the reference alike.

use std::sync::Arc;

use serde_json::{Value, json};
use updraft::integrations::HttpIntegration;
use updraft::integrations::http::Allow;
use updraft::{Integration, Name};

use crate::exit::Error;
use crate::stress::options::{Options, Tools};
use crate::stress::server::Server;
use crate::stress::tool::{Fate, Tool};

/// The tools.
pub(crate) struct Toolkit {
    pub(crate) integration: Name,
    pub(crate) action: Name,
    /// What every call asks for.
    pub(crate) arguments: Value,
    pub(crate) tool: Arc<dyn Integration>,
    /// What answers over HTTP.
    _server: Option<Server>,
}

impl Toolkit {
    /// Makes the tools that were asked for.
    pub(crate) async fn start(options: &Options, fate: Fate) -> Result<Self, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::Failed(format!("the tools: {error}"));
        let name = |text: &str| Name::new(text).map_err(|error| failed(&error));
        match options.tools {
            Tools::Process => Ok(Self {
                integration: name("tool")?,
                action: name("act")?,
                arguments: json!({}),
                tool: Arc::new(Tool(fate)),
                _server: None,
            }),
            Tools::Http => {
                let server = Server::start(fate).await.map_err(|error| failed(&error))?;
                let allow: Allow = server.addr.to_string().parse().map_err(|error| failed(&error))?;
                let open = usize::from(options.concurrency);
                let http = HttpIntegration::builder().allow(allow).open_per_host(open, open).build();
                Ok(Self {
                    integration: name("http")?,
                    action: name("request")?,
                    arguments: json!({"method": "POST", "url": format!("http://{}/act", server.addr)}),
                    tool: Arc::new(http.map_err(|error| failed(&error))?),
                    _server: Some(server),
                })
            }
        }
    }

    /// The call, as a playbook writes it.
    pub(crate) fn call(&self) -> String {
        format!("integration: {}, action: {}, arguments: {}", self.integration, self.action, self.arguments)
    }
}
