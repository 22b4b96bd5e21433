//! Images: manifests under their digests, and tags that point to them (PutImage, BatchGetImage, BatchDeleteImage).

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::repository::Repository;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::wire::json::epoch;
use crate::world::{Cx, World};

#[derive(Debug, Clone)]
pub(super) struct Image {
    pub(super) digest: String,
    manifest: String,
    media_type: String,
    pub(super) tags: BTreeSet<String>,
    pushed: Timestamp,
}

const MEDIA_TYPE: &str = "application/vnd.docker.distribution.manifest.v2+json";

impl Image {
    /// As DescribeImages shows it. The size is that of the layers which the manifest names.
    pub(super) fn show(&self, repository: &Repository) -> Value {
        let manifest = serde_json::from_str::<Value>(&self.manifest).unwrap_or_default();
        let layers = manifest["layers"].as_array().into_iter().flatten().chain([&manifest["config"]]);
        let size: u64 = layers.filter_map(|layer| layer["size"].as_u64()).sum();
        let mut shown = repository.named();
        for (name, value) in [
            ("imageDigest", json!(self.digest)),
            ("imageSizeInBytes", json!(size)),
            ("imagePushedAt", epoch(self.pushed)),
            ("imageManifestMediaType", json!(self.media_type)),
        ] {
            shown[name] = value;
        }
        if !self.tags.is_empty() {
            shown["imageTags"] = json!(self.tags);
        }
        shown
    }

    /// With its manifest, as asked for by this tag.
    fn reveal(&self, repository: &Repository, tag: Option<&str>) -> Value {
        let mut shown = repository.named();
        shown["imageId"] = id(&self.digest, tag);
        shown["imageManifest"] = json!(self.manifest);
        shown["imageManifestMediaType"] = json!(self.media_type);
        shown
    }
}

pub(super) fn id(digest: &str, tag: Option<&str>) -> Value {
    let mut id = json!({ "imageDigest": digest });
    if let Some(tag) = tag {
        id["imageTag"] = json!(tag);
    }
    id
}

impl Repository {
    /// The place of the image of an `imageIds` entry: with that digest, that tag, or both.
    pub(super) fn find(&self, wanted: Input<'_>) -> Result<Option<usize>, Refusal> {
        let (digest, tag) = (wanted.text("imageDigest")?, wanted.text("imageTag")?);
        if digest.is_none() && tag.is_none() {
            return Err(wanted.refuse("Invalid parameter at 'imageIds': give a digest, a tag, or both"));
        }
        Ok(self.images.iter().position(|image| {
            digest.is_none_or(|digest| image.digest == digest) && tag.is_none_or(|tag| image.tags.contains(tag))
        }))
    }
}

pub(super) fn put(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let (manifest, tag) = (input.required("imageManifest")?, input.text("imageTag")?);
    let Ok(parsed) = serde_json::from_str::<Value>(manifest) else {
        return Err(
            input.refuse("Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'")
        );
    };
    let digest = Sha256::digest(manifest).iter().fold("sha256:".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    if input.text("imageDigest")?.is_some_and(|given| given != digest) {
        let message = "The digest that you specified doesn't match the one calculated from the image manifest.";
        return Err(Refusal::new("ImageDigestDoesNotMatchException", message));
    }
    let media_type = input.text("imageManifestMediaType")?.or(parsed["mediaType"].as_str()).unwrap_or(MEDIA_TYPE);
    let repository = world.services.ecr.named(cx, input)?;
    let known = repository.images.iter().position(|image| image.digest == digest);
    let holder = tag.and_then(|tag| repository.images.iter().position(|image| image.tags.contains(tag)));
    if known.is_some() && (tag.is_none() || holder == known) {
        let message = format!(
            "Image with digest '{digest}' and tag '{}' already exists in the repository with name '{}' in registry with id \
             '{}'",
            tag.unwrap_or("null"),
            repository.name,
            repository.registry
        );
        return Err(Refusal::new("ImageAlreadyExistsException", message));
    }
    if let (Some(tag), Some(_), true) = (tag, holder, repository.mutability.starts_with("IMMUTABLE")) {
        let message = format!(
            "The image tag '{tag}' already exists in the '{}' repository and cannot be overwritten because the tag is \
             immutable.",
            repository.name
        );
        return Err(Refusal::new("ImageTagAlreadyExistsException", message));
    }
    if let (Some(holder), Some(tag)) = (holder, tag) {
        repository.images[holder].tags.remove(tag);
    }
    let at = known.unwrap_or_else(|| {
        repository.images.push(Image {
            digest: digest.clone(),
            manifest: manifest.to_owned(),
            media_type: media_type.to_owned(),
            tags: BTreeSet::new(),
            pushed: cx.now,
        });
        repository.images.len() - 1
    });
    repository.images[at].tags.extend(tag.map(str::to_owned));
    let image = repository.images[at].reveal(repository, tag);
    Ok(json!({ "image": image }))
}

fn missing(wanted: Input<'_>) -> Value {
    json!({ "imageId": wanted.members(), "failureCode": "ImageNotFound", "failureReason": "Requested image not found" })
}

pub(super) fn get(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let repository = world.services.ecr.named(cx, input)?;
    let (mut images, mut failures) = (Vec::new(), Vec::new());
    for wanted in input.objects("imageIds")? {
        match repository.find(wanted)? {
            Some(at) => images.push(repository.images[at].reveal(repository, wanted.text("imageTag")?)),
            None => failures.push(missing(wanted)),
        }
    }
    Ok(json!({ "images": images, "failures": failures }))
}

/// A tag alone is taken from its image, which goes with its last one; a digest takes the image with all its tags.
pub(super) fn delete(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let repository = world.services.ecr.named(cx, input)?;
    let (mut gone, mut failures) = (Vec::new(), Vec::new());
    for wanted in input.objects("imageIds")? {
        let Some(at) = repository.find(wanted)? else {
            failures.push(missing(wanted));
            continue;
        };
        let image = &mut repository.images[at];
        let tag = wanted.text("imageTag")?.filter(|_| wanted.get("imageDigest").is_none());
        if let Some(tag) = tag {
            gone.push(id(&image.digest, Some(tag)));
            image.tags.remove(tag);
            if !image.tags.is_empty() {
                continue;
            }
        } else if image.tags.is_empty() {
            gone.push(id(&image.digest, None));
        } else {
            gone.extend(image.tags.iter().map(|tag| id(&image.digest, Some(tag))));
        }
        repository.images.remove(at);
    }
    Ok(json!({ "imageIds": gone, "failures": failures }))
}
