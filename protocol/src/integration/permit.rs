//! Permits: the permit that a call needs before it may be sent, the request for it, and what its further requests wait for.
//! Counts nothing.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::failure::Failure;
use crate::ids::{Name, TenantCode};
use crate::value::Value;

/// The request for a call's permit.
#[derive(Debug, Clone, Copy)]
pub struct PermitRequest<'a> {
    /// The customer for whom the tool would act.
    pub tenant: &'a TenantCode,
    /// The action of the tool.
    pub action: &'a Name,
    /// The step's arguments, with templates rendered, and `null` in place of each secret.
    pub arguments: &'a Value,
}

/// A permit, once one is free, or why it is refused. Dropping it ends the wait.
pub type PermitFuture = Pin<Box<dyn Future<Output = Result<CallPermit, Failure>> + Send>>;

/// The permit of one call. Clones are the same permit: it is given back when the call is over or dropped, or before, if
/// the integration has [taken](CallPermit::take) it. The default is no permit.
#[derive(Clone, Default)]
pub struct CallPermit {
    held: Option<Arc<Mutex<Option<Held>>>>,
    requests: Option<Arc<dyn FurtherRequests>>,
}

/// Gives the permit back when it is dropped.
pub type Held = Box<dyn Send>;

/// Lets the further requests of one call wait for the limits of its tool.
pub trait FurtherRequests: Send + Sync {
    /// Waits in line until a further request may be made, and counts it.
    ///
    /// # Errors
    /// It may not be made within this time. It is not counted.
    fn next(&self, within: Duration) -> RequestFuture;

    /// The tool has asked for no request for so long.
    fn pause(&self, pause: Duration);

    /// The tool has answered the request that was made last: it works, also where the call ends because its time is over.
    fn answered(&self);
}

/// A further request, once it may be made, or why it is not. Dropping it ends the wait.
pub type RequestFuture = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

impl CallPermit {
    /// The permit that the drop of `held` gives back.
    pub fn new(held: impl Send + 'static) -> Self {
        Self { held: Some(Arc::new(Mutex::new(Some(Box::new(held))))), requests: None }
    }

    /// The same permit, with what its call's further requests wait for.
    #[must_use]
    pub fn with_requests(self, requests: Arc<dyn FurtherRequests>) -> Self {
        Self { requests: Some(requests), ..self }
    }

    /// Waits until the call may make a request after its first one: limits count requests. An integration that calls this
    /// [says so](super::ActionSpec::asks_for_requests).
    ///
    /// # Errors
    /// The limits of the tool let none be made within this time.
    pub async fn next_request(&self, within: Duration) -> Result<(), Failure> {
        match &self.requests {
            Some(requests) => requests.next(within).await,
            None => Ok(()),
        }
    }

    /// Reports that the tool has asked for no request for so long, though the call goes on: others wait too.
    pub fn pause(&self, pause: Duration) {
        if let Some(requests) = &self.requests {
            requests.pause(pause);
        }
    }

    /// Reports that the tool has answered the request that was made last, as it should. A call whose time is over before its next request
    /// is no sign that the tool does not work.
    pub fn answered(&self) {
        if let Some(requests) = &self.requests {
            requests.answered();
        }
    }

    /// Takes the permit over, unless it has been taken or given back: from now on the drop of the returned value gives
    /// it back.
    pub fn take(&self) -> Option<Held> {
        self.held.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Debug for CallPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallPermit")
    }
}
