//! A small HTTP server on loopback that answers as a test says: Prometheus, a webhook, or somebody who never answers.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What it says to the path and body of a request: a status and a body. Nothing: it keeps the connection and says nothing.
type Says = dyn Fn(&str, &str) -> Option<(u16, String)> + Send + Sync;

/// The server. It ends when this is dropped.
pub struct Answering {
    /// Where it listens.
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Answering {
    /// Starts it.
    pub async fn start(says: impl Fn(&str, &str) -> Option<(u16, String)> + Send + Sync + 'static) -> Self {
        Self::start_for(None, says).await
    }

    /// One that answers 401 to whoever does not show that bearer token.
    pub async fn start_for(
        token: Option<&'static str>,
        says: impl Fn(&str, &str) -> Option<(u16, String)> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (address, says) = (listener.local_addr().unwrap(), Arc::new(says));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, token, says.clone()));
            }
        });
        Self { address, task }
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One request, then the connection ends.
async fn serve(mut stream: TcpStream, token: Option<&str>, says: Arc<Says>) {
    let mut read = Vec::new();
    let (head, body) = loop {
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(length) => read.extend_from_slice(&chunk[..length]),
        }
        let text = String::from_utf8_lossy(&read);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
        });
        if body.len() >= length.unwrap_or(0) {
            break (head.to_owned(), body.to_owned());
        }
    };
    let path = head.split_whitespace().nth(1).unwrap_or_default();
    let shown = head.lines().find_map(|line| line.strip_prefix("authorization: Bearer "));
    let said = if shown == token { says(path, &body) } else { Some((401, String::new())) };
    let Some((status, answer)) = said else {
        // Until the client has had enough.
        let _ = stream.read(&mut [0; 1]).await;
        return;
    };
    let answer =
        format!("HTTP/1.1 {status} Said\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}", answer.len());
    let _ = stream.write_all(answer.as_bytes()).await;
}
