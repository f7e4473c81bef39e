//! A call: from its arguments to its output, by one request, by those of several pages, or by a poll. Owns their order and their
//! time; every request is made by the HTTP integration.

use std::time::Duration;

use tokio::time::sleep;
use updraft_integrations::HttpIntegration;
use updraft_protocol::limits::{ATTEMPT_TIMEOUT, CONNECTOR_PAGE_PAUSES, CONNECTOR_POLL_FAILURES};
use updraft_protocol::{Call, Effect, Failure, FailureKind, Integration, Json, Span, Value};

use crate::action::Action;
use crate::answer::ToolAnswer;
use crate::data::{CallData, FILE, ITEMS, START};
use crate::flow::CallTime;
use crate::items_file::ItemsFile;
use crate::pages::{After, Pages, PagesOf};
use crate::poll::{Asked, Poll};
use crate::request::Request;
use crate::rule::Judged;

/// A call that is being made.
pub(crate) struct Calling<'c> {
    action: &'c Action,
    http: &'c HttpIntegration,
    call: Call,
    time: CallTime,
    /// Requests that were made.
    made: u32,
}

impl<'c> Calling<'c> {
    pub(crate) fn new(action: &'c Action, http: &'c HttpIntegration, mut call: Call) -> Self {
        let time = CallTime::of(&mut call);
        Self { action, http, call, time, made: 0 }
    }

    /// Makes the call.
    pub(crate) async fn run(mut self, mut data: CallData) -> Result<Json, Failure> {
        let action = self.action;
        match (&action.pages, &action.poll) {
            (Some(pages), _) => self.pages(pages, &mut data).await,
            (None, Some(poll)) => self.poll(poll, &mut data).await,
            (None, None) => {
                let arguments = action.request.rendered(&data)?;
                let came = self.request(&action.request, arguments, self.time.left()).await;
                self.output(came, &mut data)
            }
        }
    }

    /// Makes one request.
    async fn request(
        &mut self,
        request: &Request,
        arguments: Value,
        timeout: Duration,
    ) -> Result<Json, Failure> {
        let mut call = request.call(&self.call, arguments, self.made)?;
        if self.made > 0 {
            self.stand_in_line().await?;
        }
        call.timeout = timeout.min(self.time.left());
        self.made += 1;
        self.http.call(call).await
    }

    /// Waits until the limits of the tool let a further request be made, as they count requests.
    async fn stand_in_line(&self) -> Result<(), Failure> {
        let left = self.time.left();
        let passed = self.call.permit.next_request(left).await;
        passed.map_err(|failure| failure.with_may_have_acted(self.action.effect == Effect::Write))
    }

    /// The output of what a request came to.
    fn output(&self, came: Result<Json, Failure>, data: &mut CallData) -> Result<Json, Failure> {
        match self.action.rules.judge(came, data, self.action.effect)? {
            Judged::Output(output) => Ok(output),
            Judged::Answer(answer) => match &self.action.result {
                Some(result) => result.output(data, self.action.effect, answer.note.clone()),
                None => Ok(answer.whole),
            },
        }
    }

    async fn pages(&mut self, pages: &Pages, data: &mut CallData) -> Result<Json, Failure> {
        let action = self.action;
        let mut so_far = pages.begin();
        so_far.shown_in(data);
        let mut arguments = action.request.rendered(data)?;
        let first = arguments.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut file = match pages.into_file {
            true => Some(ItemsFile::create(&self.call).await?),
            false => None,
        };
        loop {
            let came = self.page(arguments.clone()).await;
            let answer = match action.rules.judge(came, data, action.effect)? {
                Judged::Answer(answer) => answer,
                Judged::Output(output) => return Ok(output),
            };
            self.call.permit.answered();
            let after = so_far.take(&answer, data, &first)?;
            if let Some(begun) = file.take() {
                file = Some(begun.append(so_far.drain()).await.map_err(|failure| self.unkept(failure))?);
            }
            match after {
                After::Nothing => return self.all((so_far, file), answer, data).await,
                After::Request => {
                    so_far.shown_in(data);
                    arguments = action.request.rendered(data)?;
                }
                After::Url(url) => lead_to(&mut arguments, url, &action.request),
            }
            if self.time.left().is_zero() {
                return Err(self.time.over("not all pages came"));
            }
        }
    }

    /// One page. A later one whose tool asks for a pause is waited for, where the time is enough.
    async fn page(&mut self, arguments: Value) -> Result<Json, Failure> {
        let request = &self.action.request;
        for _ in 0..CONNECTOR_PAGE_PAUSES {
            let is_first = self.made == 0;
            let came = self.request(request, arguments.clone(), self.time.left()).await;
            let pause = came.as_ref().err().filter(|failure| failure.kind == FailureKind::RateLimited);
            let pause = pause.and_then(Failure::retry_after);
            match pause.filter(|pause| !is_first && *pause < self.time.left()) {
                Some(pause) => {
                    self.call.permit.pause(pause);
                    sleep(pause).await;
                }
                None => return came,
            }
        }
        self.request(request, arguments, self.time.left()).await
    }

    /// The failure of what has come and cannot be kept: the tool was called.
    fn unkept(&self, failure: Failure) -> Failure {
        failure.with_may_have_acted(self.action.effect == Effect::Write)
    }

    /// The output of all pages; the answer is that of the last.
    async fn all(
        &self,
        (pages, file): (PagesOf<'_>, Option<ItemsFile>),
        answer: ToolAnswer,
        data: &mut CallData,
    ) -> Result<Json, Failure> {
        let (name, value, more) = match file {
            Some(file) => {
                let file = file.finish().await.map_err(|failure| self.unkept(failure))?.json();
                let more = pages.end_in(file.clone(), data);
                (FILE, file, more)
            }
            None => {
                let (items, more) = pages.end(data)?;
                (ITEMS, items, more)
            }
        };
        match &self.action.result {
            Some(result) => result.output(data, self.action.effect, answer.note),
            None => {
                let text = format!("{{\"{name}\":{},\"more\":{more}}}", value.as_str());
                Json::parse(&text)
                    .map_err(|error| Failure::new(FailureKind::InvalidResponse, error.to_string()))
            }
        }
    }

    async fn poll(&mut self, poll: &Poll, data: &mut CallData) -> Result<Json, Failure> {
        let action = self.action;
        let arguments = action.request.rendered(data)?;
        let came = self.request(&action.request, arguments, self.time.left().min(ATTEMPT_TIMEOUT)).await;
        match action.rules.judge(came, data, action.effect)? {
            Judged::Output(output) => return Ok(output),
            Judged::Answer(answer) => data.set(START, answer.whole),
        }
        self.call.permit.answered();
        let asked = self.ask(poll, data).await;
        let came = asked.map_err(|failure| self.begun(failure))?;
        self.output(came, data).map_err(|failure| self.begun(failure))
    }

    /// Asks until it is done.
    async fn ask(&mut self, poll: &Poll, data: &mut CallData) -> Result<Result<Json, Failure>, Failure> {
        let mut failures = 0;
        let mut pause = poll.interval;
        loop {
            let left = self.time.left().min(poll.deadline.saturating_sub(self.time.used()));
            if left <= pause {
                let message = format!("it was not done within {}", Span(poll.deadline.min(self.time.used())));
                return Err(Failure::new(FailureKind::Timeout, message).with_retryable(false));
            }
            sleep(pause).await;
            pause = poll.interval;
            let mut arguments = poll.request.rendered(data)?;
            never_from_a_cache(&mut arguments);
            let timeout = self.time.left().min(ATTEMPT_TIMEOUT);
            let came = self.request(&poll.request, arguments, timeout).await;
            match poll.asked(came, data)? {
                Asked::NotYet => {
                    failures = 0;
                    self.call.permit.answered();
                }
                Asked::Done(Err(failure)) if failure.retryable() && failures < CONNECTOR_POLL_FAILURES => {
                    failures += 1;
                    if let Some(asked) = failure.retry_after() {
                        self.call.permit.pause(asked);
                        pause = pause.max(asked);
                    }
                }
                Asked::Done(came) => return Ok(came),
            }
        }
    }

    /// A failure after the beginning: what was begun goes on at the tool, and another attempt would begin it again.
    fn begun(&self, failure: Failure) -> Failure {
        match self.action.effect {
            Effect::Write => failure.with_may_have_acted(true).with_retryable(false),
            Effect::Read => failure,
        }
    }
}

/// The request of a URL that an answer named: it has the query, but for secrets, which no answer knows.
fn lead_to(arguments: &mut Value, url: String, request: &Request) {
    let Value::Object(fields) = arguments else { return };
    fields.insert("url".to_owned(), Value::String(url));
    fields.remove("path");
    let is_secret = |name: &String| {
        let place = format!("/query/{}", name.replace('~', "~0").replace('/', "~1"));
        request.references().iter().any(|secret| secret.place == place)
    };
    if let Some(Value::Object(query)) = fields.get_mut("query") {
        query.retain(|name, _| is_secret(name));
    }
}

/// What is between here and the tool has to ask it.
fn never_from_a_cache(arguments: &mut Value) {
    let Value::Object(fields) = arguments else { return };
    let headers = fields.entry("headers".to_owned()).or_insert_with(|| Value::Object([].into()));
    if let Value::Object(headers) = headers
        && !headers.keys().any(|name| name.eq_ignore_ascii_case("cache-control"))
    {
        headers.insert("Cache-Control".to_owned(), Value::from("no-cache"));
    }
}
