//! A careless user: keys where no keys belong, a proxy in the environment.

use std::path::Path;

use crate::server::{Reply, Server};
use crate::tool::{KEY, Tool};

#[test]
fn what_stays_on_this_machine_goes_through_no_proxy() {
    let (server, proxy) = (Server::willing(), Server::answering(Reply::new(502, "")));
    let tool = Tool::at(&server);
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        let environment = [(name, Path::new(&proxy.origin))];
        let ran =
            Tool::run_in(&tool.folder, &environment, &["scores", "clear", "--user-id", "u-1001", "--json"]);
        assert_eq!(ran.json()["outcome"], "sent", "{name}");
    }
    assert_eq!(proxy.requests().len(), 0, "{:?}", proxy.requests());
}

