//! One HTTP connection, without the SDK's own work: what is measured is the emulator.

use anyhow::bail;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Emulators read the service and the Region from here; none of them looks at the signature.
const CREDENTIAL: &str = "AKIDBENCHMARK/20260101/us-east-1";

/// A connection to an emulator.
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Client {
    /// Connects to a port of loopback.
    pub async fn connect(port: u16) -> anyhow::Result<Self> {
        let host = format!("127.0.0.1:{port}");
        Ok(Self { sender: connected(&host).await?, host })
    }

    /// Calls ECS.
    pub async fn ecs(&mut self, operation: &str, input: &Value) -> anyhow::Result<Bytes> {
        let target = format!("AmazonEC2ContainerServiceV20141113.{operation}");
        let request = self.request("ecs").header("x-amz-target", target);
        self.send(request.header("content-type", "application/x-amz-json-1.1"), input.to_string()).await
    }

    /// Calls EC2.
    pub async fn ec2(&mut self, action: &str) -> anyhow::Result<Bytes> {
        let request = self.request("ec2").header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        self.send(request, format!("Action={action}&Version=2016-11-15")).await
    }

    fn request(&self, service: &str) -> http::request::Builder {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={CREDENTIAL}/{service}/aws4_request, SignedHeaders=host, Signature={:064}",
            0
        );
        let request = Request::post("/").header("host", &self.host).header("authorization", authorization);
        request.header("x-amz-date", "20260101T000000Z")
    }

    async fn send(&mut self, request: http::request::Builder, body: String) -> anyhow::Result<Bytes> {
        // Not every emulator keeps connections.
        if self.sender.ready().await.is_err() {
            self.sender = connected(&self.host).await?;
        }
        let response = self.sender.send_request(request.body(Full::new(Bytes::from(body)))?).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            bail!("{status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(body)
    }
}

async fn connected(host: &str) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(host).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}
