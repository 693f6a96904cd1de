"""PyLTI1p3, or its successor pylti1p3next, which is imported by the same name.

`pylti1p3_client.py REGISTRATION TASK LINE_ITEM SCORE AT_ONCE`
"""
import json
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from threading import local

from pylti1p3.assignments_grades import AssignmentsGradesService
from pylti1p3.grade import Grade
from pylti1p3.registration import Registration
from pylti1p3.service_connector import ServiceConnector

_, file, task, line_item, points, at_once = sys.argv
known = json.loads(Path(file).read_text(encoding="utf-8"))
points, at_once = float(points), int(at_once)


class Registered(Registration):
    """A registration whose key has the id that the platform knows."""

    def get_kid(self):
        return known["key_id"]


class Connector(ServiceConnector):
    """pylti1p3next leaves to the tool where tokens are kept: here, in memory. PyLTI1p3 has its own, and calls neither."""

    tokens = None

    def _get_cached_access_token(self, scope_key):
        token, expires = (self.tokens or {}).get(scope_key, (None, 0))
        return token if time.monotonic() < expires else None

    def _cache_access_token(self, scope_key, access_token, expires_in):
        self.tokens = {scope_key: (access_token, time.monotonic() + expires_in)}


def service():
    """What a launch gives a tool. It holds one `requests.Session`: tokens and connections are kept."""
    registration = (
        Registered()
        .set_auth_token_url(known["token_endpoint"])
        .set_client_id(known["client_id"])
        .set_tool_private_key(known["private_key"])
    )
    return AssignmentsGradesService(Connector(registration), {"scope": known["scopes"], "lineitem": line_item})


def post(to, learner):
    """Posts one score. The time is text: pylti1p3next makes a `datetime` end in +0000, which is not ISO 8601 as LTI has it."""
    now = datetime.now(timezone.utc)
    grade = (
        Grade()
        .set_score_given(points)
        .set_score_maximum(100)
        .set_timestamp(now.isoformat(timespec="milliseconds"))
        .set_activity_progress("Completed")
        .set_grading_progress("FullyGraded")
        .set_user_id(learner)
    )
    to.put_grade(grade)


def sequential():
    """One after another."""
    to = service()
    for learner in known["learners"]:
        post(to, learner)
    return len(known["learners"])


def concurrent():
    """On threads. A `requests.Session` is not said to be safe to share, so each thread has a service of its own."""
    mine = local()

    def work(learner):
        if not hasattr(mine, "service"):
            mine.service = service()
        post(mine.service, learner)

    with ThreadPoolExecutor(at_once) as threads:
        return sum(1 for _ in threads.map(work, known["learners"]))


def results():
    """All results: PyLTI1p3 gives the first page of them, and no way to the next."""
    return sum(1 for _ in service().get_grades())


def cpu():
    """User and system, of all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


work_of = {"sequential": sequential, "concurrent": concurrent, "list": results}[task]
before, begun = cpu(), time.perf_counter()
done = work_of()
seconds, used = time.perf_counter() - begun, cpu() - before
status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
print(json.dumps({"seconds": seconds, "cpu": used, "peak_kib": peak, "done": done, "failure": None}))
