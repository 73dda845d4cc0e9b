"""Check the certificate files of a run before it starts, with the reason in the sentence."""

from __future__ import annotations

from fastbench.foundation.usage_error import UsageError
from fastbench.plan.plan import Tls

_REASONS = {
    "NO_CERTIFICATE_OR_CRL_FOUND": "it has no PEM certificate",
    "NO_START_LINE": "it has no PEM block of that kind",
    "KEY_VALUES_MISMATCH": "key and certificate do not belong together",
    "EE_KEY_TOO_SMALL": "its key is too small",
}


def check(tls: Tls) -> None:
    """Load every file as OpenSSL will, and refuse what cannot be read, parsed or paired."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if tls.cafile:
        _readable("--cacert", tls.cafile)
        try:
            context.load_verify_locations(cafile=tls.cafile)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise UsageError(_sentence("--cacert", tls.cafile, error)) from None
    if tls.certfile:
        _readable("--cert", tls.certfile)
        keyfile = tls.keyfile or tls.certfile
        _readable("--key", keyfile)
        wanted: list[bool] = []

        def password() -> str:
            wanted.append(True)
            return ""

        try:
            context.load_cert_chain(tls.certfile, keyfile, password)
        except (OSError, ValueError) as error:
            if wanted:
                raise UsageError(
                    f"The key in `{keyfile}` is encrypted; write a plain copy with "
                    "`openssl pkey -in KEY -out PLAIN` and give that."
                ) from None
            files = tls.certfile if keyfile == tls.certfile else f"{tls.certfile}` and `{keyfile}"
            raise UsageError(_sentence("--cert", files, error)) from None


def _readable(flag: str, path: str) -> None:
    try:
        with open(path, "rb") as file:
            file.read(1)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise UsageError(f"{flag} cannot read `{path}`: {reason}.") from None


def _sentence(flag: str, path: str, error: Exception) -> str:
    reason = getattr(error, "reason", None) or ""
    words = _REASONS.get(reason) or reason.replace("_", " ").lower() or "it cannot be parsed"
    return f"{flag} cannot use `{path}`: {words}; give PEM files (-----BEGIN …-----)."
