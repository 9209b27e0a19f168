"""Vaccines of the national immunization programme: CVX code, names, maker, site.

The schedule is the national one of 2021; children born from 2025 follow the revised
pertussis schedule (2, 4, 6, 18 months and 6 years).
"""

from dataclasses import dataclass
from datetime import date

SYSTEM = "http://hl7.org/fhir/sid/cvx"


@dataclass(frozen=True, slots=True)
class Vaccine:
    """A vaccine: CVX code, Chinese and English name, disease, series length, route."""

    cvx: str
    chinese: str
    english: str
    disease: str
    doses: int
    route: str


VACCINES: dict[str, Vaccine] = {
    "bcg": Vaccine("19", "卡介苗", "BCG", "结核病", 1, "ID"),
    "hepb": Vaccine("08", "重组乙型肝炎疫苗", "Hep B, adolescent or pediatric", "乙型肝炎", 3, "IM"),
    "ipv": Vaccine("10", "脊髓灰质炎灭活疫苗", "IPV", "脊髓灰质炎", 4, "IM"),
    "bopv": Vaccine("178", "二价口服脊髓灰质炎减毒活疫苗", "OPV bivalent", "脊髓灰质炎", 4, "PO"),
    "dtap": Vaccine("20", "吸附无细胞百白破联合疫苗", "DTaP", "百日咳、白喉、破伤风", 4, "IM"),
    "dtap5": Vaccine("20", "吸附无细胞百白破联合疫苗", "DTaP", "百日咳、白喉、破伤风", 5, "IM"),
    "dt": Vaccine("28", "吸附白喉破伤风联合疫苗", "DT (pediatric)", "白喉、破伤风", 1, "IM"),
    "mmr": Vaccine("03", "麻疹腮腺炎风疹联合减毒活疫苗", "MMR", "麻疹、腮腺炎、风疹", 2, "SC"),
    "je": Vaccine(
        "129", "乙型脑炎减毒活疫苗", "Japanese Encephalitis, unspecified formulation", "流行性乙型脑炎", 2, "SC"
    ),
    "mena": Vaccine(
        "191", "A群脑膜炎球菌多糖疫苗", "meningococcal A polysaccharide (non-US)", "流行性脑脊髓膜炎", 2, "SC"
    ),
    "menac": Vaccine(
        "192", "A群C群脑膜炎球菌多糖疫苗", "meningococcal AC polysaccharide (non-US)", "流行性脑脊髓膜炎", 2, "SC"
    ),
    "hepa": Vaccine("169", "甲型肝炎减毒活疫苗", "Hep A, live attenuated", "甲型肝炎", 1, "SC"),
    "flu": Vaccine("88", "流感病毒裂解疫苗", "influenza, unspecified formulation", "流行性感冒", 1, "IM"),
    "ppv23": Vaccine("33", "23价肺炎球菌多糖疫苗", "pneumococcal polysaccharide PPV23", "肺炎球菌性疾病", 1, "IM"),
    "hpv9": Vaccine("165", "九价人乳头瘤病毒疫苗", "HPV9", "人乳头瘤病毒感染", 3, "IM"),
}

Due = tuple[int, str, int]
"""Age in months, vaccine key, dose number."""

_COMMON: tuple[Due, ...] = (
    (0, "bcg", 1), (0, "hepb", 1), (1, "hepb", 2), (2, "ipv", 1), (3, "ipv", 2), (4, "bopv", 3),
    (6, "hepb", 3), (6, "mena", 1), (8, "mmr", 1), (8, "je", 1), (9, "mena", 2), (18, "mmr", 2),
    (18, "hepa", 1), (24, "je", 2), (36, "menac", 1), (48, "bopv", 4), (72, "menac", 2),
)  # fmt: skip
_UNTIL_2024: tuple[Due, ...] = ((3, "dtap", 1), (4, "dtap", 2), (5, "dtap", 3), (18, "dtap", 4), (72, "dt", 1))
_FROM_2025: tuple[Due, ...] = (
    (2, "dtap5", 1), (4, "dtap5", 2), (6, "dtap5", 3), (18, "dtap5", 4), (72, "dtap5", 5),
)  # fmt: skip


def schedule(born: date) -> list[Due]:
    """What a child born that day is due, by age."""
    pertussis = _FROM_2025 if born >= date(2025, 1, 1) else _UNTIL_2024
    return sorted(_COMMON + pertussis)
