//! Weights that go through Kubernetes objects: a route for callers inside the cluster, and a manager that carries an
//! annotation into the load balancer, or does not.

use landbridge_api::condition::reason;
use landbridge_api::v1alpha1::{MigrationPhase as Phase, SideHealth, TrafficMigration};
use serde_json::{Value, json};

use super::model::{NEW, OLD, TO_EKS, World};
use crate::change::Change;
use crate::kubernetes::{ForeignObject, HTTP_ROUTE, INGRESS, TARGET_GROUP_BINDING};
use crate::objects::Snapshot;
use crate::plan::Plan;
use crate::traffic_migration::{ServiceSide, object};

/// The same in an HTTPRoute.
const INSIDE: &str = "
metadata: {name: orders, namespace: shop}
spec:
  from: {ecsServiceRef: {name: orders}}
  to: {kubernetesService: {name: orders}}
  backend: {httpRoute: {name: orders, propagation: 10s}}
  steps: [{weight: 1, bake: 1m}, {weight: 50, bake: 1m}, {weight: 100, bake: 1m}]
  finalise: {soak: 10m}
";

fn service(name: &str) -> ServiceSide {
    let health = SideHealth { registered: 2, healthy: 2, zones: [("a".to_owned(), 1), ("b".to_owned(), 1)].into() };
    ServiceSide { name: name.into(), port_name: "http".into(), port: 80, health }
}

/// What an object in the cluster is, and who reads it.
struct Cluster {
    world: World,
    object: Value,
    version: u64,
    /// Whether the manager works.
    works: bool,
}

impl Cluster {
    fn inside(rules: &Value) -> Self {
        let mut world = World::new(INSIDE, 0);
        (world.observed.from.group, world.resolved.from.bound, world.resolved.to.bound) = (None, true, true);
        world.resolved.from.service = Some(service("orders-ecs"));
        world.resolved.to.service = Some(service("orders"));
        let object =
            json!({"metadata": {"name": "orders", "namespace": "shop"}, "spec": {"rules": rules, "hostnames": ["x"]}});
        let mut cluster = Self { world, object, version: 1, works: true };
        cluster.look();
        cluster
    }

    /// The old side behind a rule that the AWS Load Balancer Controller made of an Ingress.
    fn managed(text: &str) -> Self {
        let mut world = World::new(TO_EKS, 1);
        world.tags_of_rules(
            &[("elbv2.k8s.aws/cluster", "blue"), ("ingress.k8s.aws/stack", "shop/orders")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .into(),
        );
        world.resolved.from.target_group = Some(OLD.into());
        world.resolved.to.service = Some(service("orders"));
        let annotations = json!({"alb.ingress.kubernetes.io/actions.orders": text, "theirs": "{ }"});
        let object =
            json!({"metadata": {"name": "orders", "namespace": "shop", "annotations": annotations}, "spec": {"x": 1}});
        let mut cluster = Self { world, object, version: 1, works: true };
        cluster.look();
        cluster
    }

    fn annotation(&self) -> String {
        self.object["metadata"]["annotations"]["alb.ingress.kubernetes.io/actions.orders"].as_str().unwrap().to_owned()
    }

    /// What a watch would tell the next pass.
    fn look(&mut self) {
        self.object["metadata"]["resourceVersion"] = self.version.to_string().into();
        let world = &mut self.world;
        let inside = world.object.spec.backend.http_route.is_some();
        world.resolved.manager = world.status().manager;
        let managed = world.resolved.manager.is_some();
        (world.resolved.objects, world.resolved.unreadable) = (Vec::new(), Vec::new());
        if inside {
            let whole = ForeignObject::read(&HTTP_ROUTE, &self.object);
            world.resolved.objects.extend(object::route(&whole, None, &world.resolved.from));
            world.observed.points.clone_from(&world.resolved.objects);
            world.observed.from.endpoints = world.resolved.from.service.as_ref().map(|s| s.health.clone());
            world.observed.to.endpoints = world.resolved.to.service.as_ref().map(|s| s.health.clone());
        } else if managed {
            (world.resolved.from.bound, world.resolved.to.bound) = (true, true);
            let whole = ForeignObject::read(&INGRESS, &self.object);
            match object::ingress(&whole, None, &world.resolved.from) {
                Ok(point) => world.resolved.objects.extend(point),
                Err(why) => world.resolved.unreadable.push(why),
            }
        }
    }

    /// The manager reads the annotation and writes the rule and the target group.
    fn manage(&mut self) {
        if !self.works || self.world.object.spec.backend.http_route.is_some() {
            return;
        }
        let Ok(value) = serde_json::from_str::<Value>(&self.annotation()) else { return };
        let Some(groups) = value["forwardConfig"]["targetGroups"].as_array() else { return };
        let mut weights = Vec::new();
        for group in groups {
            let is_service = group["serviceName"] == "orders";
            let target = if is_service { NEW } else { group["targetGroupARN"].as_str().unwrap() };
            if is_service && self.world.observed.to.group.is_none() {
                let mut made = self.world.observed.from.group.clone().unwrap();
                (made.arn, made.name) = (NEW.into(), "k8s-shop-orders".into());
                self.world.observed.to.group = Some(made);
                self.world.resolved.to.target_group = Some(NEW.into());
            }
            let weight = i32::try_from(group["weight"].as_i64().unwrap()).unwrap();
            weights.push(landbridge_api::v1alpha1::TargetWeight { target: target.into(), weight });
        }
        self.world.observed.points[0].weights = weights;
    }

    /// A pass, in which the API server compares versions as it does.
    fn pass(&mut self) {
        self.look();
        let plan = self.world.plan();
        self.write(&plan);
        self.world.conclude(&plan);
        self.manage();
        self.world.wait(10);
    }

    fn write(&mut self, plan: &Plan) {
        for step in &plan.steps {
            let Change::PatchObject { version, patch, .. } = &step.change else {
                panic!("only the object is written: {}", step.change.operation())
            };
            assert_eq!(*version, self.version.to_string(), "written over something that was not read");
            merge(&mut self.object, &Value::Object(patch.clone()));
            self.version += 1;
        }
    }

    fn run_until(&mut self, phase: Phase) {
        for _ in 0..1000 {
            if self.world.phase() == phase {
                return;
            }
            self.pass();
        }
        panic!("{phase:?} was not reached: {:?} {:?}", self.world.status(), self.world.plan());
    }

    fn said(&mut self) -> (String, String) {
        self.look();
        let plan = self.world.plan();
        let wait = plan.waits.first().cloned().map(|w| (w.reason, w.message));
        let blocked = plan.blocked.iter().map(|b| b.message.clone()).collect::<Vec<_>>().join("\n");
        wait.unwrap_or((reason::PREFLIGHT.to_owned(), blocked))
    }
}

/// JSON merge patch (RFC 7396), as far as plans use it.
fn merge(object: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *object = patch.clone();
        return;
    };
    for (key, value) in patch {
        merge(&mut object[key], value);
    }
}

fn rules() -> Value {
    json!([
        {"name": "other", "backendRefs": [{"name": "web", "port": 80, "weight": 3}]},
        {
            "name": "orders", "matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "timeouts": {"request": "3s"},
            "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "a", "value": "b"}]}}],
            "backendRefs": [
                {"group": "", "kind": "Service", "name": "orders-ecs", "port": 80, "filters": []},
                {"name": "orders", "port": 80, "weight": 0},
            ],
        },
    ])
}

#[test]
fn a_route_moves_by_its_weights_alone_and_everything_else_in_it_stays() {
    let mut cluster = Cluster::inside(&rules());
    cluster.run_until(Phase::Completed);
    assert_eq!(cluster.world.status().share.as_deref(), Some("0/100"));
    let mut wanted = rules();
    wanted[1]["backendRefs"][0]["weight"] = 0.into();
    wanted[1]["backendRefs"][1]["weight"] = 100.into();
    assert_eq!(cluster.object["spec"], json!({"rules": wanted, "hostnames": ["x"]}));
    // 100/0, three steps.
    assert_eq!(cluster.version, 1 + 4);
}

#[test]
fn an_abort_restores_a_route_as_it_was_and_a_foreign_edit_is_a_conflict_that_names_its_author() {
    let mut cluster = Cluster::inside(&rules());
    cluster.run_until(Phase::Baking);
    cluster.object["spec"]["rules"][1]["backendRefs"][1]["weight"] = 77.into();
    cluster.object["metadata"]["managedFields"] =
        json!([{"manager": "argocd-controller", "time": "2026-01-01T00:00:00Z"}]);
    cluster.version += 1;
    cluster.run_until(Phase::Conflicted);
    let before = cluster.version;
    let message = cluster.world.status().conflict.unwrap().message;
    assert!(message.contains("HTTPRoute shop/orders has weights orders-ecs=99 orders=77"), "{message}");
    assert!(message.contains("argocd-controller"), "{message}");
    cluster.pass();
    assert_eq!(cluster.version, before);
    cluster.world.command("abort");
    cluster.run_until(Phase::RolledBack);
    assert_eq!(cluster.object["spec"]["rules"], rules());
}

#[test]
fn a_route_that_cannot_be_moved_is_refused_with_what_to_do() {
    let with = |f: &dyn Fn(&mut Value)| {
        let mut rules = rules();
        f(&mut rules);
        let mut cluster = Cluster::inside(&rules);
        cluster.pass();
        assert_eq!((cluster.world.phase(), cluster.version), (Phase::Preflight, 1));
        cluster.said().1
    };
    for (f, words) in [
        (
            (&|r: &mut Value| drop(r[1]["backendRefs"].as_array_mut().unwrap().pop())) as &dyn Fn(&mut Value),
            "add it to the rule's backendRefs, {name: orders, port: 80, weight: 0}",
        ),
        (&|r: &mut Value| drop(r.as_array_mut().unwrap().pop()), "whose backendRefs name Service orders-ecs"),
        (
            &|r: &mut Value| r[1]["backendRefs"].as_array_mut().unwrap().push(json!({"name": "web", "port": 80})),
            "a third one, web",
        ),
        (&|r: &mut Value| r[1]["backendRefs"][1]["weight"] = 5.into(), "already gives traffic"),
        (&|r: &mut Value| r[1]["backendRefs"][0]["weight"] = 0.into(), "its weight is 0"),
        (&|r: &mut Value| r[1]["backendRefs"][1]["namespace"] = "blog".into(), "a third one, blog/orders"),
    ] {
        let said = with(f);
        assert!(said.contains(words), "{words:?} is not in {said:?}");
    }
    let mut cluster = Cluster::inside(&rules());
    cluster.world.resolved.to.service.as_mut().unwrap().health.healthy = 0;
    assert!(cluster.said().1.contains("has no ready endpoint"));
}

const SHORT: &str = r#" {"type":"forward", "targetGroupARN":"arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/old/aa"}"#;

#[test]
fn a_manager_is_found_by_the_tags_told_by_the_annotation_and_nothing_is_written_into_aws() {
    let mut cluster = Cluster::managed(SHORT);
    cluster.run_until(Phase::Completed);
    let manager = cluster.world.status().manager.unwrap();
    assert_eq!((manager.kind.as_str(), manager.stack.as_deref()), ("LBCIngress", Some("shop/orders")));
    let wanted = format!(
        " {{\"type\":\"forward\", \"forwardConfig\":{{\"targetGroups\":[{{\"targetGroupARN\":\"{OLD}\",\"weight\":0}},\
         {{\"serviceName\":\"orders\",\"servicePort\":\"http\",\"weight\":100}}]}}}}"
    );
    assert_eq!(cluster.annotation(), wanted);
    assert_eq!(
        (&cluster.object["spec"], &cluster.object["metadata"]["annotations"]["theirs"]),
        (&json!({"x": 1}), &json!("{ }"))
    );
    assert_eq!(cluster.world.status().share.as_deref(), Some("0/100"));
}

#[test]
fn a_silent_manager_is_told_of_and_not_written_past_and_its_return_ends_it() {
    let mut cluster = Cluster::managed(SHORT);
    cluster.works = false;
    for _ in 0..30 {
        cluster.pass();
    }
    assert_eq!(cluster.world.phase(), Phase::Preparing);
    let (reason, message) = cluster.said();
    assert_eq!(reason, reason::MANAGER_SILENT);
    assert!(message.contains("AWS Load Balancer Controller has not carried out"), "{message}");
    cluster.works = true;
    cluster.run_until(Phase::Baking);

    // The way back goes the same way, and says so too.
    cluster.works = false;
    cluster.world.command("abort");
    for _ in 0..30 {
        cluster.pass();
    }
    assert_eq!(cluster.world.phase(), Phase::RollingBack);
    let (reason, message) = cluster.said();
    assert_eq!(reason, reason::MANAGER_SILENT);
    assert!(message.contains("rule rule/0 has old=99 new=1"), "{message}");
    cluster.works = true;
    cluster.run_until(Phase::RolledBack);
    let weights = &cluster.world.observed.points[0].weights;
    assert_eq!(weights.iter().map(|w| w.weight).collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn pods_that_fall_ill_behind_a_manager_give_the_traffic_back_by_one_write_of_the_annotation() {
    let mut cluster = Cluster::managed(SHORT);
    cluster.run_until(Phase::Baking);
    let before = cluster.version;
    cluster.world.sick[1] = true;
    cluster.world.wait(1);
    cluster.run_until(Phase::RolledBack);
    assert_eq!(cluster.version, before + 1);
}

#[test]
fn an_annotation_that_cannot_be_read_is_refused_with_what_and_where_and_a_foreign_one_is_a_conflict() {
    let mut cluster = Cluster::managed("{\"type\": \"forward\", ");
    cluster.pass();
    cluster.pass();
    let (_, said) = cluster.said();
    assert!(
        said.contains("annotation alb.ingress.kubernetes.io/actions.orders of Ingress shop/orders: it is not JSON"),
        "{said}"
    );

    let mut cluster = Cluster::managed("{\"type\":\"redirect\"}");
    cluster.pass();
    cluster.pass();
    assert!(cluster.said().1.contains("no Ingress has an annotation"), "{:?}", cluster.said());

    let mut cluster = Cluster::managed(SHORT);
    cluster.run_until(Phase::Baking);
    cluster.object["metadata"]["annotations"]["alb.ingress.kubernetes.io/actions.orders"] = SHORT.into();
    cluster.version += 1;
    cluster.run_until(Phase::Conflicted);
    let message = cluster.world.status().conflict.unwrap().message;
    assert!(message.contains("Ingress shop/orders has weights old=1"), "{message}");
}

#[test]
fn a_direct_hand_on_a_rule_of_somebody_else_is_refused() {
    let mut cluster = Cluster::managed(SHORT);
    let backend = cluster.world.object.spec.backend.application_load_balancer.as_mut().unwrap();
    backend.manager = Some(landbridge_api::v1alpha1::LoadBalancerManager::Direct);
    cluster.pass();
    assert!(cluster.said().1.contains("the AWS Load Balancer Controller of cluster blue"));
    assert_eq!(cluster.version, 1);
}

/// The shop with what the AWS Load Balancer Controller and the Gateway API have in it.
fn cluster_of_a_gateway() -> Snapshot {
    let mut objects = crate::testing::shop();
    let binding = |name: &str, gateway: &str, arn: &str, port: Value| {
        json!({
            "metadata": {"name": name, "namespace": "shop", "labels": {
                "gateway.k8s.aws.alb/stack-namespace": "shop", "gateway.k8s.aws.alb/stack-name": gateway,
            }},
            "spec": {"targetGroupARN": arn, "serviceRef": {"name": "orders", "port": port}},
        })
    };
    objects.insert_foreign(&TARGET_GROUP_BINDING, &binding("a", "other", "arn:other", 80.into()));
    objects.insert_foreign(&TARGET_GROUP_BINDING, &binding("b", "front", "arn:another-port", 81.into()));
    objects.insert_foreign(&TARGET_GROUP_BINDING, &binding("c", "front", NEW, "http".into()));
    let route = |name: &str, gateway: &str| {
        json!({
            "metadata": {"name": name, "namespace": "shop", "resourceVersion": "1"},
            "spec": {
                "parentRefs": [{"name": gateway}],
                "rules": [{"name": "all", "backendRefs": [{"kind": "TargetGroupName", "name": "old", "weight": 1}]}],
            },
        })
    };
    objects.insert_foreign(&HTTP_ROUTE, &route("mine", "front"));
    objects.insert_foreign(&HTTP_ROUTE, &route("elsewhere", "other"));
    objects
}

fn told_by_a_gateway(reference: &str) -> TrafficMigration {
    let spec = format!(
        "{{metadata: {{name: m, namespace: shop}}, spec: {{from: {{ecsServiceRef: {{name: web}}, targetGroupArn: '{OLD}'}}, to: \
         {{kubernetesService: {{name: orders}}}}, backend: {{applicationLoadBalancer: {{{reference}}}}}}}, status: {{manager: \
         {{name: AWS Load Balancer Controller, kind: LBCGateway, stack: shop/front}}}}}}"
    );
    crate::testing::object(&spec)
}

#[test]
fn the_route_of_a_gateway_is_found_by_the_stack_and_the_target_group_by_its_binding() {
    let objects = cluster_of_a_gateway();
    let found = crate::testing::resolved(&told_by_a_gateway(""), &objects);
    assert_eq!(found.objects.iter().map(|p| p.id.as_str()).collect::<Vec<_>>(), ["HTTPRoute shop/mine"]);
    assert_eq!((found.to.target_group.as_deref(), found.to.managed()), (Some(NEW), None));
    assert_eq!(found.to.service.as_ref().map(|s| (s.health.registered, s.health.healthy)), Some((3, 2)));
    let point = &found.objects[0];
    let parts = object::reweighted(
        &point.object.as_ref().unwrap().whole,
        &point.object.as_ref().unwrap().parts,
        [(&found.from, 90), (&found.to, 10)],
    );
    let refs = json!([
        {"kind": "TargetGroupName", "name": "old", "weight": 90},
        {"group": "", "kind": "Service", "name": "orders", "port": 80, "weight": 10},
    ]);
    assert_eq!(parts[0]["backendRefs"], refs);
    // One that is named needs no stack, and a rule of it may be meant.
    let named = |reference: &str| crate::testing::resolved(&told_by_a_gateway(reference), &objects).objects;
    assert_eq!(named("managerRef: {name: elsewhere, entry: all}")[0].id, "HTTPRoute shop/elsewhere");
    assert!(named("managerRef: {name: elsewhere, entry: none}").is_empty());
}

#[test]
fn an_ingress_group_is_found_by_its_name() {
    let mut objects = cluster_of_a_gateway();
    let mut migration = told_by_a_gateway("");
    let manager = migration.status.as_mut().unwrap().manager.as_mut().unwrap();
    (manager.kind, manager.stack) = ("LBCIngress".into(), Some("front".into()));
    for (name, group) in [("orders", "front"), ("blog", "back")] {
        let annotations = json!({
            "alb.ingress.kubernetes.io/group.name": group,
            "alb.ingress.kubernetes.io/actions.web": format!("{{\"type\":\"forward\",\"targetGroupARN\":\"{OLD}\"}}"),
            "alb.ingress.kubernetes.io/actions.gone": "{\"type\":\"redirect\"}",
        });
        let ingress = json!({"metadata": {"name": name, "namespace": "shop", "annotations": annotations}});
        objects.insert_foreign(&INGRESS, &ingress);
    }
    let found = crate::testing::resolved(&migration, &objects);
    assert_eq!(found.objects.iter().map(|p| p.id.as_str()).collect::<Vec<_>>(), ["Ingress shop/orders"]);
    assert_eq!(found.objects[0].object.as_ref().unwrap().parts.len(), 1);
}

#[test]
fn on_the_way_a_kind_that_cannot_be_read_any_more_holds_and_nothing_is_written_past_it() {
    let mut cluster = Cluster::managed(SHORT);
    cluster.run_until(Phase::Baking);
    let (shifts, version) = (cluster.world.shifts.len(), cluster.version);
    cluster.world.command("abort");
    for _ in 0..5 {
        cluster.look();
        (cluster.world.resolved.objects, cluster.world.resolved.unreadable) =
            (Vec::new(), vec!["may not be read".into()]);
        let plan = cluster.world.plan();
        assert!(plan.steps.is_empty(), "{:?}", plan.steps);
        cluster.world.conclude(&plan);
        assert_eq!(
            (plan.waits[0].reason.as_str(), plan.waits[0].message.as_str()),
            (reason::HOLDING, "may not be read")
        );
        cluster.world.wait(10);
    }
    assert_eq!((cluster.world.shifts.len(), cluster.version), (shifts, version));
    cluster.run_until(Phase::RolledBack);
}

#[test]
fn killed_at_every_write_of_an_object_it_ends_as_if_nothing_had_happened() {
    for managed in [false, true] {
        for nth in 0..6 {
            for written in [false, true] {
                let mut cluster = if managed { Cluster::managed(SHORT) } else { Cluster::inside(&rules()) };
                let mut writes = 0;
                for _ in 0..1000 {
                    if cluster.world.phase() == Phase::Completed {
                        break;
                    }
                    cluster.look();
                    let plan = cluster.world.plan();
                    if !plan.steps.is_empty() && writes == nth {
                        // What is about to be written is stored; then the operator dies before the write, or after it.
                        cluster.world.begin(&plan);
                        if written {
                            cluster.write(&plan);
                        }
                        cluster.manage();
                        cluster.world.wait(10);
                        writes += 1;
                        continue;
                    }
                    writes += usize::from(!plan.steps.is_empty());
                    cluster.pass();
                }
                let status = cluster.world.status();
                assert_eq!(cluster.world.phase(), Phase::Completed, "{managed} {nth} {written}: {status:?}");
                assert_eq!(status.share.as_deref(), Some("0/100"));
            }
        }
    }
}
