"""PyLTI1p3 as a tool: `pylti1p3_peer.py FOLDER`, where the folder is what `ags-platform --write` made.

Each step is told as a line of JSON: its name, and what came of it.
"""
import json
import sys
import tomllib
from datetime import datetime, timezone
from pathlib import Path

from pylti1p3.assignments_grades import AssignmentsGradesService
from pylti1p3.grade import Grade
from pylti1p3.lineitem import LineItem
from pylti1p3.registration import Registration
from pylti1p3.service_connector import ServiceConnector

folder = Path(sys.argv[1])
config = tomllib.loads((folder / "ags.toml").read_text())
claims = json.loads((folder / "claims.json").read_text())


class Registered(Registration):
    """A registration whose key has the id that the platform knows."""

    def get_kid(self):
        return config["registration"]["key_id"]


def step(name, act):
    """Tells what came of it; the steps after a failure go on."""
    try:
        outcome = act()
    except Exception as error:  # pylint: disable=broad-except
        outcome = f"{type(error).__name__}: {error}"
    print(json.dumps({"step": name, "outcome": outcome}), flush=True)


registration = (
    Registered()
    .set_auth_token_url(config["registration"]["token_endpoint"])
    .set_auth_audience(config["registration"]["audience"])
    .set_client_id(config["registration"]["client_id"])
    .set_tool_private_key((folder / "tool.pem").read_text())
)
endpoint = claims["https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"]
service = AssignmentsGradesService(ServiceConnector(registration), endpoint)
learner = claims["sub"]


def grade(points, second, timespec="milliseconds"):
    """A final score out of 100."""
    return (
        Grade()
        .set_score_given(points)
        .set_score_maximum(100)
        .set_timestamp(datetime(2026, 3, 2, 9, 0, second, tzinfo=timezone.utc).isoformat(timespec=timespec))
        .set_activity_progress("Completed")
        .set_grading_progress("FullyGraded")
        .set_user_id(learner)
        .set_comment("Good.")
    )


def create():
    """Finds the tool's line item by its tag, or creates it."""
    item = LineItem().set_tag("lab").set_score_maximum(20).set_label("Lab 3").set_resource_id("lab-3")
    return service.find_or_create_lineitem(item).get_label()


def post(points, second, **how):
    """Posts to the launch's line item."""
    return service.put_grade(grade(points, second, **how))["body"]


def results():
    """The results of the launch's line item."""
    return [result.get("resultScore") for result in service.get_grades()]


step("list line items", lambda: [item["label"] for item in service.get_lineitems()])
step("find or create a line item", create)
step("find it again", create)
step("list line items again", lambda: sorted(item["label"] for item in service.get_lineitems()))
step("post a score", lambda: post(85, 1))
step("post an older score", lambda: post(10, 0))
# As its readme has it.
step("post a score at a whole second", lambda: post(90, 2, timespec="seconds"))
step("read the results", results)
