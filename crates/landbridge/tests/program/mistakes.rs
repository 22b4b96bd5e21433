//! What is wrong is said with the place and what to do, and nothing is written.

use crate::bench::{Bench, Ran, program};

const WEB: &str = "apiVersion: landbridge.dev/v1alpha1\nkind: ECSService\nmetadata: {name: web, namespace: shop}\nspec:\n  \
                   clusterRef: {name: prod}\n  taskDefinition:\n    containerDefinitions: [{name: web, image: nginx}]\n";

#[test]
fn files_that_are_wrong_are_refused_with_file_line_and_advice() {
    let unknown = WEB.replace("clusterRef: {name: prod}", "clusterRef: {name: prod}\n  desiredCont: 2");
    let twice = format!("{WEB}---\n{WEB}");
    let containers = WEB.replace("[{name: web, image: nginx}]", "[{name: web, image: a}, {name: web, image: b}]");
    let kind = WEB.replace("ECSService", "ECSServise");
    let null = WEB.replace("clusterRef: {name: prod}", "clusterRef: {name: prod}\n  launchType: null");
    let imageless = WEB.replace(", image: nginx", "");
    let cases: [(&[u8], &str); 9] = [
        (b"hello there\n", "a.yaml:1: is not a Kubernetes object: a mapping with apiVersion, kind, metadata and spec"),
        (b"\x00\xff\xfe", "a.yaml:1: is not text (UTF-8), so it is no YAML or JSON"),
        (b"kind: [A\n", "is not YAML"),
        (
            unknown.as_bytes(),
            "a.yaml:1: ECSService shop/web: unknown field spec.desiredCont; did you mean desiredCount?",
        ),
        (twice.as_bytes(), "a.yaml:9: ECSService web stands twice: first in a.yaml:1"),
        (
            containers.as_bytes(),
            "spec.taskDefinition.containerDefinitions[1] repeats name web of \
             spec.taskDefinition.containerDefinitions[0]: keep one",
        ),
        (null.as_bytes(), "a.yaml:1: ECSService shop/web: spec.launchType"),
        (
            imageless.as_bytes(),
            "a.yaml:1: ECSService shop/web: spec.taskDefinition.containerDefinitions[0].image is missing",
        ),
        (kind.as_bytes(), "a.yaml:1: kind ECSServise does not exist; there are "),
    ];
    let bench = Bench::new();
    for (content, sentence) in cases {
        bench.write("a.yaml", content);
        for command in ["plan", "apply", "delete"] {
            bench.run(&[command, "-f", "a.yaml"]).ended(1).told(sentence).told("nothing was done");
        }
        bench.run(&["diff", "-f", "a.yaml"]).ended(2).told(sentence);
    }
    assert_eq!(bench.writes(), Vec::<String>::new());
}

#[test]
fn paths_that_lead_nowhere_are_refused() {
    let bench = Bench::new();
    bench.run(&["plan", "-f", "nowhere.yaml"]).ended(1).told("nowhere.yaml:1: there is no such file or folder");
    bench.run(&["plan", "-f", "."]).ended(1).told("there is no object of landbridge.dev in .; of a folder, .yaml");
    bench.run(&["apply"]).ended(1).told("apply needs -f FILE");
}

#[test]
fn a_service_without_the_file_of_its_cluster_is_refused() {
    let bench = Bench::new();
    bench.write("web.yaml", WEB);
    let sentence = "ReferenceNotFound: spec.clusterRef names ECSCluster prod, which does not exist";
    bench.run(&["plan", "-f", "web.yaml"]).ended(1).shows(sentence).shows("its file has to be given with -f too");
    bench.run(&["apply", "-f", "web.yaml"]).ended(1).told(sentence);
    assert_eq!(bench.writes(), Vec::<String>::new());
}

#[test]
fn two_objects_of_one_aws_service_are_not_both_applied() {
    let bench = Bench::with_sample();
    bench.run(&["apply", "-f", "."]).ended(0);
    bench.edit("web.yaml", "{name: web, namespace", "{name: other, namespace");
    bench.edit("web.yaml", "  desiredCount: 2", "  serviceName: web\n  desiredCount: 2");
    bench
        .run(&["plan", "-f", "."])
        .ended(1)
        .shows("OwnershipConflict: ECS service prod/web belongs to ECSService/shop/web");
}

#[test]
fn without_credentials_the_user_is_told_where_they_come_from() {
    let bench = Bench::with_sample();
    let mut command = bench.command(&["plan", "-f", "."]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    Ran::of(&command.output().unwrap()).ended(1).told("no AWS credentials were found: set AWS_ACCESS_KEY_ID");
}

#[test]
fn an_endpoint_that_nobody_listens_on_is_an_error_for_diff_too() {
    let bench = Bench::with_sample();
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let run =
        |verb| Ran::of(&program(&format!("http://{free}"), bench.folder.path(), &[verb, "-f", "."]).output().unwrap());
    run("plan").ended(1).told("AWS could not be reached");
    run("diff").ended(2).told("AWS could not be reached");
}
