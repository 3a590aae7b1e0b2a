"""Token authentication as knox does it, at the price of one written-out statement a request."""

from hmac import compare_digest

from django.utils import timezone
from django.utils.translation import gettext as _
from knox import auth
from knox.crypto import hash_token
from knox.models import AbstractAuthToken, get_token_model
from knox.settings import CONSTANTS
from rest_framework.exceptions import AuthenticationFailed

from annotate.models import Profile, User
from annotate.statements import Columns, run

TOKEN = Columns(get_token_model(), "k")
USER = Columns(User, "u")
PROFILE = Columns(Profile, "p")
BY_KEY = f"""SELECT {TOKEN.sql}, {USER.sql}, {PROFILE.sql}
FROM knox_authtoken k JOIN annotate_user u ON u.id = k.user_id LEFT JOIN annotate_profile p ON p.user_id = u.id
WHERE k.token_key = %(key)s"""


class TokenAuthentication(auth.TokenAuthentication):
    """Knox's tokens. Expired ones are worthless here; a login clears the person's away."""

    def authenticate_credentials(self, token: bytes) -> tuple[User, AbstractAuthToken]:
        try:
            given = token.decode()
            digest = hash_token(given)
        except ValueError as error:  # neither UTF-8 nor the digits of a token
            raise AuthenticationFailed(_("Invalid token.")) from error
        for row in run(BY_KEY, {"key": given[: CONSTANTS.TOKEN_KEY_LENGTH]}):
            values = iter(row)
            found, user = TOKEN.read(values), USER.read(values)
            if not compare_digest(digest, found.digest) or (found.expiry and found.expiry < timezone.now()):
                continue
            found.user = user
            has_profile = row[-len(PROFILE.names)] is not None
            user._state.fields_cache["profile"] = PROFILE.read(values) if has_profile else None
            return self.validate_user(found)
        raise AuthenticationFailed(_("Invalid token."))
