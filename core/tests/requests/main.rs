//! The app's requests over real sockets: what is sent, where to, how often, and what is made of the answer.

mod bodies;
mod challenges;
mod redirects;
mod retries;
mod server;
mod tls;
mod tokens;
