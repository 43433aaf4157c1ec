"""Settings, all of them from the environment, so that one artefact runs everywhere.

Every variable is listed in docs/deployment.md.
"""

import os
import secrets
from pathlib import Path

import dj_database_url
from csp.constants import NONCE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parent.parent.parent


def flag(name: str, default: bool = False) -> bool:
    """Read a yes/no environment variable; unset means `default`."""
    return os.environ.get(name, "1" if default else "0").strip().lower() in {"1", "true", "yes", "on"}


def words(name: str, default: str = "") -> list[str]:
    """Read a comma-separated environment variable."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


# Everything the running system writes (database, uploads, key) lives under one folder that is not in the tree.
DATA_DIR = Path(os.environ.get("DATA_DIR", BASE_DIR / "var"))
DATA_DIR.mkdir(parents=True, exist_ok=True)

DEBUG = flag("DEBUG")
DEMO = flag("DEMO")


def secret_key() -> str:
    """SECRET_KEY from the environment, else one made on first start and kept in DATA_DIR, readable by the owner only."""
    if key := os.environ.get("SECRET_KEY"):
        return key
    path = DATA_DIR / "secret_key"
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    key = path.read_text().strip()
    if not key:
        raise ImproperlyConfigured(f"{path} is empty: delete it, or set SECRET_KEY")
    return key


SECRET_KEY = secret_key()
SECRET_KEY_FALLBACKS = os.environ.get("SECRET_KEY_FALLBACKS", "").split()
ALLOWED_HOSTS = words("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
CSRF_TRUSTED_ORIGINS = words("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # the other config would put its own site in place of ours
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.inlines",
    "unfold.contrib.simple_history",
    "config.admin.QihangAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "axes",
    "simple_history",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "js_lib_bootstrap5",
    "django_tasks",
    "django_tasks_db",
    "workflows",
    "models.audit",
    "models.backups",
    "models.jobs",
    "models.codes",
    "models.organisation",
    "models.accounts",
    "models.logins",
    "models.notices",
    "models.evidence",
    "models.documents",
    "models.students",
    "models.employers",
    "models.recommendations",
    "models.outcomes",
    "models.dispatch",
    "models.agreements",
    "models.reporting",
    "models.rates",
    "models.transfer",
    "models.releases",
    "models.lists",
    "models.demo",
    "exports",
    "admin_site",
    "self_service",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "models.audit.middleware.RequestLogMiddleware",  # after WhiteNoise: static files are not worth a line each
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "models.logins.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "models.accounts.sessions.SessionMiddleware",
    "models.accounts.middleware.ActingMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "admin_site" / "templates", BASE_DIR / "self_service" / "templates"],
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

DATABASES = {
    "default": dj_database_url.config(
        default=f"sqlite:///{DATA_DIR / 'qihang.sqlite3'}", conn_max_age=60, conn_health_checks=True
    )
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # WAL + IMMEDIATE + a long busy time-out: sixteen writers at once then lose nothing; with the defaults most of them fail.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; "
        "PRAGMA mmap_size=268435456; PRAGMA cache_size=-65536;",
    }

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "models.accounts.backends.FunctionBackend",
]
# argon2id at 19 MiB, t=2, p=1 (an OWASP setting): a tenth of the default's time, so that login day needs no extra cores.
PASSWORD_HASHERS = [
    "models.accounts.hashers.CampusArgon2Hasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "models.accounts.passwords.CharacterClassValidator"},
    {"NAME": "models.accounts.passwords.NotFromIdentityValidator"},
]
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("简体中文"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "Asia/Shanghai"
USE_I18N = True
USE_TZ = True
FORMAT_MODULE_PATH = ["config.formats"]

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "files", "file_permissions_mode": 0o600},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = DEBUG
MEDIA_ROOT = DATA_DIR / "files"  # private: no URL serves it, only checked views do

# Sessions: idle half an hour for staff is enforced by accounts.middleware; this is the absolute limit.
SESSION_ENGINE = "models.logins.store"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "self_service.pages.errors.csrf_failed"
HTTPS = flag("HTTPS")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if HTTPS:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"
    SECURE_HSTS_SECONDS = 31536000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_SSL_REDIRECT = flag("SSL_REDIRECT", True)
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # asked by the machine itself, over plain HTTP
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if words("TRUSTED_PROXIES") else None
# HSTS preload is for a whole domain to decide, and hard to take back: not for one system on a university's subdomain.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
# Addresses of reverse proxies whose X-Forwarded-For is believed; empty means REMOTE_ADDR alone is.
TRUSTED_PROXIES = words("TRUSTED_PROXIES")

# Strict everywhere; the back office alone is let use eval, which the Alpine build inside unfold needs (config.csp).
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-ancestors": ["'none'"],
        "base-uri": [SELF],
        "form-action": [SELF],
        "object-src": ["'none'"],
    }
}
ADMIN_SCRIPT_SRC = [SELF, NONCE, UNSAFE_EVAL]

AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # never the address alone: a whole campus shares one
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "models.audit.request.client_ip"
AXES_LOCKOUT_CALLABLE = "self_service.pages.login.locked_out"
AXES_USERNAME_CALLABLE = "models.accounts.login.axes_username"
AXES_VERBOSE = False

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "qihang",
        "OPTIONS": {"MAX_ENTRIES": 50_000},
    }
}

EMAIL_BACKEND = os.environ.get("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend")
EMAIL_HOST = os.environ.get("EMAIL_HOST", "localhost")
EMAIL_PORT = int(os.environ.get("EMAIL_PORT", "25"))
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = flag("EMAIL_USE_TLS")
# How long a proof that was taken out of its record is kept all the same.
EVIDENCE_KEEP_DAYS = int(os.environ.get("EVIDENCE_KEEP_DAYS", "180"))
# The address people reach this deployment at, where no request tells it (documents printed by a command or a job).
PUBLIC_URL = os.environ.get("PUBLIC_URL", "http://127.0.0.1:8000")
# How many processes lay out printed forms at once.
PDF_WORKERS = int(os.environ.get("PDF_WORKERS", "2"))
# TrueType files of a school's own licensed fonts; empty means those of the package.
PDF_SERIF = os.environ.get("PDF_SERIF", "")
PDF_SANS = os.environ.get("PDF_SANS", "")

DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL", "qihang@localhost")

# Reporting by an interface: hosts the server may call, so that no setting of a school can make it call a stranger; plain http for trials only.
REPORT_HOSTS = words("REPORT_HOSTS")
REPORT_PLAIN_HTTP = flag("REPORT_PLAIN_HTTP")

# 短信（models.notices.sms）：console prints to the terminal, http posts to SMS_URL, none refuses.
SMS_BACKEND = os.environ.get("SMS_BACKEND", "console" if DEMO or DEBUG else "none")
SMS_URL = os.environ.get("SMS_URL", "")
SMS_TOKEN = os.environ.get("SMS_TOKEN", "")

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default"]}}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "rest_framework.parsers.JSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "self_service.api.pages.BoundedPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "EXCEPTION_HANDLER": "self_service.api.errors.handle",
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.ScopedRateThrottle"],
    # Per person and minute; generous to people, an end to scripts.
    "DEFAULT_THROTTLE_RATES": {
        "matters": os.environ.get("API_RATE_MATTERS", "240/min"),
        "codes": os.environ.get("API_RATE_CODES", "600/min"),
        "account": os.environ.get("API_RATE_ACCOUNT", "60/min"),
    },
    "PAGE_SIZE": 20,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "启航 就业管理系统接口",
    "DESCRIPTION": "学生自助服务使用的接口。",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
}

UNFOLD = {
    "SITE_TITLE": "启航 就业管理",
    "SITE_HEADER": "启航",
    "SITE_SUBHEADER": "高校毕业生就业管理",
    "SITE_URL": "/",
    "SITE_SYMBOL": "sailing",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "COLORS": {
        "primary": {
            "50": "239 246 255",
            "100": "219 234 254",
            "200": "191 219 254",
            "300": "147 197 253",
            "400": "96 165 250",
            "500": "59 130 246",
            "600": "37 99 235",
            "700": "29 78 216",
            "800": "30 64 175",
            "900": "30 58 138",
            "950": "23 37 84",
        },
        # One step darker than the skin's own: small grey text must reach 4.5:1 on grey rows and blue cards too.
        "font": {
            "subtle-light": "var(--color-base-600)",
            "subtle-dark": "var(--color-base-400)",
            "default-light": "var(--color-base-700)",
            "default-dark": "var(--color-base-300)",
            "important-light": "var(--color-base-900)",
            "important-dark": "var(--color-base-100)",
        },
    },
    "STYLES": ["admin_site.site.stylesheet"],
    "SCRIPTS": ["admin_site.site.script"],
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "admin_site.site.icon"}],
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": "admin_site.navigation.sidebar"},
    "DASHBOARD_CALLBACK": "admin_site.dashboard.context",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "private": {
            "()": "models.audit.logs.PrivateFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "private"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {"axes": {"level": "WARNING"}, "django.utils.autoreload": {"level": "WARNING"}},
}

# Limits of uploads; the import reader has its own, stricter ones for what is inside a workbook.
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 3000
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_PERMISSIONS = 0o600
UPLOAD_MAX_BYTES = 21 * 1024 * 1024  # more than any page takes; a larger file is not kept at all
FILE_UPLOAD_HANDLERS = [
    "models.jobs.quota.QuotaHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

AUDIT_RETENTION_DAYS = int(os.environ.get("AUDIT_RETENTION_DAYS", "200"))

# Background work: how long a silent job still belongs to its worker, how long result files are kept.
JOB_LEASE_SECONDS = float(os.environ.get("JOB_LEASE_SECONDS", "60"))
JOB_FILE_DAYS = int(os.environ.get("JOB_FILE_DAYS", "7"))
# How long the uploaded file and the lines of an import are kept, and with them the chance to take the import back.
IMPORT_KEEP_DAYS = int(os.environ.get("IMPORT_KEEP_DAYS", "180"))

# What /readyz (config.health) asks for besides the database.
EXPECT_WORKER = flag("EXPECT_WORKER", True)
MIN_DISK_FREE_PERCENT = float(os.environ.get("MIN_DISK_FREE_PERCENT", "10"))
BACKUP_DIR = os.environ.get("BACKUP_DIR", "")
# The command that `manage.py backup` encrypts with; the key that decrypts is kept elsewhere.
BACKUP_ENCRYPT = os.environ.get("BACKUP_ENCRYPT", "")

# How long a process may go on with the code tables it has in memory before it asks whether another one has changed them.
CODES_CHECK_SECONDS = 2
# The same for what schools have set (levels, windows, fields, rules): small tables, read whole.
REMEMBER_SECONDS = 5
