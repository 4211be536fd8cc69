"""HTTPS by certificate files, which may be renewed while the viewer runs."""

from __future__ import annotations

import ssl
from pathlib import Path

import structlog

from pipeline.errors import ConfigError
from pipeline.viewer_settings import TlsSettings

log = structlog.get_logger()


class Certificate:
    """The certificate that new connections are shown.

    Args:
        settings: section `viewer.tls` of cams.yaml.

    Attributes:
        context: for the server.

    Raises:
        ConfigError: one sentence naming the key and the file that cannot be used.
    """

    def __init__(self, settings: TlsSettings) -> None:
        self._settings = settings
        self.context = _load(settings)
        self._seen = self._age()

    def renew(self) -> None:
        """Takes new files, if there are any that can be used; who is connected stays so."""
        found = self._age()
        if found == self._seen or None in found:
            return
        self._seen = found
        try:
            _load(self._settings)  # a context that failed halfway would have half of both
            _use(self.context, self._settings)
        except ConfigError as error:
            log.error("the old certificate stays in use", error=str(error))
        else:
            log.info("the certificate was renewed")

    def _age(self) -> tuple[int | None, int | None]:
        return _changed(self._settings.certificate), _changed(self._settings.key)


def _load(settings: TlsSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    _use(context, settings)
    return context


def _use(context: ssl.SSLContext, settings: TlsSettings) -> None:
    for key, path in (("certificate", settings.certificate), ("key", settings.key)):
        try:
            text = path.read_text(encoding="ascii", errors="replace")
        except OSError as error:
            raise ConfigError(
                f"viewer.tls.{key}: expected a readable file, found {path} ({error.strerror})"
            ) from None
        if "-----BEGIN" not in text:
            raise ConfigError(f"viewer.tls.{key}: expected a PEM file, found none in {path}")
    try:
        context.load_cert_chain(settings.certificate, settings.key, password=_refuse)
    except (ssl.SSLError, OSError, _Passphrase) as error:
        raise ConfigError(_problem(settings, error)) from None


class _Passphrase(Exception):
    """The key has one: nobody is there to type it."""


def _refuse() -> str:
    raise _Passphrase


def _problem(settings: TlsSettings, error: Exception) -> str:
    if isinstance(error, _Passphrase):
        return f"viewer.tls.key: expected a key without a passphrase, found one in {settings.key}"
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        return (
            f"viewer.tls.key: expected the key of {settings.certificate}, "
            f"found another one in {settings.key}"
        )
    reason = getattr(error, "reason", None) or error
    return (
        f"viewer.tls.certificate: expected a certificate and its key, found {settings.certificate} "
        f"and {settings.key} ({reason})"
    )


def _changed(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None
