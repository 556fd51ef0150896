"""The dummy as a process."""

import http.client
import json
from dataclasses import dataclass
from email.message import Message

import openai

from tests.support.process import ServiceProcess, command_of, environment_of
from tests.support.waiting import DEADLINE


@dataclass(frozen=True)
class Answer:
    """A complete response over HTTP."""

    status: int
    headers: Message
    data: bytes

    def json(self):
        return json.loads(self.data)


class Dummy:
    """A dummy with a config file of its own, on a free port unless the config sets one."""

    def __init__(self, home, config):
        home.mkdir()
        self.file = home / "config.json"
        self.generate(config)
        command = command_of("services.dummy", self.file, "dummy")
        self.process = ServiceProcess(command, alias="dummy", home=home, env=environment_of(home, {}))

    def generate(self, config):
        self.file.write_text(json.dumps({"version": "1.0.1", "log_level": "INFO", "port": 0} | config))

    def reload(self, config, message):
        """Give it a new config, and wait for its log message."""
        self.generate(config)
        self.process.hang_up()
        self.process.wait_for_log(message)

    @property
    def port(self):
        listening = [entry for entry in self.process.entries if entry["msg"] == "http server initialized"]
        return int(listening[-1]["address"].rpartition(":")[2])

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)

    def send(self, method, path, body=None, **headers):
        """Send one request on a new connection. `body` is bytes, or a value to be sent as JSON."""
        connection = self.connect()
        data = body if body is None or isinstance(body, bytes) else json.dumps(body)
        connection.request(method, path, data, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read())
        connection.close()
        return answer

    def client(self, key="any"):
        url = f"http://127.0.0.1:{self.port}/v1"
        return openai.OpenAI(base_url=url, api_key=key, max_retries=0, timeout=DEADLINE)
