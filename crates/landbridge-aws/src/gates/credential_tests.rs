//! Who is shown what: real servers on loopback see the whole request.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::credential::Credential;
use super::signature::{Signer, region};
use super::tokens::Tokens;
use super::*;
use crate::clock::Clock;

const LONGEST: Duration = Duration::from_secs(20);

/// A server that keeps what it is sent, as text.
struct Keeping {
    address: std::net::SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Keeping {
    async fn start(head: &str, body: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let (kept, length) = (requests.clone(), body.len());
        let answer = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (kept, answer) = (kept.clone(), answer.clone());
                tokio::spawn(async move {
                    let mut read = Vec::new();
                    while !is_whole(&read) {
                        if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    lock(&kept).push(String::from_utf8(read).unwrap());
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        Self { address, requests }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Name of the file with its token.
    fn file(&self) -> String {
        self.address.to_string().replace(':', "_")
    }

    /// The requests since the last time, each as its headers (names in small letters) and body.
    fn taken(&self) -> Vec<(HashMap<String, String>, String)> {
        let parts = |text: String| {
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            let header = |line: &str| line.split_once(": ").map(|(name, v)| (name.to_ascii_lowercase(), v.to_owned()));
            (head.lines().skip(1).filter_map(header).collect(), body.to_owned())
        };
        std::mem::take(&mut *lock(&self.requests)).into_iter().map(parts).collect()
    }

    /// The `Authorization` of each request since the last time.
    fn shown(&self) -> Vec<Option<String>> {
        self.taken().into_iter().map(|(mut headers, _)| headers.remove("authorization")).collect()
    }
}

fn is_whole(read: &[u8]) -> bool {
    let text = String::from_utf8_lossy(read);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

/// Puts tokens there as the kubelet does: the files are links into a directory that is a link itself, and is swapped.
fn mount(directory: &Path, version: &str, tokens: &[(&str, &str)]) {
    let data = directory.join(format!("..{version}"));
    std::fs::create_dir(&data).unwrap();
    for (name, token) in tokens {
        std::fs::write(data.join(name), token).unwrap();
        let link = directory.join(name);
        if !link.is_symlink() {
            std::os::unix::fs::symlink(format!("..data/{name}"), link).unwrap();
        }
    }
    let swap = directory.join("..data_tmp");
    std::os::unix::fs::symlink(data, &swap).unwrap();
    std::fs::rename(swap, directory.join("..data")).unwrap();
}

fn with_tokens(directory: &Path) -> http::Http {
    http::Http::new(Tokens(Some(directory.to_owned())))
}

fn nothing(said: &Said) -> &str {
    match said {
        Said::Nothing(why) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_host_is_shown_its_token_and_nobody_else_and_a_new_one_counts_at_once() {
    let one = json!({"status": "success", "data": {"resultType": "scalar", "result": [1, "3"]}}).to_string();
    let (known, other) = (Keeping::start("200 OK", &one).await, Keeping::start("200 OK", &one).await);
    let directory = tempfile::tempdir().unwrap();
    mount(directory.path(), "first", &[(&known.file(), "tok-1\n")]);
    let http = with_tokens(directory.path());
    for server in [&known, &other] {
        assert_eq!(prometheus::ask(&http, None, &server.url(""), "up", LONGEST).await, Said::Value(3.0));
        assert_eq!(http::post(&http, &server.url("/ask"), &json!({}), LONGEST).await, Said::Status(200));
    }
    assert_eq!((known.shown(), other.shown()), (vec![Some("Bearer tok-1".to_owned()); 2], vec![None; 2]));
    mount(directory.path(), "second", &[(&known.file(), "tok-2")]);
    prometheus::ask(&http, None, &known.url(""), "up", LONGEST).await;
    assert_eq!(known.shown(), [Some("Bearer tok-2".to_owned())]);
    std::fs::remove_file(directory.path().join(known.file())).unwrap();
    prometheus::ask(&http, None, &known.url(""), "up", LONGEST).await;
    assert_eq!(known.shown(), [None]);
}

#[tokio::test]
async fn a_redirect_carries_the_token_nowhere_not_even_to_a_host_that_has_one() {
    let elsewhere = Keeping::start("200 OK", "").await;
    for head in ["302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let redirecting = Keeping::start(&format!("{head}\r\nLocation: {}", elsewhere.url("/")), "").await;
        let directory = tempfile::tempdir().unwrap();
        mount(directory.path(), "first", &[(&redirecting.file(), "tok-1"), (&elsewhere.file(), "tok-2")]);
        let http = with_tokens(directory.path());
        http::post(&http, &redirecting.url("/"), &json!({}), LONGEST).await;
        prometheus::ask(&http, None, &redirecting.url(""), "up", LONGEST).await;
        assert_eq!(redirecting.shown(), vec![Some("Bearer tok-1".to_owned()); 2]);
        assert_eq!(elsewhere.shown(), []);
    }
}

#[tokio::test]
async fn who_is_not_let_in_is_told_what_to_do_and_a_token_that_is_sent_back_is_told_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let http = with_tokens(directory.path());
    let both = async |http: &http::Http, server: &Keeping| {
        let query = prometheus::ask(http, None, &server.url(""), "up", LONGEST).await;
        let asked = http::post(http, &server.url("/"), &json!({}), LONGEST).await;
        assert_eq!(query, asked);
        nothing(&query).to_owned()
    };
    for head in ["401 Unauthorized", "403 Forbidden"] {
        let server = Keeping::start(head, "").await;
        let (name, status) = (server.file(), &head[..3]);
        let begins = format!("127.0.0.1 answered {status}");
        let said = both(&http::Http::default(), &server).await;
        assert!(said.starts_with(&begins) && said.contains(&format!("under the name {name} into a Secret")), "{said}");
        assert!(said.contains("gates.tokensSecret"), "{said}");
        let said = both(&http, &server).await;
        assert!(said.contains(&format!("under the name {name} into the Secret of the operator")), "{said}");
        std::fs::write(directory.path().join(&name), "tok-1").unwrap();
        let said = both(&http, &server).await;
        assert!(said.starts_with(&begins) && said.ends_with("renew it, or give it the right"), "{said}");
        assert!(said.contains(&name) && !said.contains("tok-1"), "{said}");
    }
    let parrot = json!({"status": "error", "error": "no such user: Bearer tok-9!"}).to_string();
    let parrot = Keeping::start("400 Bad Request", &parrot).await;
    std::fs::write(directory.path().join(parrot.file()), "tok-9").unwrap();
    let said = prometheus::ask(&http, None, &parrot.url(""), "up", LONGEST).await;
    assert_eq!(nothing(&said), "Prometheus answered 400: no such user: Bearer (sensitive)!");
    // A token that cannot be read is not the same as none: nobody is asked without it.
    std::fs::write(directory.path().join(parrot.file()), "").unwrap();
    parrot.taken();
    let said = prometheus::ask(&http, None, &parrot.url(""), "up", LONGEST).await;
    assert!(nothing(&said).contains("it is empty"), "{said:?}");
    assert_eq!(parrot.shown(), []);
}

#[test]
fn only_queries_to_a_workspace_of_amazon_are_signed_and_for_its_region() {
    let of = |text: &str| reqwest::Url::parse(text).ok().and_then(|url| region(&url).map(str::to_owned));
    let query = "/workspaces/ws-1a2b/api/v1/query";
    for (host, found) in [
        ("https://aps-workspaces.eu-central-1.amazonaws.com", Some("eu-central-1")),
        ("https://APS-workspaces.eu-central-1.amazonaws.com:443", Some("eu-central-1")),
        ("https://aps-workspaces.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
        ("http://aps-workspaces.eu-central-1.amazonaws.com", None),
        ("https://aps-workspaces.eu-central-1.amazonaws.com:8443", None),
        ("https://aps-workspaces.eu-central-1.amazonaws.com.evil.example", None),
        ("https://aps-workspaces.evil.example", None),
        ("https://aps-workspaces.a.evil.amazonaws.com", None),
        ("https://aps-workspaces..amazonaws.com", None),
        ("https://xaps-workspaces.eu-central-1.amazonaws.com", None),
    ] {
        assert_eq!(of(&format!("{host}{query}")).as_deref(), found, "{host}");
    }
    for path in [
        "/workspaces/ws-1/api/v1/remote_write",
        "/workspaces/ws-1/alertmanager/api/v1/query",
        "/workspaces/ws-1/../ws-1/x/api/v1/query",
        "/workspaces//api/v1/query",
        "/workspaces/ws-1/api/v1/query?x=1",
        "/api/v1/query",
    ] {
        assert_eq!(of(&format!("https://aps-workspaces.eu-central-1.amazonaws.com{path}")), None, "{path}");
    }
}

/// Credentials with a session token that end at that second, and how often they were fetched.
#[derive(Clone, Debug)]
struct Ending(u64, Arc<AtomicUsize>);

impl ProvideCredentials for Ending {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        self.1.fetch_add(1, Ordering::SeqCst);
        let end = SystemTime::UNIX_EPOCH + Duration::from_secs(self.0);
        let found = Credentials::new("AKIDEXAMPLE", "very-secret", Some("session".to_owned()), Some(end), "test");
        future::ProvideCredentials::ready(Ok(found))
    }
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let pad = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// The signature that AWS comes to from what arrived («Create a signed AWS API request»).
fn expected(headers: &HashMap<String, String>, signed: &str, path: &str, body: &str, scope: &str) -> String {
    let lines: Vec<String> = signed.split(';').map(|name| format!("{name}:{}", headers[name])).collect();
    let request = format!("POST\n{path}\n\n{}\n\n{signed}\n{}", lines.join("\n"), hex(&Sha256::digest(body)));
    let text =
        format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", headers["x-amz-date"], hex(&Sha256::digest(request.as_bytes())));
    let key = scope.split('/').fold(b"AWS4very-secret".to_vec(), |key, part| hmac(&key, part));
    hex(&hmac(&key, &text))
}

#[tokio::test]
async fn what_arrives_is_signed_for_the_service_and_region_of_the_workspace_with_nothing_in_clear() {
    let one = json!({"status": "success", "data": {"resultType": "scalar", "result": [1, "3"]}}).to_string();
    let server = Keeping::start("200 OK", &one).await;
    let (now, fetched) = (jiff::Timestamp::from_second(1_800_000_000).unwrap(), Arc::<AtomicUsize>::default());
    let provider = SharedCredentialsProvider::new(Ending(1_800_003_600, fetched.clone()));
    let played = Arc::new(Mutex::new(now));
    let present = played.clone();
    let signer = Signer::new("111122223333", provider, Clock::new(move || *lock(&present)));
    let path = "/workspaces/ws-1a2b/api/v1/query";
    let (url, body) = (reqwest::Url::parse(&server.url(path)).unwrap(), "query=sum%28up%29&timeout=5s");
    let kind = "application/x-www-form-urlencoded";
    let headers = signer.sign(&url, "eu-central-1", (kind, body)).await.unwrap();
    let shown = Credential::Signature { account: signer.account().to_owned(), headers };
    assert!(shown.headers().values().all(reqwest::header::HeaderValue::is_sensitive));
    let http = http::Http::default();
    http.send_showing(&url, (kind, body.to_owned()), shown, LONGEST).await.unwrap();
    let (arrived, text) = server.taken().remove(0);
    assert_eq!(text, body);
    let scope = "20270115/eu-central-1/aps/aws4_request";
    let shown = arrived["authorization"].clone();
    assert!(shown.starts_with(&format!("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, ")), "{shown}");
    let part = |name: &str| shown.split_once(&format!("{name}=")).unwrap().1.split(',').next().unwrap().to_owned();
    let signed = part("SignedHeaders");
    for name in ["content-type", "host", "x-amz-date", "x-amz-security-token"] {
        assert!(signed.split(';').any(|s| s == name), "{name}: {signed}");
    }
    assert_eq!(part("Signature"), expected(&arrived, &signed, path, body, scope));
    assert!(!arrived.values().any(|value| value.contains("very-secret")));

    // Credentials are fetched again five minutes before they end, and not for each query.
    for (after, times) in [(3000, 1), (3299, 1), (3301, 2)] {
        *lock(&played) = now.checked_add(jiff::SignedDuration::from_secs(after)).unwrap();
        signer.sign(&url, "eu-central-1", (kind, body)).await.unwrap();
        assert_eq!(fetched.load(Ordering::SeqCst), times, "after {after} s");
    }
    assert!(!format!("{signer:?}").contains("secret"));
}

#[tokio::test]
async fn a_workspace_that_lets_nobody_in_names_the_account_and_the_right() {
    let server = Keeping::start("403 Forbidden", "{}").await;
    let url = reqwest::Url::parse(&server.url("/workspaces/ws-1/api/v1/query")).unwrap();
    let shown = Credential::Signature { account: "111122223333".to_owned(), headers: Vec::new() };
    let said = http::Http::default().send_showing(&url, ("text/plain", String::new()), shown, LONGEST).await;
    let said = said.err().unwrap();
    assert!(said.contains("account 111122223333") && said.contains("aps:QueryMetrics"), "{said}");
}
