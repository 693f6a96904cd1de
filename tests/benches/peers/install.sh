#!/usr/bin/env bash
# Installs and builds the clients that peers.rs compares: install.sh FOLDER. What cannot be had is said, and left out.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
: >"$folder/versions"

missing() {
    echo "!!! $1 cannot be had here: it will be missing from the comparison" >&2
}

version() {
    printf '%s\t%s\n' "$1" "$2" >>"$folder/versions"
}

# locked FOLDER CRATE: the version in a lock file.
locked() {
    sed -n "/^name = \"$2\"/{n;s/version = \"\(.*\)\"/\1/p}" "$here/$1/Cargo.lock" | tail -n 1
}

# cargo_client FOLDER: what is built there; an old program must not stand for a new one.
cargo_client() {
    rm -rf "$folder/$1/release/"{lti-ags-hyper,lti-ags-ureq,reqwest-loop,peer-atomic-lti}
    cargo build --quiet --locked --release --manifest-path "$here/$1/Cargo.toml" --target-dir "$folder/$1"
}

# python_client NAME
python_client() {
    [ -x "$folder/$1/bin/python" ] || python3 -m venv "$folder/$1" || return 1
    if ! "$folder/$1/bin/python" -m pip install --quiet --no-input --disable-pip-version-check -r "$here/python/$1.txt"; then
        rm -rf "${folder:?}/$1"
        return 1
    fi
}

node_clients() {
    mkdir -p "$folder/node" && cp "$here"/node/* "$folder/node/" || return 1
    rm -f "$folder/node/node"
    # As published, @lti-tool/core leaves endings out of its imports: Node does not load it without a bundler.
    (cd "$folder/node" && npm ci --silent --no-audit --no-fund && npx esbuild lti-tool.mjs --bundle --platform=node \
        --format=esm --outfile=lti-tool.bundle.mjs --log-level=warning) && ln -s "$(command -v node)" "$folder/node/node"
}

if cargo_client rust; then
    version 'reqwest loop' "$(locked rust reqwest)"
    version lti-ags-hyper "$(locked rust lti-ags-hyper)"
    version lti-ags-ureq "$(locked rust lti-ags-ureq)"
else
    missing 'lti-ags and reqwest'
fi

mkdir -p "$folder/python" && cp "$here"/python/*.py "$folder/python/"
for name in pylti1p3 pylti1p3next; do
    python_client $name || missing $name
done
version PyLTI1p3 "$(sed -n 's/^pylti1p3==//p' "$here/python/pylti1p3.txt"), $("$folder/pylti1p3/bin/python" --version 2>/dev/null)"
version pylti1p3next "$(sed -n 's/^pylti1p3next==//p' "$here/python/pylti1p3next.txt")"

if node_clients; then
    version @lti-tool/core "$(cd "$folder/node" && node -p 'JSON.parse(require("fs").readFileSync("node_modules/@lti-tool/core/package.json")).version'), Node $(node --version)"
    version ltijs "$(cd "$folder/node" && node -p 'require("./node_modules/ltijs/package.json").version')"
else
    missing '@lti-tool/core and ltijs'
fi

# It builds an OpenSSL of its own, for minutes, unless it is told of one.
if pkg-config --exists 'openssl >= 1.1.1' 2>/dev/null; then
    export OPENSSL_NO_VENDOR=1
fi
cargo_client atomic-lti || missing atomic-lti
version atomic-lti "$(locked atomic-lti atomic-lti)"
