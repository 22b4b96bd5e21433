//! The story: there, back, and away with what was made.

use std::time::Duration;

use kube::{Api, Client, api::DeleteParams};
use landbridge_api::v1alpha1::{MigrationPhase as Phase, TrafficMigration};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::{
    NAMESPACE,
    counts::Leg,
    front::{ASK_EVERY, Front},
    load::Ledger,
};
use crate::{
    error::{Doing, Result},
    install::apply_yaml,
};

/// The migrations by the leg that they are for: name, file, text.
const LEGS: [(Leg, &str, &str, &str); 2] = [
    (Leg::There, "orders-to-eks", "demo/orders-to-eks.yaml", include_str!("../../demo/orders-to-eks.yaml")),
    (Leg::Back, "orders-to-ecs", "demo/orders-to-ecs.yaml", include_str!("../../demo/orders-to-ecs.yaml")),
];
/// How long what is deleted may take to be gone.
const GONE_WITHIN: Duration = Duration::from_mins(1);

/// The youngest migration as it is now, also after the story's end: others may be made by hand.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) youngest: watch::Receiver<Option<TrafficMigration>>,
    task: JoinHandle<()>,
}

impl Followed {
    pub(super) fn start(client: Client, ledger: Ledger) -> Self {
        let (sender, youngest) = watch::channel(None);
        let task = tokio::spawn(async move {
            let api = Api::<TrafficMigration>::namespaced(client, NAMESPACE);
            loop {
                if let Ok(all) = api.list(&kube::api::ListParams::default()).await {
                    let age = |it: &TrafficMigration| it.metadata.creation_timestamp.clone().map(|time| time.0);
                    let youngest = all.items.into_iter().max_by_key(age);
                    if let Some(youngest) = &youngest {
                        ledger.enter(format!(
                            "{} {:?}",
                            youngest.metadata.name.as_deref().unwrap_or("-"),
                            phase(youngest)
                        ));
                    }
                    sender.send_replace(youngest);
                }
                sleep(ASK_EVERY).await;
            }
        });
        Self { youngest, task }
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn phase(migration: &TrafficMigration) -> Phase {
    migration.status.as_ref().and_then(|status| status.phase).unwrap_or_default()
}

/// Plays both legs. What did not come to a good end is told; after the first such there is no second leg.
pub(super) async fn play(client: &Client, ledger: &Ledger, bake: Duration) -> Result<Vec<String>> {
    let api = Api::<TrafficMigration>::namespaced(client.clone(), NAMESPACE);
    for (leg, name, file, text) in LEGS {
        ledger.begin(leg);
        // For a while the traffic is as it was.
        sleep(bake).await;
        let text = text.replace("5s", &format!("{}s", bake.as_secs()));
        apply_yaml(client, file, &text).await?;
        loop {
            let Some(migration) = api.get_opt(name).await.doing(|| format!("looking at {name}"))? else {
                return Ok(vec![format!("TrafficMigration {name} was deleted")]);
            };
            match phase(&migration) {
                Phase::Completed => break,
                Phase::RolledBack => {
                    let why = migration.status.and_then(|status| status.abort_reason).unwrap_or_default();
                    return Ok(vec![format!("TrafficMigration {name} went back: {why}")]);
                }
                Phase::Conflicted => {
                    let conflict = migration.status.and_then(|status| status.conflict);
                    let why = conflict.map(|conflict| conflict.message).unwrap_or_default();
                    return Ok(vec![format!("TrafficMigration {name} met somebody else: {why}")]);
                }
                _ => sleep(ASK_EVERY).await,
            }
        }
    }
    Ok(Vec::new())
}

/// Deletes the migrations, the youngest first, and tells what is left of them.
pub(super) async fn clear(client: &Client, front: &Front) -> Result<Vec<String>> {
    let api = Api::<TrafficMigration>::namespaced(client.clone(), NAMESPACE);
    let deadline = Instant::now() + GONE_WITHIN;
    for (_, name, ..) in LEGS.into_iter().rev() {
        if let Err(error) = api.delete(name, &DeleteParams::default()).await {
            return Ok(vec![format!("TrafficMigration {name} could not be deleted: {error}")]);
        }
    }
    loop {
        let all = api.list(&kube::api::ListParams::default()).await.doing(|| "listing the migrations")?;
        let names = all.items.iter().filter_map(|it| it.metadata.name.clone());
        let mut left: Vec<String> = names.map(|name| format!("TrafficMigration {name} is left")).collect();
        left.extend(front.left());
        if left.is_empty() || Instant::now() > deadline {
            return Ok(left);
        }
        sleep(ASK_EVERY).await;
    }
}
