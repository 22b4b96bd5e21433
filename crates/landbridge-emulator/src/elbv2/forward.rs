//! What an application load balancer does with one request: the target it goes to, or what it is answered.
//! Source: "Listener rules for your Application Load Balancer" (weights), "Health checks for your target groups" (which
//! targets get requests), and "HTTP 503: Service unavailable" in "Troubleshoot your Application Load Balancers".
//!
//! A target group is drawn by the weights that are in force, from the emulator's seed; its targets take turns, whatever
//! `load_balancing.algorithm.type` says. Stickiness, slow start and zones play no part, authentication is not done.

use serde_json::Value;

use super::target::{Key, State};
use super::target_group::TargetGroup;
use super::{Asked, action, names};
use crate::world::World;

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Route {
    /// It goes to a target.
    Target(RoutedTarget),
    /// No target can take it, which the load balancer answers with 503: the drawn group has none that is registered and not
    /// on its way out, or all weights are 0.
    Nobody {
        /// ARN of the drawn group, if one was.
        target_group: Option<String>,
        /// Percent of the requests that it gets.
        percent: f64,
    },
    /// The load balancer answers it.
    Fixed {
        /// HTTP status.
        status: u16,
        /// `Content-Type` of the body.
        content_type: String,
        /// The body.
        body: String,
    },
    /// The load balancer sends the client elsewhere.
    Redirect {
        /// 301 or 302.
        status: u16,
        /// `Location`.
        location: String,
    },
    /// A rule wants what is not emulated; in words.
    NotEmulated(String),
}

/// The target of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct RoutedTarget {
    /// ARN of its target group.
    pub target_group: String,
    /// Percent of the requests that the group got when this one was routed.
    pub percent: f64,
    /// Its id: an address, an instance, a function.
    pub id: String,
    /// Its port; functions have none.
    pub port: Option<u16>,
    /// False where no target of the group is healthy and so all of them get requests.
    pub healthy: bool,
}

/// Routes a request to a listener of an application load balancer. None if there is no such listener.
pub(crate) fn route(world: &mut World, listener: &str, asked: &Asked<'_>) -> Option<Route> {
    let now = world.now;
    let elb = &mut world.services.elbv2;
    let actions = elb.rule_for(listener, asked)?.in_force(now).to_vec();
    if let Some(before) = actions.iter().find(|action| is_check(action)) {
        return Some(Route::NotEmulated(format!("action {} of a rule", before["Type"])));
    }
    let last = actions.last()?;
    match last["Type"].as_str() {
        Some("fixed-response") => return Some(fixed(&last["FixedResponseConfig"])),
        Some("redirect") => {
            let (protocol, port) = elb.listeners.get(listener)?.endpoint();
            return Some(redirect(&last["RedirectConfig"], asked, protocol, port));
        }
        _ => {}
    }
    let weights = action::weights(&actions);
    let whole: u32 = weights.iter().map(|(_, weight)| weight).sum();
    let mut left = world.dice.below(u64::from(whole));
    let drawn = weights.into_iter().filter(|(_, weight)| *weight > 0).find(|(_, weight)| {
        let here = left < u64::from(*weight);
        left = left.saturating_sub(u64::from(*weight));
        here
    });
    let Some((target_group, weight)) = drawn else {
        return Some(Route::Nobody { target_group: None, percent: 0.0 });
    };
    let percent = f64::from(weight) * 100.0 / f64::from(whole);
    let next = world.services.elbv2.groups.get_mut(&target_group).and_then(TargetGroup::next_target);
    Some(match next {
        Some((Key { id, port }, healthy)) => Route::Target(RoutedTarget { target_group, percent, id, port, healthy }),
        None => Route::Nobody { target_group: Some(target_group), percent },
    })
}

fn is_check(action: &Value) -> bool {
    action["Type"].as_str().is_some_and(|kind| kind.starts_with("authenticate-") || kind == "jwt-validation")
}

impl TargetGroup {
    /// The target whose turn it is, and whether it is healthy. Draining ones get no new requests; where none is healthy, all
    /// others get some ("fails open").
    fn next_target(&mut self) -> Option<(Key, bool)> {
        let of = |wanted: &dyn Fn(State) -> bool| -> Vec<Key> {
            self.targets.values().filter(|target| wanted(target.state)).map(|target| target.key.clone()).collect()
        };
        let healthy = of(&|state| matches!(state, State::Healthy | State::Unknown));
        let is_healthy = !healthy.is_empty();
        let mut able =
            if is_healthy { healthy } else { of(&|state| !matches!(state, State::Draining | State::Unused)) };
        if able.is_empty() {
            return None;
        }
        let turn = usize::try_from(self.turn).unwrap_or_default() % able.len();
        self.turn = self.turn.wrapping_add(1);
        Some((able.swap_remove(turn), is_healthy))
    }
}

fn fixed(config: &Value) -> Route {
    let text = |member: &str| config[member].as_str().unwrap_or_default().to_owned();
    let content_type = config["ContentType"].as_str().unwrap_or("text/plain; charset=utf-8").to_owned();
    Route::Fixed { status: text("StatusCode").parse().unwrap_or(200), content_type, body: text("MessageBody") }
}

/// Keeps what `#{...}` stands for. Source: RedirectActionConfig.
fn redirect(config: &Value, asked: &Asked<'_>, protocol: &str, port: u16) -> Route {
    let port = port.to_string();
    let filled = |member: &str| {
        let mut text = config[member].as_str().unwrap_or_default().to_owned();
        for (word, value) in [
            ("#{protocol}", protocol.to_ascii_lowercase().as_str()),
            ("#{port}", &port),
            ("#{host}", asked.host),
            ("#{path}", asked.path.trim_start_matches('/')),
            ("#{query}", asked.query),
        ] {
            text = text.replace(word, value);
        }
        text
    };
    let (protocol, query) = (filled("Protocol").to_ascii_lowercase(), filled("Query"));
    let query = if query.is_empty() { query } else { format!("?{query}") };
    let location = format!("{protocol}://{}:{}{}{query}", filled("Host"), filled("Port"), filled("Path"));
    Route::Redirect { status: if config["StatusCode"] == "HTTP_302" { 302 } else { 301 }, location }
}

/// A listener of an application load balancer, for whoever plays its data plane.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListenerFacts {
    /// ARN of the listener.
    pub arn: String,
    /// `HTTP` or `HTTPS`.
    pub protocol: String,
    /// Its port.
    pub port: u16,
    /// DNS name of its load balancer.
    pub dns_name: String,
}

/// The listeners of all application load balancers, of all accounts and Regions.
pub(crate) fn listeners(world: &World) -> Vec<ListenerFacts> {
    let elb = &world.services.elbv2;
    let of = |listener: &super::listener::Listener| {
        let (protocol, port) = listener.endpoint();
        let dns_name = elb.balancers.get(&names::balancer_of(&listener.arn))?.dns_name.clone();
        Some(ListenerFacts { arn: listener.arn.clone(), protocol: protocol.to_owned(), port, dns_name })
    };
    elb.listeners.values().filter(|listener| names::is_application(&listener.arn)).filter_map(of).collect()
}
