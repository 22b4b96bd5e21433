//! Health checks: kept as they are configured; what they find is what a test says ([`set`]). Source: CreateHealthCheck,
//! UpdateHealthCheck, HealthCheckConfig and their siblings.

use serde_json::{Map, Value, json};

use super::most_items;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

const KINDS: [&str; 8] = [
    "HTTP",
    "HTTPS",
    "HTTP_STR_MATCH",
    "HTTPS_STR_MATCH",
    "TCP",
    "CALCULATED",
    "CLOUDWATCH_METRIC",
    "RECOVERY_CONTROL",
];
/// Health checks of an account while quotas are enforced ("Quotas on entities").
const PER_ACCOUNT: usize = 200;

#[derive(Debug, Clone)]
pub(super) struct HealthCheck {
    pub(super) account: String,
    caller_reference: String,
    /// As it was given, for a creation that is sent again.
    asked: Value,
    config: Map<String, Value>,
    version: u64,
    pub(super) healthy: bool,
}

impl HealthCheck {
    pub(super) fn show(&self, id: &str) -> Value {
        json!({
            "Id": id,
            "CallerReference": self.caller_reference,
            "HealthCheckConfig": self.config,
            "HealthCheckVersion": self.version,
        })
    }
}

/// What a health check finds from now on; false if there is none of that ID.
pub(crate) fn set(world: &mut World, id: &str, healthy: bool) -> bool {
    let check = world.services.route53.health_checks.get_mut(id);
    check.map(|check| check.healthy = healthy).is_some()
}

pub(super) fn not_found() -> Refusal {
    Refusal::new("NoSuchHealthCheck", "No health check exists with the specified ID.").status(404)
}

pub(super) fn known<'w>(world: &'w World, cx: &Cx, id: &str) -> Result<&'w HealthCheck, Refusal> {
    let check = world.services.route53.health_checks.get(id).filter(|check| check.account == cx.account);
    check.ok_or_else(not_found)
}

/// The members of a configuration that are numbers and flags, in one form.
fn typed(config: Input<'_>) -> Result<Map<String, Value>, Refusal> {
    let mut members = config.members();
    for (member, least, most) in
        [("Port", 1, 65_535), ("RequestInterval", 10, 30), ("FailureThreshold", 1, 10), ("HealthThreshold", 0, 256)]
    {
        if let Some(number) = config.number_within(member, least, most)? {
            members.insert(member.to_owned(), json!(number));
        }
    }
    for member in ["MeasureLatency", "Inverted", "Disabled", "EnableSNI"] {
        if let Some(flag) = config.flag(member)? {
            members.insert(member.to_owned(), json!(flag));
        }
    }
    Ok(members)
}

/// A configuration with the defaults of its page.
fn read(config: Input<'_>) -> Result<Map<String, Value>, Refusal> {
    let kind = config.required("Type")?;
    if !KINDS.contains(&kind) {
        let message = format!("Type '{kind}' is not one of {}", KINDS.join(", "));
        return Err(config.refuse(message));
    }
    let endpoint = !matches!(kind, "CALCULATED" | "CLOUDWATCH_METRIC" | "RECOVERY_CONTROL");
    let (address, name) = (config.text("IPAddress")?, config.text("FullyQualifiedDomainName")?);
    if endpoint && address.is_none() && name.is_none() {
        return Err(
            config.refuse("Invalid parameter : Exactly one of IPAddress or FullyQualifiedDomainName is required")
        );
    }
    if kind == "TCP" && config.get("Port").is_none() {
        return Err(config.refuse("Invalid parameter : Port must be specified for TCP health checks"));
    }
    if kind.ends_with("_STR_MATCH") && config.text("SearchString")?.is_none_or(str::is_empty) {
        return Err(
            config.refuse("Invalid parameter : SearchString must be specified for string matching health checks")
        );
    }
    let mut members = typed(config)?;
    let mut default = |member: &str, value: Value| {
        members.entry(member).or_insert(value);
    };
    default("Inverted", json!(false));
    default("Disabled", json!(false));
    if endpoint {
        default("RequestInterval", json!(30));
        default("FailureThreshold", json!(3));
        default("MeasureLatency", json!(false));
        default("EnableSNI", json!(kind.starts_with("HTTPS")));
        if kind != "TCP" {
            default("Port", json!(if kind.starts_with("HTTPS") { 443 } else { 80 }));
        }
    }
    Ok(members)
}

pub(super) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let reference = input.required("CallerReference")?;
    let config = input.object("HealthCheckConfig")?.ok_or_else(|| input.missing("HealthCheckConfig"))?;
    let (asked, config) = (Value::Object(config.members()), read(config)?);
    let location = |id: &str| json!(format!("https://route53.amazonaws.com/2013-04-01/healthcheck/{id}"));
    let checks = &world.services.route53.health_checks;
    let mut own = checks.iter().filter(|(_, check)| check.account == cx.account);
    if let Some((id, existing)) = own.find(|(_, check)| check.caller_reference == reference) {
        if existing.asked == asked {
            return Ok(json!({"HealthCheck": existing.show(id), "Location": location(id)}));
        }
        let message = "The health check you're attempting to create already exists with other settings.";
        return Err(Refusal::new("HealthCheckAlreadyExists", message).status(409));
    }
    if world.quotas.enforced() && checks.values().filter(|check| check.account == cx.account).count() >= PER_ACCOUNT {
        return Err(Refusal::new(
            "TooManyHealthChecks",
            format!("An account can have at most {PER_ACCOUNT} health checks"),
        ));
    }
    let id = world.rng.uuid();
    let (account, caller_reference) = (cx.account.clone(), reference.to_owned());
    let check = HealthCheck { account, caller_reference, asked, config, version: 1, healthy: true };
    let answer = json!({"HealthCheck": check.show(&id), "Location": location(&id)});
    world.services.route53.health_checks.insert(id, check);
    Ok(answer)
}

pub(super) fn get(world: &World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let id = input.required("HealthCheckId")?;
    Ok(json!({ "HealthCheck": known(world, cx, id)?.show(id) }))
}

/// GetHealthCheckStatus: one checker's last look, at the present.
pub(super) fn status(world: &World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let check = known(world, cx, input.required("HealthCheckId")?)?;
    let status = if check.healthy { "Success: HTTP Status Code 200, OK" } else { "Failure: Connection refused." };
    let report = json!({"Status": status, "CheckedTime": cx.now.to_string()});
    Ok(
        json!({ "HealthCheckObservations": [{"Region": "us-east-1", "IPAddress": "192.0.2.1", "StatusReport": report}] }),
    )
}

pub(super) fn count(world: &World, cx: &Cx) -> Value {
    let own = world.services.route53.health_checks.values().filter(|check| check.account == cx.account);
    json!({ "HealthCheckCount": own.count() })
}

pub(super) fn list(world: &World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let most = most_items(input, 100)?;
    let marker = input.text("Marker")?.unwrap_or_default();
    let checks = world.services.route53.health_checks.iter();
    let mut rest = checks.filter(|(id, check)| check.account == cx.account && id.as_str() >= marker);
    let page: Value = rest.by_ref().take(most).map(|(id, check)| check.show(id)).collect();
    let next = rest.next();
    let mut answer = json!({"HealthChecks": page, "IsTruncated": next.is_some(), "MaxItems": most, "Marker": marker});
    if let Some((next, _)) = next {
        answer["NextMarker"] = json!(next);
    }
    Ok(answer)
}

/// What is given replaces, what is not stays; `ResetElements` take members away.
pub(super) fn update(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let id = input.required("HealthCheckId")?;
    let check = known(world, cx, id)?;
    if input.number("HealthCheckVersion")?.is_some_and(|version| version as u64 != check.version) {
        let message = "The value of HealthCheckVersion in the request doesn't match the value of HealthCheckVersion in the \
                       health check.";
        return Err(Refusal::new("HealthCheckVersionMismatch", message).status(409));
    }
    let mut config = check.config.clone();
    for (member, value) in typed(input)? {
        if !["HealthCheckId", "HealthCheckVersion", "ResetElements", "Type", "RequestInterval"]
            .contains(&member.as_str())
        {
            config.insert(member, value);
        }
    }
    for reset in input.texts("ResetElements")? {
        config.remove(reset);
    }
    let Some(check) = world.services.route53.health_checks.get_mut(id) else { return Err(not_found()) };
    check.config = config;
    check.version += 1;
    Ok(json!({ "HealthCheck": check.show(id) }))
}

/// Also one that records name: they count as healthy from then on.
pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let id = input.required("HealthCheckId")?;
    known(world, cx, id)?;
    world.services.route53.health_checks.remove(id);
    world.services.route53.tags.remove(&("healthcheck".to_owned(), id.to_owned()));
    Ok(json!({}))
}
