"""Tokens: a username and a password become a token, which is sent with every other request."""

from axes.helpers import get_cool_off
from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from knox.models import get_token_model
from knox.views import LogoutView
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, AuthenticationFailed
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import AnonRateThrottle
from rest_framework.views import APIView

from annotate.api.authentication import TokenAuthentication
from annotate.api.base import Documented, StrictSerializer, checked


class CredentialsSerializer(StrictSerializer):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=4096, trim_whitespace=False)


class TokenSerializer(serializers.Serializer):
    token = serializers.CharField(help_text="send it as `Authorization: Token …`; it is shown only this once")
    expiry = serializers.DateTimeField()


class LoginThrottle(AnonRateThrottle):
    """Against trying many names from one address; trying many passwords for one name is axes' business."""

    rate = "60/min"


class LockedOut(APIException):
    """Too many wrong passwords."""

    status_code = status.HTTP_429_TOO_MANY_REQUESTS

    def __init__(self) -> None:
        self.wait = get_cool_off().total_seconds()
        minutes = round(self.wait / 60)
        super().__init__(f"Too many wrong passwords for this name from your address; try again in {minutes} minutes.")


class Login(Documented, APIView):
    """Exchange a username and a password for a token."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = [LoginThrottle]

    @extend_schema(request=CredentialsSerializer, responses=TokenSerializer, auth=[])
    def post(self, request: Request) -> Response:
        credentials = checked(CredentialsSerializer, request.data)
        user = authenticate(request=request._request, **credentials)
        if user is None:
            raise _refusal(request)
        get_token_model().objects.filter(user=user, expiry__lt=timezone.now()).delete()
        instance, token = get_token_model().objects.create(user=user)
        user_logged_in.send(sender=type(user), request=request._request, user=user)
        return Response(TokenSerializer({"token": token, "expiry": instance.expiry}).data)

    def get_authenticate_header(self, request: Request) -> str:
        """Without it REST framework would answer 403 instead of 401 here, where nobody is logged in yet."""
        return "Token"


def _refusal(request: Request) -> APIException:
    if getattr(request._request, "axes_locked_out", False):
        # Else axes' middleware would replace the problem document by its page for browsers.
        request._request.axes_locked_out = False
        return LockedOut()
    return AuthenticationFailed("The username or the password is wrong, or the account is closed.")


class Logout(Documented, LogoutView):
    """Make the token that this request was sent with worthless."""

    authentication_classes = [TokenAuthentication]
    permission_classes = [IsAuthenticated]

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, format: str | None = None) -> Response:
        return super().post(request, format)
