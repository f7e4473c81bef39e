//! The root: the data of one evaluation, read from JSON text at its first use, and its meter.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use updraft_protocol::limits::EVALUATION_WORK;
use updraft_protocol::{Failure, Json, TaskStatus, Timestamp};

use super::Spent;
use super::read;
use super::value::{Growing, Operand, shared};
use crate::meter::{Meter, Refusal, Result};
use crate::outline::Outline;
use crate::references::References;
use crate::references::WantedPart;
use crate::visible::{ANSWER_FIELDS, Visible};

/// The memory of the text of an instant while it is written.
const INSTANT_BYTES: usize = 128;

/// The data that the templates of one evaluation see.
#[derive(Debug)]
pub(super) struct Root<'r> {
    pub(super) meter: Meter,
    references: &'r References,
    input: Lazy,
    variables: Lazy,
    constants: Lazy,
    /// The variables that steps have set.
    set: Vec<(Arc<str>, Outlined)>,
    /// All variables, those that steps have set over the others.
    all_variables: OnceCell<Result<Operand>>,
    /// The names of loops that are read.
    locals: BTreeMap<&'r str, Lazy>,
    steps: OnceCell<Result<Operand>>,
    now: Timestamp,
    /// The steps that are named and that have run.
    views: BTreeMap<&'r str, EndedStep>,
}

#[derive(Debug)]
struct Lazy {
    text: Option<Outlined>,
    value: OnceCell<Result<Operand>>,
}

/// A text with its outline, if it has one.
#[derive(Debug)]
struct Outlined {
    text: Json,
    outline: Option<Arc<Outline>>,
}

#[derive(Debug)]
struct EndedStep {
    status: TaskStatus,
    output: Option<Outlined>,
    error: Option<Failure>,
}

impl<'r> Root<'r> {
    /// The part of `visible` that `references` names.
    pub(super) fn new(references: &'r References, visible: &dyn Visible) -> Self {
        Self::within(references, visible, EVALUATION_WORK)
    }

    /// The same, for an evaluation that may take so many units of work.
    pub(super) fn within(references: &'r References, visible: &dyn Visible, work: u64) -> Self {
        let outlined = |text: &Json| Outlined { text: text.clone(), outline: visible.outline(text) };
        let lazy =
            |read: bool, text: &Json| Lazy { text: read.then(|| outlined(text)), value: OnceCell::new() };
        let set = if references.variables { visible.set_variables() } else { Vec::new() };
        let local = |name: &'r String| Some((name.as_str(), lazy(true, visible.local(name)?)));
        let view = |id: &'r String| {
            let view = visible.step(id)?;
            let output = view.output.map(outlined);
            let view = EndedStep { status: view.status, output, error: view.error.cloned() };
            Some((id.as_str(), view))
        };
        Self {
            meter: Meter::with_work(work),
            references,
            input: lazy(references.input, visible.input()),
            variables: lazy(references.variables, visible.variables()),
            constants: lazy(references.constants, visible.constants()),
            set: set.into_iter().map(|(name, text)| (name, outlined(&text))).collect(),
            all_variables: OnceCell::new(),
            locals: references.locals.iter().filter_map(local).collect(),
            steps: OnceCell::new(),
            now: visible.now(),
            views: references.steps.keys().filter_map(view).collect(),
        }
    }

    /// The charges so far.
    pub(super) fn spent(&self) -> Spent {
        let (work, bytes) = self.meter.taken();
        Spent { work, bytes }
    }

    pub(super) fn input(&self) -> Result<Operand> {
        self.input.get(&self.meter, "input", self.references.wanted.all())
    }

    pub(super) fn variables(&self) -> Result<Operand> {
        let given = || self.variables.get(&self.meter, "variables", self.references.wanted.all());
        if self.set.is_empty() {
            return given();
        }
        let all = || self.with_set(given()?);
        self.all_variables.get_or_init(all).clone()
    }

    pub(super) fn constants(&self) -> Result<Operand> {
        self.constants.get(&self.meter, "constants", self.references.wanted.all())
    }

    /// The variables with those over them that steps have set.
    fn with_set(&self, given: Operand) -> Result<Operand> {
        let wanted = self.references.wanted.all().field("variables");
        let mut all = Growing::new(&self.meter);
        if let Operand::Map(given) = &given {
            for (name, value) in given.iter() {
                all.push((name.clone(), value.clone()))?;
            }
        }
        // Of equal names the last is kept.
        for (name, text) in self.set.iter().rev() {
            if let Some(wanted) = wanted.and_then(|variables| variables.field(name)) {
                let value = text
                    .read(&self.meter, wanted)
                    .map_err(|refusal| named(refusal, &format!("variables.{name}")))?;
                all.push((shared(&self.meter, name)?, value))?;
            }
        }
        Operand::map(&self.meter, all.finish())
    }

    /// The instant at which the task began, as the filters of dates write instants.
    pub(super) fn now(&self) -> Result<Operand> {
        self.meter.make(INSTANT_BYTES)?;
        Operand::text(&self.meter, &self.now.to_string())
    }

    /// The value of a name that a loop gives.
    pub(super) fn local(&self, name: &str) -> Result<Operand> {
        let wanted = self.references.wanted.all();
        self.locals.get(name).map_or(Ok(Operand::Undefined), |local| local.get(&self.meter, name, wanted))
    }

    pub(super) fn steps(&self) -> Result<Operand> {
        let steps = || {
            let wanted = self.references.wanted.all().field("steps");
            let mut steps = Growing::new(&self.meter);
            for (id, view) in &self.views {
                if let Some(wanted) = wanted.and_then(|steps| steps.field(id)) {
                    let value = view
                        .value(&self.meter, wanted)
                        .map_err(|refusal| named(refusal, &format!("steps.{id}")))?;
                    steps.push((shared(&self.meter, id)?, value))?;
                }
            }
            Operand::map(&self.meter, steps.finish())
        };
        self.steps.get_or_init(steps).clone()
    }
}

impl Outlined {
    fn read(&self, meter: &Meter, wanted: WantedPart<'_>) -> Result<Operand> {
        read::read(meter, self.text.as_str(), self.outline.as_deref(), wanted)
    }
}

impl Lazy {
    fn get(&self, meter: &Meter, name: &str, wanted: WantedPart<'_>) -> Result<Operand> {
        let value = || match (&self.text, wanted.field(name)) {
            (Some(text), Some(wanted)) => text.read(meter, wanted).map_err(|refusal| named(refusal, name)),
            _ => Ok(Operand::Undefined),
        };
        self.value.get_or_init(value).clone()
    }
}

/// The refusal with the name of the data that could not be read.
fn named(refusal: Refusal, name: &str) -> Refusal {
    Refusal::Said(format!("`{name}` cannot be read: {refusal}").into())
}

impl EndedStep {
    /// The part of it that `wanted` names.
    fn value(&self, meter: &Meter, wanted: WantedPart<'_>) -> Result<Operand> {
        let mut fields = Growing::new(meter);
        if wanted.field("status").is_some() {
            fields.push((shared(meter, "status")?, Operand::text(meter, self.status.as_str())?))?;
        }
        if let (Some(output), Some(wanted)) = (&self.output, wanted.field("output")) {
            fields.push((shared(meter, "output")?, output.read(meter, wanted)?))?;
        }
        if let (Some(error), Some(wanted)) = (&self.error, wanted.field("error")) {
            let mut parts = Growing::new(meter);
            for (name, text) in [("kind", error.kind.as_str()), ("message", error.message.as_str())] {
                parts.push((shared(meter, name)?, Operand::text(meter, text)?))?;
            }
            if let Some(answer) = &error.answer
                && ANSWER_FIELDS.iter().any(|name| wanted.field(name).is_some())
                && let Operand::Map(answer) = read::read(meter, answer.as_str(), None, wanted)?
            {
                for (name, value) in answer.iter().filter(|(name, _)| ANSWER_FIELDS.contains(&name.as_ref()))
                {
                    parts.push((name.clone(), value.clone()))?;
                }
            }
            fields.push((shared(meter, "error")?, Operand::map(meter, parts.finish())?))?;
        }
        Operand::map(meter, fields.finish())
    }
}
