//! Text in JSON.

use std::borrow::Cow;

use serde::Deserialize;

/// A string that is copied only where it has escapes; a bare `Cow` always would be.
#[derive(Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);
