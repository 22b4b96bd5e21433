//! Which tasks of the emulated ECS are served: those that run and have a network interface.

use std::time::Duration;

use landbridge_emulator::{Emulator, RunningTask, TargetFate};
use tokio::{sync::watch, time::interval};

use super::{Answer, Side, Wanted, WantedById};

/// How often the tasks are looked at: as often as the emulator's own events happen.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Follows the tasks until nobody wants to know.
pub(super) async fn follow(emulator: Emulator, wanted: watch::Sender<WantedById>) {
    let mut look = interval(LOOK_EVERY);
    while !wanted.is_closed() {
        look.tick().await;
        let answering = emulator.running_tasks().into_iter().filter(|task| task.fate != TargetFate::Failed);
        let now: WantedById = answering.map(|task| (task.arn.clone(), served(&task))).collect();
        wanted.send_if_modified(|wanted| {
            let changed = *wanted != now;
            *wanted = now;
            changed
        });
    }
}

fn served(task: &RunningTask) -> Wanted {
    Wanted {
        side: Side::Ecs,
        name: task.arn.rsplit('/').next().unwrap_or(&task.arn).to_owned(),
        address: task.address.into(),
        zone: task.zone.clone(),
        answer: Answer::of_task(task.fate, &task.images.iter().map(String::as_str).collect::<Vec<_>>()),
    }
}
