# Many clients at once: nobody's change is lost, and nobody's is counted twice.

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from csms import Csms
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcsms.v1 import CsmsAsyncClient, ShowSecretStageRequest

CLIENTS = 8
MOVES = 25


@pytest.fixture
def secret(project):
    name = f"secret-{secrets.token_hex(6)}"
    Csms(project).create_secret(name)
    Csms(project).create_version(name)
    return name


def events_of(project, secret):
    """Every event of a secret, in the order of the log."""
    found, after = [], None
    while True:
        page = project.get("/events", params={"limit": 100, "after": after}).json()
        found += [event for event in page["events"] if event["secret"] == secret]
        after = page["next"]
        if after is None:
            return found


def together(work):
    """Runs the work once for each client, all beginning at the same moment."""
    gate = threading.Barrier(CLIENTS)

    def run(number):
        gate.wait(timeout=60)
        return work(number)

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(run, range(CLIENTS)))


def test_moves_of_one_label_form_one_chain(project, secret):
    def move(number):
        csms = Csms(project)
        versions = [f"v{(number + turn) % 2 + 1}" for turn in range(MOVES)]
        return [csms.update_stage(secret, "hot", version) for version in versions]

    for stages in together(move):
        assert len(stages) == MOVES
    events = [event for event in events_of(project, secret) if event["stage"] == "hot"]
    holder = None
    for event in events:
        assert event["previous_version_id"] == holder
        assert event["version_id"] != holder
        holder = event["version_id"]
    assert Csms(project).show_stage(secret, "hot").version_id == holder
    versions = [event["stream_version"] for event in events_of(project, secret)]
    assert versions == list(range(1, len(versions) + 1))


def test_new_versions_have_numbers_of_their_own(project, secret):
    made = together(lambda _: [Csms(project).create_version(secret).id for _ in range(3)])
    numbers = sorted(int(version[1:]) for versions in made for version in versions)
    assert numbers == list(range(3, 3 + CLIENTS * 3))
    labels = Csms(project).labels(secret)
    assert labels["SYSCURRENT"] == f"v{numbers[-1]}"
    assert labels["SYSPREVIOUS"] == f"v{numbers[-2]}"


def test_a_secret_is_made_by_one_of_many(project):
    name = f"secret-{secrets.token_hex(6)}"
    statuses = together(lambda _: project.post("/secrets", json={"name": name}).status_code)
    assert sorted(statuses) == [201] + [409] * (CLIENTS - 1)


def test_one_key_is_one_change_however_often_it_is_sent(project, secret):
    key = {"Idempotency-Key": secrets.token_hex(8)}

    def put(_):
        return project.put(
            f"/secrets/{secret}/stages/once", json={"version_id": "v1"}, headers=key)

    answers = together(put)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len([e for e in events_of(project, secret) if e["stage"] == "once"]) == 1


def test_one_of_many_conditions_on_one_stream_holds(project, secret):
    version = project.get(f"/secrets/{secret}").json()["stream_version"]

    def put(number):
        return project.put(
            f"/secrets/{secret}/stages/label-{number}", json={"version_id": "v1"},
            headers={"If-Match": f'"{version}"'}).status_code

    assert sorted(together(put)) == [201] + [412] * (CLIENTS - 1)


def test_the_asynchronous_client_is_served_too(project, secret):
    client = (
        CsmsAsyncClient.new_builder()
        .with_credentials(BasicCredentials("ACCESSKEYOFNOACCOUNT", "no-secret-key", project.id))
        .with_endpoint(project.service.url)
        .build())
    request = ShowSecretStageRequest(secret_name=secret, stage_name="SYSCURRENT")
    waiting = [
        client.show_secret_stage_async_invoker(request)
        .add_header("X-Auth-Token", project.token).invoke() for _ in range(20)]
    assert {answer.result().stage.version_id for answer in waiting} == {"v2"}
