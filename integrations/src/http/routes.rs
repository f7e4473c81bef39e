//! Which requests use which proxy, and which are direct. Owns the order of the rules, and the meaning of the usual
//! environment variables; reads no environment itself.

use std::sync::Arc;

use super::pattern::HostPattern;
use super::proxy::{Error, Proxy};

/// The proxy for the requests to some hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    /// Whether it is for `https` or for `http`; `None` for both.
    secure: Option<bool>,
    /// `None` for all hosts.
    hosts: Option<HostPattern>,
    /// `None` for direct connections.
    proxy: Option<Arc<Proxy>>,
}

/// The rules, of which the first that matches is used.
#[derive(Debug, Default)]
pub(crate) struct Routes(Vec<Rule>);

/// The proxy of a request, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Route(Option<usize>);

impl Rule {
    pub(crate) fn all(proxy: Proxy) -> Self {
        Self { secure: None, hosts: None, proxy: Some(Arc::new(proxy)) }
    }

    pub(crate) fn of(hosts: HostPattern, proxy: Option<Proxy>) -> Self {
        Self { secure: None, hosts: Some(hosts), proxy: proxy.map(Arc::new) }
    }

    fn fits(&self, secure: bool, host: &str, port: u16) -> bool {
        self.secure.is_none_or(|own| own == secure)
            && self.hosts.as_ref().is_none_or(|hosts| hosts.matches(host, port))
    }

    /// The rules of `http_proxy`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in lower case first. `HTTP_PROXY` in upper
    /// case is read too, unless a web server may have made it from a header (`REQUEST_METHOD`).
    pub(crate) fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Vec<Self>, Error> {
        let get = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let either = |small: &str| {
            let capital = small.to_ascii_uppercase();
            let of_header = small == "http_proxy" && get("REQUEST_METHOD").is_some();
            get(small)
                .map(|value| (small.to_owned(), value))
                .or_else(|| get(&capital).filter(|_| !of_header).map(|value| (capital, value)))
        };
        let mut rules = match either("no_proxy") {
            Some((name, hosts)) => exceptions(&name, &hosts)?,
            None => Vec::new(),
        };
        for (name, secure) in [("http_proxy", Some(false)), ("https_proxy", Some(true)), ("all_proxy", None)]
        {
            if let Some((variable, value)) = either(name) {
                let proxy: Proxy = value
                    .trim()
                    .parse()
                    .map_err(|error: Error| Error::Variable { variable, problem: error.to_string() })?;
                rules.push(Self { secure, hosts: None, proxy: Some(Arc::new(proxy)) });
            }
        }
        Ok(rules)
    }
}

/// A name in `NO_PROXY` is for the names below it too.
fn exceptions(variable: &str, hosts: &str) -> Result<Vec<Rule>, Error> {
    let mut rules = Vec::new();
    for host in hosts.split([',', ' ']).map(str::trim).filter(|host| !host.is_empty()) {
        let direct = |hosts| Rule { secure: None, hosts, proxy: None };
        if host == "*" {
            rules.push(direct(None));
            continue;
        }
        let name = host.trim_start_matches("*.").trim_start_matches('.');
        let problem = || Error::Variable {
            variable: variable.to_owned(),
            problem: format!("`{}` is neither a host nor a network", host.escape_debug()),
        };
        let pattern: HostPattern = name.parse().map_err(|_| problem())?;
        rules.push(direct(Some(pattern)));
        // There are no names below an address.
        rules.extend(format!("*.{name}").parse().ok().map(|below| direct(Some(below))));
    }
    Ok(rules)
}

impl Routes {
    pub(crate) fn new(rules: Vec<Rule>) -> Self {
        Self(rules)
    }

    /// The proxy of requests to this host.
    pub(crate) fn of(&self, secure: bool, host: &str, port: u16) -> Route {
        let first = self.0.iter().position(|rule| rule.fits(secure, host, port));
        Route(first.filter(|index| self.0.get(*index).is_some_and(|rule| rule.proxy.is_some())))
    }

    pub(crate) fn proxy(&self, route: Route) -> Option<&Arc<Proxy>> {
        self.0.get(route.0?)?.proxy.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(rules: &[Rule], secure: bool, host: &str, port: u16) -> Option<String> {
        let routes = Routes::new(rules.to_vec());
        routes.proxy(routes.of(secure, host, port)).map(|proxy| proxy.host.clone())
    }

    #[test]
    fn the_first_rule_that_fits_is_kept_to() {
        let rules = [
            Rule::of("edr.internal".parse().unwrap(), None),
            Rule::of("*.internal:8443".parse().unwrap(), Some("http://inner".parse().unwrap())),
            Rule::all("http://outer".parse().unwrap()),
        ];
        assert_eq!(through(&rules, true, "edr.internal", 8443), None);
        assert_eq!(through(&rules, true, "siem.internal", 8443).as_deref(), Some("inner"));
        assert_eq!(through(&rules, true, "siem.internal", 443).as_deref(), Some("outer"));
        assert_eq!(through(&rules[..2], true, "siem.internal", 443), None);
    }

    fn environment(variables: &[(&str, &str)]) -> Result<Vec<Rule>, Error> {
        let find = |name: &str| variables.iter().find(|(own, _)| *own == name);
        Rule::of_environment(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_environment_is_read_as_is_customary() {
        let rules = environment(&[
            ("http_proxy", "plain:3128"),
            ("HTTP_PROXY", "http://never"),
            ("HTTPS_PROXY", "http://secure:3128"),
            ("ALL_PROXY", "socks5://other"),
            ("no_proxy", "localhost, .internal,10.0.0.0/8 siem.example:8443"),
        ]);
        let rules = rules.unwrap();
        for (secure, host, port, expected) in [
            (false, "a.example", 80, Some("plain")),
            (true, "a.example", 443, Some("secure")),
            (true, "localhost", 443, None),
            (true, "internal", 443, None),
            (true, "a.b.internal", 443, None),
            (true, "10.1.2.3", 443, None),
            (true, "siem.example", 8443, None),
            (true, "siem.example", 443, Some("secure")),
        ] {
            assert_eq!(through(&rules, secure, host, port).as_deref(), expected, "{host}:{port}");
        }
        let other = environment(&[("all_proxy", "socks5://other"), ("HTTP_PROXY", " ")]).unwrap();
        assert_eq!(through(&other, false, "a.example", 80).as_deref(), Some("other"));
        let none = environment(&[("NO_PROXY", "*"), ("ALL_PROXY", "socks5://other")]).unwrap();
        assert_eq!(through(&none, false, "a.example", 80), None);
        // Set by the web server of a CGI program from the header `Proxy` of a request.
        assert_eq!(environment(&[("HTTP_PROXY", "http://evil"), ("REQUEST_METHOD", "GET")]), Ok(vec![]));
    }

    #[test]
    fn a_variable_that_says_no_proxy_is_named_without_its_value() {
        let error = environment(&[("HTTPS_PROXY", "ftp://user:hunter2@h")]).unwrap_err();
        assert!(error.to_string().starts_with("HTTPS_PROXY: ") && !error.to_string().contains("hunter2"));
        let error = environment(&[("NO_PROXY", "a,http://b/")]).unwrap_err();
        assert_eq!(error.to_string(), "NO_PROXY: `http://b/` is neither a host nor a network");
    }
}
