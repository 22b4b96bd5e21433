//! ARNs and names. Source: "Resource types defined by AWS Elastic Load Balancing V2" in the service authorization
//! reference, and `Name` of CreateLoadBalancer and CreateTargetGroup.
//!
//! An ARN begins with the ARN's parts of what it belongs to, so that a range over a sorted map finds what hangs on a
//! load balancer or a listener, and a resource by its name.

use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, Rng};

/// `arn:aws:elasticloadbalancing:REGION:ACCOUNT:` of a caller.
pub(super) fn scope(cx: &Cx) -> String {
    format!("arn:aws:elasticloadbalancing:{}:{}:", cx.region, cx.account)
}

/// What ends an ARN: 16 hexadecimal digits.
pub(super) fn id(rng: &mut Rng) -> String {
    rng.hex(16)
}

/// `parent` as the ARN of a `kind` that belongs to it, without the child's own id:
/// `...:loadbalancer/app/x/1` gives `...:listener/app/x/1/`.
pub(super) fn under(parent: &str, from: &str, kind: &str) -> String {
    format!("{}/", parent.replacen(&format!(":{from}/"), &format!(":{kind}/"), 1))
}

/// The listener a rule's ARN belongs to.
pub(super) fn listener_of(rule: &str) -> String {
    let (listener, _) = rule.rsplit_once('/').unwrap_or((rule, ""));
    listener.replacen(":listener-rule/", ":listener/", 1)
}

/// The load balancer a listener's ARN belongs to.
pub(super) fn balancer_of(listener: &str) -> String {
    let (balancer, _) = listener.rsplit_once('/').unwrap_or((listener, ""));
    balancer.replacen(":listener/", ":loadbalancer/", 1)
}

/// True for an application load balancer's ARN and everything under it.
pub(super) fn is_application(arn: &str) -> bool {
    arn.contains("/app/")
}

/// Up to 32 letters, digits and hyphens, no hyphen at either end.
pub(super) fn checked<'a>(input: Input<'a>, what: &str) -> Result<&'a str, Refusal> {
    let name = input.required("Name")?;
    let refuse = |why: &str| Err(input.refuse(format!("{what} name '{name}' {why}")));
    if name.is_empty() {
        return refuse("cannot be empty");
    }
    if name.len() > 32 {
        return refuse("cannot be longer than '32' characters");
    }
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return refuse("can only contain characters that are alphanumeric characters and hyphens(-)");
    }
    if name.starts_with('-') || name.ends_with('-') {
        return refuse("cannot begin or end with a hyphen(-)");
    }
    Ok(name)
}
