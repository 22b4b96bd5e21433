//! The size that Fargate has for a need, at the lowest price, and what of it is wasted.
//!
//! Sizes: "Task CPU and memory" in the ECS developer guide. Prices: Fargate's list prices for Linux on x86 in us-east-1;
//! what matters is their ratio, which is nearly the same in every Region. EKS keeps 256 MiB of every pod on Fargate for
//! itself ("Fargate pod configuration" in the EKS user guide).

use crate::ecs_service::fargate_memory;

/// CPU units that Fargate has.
const CPUS: [i64; 8] = [256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768];
/// Price of a vCPU for an hour, in millionths of a dollar.
const VCPU_HOUR: i64 = 40_480;
/// Price of a GB for an hour, in millionths of a dollar.
const GB_HOUR: i64 = 4_445;
/// MiB that EKS adds to what a pod on Fargate asks for.
pub const EKS_OVERHEAD: i64 = 256;

/// A size, and how much of it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// CPU units of the size.
    pub cpu: i64,
    /// MiB of the size.
    pub memory: i64,
    /// Per cent of the CPU that nobody asked for, rounded down.
    pub cpu_waste: i64,
    /// Per cent of the memory that nobody asked for, rounded down.
    pub memory_waste: i64,
    /// Price of an hour, in millionths of a dollar.
    pub price: i64,
}

/// The cheapest size with at least so many CPU units and MiB; none when Fargate has nothing as large.
pub fn cheapest(cpu: i64, memory: i64) -> Option<Fit> {
    let sizes = CPUS.iter().filter(|c| **c >= cpu).flat_map(|c| {
        let fits = fargate_memory(*c).unwrap_or_default().into_iter().filter(|m| *m >= memory);
        fits.map(|m| (*c, m))
    });
    let (size, found) = sizes.map(|(c, m)| ((c * VCPU_HOUR + m * GB_HOUR) / 1024, (c, m))).min()?;
    let waste = |of: i64, need: i64| (of - need.max(0)) * 100 / of;
    Some(Fit {
        cpu: found.0,
        memory: found.1,
        cpu_waste: waste(found.0, cpu),
        memory_waste: waste(found.1, memory),
        price: size,
    })
}

/// The size in which EKS runs a pod on Fargate that asks for so much.
pub fn on_eks(cpu: i64, memory: i64) -> Option<Fit> {
    cheapest(cpu, memory + EKS_OVERHEAD)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::convert::quantity::{mebibytes, milli, units_of_cpu};

    #[test]
    fn the_lowest_price_is_chosen_and_the_waste_is_told() {
        // Pod request, size on ECS, size on EKS, per cent of CPU and memory that ECS wastes.
        let cases = [
            ("100m", "128Mi", (256, 512), (256, 512), (59, 75)),
            ("250m", "512Mi", (256, 512), (256, 1024), (0, 0)),
            ("300m", "700Mi", (512, 1024), (512, 1024), (39, 31)),
            ("500m", "4.5Gi", (1024, 5120), (1024, 5120), (50, 10)),
            ("1000m", "1Gi", (1024, 2048), (1024, 2048), (0, 50)),
            ("3000m", "6Gi", (4096, 8192), (4096, 8192), (25, 25)),
            ("4000m", "31Gi", (8192, 32_768), (8192, 32_768), (50, 3)),
            ("6000m", "20Gi", (8192, 20_480), (8192, 24_576), (25, 0)),
        ];
        for (cpu, memory, ecs, eks, waste) in cases {
            let (units, size) = (units_of_cpu(milli(&json!(cpu)).unwrap()), mebibytes(&json!(memory)).unwrap());
            let found = cheapest(units, size).unwrap();
            assert_eq!((found.cpu, found.memory), ecs, "{cpu} {memory}");
            assert_eq!((found.cpu_waste, found.memory_waste), waste, "{cpu} {memory}");
            let found = on_eks(units, size).unwrap();
            assert_eq!((found.cpu, found.memory), eks, "{cpu} {memory} on EKS");
        }
    }

    #[test]
    fn nothing_cheaper_holds_the_need() {
        for (cpu, memory) in [(1, 1), (257, 513), (1025, 30_720), (4096, 30_721), (16_384, 122_881), (32_768, 249_856)]
        {
            let found = cheapest(cpu, memory).unwrap();
            assert!(found.cpu >= cpu && found.memory >= memory);
            for other in CPUS.iter().flat_map(|c| fargate_memory(*c).unwrap().into_iter().map(move |m| (*c, m))) {
                let price = (other.0 * VCPU_HOUR + other.1 * GB_HOUR) / 1024;
                assert!(other.0 < cpu || other.1 < memory || price >= found.price, "{other:?} beats {found:?}");
            }
        }
    }

    #[test]
    fn what_no_size_holds_is_none() {
        assert_eq!(cheapest(32_769, 512), None);
        assert_eq!(cheapest(256, 249_857), None);
        assert_eq!(on_eks(256, 249_856), None);
    }
}
