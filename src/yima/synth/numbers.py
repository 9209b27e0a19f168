"""Document numbers that look right and belong to nobody.

Sources: GB 11643 (resident number), GB 32100 (unified social credit code). The area
prefix 60 is not assigned by GB/T 2260, and no Chinese mobile number begins with 129.
"""

from datetime import date
from random import Random

from stdnum.cn import ric, uscc

from .chance import spread

PROVINCE = "60"
"""Unassigned GB/T 2260 province prefix: no real identity number starts with it."""

_CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def resident_number(area: str, born: date, sequence: int) -> str:
    """An 18-digit GB 11643 number; an odd sequence (0-999) is a man, an even one a woman."""
    body = f"{area}{born:%Y%m%d}{sequence:03d}"
    return body + ric.calc_check_digit(body + "0")


def credit_code(area: str, rng: Random) -> str:
    """An 18-character GB 32100 code of a public institution (register 1, kind 2)."""
    body = f"12{area}" + "".join(rng.choices(_CREDIT_ALPHABET, k=9))
    return body + uscc.calc_check_digit(body + "0")


def mobile(index: int, seed: int) -> str:
    """An 11-digit number with the unassigned prefix 129, unique per index."""
    return f"129{spread(index, seed, 10**8):08d}"


def passport(rng: Random, country: str) -> str:
    """A passport number in the shape the country (ISO 3166 alpha-3) prints."""
    digits = "".join(rng.choices("0123456789", k=9))
    shapes = {
        "USA": f"5{digits[:8]}",
        "GBR": digits,
        "DEU": f"C{digits[:2]}Z{digits[2:6]}{digits[6]}",
        "FRA": f"{digits[:2]}XX{digits[2:7]}",
        "KOR": f"M{digits[:8]}",
        "JPN": f"TZ{digits[:7]}",
        "RUS": f"75{digits[:7]}",
        "VNM": f"C{digits[:7]}",
        "PAK": f"XX{digits[:7]}",
        "NGA": f"A{digits[:8]}",
    }
    return shapes.get(country, f"N{digits[:8]}")


def permit(rng: Random, region: str) -> str:
    """A mainland travel permit: H/M and 8 digits (Hong Kong, Macau), 8 digits (Taiwan)."""
    digits = f"{rng.randint(0, 99_999_999):08d}"
    return {"HKG": f"H{digits}", "MAC": f"M{digits}"}.get(region, digits)
