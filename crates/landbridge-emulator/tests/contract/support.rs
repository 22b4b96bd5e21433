//! An emulator on loopback with hand-moved time, and SDK clients for it that owe nothing to the environment.

use std::ops::Deref;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use bytes::Bytes;
use http::Request;
use landbridge_emulator::{Builder, Clock, Emulator, Server};

use crate::elsewhere::{Elsewhere, ONLY_OURS};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const REGION: &str = "eu-west-1";

/// An emulated AWS and where it listens.
pub(crate) struct Aws {
    pub(crate) emulator: Ours,
    front: Front,
}

/// How clients reach it.
enum Front {
    Http(Server),
    InProcess,
    Elsewhere(Elsewhere),
}

/// Our own emulator, where the test runs on it.
pub(crate) struct Ours(Option<Emulator>);

impl Deref for Ours {
    type Target = Emulator;

    fn deref(&self) -> &Emulator {
        self.0.as_ref().expect(ONLY_OURS)
    }
}

/// Runs a test over HTTP, and once more with clients that need no socket.
pub(crate) async fn on_both_fronts(test: impl AsyncFn(Aws)) {
    let aws = Aws::start().await;
    let elsewhere = matches!(aws.front, Front::Elsewhere(_));
    test(aws).await;
    if !elsewhere {
        let aws = Aws::start().await;
        test(Aws { front: Front::InProcess, ..aws }).await;
    }
}

impl Aws {
    pub(crate) async fn start() -> Self {
        match Elsewhere::from_env() {
            Some(elsewhere) => Self { emulator: Ours(None), front: Front::Elsewhere(elsewhere) },
            None => Self::start_with(|builder| builder).await,
        }
    }

    pub(crate) async fn start_with(configure: impl FnOnce(Builder) -> Builder) -> Self {
        let start = "2026-01-01T00:00:00Z".parse().unwrap();
        let builder = Emulator::builder().account(ACCOUNT).region(REGION).clock(Clock::manual(start));
        let emulator = configure(builder).build();
        let server = emulator.serve("127.0.0.1:0".parse().unwrap()).await.unwrap();
        Self { emulator: Ours(Some(emulator)), front: Front::Http(server) }
    }

    fn url(&self) -> String {
        match &self.front {
            Front::Http(server) => server.url(),
            Front::InProcess => "http://127.0.0.1".to_owned(),
            Front::Elsewhere(elsewhere) => elsewhere.url.clone(),
        }
    }

    /// Credentials that may do everything.
    pub(crate) fn config(&self) -> SdkConfig {
        self.config_of(Credentials::new("AKIDTESTS", "secret", None, None, "test"))
    }

    /// Plain HTTP without retries: what is tested is one answer at a time.
    pub(crate) fn config_of(&self, credentials: Credentials) -> SdkConfig {
        let plain = || aws_smithy_http_client::Builder::new().build_http();
        let http_client = match &self.front {
            Front::Http(_) => plain(),
            Front::InProcess => self.emulator.http_client(),
            Front::Elsewhere(elsewhere) => elsewhere.http_client(),
        };
        SdkConfig::builder()
            .behavior_version(aws_sdk_ecs::config::BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(self.url())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::disabled())
            .http_client(http_client)
            .build()
    }

    /// A call of the JSON protocols without an SDK: the status and the body.
    pub(crate) async fn json(&self, target: &str, input: &Value) -> (u16, Value) {
        let (status, text) = self.send("any", ("x-amz-target", target), input.to_string()).await;
        (status, serde_json::from_str(&text).unwrap())
    }

    /// A form of the query protocols without an SDK, signed for `service`: the status and the body.
    pub(crate) async fn form(&self, service: &str, form: &str) -> (u16, String) {
        self.send(service, ("content-type", "application/x-www-form-urlencoded"), form.to_owned()).await
    }

    async fn send(&self, service: &str, (name, value): (&str, &str), body: String) -> (u16, String) {
        let host = self.url().trim_start_matches("http://").to_owned();
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDTESTS/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host"
        );
        if matches!(self.front, Front::InProcess) {
            let request = Request::post("/").header(name, value).header("authorization", scope);
            let response = self.emulator.respond(request.body(Bytes::from(body)).unwrap());
            return (response.status().as_u16(), String::from_utf8(response.body().to_vec()).unwrap());
        }
        let request = format!(
            "POST / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{name}: {value}\r\nauthorization: {scope}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(&host).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    pub(crate) fn pass(&self, seconds: u64) {
        match &self.front {
            Front::Elsewhere(_) => Elsewhere::pass(Duration::from_secs(seconds)),
            _ => self.emulator.advance(Duration::from_secs(seconds)),
        }
    }
}

/// A trust policy for `principal` (a JSON object) and the actions of STS.
pub(crate) fn trust(principal: &serde_json::Value, condition: &serde_json::Value) -> String {
    serde_json::json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": principal, "Condition": condition,
        "Action": ["sts:AssumeRole", "sts:TagSession", "sts:AssumeRoleWithWebIdentity"],
    }]})
    .to_string()
}
