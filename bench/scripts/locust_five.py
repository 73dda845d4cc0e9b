# mypy: ignore-errors
"""Five requests with JSON both ways and checks, as Locust has them. Twins: five.js and five.py.

Locust has neither groups nor metrics of one's own: a group is left out, a check is a failure of its
request, and the duration of a creation is a second row of its statistics.
"""

from itertools import count
from time import perf_counter

from locust import FastHttpUser, constant, task

users = count(1)


class Five(FastHttpUser):
    wait_time = constant(0)

    def on_start(self):
        self.number = next(users)
        self.iteration = 0

    @task
    def five(self):
        self.iteration += 1
        body = {"email": "agent@test.com", "password": "password"}
        login = self.ask("POST", "/login", "login", json=body)
        token = login.json().get("token")
        if token is None:
            raise RuntimeError("no token")
        headers = {"Authorization": f"Bearer {token}"}

        body = {"title": f"ticket {self.number}.{self.iteration}", "priority": "HIGH"}
        start_s = perf_counter()
        ticket = self.ask("POST", "/tickets", "create ticket", json=body, headers=headers)
        self.environment.events.request.fire(
            request_type="METRIC",
            name="ticket_create_duration",
            response_time=(perf_counter() - start_s) * 1e3,
            response_length=0,
            exception=None,
        )
        one = f"/tickets/{ticket.json()['id']}"
        read = self.ask("GET", one, "read ticket", headers=headers)
        if read.json()["status"] != "open":
            raise RuntimeError("not open")
        self.ask("PATCH", one, "change ticket", json={"status": "CLOSED"}, headers=headers)
        self.ask("GET", "/tickets?limit=20", "list tickets", headers=headers)

    def ask(self, method, path, name, **arguments):
        with self.client.request(
            method, path, name=name, catch_response=True, **arguments
        ) as response:
            if response.status_code != 200:
                response.failure(f"status {response.status_code}")
            return response
