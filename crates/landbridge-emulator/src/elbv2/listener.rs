//! Listeners and their default actions. Source: CreateListener, Listener, ModifyListener and DeleteListener.

use serde_json::{Value, json};

use super::attribute::{self, Attributes};
use super::page::{self, Page};
use super::rule::{self, Rule};
use super::{Elb, action, certificate, load_balancer, names, rule_change, tags};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

#[derive(Debug, Clone)]
pub(crate) struct Listener {
    pub(super) arn: String,
    balancer: String,
    port: u16,
    protocol: String,
    ssl_policy: Option<String>,
    /// ARN of the default certificate.
    pub(super) certificate: Option<String>,
    pub(super) more_certificates: Vec<String>,
    /// Shown as given: `AlpnPolicy` and `MutualAuthentication`.
    alpn_policy: Value,
    mutual_authentication: Value,
    pub(super) attributes: Attributes,
    /// ARN of the rule that takes what no other does.
    pub(super) default_rule: String,
}

/// "Quotas for your Application Load Balancers": listeners per load balancer.
const PER_BALANCER: usize = 50;

pub(super) fn not_found() -> Refusal {
    Refusal::new("ListenerNotFound", "One or more listeners not found")
}

impl Listener {
    pub(super) fn is_secure(&self) -> bool {
        matches!(self.protocol.as_str(), "HTTPS" | "TLS")
    }

    pub(super) fn show(&self, elb: &Elb) -> Value {
        let certificates = self.certificate.iter().map(|arn| json!({ "CertificateArn": arn }));
        let mut shown = json!({
            "ListenerArn": self.arn,
            "LoadBalancerArn": self.balancer,
            "Port": self.port,
            "Protocol": self.protocol,
            "DefaultActions": elb.rules.get(&self.default_rule).map_or(Value::Null, |rule| json!(rule.actions)),
            "SslPolicy": self.ssl_policy,
            "AlpnPolicy": self.alpn_policy,
            "MutualAuthentication": self.mutual_authentication,
        });
        if self.is_secure() {
            shown["Certificates"] = certificates.collect();
            if shown["MutualAuthentication"].is_null() && names::is_application(&self.arn) {
                shown["MutualAuthentication"] = json!({ "Mode": "off" });
            }
        }
        shown
    }

    /// What a request names, over what is.
    fn change(&mut self, input: Input<'_>) -> Result<(), Refusal> {
        if let Some(protocol) = input.text("Protocol")? {
            let allowed: &[&str] = if names::is_application(&self.balancer) {
                &["HTTP", "HTTPS"]
            } else {
                &["TCP", "TLS", "UDP", "TCP_UDP"]
            };
            if !allowed.contains(&protocol) {
                let message = format!("Listener protocol '{protocol}' must be one of '{}'", allowed.join(", "));
                return Err(Refusal::new("UnsupportedProtocol", message));
            }
            protocol.clone_into(&mut self.protocol);
        }
        if let Some(port) = input.number_within("Port", 1, 65535)?.and_then(|port| u16::try_from(port).ok()) {
            self.port = port;
        }
        if let Some(policy) = input.text("SslPolicy")? {
            if !super::limits::SSL_POLICIES.contains(&policy) {
                return Err(Refusal::new("SSLPolicyNotFound", format!("SSL policy '{policy}' not found")));
            }
            self.ssl_policy = Some(policy.to_owned());
        }
        let certificates = certificate::named(input)?;
        if certificates.len() > 1 {
            return Err(Refusal::new("TooManyCertificates", "Up to one certificate may be specified for a listener"));
        }
        if let Some(certificate) = certificates.first() {
            self.certificate = Some((*certificate).to_owned());
        }
        for (name, kept) in
            [("AlpnPolicy", &mut self.alpn_policy), ("MutualAuthentication", &mut self.mutual_authentication)]
        {
            if let Some(given) = input.get(name) {
                *kept = given.clone();
            }
        }
        if !self.is_secure() {
            if !certificates.is_empty() || input.get("SslPolicy").is_some() {
                let message =
                    format!("A certificate or SSL policy cannot be specified for {} listeners", self.protocol);
                return Err(Refusal::new("InvalidConfigurationRequest", message));
            }
            (self.certificate, self.ssl_policy) = (None, None);
        } else if self.certificate.is_none() {
            return Err(input.refuse(format!("A certificate must be specified for {} listeners", self.protocol)));
        } else {
            self.ssl_policy.get_or_insert_with(|| super::limits::SSL_POLICIES[0].to_owned());
        }
        Ok(())
    }

    fn taken(&self) -> Refusal {
        let message = format!("A listener already exists on this port for this load balancer '{}'", self.balancer);
        Refusal::new("DuplicateListener", message)
    }
}

impl Listener {
    /// Protocol and port.
    pub(super) fn endpoint(&self) -> (&str, u16) {
        (&self.protocol, self.port)
    }
}

impl Elb {
    /// Listeners of a load balancer, which AWS allows 50 of.
    fn listeners_of(&self, balancer: &str) -> impl Iterator<Item = &Listener> {
        page::under(&self.listeners, &names::under(balancer, "loadbalancer", "listener"), None).map(|(_, it)| it)
    }
}

pub(super) fn create(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let balancer = input.required("LoadBalancerArn")?;
    let elb = &world.services.elbv2;
    if !elb.balancers.contains_key(balancer) {
        return Err(load_balancer::not_found());
    }
    for member in ["Protocol", "Port"] {
        input
            .get(member)
            .ok_or_else(|| input.refuse(format!("A listener {} must be specified", member.to_lowercase())))?;
    }
    let mut listener = Listener {
        arn: String::new(),
        balancer: balancer.to_owned(),
        port: 0,
        protocol: String::new(),
        ssl_policy: None,
        certificate: None,
        more_certificates: Vec::new(),
        alpn_policy: Value::Null,
        mutual_authentication: Value::Null,
        attributes: attribute::of_listener_arn(balancer),
        default_rule: String::new(),
    };
    listener.change(input)?;
    let actions = action::read(elb, input, "DefaultActions", balancer)?;
    let tags = tags::read(input)?;
    if let Some(existing) = elb.listeners_of(balancer).find(|it| it.port == listener.port) {
        let same = existing.protocol == listener.protocol
            && existing.certificate == listener.certificate
            && existing.ssl_policy == listener.ssl_policy
            && elb.rules.get(&existing.default_rule).is_some_and(|rule| rule.actions == actions);
        return if same { Ok(json!({ "Listeners": [existing.show(elb)] })) } else { Err(existing.taken()) };
    }
    if elb.listeners_of(balancer).count() >= PER_BALANCER {
        let message = format!(
            "The maximum number of listeners for load balancer '{balancer}' has been reached: '{PER_BALANCER}'"
        );
        return Err(Refusal::new("TooManyListeners", message));
    }
    rule_change::check_groups(elb, balancer, &actions)?;
    let prefix = names::under(balancer, "loadbalancer", "listener");
    listener.arn = format!("{prefix}{}", names::id(&mut world.rng));
    listener.default_rule =
        format!("{}{}", names::under(&listener.arn, "listener", "listener-rule"), names::id(&mut world.rng));
    let arn = listener.arn.clone();
    let default = Rule::of_listener(&listener.default_rule);
    let elb = &mut world.services.elbv2;
    elb.tags.insert(arn.clone(), tags);
    elb.listeners.insert(arn.clone(), listener);
    rule_change::put(world, default, actions);
    Ok(answer(&world.services.elbv2, &arn))
}

fn answer(elb: &Elb, arn: &str) -> Value {
    json!({ "Listeners": elb.listeners.get(arn).map(|listener| listener.show(elb)).into_iter().collect::<Vec<_>>() })
}

pub(super) fn describe(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let elb = &world.services.elbv2;
    let arns = input.texts("ListenerArns")?;
    match input.text("LoadBalancerArn")? {
        Some(_) if !arns.is_empty() => {
            Err(input.refuse("Listener ARNs and a load balancer ARN cannot be specified at the same time"))
        }
        Some(balancer) if elb.balancers.contains_key(balancer) => {
            let page = Page::read(input)?;
            let all = elb.listeners_of(balancer).map(|it| (it.arn.clone(), it));
            Ok(page.answer("Listeners", all, |listener| listener.show(elb)))
        }
        Some(_) => Err(load_balancer::not_found()),
        None if arns.is_empty() => Err(input.refuse("You must specify either listener ARNs or a load balancer ARN")),
        None => {
            let found: Result<Vec<Value>, Refusal> =
                arns.into_iter().map(|arn| Ok(elb.listeners.get(arn).ok_or_else(not_found)?.show(elb))).collect();
            Ok(json!({ "Listeners": found? }))
        }
    }
}

pub(super) fn modify(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let arn = input.required("ListenerArn")?;
    let elb = &world.services.elbv2;
    let mut listener = elb.listeners.get(arn).ok_or_else(not_found)?.clone();
    listener.change(input)?;
    if elb.listeners_of(&listener.balancer).any(|other| other.arn != arn && other.port == listener.port) {
        return Err(listener.taken());
    }
    let default = elb.rules.get(&listener.default_rule).ok_or_else(rule::not_found)?.clone();
    let actions = match input.get("DefaultActions") {
        None => default.actions.clone(),
        Some(_) => action::read(elb, input, "DefaultActions", &listener.balancer)?,
    };
    rule_change::check_groups(elb, &listener.balancer, &actions)?;
    world.services.elbv2.listeners.insert(arn.to_owned(), listener);
    rule_change::put(world, default, actions);
    Ok(answer(&world.services.elbv2, arn))
}

pub(super) fn delete(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let arn = input.required("ListenerArn")?;
    if !world.services.elbv2.listeners.contains_key(arn) {
        return Err(not_found());
    }
    remove(world, arn);
    Ok(json!({}))
}

/// Takes its rules with it.
pub(super) fn remove(world: &mut World, arn: &str) {
    let elb = &mut world.services.elbv2;
    elb.listeners.remove(arn);
    elb.tags.remove(arn);
    let rules: Vec<String> = elb.rules_of(arn).map(|rule| rule.arn.clone()).collect();
    for rule in rules {
        rule_change::remove(world, &rule);
    }
}
