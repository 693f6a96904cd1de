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

/// A line out of the middle of a key says nothing of being one.
#[test]
fn a_line_of_a_key_in_the_configuration_is_not_repeated() {
    let server = Server::willing();
    let tool = Tool::at(&server);
    let valid = std::fs::read_to_string(tool.path("ags.toml")).unwrap();
    let line = KEY.lines().nth(5).unwrap();
    let bare = line.replace(['+', '/', '='], "");
    for text in [
        format!("{valid}{line}\n"),
        format!("{valid}{line}=\n"),
        format!("{valid}{line} = 1\n"),
        format!("{valid}\"{line}\" = 1\n"),
        format!("{valid}{bare} = 1\n"),
        format!("{valid}[{bare}]\n"),
        format!("{valid}scope = \"{line}\"\n"),
        format!("{valid}[policy]\nmax_pages = \"{line}\"\n"),
        format!("{valid}[policy]\nallow_origins = [\"{line}\"]\n"),
        format!("{valid}[policy]\n{bare} = 1\n"),
        valid.replace("key_id =", &format!("algorithm = \"{line}\"\nkey_id =")),
    ] {
        tool.write("ags.toml", &text);
        for arguments in [&["token", "--json"][..], &["token"]] {
            let ran = tool.run(arguments);
            assert_eq!(ran.code, 2, "{ran:?}");
            ran.assert_hides(&[&line[8..32], &bare[8..24]]);
        }
    }
}

#[test]
fn what_is_no_key_is_told_in_whole_words() {
    let tool = Tool::bare();
    tool.write("empty.pem", "");
    let ran = tool.run(&["jwks", "empty.pem", "--json"]);
    ran.assert_failed(2, "input_file");
    assert!(!ran.stderr.contains("[redacted]"), "{ran:?}");
}
