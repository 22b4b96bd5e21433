//! What a request shows so that it is let in: the token of a host from the operator's directory, or a signature of AWS.
//! Neither is in any log, status or message: what comes back is told without it.

use std::fmt;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{StatusCode, Url};

use super::signature::{self, Signer};
use super::tokens::{Token, Tokens, file_name};

/// What is shown in place of a token that somebody sends back.
const SENSITIVE: &str = "(sensitive)";

/// What a request shows.
pub(super) enum Credential {
    /// Nothing: there is no token for the host, or none may be sent there.
    Nothing,
    /// The token of the host.
    Token(Token),
    /// A signature for Amazon Managed Service for Prometheus.
    Signature {
        /// The account whose credentials signed.
        account: String,
        /// What it consists of.
        headers: Vec<(HeaderName, HeaderValue)>,
    },
}

/// Its kind and no more.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Token(_) => "Token",
            Self::Signature { .. } => "Signature",
        })
    }
}

impl Credential {
    /// What is shown there. Only queries are signed.
    pub(super) async fn of(
        tokens: &Tokens,
        signer: Option<&Signer>,
        url: &Url,
        (kind, body): (&str, &str),
    ) -> Result<Self, String> {
        if let (Some(signer), Some(region)) = (signer, signature::region(url)) {
            let headers = signer.sign(url, region, (kind, body)).await?;
            return Ok(Self::Signature { account: signer.account().to_owned(), headers });
        }
        Ok(tokens.of(url).await?.map_or(Self::Nothing, Self::Token))
    }

    /// As headers, which no debugging output shows.
    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        match self {
            Self::Nothing => {}
            Self::Token(token) => {
                headers.insert(AUTHORIZATION, token.header());
            }
            Self::Signature { headers: signed, .. } => headers.extend(signed.iter().cloned()),
        }
        headers
    }

    /// What to do when nobody is let in with this.
    pub(super) fn refused(&self, url: &Url, status: StatusCode, tokens: &Tokens) -> Option<String> {
        if !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return None;
        }
        let (host, status) = (url.host_str().unwrap_or_default(), status.as_u16());
        Some(match self {
            Self::Token(_) => format!(
                "{host} answered {status} to the token that the operator has for it in {}: renew it, or give it the right",
                file_name(url).unwrap_or_default()
            ),
            Self::Signature { account, .. } => format!(
                "{host} answered {status} to the credentials of account {account}: allow them aps:QueryMetrics on that \
                 workspace"
            ),
            Self::Nothing => format!("{host} answered {status}: {}", tokens.advice(url)),
        })
    }

    /// A text of whoever was asked, without what he was shown.
    pub(super) fn hide(&self, text: String) -> String {
        match self {
            Self::Token(token) => text.replace(token.text(), SENSITIVE),
            Self::Nothing | Self::Signature { .. } => text,
        }
    }
}
