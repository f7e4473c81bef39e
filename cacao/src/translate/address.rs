//! Addresses: which machine a command connects to. Owns that it is one machine, and that the playbook or the operator says which: no
//! step and no alert does.

use updraft_protocol::Value;
use url::Url;

use crate::model::{AddressKind, AgentTarget, CacaoId, NetworkMachine};
use crate::rule::Rule;

use super::Translator;
use super::references::{Part, parts};
use super::scope::Scope;

/// A machine that a command connects to.
#[derive(Clone, Copy)]
pub(super) struct Machine<'p> {
    pub(super) id: &'p CacaoId,
    pub(super) machine: &'p NetworkMachine,
}

impl<'p> Translator<'p> {
    /// The machines that commands of a step connect to: its targets, or else the agent.
    pub(super) fn machines(
        &self,
        agent: &'p CacaoId,
        targets: &'p [CacaoId],
    ) -> Vec<(&'p CacaoId, Option<Machine<'p>>)> {
        let definitions = |id: &CacaoId| self.definition(id);
        let ids: Vec<&CacaoId> = if targets.is_empty() { vec![agent] } else { targets.iter().collect() };
        let machine = |id: &'p CacaoId| {
            let machine = definitions(id).and_then(|one| one.kind.machine());
            (id, machine.map(|machine| Machine { id, machine }))
        };
        ids.into_iter().map(machine).collect()
    }

    /// The agent or the target with this id.
    pub(super) fn definition(&self, id: &CacaoId) -> Option<&'p AgentTarget> {
        let playbook = self.playbook;
        playbook.targets.get(id).or_else(|| playbook.agents.get(id))
    }

    /// The address of a machine: its kind and its text.
    fn address_of(&mut self, number: usize, machine: Machine<'p>) -> Option<(AddressKind, &'p str)> {
        let connected = [AddressKind::Url, AddressKind::Dname, AddressKind::Ipv4, AddressKind::Ipv6];
        let values = &machine.machine.address.values;
        let found = connected.iter().find_map(|kind| {
            let all = values.get(kind).filter(|all| !all.is_empty())?;
            Some((*kind, all.as_slice()))
        });
        match found {
            Some((kind, [only])) => Some((kind, only)),
            Some((kind, many)) => {
                let message = format!(
                    "`{}` has {} values of the kind `{}`, and which machine is meant cannot be told: make a target of each",
                    machine.id,
                    many.len(),
                    kind.word()
                );
                self.found(Rule::AddressSeveral, number, "targets", message);
                None
            }
            None if values.values().all(Vec::is_empty) => {
                self.found(
                    Rule::CommandWithoutAddress,
                    number,
                    "targets",
                    format!("`{}` has no address", machine.id),
                );
                None
            }
            None => {
                let message = format!(
                    "`{}` has neither `url`, `dname`, `ipv4` nor `ipv6`, and nothing else can be connected to",
                    machine.id
                );
                self.found(Rule::AddressKind, number, "targets", message);
                None
            }
        }
    }

    /// What URLs of an HTTP machine begin with, as a native template; and where it is written out, the URL itself.
    pub(super) fn http_base(
        &mut self,
        number: usize,
        machine: Machine<'p>,
        scope: &Scope,
    ) -> Option<(String, Option<String>)> {
        let (kind, text) = self.address_of(number, machine)?;
        let pieces = self.place_parts(number, machine, text, scope)?;
        let port = machine.machine.port.as_deref();
        let port = match port {
            Some(port) if kind != AddressKind::Url => self.place_parts(number, machine, port, scope)?,
            _ => Vec::new(),
        };
        let written = |pieces: &[Piece]| pieces.iter().map(Piece::written).collect::<Option<String>>();
        match (written(&pieces), written(&port)) {
            (Some(text), Some(port)) => {
                let base = based(kind, &text, &port);
                let Some(base) = base.filter(|base| is_base(base)) else {
                    // It is not told: its query may have a credential.
                    let message = format!(
                        "`{}` has an address or a port that is none of HTTP, such as `https://edr.example.com/v1`",
                        machine.id
                    );
                    self.found(Rule::AddressForm, number, "targets", message);
                    return None;
                };
                let key = (machine.id.as_str().to_owned(), base.clone());
                let name = match self.machines.get(&key) {
                    Some(name) => name.clone(),
                    None => {
                        let name = self.names.variable(machine.id.as_str());
                        self.header.variables.insert(name.clone(), Value::from(base.as_str()));
                        self.machines.insert(key, name.clone());
                        name
                    }
                };
                Some((format!("{{{{ variables['{name}'] }}}}"), Some(base)))
            }
            _ => self.composed(number, machine, kind, (&pieces, &port)).map(|base| (base, None)),
        }
    }

    /// A base that is put together of variables.
    fn composed(
        &mut self,
        number: usize,
        machine: Machine<'p>,
        kind: AddressKind,
        (pieces, port): (&[Piece], &[Piece]),
    ) -> Option<String> {
        let printed = |pieces: &[Piece]| pieces.iter().map(Piece::template).collect::<String>();
        let alone = matches!((kind, pieces), (AddressKind::Url, [Piece::Variable { .. }]));
        let first = pieces.first().and_then(Piece::written).unwrap_or_default();
        let scheme = ["http://", "https://"].iter().find(|scheme| first.starts_with(**scheme));
        let base = match (kind, scheme) {
            (AddressKind::Url, _) if alone => printed(pieces),
            (AddressKind::Url, Some(scheme)) if written_form(pieces, scheme) => printed(pieces),
            (AddressKind::Dname | AddressKind::Ipv4, _)
                if written_form(pieces, "") && written_form(port, "") =>
            {
                let secure = matches!(port, [Piece::Text(port)] if port == "443");
                let scheme = if secure { "https" } else { "http" };
                let port =
                    if port.is_empty() || secure { String::new() } else { format!(":{}", printed(port)) };
                format!("{scheme}://{}{port}", printed(pieces))
            }
            _ => {
                let message = format!(
                    "`{}` has an address that cannot be put together of variables: a host, a port, or a whole URL can be one",
                    machine.id
                );
                self.found(Rule::AddressForm, number, "targets", message);
                return None;
            }
        };
        let mut fits = true;
        for piece in pieces.iter().chain(port) {
            if let Piece::Variable { native, is_constant, .. } = piece {
                let values = if *is_constant { &self.header.constants } else { &self.header.variables };
                fits &= match values.get(native) {
                    Some(Value::Null) | None => !is_constant,
                    Some(Value::String(text)) if alone => is_base(text),
                    Some(Value::String(text)) => is_host(text),
                    Some(Value::Number(port)) => !alone && is_host(&port.to_string()),
                    Some(_) => false,
                };
            }
        }
        if !fits {
            let message =
                format!("`{}` has an address by a variable whose value is no part of one", machine.id);
            self.found(Rule::AddressForm, number, "targets", message);
            return None;
        }
        Some(base)
    }

    /// The parts of an address, none of which a step writes.
    fn place_parts(
        &mut self,
        number: usize,
        machine: Machine<'p>,
        text: &str,
        scope: &Scope,
    ) -> Option<Vec<Piece>> {
        let is_declared = |name: &str| scope.has(name).map(|_| false);
        let found = match parts(text, &is_declared) {
            Ok(found) => found,
            Err(super::references::Undeclared(name)) => {
                self.undeclared(number, "targets", &name, scope);
                return None;
            }
        };
        let mut pieces = Vec::new();
        for part in found {
            match part {
                Part::Text(text) => pieces.push(Piece::Text(text.to_owned())),
                Part::Variable(name, _) => {
                    let binding = scope.read(&name, &mut self.names)?;
                    let is_fixed = binding.is_constant || binding.connects && !self.written.contains(&name);
                    if !is_fixed || binding.secret.is_some() {
                        let message = format!(
                            "`{}` has an address with `{name}`, which a step may write or is a credential: what is connected to is \
                             the playbook's and the operator's to say",
                            machine.id
                        );
                        self.found(Rule::AddressByStep, number, "targets", message);
                        return None;
                    }
                    let (expression, is_constant) = (binding.path(), binding.is_constant);
                    pieces.push(Piece::Variable { expression, native: binding.native, is_constant });
                }
            }
        }
        Some(pieces)
    }

    /// Host and port of a machine that is reached by SSH, as native values.
    pub(super) fn ssh_place(
        &mut self,
        number: usize,
        machine: Machine<'p>,
        scope: &Scope,
    ) -> Option<(String, Option<Value>)> {
        let (kind, text) = self.address_of(number, machine)?;
        if kind == AddressKind::Url {
            let message = format!("`{}` has a URL, and SSH needs `dname`, `ipv4` or `ipv6`", machine.id);
            self.found(Rule::AddressKind, number, "targets", message);
            return None;
        }
        let host = self.place_parts(number, machine, text, scope)?;
        let port =
            self.place_parts(number, machine, machine.machine.port.as_deref().unwrap_or_default(), scope)?;
        let printed = |pieces: &[Piece]| pieces.iter().map(Piece::template).collect::<String>();
        let port = printed(&port);
        let port = (!port.is_empty()).then(|| match port.parse::<u16>() {
            Ok(port) => super::number(u64::from(port)),
            Err(_) => Value::from(port),
        });
        Some((printed(&host), port))
    }
}

/// A part of an address.
enum Piece {
    Text(String),
    Variable { expression: String, native: String, is_constant: bool },
}

impl Piece {
    fn written(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Variable { .. } => None,
        }
    }

    fn template(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Variable { expression, .. } => format!("{{{{ {expression} }}}}"),
        }
    }
}

/// Whether all that is written out of a host is plain.
fn written_form(pieces: &[Piece], scheme: &str) -> bool {
    pieces.iter().filter_map(Piece::written).all(|text| {
        let rest = text.strip_prefix(scheme).unwrap_or(&text);
        rest.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':'))
    })
}

/// The URL of an address that is written out.
fn based(kind: AddressKind, text: &str, port: &str) -> Option<String> {
    if kind == AddressKind::Url {
        return Some(text.trim_end_matches('/').to_owned());
    }
    let text = text.trim();
    let host = match kind {
        AddressKind::Ipv6 => format!("[{}]", text.parse::<std::net::Ipv6Addr>().ok()?),
        AddressKind::Ipv4 => text.parse::<std::net::Ipv4Addr>().ok()?.to_string(),
        _ if is_host(text) => text.to_owned(),
        _ => return None,
    };
    Some(match port {
        "" | "80" => format!("http://{host}"),
        "443" => format!("https://{host}"),
        port => format!("http://{host}:{}", port.parse::<u16>().ok().filter(|port| *port > 0)?),
    })
}

fn is_host(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
}

/// Whether a text is a URL that others begin with: no credentials, no query, no `..`, nothing that is read as something else.
pub(super) fn is_base(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")).unwrap_or_default();
    let plain = |c: char| {
        c.is_ascii_graphic() && !matches!(c, '\\' | '%' | '@' | '?' | '#' | '{' | '}' | '"' | '<' | '>')
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let dots = path.split('/').any(|segment| segment.trim_matches('.').is_empty() && !segment.is_empty());
    !host.is_empty()
        && rest.chars().all(plain)
        && !dots
        && !path.contains(';')
        && Url::parse(text).is_ok_and(|url| url.has_host() && url.username().is_empty())
}
