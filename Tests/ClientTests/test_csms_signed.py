# The official SDK with an access key and a secret key, and no token at all.

import secrets

import pytest
from csms import Refused, SignedCsms


@pytest.fixture(scope="module")
def keys(service, project):
    made = service.make_credential(project.id)
    return made["access_key"], made["secret_key"]


@pytest.fixture(scope="module")
def csms(project, keys):
    return SignedCsms(project, *keys)


def test_every_call_of_a_rotation_is_taken(csms):
    name = f"secret-{secrets.token_hex(6)}"
    csms.create_secret(name, description="über ~ % + &")
    assert csms.create_version(name).id == "v2"
    assert csms.create_version(name, version_stages=["blue"]).id == "v3"
    assert csms.labels(name) == {"SYSCURRENT": "v2", "SYSPREVIOUS": "v1", "blue": "v3"}
    assert csms.update_stage(name, "blue", "v1").version_id == "v1"
    assert csms.show_stage(name, "blue").version_id == "v1"
    csms.delete_stage(name, "blue")
    with Refused("CSMS.0005"):
        csms.show_stage(name, "blue")
    assert csms.show_version(name, "latest").version_metadata.id == "v3"
    assert csms.schedule_deletion(name, 7).state == "PENDING_DELETE"
    assert csms.cancel_deletion(name).state == "ENABLED"
    csms.delete_secret(name)
    with Refused("CSMS.0106"):
        csms.show_secret(name)


def test_odd_queries_are_signed_as_they_are_read(csms):
    for number in range(3):
        csms.create_secret(f"page-{number}")
    first = csms.list_secrets(limit="2")
    assert len(first.secrets) == 2
    second = csms.list_secrets(limit="2", marker=first.page_info.next_marker)
    assert second.secrets
    assert csms.list_secrets(limit="5", event_name="é ~*+/&=%").secrets


def test_another_secret_key_is_refused(project, keys):
    with Refused("APIGW.0301", 401) as refused:
        SignedCsms(project, keys[0], keys[1] + "x").list_secrets()
    assert refused.value.error_msg.endswith("verify aksk signature fail")


def test_an_unknown_access_key_is_refused(project, keys):
    with Refused("APIGW.0301", 401) as refused:
        SignedCsms(project, "SLAKAAAAAAAAAAAAAAAA", keys[1]).list_secrets()
    assert refused.value.error_msg.endswith("ak SLAKAAAAAAAAAAAAAAAA not exist")


def test_the_project_of_another_is_refused(service, project, keys):
    other = service.project()
    with Refused("CSMS.0302", 403):
        SignedCsms(project, *keys, path_project=other.id).list_secrets()


def test_a_policy_holds_for_signed_requests(service, project):
    made = service.make_credential(project.id, "reader")
    reader = SignedCsms(project, made["access_key"], made["secret_key"])
    assert reader.list_secrets().secrets is not None
    with Refused("CSMS.0302", 403):
        reader.create_secret("not-for-readers")
