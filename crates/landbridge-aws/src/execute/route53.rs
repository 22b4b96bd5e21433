//! Writes to Route 53.

use aws_sdk_route53::types::{Change, ChangeAction, ChangeBatch};
use landbridge_plan::verdict::ErrorClass;
use serde_json::Value;

use super::{Produced, Writer};
use crate::error::AwsError;
use crate::operations as op;
use crate::route53::{RecordChange, from_json, key};

impl Writer<'_> {
    /// Replaces the sets of a name in one batch. Route 53 refuses to delete a set that is not exactly as it is told, and then
    /// does nothing of the batch.
    pub(super) async fn replace_records(
        self,
        zone: &str,
        name: &str,
        expected: &[Value],
        records: &[Value],
    ) -> Result<Produced, AwsError> {
        let operation = op::CHANGE_RECORDS;
        let change = |action: ChangeAction, set: &Value| {
            let unfit = |why: String| AwsError::new(operation, ErrorClass::Invalid, format!("{name}: {why}"));
            let set = from_json(set).map_err(unfit)?;
            let change = Change::builder().action(action).resource_record_set(set).build();
            change.map_err(|e| unfit(e.to_string()))
        };
        let deleted = expected.iter().map(|set| change(ChangeAction::Delete, set));
        let created = records.iter().map(|set| change(ChangeAction::Create, set));
        let changes = deleted.chain(created).collect::<Result<Vec<_>, _>>()?;
        let batch = ChangeBatch::builder().set_changes(Some(changes)).comment("landbridge").build();
        let batch = batch.map_err(|e| AwsError::new(operation, ErrorClass::Invalid, e.to_string()))?;
        let call = || {
            let call = self.aws.dns().change_resource_record_sets().hosted_zone_id(zone);
            call.change_batch(batch.clone()).send()
        };
        let answer = self.aws.call(operation, self.priority, call).await?;
        if let (Some(info), Some((host, type_))) = (answer.change_info(), name.split_once(' ')) {
            self.aws.memory().record_changes.put(key(zone, host, type_), RecordChange::Made(info.id().to_owned()));
        }
        Ok(Produced::new())
    }
}
