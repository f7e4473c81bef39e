//! Commands: what each type is as a native step. One file for each family.

mod http_api;
mod manual;
mod openc2;
mod other;
mod shell;
