//! The webhooks of an engine over HTTP: a router to mount in a backend's own server, and a server for who has none. Decides nothing:
//! what becomes of a request the engine says.
//!
//! ```no_run
//! # async fn mount(engine: updraft::Engine) -> std::io::Result<()> {
//! let app = axum::Router::new().merge(updraft_webhooks::router(engine.webhooks()));
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! axum::serve(listener, app).await
//! # }
//! ```

mod places;
mod router;
mod server;

pub use router::router;
pub use server::serve;
