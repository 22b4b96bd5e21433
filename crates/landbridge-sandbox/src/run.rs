//! The command `landbridge sandbox`: starts a sandbox, shows it, and ends it.

use std::{future::pending, time::Duration};

use kube::api::DynamicObject;
use landbridge_emulator::Timings;
use tokio::time::{Instant, interval, sleep, sleep_until};

use crate::{
    args::{Demo, SandboxArgs},
    control_plane, demo,
    error::{Error, Result},
    objects::{Objects, Watched, key, kinds},
    progress::Progress,
    row::{Row, is_ready},
    sandbox::{Sandbox, SandboxOptions},
    screen::Screen,
    signals::Signals,
};

/// How often it is seen to that every part still runs.
const CHECK_EVERY: Duration = Duration::from_millis(500);
/// Changes within this time are shown together.
const FRAME: Duration = Duration::from_millis(50);

/// Runs the command. Ends when the user ends it, or with `--once` when the sample is Ready.
pub async fn run(args: SandboxArgs) -> Result<()> {
    let mut signals = Signals::listen()?;
    let progress = Progress::stderr();
    let options = SandboxOptions {
        control_plane: control_plane::Options {
            progress: progress.clone(),
            workloads: args.workloads(),
            ..control_plane::Options::from_env()?
        },
        speed: args.speed(),
        timings: if args.demo.is_some() { demo::timings() } else { Timings::default() },
        quotas: args.quotas,
        sample: !args.no_sample && args.demo.is_none(),
        log: true,
    };
    let begun = Instant::now();
    let started = tokio::select! {
        started = Sandbox::start(options) => started,
        () = signals.next() => Err(Error::Interrupted),
    };
    progress.finish();
    let mut sandbox = started?;
    eprintln!("The sandbox started in {:.1?}.", begun.elapsed());
    let result = tokio::select! {
        result = play(&mut sandbox, &args) => result,
        () = signals.next() => if args.once { Err(Error::Interrupted) } else { Ok(()) },
    };
    let dir = sandbox.control_plane().dir().to_owned();
    let pods = if args.workloads() { "kwok, the controllers, " } else { "" };
    eprintln!(
        "Stopping the operator, the emulated AWS, {pods}kube-apiserver and etcd, and removing {}.",
        dir.display()
    );
    sandbox.stop().await;
    if dir.exists() {
        eprintln!("Could not remove {}: please remove it by hand.", dir.display());
        return result.and(Err(Error::Left { dir }));
    }
    result
}

/// Does what the command was started for.
async fn play(sandbox: &mut Sandbox, args: &SandboxArgs) -> Result<()> {
    match args.demo {
        Some(Demo::Migration) => demo::play(sandbox, args).await,
        None => show(sandbox, args).await,
    }
}

/// Shows the objects for as long as everything runs, or with `--once` until the sample is Ready or its time is over.
async fn show(sandbox: &mut Sandbox, args: &SandboxArgs) -> Result<()> {
    let deadline = args.once.then(|| Instant::now() + args.timeout);
    let mut watched = Watched::start(sandbox.client());
    if !args.once {
        println!("{}", sandbox.instructions()?);
    }
    let mut screen = Screen::stdout();
    let mut check = interval(CHECK_EVERY);
    loop {
        let objects = watched.now();
        screen.show(&objects);
        let waiting = waiting_for(sandbox.sample(), &objects);
        if args.once && waiting.is_empty() {
            return Ok(());
        }
        tokio::select! {
            () = async { watched.changed().await; sleep(FRAME).await } => {}
            _ = check.tick() => sandbox.check_alive().await?,
            () = until(deadline) => return Err(Error::NotAllReady { within: args.timeout, reasons: waiting.join("\n") }),
        }
    }
}

pub(crate) async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

/// A line for each object of the sample that is not Ready, with everything its conditions say.
fn waiting_for(sample: &[DynamicObject], objects: &Objects) -> Vec<String> {
    let mut lines = Vec::new();
    for wanted in sample {
        let kind = wanted.types.as_ref().map(|types| types.kind.as_str());
        // What is not one of the kinds (the sample's namespace) has no such condition.
        let Some(place) = kinds().iter().position(|known| Some(known.kind.as_str()) == kind) else { continue };
        match objects.get(&key(place, wanted)) {
            Some(object) if is_ready(object) => {}
            Some(object) => lines.push(format!("  {}{}", Row::of(object).sentence(), other_conditions(object))),
            None => lines.push(format!("  {} is not there", Row::of(wanted).name)),
        }
    }
    lines
}

/// The conditions beside Ready, each on a line of its own.
fn other_conditions(object: &DynamicObject) -> String {
    let conditions = object.data["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let others = conditions.iter().filter(|condition| condition["type"] != landbridge_api::condition::READY);
    let text = |condition: &serde_json::Value, field: &str| condition[field].as_str().unwrap_or_default().to_owned();
    let line = |condition| {
        let [type_, status, reason, message] =
            ["type", "status", "reason", "message"].map(|field| text(condition, field));
        format!("\n    {type_}={status} {reason}: {message}")
    };
    others.map(line).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(kind: &str, name: &str, status: &serde_json::Value) -> DynamicObject {
        let value = json!({
            "apiVersion": "landbridge.dev/v1alpha1",
            "kind": kind,
            "metadata": {"name": name, "generation": 1},
            "status": status,
        });
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_is_not_ready_is_listed_with_every_condition_and_what_is_ready_is_not() {
        let ready = json!({"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}]});
        let stalled = json!({"observedGeneration": 1, "conditions": [
            {"type": "Ready", "status": "False", "reason": "NameTaken", "message": "taken"},
            {"type": "Stalled", "status": "True", "reason": "NameTaken", "message": "choose another name"},
        ]});
        let sample = [
            object("AWSAccount", "default", &ready),
            object("ECSCluster", "prod", &stalled),
            object("Namespace", "shop", &json!({})),
            object("ECSService", "web", &json!({})),
        ];
        let seen = Objects::from([(key(0, &sample[0]), sample[0].clone()), (key(1, &sample[1]), sample[1].clone())]);
        let lines = waiting_for(&sample, &seen);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].contains("ECSCluster prod: Ready=False NameTaken: taken"), "{lines:?}");
        assert!(lines[0].contains("Stalled=True NameTaken: choose another name"), "{lines:?}");
        assert!(lines[1].contains("web is not there"), "{lines:?}");
    }
}
