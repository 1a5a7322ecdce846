//! Alerts and budgets: rules of the configuration over cost, saving, coverage and lag, and messages when a limit is
//! crossed and when it is kept again.
//!
//! Every replica checks every rule. What it finds is a record in the bucket, changed by compare-and-swap, and a message
//! belongs to the replica whose change it came with: so each is sent once, however many replicas there are. A replica that
//! dies between a change and its message leaves a lease that ends, and another sends it. A message is sent twice only if a
//! replica dies after a server took it and before that was written down.

mod alert_state;
mod check_loop;
mod measured_value;
mod rule;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use serde_json::Value;

pub(crate) use alert_state::{Record, State, all};
pub use check_loop::check_all;
pub(crate) use check_loop::{replica, run, test_notice};
pub(crate) use measured_value::shown;
pub use rule::{AlertRule, Alerts, Condition};

/// A message about an alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The same as data.
    pub json: Value,
}

/// A delivery that is under way; its error is a sentence that shows no secret.
pub type Delivering<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// Ways to send a notice. The command line implements it with what `emp-cost run --deliver` sends by, so that both tell
/// people in the same way.
pub trait Deliver: Send + Sync + fmt::Debug {
    /// The names of those who can be told, such as `slack-1`.
    fn recipients(&self) -> Vec<String>;

    /// Tells one of them. A name that is none of [`Self::recipients`] is an error.
    fn send<'a>(&'a self, recipient: &'a str, notice: &'a Notice) -> Delivering<'a>;
}
