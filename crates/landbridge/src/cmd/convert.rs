//! `landbridge convert`: manifests of one side to manifests of the other, with a report of every field.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use landbridge_plan::convert::ecs::{self, Capacity, ScalingRequest};
use landbridge_plan::convert::report::{Outcome, Report};
use landbridge_plan::convert::usage::Usage;
use landbridge_plan::convert::{self, Conversion, Document, Mistake, kubernetes};

use crate::cli::{ConvertArgs, ConvertCapacity, ConvertTo};
use crate::exit::Exit;
use crate::files::{self, ObjectSet, Problem, Problems};

/// Converts files.
pub fn convert(args: &ConvertArgs) -> Result<Exit> {
    anyhow::ensure!(!args.files.is_empty(), "convert needs -f FILE; - reads standard input");
    check(args)?;
    let read = files::read(&args.files, args.recursive)?;
    // What the API server would say of the objects is said before anything else.
    match args.to {
        ConvertTo::Kubernetes => {
            ObjectSet::build(read.clone(), args.namespace.as_deref().unwrap_or("default"))?;
        }
        ConvertTo::Ecs => files::foreign::check(&read)?,
    }
    let documents: Vec<Document> =
        read.into_iter().map(|d| Document { file: d.file, line: d.line, value: d.value }).collect();
    anyhow::ensure!(!documents.is_empty(), "there is nothing in {}", named(args));
    let converted = match args.to {
        ConvertTo::Kubernetes => convert::to_kubernetes(&documents, &to_kubernetes(args)?),
        ConvertTo::Ecs => convert::to_ecs(&documents, &to_ecs(args)),
    };
    let conversion = converted.map_err(|found| problems(found, args))?;
    if let Some(folder) = &args.scaling {
        write_scaling(folder, &conversion.scaling)?;
    }
    print(&conversion)?;
    tell(&conversion.report, args.report.as_deref())?;
    let refused = conversion.report.count(Outcome::Refused) + unfit(&conversion, args)?;
    Ok(if args.strict && refused > 0 { Exit::Refused } else { Exit::Ok })
}

/// What is wrong with the options themselves.
fn check(args: &ConvertArgs) -> Result<()> {
    let for_kubernetes = [
        ("--name", args.name.is_some()),
        ("--schedule", args.schedule.is_some()),
        ("--usage", args.usage.is_some()),
        ("--host", !args.host.is_empty()),
        ("--gateway", args.gateway.is_some()),
        ("--irsa", args.irsa),
    ];
    let for_ecs = [
        ("--cluster", args.cluster.is_some()),
        ("--capacity", args.capacity.is_some()),
        ("--task-role-arn", args.task_role_arn.is_some()),
        ("--iam-task-role", args.iam_task_role),
        ("--execution-role", args.execution_role.is_some()),
        ("--infrastructure-role-arn", args.infrastructure_role_arn.is_some()),
        ("--cloud-map-namespace", args.cloud_map_namespace.is_some()),
        ("--scaling", args.scaling.is_some()),
    ];
    let (elsewhere, of): (&[(&str, bool)], _) = match args.to {
        ConvertTo::Kubernetes => (&for_ecs, "ecs"),
        ConvertTo::Ecs => (&for_kubernetes, "kubernetes"),
    };
    if let Some((option, _)) = elsewhere.iter().find(|(_, given)| *given) {
        anyhow::bail!("{option} is for --to {of}, and says nothing here: leave it out");
    }
    for (option, given) in [("--namespace", &args.namespace), ("--name", &args.name)] {
        if let Some(name) = given.as_deref().filter(|name| !is_label(name)) {
            anyhow::bail!(
                "{option} {name:?} is no name in Kubernetes: write lower-case letters, digits and '-', 63 at most, with a letter \
                 or digit at both ends"
            );
        }
    }
    Ok(())
}

/// RFC 1123's label.
fn is_label(text: &str) -> bool {
    let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(inside) && !text.starts_with('-') && !text.ends_with('-')
}

/// Says what the API server would refuse of our own objects that were printed: what the input asks for has no form that ECS
/// takes, and somebody has to decide. Returns how many such mistakes there are.
fn unfit(conversion: &Conversion, args: &ConvertArgs) -> Result<usize> {
    let checker = files::Checker::new()?;
    let namespace = args.namespace.as_deref().unwrap_or("default");
    let mut found = Vec::new();
    for object in &conversion.objects {
        let document = files::Document { file: "printed".to_owned(), line: 1, value: object.clone() };
        if checker.knows(&document).unwrap_or_default()
            && let Err(problems) = checker.check(&document, namespace)
        {
            found.extend(problems);
        }
    }
    if !found.is_empty() {
        eprintln!("\nwarning: what was printed is refused when it is applied, until this is corrected:");
        for Problem { object, message, .. } in &found {
            eprintln!("  {}: {message}", object.as_deref().unwrap_or_default());
        }
    }
    Ok(found.len())
}

/// The files, as they were given.
fn named(args: &ConvertArgs) -> String {
    args.files.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", ")
}

fn to_kubernetes(args: &ConvertArgs) -> Result<kubernetes::Options> {
    let usage = args.usage.as_deref().map(usage).transpose()?;
    if let Some(schedule) = &args.schedule {
        let fields = schedule.split_whitespace().count();
        anyhow::ensure!(
            fields == 5 || schedule.starts_with('@'),
            "--schedule {schedule:?} is no schedule of a CronJob: write five fields, such as \"15 3 * * *\""
        );
    }
    Ok(kubernetes::Options {
        namespace: args.namespace.clone(),
        name: args.name.clone(),
        schedule: args.schedule.clone(),
        hosts: args.host.clone(),
        gateway: args.gateway.clone(),
        secret_store: args.secret_store.clone(),
        parameter_store: args.parameter_store.clone(),
        irsa: args.irsa,
        usage,
        eks_fargate: args.eks_fargate,
    })
}

fn usage(path: &Path) -> Result<Usage> {
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {name}"))?;
    Usage::read(&text).map_err(|error| anyhow::anyhow!("{name}: {error}"))
}

fn to_ecs(args: &ConvertArgs) -> ecs::Options {
    ecs::Options {
        namespace: args.namespace.clone(),
        cluster: args.cluster.clone(),
        capacity: args.capacity.map(|c| match c {
            ConvertCapacity::Fargate => Capacity::Fargate,
            ConvertCapacity::Ec2 => Capacity::Ec2,
        }),
        task_role_arn: args.task_role_arn.clone(),
        iam_task_role: args.iam_task_role,
        execution_role: args.execution_role.clone(),
        infrastructure_role_arn: args.infrastructure_role_arn.clone(),
        cloud_map_namespace: args.cloud_map_namespace.clone(),
        eks_fargate: args.eks_fargate,
        scaling: args.scaling.is_some(),
    }
}

/// What Application Auto Scaling needs, a file for each request, and how to make them.
fn write_scaling(folder: &Path, requests: &[ScalingRequest]) -> Result<()> {
    if requests.is_empty() {
        eprintln!("no HorizontalPodAutoscaler scales any of these: nothing was written to {}", folder.display());
        return Ok(());
    }
    std::fs::create_dir_all(folder).with_context(|| format!("making the folder {}", folder.display()))?;
    eprintln!("Once the services are there:");
    for request in requests {
        let path = folder.join(&request.file);
        let text = serde_json::to_string_pretty(&request.input).context("writing JSON")? + "\n";
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        eprintln!("  aws application-autoscaling {} --cli-input-json file://{}", request.command, path.display());
    }
    Ok(())
}

fn problems(found: Vec<Mistake>, args: &ConvertArgs) -> Problems {
    let all = named(args);
    let of = |m: Mistake| {
        let file = if m.file.is_empty() { all.clone() } else { m.file };
        Problem { file, line: m.line, object: m.object, message: m.message }
    };
    Problems(found.into_iter().map(of).collect())
}

/// The objects, as one YAML stream.
fn print(conversion: &Conversion) -> Result<()> {
    let mut out = std::io::stdout().lock();
    for object in &conversion.objects {
        let text = serde_saphyr::to_string(object).context("writing YAML")?;
        write!(out, "---\n{text}").context("writing to standard output")?;
    }
    out.flush().context("writing to standard output")
}

/// The report: a table for people, or JSON, to standard error or a file.
fn tell(report: &Report, to: Option<&str>) -> Result<()> {
    let json = || serde_json::to_string_pretty(report).context("writing the report");
    match to {
        None | Some("table") => eprint!("{}", report.table()),
        Some("json") => eprintln!("{}", json()?),
        Some(path) => {
            std::fs::write(path, json()? + "\n").with_context(|| format!("writing the report to {path}"))?;
            eprintln!("{}; the report is in {path}", report.summary());
        }
    }
    Ok(())
}
