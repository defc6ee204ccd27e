# Starting, stopping, dying and starting again: what was answered stays.

import threading

import pytest
import requests
from csms import Csms
from service import Service


@pytest.fixture
def own():
    """A service for one test alone."""
    service = Service()
    try:
        yield service.start()
    finally:
        service.remove()


def positions(project):
    events = project.get("/events", params={"limit": 1_000}).json()["events"]
    return [event["position"] for event in events]


def test_a_service_stops_and_starts_again_with_all_it_knew(own):
    project = own.project()
    Csms(project).create_secret("kept")
    before = project.get("/events").content
    own.stop()
    own.start()
    assert project.get("/events").content == before
    assert Csms(project).show_stage("kept", "SYSCURRENT").version_id == "v1"
    own.stop()


def test_a_killed_service_loses_nothing_it_acknowledged(own):
    project = own.project()
    Csms(project).create_secret("killed")
    acknowledged, enough = [], threading.Event()

    def move(number):
        stage = f"/secrets/killed/stages/label-{number}"
        while True:
            try:
                moved = project.put(stage, json={"version_id": "v1"})
                removed = project.delete(stage)
            except requests.RequestException:
                return
            for answer in (moved, removed):
                if answer.status_code == 201:
                    acknowledged.append(answer.json()["event"])
            if len(acknowledged) >= 60:
                enough.set()

    threads = [threading.Thread(target=move, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    assert enough.wait(timeout=60)
    own.kill()
    for thread in threads:
        thread.join(timeout=60)
    own.start()
    found = positions(project)
    assert found == list(range(len(found)))
    for event in acknowledged:
        assert project.get(f"/events/{event['position']}").json() == event
    own.run("verify")
    own.stop()


def test_a_stopping_service_answers_what_it_has_taken(own):
    project = own.project()
    Csms(project).create_secret("drained")
    statuses, errors, busy = [], [], threading.Event()

    def ask():
        with requests.Session() as session:
            session.headers["X-Auth-Token"] = project.token
            while True:
                try:
                    answer = session.get(project.url("/secrets/drained"), timeout=30)
                except requests.ConnectionError as error:
                    errors.append(error)
                    return
                statuses.append(answer.status_code)
                if len(statuses) > 50:
                    busy.set()
                if answer.headers.get("Connection") == "close":
                    return

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert busy.wait(timeout=60)
    own.stop()
    for thread in threads:
        thread.join(timeout=60)
    assert set(statuses) == {200}
    # Whoever was between two requests may find the door closed, but nobody is cut off.
    assert all("RemoteDisconnected" not in repr(error) or "reset" not in repr(error).lower()
               for error in errors)
