# The log as strangers read it: the SDK of CloudEvents, and a client of server-sent events.

import json
from datetime import datetime

import requests
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from service import wait_until
from sseclient import SSEClient


def make_secret(project, name):
    answer = project.request("POST", project.csms("/secrets"), json={"name": name})
    assert answer.status_code == 200, answer.text


def log(project):
    """The log, an event a line."""
    answer = project.get("/events?limit=1000", headers={"Accept": "application/x-ndjson"})
    assert answer.status_code == 200
    return answer.text.splitlines()


class Tail:
    """A live tail, read by a client that knows nothing of us."""

    def __init__(self, project, **headers):
        self.answer = requests.get(
            project.url("/events"), stream=True, timeout=30,
            headers={"X-Auth-Token": project.token, "Accept": "text/event-stream"} | headers)
        assert self.answer.status_code == 200, self.answer.text
        self.events = SSEClient(self.answer).events()

    def take(self, count):
        return [next(self.events) for _ in range(count)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.answer.close()


def test_a_batch_is_what_the_cloudevents_sdk_reads(fresh):
    make_secret(fresh, "s")
    lines = log(fresh)
    answer = fresh.get("/events", headers={"Accept": "application/cloudevents-batch+json"})
    assert answer.headers["Content-Type"] == "application/cloudevents-batch+json"
    batch = answer.json()
    assert len(batch) == len(lines) == 3
    for text, line in zip(batch, lines):
        message = HTTPMessage(
            headers={"content-type": "application/cloudevents+json"},
            body=json.dumps(text).encode())
        event, stored = from_structured_event(message), json.loads(line)
        assert event.get_data() == stored
        assert event.get_id() == stored["event_id"]
        assert event.get_source() == f"urn:stageledger:project:{fresh.id}"
        assert event.get_type() == f"stageledger.{stored['type']}"
        assert event.get_subject() == "s"
        assert event.get_time() == datetime.fromisoformat(stored["effective_at"])
        assert event.get_extension("recordedtime") == stored["recorded_at"]
        assert int(event.get_extension("sequence")) == stored["position"]


def test_a_tail_is_what_a_client_of_server_sent_events_reads(fresh):
    make_secret(fresh, "before")
    with Tail(fresh) as tail:
        events = tail.take(3)
        make_secret(fresh, "after")
        events += tail.take(3)
    assert [event.data for event in events] == log(fresh)
    assert [event.id for event in events] == [str(number) for number in range(6)]
    assert [event.event for event in events] == [json.loads(e.data)["type"] for e in events]
    with Tail(fresh, **{"Last-Event-ID": events[3].id}) as tail:
        assert [event.data for event in tail.take(2)] == log(fresh)[4:]


def test_a_tail_ends_with_its_credential(service, fresh):
    make_secret(fresh, "s")
    fresh.token = service.credential(fresh.id, policy="auditor", name="guest")
    with Tail(fresh) as tail:
        assert len(tail.take(3)) == 3
        service.run("credential", "revoke", "guest", "--project", fresh.id)
        # The end of the stream, and not a broken connection.
        assert list(tail.events) == []
    assert fresh.get("/events").status_code == 401


def test_tails_are_counted(service, fresh):
    def count():
        text = requests.get(f"{service.url}/metrics", timeout=30).text
        return int(text.partition("\nstageledger_live_tails ")[2].partition("\n")[0])

    before = count()
    with Tail(fresh):
        assert count() == before + 1
    make_secret(fresh, "s")
    make_secret(fresh, "t")
    wait_until(lambda: count() <= before, seconds=20)
