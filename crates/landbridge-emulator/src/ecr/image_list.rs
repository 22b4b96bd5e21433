//! Which images there are (DescribeImages, ListImages).

use serde_json::Value;

use super::image::{Image, id};
use super::page;
use crate::input::Input;
use crate::refusal::Refusal;
use crate::world::{Cx, World};

/// Whether an image passes `filter.tagStatus`.
fn passes(input: Input<'_>, image: &Image) -> Result<bool, Refusal> {
    let status = input.object("filter")?.map(|filter| filter.text("tagStatus")).transpose()?.flatten();
    Ok(match status {
        Some("TAGGED") => !image.tags.is_empty(),
        Some("UNTAGGED") => image.tags.is_empty(),
        _ => true,
    })
}

pub(super) fn describe(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let repository = world.services.ecr.named(cx, input)?;
    let wanted = input.objects("imageIds")?;
    let mut shown = Vec::new();
    for asked in &wanted {
        let Some(at) = repository.find(*asked)? else {
            let message = format!(
                "The image with imageId {} does not exist within the repository with name '{}' in the registry with id '{}'",
                Value::Object(asked.members()),
                repository.name,
                repository.registry
            );
            return Err(Refusal::new("ImageNotFoundException", message));
        };
        shown.push(repository.images[at].show(repository));
    }
    if wanted.is_empty() {
        for image in &repository.images {
            if passes(input, image)? {
                shown.push(image.show(repository));
            }
        }
    }
    page(input, "imageDetails", shown)
}

/// One entry for each tag, and one for an image without any.
pub(super) fn list(world: &mut World, cx: &Cx, input: Input<'_>) -> Result<Value, Refusal> {
    let repository = world.services.ecr.named(cx, input)?;
    let mut ids = Vec::new();
    for image in &repository.images {
        if !passes(input, image)? {
            continue;
        }
        if image.tags.is_empty() {
            ids.push(id(&image.digest, None));
        }
        ids.extend(image.tags.iter().map(|tag| id(&image.digest, Some(tag))));
    }
    page(input, "imageIds", ids)
}
