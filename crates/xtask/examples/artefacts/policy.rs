//! `docs/reference/iam-policy.json`: what the operator's role needs, from the list of every AWS operation it calls.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use landbridge_aws::operations::{ALL, IMPLIED};
use serde_json::{Value, json};

use crate::artefact::Artefact;

/// The policy and the page that lists the operations.
pub fn artefacts() -> Result<Vec<Artefact>> {
    let policy = serde_json::to_string_pretty(&policy()?).context("writing the IAM policy")?;
    Ok(vec![
        Artefact::new("docs/reference/iam-policy.json", policy + "\n"),
        Artefact::new("docs/reference/aws-operations.md", operations()?),
    ])
}

/// Placeholders become wildcards that IAM understands; the page says how to narrow them.
fn resource(template: &str) -> String {
    template
        .replace("${Partition}", "aws")
        .replace("${Region}", "*")
        .replace("${Account}", "*")
        .replace("${RolePath}", "/landbridge/")
}

/// Characters of a managed policy, white space not counted (IAM User Guide, «IAM and AWS STS quotas»).
const LONGEST: usize = 6144;
/// What is left of them for account, Region and path in place of wildcards.
const ROOM: usize = 500;

/// One statement for each resource and each condition, so that the policy stays short.
fn policy() -> Result<Value> {
    let mut plain: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let mut to_services: BTreeMap<(String, &str), BTreeSet<&str>> = BTreeMap::new();
    for operation in ALL {
        plain.entry(resource(operation.resource)).or_default().insert(operation.name);
    }
    for implied in IMPLIED {
        let resource = resource(implied.resource);
        match implied.service {
            Some(service) => to_services.entry((resource, implied.action)).or_default().insert(service),
            None => plain.entry(resource).or_default().insert(implied.action),
        };
    }
    // What is allowed everywhere need not be allowed of a resource once more.
    let everywhere = plain.get("*").cloned().unwrap_or_default();
    for (_, actions) in plain.iter_mut().filter(|(resource, _)| *resource != "*") {
        actions.retain(|action| !everywhere.contains(action));
    }
    plain.retain(|_, actions| !actions.is_empty());
    let plain =
        plain.iter().map(|(resource, actions)| json!({"Effect": "Allow", "Action": actions, "Resource": resource}));
    let conditional = to_services.iter().map(|((resource, action), services)| {
        let key = if *action == "iam:PassRole" { "iam:PassedToService" } else { "iam:AWSServiceName" };
        let condition = json!({"StringEquals": {key: services}});
        json!({"Effect": "Allow", "Action": [action], "Resource": resource, "Condition": condition})
    });
    let policy = json!({"Version": "2012-10-17", "Statement": plain.chain(conditional).collect::<Vec<_>>()});
    let length = policy.to_string().len();
    ensure!(
        length + ROOM <= LONGEST,
        "the IAM policy has {length} characters, and a managed policy may have {LONGEST}, of which {ROOM} are kept for names: \
         make it two"
    );
    Ok(policy)
}

fn operations() -> Result<String> {
    let mut text = String::from(
        "# AWS operations\n\nEvery AWS operation that Landbridge calls, with the request bucket that AWS counts it in. \
         The call wrapper takes nothing else, so a call that is not here cannot be made. [iam-policy.json](iam-policy.json) \
         is the policy for them; replace the `*` of account and Region with yours, and `/landbridge/` with the path of your \
         AWSAccount. Made by `cargo xtask generate`.\n\n| operation | bucket | writes |\n|---|---|---|\n",
    );
    for operation in ALL {
        let writes = if operation.access == landbridge_aws::operations::Access::Write { "yes" } else { "" };
        writeln!(text, "| `{}` | `{}` | {writes} |", operation.name, operation.bucket)?;
    }
    text.push_str("\nIAM asks for these too:\n\n| action | because |\n|---|---|\n");
    for implied in IMPLIED {
        writeln!(text, "| `{}` | {} |", implied.action, implied.because)?;
    }
    Ok(text)
}
