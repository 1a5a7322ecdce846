//! Pages for people.

mod access;
pub(crate) mod alerts;
mod audit;
mod cluster;
mod cost_notes;
mod costs;
mod fleet;
mod install;
mod showback;
pub(crate) mod what_if;

use axum::http::Method;

use crate::access_rules::Role;
use crate::authorization::{FORM_BYTES, Need, Route, Routes};

const fn get(path: &'static str, role: Role) -> Route {
    Route { path, method: Method::GET, need: Need::Role(role), body: 0 }
}

const fn post(path: &'static str, need: Need) -> Route {
    Route { path, method: Method::POST, need, body: FORM_BYTES }
}

/// Adds the pages.
pub(crate) fn routes(routes: Routes) -> Routes {
    use Role::{Analyst, Viewer};
    let admin = |path| Route { path, method: Method::GET, need: Need::Admin, body: 0 };
    routes
        .add(get("/", Viewer), fleet::show)
        .add(get("/clusters/{cluster}", Viewer), cluster::show)
        .add(get("/clusters/{cluster}/report", Viewer), cluster::report)
        .add(get("/clusters/{cluster}/report.xlsx", Viewer), cluster::workbook)
        .add(get("/clusters/{cluster}/focus.csv", Viewer), cluster::focus_csv)
        .add(get("/clusters/{cluster}/focus.parquet", Viewer), cluster::focus_parquet)
        .add(get("/clusters/{cluster}/compare", Viewer), cluster::compare)
        .add(get("/clusters/{cluster}/files/{*name}", Viewer), cluster::file)
        .add(get("/costs", Viewer), costs::show)
        .add(get("/costs.csv", Viewer), costs::csv)
        .add(get("/costs.parquet", Viewer), costs::parquet)
        .add(get("/showback", Viewer), showback::show)
        .add(get("/showback.csv", Viewer), showback::csv)
        .add(get("/alerts", Viewer), alerts::show)
        .add(post("/alerts/test", Need::Admin), alerts::test)
        .add(get("/what-if", Viewer), what_if::show)
        .add(post("/what-if", Need::Role(Analyst)), what_if::ask)
        .add(get("/what-if/{id}", Viewer), what_if::one)
        .add(post("/what-if/{id}/cancel", Need::Role(Analyst)), what_if::cancel)
        .add(post("/what-if/{id}/keep", Need::Role(Analyst)), what_if::keep)
        .add(get("/what-if/{id}/compare", Viewer), what_if::compare)
        .add(get("/what-if/{id}/report", Viewer), what_if::report)
        .add(get("/what-if/{id}/files/{name}", Viewer), what_if::file)
        .add(get("/access", Analyst), access::show)
        .add(post("/access/links", Need::Role(Analyst)), access::share)
        .add(post("/access/tokens", Need::Role(Analyst)), access::issue)
        .add(post("/access/revoke", Need::Role(Analyst)), access::revoke)
        .add(admin("/install"), install::show)
        .add(post("/install", Need::Admin), install::add)
        .add(admin("/install/{cluster}"), install::watch)
        .add(admin("/audit"), audit::show)
        .add(post("/audit/revoke", Need::Admin), audit::revoke)
        .add(post("/audit/let-in", Need::Admin), audit::let_in)
        .add(post("/sign-out", Need::Role(Viewer)), access::sign_out)
}
