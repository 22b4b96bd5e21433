//! `convert` as its user has it: files in, manifests and a report out, and exit codes.

use std::fs::read_to_string;
use std::path::{Path, PathBuf};

use crate::bench::{Bench, sample};

/// The example of the how-to page.
fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/how-to/convert").join(name)
}

#[test]
fn what_comes_from_kubernetes_is_a_service_that_plan_takes() {
    let bench = Bench::new();
    bench.write("web.yaml", read_to_string(example("web.yaml")).unwrap());
    let cluster = "apiVersion: landbridge.dev/v1alpha1\nkind: ECSCluster\nmetadata: {name: prod}\nspec:\n  allowedNamespaces: {names: [shop]}\n  \
                   serviceDefaults:\n    executionRoleArn: arn:aws:iam::000000000000:role/execution\n    networkConfiguration: \
                   {awsvpcConfiguration: {subnets: [subnet-0a1b2c3d4e5f60001]}}\n";
    bench.write("prod.yaml", cluster);
    let ran = bench.run(&["convert", "--to", "ecs", "--cluster", "prod", "-f", "web.yaml"]).ended(0);
    let ran = ran.told("512 CPU units, 1024 MiB for 308 and 700 asked: 39 % of CPU and 31 % of memory unused");
    bench.write("service.yaml", &ran.out);
    bench.run(&["plan", "-f", "prod.yaml", "-f", "service.yaml"]).ended(0).shows("web");
    assert!(bench.writes().is_empty());
}

#[test]
fn an_autoscaler_becomes_requests_that_the_aws_cli_takes_from_files() {
    let bench = Bench::new();
    for name in ["web.yaml", "web-scaling.yaml"] {
        bench.write(name, read_to_string(example(name)).unwrap());
    }
    let asked =
        ["convert", "--to", "ecs", "--cluster", "prod", "-f", "web.yaml", "-f", "web-scaling.yaml", "--scaling", "to"];
    // The same twice writes the same.
    for _ in 0..2 {
        let ran = bench.run(&asked).ended(0);
        assert!(!ran.out.contains("desiredCount"), "what scales it decides: {}", ran.out);
        let ran = ran.told("register-scalable-target --cli-input-json file://to/web.scalable-target.json");
        ran.told("put-scaling-policy --cli-input-json file://to/web.cpu.scaling-policy.json");
        let read = |file: &str| -> serde_json::Value {
            serde_json::from_str(&read_to_string(bench.folder.path().join("to").join(file)).unwrap()).unwrap()
        };
        let target = read("web.scalable-target.json");
        assert_eq!((&target["ResourceId"], &target["MaxCapacity"]), (&"service/prod/web".into(), &9.into()));
        let policy = read("web.cpu.scaling-policy.json");
        assert_eq!(policy["TargetTrackingScalingPolicyConfiguration"]["ScaleInCooldown"], 300);
    }
    let ran = bench.run(&["convert", "--to", "ecs", "-f", "web.yaml", "-f", "web-scaling.yaml"]).ended(0);
    ran.told("--scaling DIR");
    let ran =
        bench.run(&["convert", "--to", "ecs", "-f", "web.yaml", "-f", "web-scaling.yaml", "--scaling", "web.yaml"]);
    ran.ended(1).told("making the folder web.yaml");
}

#[test]
fn there_and_back_is_the_same_file() {
    let bench = Bench::new();
    let orders = example("orders").display().to_string();
    let forth =
        bench.run(&["convert", "--to", "kubernetes", "-n", "shop", "-f", &orders, "--report", "report.json"]).ended(0);
    let forth = forth.shows("kind: Deployment").shows("kind: Ingress").told("the report is in report.json");
    let report: serde_json::Value =
        serde_json::from_str(&read_to_string(bench.folder.path().join("report.json")).unwrap()).unwrap();
    assert!(report["fields"].as_array().unwrap().len() > 80);
    bench.write("orders.yaml", &forth.out);
    let back = bench.run(&["convert", "--to", "ecs", "-f", "orders.yaml", "--report", "json"]).ended(0);
    let back = back.shows("hardLimit: 65535").shows("awslogs-group").told("\"fields\"");
    bench.write("again.yaml", &back.out);
    let again = bench.run(&["convert", "--to", "kubernetes", "-f", "again.yaml"]).ended(0);
    bench.write("again.yaml", &again.out);
    let once_more = bench.run(&["convert", "--to", "ecs", "-f", "again.yaml"]).ended(0);
    assert_eq!(once_more.out, back.out);
}

#[test]
fn strict_ends_with_two_when_a_field_is_refused() {
    let bench = Bench::new();
    let task = |extra: &str| {
        format!(
            "{{\"family\": \"web\", \"containerDefinitions\": [{{\"name\": \"web\", \"image\": \"nginx\"{extra}}}]}}"
        )
    };
    bench.write("fine.json", task(""));
    bench.write("refused.json", task(", \"links\": [\"db\"]"));
    let run = |file: &str| bench.run(&["convert", "--to", "kubernetes", "--strict", "-f", file]);
    run("fine.json").ended(0).told("0 refused");
    run("refused.json").ended(2).told("refused").told("links").shows("kind: Deployment");
    bench.run(&["convert", "--to", "kubernetes", "-f", "refused.json"]).ended(0);
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_nothing_is_printed() {
    let bench = Bench::new();
    bench.write("a.yaml", "hello: there\n");
    bench.write("usage.csv", "container,cpuP95,memoryMax\nweb,much,1\n");
    bench.write("task.json", "{\"containerDefinitions\": [{\"name\": \"web\", \"image\": \"nginx\"}]}");
    bench.write("typo.yaml", read_to_string(sample().join("web.yaml")).unwrap().replace("desiredCount", "desiredCont"));
    let convert = |args: &[&str]| bench.run(&[&["convert"], args].concat());
    convert(&["--to", "kubernetes", "-f", "a.yaml"])
        .ended(1)
        .told("a.yaml:1: is neither an ECSService nor a task definition");
    convert(&["--to", "ecs", "-f", "a.yaml"]).ended(1).told("a.yaml:1: is not a Kubernetes object");
    convert(&["--to", "kubernetes", "-f", "typo.yaml"]).ended(1).told("did you mean desiredCount?");
    convert(&["--to", "kubernetes", "-f", "nowhere.json"])
        .ended(1)
        .told("nowhere.json:1: there is no such file or folder");
    convert(&["--to", "kubernetes", "-f", "task.json", "--usage", "usage.csv"])
        .ended(1)
        .told("usage.csv: line 2: cpuP95 is \"much\"");
    convert(&["--to", "kubernetes", "-f", "task.json", "--schedule", "daily"]).ended(1).told("write five fields");
    convert(&["--to", "kubernetes"]).ended(1).told("convert needs -f FILE");
    convert(&["--to", "kubernetes", "-f", "task.json", "--cluster", "prod"]).ended(1).told("--cluster is for --to ecs");
    convert(&["--to", "ecs", "-f", "a.yaml", "--host", "a.example"]).ended(1).told("--host is for --to kubernetes");
    convert(&["--to", "kubernetes", "-f", "task.json", "-n", "My Shop"])
        .ended(1)
        .told("--namespace \"My Shop\" is no name");
    bench.write("empty.yaml", "# nothing\n");
    convert(&["--to", "ecs", "-f", "empty.yaml"]).ended(1).told("there is nothing in empty.yaml");
}

#[test]
fn a_value_that_the_api_server_refuses_is_never_dropped_in_silence() {
    let bench = Bench::new();
    let web = |replicas: i32, value: &str, port: u32| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: {replicas}\n  template:\n    spec:\n      \
             containers:\n      - {{name: web, image: nginx, ports: [{{containerPort: {port}}}], env: [{{name: A, value: {value}}}]}}\n"
        )
    };
    let convert = |text: String| {
        bench.write("web.yaml", text);
        bench.run(&["convert", "--to", "ecs", "--strict", "-f", "web.yaml"])
    };
    convert(web(1, "5", 80)).ended(1).told("web.yaml:1: Deployment web").told("env[0].value").told("put it in quotes");
    convert(web(1, "'5'", 80)).ended(0).shows("value: \"5\"");
    convert(web(-1, "'5'", 80)).ended(2).told("warning: what was printed is refused").told("desiredCount");
    convert(web(1, "'5'", 99_999)).ended(2).told("containerPort");
}
