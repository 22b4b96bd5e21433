//! Queries to Amazon Managed Service for Prometheus, which knows no tokens: they are signed («Query using Prometheus-compatible
//! APIs», service `aps`) with the credentials of the account that the migration writes in.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};

use crate::clock::Clock;

const HOST: &str = "aps-workspaces.";
const ENDS: [&str; 2] = [".amazonaws.com", ".amazonaws.com.cn"];
/// Credentials are fetched anew that long before they end.
const EARLY: Duration = Duration::from_mins(5);

/// The Region of the workspace that a query goes to. Anything else of that host is not signed: whoever names an address must
/// not make the operator write to a workspace.
pub(super) fn region(url: &Url) -> Option<&str> {
    let rest = url.host_str()?.strip_prefix(HOST)?;
    let region = ENDS.iter().find_map(|end| rest.strip_suffix(end))?;
    let word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let workspace = url.path().strip_prefix("/workspaces/")?.strip_suffix("/api/v1/query")?;
    let plain = url.scheme() == "https" && url.port().is_none() && url.query().is_none();
    (plain && word(region) && word(workspace)).then_some(region)
}

/// Signs with the credentials of an account.
pub(crate) struct Signer {
    account: String,
    provider: SharedCredentialsProvider,
    clock: Clock,
    /// Those that end: to fetch them is a call of its own.
    held: Mutex<Option<Credentials>>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("account", &self.account).finish_non_exhaustive()
    }
}

impl Signer {
    pub(crate) fn new(account: &str, provider: SharedCredentialsProvider, clock: Clock) -> Self {
        Self { account: account.to_owned(), provider, clock, held: Mutex::default() }
    }

    pub(super) fn account(&self) -> &str {
        &self.account
    }

    /// The headers that sign a POST.
    pub(super) async fn sign(
        &self,
        url: &Url,
        region: &str,
        (kind, body): (&str, &str),
    ) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
        let now = SystemTime::from(self.clock.now());
        let credentials = self.credentials(now).await?;
        headers(url, region, (kind, body), credentials, now)
            .map_err(|why| format!("the query to {} could not be signed: {why}", url.host_str().unwrap_or_default()))
    }

    async fn credentials(&self, now: SystemTime) -> Result<Credentials, String> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(held) = held.filter(|c| c.expiry().is_some_and(|end| end > now + EARLY)) {
            return Ok(held);
        }
        let found = self.provider.provide_credentials().await;
        let found = found.map_err(|error| format!("there are no credentials for account {}: {error}", self.account))?;
        let kept = found.expiry().is_some().then(|| found.clone());
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        Ok(found)
    }
}

fn headers(
    url: &Url,
    region: &str,
    (kind, body): (&str, &str),
    credentials: Credentials,
    now: SystemTime,
) -> Result<Vec<(HeaderName, HeaderValue)>, Box<dyn std::error::Error + Send + Sync>> {
    let identity = credentials.into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("aps")
        .time(now)
        .settings(SigningSettings::default())
        .build()?;
    let named = [(CONTENT_TYPE.as_str(), kind)].into_iter();
    let request = SignableRequest::new("POST", url.as_str(), named, SignableBody::Bytes(body.as_bytes()))?;
    let (instructions, _) = sign(request, &parameters.into())?.into_parts();
    let mut found = Vec::new();
    for (name, value) in instructions.headers() {
        let mut value = HeaderValue::from_str(value)?;
        value.set_sensitive(true);
        found.push((HeaderName::from_bytes(name.as_bytes())?, value));
    }
    Ok(found)
}
