# What the SDK does not do on Huawei Cloud CSMS: the call it has not, the past, exact shapes.

import secrets
from datetime import datetime, timedelta, timezone

import pytest
import requests
from csms import Csms


@pytest.fixture(scope="module")
def csms(project):
    return Csms(project)


@pytest.fixture
def secret(csms):
    """The name of a secret with two versions."""
    name = f"secret-{secrets.token_hex(6)}"
    csms.create_secret(name)
    csms.create_version(name)
    return name


def moment(milliseconds, plus=0):
    time = datetime.fromtimestamp(milliseconds / 1_000, timezone.utc) + timedelta(milliseconds=plus)
    return time.isoformat(timespec="microseconds")


def test_a_label_is_made_by_post_too(project, secret):
    answer = project.request(
        "POST", project.csms(f"/secrets/{secret}/stages"),
        json={"name": "canary", "version_id": "v1"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    stage = answer.json()["stage"]
    assert list(stage) == ["name", "version_id", "update_time", "secret_name"]
    shown = project.request("GET", project.csms(f"/secrets/{secret}/stages/canary"))
    assert shown.json() == answer.json()
    assert len(str(stage["update_time"])) == 13


def test_a_path_may_end_in_a_slash(project, secret):
    url = project.csms(f"/secrets/{secret}/stages/SYSCURRENT")
    assert project.request("GET", url + "/").json() == project.request("GET", url).json()


def test_bearer_is_as_good_as_the_clouds_header(project, secret):
    url = project.csms(f"/secrets/{secret}")
    answer = requests.get(url, headers={"Authorization": f"Bearer {project.token}"}, timeout=30)
    assert answer.status_code == 200
    for headers in ({}, {"Authorization": f"Basic {project.token}"}, {"X-Auth-Token": ""}):
        answer = requests.get(url, headers=headers, timeout=30)
        assert answer.status_code == 401
        assert answer.json()["error_code"] == "APIGW.0301"
        assert answer.json()["request_id"] == answer.headers["X-Request-Id"]


def test_a_signature_without_a_token_is_not_enough(project, secret):
    answer = requests.get(
        project.csms(f"/secrets/{secret}"), timeout=30,
        headers={"Authorization": "SDK-HMAC-SHA256 Access=A, SignedHeaders=host, Signature=00"})
    assert (answer.status_code, answer.json()["error_code"]) == (401, "APIGW.0301")


def test_a_deleted_label_has_no_content(project, csms, secret):
    csms.update_stage(secret, "canary", "v1")
    answer = project.request("DELETE", project.csms(f"/secrets/{secret}/stages/canary"))
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Length" not in answer.headers
    assert "Transfer-Encoding" not in answer.headers


def test_an_older_sdk_sends_a_body_with_delete(project, csms, secret):
    csms.update_stage(secret, "canary", "v1")
    answer = project.request("DELETE", project.csms(f"/secrets/{secret}/stages/canary"), data="{}")
    assert answer.status_code == 204


def test_a_body_that_is_no_object_is_refused(project, secret):
    url = project.csms(f"/secrets/{secret}/stages/canary")
    for body in ("", "{", "[]", "null", '"v1"', '{"version_id":"v1","version_id":"v2"}', b"\xff"):
        answer = project.request("PUT", url, data=body)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "CSMS.0004"), body
    for body in ('{"version_id":1}', '{"version_id":null}', "{}", '{"version_id":"v1","x":1}'):
        answer = project.request("PUT", url, data=body)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "CSMS.0002"), body
    answer = project.request("GET", url)
    assert answer.json()["error_code"] == "CSMS.0005"


def test_paths_nobody_published_are_the_gateways(project):
    for path in ("", "/secret", "/secrets/s/stages", "/secrets/s/rotate", "/secrets/s/stages/a/b"):
        answer = project.request("GET", project.csms(path))
        expected = 405 if path == "/secrets/s/stages" else 404
        assert answer.status_code == expected, path
        if expected == 404:
            assert answer.json()["error_code"] == "APIGW.0101"


def test_the_past_of_a_label_is_the_same_object(project, csms, secret):
    url = project.csms(f"/secrets/{secret}/stages/canary")

    def at(**moments):
        return project.request("GET", url, params=moments)

    # The cloud cuts its times to milliseconds, so the moment asked about needs some room.
    first = second = csms.update_stage(secret, "canary", "v1")
    while second.update_time - first.update_time < 2:
        first = csms.update_stage(secret, "canary", "v1")
        csms.show_stage(secret, "canary")
        second = csms.update_stage(secret, "canary", "v2")
    csms.delete_stage(secret, "canary")
    assert project.request("GET", url).status_code == 400
    then = at(effective_at=moment(first.update_time, plus=1))
    assert then.status_code == 200
    assert then.json() == {
        "stage": {
            "name": "canary", "version_id": "v1", "update_time": first.update_time,
            "secret_name": secret}}
    # The label was not there yet; at the other moment the secret itself was not known.
    for absent, code in (
        (at(effective_at=moment(first.update_time, plus=-600_000)), "CSMS.0005"),
        (at(known_at="2020-01-01T00:00:00Z"), "CSMS.0106"),
    ):
        assert (absent.status_code, absent.json()["error_code"]) == (404, code)


def test_the_past_has_both_axes(project, csms, secret):
    # What the ledger learned late: the label sat on v1 two days ago, and on v2 one day ago.
    now = datetime.now(timezone.utc)
    stages = f"/secrets/{secret}/stages/audited"
    for version, days in (("v1", 2), ("v2", 1)):
        answer = project.put(
            stages,
            json={"version_id": version, "effective_at": (now - timedelta(days=days)).isoformat()})
        assert answer.status_code == 201
        recorded = answer.json()["event"]["recorded_at"]
        if version == "v1":
            learned = recorded
    url = project.csms(stages)

    def at(**moments):
        return project.request("GET", url, params=moments)

    half = (now - timedelta(hours=36)).isoformat()
    assert at(effective_at=half).json()["stage"]["version_id"] == "v1"
    assert at().json()["stage"]["version_id"] == "v2"
    assert at(known_at=learned).json()["stage"]["version_id"] == "v1"
    assert at(effective_at=half, known_at=learned).json()["stage"]["version_id"] == "v1"
    # The day before it was said nothing was known.
    assert at(effective_at=half, known_at=half).status_code == 404
    stage = at(effective_at=half).json()["stage"]
    assert stage["update_time"] == int((now - timedelta(days=2)).timestamp() * 1_000)
    for wrong in ({"effective_at": "yesterday"}, {"known_at": "2026-01-01"},
                  {"effective_at": (now + timedelta(days=1)).isoformat()}):
        answer = at(**wrong)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "CSMS.0002"), wrong


def test_writes_may_be_conditional_and_repeatable(project, csms, secret):
    url = project.csms(f"/secrets/{secret}/stages/canary")

    def put(version, **fields):
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        return project.request("PUT", url, json={"version_id": version}, headers=headers)

    key = secrets.token_hex(8)
    first = put("v1", Idempotency_Key=key)
    assert first.status_code == 200
    csms.update_stage(secret, "canary", "v2")
    again = put("v1", Idempotency_Key=key)
    assert (again.status_code, again.json()) == (200, first.json())
    assert csms.show_stage(secret, "canary").version_id == "v2"
    other = put("v2", Idempotency_Key=key)
    assert (other.status_code, other.json()["error_code"]) == (409, "LEDGER.0409")
    stale = put("v1", If_Match='"1"')
    assert (stale.status_code, stale.json()["error_code"]) == (412, "LEDGER.0412")
    assert csms.show_stage(secret, "canary").version_id == "v2"


def test_parameters_the_cloud_has_not_are_passed_over(project, secret):
    url = project.csms(f"/secrets/{secret}")
    assert project.request("GET", url, params={"event_name": "x", "a": "b"}).status_code == 200
