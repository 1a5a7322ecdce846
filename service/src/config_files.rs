//! EDGE: the files that a configuration names.

use std::fs;
use std::path::{Path, PathBuf};

use crate::app_state::Secrets;
use crate::config::{Config, ConfigError};
use crate::sealed_values::{KeyError, Keys};

/// The shortest static token.
const TOKEN_CHARACTERS: usize = 24;

/// Why the service cannot be configured.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A file cannot be read.
    #[error("could not read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The configuration is not one.
    #[error("could not read the configuration `{path}`")]
    Config {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ConfigError,
    },
    /// The key file has no keys.
    #[error("could not read keys from `{path}`")]
    Keys {
        /// The file.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// The static token can be guessed.
    #[error(
        "the token in `{path}` is shorter than {TOKEN_CHARACTERS} characters; make one with `openssl rand -base64 32`"
    )]
    Short {
        /// The file.
        path: PathBuf,
    },
}

fn text(path: &Path) -> Result<String, FileError> {
    fs::read_to_string(path).map_err(|source| FileError::Read { path: path.to_owned(), source })
}

/// Reads a configuration and the secrets it names.
///
/// # Errors
/// [`FileError`] names the file and what is wrong with it.
pub fn read(path: &Path) -> Result<(Config, Secrets), FileError> {
    let config = Config::read(&text(path)?).map_err(|source| FileError::Config { path: path.to_owned(), source })?;
    let keys = &config.key_file;
    let keys = Keys::read(&text(keys)?).map_err(|source| FileError::Keys { path: keys.clone(), source })?;
    let static_token = match &config.sign_in.token {
        Some(token) => {
            let given = text(&token.token_file)?.trim().to_owned();
            if given.chars().count() < TOKEN_CHARACTERS {
                return Err(FileError::Short { path: token.token_file.clone() });
            }
            Some(given)
        }
        None => None,
    };
    let secret = config.sign_in.oidc.as_ref().and_then(|oidc| oidc.client_secret_file.as_ref());
    let client_secret = secret.map(|path| text(path)).transpose()?.map(|secret| secret.trim().to_owned());
    Ok((config, Secrets { keys, static_token, client_secret }))
}
