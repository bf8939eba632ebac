"""Reads a server's events as a browser does."""

import json
from http.client import HTTPConnection


class Reader:
    """Reads events as a browser does."""

    def __init__(self, served, **headers):
        self.events, self.numbers = [], []
        self._connection = HTTPConnection("127.0.0.1", served.port, timeout=30)
        if served.token is not None:
            headers["Authorization"] = f"Bearer {served.token}"
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request("GET", "/events", headers=given)
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200
        assert self._answer.readline() == b": \n"

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._answer.close()
        self._connection.close()

    def until(self, kind):
        """Read up to an event of this kind."""
        found, fields = [], {}
        while True:
            name, _, value = self._answer.readline().decode().rstrip("\n").partition(": ")
            if name:
                fields[name] = value
                continue
            if "event" in fields:
                self.numbers.append((int(fields["id"]) if "id" in fields else None, fields["event"]))
                self.events.append((fields["event"], json.loads(fields["data"])))
                found.append(self.events[-1][1])
                if fields["event"] == kind:
                    return found
            fields = {}
