//! Conditions of rules: what is refused, and how they read back.
//! Source: RuleCondition, and "Condition types for listener rules".

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::names;
use crate::input::Input;
use crate::refusal::Refusal;

/// "Quotas for your Application Load Balancers": condition values and wildcards per rule.
const VALUES: usize = 5;
const WILDCARDS: usize = 6;

/// Fields, where their values are, and whether a rule may have several of them.
const FIELDS: [(&str, &str, bool); 6] = [
    ("host-header", "HostHeaderConfig", false),
    ("path-pattern", "PathPatternConfig", false),
    ("http-request-method", "HttpRequestMethodConfig", false),
    ("source-ip", "SourceIpConfig", false),
    ("http-header", "HttpHeaderConfig", true),
    ("query-string", "QueryStringConfig", true),
];

/// The conditions of a request, as a rule of `balancer` keeps them.
pub(super) fn read(input: Input<'_>, balancer: &str) -> Result<Vec<Value>, Refusal> {
    let given = input.list("Conditions")?;
    if given.is_empty() {
        return Err(input.refuse("A condition must be specified"));
    }
    let (mut kept, mut seen, mut count, mut wildcards) = (Vec::new(), BTreeMap::new(), 0, 0);
    for (value, condition) in given.iter().zip(input.objects("Conditions")?) {
        let field = condition.required("Field")?;
        let Some((_, config, several)) = FIELDS.iter().find(|(named, ..)| *named == field) else {
            let known: Vec<&str> = FIELDS.iter().map(|(named, ..)| *named).collect();
            return Err(input.refuse(format!("Condition field '{field}' must be one of '[{}]'", known.join(", "))));
        };
        if !names::is_application(balancer) && field != "source-ip" {
            let message = format!("Condition field '{field}' is not supported for network load balancers");
            return Err(Refusal::new("InvalidConfigurationRequest", message));
        }
        let times = seen.entry(field).or_insert(0);
        *times += 1;
        if *times > 1 && !several {
            return Err(input.refuse(format!("A rule can only have one '{field}' condition")));
        }
        let values = values(condition, field, config)?;
        count += values.len();
        wildcards += values.iter().flat_map(|value| value.chars()).filter(|c| matches!(c, '*' | '?')).count();
        let mut shown = value.as_object().cloned().unwrap_or_default();
        // Both ways of giving these two read back in both.
        if matches!(field, "host-header" | "path-pattern") && condition.get("RegexValues").is_none() {
            shown.insert("Values".to_owned(), json!(values));
            shown.entry((*config).to_owned()).or_insert(json!({ "Values": values }));
        }
        kept.push(Value::Object(shown));
    }
    if count > VALUES {
        return Err(input.refuse(format!("A rule can only have '{VALUES}' condition values")));
    }
    if wildcards > WILDCARDS {
        return Err(input.refuse(format!("A rule can only have '{WILDCARDS}' condition wildcards")));
    }
    Ok(kept)
}

/// The texts a condition compares with.
fn values(condition: Input<'_>, field: &str, config: &str) -> Result<Vec<String>, Refusal> {
    let plain = condition.texts("Values")?;
    let config = condition.object(config)?;
    if !plain.is_empty() && config.is_some() {
        return Err(condition.refuse("You can specify condition values in one of 'Values' and the configuration only"));
    }
    let mut values: Vec<String> = plain.into_iter().map(str::to_owned).collect();
    for source in config.into_iter().chain([condition]) {
        values.extend(source.texts("RegexValues")?.into_iter().map(str::to_owned));
    }
    if let Some(config) = config {
        if field == "query-string" {
            for pair in config.objects("Values")? {
                values.push(format!("{}={}", pair.text("Key")?.unwrap_or_default(), pair.required("Value")?));
            }
        } else {
            values.extend(config.texts("Values")?.into_iter().map(str::to_owned));
        }
        if field == "http-header" {
            config.required("HttpHeaderName")?;
        }
        values.extend(config.text("IpAddressType")?.map(str::to_owned));
    }
    if values.is_empty() {
        return Err(condition.refuse(format!("A value must be specified for condition '{field}'")));
    }
    if let Some(long) = values.iter().find(|value| value.is_empty() || value.len() > 128) {
        return Err(condition.refuse(format!("Condition value '{long}' must have 1 to 128 characters")));
    }
    if field == "host-header"
        && let Some(bare) = values.iter().find(|value| !value.contains('.') && *value != "*")
    {
        return Err(condition.refuse(format!("Condition value '{bare}' of a host header must contain a '.'")));
    }
    Ok(values)
}
