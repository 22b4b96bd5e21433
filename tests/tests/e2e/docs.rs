//! What we publish is true: every YAML in the documentation and the samples is taken by the API server, the CRDs apply with
//! plain kubectl and explain themselves, and every link inside the repository leads somewhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams, ValidationDirective};
use kube::core::GroupVersionKind;
use kube::discovery::Scope;
use kube::{Api, Client};
use landbridge_sandbox::install::SAMPLE;
use landbridge_sandbox::{Assets, Binary, ControlPlane, Options, Progress};
use landbridge_tests::multi_cluster::Installed;
use landbridge_tests::{Stage, repository};
use tokio::process::Command;

/// The largest annotation that the API server stores, and so the largest object that plain `kubectl apply` takes.
const ANNOTATION_LIMIT: u64 = 262_144;

/// A block of YAML, and where it is.
struct Block {
    place: String,
    text: String,
}

/// README, CONTRIBUTING and every page of the book.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![repository().join("README.md"), repository().join("CONTRIBUTING.md")];
    let mut folders = vec![repository().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

/// The name of a file as a reader of the repository knows it.
fn shown(path: &Path) -> String {
    path.strip_prefix(repository()).unwrap_or(path).display().to_string()
}

/// The blocks that are marked `yaml` in a page.
fn blocks(page: &str, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in text.lines().enumerate() {
        match &mut open {
            None if matches!(line.trim(), "```yaml" | "```yml") => {
                open = Some(Block { place: format!("{page}:{}", number + 2), text: String::new() });
            }
            Some(_) if line.trim() == "```" => blocks.extend(open.take()),
            Some(block) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => {}
        }
    }
    assert!(open.is_none(), "{page}: a block of YAML has no end");
    blocks
}

/// Why the API server would not take a block, if it would not.
async fn refusal(client: &Client, block: &Block) -> Option<String> {
    let objects: Vec<DynamicObject> = match serde_saphyr::from_multiple(&block.text) {
        Ok(objects) => objects,
        Err(error) => return Some(format!("{}: {error}", block.place)),
    };
    if objects.is_empty() {
        return Some(format!("{}: there is no object in it", block.place));
    }
    for object in objects {
        if let Err(error) = try_one(client, &object).await {
            let name = object.metadata.name.unwrap_or_default();
            return Some(format!("{}: {name}: {error:#}", block.place));
        }
    }
    None
}

pub async fn try_one(client: &Client, object: &DynamicObject) -> anyhow::Result<()> {
    let types = object.types.clone().ok_or_else(|| anyhow::anyhow!("it has no apiVersion and kind"))?;
    let kind = GroupVersionKind::try_from(&types)?;
    let (resource, capabilities) = kube::discovery::pinned_kind(client, &kind).await?;
    let api: Api<DynamicObject> = match (&object.metadata.namespace, capabilities.scope) {
        (Some(namespace), Scope::Namespaced) => {
            make_namespace(client, namespace).await?;
            Api::namespaced_with(client.clone(), namespace, &resource)
        }
        (None, Scope::Namespaced) => Api::default_namespaced_with(client.clone(), &resource),
        (None, Scope::Cluster) => Api::all_with(client.clone(), &resource),
        (Some(_), Scope::Cluster) => anyhow::bail!("{} is cluster-scoped and has a namespace", types.kind),
    };
    let mut parameters = PatchParams::apply("reader").dry_run();
    parameters.field_validation = Some(ValidationDirective::Strict);
    let name = object.metadata.name.as_deref().ok_or_else(|| anyhow::anyhow!("it has no name"))?;
    api.patch(name, &parameters, &Patch::Apply(object)).await?;
    Ok(())
}

async fn make_namespace(client: &Client, name: &str) -> anyhow::Result<()> {
    let api: Api<Namespace> = Api::all(client.clone());
    if api.get_opt(name).await?.is_none() {
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some(name.to_owned());
        api.create(&PostParams::default(), &namespace).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_yaml_of_the_documentation_and_the_samples_is_taken_by_the_api_server() {
    let stage = Stage::without_operator(1.0).await;
    // The pages show routes of the Gateway API.
    stage.make_kind(landbridge_tests::gateway::HTTP_ROUTES).await;
    stage.install_multi_cluster(Installed::BySig).await;
    let mut all = Vec::new();
    for page in pages() {
        all.extend(blocks(&shown(&page), &fs::read_to_string(&page).unwrap()));
    }
    assert!(all.len() >= 6, "only {} blocks of YAML were found", all.len());
    for (path, text) in SAMPLE {
        all.push(Block { place: format!("{path}:1"), text: text.to_owned() });
    }
    let mut refusals = Vec::new();
    for block in &all {
        refusals.extend(refusal(&stage.client, block).await);
    }
    assert!(refusals.is_empty(), "{}", refusals.join("\n"));

    // The test can fail, and then names the place.
    let page = "# Page\n\n```yaml\napiVersion: landbridge.dev/v1alpha1\nkind: AWSAccount\nmetadata: {name: x}\nspec: {regoin: x}\n```\n";
    let said = refusal(&stage.client, &blocks("page.md", page)[0]).await.unwrap();
    assert!(said.starts_with("page.md:4: x: ") && said.contains("regoin"), "{said}");
    let said = refusal(&stage.client, &blocks("page.md", "```yaml\na: [\n```\n")[0]).await.unwrap();
    assert!(said.starts_with("page.md:2: "), "{said}");
    stage.end().await;
}

#[test]
fn every_link_inside_the_repository_leads_to_a_file() {
    let mut broken = Vec::new();
    for page in pages() {
        for (number, line) in fs::read_to_string(&page).unwrap().lines().enumerate() {
            // What stands in code is no link.
            let text: String = line.split('`').step_by(2).collect();
            for target in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#', ' ']).next()) {
                let is_ours = !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:");
                if is_ours && !page.parent().unwrap().join(target).exists() {
                    broken.push(format!("{}:{}: {target}", shown(&page), number + 1));
                }
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_kubectl_applies_the_crds_twice_and_explains_them_in_sentences() {
    let plane = ControlPlane::start(Options::from_env().unwrap()).await.unwrap();
    let kubeconfig = plane.kubeconfig_path();
    let crds = repository().join("crds");
    let mut files = 0;
    for entry in fs::read_dir(&crds).unwrap() {
        files += 1;
        let entry = entry.unwrap();
        let size = entry.metadata().unwrap().len();
        assert!(size < ANNOTATION_LIMIT, "{} has {size} bytes", shown(&entry.path()));
    }
    let crds = crds.display().to_string();
    let first = kubectl(&kubeconfig, &["apply", "-f", &crds]).await;
    assert_eq!(first.lines().filter(|l| l.ends_with(" created")).count(), files, "{first}");
    let second = kubectl(&kubeconfig, &["apply", "-f", &crds]).await;
    assert_eq!(second.lines().filter(|l| l.ends_with(" unchanged")).count(), files, "{second}");
    let wait = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=90s"];
    kubectl(&kubeconfig, &wait).await;
    for field in [
        "awsaccount.spec.iam.permissionsBoundary",
        "awsaccount.spec.allowedNamespaces.names",
        "ecscluster.spec.serviceDefaults.networkConfiguration.awsvpcConfiguration.subnets",
        "ecscluster.spec.defaultCapacityProviderStrategy.base",
        "cloudmapnamespace.spec.properties.dnsProperties.soa.ttl",
        "iamtaskrole.spec.trust.podIdentity.serviceAccounts",
        "cloudmapexport.spec.shared",
        "cloudmapimport.spec.service.ports.targetPort",
        "ecsservice.spec.taskDefinition.containerDefinitions.healthCheck.startPeriod",
        "ecsservice.spec.taskDefinition.volumes.efsVolumeConfiguration.authorizationConfig.iam",
        "ecsservice.spec.deploymentConfiguration.deploymentCircuitBreaker.rollback",
        "ecsservice.spec.serviceConnectConfiguration.services.clientAliases.dnsName",
        "ecsservice.status.lastFailure.exitCode",
    ] {
        let said = explained(&kubeconfig, field).await;
        let is_sentence = said.len() > 10 && said.contains(' ') && said.trim_end().ends_with(['.', '`', ')']);
        assert!(is_sentence, "{field}: {said:?}");
    }
    plane.stop().await;
}

/// The description that `kubectl explain` gives of a field. The API server's OpenAPI follows new CRDs with a delay.
async fn explained(kubeconfig: &Path, field: &str) -> String {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(90);
    loop {
        let answer = kubectl_output(kubeconfig, &["explain", field]).await;
        if answer.status.success() {
            let text = String::from_utf8(answer.stdout).unwrap();
            let description = text.split("DESCRIPTION:").nth(1).unwrap_or_default();
            let lines = description.lines().map(str::trim).skip_while(|l| l.is_empty());
            return lines.take_while(|l| !l.is_empty()).collect::<Vec<_>>().join(" ");
        }
        let why = String::from_utf8_lossy(&answer.stderr).into_owned();
        assert!(std::time::Instant::now() < deadline, "{field}: {why}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// What kubectl prints; it must succeed.
async fn kubectl(kubeconfig: &Path, arguments: &[&str]) -> String {
    let answer = kubectl_output(kubeconfig, arguments).await;
    let errors = String::from_utf8_lossy(&answer.stderr).into_owned();
    assert!(answer.status.success(), "kubectl {arguments:?}: {errors}");
    String::from_utf8(answer.stdout).unwrap()
}

async fn kubectl_output(kubeconfig: &Path, arguments: &[&str]) -> Output {
    let assets = Assets::from_env().unwrap();
    let kubectl = assets.obtain(Binary::Kubectl, &Progress::stderr()).await.unwrap();
    let home = kubeconfig.parent().unwrap();
    Command::new(kubectl).args(arguments).env("KUBECONFIG", kubeconfig).env("HOME", home).output().await.unwrap()
}
