"""Lets another client play against the embedded platform, and holds what came of it against what is known.

    judge.py --platform AGS_PLATFORM --findings FILE [--write] PEER [ARGUMENT...]

The file of findings says, for each platform that is played, what came of each step, which rules the client broke, and
what the gradebook held in the end. `--write` makes it anew.
"""
import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.request import urlopen

LIKE = ["spec", "canvas", "moodle", "open-edx"]
SECONDS = 60


def play(platform, like, peer):
    """One client against one platform."""
    with tempfile.TemporaryDirectory() as folder:
        command = [platform, "--as", like, "--write", folder]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            try:
                base = server.stdout.readline().split()[-1]
                # It writes its files before the empty line.
                while server.stdout.readline().strip():
                    pass
                return judge(base, folder, peer)
            finally:
                # It stops at the end of its input.
                server.communicate(timeout=SECONDS)


def judge(base, folder, peer):
    """What came of it, without what is different each time."""
    played = subprocess.run([*peer, folder], stdout=subprocess.PIPE, text=True, timeout=SECONDS, check=True)

    def read(what):
        with urlopen(f"{base}/_/{what}", timeout=SECONDS) as answer:
            return json.load(answer)

    def named(value):
        text = json.dumps(value).replace(base, "(platform)")
        # How long the platform's URLs are depends on its port.
        text = re.sub(r" at line \d+ column \d+", "", text)
        return json.loads(text)

    steps = [json.loads(line) for line in played.stdout.splitlines()]
    violations = {(found["rule"], found["kind"], named(found["sentence"])) for found in read("violations")}
    return {
        "steps": {step["step"]: named(step["outcome"]) for step in steps},
        "violations": [" ".join(violation) for violation in sorted(violations)],
        "gradebook": [
            {name: entry.get(name) for name in ("lineItem", "score", "comment", "posts")} for entry in read("gradebook")
        ],
    }


def main():
    """Plays each platform."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--platform", required=True)
    parser.add_argument("--findings", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("peer", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    found = {like: play(arguments.platform, like, arguments.peer) for like in LIKE}
    if arguments.write:
        arguments.findings.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return 0
    known = json.loads(arguments.findings.read_text(encoding="utf-8"))
    otherwise = 0
    for like in LIKE:
        for part, value in found[like].items():
            if value != known.get(like, {}).get(part):
                otherwise += 1
                print(f"{like}, {part}:\n  known: {known.get(like, {}).get(part)}\n  found: {value}")
        print(f"{like}: {len(found[like]['steps'])} steps, {len(found[like]['violations'])} rules broken")
    return 1 if otherwise else 0


if __name__ == "__main__":
    sys.exit(main())
