//! Where traffic comes in: subnets, load balancers, Service Connect and VPC Lattice name things that must be there.

use landbridge_api::ecs::NetworkMode;
use landbridge_api::ecs::container::PortMapping;

use super::super::pass::Pass;
use super::list;

pub(super) fn check(pass: &Pass<'_>, found: &mut Vec<String>) {
    subnets(pass, found);
    load_balancers(pass, found);
    port_names(pass, found);
}

fn subnets(pass: &Pass<'_>, found: &mut Vec<String>) {
    let awsvpc = pass.desired.task.as_ref().is_some_and(|t| t.network_mode == Some(NetworkMode::Awsvpc));
    let network = pass.desired.typed.network_configuration.as_ref().and_then(|n| n.awsvpc_configuration.as_ref());
    if awsvpc && network.is_none_or(|n| n.subnets.is_empty()) {
        found.push(format!(
            "tasks in network mode awsvpc need subnets: set spec.networkConfiguration.awsvpcConfiguration.subnets, or \
             serviceDefaults.networkConfiguration of ECSCluster {}",
            pass.object.spec.cluster_ref.name
        ));
    }
    let own = pass.object.spec.service.network_configuration.is_some();
    if !awsvpc && own && pass.desired.task.is_some() {
        found.push(
            "spec.networkConfiguration is only for tasks in network mode awsvpc: remove it, or set \
             spec.taskDefinition.networkMode to awsvpc"
                .to_owned(),
        );
    }
}

fn load_balancers(pass: &Pass<'_>, found: &mut Vec<String>) {
    let Some(task) = &pass.desired.task else { return };
    for (index, balancer) in pass.desired.typed.load_balancers.iter().enumerate() {
        let at = format!("spec.loadBalancers[{index}]");
        if balancer.target_group_arn.is_none() && balancer.load_balancer_name.is_none() {
            found.push(format!("{at} names no target group: set targetGroupArn"));
        }
        let (Some(name), Some(port)) = (&balancer.container_name, balancer.container_port) else {
            found.push(format!("{at} does not say where traffic goes: set containerName and containerPort"));
            continue;
        };
        let Some(container) = task.container_definitions.iter().find(|c| c.name == *name) else {
            let names: Vec<&str> = task.container_definitions.iter().map(|c| c.name.as_str()).collect();
            found.push(format!(
                "{at}.containerName is {name}, and the task has {}: name one of these",
                list(&names, "no container")
            ));
            continue;
        };
        if !container.port_mappings.iter().any(|p| has_port(p, port)) {
            let ports: Vec<String> =
                container.port_mappings.iter().filter_map(|p| p.container_port).map(|p| p.to_string()).collect();
            let ports: Vec<&str> = ports.iter().map(String::as_str).collect();
            found.push(format!(
                "{at}.containerPort is {port}, and container {name} has {}: add it to portMappings, or name another",
                list(&ports, "no port")
            ));
        }
    }
}

fn has_port(mapping: &PortMapping, port: i32) -> bool {
    let range = mapping.container_port_range.as_deref().and_then(|r| r.split_once('-'));
    let in_range = range.is_some_and(|(from, to)| match (from.trim().parse::<i32>(), to.trim().parse::<i32>()) {
        (Ok(from), Ok(to)) => (from..=to).contains(&port),
        _ => false,
    });
    mapping.container_port == Some(port) || in_range
}

fn port_names(pass: &Pass<'_>, found: &mut Vec<String>) {
    let Some(task) = &pass.desired.task else { return };
    let names: Vec<&str> =
        task.container_definitions.iter().flat_map(|c| &c.port_mappings).filter_map(|p| p.name.as_deref()).collect();
    let fields = &pass.desired.typed;
    let connect = fields.service_connect_configuration.iter().filter(|c| c.enabled).flat_map(|c| &c.services);
    let connect = connect.map(|s| ("spec.serviceConnectConfiguration.services", s.port_name.as_str()));
    let lattice = fields.vpc_lattice_configurations.iter();
    let lattice = lattice.map(|l| ("spec.vpcLatticeConfigurations", l.port_name.as_str()));
    for (path, port) in connect.chain(lattice) {
        if !names.contains(&port) {
            found.push(format!(
                "{path} names port {port}, and the named port mappings of the task are {}: name one of these, or give a port \
                 mapping that name",
                list(&names, "none")
            ));
        }
    }
}
