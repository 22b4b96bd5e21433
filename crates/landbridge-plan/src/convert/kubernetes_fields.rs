//! The fields of Kubernetes objects, and what ECS has for each. A field without a row is refused.

use super::table::{Row, Section, near, none, same, same_but};

const RECORD: &str = "the API server's own record, no setting";
const DEFAULT: &str = "what ECS does anyway";

/// The rows of one kind.
pub struct Kind {
    /// The kind.
    pub kind: &'static str,
    /// Its rows.
    pub sections: &'static [Section],
}

const OBJECT: Section = Section {
    title: "Every object",
    prefix: "",
    rows: &[
        same("apiVersion", "kind"),
        same("kind", "kind"),
        same("metadata.name", "metadata.name"),
        same("metadata.namespace", "metadata.namespace"),
        near("metadata.uid", "", RECORD),
        near("metadata.resourceVersion", "", RECORD),
        near("metadata.generation", "", RECORD),
        near("metadata.creationTimestamp", "", RECORD),
        near("metadata.managedFields[].**", "", RECORD),
        near("metadata.annotations.\"kubectl.kubernetes.io/last-applied-configuration\"", "", RECORD),
        near("metadata.annotations.\"deployment.kubernetes.io/revision\"", "", RECORD),
        same_but(
            "metadata.annotations.\"landbridge.dev/ecs-fields\"",
            "spec",
            "fields that Kubernetes has no exact form for, kept by convert --to kubernetes",
        ),
        near("metadata.annotations.\"landbridge.dev/converted-from\"", "", "says where the object came from"),
        none("metadata.annotations.*", "an ECS service has tags and no annotations"),
        near("status.**", "", RECORD),
    ],
};

/// Rows of objects whose labels say nothing about the service.
const LABELS: Section = Section {
    title: "Labels",
    prefix: "metadata.labels",
    rows: &[near("*", "", "labels of this object belong to Kubernetes")],
};

const CONTAINER: &[Row] = &[
    same("name", "containerDefinitions[].name"),
    same("image", "containerDefinitions[].image"),
    near("imagePullPolicy", "", "ECS pulls at each start of a task, on instances as the agent is set"),
    same("command", "containerDefinitions[].entryPoint"),
    same_but("args", "containerDefinitions[].command", "args are Docker's CMD, which is ECS's command"),
    same("workingDir", "containerDefinitions[].workingDirectory"),
    same("stdin", "containerDefinitions[].interactive"),
    same("tty", "containerDefinitions[].pseudoTerminal"),
    same("env[].name", "environment[].name, secrets[].name"),
    same("env[].value", "environment[].value"),
    same("env[].valueFrom.secretKeyRef.name", "secrets[].valueFrom"),
    same("env[].valueFrom.secretKeyRef.key", "secrets[].valueFrom"),
    none("env[].valueFrom.secretKeyRef.optional", "a task does not start without its secrets"),
    none("env[].valueFrom.configMapKeyRef.**", "the ConfigMap is not among the files: add its file"),
    none("env[].valueFrom.fieldRef.**", "ECS has no downward API"),
    none("env[].valueFrom.resourceFieldRef.**", "ECS has no downward API"),
    none("envFrom[].**", "the ConfigMap or ExternalSecret is not among the files: add its file"),
    same("ports[].containerPort", "portMappings[].containerPort"),
    same("ports[].hostPort", "portMappings[].hostPort"),
    none("ports[].hostIP", "ECS listens on every address"),
    same("ports[].protocol", "portMappings[].protocol"),
    same("ports[].name", "portMappings[].name"),
    same_but("resources.requests.cpu", "containerDefinitions[].cpu", "one CPU is 1024 units, rounded up"),
    same("resources.requests.memory", "containerDefinitions[].memoryReservation"),
    same("resources.limits.memory", "containerDefinitions[].memory"),
    near("resources.limits.cpu", "", "a container in ECS may use what the task has: only the task has a limit"),
    same("resources.limits.*", "resourceRequirements, ephemeralStorage"),
    same("resources.requests.*", "ephemeralStorage"),
    none("resources.claims[].**", "ECS has no resource claims"),
    same("volumeMounts[].name", "mountPoints[].sourceVolume"),
    same("volumeMounts[].mountPath", "mountPoints[].containerPath"),
    same("volumeMounts[].readOnly", "mountPoints[].readOnly"),
    none("volumeMounts[].**", "ECS mounts a volume as a whole, and only as it is"),
    none("volumeDevices[].**", "ECS attaches no raw devices"),
    same_but(
        "livenessProbe.exec.command",
        "healthCheck.command",
        "ECS replaces the task where Kubernetes restarts the container",
    ),
    near("livenessProbe.httpGet.**", "healthCheck.command", "a command with curl takes its place"),
    same("livenessProbe.periodSeconds", "healthCheck.interval"),
    same("livenessProbe.timeoutSeconds", "healthCheck.timeout"),
    same("livenessProbe.failureThreshold", "healthCheck.retries"),
    near("livenessProbe.initialDelaySeconds", "healthCheck.startPeriod", "failures in this time do not count"),
    near("livenessProbe.successThreshold", "", DEFAULT),
    near("startupProbe.exec.command", "healthCheck.startPeriod", "the health check's own command runs from the start"),
    near("startupProbe.httpGet.**", "healthCheck.startPeriod", "the health check's own command runs from the start"),
    same("startupProbe.periodSeconds", "healthCheck.startPeriod"),
    same("startupProbe.failureThreshold", "healthCheck.startPeriod"),
    same("startupProbe.timeoutSeconds", "healthCheck.timeout"),
    near(
        "startupProbe.initialDelaySeconds",
        "healthCheck.startPeriod",
        "part of the time in which failures do not count",
    ),
    none("startupProbe.**", "ECS checks by a command alone"),
    none("livenessProbe.**", "ECS checks by a command alone: write one that checks it"),
    none(
        "readinessProbe.**",
        "whether a task gets traffic is the target group's health check: set path, port, interval and codes there",
    ),
    none("lifecycle.**", "ECS has no hooks: trap SIGTERM in the container, within stopTimeout"),
    same("securityContext.runAsUser", "containerDefinitions[].user"),
    same("securityContext.runAsGroup", "containerDefinitions[].user"),
    same("securityContext.privileged", "containerDefinitions[].privileged"),
    same("securityContext.readOnlyRootFilesystem", "containerDefinitions[].readonlyRootFilesystem"),
    same("securityContext.capabilities.add", "linuxParameters.capabilities.add"),
    same("securityContext.capabilities.drop", "linuxParameters.capabilities.drop"),
    none("securityContext.**", "ECS has no such setting: on instances some are dockerSecurityOptions"),
    near("restartPolicy", "dependsOn", "Always makes a sidecar, on which the containers after it depend"),
    near("terminationMessagePath", "", "ECS keeps the exit code and a reason"),
    near("terminationMessagePolicy", "", "ECS keeps the exit code and a reason"),
];

const POD: Section = Section {
    title: "Pod",
    prefix: "spec.template.spec",
    rows: &[
        same("serviceAccountName", "taskRoleArn, taskRoleRef"),
        near("serviceAccount", "", "an older name of serviceAccountName"),
        near("automountServiceAccountToken", "", "a task has no token of the Kubernetes API"),
        near("enableServiceLinks", "", "ECS writes no variables for other services"),
        near("restartPolicy", "", "ECS replaces a task whose essential container ends"),
        near("dnsPolicy", "", "tasks ask the VPC's resolver"),
        near("schedulerName", "", "ECS schedules"),
        same("terminationGracePeriodSeconds", "containerDefinitions[].stopTimeout"),
        same("nodeSelector.*", "runtimePlatform"),
        same("hostNetwork", "networkMode"),
        same("hostPID", "pidMode"),
        same("hostIPC", "ipcMode"),
        same("shareProcessNamespace", "pidMode"),
        same("resources.limits.cpu", "taskDefinition.cpu"),
        same("resources.limits.memory", "taskDefinition.memory"),
        same("resources.requests.cpu", "taskDefinition.cpu"),
        same("resources.requests.memory", "taskDefinition.memory"),
        same("volumes[].name", "volumes[].name"),
        same("volumes[].emptyDir", "volumes[]"),
        same("volumes[].emptyDir.medium", "linuxParameters.tmpfs, sharedMemorySize"),
        same("volumes[].emptyDir.sizeLimit", "linuxParameters.tmpfs[].size, sharedMemorySize"),
        same("volumes[].hostPath.path", "volumes[].host.sourcePath"),
        near("volumes[].hostPath.type", "", "ECS makes the directory when it is missing"),
        same("volumes[].persistentVolumeClaim.claimName", "volumes[].efsVolumeConfiguration"),
        same("volumes[].ephemeral.volumeClaimTemplate.spec.resources.requests.storage", "managedEBSVolume.sizeInGiB"),
        near("volumes[].ephemeral.volumeClaimTemplate.spec.accessModes", "", "an EBS volume is of one task"),
        near(
            "volumes[].ephemeral.volumeClaimTemplate.spec.storageClassName",
            "managedEBSVolume",
            "set volumeType, iops and throughput as the class has them",
        ),
        none("volumes[].**", "ECS has no such volume"),
        near(
            "imagePullSecrets[].name",
            "repositoryCredentials",
            "ECR needs none; for another registry name a secret of Secrets Manager in repositoryCredentials",
        ),
        same("securityContext.runAsUser", "containerDefinitions[].user"),
        same("securityContext.runAsGroup", "containerDefinitions[].user"),
        same("securityContext.sysctls[].name", "systemControls[].namespace"),
        same("securityContext.sysctls[].value", "systemControls[].value"),
        near("securityContext", "", DEFAULT),
        none("securityContext.**", "ECS has no such setting"),
        same("topologySpreadConstraints[].topologyKey", "placementStrategy[].field"),
        near(
            "topologySpreadConstraints[].**",
            "placementStrategy",
            "ECS spreads as evenly as it can, and refuses nothing for it",
        ),
        same(
            "affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[].topologyKey",
            "placementConstraints distinctInstance",
        ),
        same(
            "affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[].labelSelector.**",
            "placementConstraints distinctInstance",
        ),
        none("affinity.**", "write placementConstraints, on instances"),
        none("tolerations[].**", "ECS has no taints: choose capacity with a capacity provider"),
        none("priorityClassName", "ECS has no priorities"),
        none("dnsConfig.**", "a task in awsvpc mode asks the VPC's resolver"),
        none("hostAliases[].**", "a task in awsvpc mode takes no extraHosts: use names of Cloud Map or Route 53"),
        none("hostname", "a task in awsvpc mode has its address as name"),
    ],
};

const CONTAINERS: Section = Section { title: "Container", prefix: "spec.template.spec.containers[]", rows: CONTAINER };
const INIT_CONTAINERS: Section =
    Section { title: "Init container", prefix: "spec.template.spec.initContainers[]", rows: CONTAINER };

const TEMPLATE: Section = Section {
    title: "Pod template",
    prefix: "spec.template.metadata",
    rows: &[
        same("labels.*", "taskDefinition.tags[]"),
        near("name", "", "the pods are named by their owner"),
        near("creationTimestamp", "", RECORD),
        none("annotations.*", "a task has tags and no annotations"),
    ],
};

const DEPLOYMENT: Section = Section {
    title: "Deployment",
    prefix: "",
    rows: &[
        same("metadata.labels.*", "tags[]"),
        same("spec.replicas", "desiredCount"),
        near("spec.selector.matchLabels.*", "", "ECS knows the tasks of a service by itself"),
        same("spec.revisionHistoryLimit", "revisionHistoryLimit"),
        near("spec.strategy.type", "deploymentConfiguration", "ECS rolls"),
        same("spec.strategy.rollingUpdate.maxSurge", "deploymentConfiguration.maximumPercent"),
        same("spec.strategy.rollingUpdate.maxUnavailable", "deploymentConfiguration.minimumHealthyPercent"),
        near("spec.progressDeadlineSeconds", "", "deploymentCircuitBreaker counts failed tasks instead: turn it on"),
        none("spec.minReadySeconds", "ECS counts a task when it is healthy: use bakeTimeInMinutes with BLUE_GREEN"),
        none("spec.paused", "pause with spec.paused of the ECSService"),
    ],
};

const DAEMON_SET: Section = Section {
    title: "DaemonSet",
    prefix: "",
    rows: &[
        same("metadata.labels.*", "tags[]"),
        near("spec.selector.matchLabels.*", "", "ECS knows the tasks of a service by itself"),
        same("spec.revisionHistoryLimit", "revisionHistoryLimit"),
        near("spec.updateStrategy.type", "deploymentConfiguration", "ECS rolls"),
        near(
            "spec.updateStrategy.rollingUpdate.maxSurge",
            "",
            "ECS runs one task of a daemon on an instance: maximumPercent 100",
        ),
        same("spec.updateStrategy.rollingUpdate.maxUnavailable", "deploymentConfiguration.minimumHealthyPercent"),
        none("spec.minReadySeconds", "ECS counts a task when it is healthy"),
    ],
};

const SERVICE: Section = Section {
    title: "Service",
    prefix: "",
    rows: &[
        near("spec.selector.*", "", "Cloud Map knows the tasks of a service"),
        near("spec.ports[].name", "portMappings[].name", "the container's port keeps its own name"),
        near("spec.ports[].port", "portMappings[].containerPort", "callers use the container's own port"),
        near("spec.ports[].targetPort", "portMappings[].containerPort", "callers use the container's own port"),
        near("spec.ports[].protocol", "portMappings[].protocol", "the container's port says it"),
        same("spec.ports[].appProtocol", "portMappings[].appProtocol"),
        none("spec.ports[].nodePort", "nothing listens on nodes: use a target group in loadBalancers"),
        near("spec.type", "", "what comes from outside comes through a target group in loadBalancers"),
        near("spec.clusterIP", "", "Cloud Map gives the addresses of the tasks"),
        near("spec.clusterIPs", "", "Cloud Map gives the addresses of the tasks"),
        near("spec.ipFamilies", "", "set dnsConfig of serviceDiscovery for AAAA"),
        near("spec.ipFamilyPolicy", "", "set dnsConfig of serviceDiscovery for AAAA"),
        near("spec.internalTrafficPolicy", "", "Cloud Map knows no node of its own"),
        near("spec.sessionAffinity", "", "stickiness is the target group's"),
        near(
            "metadata.annotations.\"landbridge.dev/cloud-map-name\"",
            "serviceDiscovery",
            "the name that the service had in Cloud Map",
        ),
        none("spec.**", "what comes from outside comes through a target group in loadBalancers"),
    ],
};

const SERVICE_ACCOUNT: Section = Section {
    title: "ServiceAccount",
    prefix: "",
    rows: &[
        same("metadata.annotations.\"eks.amazonaws.com/role-arn\"", "taskDefinition.taskRoleArn"),
        same("metadata.annotations.\"landbridge.dev/task-role-arn\"", "taskDefinition.taskRoleArn"),
        same("metadata.annotations.\"landbridge.dev/task-role\"", "taskRoleRef"),
        near("metadata.annotations.\"eks.amazonaws.com/*\"", "", "a task gets its role from ECS"),
        near("automountServiceAccountToken", "", "a task has no token of the Kubernetes API"),
        near("imagePullSecrets[].name", "repositoryCredentials", "ECR needs none"),
        near("secrets[].name", "", "a task has no token of the Kubernetes API"),
    ],
};

const NO_SCALING: &str =
    "ECSService has no block for scaling: with --scaling DIR what Application Auto Scaling needs is written there";

const AUTOSCALER: Section = Section {
    title: "HorizontalPodAutoscaler",
    prefix: "",
    rows: &[
        near("spec.scaleTargetRef.**", "", "the service itself"),
        none("spec.minReplicas", NO_SCALING),
        none("spec.maxReplicas", NO_SCALING),
        none("spec.metrics[].**", NO_SCALING),
        none("spec.behavior.**", NO_SCALING),
    ],
};

const BUDGET: Section = Section {
    title: "PodDisruptionBudget",
    prefix: "",
    rows: &[
        near("spec.selector.**", "", "ECS knows the tasks of a service by itself"),
        none(
            "spec.**",
            "minimumHealthyPercent keeps tasks while instances drain; a task protects itself with task scale-in protection",
        ),
    ],
};

const CONFIG_MAP: Section = Section {
    title: "ConfigMap",
    prefix: "",
    rows: &[
        none("data.*", "no container takes a variable from it; ECS mounts no files of it"),
        none("binaryData.*", "ECS mounts no files of it"),
        near("immutable", "", "a revision of a task definition never changes"),
    ],
};

const NEVER_READ: &str =
    "a value is never read or written here: put it into Secrets Manager, and add an ExternalSecret that names it";

const SECRET: Section = Section {
    title: "Secret",
    prefix: "",
    rows: &[
        none("data.*", NEVER_READ),
        none("stringData.*", NEVER_READ),
        near("type", "", "Secrets Manager has no types"),
        near("immutable", "", "Secrets Manager has versions"),
    ],
};

const EXTERNAL_SECRET: Section = Section {
    title: "ExternalSecret",
    prefix: "",
    rows: &[
        same("spec.data[].secretKey", "secrets[]"),
        same("spec.data[].remoteRef.key", "secrets[].valueFrom"),
        same("spec.data[].remoteRef.property", "secrets[].valueFrom"),
        same("spec.data[].remoteRef.version", "secrets[].valueFrom"),
        near("spec.data[].sourceRef.**", "secrets[].valueFrom", "the ARN says in which service the value is"),
        near("spec.refreshInterval", "", "ECS reads a value when a task starts"),
        near(
            "spec.secretStoreRef.**",
            "secrets[].valueFrom",
            "the ARN says in which service the value is; the execution role reads it",
        ),
        near("spec.target.name", "secrets[].valueFrom", "there is no Secret in between"),
        near("spec.target.creationPolicy", "", "there is no Secret in between"),
        near("spec.target.deletionPolicy", "", "there is no Secret in between"),
        none("spec.**", "ECS reads whole values, or one key of a secret's JSON: name each with remoteRef"),
    ],
};

const NO_INGRESS: &str = "ECSService has no block for ingress yet: make a target group and a listener rule with these hosts and paths, and name the \
                          target group in spec.loadBalancers";

const INGRESS: Section = Section { title: "Ingress, HTTPRoute", prefix: "", rows: &[none("spec.**", NO_INGRESS)] };

const CLAIM: Section = Section {
    title: "PersistentVolumeClaim",
    prefix: "",
    rows: &[
        near("spec.volumeName", "volumes[].efsVolumeConfiguration", "the task definition names the file system itself"),
        near("spec.**", "", "the task definition names the file system itself"),
    ],
};

const VOLUME: Section = Section {
    title: "PersistentVolume",
    prefix: "",
    rows: &[
        same("spec.csi.volumeHandle", "efsVolumeConfiguration"),
        near("spec.csi.driver", "efsVolumeConfiguration", "ECS mounts EFS itself"),
        same("spec.csi.volumeAttributes.encryptInTransit", "efsVolumeConfiguration.transitEncryption"),
        same("spec.mountOptions", "efsVolumeConfiguration.transitEncryption, authorizationConfig.iam"),
        near("spec.capacity.storage", "", "EFS grows as it is filled"),
        near("spec.accessModes", "", "EFS is mounted by any number of tasks"),
        near("spec.persistentVolumeReclaimPolicy", "", "ECS never deletes a file system"),
        near("spec.storageClassName", "", "the task definition names the file system itself"),
        near("spec.volumeMode", "", "EFS is a file system"),
        near("spec.claimRef.**", "", "the task definition names the file system itself"),
    ],
};

const GROUPS: Section = Section {
    title: "SecurityGroupPolicy",
    prefix: "",
    rows: &[
        same("spec.securityGroups.groupIds", "networkConfiguration.awsvpcConfiguration.securityGroups"),
        near("spec.podSelector.**", "", "the groups are the service's own"),
    ],
};

/// The mapping table of Kubernetes.
pub const KINDS: &[Kind] = &[
    Kind { kind: "Deployment", sections: &[DEPLOYMENT, CONTAINERS, INIT_CONTAINERS, POD, TEMPLATE, OBJECT] },
    Kind { kind: "DaemonSet", sections: &[DAEMON_SET, CONTAINERS, INIT_CONTAINERS, POD, TEMPLATE, OBJECT] },
    Kind { kind: "Service", sections: &[SERVICE, OBJECT, LABELS] },
    Kind { kind: "ServiceAccount", sections: &[SERVICE_ACCOUNT, OBJECT, LABELS] },
    Kind { kind: "HorizontalPodAutoscaler", sections: &[AUTOSCALER, OBJECT, LABELS] },
    Kind { kind: "PodDisruptionBudget", sections: &[BUDGET, OBJECT, LABELS] },
    Kind { kind: "ConfigMap", sections: &[CONFIG_MAP, OBJECT, LABELS] },
    Kind { kind: "Secret", sections: &[SECRET, OBJECT, LABELS] },
    Kind { kind: "ExternalSecret", sections: &[EXTERNAL_SECRET, OBJECT, LABELS] },
    Kind { kind: "Ingress", sections: &[INGRESS, OBJECT, LABELS] },
    Kind { kind: "HTTPRoute", sections: &[INGRESS, OBJECT, LABELS] },
    Kind { kind: "PersistentVolumeClaim", sections: &[CLAIM, OBJECT, LABELS] },
    Kind { kind: "PersistentVolume", sections: &[VOLUME, OBJECT, LABELS] },
    Kind { kind: "SecurityGroupPolicy", sections: &[GROUPS, OBJECT, LABELS] },
];

/// The rows of a kind; none when nothing of it can become ECS.
pub fn sections(kind: &str) -> Option<&'static [Section]> {
    KINDS.iter().find(|k| k.kind == kind).map(|k| k.sections)
}

/// Why a kind has no place in ECS, and what to do.
pub fn why_not(kind: &str) -> &'static str {
    match kind {
        "StatefulSet" => {
            "ECS gives tasks no identity, no order and no volume that outlives them: keep it on Kubernetes, or use a managed store"
        }
        "CronJob" => {
            "there is no ECSScheduledTask yet: convert a Deployment of the same pod, and run its task definition with EventBridge Scheduler"
        }
        "Job" => {
            "there is no ECSTask yet: convert a Deployment of the same pod, and run its task definition with aws ecs run-task"
        }
        "Pod" | "ReplicaSet" => "convert the Deployment that owns it",
        "NetworkPolicy" => "write it as rules of the service's security group",
        "Namespace" => "ECS has no namespaces; the ECSService keeps its own",
        _ => "ECS has nothing of this kind",
    }
}
