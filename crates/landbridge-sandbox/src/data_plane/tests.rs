//! A whole emulated load balancer with real servers behind it, over hand-moved time.

use axum::routing::any;
use bytes::Bytes;
use http_body_util::BodyExt;
use landbridge_emulator::Clock;

use super::*;

/// A load balancer with one group of two targets, 10.0.0.1 and 10.0.0.2.
struct Front {
    aws: Emulator,
    group: String,
    plane: DataPlane,
    listener: String,
}

fn call(aws: &Emulator, form: &str, arn: &str) -> String {
    let request = http::Request::post("/").body(Bytes::from(format!("Version=2015-12-01&Action={form}"))).unwrap();
    let body = String::from_utf8(aws.respond(request).into_body().to_vec()).unwrap();
    assert!(!body.contains("<Error>"), "{form}: {body}");
    let inner = body.split_once(&format!("<{arn}>")).and_then(|(_, rest)| rest.split_once('<'));
    inner.map(|(arn, _)| arn.to_owned()).unwrap_or_default()
}

impl Front {
    fn open(servers: &[(&str, SocketAddr)]) -> Self {
        let aws = Emulator::builder().clock(Clock::manual(jiff::Timestamp::UNIX_EPOCH)).build();
        let subnets = "Subnets.member.1=subnet-a&Subnets.member.2=subnet-b";
        let balancer = call(&aws, &format!("CreateLoadBalancer&Name=web&{subnets}"), "LoadBalancerArn");
        let group = "CreateTargetGroup&Name=web&Protocol=HTTP&Port=80&VpcId=vpc-1&TargetType=ip";
        let group = call(&aws, group, "TargetGroupArn");
        let action = format!("DefaultActions.member.1.Type=forward&DefaultActions.member.1.TargetGroupArn={group}");
        let form = format!("CreateListener&LoadBalancerArn={balancer}&Protocol=HTTP&Port=80&{action}");
        let listener = call(&aws, &form, "ListenerArn");
        for (address, _) in servers {
            call(&aws, &format!("RegisterTargets&TargetGroupArn={group}&Targets.member.1.Id={address}"), "none");
        }
        aws.advance(Duration::from_mins(10));
        let table = servers.iter().map(|(address, socket)| (address.parse().unwrap(), *socket)).collect();
        let plane = DataPlane::start(&aws, Addresses::fixed(table));
        Self { aws, group, plane, listener }
    }

    async fn get(&self, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, String) {
        let socket = self.plane.listeners.socket(&self.listener, Duration::from_secs(10)).await.unwrap();
        let mut request = http::Request::get("/a?b=c").header(HOST, "shop.example.com");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let stream = TcpStream::connect(socket).await.unwrap();
        let answer = send(stream, request.body(Body::empty()).unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head.status, head.headers, String::from_utf8_lossy(&body).into_owned())
    }
}

/// A server that answers with the headers it got; its task ends with the test's runtime.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let socket = listener.local_addr().unwrap();
    let router = Router::new().fallback(any(|headers: HeaderMap| async move {
        let line = |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}\n", value.to_str().unwrap());
        headers.iter().map(line).collect::<String>()
    }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    socket
}

#[tokio::test]
async fn a_request_reaches_the_server_of_a_target_with_the_headers_that_a_load_balancer_adds() {
    let front = Front::open(&[("10.0.0.1", echo().await)]);
    let (status, headers, body) = front.get(&[("x-forwarded-for", "203.0.113.7"), ("x-amzn-trace-id", "a=b")]).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!((&headers[TARGET_GROUP], &headers[SHARE]), (&front.group.parse().unwrap(), &"100".parse().unwrap()));
    for line in [
        "host: shop.example.com\n",
        "x-forwarded-for: 203.0.113.7, 127.0.0.1\n",
        "x-forwarded-proto: http\n",
        "x-forwarded-port: 80\n",
        "x-amzn-trace-id: Root=1-",
    ] {
        assert!(body.contains(line), "{line} in {body}");
    }
    assert!(body.contains(";a=b"), "{body}");
}

#[tokio::test]
async fn a_target_that_refuses_is_answered_with_502_and_no_target_with_503() {
    // Nobody listens on the port any more.
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
    let front = Front::open(&[("10.0.0.1", gone)]);
    let (status, headers, body) = front.get(&[]).await;
    assert_eq!((status, headers[SERVER].to_str().unwrap()), (StatusCode::BAD_GATEWAY, "awselb/2.0"), "{body}");
    let form = format!("DeregisterTargets&TargetGroupArn={}&Targets.member.1.Id=10.0.0.1", front.group);
    call(&front.aws, &form, "none");
    assert_eq!(front.get(&[]).await.0, StatusCode::SERVICE_UNAVAILABLE);
    // Nothing of the listener is left once it is deleted.
    call(&front.aws, &format!("DeleteListener&ListenerArn={}", front.listener), "none");
    let mut sockets = front.plane.listeners.0.clone();
    timeout(Duration::from_secs(10), sockets.wait_for(BTreeMap::is_empty)).await.unwrap().unwrap();
}

#[tokio::test]
async fn targets_take_turns_and_an_address_without_a_server_is_a_bad_gateway() {
    let one = echo().await;
    let front = Front::open(&[("10.0.0.1", one), ("10.0.0.2", one)]);
    for _ in 0..4 {
        assert_eq!(front.get(&[]).await.0, StatusCode::OK);
    }
    call(&front.aws, &format!("RegisterTargets&TargetGroupArn={}&Targets.member.1.Id=10.0.0.3", front.group), "none");
    front.aws.advance(Duration::from_mins(10));
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(front.get(&[]).await.0.as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 502]);
}
