//! Turns: whoever makes the same thing at the same time waits for one who does, and others do not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

/// Turns by name; those that nobody has or waits for are forgotten.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// The turn of a name, until it is dropped.
    pub(crate) async fn take(&self, name: &str) -> OwnedMutexGuard<()> {
        self.of(name).lock_owned().await
    }

    fn of(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = all.get(name).and_then(Weak::upgrade) {
            return turn;
        }
        all.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        all.insert(name.to_owned(), Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_has_one_turn_and_another_name_its_own() {
        let turns = Turns::default();
        let first = turns.take("a").await;
        assert!(turns.of("a").try_lock().is_err(), "somebody has it");
        let other = turns.take("b").await;
        drop(first);
        assert!(turns.of("a").try_lock().is_ok());
        drop(other);
        let _last = turns.take("c").await;
        assert_eq!(turns.0.lock().unwrap().len(), 1, "what nobody has is forgotten");
    }
}
