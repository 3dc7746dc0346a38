"""Which Resource Manager we talk to, and who may ask for its token: pure judgement."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from diskguard.errors import EndpointRefused

METADATA_PATH: Final = "/metadata/endpoints?api-version=2022-09-01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """A Resource Manager: where it is, what a token for it is called, who issues that token.

    `authority` None leaves the choice to azure-identity (AZURE_AUTHORITY_HOST, else its default).
    """

    name: str
    endpoint: str
    audience: str
    authority: str | None

    @property
    def scope(self) -> str:
        """What to ask a credential for; an audience's own closing slash stays, as in `az`."""
        return f"{self.audience}/.default"


# Endpoints and scopes: azure.mgmt.core.tools.get_arm_endpoints; authorities:
# azure.identity.AzureAuthorityHosts. A test compares them.
BUILT_IN: Final = {
    "public": Cloud(
        name="public",
        endpoint="https://management.azure.com",
        audience="https://management.azure.com",
        authority="https://login.microsoftonline.com",
    ),
    "usgov": Cloud(
        name="usgov",
        endpoint="https://management.usgovcloudapi.net",
        audience="https://management.core.usgovcloudapi.net",
        authority="https://login.microsoftonline.us",
    ),
    "china": Cloud(
        name="china",
        endpoint="https://management.chinacloudapi.cn",
        audience="https://management.chinacloudapi.cn",
        authority="https://login.chinacloudapi.cn",
    ),
}

# Every service of the built-in clouds lies under these; a token for any of them is worth stealing.
_MICROSOFT: Final = (
    "azure.com",
    "azure.net",
    "windows.net",
    "microsoft.com",
    "microsoftonline.com",
    "microsoftonline.us",
    "office.com",
    "office365.com",
    "office.net",
    "sharepoint.com",
    "dynamics.com",
    "powerbi.com",
    "visualstudio.com",
    "azuredatabricks.net",
    "usgovcloudapi.net",
    "azure.us",
    "microsoft.us",
    "chinacloudapi.cn",
    "azure.cn",
    "microsoftonline.cn",
)
_AUTHORITIES: Final = frozenset(
    {
        "login.microsoftonline.com",
        "login.microsoftonline.us",
        "login.chinacloudapi.cn",
        "login.partner.microsoftonline.cn",
        "login.windows.net",
    }
)


def choose_cloud(text: str, *, authority_host: str | None = None) -> Cloud | str:
    """Give the built-in cloud of that name or endpoint, or the https endpoint still to be asked.

    Raises EndpointRefused for anything that is neither. `authority_host` (AZURE_AUTHORITY_HOST)
    takes the place of a built-in cloud's own authority.
    """
    named = BUILT_IN.get(text.strip().lower())
    if named is None:
        endpoint = _endpoint(text)
        found = [cloud for cloud in BUILT_IN.values() if cloud.endpoint == endpoint]
        if not found:
            return endpoint
        named = found[0]
    if authority_host is None:
        return named
    return Cloud(name=named.name, endpoint=named.endpoint, audience=named.audience, authority=None)


def judge_metadata(endpoint: str, document: Any, *, authority_host: str | None = None) -> Cloud:
    """Read what an endpoint says of itself (the document `az cloud register` reads).

    Raises EndpointRefused for one that would collect tokens: a built-in cloud's audience, or an
    authority outside the built-in ones and `authority_host`.
    """
    authentication = _authentication(endpoint, document)
    audience = _audience(endpoint, authentication.get("audiences"))
    authority = _authority(endpoint, authentication.get("loginEndpoint"), authority_host)
    return Cloud(name=endpoint, endpoint=endpoint, audience=audience, authority=authority)


def _endpoint(text: str) -> str:
    parts = _split(text)
    if parts is not None and parts.scheme == "http":
        raise EndpointRefused(
            f"{_shown(text)} is plain http: the token would travel in the clear",
            hint="Give an https:// endpoint.",
        )
    if parts is None or parts.scheme != "https" or parts.query or parts.fragment:
        raise EndpointRefused(
            f"{_shown(text)} is no cloud",
            hint="Use public, usgov, china, or an https:// Resource Manager endpoint.",
        )
    return f"https://{_place(parts)}{parts.path.rstrip('/')}"


def _split(text: str) -> SplitResult | None:
    """Split an absolute URL; None for what is none, or hides something."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    odd = any(not "!" <= letter <= "~" or letter == "\\" for letter in text)
    if odd or not parts.hostname or parts.username is not None or port == 0:
        return None
    return parts


def _place(parts: SplitResult) -> str:
    """Host and port in the form to compare: lower case, no closing dot, no default port."""
    host = (parts.hostname or "").rstrip(".")
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in (None, 443) else f"{host}:{parts.port}"


def _authentication(endpoint: str, document: Any) -> Mapping[str, Any]:
    """The `authentication` section: of the document itself, or of its entry for this endpoint."""
    entries = document if isinstance(document, list) else [document]
    for entry in entries:
        if isinstance(entry, Mapping) and _describes(entry, endpoint, alone=len(entries) == 1):
            section = entry.get("authentication")
            if isinstance(section, Mapping):
                return section
    raise EndpointRefused(
        f"{endpoint} does not say who signs its users in",
        hint="Is it a Resource Manager? GET /metadata/endpoints must name audiences and login.",
    )


def _describes(entry: Mapping[str, Any], endpoint: str, *, alone: bool) -> bool:
    claimed = _split(str(entry.get("resourceManager", "")))
    if claimed is None:
        return alone
    mine = _split(endpoint)
    return mine is not None and _place(claimed) == _place(mine)


def _audience(endpoint: str, audiences: Any) -> str:
    """The first audience; all must be names of the endpoint's own world."""
    if not isinstance(audiences, list) or not audiences:
        raise EndpointRefused(f"{endpoint} names no audience for its tokens")
    for audience in audiences:
        parts = _split(audience) if isinstance(audience, str) else None
        if parts is None or parts.scheme != "https":
            raise EndpointRefused(f"{endpoint} names an audience that is no https:// name")
        if _is_microsofts((parts.hostname or "").rstrip(".")):
            raise EndpointRefused(
                f"{endpoint} asks for a token of {parts.hostname}: it would collect tokens",
                hint="Use --cloud public, usgov or china for Azure itself.",
            )
    return str(audiences[0])


def _is_microsofts(host: str) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in _MICROSOFT)


def _authority(endpoint: str, login: Any, authority_host: str | None) -> str:
    parts = _split(login) if isinstance(login, str) else None
    if parts is None or parts.scheme != "https":
        raise EndpointRefused(f"{endpoint} names no https:// login")
    given = _split(_with_scheme(authority_host)) if authority_host else None
    if given is not None and _place(given) == _place(parts):
        return f"https://{_place(parts)}{parts.path.rstrip('/')}"
    if _place(parts) not in _AUTHORITIES:
        raise EndpointRefused(
            f"{endpoint} sends logins to {parts.hostname}, which is none of Azure's",
            hint="If that is right, set AZURE_AUTHORITY_HOST to it.",
        )
    return f"https://{_place(parts)}{parts.path.rstrip('/')}"


def _with_scheme(host: str) -> str:
    """AZURE_AUTHORITY_HOST may be a bare host; azure-identity adds https then."""
    return host if "://" in host else f"https://{host}"


def _shown(text: str) -> str:
    """What was given, short and without anything that could be a secret or a control character."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in text)
    return repr(plain.split("?", 1)[0].rsplit("@", 1)[-1][:100])
