# A tour of the ledger's own API: what is recorded, what is asked, and what is refused.

import hashlib
import json
import re
import secrets
from datetime import datetime, timedelta, timezone

import pytest
import requests
from service import wait_until

NOW = datetime.now(timezone.utc).replace(microsecond=123_456)


def days_ago(days):
    return (NOW - timedelta(days=days)).isoformat()


def instant(text):
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", text), text
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def check_problem(answer, status, code, field=None):
    """An error is a problem document that names what is wrong."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (status, code), problem
    assert problem.get("field") == field
    assert problem["type"] and problem["title"] and problem["detail"]
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    return problem


def recorded(answer):
    """The events of a change that was recorded, held against what is said of them."""
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["events"] and body["event"] == body["events"][0]
    assert body["position"] == body["event"]["position"]
    positions = [event["position"] for event in body["events"]]
    assert positions == list(range(positions[0], positions[0] + len(positions)))
    assert answer.headers["Ledger-Position"] == str(positions[-1])
    return body["events"]


def unchanged(answer):
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["event"], body["events"], body["position"]) == (None, [], None)


@pytest.fixture
def secret(project):
    """The path of a secret with three versions, the third current."""
    name = f"secret-{secrets.token_hex(6)}"
    recorded(project.post("/secrets", json={"name": name}))
    for number in (1, 2, 3):
        recorded(project.post(f"/secrets/{name}/versions", json={"version_id": f"v{number}"}))
    return f"/secrets/{name}"


# Recording


def test_a_secret_and_its_versions_are_registered(fresh):
    project = fresh
    registered = recorded(
        project.post("/secrets", json={"name": "db", "reason": "go-live", "ticket": "OPS-1"}))
    assert [event["type"] for event in registered] == ["secret.registered"]
    assert (registered[0]["position"], registered[0]["stream_version"]) == (0, 1)
    assert (registered[0]["reason"], registered[0]["ticket"]) == ("go-live", "OPS-1")
    first = recorded(project.post("/secrets/db/versions", json={"version_id": "v1"}))
    assert [(e["type"], e["stage"], e["version_id"]) for e in first] == [
        ("version.registered", None, "v1"), ("stage.assigned", "SYSCURRENT", "v1")]
    second = recorded(project.post("/secrets/db/versions", json={"version_id": "v2"}))
    assert [(e["stage"], e["version_id"], e["previous_version_id"]) for e in second[1:]] == [
        ("SYSCURRENT", "v2", "v1"), ("SYSPREVIOUS", "v1", None)]
    bare = recorded(project.post("/secrets/db/versions", json={"version_id": "v3", "stages": []}))
    assert [event["type"] for event in bare] == ["version.registered"]
    named = recorded(
        project.post("/secrets/db/versions", json={"version_id": "v4", "stages": ["canary"]}))
    assert [event["stage"] for event in named] == [None, "canary"]
    check_problem(project.post("/secrets", json={"name": "db"}), 409, "secret_exists", "name")
    check_problem(
        project.post("/secrets/db/versions", json={"version_id": "v4"}), 409, "version_exists",
        "version_id")
    check_problem(
        project.post("/secrets/none/versions", json={"version_id": "v1"}), 404, "secret_not_found")


def test_an_event_says_everything_about_a_change(project, secret):
    change = project.put(
        f"{secret}/stages/canary",
        json={"version_id": "v2", "effective_at": days_ago(3), "reason": "gr\u00fcn \U0001f7e2",
              "ticket": "CHG-42"})
    event, = recorded(change)
    assert set(event) == {
        "caused_by", "correlation_id", "data", "effective_after", "effective_at", "event_id",
        "evidence", "idempotency_key", "position", "previous_version_id", "principal", "project",
        "reason", "recorded_at", "request_id", "schema", "secret", "source", "stage",
        "stream_version", "ticket", "type", "version_id"}
    assert event["type"] == "stage.assigned"
    assert (event["project"], event["secret"]) == (project.id, secret.removeprefix("/secrets/"))
    assert (event["stage"], event["version_id"]) == ("canary", "v2")
    assert event["previous_version_id"] is None
    assert instant(event["effective_at"]) == NOW - timedelta(days=3)
    assert instant(event["recorded_at"]) > NOW
    assert (event["reason"], event["ticket"]) == ("gr\u00fcn \U0001f7e2", "CHG-42")
    assert event["source"] == "ledger-api"
    assert event["request_id"] == change.headers["X-Request-Id"]
    assert event["principal"]["name"].startswith("client-")
    assert event["schema"] == 1


def test_the_receipt_is_the_hash_of_the_stored_bytes(project, secret):
    answer = project.put(f"{secret}/stages/canary", json={"version_id": "v1"})
    event, = recorded(answer)
    stored = project.get(f"/events/{event['position']}").content
    leaf = hashlib.sha256(b"\x00" + stored).hexdigest()
    assert answer.json()["receipt"]["leaf_hash"] == leaf
    assert stored in answer.content
    canonical = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert canonical.encode() == stored


def test_what_changes_nothing_is_not_recorded(project, secret):
    stage = f"{secret}/stages/canary"
    recorded(project.put(stage, json={"version_id": "v1"}))
    unchanged(project.put(stage, json={"version_id": "v1"}))
    moved, = recorded(project.put(stage, json={"version_id": "v2"}))
    assert moved["previous_version_id"] == "v1"
    removed, = recorded(project.delete(stage, json={"reason": "over"}))
    assert (removed["type"], removed["version_id"]) == ("stage.removed", None)
    assert (removed["previous_version_id"], removed["reason"]) == ("v2", "over")
    check_problem(project.delete(stage), 404, "stage_not_found")


def test_the_rules_of_the_cloud_hold_for_commands_and_are_noted_for_facts(project, secret):
    check_problem(
        project.put(f"{secret}/stages/canary", json={"version_id": "v9"}), 404,
        "version_not_found", "version_id")
    check_problem(project.delete(f"{secret}/stages/SYSCURRENT"), 409, "stage_permanent")
    fact, = recorded(
        project.put(
            f"{secret}/stages/canary", json={"version_id": "v9", "effective_at": days_ago(1)}))
    assert fact["data"]["contradicts"]
    check_problem(
        project.put(
            f"{secret}/stages/canary", json={"version_id": "v1", "effective_at": days_ago(-1)}),
        400, "effective_in_future", "effective_at")


def test_a_late_fact_leaves_the_present_alone(project, secret):
    stage = f"{secret}/stages/SYSCURRENT"
    late, = recorded(project.put(stage, json={"version_id": "v1", "effective_at": days_ago(9)}))
    assert late["previous_version_id"] is None
    assert project.get(stage).json()["version_id"] == "v3"
    then = project.get(stage, params={"effective_at": days_ago(8)}).json()
    assert (then["version_id"], then["decided_by"]) == ("v1", [late["position"]])


def test_a_condition_on_the_stream_holds_or_nothing_happens(project, secret):
    version = project.get(secret).json()["stream_version"]
    stage = f"{secret}/stages/canary"
    stale = project.put(
        stage, json={"version_id": "v1"}, headers={"If-Match": f'"{version - 1}"'})
    check_problem(stale, 412, "stream_version_mismatch", "If-Match")
    assert project.get(stage).json()["version_id"] is None
    event, = recorded(
        project.put(stage, json={"version_id": "v1"}, headers={"If-Match": f'"{version}"'}))
    assert event["stream_version"] == version + 1
    again = project.put(stage, json={"version_id": "v2"}, headers={"If-Match": f'"{version}"'})
    check_problem(again, 412, "stream_version_mismatch", "If-Match")
    wrong = project.put(stage, json={"version_id": "v2"}, headers={"If-Match": '"abc"'})
    check_problem(wrong, 400, "malformed", "If-Match")


def test_a_repeated_request_gets_the_first_answer(project, secret):
    key = {"Idempotency-Key": secrets.token_hex(8)}
    stage = f"{secret}/stages/canary"
    first = project.put(stage, json={"version_id": "v1"}, headers=key)
    event, = recorded(first)
    assert event["idempotency_key"] == key["Idempotency-Key"]
    # The label has moved on since: the answer is still that of the first request.
    recorded(project.put(stage, json={"version_id": "v2"}))
    again = project.put(stage, json={"version_id": "v1"}, headers=key)
    assert again.status_code == 201
    assert again.json() == first.json()
    assert project.get(stage).json()["version_id"] == "v2"
    other = project.put(stage, json={"version_id": "v3"}, headers=key)
    check_problem(other, 409, "idempotency_key_reused", "Idempotency-Key")
    elsewhere = project.put(f"{secret}/stages/blue", json={"version_id": "v1"}, headers=key)
    check_problem(elsewhere, 409, "idempotency_key_reused", "Idempotency-Key")


# Asking


def test_a_question_has_both_axes_and_an_honest_answer(project, secret):
    stage = f"{secret}/stages/audited"

    def at(**moments):
        answer = project.get(stage, params=moments)
        assert answer.status_code == 200, answer.text
        return answer.json()

    never = at()
    assert (never["version_id"], never["reason"]) == (None, "never_assigned")
    one, = recorded(project.put(stage, json={"version_id": "v1", "effective_at": days_ago(30)}))
    two, = recorded(project.put(stage, json={"version_id": "v2", "effective_at": days_ago(10)}))
    # Learned last, true in between: v3 held it from day 20 on.
    three, = recorded(project.put(stage, json={"version_id": "v3", "effective_at": days_ago(20)}))
    assert (two["previous_version_id"], three["previous_version_id"]) == ("v1", "v1")

    before = at(effective_at=days_ago(31))
    assert (before["version_id"], before["reason"]) == (None, "before_first_change")
    holders = {
        days: at(effective_at=days_ago(days))["version_id"] for days in (30, 25, 20, 15, 10, 5)}
    assert holders == {30: "v1", 25: "v1", 20: "v3", 15: "v3", 10: "v2", 5: "v2"}
    # What was known before the late fact came in is what is answered for then, for ever.
    known = two["recorded_at"]
    holders = {
        days: at(effective_at=days_ago(days), known_at=known)["version_id"] for days in (25, 15, 5)}
    assert holders == {25: "v1", 15: "v1", 5: "v2"}

    answer = at(effective_at=days_ago(15))
    assert instant(answer["since"]) == NOW - timedelta(days=20)
    assert instant(answer["until"]) == NOW - timedelta(days=10)
    assert (answer["certainty"], answer["candidates"]) == ("exact", [])
    assert answer["decided_by"] == [three["position"]]
    assert answer["deprecated"] is False
    assert answer["known_at"]["position"] >= three["position"]
    past = at(effective_at=days_ago(15), known_at=known)
    assert past["known_at"]["position"] == two["position"]
    assert past["known_at"]["recorded_at"] == known
    assert past["known_at"]["final"] is True
    assert at()["until"] is None

    recorded(project.delete(stage, json={}))
    gone = at()
    assert (gone["version_id"], gone["reason"]) == (None, "removed")


def test_a_deleted_secret_keeps_its_past(project, secret):
    stage = f"{secret}/stages/canary"
    recorded(project.put(stage, json={"version_id": "v1", "effective_at": days_ago(2)}))
    deleted = project.request("DELETE", project.csms(secret))
    assert deleted.status_code == 204
    assert project.get(secret).json()["state"] == "deleted"
    assert project.get(stage).json()["version_id"] is None
    then = project.get(stage, params={"effective_at": days_ago(1)}).json()
    assert then["version_id"] == "v1"
    assert project.get(f"{secret}/stages").json()["stages"] == []
    check_problem(project.put(stage, json={"version_id": "v1"}), 404, "secret_not_found")


def test_a_version_that_lost_its_last_label_is_shown_as_deprecated(project, secret):
    stage = f"{secret}/stages/canary"
    recorded(project.put(stage, json={"version_id": "v1", "effective_at": days_ago(2)}))
    then = {"effective_at": days_ago(1)}
    assert project.get(stage, params=then).json()["deprecated"] is False
    recorded(project.delete(stage))
    answer = project.get(stage, params=then).json()
    assert (answer["version_id"], answer["deprecated"]) == ("v1", True)


def test_moments_that_make_no_sense_are_refused(project, secret):
    stage = f"{secret}/stages/SYSCURRENT"
    for wrong in ("yesterday", "2026-03-04", "2026-03-04T05:06:07", "2026-02-30T00:00:00Z", ""):
        for name in ("effective_at", "known_at"):
            check_problem(project.get(stage, params={name: wrong}), 400, "malformed", name)
    for name in ("effective_at", "known_at"):
        check_problem(project.get(stage, params={name: days_ago(-1)}), 400, "in_future", name)
    check_problem(project.get(stage, params={"at": days_ago(1)}), 400, "unknown", "at")
    twice = project.get(stage, params=[("known_at", days_ago(1)), ("known_at", days_ago(2))])
    check_problem(twice, 400, "repeated", "known_at")
    # A plus that nobody encoded is a plus all the same.
    answer = project.request("GET", project.url(stage) + "?effective_at=" + NOW.isoformat())
    assert answer.status_code == 200


def test_all_labels_of_a_secret_are_listed(project, secret):
    recorded(project.put(f"{secret}/stages/canary", json={"version_id": "v1"}))
    recorded(project.put(f"{secret}/stages/gone", json={"version_id": "v1"}))
    recorded(project.delete(f"{secret}/stages/gone"))
    answer = project.get(f"{secret}/stages").json()
    assert {item["stage"]: item["version_id"] for item in answer["stages"]} == {
        "SYSCURRENT": "v3", "SYSPREVIOUS": "v2", "canary": "v1"}
    assert answer["next"] is None
    seen, target = [], project.url(f"{secret}/stages?limit=2")
    while target:
        page = project.request("GET", target)
        seen += [item["stage"] for item in page.json()["stages"]]
        target = page.links["next"]["url"] if "next" in page.links else None
        target = target and project.service.url + target
        assert (target is None) == (page.json()["next"] is None)
    assert seen == ["SYSCURRENT", "SYSPREVIOUS", "canary"]
    check_problem(project.get("/secrets/none/stages"), 404, "secret_not_found")


def test_history_is_every_stretch_in_order(project, secret):
    stage = f"{secret}/stages/canary"
    for version, days in (("v1", 30), ("v2", 20), ("v3", 10)):
        recorded(project.put(stage, json={"version_id": version, "effective_at": days_ago(days)}))
    recorded(project.delete(stage, json={"effective_at": days_ago(5)}))
    history = project.get(f"{stage}/history").json()
    assert [item["version_id"] for item in history["intervals"]] == ["v1", "v2", "v3", None]
    ends = [(item["since"], item["until"]) for item in history["intervals"]]
    assert all(left[1] == right[0] for left, right in zip(ends, ends[1:]))
    assert ends[-1][1] is None
    paged, cursor = [], None
    while True:
        page = project.get(f"{stage}/history", params={"limit": 3, "cursor": cursor})
        paged += page.json()["intervals"]
        cursor = page.json()["next"]
        if not cursor:
            break
    assert paged == history["intervals"]
    whole = project.get(f"{secret}/history").json()["intervals"]
    assert {item["stage"] for item in whole} == {"SYSCURRENT", "SYSPREVIOUS", "canary"}
    wrong = project.get(f"{stage}/history", params={"cursor": "x"})
    check_problem(wrong, 400, "malformed", "cursor")


def test_secrets_are_listed_and_shown(fresh):
    names = ["a/b c", "b%2F", "c\u00e9", "d-\U0001f512"]
    for name in ("a", "b", "c"):
        recorded(fresh.post("/secrets", json={"name": name}))
    first = fresh.get("/secrets", params={"limit": 2})
    assert [item["name"] for item in first.json()["secrets"]] == ["a", "b"]
    second = fresh.request("GET", fresh.service.url + first.links["next"]["url"])
    assert [item["name"] for item in second.json()["secrets"]] == ["c"]
    assert second.json()["next"] is None
    shown = fresh.get("/secrets/a").json()
    assert (shown["name"], shown["state"], shown["stream_version"]) == ("a", "enabled", 1)
    # The rules of the project's cloud decide what a secret may be called.
    for name in names:
        check_problem(
            fresh.post("/secrets", json={"name": name}), 400, "name_not_allowed", "name")


# The log


def test_the_log_is_read_page_by_page_and_event_by_event(fresh):
    empty = fresh.get("/events")
    assert empty.json() == {"events": [], "next": None}
    assert "Ledger-Position" not in empty.headers
    for number in range(5):
        recorded(fresh.post("/secrets", json={"name": f"s{number}"}))
    everything = fresh.get("/events").json()["events"]
    assert [event["position"] for event in everything] == [0, 1, 2, 3, 4]
    times = [instant(event["recorded_at"]) for event in everything]
    assert times == sorted(set(times))
    paged, target = [], fresh.url("/events?limit=2")
    while target:
        page = fresh.request("GET", target)
        paged += page.json()["events"]
        target = page.links["next"]["url"] if "next" in page.links else None
        target = target and fresh.service.url + target
    assert paged == everything
    assert fresh.get("/events", params={"after": 4}).json() == {"events": [], "next": None}
    assert fresh.get("/events/3").json() == everything[3]
    check_problem(fresh.get("/events/5"), 404, "event_not_found")
    check_problem(fresh.get("/events/-1"), 400, "malformed", "position")
    check_problem(fresh.get("/events", params={"limit": 1_001}), 400, "malformed", "limit")


def test_the_log_comes_as_lines_too(fresh):
    for number in range(3):
        recorded(fresh.post("/secrets", json={"name": f"s{number}"}))
    answer = fresh.get("/events", headers={"Accept": "application/x-ndjson"})
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert answer.headers["Vary"] == "Accept"
    lines = answer.content.split(b"\n")
    assert lines.pop() == b""
    assert [json.loads(line)["position"] for line in lines] == [0, 1, 2]
    assert lines[1] == fresh.get("/events/1").content
    check_problem(fresh.get("/events", headers={"Accept": "text/csv"}), 406, "not_acceptable")


# Reading again


@pytest.mark.parametrize("path", ["", "/stages", "/stages/SYSCURRENT", "/history"])
def test_what_has_not_changed_is_not_sent_again(project, secret, path):
    first = project.get(secret + path)
    tag = first.headers["ETag"]
    assert re.fullmatch(r'"[\x21\x23-\x7e]+"', tag)
    assert "Ledger-Position" in first.headers
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = project.get(secret + path, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b""), known
        assert again.headers["ETag"] == tag
    assert project.get(secret + path, headers={"If-None-Match": '"other"'}).status_code == 200
    recorded(project.put(f"{secret}/stages/SYSCURRENT", json={"version_id": "v1"}))
    changed = project.get(secret + path, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag


# Refusals


def test_who_has_no_token_learns_nothing(project, fresh, secret):
    for headers in ({}, {"X-Auth-Token": "slt_" + "a" * 39}, {"Authorization": "Bearer"}):
        answer = requests.get(project.url(secret), headers=headers, timeout=30)
        check_problem(answer, 401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"]
    there = requests.get(
        fresh.url("/secrets"), headers={"X-Auth-Token": project.token}, timeout=30)
    nowhere = requests.get(
        f"{project.service.url}/ledger/v1/no-such-project/secrets",
        headers={"X-Auth-Token": project.token}, timeout=30)
    assert check_problem(there, 403, "forbidden")["detail"] == check_problem(
        nowhere, 403, "forbidden")["detail"]


def test_a_revoked_token_stops_working(project, service):
    token = service.credential(project.id, name="short-lived")
    headers = {"X-Auth-Token": token}
    url = project.url("/secrets")
    assert requests.get(url, headers=headers, timeout=30).status_code == 200
    service.run("credential", "revoke", "short-lived", "--project", project.id)
    wait_until(lambda: requests.get(url, headers=headers, timeout=30).status_code == 401, seconds=5)


def test_a_body_must_be_what_is_asked_for(project, secret):
    stage = f"{secret}/stages/canary"

    def put(data, kind="application/json"):
        return project.put(stage, data=data, headers={"Content-Type": kind})

    for body in ("{", "", "nul", '{"version_id":"v1"}x', '{"version_id":"v1","version_id":"v2"}',
                 '{"version_id":"\\ud800"}', "[" * 40 + "]" * 40):
        check_problem(put(body), 400, "bad_body")
    for body in ("[]", '"v1"', "1", "null"):
        check_problem(put(body), 400, "bad_body")
    check_problem(put("{}"), 400, "missing", "version_id")
    check_problem(put('{"version_id":1}'), 400, "wrong_type", "version_id")
    check_problem(put('{"version_id":"v1","colour":1}'), 400, "unknown", "colour")
    check_problem(put('{"version_id":"v1","recorded_at":"x"}'), 400, "server_owned", "recorded_at")
    long = json.dumps({"version_id": "v1", "reason": "a" * 1_025})
    check_problem(put(long), 400, "too_long", "reason")
    check_problem(put('{"version_id":"v1"}', kind="text/plain"), 415, "unsupported_media_type")
    assert project.get(stage).json()["version_id"] is None


def test_a_value_is_refused_by_name(project, secret):
    answer = project.post(
        f"{secret}/versions", json={"version_id": "v4", "secret_string": "canary-of-the-tour"})
    assert "canary-of-the-tour" not in answer.text
    check_problem(answer, 400, "secret_value")


# Operations


def test_the_service_tells_how_it_is(service, project):
    assert requests.get(f"{service.url}/healthz", timeout=30).json() == {"status": "ok"}
    ready = requests.get(f"{service.url}/readyz", timeout=30)
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    project.get("/secrets/a-name-nobody-counts")
    metrics = requests.get(f"{service.url}/metrics", timeout=30)
    assert metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "stageledger_http_requests_total{" in metrics.text
    assert "stageledger_database_up 1" in metrics.text
    assert "a-name-nobody-counts" not in metrics.text
    assert project.id not in metrics.text
    line = re.compile(r'(# (HELP|TYPE) .+|[a-z_:]+(\{.*\})? [-+0-9.eE]+|[a-z_:]+(\{.*\})? NaN)')
    assert [text for text in metrics.text.splitlines() if not line.fullmatch(text)] == []
