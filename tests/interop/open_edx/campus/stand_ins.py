"""What the LTI consumer asks of the rest of Open edX, put in its place: units, learners, the gradebook.

Its own tests put mocks there. These answer from the database instead, so that a grade that is published can be seen.
"""
import uuid

from django.db import transaction
from django.db.models import F
from lti_consumer.exceptions import LtiError
from lti_consumer.lti_1p3.key_handlers import PlatformKeyHandler
from lti_consumer.plugin import compat

from campus.models import Course, Grade, Learner


class Unit:
    """The unit of a course that launches the tool."""

    display_name = "The unit"
    has_score = True
    accept_grades_past_due = False
    weight = 100

    class _ScopeIds:
        def __init__(self, usage_id):
            self.usage_id = usage_id

    def __init__(self, location):
        self.scope_ids = self._ScopeIds(location)
        self.course = Course.objects.get(configuration__location=location)

    def is_past_due(self):
        return self.course.past_due

    def max_score(self):
        return self.weight

    def set_user_module_score(self, user, score, max_score, comment=""):
        """The end of the way: the grade is in the gradebook."""
        grade, _ = Grade.objects.get_or_create(learner=user, defaults={"share": score})
        grade.share, grade.comment, grade.posts = score, comment, grade.posts + 1
        grade.save()


def learner(external_user_id):
    """Who has this id, which has to be a UUID."""
    try:
        return Learner.objects.get(external_id=uuid.UUID(external_user_id))
    except ValueError as error:
        raise LtiError("Invalid userID") from error
    except Learner.DoesNotExist as error:
        raise LtiError("Invalid User") from error


def put_in_place():
    """Makes the consumer ask here."""
    compat.load_enough_xblock = Unit
    compat.load_block_as_user = Unit
    compat.get_user_from_external_user_id = learner

    sign = PlatformKeyHandler.encode_and_sign

    def sign_expired(self, message, expiration=None):
        """Backdates the tokens that a course wants to have expired."""
        with transaction.atomic():
            due = Course.objects.filter(key_id=self.key.key_id, expired_tokens__gt=0)
            if due.update(expired_tokens=F("expired_tokens") - 1):
                expiration = -60
        return sign(self, message, expiration)

    PlatformKeyHandler.encode_and_sign = sign_expired
