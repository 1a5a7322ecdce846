//! Prometheus to lake: one closed UTC hour at a time.
