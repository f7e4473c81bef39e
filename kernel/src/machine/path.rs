//! Paths: entering a step, going on after it, and the end of a path. Iterative, so that a long playbook
//! needs no deep stack.

use updraft_protocol::playbook::EndStatus;
use updraft_protocol::{Effect, ExecutionStatus, Failure, FailureKind, Json, TaskStatus, Timestamp};

use super::task::{Ending, Phase, TaskSeq};
use super::{Act, Effects, Machine, Ready, Timer};
use crate::plan::{PlannedEnd, PlannedKind, StepIndex};

/// A path's place in the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PathId(pub(super) u32);

impl PathId {
    pub(super) const MAIN: Self = Self(0);
}

/// One line of control.
#[derive(Debug)]
pub(super) struct Path {
    /// The path that goes on when this one has ended, and the task that waits for it.
    pub(super) parent: Option<(PathId, TaskSeq)>,
    /// The tasks that ended on it, joined paths included, oldest first.
    pub(super) ended: Vec<TaskSeq>,
}

/// Where control goes next.
pub(super) enum Go {
    Enter(PathId, StepIndex),
    End(PathId, Result<Option<Json>, Failure>),
}

impl Machine {
    pub(super) fn enter(&mut self, path: PathId, step: StepIndex, now: Timestamp, effects: &mut Effects) {
        self.go(Go::Enter(path, step), now, effects);
    }

    /// Ends a task and goes on along its path.
    pub(super) fn settle(&mut self, task: TaskSeq, ending: Ending, now: Timestamp, effects: &mut Effects) {
        let next = self.end_task(task, ending, now, effects);
        self.go(next, now, effects);
    }

    fn go(&mut self, first: Go, now: Timestamp, effects: &mut Effects) {
        let mut work = vec![first];
        while let Some(next) = work.pop() {
            if self.ended() {
                return;
            }
            match next {
                Go::Enter(path, step) => self.enter_one(path, step, now, effects, &mut work),
                Go::End(path, result) => self.end_path(path, result, now, effects, &mut work),
            }
        }
    }

    fn enter_one(
        &mut self,
        path: PathId,
        step: StepIndex,
        now: Timestamp,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        let plan = self.plan.clone();
        let kind = &plan.step(step).kind;
        if matches!(kind, PlannedKind::Action(_)) {
            return match self.recall(path, step) {
                Some(task) => work.extend(self.recall_action(task, now, effects)),
                None => self.ready.push_back(Ready::Enter(path, step)),
            };
        }
        let recalled = self.recall(path, step);
        if let PlannedKind::Parallel(parallel) = kind {
            // One that had ended is walked through again: later steps see what its branches did.
            let task = recalled.unwrap_or_else(|| self.create(path, step, now, effects));
            return self.open(task, &parallel.branches, work);
        }
        if let Some(task) = recalled
            && let Some(ending) = self.task(task).recorded_ending()
        {
            return work.push(self.follow(task, ending));
        }
        if self.turn.is_spent()
            && matches!(kind, PlannedKind::If(_) | PlannedKind::End(_))
            && recalled.is_none()
        {
            return self.undecided.push_back((path, step));
        }
        match kind {
            PlannedKind::Action(_) | PlannedKind::Parallel(_) => {}
            PlannedKind::Delay(delay) => {
                let task = recalled.unwrap_or_else(|| self.create(path, step, now, effects));
                let started = self.task(task).state.started_date.unwrap_or(now);
                self.wait(task, started.after(delay.duration), effects);
            }
            PlannedKind::If(choice) => {
                let (decided, spent) = choice.condition.decide_metered(&self.view(path));
                self.turn.work += spent.work;
                let ending = match decided {
                    Ok(holds) => Ending::Completed(Some(serde_json::json!({ "result": holds }).into())),
                    Err(failure) => Ending::Failed(failure),
                };
                let task = recalled.unwrap_or_else(|| self.create_ended(path, step, now));
                work.push(self.end_task(task, ending, now, effects));
            }
            PlannedKind::End(end) => {
                let ending = self.end_step(path, end);
                let task = recalled.unwrap_or_else(|| self.create_ended(path, step, now));
                work.push(self.end_task(task, ending, now, effects));
            }
        }
    }

    /// How an `end` step ends. Its output is bounded as an answer is: many branches may end in one commit.
    fn end_step(&mut self, path: PathId, end: &PlannedEnd) -> Ending {
        let rendered = end.output.as_ref().map(|template| template.render_metered(&self.view(path)));
        let rendered = rendered.map(|(rendered, spent)| {
            self.turn.work += spent.work;
            rendered
        });
        let output = rendered
            .transpose()
            .and_then(|output| output.map(|output| self.keep(output.into(), Effect::Read)).transpose());
        match (output, end.status) {
            (Err(failure), _) => Ending::Failed(failure),
            (Ok(output), EndStatus::Completed) => Ending::Completed(output),
            (Ok(output), EndStatus::Failed) => {
                // Whoever tells it names the step.
                let failure = Failure::new(FailureKind::EndStep, "it ends its path as failed");
                match output {
                    Some(output) => Ending::EndedFailed(failure, output),
                    None => Ending::Failed(failure),
                }
            }
        }
    }

    /// Opens a path for each branch; the first branch is entered first.
    fn open(&mut self, task: TaskSeq, branches: &[StepIndex], work: &mut Vec<Go>) {
        let parent = self.task(task).path;
        let open = u32::try_from(branches.len()).unwrap_or(u32::MAX);
        self.task_mut(task).phase = Phase::Joining { open, failure: None };
        let first = self.paths.len();
        self.paths.extend(branches.iter().map(|_| Path { parent: Some((parent, task)), ended: Vec::new() }));
        for (index, step) in branches.iter().enumerate().rev() {
            work.push(Go::Enter(PathId((first + index) as u32), *step));
        }
    }

    pub(super) fn wait(&mut self, task: TaskSeq, due: Timestamp, effects: &mut Effects) {
        self.task_mut(task).phase = Phase::Waiting(due);
        effects.acts.push(Act::Arm(Timer::Task(task), due));
    }

    /// Records the ending of a task and says where control goes.
    pub(super) fn end_task(
        &mut self,
        task: TaskSeq,
        ending: Ending,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Go {
        let (status, response, error) = match &ending {
            Ending::Completed(output) => (TaskStatus::Completed, output.clone(), None),
            Ending::Failed(failure) => (TaskStatus::Failed, None, Some(failure.clone())),
            Ending::EndedFailed(failure, output) => {
                (TaskStatus::Failed, Some(output.clone()), Some(failure.clone()))
            }
            Ending::Unknown(failure) => (TaskStatus::Unknown, None, Some(failure.clone())),
        };
        self.write_end(task, status, response, error, now, effects);
        self.follow(task, ending)
    }

    /// Where control goes after a task that has ended so.
    pub(super) fn follow(&mut self, task: TaskSeq, ending: Ending) -> Go {
        let (path, step) = (self.task(task).path, self.task(task).step);
        self.task_mut(task).phase = Phase::Ended;
        self.path_mut(path).ended.push(task);
        let output = self.task(task).state.response.clone();
        let status = match &ending {
            Ending::Completed(_) => TaskStatus::Completed,
            Ending::Failed(_) | Ending::EndedFailed(..) => TaskStatus::Failed,
            Ending::Unknown(_) => TaskStatus::Unknown,
        };
        let next = self.plan.step(step).next(status, output.as_ref());
        match (next, ending) {
            (Some(next), _) => Go::Enter(path, next),
            (None, Ending::Completed(_)) => Go::End(path, Ok(output)),
            (None, Ending::Failed(failure) | Ending::EndedFailed(failure, _) | Ending::Unknown(failure)) => {
                let id = &self.plan.step(step).id;
                let message = format!("step \"{id}\": {}", failure.message);
                Go::End(path, Err(Failure::new(failure.kind, message).with_retryable(false)))
            }
        }
    }

    fn end_path(
        &mut self,
        path: PathId,
        result: Result<Option<Json>, Failure>,
        now: Timestamp,
        effects: &mut Effects,
        work: &mut Vec<Go>,
    ) {
        let Some((parent, task)) = self.path(path).parent else {
            return match result {
                Ok(output) => self.end_execution(ExecutionStatus::Completed, output, None, now, effects),
                Err(failure) => {
                    // What an `end` step said of why it failed.
                    let last = self.path(path).ended.last().map(|last| self.task(*last));
                    let last =
                        last.filter(|last| matches!(self.plan.step(last.step).kind, PlannedKind::End(_)));
                    let output = last.and_then(|last| last.state.response.clone());
                    self.end_execution(ExecutionStatus::Failed, output, Some(failure), now, effects);
                }
            };
        };
        let joined = std::mem::take(&mut self.path_mut(path).ended);
        self.path_mut(parent).ended.extend(joined);
        let Phase::Joining { open, failure } = &mut self.task_mut(task).phase else { return };
        *open -= 1;
        if let (None, Err(new)) = (&failure, result) {
            *failure = Some(Box::new(Failure::new(FailureKind::Branch, new.message).with_retryable(false)));
        }
        if *open > 0 {
            return;
        }
        let ending = failure.take().map_or(Ending::Completed(None), |failure| Ending::Failed(*failure));
        work.push(match self.task(task).recorded_ending() {
            Some(recorded) => self.follow(task, recorded),
            None => self.end_task(task, ending, now, effects),
        });
    }

    pub(super) fn path(&self, id: PathId) -> &Path {
        &self.paths[id.0 as usize]
    }

    fn path_mut(&mut self, id: PathId) -> &mut Path {
        &mut self.paths[id.0 as usize]
    }
}
