//! A running daemon, spoken to over its API: by `tracewatt query`, and by `tracewatt ack` with `--daemon`.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::time::Duration;
use ureq::http::Response;
use ureq::{Agent, Body};

/// Where a daemon is unless said.
pub const DEFAULT_DAEMON: &str = "http://localhost:4318";
/// Name of the variable with the token that is sent along.
const TOKEN: &str = "TRACEWATT_TOKEN";
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer.
const MAX_ANSWER: u64 = 256 * 1024 * 1024;

/// `tracewatt query`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Address of the daemon.
    pub daemon: String,
    /// What is asked.
    pub question: Question,
    /// Whether the answer is printed as it came.
    pub json: bool,
}

/// What a daemon is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// How it is.
    Status,
    /// Problems; one by its id, or those that parameters leave.
    Problems(Option<String>, Vec<(&'static str, String)>),
    /// Findings that parameters leave.
    Findings(Vec<(&'static str, String)>),
    /// A trace.
    Explain(String),
    /// Plug-ins.
    Plugins,
    /// Configuration in effect.
    Config,
    /// Report of everything so far.
    Report,
}

/// A client of one daemon.
pub struct Daemon {
    url: String,
    agent: Agent,
}

impl Daemon {
    /// Returns a client.
    ///
    /// # Errors
    /// An address that is none of a daemon.
    pub fn new(url: &str) -> Result<Daemon> {
        let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
        let Some(rest) = rest.map(|rest| rest.trim_end_matches('/')).filter(|rest| !rest.is_empty()) else {
            bail!("`{url}` is no address of a daemon: give http://HOST:PORT, such as {DEFAULT_DAEMON}");
        };
        if rest.contains('@') || rest.contains(['?', '#']) {
            bail!("the address of a daemon has no user, `?` or `#`; a token goes into the variable {TOKEN}");
        }
        let agent = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0)
            .build()
            .new_agent();
        Ok(Daemon { url: url.trim_end_matches('/').to_owned(), agent })
    }

    /// Gets a document.
    ///
    /// # Errors
    /// No daemon there, or it refuses.
    pub fn get(&self, path: &str, params: &[(&str, String)]) -> Result<Value> {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        for (name, value) in params {
            request = request.query(name, value);
        }
        self.answer(with_token(request).call())
    }

    /// Sends a document.
    ///
    /// # Errors
    /// No daemon there, or it refuses.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.agent.post(format!("{}{path}", self.url)).content_type("application/json");
        self.answer(with_token(request).send(body.to_string()))
    }

    /// Takes something back.
    ///
    /// # Errors
    /// No daemon there, or it refuses.
    pub fn delete(&self, path: &str) -> Result<Value> {
        let request =
            self.agent.delete(format!("{}{path}", self.url)).header("content-type", "application/json");
        self.answer(with_token(request).call())
    }

    fn answer(&self, response: Result<Response<Body>, ureq::Error>) -> Result<Value> {
        let mut response = response.with_context(|| {
            format!(
                "cannot reach a daemon at {}; is `tracewatt watch` running there? --daemon URL names another",
                self.url
            )
        })?;
        let status = response.status();
        let text = response.body_mut().with_config().limit(MAX_ANSWER).read_to_string();
        let text = text.with_context(|| format!("the answer of {} broke off", self.url))?;
        let json: Option<Value> = serde_json::from_str(&text).ok();
        let said = json.as_ref().and_then(|json| json["error"]["message"].as_str()).map(str::to_owned);
        match (status.is_success(), said, json) {
            (true, _, Some(json)) => Ok(json),
            (false, Some(said), _) => {
                bail!("the daemon at {} refuses ({}): {said}", self.url, status.as_u16())
            }
            _ => bail!("what answers at {} ({}) is no tracewatt daemon", self.url, status.as_u16()),
        }
    }
}

fn with_token<B>(request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
    match std::env::var(TOKEN) {
        Ok(token) if !token.is_empty() => request.header("authorization", format!("Bearer {token}")),
        _ => request,
    }
}

/// Returns a text for use as one part of a path.
pub fn part(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => {
                out.push(byte as char)
            }
            _ => out += &format!("%{byte:02X}"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_none_are_refused() {
        for bad in ["localhost:4318", "ftp://x", "http://", "http://a:b@host", "http://host?x=1"] {
            assert!(Daemon::new(bad).is_err(), "{bad}");
        }
        assert_eq!(Daemon::new("http://host:1/").unwrap().url, "http://host:1");
        assert_eq!(part("n:a/b c"), "n:a%2Fb%20c");
    }
}
