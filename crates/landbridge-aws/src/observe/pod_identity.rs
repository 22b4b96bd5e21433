//! What an IAM role needs of EKS: clusters and their agent, OIDC providers, Pod Identity associations. An association is found
//! by its cluster, namespace and service account; EKS has no more than one of each.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_eks::operation::list_pod_identity_associations::ListPodIdentityAssociationsOutput;
use aws_sdk_eks::types::PodIdentityAssociation;
use futures::future::try_join_all;
use landbridge_api::v1alpha1::IamTaskRole;
use landbridge_plan::iam_task_role::{AssociationFacts, EksClusterFacts, Pods, clusters, known_pods, provider_arn};
use landbridge_plan::kind::Kind as _;

use super::{DEAR, Freshness};
use crate::budget::Priority;
use crate::client::Aws;
use crate::describe::gone_is_none;
use crate::error::AwsError;
use crate::operations as op;

/// The add-on that gives pods their credentials.
const AGENT: &str = "eks-pod-identity-agent";

/// What a role needs of EKS.
#[derive(Default)]
pub(super) struct PodsObserved {
    pub(super) clusters: BTreeMap<String, EksClusterFacts>,
    pub(super) oidc_providers: BTreeMap<String, Vec<String>>,
    pub(super) associations: BTreeMap<String, AssociationFacts>,
}

impl Aws {
    /// Nothing is asked for a role that has nothing to do with EKS.
    pub(super) async fn pods_of(
        &self,
        object: &IamTaskRole,
        priority: Priority,
        freshness: Freshness,
    ) -> Result<PodsObserved, AwsError> {
        let mut observed = PodsObserved::default();
        if !object.is_deleting() {
            let named = clusters(object).into_iter();
            let looks = named.map(|(name, agent)| self.named_eks_cluster(name, agent, priority, freshness));
            observed.clusters = try_join_all(looks).await?.into_iter().flatten().collect();
            let arns = self.provider_arns(object, &observed.clusters);
            let looks = arns.into_iter().map(|arn| self.oidc_provider(arn, priority, freshness));
            observed.oidc_providers = try_join_all(looks).await?.into_iter().flatten().collect();
        }
        // A cluster that is known not to be there has no associations.
        let is_there = |pods: &Pods| {
            object.is_deleting()
                || observed.clusters.contains_key(&pods.cluster)
                || !clusters(object).contains_key(&pods.cluster)
        };
        let pods = known_pods(object).into_iter().filter(is_there);
        let looks = pods.map(|pods| self.named_association(pods, priority, freshness));
        observed.associations = try_join_all(looks).await?.into_iter().flatten().collect();
        Ok(observed)
    }

    /// The OIDC providers that the spec means: those it names, and those of the clusters it names.
    fn provider_arns(&self, object: &IamTaskRole, found: &BTreeMap<String, EksClusterFacts>) -> BTreeSet<String> {
        let irsa = object.spec.trust.iter().flat_map(|t| &t.irsa);
        irsa.filter_map(|irsa| {
            let of_cluster = || {
                let issuer = found.get(irsa.cluster_name.as_ref()?)?.issuer.as_ref()?;
                Some(provider_arn(self.target(), issuer))
            };
            irsa.oidc_provider_arn.clone().or_else(of_cluster)
        })
        .collect()
    }

    async fn named_eks_cluster(
        &self,
        name: String,
        with_agent: bool,
        priority: Priority,
        freshness: Freshness,
    ) -> Result<Option<(String, EksClusterFacts)>, AwsError> {
        let known = freshness.at_most(DEAR).and_then(|age| self.memory().eks_clusters.get(&name, age));
        if let Some(known) = known.filter(|k| k.agent.is_some() || k.auto_mode || !with_agent) {
            return Ok(Some((name, known)));
        }
        let found = self.eks_cluster(&name, with_agent, priority).await?;
        // One that is not ready is looked at again each time.
        match found
            .as_ref()
            .filter(|f| f.status == "ACTIVE" && (!with_agent || f.auto_mode || f.agent.as_deref() == Some("ACTIVE")))
        {
            Some(ready) => self.memory().eks_clusters.put(name.clone(), ready.clone()),
            None => self.memory().eks_clusters.forget(&name),
        }
        Ok(found.map(|found| (name, found)))
    }

    async fn eks_cluster(
        &self,
        name: &str,
        with_agent: bool,
        priority: Priority,
    ) -> Result<Option<EksClusterFacts>, AwsError> {
        let operation = op::DESCRIBE_EKS_CLUSTER;
        let found = self.call(operation, priority, || self.eks().describe_cluster().name(name).send()).await;
        let Some(answer) = gone_is_none(found.map(Some))? else { return Ok(None) };
        let cluster = answer.cluster().ok_or_else(|| AwsError::incomplete(operation, "cluster"))?;
        let auto_mode = cluster.compute_config().is_some_and(|c| c.enabled() == Some(true));
        let agent = if with_agent && !auto_mode { self.agent(name, priority).await? } else { None };
        let issuer = cluster.identity().and_then(|i| i.oidc()).and_then(|o| o.issuer());
        Ok(Some(EksClusterFacts {
            status: cluster.status().map(|s| s.as_str().to_owned()).unwrap_or_default(),
            issuer: issuer.map(str::to_owned),
            auto_mode,
            agent,
        }))
    }

    /// Status of the add-on.
    async fn agent(&self, cluster: &str, priority: Priority) -> Result<Option<String>, AwsError> {
        let call = || self.eks().describe_addon().cluster_name(cluster).addon_name(AGENT).send();
        let found = gone_is_none(self.call(op::DESCRIBE_ADDON, priority, call).await.map(Some))?;
        Ok(found.and_then(|answer| Some(answer.addon()?.status()?.as_str().to_owned())))
    }

    async fn oidc_provider(
        &self,
        arn: String,
        priority: Priority,
        freshness: Freshness,
    ) -> Result<Option<(String, Vec<String>)>, AwsError> {
        if let Some(known) = freshness.at_most(DEAR).and_then(|age| self.memory().oidc_providers.get(&arn, age)) {
            return Ok(Some((arn, known)));
        }
        let call = || self.iam().get_open_id_connect_provider().open_id_connect_provider_arn(&arn).send();
        let found = gone_is_none(self.call(op::GET_OIDC_PROVIDER, priority, call).await.map(Some))?;
        let clients = found.map(|answer| answer.client_id_list().to_vec());
        match clients.as_ref().filter(|c| !c.is_empty()) {
            Some(clients) => self.memory().oidc_providers.put(arn.clone(), clients.clone()),
            None => self.memory().oidc_providers.forget(&arn),
        }
        Ok(clients.map(|clients| (arn, clients)))
    }

    async fn named_association(
        &self,
        pods: Pods,
        priority: Priority,
        freshness: Freshness,
    ) -> Result<Option<(String, AssociationFacts)>, AwsError> {
        let key = pods.to_string();
        if let Some(known) = freshness.at_most(DEAR).and_then(|age| self.memory().associations.get(&pods, age)) {
            return Ok(Some((key, known)));
        }
        let Some(page) = self.association_page(&pods.cluster, Some(&pods), None, priority).await? else {
            return Ok(None);
        };
        let Some(id) = page.associations().first().and_then(|a| a.association_id()) else { return Ok(None) };
        let call = || {
            let call = self.eks().describe_pod_identity_association().cluster_name(&pods.cluster);
            call.association_id(id).send()
        };
        let found = gone_is_none(self.call(op::DESCRIBE_ASSOCIATION, priority, call).await.map(Some))?;
        let Some(facts) = found.as_ref().and_then(|answer| answer.association()).map(association_facts) else {
            return Ok(None);
        };
        self.memory().associations.put(pods, facts.clone());
        Ok(Some((key, facts)))
    }

    /// A page of the associations of a cluster, or of one service account in it; none when the cluster is not there.
    pub(crate) async fn association_page(
        &self,
        cluster: &str,
        of: Option<&Pods>,
        token: Option<String>,
        priority: Priority,
    ) -> Result<Option<ListPodIdentityAssociationsOutput>, AwsError> {
        let call = || {
            let call = self.eks().list_pod_identity_associations().cluster_name(cluster).max_results(100);
            let call = call.set_namespace(of.map(|p| p.namespace.clone()));
            call.set_service_account(of.map(|p| p.service_account.clone())).set_next_token(token.clone()).send()
        };
        gone_is_none(self.call(op::LIST_ASSOCIATIONS, priority, call).await.map(Some))
    }
}

/// An association as EKS answers it.
pub(crate) fn association_facts(association: &PodIdentityAssociation) -> AssociationFacts {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let some = |value: Option<&str>| value.filter(|v| !v.is_empty()).map(str::to_owned);
    AssociationFacts {
        arn: text(association.association_arn()),
        id: text(association.association_id()),
        role_arn: text(association.role_arn()),
        target_role_arn: some(association.target_role_arn()),
        disable_session_tags: association.disable_session_tags().unwrap_or(false),
        policy: some(association.policy()).map(|p| serde_json::from_str(&p).unwrap_or(serde_json::Value::String(p))),
        external_id: some(association.external_id()),
        tags: association.tags().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect(),
    }
}
