//! Approvals of a run: says what waits for people and how it is answered, and where somebody sits at a terminal, takes the
//! answers from there. Asks one question at a time, so that no answer goes to another question than the one that is shown.
//! Decides nothing: the engine says what an answer comes to.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsStr;
use std::io::{BufRead, IsTerminal, stdin, stdout};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Instant;
use updraft::{
    Applied, ApprovalAnswer, Event, EventKind, Gate, Handle, Json, StepId, TaskDocument, TaskId, TaskStatus,
    Value,
};

use crate::command::quoted;
use crate::exit::Error;
use crate::log::Screen;

/// Lines that were typed and not read yet; more are lost, which answer nothing.
const LINES: usize = 8;

/// How approvals of one run are answered.
pub(crate) struct Answering<'a> {
    /// The command that answers elsewhere, without the execution.
    pub(crate) command: &'a str,
    /// Who sits at the terminal.
    pub(crate) uid: Option<&'a str>,
    /// The groups that this person is in.
    pub(crate) groups: &'a [Arc<str>],
    /// Whether answers are taken from the terminal.
    pub(crate) is_asked_here: bool,
}

/// Whether somebody sits there: what is asked is seen, and what is typed is read.
pub(crate) fn is_somebody_there() -> bool {
    stdin().is_terminal() && stdout().is_terminal()
}

/// What waits for people in one execution.
pub(crate) struct Asker<'a> {
    answering: &'a Answering<'a>,
    handle: &'a Handle,
    screen: &'a Screen,
    /// What is asked at the terminal, in the order in which that is done. The first is shown.
    waiting: VecDeque<TaskId>,
    shown: Option<Shown>,
    /// The tasks that have been seen to wait: an answer that decides nothing is news of its task, and no other question.
    known: BTreeSet<TaskId>,
    lines: Option<mpsc::Receiver<TypedLine>>,
}

/// The question that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shown {
    task: TaskId,
    /// Since when. A line that is older answers something else.
    since: Instant,
    /// Whether the question before it ended without an answer from here: the line that is being typed then is not for this one.
    is_sudden: bool,
}

/// A line that was typed.
#[derive(Debug)]
pub(crate) struct TypedLine {
    text: String,
    at: Instant,
}

/// What a line is to the question that is shown.
#[derive(Debug, PartialEq, Eq)]
enum Meant {
    /// Nothing was asked when it was typed, or another question.
    Before,
    /// It was begun while another question was shown.
    Other,
    /// Another question is to be shown.
    Next,
    /// An answer.
    Answer,
}

impl Shown {
    /// What a line is.
    fn meant(&self, line: &TypedLine) -> Meant {
        match (line.at < self.since, line.text.trim().is_empty()) {
            (true, _) => Meant::Before,
            (false, true) => Meant::Next,
            (false, false) if self.is_sudden => Meant::Other,
            (false, false) => Meant::Answer,
        }
    }
}

impl<'a> Asker<'a> {
    pub(crate) fn new(answering: &'a Answering<'a>, handle: &'a Handle, screen: &'a Screen) -> Self {
        Self {
            answering,
            handle,
            screen,
            waiting: VecDeque::new(),
            shown: None,
            known: BTreeSet::new(),
            lines: None,
        }
    }

    /// A task has changed: one that begins to wait for people is asked, or told of.
    pub(crate) async fn event(&mut self, event: &Event) -> Result<(), Error> {
        let EventKind::Task { task_id, status, .. } = event.kind else { return Ok(()) };
        if status != TaskStatus::Waiting {
            self.waiting.retain(|waiting| *waiting != task_id);
            if self.shown.is_some_and(|shown| shown.task == task_id) {
                self.shown = None;
                return self.show(true).await;
            }
            return Ok(());
        }
        if !self.known.insert(task_id) {
            return Ok(());
        }
        // All that wait by now are taken at once: with a thousand questions, each would read the tasks of all others.
        let (tasks, before) = (self.asking().await?, self.waiting.len());
        for task in &tasks {
            if task.task_request_id == task_id || self.known.insert(task.task_request_id) {
                self.take(task);
            }
        }
        let waiting = self.waiting.len();
        if waiting > before && self.shown.is_none() {
            self.show(false).await?;
        }
        if waiting > before && waiting > 1 {
            self.screen.say(&format!("questions that wait: {waiting}; an empty line shows the next one"));
        }
        Ok(())
    }

    /// A task that waits is asked later, or told of where no answer from here can count.
    fn take(&mut self, task: &TaskDocument) {
        let Some(gate) = gate(task) else { return };
        if self.answering.is_asked_here && self.may_answer(gate) {
            return self.waiting.push_back(task.task_request_id);
        }
        self.screen.say(&self.question(task));
        self.screen.say(&self.command(task, gate));
    }

    /// The tasks that wait for people.
    async fn asking(&self) -> Result<Vec<TaskDocument>, Error> {
        let mut tasks = self.handle.inspect().await?.tasks;
        tasks.retain(|task| task.state.status == TaskStatus::Waiting && gate(task).is_some());
        Ok(tasks)
    }

    /// Whether an answer from here can count.
    fn may_answer(&self, gate: &Gate) -> bool {
        let groups = self.answering.groups;
        match self.answering.uid {
            Some(uid) => gate.asks(uid, groups),
            // The name is typed.
            None => !gate.assignees.is_empty() || gate.asks("", groups),
        }
    }

    /// Shows the first question that still waits.
    async fn show(&mut self, is_sudden: bool) -> Result<(), Error> {
        while let Some(id) = self.waiting.front().copied() {
            if let Some(task) = self.asking().await?.into_iter().find(|task| task.task_request_id == id)
                && let Some(gate) = gate(&task)
            {
                self.listen();
                self.shown = Some(Shown { task: id, since: Instant::now(), is_sudden });
                self.screen.say(&self.question(&task));
                self.screen.say(&self.manual(gate, is_sudden));
                return Ok(());
            }
            self.waiting.pop_front();
        }
        Ok(())
    }

    /// What a task asks, and where.
    fn question(&self, task: &TaskDocument) -> String {
        let wait = task.state.wait.as_deref();
        let question = wait.and_then(|wait| wait.subject.as_deref()).unwrap_or_default();
        let (step, scope) = (&task.head.step_id, &task.head.scope);
        let scope = if scope.as_str().is_empty() { String::new() } else { format!(" in {scope}") };
        format!("execution {}, step {step}{scope} asks: {question}", self.handle.peid())
    }

    /// The command that answers elsewhere.
    fn command(&self, task: &TaskDocument, gate: &Gate) -> String {
        let Answering { command, is_asked_here, .. } = self.answering;
        let (peid, id) = (self.handle.peid(), task.task_request_id);
        let choice = gate.choices.first().map_or("approve", StepId::as_str);
        let form = if gate.has_form { " --form JSON" } else { "" };
        let group = gate.groups.first().filter(|_| gate.assignees.is_empty());
        let group =
            group.map(|group| format!(" --group {}", quoted(OsStr::new(&**group)))).unwrap_or_default();
        let asked: Vec<&str> = gate.assignees.iter().chain(&gate.groups).map(|name| &**name).collect();
        let asked = match is_asked_here {
            true => format!("it asks {}, whom --uid and --group do not name; ", asked.join(", ")),
            false => String::new(),
        };
        format!("{asked}answer with: {command} {peid} {choice} --task {id} --uid NAME{group}{form}")
    }

    /// What is to be typed.
    fn manual(&self, gate: &Gate, is_sudden: bool) -> String {
        let choices: Vec<&str> = gate.choices.iter().map(StepId::as_str).collect();
        let first = if is_sudden { "the question before has ended: press Enter, then " } else { "" };
        let who = if self.answering.uid.is_none() { "your name, a blank, and " } else { "" };
        let form = if gate.has_form { ", a blank, and the form as JSON" } else { "" };
        let more = if self.waiting.len() > 1 { "; an empty line shows the next question" } else { "" };
        format!("{first}type {who}one of {}{form}{more}", choices.join(", "))
    }

    /// Reads what is typed from now on, on a thread of its own: it ends with the program.
    fn listen(&mut self) {
        if self.lines.is_some() {
            return;
        }
        let (sender, receiver) = mpsc::channel(LINES);
        self.lines = Some(receiver);
        std::thread::spawn(move || {
            for line in stdin().lock().lines() {
                let Ok(text) = line else { return };
                // Never waited for: the instant of the next line has to be that at which it was typed.
                let sent = sender.try_send(TypedLine { text, at: Instant::now() });
                if let Err(mpsc::error::TrySendError::Closed(_)) = sent {
                    return;
                }
            }
        });
    }

    /// The next line that is typed; none ever where nobody is asked here.
    pub(crate) async fn line(&mut self) -> TypedLine {
        if let Some(lines) = &mut self.lines
            && let Some(line) = lines.recv().await
        {
            return line;
        }
        std::future::pending().await
    }

    /// Answers the question that is shown with a line that was typed for it.
    pub(crate) async fn answer(&mut self, line: &TypedLine) -> Result<(), Error> {
        let Some(shown) = &mut self.shown else {
            self.screen.say("nothing is asked: the line answers nothing");
            return Ok(());
        };
        let (task, meant) = (shown.task, shown.meant(line));
        if meant != Meant::Before {
            shown.is_sudden = false;
        }
        match meant {
            Meant::Before => {
                self.screen.say("the line was typed before this question, and does not answer it")
            }
            Meant::Other => {
                self.screen.say("the question has changed meanwhile: the line does not answer this one");
                return self.show(false).await;
            }
            Meant::Next => return self.turn().await,
            Meant::Answer => {
                let answered = match self.read(&line.text) {
                    Ok(answer) => self.handle.answer(task, answer).await.map_err(|error| error.to_string()),
                    Err(why) => Err(why),
                };
                match answered {
                    Ok(Applied::Counted { missing }) => {
                        self.screen.say(&format!("counted; {missing} more needed"));
                        return self.turn().await;
                    }
                    Ok(Applied::Repeated) => self.screen.say("was answered so before"),
                    Ok(_) => {
                        self.screen.say("decided");
                        self.waiting.retain(|waiting| *waiting != task);
                        self.shown = None;
                        return self.show(false).await;
                    }
                    Err(why) => self.screen.say(&why),
                }
            }
        }
        Ok(())
    }

    /// Shows the next question; the one that is shown is asked again after all others.
    async fn turn(&mut self) -> Result<(), Error> {
        self.waiting.rotate_left(1.min(self.waiting.len()));
        self.show(false).await
    }

    fn read(&self, line: &str) -> Result<ApprovalAnswer, String> {
        let (uid, rest) = match self.answering.uid {
            Some(uid) => (uid, line.trim()),
            None => line.trim().split_once(' ').ok_or("a name and a choice are needed")?,
        };
        let (choice, form) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
        let choice: StepId = choice.parse().map_err(|error| format!("{error}"))?;
        let data = match form.trim() {
            "" => None,
            form => Some(Json::from(&Value::parse(form).map_err(|error| format!("the form: {error}"))?)),
        };
        let groups = self.answering.groups.to_vec();
        Ok(ApprovalAnswer { uid: Arc::from(uid), groups, choice, comment: None, data })
    }
}

/// What a task asks of people.
fn gate(task: &TaskDocument) -> Option<&Gate> {
    task.state.wait.as_deref()?.gate.as_deref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_answers_the_question_that_was_shown_when_it_was_begun() {
        let before = Instant::now();
        let since = before + std::time::Duration::from_millis(1);
        let task = TaskId::from_bytes([7; 16]);
        let line = |text: &str, at| TypedLine { text: text.to_owned(), at };
        for (is_sudden, text, at, meant) in [
            (false, "approve", before, Meant::Before),
            (false, "approve", since, Meant::Answer),
            (false, " ", since, Meant::Next),
            (true, "", before, Meant::Before),
            (true, "approve", since, Meant::Other),
            (true, "", since, Meant::Next),
        ] {
            assert_eq!(Shown { task, since, is_sudden }.meant(&line(text, at)), meant, "{is_sudden} {text}");
        }
    }
}
