//! The fields of a cluster: which of them differ, and the request bodies that put them right.
//!
//! A field that the spec leaves out has AWS's default, with one exception: what Container Insights is by default is an
//! account setting (`PutAccountSettingDefault`), so a cluster that does not name a setting leaves it.

use landbridge_api::ecs::ClusterFields;
use serde_json::{Value, json};

use crate::change::{Body, Tags};
use crate::plan::Difference;
use crate::{canonical, diff, tags};

/// Fields that UpdateCluster takes.
const UPDATED: [&str; 3] = ["settings", "configuration", "serviceConnectDefaults"];
/// Fields that PutClusterCapacityProviders replaces together.
const CAPACITY: [&str; 2] = ["capacityProviders", "defaultCapacityProviderStrategy"];

/// Wanted and present fields, made comparable.
pub(super) struct Compared {
    wanted: Body,
    present: Body,
}

impl Compared {
    /// `namespace` is the name behind the ARN of the present Service Connect namespace, where it is known, and `applied`
    /// says whether this very spec was applied before.
    pub(super) fn new(spec: &ClusterFields, present: &Body, namespace: Option<&str>, applied: bool) -> Self {
        let wanted = canonical_fields(&written(spec));
        let mut present = canonical_fields(present);
        leave_unnamed_settings(&wanted, &mut present);
        same_namespace(&wanted, &mut present, namespace, applied);
        Self { wanted, present }
    }

    /// All differences.
    pub(super) fn differences(&self) -> Vec<Difference> {
        diff::body_differences("", &self.present, &self.wanted)
    }

    /// The body of UpdateCluster with only what differs, and what that is.
    pub(super) fn update(&self, name: &str) -> Option<(Body, Vec<Difference>)> {
        let mut body = Body::new();
        let mut differences = Vec::new();
        for field in UPDATED {
            let found = self.differences_of(field);
            if !found.is_empty() {
                body.insert(field.to_owned(), self.in_full(field));
                differences.extend(found);
            }
        }
        body_for(name, body, differences)
    }

    /// The body of PutClusterCapacityProviders, and what differs.
    pub(super) fn capacity(&self, name: &str) -> Option<(Body, Vec<Difference>)> {
        let differences: Vec<Difference> = CAPACITY.iter().flat_map(|f| self.differences_of(f)).collect();
        let body = CAPACITY.iter().map(|f| ((*f).to_owned(), self.in_full(f))).collect();
        body_for(name, body, differences)
    }

    fn differences_of(&self, field: &str) -> Vec<Difference> {
        let side = |fields: &Body| fields.get(field).cloned().unwrap_or(Value::Null);
        diff::differences(field, &side(&self.present), &side(&self.wanted))
    }

    /// The wanted value; where none is, what makes ECS forget the present one.
    fn in_full(&self, field: &str) -> Value {
        match (field, self.wanted.get(field)) {
            ("configuration", wanted) => self.configuration(wanted),
            (_, Some(wanted)) => wanted.clone(),
            ("serviceConnectDefaults", None) => json!({ "namespace": "" }),
            (_, None) => json!([]),
        }
    }

    fn configuration(&self, wanted: Option<&Value>) -> Value {
        let mut full = wanted.and_then(Value::as_object).cloned().unwrap_or_default();
        full.entry("executeCommandConfiguration").or_insert_with(|| json!({ "logging": "DEFAULT" }));
        if self.present.get("configuration").is_some_and(|c| c.get("managedStorageConfiguration").is_some()) {
            full.entry("managedStorageConfiguration").or_insert_with(|| json!({}));
        }
        full.into()
    }
}

/// The body of CreateCluster.
pub(super) fn create(name: &str, spec: &ClusterFields, wanted: &Tags) -> Body {
    let mut body = written(spec);
    body.insert("clusterName".to_owned(), name.into());
    body.insert("tags".to_owned(), tags::listed(wanted, "key", "value"));
    body
}

/// The fields as the spec has them, without tags.
fn written(spec: &ClusterFields) -> Body {
    // A struct of plain fields always becomes an object.
    let mut body = serde_json::to_value(spec).ok().and_then(|v| v.as_object().cloned()).unwrap_or_default();
    body.remove("tags");
    body
}

fn canonical_fields(fields: &Body) -> Body {
    let mut fields = canonical::cluster(&Value::Object(fields.clone())).as_object().cloned().unwrap_or_default();
    fields.remove("tags");
    // Logging DEFAULT and nothing else is what a cluster without configuration does.
    if let Some(Value::Object(configuration)) = fields.get_mut("configuration") {
        if configuration.get("executeCommandConfiguration") == Some(&json!({ "logging": "DEFAULT" })) {
            configuration.remove("executeCommandConfiguration");
        }
        if configuration.is_empty() {
            fields.remove("configuration");
        }
    }
    fields
}

fn leave_unnamed_settings(wanted: &Body, present: &mut Body) {
    let named: Vec<&Value> =
        wanted.get("settings").and_then(Value::as_array).into_iter().flatten().filter_map(|s| s.get("name")).collect();
    if let Some(Value::Array(settings)) = present.get_mut("settings") {
        settings.retain(|s| s.get("name").is_some_and(|n| named.contains(&n)));
        if settings.is_empty() {
            present.remove("settings");
        }
    }
}

/// ECS shows the default namespace as an ARN even when it was given a name (API reference,
/// `ClusterServiceConnectDefaults`).
fn same_namespace(wanted: &Body, present: &mut Body, namespace: Option<&str>, applied: bool) {
    let name_of = |fields: &Body| {
        let namespace = fields.get("serviceConnectDefaults")?.get("namespace")?.as_str()?;
        Some(namespace.to_owned())
    };
    let (Some(want), Some(have)) = (name_of(wanted), name_of(present)) else { return };
    let by_name = !want.starts_with("arn:") && have.starts_with("arn:");
    // Without the name behind the ARN, what was applied is taken to be still there.
    if by_name && namespace.map_or(applied, |n| n == want) {
        present.insert("serviceConnectDefaults".to_owned(), json!({ "namespace": want }));
    }
}

fn body_for(name: &str, mut body: Body, differences: Vec<Difference>) -> Option<(Body, Vec<Difference>)> {
    body.insert("cluster".to_owned(), name.into());
    (!differences.is_empty()).then_some((body, differences))
}
