//! The outline of a translated playbook: what its author called each step, and which native steps the translation made besides. Read
//! from the native playbook, so that it is there for what runs as well; what a step does is said by the file, or else by what the
//! playbook is exported as. Changes nothing.

use std::collections::BTreeSet;

use updraft_protocol::outline::{AuthorOutline, Outlined, OutlinedStep};
use updraft_protocol::playbook::{Step, StepKind};
use updraft_protocol::{Playbook, Timestamp};

use crate::described::parted;
use crate::export::{export, id_of};
use crate::model::{ActionStep, CacaoId, CacaoPlaybook, WorkflowStep, WorkflowStepKind};
use crate::read::read;

/// The outline of a native playbook that was translated from CACAO; `None` of any other.
pub fn outline(native: &Playbook) -> Option<AuthorOutline> {
    let is_a = |id: &str, word: &str| id.strip_prefix(word).is_some_and(|rest| rest.starts_with("--"));
    let walk = native.walk();
    let of_cacao = |id: &str| WorkflowStepKind::WORDS.iter().any(|word| is_a(id, word));
    let is_one = is_a(native.name.as_str(), "playbook") && walk.iter().all(|step| of_cacao(step.id.as_str()));
    if !is_one || walk.is_empty() {
        return None;
    }
    // A condition that CACAO cannot say is told as it is, so that what is exported need not be sound.
    let exported = read(export(native).json.to_string().as_bytes()).playbook;
    Some(outline_with(native, exported.as_ref()))
}

/// The same, with what the file says of its steps.
pub(crate) fn outline_with(native: &Playbook, written: Option<&CacaoPlaybook>) -> AuthorOutline {
    let (name, description) = parted(native.description.as_deref().unwrap_or(native.name.as_str()));
    let modified = Timestamp(u64::from(native.version) * 1_000).to_string();
    let modified = modified.split('.').next().unwrap_or_default().replacen('T', " ", 1);
    let walk = native.walk();
    let reader = Reader {
        written,
        ids: walk.iter().map(|step| step.id.as_str().to_owned()).collect(),
        calls: walk.iter().filter_map(|walked| once(walked.step)).flatten().filter_map(id).collect(),
    };
    let steps = walk.iter().map(|walked| {
        let id = walked.id.as_str();
        (id.to_owned(), reader.outlined(id, walked.step))
    });
    AuthorOutline {
        name: name.to_owned(),
        version: format!("{} · modified {modified}Z", native.name),
        description: description.unwrap_or_default().to_owned(),
        has_start: walk.first().is_some_and(|first| first.id.as_str().starts_with("start--")),
        steps: steps.collect(),
    }
}

/// The words behind the id of a step that native steps of it have.
const PARTS: [&str; 6] = ["delay", "variables", "copies", "result", "out", "join"];

struct Reader<'p> {
    written: Option<&'p CacaoPlaybook>,
    /// The ids of all native steps.
    ids: BTreeSet<String>,
    /// The ids of those that stand in a loop of one round.
    calls: BTreeSet<&'p str>,
}

impl Reader<'_> {
    fn outlined(&self, id: &str, step: &Step) -> Outlined {
        let (base, word) = self.parted(id);
        if self.calls.contains(id) && !base.is_empty() {
            return Outlined::PartOf(base.to_owned());
        }
        let is_end = id.starts_with("end--");
        match &step.kind {
            StepKind::Delay(_) if word == "delay" => Outlined::PartOf(base.to_owned()),
            StepKind::Set(_) if word == "return" => Outlined::Passed,
            StepKind::Set(_) if PARTS.contains(&word) => Outlined::PartOf(base.to_owned()),
            StepKind::Set(_) if is_end => match self.name(step) {
                Some(name) => Outlined::Mark(name),
                None => Outlined::Passed,
            },
            StepKind::End(_) => Outlined::Mark(self.name(step).unwrap_or_else(|| "end".to_owned())),
            StepKind::Set(set) if set.set.is_empty() && !self.has_parts(id) => {
                Outlined::Mark(self.name(step).unwrap_or_else(|| "start".to_owned()))
            }
            _ => Outlined::Step(self.step(id, step)),
        }
    }

    /// The step that an id belongs to, and the word behind it; both empty where it is a step of its own.
    fn parted<'i>(&self, id: &'i str) -> (&'i str, &'i str) {
        let dots = id.char_indices().rev().filter(|(_, c)| *c == '.');
        let mut parts = dots.filter_map(|(at, _)| Some((id.get(..at)?, id.get(at + 1..)?)));
        let part = parts.find(|(base, _)| self.ids.contains(*base));
        part.map_or(("", ""), |(base, rest)| (base, rest.split('.').next().unwrap_or(rest)))
    }

    fn has_parts(&self, id: &str) -> bool {
        PARTS.iter().any(|part| self.ids.contains(&format!("{id}.{part}")))
    }

    /// The name that the author gave, unless it says no more than the kind.
    fn name(&self, step: &Step) -> Option<String> {
        let name = parted(step.description.as_deref()?).0.trim();
        let says_more =
            !name.is_empty() && !name.eq_ignore_ascii_case("end") && !name.eq_ignore_ascii_case("start");
        says_more.then(|| name.to_owned())
    }

    fn step(&self, id: &str, step: &Step) -> OutlinedStep {
        let described = step.description.as_deref().filter(|text| !text.trim().is_empty());
        let (name, more) = described.map_or(("", None), parted);
        let workflow = self.workflow(id);
        let (does, bodies) = match (&step.kind, workflow) {
            (StepKind::Set(set), _) => {
                let names: Vec<&str> = set.set.keys().map(String::as_str).collect();
                (Some(format!("takes {}", names.join(", "))), Vec::new())
            }
            (StepKind::Fail(_), _) => (Some("the execution has failed".to_owned()), Vec::new()),
            (_, Some(workflow)) => (self.does(workflow), bodies(workflow)),
            (_, None) => (None, Vec::new()),
        };
        let name = if name.is_empty() { short(id) } else { name.to_owned() };
        OutlinedStep { name, description: more.unwrap_or_default().to_owned(), does, bodies }
    }

    /// The step of the file, or of what the playbook is exported as: that has the same id where it has the form of the standard.
    fn workflow(&self, id: &str) -> Option<&WorkflowStep> {
        let steps = &self.written?.steps;
        let base = [".exception", ".again"].iter().find_map(|word| Some(id.rsplit_once(word)?.0));
        let (word, _) = id.split_once("--")?;
        steps.get(id).or_else(|| steps.get(base?)).or_else(|| steps.get(id_of(word, id).as_str()))
    }

    /// What a step does; none where the native words say it.
    fn does(&self, step: &WorkflowStep) -> Option<String> {
        match &step.kind {
            WorkflowStepKind::Action(action) => Some(self.commands(action)),
            WorkflowStepKind::If(choice) => Some(format!("if {}", choice.condition)),
            WorkflowStepKind::While(repeat) => Some(format!("while {}", repeat.condition)),
            WorkflowStepKind::Switch(switch) => Some(format!("switch {}", switch.switch)),
            _ => None,
        }
    }

    /// The types of the commands, who executes them, and on what: `http-api · SOARCA → Firewall`.
    fn commands(&self, action: &ActionStep) -> String {
        let mut words: Vec<&str> = Vec::new();
        for command in &action.commands {
            if !words.contains(&command.kind.word()) {
                words.push(command.kind.word());
            }
        }
        let mut does = words.join(", ");
        if action.agent.as_str() != id_of("security-category", "updraft") {
            does.extend(self.called(&action.agent).map(|agent| format!(" · {agent}")));
        }
        let targets: Vec<&str> = action.targets.iter().filter_map(|id| self.called(id)).collect();
        if !targets.is_empty() {
            does.push_str(&format!(" → {}", targets.join(", ")));
        }
        does
    }

    /// The name of an agent or a target. A stored playbook has no name of a machine: its native variable is called as its id.
    fn called(&self, id: &CacaoId) -> Option<&str> {
        let written = self.written?;
        let known = written.agents.get(id).or_else(|| written.targets.get(id))?;
        let (word, _) = id.as_str().split_once("--")?;
        let repeats = known.name.starts_with(&format!("{}__", word.replace('-', "_")));
        (!repeats).then_some(known.name.as_str())
    }
}

/// The titles of what a step opens, in the words of the standard.
fn bodies(step: &WorkflowStep) -> Vec<String> {
    match &step.kind {
        WorkflowStepKind::If(_) => vec!["on_true".to_owned(), "on_false".to_owned()],
        WorkflowStepKind::While(_) => vec!["on_true · each round".to_owned()],
        WorkflowStepKind::Switch(switch) => {
            let cases = switch.cases.keys().filter(|case| *case != "default");
            cases.map(String::as_str).chain(["default"]).map(str::to_owned).collect()
        }
        WorkflowStepKind::Parallel(parallel) => {
            (1..=parallel.next_steps.len()).map(|number| format!("branch {number}")).collect()
        }
        _ => Vec::new(),
    }
}

/// What stands in the loop of one round that the translation makes.
fn once(step: &Step) -> Option<&[Step]> {
    let StepKind::Repeat(repeat) = &step.kind else { return None };
    let is_ours = !id(step)?.starts_with("while-condition--");
    is_ours.then_some(repeat.body.steps.as_slice())
}

fn id(step: &Step) -> Option<&str> {
    step.id.as_ref().map(|id| id.as_str())
}

/// The kind of a step and the end of its UUID, for one without a name.
fn short(id: &str) -> String {
    let (word, rest) = id.split_once("--").unwrap_or((id, ""));
    let uuid = rest.split('.').next().unwrap_or(rest);
    // A start and an end are told by where they are.
    match (word, uuid.char_indices().rev().nth(5)) {
        ("start" | "end", _) => word.to_owned(),
        (_, Some((at, _))) => format!("{word} …{}", uuid.get(at..).unwrap_or_default()),
        (_, None) => format!("{word} {uuid}"),
    }
}
