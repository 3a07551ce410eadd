//! Labelled texts for experiments: records of every common format, groups, designs, manifests with hash and licence.
//!
//! A data set is a folder with a file of records and a `manifest.toml` beside it.
//! A record holds texts about one thing, one text of each class: so what differs between the texts is the class, and
//! not the thing.
//! The manifest says where the texts come from, who or what wrote and labelled them and under which licence they are,
//! and pins their SHA-256 and their number, so that a result names the data it was measured on.
//!
//! | to read | use |
//! | --- | --- |
//! | a data set with its manifest | [`Dataset::open`], or [`read_pairs`] for pairs |
//! | a data set of whichever kind | [`AnyDataset::open`] |
//! | a file of one's own without one | [`Dataset::from_file`] |
//! | any JSON, JSONL, CSV or Parquet file | [`Table`], and [`FromRow`] for records of one's own |
//! | what the original studies wrote | [`originals`] |
//! | texts without labels, in any number | [`Texts`], range by range in bounded memory |
//!
//! The kinds of records are [`Pair`], [`Triplet`], [`Control`], [`StrippedControl`], [`ContextPair`] and
//! [`RegisterPair`]; [`Record`] makes one's own into one.
//! [`Dataset::labelled`] gives each text with its class and its group.
//! A split has to keep a group on one side, for a probe that has seen one text of a record knows much of the others.
//!
//! [`Design`] says which conditions an experiment has, deals groups to them, and checks that examples are as it wants
//! them. [`Manifest::describe`] and [`Manifest::save`] describe a new file.
//!
//! Reading is strict: what could be read in two ways, such as a key that stands twice or a cell with half a quotation,
//! is an error that names the file, the place, the key, the value and what would be right.
//!
//! No tensors here, and no models.
//!
//! # Examples
//!
//! ```
//! use isinglass_data::{Dataset, Triplet};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("triplets.json");
//! std::fs::write(
//!     &path,
//!     r#"[{"id": "t01", "topic": "work", "scenario": "They let me go on Friday.",
//!          "cognitive": "You had no warning at all.", "affective": "That hurts to read.",
//!          "instrumental": "Ask for a reference while they remember you."}]"#,
//! )?;
//!
//! let dataset = Dataset::<Triplet>::from_file(&path)?;
//! let texts = dataset.labelled();
//! assert_eq!(texts.len(), 3);
//! assert_eq!((texts[1].text.as_str(), texts[1].class_name.as_str()), ("That hurts to read.", "affective"));
//! assert_eq!(texts[1].scenario.as_deref(), Some("They let me go on Friday."));
//! assert!(texts.iter().all(|text| text.group == 0));
//! assert_eq!(dataset.manifest().licence, "unstated");
//! # Ok(())
//! # }
//! ```
//!
//! Pairs have examples with a yes or no for a label as well:
//!
//! ```
//! use isinglass_data::Dataset;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("trains.jsonl");
//! std::fs::write(
//!     &path,
//!     r#"{"pair": "p01", "topic": "travel", "positive": "The train was early.", "negative": "The train was cut."}"#,
//! )?;
//!
//! let examples = Dataset::from_pairs_file(&path)?.examples();
//! assert_eq!(examples[0].text, "The train was early.");
//! assert!(examples[0].label && !examples[1].label);
//! assert_eq!(examples[0].group, examples[1].group);
//! # Ok(())
//! # }
//! ```

mod any;
mod dataset;
mod design;
mod error;
mod kinds;
mod manifest;
pub mod originals;
mod pair;
mod place;
mod record;
mod table;
mod texts;
mod value;

pub use any::AnyDataset;
pub use dataset::{Dataset, read_pairs};
pub use design::{Design, DesignError, Placed};
pub use error::{CsvFault, DataError};
pub use kinds::{ContextPair, Control, Pair, RegisterPair, StrippedControl, Triplet};
pub use manifest::{Maker, Manifest, UNSTATED};
pub use pair::Example;
pub use place::Place;
pub use record::{Labelled, Record};
pub use table::{FromRow, Row, Table};
pub use texts::{Part, TextItem, Texts, Turn};
pub use value::Value;
