# The official Huawei Cloud CSMS SDK, unchanged, against the service.

import secrets

import pytest
from csms import Csms, Refused
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException

BUILT_IN = {"SYSCURRENT", "SYSPREVIOUS"}


@pytest.fixture(scope="module")
def csms(project):
    return Csms(project)


@pytest.fixture
def secret(csms):
    """The name of a secret with one version."""
    name = f"secret-{secrets.token_hex(6)}"
    csms.create_secret(name)
    return name


def is_milliseconds(time):
    return isinstance(time, int) and len(str(time)) == 13


# Secrets


def test_a_secret_is_made_and_shown(csms):
    made = csms.create_secret(
        "db-password", description="of the shop", kms_key_id="b168fe00-ff56-495d-a7af-974782ccbe6c")
    assert made.name == "db-password"
    assert made.state == "ENABLED"
    assert made.description == "of the shop"
    assert made.kms_key_id == "b168fe00-ff56-495d-a7af-974782ccbe6c"
    assert made.secret_type == "COMMON"
    assert made.scheduled_delete_time is None
    assert is_milliseconds(made.create_time) and is_milliseconds(made.update_time)
    assert len(made.id) == 36
    assert csms.show_secret("db-password") == made
    assert csms.labels("db-password") == {"SYSCURRENT": "v1"}


def test_a_secret_is_made_once(csms, secret):
    with Refused("CSMS.0002"):
        csms.create_secret(secret)


def test_secrets_are_listed_page_by_page(fresh):
    csms = Csms(fresh)
    assert csms.list_secrets().secrets == []
    names = [f"s-{number:02}" for number in range(7)]
    for name in reversed(names):
        csms.create_secret(name)
    seen, pages, marker = [], 0, None
    while True:
        page = csms.list_secrets(limit="3", marker=marker)
        pages += 1
        seen += [secret.name for secret in page.secrets]
        assert page.page_info.current_count == len(page.secrets)
        marker = page.page_info.next_marker
        if not marker:
            break
    assert (seen, pages) == (names, 3)
    assert [secret.name for secret in csms.list_secrets().secrets] == names
    with Refused("CSMS.0002"):
        csms.list_secrets(limit="0")


def test_a_deleted_secret_is_gone_and_its_name_is_free(csms, secret):
    assert csms.delete_secret(secret).status_code in (200, 204)
    with Refused("CSMS.0106"):
        csms.show_secret(secret)
    with Refused("CSMS.0106"):
        csms.delete_secret(secret)
    with Refused("CSMS.0106"):
        csms.show_stage(secret, "SYSCURRENT")
    assert secret not in [item.name for item in csms.list_secrets(limit="1000").secrets]
    assert csms.create_secret(secret).name == secret


# Versions


def test_a_version_takes_the_current_label_and_leaves_the_previous_one(csms, secret):
    second = csms.create_version(secret)
    assert (second.id, second.secret_name) == ("v2", secret)
    assert second.version_stages == ["SYSCURRENT"]
    assert is_milliseconds(second.create_time)
    assert csms.labels(secret) == {"SYSCURRENT": "v2", "SYSPREVIOUS": "v1"}
    assert csms.create_version(secret).id == "v3"
    assert csms.labels(secret) == {"SYSCURRENT": "v3", "SYSPREVIOUS": "v2"}
    assert csms.show_version(secret, "v1").version_metadata.version_stages == []


def test_named_labels_replace_the_rule_of_a_version(csms, secret):
    second = csms.create_version(secret, version_stages=["canary", "blue"])
    assert sorted(second.version_stages) == ["blue", "canary"]
    assert csms.labels(secret) == {"SYSCURRENT": "v1", "canary": "v2", "blue": "v2"}
    csms.create_version(secret, version_stages=["blue", "SYSPREVIOUS"])
    assert csms.labels(secret) == {
        "SYSCURRENT": "v1", "canary": "v2", "blue": "v3", "SYSPREVIOUS": "v3"}


def test_a_version_keeps_when_it_ends(csms, secret):
    made = csms.create_version(secret, expire_time=1_999_999_999_999)
    assert made.expire_time == 1_999_999_999_999
    shown = csms.show_version(secret, "v2").version_metadata
    assert (shown.expire_time, shown.create_time) == (made.expire_time, made.create_time)


def test_versions_are_listed_page_by_page(csms, secret):
    for _ in range(11):
        csms.create_version(secret)
    seen, pages, marker = [], 0, None
    while True:
        page = csms.list_versions(secret, limit=5, marker=marker)
        pages += 1
        seen += [version.id for version in page.version_metadatas]
        assert page.page_info.current_count == len(page.version_metadatas)
        marker = page.page_info.next_marker
        if not marker:
            break
    assert (seen, pages) == ([f"v{number}" for number in range(1, 13)], 3)


def test_one_version_is_shown_and_the_latest_has_a_name(csms, secret):
    csms.create_version(secret)
    csms.create_version(secret, version_stages=["canary"])
    first = csms.show_version(secret, "v1")
    assert first.version_metadata.version_stages == ["SYSPREVIOUS"]
    assert (first.secret_string, first.secret_binary) == (None, None)
    latest = csms.show_version(secret, "latest").version_metadata
    assert (latest.id, latest.version_stages) == ("v3", ["canary"])


def test_versions_that_are_not_there_say_so(csms, secret):
    with Refused("CSMS.0005"):
        csms.show_version(secret, "v9")
    for call in (csms.list_versions, csms.create_version):
        with Refused("CSMS.0106"):
            call("no-such-secret")
    with Refused("CSMS.0106"):
        csms.show_version("no-such-secret", "v1")


# Labels


def test_a_label_is_made_moved_and_shown(csms, secret):
    csms.create_version(secret)
    made = csms.update_stage(secret, "canary", "v1")
    assert (made.name, made.version_id, made.secret_name) == ("canary", "v1", secret)
    assert is_milliseconds(made.update_time)
    assert csms.show_stage(secret, "canary") == made
    moved = csms.update_stage(secret, "canary", "v2")
    assert moved.version_id == "v2"
    assert moved.update_time >= made.update_time
    assert csms.show_stage(secret, "canary") == moved
    assert csms.show_version(secret, "v1").version_metadata.version_stages == ["SYSPREVIOUS"]


def test_putting_a_label_where_it_is_changes_nothing(csms, secret):
    made = csms.update_stage(secret, "canary", "v1")
    csms.create_version(secret)
    assert csms.update_stage(secret, "canary", "v1") == made
    assert csms.show_stage(secret, "canary") == made


def test_built_in_labels_move_alone(csms, secret):
    csms.create_version(secret)
    csms.update_stage(secret, "SYSCURRENT", "v1")
    assert csms.labels(secret) == {"SYSCURRENT": "v1", "SYSPREVIOUS": "v1"}
    csms.update_stage(secret, "SYSPREVIOUS", "v2")
    assert csms.labels(secret) == {"SYSCURRENT": "v1", "SYSPREVIOUS": "v2"}


def test_a_label_is_deleted(csms, secret):
    csms.update_stage(secret, "canary", "v1")
    assert csms.delete_stage(secret, "canary").status_code == 204
    with Refused("CSMS.0005"):
        csms.show_stage(secret, "canary")
    with Refused("CSMS.0005"):
        csms.delete_stage(secret, "canary")
    assert csms.update_stage(secret, "canary", "v1").version_id == "v1"


@pytest.mark.parametrize("stage", sorted(BUILT_IN))
def test_a_built_in_label_is_not_deleted(csms, secret, stage):
    csms.create_version(secret)
    before = csms.show_stage(secret, stage)
    with Refused("CSMS.0105"):
        csms.delete_stage(secret, stage)
    assert csms.show_stage(secret, stage) == before


def test_twelve_labels_fit_and_moving_one_always_does(csms, secret):
    csms.create_version(secret)
    for number in range(10):
        csms.update_stage(secret, f"label-{number}", "v1")
    with Refused("CSMS.0203"):
        csms.update_stage(secret, "one-too-many", "v1")
    with Refused("CSMS.0203"):
        csms.create_version(secret, version_stages=["one-too-many"])
    assert csms.update_stage(secret, "label-0", "v2").version_id == "v2"
    assert csms.create_version(secret, version_stages=["label-1"]).id == "v3"
    csms.delete_stage(secret, "label-2")
    assert csms.update_stage(secret, "one-more", "v3").version_id == "v3"
    assert len(csms.labels(secret)) == 12


def test_one_request_names_twelve_labels_at_most(csms, secret):
    with Refused("CSMS.0204"):
        csms.create_version(secret, version_stages=[f"label-{number}" for number in range(13)])
    assert csms.labels(secret) == {"SYSCURRENT": "v1"}
    made = csms.create_version(secret, version_stages=[f"label-{number}" for number in range(11)])
    assert (made.id, len(made.version_stages)) == ("v2", 11)


def test_labels_that_are_not_there_say_so(csms, secret):
    with Refused("CSMS.0005"):
        csms.show_stage(secret, "canary")
    with Refused("CSMS.0005"):
        csms.update_stage(secret, "canary", "v2")
    for call in (csms.show_stage, csms.delete_stage):
        with Refused("CSMS.0106"):
            call("no-such-secret", "canary")
    with Refused("CSMS.0106"):
        csms.update_stage("no-such-secret", "canary", "v1")


@pytest.mark.parametrize(
    "name", ["a" * 65, "with blank", "with.dot", "with/slash", "ümlaut", "a:b", "a%b", "..", "."])
def test_a_name_the_cloud_has_not_is_refused(csms, secret, name):
    with Refused("CSMS.0002"):
        csms.create_secret(name)
    if name not in ("..", "."):
        # The transport resolves dot segments itself; what the service makes of them is told by the
        # tests with bare sockets.
        with Refused("CSMS.0002"):
            csms.update_stage(secret, name, "v1")
        with Refused("CSMS.0002"):
            csms.show_stage(secret, name)
        with Refused("CSMS.0002"):
            csms.show_secret(name)
    with Refused("CSMS.0002"):
        csms.create_version(secret, version_stages=[name])


@pytest.mark.parametrize("version", ["1", "x1", "v1a", "v-1", "V1", "", "v" + "1" * 64])
def test_a_version_id_the_cloud_has_not_is_refused(csms, secret, version):
    with Refused("CSMS.0002"):
        csms.update_stage(secret, "canary", version)


def test_names_are_told_apart_by_case(csms, secret):
    csms.create_version(secret)
    csms.update_stage(secret, "Canary", "v1")
    csms.update_stage(secret, "canary", "v2")
    assert csms.show_stage(secret, "Canary").version_id == "v1"
    with Refused("CSMS.0106"):
        csms.show_secret(secret.upper())


# Deletion in some days


def test_a_deletion_is_scheduled_and_called_off(csms, secret):
    before = csms.show_secret(secret)
    pending = csms.schedule_deletion(secret, days=7)
    assert pending.state == "PENDING_DELETE"
    days = (pending.scheduled_delete_time - pending.update_time) / 86_400_000
    assert days == pytest.approx(7, abs=0.001)
    assert csms.show_secret(secret).scheduled_delete_time == pending.scheduled_delete_time
    with Refused("CSMS.0107"):
        csms.schedule_deletion(secret, days=7)
    for refused in (
        lambda: csms.create_version(secret),
        lambda: csms.update_stage(secret, "canary", "v1"),
        lambda: csms.delete_stage(secret, "canary"),
        lambda: csms.show_stage(secret, "SYSCURRENT"),
        lambda: csms.show_version(secret, "v1"),
    ):
        with Refused("CSMS.0103"):
            refused()
    restored = csms.cancel_deletion(secret)
    assert (restored.state, restored.scheduled_delete_time) == ("ENABLED", None)
    assert (restored.id, restored.create_time) == (before.id, before.create_time)
    with Refused("CSMS.0108"):
        csms.cancel_deletion(secret)
    assert csms.show_stage(secret, "SYSCURRENT").version_id == "v1"


def test_a_deletion_waits_thirty_days_unless_said(csms, secret):
    pending = csms.schedule_deletion(secret)
    days = (pending.scheduled_delete_time - pending.update_time) / 86_400_000
    assert days == pytest.approx(30, abs=0.001)


@pytest.mark.parametrize("days", [-1, 0, 6, 31])
def test_a_deletion_waits_seven_to_thirty_days(csms, secret, days):
    with Refused("CSMS.0002"):
        csms.schedule_deletion(secret, days=days)
    assert csms.show_secret(secret).state == "ENABLED"


def test_deletions_of_what_is_not_there_say_so(csms):
    for call in (csms.schedule_deletion, csms.cancel_deletion):
        with Refused("CSMS.0106"):
            call("no-such-secret")


# Who may


def test_a_wrong_token_is_refused_as_the_gateway_does(project):
    for token in ("slt_" + "a" * 39, "nonsense", "x" * 4_000):
        with Refused("APIGW.0301", status=401) as caught:
            Csms(project, token=token).list_secrets()
        assert caught.value.error_msg.startswith("Incorrect IAM authentication information")


def test_a_token_of_another_project_is_refused(project, fresh):
    csms = Csms(project, path_project=fresh.id)
    with Refused("CSMS.0302", status=403):
        csms.list_secrets()
    with Refused("CSMS.0302", status=403):
        csms.create_secret("stolen")
    # A project that does not exist is answered alike.
    with Refused("CSMS.0302", status=403):
        Csms(project, path_project=secrets.token_hex(16)).list_secrets()
    assert Csms(fresh).list_secrets().secrets == []


def test_a_reader_reads(project, csms, secret):
    reader = Csms(project, token=project.service.credential(project.id, policy="reader"))
    assert reader.show_stage(secret, "SYSCURRENT") == csms.show_stage(secret, "SYSCURRENT")
    assert reader.show_secret(secret).name == secret
    for refused in (
        lambda: reader.update_stage(secret, "canary", "v1"),
        lambda: reader.create_secret("of-a-reader"),
        lambda: reader.create_version(secret),
        lambda: reader.delete_stage(secret, "SYSCURRENT"),
        lambda: reader.delete_secret(secret),
        lambda: reader.schedule_deletion(secret, days=7),
    ):
        with Refused("CSMS.0302", status=403):
            refused()
    assert csms.labels(secret) == {"SYSCURRENT": "v1"}


# The status of what is not there


def test_a_project_can_answer_404(service):
    csms = Csms(service.project("--not-found-status", "404"))
    csms.create_secret("here")
    with Refused("CSMS.0106", status=404):
        csms.show_secret("not-here")
    with Refused("CSMS.0005", status=404):
        csms.show_stage("here", "not-here")
    with Refused("CSMS.0005", status=404):
        csms.delete_stage("here", "not-here")
    with Refused("CSMS.0005", status=404):
        csms.update_stage("here", "canary", "v2")
    with Refused("CSMS.0005", status=404):
        csms.show_version("here", "v2")
    with Refused("CSMS.0105"):
        csms.delete_stage("here", "SYSCURRENT")


# Values


def test_a_value_is_refused_and_nothing_of_it_is_kept(project, csms, secret):
    canary = f"canary-{secrets.token_hex(16)}"
    with Refused("CSMS.0002") as caught:
        csms.create_secret("with-a-value", secret_string=canary)
    errors = [caught.value]
    with Refused("CSMS.0002") as caught:
        csms.create_version(secret, secret_string=canary)
    errors.append(caught.value)
    with Refused("CSMS.0002") as caught:
        csms.create_version(secret, secret_binary=canary, version_stages=["canary"])
    errors.append(caught.value)
    assert all(canary not in error.error_msg for error in errors)
    assert all("value" in error.error_msg for error in errors)
    answers = [
        project.request(
            "POST", project.csms(f"/secrets/{secret}/versions"),
            data='{"secret_string":"%s"' % canary),
        project.request(
            "PUT", project.csms(f"/secrets/{secret}/stages/canary"),
            json={"version_id": "v1", "extra": {"SecretString": canary}}),
        project.request(
            "GET", project.csms(f"/secrets/{secret}"), params={"secret_string": canary}),
        project.request(
            "DELETE", project.csms(f"/secrets/{secret}/stages/canary"),
            json={"SecretData": canary}),
        project.post("/secrets", json={"name": canary + "-x", "secret_binary": canary}),
        project.put(
            f"/secrets/{secret}/stages/canary",
            json={"version_id": "v1", "reason": "r", "secret-string": canary}),
        project.get(f"/secrets/{secret}/stages", params={"SecretString": canary}),
    ]
    for answer in answers:
        assert answer.status_code == 400, answer.text
        assert canary not in answer.text + repr(answer.headers)
    with Refused("CSMS.0106"):
        csms.show_secret("with-a-value")
    assert csms.labels(secret) == {"SYSCURRENT": "v1"}
    # What is looked for would be found: the secret's own name is.
    dump = project.service.dump()
    assert secret.encode() in dump
    assert canary.encode() not in dump
    written = project.service.written()
    assert b'"route":"/v1/{project}/secrets/{secret}/versions"' in written
    assert canary.encode() not in written


def test_the_exceptions_carry_the_request_id_of_the_answer(project, csms):
    with pytest.raises(ClientRequestException) as first:
        csms.show_secret("no-such-secret")
    with pytest.raises(ClientRequestException) as second:
        csms.show_secret("no-such-secret")
    assert first.value.request_id != second.value.request_id
    answer = project.request("GET", project.csms("/secrets/no-such-secret"))
    assert answer.headers["X-Request-Id"]
    assert answer.json() == {
        "error_code": "CSMS.0106", "error_msg": "The secret name not found int the db."}
