"""SM2 by the system's libcrypto (OpenSSL 3 or newer, or Tongsuo), through ctypes.

Every call makes its own context and frees it, so keys may be used by many threads; ctypes lets other threads run
meanwhile. A key's EVP_PKEY lives as long as the function that signs or verifies with it. Whatever fails leaves the
thread's error queue empty: an entry left there would surface later in `ssl`, which may be using the same library.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from yima.crypto import der
from yima.crypto.curve import SM2

_DIGEST_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 72  # the longest DER of two 256-bit integers
_OLDEST: Final = 0x3000_0000  # OpenSSL 3: keys of this curve are SM2 keys by themselves

# By soname only. On macOS a bare name would find Apple's stub, which kills the process that loads it: there full paths
# of a real OpenSSL (Homebrew on both processors, MacPorts), and only where the file exists.
_NAMES: Final = ("libcrypto.so.3", "libcrypto.so.4")
_MAC_PATHS: Final = (
    "/opt/homebrew/opt/openssl@3/lib/libcrypto.3.dylib",
    "/usr/local/opt/openssl@3/lib/libcrypto.3.dylib",
    "/opt/local/libexec/openssl3/lib/libcrypto.3.dylib",
)

_pointer, _int, _long, _size, _bytes = ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_size_t, ctypes.c_char_p
_FUNCTIONS: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "OpenSSL_version": (_bytes, (_int,)),
    "OpenSSL_version_num": (ctypes.c_ulong, ()),
    "ERR_clear_error": (None, ()),
    "d2i_AutoPrivateKey": (_pointer, (_pointer, ctypes.POINTER(_bytes), _long)),
    "d2i_PUBKEY": (_pointer, (_pointer, ctypes.POINTER(_bytes), _long)),
    "i2d_PUBKEY": (_int, (_pointer, ctypes.POINTER(_pointer))),
    "EVP_PKEY_free": (None, (_pointer,)),
    "EVP_PKEY_CTX_new": (_pointer, (_pointer, _pointer)),
    "EVP_PKEY_CTX_free": (None, (_pointer,)),
    "EVP_PKEY_sign_init": (_int, (_pointer,)),
    "EVP_PKEY_sign": (_int, (_pointer, _bytes, ctypes.POINTER(_size), _bytes, _size)),
    "EVP_PKEY_verify_init": (_int, (_pointer,)),
    "EVP_PKEY_verify": (_int, (_pointer, _bytes, _size, _bytes, _size)),
}


class _Key:
    """An EVP_PKEY, freed with this object."""

    __slots__ = ("_free", "pointer")

    def __init__(self, pointer: int, free: Callable[[int], None]) -> None:
        self.pointer = pointer
        self._free = free

    def __del__(self) -> None:
        self._free(self.pointer)


class Libcrypto:
    """SM2 over digests, by one loaded libcrypto."""

    def __init__(self, library: Any) -> None:
        self._lib = library
        said = library.OpenSSL_version(0).decode(errors="replace")
        self.name = "libcrypto: " + " ".join(said.split()[:2])
        """As the library calls itself, such as `libcrypto: OpenSSL 3.0.19`."""

    def signer(self, d: bytes) -> tuple[bytes, Callable[[bytes], bytes]]:
        """x||y of the private key's public half, and what makes r||s of 64 bytes over a 32-byte digest."""
        key = self._read(self._lib.d2i_AutoPrivateKey, der.private_key(SM2, d))
        lib = self._lib

        def sign(digest: bytes) -> bytes:
            context = self._context(key)
            try:
                made, size = ctypes.create_string_buffer(_SIGNATURE_BYTES), _size(_SIGNATURE_BYTES)
                if (
                    lib.EVP_PKEY_sign_init(context) != 1
                    or lib.EVP_PKEY_sign(context, made, ctypes.byref(size), digest, _DIGEST_BYTES) != 1
                ):
                    raise self._failed("sign")
                return der.signature_raw(made.raw[: size.value])
            finally:
                lib.EVP_PKEY_CTX_free(context)

        return self._point(key), sign

    def verifier(self, point: bytes) -> Callable[[bytes, bytes], bool]:
        """What checks r||s (64 bytes, both in [1, n - 1]) over a 32-byte digest, by the public key x||y."""
        key = self._read(self._lib.d2i_PUBKEY, der.spki(SM2, point))
        lib = self._lib

        def verify(digest: bytes, signature: bytes) -> bool:
            context = self._context(key)
            try:
                if lib.EVP_PKEY_verify_init(context) != 1:
                    raise self._failed("verify")
                said = der.signature_der(signature)
                if lib.EVP_PKEY_verify(context, said, len(said), digest, _DIGEST_BYTES) == 1:
                    return True
                lib.ERR_clear_error()
                return False
            finally:
                lib.EVP_PKEY_CTX_free(context)

        return verify

    def _context(self, key: _Key) -> int:
        context: int | None = self._lib.EVP_PKEY_CTX_new(key.pointer, None)
        if not context:
            raise self._failed("make a context")
        return context

    def _read(self, read: Callable[..., int | None], encoded: bytes) -> _Key:
        start = _bytes(encoded)
        pointer = read(None, ctypes.byref(start), len(encoded))
        if not pointer:
            raise self._failed("read a key")
        return _Key(pointer, self._lib.EVP_PKEY_free)

    def _point(self, key: _Key) -> bytes:
        """The last 64 bytes of the key's SubjectPublicKeyInfo: x||y."""
        size = len(der.spki(SM2, bytes(64)))
        made = ctypes.create_string_buffer(size + 64)  # room for a library that writes more than it should
        start = _pointer(ctypes.addressof(made))
        if self._lib.i2d_PUBKEY(key.pointer, ctypes.byref(start)) != size:
            raise self._failed("write a key")
        return made.raw[size - 64 : size]

    def _failed(self, what: str) -> RuntimeError:
        self._lib.ERR_clear_error()
        return RuntimeError(f"{self.name} cannot {what} (SM2)")


def load() -> Libcrypto | None:
    """The system's libcrypto; None where there is none of OpenSSL 3 or newer. Whether it has SM2, the test shows."""
    places = [p for p in _MAC_PATHS if Path(p).exists()] if sys.platform == "darwin" else _NAMES
    for place in places:
        try:
            library = ctypes.CDLL(place)
            for name, (result, arguments) in _FUNCTIONS.items():
                function = getattr(library, name)
                function.restype, function.argtypes = result, arguments
        except (OSError, AttributeError):  # not there; or there, and something else
            continue
        if library.OpenSSL_version_num() >= _OLDEST:
            return Libcrypto(library)
    return None
