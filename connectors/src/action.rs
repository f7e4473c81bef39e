//! An action: what a file declares of one thing that its tool can do, checked. Makes no call.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use updraft_integrations::HttpIntegration;
use updraft_kernel::plan::ArgumentsSchema;
use updraft_kernel::template::Template;
use updraft_protocol::limits::{ATTEMPT_TIMEOUT, CONNECTOR_SECRETS, SPAN};
use updraft_protocol::{ActionSpec, Effect, Integration as _, Json, Name, Span, TargetKind, Value};

use crate::cache::KeptAnswers;
use crate::connector::Contract;
use crate::data::{ANSWER, ARGUMENTS, FILE, ITEMS, MORE, PAGE, START};
use crate::file::{
    WrittenAction, WrittenContract, WrittenEffect, WrittenInto, WrittenRequest, WrittenTarget,
    WrittenTargetKind,
};
use crate::names::lasting;
use crate::pages::Pages;
use crate::poll::Poll;
use crate::read::Reading;
use crate::request::{REQUEST, Request};
use crate::result::ActionResult;
use crate::rule::Rules;

/// An action of a connector.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) name: &'static str,
    pub(crate) description: Option<String>,
    pub(crate) spec: ActionSpec,
    pub(crate) effect: Effect,
    pub(crate) request: Request,
    pub(crate) rules: Rules,
    pub(crate) result: Option<ActionResult>,
    pub(crate) pages: Option<Pages>,
    pub(crate) poll: Option<Poll>,
    pub(crate) contract: Option<Contract>,
    pub(crate) cache: Option<KeptAnswers>,
    schema: Option<ArgumentsSchema>,
    /// The names that its arguments have.
    properties: Vec<String>,
    /// Their values where none is given.
    defaults: BTreeMap<String, Value>,
}

impl Action {
    /// Checks what a file says at `place`.
    pub(crate) fn read(reading: &mut Reading<'_>, name: &str, written: &WrittenAction) -> Option<Self> {
        let place = format!("actions.{name}");
        let at = |field: &str| format!("{place}.{field}");
        if let Err(error) = Name::new(name) {
            reading.mistake(&place, error.to_string());
        }
        reading.description(&at("description"), written.description.as_deref());
        let name = lasting(name).map_err(|error| reading.mistake(&place, error.to_string())).ok()?;
        let effect = effect(written);
        let properties = properties(written);
        let (tree, schema) = schema(reading, &at("arguments"), written);
        let mut names = vec![ARGUMENTS];
        names.extend(written.pagination.as_ref().map(|_| PAGE));
        let request = Request::read(reading, &at("request"), &written.request, effect, &names);
        let mut names: Vec<&str> = [ARGUMENTS].into_iter().chain(ANSWER).collect();
        let poll = written.polling.as_ref().map(|poll| Poll::read(reading, &at("polling"), poll, &names));
        names.extend(written.polling.as_ref().map(|_| START));
        let rules = Rules::read(reading, &at("failures"), &written.failures, &names);
        let pages =
            written.pagination.as_ref().map(|pages| Pages::read(reading, &at("pagination"), pages, &names));
        match written.pagination.as_ref().map(|pages| pages.into) {
            Some(Some(WrittenInto::File)) => names.extend([FILE, MORE]),
            Some(None) => names.extend([ITEMS, MORE]),
            None if is_file(&written.request) => names.push(FILE),
            None => {}
        }
        if written.pagination.is_some() && is_file(&written.request) {
            let message = "a page is read whole: `pagination: {into: file}` writes all items to a file";
            reading.mistake(at("request.response"), message);
        }
        let result =
            written.result.as_ref().map(|result| ActionResult::read(reading, &at("result"), result, &names));
        if written.pagination.is_some() && written.polling.is_some() {
            reading.mistake(at("polling"), "an action has either `pagination` or `polling`");
        }
        let polls = written.polling.is_some();
        let cache = written.cache.as_ref();
        let cache = cache.map(|cache| KeptAnswers::read(reading, &at("cache"), cache, (effect, polls)));
        let contract = written.contract.as_ref();
        let contract =
            contract.map(|contract| self::contract(reading, &at("contract"), contract, effect, written));
        let action = Self {
            name,
            description: written.description.clone(),
            spec: ActionSpec::default(),
            effect,
            request: request?,
            rules,
            result: optional(result)?,
            pages: optional(pages)?,
            poll: optional(poll)?,
            contract: contract.flatten(),
            cache: optional(cache)?,
            schema,
            properties,
            defaults: defaults(written),
        };
        action.check_reads(reading, &place);
        let spec = action.declared(reading, &place, written, tree)?;
        Some(Self { spec, ..action })
    }

    /// Whether its calls write or read files of their executions.
    pub(crate) fn uses_files(&self, http: &HttpIntegration) -> bool {
        let polled = self.poll.as_ref().map(|poll| &poll.request);
        let mut requests = [&self.request].into_iter().chain(polled);
        self.pages.as_ref().is_some_and(|pages| pages.into_file)
            || requests.any(|request| http.uses_files(REQUEST, &request.template().written_out()))
    }

    /// Its declaration.
    fn declared(
        &self,
        reading: &mut Reading<'_>,
        place: &str,
        written: &WrittenAction,
        schema: Option<Json>,
    ) -> Option<ActionSpec> {
        let polled = self.poll.iter().flat_map(|poll| poll.request.secrets());
        let secrets: BTreeSet<&Name> = self.request.secrets().chain(polled).collect();
        if secrets.len() > CONNECTOR_SECRETS {
            reading.mistake(place, format!("at most {CONNECTOR_SECRETS} secrets are allowed in an action"));
        }
        let target = written.target.as_ref().map(|target| self.target(reading, place, target));
        let (target, target_kind) = target.flatten().unwrap_or_default();
        let timeout = self.timeout(reading, place, written.timeout);
        Some(ActionSpec {
            schema,
            arguments: &[],
            takes_secrets: false,
            effect: self.effect,
            is_idempotent: written.idempotent.unwrap_or(self.effect == Effect::Read),
            target,
            also_targets: &[],
            target_kind,
            secrets: secrets.into_iter().cloned().collect(),
            timeout,
            says_sending: true,
            asks_for_requests: self.pages.is_some() || self.poll.is_some(),
            takes_permit: true,
            cache: self.cache.as_ref().map(|cache| cache.policy.clone()),
            polls: self.poll.is_some(),
            example: written.example.as_ref().map(Json::from),
            // Redirects are not offered.
            leads_on: None,
        })
    }

    /// How long an attempt may take: a poll as long as its deadline, and the time of one more request.
    fn timeout(&self, reading: &mut Reading<'_>, place: &str, written: Option<Span>) -> Option<Duration> {
        let polled = self.poll.as_ref().map(|poll| poll.deadline + ATTEMPT_TIMEOUT);
        let Some(Span(timeout)) = written else { return polled };
        let at = format!("{place}.timeout");
        if timeout.is_zero() || timeout > SPAN {
            reading.mistake(at, format!("must be from 1ms to {}", Span(SPAN)));
        } else if self.poll.as_ref().is_some_and(|poll| timeout < poll.deadline) {
            reading.mistake(at, "must not be shorter than the deadline of `polling`");
        }
        Some(timeout)
    }

    fn target(
        &self,
        reading: &mut Reading<'_>,
        place: &str,
        written: &WrittenTarget,
    ) -> Option<(Option<&'static str>, Option<TargetKind>)> {
        let at = format!("{place}.target.argument");
        if !self.properties.contains(&written.argument) {
            let known = self.properties.iter().map(String::as_str);
            reading.unknown(at, "argument", &written.argument, known);
            return None;
        }
        let name = lasting(&written.argument).map_err(|error| reading.mistake(at, error.to_string())).ok()?;
        Some((Some(name), written.kind.map(kind)))
    }

    /// What its texts read has to be there.
    fn check_reads(&self, reading: &mut Reading<'_>, place: &str) {
        let constants: Vec<String> = reading.written.constants.keys().cloned().collect();
        let mut check = |at: &str, root: &str, read: BTreeSet<&str>, known: &[String], noun: &str| {
            for name in read.into_iter().filter(|name| !known.iter().any(|known| known == name)) {
                let known = known.iter().map(String::as_str);
                reading.unknown(at, &format!("{noun} `{root}.{name}`"), name, known);
            }
        };
        let templates = self.templates();
        for (at, template) in &templates {
            let at = format!("{place}.{at}");
            check(&at, ARGUMENTS, template.fields_read(ARGUMENTS), &self.properties, "argument");
            check(&at, "constants", template.fields_read("constants"), &constants, "constant");
        }
        for condition in self.poll.iter().flat_map(Poll::conditions) {
            let at = format!("{place}.polling");
            check(&at, ARGUMENTS, condition.fields_read(ARGUMENTS), &self.properties, "argument");
            check(&at, "constants", condition.fields_read("constants"), &constants, "constant");
        }
        if let Some(pages) = self.pages.as_ref().filter(|pages| pages.is_read())
            && !self.request.template().fields_read(PAGE).contains(pages.field())
        {
            let message = format!("does not read `page.{}`, which leads to the next page", pages.field());
            reading.mistake(format!("{place}.request"), message);
        }
    }

    fn templates(&self) -> Vec<(&'static str, &Template)> {
        let own = [("request", self.request.template())].into_iter();
        let result = self.result.iter().map(|result| ("result", result.template()));
        let pages = self.pages.iter().flat_map(Pages::templates).map(|template| ("pagination", template));
        let poll = self.poll.iter().map(|poll| ("polling.request", poll.request.template()));
        let key = self.cache.iter().filter_map(KeptAnswers::template).map(|key| ("cache.key", key));
        own.chain(result).chain(pages).chain(poll).chain(key).collect()
    }

    /// The texts that connect to constants, with their places.
    pub(crate) fn endpoints(&self) -> impl Iterator<Item = (&'static str, &Template)> {
        let poll = self.poll.iter().map(|poll| ("polling.request", poll.request.template()));
        [("request", self.request.template())].into_iter().chain(poll)
    }

    /// The arguments of a call, checked; what is not given is `null` to texts.
    ///
    /// # Errors
    /// The mistakes in them, of which none has a value.
    pub(crate) fn arguments(&self, given: Value) -> Result<Json, String> {
        let given = match given {
            Value::Null => Value::Object(BTreeMap::new()),
            given => given,
        };
        let Value::Object(mut fields) = given else { return Err("arguments: a map is needed".to_owned()) };
        for (name, value) in &self.defaults {
            fields.entry(name.clone()).or_insert_with(|| value.clone());
        }
        let given = Value::Object(fields);
        if let Some(schema) = &self.schema {
            let mistakes: Vec<String> = schema.mistakes(&given).iter().map(ToString::to_string).collect();
            if !mistakes.is_empty() {
                return Err(mistakes.join("; "));
            }
        }
        let Value::Object(mut fields) = given else { return Err("arguments: a map is needed".to_owned()) };
        for name in &self.properties {
            fields.entry(name.clone()).or_insert(Value::Null);
        }
        Ok(Json::from(Value::Object(fields)))
    }
}

/// `None` in it where nothing is written, and none at all where what is written has a mistake.
fn optional<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}

/// Whether the answer goes to a file of the execution.
fn is_file(request: &WrittenRequest) -> bool {
    request.response.as_ref().and_then(Value::as_str) == Some("file")
}

fn effect(written: &WrittenAction) -> Effect {
    let reads = written
        .request
        .method
        .as_deref()
        .is_none_or(|method| method.eq_ignore_ascii_case("GET") || method.eq_ignore_ascii_case("HEAD"));
    match written.effect {
        Some(WrittenEffect::Read) => Effect::Read,
        Some(WrittenEffect::Write) => Effect::Write,
        None if reads => Effect::Read,
        None => Effect::Write,
    }
}

fn defaults(written: &WrittenAction) -> BTreeMap<String, Value> {
    let properties = written.arguments.as_ref().and_then(|schema| schema.get("properties"));
    let properties = properties.and_then(Value::as_object).into_iter().flatten();
    properties.filter_map(|(name, schema)| Some((name.clone(), schema.get("default")?.clone()))).collect()
}

fn properties(written: &WrittenAction) -> Vec<String> {
    let properties = written.arguments.as_ref().and_then(|schema| schema.get("properties"));
    properties.and_then(Value::as_object).into_iter().flat_map(|known| known.keys().cloned()).collect()
}

/// The schema of the arguments: a map that has no others, unless the file says so.
fn schema(
    reading: &mut Reading<'_>,
    place: &str,
    written: &WrittenAction,
) -> (Option<Json>, Option<ArgumentsSchema>) {
    let mut schema = written.arguments.clone().unwrap_or_default();
    schema.entry("type".to_owned()).or_insert_with(|| Value::from("object"));
    schema.entry("additionalProperties".to_owned()).or_insert(Value::Bool(false));
    let tree = Json::from(Value::Object(schema));
    match ArgumentsSchema::compile(place, &tree) {
        Ok(compiled) => (Some(tree), Some(compiled)),
        Err(mistakes) => {
            for mistake in mistakes {
                reading.mistake(mistake.path, mistake.message);
            }
            (None, None)
        }
    }
}

fn contract(
    reading: &mut Reading<'_>,
    place: &str,
    written: &WrittenContract,
    effect: Effect,
    action: &WrittenAction,
) -> Option<Contract> {
    if effect == Effect::Write {
        reading.mistake(place, "only of an action that reads: it is called to compare its answer");
        return None;
    }
    let Some(output) = written.output.as_ref().or(action.example.as_ref()) else {
        reading.mistake(place, "an `output`, or an `example` of the action, is needed, which is compared");
        return None;
    };
    Some(Contract { arguments: Value::Object(written.arguments.clone()), output: output.clone() })
}

fn kind(written: WrittenTargetKind) -> TargetKind {
    match written {
        WrittenTargetKind::Host => TargetKind::Host,
        WrittenTargetKind::Ip => TargetKind::Ip,
        WrittenTargetKind::User => TargetKind::User,
        WrittenTargetKind::Domain => TargetKind::Domain,
        WrittenTargetKind::Url => TargetKind::Url,
        WrittenTargetKind::Hash => TargetKind::Hash,
        WrittenTargetKind::Mail => TargetKind::Mail,
    }
}
