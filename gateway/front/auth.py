"""Who is asking (I3): a JWT becomes a Caller, or 401. HS256 by our secret, RS256 and ES256 by the provider's keys."""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import jwt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from starlette.requests import Request

from gateway.settings import Settings
from services.common.contracts.errors import Unauthenticated, Unavailable
from services.common.domain.access import Caller
from services.common.domain.permissions import Role
from services.common.fields import NO_CONTROL
from services.common.observability.logs import get_logger

KEY_ALGORITHMS = ("RS256", "ES256")
LOOK_AGAIN_SECONDS = 10.0  # an unknown key id makes us fetch the keys again, but not more often than this

log = get_logger(__name__)


class Claims(BaseModel):
    """What we read of a token; everything else in it is the provider's business."""

    model_config = ConfigDict(extra="ignore", strict=True)

    sub: str = Field(min_length=1, max_length=200, pattern=NO_CONTROL)
    roles: list[str] = Field(min_length=1)
    estates: list[str] = []
    household: str | None = None

    @field_validator("estates", mode="before")
    @classmethod
    def _star(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value if value is not None else []

    def caller(self) -> Caller:
        """Unknown roles give nothing; a token without one of ours is no sign-in here."""
        roles = frozenset(self.roles).intersection(Role)
        if not roles:
            raise Unauthenticated("The token names no role of this system.")
        return Caller(sub=self.sub, roles=roles, estates=frozenset(self.estates), household=self.household)


class Keys:
    """The provider's public keys, from a file or fetched and kept for a while."""

    def __init__(
        self, url: str, file: Path | None, keep_seconds: float, clock: Callable[[], float] = monotonic
    ) -> None:
        self._url, self._file, self._keep, self._clock = url, file, keep_seconds, clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()

    @property
    def configured(self) -> bool:
        """Whether tokens may be signed by a provider at all."""
        return bool(self._url or self._file)

    async def find(self, kid: str) -> jwt.PyJWK:
        """The key of that id. Raises Unauthenticated when the provider has none."""
        if self._stale(kid):
            async with self._lock:
                if self._stale(kid):
                    await self._refresh()
        key = self._keys.get(kid)
        if key is None:
            raise Unauthenticated("The token is signed by an unknown key.")
        return key

    def _stale(self, kid: str) -> bool:
        age = self._clock() - self._read_at
        return age > self._keep or (kid not in self._keys and age > LOOK_AGAIN_SECONDS)

    async def _refresh(self) -> None:
        """Read the keys anew; while the provider is away the old ones go on."""
        self._read_at = self._clock()
        try:
            self._keys = _parse_keys(await self._read())
        except (OSError, httpx.HTTPError, ValueError, jwt.PyJWTError) as error:
            log.warning("sign-in keys could not be read", extra={"error": type(error).__name__})
            if not self._keys:
                self._read_at = float("-inf")
                raise Unavailable("Sign-in keys are not available.") from error

    async def _read(self) -> bytes:
        if self._file:
            return await asyncio.to_thread(self._file.read_bytes)
        async with httpx.AsyncClient(timeout=3) as client:
            return (await client.get(self._url)).raise_for_status().content


def _parse_keys(document: bytes) -> dict[str, jwt.PyJWK]:
    keys = json.loads(document)["keys"]
    usable = [
        key for key in keys if key.get("kid") and key.get("kty") in ("RSA", "EC") and key.get("use", "sig") == "sig"
    ]
    return {key["kid"]: jwt.PyJWK(key) for key in usable}


class Tokens:
    """Checks tokens; in the sandbox also makes them."""

    def __init__(self, settings: Settings, secret: str) -> None:
        self._settings, self._secret = settings, secret
        self._keys = Keys(settings.jwt_jwks_url, settings.jwt_jwks_file, settings.jwt_jwks_seconds)

    async def caller(self, request: Request) -> Caller:
        """Who sent `request`. Raises Unauthenticated."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("Sign in: send Authorization: Bearer <token>.")
        return await self.verify(token.strip())

    async def verify(self, token: str) -> Caller:
        """The caller a token names. Raises Unauthenticated whatever is wrong with it."""
        try:
            key, algorithms = await self._key(jwt.get_unverified_header(token))
            claims = self._decode(token, key, algorithms)
            return Claims.model_validate(claims).caller()
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("The token has expired.") from None
        except (jwt.PyJWTError, ValidationError, UnicodeError):
            raise Unauthenticated("The token is not valid.") from None

    async def _key(self, header: dict[str, Any]) -> tuple[Any, Sequence[str]]:
        """The key and the algorithms it may be used with: never a public key as an HMAC secret."""
        algorithm = header.get("alg")
        if algorithm == "HS256" and self._secret:
            return self._secret, ["HS256"]
        if algorithm in KEY_ALGORITHMS and self._keys.configured:
            return await self._keys.find(str(header.get("kid", ""))), [algorithm]
        raise Unauthenticated("The token is signed in a way that is not accepted.")

    def _decode(self, token: str, key: Any, algorithms: Sequence[str]) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=list(algorithms),
            audience=self._settings.jwt_audience or None,
            issuer=self._settings.jwt_issuer or None,
            leeway=self._settings.jwt_leeway_seconds,
            options={"require": ["exp", "sub"], "verify_aud": bool(self._settings.jwt_audience)},
        )

    def issue(self, caller: Caller) -> tuple[str, int]:
        """A development token (sandbox) and its life in seconds."""
        now = datetime.now(UTC)
        claims: dict[str, Any] = {
            "sub": caller.sub,
            "roles": sorted(caller.roles),
            "estates": sorted(caller.estates),
            "iat": now,
            "exp": now + timedelta(seconds=self._settings.dev_token_seconds),
        }
        claims |= {"household": caller.household} if caller.household else {}
        claims |= {"iss": self._settings.jwt_issuer} if self._settings.jwt_issuer else {}
        claims |= {"aud": self._settings.jwt_audience} if self._settings.jwt_audience else {}
        return jwt.encode(claims, self._secret, algorithm="HS256"), self._settings.dev_token_seconds
