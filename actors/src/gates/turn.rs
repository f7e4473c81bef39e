//! The turn of a call: for the tasks that its tenant may have at once, then at the gate of its tool for the tenant, then at one that
//! all tenants share. Counts nothing.

use std::future::ready;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use updraft_kernel::circuit::CallEnd;
use updraft_kernel::shared::gates::GatePermit;
use updraft_protocol::{Failure, Priority, TenantCode};

use super::driven::DrivenGate;
use crate::task::PlaceWait;

/// A call that waits for its turn.
pub(crate) struct GateTurn {
    /// Where its tenant may have so many tasks at once, with the permit for it once it has one.
    tasks: Option<(Arc<DrivenGate>, Option<GatePermit>)>,
    /// Where its tenant has a line.
    own: Option<Arc<DrivenGate>>,
    second: Second,
    tenant: TenantCode,
    order: (u32, Priority),
    fails_when_open: bool,
}

/// The gate that all tenants share.
pub(super) enum Second {
    None,
    /// They share the limits of the tool.
    Shared(Arc<DrivenGate>),
    /// They share the bound of a tool that has no limits: what it asks one of them for is no matter of the others.
    Bulkhead(Arc<DrivenGate>),
}

/// The permits of a call, until it is over.
pub(crate) struct GatePass {
    // Each is given back while its gate is still there to let the next call pass.
    _tasks: Option<(GatePermit, Arc<DrivenGate>)>,
    own: Option<(GatePermit, Arc<DrivenGate>)>,
    second: Option<(GatePermit, Second)>,
}

impl Second {
    pub(super) fn bulkhead(gate: Option<Arc<DrivenGate>>) -> Self {
        gate.map_or(Self::None, Self::Bulkhead)
    }

    fn gate(&self) -> Option<&Arc<DrivenGate>> {
        match self {
            Self::None => None,
            Self::Shared(gate) | Self::Bulkhead(gate) => Some(gate),
        }
    }
}

impl GateTurn {
    pub(super) fn new(
        (own, second): (Option<Arc<DrivenGate>>, Second),
        tenant: TenantCode,
        order: (u32, Priority),
        fails_when_open: bool,
    ) -> Self {
        Self { tasks: None, own, second, tenant, order, fails_when_open }
    }

    /// The same, after one for the tasks that its tenant may have at once.
    pub(super) fn after(self, tasks: Arc<DrivenGate>) -> Self {
        Self { tasks: Some((tasks, None)), ..self }
    }

    /// Waits until the call may be made. Dropped, it leaves the line.
    ///
    /// # Errors
    /// It is not made for a long time, or it does not wait.
    pub(crate) async fn passed(self) -> Result<Box<GatePass>, Failure> {
        let Self { tasks, own, second, tenant, order, fails_when_open } = self;
        let _tasks = match tasks {
            Some((tasks, Some(permit))) => Some((permit, tasks)),
            Some((tasks, None)) => Some((tasks.passed((&tenant, order), false).await?, tasks)),
            None => None,
        };
        loop {
            let first = match &own {
                Some(own) => Some((own.passed((&tenant, order), fails_when_open).await?, own.clone())),
                None => None,
            };
            let Some(gate) = second.gate() else {
                return Ok(Box::new(GatePass { _tasks, own: first, second: None }));
            };
            let permit = gate.passed((&tenant, order), fails_when_open).await?;
            // The tool may have stopped working, or have asked to be left alone, while the call was in the second line.
            if first.as_ref().is_none_or(|(permit, own)| own.is_closed_circuit() || permit.is_probe()) {
                return Ok(Box::new(GatePass { _tasks, own: first, second: Some((permit, second)) }));
            }
        }
    }

    /// The pass of a call that finds nobody in line, and may be made; else the turn that it waits for.
    pub(crate) fn pass(mut self) -> Result<Box<GatePass>, Self> {
        if let Some((tasks, permit)) = &mut self.tasks {
            *permit = tasks.pass(&self.tenant);
            if permit.is_none() {
                return Err(self);
            }
        }
        let Ok(own) = passed_at(self.own.as_ref(), &self.tenant) else { return Err(self) };
        let Ok(second) = passed_at(self.second.gate(), &self.tenant) else { return Err(self) };
        Ok(Box::new(GatePass {
            _tasks: self.tasks.and_then(|(tasks, permit)| Some((permit?, tasks))),
            own: own.zip(self.own),
            second: second.map(|permit| (permit, self.second)),
        }))
    }

    /// The pass, if the call need not wait, or the wait for it.
    pub(crate) fn try_pass(self) -> Result<Box<GatePass>, PlaceWait> {
        let turn = match self.pass() {
            Ok(pass) => return Ok(pass),
            Err(turn) => turn,
        };
        let mut passed: PlaceWait = Box::pin(turn.passed());
        match passed.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(pass)) => Ok(pass),
            Poll::Ready(Err(failure)) => Err(Box::pin(ready(Err(failure)))),
            Poll::Pending => Err(passed),
        }
    }
}

/// The permit of a gate, where there is one; an error where the call has to wait at it.
fn passed_at(gate: Option<&Arc<DrivenGate>>, tenant: &TenantCode) -> Result<Option<GatePermit>, ()> {
    gate.map(|gate| gate.pass(tenant).ok_or(())).transpose()
}

impl GatePass {
    /// The gates whose limits it has passed: that of its tenant, and the one that all share.
    pub(super) fn gates(&self) -> Option<(Arc<DrivenGate>, Option<Arc<DrivenGate>>)> {
        let shared = match &self.second {
            Some((_, Second::Shared(gate))) => Some(gate.clone()),
            _ => None,
        };
        self.own.as_ref().map(|(_, own)| (own.clone(), shared))
    }

    /// The call is made: it counts, whatever becomes of it.
    pub(crate) fn made(mut self: Box<Self>) -> Box<Self> {
        if let Some((permit, _)) = &mut self.own {
            permit.made();
        }
        if let Some((permit, _)) = &mut self.second {
            permit.made();
        }
        self
    }

    /// Whether it counts at its tool, and not for its tenant alone.
    pub(crate) fn is_of_tool(&self) -> bool {
        self.own.is_some() || self.second.is_some()
    }

    /// The pass of a call that counts at its tool by the second, and for its tenant by the first.
    pub(crate) fn at_tool_as(of_tenant: Option<Box<Self>>, of_tool: Box<Self>) -> Box<Self> {
        match of_tenant {
            Some(mut pass) => {
                (pass.own, pass.second) = (of_tool.own, of_tool.second);
                pass
            }
            None => of_tool,
        }
    }

    /// The call has ended; returns whether its circuit has opened by that, and `None` if its tenant has no gate. What its tool asks
    /// for counts for all that are counted together.
    pub(super) fn ended(&self, end: CallEnd) -> Option<bool> {
        let has_opened = self.own.as_ref().map(|(permit, gate)| gate.ended(Some(permit), end));
        if let (Some((permit, Second::Shared(gate))), CallEnd::Asked(_)) = (&self.second, end) {
            gate.ended(Some(permit), end);
        }
        has_opened
    }
}
