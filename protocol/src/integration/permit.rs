//! Permits: the place that a call needs before it may be sent, and what an integration is asked for it by. Counts no places.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use crate::failure::Failure;
use crate::ids::{Name, TenantCode};
use crate::value::Value;

/// A call that is about to be made, as far as its place depends on it.
#[derive(Debug, Clone, Copy)]
pub struct PermitRequest<'a> {
    /// The customer for whom the tool would act.
    pub tenant: &'a TenantCode,
    /// What the tool would do.
    pub action: &'a Name,
    /// The step's arguments, templates rendered. Where the author refers to a secret, `null` stands.
    pub arguments: &'a Value,
}

/// A permit, when its place is free; or why there is none. Dropping it leaves the line.
pub type PermitFuture = Pin<Box<dyn Future<Output = Result<CallPermit, Failure>> + Send>>;

/// The place of one call. Clones are the same place: it is given back when the call is over or dropped, or before, where the
/// integration has [taken](CallPermit::take) it. The default is none.
#[derive(Clone, Default)]
pub struct CallPermit(Option<Arc<Mutex<Option<Held>>>>);

/// What gives the place back when it is dropped.
pub type Held = Box<dyn Send>;

impl CallPermit {
    /// The place that the drop of `held` gives back.
    pub fn new(held: impl Send + 'static) -> Self {
        Self(Some(Arc::new(Mutex::new(Some(Box::new(held))))))
    }

    /// Takes over the place, where it has not been taken or given back: from now on it is given back by the drop of what is
    /// returned.
    pub fn take(&self) -> Option<Held> {
        self.0.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Debug for CallPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallPermit")
    }
}
