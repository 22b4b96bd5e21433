//! Plan tables of Pod Identity associations.

use landbridge_api::condition::reason;

use super::*;
use crate::change::{Change, Tags};
use crate::testing::deleted;

#[test]
fn associations_come_after_the_role_and_the_trust_lets_in_exactly_their_pods() {
    let plan = plan(&role(&two()), &clusters());
    assert_eq!(
        outline(&plan),
        [
            "iam:CreateRole IAM role shop-orders <- Spec",
            "eks:CreatePodIdentityAssociation Pod Identity association a/shop/orders <- Spec after role",
            "eks:CreatePodIdentityAssociation Pod Identity association b/shop/worker <- Spec after role",
        ]
    );
    let Change::CreatePodIdentityAssociation { body, tags, .. } = &plan.steps[1].change else { panic!() };
    assert_eq!(Value::from(body.clone()), json!({"roleArn": ROLE}));
    assert_eq!(tags["landbridge.dev/owner"], "IAMTaskRole/shop/orders");
    let Change::CreateRole { trust, .. } = &plan.steps[0].change else { panic!() };
    assert_eq!(
        trust["Statement"][1]["Condition"],
        json!({
            "StringEquals": {
                "aws:RequestTag/kubernetes-namespace": ["shop"],
                "aws:RequestTag/kubernetes-service-account": ["orders", "worker"],
            },
            "StringLike": {"aws:RequestTag/eks-cluster-arn": "arn:aws:eks:*:111122223333:cluster/*"},
        })
    );
}

#[test]
fn namespaces_with_different_accounts_have_a_statement_each() {
    let spec = json!({"podIdentityAssociations": [
        {"clusterName": "a", "namespace": "x", "serviceAccount": "one"},
        {"clusterName": "a", "namespace": "y", "serviceAccount": "two"},
        {"clusterName": "b", "namespace": "z", "serviceAccount": "two"},
    ]});
    let world = after(&spec);
    assert_eq!(sids(&world), ["EcsTasks", "EksPodIdentity", "EksPodIdentity2"]);
    let pairs: Vec<Value> = statements(&world)[1..]
        .iter()
        .map(|s| {
            let tags = &s["Condition"]["StringEquals"];
            json!([tags["aws:RequestTag/kubernetes-namespace"], tags["aws:RequestTag/kubernetes-service-account"]])
        })
        .collect();
    assert_eq!(pairs, [json!([["x"], ["one"]]), json!([["y", "z"], ["two"]])]);
}

#[test]
fn another_cluster_of_the_same_pods_needs_no_edit_of_the_trust() {
    let world = after(&json!({"podIdentityAssociations": [{"clusterName": "a"}]}));
    let object = settled(&json!({"podIdentityAssociations": [{"clusterName": "a"}]}), &world);
    let moved = edited(&object, &json!({"podIdentityAssociations": [{"clusterName": "b"}]}));
    assert_eq!(
        outline(&plan(&moved, &world)),
        [
            "eks:DeletePodIdentityAssociation Pod Identity association a/shop/orders <- Spec",
            "eks:CreatePodIdentityAssociation Pod Identity association b/shop/orders <- Spec",
        ]
    );
}

#[test]
fn what_leaves_the_spec_goes_before_the_trust_shuts_it_out() {
    let world = after(&two());
    let object = edited(&settled(&two(), &world), &json!({"podIdentityAssociations": [{"clusterName": "a"}]}));
    assert_eq!(
        outline(&plan(&object, &world)),
        [
            "eks:DeletePodIdentityAssociation Pod Identity association b/shop/worker <- Spec",
            "iam:UpdateAssumeRolePolicy trust policy of IAM role shop-orders <- Spec after association:b/shop/worker",
        ]
    );
}

#[test]
fn only_what_differs_of_an_association_is_sent_and_an_absent_member_is_taken_away() {
    let policy =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]});
    let target = "arn:aws:iam::444455556666:role/theirs";
    let free = json!({"podIdentity": {"requireSessionTags": false}});
    let full = json!({"trust": free, "podIdentityAssociations": [
        {"clusterName": "a", "disableSessionTags": true, "policy": policy, "targetRoleArn": target},
    ]});
    let world = after(&full);
    let made = &world.associations["a/shop/orders"];
    assert_eq!((made.policy.as_ref(), made.target_role_arn.as_deref()), (Some(&policy), Some(target)));
    assert_eq!(statements(&world)[1].get("Condition"), None);

    let less = json!({"trust": free, "podIdentityAssociations": [{"clusterName": "a", "disableSessionTags": true}]});
    let plan = plan(&edited(&settled(&full, &world), &less), &world);
    let Change::UpdatePodIdentityAssociation { body, .. } = &plan.steps[0].change else { panic!("{plan:?}") };
    assert_eq!(Value::from(body.clone()), json!({"targetRoleArn": "", "policy": ""}));
    let paths: Vec<_> = plan.steps[0].differences.iter().map(|d| d.path.as_str()).collect();
    let at = "podIdentityAssociations[a/shop/orders]";
    assert_eq!(paths, [format!("{at}.targetRoleArn"), format!("{at}.policy")]);
}

#[test]
fn an_association_that_somebody_pointed_elsewhere_or_deleted_is_drift() {
    let world = after(&two());
    let mut tampered = world.clone();
    tampered.associations.get_mut("a/shop/orders").unwrap().role_arn = "arn:aws:iam::111122223333:role/evil".into();
    tampered.associations.remove("b/shop/worker");
    let plan = plan(&settled(&two(), &world), &tampered);
    assert_eq!(
        outline(&plan),
        [
            "eks:UpdatePodIdentityAssociation Pod Identity association a/shop/orders <- Drift",
            "eks:CreatePodIdentityAssociation Pod Identity association b/shop/worker <- Drift",
        ]
    );
    let paths: Vec<_> = plan.drift.iter().map(|d| d.path.as_str()).collect();
    assert_eq!(paths, ["podIdentityAssociations[a/shop/orders].roleArn", "podIdentityAssociations[b/shop/worker]"]);
}

#[test]
fn an_association_of_somebody_else_is_refused_and_named_and_adopted_only_if_asked() {
    let foreign = |tags: Tags| {
        let facts = AssociationFacts {
            arn: "arn:x".into(),
            id: "a-1".into(),
            role_arn: "arn:theirs".into(),
            tags,
            ..Default::default()
        };
        let mut world = clusters();
        world.associations.insert("a/shop/orders".into(), facts);
        world
    };
    let refused = plan(&role(&two()), &foreign(Tags::new()));
    assert_eq!(outline(&refused), ["blocked NameTaken"]);
    let said = &refused.blocked[0].message;
    assert!(said.starts_with("Pod Identity association a/shop/orders (with role arn:theirs) exists"), "{said}");

    let owned = foreign(Tags::from([("landbridge.dev/owner".into(), "IAMTaskRole/shop/other".into())]));
    let mut always = two();
    always["adoptionPolicy"] = json!("Always");
    assert_eq!(outline(&plan(&role(&always), &owned)), ["blocked OwnershipConflict"]);

    let taken = plan(&role(&always), &foreign(Tags::new()));
    let about: Vec<_> = outline(&taken).into_iter().filter(|l| l.contains("arn:x") || l.contains("a/shop")).collect();
    assert_eq!(
        about,
        [
            "eks:TagResource tags of arn:x <- Adoption",
            "eks:UpdatePodIdentityAssociation Pod Identity association a/shop/orders <- Spec after adopt:a/shop/orders,role",
        ]
    );
    let mut unchanged = two();
    unchanged["adoptionPolicy"] = json!("IfUnchanged");
    assert_eq!(outline(&plan(&role(&unchanged), &foreign(Tags::new()))), ["blocked AdoptionDiffers"]);
}

#[test]
fn a_cluster_that_cannot_be_used_is_waited_for_while_the_rest_goes_on() {
    let mut world = clusters();
    world.eks_clusters.get_mut("a").unwrap().status = "CREATING".into();
    world.eks_clusters.remove("b");
    let plan = plan(&role(&two()), &world);
    assert_eq!(plan.steps.len(), 1, "{:?}", outline(&plan));
    let said: Vec<_> = plan.waits.iter().map(|w| (w.reason.as_str(), w.message.as_str())).collect();
    assert_eq!(said[0].0, reason::REFERENCE_NOT_READY);
    assert!(said[0].1.starts_with("EKS cluster a is CREATING"), "{said:?}");
    assert_eq!(said[1].0, reason::REFERENCE_NOT_FOUND);
    assert!(said[1].1.contains("no EKS cluster b in account 111122223333 and Region eu-central-1"), "{said:?}");
}

#[test]
fn a_ready_role_says_what_pods_need_and_whether_the_agent_is_missing() {
    let world = after(&two());
    let object = settled(&two(), &world);
    let resolved = testing::resolved(&object, &alone());
    let said = |world: &IamTaskRoleObserved| match object.health(&resolved, world, now()) {
        Health::Healthy(message) => message,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        said(&world),
        "IAM role shop-orders is as the spec says; pods of a/shop/orders, b/shop/worker take it, those that ran before once they \
         are restarted"
    );
    let mut without = world.clone();
    without.eks_clusters.get_mut("b").unwrap().agent = None;
    assert!(said(&without).contains("EKS cluster b has no add-on eks-pod-identity-agent"));
    assert!(said(&without).contains("--cluster-name b --addon-name eks-pod-identity-agent"));
    assert!(said(&without).contains("Fargate need spec.trust.irsa"));
    without.eks_clusters.get_mut("b").unwrap().auto_mode = true;
    assert_eq!(said(&without), said(&world));
    without = world.clone();
    without.eks_clusters.get_mut("a").unwrap().agent = Some("CREATE_FAILED".into());
    assert!(said(&without).contains("add-on eks-pod-identity-agent of EKS cluster a is CREATE_FAILED"));
}

#[test]
fn a_new_association_is_an_event_that_says_to_restart_pods() {
    let world = after(&two());
    let resolved = testing::resolved(&role(&two()), &alone());
    let news = role(&two()).news(&resolved, &world);
    assert_eq!(news.len(), 2);
    assert!(news[0].message.contains("a/shop/orders") && news[0].message.contains("restart those"), "{news:?}");
    assert_eq!(settled(&two(), &world).news(&resolved, &world), []);
}

#[test]
fn what_is_about_to_be_made_is_remembered_first_and_found_after_it_left_the_spec() {
    let object = role(&two());
    let resolved = testing::resolved(&object, &alone());
    let plan = plan(&object, &clusters());
    let intent = object.intent(&resolved, &clusters(), &plan).unwrap();
    assert!(!object.finds_again(&intent));
    let clusters_in_it: Vec<_> = intent.pod_identity_associations.iter().map(|a| a.cluster_name.as_str()).collect();
    assert_eq!(clusters_in_it, ["a", "b"]);
    let orphaned = IamTaskRole { status: Some(intent), ..role(&json!({})) };
    assert_eq!(known_pods(&orphaned).len(), 2);
    let settled = settled(&two(), &after(&two()));
    assert_eq!(settled.intent(&resolved, &after(&two()), &Plan::of("x")), None);
}

#[test]
fn pods_that_nobody_would_let_in_are_refused() {
    let policy =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]});
    let one = |association: Value, trust: Value| json!({"podIdentityAssociations": [association], "trust": trust});
    for (spec, part) in [
        (one(json!({"clusterName": "a", "policy": policy}), json!({})), "policy needs disableSessionTags: true"),
        (one(json!({"clusterName": "a", "disableSessionTags": true}), json!({})), "requireSessionTags: false"),
        (
            one(json!({"clusterName": "a"}), json!({"podIdentity": {"serviceAccounts": ["x"]}})),
            "a/shop/orders is not let in by spec.trust.podIdentity: add orders to serviceAccounts",
        ),
        (
            one(json!({"clusterName": "a"}), json!({"podIdentity": {"clusterArns": ["arn:aws:eks:x:1:cluster/b"]}})),
            "add arn:aws:eks:eu-central-1:111122223333:cluster/a to clusterArns",
        ),
        (
            one(
                json!({"clusterName": "a"}),
                json!({"podIdentity": {"requireSessionTags": false, "namespaces": ["x"]}}),
            ),
            "nothing can be narrowed",
        ),
        (
            one(json!({"clusterName": "a", "targetRoleArn": "arn:aws:s3:::x/y/z/w/q"}), json!({})),
            "not the ARN of a role",
        ),
        (
            json!({"podIdentityAssociations": [{"clusterName": "a"}, {"clusterName": "a", "namespace": "shop"}]}),
            "names a/shop/orders a second time",
        ),
        (json!({"trust": {"irsa": [{}]}}), "either clusterName or oidcProviderArn"),
        (
            json!({"trust": {"irsa": [{"oidcProviderArn": format!("arn:aws:iam::999999999999:oidc-provider/{ISSUER}")}]}}),
            "has to be in the role's own account",
        ),
    ] {
        assert!(refusals(&spec).contains(part), "{spec}: {}", refusals(&spec));
    }
}

#[test]
fn in_china_pod_identity_is_refused_and_irsa_named() {
    let mut objects = alone();
    let mut account = testing::account("default");
    account.spec.region = "cn-north-1".into();
    objects.insert(account);
    let plan = plan_in(&objects, &role(&two()), &clusters());
    assert_eq!(outline(&plan), ["blocked InvalidSpec"]);
    assert!(plan.blocked[0].message.contains("use spec.trust.irsa"), "{}", plan.blocked[0].message);
}

#[test]
fn pods_of_a_namespace_that_the_account_does_not_allow_get_nothing() {
    let mut objects = alone();
    let mut account = testing::account("default");
    account.spec.allowed_namespaces = Some(serde_json::from_value(json!({"names": ["shop", "blog"]})).unwrap());
    objects.insert(account);
    let in_namespace =
        |name: &str| role(&json!({"podIdentityAssociations": [{"clusterName": "a", "namespace": name}]}));
    assert!(in_namespace("blog").resolve(&objects).is_ok());
    let Err(Unmet::Blocked(blocked)) = in_namespace("kube-system").resolve(&objects) else { panic!("resolved") };
    assert_eq!(blocked.reason, reason::NAMESPACE_NOT_ALLOWED);
    assert!(blocked.message.contains("names namespace kube-system, which AWSAccount default"), "{}", blocked.message);
    let irsa = role(&json!({"trust": {"irsa": [{"clusterName": "a", "namespace": "kube-system"}]}}));
    assert!(irsa.resolve(&objects).is_err());
    assert!(deleted(in_namespace("kube-system")).resolve(&objects).is_ok());
}

#[test]
fn deletion_takes_associations_before_policies_and_the_role_last_and_leaves_those_of_others() {
    let mut spec = two();
    spec["managedPolicyArns"] = json!([READ]);
    let mut world = after(&spec);
    let object = deleted(settled(&spec, &world));
    let other = world.associations.get_mut("b/shop/worker").unwrap();
    other.tags.insert("landbridge.dev/owner".into(), "IAMTaskRole/shop/other".into());
    let attachment = "iam:DetachRolePolicy managed policy AmazonS3ReadOnlyAccess of IAM role shop-orders";
    assert_eq!(
        outline(&plan(&object, &world)),
        [
            "eks:DeletePodIdentityAssociation Pod Identity association a/shop/orders <- Deletion".to_owned(),
            format!("{attachment} <- Deletion after association:a/shop/orders"),
            format!(
                "iam:DeleteRole IAM role shop-orders <- Deletion after association:a/shop/orders,attachment:{READ}"
            ),
        ]
    );
    world.role = None;
    assert_eq!(plan(&object, &world).steps.len(), 1, "associations go also where the role is gone");
    world.associations.remove("a/shop/orders");
    assert_eq!(outline(&plan(&object, &world)), ["gone"]);
    let mut retained = object.clone();
    retained.spec.knobs = serde_json::from_value(json!({"deletionPolicy": "Retain"})).unwrap();
    assert_eq!(outline(&plan(&retained, &after(&spec))), ["gone"]);
}
