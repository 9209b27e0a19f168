"""What the columns of a population base are called, and how their values are written. Pure.

Sources: GB/T 2261.1 (sex), GB/T 2260 (areas), WS 364.3 CV02.01.101 (documents), GA/T 2000 words of household registers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final, TypeVar

from yima import mpi
from yima.runtime.errors import Refusal

T = TypeVar("T")
NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "record_id": ("recordid", "id", "personno", "序号", "人员编号", "个人编号", "记录号"),
    "name": ("name", "fullname", "姓名", "中文姓名"),
    "former_name": ("formername", "previousname", "曾用名", "原姓名", "变更前姓名"),
    "sex": ("sex", "gender", "性别", "性别代码"),
    "birth_date": ("birthdate", "dateofbirth", "dob", "出生日期", "生日", "出生年月日"),
    "id_type": ("idtype", "documenttype", "证件类型", "证件类别", "证件种类"),
    "id_no": ("idno", "idnumber", "documentnumber", "residentnumber", "证件号码", "证件号", "身份证号", "身份证号码",
              "居民身份证号", "公民身份号码", "身份证件号码"),
    "former_id_no": ("formeridno", "previousidno", "原证件号码", "原身份证号", "变更前证件号码"),
    "phone": ("phone", "mobile", "telephone", "电话", "联系电话", "手机", "手机号", "手机号码", "电话号码", "本人电话"),
    "area_code": ("areacode", "area", "division", "行政区划", "行政区划代码", "区划代码", "地区编码", "住址行政区划"),
    "address": ("address", "homeaddress", "住址", "地址", "家庭住址", "现住址", "居住地址", "户籍地址"),
    "household": ("household", "householdnumber", "householdid", "户号", "家庭编号", "户编号", "户口簿号"),
    "relation": ("relation", "relationtohead", "与户主关系", "户主关系", "家庭关系"),
    "since": ("since", "residentsince", "入户日期", "居住起始日期"),
    "birth_order": ("birthorder", "multiplebirthorder", "多胎次序", "出生胎次"),
    "mother_name": ("mothername", "母亲姓名"),
    "mother_id_no": ("motheridno", "母亲证件号码", "母亲身份证号"),
    "status": ("status", "lifestatus", "人员状态", "状态", "生存状态"),
    "change": ("change", "changekind", "变更类型", "变动类型", "变动原因"),
    "change_date": ("changedate", "dateofchange", "变更日期", "变动日期", "死亡日期"),
}  # fmt: skip
"""Our name of a column -> what else it may be called, without blanks, hyphens and underscores, in small letters."""

_SEXES: Final = {"男": "male", "女": "female", "1": "male", "2": "female", "m": "male", "f": "female", "male": "male",
                 "female": "female", "男性": "male", "女性": "female", "0": "unknown", "9": "unknown",
                 "未知": "unknown", "未说明": "unknown", "unknown": "unknown", "other": "other"}  # fmt: skip
_STATUSES: Final[dict[str, mpi.LifeStatus]] = {
    **dict.fromkeys(("", "alive", "living", "正常", "在世", "健在", "常住", "在籍", "迁入"), "alive"),
    **dict.fromkeys(("deceased", "dead", "died", "死亡", "已故", "去世", "死亡注销"), "deceased"),
    **dict.fromkeys(("moved", "moved-out", "movedout", "left", "迁出", "已迁出", "迁移"), "moved"),
}
_CHANGES: Final = {"birth": "birth", "出生": "birth", "death": "death", "死亡": "death", "moved-in": "moved-in",
                   "迁入": "moved-in", "moved-out": "moved-out", "迁出": "moved-out", "name": "name", "更名": "name",
                   "姓名变更": "name", "改名": "name", "number": "number", "证件变更": "number",
                   "身份证号变更": "number"}  # fmt: skip
_RESIDENT: Final = mpi.RESIDENT_NUMBER
_DOCUMENTS: Final = {
    **dict.fromkeys(("", "01", "resident-number", "residentnumber", "居民身份证", "身份证"), _RESIDENT),
    **dict.fromkeys(("03", "passport", "护照", "外国护照"), "urn:yima:id:passport"),
    **dict.fromkeys(("06", "hk-macau-permit", "港澳居民来往内地通行证", "港澳通行证"), "urn:yima:id:permit-hk-mo"),
    **dict.fromkeys(("07", "taiwan-permit", "台湾居民来往内地通行证", "台胞证"), "urn:yima:id:permit-tw"),
    **dict.fromkeys(("foreign-permanent-residence", "外国人永久居留身份证"), "urn:yima:id:foreign-permanent-residence"),
    **dict.fromkeys(("08", "birth-certificate", "出生医学证明"), "urn:yima:id:birth-certificate"),
}
_DATE: Final = re.compile(r"([0-9]{4})(?:[-/.年]?([0-9]{1,2})(?:[-/.月]?([0-9]{1,2})日?|月)?|年)?")


def mapping_of(header: Iterable[str], given: Mapping[str, str]) -> dict[str, int]:
    """Our name of each column -> its place. `given`: what somebody said with `--map`, which goes before the defaults.

    Refusals: `field-unknown` for a field or a column of `--map` that does not exist, `field-missing` without a name or
    with two columns for one field.
    """
    titles = [cell.strip() for cell in header]
    found: dict[str, int] = {}
    for field, column in given.items():
        if field not in NAMES or column not in titles:
            raise Refusal("field-invalid", field="--map", expected=f"one of {', '.join(NAMES)} = a title of the header")
        found[field] = titles.index(column)
    for place, title in enumerate(titles):
        key = re.sub(r"[\s_\-]", "", unicodedata.normalize("NFKC", title)).lower()
        field = next((f for f, others in NAMES.items() if key in others), "")
        if not field or field in given or place in found.values():
            continue
        if field in found:
            raise Refusal("field-invalid", field=title[:40], expected=f"one column for {field}: choose with --map")
        found[field] = place
    if "name" not in found:
        raise Refusal("field-missing", field="name", expected="a header line with a column of names, or --map name=..")
    return found


def sex_of(text: str) -> str:
    """FHIR administrative-gender. Refusal `field-invalid`."""
    return _word(_SEXES, text or "unknown", "sex", "1, 2, 男, 女, male or female (GB/T 2261.1)")


def status_of(text: str) -> mpi.LifeStatus:
    """Alive, deceased or moved. Refusal `field-invalid`."""
    return _word(_STATUSES, text, "status", "alive, deceased, moved; 正常, 死亡, 迁出")


def change_of(text: str) -> str:
    """One of `mpi.CHANGE_KINDS`, or empty. Refusal `field-invalid`."""
    return _word(_CHANGES, text, "change", ", ".join(mpi.CHANGE_KINDS)) if text else ""


def document_of(kind: str) -> str:
    """The identifier system of a kind of document; a resident number when none is said. Refusal `field-invalid`."""
    return _word(_DOCUMENTS, kind, "id_type", "01, 03, 06, 07, 08 or the document's name (WS 364.3 CV02.01.101)")


def fhir_date(text: str, field: str, today: date, *, partial: bool = True) -> str:
    """`19850314`, `1985-3-14`, `1985年3月14日` (partial: `1985`, `1985-03`) as a FHIR date; '' for nothing.

    Refusal `field-invalid` for a day that does not exist, has not come, or is before 1850.
    """
    if not text:
        return ""
    expected = "a day that exists and has come, as 1985-03-14, 19850314 or 1985年3月14日"
    found = _DATE.fullmatch(text)
    whole = not text.isdecimal() or len(text) in (4, 6, 8)  # 1985114 is the 14th of January or the 4th of November
    if not found or not whole or not (partial or found[3]):
        raise Refusal("field-invalid", field=field, expected=expected)
    year, month, day = (int(part) if part else 0 for part in found.groups())
    try:
        first = date(year, month or 1, day or 1)
    except ValueError:
        raise Refusal("field-invalid", field=field, expected=expected) from None
    if first > today or year < 1850:
        raise Refusal("field-invalid", field=field, expected=expected)
    return first.isoformat()[: 10 if day else 7 if month else 4]


def _word(words: Mapping[str, T], text: str, field: str, expected: str) -> T:
    found = words.get(text.lower())
    if found is None:
        raise Refusal("field-invalid", field=field, expected=expected)
    return found
