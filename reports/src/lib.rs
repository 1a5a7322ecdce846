//! Analysis to self-contained pages.
