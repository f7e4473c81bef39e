//! Approvals of a run: says what waits for people and how it is answered, and where somebody sits at a terminal, takes the
//! answers from there. Decides nothing: the engine says what an answer comes to.

use std::collections::VecDeque;
use std::io::{BufRead, IsTerminal, stdin, stdout};
use std::sync::Arc;

use tokio::sync::mpsc;
use updraft::{
    Applied, ApprovalAnswer, Event, EventKind, Gate, Handle, Json, StepId, TaskId, TaskStatus, Value,
};

use crate::exit::Error;
use crate::log::Screen;

/// Lines that were typed and not read yet.
const LINES: usize = 8;

/// How approvals of one run are answered.
pub(crate) struct Answering<'a> {
    /// The command that answers elsewhere, without the execution.
    pub(crate) command: &'a str,
    /// Who sits at the terminal.
    pub(crate) uid: Option<&'a str>,
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
    /// What waits, the oldest first: a line that is typed answers that.
    waiting: VecDeque<TaskId>,
    lines: Option<mpsc::Receiver<String>>,
}

impl<'a> Asker<'a> {
    pub(crate) fn new(answering: &'a Answering<'a>, handle: &'a Handle, screen: &'a Screen) -> Self {
        Self { answering, handle, screen, waiting: VecDeque::new(), lines: None }
    }

    /// A task has changed: one that begins to wait for people is told of.
    pub(crate) async fn event(&mut self, event: &Event) -> Result<(), Error> {
        let EventKind::Task { task_id, status, .. } = event.kind else { return Ok(()) };
        if status != TaskStatus::Waiting {
            let was_first = self.waiting.front() == Some(&task_id);
            self.waiting.retain(|waiting| *waiting != task_id);
            if was_first && let Some(next) = self.waiting.front().copied() {
                self.tell(next).await?;
            }
            return Ok(());
        }
        if self.waiting.contains(&task_id) {
            return Ok(());
        }
        if self.tell(task_id).await? {
            self.waiting.push_back(task_id);
        }
        Ok(())
    }

    /// Says what a task asks; whether it is an approval.
    async fn tell(&mut self, id: TaskId) -> Result<bool, Error> {
        let inspection = self.handle.inspect().await?;
        let task = inspection.tasks.iter().find(|task| task.task_request_id == id);
        let wait = task.and_then(|task| Some((&task.head.step_id, task.state.wait.as_deref()?)));
        let Some((step, wait)) = wait else { return Ok(false) };
        let Some(gate) = wait.gate.as_deref() else { return Ok(false) };
        let question = wait.subject.as_deref().unwrap_or_default();
        self.screen.say(&format!("{step} asks: {question}"));
        if self.answering.is_asked_here {
            self.listen();
            self.screen.say(&self.manual(gate));
        } else {
            let peid = self.handle.peid();
            let form = if gate.has_form { " --form JSON" } else { "" };
            let choice = gate.choices.first().map_or("approve", StepId::as_str);
            let command = self.answering.command;
            self.screen.say(&format!("answer with: {command} {peid} {choice} --task {id} --uid NAME{form}"));
        }
        Ok(true)
    }

    /// What is to be typed.
    fn manual(&self, gate: &Gate) -> String {
        let choices: Vec<&str> = gate.choices.iter().map(StepId::as_str).collect();
        let who = if self.answering.uid.is_none() { "your name, a blank, and " } else { "" };
        let form = if gate.has_form { ", a blank, and the form as JSON" } else { "" };
        format!("type {who}one of {}{form}", choices.join(", "))
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
                let Ok(line) = line else { return };
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
        });
    }

    /// The next line that is typed; none ever where nobody is asked here.
    pub(crate) async fn line(&mut self) -> String {
        if let Some(lines) = &mut self.lines
            && let Some(line) = lines.recv().await
        {
            return line;
        }
        std::future::pending().await
    }

    /// Answers the oldest question with a line that was typed.
    pub(crate) async fn answer(&mut self, line: &str) {
        let Some(task) = self.waiting.front().copied().filter(|_| !line.trim().is_empty()) else { return };
        let told = match self.read(line) {
            Err(why) => why,
            Ok(answer) => match self.handle.answer(task, answer).await {
                Ok(Applied::Counted { missing }) => format!("counted; {missing} more needed"),
                Ok(Applied::Repeated) => "was answered so before".to_owned(),
                Ok(_) => "decided".to_owned(),
                Err(error) => error.to_string(),
            },
        };
        self.screen.say(&told);
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
        Ok(ApprovalAnswer { uid: Arc::from(uid), groups: Vec::new(), choice, comment: None, data })
    }
}
