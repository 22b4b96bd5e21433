//! The same tests against an emulator that others wrote:
//!
//! ```text
//! LANDBRIDGE_CONTRACT_ENDPOINT=http://127.0.0.1:5000 cargo test -p landbridge-emulator --test contract -- --test-threads 1
//! ```
//!
//! It is emptied before each test, as moto and ministack can be. Its time is real, and time that a test lets pass is cut
//! short. Its networks and its account have other names than those in the tests, so names are exchanged on the way.
//! A test that asks what only our emulator can be asked (its clock, its call log, its faults) ends with [`ONLY_OURS`].

use std::env;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient as _, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use crate::support::{ACCOUNT, REGION};

/// What a test ends with that cannot be run elsewhere.
pub(crate) const ONLY_OURS: &str = "only our own emulator can be asked this";
/// What passes there of a longer time.
const LONGEST: Duration = Duration::from_secs(1);

/// Text of the tests, and what it is there.
type Names = Vec<(String, String)>;

/// An emulator of others.
#[derive(Debug, Clone)]
pub(crate) struct Elsewhere {
    pub(crate) url: String,
    names: Arc<Names>,
}

impl Elsewhere {
    /// The one that the environment names, emptied.
    pub(crate) fn from_env() -> Option<Self> {
        let url = env::var("LANDBRIDGE_CONTRACT_ENDPOINT").ok().filter(|url| !url.is_empty())?;
        for reset in ["/moto-api/reset", "/_ministack/reset"] {
            post(&url, reset, "s3", "");
        }
        let ec2 = |action: &str, element: &str| {
            let answer = post(&url, "/", "ec2", &format!("Action={action}&Version=2016-11-15"));
            values(&answer, element)
        };
        let subnets = ec2("DescribeSubnets", "subnetId");
        let (groups, networks) = (ec2("DescribeSecurityGroups", "groupId"), ec2("DescribeVpcs", "vpcId"));
        let mut names = Names::new();
        for (ours, theirs) in [
            ("subnet-0a1b2c3d4e5f60001", subnets.first()),
            ("subnet-1", subnets.first()),
            ("subnet-a", subnets.first()),
            ("subnet-b", subnets.get(1)),
            ("subnet-c", subnets.get(2)),
            ("sg-1", groups.first()),
            ("vpc-1", networks.first()),
        ] {
            names.extend(theirs.map(|theirs| (ours.to_owned(), theirs.clone())));
        }
        let identity = post(&url, "/", "sts", "Action=GetCallerIdentity&Version=2011-06-15");
        names.extend(values(&identity, "Account").first().map(|account| (ACCOUNT.to_owned(), account.clone())));
        names.retain(|(ours, theirs)| ours != theirs);
        Some(Self { url, names: Arc::new(names) })
    }

    /// Plain HTTP with names exchanged.
    pub(crate) fn http_client(&self) -> SharedHttpClient {
        let (plain, names) = (aws_smithy_http_client::Builder::new().build_http(), Arc::clone(&self.names));
        http_client_fn(move |settings, components| {
            let inner = plain.http_connector(settings, components);
            SharedHttpConnector::new(Translator { inner, names: Arc::clone(&names) })
        })
    }

    /// Lets some time pass.
    pub(crate) fn pass(time: Duration) {
        std::thread::sleep(time.min(LONGEST));
    }
}

#[derive(Debug)]
struct Translator {
    inner: SharedHttpConnector,
    names: Arc<Names>,
}

impl HttpConnector for Translator {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let (inner, names) = (self.inner.clone(), Arc::clone(&self.names));
        HttpConnectorFuture::new(async move {
            let body = request.body().bytes().and_then(|body| std::str::from_utf8(body).ok()).map(str::to_owned);
            if let Some(body) = body {
                let body = exchange(&body, &names.iter().map(|(ours, theirs)| (ours, theirs)));
                request.headers_mut().insert("content-length", body.len().to_string());
                *request.body_mut() = SdkBody::from(body);
            }
            let response = inner.call(request).await?;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = ByteStream::new(response.into_body()).collect().await;
            let body = body.map_err(|error| ConnectorError::other(error.into(), None))?.to_vec();
            let body = match String::from_utf8(body) {
                // Of several names that stand for one thing there, the first is as good as any.
                Ok(text) => SdkBody::from(exchange(&text, &names.iter().map(|(ours, theirs)| (theirs, ours)))),
                Err(bytes) => SdkBody::from(bytes.into_bytes()),
            };
            let mut response = HttpResponse::new(status, body);
            for (name, value) in headers.iter().filter(|(name, _)| *name != "content-length") {
                response.headers_mut().insert(name.to_owned(), value.to_owned());
            }
            Ok(response)
        })
    }
}

/// Whole words exchanged, each once.
fn exchange<'a>(text: &str, words: &(impl Iterator<Item = (&'a String, &'a String)> + Clone)) -> String {
    let (mut exchanged, mut rest) = (String::with_capacity(text.len()), text);
    let ends = |after: &str| !after.starts_with(|c: char| c.is_ascii_alphanumeric());
    while let Some(first) = rest.chars().next() {
        let word = words.clone().find(|(from, _)| rest.strip_prefix(from.as_str()).is_some_and(ends));
        let (put, length) = match word {
            Some((from, to)) => (to.as_str(), from.len()),
            None => (&rest[..first.len_utf8()], first.len_utf8()),
        };
        exchanged.push_str(put);
        rest = &rest[length..];
    }
    exchanged
}

fn values(answer: &str, element: &str) -> Vec<String> {
    let open = format!("<{element}>");
    answer.split(&open).skip(1).filter_map(|rest| rest.split('<').next()).map(str::to_owned).collect()
}

/// An answer, or nothing: not every emulator knows every question.
fn post(url: &str, path: &str, service: &str, form: &str) -> String {
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let mut answer = String::new();
    let mut stream = TcpStream::connect(host).unwrap();
    let _ = write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: \
         application/x-www-form-urlencoded\r\nAuthorization: AWS4-HMAC-SHA256 \
         Credential=AKIDTESTS/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len(),
    );
    let _ = stream.read_to_string(&mut answer);
    answer
}
