"""The map of Yima City: fictional, under an unassigned GB/T 2260 prefix."""

from dataclasses import dataclass
from random import Random

CITY_CODE = "600100"
CITY_NAME = "一码市"


@dataclass(frozen=True, slots=True)
class Town:
    """A street office or township of a district, with its streets or villages."""

    name: str
    english: str
    streets: tuple[str, ...]
    rural: bool


@dataclass(frozen=True, slots=True)
class District:
    """A district or county: GB/T 2260-shaped code, names, towns."""

    code: str
    name: str
    english: str
    towns: tuple[Town, ...]


@dataclass(frozen=True, slots=True)
class Address:
    """A home: district and town by reference, then street and door as written."""

    district: District
    town: Town
    line: str

    @property
    def text(self) -> str:
        """The address as one line of Chinese."""
        return f"{CITY_NAME}{self.district.name}{self.town.name}{self.line}"

    @property
    def short(self) -> str:
        """What a hurried clerk writes: no city, no door."""
        return f"{self.district.name}{self.town.name}"


DISTRICTS: tuple[District, ...] = (
    District(
        "600102",
        "晨光区",
        "Chenguang District",
        (
            Town("钟楼街道", "Zhonglou Subdistrict", ("钟楼路", "书院街", "文昌巷", "解放东路"), False),
            Town("滨江街道", "Binjiang Subdistrict", ("滨江大道", "码头街", "望江路", "渡口巷"), False),
        ),
    ),
    District(
        "600103",
        "望湖区",
        "Wanghu District",
        (
            Town("湖心街道", "Huxin Subdistrict", ("湖心路", "荷花街", "学府路", "科创大道"), False),
            Town("杏林街道", "Xinglin Subdistrict", ("杏林路", "百草街", "银杏巷", "新民路"), False),
        ),
    ),
    District(
        "600121",
        "青禾县",
        "Qinghe County",
        (
            Town("稻香镇", "Daoxiang Town", ("东塘村", "西塘村", "禾丰村", "镇中路"), True),
            Town("白鹭镇", "Bailu Town", ("白鹭村", "芦荡村", "沙洲村", "老街"), True),
        ),
    ),
    District(
        "600122",
        "松岭县",
        "Songling County",
        (
            Town("云台镇", "Yuntai Town", ("云台村", "石屋村", "茶坪村", "云台路"), True),
            Town("柳溪乡", "Liuxi Township", ("柳溪村", "上坝村", "下坝村", "桥头村"), True),
        ),
    ),
)

ELSEWHERE: tuple[str, ...] = ("600202", "600321", "600425", "600502", "600628", "600731")
"""Area codes of other fictional cities of the province, for people who moved in."""

_CUMULATIVE = (0.30, 0.58, 0.81, 1.0)


def home(rng: Random, town: Town | None = None) -> Address:
    """A random home, in a given town or anywhere in the city."""
    draw = rng.random()
    district = next(d for d, c in zip(DISTRICTS, _CUMULATIVE, strict=True) if draw <= c)
    place = rng.choice(district.towns)
    if town is not None:
        district = next(d for d in DISTRICTS if town in d.towns)
        place = town
    street = rng.choice(place.streets)
    return Address(district, place, street + _door(rng, street))


def _door(rng: Random, street: str) -> str:
    if street.endswith("村"):
        return f"{rng.randint(1, 12)}组{rng.randint(1, 96)}号"
    if rng.random() < 0.8:
        storey, flat = rng.randint(1, 18), rng.randint(1, 4)
        return f"{rng.randint(1, 380)}号{rng.randint(1, 24)}栋{storey}{flat:02d}室"
    return f"{rng.randint(1, 380)}号"
