//! The kinds of others through which weights go: in our own words, as far as the tests use them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::runtime::conditions;
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};

use crate::Stage;

/// Routes of the Gateway API: what a rule may hold beside its backends is nobody's business here.
pub const HTTP_ROUTES: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: httproutes.gateway.networking.k8s.io, annotations: {api-approved.kubernetes.io: 'unapproved, for tests'}}
spec:
  group: gateway.networking.k8s.io
  scope: Namespaced
  names: {kind: HTTPRoute, plural: httproutes, singular: httproute}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              x-kubernetes-preserve-unknown-fields: true
              properties:
                rules:
                  type: array
                  x-kubernetes-list-type: atomic
                  items:
                    type: object
                    x-kubernetes-preserve-unknown-fields: true
                    properties:
                      backendRefs:
                        type: array
                        x-kubernetes-list-type: atomic
                        items:
                          type: object
                          required: [name]
                          x-kubernetes-preserve-unknown-fields: true
                          properties:
                            group: {type: string, default: ''}
                            kind: {type: string, default: Service}
                            name: {type: string}
                            weight: {type: integer, default: 1, minimum: 0, maximum: 1000000}
";

/// What the AWS Load Balancer Controller binds a Service to a target group with.
pub const TARGET_GROUP_BINDINGS: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: targetgroupbindings.elbv2.k8s.aws}
spec:
  group: elbv2.k8s.aws
  scope: Namespaced
  names: {kind: TargetGroupBinding, plural: targetgroupbindings, singular: targetgroupbinding}
  versions:
    - name: v1beta1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              x-kubernetes-preserve-unknown-fields: true
              properties:
                targetGroupARN: {type: string}
                serviceRef:
                  type: object
                  properties:
                    name: {type: string}
                    port: {x-kubernetes-int-or-string: true}
";

impl Stage {
    /// Makes a kind, and waits until it is served.
    pub async fn make_kind(&self, yaml: &str) {
        self.apply(yaml).await;
        let name = yaml.split("{name: ").nth(1).unwrap().split([',', '}']).next().unwrap();
        let crds: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        await_condition(crds, name, conditions::is_crd_established()).await.unwrap();
    }

    /// An object of a kind of others in the namespace `shop`.
    pub fn foreign(&self, api_version: &str, kind: &str, plural: &str) -> Api<DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap();
        let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural);
        Api::namespaced_with(self.client.clone(), "shop", &resource)
    }

    /// HTTPRoutes.
    pub fn routes(&self) -> Api<DynamicObject> {
        self.foreign("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes")
    }

    /// The rules of an HTTPRoute.
    pub async fn rules(&self, name: &str) -> Value {
        self.routes().get(name).await.unwrap().data["spec"]["rules"].clone()
    }

    /// Somebody else writes the rules of an HTTPRoute.
    pub async fn write_rules(&self, name: &str, manager: &str, rules: &Value) {
        let params = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
        let patch = json!({"spec": {"rules": rules}});
        self.routes().patch(name, &params, &Patch::Merge(&patch)).await.unwrap();
    }
}
