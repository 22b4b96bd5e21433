//! What went wrong with an AWS call, in one form: its class decides what happens, its message says what to do.
//!
//! Nothing secret is kept: no headers, no request, no credentials, and texts in which AWS repeats them are replaced.

mod codes;

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use landbridge_plan::verdict::{ErrorClass, Failure};

use crate::operations::Operation;

/// A call that failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{operation}: {message}")]
pub struct AwsError {
    /// `ecs:CreateService`.
    pub operation: &'static str,
    /// AWS's error code; empty when there was no answer.
    pub code: Box<str>,
    /// What kind of failure it is.
    pub class: ErrorClass,
    /// What AWS said and what to do about it.
    pub message: String,
    /// How long AWS asks to wait.
    pub retry_after: Option<Duration>,
    /// Whether AWS may have done what was asked.
    pub ambiguous: bool,
    /// AWS's ID of the request, to give to AWS support.
    pub request_id: Option<Box<str>>,
    /// What else the error carries, such as `DuplicateOperationId` or `NamespaceId` of Cloud Map.
    pub details: BTreeMap<String, String>,
}

const NO_CREDENTIALS: &str = "no AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or \
     AWS_PROFILE, or give the process a role (IRSA, EKS Pod Identity, an ECS task role or an instance profile)";

impl AwsError {
    /// An error that never reached AWS, or that has no code.
    pub fn new(operation: &Operation, class: ErrorClass, message: impl Into<String>) -> Self {
        Self {
            operation: operation.name,
            code: Box::default(),
            class,
            message: message.into(),
            retry_after: None,
            ambiguous: false,
            request_id: None,
            details: BTreeMap::new(),
        }
    }

    /// The lease of the account was lost; nothing was sent.
    pub fn fenced(operation: &Operation) -> Self {
        let message = "this replica no longer holds the lease of the account, so nothing was sent";
        Self::new(operation, ErrorClass::Fenced, message)
    }

    /// An answer that lacks what AWS documents it to have.
    pub fn incomplete(operation: &Operation, what: &str) -> Self {
        Self::new(operation, ErrorClass::Transient, format!("AWS's answer has no {what}; it is asked again"))
    }

    /// From whatever the SDK says.
    pub fn from_sdk<E>(operation: &Operation, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        match error {
            SdkError::ServiceError(service) => answered(operation, service.err(), service.raw()),
            SdkError::ResponseError(response) => {
                let status = response.raw().status().as_u16();
                let mut error = Self::new(
                    operation,
                    ErrorClass::Transient,
                    format!("the answer (HTTP {status}) could not be read; check that the endpoint is AWS"),
                );
                error.ambiguous = true;
                error
            }
            SdkError::TimeoutError(_) => {
                let mut error =
                    Self::new(operation, ErrorClass::Transient, "no answer came in time; it is tried again");
                error.ambiguous = true;
                error
            }
            other => unanswered(operation, other),
        }
    }
}

impl From<&AwsError> for Failure {
    fn from(error: &AwsError) -> Self {
        Self { operation: error.operation.to_owned(), class: error.class, message: error.message.clone() }
    }
}

/// AWS answered with an error.
fn answered<E: ProvideErrorMetadata>(operation: &Operation, error: &E, raw: &HttpResponse) -> AwsError {
    let status = raw.status().as_u16();
    let code = error.code().unwrap_or_default();
    let said = clean(error.message().unwrap_or_default());
    let class = codes::classify(operation, code, &said, status);
    let header = |name: &str| raw.headers().get(name);
    AwsError {
        operation: operation.name,
        code: code.into(),
        class,
        message: with_advice(operation, class, code, &said, status),
        retry_after: retry_after(header("x-amz-retry-after"), header("retry-after")),
        // A server that failed may have done the work first.
        ambiguous: class == ErrorClass::Transient,
        request_id: header("x-amzn-requestid").or_else(|| header("x-amz-request-id")).map(Box::from),
        details: details(raw),
    }
}

/// Nothing came back: the request was not built, not sent, or the connection broke.
fn unanswered<E>(operation: &Operation, error: &SdkError<E, HttpResponse>) -> AwsError
where
    E: StdError + 'static,
{
    let chain = chain(error);
    let credentials = sources(error).find_map(|e| e.downcast_ref::<CredentialsError>());
    let Some(credentials) = credentials else {
        let built = !matches!(error, SdkError::ConstructionFailure(_));
        let class = if built { ErrorClass::Transient } else { ErrorClass::Invalid };
        let text = if built {
            format!("AWS could not be reached ({chain}); check the network and the endpoint")
        } else {
            format!("the request could not be built ({chain})")
        };
        let mut failure = AwsError::new(operation, class, text);
        failure.ambiguous = built;
        return failure;
    };
    let (class, message) = match credentials {
        CredentialsError::CredentialsNotLoaded(_) => (ErrorClass::Credentials, NO_CREDENTIALS.to_owned()),
        CredentialsError::ProviderTimedOut(_) => {
            (ErrorClass::Transient, "the source of the AWS credentials did not answer in time".to_owned())
        }
        CredentialsError::InvalidConfiguration(_) => (
            ErrorClass::Credentials,
            format!("the AWS credentials are configured wrongly ({chain}); check the AWS profile and environment"),
        ),
        _ => (
            ErrorClass::Credentials,
            format!(
                "AWS gave no credentials ({chain}); check that the role exists, trusts this identity, and that the \
                 external ID is right"
            ),
        ),
    };
    AwsError::new(operation, class, message)
}

fn sources<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let this = next?;
        next = this.source();
        Some(this)
    })
}

/// The texts of an error and its causes, each once, outermost first.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    for source in sources(error).skip(1) {
        let text = clean(&source.to_string());
        if !text.is_empty() && !texts.iter().any(|t| t.contains(&text)) {
            texts.push(text);
        }
    }
    texts.join(": ")
}

fn with_advice(operation: &Operation, class: ErrorClass, code: &str, said: &str, status: u16) -> String {
    let said = if said.is_empty() { format!("HTTP {status}") } else { said.trim_end_matches('.').to_owned() };
    let name = operation.name;
    match class {
        ErrorClass::Throttled => format!("{code}: {said}; the rate of calls is lowered by itself"),
        ErrorClass::Transient => format!("{code}: {said}; AWS failed and is asked again"),
        ErrorClass::AccessDenied => {
            format!("{code}: {said}; allow {name} to the identity that Landbridge uses in this account")
        }
        ErrorClass::Credentials => format!("{code}: {}", credentials_advice(code)),
        ErrorClass::Quota => format!("{code}: {said}; ask AWS for a higher quota, or remove what is not needed"),
        ErrorClass::Conflict => format!("{code}: {said}; something else is changing it, it is tried again"),
        ErrorClass::NotYet => format!("{code}: {said}; something it needs has not taken effect yet, it is tried again"),
        ErrorClass::InUse => format!("{code}: {said}; something still uses it, it is tried again"),
        ErrorClass::AlreadyExists => {
            format!("{code}: {said}; choose another name, or adopt what is there with spec.adoptionPolicy")
        }
        ErrorClass::NotFound | ErrorClass::Fenced => format!("{code}: {said}"),
        ErrorClass::Invalid => format!("{code}: {said}; correct the spec"),
    }
}

/// AWS repeats parts of the signed request in these messages, so they are not repeated here.
fn credentials_advice(code: &str) -> &'static str {
    match code {
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => {
            "the AWS credentials have expired; sign in again, or check that the process can renew its role"
        }
        "SignatureDoesNotMatch" | "InvalidSignatureException" => {
            "AWS refused the signature; check the secret access key and the clock of this machine"
        }
        "MissingAuthenticationToken" | "MissingAuthenticationTokenException" => NO_CREDENTIALS,
        _ => "AWS does not know these credentials; check the access key, the session token and the account",
    }
}

/// A message without what may be secret or long: encoded authorization details and access keys.
fn clean(message: &str) -> String {
    let message = message.split("Encoded authorization failure message").next().unwrap_or_default();
    let words: Vec<&str> =
        message.split_whitespace().map(|w| if is_access_key(w) { "(access key)" } else { w }).collect();
    let mut text = words.join(" ");
    if let Some((end, _)) = text.char_indices().nth(1000) {
        text.truncate(end);
        text.push('…');
    }
    text
}

fn is_access_key(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    word.len() >= 16
        && (word.starts_with("AKIA") || word.starts_with("ASIA"))
        && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// `x-amz-retry-after` is in milliseconds, `Retry-After` in seconds.
fn retry_after(milliseconds: Option<&str>, seconds: Option<&str>) -> Option<Duration> {
    const LONGEST: Duration = Duration::from_mins(1);
    let milliseconds = milliseconds.and_then(|v| v.parse().ok()).map(Duration::from_millis);
    let seconds = seconds.and_then(|v| v.parse().ok()).map(Duration::from_secs);
    milliseconds.or(seconds).map(|d| d.min(LONGEST))
}

/// Text members of a JSON error body, beside its type and message.
fn details(raw: &HttpResponse) -> BTreeMap<String, String> {
    let body = raw.body().bytes().unwrap_or_default();
    let Ok(serde_json::Value::Object(members)) = serde_json::from_slice(body) else { return BTreeMap::new() };
    members
        .into_iter()
        .filter(|(name, _)| !matches!(name.to_ascii_lowercase().as_str(), "__type" | "message" | "code"))
        .filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations as op;
    use aws_sdk_ecs::operation::create_service::CreateServiceError;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    fn refused(code: &str, message: &str, body: &str) -> AwsError {
        let meta = ErrorMetadata::builder().code(code).message(message).build();
        let mut raw = HttpResponse::new(StatusCode::try_from(400).unwrap(), SdkBody::from(body));
        raw.headers_mut().insert("x-amz-retry-after", "1500");
        raw.headers_mut().insert("x-amzn-requestid", "r-1");
        let error = SdkError::service_error(CreateServiceError::generic(meta), raw);
        AwsError::from_sdk(op::CREATE_SERVICE, &error)
    }

    #[test]
    fn what_aws_says_becomes_class_advice_request_id_and_details() {
        let body = r#"{"__type":"DuplicateRequest","message":"m","DuplicateOperationId":"op-1","n":3}"#;
        let error = refused("DuplicateRequest", "Another one.", body);
        assert_eq!(error.class, ErrorClass::Conflict);
        assert_eq!(error.message, "DuplicateRequest: Another one; something else is changing it, it is tried again");
        assert_eq!(error.retry_after, Some(Duration::from_millis(1500)));
        assert_eq!(error.request_id.as_deref(), Some("r-1"));
        assert_eq!(error.details, BTreeMap::from([("DuplicateOperationId".into(), "op-1".into())]));
        assert_eq!(Failure::from(&error).operation, "ecs:CreateService");
    }

    #[test]
    fn no_secret_that_aws_repeats_gets_into_a_message() {
        let error = refused(
            "SignatureDoesNotMatch",
            "The Canonical String for this request should have been 'x-amz-security-token:IQoJb3JpZ2lu'",
            "",
        );
        assert_eq!(error.class, ErrorClass::Credentials);
        assert!(!error.message.contains("IQoJ"), "{}", error.message);
        let error = refused(
            "AccessDeniedException",
            "User AKIAIOSFODNN7EXAMPLE may not. Encoded authorization failure message: abc",
            "",
        );
        assert!(!error.message.contains("AKIA") && !error.message.contains("abc"), "{}", error.message);
        assert!(
            error.message.ends_with("allow ecs:CreateService to the identity that Landbridge uses in this account")
        );
    }

    #[test]
    fn a_timeout_may_have_done_the_work_and_a_refusal_has_not() {
        let timeout: SdkError<CreateServiceError, HttpResponse> = SdkError::timeout_error("late");
        let error = AwsError::from_sdk(op::CREATE_SERVICE, &timeout);
        assert_eq!((error.class, error.ambiguous), (ErrorClass::Transient, true));
        assert!(!refused("InvalidParameterException", "no", "").ambiguous);
    }

    #[test]
    fn absent_credentials_say_what_to_set() {
        let source = CredentialsError::not_loaded("nothing");
        let error: SdkError<CreateServiceError, HttpResponse> = SdkError::dispatch_failure(
            aws_smithy_runtime_api::client::result::ConnectorError::other(source.into(), None),
        );
        let error = AwsError::from_sdk(op::CREATE_SERVICE, &error);
        assert_eq!(error.class, ErrorClass::Credentials);
        assert!(error.message.contains("AWS_ACCESS_KEY_ID"), "{}", error.message);
    }
}
