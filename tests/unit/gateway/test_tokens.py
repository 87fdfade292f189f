"""Sign-in (I3): what is accepted as a token, and what never is."""

import asyncio
import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pydantic import ValidationError

from gateway.front.auth import Tokens
from gateway.settings import Settings
from services.common.contracts.errors import Unauthenticated, Unavailable
from services.common.domain.access import Caller
from tests.support.gateway import SECRET, settings_for_tests

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def claims(**changed: Any) -> dict[str, Any]:
    good = {"sub": "u1", "roles": ["finance"], "estates": ["GZ01"], "exp": datetime.now(UTC) + timedelta(minutes=1)}
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _part(content: dict[str, Any]) -> str:
    return _text(json.dumps(content).encode())


def verify(tokens: Tokens, token: str) -> Caller:
    return asyncio.run(tokens.verify(token))


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(settings_for_tests(), SECRET)


@pytest.fixture
def provider(tmp_path: Path) -> Tokens:
    """A gateway that trusts an identity provider's keys, its issuer and audience, and no secret."""
    rsa_key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY.public_key()))
    ec_key = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(EC_KEY.public_key()))
    document = {"keys": [{**rsa_key, "kid": "r"}, {**ec_key, "kid": "e"}, {"kty": "oct", "kid": "o", "k": "AAAA"}]}
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(document))
    settings = Settings(jwt_jwks_file=file, jwt_issuer="https://id.example", jwt_audience="estateloop")
    return Tokens(settings, "")


def test_a_good_token_names_the_caller(tokens: Tokens) -> None:
    token = jwt.encode(claims(household="H1"), SECRET, "HS256")
    assert verify(tokens, token) == Caller(
        sub="u1", roles=frozenset({"finance"}), estates=frozenset({"GZ01"}), household="H1"
    )
    assert verify(tokens, jwt.encode(claims(estates="*"), SECRET, "HS256")).estates == {"*"}
    assert verify(tokens, jwt.encode(claims(estates=None), SECRET, "HS256")).estates == frozenset()


@pytest.mark.parametrize(
    "wrong",
    [
        {"exp": datetime.now(UTC) - timedelta(seconds=1)},
        {"exp": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "a\x00b"},
        {"roles": None},
        {"roles": []},
        {"roles": "finance"},
        {"roles": ["system"]},
        {"roles": ["stranger"]},
        {"estates": 7},
        {"household": 7},
        {"nbf": datetime.now(UTC) + timedelta(days=1)},  # from when the tests were collected
    ],
)
def test_a_token_with_wrong_claims_is_no_sign_in(tokens: Tokens, wrong: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        verify(tokens, jwt.encode(claims(**wrong), SECRET, "HS256"))


def test_a_token_signed_otherwise_is_no_sign_in(tokens: Tokens) -> None:
    unsigned = jwt.encode(claims(), "", "none")
    other_secret = jwt.encode(claims(), "x" * 40, "HS256")
    other_algorithm = jwt.encode(claims(), SECRET * 2, "HS512")
    by_key = jwt.encode(claims(), RSA_KEY, "RS256", headers={"kid": "r"})
    for token in (unsigned, other_secret, other_algorithm, by_key, "", "a.b.c", "é"):
        with pytest.raises(Unauthenticated):
            verify(tokens, token)


@pytest.mark.parametrize(("key", "algorithm", "kid"), [(RSA_KEY, "RS256", "r"), (EC_KEY, "ES256", "e")])
def test_the_providers_keys_sign_callers_in(provider: Tokens, key: Any, algorithm: str, kid: str) -> None:
    good = claims(iss="https://id.example", aud="estateloop")
    assert verify(provider, jwt.encode(good, key, algorithm, headers={"kid": kid})).sub == "u1"
    for wrong in ({"iss": "https://evil.example"}, {"aud": "other"}, {"aud": None}):
        with pytest.raises(Unauthenticated):
            verify(provider, jwt.encode(claims(**{**good, **wrong}), key, algorithm, headers={"kid": kid}))


def test_a_public_key_is_never_a_secret(provider: Tokens) -> None:
    encoding, layout = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    pem = RSA_KEY.public_key().public_bytes(encoding, layout)
    good = claims(iss="https://id.example", aud="estateloop")
    head, body = (_part(part) for part in ({"alg": "HS256", "kid": "r"}, {**good, "exp": 9_999_999_999}))
    forged = f"{head}.{body}.{_text(hmac.digest(pem, f'{head}.{body}'.encode(), 'sha256'))}"
    unknown = jwt.encode(good, RSA_KEY, "RS256", headers={"kid": "unknown"})
    for token in (forged, unknown, jwt.encode(good, RSA_KEY, "RS256")):
        with pytest.raises(Unauthenticated):
            verify(provider, token)


def test_without_keys_nobody_is_let_in_but_told_to_try_again() -> None:
    tokens = Tokens(Settings(jwt_jwks_url="http://127.0.0.1:1/jwks"), "")
    with pytest.raises(Unavailable):
        verify(tokens, jwt.encode(claims(), RSA_KEY, "RS256", headers={"kid": "r"}))


def test_a_gateway_that_can_sign_nobody_in_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ESTATELOOP_SANDBOX", "ESTATELOOP_JWT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValidationError):
        Settings()
    with pytest.raises(ValidationError):
        Settings(jwt_secret="short")
    assert Settings(jwt_secret=SECRET).port
