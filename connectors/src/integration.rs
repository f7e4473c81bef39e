//! The integration that a connector is: its declarations, and its calls. Owns nothing between two calls.

use std::sync::Arc;

use updraft_integrations::HttpIntegration;
use updraft_protocol::{
    ActionSpec, Answer, Call, CallRecord, Effect, Failure, FailureKind, Flaw, Integration, Json,
    PermitFuture, PermitRequest, TenantCode, Value,
};

use crate::action::Action;
use crate::call::Calling;
use crate::connector::Connector;
use crate::data::CallData;
use crate::request::REQUEST;

/// A connector with the HTTP integration that makes its requests.
#[derive(Debug, Clone)]
pub struct ConnectorIntegration {
    connector: Arc<Connector>,
    http: Arc<HttpIntegration>,
    actions: Arc<[&'static str]>,
}

/// The first request of a call, as people are shown it: with the names of secrets in their places.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownRequest {
    /// Its arguments of the HTTP integration.
    pub arguments: Value,
}

impl ConnectorIntegration {
    /// A connector whose requests this integration makes.
    pub fn new(connector: Connector, http: Arc<HttpIntegration>) -> Self {
        let actions = connector.actions.values().map(|action| action.name).collect();
        Self { connector: Arc::new(connector), http, actions }
    }

    /// The connector.
    pub fn connector(&self) -> &Connector {
        &self.connector
    }

    /// The first request of a call with these arguments, for people.
    ///
    /// # Errors
    /// There is no such action, or the arguments are none for it.
    pub fn request(
        &self,
        tenant: &TenantCode,
        action: &str,
        arguments: Value,
    ) -> Result<ShownRequest, Failure> {
        let action = self.action(action)?;
        let data = self.data(action, tenant, arguments)?;
        let rendered = action.request.rendered(&data)?;
        Ok(ShownRequest { arguments: CallRecord::with_names(&rendered, action.request.references()) })
    }

    fn action(&self, name: &str) -> Result<&Action, Failure> {
        self.connector.actions.get(name).ok_or_else(|| {
            let near = updraft_protocol::suggest::suggestion(name, self.actions.iter().copied());
            let message = format!("connector `{}` has no action `{name}`{near}", self.connector.name);
            Failure::new(FailureKind::InvalidArguments, message)
        })
    }

    /// What the texts of a call read.
    fn data(&self, action: &Action, tenant: &TenantCode, arguments: Value) -> Result<CallData, Failure> {
        let arguments = action
            .arguments(arguments)
            .map_err(|message| Failure::new(FailureKind::InvalidArguments, message))?;
        let mut data = CallData::new(self.connector.constants_of(tenant), arguments);
        if let Some(pages) = &action.pages {
            pages.begin().shown_in(&mut data);
        }
        Ok(data)
    }
}

impl Integration for ConnectorIntegration {
    fn actions(&self) -> &[&str] {
        &self.actions
    }

    fn spec(&self, action: &str) -> ActionSpec {
        self.connector.actions.get(action).map(|action| action.spec.clone()).unwrap_or_default()
    }

    fn version(&self) -> Option<u32> {
        Some(self.connector.version)
    }

    fn effect(&self, action: &str, _arguments: &Value) -> Effect {
        self.connector.actions.get(action).map_or(Effect::Write, |action| action.effect)
    }

    fn uses_files(&self, action: &str, _arguments: &Value) -> bool {
        self.connector.actions.get(action).is_some_and(|action| action.uses_files(&self.http))
    }

    fn shared_by(&self, tenant: &TenantCode) -> Option<Json> {
        Some(self.connector.constants_of(tenant))
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn answer_key(&self, tenant: &TenantCode, action: &str, arguments: &Value) -> Option<Json> {
        let action = self.connector.actions.get(action)?;
        let cache = action.cache.as_ref()?;
        cache.key(&self.data(action, tenant, arguments.clone()).ok()?)
    }

    fn check(&self, action: &str, _arguments: &Value) -> Vec<Flaw> {
        // Which host a tenant's constants name is known when it is called: the base of all is judged here.
        let Some(action) = self.connector.actions.get(action) else { return Vec::new() };
        let bases = action.request.bases(&self.connector.constants);
        let missing = bases.iter().filter_map(|base| self.http.missing_for(base));
        let flaw = |what| Flaw { place: String::new(), message: format!("missing here: {what}") };
        missing.take(1).map(flaw).collect()
    }

    fn permit(&self, request: &PermitRequest<'_>) -> Option<PermitFuture> {
        let action = self.connector.actions.get(request.action.as_str())?;
        let data = self.data(action, request.tenant, request.arguments.clone()).ok()?;
        let arguments = action.request.rendered(&data).ok()?;
        let action = updraft_protocol::Name::new(REQUEST).ok()?;
        self.http.permit(&PermitRequest { tenant: request.tenant, action: &action, arguments: &arguments })
    }

    fn call(&self, mut call: Call) -> Answer<'_> {
        Box::pin(async move {
            let action = self.action(call.action.as_str())?;
            let data = self.data(action, &call.tenant, call.arguments.take())?;
            Calling::new(action, &self.http, call).run(data).await
        })
    }
}
