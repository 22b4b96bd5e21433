//! Secrets and parameters that the containers of a task name: a task whose agent cannot read one does not start.
//!
//! Only absence is seen, not what the execution role may read, and only in the task's own account: what another account
//! keeps is taken to be there. Source: "Pass sensitive data to an Amazon ECS container" and "ResourceInitializationError"
//! in the developer guide.

use serde_json::Value;

use super::member::Members;
use super::names;
use super::task_definition::TaskDefinition;
use crate::world::World;
use crate::{secrets, ssm};

/// Where a value comes from: `valueFrom` of secrets and of log options, and the credentials of a private registry.
fn sources(container: &Value) -> impl Iterator<Item = &str> {
    let log = container.object("logConfiguration").map_or(&[][..], |log| log.list("secretOptions"));
    let named = container.list("secrets").iter().chain(log).filter_map(|secret| secret.text("valueFrom"));
    let registry = container.object("repositoryCredentials").and_then(|it| it.text("credentialsParameter"));
    // The credentials may also be a secret's name, which means nothing elsewhere.
    named.chain(registry.filter(|source| source.starts_with("arn:")))
}

/// Why the agent gives up, in the words of `stoppedReason`.
pub(super) fn unreadable(world: &World, task: &str, definition: &TaskDefinition) -> Option<String> {
    let here = (names::account_of(task), names::region_of(task));
    let mut parameters = Vec::new();
    for source in definition.containers().iter().flat_map(sources) {
        let is_arn = source.starts_with("arn:");
        if is_arn && names::account_of(source) != here.0 {
            continue;
        }
        if is_arn && source.split(':').nth(2) == Some("secretsmanager") {
            if let Err(reason) = secrets::value_for_task(world, source) {
                return Some(failed("unable to retrieve secret from asm", &reason));
            }
            continue;
        }
        let region = if is_arn { names::region_of(source) } else { here.1 };
        let name = source.split_once(":parameter/").map_or(source, |(_, name)| name);
        if !ssm::is_there(world, here.0, region, name) {
            parameters.push(name);
        }
    }
    let reason =
        || failed("unable to retrieve secrets from ssm", &format!("invalid ssm parameters: {}", parameters.join(", ")));
    (!parameters.is_empty()).then(reason)
}

fn failed(what: &str, reason: &str) -> String {
    format!(
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: {what}: \
         service call has been retried 1 time(s): {reason}"
    )
}
