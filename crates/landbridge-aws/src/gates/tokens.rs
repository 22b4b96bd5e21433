//! Bearer tokens of hosts, from a directory of the operator's whose files are named after hosts. Who writes a
//! TrafficMigration chooses whom to ask, never which token is sent: that follows from the host alone.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use reqwest::Url;
use reqwest::header::HeaderValue;
use tokio::io::AsyncReadExt as _;

/// Largest token that is read, in bytes; servers take no longer headers.
const LARGEST: u64 = 8 << 10;

/// The directory, if there is one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tokens(pub(crate) Option<PathBuf>);

impl Tokens {
    /// The token for where this leads: of exactly that host and port, and only where nobody in between can read it, over
    /// https or to this machine. It is read each time, so that one that was renewed counts from the next request on.
    pub(super) async fn of(&self, url: &Url) -> Result<Option<Token>, String> {
        let (Some(directory), Some(name)) = (&self.0, file_name(url)) else { return Ok(None) };
        if !is_private(url) {
            return Ok(None);
        }
        let wrong = |why: &dyn fmt::Display| Err(format!("the token {name} of the operator cannot be read: {why}"));
        let file = match tokio::fs::File::open(directory.join(&name)).await {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return wrong(&error),
        };
        let mut text = String::new();
        match file.take(LARGEST + 1).read_to_string(&mut text).await {
            Err(error) => wrong(&error),
            Ok(length) if length as u64 > LARGEST => wrong(&format!("it has more than {LARGEST} bytes")),
            Ok(_) => Token::of(text.trim()).map_or_else(|why| wrong(&why), |token| Ok(Some(token))),
        }
    }

    /// What to do about somebody who wants a token and was shown none.
    pub(super) fn advice(&self, url: &Url) -> String {
        let Some(name) = file_name(url) else {
            return "tokens are for hosts with a name or an IPv4 address: name it so".to_owned();
        };
        if !is_private(url) {
            return "tokens are sent over https alone: write https://".to_owned();
        }
        let put = format!("put a token for it under the name {name}");
        match self.0 {
            Some(_) => format!("{put} into the Secret of the operator's --gate-tokens (chart: gates.tokensSecret)"),
            None => format!("{put} into a Secret, and name that in gates.tokensSecret of the chart (--gate-tokens)"),
        }
    }
}

/// Whether nobody but who is meant reads what is sent there.
fn is_private(url: &Url) -> bool {
    // A name such as localhost leads where the resolver says.
    let loopback = || url.host_str().and_then(|h| h.parse::<IpAddr>().ok()).is_some_and(|a| a.is_loopback());
    url.scheme() == "https" || loopback()
}

/// Name of the file with the token for where this leads: the host, with the port behind `_` where it is not the scheme's own,
/// because the keys of a Secret have no colon.
pub(super) fn file_name(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    // Names that begin with a dot are the mount's own.
    let is_name = host.starts_with(|c: char| c.is_ascii_alphanumeric())
        && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
    let port = url.port().map(|port| format!("_{port}")).unwrap_or_default();
    is_name.then(|| format!("{host}{port}"))
}

/// A token. It shows itself to nobody but the host that it is for.
pub(super) struct Token {
    text: String,
    header: HeaderValue,
}

impl Token {
    fn of(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("it is empty".to_owned());
        }
        let no_header = |_| "it has a character that no token has".to_owned();
        let mut header = HeaderValue::from_str(&format!("Bearer {text}")).map_err(no_header)?;
        header.set_sensitive(true);
        Ok(Self { text: text.to_owned(), header })
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_file_is_named_after_the_host_and_a_port_of_its_own() {
        for (leads, name) in [
            ("https://prometheus.example.com/api", Some("prometheus.example.com")),
            ("https://Prometheus.Example.com:443/", Some("prometheus.example.com")),
            ("https://prometheus.example.com:9090/", Some("prometheus.example.com_9090")),
            ("http://127.0.0.1:9090", Some("127.0.0.1_9090")),
            ("https://prometheus.example.com.evil.example/", Some("prometheus.example.com.evil.example")),
            ("https://prometheus.example.com./", Some("prometheus.example.com.")),
            ("https://[::1]/", None),
            ("https://prometheus_9090/", None),
        ] {
            assert_eq!(file_name(&url(leads)).as_deref(), name, "{leads}");
        }
        // What a name could not hold is no URL at all, or no name.
        for leads in ["https://../", "https://..data/", "https://a%2f..%2fb/"] {
            assert_eq!(Url::parse(leads).ok().and_then(|u| file_name(&u)), None, "{leads}");
        }
    }

    #[tokio::test]
    async fn a_token_goes_over_https_or_to_this_machine_and_to_no_host_but_its_own() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["prometheus.example.com", "127.0.0.1", "prometheus.example.com_9090", "localhost"] {
            std::fs::write(directory.path().join(name), format!("of-{name}\n")).unwrap();
        }
        let tokens = Tokens(Some(directory.path().to_owned()));
        for (leads, token) in [
            ("https://prometheus.example.com/api/v1/query", Some("of-prometheus.example.com")),
            ("https://prometheus.example.com:9090/", Some("of-prometheus.example.com_9090")),
            ("https://prometheus.example.com:9091/", None),
            ("http://prometheus.example.com/", None),
            ("http://localhost/", None),
            ("https://evil.example.com/", None),
            ("https://prometheus.example.com.evil.example/", None),
            ("http://127.0.0.1/", Some("of-127.0.0.1")),
        ] {
            let found = tokens.of(&url(leads)).await.unwrap();
            assert_eq!(found.as_ref().map(Token::text), token, "{leads}");
        }
        assert!(Tokens(None).of(&url("https://prometheus.example.com/")).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_is_no_token_is_told_by_its_name_and_never_shown() {
        let directory = tempfile::tempdir().unwrap();
        let tokens = Tokens(Some(directory.path().to_owned()));
        let long = "x".repeat(9000);
        for (text, told) in [
            (" \n", "it is empty"),
            ("sec\nret", "a character that no token has"),
            (long.as_str(), "more than 8192 bytes"),
        ] {
            std::fs::write(directory.path().join("a.example"), text).unwrap();
            let said = tokens.of(&url("https://a.example/")).await.err().unwrap();
            assert!(said.contains(told) && said.contains("a.example") && !said.contains("sec"), "{said}");
        }
        std::fs::remove_file(directory.path().join("a.example")).unwrap();
        std::fs::create_dir(directory.path().join("a.example")).unwrap();
        let said = tokens.of(&url("https://a.example/")).await.err().unwrap();
        assert!(said.starts_with("the token a.example of the operator cannot be read"), "{said}");
    }
}
