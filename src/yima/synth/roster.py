"""The institutions of the city as a table: every class a health region has.

Class and grade codes follow healthcode.md 6.4 (WS 218): A100 general hospital, A210
Chinese medicine, A520 psychiatric, B100 community, C210/C220 township, D600 village,
E100 emergency, G100 maternal and child, J100 disease control.
"""

from dataclasses import dataclass

_TERTIARY = "0100 0300 0400 0500 0700 1000 1100 1200 1300 1600 1900 2000 2100 3000 3100 3200 5000"
_COUNTY = "0100 0300 0400 0500 0700 1000 1100 1200 1600 2000 3000 3200 5000"
_COMMUNITY = "0100 0200 0500 0700 1200 3000 5000"
_TOWNSHIP = "0100 0200 0300 0400 0500 0700 3000"


@dataclass(frozen=True, slots=True)
class Row:
    """One institution: code, class, grade, names, district, town, departments, staff per department."""

    code: str
    kind: str
    grade: str
    chinese: str
    english: str
    district: str
    town: str
    departments: str
    staff: int


ROSTER: tuple[Row, ...] = (
    Row("6001A0001", "A100", "32", "一码市第一人民医院", "Yima First People's Hospital",
        "600102", "钟楼街道", _TERTIARY, 6),
    Row("6001A0002", "A210", "22", "一码市中医医院", "Yima Hospital of Traditional Chinese Medicine",
        "600103", "湖心街道", "0300 2100 3000 3200 5000", 3),
    Row("6001A0003", "A100", "22", "青禾县人民医院", "Qinghe County People's Hospital",
        "600121", "稻香镇", _COUNTY, 3),
    Row("6001A0004", "A100", "23", "松岭县人民医院", "Songling County People's Hospital",
        "600122", "云台镇", _COUNTY, 3),
    Row("6001A0005", "A520", "32", "一码市精神卫生中心", "Yima Mental Health Centre",
        "600103", "杏林街道", "1500 3000", 5),
    Row("6001G0001", "G100", "32", "一码市妇幼保健院", "Yima Maternal and Child Health Hospital",
        "600103", "湖心街道", "0100 0500 0700 3000 3100 3200", 5),
    Row("6001J0001", "J100", "39", "一码市疾病预防控制中心", "Yima Centre for Disease Control and Prevention",
        "600102", "滨江街道", "0100 1600 3000", 3),
    Row("6001E0001", "E100", "39", "一码市急救中心", "Yima Emergency Medical Centre",
        "600102", "滨江街道", "2000", 4),
    Row("6001B0001", "B100", "19", "钟楼社区卫生服务中心", "Zhonglou Community Health Centre",
        "600102", "钟楼街道", _COMMUNITY, 2),
    Row("6001B0002", "B100", "19", "滨江社区卫生服务中心", "Binjiang Community Health Centre",
        "600102", "滨江街道", _COMMUNITY, 2),
    Row("6001B0003", "B100", "19", "湖心社区卫生服务中心", "Huxin Community Health Centre",
        "600103", "湖心街道", _COMMUNITY, 2),
    Row("6001B0004", "B200", "19", "杏林社区卫生服务站", "Xinglin Community Health Station",
        "600103", "杏林街道", _COMMUNITY, 2),
    Row("6001C0001", "C210", "12", "稻香镇中心卫生院", "Daoxiang Central Township Health Centre",
        "600121", "稻香镇", _TOWNSHIP, 2),
    Row("6001C0002", "C220", "13", "白鹭镇卫生院", "Bailu Township Health Centre",
        "600121", "白鹭镇", _TOWNSHIP, 2),
    Row("6001C0003", "C210", "12", "云台镇中心卫生院", "Yuntai Central Township Health Centre",
        "600122", "云台镇", _TOWNSHIP, 2),
    Row("6001C0004", "C220", "13", "柳溪乡卫生院", "Liuxi Township Health Centre",
        "600122", "柳溪乡", _TOWNSHIP, 2),
    Row("6001D0001", "D600", "19", "禾丰村卫生室", "Hefeng Village Clinic", "600121", "稻香镇", "0200", 1),
    Row("6001D0002", "D600", "19", "芦荡村卫生室", "Ludang Village Clinic", "600121", "白鹭镇", "0200", 1),
    Row("6001D0003", "D600", "19", "石屋村卫生室", "Shiwu Village Clinic", "600122", "云台镇", "0200", 1),
    Row("6001D0004", "D600", "19", "上坝村卫生室", "Shangba Village Clinic", "600122", "柳溪乡", "0200", 1),
)  # fmt: skip
