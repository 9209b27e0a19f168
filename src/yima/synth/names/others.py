"""Names of people who are not Han, or not from the mainland.

Source: our own short lists of common names. Minority names carry the Latin form a
passport would print; each table row is Chinese form and Latin form.
"""

Pairs = tuple[tuple[str, str], ...]

UYGHUR_FEMALE: Pairs = (
    ("阿孜古丽", "Azigul"), ("祖丽胡马尔", "Zulhumar"), ("热孜万古丽", "Rizwangul"), ("阿米娜", "Amine"),
    ("阿依古丽", "Aygul"), ("古丽娜尔", "Gulnar"), ("热依汗古丽", "Reyhangul"),
    ("帕提古丽", "Patigul"), ("米热古丽", "Mihrigul"), ("麦尔耶姆", "Meryem"),
)  # fmt: skip
UYGHUR_MALE: Pairs = (
    ("麦麦提", "Memet"), ("阿卜杜热合曼", "Abdurehman"), ("努尔麦麦提", "Nurmemet"), ("艾尼瓦尔", "Enwer"),
    ("买买提江", "Memetjan"), ("艾力", "Eli"), ("吐尔逊", "Tursun"), ("库尔班", "Qurban"),
    ("玉素甫", "Yusup"), ("艾合买提", "Ehmet"), ("亚森", "Yasin"), ("阿不都拉", "Abdulla"),
)  # fmt: skip
KAZAKH_FEMALE: Pairs = (
    ("巴合提古丽", "Baqytgul"),
    ("萨吾列", "Saule"),
    ("阿依努尔", "Aynur"),
    ("古丽米拉", "Gulmira"),
    ("叶尔克江", "Erkejan"),
)
KAZAKH_MALE: Pairs = (
    ("叶尔肯", "Yerken"),
    ("哈那提", "Qanat"),
    ("叶尔兰", "Yerlan"),
    ("巴合提", "Baqyt"),
    ("努尔兰", "Nurlan"),
)
TIBETAN_FEMALE: Pairs = (
    ("白玛曲珍", "Baima Quzhen"), ("仁增旺姆", "Rigzin Wangmo"), ("拉巴卓玛", "Lhaba Zhoima"),
    ("尼玛普赤", "Nyima Puchi"),
    ("卓玛央宗", "Zhoima Yangzom"), ("达瓦卓嘎", "Dawa Zhoigar"), ("德吉白珍", "Degyi Baizhen"),
    ("次仁拉姆", "Cering Lhamo"), ("央金", "Yangjin"),
)  # fmt: skip
TIBETAN_MALE: Pairs = (
    ("旦增罗布", "Dainzin Norbu"), ("索朗旺堆", "Soinam Wangdoi"), ("强巴", "Qamba"), ("次旺多吉", "Cewang Dorje"),
    ("扎西次仁", "Zhaxi Cering"), ("洛桑丹增", "Losang Dainzin"), ("格桑平措", "Gaisang Puncog"),
    ("边巴顿珠", "Bianba Toinzhub"), ("多吉", "Dorje"),
)  # fmt: skip
MONGOL_FEMALE: Pairs = (
    ("斯琴", "Siqin"), ("琪琪格玛", "Qiqigema"), ("托娅", "Tuya"), ("红格尔", "Honggor"),
    ("乌云其木格", "Oyunchimeg"), ("娜仁花", "Naranhua"), ("萨仁高娃", "Sarangua"),
    ("其其格", "Qiqige"),
)  # fmt: skip
MONGOL_MALE: Pairs = (
    ("布和", "Buhe"), ("孟和", "Monghe"), ("阿古拉", "Agula"), ("格日勒", "Gerel"),
    ("巴特尔", "Bator"), ("苏和", "Suhe"), ("朝鲁", "Qulu"), ("那日苏", "Narsu"),
    ("额尔德木图", "Erdemtu"),
)  # fmt: skip
YI_CLANS: Pairs = (("吉克", "Jike"), ("阿牛", "Aniu"), ("沙马", "Shama"), ("吉木", "Jimu"))
YI_FEMALE: Pairs = (
    ("阿依", "Ayi"),
    ("尔扎", "Erzha"),
    ("木乃", "Munai"),
    ("日歪", "Riwai"),
    ("阿牛嫫", "Aniumo"),
    ("子呷", "Zixia"),
    ("阿呷", "Axia"),
    ("伍呷", "Wuxia"),
    ("尔作", "Erzuo"),
    ("日洛", "Riluo"),
)
YI_MALE: Pairs = (
    ("伍牛", "Wuniu"),
    ("史格", "Shige"),
    ("阿支", "Azhi"),
    ("曲铁", "Qutie"),
    ("日哈", "Riha"),
    ("达洛", "Daluo"),
    ("拉铁", "Latie"),
    ("木呷", "Muxia"),
    ("尔古", "Ergu"),
    ("约布", "Yuebu"),
)

ZHUANG_SURNAMES = ("韦", "覃", "蒙", "莫", "农", "蓝", "黄")
HUI_SURNAMES = ("马", "白", "丁", "哈", "穆", "马")
MIAO_SURNAMES = ("龙", "石", "吴", "麻", "杨")
KOREAN_SURNAMES = ("金", "朴", "崔", "李")

FOREIGN_FEMALE = (
    ("USA", "Emily Rose", "Carter"), ("GBR", "Charlotte", "Hughes"), ("DEU", "Anna Lena", "Vogt"),
    ("KOR", "Seoyeon", "Han"), ("JPN", "Yuki", "Tanabe"), ("RUS", "Ekaterina", "Orlova"),
    ("VNM", "Thi Mai", "Nguyen"), ("FRA", "Camille", "Roussel"), ("PAK", "Ayesha", "Siddiqui"),
)  # fmt: skip
FOREIGN_MALE = (
    ("USA", "Michael James", "Turner"), ("GBR", "Oliver", "Bennett"), ("DEU", "Jonas", "Keller"),
    ("KOR", "Jihoon", "Baek"), ("JPN", "Kenta", "Morishita"), ("NGA", "Chinedu", "Okafor"),
    ("PAK", "Muhammad Bilal", "Qureshi"), ("FRA", "Jean-Luc", "Marchand"), ("RUS", "Dmitri", "Volkov"),
)  # fmt: skip

CANTONESE_SURNAMES: Pairs = (
    ("陈", "Chan"), ("黄", "Wong"), ("林", "Lam"), ("梁", "Leung"), ("郑", "Cheng"), ("何", "Ho"),
)  # fmt: skip
CANTONESE_FEMALE: Pairs = (("嘉欣", "Ka Yan"), ("美玲", "Mei Ling"), ("咏诗", "Wing Sze"))
CANTONESE_MALE: Pairs = (("志明", "Chi Ming"), ("家豪", "Ka Ho"), ("伟文", "Wai Man"))
TAIWAN_SURNAMES: Pairs = (("陈", "Chen"), ("林", "Lin"), ("黄", "Huang"), ("张", "Chang"))
TAIWAN_FEMALE: Pairs = (("怡君", "Yi-Chun"), ("雅婷", "Ya-Ting"), ("淑芬", "Shu-Fen"))
TAIWAN_MALE: Pairs = (("志豪", "Chih-Hao"), ("冠宇", "Kuan-Yu"), ("俊宏", "Chun-Hung"))
