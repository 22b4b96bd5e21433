//! The emulator as the AWS SDK's HTTP client: the SDK's own serialisation, signing and retries, and no socket.

use aws_smithy_runtime_api::client::http::http_client_fn;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

use crate::emulator::Emulator;
use crate::gateway::ConnectionLost;
use crate::server::patiently;

impl Emulator {
    /// Gives an SDK configuration this emulator instead of the network (`.http_client(...)`). Any endpoint will do,
    /// also those the SDK derives from a region.
    pub fn http_client(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        http_client_fn(move |_, _| connector.clone())
    }

    async fn answer(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
        let (parts, body) = request.into_parts();
        let Some(body) = body.bytes() else {
            return Err(ConnectorError::user("the emulator takes no streaming bodies".into()));
        };
        let request = http::Request::from_parts(parts, Bytes::copy_from_slice(body));
        patiently(&self, &request).await;
        let response = self.respond(request);
        if response.extensions().get::<ConnectionLost>().is_some() {
            return Err(ConnectorError::io("connection lost on purpose".into()));
        }
        HttpResponse::try_from(response.map(SdkBody::from)).map_err(|error| ConnectorError::other(error.into(), None))
    }
}

impl HttpConnector for Emulator {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().answer(request))
    }
}
