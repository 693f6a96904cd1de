"""The least of a Django project in which Open edX's LTI consumer serves its grade services.

What the services need of the rest of Open edX stands in `campus/stand_ins.py`. All that differs from run to run comes
in by the environment: `CAMPUS_URL`, `CAMPUS_DATABASE_SOCKET`.
"""
import os

CAMPUS_URL = os.environ["CAMPUS_URL"]

SECRET_KEY = "on loopback, for a run of the tests"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "urls"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "django_filters",
    "lti_consumer",
    "campus",
]

MIDDLEWARE = [
    "campus.exchanges.Recorder",
    "django.middleware.common.CommonMiddleware",
]

DATABASES = {
    "default": {
        # With SQLite, whose writers exclude each other, most of several requests at once are answered by 403.
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "postgres",
        "USER": "campus",
        "HOST": os.environ["CAMPUS_DATABASE_SOCKET"],
        # As Open edX has it: it makes the requests of one tool wait for each other.
        "ATOMIC_REQUESTS": True,
        "CONN_MAX_AGE": 60,
    }
}

REST_FRAMEWORK = {"UNAUTHENTICATED_USER": None}

# What the consumer asks for.
LMS_ROOT_URL = LTI_BASE = LTI_API_BASE = CAMPUS_URL
LEARNING_MICROFRONTEND_URL = CAMPUS_URL
PLATFORM_NAME = "campus"
SERVICE_VARIANT = "lms"
USAGE_KEY_PATTERN = USAGE_ID_PATTERN = r"(?P<usage_id>(?:i4x://?[^/]+/[^/]+/[^/]+/[^@]+(?:@[^/]+)?)|(?:[^/]+))"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "ERROR"},
}
