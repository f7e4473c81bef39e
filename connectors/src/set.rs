//! The connectors of one engine: read from files and directories, with the one HTTP integration that makes all of their requests.
//! Owns which files are read, and the settings for hosts that they bring; a file names no secret's value.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use updraft_integrations::http::{HostPattern, HttpBuilder, Proxy, Tls, TlsVersion};
use updraft_protocol::limits::{CONNECTOR_BYTES, CONNECTOR_FILES, CONNECTORS};
use updraft_protocol::{Name, Value};
use url::Url;

use crate::connector::Connector;
use crate::error::Error;
use crate::file::{WrittenTls, WrittenTlsVersion};
use crate::integration::ConnectorIntegration;

/// The connectors of one engine.
#[derive(Debug, Clone, Default)]
pub struct Connectors {
    /// In the order of their names, the newest version of each first.
    all: Vec<ConnectorIntegration>,
}

/// Connectors that are being put together.
#[must_use]
pub struct ConnectorsBuilder {
    http: HttpBuilder,
    /// Each with the folder of its file, beside which its certificates lie.
    connectors: Vec<(Connector, PathBuf)>,
}

impl Connectors {
    /// Those whose requests are made by an HTTP integration of this configuration: what it allows, its proxies, its
    /// authorities. What connectors say of TLS and proxies of their own hosts is added.
    pub fn builder(http: HttpBuilder) -> ConnectorsBuilder {
        ConnectorsBuilder { http, connectors: Vec::new() }
    }

    /// All of them: by name, the newest version of each first.
    pub fn all(&self) -> &[ConnectorIntegration] {
        &self.all
    }

    /// The newest version of each.
    pub fn newest(&self) -> impl Iterator<Item = &ConnectorIntegration> {
        let is_first = |at: usize| {
            at.checked_sub(1).and_then(|before| self.all.get(before)).map(|one| one.connector().name())
        };
        let newest = self.all.iter().enumerate();
        newest.filter(move |(at, one)| is_first(*at) != Some(one.connector().name())).map(|(_, one)| one)
    }

    /// The newest version of one.
    pub fn get(&self, name: &str) -> Option<&ConnectorIntegration> {
        self.all.iter().find(|one| one.connector().name().as_str() == name)
    }
}

impl ConnectorsBuilder {
    /// One more connector.
    pub fn connector(mut self, connector: Connector) -> Self {
        self.connectors.push((connector, PathBuf::new()));
        self
    }

    /// The connector of a file.
    ///
    /// # Errors
    /// It cannot be read, or has mistakes.
    pub fn file(mut self, path: &Path) -> Result<Self, Error> {
        let connector = read(path)?;
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        self.connectors.push((connector, folder));
        Ok(self)
    }

    /// The connectors of a directory: its files that end in `.yaml`, `.yml` or `.json`. Those of folders in it are not read.
    ///
    /// # Errors
    /// It cannot be read, or a file has mistakes: those of all files are told.
    pub fn directory(mut self, path: &Path) -> Result<Self, Error> {
        let (mut mistakes, mut read) = (Vec::new(), self);
        for file in files(path)? {
            let connector = match self::read(&file) {
                Ok(connector) => connector,
                Err(error @ Error::Mistakes { .. }) => {
                    mistakes.extend(error.mistakes());
                    continue;
                }
                Err(error) => return Err(error),
            };
            read.connectors.push((connector, path.to_owned()));
        }
        self = read;
        if mistakes.is_empty() { Ok(self) } else { Err(Error::Mistakes { path: None, mistakes }) }
    }

    /// Another value of a constant of one connector, in each of its versions that has it.
    ///
    /// # Errors
    /// There is no such connector or constant, or a URL cannot connect to the value.
    pub fn constant(mut self, connector: &str, name: &str, value: &Value) -> Result<Self, Error> {
        let mut is_there = false;
        let mut changed = Vec::with_capacity(self.connectors.len());
        for (one, folder) in self.connectors {
            let is_it = one.name().as_str() == connector;
            is_there |= is_it;
            let one = if is_it { one.with_constant(name, value.clone())? } else { one };
            changed.push((one, folder));
        }
        self.connectors = changed;
        match is_there {
            true => Ok(self),
            false => Err(Error::Constant {
                connector: connector.to_owned(),
                message: "there is no connector of this name".to_owned(),
            }),
        }
    }

    /// The connectors.
    ///
    /// # Errors
    /// One is there twice, there are too many, or their settings of TLS and proxies cannot be used.
    pub fn build(self) -> Result<Connectors, Error> {
        if self.connectors.len() > CONNECTORS {
            return Err(Error::TooMany);
        }
        let mut sorted: BTreeMap<(Name, std::cmp::Reverse<u32>), (Connector, PathBuf)> = BTreeMap::new();
        for (connector, folder) in self.connectors {
            let (name, version) = (connector.name.clone(), connector.version);
            let twice = Error::Twice { name: name.clone(), version };
            if sorted.insert((name, std::cmp::Reverse(version)), (connector, folder)).is_some() {
                return Err(twice);
            }
        }
        let (mut http, mut last) = (self.http, None);
        for ((name, _), (connector, folder)) in &sorted {
            // Older versions reach their hosts as the newest one does.
            if last.replace(name) != Some(name) {
                http = settings(http, connector, folder)?;
            }
        }
        let http = Arc::new(http.build()?);
        let integration = |connector| ConnectorIntegration::new(connector, http.clone());
        Ok(Connectors { all: sorted.into_values().map(|(connector, _)| integration(connector)).collect() })
    }
}

/// What a connector says of how its hosts are reached.
fn settings(mut http: HttpBuilder, connector: &Connector, folder: &Path) -> Result<HttpBuilder, Error> {
    if connector.tls.is_none() && connector.proxy.is_none() {
        return Ok(http);
    }
    for host in hosts(connector) {
        let Ok(pattern) = host.parse::<HostPattern>() else { continue };
        if let Some(written) = &connector.tls {
            http = http.tls(pattern.clone(), tls(written, folder)?);
        }
        http = match connector.proxy.as_deref() {
            None => http,
            Some("direct") => http.direct(pattern),
            Some(text) => {
                let proxy: Proxy = text.parse().map_err(updraft_integrations::http::Error::from)?;
                http.proxy_for(pattern, proxy)
            }
        };
    }
    Ok(http)
}

/// The hosts that a connector reaches, each with its port.
fn hosts(connector: &Connector) -> Vec<String> {
    let bases = connector.actions.values().flat_map(|action| {
        let tenants = connector.tenants.values().map(|own| {
            let mut all = connector.constants.clone();
            all.extend(own.iter().map(|(name, value)| (name.clone(), value.clone())));
            all
        });
        let constants = std::iter::once(connector.constants.clone()).chain(tenants);
        constants.flat_map(|constants| action.request.bases(&constants)).collect::<Vec<_>>()
    });
    let mut hosts: Vec<String> = bases
        .chain(connector.allow.iter().cloned())
        .filter_map(|base| {
            let url = Url::parse(&base).ok()?;
            Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
        })
        .collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

fn tls(written: &WrittenTls, folder: &Path) -> Result<Tls, Error> {
    let pem = |file: &String| {
        let path = folder.join(file);
        bytes(&path).map(|bytes| (path, bytes))
    };
    let of_http = updraft_integrations::http::Error::from;
    let mut tls = Tls::new();
    if let Some(file) = &written.trust {
        tls = tls.trust(&pem(file)?.1).map_err(of_http)?;
    }
    if let Some(file) = &written.identity {
        tls = tls.identity(&pem(file)?.1).map_err(of_http)?;
    }
    if let Some(version) = written.minimum {
        tls = tls.minimum(match version {
            WrittenTlsVersion::V1_2 => TlsVersion::V1_2,
            WrittenTlsVersion::V1_3 => TlsVersion::V1_3,
        });
    }
    match &written.server_name {
        Some(name) => Ok(tls.server_name(name).map_err(of_http)?),
        None => Ok(tls),
    }
}

fn read(path: &Path) -> Result<Connector, Error> {
    Connector::parse(&bytes(path)?).map_err(|error| match error {
        Error::Mistakes { mistakes, .. } => Error::Mistakes { path: Some(path.to_owned()), mistakes },
        other => other,
    })
}

/// The bytes of a file; of one that is too large, more than a connector may have.
fn bytes(path: &Path) -> Result<Vec<u8>, Error> {
    use std::io::Read;
    let failed = |source| Error::File { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(CONNECTOR_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// The files of connectors in a directory, in the order of their names.
fn files(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::File { path: directory.to_owned(), source };
    let mut files = Vec::new();
    for (count, entry) in fs::read_dir(directory).map_err(failed)?.enumerate() {
        if count >= CONNECTOR_FILES {
            return Err(Error::Files(directory.to_owned()));
        }
        let path = entry.map_err(failed)?.path();
        let is_connector =
            path.extension().is_some_and(|end| ["yaml", "yml", "json"].iter().any(|own| end == *own));
        if is_connector && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
