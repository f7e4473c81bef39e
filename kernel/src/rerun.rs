//! Reruns: which results of an execution that has ended a new one takes over. Decides by the documents and the playbooks alone;
//! which of these results the new execution comes to before anything runs is found by its machine (`machine/rerun.rs`).

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;
use updraft_protocol::playbook::{Body, Step};
use updraft_protocol::{
    Declaration, Json, Playbook, ScopePath, StepId, TaskDocument, TaskId, TaskStatus, Value,
};

use crate::plan::{DO, Follows, Plan, PlannedKind, PlannedRepeat, PlannedStep};

mod following;
mod note;
mod standing;

use following::Following;
pub use note::noted;
pub use standing::{Standing, containments_of, parents_of, standings};

/// Why an execution cannot be run again as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RerunRefusal {
    /// Nobody knows whether these tasks acted, or whether it stands, as their undo failed, and no person has said it.
    #[error(
        "whether what these tasks did stands is not known, and has to be declared of each: {}",
        .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    Undeclared(Vec<TaskId>),
    /// What a task did is known.
    #[error("what task {0} did is known: nothing is to be declared of it")]
    NotUnknown(TaskId),
    /// The step from which it shall run again has not run.
    #[error("the execution has no task of a step \"{0}\"")]
    NotRun(StepId),
    /// The walk over the results did not come to its end, and what it has not come to may not be done twice.
    #[error("the templates between the results take too long to evaluate again: nothing was run")]
    TooMuchWork,
}

impl RerunRefusal {
    /// Whether trying again can help: never, the execution has ended.
    pub fn retryable(&self) -> bool {
        false
    }
}

/// What is run again.
#[derive(Debug)]
pub struct RerunPlan<'a> {
    /// The plan of the new execution.
    pub plan: &'a Plan,
    /// The playbooks of both, the older one first, where they are not the same.
    pub playbooks: Option<(&'a Playbook, &'a Playbook)>,
    /// The inputs of both, the older one first, where they are not the same: what may have come of what differs runs again, and
    /// so does every approval.
    pub inputs: Option<(&'a Json, &'a Json)>,
    /// The first step that runs again; where there is none, what has failed.
    pub from: Option<&'a StepId>,
    /// The tasks whose effect does not stand for certain.
    pub standings: &'a BTreeMap<TaskId, Standing>,
    /// What people say of the tasks of which it is not known whether they acted, or whether that stands.
    pub declared: &'a BTreeMap<TaskId, Declaration>,
}

/// A step in the run of a body.
type Place<'a> = (&'a str, &'a str);

impl RerunPlan<'_> {
    /// The results that may be taken over, in the order of their tasks.
    ///
    /// # Errors
    /// A task that may have acted and of which nothing is declared, or a step that has not run.
    pub fn results(&self, tasks: Vec<TaskDocument>) -> Result<Vec<TaskDocument>, RerunRefusal> {
        self.check(&tasks)?;
        let of_the_input = self.of_the_input();
        let spent = self.spent_loops(&tasks);
        let following = self.from.map(|from| Following::of(self.plan, from, &tasks));
        let runs_again = |task: &&TaskDocument| {
            following.as_ref().is_some_and(|following| following.has(task))
                || !self.stands(task)
                || of_the_input.contains(task.head.step_id.as_str())
                || openers(&task.head.scope).any(|opener| spent.contains(&place(opener)))
        };
        let opened = tasks.iter().filter(runs_again).flat_map(|task| openers(&task.head.scope));
        let again: BTreeSet<Place<'_>> = opened.chain(self.rounds_that_set(&tasks)).map(place).collect();
        let changed = self.changed();
        let failed = self.scopes_that_failed(&tasks);
        let is_result = |task: &&TaskDocument| {
            let head = &task.head;
            let is_told = task.state.status == TaskStatus::Failed && failed.contains(head.scope.as_str());
            self.is_result(task)
                && !is_told
                && !runs_again(task)
                && !again.contains(&(head.scope.as_str(), head.step_id.as_str()))
                && !changed.contains(head.step_id.as_str())
        };
        let found: Vec<&TaskDocument> = tasks.iter().filter(is_result).collect();
        let whole: BTreeSet<Place<'_>> =
            found.iter().map(|task| (task.head.scope.as_str(), task.head.step_id.as_str())).collect();
        let loops = self.changed_loops();
        // What was so before an action may have changed by the next time that it acts.
        let is_asked_anew = |task: &TaskDocument| {
            let asked = self.plan.index_of(&task.head.step_id).and_then(|step| self.plan.asks_for(step));
            asked.is_some_and(|action| {
                !whole.contains(&(task.head.scope.as_str(), self.plan.step(action).id.as_str()))
            })
        };
        // What ran inside of a result is read by nothing.
        let is_read = |task: &&&TaskDocument| {
            openers(&task.head.scope)
                .all(|opener| !whole.contains(&place(opener)) && self.opens_the_same(opener, &loops))
        };
        Ok(found
            .iter()
            .filter(is_read)
            .filter(|task| !is_asked_anew(task))
            .map(|task| self.taken_over(task))
            .collect())
    }

    fn check(&self, tasks: &[TaskDocument]) -> Result<(), RerunRefusal> {
        let unknown = tasks.iter().filter(|task| self.is_unknown(task));
        let unknown: BTreeSet<TaskId> = unknown.map(|task| task.task_request_id).collect();
        if let Some(known) = self.declared.keys().find(|task| !unknown.contains(task)) {
            return Err(RerunRefusal::NotUnknown(*known));
        }
        let undeclared: Vec<TaskId> =
            unknown.into_iter().filter(|task| !self.declared.contains_key(task)).collect();
        if !undeclared.is_empty() {
            return Err(RerunRefusal::Undeclared(undeclared));
        }
        match self.from {
            Some(from) if !tasks.iter().any(|task| task.head.step_id == *from) => {
                Err(RerunRefusal::NotRun(from.clone()))
            }
            _ => Ok(()),
        }
    }

    /// The steps whose results may be others for the new input.
    fn of_the_input(&self) -> BTreeSet<&str> {
        let Some((before, now)) = self.inputs else { return BTreeSet::new() };
        let (before, now) = (before.value(), now.value());
        let changed = match (&before, &now) {
            (Value::Object(before), Value::Object(now)) => {
                let names = before.keys().chain(now.keys()).map(String::as_str);
                Some(names.filter(|name| before.get(*name) != now.get(*name)).collect())
            }
            _ => None,
        };
        let steps = self.plan.come_of_input(changed.as_ref()).into_iter().map(|step| self.plan.step(step));
        // People have agreed to what was asked then.
        let is_approval = |step: &&PlannedStep| matches!(step.kind, PlannedKind::Approval(_));
        let approvals = self.plan.steps.iter().filter(is_approval);
        steps.chain(approvals).map(|step| step.id.as_str()).collect()
    }

    /// Whether a person has to say what stands of what a task did.
    fn is_unknown(&self, task: &TaskDocument) -> bool {
        match self.standings.get(&task.task_request_id) {
            Some(Standing::TakenBack) => false,
            Some(Standing::Doubtful) => true,
            None => task.state.status == TaskStatus::Unknown,
        }
    }

    /// Whether what a task did was not taken back, as far as it is known or declared.
    fn stands(&self, task: &TaskDocument) -> bool {
        let id = &task.task_request_id;
        match self.declared.get(id) {
            Some(declared) => *declared == Declaration::Acted,
            None => !self.standings.contains_key(id),
        }
    }

    /// Whether a task ended as its playbook takes it, of a kind of step that is not decided anew.
    fn is_result(&self, task: &TaskDocument) -> bool {
        let Some(step) = self.plan.index_of(&task.head.step_id).map(|index| self.plan.step(index)) else {
            return false;
        };
        let lasts = matches!(
            &step.kind,
            PlannedKind::Action(_)
                | PlannedKind::ForEach(_)
                | PlannedKind::Repeat(PlannedRepeat { verifies: None, .. })
                | PlannedKind::Delay(_)
                | PlannedKind::WaitUntil(_)
                | PlannedKind::WaitFor(_)
                | PlannedKind::Approval(_)
                | PlannedKind::SubPlaybook(_)
        );
        let (status, state) = (task.state.status, &task.state);
        let is_taken = match (status, self.declared.get(&task.task_request_id)) {
            (TaskStatus::Completed, _) | (TaskStatus::Unknown, Some(Declaration::Acted)) => true,
            (TaskStatus::Failed, _) => {
                step.follows(status, state).is_some_and(|follows| !matches!(follows, Follows::Unhandled))
            }
            _ => false,
        };
        step.is_named && lasts && is_taken
    }

    /// Whether a run of a body can be found again: nothing of what opens it has changed, and it is no cleanup.
    fn opens_the_same(&self, (outer, opener, body): Opener<'_>, loops: &BTreeSet<&str>) -> bool {
        let Some(index) = StepId::new(opener).ok().and_then(|id| self.plan.index_of(&id)) else {
            return false;
        };
        let step = self.plan.step(index);
        let is_found = step.is_named || self.playbooks.is_none() || outer.is_empty();
        let is_cleanup = step.cleanup.as_ref().is_some_and(|cleanup| cleanup.scope == body);
        match &step.kind {
            PlannedKind::Repeat(PlannedRepeat { verifies: Some(_), .. }) => false,
            PlannedKind::ForEach(_) | PlannedKind::Repeat(_) => {
                !is_cleanup && !loops.contains(opener) && (step.is_named || self.playbooks.is_none())
            }
            PlannedKind::Parallel(_) => !is_cleanup && is_found,
            PlannedKind::Finally(_) => body == DO && is_found,
            _ => false,
        }
    }

    fn taken_over(&self, task: &TaskDocument) -> TaskDocument {
        let mut taken = task.clone();
        // What it did is taken back by its own execution.
        (taken.state.undo, taken.state.registration_due) = (None, None);
        if self.declared.get(&task.task_request_id) == Some(&Declaration::Acted) {
            (taken.state.status, taken.state.error) = (TaskStatus::Completed, None);
        }
        taken
    }

    /// The loops that have failed although all that they repeat has completed: their rounds run again from the first, as they
    /// would fail again at once.
    fn spent_loops<'t>(&self, tasks: &'t [TaskDocument]) -> BTreeSet<Place<'t>> {
        let is_loop = |task: &&TaskDocument| {
            let step = self.plan.index_of(&task.head.step_id).map(|index| &self.plan.step(index).kind);
            matches!(step, Some(PlannedKind::Repeat(_)))
        };
        let has_failed = |task: &&TaskDocument| task.state.status != TaskStatus::Completed;
        let failed = tasks.iter().filter(is_loop).filter(|task| has_failed(task) && !self.is_result(task));
        let mut spent: BTreeSet<Place<'t>> =
            failed.map(|task| (task.head.scope.as_str(), task.head.step_id.as_str())).collect();
        for task in tasks.iter().filter(has_failed) {
            for opener in openers(&task.head.scope) {
                spent.remove(&place(opener));
            }
        }
        spent
    }

    /// The scopes that a `fail` has ended. What had failed there before was told of, and not handled.
    fn scopes_that_failed<'t>(&self, tasks: &'t [TaskDocument]) -> BTreeSet<&'t str> {
        let is_fail = |task: &&TaskDocument| {
            let step = self.plan.index_of(&task.head.step_id).map(|index| &self.plan.step(index).kind);
            matches!(step, Some(PlannedKind::End(_))) && task.state.status == TaskStatus::Failed
        };
        tasks.iter().filter(is_fail).map(|task| task.head.scope.as_str()).collect()
    }

    /// What opened the rounds in which a variable around them was set: it has its value only if they are walked.
    fn rounds_that_set<'t>(&self, tasks: &'t [TaskDocument]) -> impl Iterator<Item = Opener<'t>> {
        let kind_of = |step: &StepId| self.plan.index_of(step).map(|index| &self.plan.step(index).kind);
        let is_set =
            move |task: &&TaskDocument| matches!(kind_of(&task.head.step_id), Some(PlannedKind::Set(_)));
        let is_on_the_path = move |(_, opener, _): &Opener<'_>| {
            let kind = StepId::new(*opener).ok().and_then(|step| kind_of(&step));
            matches!(kind, Some(PlannedKind::Repeat(_) | PlannedKind::Finally(_)))
        };
        tasks.iter().filter(is_set).flat_map(move |task| openers(&task.head.scope).take_while(is_on_the_path))
    }

    /// The steps with a written id that do something else than before, or are new.
    fn changed(&self) -> BTreeSet<&str> {
        self.compared(|before, now| before.kind == now.kind)
    }

    /// The loops of which something else has changed than what they repeat.
    fn changed_loops(&self) -> BTreeSet<&str> {
        let own = |step: &Step| {
            let mut fields = serde_json::to_value(&step.kind).unwrap_or_default();
            fields.as_object_mut().and_then(|fields| fields.remove(DO));
            fields
        };
        self.compared(|before, now| own(before) == own(now))
    }

    fn compared(&self, is_same: impl Fn(&Step, &Step) -> bool) -> BTreeSet<&str> {
        let Some((before, now)) = self.playbooks else { return BTreeSet::new() };
        let (before, now) = (written(before), written(now));
        let differs = |(id, step): &(&&str, &&Step)| before.get(**id).is_none_or(|old| !is_same(old, step));
        now.iter().filter(differs).map(|(id, _)| *id).collect()
    }
}

/// What opened the run of a body: the scope around it, the step there, and the name of the body.
pub(crate) type Opener<'a> = (&'a str, &'a str, &'a str);

fn place((outer, opener, _): Opener<'_>) -> Place<'_> {
    (outer, opener)
}

/// What opened a scope and those around it, the innermost first.
pub(crate) fn openers(scope: &ScopePath) -> impl Iterator<Item = Opener<'_>> {
    let mut path = scope.as_str();
    std::iter::from_fn(move || {
        let opener = opened_by(path)?;
        path = opener.0;
        Some(opener)
    })
}

fn opened_by(path: &str) -> Option<Opener<'_>> {
    let (outer, own) = path.rsplit_once('/').unwrap_or(("", path));
    let (opener, body) = own.split_once(':')?;
    Some((outer, opener, body))
}

/// The steps of a playbook by the ids that their author wrote.
fn written(playbook: &Playbook) -> BTreeMap<&str, &Step> {
    let mut steps: Vec<&Step> = playbook.steps.iter().chain(steps_of(playbook.catch.as_ref())).collect();
    let mut found = BTreeMap::new();
    while let Some(step) = steps.pop() {
        if let Some(id) = &step.id {
            found.insert(id.as_str(), step);
        }
        steps.extend(step.bodies().into_iter().flat_map(|nested| steps_of(Some(nested.body))));
    }
    found
}

/// The steps of a body, and of what runs after its failure.
fn steps_of(body: Option<&Body>) -> impl Iterator<Item = &Step> {
    std::iter::successors(body, |body| body.catch.as_deref()).flat_map(|body| &body.steps)
}
