//! `docs/reference/iam-policy.json`: what the operator's role needs, from the list of every AWS operation it calls.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result};
use landbridge_aws::operations::{ALL, IMPLIED};
use serde_json::{Value, json};

use crate::artefact::Artefact;

/// The policy and the page that lists the operations.
pub fn artefacts() -> Result<Vec<Artefact>> {
    let policy = serde_json::to_string_pretty(&policy()).context("writing the IAM policy")?;
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

fn policy() -> Value {
    let mut by_resource: BTreeMap<(String, &str), Vec<&str>> = BTreeMap::new();
    for operation in ALL {
        by_resource.entry((resource(operation.resource), operation.service())).or_default().push(operation.name);
    }
    let mut statements: Vec<Value> = by_resource
        .into_iter()
        .map(|((resource, _), mut actions)| {
            actions.sort_unstable();
            json!({"Effect": "Allow", "Action": actions, "Resource": resource})
        })
        .collect();
    for implied in IMPLIED {
        let mut statement = json!({
            "Effect": "Allow", "Action": [implied.action], "Resource": resource(implied.resource),
        });
        if let Some(service) = implied.service {
            let key = if implied.action == "iam:PassRole" { "iam:PassedToService" } else { "iam:AWSServiceName" };
            statement["Condition"] = json!({"StringEquals": {key: service}});
        }
        statements.push(statement);
    }
    json!({"Version": "2012-10-17", "Statement": statements})
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
