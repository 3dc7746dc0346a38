"""The login side: cloud metadata, managed identity, and client-secret login; tokens of this start only."""

import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from diskguard_emulator.access import Grant, Principal
from diskguard_emulator.api import OWNER, Api
from diskguard_emulator.clock import Clock
from diskguard_emulator.estate import TENANT, Estate, PrincipalSpec
from diskguard_emulator.refusals import Refusal, not_emulated
from diskguard_emulator.wire import JsonObject, Request, Response

LIFETIME: Final = 3600


class Login:
    """Gives tokens to those who know this start's secret, and tells where to ask for them."""

    def __init__(self, api: Api, estate: Estate, clock: Clock) -> None:
        self.secret = secrets.token_urlsafe(32)
        self._api = api
        self._clock = clock
        self._principals = {each.client_id: _principal(each) for each in estate.principals}
        names = {each.name: each for each in self._principals.values()}
        self._identity = names[estate.managed_identity] if estate.managed_identity else OWNER

    def serves(self, path: str) -> bool:
        """True for the paths that need no token."""
        return (
            path.startswith(("/metadata/", "/msi/token", "/common/"))
            or "/oauth2/" in path
            or ("/.well-known/" in path)
        )

    def answer(self, request: Request) -> Response:
        """The answer. Raises Refusal."""
        path = request.path
        if path == "/metadata/endpoints":
            return Response(status=200, body=self._metadata(request))
        if path.rstrip("/") == "/msi/token":
            return Response(status=200, body=self._managed_identity(request))
        if path.endswith("/oauth2/v2.0/token"):
            return Response(status=200, body=self._client_secret(request))
        if path.endswith("/.well-known/openid-configuration"):
            return Response(status=200, body=_openid(request))
        if path == "/common/discovery/instance":
            return Response(status=200, body=_instances(request))
        raise not_emulated(f"the login path {path}")

    # ------------------------------------------------------------------ tokens

    def _token(self, principal: Principal, audience: str) -> JsonObject:
        """A token that looks like a JWT (some clients read it) and is known to the door."""
        expires = int(self._clock.now().timestamp()) + LIFETIME
        claims = {"aud": audience, "tid": TENANT, "oid": principal.object_id, "exp": expires}
        claims |= {"appid": principal.name, "idtyp": "app"}
        parts = [_part({"alg": "none", "typ": "JWT"}), _part(claims), secrets.token_urlsafe(32)]
        token = ".".join(parts)
        self._api.admit(token, principal)
        return {"access_token": token, "expires_on": str(expires), "token_type": "Bearer"}

    def _managed_identity(self, request: Request) -> JsonObject:
        """Witness: azure.identity's App Service credential: header, api-version, fields."""
        if request.query.get("api-version") != "2019-08-01":
            raise not_emulated("this version of the App Service identity endpoint")
        sent = request.headers.get("X-IDENTITY-HEADER", "")
        if not secrets.compare_digest(sent.encode(), self.secret.encode()):
            raise Refusal(401, "invalid_client", "X-IDENTITY-HEADER is not of this start.")
        resource = request.query.get("resource", "")
        client = request.query.get("client_id")
        principal = self._principals.get(client, OWNER) if client else self._identity
        return self._token(principal, resource) | {"resource": resource}

    def _client_secret(self, request: Request) -> JsonObject:
        """Any known client id with this start's secret; without declared principals, any at all."""
        form = dict(parse_qsl(request.body.decode()))
        sent = form.get("client_secret", "")
        client = form.get("client_id", "")
        known = not self._principals or client in self._principals
        if not known or not secrets.compare_digest(sent.encode(), self.secret.encode()):
            raise OAuthRefusal
        principal = self._principals.get(client, OWNER)
        return self._token(principal, form.get("scope", "").removesuffix("/.default")) | {
            "expires_in": LIFETIME,
            "ext_expires_in": LIFETIME,
        }

    # ------------------------------------------------------------------ documents

    def _metadata(self, request: Request) -> JsonObject:
        """What `az cloud register` reads (azure-cli, cloud/custom.py, same path and version)."""
        if request.query.get("api-version") != "2022-09-01":
            raise not_emulated("this version of the metadata document")
        base = request.base
        return {
            "name": "DiskguardEmulator",
            "resourceManager": f"{base}/",
            "authentication": {
                "loginEndpoint": base,
                "audiences": [base],
                "tenant": TENANT,
                "identityProvider": "AAD",
            },
            "portal": f"{base}/portal",
            "media": f"{base}/media",
            "graph": f"{base}/graph",
            "graphAudience": f"{base}/graph",
            "batch": f"{base}/batch",
            "gallery": f"{base}/gallery",
            "sqlManagement": f"{base}/sql",
            "suffixes": {
                "storage": "storage.emulator.invalid",
                "keyVaultDns": "vault.emulator.invalid",
                "acrLoginServer": "registry.emulator.invalid",
                "sqlServerHostname": "sql.emulator.invalid",
            },
        }


class OAuthRefusal(Refusal):
    """A refused login, in OAuth's own form."""

    def __init__(self) -> None:
        super().__init__(401, "invalid_client", "The client id or secret is not of this start.")

    def body(self) -> JsonObject:
        return {"error": self.code, "error_description": self.message}


def _principal(spec: PrincipalSpec) -> Principal:
    grant = Grant(actions=spec.actions, not_actions=spec.not_actions, scope=spec.scope)
    return Principal(name=spec.name, grants=(grant,))


def _part(content: Mapping[str, object]) -> str:
    return urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def _openid(request: Request) -> JsonObject:
    tenant = request.path.strip("/").split("/", maxsplit=1)[0]
    base = f"{request.base}/{tenant}"
    return {
        "issuer": f"{base}/v2.0",
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
    }


def _instances(request: Request) -> JsonObject:
    host = request.base.split("://", maxsplit=1)[1]
    return {
        "tenant_discovery_endpoint": f"{request.base}/{TENANT}/v2.0/.well-known/openid-configuration",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    }
