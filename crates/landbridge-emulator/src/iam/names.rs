//! What IAM accepts as names, paths and ARNs ("IAM and AWS STS quotas", reference_iam-quotas.html, and the parameter
//! pages of the IAM API reference).

use crate::input::Input;
use crate::refusal::Refusal;

/// A required name of `[\w+=,.@-]+`, at most `longest` characters.
pub(crate) fn required<'a>(input: Input<'a>, key: &str, longest: usize) -> Result<&'a str, Refusal> {
    let name = input.required(key)?;
    let parameter = parameter(key);
    if name.is_empty() || name.chars().count() > longest {
        return Err(input.refuse(format!(
            "1 validation error detected: Value '{name}' at '{parameter}' failed to satisfy constraint: Member must have \
             length between 1 and {longest}"
        )));
    }
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)) {
        return Err(input.refuse(format!(
            "The specified value for {parameter} is invalid. It must contain only alphanumeric characters and/or the \
             following: +=,.@_-"
        )));
    }
    Ok(name)
}

/// The role that a call is about.
pub(crate) fn role_name(input: Input<'_>) -> Result<&str, Refusal> {
    required(input, "RoleName", 64)
}

/// `Path`, default `/`: begins and ends with a slash, at most 512 characters of U+0021 to U+007E.
pub(crate) fn path(input: Input<'_>) -> Result<&str, Refusal> {
    let path = input.text("Path")?.unwrap_or("/");
    let whole = path.starts_with('/') && path.ends_with('/') && path.len() <= 512;
    if whole && path.chars().all(|c| ('!'..='~').contains(&c)) {
        return Ok(path);
    }
    Err(input.refuse(
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters \
         and/or / characters.",
    ))
}

/// `Description`: at most 1000 characters of Latin-1 without control characters.
pub(crate) fn description(input: Input<'_>) -> Result<Option<&str>, Refusal> {
    let Some(text) = input.text("Description")? else { return Ok(None) };
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}');
    if text.chars().count() > 1000 || !text.chars().all(allowed) {
        return Err(input.refuse(
            "1 validation error detected: Value at 'description' failed to satisfy constraint: Member must have length \
             less than or equal to 1000 and satisfy regular expression pattern: \
             [\\u0009\\u000A\\u000D\\u0020-\\u007E\\u00A1-\\u00FF]*",
        ));
    }
    Ok(Some(text))
}

/// The 12 digits of an IAM or STS ARN.
pub(crate) fn account_of(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':');
    let prefix = parts.next()?;
    let account = parts.nth(3)?;
    (prefix == "arn" && is_account(account)).then_some(account)
}

pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|digit| digit.is_ascii_digit())
}

/// The name at the end of an ARN's path.
pub(crate) fn last_segment(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn parameter(key: &str) -> String {
    let mut characters = key.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}
