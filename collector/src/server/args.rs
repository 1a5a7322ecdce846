//! EDGE: the options of the connection as flags and environment; reads the files they name.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::options::{Auth, ServerOptions};
use super::secret::Secret;
use super::server_flavor::{Flavor, amazon_region};
use super::server_url::{self, shown};

/// The server to ask, and how. Its `Debug` shows no secret.
#[derive(Clone, Args)]
#[command(next_help_heading = "Prometheus")]
pub struct ServerArgs {
    /// URL of the Prometheus server, or of anything that speaks its HTTP API
    #[arg(long, value_name = "URL", env = "EMP_COST_PROMETHEUS_URL", hide_env_values = true)]
    pub prometheus_url: String,

    /// User of basic authentication
    #[arg(long, value_name = "NAME", env = "EMP_COST_PROMETHEUS_USER")]
    pub prometheus_user: Option<String>,

    /// Password of that user; other processes see flags, so set the variable or use the file
    #[arg(long, value_name = "PASSWORD", env = "EMP_COST_PROMETHEUS_PASSWORD", hide_env_values = true)]
    pub prometheus_password: Option<Secret>,

    /// File with the password
    #[arg(long, value_name = "FILE", env = "EMP_COST_PROMETHEUS_PASSWORD_FILE")]
    pub prometheus_password_file: Option<PathBuf>,

    /// File with a bearer token, read for each request, so that it may be replaced at any time
    #[arg(long, value_name = "FILE", env = "EMP_COST_PROMETHEUS_BEARER_TOKEN_FILE")]
    pub prometheus_bearer_token_file: Option<PathBuf>,

    /// Sign requests for Amazon Managed Service for Prometheus in this region, with credentials as the AWS CLI finds
    /// them; taken from the URL of a workspace
    #[arg(long, value_name = "REGION", env = "EMP_COST_PROMETHEUS_SIGV4_REGION")]
    pub prometheus_sigv4_region: Option<String>,

    /// Certificate to show the server, in PEM
    #[arg(long, value_name = "FILE", env = "EMP_COST_PROMETHEUS_CLIENT_CERT")]
    pub prometheus_client_cert: Option<PathBuf>,

    /// Key of that certificate, in PEM
    #[arg(long, value_name = "FILE", env = "EMP_COST_PROMETHEUS_CLIENT_KEY")]
    pub prometheus_client_key: Option<PathBuf>,

    /// Certificates of the only authorities to trust, in PEM, instead of the system's
    #[arg(long, value_name = "FILE", env = "EMP_COST_PROMETHEUS_CA_FILE")]
    pub prometheus_ca_file: Option<PathBuf>,

    /// A header to send with each request, as `Name: value`; may be given more than once, in the variable one a line
    #[arg(
        long = "prometheus-header",
        value_name = "HEADER",
        env = "EMP_COST_PROMETHEUS_HEADERS",
        hide_env_values = true,
        value_delimiter = '\n'
    )]
    pub prometheus_headers: Vec<Secret>,

    /// Tenant, sent as X-Scope-OrgID (Mimir, Cortex)
    #[arg(long, value_name = "ID", env = "EMP_COST_PROMETHEUS_TENANT")]
    pub prometheus_tenant: Option<String>,

    /// The longest a query may run on the server, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120, env = "EMP_COST_PROMETHEUS_TIMEOUT")]
    pub prometheus_timeout: u64,

    /// Samples a query may make the server read, by estimate; queries over it are asked in parts
    #[arg(long, value_name = "N", default_value_t = 10_000_000, env = "EMP_COST_PROMETHEUS_MAX_SAMPLES")]
    pub prometheus_max_samples: i64,

    /// What kind of server it is, where it does not say so itself
    #[arg(long, value_enum, value_name = "KIND", env = "EMP_COST_PROMETHEUS_FLAVOR")]
    pub prometheus_flavor: Option<Flavor>,
}

/// Faults of the options. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The URL is not one.
    #[error("`{url}` is not the URL of a Prometheus server; {next}")]
    Url {
        /// The URL as given, without credentials.
        url: String,
        /// Next step.
        next: &'static str,
    },
    /// A file cannot be read.
    #[error("could not read `{file}` of {flag}: {reason}")]
    File {
        /// The flag.
        flag: &'static str,
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// A file does not hold what it should.
    #[error("`{file}` of {flag} holds no {what} in PEM")]
    Pem {
        /// The flag.
        flag: &'static str,
        /// The file.
        file: String,
        /// Name of what was looked for.
        what: &'static str,
    },
    /// Options that exclude each other.
    #[error("{} exclude each other; give one", .flags.join(" and "))]
    Conflict {
        /// The flags.
        flags: Vec<&'static str>,
    },
    /// An option that needs another.
    #[error("{flag} needs {other}")]
    Needs {
        /// The flag.
        flag: &'static str,
        /// The flag it needs.
        other: &'static str,
    },
    /// A header is not one.
    #[error("header {position} of --prometheus-header is not of the form `Name: value`")]
    Header {
        /// Which, counted from one: its text may be a secret.
        position: usize,
    },
    /// A number is out of its range.
    #[error("{flag} must be {range}")]
    Range {
        /// The flag.
        flag: &'static str,
        /// Allowed range.
        range: &'static str,
    },
}

impl std::fmt::Debug for ServerArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerArgs")
            .field("prometheus_url", &shown(&self.prometheus_url))
            .field("prometheus_user", &self.prometheus_user)
            .field("prometheus_password", &self.prometheus_password)
            .field("prometheus_password_file", &self.prometheus_password_file)
            .field("prometheus_bearer_token_file", &self.prometheus_bearer_token_file)
            .field("prometheus_sigv4_region", &self.prometheus_sigv4_region)
            .field("prometheus_client_cert", &self.prometheus_client_cert)
            .field("prometheus_client_key", &self.prometheus_client_key)
            .field("prometheus_ca_file", &self.prometheus_ca_file)
            .field("prometheus_headers", &self.prometheus_headers)
            .field("prometheus_tenant", &self.prometheus_tenant)
            .field("prometheus_timeout", &self.prometheus_timeout)
            .field("prometheus_max_samples", &self.prometheus_max_samples)
            .field("prometheus_flavor", &self.prometheus_flavor)
            .finish()
    }
}

impl ServerArgs {
    /// Checks everything and reads the files.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn options(&self) -> Result<ServerOptions, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let mut options = ServerOptions::new(self.prometheus_url.clone());
        let url = server_url::parse(&self.prometheus_url);
        let url = url.map_err(|unusable| {
            errors.push(ConfigError::Url { url: shown(&self.prometheus_url), next: unusable.next_step() });
        });
        let url = url.ok();
        let workspace_region = url.as_ref().and_then(|url| amazon_region(url.host_str()?));
        options.auth = self.auth(workspace_region, &mut errors);
        options.client_identity = self.identity(&mut errors);
        let ca = self.prometheus_ca_file.as_deref().and_then(|file| {
            let pem = read("--prometheus-ca-file", file, &mut errors)?;
            check_pem("--prometheus-ca-file", file, &pem, "CERTIFICATE", "certificate", &mut errors);
            Some(pem.into_bytes())
        });
        options.ca = ca;
        for (at, header) in self.prometheus_headers.iter().enumerate() {
            match header.reveal().split_once(':') {
                Some((name, value)) if reqwest::header::HeaderName::try_from(name.trim()).is_ok() => {
                    options.headers.push((name.trim().to_owned(), Secret::new(value.trim())));
                }
                _ => errors.push(ConfigError::Header { position: at + 1 }),
            }
        }
        options.tenant = self.prometheus_tenant.clone();
        if self.prometheus_timeout == 0 || self.prometheus_timeout > 3600 {
            errors.push(ConfigError::Range { flag: "--prometheus-timeout", range: "from 1 to 3600 seconds" });
        }
        options.query_timeout = Duration::from_secs(self.prometheus_timeout);
        if self.prometheus_max_samples < 1000 {
            errors.push(ConfigError::Range { flag: "--prometheus-max-samples", range: "at least 1000" });
        }
        options.samples_budget = self.prometheus_max_samples;
        options.flavor = self.prometheus_flavor;
        if errors.is_empty() { Ok(options) } else { Err(errors) }
    }

    fn auth(&self, workspace_region: Option<&str>, errors: &mut Vec<ConfigError>) -> Auth {
        let given = [
            ("--prometheus-user", self.prometheus_user.is_some()),
            ("--prometheus-bearer-token-file", self.prometheus_bearer_token_file.is_some()),
            ("--prometheus-sigv4-region", self.prometheus_sigv4_region.is_some()),
        ];
        let flags: Vec<_> = given.iter().filter(|(_, given)| *given).map(|(flag, _)| *flag).collect();
        if flags.len() > 1 {
            errors.push(ConfigError::Conflict { flags });
        }
        let password = self.password(errors);
        if let Some(user) = &self.prometheus_user {
            // An empty one is allowed, but must be said.
            if password.is_none() && self.prometheus_password_file.is_none() {
                let other = "--prometheus-password-file or EMP_COST_PROMETHEUS_PASSWORD";
                errors.push(ConfigError::Needs { flag: "--prometheus-user", other });
            }
            return Auth::Basic { user: user.clone(), password: password.unwrap_or_else(|| Secret::new("")) };
        }
        if self.prometheus_password.is_some() || self.prometheus_password_file.is_some() {
            errors.push(ConfigError::Needs { flag: "a password", other: "--prometheus-user" });
        }
        if let Some(file) = &self.prometheus_bearer_token_file {
            // Read here only to tell at the start that it cannot be; it is read again for each request.
            check_rereadable("--prometheus-bearer-token-file", file, errors);
            return Auth::BearerFile(file.clone());
        }
        match self.prometheus_sigv4_region.as_deref().or(workspace_region) {
            Some(region) => Auth::SigV4 { region: region.to_owned(), credentials: None },
            None => Auth::None,
        }
    }

    fn password(&self, errors: &mut Vec<ConfigError>) -> Option<Secret> {
        match (&self.prometheus_password, &self.prometheus_password_file) {
            (Some(_), Some(_)) => {
                let flags = vec!["--prometheus-password", "--prometheus-password-file"];
                errors.push(ConfigError::Conflict { flags });
                None
            }
            (Some(password), None) => Some(password.clone()),
            (None, Some(file)) => {
                let text = read("--prometheus-password-file", file, errors)?;
                Some(Secret::new(text.trim_end_matches(['\r', '\n'])))
            }
            (None, None) => None,
        }
    }

    fn identity(&self, errors: &mut Vec<ConfigError>) -> Option<Secret> {
        const CERT: &str = "--prometheus-client-cert";
        const KEY: &str = "--prometheus-client-key";
        match (&self.prometheus_client_cert, &self.prometheus_client_key) {
            (Some(cert_file), Some(key_file)) => {
                let (cert, key) = (read(CERT, cert_file, errors), read(KEY, key_file, errors));
                let (cert, key) = (cert?, key?);
                check_pem(CERT, cert_file, &cert, "CERTIFICATE", "certificate", errors);
                check_pem(KEY, key_file, &key, "PRIVATE KEY", "private key", errors);
                Some(Secret::new(format!("{key}\n{cert}")))
            }
            (Some(_), None) => {
                errors.push(ConfigError::Needs { flag: CERT, other: KEY });
                None
            }
            (None, Some(_)) => {
                errors.push(ConfigError::Needs { flag: KEY, other: CERT });
                None
            }
            (None, None) => None,
        }
    }
}

fn read(flag: &'static str, file: &Path, errors: &mut Vec<ConfigError>) -> Option<String> {
    match std::fs::read_to_string(file) {
        Ok(text) => Some(text),
        Err(error) => {
            let (file, reason) = (file.display().to_string(), error.to_string());
            errors.push(ConfigError::File { flag, file, reason });
            None
        }
    }
}

/// Checks a file that is read for each request. A pipe would give what is in it to this check, and nothing to any request.
fn check_rereadable(flag: &'static str, file: &Path, errors: &mut Vec<ConfigError>) {
    if std::fs::metadata(file).is_ok_and(|there| there.is_file()) {
        if read(flag, file, errors).is_some_and(|text| text.trim().is_empty()) {
            let reason = "it is empty; it must hold the token".to_owned();
            errors.push(ConfigError::File { flag, file: file.display().to_string(), reason });
        }
        return;
    }
    let reason = match std::fs::metadata(file) {
        Ok(_) => "it is no regular file, such as a pipe or a folder; it is read for each request, so write the token to a file"
            .to_owned(),
        Err(error) => error.to_string(),
    };
    errors.push(ConfigError::File { flag, file: file.display().to_string(), reason });
}

fn check_pem(
    flag: &'static str,
    file: &Path,
    pem: &str,
    label: &str,
    what: &'static str,
    errors: &mut Vec<ConfigError>,
) {
    let holds = pem.lines().any(|line| line.starts_with("-----BEGIN ") && line.contains(label));
    if !holds {
        errors.push(ConfigError::Pem { flag, file: file.display().to_string(), what });
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        server: ServerArgs,
    }

    fn parse(args: &[&str]) -> ServerArgs {
        Cli::try_parse_from([&["test"], args].concat()).unwrap().server
    }

    #[test]
    fn every_error_is_reported_at_once_and_no_secret() {
        let args = parse(&[
            "--prometheus-url=ftp://u:hunter2@host",
            "--prometheus-password=hunter2",
            "--prometheus-password-file=/nowhere/password",
            "--prometheus-bearer-token-file=/nowhere/token",
            "--prometheus-sigv4-region=eu-west-1",
            "--prometheus-client-cert=/nowhere/cert",
            "--prometheus-ca-file=/nowhere/ca",
            "--prometheus-header=hunter2",
            "--prometheus-timeout=0",
            "--prometheus-max-samples=1",
        ]);
        let errors = args.options().unwrap_err();
        let text: Vec<_> = errors.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(text.join("\n"));
        assert!(!format!("{args:?} {errors:?}").contains("hunter2"));
    }

    #[test]
    fn a_token_that_can_be_read_but_once_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let empty = folder.path().join("empty");
        std::fs::write(&empty, "\n").unwrap();
        for (file, word) in [(pipe.as_path(), "no regular file"), (folder.path(), "no regular file"), (&empty, "empty")]
        {
            let args =
                parse(&["--prometheus-url=http://h", &format!("--prometheus-bearer-token-file={}", file.display())]);
            let errors = args.options().unwrap_err();
            assert!(errors.len() == 1 && errors[0].to_string().contains(word), "{errors:?}");
        }
        let token = folder.path().join("token");
        std::fs::write(&token, "t\n").unwrap();
        let args =
            parse(&["--prometheus-url=http://h", &format!("--prometheus-bearer-token-file={}", token.display())]);
        assert!(matches!(args.options().unwrap().auth, Auth::BearerFile(file) if file == token));
    }

    #[test]
    fn options_in_order_are_taken_over_and_not_shown() {
        let options = parse(&[
            "--prometheus-url=https://host/p",
            "--prometheus-user=me",
            "--prometheus-password=hunter2",
            "--prometheus-header=X-Api-Key: hunter2",
            "--prometheus-tenant=team",
            "--prometheus-flavor=mimir",
        ])
        .options()
        .unwrap();
        assert!(!format!("{options:?}").contains("hunter2"), "{options:?}");
        assert!(
            matches!(&options.auth, Auth::Basic { user, password } if user == "me" && password.reveal() == "hunter2")
        );
        assert_eq!(options.headers, [("X-Api-Key".to_owned(), Secret::new("hunter2"))]);
        assert_eq!((options.tenant.as_deref(), options.flavor), (Some("team"), Some(Flavor::Mimir)));
        assert_eq!((options.query_timeout.as_secs(), options.samples_budget), (120, 10_000_000));
    }

    #[test]
    fn a_workspace_of_amazon_is_signed_for_unless_something_else_is_said() {
        let url = "--prometheus-url=https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1";
        let auth = |args: &[&str]| parse(args).options().unwrap().auth.describe();
        assert_eq!(auth(&[url]), "AWS Signature Version 4 for `aps` in `eu-west-1`");
        assert_eq!(
            auth(&[url, "--prometheus-sigv4-region=us-east-1"]),
            "AWS Signature Version 4 for `aps` in `us-east-1`"
        );
        let basic = ["--prometheus-user=me", "--prometheus-password="];
        assert_eq!(auth(&[&[url], &basic[..]].concat()), "basic authentication as `me`");
        assert_eq!(auth(&["--prometheus-url=http://host"]), "no authentication");
    }
}
