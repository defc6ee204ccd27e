# Starting, stopping, dying and starting again: what was answered stays.

import os
import signal
import socket
import threading

import pytest
import requests
from csms import Csms
from service import Service, wait_until
from wire import Wire


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


def test_a_killed_database_comes_back_and_nobody_is_lied_to(own):
    project = own.project()
    Csms(project).create_secret("outage")
    Csms(project).create_version("outage")
    stage = "/secrets/outage/stages/canary"
    acknowledged, refused, turn = [], [], 0
    killed = own.database_process()
    os.kill(killed, signal.SIGKILL)
    while len(acknowledged) < 20 or not refused:
        turn += 1
        assert turn < 100_000, "it never came back, or was never away"
        answer = project.put(stage, json={"version_id": f"v{turn % 2 + 1}"})
        if answer.status_code in (200, 201):
            acknowledged += answer.json()["events"]
            continue
        refused.append(answer)
        # Waiting for the database's process, not for time to pass.
        wait_until(lambda: own.database_process() not in (None, killed), seconds=30)
    for answer in refused:
        assert answer.status_code == 503
        assert answer.headers["Retry-After"].isdigit()
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "/" not in answer.json()["detail"], "no path of the machine"
    events = project.get("/events", params={"limit": 1_000}).json()["events"]
    assert all(events[event["position"]] == event for event in acknowledged)
    moves = [event for event in events if event["stage"] == "canary"]
    holders = [None, *(event["version_id"] for event in moves)]
    assert [event["previous_version_id"] for event in moves] == holders[:-1]
    wait_until(lambda: requests.get(f"{own.url}/readyz", timeout=30).ok, seconds=30)
    own.run("verify")
    own.stop()


def test_a_stopping_service_answers_what_it_has_taken(own):
    project = own.project()
    Csms(project).create_secret("drained")
    statuses, busy = [], threading.Event()

    def ask():
        with requests.Session() as session:
            session.headers["X-Auth-Token"] = project.token
            while True:
                try:
                    answer = session.get(project.url("/secrets/drained"), timeout=30)
                except requests.ConnectionError:
                    # Between two requests the door may close; there is nothing to answer then.
                    return
                statuses.append(answer.status_code)
                if len(statuses) > 50:
                    busy.set()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert busy.wait(timeout=60)
    body = b'{"version_id":"v1"}'
    with Wire(own.address) as wire, Wire(own.address) as idle:
        wire.send(
            f"PUT /v1/{project.id}/secrets/drained/stages/canary HTTP/1.1\r\nHost: a\r\n"
            f"X-Auth-Token: {project.token}\r\nExpect: 100-continue\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode())
        assert wire.reply().status == 100

        def finish():
            wait_until(lambda: is_closed(own.address), seconds=30)
            wire.send(body)
            reply = wire.reply()
            assert (reply.status, reply["Connection"]) == (200, "close")
            assert idle.reply() is None

        own.stop(meanwhile=finish)
    for thread in threads:
        thread.join(timeout=60)
    assert set(statuses) == {200}
    own.start()
    assert Csms(project).show_stage("drained", "canary").version_id == "v1"
    own.stop()


def is_closed(address):
    """Whether nobody listens there any more."""
    try:
        socket.create_connection(address, timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False
