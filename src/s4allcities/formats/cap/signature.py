"""Enveloped XML signatures of CAP messages (CAP 1.2, 3.3.4.1), by the optional package signxml."""

from .model import CapError

__all__ = ("sign_cap",)


def sign_cap(message: bytes, *, key_pem: bytes, certificate_pem: bytes) -> bytes:
    """Sign a message with an RSA or EC key and its certificate, both PEM; whoever has the certificate can check it.

    :raises CapError: the package is not installed (extra ``interop``), or key and certificate cannot be used.
    """
    try:
        from lxml import etree  # type: ignore[import-untyped]
        from signxml import XMLSigner, methods  # type: ignore[attr-defined]
    except ImportError:
        raise CapError("signing needs the extra 'interop': pip install 's4allcities[interop]'") from None
    try:
        root = etree.fromstring(message)
        signed = XMLSigner(method=methods.enveloped).sign(root, key=key_pem, cert=certificate_pem.decode())
    except (ValueError, TypeError, etree.XMLSyntaxError) as error:
        raise CapError(f"key and certificate cannot sign: {error}") from None
    data: bytes = etree.tostring(signed, xml_declaration=True, encoding="UTF-8")
    return data
