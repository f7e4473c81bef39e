//! Calls as commands: requests, questions, shells, and calls of integrations that are called as a type of command.

use updraft_protocol::Value;
use updraft_protocol::playbook::{Action, Approval, Step, StepKind};

use super::body::millis;
use super::{Exporter, Fields, id_of, object};

/// The arguments of a request that a command says, or that follow from it.
const SAID: [&str; 9] = ["method", "url", "headers", "auth", "json", "form", "text", "bytes", "response"];

impl<'p> Exporter<'p> {
    /// An action of these calls, all on the same machines; `after` are the steps that set what the last one gave.
    pub(super) fn calls(&mut self, id: &str, calls: &'p [Step], after: &'p [Step]) -> Fields {
        let mut commands: Vec<Value> = Vec::new();
        let (mut agent, mut targets) = (None, Vec::new());
        for step in calls {
            let (command, by, on) = match &step.kind {
                StepKind::Action(action) => self.call(id, action),
                StepKind::Approval(approval) => {
                    let (command, by) = self.question(id, approval);
                    (command, Some(by), Vec::new())
                }
                _ => continue,
            };
            agent = agent.or(by);
            // A command on each of several machines is written once.
            if commands.last() != Some(&command) || on.iter().all(|target| targets.contains(target)) {
                commands.push(command);
            }
            on.into_iter().for_each(|target| {
                if !targets.contains(&target) {
                    targets.push(target);
                }
            });
        }
        let agent = agent.unwrap_or_else(|| self.engine());
        let mut fields = object([
            ("type", Value::from("action")),
            ("commands", Value::Array(commands)),
            ("agent", Value::from(agent)),
        ]);
        if !targets.is_empty() {
            fields.insert("targets".to_owned(), Value::Array(targets));
        }
        self.out_args(&mut fields, after);
        let timeout = calls.iter().find_map(|step| match &step.kind {
            StepKind::Action(action) => action.timeout,
            StepKind::Approval(approval) => approval.timeout,
            _ => None,
        });
        fields.extend(timeout.map(|timeout| ("timeout".to_owned(), millis(timeout))));
        fields
    }

    /// A call: the command, the agent if it is said, and the targets.
    fn call(&mut self, id: &str, action: &'p Action) -> (Value, Option<String>, Vec<Value>) {
        self.more(id, action);
        match (action.integration.as_str(), action.action.as_str()) {
            ("http", "request") => {
                let (command, target) = self.request(id, action);
                (command, None, target.into_iter().collect())
            }
            ("bash", "run") => {
                let command = self.argument(id, action, "command");
                (command_of("bash", command), None, Vec::new())
            }
            ("ssh", "run") => {
                let command = self.argument(id, action, "command");
                let host = self.argument(id, action, "host");
                let target = id_of("ssh", &host);
                let address = object([("dname", Value::Array(vec![Value::from(host.as_str())]))]);
                let mut machine = object([
                    ("type", Value::from("ssh")),
                    ("name", Value::from(host)),
                    ("address", Value::Object(address)),
                ]);
                let port = action.arguments.get("port").map(|port| Value::from(printed(port)));
                machine.extend(port.map(|port| ("port".to_owned(), port)));
                self.targets.insert(target.clone(), Value::Object(machine));
                (command_of("ssh", command), None, vec![Value::from(target)])
            }
            (integration, "run") => {
                let written = action.arguments.get("command").and_then(Value::as_str).unwrap_or_default();
                let mut command = super::text::literal(written);
                // The variables that the command names may be called in another way now.
                for (name, template) in
                    action.arguments.get("variables").and_then(Value::as_object).into_iter().flatten()
                {
                    let reference = self.text(id, template.as_str().unwrap_or_default());
                    command = command.replace(&format!("{name}:value"), &reference);
                }
                let agent = action.arguments.get("agent").map(|agent| self.told(agent, true));
                let targets = action.arguments.get("targets").and_then(Value::as_array);
                let targets =
                    targets.into_iter().flatten().map(|one| Value::from(self.told(one, false))).collect();
                (command_of(integration, command), agent, targets)
            }
            (integration, word) => {
                self.leave(
                    id,
                    format!("calls `{integration}.{word}`, for which CACAO has no type of command"),
                );
                (command_of(integration, word.to_owned()), None, Vec::new())
            }
        }
    }

    /// What an action has that a command has not.
    fn more(&mut self, id: &str, action: &Action) {
        for (field, given) in [
            ("cache", action.cache.is_some()),
            ("retry", action.retry.is_some()),
            ("on_last_failure", action.on_last_failure.is_some()),
            ("when_open", action.when_open.is_some()),
            ("at_most_once", action.at_most_once),
            ("already", action.already.is_some()),
            ("undo", action.undo.is_some()),
            ("expires", action.expires.is_some()),
            ("target", action.target.is_some()),
            ("lock", action.lock.is_some()),
            ("verify", action.verify.is_some()),
        ] {
            if given {
                self.leave(id, format!("`{field}`, which no command of CACAO has"));
            }
        }
    }

    /// A text of the arguments.
    fn argument(&mut self, id: &str, action: &Action, name: &str) -> String {
        let text = action.arguments.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        self.text(id, &text)
    }

    /// What a call is told of an agent or a target, as its definition; gives the id.
    fn told(&mut self, told: &Value, is_agent: bool) -> String {
        let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (id, word, name) = (text("id"), text("type"), text("name"));
        let mut definition = object([("type", Value::from(word)), ("name", Value::from(name))]);
        let kinds = ["url", "dname", "ipv4", "ipv6", "l2mac", "vlan"];
        let address: Fields =
            kinds.iter().filter_map(|kind| Some(((*kind).to_owned(), told.get(kind)?.clone()))).collect();
        if !address.is_empty() {
            definition.insert("address".to_owned(), Value::Object(address));
        }
        definition.extend(told.get("category").map(|words| ("category".to_owned(), words.clone())));
        let all = if is_agent { &mut self.agents } else { &mut self.targets };
        all.insert(id.clone(), Value::Object(definition));
        id
    }

    /// The agent of what Updraft does itself.
    fn engine(&mut self) -> String {
        let id = id_of("security-category", "updraft");
        let category = Value::Array(vec![Value::from("orchestrator")]);
        let agent = object([
            ("type", Value::from("security-category")),
            ("name", Value::from("Updraft")),
            ("category", category),
        ]);
        self.agents.insert(id.clone(), Value::Object(agent));
        id
    }

    /// A question as a manual command, with the agent who is asked.
    fn question(&mut self, id: &str, approval: &Approval) -> (Value, String) {
        for (field, given) in [
            ("choices", approval.choices.is_some()),
            ("quorum", approval.quorum.is_some()),
            ("on_open", approval.on_open.is_some()),
            ("on_reminder", approval.on_reminder.is_some()),
            ("on_escalation", approval.on_escalation.is_some()),
        ] {
            if given {
                self.leave(id, format!("`{field}` of an approval, which no manual command has"));
            }
        }
        let command = command_of("manual", self.text(id, &approval.question));
        let group = approval.group.as_ref().and_then(Value::as_str);
        let people = approval.assignees.as_ref().map(|people| match people {
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect::<Vec<_>>(),
        });
        let (word, name, email) = match (group, people) {
            (Some(group), people) => {
                if people.is_some() {
                    self.leave(id, "asks a group and people, of which one agent is the group alone");
                }
                ("group", self.text(id, group), Vec::new())
            }
            (None, Some(people)) => {
                let people: Vec<String> = people.into_iter().map(|one| self.text(id, one)).collect();
                ("individual", people.join(", "), people)
            }
            (None, None) => return (command, self.engine()),
        };
        let agent = id_of(word, &name);
        let mut definition = object([("type", Value::from(word)), ("name", Value::from(name.as_str()))]);
        if email.len() > 1 || email.iter().any(|email| email.contains('@')) {
            let email = email
                .into_iter()
                .enumerate()
                .map(|(at, email)| (format!("work-{}", at + 1), Value::from(email)));
            let contact = object([("email", Value::Object(email.collect()))]);
            definition.insert("contact".to_owned(), Value::Object(contact));
        }
        self.agents.insert(agent.clone(), Value::Object(definition));
        (command, agent)
    }

    /// A request: the command, and the target.
    fn request(&mut self, id: &str, action: &'p Action) -> (Value, Option<Value>) {
        let arguments = &action.arguments;
        for name in arguments.keys().filter(|name| !SAID.contains(&name.as_str())) {
            self.leave(id, format!("`{name}` of a request, which no command has"));
        }
        let url = arguments.get("url").and_then(Value::as_str).unwrap_or_default();
        let authentication = arguments.get("auth").and_then(|auth| self.authentication(id, auth));
        let (target, path) = self.target(id, url, authentication);
        let method = arguments.get("method").and_then(Value::as_str).unwrap_or("GET");
        let path = self.text(id, path);
        let path = if path.is_empty() { "/".to_owned() } else { path };
        let mut command = object([
            ("type", Value::from("http-api")),
            ("command", Value::from(format!("{method} {path} HTTP/1.1"))),
        ]);
        let mut headers = Fields::new();
        for (name, value) in arguments.get("headers").and_then(Value::as_object).into_iter().flatten() {
            match value {
                Value::Object(_) => self.leave(
                    id,
                    format!("the header `{name}` with a secret, which stands in no header of CACAO"),
                ),
                value => {
                    let text = self.text(id, &printed(value));
                    headers.insert(name.clone(), Value::Array(vec![Value::from(text)]));
                }
            }
        }
        let content = self.content(id, arguments, &mut headers);
        if !headers.is_empty() {
            command.insert("headers".to_owned(), Value::Object(headers));
        }
        command.extend(content);
        (Value::Object(command), target.map(Value::from))
    }

    /// The target of a URL, and the rest of the URL.
    fn target<'u>(
        &mut self,
        id: &str,
        url: &'u str,
        authentication: Option<String>,
    ) -> (Option<String>, &'u str) {
        let (base, native, path) = match url.strip_prefix("{{").and_then(|rest| rest.split_once("}}")) {
            Some((expression, path)) => {
                let expression = expression.trim();
                let name = expression.strip_prefix("variables['").and_then(|rest| rest.strip_suffix("']"));
                let name = name.or_else(|| expression.strip_prefix("variables."));
                let known = name.and_then(|name| Some((name, self.playbook.variables.get(name)?.as_str()?)));
                match known {
                    Some((name, base)) => (base.to_owned(), name.to_owned(), path),
                    None => (self.text(id, &format!("{{{{ {expression} }}}}")), expression.to_owned(), path),
                }
            }
            None => {
                let host = url.find("://").map_or(0, |at| at + 3);
                let end = url
                    .get(host..)
                    .and_then(|rest| rest.find(['/', '?', '#']))
                    .map_or(url.len(), |at| host + at);
                let (base, path) = url.split_at_checked(end).unwrap_or((url, ""));
                let base = self.text(id, base);
                (base.clone(), base, path)
            }
        };
        let target = id_of("http-api", &native.replace('_', "-"));
        let address = object([("url", Value::Array(vec![Value::from(base)]))]);
        let mut machine = object([
            ("type", Value::from("http-api")),
            ("name", Value::from(native.as_str())),
            ("address", Value::Object(address)),
        ]);
        machine.extend(authentication.map(|id| ("authentication_info".to_owned(), Value::from(id))));
        let machine = Value::Object(machine);
        if self.targets.get(&target).is_some_and(|other| *other != machine) {
            self.leave(id, "authenticates to a machine in another way than another step");
        }
        self.machines.insert(native);
        self.targets.insert(target.clone(), machine);
        (Some(target), path)
    }

    /// The native `auth` of a request as a definition, whose credential stays where it is kept.
    fn authentication(&mut self, id: &str, auth: &Value) -> Option<String> {
        let secret = |value: Option<&Value>| Some(value?.get("$secret")?.as_str()?.to_owned());
        let (word, secret, user) = match auth.get("basic") {
            Some(basic) => {
                let user = basic.get("user").and_then(Value::as_str).unwrap_or_default();
                ("http-basic", secret(basic.get("password")), Some(self.text(id, user)))
            }
            None => ("oauth2", secret(auth.get("bearer")), None),
        };
        let Some(secret) = secret else {
            self.leave(id, "authenticates in a way that no `authentication_info` has");
            return None;
        };
        let mut info = object([
            ("type", Value::from(word)),
            ("kms", Value::Bool(true)),
            ("kms_key_identifier", Value::from(secret.as_str())),
        ]);
        if word == "oauth2" {
            info.insert("oauth_header".to_owned(), Value::from("Authorization: Bearer"));
            info.insert("token".to_owned(), Value::from(""));
        }
        info.extend(user.map(|user| ("user_id".to_owned(), Value::from(user))));
        let definition = id_of(word, &secret);
        self.authentications.insert(definition.clone(), Value::Object(info));
        Some(definition)
    }
}

fn command_of(word: &str, text: String) -> Value {
    Value::Object(object([("type", Value::from(word)), ("command", Value::from(text))]))
}

/// A value as it is sent.
pub(super) fn printed(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
