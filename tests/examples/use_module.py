# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""use_module.py CASE: a station's program that uses docs/examples/provision_client.py as a module."""
from __future__ import annotations

import base64
import os
import sys
import threading

sys.path.insert(0, os.environ["EXAMPLES"])
from provision_client import Client, License, Problem, Unreachable, license_request  # noqa: E402

PRODUCT = os.environ["PROVCTL_PRODUCT"]
DEVICES = 12


def client(timeout: float = 30) -> Client:
    url, ca, cert, key = (os.environ[f"PROVCTL_{name}"] for name in ("URL", "CA", "CERT", "KEY"))
    return Client(url, ca, cert, key, timeout)


def certificate(name: str) -> dict[str, str]:
    with open(f"{name}.pem", encoding="ascii") as file:
        return {"certificate_chain": file.read()}


def many() -> None:
    """One connection after the other: a kept one, and what its answers hold."""
    with client() as station:
        for n in range(DEVICES):
            answer = station.license(PRODUCT, certificate(f"many-{n}"), context={"lot": "7"})
            assert answer.charged and answer.attempt == 1 and answer.profile == "cms", answer
            assert answer.image == os.environ["RIG_IMAGE"] and len(answer.license) > 100
            told = station.outcome(answer.install_id, "succeeded")
            assert told["result"] == "succeeded" and told["proven"] is False, told
        assert station.read(f"/v1/products/{PRODUCT}/usage")["succeeded"] == DEVICES


def gang() -> None:
    """Four sockets at once, each with a client of its own, and all for the same device."""
    answers: list[License] = []

    def socket(n: int) -> None:
        with client() as station:
            answers.append(station.license(PRODUCT, certificate("many-0"),
                                           context={"socket": f"s{n}"}))

    threads = [threading.Thread(target=socket, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4 and len({answer.license for answer in answers}) == 1
    assert sum(answer.charged for answer in answers) == 1


def refused() -> None:
    """A refusal is a value, and the connection lives on after it."""
    with client() as station:
        try:
            station.license(PRODUCT, certificate("foreign"))
            raise AssertionError("a foreign device got a license")
        except Problem as problem:
            assert (problem.status, problem.name, problem.check) == (
                422, "device-not-genuine", "untrusted-issuer"), problem
            assert problem.request_id and not problem.retryable and problem.exit_status == 12
        assert station.license(PRODUCT, certificate("many-0")).charged


def away() -> None:
    with client(timeout=1) as station:
        try:
            station.read("/livez")
            raise AssertionError("nobody was there, and answered")
        except Unreachable as lost:
            assert lost.retryable and lost.exit_status == 20


def chip() -> None:
    """An ST chip shows a certificate of another form."""
    with open("chip/certificate.bin", "rb") as file:
        shown = {"st_certificate": base64.b64encode(file.read()).decode()}
    with client() as station:
        answer = station.license(os.environ["RIG_ST_PRODUCT"], shown)
        assert answer.profile == "st-sfi" and len(answer.license) == 136, answer


def batch() -> None:
    """A gang programmer's devices in one request: a License or a Problem for each."""
    with client() as station:
        answers = station.licenses([license_request(PRODUCT, certificate(name))
                                    for name in ("many-0", "foreign", "many-1")])
        good, bad, other = answers
        assert isinstance(good, License) and isinstance(other, License), answers
        assert isinstance(bad, Problem) and bad.check == "untrusted-issuer", answers
        rows = list(station.rows("installs", limit="1"))
        assert {row["install_id"] for row in rows} == {good.install_id, other.install_id}, rows


if __name__ == "__main__":
    {"many": many, "gang": gang, "refused": refused, "away": away, "chip": chip,
     "batch": batch}[sys.argv[1]]()
