//! A model in several safetensors files, and the index that says which tensor is where.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use crate::map::Map;
use crate::nearest::nearest;
use crate::text::Text;
use crate::{FormatError, Safetensors, TensorFile, TensorView};

/// More files than any model is split into (hundreds).
const MOST_SHARDS: usize = 1024;

/// A model in several safetensors files beside their `*.safetensors.index.json`.
///
/// The index decides: a tensor of a shard that it does not name is not there.
pub struct ShardedSafetensors {
    index: PathBuf,
    shards: Vec<Safetensors>,
    /// Each tensor with the place of its shard in `shards`, sorted by name.
    places: Vec<(Box<str>, usize)>,
}

impl ShardedSafetensors {
    /// Opens an index and every shard it names.
    ///
    /// # Errors
    ///
    /// [`FormatError`] where the index or a shard cannot be opened or read, where a shard is not a plain name of a file
    /// beside the index, is missing, or lacks a tensor that the index places in it.
    pub fn open(index: impl AsRef<Path>) -> Result<Self, FormatError> {
        let map = Map::open(index.as_ref())?;
        let own = || map.path().to_path_buf();
        let (mut places, names) = read_index(map.path(), map.bytes())?;
        places.sort_unstable();
        if let Some(pair) = places.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let name = pair[0].0.to_string();
            return Err(FormatError::Duplicate { path: own(), what: "tensor", name });
        }
        let shards = names.iter().map(|name| open_shard(map.path(), name)).collect::<Result<Vec<_>, _>>()?;
        if let Some((tensor, at)) = places.iter().find(|(tensor, at)| !shards[*at].contains(tensor)) {
            let (shard, tensor) = (names[*at].clone(), tensor.to_string());
            return Err(FormatError::NotInShard { path: own(), shard, tensor });
        }
        Ok(Self { index: own(), shards, places })
    }

    /// The files that an index names, each a plain name beside it.
    #[cfg(feature = "hub")]
    pub(crate) fn shards(index: &Path) -> Result<Vec<String>, FormatError> {
        let map = Map::open(index)?;
        Ok(read_index(map.path(), map.bytes())?.1)
    }

    fn find(&self, name: &str) -> Option<&Safetensors> {
        let at = self.places.binary_search_by(|(tensor, _)| (**tensor).cmp(name)).ok()?;
        Some(&self.shards[self.places[at].1])
    }
}

impl TensorFile for ShardedSafetensors {
    fn names(&self) -> Vec<&str> {
        self.places.iter().map(|(name, _)| &**name).collect()
    }

    fn get(&self, name: &str) -> Result<TensorView<'_>, FormatError> {
        let shard = self.find(name).ok_or_else(|| FormatError::NoSuchTensor {
            path: self.index.clone(),
            tensor: name.to_string(),
            nearest: nearest(name, self.places.iter().map(|(name, _)| &**name)),
        })?;
        shard.get(name)
    }

    fn contains(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The index first, then the shards by name.
    fn paths(&self) -> Vec<&Path> {
        std::iter::once(self.index.as_path()).chain(self.shards.iter().flat_map(TensorFile::paths)).collect()
    }
}

impl fmt::Debug for ShardedSafetensors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShardedSafetensors")
            .field("index", &self.index)
            .field("shards", &self.shards)
            .field("n_tensors", &self.places.len())
            .finish()
    }
}

/// Tensors with the place of their shard, and the shards by name.
type Parts = (Vec<(Box<str>, usize)>, Vec<String>);

fn read_index(path: &Path, bytes: &[u8]) -> Result<Parts, FormatError> {
    let own = || path.to_path_buf();
    let text = std::str::from_utf8(bytes).map_err(|source| FormatError::NotUtf8 {
        path: own(),
        what: "the index",
        at: source.valid_up_to() as u64,
    })?;
    // Every place ends so; allocated once, not doubled on the way.
    let most = text.matches(".safetensors\"").count();
    let mut index = Index { places: Vec::with_capacity(most), shards: BTreeMap::new(), wrong: None };
    let mut parser = serde_json::Deserializer::from_str(text);
    let parsed = parser.deserialize_map(&mut index).and_then(|()| parser.end());
    parsed.map_err(|source| FormatError::Index { path: own(), source })?;
    let Index { mut places, shards, wrong } = index;
    match wrong {
        None => {}
        Some(Wrong::Name(shard)) => return Err(FormatError::ShardName { path: own(), shard }),
        Some(Wrong::Count) => {
            return Err(FormatError::TooMany { path: own(), what: "shards", most: MOST_SHARDS });
        }
    }
    // Numbered as they came, wanted by name.
    let mut by_name = vec![0; shards.len()];
    let mut names = Vec::with_capacity(shards.len());
    for (name, old) in shards {
        by_name[old] = names.len();
        names.push(name);
    }
    for (_, at) in &mut places {
        *at = by_name[*at];
    }
    Ok((places, names))
}

/// An index being read.
struct Index {
    places: Vec<(Box<str>, usize)>,
    /// Each shard with the number it was given when it was first named.
    shards: BTreeMap<String, usize>,
    /// What was wrong first; reading goes on, since the JSON must be right to its end.
    wrong: Option<Wrong>,
}

enum Wrong {
    Name(String),
    Count,
}

impl Index {
    fn place(&mut self, tensor: &str, shard: &str) {
        let n_shards = self.shards.len();
        let at = match self.shards.get(shard) {
            Some(at) => *at,
            None if self.wrong.is_some() => return,
            None if !is_plain(shard) => return self.wrong = Some(Wrong::Name(shard.to_string())),
            None if n_shards == MOST_SHARDS => return self.wrong = Some(Wrong::Count),
            None => {
                self.shards.insert(shard.to_string(), n_shards);
                n_shards
            }
        };
        self.places.push((tensor.into(), at));
    }
}

/// The whole index, of which `weight_map` counts.
impl<'de> Visitor<'de> for &mut Index {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a `weight_map`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut n_maps = 0;
        while let Some(Text(key)) = map.next_key()? {
            if key == "weight_map" {
                map.next_value_seed(WeightMap(self))?;
                n_maps += 1;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        match n_maps {
            0 => Err(Error::missing_field("weight_map")),
            1 => Ok(()),
            _ => Err(Error::duplicate_field("weight_map")),
        }
    }
}

/// The object under `weight_map`.
struct WeightMap<'i>(&'i mut Index);

impl<'de> DeserializeSeed<'de> for WeightMap<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for WeightMap<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object that gives each tensor its shard")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((Text(tensor), Text(shard))) = map.next_entry()? {
            self.0.place(&tensor, &shard);
        }
        Ok(())
    }
}

/// Whether a name is that of a safetensors file, and stays in its folder on every system.
fn is_plain(name: &str) -> bool {
    name.ends_with(".safetensors") && !name.contains(['/', '\\', ':', '\0'])
}

fn open_shard(index: &Path, name: &str) -> Result<Safetensors, FormatError> {
    Safetensors::open(index.with_file_name(name)).map_err(|error| match error {
        FormatError::Open { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            FormatError::MissingShard { path: index.to_path_buf(), shard: name.to_string() }
        }
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_stays_in_its_folder() {
        assert!(is_plain("model-00001-of-00002.safetensors"));
        for name in ["../a", "/etc/a", "a/b", "a\\b", "..\\a", "C:a", "./a", "a/..", "a\0"] {
            assert!(!is_plain(&format!("{name}.safetensors")), "{name:?}");
        }
        for name in ["", ".", "..", "a/", "/etc/passwd", "a.bin"] {
            assert!(!is_plain(name), "{name:?}");
        }
    }
}
