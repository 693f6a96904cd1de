"""Serves `lti1p3platform`'s grade services on a free port of 127.0.0.1, and writes the URL into a file: `serve.py FILE`.

The library answers requests; where line items and scores are kept is left to whoever uses it, and so is HTTP. Both are
here, and courses on demand, each with a registration of its own, as the campus around Open edX has them.
"""
import json
import re
import socket
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from jwcrypto.jwk import JWK
from lti1p3platform.exceptions import LineItemNotFoundException
from lti1p3platform.ltiplatform import LTI1P3PlatformConfAbstract
from lti1p3platform.registration import Registration
from lti1p3platform.request import Request
from lti1p3platform.response import generate_next_link
from lti1p3platform.score import UpdateScoreStatus
from lti1p3platform.service_connector import AssignmentsGradesService

BASE = "http://127.0.0.1:{}"
PAGE = 10
KEY = JWK.generate(kty="RSA", size=2048)


class Conf(LTI1P3PlatformConfAbstract):
    """One registration."""

    def init_platform_config(self, registration):
        self._registration = registration

    def get_registration_by_params(self, **_):
        return self._registration


class Course:
    """A course: its registration, line items, scores and grades, and what was asked."""

    def __init__(self, number, base, wish):
        self.number = number
        self.client_id = f"client-{number}"
        self.container = f"{base}/courses/{number}/lineitems"
        self.token_endpoint = f"{base}/token/{number}"
        # A query's `page` is text unless somebody makes it a number, which the library does not.
        self.counts = wish.get("counts", False)
        registration = (
            Registration()
            .set_iss(base)
            .set_client_id(self.client_id)
            .set_deployment_id("1")
            .set_platform_public_key(KEY.export_to_pem().decode())
            .set_platform_private_key(KEY.export_to_pem(private_key=True, password=None).decode())
            .set_tool_key_set({"keys": [wish["jwk"]]})
        )
        self.conf = Conf(registration=registration)
        self.learners = [str(uuid.uuid4()) for _ in range(wish.get("learners", 3))]
        self.items, self.scores, self.exchanges = {}, {}, []
        self.lock = threading.Lock()
        for at in range(wish.get("line_items", 1)):
            self.add({"label": f"Unit {at + 1}", "scoreMaximum": 100, "tag": "unit"})

    def add(self, item):
        item = item | {"id": f"{self.container}/{len(self.items) + 1}"}
        self.items[item["id"]] = item
        return item

    def opened(self, base):
        service = self.service(None)
        claims = service.ags.get_lti_ags_launch_claim() | {
            "iss": base,
            "aud": self.client_id,
            "sub": self.learners[0],
            "https://purl.imsglobal.org/spec/lti/claim/message_type": "LtiResourceLinkRequest",
            "https://purl.imsglobal.org/spec/lti/claim/version": "1.3.0",
            "https://purl.imsglobal.org/spec/lti/claim/deployment_id": "1",
        }
        return {
            "number": self.number,
            "client_id": self.client_id,
            "token_endpoint": self.token_endpoint,
            "learners": self.learners,
            "claims": claims,
        }

    def state(self):
        own = f"{self.container}/1"
        grades = {
            user: {
                "share": score["scoreGiven"] / score["scoreMaximum"],
                "comment": score.get("comment"),
                "posts": score["posts"],
            }
            for (item, user), score in self.scores.items()
            if item == own and "scoreGiven" in score
        }
        return {"grades": grades, "exchanges": self.exchanges}

    def service(self, asked, item=None):
        return Service(self, asked, self.container, item or f"{self.container}/1")


class Service(AssignmentsGradesService):
    """Where line items and scores are kept: in memory."""

    def __init__(self, course, asked, container, item):
        super().__init__(asked, course.conf, container, item)
        self.course = course

    def page(self, members, page, limit):
        page, limit = int(page), int(limit or PAGE)
        start = (page - 1) * limit
        return {"content": members[start:start + limit], "has_next": start + limit < len(members)}

    # pylint: disable=too-many-arguments,too-many-positional-arguments
    def find_lineitems(self, page=1, limit=None, line_item_id=None, resource_link_id=None, resource_id=None, tag=None):
        wanted = {"id": line_item_id, "resourceLinkId": resource_link_id, "resourceId": resource_id, "tag": tag}
        wanted = {name: value for name, value in wanted.items() if value is not None}
        items = [item for item in self.course.items.values() if wanted.items() <= item.items()]
        return self.page(items, page, limit)

    def find_lineitem(self, line_item_id):
        try:
            return self.course.items[line_item_id]
        except KeyError as error:
            raise LineItemNotFoundException from error

    def create_lineitem(self, creation_data):
        return self.course.add(creation_data)

    def update_lineitem(self, update_data):
        self.find_lineitem(update_data["id"])
        self.course.items[update_data["id"]] = update_data
        return update_data

    def delete_lineitem(self, line_item_id):
        self.find_lineitem(line_item_id)
        del self.course.items[line_item_id]

    def update_score(self, line_item_id, score):
        self.find_lineitem(line_item_id)
        before = self.course.scores.get((line_item_id, score["userId"]))
        if before and before["timestamp"] >= score["timestamp"]:
            return UpdateScoreStatus.OLD_TIMESTAMP
        posts = before["posts"] + 1 if before else 1
        self.course.scores[(line_item_id, score["userId"])] = score | {"posts": posts}
        return UpdateScoreStatus.SUCCESS if before else UpdateScoreStatus.CREATED

    def get_results(self, line_item_id, page=1, limit=None, user_id=None):
        self.find_lineitem(line_item_id)
        results = [
            {
                "id": f"{line_item_id}/results/{user}",
                "scoreOf": line_item_id,
                "userId": user,
                "resultScore": score.get("scoreGiven"),
                "resultMaximum": score.get("scoreMaximum", 100),
                "comment": score.get("comment"),
            }
            for (item, user), score in self.course.scores.items()
            if item == line_item_id and user_id in (None, user)
        ]
        return self.page(results, page, limit)


class Asked(Request):
    """A request as the library wants it."""

    def build_metadata(self, request):
        return request


class Handler(BaseHTTPRequestHandler):
    """Routes, as a web framework would."""

    protocol_version = "HTTP/1.1"
    courses = []

    def log_message(self, *_):
        pass

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def answer(self, status, body, media_type="application/json", **headers):
        body = b"" if status == 204 else json.dumps(body).encode()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def handle_any(self):
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if url.path == "/campus/courses":
            course = Course(len(self.courses), BASE, json.loads(body))
            self.courses.append(course)
            return self.answer(200, course.opened(BASE))
        if found := re.fullmatch(r"/campus/courses/(\d+)", url.path):
            return self.answer(200, self.courses[int(found[1])].state())
        if found := re.fullmatch(r"/token/(\d+)", url.path):
            course = self.courses[int(found[1])]
            status, answer = self.token(course, dict(parse_qsl(body.decode())))
            course.exchanges.append({"method": self.command, "path": url.path, "status": status})
            return self.answer(status, answer)
        found = re.fullmatch(r"/courses/(\d+)/lineitems(?:/(\d+)(/scores|/results)?)?", url.path)
        if not found:
            return self.answer(404, None)
        course = self.courses[int(found[1])]
        with course.lock:
            status, *rest = self.serve(course, url, body, found[2], found[3])
        course.exchanges.append({"method": self.command, "path": url.path, "status": status})
        return self.answer(status, *rest[:2], **rest[2])

    do_GET = do_POST = do_PUT = do_DELETE = handle_any

    @staticmethod
    def token(course, form):
        try:
            return 200, course.conf.get_access_token(form)
        except Exception as error:  # pylint: disable=broad-except
            # The library names no errors of RFC 6749.
            return 400, {"error": "invalid_client", "error_description": f"{type(error).__name__}: {error}"}

    def serve(self, course, url, body, number, part):
        query = dict(parse_qsl(url.query))
        if course.counts:
            query = {name: int(value) if value.isdigit() else value for name, value in query.items()}
        asked = Asked({
            "method": self.command, "form_data": {}, "get_data": query, "headers": self.headers,
            "content_type": self.headers.get("Content-Type"), "path": url.path,
            "json": json.loads(body) if body else None,
        })
        item = f"{course.container}/{number}"
        service = course.service(asked, item if number else None)
        handlers = {
            ("GET", False, None): lambda: service.handle_resp(service.handle_get_lineitems),
            ("POST", False, None): lambda: service.handle_resp(service.handle_create_lineitem),
            ("GET", True, None): lambda: service.handle_resp(service.handle_get_lineitem, line_item_id=item),
            ("PUT", True, None): lambda: service.handle_resp(service.handle_update_lineitem, line_item_id=item),
            ("DELETE", True, None): lambda: service.handle_resp(service.handle_delete_lineitem, line_item_id=item),
            ("POST", True, "/scores"): lambda: service.handle_resp(service.handle_update_score, line_item_id=item),
            ("GET", True, "/results"): lambda: service.handle_resp(service.handle_get_results, line_item_id=item),
        }
        handler = handlers.get((self.command, number is not None, part))
        if handler is None:
            return 405, None, "application/json", {}
        try:
            response = handler()
        except Exception as error:  # pylint: disable=broad-except
            # What the library lets through, a framework answers by 500.
            return 500, {"error": type(error).__name__}, "application/json", {}
        if response.code >= 400:
            return response.code, {"error": response.message}, response.media_type, {}
        result, headers = response.result, {}
        if isinstance(result, dict) and "content" in result:
            if "next" in result:
                headers["Link"] = generate_next_link(result["next"])
            result = result["content"]
        return response.code, result, response.media_type, headers


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    BASE = BASE.format(server.server_port)
    address = Path(sys.argv[1])
    address.with_suffix(".part").write_text(BASE, encoding="ascii")
    address.with_suffix(".part").rename(address)
    server.serve_forever()
