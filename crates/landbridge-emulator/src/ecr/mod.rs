//! Amazon ECR: repositories with their policies and tags, and the manifests that are put into them.
//!
//! Layers are not kept and not asked for, lifecycle policies are kept and expire nothing, and no registry answers docker.
//! Source: Amazon ECR API reference.

mod image;
mod image_list;
mod policy;
mod repository;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::clock::later;
use crate::input::Input;
use crate::page;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

use repository::Repository;

/// All accounts' and regions' repositories, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ecr {
    places: BTreeMap<(String, String), BTreeMap<String, Repository>>,
}

/// An authorization token is good for so long (GetAuthorizationToken).
const TOKEN: Duration = Duration::from_hours(12);

impl Ecr {
    /// Everything remembered, for a look from outside.
    pub(crate) fn dump(&self) -> Value {
        self.places.values().flat_map(BTreeMap::values).map(Repository::dump).collect()
    }

    fn here(&mut self, cx: &Cx) -> &mut BTreeMap<String, Repository> {
        self.places.entry((cx.account.clone(), cx.region.clone())).or_default()
    }

    /// The repository that `repositoryName` names.
    fn named(&mut self, cx: &Cx, input: Input<'_>) -> Result<&mut Repository, Refusal> {
        let name = input.required("repositoryName")?;
        self.here(cx).get_mut(name).ok_or_else(|| not_found(cx, name))
    }

    /// ARN and tags of each resource of an account and region.
    pub(crate) fn tagged(&self, cx: &Cx) -> crate::tagging::Tagged {
        let here = self.places.get(&(cx.account.clone(), cx.region.clone())).into_iter().flat_map(BTreeMap::values);
        here.map(|repository| (repository.arn.clone(), repository.tags.clone())).collect()
    }
}

fn not_found(cx: &Cx, name: &str) -> Refusal {
    let message = format!("The repository with name '{name}' does not exist in the registry with id '{}'", cx.account);
    Refusal::new("RepositoryNotFoundException", message)
}

/// Answers one operation.
pub(crate) fn call(world: &mut World, cx: &Cx, op: &str, input: &Value) -> Result<Value, Refusal> {
    let input = Input::new(input, "InvalidParameterException");
    match op {
        "CreateRepository" => repository::create(world, cx, input),
        "DescribeRepositories" => repository::describe(world, cx, input),
        "DeleteRepository" => repository::delete(world, cx, input),
        "PutImageTagMutability" => repository::put_mutability(world, cx, input),
        "PutImageScanningConfiguration" => repository::put_scanning(world, cx, input),
        "TagResource" => repository::tag(world, cx, input),
        "UntagResource" => repository::untag(world, cx, input),
        "ListTagsForResource" => repository::tags(world, cx, input),
        "PutLifecyclePolicy" => policy::put_lifecycle(world, cx, input),
        "GetLifecyclePolicy" => policy::get_lifecycle(world, cx, input),
        "DeleteLifecyclePolicy" => policy::delete_lifecycle(world, cx, input),
        "SetRepositoryPolicy" => policy::set(world, cx, input),
        "GetRepositoryPolicy" => policy::get(world, cx, input),
        "DeleteRepositoryPolicy" => policy::delete(world, cx, input),
        "PutImage" => image::put(world, cx, input),
        "BatchGetImage" => image::get(world, cx, input),
        "BatchDeleteImage" => image::delete(world, cx, input),
        "DescribeImages" => image_list::describe(world, cx, input),
        "ListImages" => image_list::list(world, cx, input),
        "GetAuthorizationToken" => Ok(authorization(world, cx)),
        _ => Err(Refusal::unknown_operation()),
    }
}

fn authorization(world: &mut World, cx: &Cx) -> Value {
    let token = STANDARD.encode(format!("AWS:{}", world.rng.hex(64)));
    let endpoint = format!("https://{}.dkr.ecr.{}.amazonaws.com", cx.account, cx.region);
    let expires = epoch(later(cx.now, TOKEN));
    json!({ "authorizationData": [
        { "authorizationToken": token, "expiresAt": expires, "proxyEndpoint": endpoint },
    ] })
}

/// One page of `items` under `field`; tokens are the number of items given.
fn page(input: Input<'_>, field: &str, items: Vec<Value>) -> Result<Value, Refusal> {
    let most = input.number_within("maxResults", 1, 1000)?.unwrap_or(100) as usize;
    let after = input.text("nextToken")?.map_or(Ok(0), str::parse::<usize>);
    let after = after.map_err(|_| input.refuse("Invalid parameter at 'nextToken'"))?;
    let (page, next) = page::by_number(items, after, most);
    let mut answer = Map::from_iter([(field.to_owned(), Value::Array(page))]);
    answer.extend(next.map(|next| ("nextToken".to_owned(), json!(next))));
    Ok(answer.into())
}
