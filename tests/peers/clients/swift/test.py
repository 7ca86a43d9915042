"""Puts the plain cases to the clients, so that what a comparison finds is not of our making.

    test.py CLIENT TEST-AUTHORITY     the programs
"""

import json
import queue
import subprocess
import sys
import threading
import unittest
import urllib.request

PATIENCE_SECONDS = 60
USER = {"email": "ada@example.com", "password": "correct horse"}
CALLERS = 100

client_program, authority_program = sys.argv.pop(1), sys.argv.pop(1)


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        return json.load(answer)


class Realm:
    """A server of the test authority."""

    def __init__(self, control_url):
        self.urls = post(f"{control_url}/realms", {})

    def arguments(self):
        auth = f"{self.urls['auth_url']}/auth"
        return {
            "api_url": self.urls["api_url"],
            "login_url": f"{auth}/login",
            "refresh_url": f"{auth}/refresh",
            "logout_url": f"{auth}/logout",
        }

    def command(self, name, **arguments):
        post(f"{self.urls['control_url']}/{name}", arguments)

    def count(self, counter):
        with urllib.request.urlopen(f"{self.urls['control_url']}/counters", timeout=PATIENCE_SECONDS) as answer:
            return json.load(answer)[counter]


class Client:
    """A client under test, which ends when its standard input is closed."""

    def __init__(self, name, arguments):
        self.process = subprocess.Popen(
            [client_program, name, json.dumps(arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
        )
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.ready = self.lines.get(timeout=PATIENCE_SECONDS)
        self.last = 0

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def begin(self, command, **details):
        """Gives a command and returns its id."""
        self.last += 1
        self.process.stdin.write(json.dumps({"id": self.last, "do": command, **details}) + "\n")
        self.process.stdin.flush()
        return self.last

    def tell(self, command, answers=1, **details):
        """The answers to a command, without what says whose they are."""
        self.begin(command, **details)
        received = [self.lines.get(timeout=PATIENCE_SECONDS) for _ in range(answers)]
        assert all(answer.pop("id") == self.last for answer in received)
        return received

    def requests(self, count=1, path="/me", method="GET", body=None):
        return self.tell("requests", answers=count, path=path, method=method, body=body, count=count)

    def end(self):
        self.process.stdin.close()
        status = self.process.wait(PATIENCE_SECONDS)
        self.process.stdout.close()
        return status


class PlainCases:
    def setUp(self):
        self.realm = Realm(control_url)
        self.client = Client(self.name, self.realm.arguments())
        self.addCleanup(lambda: self.assertEqual(self.client.end(), 0))
        self.assertEqual(self.client.tell("sign_in", **USER), [{"done": True}])

    def assert_signed_in(self, expected):
        self.assertEqual(self.client.tell("state"), [{"signed_in": expected}])

    def test_it_says_what_it_is(self):
        self.assertEqual(self.client.ready["client"], self.name)
        self.assertTrue(self.client.ready["ready"])
        for part in self.parts:
            self.assertRegex(self.client.ready["versions"][part], r"^\d+\.\d+")

    def test_credentials_that_are_wrong_are_an_error(self):
        other = Client(self.name, self.realm.arguments())
        self.addCleanup(other.end)
        self.assertEqual(other.tell("state"), [{"signed_in": False}])
        [answer] = other.tell("sign_in", email=USER["email"], password="wrong")
        self.assertIn("error", answer)
        self.assertEqual(other.tell("state"), [{"signed_in": False}])

    def test_an_expired_token_is_refreshed_once(self):
        self.realm.command("expire_access_tokens")
        self.assertEqual(self.client.requests(), [{"status": 200}])
        self.assertEqual(self.realm.count("refreshes"), 1)
        self.assert_signed_in(True)

    def test_all_callers_get_answers_after_a_refresh(self):
        self.realm.command("expire_access_tokens")
        self.assertEqual(self.client.requests(CALLERS), [{"status": 200}] * CALLERS)
        self.assert_refreshed_for_all()
        self.assert_signed_in(True)

    def test_a_refresh_that_is_rejected_signs_out(self):
        self.realm.command("revoke_refresh_tokens")
        self.realm.command("expire_access_tokens")
        for answer in self.client.requests(10):
            self.assertNotEqual(answer.get("status"), 200)
        self.assert_signed_in(False)

    def test_a_refresh_that_fails_signs_nobody_out(self):
        self.realm.command("fault", endpoint="refresh", status=503)
        self.realm.command("expire_access_tokens")
        [answer] = self.client.requests()
        self.assertNotEqual(answer.get("status"), 200)
        self.assert_signed_in(True)

    def test_a_body_arrives(self):
        self.assertEqual(self.client.requests(path="/echo", method="POST", body="eight by"), [{"status": 200}])
        self.assertEqual(self.realm.count("echoed_bytes"), 8)

    def test_an_answer_that_is_no_success_is_an_answer(self):
        self.assertEqual(self.client.requests(path="/forbidden"), [{"status": 403}])

    def test_a_401_that_asks_for_a_password_ends_the_request(self):
        challenge = {"WWW-Authenticate": 'Basic realm="proxy"'}
        self.realm.command("fault", endpoint="resource", status=401, headers=challenge, times=1)
        [answer] = self.client.requests()
        self.assertNotEqual(answer.get("status"), 200)
        self.assertEqual(self.client.requests(), [{"status": 200}])

    def test_a_refresh_token_that_does_not_rotate_is_kept(self):
        self.realm.command("set", rotation=False)
        for _ in range(2):
            self.realm.command("expire_access_tokens")
            self.assertEqual(self.client.requests(), [{"status": 200}])

    def test_a_sign_out_forgets_the_tokens_and_tells_the_server(self):
        self.assertEqual(self.client.tell("sign_out"), [{"done": True}])
        self.assert_signed_in(False)
        self.assertEqual(self.realm.count("logouts"), 1)
        [answer] = self.client.requests()
        self.assertIn("error", answer)

    def test_a_load_is_measured(self):
        [figures] = self.client.tell("load", path="/me", concurrency=4, requests=50, warmup=10)
        self.assertEqual((figures["requests"], figures["failed"]), (50, 0))
        self.assertEqual(self.realm.count("resource_ok"), 60)
        self.assertTrue(0 < figures["p50_us"] <= figures["p99_us"] <= figures["max_us"])
        self.assertTrue(figures["max_us"] <= figures["seconds"] * 1e6)
        [figures] = self.client.tell("load", path="/forbidden", concurrency=2, requests=5, warmup=0)
        self.assertEqual(figures["failed"], 5)

    def test_requests_that_are_cancelled_come_back_at_once_and_others_go_on(self):
        self.realm.command("hold", endpoint="resource", path="/slow", when="before")
        requests = self.client.begin("requests", path="/slow", method="GET", count=2)
        self.realm.command("await_held", endpoint="resource", count=2)
        cancel = self.client.begin("cancel", of=requests)
        answers = [self.client.lines.get(timeout=PATIENCE_SECONDS) for _ in range(3)]
        self.assertEqual([answer for answer in answers if "error" not in answer], [{"id": cancel, "done": True}])
        self.assertEqual([answer["id"] for answer in answers if "error" in answer], [requests] * 2)
        self.assertEqual(self.client.requests(), [{"status": 200}])

    def test_other_commands(self):
        self.assertEqual(self.client.tell("network_changed"), [{"done": True}])
        self.assertEqual(self.client.tell("dance"), [{"error": "unknown command"}])


class URLSession(PlainCases, unittest.TestCase):
    name = "urlsession"
    parts = ["swift"]

    def assert_refreshed_for_all(self):
        # The usual flow refreshes again for a 401 that arrives after the refresh; whether one does is chance.
        refreshes = self.realm.count("refreshes")
        self.assertTrue(1 <= refreshes < CALLERS, refreshes)

    def test_a_root_certificate_is_more_than_it_can_use(self):
        arguments = {**self.realm.arguments(), "root_certificate": "root.pem"}
        run = subprocess.run(
            [client_program, self.name, json.dumps(arguments)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE_SECONDS,
        )
        self.assertEqual((run.returncode, run.stdout), (3, b""))

    def test_it_measures_no_crossings(self):
        answer = self.client.tell("crossings", iterations=1, get_path="/me", echo_path="/echo")
        self.assertEqual(answer, [{"error": "unknown command"}])


class AuthSession(PlainCases, unittest.TestCase):
    name = "authsession-swift"
    parts = ["auth-session", "swift"]

    def assert_refreshed_for_all(self):
        self.assertEqual(self.realm.count("refreshes"), 1)

    def test_crossings_are_measured(self):
        [figures] = self.client.tell("crossings", iterations=20, get_path="/me", echo_path="/echo")
        self.assertEqual(
            sorted(figures),
            sorted(
                ["sync_call_us", "async_call_us", "callback_us"]
                + [f"{who}{what}_us" for who in ["", "urlsession_"] for what in ["get", "echo_1k", "echo_1m"]]
            ),
        )
        for name, figure in figures.items():
            self.assertGreater(figure, 0, name)
        self.assert_signed_in(True)


if __name__ == "__main__":
    with subprocess.Popen([authority_program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as authority:
        control_url = json.loads(authority.stdout.readline())["control_url"]
        try:
            outcome = unittest.main(exit=False)
        finally:
            authority.stdin.close()
    sys.exit(not outcome.result.wasSuccessful())
