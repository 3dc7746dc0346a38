"""Which endpoints get a token."""

import pytest
from azure.core import AzureClouds
from azure.identity import AzureAuthorityHosts
from azure.mgmt.core.tools import get_arm_endpoints

from diskguard.azure.cloud import BUILT_IN, Cloud, choose_cloud, judge_metadata
from diskguard.errors import EndpointRefused

STACK = "https://management.local.azurestack.external"
STACK_AUDIENCE = "https://management.contoso.onmicrosoft.com/4de154de-f8a8-4017-af41-df619da68155"


def a_document(
    audience: object = STACK_AUDIENCE, login: object = "https://login.microsoftonline.com/"
) -> dict[str, object]:
    return {"authentication": {"loginEndpoint": login, "audiences": [audience]}}


@pytest.mark.parametrize(
    ("name", "setting", "authority"),
    [
        ("public", AzureClouds.AZURE_PUBLIC_CLOUD, AzureAuthorityHosts.AZURE_PUBLIC_CLOUD),
        ("usgov", AzureClouds.AZURE_US_GOVERNMENT, AzureAuthorityHosts.AZURE_GOVERNMENT),
        ("china", AzureClouds.AZURE_CHINA_CLOUD, AzureAuthorityHosts.AZURE_CHINA),
    ],
)
def test_the_built_in_clouds_are_those_of_the_sdk(name, setting, authority):
    endpoints = get_arm_endpoints(setting)

    cloud = choose_cloud(name)

    assert isinstance(cloud, Cloud)
    assert f"{cloud.endpoint}/" == endpoints["resource_manager"]
    assert [cloud.scope] == endpoints["credential_scopes"]
    assert cloud.authority == f"https://{authority}"


@pytest.mark.parametrize(
    "text",
    ["https://management.azure.com", "https://MANAGEMENT.azure.com:443/", "Public ", "public"],
)
def test_a_built_in_cloud_is_known_by_its_endpoint_too(text):
    assert choose_cloud(text) == BUILT_IN["public"]


def test_the_authority_host_of_the_environment_wins_over_a_built_in_clouds_own():
    cloud = choose_cloud("usgov", authority_host="https://login.airgapped.example")

    assert isinstance(cloud, Cloud)
    assert cloud.authority is None
    assert cloud.audience == BUILT_IN["usgov"].audience


def test_an_endpoint_keeps_its_port_and_path():
    assert choose_cloud("https://127.0.0.1:8443/arm/") == "https://127.0.0.1:8443/arm"


def test_an_endpoint_may_be_an_ipv6_address():
    assert choose_cloud("https://[::1]:8443") == "https://[::1]:8443"


def test_plain_http_is_refused_with_the_reason():
    with pytest.raises(EndpointRefused, match="token would travel in the clear"):
        choose_cloud("http://127.0.0.1:8443")


@pytest.mark.parametrize(
    "text",
    [
        "azure",
        "",
        "ftp://management.azure.com",
        "https://",
        "https://me:secret@arm.example",
        "https://arm.example?sig=secret",
        "https://arm.example:0",
        "https://arm.example:99999",
        "https://arm.exa\x1bmple",
        "https://arm.example\\@evil.example",
    ],
)
def test_what_is_no_endpoint_is_refused_without_repeating_secrets(text):
    with pytest.raises(EndpointRefused) as caught:
        choose_cloud(text)

    assert "secret" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_an_endpoint_of_its_own_world_gets_its_own_token():
    cloud = judge_metadata(STACK, a_document())

    assert cloud.endpoint == STACK
    assert cloud.scope == f"{STACK_AUDIENCE}/.default"
    assert cloud.authority == "https://login.microsoftonline.com"


def test_a_list_of_clouds_is_read_at_the_endpoints_own_entry():
    other = {"resourceManager": "https://elsewhere.example", **a_document("https://x.example")}
    mine = {"resourceManager": f"{STACK}/", **a_document()}

    assert judge_metadata(STACK, [other, mine]).audience == STACK_AUDIENCE


def test_a_list_without_the_endpoints_own_entry_is_refused():
    entries = [{"resourceManager": f"https://{name}.example", **a_document()} for name in "ab"]

    with pytest.raises(EndpointRefused, match="who signs its users in"):
        judge_metadata(STACK, entries)


@pytest.mark.parametrize(
    "audience",
    [
        "https://management.azure.com",
        "https://management.azure.com/",
        "https://MANAGEMENT.CORE.WINDOWS.NET/",
        "https://management.core.windows.net.",
        "https://management.azure.com:443",
        "https://management.core.usgovcloudapi.net",
        "https://management.chinacloudapi.cn",
        "https://graph.microsoft.com",
        "https://vault.azure.net",
        "https://azure.com",
    ],
)
def test_an_endpoint_that_asks_for_a_built_in_clouds_token_is_refused(audience):
    with pytest.raises(EndpointRefused, match="collect tokens"):
        judge_metadata(STACK, a_document(audience))


def test_one_foreign_audience_among_several_is_enough_to_refuse():
    document = a_document()
    document["authentication"] = {
        "loginEndpoint": "https://login.microsoftonline.com",
        "audiences": [STACK_AUDIENCE, "https://management.azure.com"],
    }

    with pytest.raises(EndpointRefused, match="collect tokens"):
        judge_metadata(STACK, document)


@pytest.mark.parametrize(
    "audience", ["00000003-0000-0000-c000-000000000000", "http://x.example", 7, None]
)
def test_an_audience_that_is_no_https_name_is_refused(audience):
    with pytest.raises(EndpointRefused, match="no https"):
        judge_metadata(STACK, a_document(audience))


@pytest.mark.parametrize("document", [None, [], {}, "x", {"authentication": 1}, [7]])
def test_a_document_without_a_login_is_refused(document):
    with pytest.raises(EndpointRefused, match="who signs its users in"):
        judge_metadata(STACK, document)


def test_a_document_without_audiences_is_refused():
    with pytest.raises(EndpointRefused, match="no audience"):
        judge_metadata(STACK, {"authentication": {"audiences": []}})


@pytest.mark.parametrize(
    "login", ["https://login.evil.example", "https://login.microsoftonline.com.evil.example"]
)
def test_a_foreign_authority_is_refused(login):
    with pytest.raises(EndpointRefused, match="none of Azure's"):
        judge_metadata(STACK, a_document(login=login))


@pytest.mark.parametrize("login", ["http://login.microsoftonline.com", "", None, 7])
def test_an_authority_without_https_is_refused(login):
    with pytest.raises(EndpointRefused, match="no https:// login"):
        judge_metadata(STACK, a_document(login=login))


@pytest.mark.parametrize("host", ["https://127.0.0.1:8443", "127.0.0.1:8443"])
def test_the_authority_the_environment_names_is_allowed(host):
    document = a_document(login="https://127.0.0.1:8443/tenant/")

    cloud = judge_metadata(STACK, document, authority_host=host)

    assert cloud.authority == "https://127.0.0.1:8443/tenant"
