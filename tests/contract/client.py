# SPDX-FileCopyrightText: The provisiond authors
# SPDX-License-Identifier: Apache-2.0
"""One caller of provisiond: HTTPS with a client certificate, or with none."""

import http.client
import ssl
import time
from urllib.parse import urlsplit

from judge import Exchange

TIMEOUT_S = 30
PATIENCE_S = 60  # with a server that says when to come again


class Client:
    def __init__(self, url, ca, cert=None, key=None):
        where = urlsplit(url)
        context = ssl.create_default_context(cafile=ca)
        if cert is not None:
            context.load_cert_chain(cert, key)
        self._connection = http.client.HTTPSConnection(
            where.hostname, where.port, timeout=TIMEOUT_S, context=context
        )

    def close(self):
        self._connection.close()

    def send(self, method, target, body=None, media_type="application/json", accept=None):
        """One exchange. Comes again when the limit of requests says so, as the contract wants."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            exchange = self._once(method, target, body, media_type, accept)
            if exchange.status != 429 or time.monotonic() > deadline:
                return exchange
            time.sleep(float(exchange.header("retry-after") or 1))

    def _once(self, method, target, body, media_type, accept):
        headers = {} if body is None else {"Content-Type": media_type}
        if accept is not None:
            headers["Accept"] = accept
        try:
            answer = self._ask(method, target, body, headers)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            answer = self._ask(method, target, body, headers)  # the kept connection had ended
        return Exchange(
            method=method,
            target=target,
            status=answer.status,
            headers=[(name.lower(), value) for name, value in answer.getheaders()],
            body=answer.read(),
            request=body,
            request_type=media_type,
        )

    def _ask(self, method, target, body, headers):
        try:
            self._connection.request(method, target, body=body, headers=headers)
            return self._connection.getresponse()
        except OSError:
            self._connection.close()
            raise
