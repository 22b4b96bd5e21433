//! The operator's own AWS environment as an account: used where no `accountRef` is given and no AWSAccount `default`
//! exists. Who that is takes one call to find out, made when somebody first asks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use landbridge_api::condition::reason;
use landbridge_aws::budget::Priority;
use landbridge_plan::account::AccountTarget;
use landbridge_plan::plan::Unmet;
use landbridge_plan::verdict::{ErrorClass, Failure};
use tokio::sync::Notify;

use crate::context::Operator;
use crate::controllers::wake_users_of_ambient;

/// How long an environment that is not usable stays unasked.
const RETRY: Duration = Duration::from_secs(30);

/// What is known of the operator's own AWS environment.
#[derive(Debug, Default)]
pub struct Ambient {
    state: Mutex<State>,
    wanted: Notify,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Unknown,
    Known(Arc<AccountTarget>),
    Failed(Failure),
}

impl Ambient {
    /// The account. Asking for what is not known starts to find it out; who asked is woken when it is known.
    ///
    /// # Errors
    /// It is not known yet, or the environment has no usable credentials.
    pub fn account(&self) -> Result<Arc<AccountTarget>, Unmet> {
        let unmet = match &*self.lock() {
            State::Known(account) => return Ok(account.clone()),
            State::Unknown => Unmet::wait(reason::REFERENCE_NOT_READY, "asking AWS whose credentials the operator has"),
            State::Failed(failure) => Unmet::wait(
                failure.class.reason(),
                format!(
                    "there is no AWSAccount default, and the operator's own AWS environment is not usable: {}",
                    failure.message
                ),
            ),
        };
        self.wanted.notify_one();
        Err(unmet)
    }

    /// Resolves when somebody asked for what is not known.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// The account, if it is known.
    pub fn known(&self) -> Option<Arc<AccountTarget>> {
        match &*self.lock() {
            State::Known(account) => Some(account.clone()),
            State::Unknown | State::Failed(_) => None,
        }
    }

    /// Takes in what was found.
    pub fn found(&self, found: Result<AccountTarget, Failure>) {
        *self.lock() = match found {
            Ok(account) => State::Known(Arc::new(account)),
            Err(failure) => State::Failed(failure),
        };
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Finds out, whenever somebody asks for what is not known, whose credentials the operator's environment holds, and
/// wakes who asked.
pub async fn find_out(operator: Arc<Operator>) {
    let ambient = &operator.world.ambient;
    loop {
        ambient.wanted().await;
        if ambient.known().is_some() {
            continue;
        }
        let is_usable = find_out_now(&operator).await;
        wake_users_of_ambient(&operator.world);
        if !is_usable {
            tokio::time::sleep(RETRY).await;
        }
    }
}

/// Finds it out once; says whether it is usable.
pub async fn find_out_now(operator: &Operator) -> bool {
    let found = ask(operator).await;
    let is_usable = found.is_ok();
    match &found {
        Ok(account) => tracing::info!(account = account.account_id, region = account.region, "own AWS environment"),
        Err(failure) => tracing::warn!(message = failure.message, "own AWS environment is not usable"),
    }
    operator.world.ambient.found(found);
    is_usable
}

async fn ask(operator: &Operator) -> Result<AccountTarget, Failure> {
    let Some(region) = operator.pool.environment_region().await else {
        return Err(Failure {
            operation: "sts:GetCallerIdentity".to_owned(),
            class: ErrorClass::Credentials,
            message: "it names no Region; set AWS_REGION, or create AWSAccount default".to_owned(),
        });
    };
    let mut target = AccountTarget {
        partition: AccountTarget::partition_of(&region).to_owned(),
        region,
        installation: operator.world.installation.clone(),
        ..AccountTarget::default()
    };
    let aws = operator.pool.get(&target).await;
    let who = aws.caller(Priority::Deploy).await.map_err(|error| Failure::from(&error))?;
    target.account_id = who.account_id;
    Ok(target)
}
