//! Plan tables of the trust policy: IRSA, ECS tasks beside pods, and statements of others.

use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{ForeignStatements, TrafficMigration};

use super::*;
use crate::change::Change;

fn irsa() -> Value {
    json!({"trust": {"irsa": [{"clusterName": "a"}, {"clusterName": "a", "serviceAccount": "worker"}]}})
}

fn with_provider(clients: &[&str]) -> IamTaskRoleObserved {
    let arn = format!("arn:aws:iam::111122223333:oidc-provider/{ISSUER}");
    let clients = clients.iter().map(|c| (*c).to_owned()).collect();
    IamTaskRoleObserved { oidc_providers: BTreeMap::from([(arn, clients)]), ..clusters() }
}

#[test]
fn irsa_is_one_statement_per_provider_and_the_status_says_the_annotation() {
    let world = with_provider(&["sts.amazonaws.com"]);
    let world = model::apply::<IamTaskRole>(&world, &plan(&role(&irsa()), &world));
    let all = statements(&world);
    assert_eq!(all.len(), 2);
    assert_eq!(all[1]["Action"], "sts:AssumeRoleWithWebIdentity");
    assert_eq!(all[1]["Principal"]["Federated"], format!("arn:aws:iam::111122223333:oidc-provider/{ISSUER}"));
    assert_eq!(
        all[1]["Condition"],
        json!({"StringEquals": {
            format!("{ISSUER}:aud"): "sts.amazonaws.com",
            format!("{ISSUER}:sub"): ["system:serviceaccount:shop:orders", "system:serviceaccount:shop:worker"],
        }})
    );
    assert!(plan(&role(&irsa()), &world).is_empty());
    let status = settled(&irsa(), &world).status.unwrap();
    assert_eq!(status.irsa.len(), 2);
    assert_eq!(status.irsa[0].annotations["eks.amazonaws.com/role-arn"], ROLE);
}

#[test]
fn without_the_provider_the_role_waits_and_a_role_that_is_there_keeps_its_trust() {
    for (world, part) in [
        (clusters(), "aws iam create-open-id-connect-provider --url https://oidc.eks"),
        (with_provider(&["other"]), "--client-id sts.amazonaws.com"),
        (IamTaskRoleObserved::default(), "no EKS cluster a in account"),
    ] {
        let plan = plan(&role(&irsa()), &world);
        assert!(plan.steps.is_empty(), "{:?}", outline(&plan));
        assert!(plan.waits[0].message.contains(part), "{}", plan.waits[0].message);
    }
    let world = with_provider(&["sts.amazonaws.com"]);
    let mut world = model::apply::<IamTaskRole>(&world, &plan(&role(&irsa()), &world));
    world.oidc_providers.clear();
    let later = plan(&role(&irsa()), &world);
    assert_eq!((later.steps.len(), later.waits.len()), (0, 1), "{:?}", outline(&later));
}

#[test]
fn the_statement_for_ecs_tasks_stays_while_a_service_refers_to_the_role() {
    let spec = json!({"trust": {"ecsTasks": false}, "podIdentityAssociations": [{"clusterName": "a"}]});
    let before = after(&json!({"podIdentityAssociations": [{"clusterName": "a"}]}));
    let held = plan_in(&testing::shop(), &role(&spec), &before);
    assert!(held.steps.is_empty(), "{:?}", outline(&held));
    assert_eq!(held.waits[0].reason, reason::IN_USE);
    assert!(held.waits[0].message.contains("because ECSService shop/web refers to it"), "{}", held.waits[0].message);
    assert_eq!(
        outline(&plan(&role(&spec), &before)),
        ["iam:UpdateAssumeRolePolicy trust policy of IAM role shop-orders <- Spec"]
    );
    let mut moving = testing::shop();
    let migration: TrafficMigration = testing::object(
        "{metadata: {name: web, namespace: shop}, spec: {from: {ecsServiceRef: {name: web}}, to: {kubernetesService: {name: web}}, \
         backend: {applicationLoadBalancer: {listenerRuleArns: [arn:x]}}, steps: [{weight: 100}]}}",
    );
    moving.insert(migration.clone());
    let held = plan_in(&moving, &role(&spec), &before);
    assert!(
        held.waits[0].message.contains("ECSService shop/web (part of TrafficMigration shop/web, which is not begun"),
        "{}",
        held.waits[0].message
    );
    let done = serde_json::from_value(json!({"phase": "Completed"})).unwrap();
    moving.insert(TrafficMigration { status: Some(done), ..migration });
    let held = plan_in(&moving, &role(&spec), &before);
    assert!(!held.waits[0].message.contains("TrafficMigration"), "{}", held.waits[0].message);
    // A statement of the spec's own that lets tasks in is as good.
    let own = json!({"trust": {"ecsTasks": false, "statements": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": ["ecs-tasks.amazonaws.com"]}},
    ]}});
    assert!(plan_in(&testing::shop(), &role(&own), &clusters()).waits.is_empty());
}

fn foreign(sid: &str) -> Value {
    json!({"Sid": sid, "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "444455556666"}})
}

fn with_foreign(spec: &Value, statement: Value) -> IamTaskRoleObserved {
    let mut world = after(spec);
    world.role.as_mut().unwrap().trust["Statement"].as_array_mut().unwrap().push(statement);
    world
}

#[test]
fn statements_of_others_are_kept_where_asked_and_on_roles_that_were_taken_over() {
    for (knob, policy, kept) in [
        (None, "Never", false),
        (None, "IfUnchanged", true),
        (None, "Always", true),
        (Some(ForeignStatements::Keep), "Never", true),
        (Some(ForeignStatements::Remove), "Always", false),
    ] {
        let spec = json!({"adoptionPolicy": policy, "trust": {"foreignStatements": knob}});
        let world = with_foreign(&spec, foreign("Terraform"));
        let plan = plan(&settled(&spec, &world), &world);
        assert_eq!(plan.is_empty(), kept, "{spec}: {:?}", outline(&plan));
        let said = settled(&spec, &world).status.unwrap().foreign_statements;
        assert_eq!(said, if kept { vec!["Terraform".to_owned()] } else { Vec::new() });
    }
}

#[test]
fn an_edit_beside_kept_statements_leaves_them_as_they_are() {
    let keep = |trust: Value| {
        let mut spec = json!({"trust": trust});
        spec["trust"]["foreignStatements"] = json!("Keep");
        spec
    };
    let spec = keep(
        json!({"statements": [foreign("Mine"), {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}]}),
    );
    let mut statement = foreign("Terraform");
    statement["Action"] = json!(["STS:AssumeRole"]);
    let world = with_foreign(&spec, statement.clone());
    let object = settled(&spec, &world);
    assert!(plan(&object, &world).is_empty());
    // Both statements leave the spec; neither is taken for somebody else's.
    let changed = plan(&edited(&object, &keep(json!({"podIdentity": {}}))), &world);
    let Change::UpdateTrust { trust, .. } = &changed.steps[0].change else { panic!() };
    let all = trust["Statement"].as_array().unwrap();
    let named: Vec<_> = all.iter().map(|s| s["Sid"].as_str().unwrap()).collect();
    assert_eq!(named, ["EcsTasks", "EksPodIdentity", "Terraform"]);
    assert_eq!(all[2], statement);
}

#[test]
fn an_adoption_keeps_the_trust_of_whoever_used_the_role_before() {
    let spec = json!({"adoptionPolicy": "IfUnchanged"});
    let mut world = with_foreign(&spec, foreign("Terraform"));
    world.role.as_mut().unwrap().tags.clear();
    assert_eq!(outline(&plan(&role(&spec), &world)), ["iam:TagRole tags of IAM role shop-orders <- Adoption"]);
}

#[test]
fn a_trust_policy_that_no_quota_allows_is_refused_with_the_quotas_code() {
    let many: Vec<Value> = (0..60)
        .map(|n| {
            json!({"clusterName": "a", "namespace": format!("namespace-{n:02}-of-the-shop"),
        "serviceAccount": format!("service-account-{n:02}")})
        })
        .collect();
    let said = refusals(&json!({"podIdentityAssociations": many}));
    assert!(said.contains("L-C07B4B0D") && said.contains("4096") && said.contains("2048"), "{said}");
}
