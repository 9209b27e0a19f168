"""Chinese surnames with weights.

Source: the rank order and the shares of the leading names as published for 2018-2020 by
the Ministry of Public Security's national name reports (news releases; facts, no database
copied). Weights are per 10,000 people, rounded and interpolated by hand, and good to
about a tenth: enough for a city that must look right, not for onomastics.
Pinyin is given where the surname's reading is not the character's usual one.
"""

COMMON: str = (
    "王725 李719 张680 刘517 陈458 杨308 黄226 赵219 吴203 周203 徐145 孙141 马133 朱121 胡119 "
    "郭115 何114 林113 罗113 高112 郑104 梁94 谢82 宋81 唐79 许77 韩75 邓74 冯69 曹67 彭64 曾63 "
    "肖62 田60 董58 潘57 袁55 蔡55 蒋54 余54 于51 杜51 叶51 程49 苏49 魏48 吕46 丁45 任44 卢44 "
    "姚43 沈42 钟41 姜41 崔41 谭40 陆39 范38 汪38 廖37 石36 金36 韦33 贾33 夏33 付32 方32 邹31 "
    "熊31 白30 孟30 秦29 邱29 侯28 江28 尹27 薛27 闫27 段26 雷26 龙25 史24 陶23 贺23 毛22 郝22 "
    "黎21 顾21 龚21 邵21 万20 覃20 武20 钱20 戴20 严19 莫19 欧19 向19 孔18 常18 汤18 温16 康16 "
    "施16 文15 牛15 樊15 葛15 邢14 安13 齐13 易13 乔13 伍12 庞12 颜11 倪11 庄11 聂11 章10 鲁10 "
    "岳9 翟9 殷9 詹9 申9 欧阳8 耿8 关8 兰7 焦7 俞7 左7 柳7 甘6 祝6 包6 宁5 尚5 符5 舒5 阮5 纪5 "
    "梅5 童5 凌4 毕4 单4 裴4 霍4 成4 苗4 谷4 曲4 盛4 冉4 蓝3 路3 游3 辛3 靳3 管3 柴3 蒙3 鲍3 华3 "
    "喻3 祁3 房3 滕3 解3 艾2 尤2 时2 穆2 农2 司2 古2 卓2 仇2 查2 盖1 乐1 区1 朴1 "
    "上官1 诸葛1 皇甫1 司马1 令狐1 慕容1 夏侯1 尉迟1 司徒1 端木1"
)

COMPOUND: tuple[str, ...] = ("欧阳", "上官", "诸葛", "皇甫", "司马", "令狐", "慕容", "夏侯", "尉迟")

READINGS: dict[str, str] = {
    "曾": "Zeng", "任": "Ren", "单": "Shan", "解": "Xie", "仇": "Qiu", "查": "Zha",
    "盖": "Ge", "乐": "Yue", "区": "Ou", "覃": "Qin", "翟": "Zhai", "朴": "Piao",
    "尉迟": "Yuchi", "华": "Hua", "宁": "Ning", "吕": "Lyu", "冯": "Feng", "沈": "Shen",
    "石": "Shi", "贾": "Jia", "万": "Wan", "尹": "Yin", "邢": "Xing", "祭": "Zhai",
}  # fmt: skip
