//! What holds for every spec with pods.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::change::Change;
use crate::plan::Cause;
use crate::testing::{deleted, laws};

/// Specs with pods.
fn pods() -> impl Strategy<Value = Value> {
    let all = prop::collection::btree_map(("[ab]", "[x-z]"), "[x-z]", 0..4);
    (all, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(all, tags, ecs, keep)| {
        let associations: Vec<Value> = all
            .iter()
            .map(|((cluster, namespace), account)| {
                json!({"clusterName": cluster, "namespace": namespace, "serviceAccount": account})
            })
            .collect();
        let mut spec = json!({
            "podIdentityAssociations": associations,
            "trust": {"ecsTasks": ecs || associations.is_empty()},
        });
        if tags {
            spec["tags"] = json!([{"key": "team", "value": "shop"}]);
        }
        if keep {
            spec["trust"]["foreignStatements"] = json!("Keep");
        }
        spec
    })
}

proptest! {
    #![proptest_config(laws::cases())]

    #[test]
    fn a_second_pass_over_pods_plans_nothing(before in pods(), next in pods()) {
        let world = after(&before);
        let object = edited(&settled(&before, &world), &next);
        let first = plan(&object, &world);
        prop_assert!(first.blocked.is_empty() && first.waits.is_empty(), "{:?}", outline(&first));
        let world = model::apply::<IamTaskRole>(&world, &first);
        for object in [object, settled(&next, &world)] {
            let second = plan(&object, &world);
            prop_assert!(second.is_empty() && second.drift.is_empty(), "{:?}", outline(&second));
        }
        // The trust lets in exactly the pods that have an association.
        let pairs: BTreeSet<(String, String)> = world.associations.keys().map(|key| {
            let mut parts = key.split('/').skip(1).map(str::to_owned);
            (parts.next().unwrap(), parts.next().unwrap())
        }).collect();
        let mut trusted = BTreeSet::new();
        for statement in statements(&world) {
            let tags = &statement["Condition"]["StringEquals"];
            for namespace in tags["aws:RequestTag/kubernetes-namespace"].as_array().into_iter().flatten() {
                for account in tags["aws:RequestTag/kubernetes-service-account"].as_array().unwrap() {
                    trusted.insert((namespace.as_str().unwrap().to_owned(), account.as_str().unwrap().to_owned()));
                }
            }
        }
        prop_assert_eq!(trusted, pairs);
    }

    #[test]
    fn nothing_of_others_is_named_by_any_change(before in pods(), next in pods(), owned in any::<bool>()) {
        let mut world = after(&before);
        let object = settled(&before, &world);
        for facts in world.associations.values_mut() {
            facts.tags.clear();
            if owned {
                facts.tags.insert("landbridge.dev/owner".into(), "IAMTaskRole/shop/other".into());
            }
        }
        let ids: BTreeSet<String> = world.associations.keys().cloned().collect();
        for object in [edited(&object, &next), deleted(object)] {
            let plan = crate::policy::filter(plan(&object, &world), &object.knobs());
            for step in &plan.steps {
                if let Change::UpdatePodIdentityAssociation { id, .. } | Change::DeletePodIdentityAssociation { id, .. } = &step.change {
                    prop_assert!(!ids.contains(id), "{:?}", outline(&plan));
                }
                let tags = matches!(step.change, Change::Tag { .. });
                prop_assert!(!tags, "{:?}", outline(&plan));
            }
        }
    }

    #[test]
    fn deletion_of_a_role_with_pods_ends_with_nothing(spec in pods()) {
        let world = after(&spec);
        let object = deleted(settled(&spec, &world));
        let removal = plan(&object, &world);
        prop_assert!(removal.steps.iter().all(|s| s.cause == Cause::Deletion));
        prop_assert_eq!(outline(&plan(&object, &model::apply::<IamTaskRole>(&world, &removal))), ["gone"]);
    }
}
