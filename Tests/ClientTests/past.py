# What every label marked at every moment, as a model of a cloud's rules says, and the service asked
# for all of it again.
#
# Used by the tests that do random changes through an official client: `note` after each of them,
# `check` at the end. Nothing is taken from an answer of the service but what is to be checked:
# moments are this machine's clock, which the service shares, read between two changes.

import time
from datetime import datetime, timezone
from urllib.parse import quote

import requests


def now():
    """The present to the microsecond, as the service reads and writes it."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Past:
    """The states of one project's secrets: label -> version, by secret, one after another."""

    def __init__(self, project):
        self.project = project
        self.session = requests.Session()
        self.session.headers["X-Auth-Token"] = project.token
        self.states = [(now(), {})]

    def note(self, labels):
        """Notes the state between two changes: `{secret: {label: version}}`, secrets as made."""
        time.sleep(0.000_01)  # The clock moves on between a change and its note, and the next.
        self.states.append((now(), {name: dict(held) for name, held in labels.items()}))
        time.sleep(0.000_01)

    def check(self):
        """Asks for every state again; answers how many questions were asked."""
        self.asked = 0
        secrets = {name for _, state in self.states for name in state}
        for secret in sorted(secrets):
            labels = {label for _, state in self.states for label in state.get(secret, {})}
            self.check_states(secret)
            for label in sorted(labels):
                self.check_label(secret, label)
        return self.asked

    def get(self, path, **query):
        self.asked += 1
        return self.session.get(self.project.service.url + path, params=query, timeout=30)

    def path(self, secret, label=None):
        path = f"/secrets/{quote(secret, safe='')}/stages"
        return path if label is None else f"{path}/{quote(label, safe='')}"

    def check_states(self, secret):
        """Every state whole: as it was, and as it was known by then."""
        path = f"/ledger/v1/{self.project.id}{self.path(secret)}"
        before = None
        for moment, state in self.states:
            held = state.get(secret)
            if held == before:
                continue
            before = held
            for axis in ("effective_at", "known_at"):
                answer = self.get(path, **{axis: moment}, limit=1000)
                assert answer.status_code == 200, answer.text
                found = {item["stage"]: item["version_id"] for item in answer.json()["stages"]}
                assert found == (held or {}), (secret, axis, moment)

    def check_label(self, secret, label):
        """One label on both surfaces, at both ends of each stretch; then its whole history."""
        stretches = []
        for moment, state in self.states:
            version = state.get(secret, {}).get(label)
            if not stretches or stretches[-1][0] != version:
                stretches.append((version, moment, moment))
            stretches[-1] = (version, stretches[-1][1], moment)
        path = self.path(secret, label)
        for version, *ends in stretches:
            for moment in sorted(set(ends)):
                answer = self.get(f"/ledger/v1/{self.project.id}{path}", effective_at=moment)
                assert answer.status_code == 200, answer.text
                assert answer.json()["version_id"] == version, (secret, label, moment)
                cloud = self.get(f"/v1/{self.project.id}{path}", effective_at=moment)
                if version is None:
                    assert cloud.status_code == 404, (secret, label, moment, cloud.text)
                    continue
                assert cloud.status_code == 200, cloud.text
                stage = cloud.json()["stage"]
                assert (stage["name"], stage["version_id"]) == (label, version), moment
        history, query = [], {"limit": 1000}
        while True:
            page = self.get(f"/ledger/v1/{self.project.id}{path}/history", **query).json()
            history += [item["version_id"] for item in page["intervals"]]
            if page["next"] is None:
                break
            query["cursor"] = page["next"]
        known = [version for version, *_ in stretches]
        assert history == (known[1:] if known[0] is None else known), (secret, label)
