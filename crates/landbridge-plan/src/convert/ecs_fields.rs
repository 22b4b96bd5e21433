//! The fields of an ECS service and its task definition, and what Kubernetes has for each.

use super::table::{Section, near, none, same, same_but};

const RECORD: &str = "AWS's own record, no setting: Kubernetes keeps its own";
const OURS: &str = "says how Landbridge treats what it owns in AWS; there is nothing to own here";

/// The mapping table of ECS, in the form of ECSService's spec.
pub const SECTIONS: &[Section] = &[CONTAINER, TASK, SERVICE];

const CONTAINER: Section = Section {
    title: "Container",
    prefix: "taskDefinition.containerDefinitions[]",
    rows: &[
        same("name", "containers[].name"),
        same("image", "containers[].image"),
        near(
            "repositoryCredentials.credentialsParameter",
            "imagePullSecrets",
            "an ExternalSecret makes a pull secret for the image's registry of it",
        ),
        same_but("cpu", "resources.requests.cpu", "1024 units are one CPU: 512 units are 500m"),
        same("memory", "resources.limits.memory"),
        same("memoryReservation", "resources.requests.memory"),
        none("links", "pods have no links: containers of a pod reach each other on localhost"),
        same("portMappings[].containerPort", "ports[].containerPort"),
        same_but(
            "portMappings[].hostPort",
            "ports[].hostPort",
            "in awsvpc mode it is the container's own port and left out",
        ),
        same("portMappings[].protocol", "ports[].protocol"),
        same("portMappings[].name", "ports[].name"),
        same("portMappings[].appProtocol", "Service ports[].appProtocol"),
        near("portMappings[].containerPortRange", "ports[]", "one port for each of the range"),
        same("essential", "containers[]"),
        near("restartPolicy.**", "restartPolicy", "Kubernetes restarts every container that ends, with backoff"),
        same_but("entryPoint", "containers[].command", "$( and $$ are escaped: ECS does not expand them"),
        same_but("command", "containers[].args", "ECS's command is Docker's CMD, which is args; $( and $$ are escaped"),
        same("environment[].name", "env[].name"),
        same("environment[].value", "env[].value"),
        near(
            "environmentFiles[].value",
            "envFrom[].configMapRef",
            "make the ConfigMap of the file: kubectl create configmap --from-env-file",
        ),
        near("environmentFiles[].type", "envFrom[].configMapRef", "a ConfigMap stands for the file"),
        same("mountPoints[].sourceVolume", "volumeMounts[].name"),
        same("mountPoints[].containerPath", "volumeMounts[].mountPath"),
        same("mountPoints[].readOnly", "volumeMounts[].readOnly"),
        none(
            "volumesFrom[].**",
            "give both containers a mount of one emptyDir; what the image has there is not copied",
        ),
        same("linuxParameters.capabilities.add", "securityContext.capabilities.add"),
        same("linuxParameters.capabilities.drop", "securityContext.capabilities.drop"),
        none("linuxParameters.devices[].**", "a device plugin has to offer the device"),
        none(
            "linuxParameters.initProcessEnabled",
            "put an init such as tini into the image, or share the pod's process namespace",
        ),
        same("linuxParameters.sharedMemorySize", "emptyDir (Memory) at /dev/shm"),
        same("linuxParameters.tmpfs[].containerPath", "emptyDir (Memory) volumeMounts[].mountPath"),
        same("linuxParameters.tmpfs[].size", "emptyDir.sizeLimit"),
        none("linuxParameters.tmpfs[].mountOptions", "an emptyDir takes no mount options"),
        none("linuxParameters.maxSwap", "swap is the node's matter"),
        none("linuxParameters.swappiness", "swap is the node's matter"),
        same("secrets[].name", "env[].valueFrom.secretKeyRef"),
        same_but(
            "secrets[].valueFrom",
            "ExternalSecret data[].remoteRef",
            "the value is never read here; both sides inject it when the container starts",
        ),
        same("dependsOn[].containerName", "initContainers[]"),
        same("dependsOn[].condition", "initContainers[]"),
        none("startTimeout", "a container that waits for another waits for ever: set a deadline on the Deployment"),
        same_but(
            "stopTimeout",
            "terminationGracePeriodSeconds",
            "one for the whole pod: the longest of its containers",
        ),
        near(
            "versionConsistency",
            "containers[].image",
            "Kubernetes resolves a tag at each pull: write the digest to keep a deployment on one image",
        ),
        near("hostname", "", "the pod's name is the host name; hostname of the pod is for all its containers"),
        same_but("user", "securityContext.runAsUser, runAsGroup", "numbers only: a name stands in the image alone"),
        same("workingDirectory", "containers[].workingDir"),
        none("disableNetworking", "a pod has a network: forbid traffic with a NetworkPolicy"),
        same("privileged", "securityContext.privileged"),
        same("readonlyRootFilesystem", "securityContext.readOnlyRootFilesystem"),
        near("dnsServers", "dnsConfig.nameservers", "for the whole pod"),
        near("dnsSearchDomains", "dnsConfig.searches", "for the whole pod"),
        near("extraHosts[].hostname", "hostAliases[].hostnames", "for the whole pod"),
        near("extraHosts[].ipAddress", "hostAliases[].ip", "for the whole pod"),
        none("dockerSecurityOptions", "say it with seLinuxOptions, appArmorProfile or windowsOptions"),
        same("interactive", "containers[].stdin"),
        same("pseudoTerminal", "containers[].tty"),
        near(
            "dockerLabels.*",
            "",
            "a container has no labels; put what is read by programs into the pod's annotations",
        ),
        none("ulimits[].**", "limits are the node's container runtime's"),
        near("logConfiguration.logDriver", "", "the node's log agent collects standard output and error"),
        near("logConfiguration.options.*", "", "set the log agent's own destination"),
        none("logConfiguration.secretOptions[].**", "give the log agent its credentials"),
        same_but(
            "healthCheck.command",
            "livenessProbe.exec.command",
            "Kubernetes restarts the container where ECS replaces the task; readiness is the load balancer's check, not this one",
        ),
        same("healthCheck.interval", "livenessProbe.periodSeconds"),
        same("healthCheck.timeout", "livenessProbe.timeoutSeconds"),
        same("healthCheck.retries", "livenessProbe.failureThreshold"),
        same("healthCheck.startPeriod", "startupProbe.failureThreshold"),
        same_but(
            "systemControls[].namespace",
            "securityContext.sysctls[].name",
            "for the whole pod; the kubelet must allow unsafe ones",
        ),
        same("systemControls[].value", "securityContext.sysctls[].value"),
        same("resourceRequirements[].type", "resources.limits"),
        same("resourceRequirements[].value", "resources.limits"),
        none("resourceRequirements[].sharingStrategy.**", "set up sharing in the GPU's device plugin"),
        none(
            "firelensConfiguration.**",
            "run the log router as a DaemonSet, or as a sidecar with a configuration of its own",
        ),
        none("credentialSpecs", "use securityContext.windowsOptions.gmsaCredentialSpecName"),
    ],
};

const TASK: Section = Section {
    title: "Task definition",
    prefix: "taskDefinition",
    rows: &[
        near("family", "metadata.name", "a Deployment has a name and no family"),
        same("taskRoleArn", "ServiceAccount"),
        near(
            "executionRoleArn",
            "",
            "never given to the pod: nodes pull images with their role, External Secrets reads with its own",
        ),
        same("networkMode", "hostNetwork"),
        same("volumes[].name", "volumes[].name"),
        same("volumes[].host.sourcePath", "volumes[].hostPath.path"),
        same("volumes[].efsVolumeConfiguration.fileSystemId", "PersistentVolume csi.volumeHandle"),
        same("volumes[].efsVolumeConfiguration.rootDirectory", "PersistentVolume csi.volumeHandle"),
        same("volumes[].efsVolumeConfiguration.transitEncryption", "PersistentVolume mountOptions"),
        near("volumes[].efsVolumeConfiguration.transitEncryptionPort", "", "the EFS CSI driver chooses the port"),
        same("volumes[].efsVolumeConfiguration.authorizationConfig.accessPointId", "PersistentVolume csi.volumeHandle"),
        same("volumes[].efsVolumeConfiguration.authorizationConfig.iam", "PersistentVolume mountOptions"),
        none("volumes[].dockerVolumeConfiguration.**", "use an emptyDir, or a CSI driver in place of Docker's"),
        none(
            "volumes[].s3filesVolumeConfiguration.**",
            "mount it with its CSI driver and a PersistentVolume of your own",
        ),
        none("volumes[].fsxWindowsFileServerVolumeConfiguration.**", "mount it with the SMB CSI driver"),
        same("volumes[].configuredAtLaunch", "volumes[].ephemeral"),
        near("placementConstraints[].type", "", "write a nodeAffinity"),
        none(
            "placementConstraints[].expression",
            "write a nodeAffinity: ECS's query language names attributes that nodes do not have",
        ),
        near("requiresCompatibilities", "", "node groups, Karpenter or an EKS Fargate profile decide where pods run"),
        same_but("cpu", "spec.resources.limits.cpu", "of the whole pod, which Kubernetes 1.34 and newer keeps"),
        same_but("memory", "spec.resources.limits.memory", "of the whole pod, which Kubernetes 1.34 and newer keeps"),
        same("tags[].key", "template.metadata.labels"),
        same("tags[].value", "template.metadata.labels"),
        same("pidMode", "shareProcessNamespace, hostPID"),
        same("ipcMode", "hostIPC"),
        none("proxyConfiguration.**", "App Mesh has ended: use the mesh of the Kubernetes cluster"),
        none("inferenceAccelerators[].**", "AWS no longer offers Elastic Inference"),
        same("ephemeralStorage.sizeInGiB", "resources.limits.ephemeral-storage"),
        same("runtimePlatform.cpuArchitecture", "nodeSelector kubernetes.io/arch"),
        same("runtimePlatform.operatingSystemFamily", "nodeSelector kubernetes.io/os"),
        none("enableFaultInjection", "use FIS's actions for EKS pods"),
        near("taskDefinitionArn", "", RECORD),
        near("revision", "", RECORD),
        near("status", "", RECORD),
        near("requiresAttributes[].**", "", RECORD),
        near("compatibilities", "", RECORD),
        near("registeredAt", "", RECORD),
        near("registeredBy", "", RECORD),
        near("deregisteredAt", "", RECORD),
        near("deleteRequestedAt", "", RECORD),
    ],
};

const SERVICE: Section = Section {
    title: "Service",
    prefix: "",
    rows: &[
        near("cluster", "", "kubectl's context says which cluster it is"),
        near("clientToken", "", RECORD),
        near("clusterRef.name", "", "kubectl's context says which cluster it is"),
        near("serviceName", "metadata.name", "the Deployment has the object's name"),
        near("taskDefinitionArn", "", "the task definition itself is converted"),
        same("desiredCount", "replicas"),
        same("taskRoleRef.name", "ServiceAccount annotation landbridge.dev/task-role"),
        near(
            "executionRoleRef.name",
            "",
            "never given to the pod: nodes pull images with their role, External Secrets reads with its own",
        ),
        near(
            "serviceDiscovery.**",
            "Service",
            "callers in the cluster use the Service; a CloudMapExport keeps the name in Cloud Map",
        ),
        near("logs.**", "", "set the log agent's own destination"),
        same("revisionHistoryLimit", "revisionHistoryLimit"),
        near("launchType", "", "node groups, Karpenter or an EKS Fargate profile decide where pods run"),
        none("capacityProviderStrategy[].**", "Karpenter's NodePools have weights, and nothing has base and weight"),
        near("platformVersion", "", "EKS Fargate has platform versions of its own"),
        none("role", "a Classic Load Balancer has no place here"),
        near("networkConfiguration.awsvpcConfiguration.subnets", "", "pods have addresses of their nodes' subnets"),
        same("networkConfiguration.awsvpcConfiguration.securityGroups", "SecurityGroupPolicy"),
        none(
            "networkConfiguration.awsvpcConfiguration.assignPublicIp",
            "a pod gets no public address: use a NAT gateway or an ingress",
        ),
        none(
            "loadBalancers[].**",
            "hosts and paths are in the listener's rules: add the output of aws elbv2 describe-rules with -f, or --host",
        ),
        near("serviceRegistries[].**", "Service", "a CloudMapExport registers the pods in the same Cloud Map service"),
        same("serviceConnectConfiguration.enabled", "Service"),
        near("serviceConnectConfiguration.namespace", "metadata.namespace", "Kubernetes namespaces take its place"),
        near(
            "serviceConnectConfiguration.services[].portName",
            "Service ports[].name",
            "there is no proxy: no retries, no metrics of calls",
        ),
        near(
            "serviceConnectConfiguration.services[].discoveryName",
            "Service",
            "there is no proxy: no retries, no metrics of calls",
        ),
        near(
            "serviceConnectConfiguration.services[].clientAliases[].dnsName",
            "Service metadata.name",
            "a Service of that name where it is one label",
        ),
        near(
            "serviceConnectConfiguration.services[].clientAliases[].port",
            "Service ports[].port",
            "a Service with that port",
        ),
        none(
            "serviceConnectConfiguration.services[].clientAliases[].testTrafficRules.**",
            "use an HTTPRoute with a header match",
        ),
        none("serviceConnectConfiguration.services[].ingressPortOverride", "there is no proxy"),
        none(
            "serviceConnectConfiguration.services[].timeout.**",
            "there is no proxy: use an HTTPRoute's timeouts or a mesh",
        ),
        none(
            "serviceConnectConfiguration.services[].tls.**",
            "there is no proxy: use a mesh, or TLS in the application",
        ),
        none("serviceConnectConfiguration.logConfiguration.**", "there is no proxy"),
        none("serviceConnectConfiguration.accessLogConfiguration.**", "there is no proxy"),
        none("serviceConnectConfiguration.containerConfigurations[].**", "there is no proxy"),
        same("volumeConfigurations[].name", "volumes[].ephemeral"),
        same(
            "volumeConfigurations[].managedEBSVolume.sizeInGiB",
            "volumeClaimTemplate.spec.resources.requests.storage",
        ),
        near("volumeConfigurations[].managedEBSVolume.roleArn", "", "the EBS CSI driver has a role of its own"),
        none(
            "volumeConfigurations[].managedEBSVolume.snapshotId",
            "make a VolumeSnapshot of it and name it in dataSource",
        ),
        near("volumeConfigurations[].managedEBSVolume.**", "StorageClass", "set it in the StorageClass"),
        none("vpcLatticeConfigurations[].**", "use the Gateway API controller for VPC Lattice"),
        none("gatewayConnectors[].**", "use an Ingress or a Gateway"),
        near("deploymentConfiguration.strategy", "strategy", "a Deployment rolls"),
        same("deploymentConfiguration.maximumPercent", "rollingUpdate.maxSurge"),
        same_but(
            "deploymentConfiguration.minimumHealthyPercent",
            "rollingUpdate.maxUnavailable",
            "ECS rounds the least up, Kubernetes rounds what may be missing down: the same",
        ),
        near(
            "deploymentConfiguration.deploymentCircuitBreaker.**",
            "progressDeadlineSeconds",
            "a Deployment that does not progress says so and is not rolled back",
        ),
        none("deploymentConfiguration.alarms.**", "use Argo Rollouts or Flagger with an analysis"),
        none("deploymentConfiguration.bakeTimeInMinutes", "use Argo Rollouts or Flagger"),
        none("deploymentConfiguration.lifecycleHooks[].**", "use Argo Rollouts or Flagger"),
        none("deploymentConfiguration.linearConfiguration.**", "use Argo Rollouts or Flagger"),
        none("deploymentConfiguration.canaryConfiguration.**", "use Argo Rollouts or Flagger"),
        none("deploymentConfiguration.earlySuccessCriteria.**", "a Deployment is complete when every pod is new"),
        none("deploymentController.type", "CodeDeploy and external controllers act on ECS alone"),
        same("schedulingStrategy", "kind"),
        same("placementConstraints[].type", "podAntiAffinity"),
        none(
            "placementConstraints[].expression",
            "write a nodeAffinity: ECS's query language names attributes that nodes do not have",
        ),
        same("placementStrategy[].type", "topologySpreadConstraints"),
        same("placementStrategy[].field", "topologySpreadConstraints[].topologyKey"),
        near(
            "healthCheckGracePeriodSeconds",
            "",
            "a startupProbe has the time that the start takes; there is none without a health check",
        ),
        near("availabilityZoneRebalancing", "", "pods are not moved later: use the descheduler"),
        near("enableExecuteCommand", "", "kubectl exec, as RBAC allows it"),
        near("enableECSManagedTags", "", "pods carry labels of their owners"),
        near("propagateTags", "", "pods carry the labels of the template"),
        none("monitoring.**", "set it in the metrics agent"),
        same("tags[].key", "metadata.labels"),
        same("tags[].value", "metadata.labels"),
        near("adoptionPolicy", "", OURS),
        near("deletionPolicy", "", OURS),
        near("driftPolicy", "", OURS),
        near("paused", "", OURS),
        near("serviceArn", "", RECORD),
        near("clusterArn", "", RECORD),
        near("status", "", RECORD),
        near("runningCount", "", RECORD),
        near("pendingCount", "", RECORD),
        near("taskSets[].**", "", RECORD),
        near("deployments[].**", "", RECORD),
        near("events[].**", "", RECORD),
        near("roleArn", "", RECORD),
        near("createdAt", "", RECORD),
        near("createdBy", "", RECORD),
        near("platformFamily", "", RECORD),
        near("currentServiceDeployment", "", RECORD),
        near("currentServiceRevisions[].**", "", RECORD),
        near("resourceManagementType", "", RECORD),
    ],
};

/// Whether a row is of what only AWS writes.
pub fn is_record(note: &str) -> bool {
    note == RECORD
}

#[cfg(test)]
mod tests {
    use landbridge_api::ecs::schema::schema_of;
    use landbridge_api::v1alpha1::EcsServiceSpec;
    use serde_json::Value;

    use super::*;
    use crate::convert::path::{Path, Step};
    use crate::convert::report::Outcome;
    use crate::convert::table::row;

    /// Every field of a schema, with one item for each list and one member for each map.
    fn fields(schema: &Value, at: &Path, found: &mut Vec<Path>) {
        let inner = |f: &mut Vec<Path>, step: Step, schema: &Value| {
            let mut steps = at.0.clone();
            steps.push(step);
            fields(schema, &Path(steps), f);
        };
        if let Some(properties) = schema["properties"].as_object() {
            properties.iter().for_each(|(name, s)| inner(found, Step::Field(name.clone()), s));
        } else if schema["items"]["properties"].is_object() {
            inner(found, Step::Index(0), &schema["items"]);
        } else if schema["additionalProperties"].is_object() {
            inner(found, Step::Field("any".into()), &schema["additionalProperties"]);
        } else {
            found.push(at.clone());
        }
    }

    #[test]
    fn every_field_of_the_api_has_a_row() {
        let mut found = Vec::new();
        fields(&schema_of::<EcsServiceSpec>(), &Path::default(), &mut found);
        assert!(found.len() > 250, "{}", found.len());
        let without: Vec<_> = found.iter().filter(|p| row(SECTIONS, p).is_none()).map(ToString::to_string).collect();
        assert!(without.is_empty(), "no row for {without:#?}");
    }

    #[test]
    fn what_covers_fields_that_are_not_known_yet_never_calls_them_mapped() {
        for section in SECTIONS {
            for row in section.rows {
                assert!(!row.field.ends_with("**") || row.outcome != Outcome::Mapped, "{}", row.field);
                assert!(row.outcome == Outcome::Mapped || !row.note.is_empty(), "{} has no note", row.field);
            }
        }
    }
}
