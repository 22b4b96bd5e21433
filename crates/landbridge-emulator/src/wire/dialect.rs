//! How each protocol spells the refusals that every service has: of credentials, of rate, and its own failure.
//! Source: "Common errors" of the ECS, IAM, EC2, Route 53 and EKS API references.

use super::Wire;
use super::rest::Format;
use crate::refusal::Refusal;

/// The refusal as the protocol spells it; the services say it as the JSON protocols do.
pub(crate) fn spelled(wire: &Wire, mut refusal: Refusal) -> Refusal {
    let (code, status, message) = match (wire, refusal.code.as_ref()) {
        (Wire::Json | Wire::Cbor, _) => return refusal,
        (Wire::Rest(rest, _), code) if matches!(rest.format, Format::Json { .. }) => match code {
            "ThrottlingException" => ("ThrottlingException", 429, None),
            "ServerException" => (rest.server_error, 500, None),
            "InvalidSignatureException" => ("InvalidSignatureException", 403, None),
            _ => return refusal,
        },
        (Wire::Ec2, code) => match code {
            "ExpiredTokenException" => ("RequestExpired", 400, Some("Request has expired.")),
            "AccessDeniedException" => {
                ("UnauthorizedOperation", 403, Some("You are not authorized to perform this operation."))
            }
            "UnrecognizedClientException" | "IncompleteSignatureException" | "InvalidSignatureException" => {
                ("AuthFailure", 401, Some("AWS was not able to validate the provided access credentials"))
            }
            "ThrottlingException" => ("RequestLimitExceeded", 503, Some("Request limit exceeded.")),
            "ServerException" => ("InternalError", 500, Some("An internal error has occurred")),
            _ => return refusal,
        },
        (Wire::Query(_) | Wire::Rest(..), code) => match code {
            "ExpiredTokenException" => ("ExpiredToken", 403, None),
            "AccessDeniedException" => ("AccessDenied", 403, None),
            "UnrecognizedClientException" => ("InvalidClientTokenId", 403, None),
            "IncompleteSignatureException" => ("IncompleteSignature", 400, None),
            "InvalidSignatureException" => ("SignatureDoesNotMatch", 403, None),
            "ThrottlingException" => ("Throttling", 400, None),
            "ServerException" => match wire {
                Wire::Rest(rest, _) => (rest.server_error, 500, None),
                _ => ("ServiceFailure", 500, Some("Service failure.")),
            },
            _ => return refusal,
        },
    };
    refusal.code = code.into();
    if let Some(message) = message {
        message.clone_into(&mut refusal.message);
    }
    refusal.status(status)
}

#[cfg(test)]
mod tests {
    use super::super::rest::{UNKNOWN_JSON, UNKNOWN_XML};
    use super::*;

    #[test]
    fn one_refusal_has_each_protocol_s_code_and_status() {
        let seen = |wire: Wire, refusal: Refusal| {
            let spelled = spelled(&wire, refusal);
            (spelled.code.into_owned(), spelled.http_status)
        };
        for (wire, code, status) in [
            (Wire::Json, "ThrottlingException", 400),
            (Wire::Query(String::new()), "Throttling", 400),
            (Wire::Ec2, "RequestLimitExceeded", 503),
            (Wire::Rest(&UNKNOWN_JSON, 200), "ThrottlingException", 429),
            (Wire::Rest(&UNKNOWN_XML, 200), "Throttling", 400),
        ] {
            assert_eq!(seen(wire, Refusal::throttled()), (code.to_owned(), status));
        }
        let own = Refusal::new("NoSuchEntity", "").status(404);
        assert_eq!(seen(Wire::Ec2, own), ("NoSuchEntity".to_owned(), 404));
    }
}
