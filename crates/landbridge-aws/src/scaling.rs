//! Reads of Application Auto Scaling: how few and how many tasks a service may have.

use aws_sdk_applicationautoscaling::types::{ScalableDimension, ScalableTarget, ServiceNamespace};
use landbridge_plan::traffic_migration::ScalingFacts;

use crate::budget::Priority;
use crate::client::Aws;
use crate::error::AwsError;
use crate::operations as op;

impl Aws {
    /// The scalable target of an ECS service's tasks; none where nothing scales it (Application Auto Scaling API reference,
    /// `DescribeScalableTargets`).
    pub(crate) async fn scalable_target(
        &self,
        resource: &str,
        priority: Priority,
    ) -> Result<Option<ScalingFacts>, AwsError> {
        let call = || {
            let call = self.scaling().describe_scalable_targets().service_namespace(ServiceNamespace::Ecs);
            call.scalable_dimension(ScalableDimension::EcsServiceDesiredCount).resource_ids(resource).send()
        };
        let answer = self.call(op::DESCRIBE_SCALABLE_TARGETS, priority, call).await?;
        let facts = |target: &ScalableTarget| ScalingFacts {
            unread: false,
            resource: target.resource_id().to_owned(),
            min: target.min_capacity(),
            max: target.max_capacity(),
        };
        Ok(answer.scalable_targets().iter().find(|t| t.resource_id() == resource).map(facts))
    }
}
