//! Certificates of a listener beside its default one. Source: AddListenerCertificates, RemoveListenerCertificates and
//! DescribeListenerCertificates. There is no Certificate Manager here: any ARN will do.

use serde_json::{Value, json};

use super::listener::{self, Listener};
use super::page::Page;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// "Quotas for your Application Load Balancers": certificates per load balancer, not counting default certificates.
const MOST: usize = 25;

/// ARNs of the certificates a request names.
pub(super) fn named(input: Input<'_>) -> Result<Vec<&str>, Refusal> {
    let mut arns = Vec::new();
    for certificate in input.objects("Certificates")? {
        let arn = certificate.required("CertificateArn")?;
        if certificate.flag("IsDefault")?.is_some() {
            return Err(input.refuse("You cannot set the IsDefault parameter for a certificate"));
        }
        if !arn.starts_with("arn:aws:acm:") && !arn.starts_with("arn:aws:iam:") {
            return Err(Refusal::new("CertificateNotFound", format!("Certificate '{arn}' not found")));
        }
        arns.push(arn);
    }
    Ok(arns)
}

fn secure<'a>(world: &'a mut World, input: Input<'_>) -> Result<&'a mut Listener, Refusal> {
    let arn = input.required("ListenerArn")?;
    let listener = world.services.elbv2.listeners.get_mut(arn).ok_or_else(listener::not_found)?;
    if listener.is_secure() {
        return Ok(listener);
    }
    let message = "Certificates can be specified only for listeners with protocol HTTPS or TLS";
    Err(Refusal::new("InvalidConfigurationRequest", message))
}

fn show(arn: &str, default: bool) -> Value {
    json!({ "CertificateArn": arn, "IsDefault": default })
}

pub(super) fn add(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let new = named(input)?;
    if new.is_empty() {
        return Err(input.missing("Certificates"));
    }
    let listener = secure(world, input)?;
    let mut all = listener.more_certificates.clone();
    for arn in &new {
        if !all.iter().any(|known| known == arn) {
            all.push((*arn).to_owned());
        }
    }
    if all.len() > MOST {
        let message =
            format!("The maximum number of certificates for listener '{}' has been reached: '{MOST}'", listener.arn);
        return Err(Refusal::new("TooManyCertificates", message));
    }
    listener.more_certificates = all;
    Ok(json!({ "Certificates": new.iter().map(|arn| show(arn, false)).collect::<Vec<_>>() }))
}

pub(super) fn remove(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let gone = named(input)?;
    let listener = secure(world, input)?;
    if listener.certificate.as_deref().is_some_and(|default| gone.contains(&default)) {
        return Err(Refusal::new("OperationNotPermitted", "The default certificate of a listener cannot be removed"));
    }
    listener.more_certificates.retain(|arn| !gone.contains(&arn.as_str()));
    Ok(json!({}))
}

pub(super) fn describe(world: &mut World, _cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let page = Page::read(input)?;
    let listener = secure(world, input)?;
    let default = listener.certificate.iter().map(|arn| (arn, true));
    let all = default.chain(listener.more_certificates.iter().map(|arn| (arn, false)));
    let keyed = all.enumerate().map(|(at, it)| (format!("{at:04}"), it));
    Ok(page.answer("Certificates", keyed, |(arn, default)| show(arn, default)))
}
