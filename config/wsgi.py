"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application
from django.db import connection

from annotate.collecting import keep_full_collections_short
from annotate.turns import InTurn

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()
# While one request waits for PostgreSQL another one can go on; SQLite is a part of this process.
application = InTurn(application, at_once=2 if connection.vendor == "postgresql" else 1)
keep_full_collections_short()
