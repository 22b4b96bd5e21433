//! AWS credentials that a test can take away and give back while the operator runs.

use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};

/// A place for an access key. Clones are the same place.
#[derive(Clone, Debug)]
pub struct Keys(Arc<Mutex<Option<String>>>);

impl Default for Keys {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Some("AKIATEST".to_owned()))))
    }
}

impl Keys {
    /// Puts another access key there. The emulator refuses `EXPIRED…`, `DENIED…` and `INVALID…`.
    pub fn set(&self, access_key: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(access_key.to_owned());
    }

    /// Takes it away.
    pub fn remove(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl ProvideCredentials for Keys {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let key = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        future::ProvideCredentials::ready(match key {
            Some(key) => Ok(Credentials::new(key, "secret", None, None, "test")),
            None => Err(CredentialsError::not_loaded("no providers in chain provided credentials")),
        })
    }
}
