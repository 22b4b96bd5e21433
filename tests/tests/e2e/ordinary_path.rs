//! The ordinary path: a ten-line service becomes healthy, a second look changes nothing, and deleting leaves nothing.

use kube::Api;
use landbridge_api::condition;
use landbridge_api::v1alpha1::{AwsAccount, EcsCluster, EcsService};
use landbridge_tests::{Stage, kstatus};

const PLATFORM: &str = r"
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: landbridge.dev/v1alpha1
kind: AWSAccount
metadata: {name: default}
spec: {region: us-east-1, allowedNamespaces: {names: ['*']}}
---
apiVersion: landbridge.dev/v1alpha1
kind: ECSCluster
metadata: {name: prod}
spec:
  allowedNamespaces: {names: [shop]}
  serviceDefaults:
    launchType: FARGATE
    networkConfiguration: {awsvpcConfiguration: {subnets: [subnet-0a1b2c3d4e5f60001]}}
";

const WEB: &str = r#"
apiVersion: landbridge.dev/v1alpha1
kind: ECSService
metadata: {name: web, namespace: shop}
spec:
  clusterRef: {name: prod}
  desiredCount: 2
  taskDefinition:
    cpu: "256"
    memory: "512"
    containerDefinitions:
      - name: web
        image: public.ecr.aws/nginx/nginx:1.29
        portMappings: [{containerPort: 80}]
"#;

fn is_ready(service: &EcsService) -> bool {
    service.status.as_ref().is_some_and(|s| {
        s.common.observed_generation == service.metadata.generation
            && condition::is_true(&s.common.conditions, condition::READY)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ten_line_service_becomes_ready_a_restart_writes_nothing_and_deleting_leaves_nothing() {
    let mut stage = Stage::start(30.0).await;
    stage.apply(PLATFORM).await;
    stage.apply(WEB).await;
    let web = stage.until("shop", "web", "ready", is_ready).await;
    let status = web.status.unwrap();
    assert_eq!((status.desired_count, status.running_count), (Some(2), Some(2)));
    assert!(status.service_arn.is_some_and(|arn| arn.ends_with(":service/prod/web")));
    for object in stage.objects().await {
        assert_eq!(kstatus::read(&object), kstatus::Reading::Current, "{object:?}");
    }

    // A new process knows nothing, looks at everything, and finds nothing to do.
    stage.stop_operator().await;
    stage.emulator.take_calls();
    stage.start_operator().await;
    stage
        .eventually("the service is looked at again", async || stage.emulator.calls().count("ecs:DescribeServices") > 0)
        .await;
    // Every object has been through a pass once the steady sweep has come round.
    stage.eventually("a sweep", async || stage.emulator.calls().count("ecs:DescribeServices") > 2).await;
    assert_eq!(stage.emulator.take_calls().writes(), Vec::<&landbridge_emulator::Call>::new());

    let services: Api<EcsService> = Api::namespaced(stage.client.clone(), "shop");
    let clusters: Api<EcsCluster> = Api::all(stage.client.clone());
    let accounts: Api<AwsAccount> = Api::all(stage.client.clone());
    // In the wrong order on purpose: each waits for its users.
    stage.delete(accounts.clone(), "default").await;
    stage.delete(clusters.clone(), "prod").await;
    stage.delete(services.clone(), "web").await;
    stage.eventually("the service goes", async || services.get_opt("web").await.unwrap().is_none()).await;
    stage.eventually("the cluster goes", async || clusters.get_opt("prod").await.unwrap().is_none()).await;
    stage.eventually("the account goes", async || accounts.get_opt("default").await.unwrap().is_none()).await;
    let writes = stage.emulator.calls();
    assert_eq!(writes.count("ecs:DeleteService"), 1, "{:?}", writes.by_action());
    assert_eq!(writes.count("ecs:DeleteCluster"), 1, "{:?}", writes.by_action());
    stage.end().await;
}
