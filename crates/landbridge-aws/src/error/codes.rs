//! Which class an AWS error code belongs to. One table, then the few messages that mean something else than their code.

use landbridge_plan::verdict::ErrorClass::{
    self, AccessDenied, AlreadyExists, Conflict, Credentials, InUse, Invalid, NotFound, NotYet, Quota, Throttled,
    Transient,
};

use crate::operations::Operation;

/// Codes of ECS, EKS, Cloud Map, Elastic Load Balancing, IAM, STS and CloudWatch Logs ("Common errors" and each action's "Errors" in the API
/// references).
const CODES: &[(ErrorClass, &[&str])] = &[
    (
        Throttled,
        &[
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "RequestThrottled",
            "RequestThrottledException",
            "RequestLimitExceeded",
            "TooManyRequestsException",
            "SlowDown",
            "PriorRequestNotComplete",
            "BandwidthLimitExceeded",
            "TransactionInProgressException",
        ],
    ),
    (
        // The SDK takes LimitExceededException for a throttle and would retry it; here it is an exhausted quota.
        Quota,
        &[
            "LimitExceededException",
            "LimitExceeded",
            "ResourceLimitExceeded",
            "ResourceLimitExceededException",
            "ServiceQuotaExceededException",
            "QuotaExceeded",
            "TooManyTargetGroups",
            "TooManyTargets",
            "TooManyRegistrationsForTargetId",
            "TooManyActions",
            "TooManyUniqueTargetGroupsPerLoadBalancer",
            "TargetGroupAssociationLimit",
        ],
    ),
    (
        Transient,
        &[
            "ServerException",
            "InternalServiceException",
            "InternalServerException",
            "InternalServerError",
            "InternalFailure",
            "InternalError",
            "ServiceFailure",
            "ServiceFailureException",
            "ServiceUnavailable",
            "ServiceUnavailableException",
            "RequestTimeout",
            "RequestTimeoutException",
            "HealthUnavailable",
        ],
    ),
    (
        Conflict,
        &[
            "ConflictException",
            "ConcurrentModification",
            "ConcurrentModificationException",
            "EntityTemporarilyUnmodifiable",
            "UpdateInProgressException",
            "OperationAbortedException",
            "DuplicateRequest",
            // A set that is to be deleted is not what was seen.
            "InvalidChangeBatch",
        ],
    ),
    (
        InUse,
        &[
            "ResourceInUse",
            "ResourceInUseException",
            "DeleteConflict",
            "ClusterContainsContainerInstancesException",
            "ClusterContainsServicesException",
            "ClusterContainsTasksException",
            "ClusterContainsCapacityProviderException",
        ],
    ),
    (
        NotFound,
        &[
            "ServiceNotFoundException",
            "ClusterNotFoundException",
            "ServiceNotActiveException",
            "ServiceDeploymentNotFoundException",
            "TaskSetNotFoundException",
            "ResourceNotFoundException",
            "ResourceNotFound",
            "NoSuchEntity",
            "NamespaceNotFound",
            "ServiceNotFound",
            "InstanceNotFound",
            "OperationNotFound",
            "TargetGroupNotFound",
            "NoSuchHostedZone",
            "NoSuchChange",
            "RuleNotFound",
            "ListenerNotFound",
            "LoadBalancerNotFound",
        ],
    ),
    (NotYet, &["NamespaceNotFoundException", "ResourcePropagationDelayException"]),
    (
        AlreadyExists,
        &[
            "EntityAlreadyExists",
            "NamespaceAlreadyExists",
            "ServiceAlreadyExists",
            "ResourceAlreadyExistsException",
            "DuplicateTargetGroupName",
        ],
    ),
    (
        Invalid,
        &[
            "InvalidParameterException",
            "InvalidParameterValue",
            "InvalidParameter",
            "ClientException",
            "PlatformUnknownException",
            "PlatformTaskDefinitionIncompatibilityException",
            "UnsupportedFeatureException",
            "ValidationException",
            "ValidationError",
            "InvalidInput",
            "InvalidRequestException",
            "MalformedPolicyDocument",
            "PolicyNotAttachable",
            "UnmodifiableEntity",
            "TooManyTagsException",
            "SerializationException",
            "UnknownOperationException",
            "InvalidAction",
            "InvalidConfigurationRequest",
            "InvalidTarget",
            "IncompatibleProtocols",
            "InvalidLoadBalancerAction",
            "OperationNotPermitted",
            "UnsupportedProtocol",
            "RequestEntityTooLargeException",
        ],
    ),
    (
        AccessDenied,
        &[
            "AccessDenied",
            "AccessDeniedException",
            "UnauthorizedOperation",
            "NotAuthorized",
            "OptInRequired",
            "BlockedException",
        ],
    ),
    (
        Credentials,
        &[
            "ExpiredToken",
            "ExpiredTokenException",
            "RequestExpired",
            "UnrecognizedClientException",
            "InvalidClientTokenId",
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "InvalidSignatureException",
            "IncompleteSignature",
            "IncompleteSignatureException",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "NotSignedIn",
            "AuthFailure",
        ],
    ),
];

/// Parts of messages (in lower case) that say: the same request will be accepted later. ECS and IAM document the codes, not
/// the texts, so parts are compared and everything else with these codes stays what the table says.
const NOT_YET: &[&str] = &[
    "verify that the ecs service role being passed has the proper permissions",
    "does not have an associated load balancer",
    "unable to assume the service linked role",
    "unable to start a service that is still draining",
    "ecs was unable to assume the role",
    "invalid principal in policy",
    // EKS, of a role that was just made.
    "role provided in the request does not exist",
    // A capacity provider that was just made.
    "is not in an active state",
];

/// Parts of messages of ECS about capacity providers, which have no codes of their own, and what they mean.
const CAPACITY_PROVIDERS: &[(&str, ErrorClass)] = &[
    ("capacity provider already exists", AlreadyExists),
    ("capacity provider does not exist", NotFound),
    ("capacity providers are attached to the cluster", InUse),
    ("capacity provider cannot be deleted because it is associated with", InUse),
    ("still associated with this capacity provider", InUse),
];

/// The class of what AWS answered.
pub(super) fn classify(operation: &Operation, code: &str, message: &str, status: u16) -> ErrorClass {
    let message = message.to_ascii_lowercase();
    let class = CODES.iter().find(|(_, codes)| codes.contains(&code)).map(|(class, _)| *class);
    let provider = CAPACITY_PROVIDERS.iter().find(|(part, _)| message.contains(part)).map(|(_, class)| *class);
    match (class, code) {
        (Some(Invalid), _) if NOT_YET.iter().any(|part| message.contains(part)) => NotYet,
        (Some(Invalid), _) if message.contains("creation of service was not idempotent") => AlreadyExists,
        (Some(Invalid), "ClientException" | "InvalidParameterException") if provider.is_some() => {
            provider.unwrap_or(Invalid)
        }
        // ECS has no code for a task definition or a cluster that is not there.
        (Some(Invalid), "ClientException" | "InvalidParameterException")
            if message.contains("unable to describe task definition")
                || message.contains("cluster not found")
                || message.contains("the specified task definition does not exist") =>
        {
            NotFound
        }
        // A cluster that was just made is not everywhere at once.
        (Some(NotFound), "ClusterNotFoundException") if operation.action() == "CreateService" => NotYet,
        // A task definition that is gone already is what DeregisterTaskDefinition wants.
        (Some(Invalid), "ClientException")
            if operation.action() == "DeregisterTaskDefinition" && message.contains("unable to deregister") =>
        {
            NotFound
        }
        (Some(class), _) => class,
        (None, _) => match status {
            429 => Throttled,
            500.. => Transient,
            403 => AccessDenied,
            401 => Credentials,
            404 => NotFound,
            _ => Invalid,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations as op;

    #[test]
    fn every_code_stands_in_one_class_only() {
        let mut all: Vec<_> = CODES.iter().flat_map(|(_, codes)| codes.iter()).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn every_code_of_the_table_is_classified_as_the_table_says() {
        for (class, codes) in CODES {
            for code in *codes {
                assert_eq!(classify(op::DELETE_ROLE, code, "", 400), *class, "{code}");
            }
        }
    }

    #[test]
    fn messages_that_mean_later_are_not_taken_for_a_refusal() {
        for message in [
            "Unable to Start a service that is still Draining.",
            "The target group with targetGroupArn arn:x does not have an associated load balancer.",
            "Unable to assume the service linked role. Please verify that the ECS service linked role exists.",
        ] {
            assert_eq!(classify(op::CREATE_SERVICE, "InvalidParameterException", message, 400), NotYet, "{message}");
        }
        let message = "Invalid principal in policy: \"AWS\":\"arn:aws:iam::1:role/x\"";
        assert_eq!(classify(op::UPDATE_ASSUME_ROLE_POLICY, "MalformedPolicyDocument", message, 400), NotYet);
        assert_eq!(classify(op::CREATE_SERVICE, "InvalidParameterException", "no such subnet", 400), Invalid);
    }

    #[test]
    fn the_same_code_means_what_its_operation_makes_of_it() {
        for (operation, code, message, class) in [
            (op::CREATE_SERVICE, "ClusterNotFoundException", "Cluster not found.", NotYet),
            (op::DELETE_SERVICE, "ClusterNotFoundException", "Cluster not found.", NotFound),
            (op::DESCRIBE_TASK_DEFINITION, "ClientException", "Unable to describe task definition.", NotFound),
            (op::REGISTER_TASK_DEFINITION, "ClientException", "Family contains invalid characters.", Invalid),
            (op::CREATE_SERVICE, "InvalidParameterException", "Creation of service was not idempotent.", AlreadyExists),
            (op::CREATE_CLUSTER, "LimitExceededException", "", Quota),
            (
                op::CREATE_CAPACITY_PROVIDER,
                "ClientException",
                "The specified capacity provider already exists. To change the configuration of an existing capacity provider, \
                 update the capacity provider.",
                AlreadyExists,
            ),
            (
                op::DELETE_CAPACITY_PROVIDER,
                "ClientException",
                "The specified capacity provider does not exist. Specify a valid name or ARN and try again.",
                NotFound,
            ),
            (
                op::DELETE_CLUSTER,
                "ClientException",
                "The Cluster cannot be deleted while Cluster Scoped Capacity Providers are attached to the cluster.",
                InUse,
            ),
            (
                op::PUT_CLUSTER_CAPACITY_PROVIDERS,
                "InvalidParameterException",
                "The specified capacity provider 'big' is not in an ACTIVE state. Specify a valid capacity provider and try \
                 again.",
                NotYet,
            ),
            (
                op::CREATE_CAPACITY_PROVIDER,
                "ClientException",
                "The specified Auto Scaling group ARN is already being used by another capacity provider. Specify a unique Auto \
                 Scaling group ARN and try again.",
                Invalid,
            ),
        ] {
            assert_eq!(classify(operation, code, message, 400), class, "{} {code}", operation.name);
        }
    }

    #[test]
    fn an_unknown_code_is_judged_by_its_status() {
        for (status, class) in
            [(429, Throttled), (503, Transient), (500, Transient), (403, AccessDenied), (400, Invalid)]
        {
            assert_eq!(classify(op::GET_ROLE, "Strange", "", status), class, "{status}");
        }
    }
}
