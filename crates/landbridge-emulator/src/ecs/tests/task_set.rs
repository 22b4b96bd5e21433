//! Task sets, and who may do what under which deployment controller. Expectations are those of TaskSet, "Deploy Amazon
//! ECS services using a third-party controller" and "Troubleshooting Amazon ECS deployment strategy updates".

use serde_json::{Value, json};

use super::support::{Aws, MINUTE, merge};

/// A shop with a service that somebody else deploys, without any task set.
fn external() -> Aws {
    let aws = Aws::with_shop();
    aws.ok("CreateService", bare(json!({ "desiredCount": 3 })));
    aws
}

fn bare(changes: Value) -> Value {
    let service = json!({ "cluster": "shop", "serviceName": "web", "deploymentController": { "type": "EXTERNAL" }, "desiredCount": 2 });
    merge(service, changes)
}

fn of(changes: Value) -> Value {
    merge(json!({ "cluster": "shop", "service": "web" }), changes)
}

fn new_set(aws: &Aws, changes: Value) -> Value {
    let network = json!({ "awsvpcConfiguration": { "subnets": ["subnet-a"] } });
    let set = json!({ "taskDefinition": "web", "launchType": "FARGATE", "networkConfiguration": network });
    aws.ok("CreateTaskSet", of(merge(set, changes)))["taskSet"].clone()
}

fn set(aws: &Aws, id: &Value) -> Value {
    aws.ok("DescribeTaskSets", of(json!({ "taskSets": [id] })))["taskSets"][0].clone()
}

fn percent(value: f64) -> Value {
    json!({ "value": value, "unit": "PERCENT" })
}

#[test]
fn a_task_set_runs_its_share_of_the_desired_count_rounded_up_and_becomes_steady() {
    let aws = external();
    aws.pass(MINUTE);
    let web = aws.web();
    assert_eq!((&web["runningCount"], &web["taskSets"], &web["deployments"]), (&json!(0), &json!([]), &json!([])));
    assert!(web.get("taskDefinition").is_none() && web.get("launchType").is_none(), "{web}");
    let made =
        new_set(&aws, json!({ "scale": percent(50.0), "externalId": "blue", "tags": [{ "key": "a", "value": "b" }] }));
    assert_eq!((&made["status"], &made["stabilityStatus"]), (&json!("ACTIVE"), &json!("STABILIZING")));
    assert_eq!((&made["computedDesiredCount"], &made["externalId"]), (&json!(2), &json!("blue")));
    assert!(made["taskSetArn"].as_str().unwrap().contains(":task-set/shop/web/ecs-svc/"), "{made}");
    aws.pass(MINUTE);
    let steady = set(&aws, &made["id"]);
    assert_eq!((&steady["stabilityStatus"], &steady["runningCount"]), (&json!("STEADY_STATE"), &json!(2)));
    assert!(steady.get("tags").is_none());
    assert!(aws.tasks("RUNNING").iter().all(|task| task["startedBy"] == made["id"]));
    aws.ok("UpdateTaskSet", of(json!({ "taskSet": made["taskSetArn"], "scale": percent(100.0) })));
    aws.pass(std::time::Duration::from_secs(2));
    assert_eq!(set(&aws, &made["id"])["stabilityStatus"], "STABILIZING");
    aws.pass(MINUTE);
    assert_eq!(set(&aws, &made["id"])["runningCount"], 3);
    aws.ok("UpdateService", of(json!({ "desiredCount": 1 })));
    aws.pass(MINUTE);
    assert_eq!(aws.web()["runningCount"], 1);
    let events = aws.events();
    let text = format!("(service web, taskSet {}) has reached a steady state.", made["id"].as_str().unwrap());
    assert!(events.contains(&text), "{events:?}");
}

#[test]
fn the_primary_task_set_is_what_the_service_shows_and_a_deleted_one_drains() {
    let aws = external();
    let blue = new_set(&aws, json!({}))["id"].clone();
    aws.ok("UpdateServicePrimaryTaskSet", of(json!({ "primaryTaskSet": blue })));
    assert!(aws.web()["taskDefinition"].as_str().unwrap().ends_with("web:1"));
    assert_eq!(aws.web()["launchType"], "FARGATE");
    aws.register("web", "nginx:2");
    let green = new_set(&aws, json!({}))["id"].clone();
    aws.pass(MINUTE);
    assert_eq!(aws.web()["runningCount"], 6);
    assert!(aws.web()["taskDefinition"].as_str().unwrap().ends_with("web:1"));
    let swapped = aws.ok("UpdateServicePrimaryTaskSet", of(json!({ "primaryTaskSet": green })));
    assert_eq!(swapped["taskSet"]["status"], "PRIMARY");
    assert_eq!(set(&aws, &blue)["status"], "ACTIVE");
    assert!(aws.web()["taskDefinition"].as_str().unwrap().ends_with("web:2"));
    assert_eq!(aws.refused("DeleteTaskSet", of(json!({ "taskSet": blue }))).0, "InvalidParameterException");
    assert_eq!(aws.refused("DeleteTaskSet", of(json!({ "taskSet": green }))).0, "InvalidParameterException");
    let deleted = aws.ok("DeleteTaskSet", of(json!({ "taskSet": blue, "force": true })));
    assert_eq!(deleted["taskSet"]["status"], "DRAINING");
    assert_eq!(
        aws.refused("UpdateServicePrimaryTaskSet", of(json!({ "primaryTaskSet": blue }))).0,
        "InvalidParameterException"
    );
    aws.pass(MINUTE);
    assert_eq!(aws.web()["runningCount"], 3);
    let asked = aws.ok("DescribeTaskSets", of(json!({ "taskSets": [blue, green] })));
    assert_eq!((asked["taskSets"].as_array().unwrap().len(), &asked["failures"][0]["reason"]), (1, &json!("MISSING")));
    assert_eq!(aws.ok("DescribeTaskSets", of(json!({})))["taskSets"].as_array().unwrap().len(), 1);
    aws.ok("DeleteService", of(json!({ "force": true })));
    aws.pass(MINUTE);
    assert_eq!(aws.web()["status"], "INACTIVE");
}

#[test]
fn a_stopped_task_of_a_task_set_is_replaced() {
    let aws = external();
    let made = new_set(&aws, json!({}));
    aws.pass(MINUTE);
    let task = aws.tasks("RUNNING")[0]["taskArn"].clone();
    aws.ok("StopTask", json!({ "cluster": "shop", "task": task }));
    aws.pass(std::time::Duration::from_secs(5));
    assert_eq!(set(&aws, &made["id"])["stabilityStatus"], "STABILIZING");
    aws.pass(MINUTE);
    assert_eq!(set(&aws, &made["id"])["runningCount"], 3);
    assert_eq!(set(&aws, &made["id"])["stabilityStatus"], "STEADY_STATE");
}

#[test]
fn the_same_token_makes_a_task_set_once_and_there_are_five_at_most() {
    let aws = external();
    let token = json!({ "clientToken": "once", "scale": percent(0.0) });
    let made = new_set(&aws, token.clone());
    assert_eq!(new_set(&aws, token)["id"], made["id"]);
    for _ in 0..4 {
        new_set(&aws, json!({ "scale": percent(0.0) }));
    }
    let (code, message) = aws.refused("CreateTaskSet", of(json!({ "taskDefinition": "web" })));
    assert_eq!(code, "InvalidParameterException");
    assert!(message.starts_with("5 deployments exist on the service."), "{message}");
    aws.ok("DeleteTaskSet", of(json!({ "taskSet": made["id"] })));
}

#[test]
fn task_sets_are_refused_where_they_are_not_the_caller_s_to_touch() {
    let aws = Aws::with_shop();
    aws.create(json!({}));
    let (code, message) = aws.refused("CreateTaskSet", of(json!({ "taskDefinition": "web" })));
    assert_eq!(code, "InvalidParameterException");
    assert!(message.contains("external deployment controllers"), "{message}");
    let other = json!({ "cluster": "shop", "service": "none", "taskDefinition": "web" });
    assert_eq!(aws.refused("CreateTaskSet", other).0, "ServiceNotFoundException");
    let aws = external();
    let unknown = of(json!({ "taskSet": "ecs-svc/1", "scale": percent(1.0) }));
    assert_eq!(aws.refused("UpdateTaskSet", unknown.clone()).0, "TaskSetNotFoundException");
    assert_eq!(aws.refused("DeleteTaskSet", unknown).0, "TaskSetNotFoundException");
    for changes in [
        json!({ "scale": percent(101.0), "taskDefinition": "web" }),
        json!({ "scale": { "value": 1.0, "unit": "TASKS" }, "taskDefinition": "web" }),
        json!({ "taskDefinition": "web" }),
        json!({}),
    ] {
        assert_eq!(aws.refused("CreateTaskSet", of(changes.clone())).0, "InvalidParameterException", "{changes}");
    }
    for (changes, words) in [
        (json!({ "taskDefinition": "web" }), "Unable to update task definition on services with an EXTERNAL"),
        (json!({ "forceNewDeployment": true }), "Cannot force a new deployment"),
    ] {
        let (code, message) = aws.refused("UpdateService", of(changes));
        assert_eq!(code, "InvalidParameterException");
        assert!(message.starts_with(words), "{message}");
    }
}

#[test]
fn what_only_ecs_can_do_is_refused_under_another_controller() {
    let aws = Aws::with_shop();
    let enabled = json!({ "enable": true, "rollback": true });
    for (changes, words) in [
        (json!({ "taskDefinition": "web" }), "taskDefinition must not be given"),
        (
            json!({ "deploymentConfiguration": { "deploymentCircuitBreaker": enabled } }),
            "Deployment circuit breaker feature",
        ),
        (
            json!({ "deploymentConfiguration": { "alarms": { "alarmNames": ["a"], "enable": true } } }),
            "Alarm based rollback",
        ),
        (json!({ "deploymentConfiguration": { "strategy": "BLUE_GREEN" } }), "The BLUE_GREEN deployment strategy"),
        (
            json!({ "schedulingStrategy": "DAEMON", "desiredCount": null }),
            "The EXTERNAL deployment controller type is not",
        ),
        (
            json!({ "serviceConnectConfiguration": { "enabled": true } }),
            "The EXTERNAL deployment controller type is not",
        ),
        (json!({ "deploymentController": { "type": "NOBODY" } }), "Invalid deployment controller type"),
    ] {
        let (code, message) = aws.refused("CreateService", bare(changes));
        assert_eq!(code, "InvalidParameterException");
        assert!(message.starts_with(words), "{message}");
    }
}

#[test]
fn a_service_goes_from_another_controller_to_ecs_with_one_primary_task_set() {
    let aws = external();
    let to_ecs = of(json!({ "deploymentController": { "type": "ECS" }, "taskDefinition": "web" }));
    let (_, message) = aws.refused("UpdateService", to_ecs.clone());
    assert!(message.contains("requires a primary taskset"), "{message}");
    let blue = new_set(&aws, json!({}))["id"].clone();
    aws.ok("UpdateServicePrimaryTaskSet", of(json!({ "primaryTaskSet": blue })));
    let green = new_set(&aws, json!({ "scale": percent(0.0) }))["id"].clone();
    let (_, message) = aws.refused("UpdateService", to_ecs.clone());
    assert!(message.contains("multiple tasksets"), "{message}");
    aws.ok("DeleteTaskSet", of(json!({ "taskSet": green })));
    aws.pass(MINUTE);
    let updated = aws.ok("UpdateService", to_ecs)["service"].clone();
    assert!(updated.get("taskSets").is_none() && updated["deployments"].as_array().unwrap().len() == 2, "{updated}");
    aws.pass(MINUTE * 3);
    assert_eq!(aws.service_deployment()["status"], "SUCCESSFUL");
    assert_eq!((&aws.web()["runningCount"], aws.web()["deployments"].as_array().unwrap().len()), (&json!(3), 1));
    let back =
        aws.ok("UpdateService", of(json!({ "deploymentController": { "type": "EXTERNAL" } })))["service"].clone();
    assert!(back.get("taskSets").is_none(), "{back}");
    let [kept] = back["deployments"].as_array().unwrap().as_slice() else { panic!("{back}") };
    assert_eq!((&kept["status"], &kept["desiredCount"]), (&json!("PRIMARY"), &json!(3)));
    aws.pass(MINUTE);
    assert_eq!(aws.web()["runningCount"], 3);
    // It is a task set all the same: with another that is primary beside it, it can be deleted.
    let sets = aws.ok("DescribeTaskSets", of(json!({})));
    assert_eq!((sets["taskSets"].as_array().unwrap().len(), &sets["taskSets"][0]["id"]), (1, &kept["id"]));
    let green = new_set(&aws, json!({}))["id"].clone();
    aws.ok("UpdateServicePrimaryTaskSet", of(json!({ "primaryTaskSet": green })));
    let both = aws.web();
    assert_eq!(
        (&both["deployments"][0]["status"], &both["taskSets"][0]["status"]),
        (&json!("ACTIVE"), &json!("PRIMARY"))
    );
    aws.ok("DeleteTaskSet", of(json!({ "taskSet": kept["id"], "force": true })));
    aws.pass(MINUTE);
    assert_eq!((&aws.web()["deployments"], &aws.web()["taskSets"][0]["id"]), (&json!([]), &green));
    let refused = aws.refused("UpdateService", of(json!({ "deploymentController": { "type": "CODE_DEPLOY" } })));
    assert_eq!(refused.0, "InvalidParameterException");
}

#[test]
fn a_task_of_the_side_that_serves_is_replaced_while_the_other_bakes() {
    let aws = super::deployment::shifting(json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 30 }));
    aws.register("web", "nginx:2");
    aws.update(json!({ "taskDefinition": "web" }));
    aws.pass(MINUTE * 4);
    assert_eq!(aws.web()["runningCount"], 4);
    let old = |task: &Value| task["taskDefinitionArn"].as_str().unwrap().ends_with("web:1");
    let task = aws.tasks("RUNNING").into_iter().find(old).unwrap();
    aws.ok("StopTask", json!({ "cluster": "shop", "task": task["taskArn"] }));
    aws.pass(MINUTE);
    assert_eq!(aws.tasks("RUNNING").iter().filter(|task| old(task)).count(), 2);
}
