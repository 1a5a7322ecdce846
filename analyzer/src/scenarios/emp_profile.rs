//! Which pods move to elastic VMs, in the format of the vendor's ConfigMap `emp-profile-cm`.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Profile by which pods are selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    source: String,
    namespaces: Vec<String>,
    labels: Vec<String>,
}

/// Why a profile was rejected.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The file is not YAML, or not a ConfigMap.
    #[error("the profile is not a ConfigMap in YAML; {0}")]
    Yaml(String),
    /// It is something else than a ConfigMap.
    #[error("the profile is a `{0}`; expected a ConfigMap such as `emp-profile-cm`")]
    Kind(String),
    /// Data the format does not have.
    #[error("the profile has `data.{0}`; it may have `data.labels` and `data.namespaces`")]
    UnknownData(String),
    /// Text that is not the JSON the format asks for.
    #[error("`data.{name}` of the profile is not {expected}; {reason}")]
    Json {
        /// `labels` or `namespaces`.
        name: &'static str,
        /// Form that is expected.
        expected: &'static str,
        /// Message of the parser.
        reason: String,
    },
    /// It selects by nothing.
    #[error("the profile names neither a namespace nor a label; leave it out to move everything that can")]
    Empty,
}

#[derive(Deserialize)]
struct ConfigMap {
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    data: BTreeMap<String, String>,
}

impl Profile {
    /// Reads a ConfigMap, as YAML or as JSON; `source` names it in the analysis.
    ///
    /// # Errors
    /// [`ProfileError`] names what is wrong.
    pub fn from_config_map(text: &str, source: impl Into<String>) -> Result<Self, ProfileError> {
        let map: ConfigMap = serde_saphyr::from_str(text).map_err(|error| ProfileError::Yaml(error.to_string()))?;
        if let Some(kind) = map.kind.filter(|kind| kind != "ConfigMap") {
            return Err(ProfileError::Kind(kind));
        }
        if let Some(unknown) = map.data.keys().find(|name| !["labels", "namespaces"].contains(&name.as_str())) {
            return Err(ProfileError::UnknownData(unknown.clone()));
        }
        let json = |name, expected| {
            move |error: serde_json::Error| ProfileError::Json { name, expected, reason: error.to_string() }
        };
        let labels: BTreeMap<String, String> = match map.data.get("labels") {
            Some(text) => serde_json::from_str(text).map_err(json("labels", "a JSON object of strings"))?,
            None => BTreeMap::new(),
        };
        let mut namespaces: Vec<String> = match map.data.get("namespaces") {
            Some(text) => serde_json::from_str(text).map_err(json("namespaces", "a JSON list of strings"))?,
            None => Vec::new(),
        };
        namespaces.sort_unstable();
        namespaces.dedup();
        if labels.is_empty() && namespaces.is_empty() {
            return Err(ProfileError::Empty);
        }
        let labels = labels.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        Ok(Self { source: source.into(), namespaces, labels })
    }

    /// Returns the name of the file it was read from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Namespaces it names, sorted.
    pub fn namespaces(&self) -> &[String] {
        &self.namespaces
    }

    /// Labels it names, as `key=value`, sorted by key.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Returns true when it selects a pod; `None` where that hangs on labels that are not known. With `all`, the pod is
    /// in one of the namespaces, where some are named, and has every label; otherwise one of these is enough.
    pub(crate) fn selects(&self, all: bool, namespace: &str, labels: Option<&[&str]>) -> Option<bool> {
        let in_namespace = self.namespaces.iter().any(|name| name == namespace);
        let has = |label: &String| labels.map(|labels| labels.contains(&label.as_str()));
        if all {
            if !self.namespaces.is_empty() && !in_namespace {
                return Some(false);
            }
            return self.labels.iter().try_fold(true, |so_far, label| Some(so_far && has(label)?));
        }
        if in_namespace {
            return Some(true);
        }
        self.labels.iter().try_fold(false, |so_far, label| Some(so_far || has(label)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENTED: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata:
  name: emp-profile-cm
  namespace: default
data:
  labels: |
    { "elastic": "true", "tier": "web" }
  namespaces: |
    [ "shop", "default" ]
"#;

    #[test]
    fn the_vendors_format_is_read() {
        let profile = Profile::from_config_map(DOCUMENTED, "profile.yaml").unwrap();
        assert_eq!(profile.namespaces(), ["default", "shop"]);
        assert_eq!(profile.labels(), ["elastic=true", "tier=web"]);
        let json = r#"{"kind":"ConfigMap","data":{"namespaces":"[\"shop\"]"}}"#;
        assert_eq!(Profile::from_config_map(json, "x").unwrap().namespaces(), ["shop"]);
    }

    #[test]
    fn what_is_no_profile_is_said() {
        for (text, expect) in [
            ("kind: Secret\ndata: {}", "is a `Secret`"),
            ("kind: ConfigMap\ndata: {label: '{}'}", "has `data.label`"),
            ("data: {labels: '[1]'}", "`data.labels` of the profile is not a JSON object of strings"),
            ("data: {namespaces: shop}", "`data.namespaces` of the profile is not a JSON list of strings"),
            ("data: {namespaces: '[]'}", "names neither a namespace nor a label"),
            ("- a\n- b", "is not a ConfigMap in YAML"),
            ("data: {namespaces: ['shop']}", "is not a ConfigMap in YAML"),
        ] {
            let error = Profile::from_config_map(text, "x").unwrap_err().to_string();
            assert!(error.contains(expect), "{text:?} gives {error:?}");
        }
    }

    #[test]
    fn all_needs_a_namespace_and_every_label_and_any_needs_one_of_them() {
        let profile = Profile::from_config_map(DOCUMENTED, "x").unwrap();
        let both = ["elastic=true", "tier=web", "other=1"];
        for (all, namespace, labels, expect) in [
            (true, "shop", Some(&both[..]), Some(true)),
            (true, "shop", Some(&both[..1]), Some(false)),
            (true, "other", Some(&both[..]), Some(false)),
            (true, "other", None, Some(false)),
            (true, "shop", None, None),
            (false, "shop", None, Some(true)),
            (false, "other", Some(&both[..1]), Some(true)),
            (false, "other", Some(&[][..]), Some(false)),
            (false, "other", None, None),
        ] {
            assert_eq!(profile.selects(all, namespace, labels), expect, "{all} {namespace} {labels:?}");
        }
        let only = Profile::from_config_map("data: {labels: '{\"a\": \"b\"}'}", "x").unwrap();
        assert_eq!(only.selects(true, "anywhere", Some(&["a=b"])), Some(true));
    }
}
