//! EDGE: signals that end a process.

/// Waits until somebody asks the process to end.
pub(crate) async fn ended() {
    let interrupted = tokio::signal::ctrl_c();
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminated) => tokio::select! {
            _ = interrupted => {}
            _ = terminated.recv() => {}
        },
        Err(_) => {
            let _interrupted = interrupted.await;
        }
    }
}
