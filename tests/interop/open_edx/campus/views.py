"""Courses on demand: each test has one of its own, with a registration, learners and a gradebook."""
import json
import uuid

from django.http import JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST
from jwt.algorithms import RSAAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lti_consumer.models import Lti1p3Passport, LtiAgsLineItem, LtiConfiguration
from lti_consumer.utils import get_lms_lti_access_token_link
from opaque_keys.edx.keys import UsageKey

from campus.models import Course, Exchange, Grade, Learner
from campus.stand_ins import Unit


@csrf_exempt
@require_POST
def courses(request):
    """Opens a course for the tool that has this public key, and launches it as its first learner."""
    wish = json.loads(request.body)
    key = RSAAlgorithm.from_jwk(json.dumps(wish["jwk"]))
    passport = Lti1p3Passport.objects.create(
        name="campus",
        lti_1p3_tool_public_key=key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    )
    name = passport.passport_id.hex
    unit = UsageKey.from_string(f"block-v1:Campus+AGS101+{name}+type@lti_consumer+block@{name}")
    configuration = LtiConfiguration.objects.create(
        version=LtiConfiguration.LTI_1P3,
        config_store=LtiConfiguration.CONFIG_ON_DB,
        location=unit,
        lti_1p3_passport=passport,
        lti_1p3_launch_url="https://tool.test/launch",
        lti_1p3_oidc_url="https://tool.test/login",
        lti_advantage_ags_mode=wish.get("mode", LtiConfiguration.LTI_ADVANTAGE_AGS_PROGRAMMATIC),
    )
    made = Course.objects.create(
        configuration=configuration,
        key_id=passport.lti_1p3_private_key_id,
        expired_tokens=wish.get("expired_tokens", 0),
        past_due=wish.get("past_due", False),
    )
    learners = [Learner(course=made, external_id=uuid.uuid4()) for _ in range(wish.get("learners", 3))]
    Learner.objects.bulk_create(learners)
    if configuration.lti_advantage_ags_mode == LtiConfiguration.LTI_ADVANTAGE_AGS_PROGRAMMATIC:
        # In the declarative mode, the consumer makes it.
        LtiAgsLineItem.objects.create(
            lti_configuration=configuration,
            resource_link_id=unit,
            resource_id="the-unit",
            label=Unit.display_name,
            score_maximum=Unit.weight,
        )
    return JsonResponse({
        "number": made.pk,
        "client_id": passport.lti_1p3_client_id,
        "token_endpoint": get_lms_lti_access_token_link(passport.passport_id),
        "learners": [str(learner.external_id) for learner in learners],
        "claims": claims(configuration, str(learners[0].external_id)),
    })


def claims(configuration, learner):
    """What the launch of a learner says, as the consumer makes it."""
    consumer = configuration.get_lti_consumer()
    consumer.set_user_data(user_id=learner, role="student")
    consumer.set_resource_link_claim(str(configuration.location))
    return consumer.get_lti_launch_message() | {"nonce": "n-1"}


@require_GET
def course(_request, number):
    """What the gradebook shows, and what was asked of this course's services."""
    found = Course.objects.get(pk=number)
    configuration = found.configuration
    token = f"/api/lti_consumer/v1/token/{configuration.lti_1p3_passport.passport_id}"
    services = f"/api/lti_consumer/v1/lti/{configuration.pk}/"
    exchanges = Exchange.objects.filter(path=token) | Exchange.objects.filter(path__startswith=services)
    return JsonResponse({
        "grades": {
            str(grade.learner.external_id): {"share": grade.share, "comment": grade.comment, "posts": grade.posts}
            for grade in Grade.objects.filter(learner__course=found).select_related("learner")
        },
        "exchanges": [
            {"method": exchange.method, "path": exchange.path, "status": exchange.status}
            for exchange in exchanges.order_by("pk")
        ],
    })
