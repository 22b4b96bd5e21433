//! Calls to Cloud Map's discovery go to a host of their own, `data-servicediscovery.<Region>.amazonaws.com`, and the SDK puts
//! `data-` before any host, also before one that somebody set as an endpoint and that has no such name.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

const PREFIX: &str = "://data-";
/// Ends of the host names of AWS («AWS service endpoints», AWS General Reference).
const AWS: [&str; 4] = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".amazonaws.eu"];

/// Takes the prefix away from hosts that are not AWS's.
#[derive(Debug)]
pub(crate) struct OwnHost;

impl Intercept for OwnHost {
    fn name(&self) -> &'static str {
        "OwnHost"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        if let Some(uri) = without_prefix(request.uri()) {
            request.set_uri(uri)?;
        }
        Ok(())
    }
}

/// The address without the prefix, if it is not one of AWS.
fn without_prefix(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once(PREFIX)?;
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    (!AWS.iter().any(|end| host.ends_with(end))).then(|| format!("{scheme}://{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_of_aws_keep_the_prefix() {
        assert_eq!(without_prefix("https://data-servicediscovery.eu-central-1.amazonaws.com/"), None);
        assert_eq!(without_prefix("http://data-127.0.0.1:4566/").as_deref(), Some("http://127.0.0.1:4566/"));
        assert_eq!(without_prefix("http://localhost:4566/"), None);
    }
}
