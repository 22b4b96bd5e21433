//! What holds for every kind, whatever its spec: checked by each kind's tests with specs of its own making.

use landbridge_api::common::{AdoptionPolicy, DriftPolicy, Knobs};
use landbridge_api::condition::reason;
use landbridge_api::names::tag;

use super::model::{Modelled, apply};
use super::{deleted, now, outline, resolved, shop};
use crate::change::{Tags, Verb};
use crate::kind::Kind;
use crate::plan::{Cause, Plan};
use crate::policy;

/// How often a law is tried: each try is a dozen plans.
pub(crate) fn cases() -> proptest::test_runner::Config {
    proptest::test_runner::Config::with_cases(64)
}

/// Access to what the laws tamper with.
pub(crate) trait Tampered: Modelled {
    /// Sets the knobs.
    fn set_knobs(&mut self, knobs: Knobs);
    /// Tags of the thing in AWS.
    fn tags(observed: &mut Self::Observed) -> &mut Tags;
    /// Puts a status there.
    fn status_mut(&mut self) -> &mut Self::Status;
}

fn plan<K: Kind>(object: &K, observed: &K::Observed) -> Plan {
    object.plan(&resolved(object, &shop()), observed, now())
}

/// The object as it is when its spec has been applied.
pub(crate) fn applied<K: Tampered>(mut object: K) -> K {
    let fingerprint = object.fingerprint(&resolved(&object, &shop()));
    K::common_mut(object.status_mut()).applied_spec = Some(fingerprint);
    object
}

/// The object with other knobs.
fn knobs<K: Tampered>(object: &K, adoption: AdoptionPolicy, drift: DriftPolicy) -> K {
    let mut object = object.clone();
    object.set_knobs(Knobs { adoption_policy: Some(adoption), drift_policy: Some(drift), ..Knobs::default() });
    object
}

/// Reconciling twice writes once: from nothing, and from what another spec of the same object left behind.
#[track_caller]
pub(crate) fn a_second_pass_plans_nothing<K: Tampered>(before: &K, after: &K) {
    let mut world = K::Observed::default();
    for object in [before, after] {
        let first = plan(object, &world);
        assert_eq!(first.blocked, [], "{:?}", outline(&first));
        world = apply::<K>(&world, &first);
        for object in [object.clone(), applied(object.clone())] {
            let second = plan(&object, &world);
            assert!(second.is_empty() && second.drift.is_empty(), "{:?}\n{:?}", outline(&second), second.steps);
        }
    }
}

/// An update says what differs, and what differs behind an applied spec is drift, which `Report` leaves.
#[track_caller]
pub(crate) fn what_others_changed_is_drift<K: Tampered>(before: &K, after: &K) {
    let world = apply::<K>(&K::Observed::default(), &plan(before, &K::Observed::default()));
    let found = plan(&applied(after.clone()), &world);
    assert_eq!(found.steps.is_empty(), found.drift.is_empty(), "{:?}", outline(&found));
    for step in &found.steps {
        assert_eq!(step.cause, Cause::Drift);
        assert!(step.change.verb() == Verb::Update && !step.differences.is_empty(), "{step:?}");
    }
    let report = applied(knobs(after, AdoptionPolicy::Never, DriftPolicy::Report));
    let filtered = policy::filter(plan(&report, &world), &report.knobs());
    assert!(filtered.steps.is_empty());
    assert_eq!(filtered.drift, found.drift);
}

/// A thing that carries no tag of ours is refused, or taken over by tags alone, or taken over before it is changed.
#[track_caller]
pub(crate) fn adoption_follows_its_policy<K: Tampered>(before: &K, after: &K) {
    let mut world = apply::<K>(&K::Observed::default(), &plan(before, &K::Observed::default()));
    K::tags(&mut world).retain(|k, _| !k.starts_with(tag::PREFIX));

    let refused = plan(&knobs(after, AdoptionPolicy::Never, DriftPolicy::Correct), &world);
    assert_eq!(outline(&refused), ["blocked ".to_owned() + reason::NAME_TAKEN]);

    let same = knobs(before, AdoptionPolicy::IfUnchanged, DriftPolicy::Correct);
    let taken = plan(&same, &world);
    assert_eq!(taken.steps.iter().map(|s| s.cause).collect::<Vec<_>>(), [Cause::Adoption], "{:?}", outline(&taken));
    assert!(plan(&same, &apply::<K>(&world, &taken)).is_empty());

    let always = knobs(after, AdoptionPolicy::Always, DriftPolicy::Correct);
    let changed = plan(&always, &world);
    assert_eq!(changed.steps[0].cause, Cause::Adoption);
    assert!(changed.steps[1..].iter().all(|s| s.after.contains(&changed.steps[0].id)), "{:?}", outline(&changed));
    assert!(plan(&always, &apply::<K>(&world, &changed)).is_empty());
}

/// Deletion leaves nothing, and then says so; what is not ours is left alone.
#[track_caller]
pub(crate) fn deletion_ends_with_nothing<K: Tampered>(object: &K) {
    let mut world = apply::<K>(&K::Observed::default(), &plan(object, &K::Observed::default()));
    let object = deleted(object.clone());
    let objects = crate::objects::Snapshot { ecs_services: std::collections::BTreeMap::new(), ..shop() };
    let plan = |world: &K::Observed| object.plan(&resolved(&object, &objects), world, now());
    let removal = plan(&world);
    assert!(!removal.gone && !removal.steps.is_empty(), "{:?}", outline(&removal));
    assert!(removal.steps.iter().all(|s| s.cause == Cause::Deletion));
    assert_eq!(outline(&plan(&apply::<K>(&world, &removal))), ["gone"]);

    K::tags(&mut world).insert(tag::OWNER.to_owned(), "Someone/else".to_owned());
    assert_eq!(outline(&plan(&world)), ["gone"]);
}

mod tampered {
    use landbridge_api::v1alpha1::{CloudMapExport, CloudMapNamespace, EcsCluster, IamTaskRole};

    use super::{Knobs, Tags, Tampered};

    /// A thing that the law has just made.
    #[track_caller]
    fn made<T>(thing: &mut Option<T>) -> &mut T {
        thing.as_mut().unwrap()
    }

    impl Tampered for EcsCluster {
        fn set_knobs(&mut self, knobs: Knobs) {
            self.spec.knobs = knobs;
        }
        fn tags(observed: &mut <Self as super::Kind>::Observed) -> &mut Tags {
            &mut made(&mut observed.cluster).tags
        }
        fn status_mut(&mut self) -> &mut <Self as super::Kind>::Status {
            self.status.get_or_insert_default()
        }
    }

    impl Tampered for CloudMapExport {
        fn set_knobs(&mut self, knobs: Knobs) {
            self.spec.knobs = knobs;
        }
        fn tags(observed: &mut <Self as super::Kind>::Observed) -> &mut Tags {
            &mut made(&mut observed.service).tags
        }
        fn status_mut(&mut self) -> &mut <Self as super::Kind>::Status {
            self.status.get_or_insert_default()
        }
    }

    impl Tampered for CloudMapNamespace {
        fn set_knobs(&mut self, knobs: Knobs) {
            self.spec.knobs = knobs;
        }
        fn tags(observed: &mut <Self as super::Kind>::Observed) -> &mut Tags {
            &mut made(&mut observed.namespace).tags
        }
        fn status_mut(&mut self) -> &mut <Self as super::Kind>::Status {
            self.status.get_or_insert_default()
        }
    }

    impl Tampered for IamTaskRole {
        fn set_knobs(&mut self, knobs: Knobs) {
            self.spec.knobs = knobs;
        }
        fn tags(observed: &mut <Self as super::Kind>::Observed) -> &mut Tags {
            &mut made(&mut observed.role).tags
        }
        fn status_mut(&mut self) -> &mut <Self as super::Kind>::Status {
            self.status.get_or_insert_default()
        }
    }
}
