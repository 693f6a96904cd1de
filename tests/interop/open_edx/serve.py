"""Serves the campus on a free port of 127.0.0.1, and writes its URL into a file: `serve.py FILE`.

The socket listens before the server has begun to load: whoever connects early waits, and is answered.
"""
import os
import socket
import sys
from pathlib import Path

listener = socket.create_server(("127.0.0.1", 0), backlog=64)
os.set_inheritable(listener.fileno(), True)
url = f"http://127.0.0.1:{listener.getsockname()[1]}"
os.environ["CAMPUS_URL"] = url

address = Path(sys.argv[1])
address.with_suffix(".part").write_text(url, encoding="ascii")
address.with_suffix(".part").rename(address)

os.chdir(Path(__file__).parent)
gunicorn = [sys.executable, "-m", "gunicorn", "--bind", f"fd://{listener.fileno()}", "--workers", "2", "--threads", "4"]
os.execv(sys.executable, [*gunicorn, "--log-level", "warning", "--graceful-timeout", "5", "wsgi:application"])
