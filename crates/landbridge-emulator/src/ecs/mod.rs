//! Amazon ECS: the control plane's operations and refusals, and a data plane that moves in virtual time.
//!
//! Requests are kept as they came and computed fields are laid over them, so no field is ever lost. Container
//! instances and volumes themselves are not modelled: capacity is unlimited unless a task script says
//! otherwise, whatever the launch type.
//! Source of operations, members and errors: the Amazon ECS API reference (AmazonECS/latest/APIReference).

mod account_setting;
mod addresses;
mod alarm;
mod attachment;
mod balancer;
mod capacity;
mod capacity_provider;
mod capacity_provider_fill;
mod cluster;
mod code_deploy;
mod controller;
mod deployment;
mod discovery;
mod event;
mod execute;
mod failure;
mod fill;
mod hook;
mod interfaces;
mod list;
mod member;
mod metrics;
mod names;
mod notice;
mod rollout;
mod running;
mod scheduler;
mod service;
mod service_check;
mod service_create;
mod service_delete;
mod service_deployment;
mod service_list;
mod service_update;
mod spot;
mod tags;
mod task;
mod task_definition;
mod task_launch;
mod task_life;
mod task_operation;
mod task_protection;
mod task_secrets;
mod task_set;
mod task_set_operation;
#[cfg(test)]
mod tests;
mod validate;
mod zones;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::refusal::Refusal;
use crate::world::{Cx, World};

pub(crate) use addresses::free as free_addresses;
pub(crate) use alarm::alarm_changed;
pub(crate) use balancer::target_news;
pub(crate) use capacity::{Capacity, capacity, set_desired};
pub(crate) use code_deploy::{
    Replacement, TaskSetView, find_service, has_task_set, is_steady, promote, remove_task_set, replace_primary,
    task_sets,
};
pub(crate) use interfaces::{TaskInterface, interfaces};
pub(crate) use metrics::{runs_behind, runs_since, services_with_metrics};
pub use running::RunningTask;
pub(crate) use running::running_tasks;
pub(crate) use spot::interrupt as interrupt_spot;
pub(crate) use zones::{lose as lose_zone, restore as restore_zone};

/// What ECS remembers, for every account and region: each key is an ARN, which names both.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ecs {
    clusters: BTreeMap<String, cluster::Cluster>,
    capacity_providers: BTreeMap<String, capacity_provider::CapacityProvider>,
    /// By ARN without the revision.
    families: BTreeMap<String, task_definition::Family>,
    services: BTreeMap<String, service::Service>,
    service_deployments: BTreeMap<String, service_deployment::ServiceDeployment>,
    service_revisions: BTreeMap<String, std::sync::Arc<deployment::Revision>>,
    tasks: BTreeMap<String, task::Task>,
    run_tokens: BTreeMap<(String, String), task_operation::Replay>,
    settings: BTreeMap<account_setting::Key, String>,
    tags: tags::Tags,
    addresses: addresses::Addresses,
}

/// Something that happens by itself in ECS.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    /// The service scheduler looks at a service.
    Step(String),
    /// The time of a deployment's lifecycle stage has passed.
    StageOver(String),
    /// A lifecycle hook of a service deployment is answered, or its time is over.
    Hook(String, String, hook::Moment),
    /// A task reaches the next point of its life.
    Task(String, task_life::Moment),
    /// A service that has been INACTIVE long enough is forgotten.
    ForgetService(String, jiff::Timestamp),
    /// What ECS was doing about a capacity provider is over.
    CapacityProviderMoved(String),
    /// The capacity providers of a cluster are attached and detached.
    Attached(String),
}

pub(crate) fn happen(world: &mut World, event: Event) {
    match event {
        Event::Step(service) => scheduler::step(world, &service),
        Event::StageOver(deployment) => rollout::stage_over(world, &deployment),
        Event::Hook(deployment, hook, moment) => hook::happen(world, &deployment, &hook, moment),
        Event::Task(task, moment) => task_life::reach(world, &task, moment),
        Event::CapacityProviderMoved(provider) => capacity_provider::moved(world, &provider),
        Event::Attached(cluster) => attachment::done(world, &cluster),
        Event::ForgetService(service, created_at) => service_delete::forget(world, &service, created_at),
    }
}

pub(crate) fn call(world: &mut World, cx: &Cx, op: &str, input: &Value) -> Result<Value, Refusal> {
    member::check_types(input)?;
    match op {
        "CreateCluster" => cluster::create(world, cx, input),
        "DescribeClusters" => cluster::describe(world, cx, input),
        "ListClusters" => cluster::list(world, cx, input),
        "UpdateCluster" => cluster::update(world, cx, input),
        "UpdateClusterSettings" => cluster::update_settings(world, cx, input),
        "PutClusterCapacityProviders" => attachment::put(world, cx, input),
        "DeleteCluster" => cluster::delete(world, cx, input),
        "CreateCapacityProvider" => capacity_provider::create(world, cx, input),
        "DescribeCapacityProviders" => capacity_provider::describe(world, cx, input),
        "UpdateCapacityProvider" => capacity_provider::update(world, cx, input),
        "DeleteCapacityProvider" => capacity_provider::delete(world, cx, input),
        "RegisterTaskDefinition" => task_definition::register(world, cx, input),
        "DescribeTaskDefinition" => task_definition::describe(world, cx, input),
        "ListTaskDefinitions" => task_definition::list(world, cx, input),
        "ListTaskDefinitionFamilies" => task_definition::list_families(world, cx, input),
        "DeregisterTaskDefinition" => task_definition::deregister(world, cx, input),
        "DeleteTaskDefinitions" => task_definition::delete(world, cx, input),
        "CreateService" => service_create::create(world, cx, input),
        "UpdateService" => service_update::update(world, cx, input),
        "DeleteService" => service_delete::delete(world, cx, input),
        "DescribeServices" => service_list::describe(world, cx, input),
        "ListServices" => service_list::list(world, cx, input),
        "ListServicesByNamespace" => service_list::list_by_namespace(world, cx, input),
        "ListTasks" => task_operation::list(world, cx, input),
        "DescribeTasks" => task_operation::describe(world, cx, input),
        "StopTask" => task_operation::stop(world, cx, input),
        "RunTask" => task_operation::run(world, cx, input),
        "StartTask" => task_operation::start(world, cx, input),
        "ExecuteCommand" => execute::command(world, cx, input),
        "GetTaskProtection" => task_protection::get(world, cx, input),
        "UpdateTaskProtection" => task_protection::update(world, cx, input),
        "CreateTaskSet" => task_set_operation::create(world, cx, input),
        "UpdateTaskSet" => task_set_operation::update(world, cx, input),
        "DescribeTaskSets" => task_set_operation::describe(world, cx, input),
        "DeleteTaskSet" => task_set_operation::delete(world, cx, input),
        "UpdateServicePrimaryTaskSet" => task_set_operation::set_primary(world, cx, input),
        "ListServiceDeployments" => service_deployment::list(world, cx, input),
        "DescribeServiceDeployments" => service_deployment::describe(world, cx, input),
        "StopServiceDeployment" => service_deployment::stop(world, cx, input),
        "ContinueServiceDeployment" => hook::continue_deployment(world, cx, input),
        "DescribeServiceRevisions" => service_deployment::describe_revisions(world, cx, input),
        "TagResource" => tags::tag(world, cx, input),
        "UntagResource" => tags::untag(world, cx, input),
        "ListTagsForResource" => tags::list(world, cx, input),
        "ListAccountSettings" => account_setting::list(world, cx, input),
        "PutAccountSetting" => account_setting::put(world, cx, input),
        "PutAccountSettingDefault" => account_setting::put_default(world, cx, input),
        "DeleteAccountSetting" => account_setting::delete(world, cx, input),
        _ => Err(Refusal::unknown_operation()),
    }
}

impl Ecs {
    /// ARN and tags of each resource of an account and region that is not INACTIVE.
    pub(crate) fn tagged(&self, cx: &Cx) -> crate::tagging::Tagged {
        let scope = format!("arn:aws:ecs:{}:{}:", cx.region, cx.account);
        let is_there = |arn: &str| {
            self.services.get(arn).is_none_or(service::Service::is_active)
                && self.clusters.get(arn).is_none_or(cluster::Cluster::is_active)
        };
        self.tags.all().filter(|(arn, _)| arn.starts_with(&scope) && is_there(arn)).collect()
    }

    /// Everything remembered, for a look from outside.
    pub(crate) fn dump(&self) -> Value {
        let clusters: Vec<Value> =
            self.clusters.values().map(|cluster| cluster.show(self, &cluster::EVERYTHING)).collect();
        let providers: Vec<Value> =
            self.capacity_providers.values().map(|provider| provider.show(self, true)).collect();
        let services: Vec<Value> = self.services.values().map(|service| service.show(self, true)).collect();
        let tasks: Vec<Value> = self.tasks.values().map(|task| task.show(self, true)).collect();
        let definitions = self.families.values().flat_map(task_definition::Family::shown).collect::<Vec<_>>();
        json!({ "clusters": clusters, "capacityProviders": providers, "services": services, "tasks": tasks, "taskDefinitions": definitions })
    }
}
