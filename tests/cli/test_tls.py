"""`witness serve` and `disclosure serve` over TLS, as processes, with a certificate made by hand."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from byleave.note import parse_trust
from byleave.wiring import create
from byleave.wiring.witness import WitnessHouse, make_witness
from tests.cli.conftest import Say
from tests.recipients import HOST, make_site
from tests.tls import certificate


@contextmanager
def serving(*words: str) -> Iterator[str]:
    """Run a server of the command line; yield the address that it prints."""
    program = [sys.executable, "-c", "from byleave.cli.main import run; run()"]
    with subprocess.Popen(
        [*program, *words, "--host", "localhost", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            yield next(word for word in line.split() if word.startswith("http"))
        finally:
            process.terminate()
            process.wait(120)


def test_a_witness_cosigns_over_tls(
    tmp_path: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log asks a witness over TLS whose certificate it trusts, and neither over another's nor plain."""
    cert, key = certificate(tmp_path)
    create(tmp_path / "p", origin="log.test.invalid").close()
    config = tmp_path / "p" / "byleave.toml"
    config.write_text(config.read_text() + "witness_wait = 0\n")
    vkey = str(make_witness(tmp_path / "w", "w.test.invalid"))
    trust = tmp_path / "p" / "trust.policy"
    WitnessHouse(tmp_path / "w").follow(parse_trust(trust.read_text()).logs)
    before = trust.read_bytes()
    words = ["witness", "serve", str(tmp_path / "w")]
    with serving(*words, "--tls-cert", str(cert), "--tls-key", str(key)) as url:
        assert url.startswith("https://localhost:")  # the name that the certificate is of

        def ask(address: str) -> tuple[int, str]:
            said = say("log", "witness", "W1", vkey, address, "-w", str(tmp_path / "p"))
            return said.code, said.out + said.err

        code, said = ask(url)
        assert code == 1
        assert "log.quorum-unmet" in said
        assert "certificate verify failed" in said
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        assert ask(url.replace("https", "http"))[0] == 1
        code, said = ask(url.replace("localhost", "127.0.0.1"))
        assert code == 1
        assert "mismatch" in said
        assert trust.read_bytes() == before
        code, said = ask(url)
        assert code == 0, said
        assert "cosigned by W1" in said
        assert say("member", "enrol", "m-1", "-w", str(tmp_path / "p")).code == 0
        monkeypatch.delenv("SSL_CERT_FILE")
        assert "log.quorum-unmet" in say("member", "enrol", "m-2", "-w", str(tmp_path / "p")).err


def test_a_recipient_pulls_over_tls(
    tmp_path: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recipient pulls and answers over TLS; where it does not trust the certificate, nothing comes."""
    cert, key = certificate(tmp_path)
    site = make_site(tmp_path / "site")
    with site.open(hours=1) as ws:  # the terms of the first run out before today
        ws.disclosure.offer("messages", f"train.generative.replies/messages/{HOST}")
    host = ["-r", str(site.root / "host")]
    words = ["disclosure", "serve", "-w", str(site.root / "ws")]
    with serving(*words, "--tls-cert", str(cert), "--tls-key", str(key)) as url:
        assert url.startswith("https://localhost:")
        said = say("disclosure", "pull", url, *host)
        assert said.code == 1
        assert "disclosure.unreachable" in said.err
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        said = say("disclosure", "pull", url, *host)
        assert said.code == 0, said.err
        assert "package-2: opened, verified, held" in said.out
        said = say("disclosure", "acknowledge", url, *host)
        assert "package-2.delivery: sent" in said.out


@pytest.mark.parametrize("command", [["witness", "serve", "w"], ["disclosure", "serve", "-w", "p"]])
def test_half_a_certificate_serves_nothing(
    tmp_path: Path, say: Say, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    """A certificate without its key, or files changed round, is `server.tls`, exit 2, at once."""
    monkeypatch.chdir(tmp_path)
    cert, key = map(str, certificate(tmp_path))
    create(tmp_path / "p", origin="log.test.invalid").close()
    make_witness(tmp_path / "w", "w.test.invalid")
    for words in (["--tls-cert", cert], ["--tls-cert", key, "--tls-key", cert]):
        said = say(*command, "--port", "0", *words)
        assert said.code == 2
        assert "server.tls" in said.err
