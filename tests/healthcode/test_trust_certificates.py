"""Certificates of both families: other programs accept them, and ours accepts nothing else."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from authorities import YEAR, House
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from deployments import NOW
from hypothesis import given, settings
from hypothesis import strategies as st

from yima.crypto import ALGORITHMS, Algorithm
from yima.healthcode import trust
from yima.healthcode.trust import der
from yima.healthcode.trust.certificate import Subject, certify

HOUSES = {algorithm: House(algorithm) for algorithm in ALGORITHMS}
SIGNER = {algorithm: house.signer("identity")[1] for algorithm, house in HOUSES.items()}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_certificate_says_what_it_was_made_for(algorithm: Algorithm) -> None:
    house = HOUSES[algorithm]
    read = trust.read_certificate(SIGNER[algorithm])
    assert (read.algorithm, read.use, read.is_ca) == (algorithm, "identity", False)
    assert (read.not_before, read.not_after) == (NOW, NOW + YEAR)
    assert read.key == house.signer("identity")[0].public
    trust.check_chain([read, trust.read_certificate(house.issuer)], house.roots, NOW)


def test_another_library_reads_the_same() -> None:
    found = x509.load_der_x509_certificate(SIGNER["ES256"])
    issuer = x509.load_der_x509_certificate(HOUSES["ES256"].issuer)
    found.verify_directly_issued_by(issuer)
    issuer.verify_directly_issued_by(x509.load_der_x509_certificate(HOUSES["ES256"].root))
    assert found.not_valid_after_utc == NOW + YEAR
    assert found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert found.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    above = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert found.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == above.digest


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_openssl_verifies_the_chain(algorithm: Algorithm, tmp_path: Path) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("no openssl program here")
    house, names = HOUSES[algorithm], ("root", "issuer", "signer")
    for name, content in zip(names, (house.root, house.issuer, SIGNER[algorithm]), strict=True):
        (tmp_path / name).write_bytes(x509.load_der_x509_certificate(content).public_bytes(Encoding.PEM))
    at = str(int((NOW + timedelta(days=1)).timestamp()))
    # OpenSSL 3 uses `distid` for the last certificate of a chain only, so each link is verified for itself.
    for below, above in (("issuer", "root"), ("signer", "issuer")):
        id_option = ["-vfyopt", "distid:1234567812345678"] if algorithm == "SM2" else []
        options = ["-x509_strict", "-partial_chain", "-attime", at, *id_option, "-CAfile", above]
        command = [program, "verify", *options, below]
        asked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert asked.stdout.strip() == f"{below}: OK", asked.stderr


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_changed_certificate_is_refused(algorithm: Algorithm, data: st.DataObject) -> None:
    house, whole = HOUSES[algorithm], bytearray(SIGNER[algorithm])
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match=r"."):
        trust.check_chain(
            [trust.read_certificate(bytes(whole)), trust.read_certificate(house.issuer)], house.roots, NOW
        )


@given(st.binary(max_size=64))
def test_bytes_that_are_no_certificate_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        trust.read_certificate(data)


def _chain(*parts: bytes) -> list[trust.Certificate]:
    return [trust.read_certificate(part) for part in parts]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_chains_that_are_refused(algorithm: Algorithm) -> None:
    house, other = HOUSES[algorithm], House(algorithm, seed=8)
    family = House("SM2" if algorithm == "ES256" else "ES256")
    signer, own = SIGNER[algorithm], house.roots
    stranger = other.signer("identity")[1]
    # The holder of a signer's key makes itself a CA.
    key = house.signer("identity")[0]
    below = certify(Subject("x", other.key("x").public, NOW, NOW + YEAR, use="identity"), "identity", key, 9)
    table = {
        "a foreign root": (_chain(signer, house.issuer), other.roots),
        "a root of the other family": (_chain(signer, house.issuer), family.roots),
        "no root": (_chain(signer, house.issuer), []),
        "a foreign signer under our issuer's name": (_chain(stranger, house.issuer), own),
        "a foreign issuer under our root's name": (_chain(stranger, other.issuer), own),
        "no issuer": (_chain(signer), own),
        "a signer as issuer": (_chain(below, signer), own),
        "a CA as signer": (_chain(house.issuer, house.issuer), own),
        "one more CA": (_chain(signer, house.issuer, house.root), own),
    }
    accepted = [name for name, (chain, roots) in table.items() if _accepted(chain, roots)]
    assert accepted == []
    assert _accepted(_chain(signer, house.issuer), own)


def _accepted(chain: list[trust.Certificate], roots: list[trust.Certificate]) -> bool:
    try:
        trust.check_chain(chain, roots, NOW)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("moment", [NOW - timedelta(seconds=1), NOW + 10 * YEAR])
def test_an_issuer_out_of_date_is_refused(moment: datetime) -> None:
    house = HOUSES["ES256"]
    with pytest.raises(ValueError, match="root"):
        trust.check_chain(_chain(SIGNER["ES256"], house.issuer), house.roots, moment)


@pytest.mark.parametrize(
    "encoded",
    [
        b"\x30",
        b"\x30\x80\x00\x00",
        b"\x30\x81\x01\x00",
        b"\x30\x82\x00\x80" + bytes(128),
        b"\x30\x05\x00",
        b"\x30\x00\x00",
    ],
)
def test_lengths_have_one_form(encoded: bytes) -> None:
    with pytest.raises(ValueError, match=r"short|element"):
        der.read(encoded, der.SEQUENCE)


@given(st.integers(0, 1 << 200))
def test_integers_come_back(value: int) -> None:
    assert int.from_bytes(der.read(der.integer(value), der.INTEGER), "big", signed=True) == value


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)))  # noqa: DTZ001  Hypothesis wants bounds without a zone
def test_times_of_both_kinds_come_back(moment: datetime) -> None:
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    house = HOUSES["ES256"]
    made = certify(Subject("x", house.key("x").public, moment, moment, use="shc"), "issuer", house.key("issuer"), 4)
    assert trust.read_certificate(made).not_before == moment
