"""Addresses that others can reach: refused without token and TLS, served with both, to those who know the token."""
import http.client
import ssl
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from toy import Toy

PROGRAM = sys.argv.pop(1)
sys.argv.pop(1)  # the source directory, which this test needs nothing of
TOKEN = "0123456789abcdef0123456789abcdef"


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.certificate = str(Path(cls.directory.name) / "cert.pem")
        cls.key = str(Path(cls.directory.name) / "key.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", cls.key, "-out", cls.certificate],
            check=True, capture_output=True)

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def test_an_open_address_is_refused_without_both(self):
        for arguments in ([], ["--token", TOKEN], ["--certificate", self.certificate, "--key", self.key]):
            with self.subTest(arguments=arguments), Toy(PROGRAM, "--address", "0.0.0.0", *arguments) as toy:
                self.assertIn("refused", toy.said)
                self.assertIn("--token-file", toy.said)

    def test_a_bad_certificate_is_an_error_in_words(self):
        with Toy(PROGRAM, "--certificate", self.key, "--key", self.key) as toy:
            self.assertIn("refused", toy.said)
            self.assertIn("PEM certificate", toy.said)

    def ask(self, port, target, headers):
        context = ssl.create_default_context(cafile=self.certificate)
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=10)
        try:
            connection.request("GET", target, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def test_the_token_opens_every_page_and_nothing_else_does(self):
        # 127.0.0.0/8 stands for the world here: the checks are those of a token and a certificate.
        with Toy(PROGRAM, "--token", TOKEN, "--certificate", self.certificate, "--key", self.key) as toy:
            for target in ("/metrics", "/healthz", "/flamegraph?view=wall", "/api/stacks?view=wall", "/api/report"):
                status, body = self.ask(toy.port, target, {"Authorization": "Bearer " + TOKEN})
                self.assertEqual(status, 200, target)
                self.assertTrue(body)
                for wrong in ({}, {"Authorization": "Bearer " + TOKEN[:-1]}, {"Authorization": "Basic " + TOKEN}):
                    self.assertEqual(self.ask(toy.port, target, wrong)[0], 401, target)
            status, _ = self.ask(toy.port, "/healthz", {"Authorization": "Bearer " + TOKEN, "Host": "evil.example"})
            self.assertEqual(status, 403)

    def test_plain_http_gets_nothing_from_a_tls_port(self):
        with Toy(PROGRAM, "--token", TOKEN, "--certificate", self.certificate, "--key", self.key) as toy:
            connection = http.client.HTTPConnection("127.0.0.1", toy.port, timeout=10)
            with self.assertRaises((http.client.HTTPException, ConnectionError)):
                connection.request("GET", "/metrics", headers={"Authorization": "Bearer " + TOKEN})
                connection.getresponse().read()


unittest.main()
