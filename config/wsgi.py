"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

from annotate.turns import InTurn

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = InTurn(get_wsgi_application())
