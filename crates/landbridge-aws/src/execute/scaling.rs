//! Writes to Application Auto Scaling.

use aws_sdk_applicationautoscaling::types::{ScalableDimension, ServiceNamespace};
use landbridge_plan::verdict::ErrorClass;

use super::{Produced, Writer};
use crate::error::AwsError;
use crate::operations as op;

impl Writer<'_> {
    /// Sets the fewest tasks; the most stay as they are, for what a call leaves out is not changed (Application Auto Scaling
    /// API reference, `RegisterScalableTarget`). There is no conditional write, so the read comes right before it.
    pub(super) async fn set_min_capacity(self, resource: &str, expected: i32, min: i32) -> Result<Produced, AwsError> {
        let operation = op::REGISTER_SCALABLE_TARGET;
        let changed = |what: String| AwsError::new(operation, ErrorClass::Conflict, what);
        match self.aws.scalable_target(resource, self.priority).await? {
            Some(found) if found.min == min => return Ok(Produced::new()),
            Some(found) if found.min == expected => {}
            Some(found) => {
                return Err(changed(format!("the minimum of {resource} was changed to {} in this moment", found.min)));
            }
            None => return Err(changed(format!("{resource} is no longer scaled by Application Auto Scaling"))),
        }
        let call = || {
            let call = self.aws.scaling().register_scalable_target().service_namespace(ServiceNamespace::Ecs);
            let call = call.scalable_dimension(ScalableDimension::EcsServiceDesiredCount).resource_id(resource);
            call.min_capacity(min).send()
        };
        self.aws.call(operation, self.priority, call).await?;
        Ok(Produced::new())
    }
}
