"""Characters that look alike and are taken for each other when a name is copied from paper, or read by a machine. Pure.

Facts of the script, chosen and written by hand among the characters that names use. Those that only sound alike are
not here: the sound of a name is compared by itself.
"""

from __future__ import annotations

from typing import Final

_GROUPS: Final = (
    "己已巳 未末 土士 日曰 天夫夭 木本 睛晴 人入 干千于 午牛 田由甲申 大太 今令 戊戌戍 免兔 "
    "乌鸟 刀力 贝见 折拆析 拔拨 候侯 徒徙 崇祟 冶治 泠冷 冼洗 沐沭 汨汩 诰浩 佳住 瑞端 炫眩 "
    "玥钥 祎袆 彤形 兆北 哲晢 荣荥 赢羸嬴 毫亳 裕俗 戎戒 宇字 宜宣 拓柘 呜鸣 龙尤 季李 白自 "
    "永水 元无 嫒媛 侠挟 峻竣 旦且 昌冒 茉茱 茵菌 芮苪 莱菜 萧箫 钧钓 渝谕 淮准 泽择 扬杨 "
    "拴栓 枚牧 柏拍 梁粱 桐铜 壮状 弛驰 忻析 恒桓 捷睫 昱昰 昂昴 杲杳 果呆 栗粟 炙灸 狄秋 "
    "班斑 盂孟 竟竞 笙筌 肓盲 藉籍 衷哀 辛幸 锡钖 隽售 雎睢 颍颖"
)


def _classes(groups: str) -> dict[str, str]:
    """Every character -> the first of its class."""
    found: dict[str, str] = {}
    for group in groups.split():
        found |= dict.fromkeys(group, group[0])
    return found


_TRANSLATED: Final = str.maketrans(_classes(_GROUPS))


def shape_of(name: str) -> str:
    """A name as it looks from afar: names that differ only by characters that look alike are one."""
    return name.translate(_TRANSLATED)
