"""Settings: the environment is read here, once, with types; a bad value stops the start with a sentence.

Every variable is listed in README.md ("Configuration"). `X_FILE` may name a file that holds the value of a secret `X`.
"""

import os
import re
import secrets
from pathlib import Path
from zoneinfo import available_timezones

import environ
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from kombu.utils.url import parse_url

from annotate.derived import compressed_copies
from annotate.translations import compile_catalogs

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()


def _fail(name, value, wanted):
    raise ImproperlyConfigured(f"The setting {name} is {value!r}, but must be {wanted}. Correct or unset {name}.")


def _bool(name, default):
    value = os.environ.get(name, "")
    if value.lower() not in ("", "0", "1", "true", "false", "yes", "no"):
        _fail(name, value, "true or false")
    return default if value == "" else value.lower() in ("1", "true", "yes")


def _int(name, default, low, high):
    value = os.environ.get(name, "") or str(default)
    if not re.fullmatch(r"-?[0-9]{1,9}", value) or not low <= int(value) <= high:
        _fail(name, value, f"a whole number from {low} to {high}")
    return int(value)


def _secret(name):
    """The value of `name`, or the content of the file that `name`_FILE points at, or None."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            _fail(f"{name}_FILE", path, f"a readable file ({error.strerror})")
        except UnicodeDecodeError:
            _fail(f"{name}_FILE", path, "a file of text in UTF-8")
    return os.environ.get(name) or None


# Where everything that the product writes lives: database, broker, snapshots, runs, logs.
VAR_DIR = Path(os.environ.get("CONCORD_VAR") or BASE_DIR / "var").resolve()
try:
    VAR_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
except OSError as error:
    _fail("CONCORD_VAR", str(VAR_DIR), f"a folder that can be written ({error.strerror})")
if not os.access(VAR_DIR, os.W_OK | os.X_OK):
    _fail("CONCORD_VAR", str(VAR_DIR), "a folder that can be written")
SNAPSHOT_DIR = VAR_DIR / "snapshots"
RUN_DIR = VAR_DIR / "runs"


def _secret_key():
    """SECRET_KEY from the environment; else a random one, made on the first start and kept in the var folder."""
    key = _secret("SECRET_KEY")
    if key:
        return key
    path = VAR_DIR / "secret_key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    except OSError as error:
        _fail("CONCORD_VAR", str(VAR_DIR), f"a folder that can be written ({error.strerror})")
    with os.fdopen(descriptor, "w") as file:
        file.write(key := secrets.token_urlsafe(50))
    return key


DEBUG = _bool("DEBUG", False)
SECRET_KEY = _secret_key()
HOST = os.environ.get("HOST") or "127.0.0.1"  # where `manage.py up` listens
PORT = _int("PORT", 8000, 1, 65535)
WEB_WORKERS = _int("WEB_WORKERS", 2, 1, 128)  # processes of the web server, and the threads of each
WEB_THREADS = _int("WEB_THREADS", 4, 1, 64)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]", HOST])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "rest_framework",
    "annotate",
    "training",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Database. The embedded default is SQLite: WAL, so that readers never wait for a writer; IMMEDIATE, because a deferred
# transaction fails at once when it turns from reader to writer; 20 s, because SQLite's busy wait is not a fair queue.
DATABASE_URL = _secret("DATABASE_URL") or f"sqlite:///{VAR_DIR / 'concord.sqlite3'}"
if not DATABASE_URL.startswith(("sqlite:///", "postgres://", "postgresql://")):
    _fail("DATABASE_URL", DATABASE_URL.split(":")[0] + "://…", "a sqlite:/// or postgresql:// address")
try:
    DATABASES = {"default": env.db_url_config(DATABASE_URL)}
except ValueError:
    wanted = "an address with a number as port; in a password write / as %2F, : as %3A and @ as %40"
    _fail("DATABASE_URL", DATABASE_URL.split(":")[0] + "://…", wanted)
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    file = DATABASES["default"]["NAME"]
    if file == ":memory:":
        _fail("DATABASE_URL", DATABASE_URL, "a file, because several processes share it: sqlite:////path/to/file")
    if not Path(file).absolute().parent.is_dir():
        _fail("DATABASE_URL", DATABASE_URL, "a file in a folder that exists: make the folder first")
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        transaction_mode="IMMEDIATE",
        timeout=20,
        init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    )
    DATABASES["default"].update(ENGINE="annotate.database.sqlite3")  # writers wait in line
    DATABASES["default"].update(CONN_MAX_AGE=None)  # a file does not go away, and opening it costs a millisecond
else:
    DATABASES["default"].update(CONN_MAX_AGE=60, CONN_HEALTH_CHECKS=True)
    # For the statements that are written out (annotate/statements.py): planned once a connection, not every time.
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("prepare_threshold", 3)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# People
AUTH_USER_MODEL = "annotate.User"
LOGIN_URL = "annotate:login"
LOGIN_REDIRECT_URL = "annotate:home"
LOGOUT_REDIRECT_URL = "annotate:login"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "account/locked.html"
AXES_VERBOSE = False

# Browser-side security. No inline script or style and nothing from another host, anywhere.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}
HTTPS = _bool("HTTPS", False)  # served behind TLS: cookies and redirects insist on it
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _bool("BEHIND_PROXY", False) else None
SESSION_COOKIE_HTTPONLY = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# Language, time, files
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ar", "العربيّة")]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = HTTPS
LOCALE_DIR = BASE_DIR / "locale"  # the catalogs as people write them
LOCALE_PATHS = [VAR_DIR / "locale"]  # and as Django reads them
compile_catalogs(LOCALE_DIR, LOCALE_PATHS[0])
TIME_ZONE = os.environ.get("TIME_ZONE") or "UTC"
if TIME_ZONE not in available_timezones():
    _fail("TIME_ZONE", TIME_ZONE, "a name of the time zone database, such as Europe/Berlin")
USE_TZ = True
STATIC_URL = "static/"
STATICFILES_DIRS = [compressed_copies(BASE_DIR / "static", VAR_DIR / "compressed")]
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
WHITENOISE_USE_FINDERS = True  # no collectstatic step: files are served from where they are written
GUIDELINES_DIR = Path(os.environ.get("GUIDELINES_DIR") or BASE_DIR / "guidelines")

# API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "annotate.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["annotate.api.parsers.BoundedJSONParser"],
    "EXCEPTION_HANDLER": "annotate.api.problems.problem_response",
    "PAGE_SIZE": 100,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Concord",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "CampaignKind": "annotate.models.Guideline.Kind",
        "CampaignState": "annotate.models.Campaign.State",
        "ProducerKind": "annotate.models.Producer.Kind",
        "ReviewDecision": "annotate.models.Review.Decision",
        "ContentWarningKind": "annotate.models.ContentWarning.Kind",
        "QuestionKind": "annotate.models.Question.Kind",
        "QuestionReason": "annotate.models.Question.Reason",
        "CheckpointKind": "training.models.Checkpoint.Kind",
        "SnapshotState": "training.models.Snapshot.State",
        "RunState": "training.models.Run.State",
        "PipelineState": "training.models.Pipeline.State",
    },
}

# Celery. The row in the database is the truth, not the message: no result backend, ids only, JSON only.
BROKER_DIR = VAR_DIR / "broker"
CELERY_BROKER_URL = _secret("CELERY_BROKER_URL") or "filesystem://localhost/"
if not CELERY_BROKER_URL.startswith(("filesystem://", "redis://", "rediss://")):
    _fail("CELERY_BROKER_URL", CELERY_BROKER_URL.split(":")[0] + "://…", "filesystem://, redis:// or rediss://")
if CELERY_BROKER_URL.startswith("filesystem"):
    for folder in ("queue", "control"):
        (BROKER_DIR / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_DIR / "queue"),
        "data_folder_out": str(BROKER_DIR / "queue"),
        "control_folder": str(BROKER_DIR / "control"),
        "polling_interval": 0.25,
    }
else:
    try:
        broker_host = parse_url(CELERY_BROKER_URL)["hostname"]
    except ValueError:
        broker_host = None
    if broker_host is None:
        _fail("CELERY_BROKER_URL", "redis://…", "an address with a host, such as redis://localhost:6379/0")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {"training.tasks.execute_run": {"queue": "train"}}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")


def _crontab(name, default):
    value = os.environ.get(name) or default
    fields = value.split()
    try:
        if len(fields) != 5:
            raise ValueError
        return crontab(*fields)
    except (ValueError, TypeError):
        _fail(name, value, "five crontab fields, such as '30 1 * * *'")


CELERY_BEAT_SCHEDULE = {
    # A message that nobody fetched before the next is due would only run the same idempotent step twice: let it expire.
    "nightly": {
        "task": "training.tasks.start_nightly_pipeline",
        "schedule": _crontab("NIGHTLY_AT", "30 1 * * *"),
        "options": {"expires": 6 * 3600},
    },
    "reap": {"task": "training.tasks.reap", "schedule": 10.0, "options": {"expires": 9}},
    "expire-leases": {"task": "annotate.tasks.expire_leases", "schedule": 60.0, "options": {"expires": 55}},
    "fill-reviews": {"task": "annotate.tasks.fill_review_campaigns", "schedule": 60.0, "options": {"expires": 55}},
    "new-rules": {"task": "annotate.tasks.reconsider_what_waits", "schedule": 10.0, "options": {"expires": 9}},
    "ledger": {
        "task": "annotate.tasks.check_ledger",
        "schedule": crontab(minute=10, hour=3),
        "options": {"expires": 6 * 3600},
    },
    "count": {"task": "annotate.tasks.count_long_campaigns", "schedule": 60.0, "options": {"expires": 55}},
}

# Training
BASE_MODEL = os.environ.get("BASE_MODEL") or "embedded"  # "embedded", a local path, or a hub id
if BASE_MODEL.startswith(("/", "./", "../", "~")) and not Path(BASE_MODEL).is_dir():
    _fail("BASE_MODEL", BASE_MODEL, "'embedded', a folder that exists, or the id of a model on the hub")
HEARTBEAT_SECONDS = 1
LOST_AFTER_SECONDS = _int("LOST_AFTER_SECONDS", 30, 5, 3600)
MAX_ATTEMPTS = _int("MAX_ATTEMPTS", 3, 1, 10)

LOG_LEVEL = (os.environ.get("LOG_LEVEL") or "INFO").upper()
if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR"):
    _fail("LOG_LEVEL", LOG_LEVEL, "DEBUG, INFO, WARNING or ERROR")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
}
