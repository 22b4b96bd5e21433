//! The data plane of the emulated Application Load Balancers: a real HTTP listener on loopback for each emulated one, which
//! forwards every request to the server of the target that the emulator draws by weights, health and turn.
//!
//! It answers for itself as a load balancer does: 502 when the target refuses or breaks the connection, 503 when no target is
//! there, 504 when none answers in time ("Troubleshoot your Application Load Balancers"). HTTPS listeners speak plain HTTP
//! here. Every request has a connection of its own to its target, and one that has failed is not tried again.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
        header::{CONNECTION, CONTENT_TYPE, HOST, LOCATION, SERVER, TRANSFER_ENCODING, UPGRADE},
    },
};
use hyper_util::rt::TokioIo;
use landbridge_emulator::{Asked, Emulator, ListenerFacts, Route, RoutedTarget};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
    time::{interval, timeout},
};

use crate::backends::Addresses;

/// How often the listeners are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long an address may be about to be served: its table follows the emulated AWS by milliseconds.
const ARP: Duration = Duration::from_millis(100);
/// How long a target may take to accept a connection ("HTTP 504: Gateway timeout").
const CONNECT: Duration = Duration::from_secs(10);
/// How long a target may take to answer (`idle_timeout.timeout_seconds`, by default).
const IDLE: Duration = Duration::from_mins(1);

/// Response header with the ARN of the target group that was drawn. A real load balancer does not say.
pub const TARGET_GROUP: HeaderName = HeaderName::from_static("x-landbridge-target-group");
/// Response header with the percent of the requests that this group got when the request was routed.
pub const SHARE: HeaderName = HeaderName::from_static("x-landbridge-share");

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const TRACE: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// The listeners, each on a loopback socket. Dropping it ends all of them.
#[derive(Debug)]
pub struct DataPlane {
    listeners: Listeners,
    task: JoinHandle<()>,
}

/// Which loopback socket stands for a listener. Clones show the same table, as it is at the time.
#[derive(Debug, Clone)]
pub struct Listeners(watch::Receiver<BTreeMap<String, SocketAddr>>);

impl DataPlane {
    /// Plays every listener of an emulated AWS for as long as this lives, with targets at those addresses.
    pub fn start(emulator: &Emulator, addresses: Addresses) -> Self {
        let (table, sockets) = watch::channel(BTreeMap::new());
        let task = tokio::spawn(follow(emulator.clone(), addresses, table));
        Self { listeners: Listeners(sockets), task }
    }

    /// Which socket stands for which listener.
    pub fn listeners(&self) -> Listeners {
        self.listeners.clone()
    }
}

impl Listeners {
    /// Where the listener of that ARN answers, once it does; `None` when it does not within `patience`.
    pub async fn socket(&self, listener_arn: &str, patience: Duration) -> Option<SocketAddr> {
        let mut sockets = self.0.clone();
        let listed = timeout(patience, sockets.wait_for(|sockets| sockets.contains_key(listener_arn))).await;
        listed.ok()?.ok()?.get(listener_arn).copied()
    }
}

impl Drop for DataPlane {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A served listener; dropping it ends it at once.
struct Serving(JoinHandle<()>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Keeps a socket for each listener until nobody wants to know.
async fn follow(emulator: Emulator, addresses: Addresses, table: watch::Sender<BTreeMap<String, SocketAddr>>) {
    let mut served: BTreeMap<String, (ListenerFacts, Serving)> = BTreeMap::new();
    let mut look = interval(LOOK_EVERY);
    while !table.is_closed() {
        look.tick().await;
        let now: BTreeMap<String, ListenerFacts> =
            emulator.listeners().into_iter().map(|listener| (listener.arn.clone(), listener)).collect();
        served.retain(|arn, (was, _)| {
            let stays = now.get(arn) == Some(was);
            if !stays {
                table.send_modify(|table| _ = table.remove(arn));
            }
            stays
        });
        for (arn, listener) in now {
            if served.contains_key(&arn) {
                continue;
            }
            let node = Node { emulator: emulator.clone(), addresses: addresses.clone(), listener: listener.clone() };
            match serve(node).await {
                Ok((socket, serving)) => {
                    tracing::info!("http://{}:{} answers at http://{socket}", listener.dns_name, listener.port);
                    table.send_modify(|table| _ = table.insert(arn.clone(), socket));
                    served.insert(arn, (listener, serving));
                }
                // It is tried again at the next look.
                Err(error) => tracing::warn!(arn, %error, "no socket for a listener"),
            }
        }
    }
}

/// What answers for one listener.
#[derive(Debug, Clone)]
struct Node {
    emulator: Emulator,
    addresses: Addresses,
    listener: ListenerFacts,
}

async fn serve(node: Node) -> io::Result<(SocketAddr, Serving)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let socket = listener.local_addr()?;
    let router = Router::new().fallback(take).with_state(node);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let task = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, service).await {
            tracing::warn!(%error, "a listener's data plane ended");
        }
    });
    Ok((socket, Serving(task)))
}

async fn take(
    State(node): State<Node>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<Body> {
    match node.route(&request) {
        Some(Route::Target(target)) => {
            let answer = node.forward(&target, client.ip(), request).await;
            marked(answer.unwrap_or_else(own_answer), &target.target_group, target.percent)
        }
        Some(Route::Nobody { target_group, percent }) => {
            marked(own_answer(StatusCode::SERVICE_UNAVAILABLE), &target_group.unwrap_or_default(), percent)
        }
        Some(Route::Fixed { status, content_type, body }) => {
            let mut answer = Response::new(Body::from(body));
            *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            put(answer.headers_mut(), CONTENT_TYPE, &content_type);
            answer
        }
        Some(Route::Redirect { status, location }) => {
            let mut answer = own_answer(StatusCode::from_u16(status).unwrap_or(StatusCode::FOUND));
            put(answer.headers_mut(), LOCATION, &location);
            answer
        }
        Some(other) => {
            tracing::warn!(?other, "the data plane of the sandbox does not do this");
            own_answer(StatusCode::NOT_IMPLEMENTED)
        }
        // The listener was deleted a moment ago.
        None => own_answer(StatusCode::SERVICE_UNAVAILABLE),
    }
}

impl Node {
    fn route(&self, request: &Request) -> Option<Route> {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers: Vec<(String, String)> =
            request.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let named = request.headers().get(HOST).map(text);
        let host = named.or_else(|| request.uri().host().map(str::to_owned)).unwrap_or_default();
        let host = host.rsplit_once(':').map_or(host.as_str(), |(host, _)| host);
        let asked = Asked {
            method: request.method().as_str(),
            host,
            path: request.uri().path(),
            query: request.uri().query().unwrap_or_default(),
            headers: &headers,
        };
        self.emulator.route(&self.listener.arn, &asked)
    }

    /// The target's answer, or the status that the load balancer answers in its place.
    async fn forward(
        &self,
        target: &RoutedTarget,
        client: IpAddr,
        mut request: Request,
    ) -> Result<Response<Body>, StatusCode> {
        // An instance or a function has no server here.
        let address: IpAddr = target.id.parse().map_err(|_| StatusCode::BAD_GATEWAY)?;
        let socket = self.addresses.lookup_within(address, ARP).await.ok_or(StatusCode::BAD_GATEWAY)?;
        let stream = timeout(CONNECT, TcpStream::connect(socket)).await.map_err(|_| StatusCode::GATEWAY_TIMEOUT)?;
        self.add_headers(client, request.headers_mut());
        let answer = send(stream.map_err(|_| StatusCode::BAD_GATEWAY)?, request);
        let answer = timeout(IDLE, answer).await.map_err(|_| StatusCode::GATEWAY_TIMEOUT)?;
        let mut answer = answer.map_err(|error| {
            tracing::debug!(%error, target = target.id, "a target broke the connection");
            StatusCode::BAD_GATEWAY
        })?;
        hop_by_hop(answer.headers_mut());
        Ok(answer.map(Body::new))
    }

    /// Source: "HTTP headers and Application Load Balancers", and "Request tracing for your Application Load Balancer".
    fn add_headers(&self, client: IpAddr, headers: &mut HeaderMap) {
        hop_by_hop(headers);
        let text = |name: &HeaderName, headers: &HeaderMap| {
            headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let hops = text(&FORWARDED_FOR, headers).map_or_else(|| client.to_string(), |hops| format!("{hops}, {client}"));
        put(headers, FORWARDED_FOR, &hops);
        put(headers, FORWARDED_PROTO, &self.listener.protocol.to_ascii_lowercase());
        put(headers, FORWARDED_PORT, &self.listener.port.to_string());
        let second = self.emulator.now().as_second();
        let id = uuid::Uuid::new_v4().simple().to_string();
        let own = format!("1-{second:08x}-{}", &id[..24]);
        let trace = match text(&TRACE, headers) {
            Some(given) if given.contains("Root=") => format!("Self={own};{given}"),
            Some(given) => format!("Root={own};{given}"),
            None => format!("Root={own}"),
        };
        put(headers, TRACE, &trace);
    }
}

/// Sends one request over a connection of its own.
pub(crate) async fn send(stream: TcpStream, request: Request) -> hyper::Result<Response<hyper::body::Incoming>> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection broke");
        }
    });
    sender.send_request(request).await
}

/// Takes out what speaks of a connection and not of the message.
fn hop_by_hop(headers: &mut HeaderMap) {
    for name in [CONNECTION, TRANSFER_ENCODING, UPGRADE, HeaderName::from_static("keep-alive")] {
        headers.remove(name);
    }
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // What cannot be a header's value is not sent.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn marked(mut answer: Response<Body>, target_group: &str, percent: f64) -> Response<Body> {
    put(answer.headers_mut(), TARGET_GROUP, target_group);
    put(answer.headers_mut(), SHARE, &percent.to_string());
    answer
}

/// An answer of the load balancer's own.
fn own_answer(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Body::from(format!(
        "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n</body>\r\n</html>\r\n"
    )));
    *answer.status_mut() = status;
    put(answer.headers_mut(), SERVER, "awselb/2.0");
    put(answer.headers_mut(), CONTENT_TYPE, "text/html");
    answer
}

#[cfg(test)]
mod tests;
