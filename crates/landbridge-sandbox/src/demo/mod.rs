//! `landbridge sandbox --demo migration`: a service moves from ECS tasks to pods and back while a load generator asks it all
//! the time through the emulated load balancer.
//!
//! Everything in it is real but AWS and the programs: the operator moves weights, requests go through sockets, a failed one
//! is a failed one. The emulated AWS is sped up; the operator's clock is not.

mod chance;
mod counts;
mod front;
mod load;
mod story;
mod view;

use std::{future::Future, time::Duration};

use landbridge_emulator::Timings;
use tokio::time::{Instant, interval};

use self::{
    counts::Counts,
    front::Front,
    load::{Aim, Ledger, Load},
    story::Followed,
    view::View,
};
use crate::{
    args::SandboxArgs,
    error::{Error, Result},
    run::until,
    sandbox::Sandbox,
};

/// Where the story plays.
const NAMESPACE: &str = "shop";
/// How often the view is brought up to date, and every part looked after.
const FRAME: Duration = Duration::from_millis(200);

/// How long things take in the emulated AWS: a load balancer is quicker, for nobody wants to watch that.
pub(crate) fn timings() -> Timings {
    Timings { load_balancer: Duration::from_secs(20), ..Timings::default() }
}

/// Plays it. With `--once` to the end, with an error unless all of it held; otherwise the traffic goes on until somebody ends
/// it.
pub(crate) async fn play(sandbox: &mut Sandbox, args: &SandboxArgs) -> Result<()> {
    println!("{}", sandbox.instructions()?);
    let (client, emulator) = (sandbox.client().clone(), sandbox.emulator().clone());
    let ledger = Ledger::new();
    let followed = Followed::start(client.clone(), ledger.clone());
    let listeners = sandbox.data_plane().map(crate::data_plane::DataPlane::listeners);
    let listeners = listeners.ok_or_else(|| Error::Demo { reasons: vec!["no pods run in this sandbox".to_owned()] })?;
    let limit = args.once.then(|| Instant::now() + args.timeout);
    let mut stage = Stage { sandbox, followed, ledger: ledger.clone(), view: View::stdout(), limit, args };

    let front = stage.during(Front::open(client.clone(), emulator, listeners)).await?;
    stage.view.say(&[
        format!("The load balancer answers at http://{}, for Host: {}", front.socket, front::HOST),
        format!("    curl -H 'Host: {}' http://{}", front::HOST, front.socket),
        String::new(),
    ]);
    let aim = Aim { socket: front.socket, host: front::HOST, ecs_group: front.ecs_group.clone() };
    ledger.restart();
    let load = Load::start(ledger.clone(), aim, args.rate);
    let mut reasons = stage.during(story::play(&client, &ledger, args.bake)).await?;
    if !args.once {
        stage.view.say(&[format!("\n{}", report(&ledger.counts())), AFTERWARDS.to_owned()]);
        return stage.during(std::future::pending()).await;
    }
    if reasons.is_empty() {
        reasons = stage.during(story::clear(&client, &front)).await?;
    }
    drop(load);
    ledger.settled().await;
    let counts = ledger.counts();
    reasons.extend(counts.faults());
    stage.view.say(&[format!("\n{}", report(&counts))]);
    if reasons.is_empty() {
        stage.view.say(&[HELD.to_owned()]);
        return Ok(());
    }
    Err(Error::Demo { reasons })
}

const AFTERWARDS: &str = "
The story is over; the traffic goes on. Play with it: kubectl and landbridge migrate work as above. Ctrl-C ends everything.
";
const HELD: &str =
    "Both migrations were completed, no request failed, every share is as its weight, nothing is left behind.";

fn report(counts: &Counts) -> String {
    counts.table().join("\n")
}

/// What is shown and looked after while the story goes on.
struct Stage<'a> {
    sandbox: &'a mut Sandbox,
    followed: Followed,
    ledger: Ledger,
    view: View,
    limit: Option<Instant>,
    args: &'a SandboxArgs,
}

impl Stage<'_> {
    /// Runs a part of the story. An error when a part of the sandbox ends, or the time is over.
    async fn during<T>(&mut self, part: impl Future<Output = Result<T>>) -> Result<T> {
        let mut part = std::pin::pin!(part);
        let mut frame = interval(FRAME);
        loop {
            tokio::select! {
                done = &mut part => return done,
                _ = frame.tick() => {
                    let youngest = self.followed.youngest.borrow().clone();
                    self.view.show(youngest.as_ref(), &self.ledger.traffic());
                    self.sandbox.check_alive().await?;
                }
                () = until(self.limit) => return Err(self.late()),
            }
        }
    }

    /// The time of `--once` is over.
    fn late(&mut self) -> Error {
        let counts = self.ledger.counts();
        self.view.say(&[format!("\n{}", report(&counts))]);
        let mut reasons = vec![format!("it was not at its end within {:?}", self.args.timeout)];
        let youngest = self.followed.youngest.borrow().clone();
        let conditions = youngest.and_then(|it| it.status).map(|status| status.common.conditions).unwrap_or_default();
        reasons.extend(conditions.iter().map(|it| format!("{}={} {}: {}", it.type_, it.status, it.reason, it.message)));
        reasons.extend(counts.faults());
        Error::Demo { reasons }
    }
}
