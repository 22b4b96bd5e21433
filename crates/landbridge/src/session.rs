//! Planning and applying a set of objects without an operator: the same planner, the same executor, the statuses kept
//! in memory for as long as the command runs.
//!
//! Kinds go one after the other, because later kinds refer to earlier ones; objects of one kind go side by side, so that
//! reads of AWS are batched.

mod carried;
mod pass;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use landbridge_aws::AwsPool;
use landbridge_aws::budget::Priority;
use landbridge_plan::account::AccountTarget;
use landbridge_plan::kubernetes::FOREIGN_KINDS;
use landbridge_plan::objects::Snapshot;
use landbridge_plan::plan::Plan;

pub use carried::Carried;

use crate::cli::SourceArgs;
use crate::files::{self, ByKind, Object, ObjectSet};
use crate::live::{KindInfo, Live};

/// Objects of one kind that are planned side by side.
const PLANNED_AT_ONCE: usize = 256;
/// Objects of one kind that are written side by side; AWS's request quotas set the pace.
const WRITTEN_AT_ONCE: usize = 16;

/// The objects that the arguments name: from files, or from the current Kubernetes cluster.
pub async fn load(args: &SourceArgs) -> Result<ObjectSet> {
    if args.files.is_empty() {
        return from_cluster(args).await;
    }
    let documents = files::read(&args.files, args.recursive)?;
    let set = ObjectSet::build(documents, args.namespace.as_deref().unwrap_or("default"))?;
    for foreign in &set.foreign {
        eprintln!("note: {foreign} is not Landbridge's and is passed over");
    }
    if set.objects.is_empty() {
        let names = args.files.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", ");
        let folder = args.files.iter().any(|f| f.is_dir());
        let hint = if folder && !args.recursive {
            "; of a folder, .yaml, .yml and .json files are read, and with -R those below it"
        } else {
            ""
        };
        anyhow::bail!("there is no object of landbridge.dev in {names}{hint}");
    }
    Ok(set)
}

async fn from_cluster(args: &SourceArgs) -> Result<ObjectSet> {
    let live = Live::connect().await?;
    let mut found = Vec::new();
    for kind in KindInfo::all()? {
        found.extend(live.list(&kind, args.namespace.as_deref()).await?);
    }
    let mut set = ObjectSet::of_cluster(found, live.namespace_labels().await?)?;
    if set.objects.iter().any(|o| matches!(o, Object::Export(_) | Object::Import(_) | Object::Migration(_))) {
        (set.services, set.slices) = live.services(args.namespace.as_deref()).await?;
        set.knows_kubernetes = true;
    }
    if set.objects.iter().any(|o| matches!(o, Object::Migration(_))) {
        for kind in FOREIGN_KINDS {
            let found = live.of_others(kind, args.namespace.as_deref()).await?;
            set.through.extend(found.into_iter().map(|object| (kind, object)));
        }
    }
    Ok(set)
}

/// One run over a set of objects.
pub struct Session {
    pool: AwsPool,
    snapshot: Snapshot,
    writes: AtomicUsize,
}

/// How long an object is stayed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// Everything that the spec asks for has been written.
    Written,
    /// It is healthy, or gone.
    Settled,
}

/// What came of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It is as wanted, or gone.
    Settled,
    /// It is written and moves by itself.
    Written,
    /// It did not come through; the reason has been told.
    Failed,
}

impl Session {
    /// A session whose references resolve among `set`.
    pub async fn open(set: &ObjectSet, installation: &str) -> Self {
        let pool = AwsPool::default();
        let mut snapshot = Snapshot {
            installation: installation.to_owned(),
            environment: environment(&pool, installation).await.map(Arc::new),
            namespace_labels: set.namespace_labels.clone(),
            knows_kubernetes: set.knows_kubernetes,
            ..Snapshot::default()
        };
        set.services.iter().for_each(|service| snapshot.insert_service(service));
        set.slices.iter().for_each(|slice| snapshot.insert_slice(slice));
        set.through.iter().for_each(|(kind, object)| snapshot.insert_foreign(kind, object));
        for object in &set.objects {
            match object.clone() {
                Object::Account(o) => snapshot.insert(*o),
                Object::Cluster(o) => snapshot.insert(*o),
                Object::Namespace(o) => snapshot.insert(*o),
                Object::Role(o) => snapshot.insert(*o),
                Object::Service(o) => snapshot.insert(*o),
                Object::Export(o) => snapshot.insert(*o),
                Object::Import(o) => snapshot.insert(*o),
                Object::Migration(o) => snapshot.insert(*o),
            }
        }
        Self { pool, snapshot, writes: AtomicUsize::new(0) }
    }

    /// Writes that AWS accepted in this session.
    pub fn writes(&self) -> usize {
        self.writes.load(Ordering::Relaxed)
    }

    /// The plans of all objects, in order. Nothing is written.
    pub async fn plan(&mut self, set: ObjectSet) -> Result<Vec<Plan>> {
        let ByKind { accounts, clusters, namespaces, roles, services, exports, imports, migrations } = set.by_kind();
        let mut plans = self.plan_kind(accounts).await?;
        plans.extend(self.plan_kind(clusters).await?);
        plans.extend(self.plan_kind(namespaces).await?);
        plans.extend(self.plan_kind(roles).await?);
        plans.extend(self.plan_kind(services).await?);
        plans.extend(self.plan_kind(exports).await?);
        plans.extend(self.plan_kind(imports).await?);
        plans.extend(self.plan_kind(migrations).await?);
        Ok(plans)
    }

    /// The plans of deleting all objects, users before what they use. Nothing is written.
    pub async fn plan_deletion(&mut self, set: ObjectSet) -> Result<Vec<Plan>> {
        self.meet(&set).await?;
        let ByKind { accounts, clusters, namespaces, roles, services, exports, imports, migrations } = set.by_kind();
        let mut plans = self.plan_kind_deletion(migrations).await?;
        plans.extend(self.plan_kind_deletion(imports).await?);
        plans.extend(self.plan_kind_deletion(exports).await?);
        plans.extend(self.plan_kind_deletion(services).await?);
        plans.extend(self.plan_kind_deletion(roles).await?);
        plans.extend(self.plan_kind_deletion(namespaces).await?);
        plans.extend(self.plan_kind_deletion(clusters).await?);
        plans.extend(self.plan_kind_deletion(accounts).await?);
        Ok(plans)
    }

    /// Makes AWS what the objects say, in order. True when all of them came through.
    pub async fn apply(&mut self, set: ObjectSet, follow: bool, deadline: Instant) -> Result<bool> {
        let ByKind { accounts, clusters, namespaces, roles, services, exports, imports, migrations } = set.by_kind();
        // What others refer to has to be there first; a service is followed only when that is asked for.
        let mut all = self.carry_kind(accounts, Until::Settled, deadline).await;
        all &= self.carry_kind(clusters, Until::Settled, deadline).await;
        all &= self.carry_kind(namespaces, Until::Settled, deadline).await;
        all &= self.carry_kind(roles, Until::Settled, deadline).await;
        let until = if follow { Until::Settled } else { Until::Written };
        all &= self.carry_kind(services, until, deadline).await;
        all &= self.carry_kind(exports, Until::Settled, deadline).await;
        all &= self.carry_kind(imports, Until::Settled, deadline).await;
        all &= self.carry_kind(migrations, until, deadline).await;
        Ok(all)
    }

    /// Deletes from AWS what the objects describe, users before what they use. True when all are gone.
    pub async fn delete(&mut self, set: ObjectSet, deadline: Instant) -> Result<bool> {
        self.meet(&set).await?;
        let ByKind { accounts, clusters, namespaces, roles, services, exports, imports, migrations } = set.by_kind();
        let mut all = self.remove_kind(migrations, deadline).await;
        all &= self.remove_kind(imports, deadline).await;
        all &= self.remove_kind(exports, deadline).await;
        all &= self.remove_kind(services, deadline).await;
        all &= self.remove_kind(roles, deadline).await;
        all &= self.remove_kind(namespaces, deadline).await;
        all &= self.remove_kind(clusters, deadline).await;
        all &= self.remove_kind(accounts, deadline).await;
        Ok(all)
    }

    /// Learns what services refer to (account IDs, ARNs) from AWS, as a deletion needs it as much as a creation.
    async fn meet(&mut self, set: &ObjectSet) -> Result<()> {
        let ByKind { accounts, clusters, namespaces, roles, .. } = set.clone().by_kind();
        self.plan_kind(accounts).await?;
        self.plan_kind(clusters).await?;
        self.plan_kind(namespaces).await?;
        self.plan_kind(roles).await?;
        Ok(())
    }

    async fn plan_kind<K: Carried>(&mut self, objects: Vec<K>) -> Result<Vec<Plan>> {
        let this = &*self;
        let passes = futures::stream::iter(objects).map(|object| Box::pin(this.plan_one(object)));
        let planned: Vec<(K, Plan)> = passes.buffered(PLANNED_AT_ONCE).try_collect().await?;
        let insert = |(object, plan): (K, Plan)| {
            self.snapshot.insert(object);
            plan
        };
        Ok(planned.into_iter().map(insert).collect())
    }

    async fn plan_kind_deletion<K: Carried>(&mut self, mut objects: Vec<K>) -> Result<Vec<Plan>> {
        objects.iter_mut().for_each(mark_deleted);
        let plans = self.plan_kind(objects.clone()).await?;
        for object in &objects {
            object.leave(&mut self.snapshot);
        }
        Ok(plans)
    }

    async fn carry_kind<K: Carried>(&mut self, objects: Vec<K>, until: Until, deadline: Instant) -> bool {
        let this = &*self;
        let passes = futures::stream::iter(objects).map(|object| this.carry(object, until, deadline));
        let carried: Vec<(K, Outcome)> = Box::pin(passes.buffered(WRITTEN_AT_ONCE).collect()).await;
        let mut all = true;
        for (object, outcome) in carried {
            all &= outcome != Outcome::Failed;
            self.snapshot.insert(object);
        }
        all
    }

    async fn remove_kind<K: Carried>(&mut self, mut objects: Vec<K>, deadline: Instant) -> bool {
        objects.iter_mut().for_each(mark_deleted);
        let this = &*self;
        let passes = futures::stream::iter(objects).map(|object| this.carry(object, Until::Settled, deadline));
        let carried: Vec<(K, Outcome)> = Box::pin(passes.buffered(WRITTEN_AT_ONCE).collect()).await;
        let mut all = true;
        for (object, outcome) in carried {
            if outcome == Outcome::Settled {
                object.leave(&mut self.snapshot);
            } else {
                // What it uses has to stay, so it stays known.
                all = false;
            }
        }
        all
    }
}

fn mark_deleted<K: Carried>(object: &mut K) {
    object.meta_mut().deletion_timestamp = Some(Time(Timestamp::now()));
}

/// The account that the process's own AWS environment leads to, if it leads to one.
async fn environment(pool: &AwsPool, installation: &str) -> Option<AccountTarget> {
    let region = pool.environment_region().await?;
    let target = AccountTarget {
        partition: AccountTarget::partition_of(&region).to_owned(),
        region,
        installation: installation.to_owned(),
        ..AccountTarget::default()
    };
    let identity = pool.get(&target).await.caller(Priority::Deploy).await.ok()?;
    Some(AccountTarget { account_id: identity.account_id, ..target })
}
