"""Accounts that Django's own commands make."""

import pytest
from django.core.management import call_command

from annotate.models import User

pytestmark = pytest.mark.django_db


def test_it_makes_a_superuser_an_admin(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "correct horse battery")
    call_command("createsuperuser", username="dora", email="dora@example.org", interactive=False)
    dora = User.objects.get(username="dora")
    assert dora.is_admin
    assert dora.check_password("correct horse battery")
