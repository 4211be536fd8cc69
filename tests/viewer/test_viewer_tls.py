"""HTTPS by certificate files: it is served, renewed while it runs, and refused with a sentence."""

from __future__ import annotations

import ssl
import time
from pathlib import Path

import httpx
import pytest
import trustme
from viewer_parts import make_site, run, serving
from websockets.asyncio.client import connect

from pipeline.config import Site
from pipeline.errors import ConfigError
from pipeline.store import Store
from pipeline.viewer.accounts import hash_password
from pipeline.viewer.tls import Certificate

PASSWORD = "a password of some length"


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def write(authority: trustme.CA, folder: Path) -> dict[str, Path]:
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
    return {"certificate": folder / "certificate.pem", "key": folder / "key.pem"}


def site_with(tls: dict[str, Path]) -> Site:
    users = {"ann": {"password": hash_password(PASSWORD), "role": "operator"}}
    return make_site(users=users, tls=tls)


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def listen(url: str, context: ssl.SSLContext, headers: dict[str, str]) -> None:
    """Opens the live channel and closes it again.

    In one thread: the client that reads in a thread of its own uses the connection in two at once,
    which OpenSSL forbids and which may crash Python (python/cpython#151508).
    """
    async with connect(url, ssl=context, additional_headers=headers, open_timeout=60):
        pass


def test_pages_sessions_and_the_live_channel_are_encrypted(
    store: Store, authority: trustme.CA, tmp_path: Path
) -> None:
    with serving(store, site_with(write(authority, tmp_path))) as address:
        assert address.startswith("https://")
        client = httpx.Client(base_url=address, verify=trusting(authority))
        answer = client.post("/sign-in", data={"user": "ann", "password": PASSWORD})
        assert answer.headers["strict-transport-security"].startswith("max-age=")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-handoff-")
        for word in ("Secure", "HttpOnly", "SameSite=strict"):
            assert word in cookie
        assert client.get("/api/v1/me").json()["name"] == "ann"
        pairs = "; ".join(f"{each.name}={each.value}" for each in client.cookies.jar)
        headers = {"Cookie": pairs, "Origin": address}
        run(listen(f"wss{address[5:]}/live", trusting(authority), headers))


def test_a_renewed_certificate_is_taken_up(
    store: Store, authority: trustme.CA, tmp_path: Path
) -> None:
    tls = write(authority, tmp_path)
    with serving(store, site_with(tls)) as address:
        assert httpx.get(f"{address}/healthz", verify=trusting(authority)).status_code == 200
        other = trustme.CA()
        write(other, tmp_path)
        deadline = time.monotonic() + 25.0
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{address}/healthz", verify=trusting(other))
                return
            except httpx.ConnectError:
                time.sleep(0.5)
        pytest.fail("the old certificate is still served")


@pytest.mark.parametrize(
    ("which", "text", "sentence"),
    [
        pytest.param("key", None, "viewer.tls.key: expected the key of", id="another key"),
        pytest.param("key", "nonsense", "viewer.tls.key: expected a PEM file", id="no key"),
        pytest.param(
            "certificate", "nonsense", "viewer.tls.certificate: expected a PEM file", id="no PEM"
        ),
    ],
)
def test_files_that_cannot_be_used_are_named(
    store: Store, authority: trustme.CA, tmp_path: Path, which: str, text: str | None, sentence: str
) -> None:
    tls = write(authority, tmp_path)
    if text is None:
        authority.issue_cert("127.0.0.1").private_key_pem.write_to_path(tls["key"])
    else:
        tls[which].write_text(text)
    settings = site_with(tls).viewer.tls
    assert settings is not None
    with pytest.raises(ConfigError, match=sentence):
        Certificate(settings)
