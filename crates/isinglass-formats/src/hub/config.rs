//! Which hub, as whom, and where its files are kept.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::PathBuf;

use crate::hub_cache::{HubCache, hub_home};

/// The hub itself.
const ENDPOINT: &str = "https://huggingface.co";

/// Which hub, as whom, and where its files are kept; a plain value, so that nothing but [`from_env`](Self::from_env) reads
/// the environment.
#[derive(Clone, PartialEq, Eq)]
pub struct HubConfig {
    /// The address that every request starts with, without a slash at its end.
    pub endpoint: String,
    /// The token sent to `endpoint`, and to nobody else.
    pub token: Option<String>,
    /// Where files are kept.
    pub cache: HubCache,
    /// Whether the cache is all there is.
    pub offline: bool,
}

impl HubConfig {
    /// The public hub, anonymously, with a cache.
    pub fn new(cache: HubCache) -> Self {
        Self { endpoint: ENDPOINT.into(), token: None, cache, offline: false }
    }

    /// What the environment says, as `huggingface_hub` reads it.
    ///
    /// `HF_ENDPOINT`; `HF_TOKEN`, else the file at `HF_TOKEN_PATH`, else `token` in `HF_HOME`; `HF_HUB_CACHE`, else `hub` in
    /// `HF_HOME`; `HF_HUB_OFFLINE` as `1`, `true`, `yes` or `on`.
    pub fn from_env() -> Self {
        Self::read(|variable| env::var_os(variable))
    }

    fn read(value: impl Fn(&str) -> Option<OsString>) -> Self {
        let text = |variable: &str| {
            let value = value(variable)?.into_string().ok()?;
            Some(value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let token_file = || text("HF_TOKEN_PATH").map_or_else(|| hub_home(&value).join("token"), PathBuf::from);
        let saved = || fs::read_to_string(token_file()).ok();
        let token = text("HF_TOKEN").or_else(saved).map(|token| token.trim().to_owned());
        let on = |value: String| matches!(&*value.to_ascii_lowercase(), "1" | "true" | "yes" | "on");
        Self {
            endpoint: text("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.into()).trim_end_matches('/').into(),
            token: token.filter(|token| !token.is_empty()),
            cache: HubCache::read(&value),
            offline: text("HF_HUB_OFFLINE").is_some_and(on),
        }
    }
}

/// Without the token itself.
impl fmt::Debug for HubConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubConfig")
            .field("endpoint", &self.endpoint)
            .field("token", &self.token.as_ref().map(|_| "…"))
            .field("cache", &self.cache)
            .field("offline", &self.offline)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(set: &[(&str, &str)]) -> HubConfig {
        HubConfig::read(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value)))
    }

    #[test]
    fn the_token_comes_from_the_variable_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let (home, other) = (folder.path().to_str().unwrap(), folder.path().join("other"));
        assert_eq!(of(&[("HF_HOME", home)]).token, None);
        fs::write(folder.path().join("token"), "hf_home\n").unwrap();
        fs::write(&other, " hf_other ").unwrap();
        let path = ("HF_TOKEN_PATH", other.to_str().unwrap());
        let token = |set: &[(&str, &str)]| of(set).token.unwrap_or_default();
        assert_eq!(token(&[("HF_HOME", home)]), "hf_home");
        assert_eq!(token(&[("HF_HOME", home), path]), "hf_other");
        assert_eq!(token(&[("HF_HOME", home), path, ("HF_TOKEN", "hf_variable")]), "hf_variable");
        assert_eq!(token(&[("HF_HOME", home), ("HF_TOKEN", " ")]), "hf_home");
        fs::write(folder.path().join("token"), "\n").unwrap();
        assert_eq!(of(&[("HF_HOME", home)]).token, None);
    }

    #[test]
    fn endpoint_and_offline() {
        assert_eq!(of(&[]).endpoint, ENDPOINT);
        assert_eq!(of(&[("HF_ENDPOINT", "http://mirror:8080/hf/")]).endpoint, "http://mirror:8080/hf");
        for (value, offline) in [("1", true), ("True", true), ("YES", true), ("on", true), ("0", false), ("", false)] {
            assert_eq!(of(&[("HF_HUB_OFFLINE", value)]).offline, offline, "{value:?}");
        }
        assert!(!of(&[]).offline);
    }

    #[test]
    fn the_token_is_not_printed() {
        let printed = format!("{:?}", of(&[("HF_TOKEN", "hf_secret")]));
        assert!(printed.contains("token: Some") && !printed.contains("secret"), "{printed}");
    }
}
