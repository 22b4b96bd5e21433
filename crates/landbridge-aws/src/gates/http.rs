//! Requests to whom the users of migrations name: bounded in time and size, never redirected, never to where metadata and
//! credentials are, and with what the operator has for that host to be let in.

use std::error::Error as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use landbridge_plan::traffic_migration::{Said, forbidden};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, ClientBuilder, Response, Url, redirect};
use serde_json::Value;
use tokio::time::timeout;

use super::credential::Credential;
use super::signature::Signer;
use super::tokens::Tokens;

const CONNECT: Duration = Duration::from_secs(3);
/// Largest answer that is read.
const LARGEST: usize = 1 << 20;
/// Longest text of somebody else's that is told.
const TOLD: usize = 200;

/// The clients, made when they are first needed.
#[derive(Default)]
pub(super) struct Http {
    plain: OnceLock<Result<Client, String>>,
    secure: OnceLock<Result<Client, String>>,
    tokens: Tokens,
}

/// The head of an answer of one who let us in.
#[derive(Debug)]
pub(super) struct Answer {
    response: Response,
    shown: Credential,
}

impl Http {
    pub(super) fn new(tokens: Tokens) -> Self {
        Self { tokens, ..Self::default() }
    }

    /// The client for this URL, unless nobody may be asked there.
    fn client(&self, url: &Url) -> Result<&Client, String> {
        let host = url.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        if let Some(why) = address.ok().and_then(forbidden) {
            return Err(format!("{host} may not be asked: {why}"));
        }
        let client = if url.scheme() == "https" {
            self.secure.get_or_init(|| build(settings()))
        } else {
            // No certificates are looked for where none will be needed: they may be absent or unreadable.
            self.plain.get_or_init(|| build(settings().tls_certs_only(Vec::new())))
        };
        client.as_ref().map_err(Clone::clone)
    }

    /// Posts a body, and gives the answer once its head is there. `signer` is for queries to Amazon alone.
    pub(super) async fn send(
        &self,
        url: &str,
        (kind, body): (&str, String),
        signer: Option<&Signer>,
        longest: Duration,
    ) -> Result<Answer, String> {
        let url = Url::parse(url).map_err(|error| format!("{url} is no URL: {error}"))?;
        self.client(&url)?;
        let shown = timeout(longest, Credential::of(&self.tokens, signer, &url, (kind, &body))).await;
        let shown = shown.map_err(|_| format!("no credentials were there within {} s", longest.as_secs()))??;
        self.send_showing(&url, (kind, body), shown, longest).await
    }

    /// Posts a body with that in its head.
    pub(super) async fn send_showing(
        &self,
        url: &Url,
        (kind, body): (&str, String),
        shown: Credential,
        longest: Duration,
    ) -> Result<Answer, String> {
        let request = self.client(url)?.post(url.clone()).timeout(longest).headers(shown.headers());
        let answer = request.header(CONTENT_TYPE, kind).body(body).send().await;
        let response = answer.map_err(|error| in_words(url, longest, error))?;
        match shown.refused(url, response.status(), &self.tokens) {
            Some(why) => Err(why),
            None => Ok(Answer { response, shown }),
        }
    }
}

impl Answer {
    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// The whole body, unless it is too large, and without what only the host is to know.
    pub(super) async fn text(mut self, longest: Duration) -> Result<String, String> {
        let (url, mut bytes) = (self.response.url().clone(), Vec::new());
        while let Some(chunk) = self.response.chunk().await.map_err(|error| in_words(&url, longest, error))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LARGEST {
                return Err(format!("the answer has more than {LARGEST} bytes"));
            }
        }
        let text = String::from_utf8(bytes).map_err(|_| "the answer is no text".to_owned())?;
        Ok(self.shown.hide(text))
    }
}

fn settings() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("landbridge/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .redirect(redirect::Policy::none())
        // A proxy would resolve names by itself.
        .no_proxy()
        .dns_resolver(Arc::new(Guarded))
}

fn build(settings: ClientBuilder) -> Result<Client, String> {
    // The process has chosen its cryptography at its start; where nobody has, as in a test, it is the same.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    settings.build().map_err(|error| format!("no HTTP client could be made: {}", chain(&error)))
}

/// Resolves names as the system does, except to where nobody may be asked.
struct Guarded;

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            match found.iter().find_map(|a| Some((a.ip(), forbidden(a.ip())?))) {
                Some((address, why)) => Err(format!("{host} leads to {address}, which may not be asked: {why}").into()),
                None => Ok(Box::new(found.into_iter()) as Addrs),
            }
        })
    }
}

/// Asks a webhook. What it answers beside its status is not read; who does not let us in has said nothing of the migration.
pub(super) async fn post(http: &Http, url: &str, body: &Value, longest: Duration) -> Said {
    match http.send(url, ("application/json", body.to_string()), None, longest).await {
        Ok(answer) => Said::Status(answer.status()),
        Err(why) => Said::Nothing(why),
    }
}

fn in_words(url: &Url, longest: Duration, error: reqwest::Error) -> String {
    let host = url.host_str().unwrap_or_default();
    if error.is_timeout() {
        return format!("{host} has not answered within {} s", longest.as_secs());
    }
    format!("{host} could not be asked: {}", cut(&chain(&error.without_url())))
}

/// The last cause says most.
fn chain(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    if error.source().is_none() { error.to_string() } else { last.to_string() }
}

/// A text of somebody else's, no longer than it is worth.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(TOLD).collect()
}
