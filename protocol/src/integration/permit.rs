//! Permits: the permit that a call needs before it may be sent, and the request for it. Counts no permits.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

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
pub struct CallPermit(Option<Arc<Mutex<Option<Held>>>>);

/// Gives the permit back when it is dropped.
pub type Held = Box<dyn Send>;

impl CallPermit {
    /// The permit that the drop of `held` gives back.
    pub fn new(held: impl Send + 'static) -> Self {
        Self(Some(Arc::new(Mutex::new(Some(Box::new(held))))))
    }

    /// Takes the permit over, unless it has been taken or given back: from now on the drop of the returned value gives
    /// it back.
    pub fn take(&self) -> Option<Held> {
        self.0.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Debug for CallPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallPermit")
    }
}
