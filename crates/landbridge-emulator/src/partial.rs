//! Partial failures: some entries of a batch fail, and the others are done. Which operations have batches whose entries fail on
//! their own, and which entries a rule means.
//!
//! How a failed entry looks is the operation's own business: `failures` of ECS, `Failed` of SQS, `FailedEntries` of EventBridge,
//! `Errors` of Secrets Manager, `FailedResourcesMap` of the Resource Groups Tagging API. Batches that AWS does wholly or not at
//! all (ChangeResourceRecordSets, RegisterTargets) are not among them.

use std::num::NonZeroU64;

use serde::Deserialize;

use crate::faults::{matches, probability};
use crate::world::{Rng, World};

/// The entries of batches that fail.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Entries {
    /// Each nth, counted over all the calls that the rule meets.
    Every(NonZeroU64),
    /// Each with this probability (0 to 1), drawn from the emulator's seed.
    Probability(#[serde(deserialize_with = "probability")] f64),
    /// Those that the caller names so; `*` stands for any text.
    Named(String),
}

/// The operations with batches whose entries fail on their own.
pub(crate) const BATCHES: [&str; 20] = [
    "ecs:DeleteTaskDefinitions",
    "ecs:DescribeCapacityProviders",
    "ecs:DescribeClusters",
    "ecs:DescribeServiceDeployments",
    "ecs:DescribeServiceRevisions",
    "ecs:DescribeServices",
    "ecs:DescribeTaskSets",
    "ecs:DescribeTasks",
    "ecs:GetTaskProtection",
    "ecs:RunTask",
    "ecs:UpdateTaskProtection",
    "events:PutEvents",
    "events:PutTargets",
    "events:RemoveTargets",
    "secretsmanager:BatchGetSecretValue",
    "sqs:ChangeMessageVisibilityBatch",
    "sqs:DeleteMessageBatch",
    "sqs:SendMessageBatch",
    "tag:TagResources",
    "tag:UntagResources",
];

/// Whether entries of this operation can fail on their own.
pub(crate) fn is_batch(action: &str) -> bool {
    BATCHES.iter().any(|batch| batch.eq_ignore_ascii_case(action))
}

/// Says what is wrong with a rule for partial failures that means no operation with a batch.
pub(crate) fn check(action: &str) -> Result<(), String> {
    if BATCHES.iter().any(|batch| matches(action, batch)) {
        return Ok(());
    }
    Err(format!(
        "calls: `partial` cannot break {action}, which has no entries that fail on their own; it breaks {}. Name one of them, or \
         use another fault",
        BATCHES.join(", ")
    ))
}

impl Entries {
    /// Whether the entry of that name fails, which is the `number`th that the rule meets, counted from 1.
    pub(crate) fn contain(&self, name: &str, number: u64, rng: &mut Rng) -> bool {
        match self {
            Self::Every(nth) => number.is_multiple_of(nth.get()),
            Self::Probability(probability) => rng.fraction() < *probability,
            Self::Named(pattern) => matches(pattern, name),
        }
    }
}

impl World {
    /// Which entries of the batch that is being answered fail, in their order: none unless a rule says so. To be asked once for
    /// each call.
    pub(crate) fn spoilt<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) -> Vec<bool> {
        let Self { faults, rng, .. } = self;
        names.into_iter().map(|name| faults.spoils(name, rng)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::{Fault, FaultKind, Faults};

    fn spoilt(entries: Entries, batches: &[&[&str]]) -> Vec<Vec<bool>> {
        let (mut faults, mut rng) = (Faults::default(), Rng::seeded(1));
        faults.add(Fault::on("ecs:*", FaultKind::Partial(entries)));
        let answer = |batch: &&[&str]| {
            faults.meet("ecs:DescribeServices", &mut rng);
            batch.iter().map(|name| faults.spoils(name, &mut rng)).collect()
        };
        batches.iter().map(answer).collect()
    }

    #[test]
    fn every_nth_entry_is_counted_over_the_calls() {
        let every = Entries::Every(NonZeroU64::new(3).unwrap());
        let expected = [vec![false, false], vec![true, false, false, true]];
        assert_eq!(spoilt(every, &[&["a", "b"], &["c", "d", "e", "f"]]), expected);
    }

    #[test]
    fn entries_fail_by_name_and_by_chance() {
        let named = Entries::Named("*-web".to_owned());
        assert_eq!(spoilt(named, &[&["a-web", "a-api", "arn:b-web"]]), [[true, false, true]]);
        assert_eq!(spoilt(Entries::Probability(1.0), &[&["a", "b"]]), [[true, true]]);
        assert_eq!(spoilt(Entries::Probability(0.0), &[&["a", "b"]]), [[false, false]]);
    }

    #[test]
    fn a_rule_meets_batches_only_and_its_last_call_leaves_nothing_behind() {
        let (mut faults, mut rng) = (Faults::default(), Rng::seeded(1));
        faults.add(Fault::on("*", FaultKind::Partial(Entries::Named("*".to_owned()))).times(1));
        assert_eq!(faults.meet("ecs:CreateService", &mut rng), None);
        assert!(faults.meet("ecs:DescribeServices", &mut rng).is_some());
        assert!(faults.spoils("a", &mut rng));
        assert_eq!(faults.meet("ecs:DescribeServices", &mut rng), None);
        assert!(!faults.spoils("a", &mut rng));
    }

    #[test]
    fn the_batches_are_those_of_aws_in_order() {
        assert!(BATCHES.is_sorted());
        assert!(is_batch("sqs:DeleteMessageBatch") && !is_batch("sqs:DeleteMessage"));
        let error = check("route53:ChangeResourceRecordSets").unwrap_err();
        assert!(
            error.contains("cannot break route53:ChangeResourceRecordSets") && error.contains("ecs:RunTask"),
            "{error}"
        );
    }
}
