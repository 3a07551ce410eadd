//! That all of a file comes from one model.

use std::cell::RefCell;

/// The answers come from another model than those before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{found}` answered, but what there is so far is from `{expected}`; a file has one model, so choose another name \
     for what this one writes"
)]
pub struct OtherModel {
    /// The model of the file so far.
    pub expected: String,
    /// The one that answered now.
    pub found: String,
}

/// The one model of a file.
#[derive(Debug)]
pub(crate) struct OneModel(RefCell<Option<String>>);

impl OneModel {
    /// The one that the file has so far, if any.
    pub(crate) fn of(model: Option<&str>) -> Self {
        Self(RefCell::new(model.map(str::to_owned)))
    }

    /// Holds an answer's model to it.
    pub(crate) fn hold(&self, found: &str) -> Result<(), OtherModel> {
        let mut model = self.0.borrow_mut();
        let expected = model.get_or_insert_with(|| found.to_owned());
        if expected == found { Ok(()) } else { Err(OtherModel { expected: expected.clone(), found: found.to_owned() }) }
    }
}
