//! Repositories and their tags (CreateRepository, DescribeRepositories, DeleteRepository, TagResource).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::image::Image;
use super::{not_found, page};
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

#[derive(Debug, Clone)]
pub(super) struct Repository {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) registry: String,
    uri: String,
    /// `MUTABLE` or `IMMUTABLE`.
    pub(super) mutability: String,
    scanning: Value,
    encryption: Value,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) lifecycle: Option<String>,
    pub(super) policy: Option<String>,
    /// Oldest first.
    pub(super) images: Vec<Image>,
    created: Timestamp,
}

const MUTABILITIES: [&str; 4] = ["MUTABLE", "IMMUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"];
const TAGS: usize = 50;

impl Repository {
    pub(super) fn show(&self) -> Value {
        json!({
            "repositoryArn": self.arn, "repositoryName": self.name, "registryId": self.registry,
            "repositoryUri": self.uri, "createdAt": epoch(self.created), "imageTagMutability": self.mutability,
            "imageScanningConfiguration": self.scanning, "encryptionConfiguration": self.encryption,
        })
    }

    pub(super) fn dump(&self) -> Value {
        let mut dump = self.show();
        dump["tags"] = json!(self.tags);
        dump["images"] = self.images.iter().map(|image| image.show(self)).collect();
        dump
    }

    /// Members that name it in answers.
    pub(super) fn named(&self) -> Value {
        json!({ "registryId": self.registry, "repositoryName": self.name })
    }
}

/// 2 to 256 characters: lower-case words with `.`, `_`, `-` inside, and slashes between them.
fn checked_name(input: Input<'_>) -> Result<&str, Refusal> {
    let name = input.required("repositoryName")?;
    let is_word = |word: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        word.starts_with(inner) && word.ends_with(inner) && word.chars().all(|c| inner(c) || "._-".contains(c))
    };
    if !(2..=256).contains(&name.len()) || !name.split('/').all(is_word) {
        return Err(input.refuse(
            "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression \
             '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*''",
        ));
    }
    Ok(name)
}

fn checked_mutability(input: Input<'_>) -> Result<String, Refusal> {
    let mutability = input.text("imageTagMutability")?.unwrap_or("MUTABLE");
    if MUTABILITIES.contains(&mutability) {
        return Ok(mutability.to_owned());
    }
    let what = format!("'must satisfy enum value set: [{}]'", MUTABILITIES.join(", "));
    Err(input.refuse(format!("Invalid parameter at 'imageTagMutability' failed to satisfy constraint: {what}")))
}

fn checked_tags(tags: &BTreeMap<String, String>) -> Result<(), Refusal> {
    if tags.len() > TAGS {
        return Err(Refusal::new("TooManyTagsException", format!("A repository has at most {TAGS} tags.")));
    }
    let wrong = |(key, value): (&String, &String)| {
        key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 || key.starts_with("aws:")
    };
    if tags.iter().any(wrong) {
        let message = "Keys of tags have 1 to 128 characters and do not start with aws:, values have up to 256.";
        return Err(Refusal::new("InvalidTagParameterException", message));
    }
    Ok(())
}

pub(super) fn create(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (name, mutability) = (checked_name(input)?, checked_mutability(input)?);
    let tags: BTreeMap<String, String> = input.tags("tags")?.into_iter().collect();
    checked_tags(&tags)?;
    let repositories = world.services.ecr.here(cx);
    if repositories.contains_key(name) {
        let message =
            format!("The repository with name '{name}' already exists in the registry with id '{}'", cx.account);
        return Err(Refusal::new("RepositoryAlreadyExistsException", message));
    }
    let given = |member: &str, default: Value| input.get(member).cloned().unwrap_or(default);
    let repository = Repository {
        arn: format!("arn:aws:ecr:{}:{}:repository/{name}", cx.region, cx.account),
        name: name.to_owned(),
        registry: cx.account.clone(),
        uri: format!("{}.dkr.ecr.{}.amazonaws.com/{name}", cx.account, cx.region),
        mutability,
        scanning: given("imageScanningConfiguration", json!({ "scanOnPush": false })),
        encryption: given("encryptionConfiguration", json!({ "encryptionType": "AES256" })),
        tags,
        lifecycle: None,
        policy: None,
        images: Vec::new(),
        created: cx.now,
    };
    let shown = repository.show();
    repositories.insert(name.to_owned(), repository);
    Ok(json!({ "repository": shown }))
}

pub(super) fn describe(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let names = input.texts("repositoryNames")?;
    let repositories = world.services.ecr.here(cx);
    if let Some(unknown) = names.iter().find(|name| !repositories.contains_key(**name)) {
        return Err(not_found(cx, unknown));
    }
    let wanted = repositories.values().filter(|it| names.is_empty() || names.contains(&it.name.as_str()));
    page(input, "repositories", wanted.map(Repository::show).collect())
}

pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let force = input.flag("force")?.unwrap_or(false);
    let repository = world.services.ecr.named(cx, input)?;
    if !repository.images.is_empty() && !force {
        let message = format!(
            "The repository with name '{}' in registry with id '{}' cannot be deleted because it still contains images",
            repository.name, cx.account
        );
        return Err(Refusal::new("RepositoryNotEmptyException", message));
    }
    let (name, shown) = (repository.name.clone(), repository.show());
    world.services.ecr.here(cx).remove(&name);
    Ok(json!({ "repository": shown }))
}

pub(super) fn put_mutability(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    input.required("imageTagMutability")?;
    let mutability = checked_mutability(input)?;
    let repository = world.services.ecr.named(cx, input)?;
    repository.mutability = mutability;
    let mut answer = repository.named();
    answer["imageTagMutability"] = json!(repository.mutability);
    Ok(answer)
}

pub(super) fn put_scanning(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let scanning = input.object("imageScanningConfiguration")?;
    let scanning = scanning.ok_or_else(|| input.missing("imageScanningConfiguration"))?.members();
    let repository = world.services.ecr.named(cx, input)?;
    repository.scanning = Value::Object(scanning);
    let mut answer = repository.named();
    answer["imageScanningConfiguration"] = repository.scanning.clone();
    Ok(answer)
}

/// The repository whose tags a call is about.
fn tagged<'a>(world: &'a mut World, cx: &Cx, input: Input<'_>) -> Result<&'a mut Repository, Refusal> {
    let arn = input.required("resourceArn")?;
    let name = arn.split_once(":repository/").map(|(_, name)| name);
    let name =
        name.ok_or_else(|| input.refuse(format!("Invalid parameter at 'resourceArn': {arn} is no repository")))?;
    world.services.ecr.here(cx).get_mut(name).ok_or_else(|| not_found(cx, name))
}

pub(super) fn tag(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let added = input.tags("tags")?;
    let repository = tagged(world, cx, input)?;
    let mut tags = repository.tags.clone();
    tags.extend(added);
    checked_tags(&tags)?;
    repository.tags = tags;
    Ok(Value::Null)
}

pub(super) fn untag(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let keys = input.texts("tagKeys")?;
    tagged(world, cx, input)?.tags.retain(|key, _| !keys.contains(&key.as_str()));
    Ok(Value::Null)
}

pub(super) fn tags(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let repository = tagged(world, cx, input)?;
    let tags = repository.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value }));
    Ok(json!({ "tags": tags.collect::<Vec<_>>() }))
}
