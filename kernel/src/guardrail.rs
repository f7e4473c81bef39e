//! Guardrails: whether an operator lets playbooks make a call. Owns the checks of a guardrail, which calls it concerns, and what
//! it says of one. Reads no clock; counts nothing itself (`cap` does, for the caller who keeps the counts).

mod cap;
mod concern;
mod hours;
mod mistake;
mod only;
mod protected;
mod set;
mod target;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt;

use updraft_protocol::limits::{
    GUARDRAIL_CAP, GUARDRAIL_NAMES, GUARDRAIL_TARGETS, GUARDRAIL_WINDOW, GUARDRAIL_WINDOW_MIN, SPAN,
};
use updraft_protocol::suggest::suggestion;
use updraft_protocol::{
    Cap, Catalogue, Effect, Guardrail, Name, OverCap, Span, TenantCode, Timestamp, UnknownTarget,
};

pub use cap::{CapAsk, CapCount, CapLine, CapVerdict};
pub use concern::GuardrailConcern;
use hours::Hours;
pub use mistake::GuardrailMistake;
use mistake::Mistakes;
use only::Only;
use protected::Protected;
pub use set::GuardrailSet;
pub use target::CallTargets;
pub(crate) use target::one_spelling;

/// A guardrail whose parts make sense.
#[derive(Debug)]
pub struct PlannedGuardrail {
    form: Guardrail,
    tenants: HashSet<TenantCode>,
    calls: Vec<Tool>,
    protected: Option<Protected>,
    hours: Option<Hours>,
    only: Option<Only>,
}

/// The tool that a guardrail concerns.
#[derive(Debug)]
enum Tool {
    Integration(Name),
    Action(Name, Name),
}

/// A call that a playbook wants to make.
#[derive(Debug, Clone, Copy)]
pub struct GuardedCall<'a> {
    /// For whom.
    pub tenant: &'a TenantCode,
    /// The tool.
    pub integration: &'a Name,
    /// What it is to do.
    pub action: &'a Name,
    /// Its effect.
    pub effect: Effect,
    /// Whether it takes back what another call did.
    pub is_undo: bool,
    /// What it is done to.
    pub targets: &'a CallTargets,
    /// The hosts and ports to which it may lead, of a tool that is named by URLs; `None` where that is not known.
    pub hosts: Option<&'a [String]>,
}

/// What of a guardrail refuses a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GuardrailRule {
    /// Its kill switch.
    KillSwitch,
    /// Its protected targets.
    Protected,
    /// Its hours.
    Hours,
    /// The calls that it lets pass at all.
    Only,
    /// Its cap.
    Cap,
}

/// Why a call is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardrailRefusal {
    /// The guardrail.
    pub guardrail: Name,
    /// What of it.
    pub rule: GuardrailRule,
    /// Why, for people.
    pub why: String,
}

impl fmt::Display for GuardrailRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "guardrail \"{}\" ({}): {}", self.guardrail, self.rule.as_str(), self.why)
    }
}

impl GuardrailRule {
    /// All rules.
    pub const ALL: [Self; 5] = [Self::KillSwitch, Self::Protected, Self::Hours, Self::Only, Self::Cap];

    /// The text in the audit and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KillSwitch => "kill_switch",
            Self::Protected => "protected",
            Self::Hours => "hours",
            Self::Only => "only",
            Self::Cap => "cap",
        }
    }
}

impl PlannedGuardrail {
    /// A guardrail as it was written, checked. With a catalogue, the tools that it names have to be there.
    ///
    /// # Errors
    /// What makes no sense in it, each with its place.
    pub fn checked(form: Guardrail, catalogue: Option<&Catalogue>) -> Result<Self, Vec<GuardrailMistake>> {
        let mut mistakes = Mistakes::default();
        let calls = tools(&form, catalogue, &mut mistakes);
        sizes(&form, &mut mistakes);
        if let Some(cap) = &form.cap {
            check_cap(cap, &mut mistakes);
        }
        let is_empty =
            form.cap.is_none() && form.protected.is_none() && form.hours.is_none() && form.only.is_none();
        if is_empty && !form.kill_switch {
            let message = "it says nothing: write `kill_switch`, `cap`, `protected`, `hours` or `only`";
            mistakes.add("", message);
        }
        if form.stops_undo && !form.kill_switch {
            mistakes.add("stops_undo", "only a kill switch stops undos");
        }
        let protected = form.protected.as_ref().map(|targets| Protected::checked(targets, &mut mistakes));
        let hours = form.hours.as_ref().and_then(|hours| Hours::checked(hours, &mut mistakes));
        let only = form.only.as_ref().map(|only| Only::checked(only, &mut mistakes));
        let mistakes = mistakes.into_vec();
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let tenants = form.tenants.iter().cloned().collect();
        Ok(Self { form, tenants, calls, protected, hours, only })
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.form.name
    }

    /// As it was written.
    pub fn form(&self) -> &Guardrail {
        &self.form
    }

    /// Its cap, if it has one.
    pub fn cap(&self) -> Option<&Cap> {
        self.form.cap.as_ref()
    }

    /// Whether it concerns calls of a tenant, whatever they are.
    pub fn is_for(&self, tenant: &TenantCode) -> bool {
        self.tenants.is_empty() || self.tenants.contains(tenant)
    }

    /// Whether it concerns calls of this action, for some tenant.
    pub fn names(&self, integration: &Name, action: &Name, effect: Effect) -> bool {
        self.names_tool(integration, action) && self.form.effect.is_none_or(|named| named == effect)
    }

    /// Whether it concerns calls of this action, for some tenant and of some effect.
    pub fn names_tool(&self, integration: &Name, action: &Name) -> bool {
        self.calls.is_empty()
            || self.calls.iter().any(|tool| match tool {
                Tool::Integration(named) => named == integration,
                Tool::Action(named, of) => named == integration && of == action,
            })
    }

    /// Whether it concerns a call.
    pub fn concerns(&self, call: &GuardedCall<'_>) -> bool {
        self.is_for(call.tenant) && self.names(call.integration, call.action, call.effect)
    }

    /// Whether its cap counts a call: an undo is never held up by what was done.
    pub fn caps(&self, call: &GuardedCall<'_>) -> Option<&Cap> {
        self.form.cap.as_ref().filter(|_| !call.is_undo && self.concerns(call))
    }

    /// Why it refuses a call, whatever was counted.
    pub fn refusal(&self, call: &GuardedCall<'_>, now: Timestamp) -> Option<GuardrailRefusal> {
        if !self.concerns(call) {
            return None;
        }
        let refuse = |rule, why| Some(GuardrailRefusal { guardrail: self.name().clone(), rule, why });
        if self.form.kill_switch && (!call.is_undo || self.form.stops_undo) {
            return refuse(GuardrailRule::KillSwitch, "no such call is made".to_owned());
        }
        if let Some(Err(why)) = self.only.as_ref().map(|only| only.allows(call.effect, call.hosts)) {
            return refuse(GuardrailRule::Only, why);
        }
        if call.is_undo {
            return None;
        }
        if let Some(why) = self.protects(call) {
            return refuse(GuardrailRule::Protected, why);
        }
        if let Some(Err(local)) = self.hours.as_ref().map(|hours| hours.at(now)) {
            return refuse(GuardrailRule::Hours, format!("no such call is made at this time ({local})"));
        }
        None
    }

    /// Why it protects what a call is done to.
    fn protects(&self, call: &GuardedCall<'_>) -> Option<String> {
        let protected = self.protected.as_ref()?;
        if let Some((text, _)) = call.targets.named.iter().find(|(_, target)| protected.has(target)) {
            return Some(format!("`{text}` is protected"));
        }
        if call.effect == Effect::Read {
            return None;
        }
        if let Some((text, why)) = &call.targets.unreadable {
            return Some(format!("`{text}` is taken for protected, as {why}"));
        }
        let unknown =
            self.form.protected.as_ref().is_some_and(|targets| targets.unknown == UnknownTarget::Refuse);
        let message = "its target is not known, so that it is taken for protected";
        (!call.targets.known && unknown).then(|| message.to_owned())
    }
}

/// The tools that a guardrail names, with their mistakes.
fn tools(form: &Guardrail, catalogue: Option<&Catalogue>, mistakes: &mut Mistakes) -> Vec<Tool> {
    let mut tools = Vec::new();
    for (at, text) in form.calls.iter().enumerate() {
        let place = format!("for[{at}]");
        // Both names may have dots: an integration of the whole name goes first.
        let whole = Name::new(text).ok();
        let known = |name: &Name| catalogue.is_none_or(|catalogue| catalogue.actions(name).is_some());
        let split = text.split_once('.').and_then(|(a, b)| Some((Name::new(a).ok()?, Name::new(b).ok()?)));
        match (whole, split) {
            (Some(whole), split) if known(&whole) && (catalogue.is_some() || split.is_none()) => {
                tools.push(Tool::Integration(whole));
            }
            (_, Some((integration, action))) => {
                let actions = catalogue.map(|catalogue| catalogue.actions(&integration));
                match actions {
                    Some(Some(actions)) if !actions.contains(action.as_str()) => {
                        let near = suggestion(action.as_str(), actions.iter().map(String::as_str));
                        mistakes.add(&place, format!("\"{integration}\" has no action \"{action}\"{near}"));
                    }
                    Some(None) => mistakes.add(&place, no_integration(&integration, catalogue)),
                    _ => tools.push(Tool::Action(integration, action)),
                }
            }
            (Some(whole), None) => mistakes.add(&place, no_integration(&whole, catalogue)),
            (None, None) => mistakes.add(&place, "write an integration (`edr`) or an action (`edr.isolate`)"),
        }
    }
    tools
}

fn no_integration(name: &Name, catalogue: Option<&Catalogue>) -> String {
    let known = catalogue.into_iter().flat_map(Catalogue::integrations).map(Name::as_str);
    format!("no integration \"{name}\"{}", suggestion(name.as_str(), known))
}

/// No list is longer than it may be.
fn sizes(form: &Guardrail, mistakes: &mut Mistakes) {
    let mut most = |place: &str, length: usize, most: usize| {
        if length > most {
            mistakes.add(place, format!("at most {most}"));
        }
    };
    most("tenants", form.tenants.len(), GUARDRAIL_NAMES);
    most("for", form.calls.len(), GUARDRAIL_NAMES);
    if let Some(protected) = &form.protected {
        most("protected.hosts", protected.hosts.len(), GUARDRAIL_TARGETS);
        most("protected.ips", protected.ips.len(), GUARDRAIL_TARGETS);
        most("protected.users", protected.users.len(), GUARDRAIL_TARGETS);
    }
    if let Some(only) = &form.only {
        most("only.hosts", only.hosts.len(), GUARDRAIL_TARGETS);
    }
}

/// A cap has to have a number, and what it says beside has to be about it.
fn check_cap(cap: &Cap, mistakes: &mut Mistakes) {
    if cap.calls.is_none() && cap.active.is_none() {
        mistakes.add("cap", "it has no number: write `calls` and `per`, or `active`");
    }
    match (cap.calls, cap.per) {
        (Some(_), None) => mistakes.add("cap.per", "so many calls in which time?"),
        (None, Some(_)) => mistakes.add("cap.calls", "how many calls in this time?"),
        (_, Some(per)) if per.0 < GUARDRAIL_WINDOW_MIN || per.0 > GUARDRAIL_WINDOW => {
            let (least, most) = (Span(GUARDRAIL_WINDOW_MIN), Span(GUARDRAIL_WINDOW));
            mistakes.add("cap.per", format!("a time from {least} to {most}"));
        }
        _ => {}
    }
    for (place, number) in [("cap.calls", cap.calls), ("cap.active", cap.active)] {
        if number.is_some_and(|number| number.get() > GUARDRAIL_CAP) {
            mistakes.add(place, format!("at most {GUARDRAIL_CAP}; what is faster is a rate of the tool"));
        }
    }
    if cap.wait.is_some() && cap.over != OverCap::Wait {
        mistakes.add("cap.wait", "nothing waits for room unless `over` is `wait`");
    }
    if cap.ask.is_some() && cap.over != OverCap::Ask {
        mistakes.add("cap.ask", "nobody is asked unless `over` is `ask`");
    }
    let timeout = cap.ask.as_ref().and_then(|ask| ask.timeout);
    for (place, span) in [("cap.wait", cap.wait), ("cap.ask.timeout", timeout)] {
        if span.is_some_and(|span| span.0.is_zero() || span.0 > SPAN) {
            mistakes.add(place, format!("a time of at most {}", Span(SPAN)));
        }
    }
    check_people(cap, mistakes);
}

fn check_people(cap: &Cap, mistakes: &mut Mistakes) {
    use updraft_protocol::limits::{APPROVAL_PEOPLE, APPROVAL_QUORUM, KEY_BYTES};
    let Some(ask) = &cap.ask else { return };
    let quorum = ask.quorum.map_or(1, std::num::NonZeroU32::get);
    if quorum > APPROVAL_QUORUM {
        mistakes.add("cap.ask.quorum", format!("at most {APPROVAL_QUORUM}"));
    }
    if ask.group.is_none() && !ask.assignees.is_empty() && quorum as usize > ask.assignees.len() {
        mistakes.add("cap.ask.quorum", "more people than are asked");
    }
    if ask.assignees.len() > APPROVAL_PEOPLE {
        mistakes.add("cap.ask.assignees", format!("at most {APPROVAL_PEOPLE}"));
    }
    let fits = |name: &str| (1..=KEY_BYTES).contains(&name.trim().len()) && name.trim() == name;
    for (at, name) in ask.assignees.iter().enumerate().filter(|(_, name)| !fits(name)) {
        let _ = name;
        mistakes.add(&format!("cap.ask.assignees[{at}]"), "this is no name of a person");
    }
    if ask.group.as_deref().is_some_and(|group| !fits(group)) {
        mistakes.add("cap.ask.group", "this is no name of a group");
    }
}
