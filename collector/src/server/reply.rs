//! The answer to a query, put together from its parts, or why there is none.

use super::query_error::QueryError;
use crate::decode::{self, Answer, DecodeError};

/// The answer to a query, put together from its parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// The answer, all parts together. Warnings that are known to be harmless are left out.
    pub answer: Answer,
    /// Parts it was answered in.
    pub parts: i32,
    /// Requests sent for it, failed ones included.
    pub requests: u64,
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The server gave none.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// It cannot be read.
    #[error(transparent)]
    Answer(#[from] DecodeError),
}

impl Reply {
    pub(super) fn add(&mut self, part: Answer) {
        let Answer { series, samples, not_finite, histograms_only, warnings, span, over_time } = &mut self.answer;
        *over_time |= part.over_time;
        *span = decode::joined(*span, part.span);
        *series = series.saturating_add(part.series);
        *samples = samples.saturating_add(part.samples);
        *not_finite = not_finite.saturating_add(part.not_finite);
        *histograms_only = histograms_only.saturating_add(part.histograms_only);
        for warning in part.warnings {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        self.parts = self.parts.saturating_add(1);
    }
}
