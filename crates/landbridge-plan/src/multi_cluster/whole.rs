//! The kinds as the API server gives them, whichever version it serves.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::NamespaceResourceScope;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::GROUP;

/// A kind of the group with its spec and status left as they are.
macro_rules! kind {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $plural:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct $name {
            /// Names, labels, annotations.
            pub metadata: ObjectMeta,
            /// The spec.
            pub spec: Value,
            /// The status.
            pub status: Value,
        }

        impl Resource for $name {
            type DynamicType = ();
            type Scope = NamespaceResourceScope;

            fn kind((): &()) -> Cow<'_, str> {
                $kind.into()
            }
            fn group((): &()) -> Cow<'_, str> {
                GROUP.into()
            }
            fn version((): &()) -> Cow<'_, str> {
                "v1beta1".into()
            }
            fn plural((): &()) -> Cow<'_, str> {
                $plural.into()
            }
            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }
            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }
    };
}

kind!(
    /// A Service that other clusters are to find, as the API server gives it.
    WholeServiceExport,
    "ServiceExport",
    "serviceexports"
);
kind!(
    /// A service of other clusters, as the API server gives it.
    WholeServiceImport,
    "ServiceImport",
    "serviceimports"
);
