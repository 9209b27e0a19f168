"""Chinese surnames: which have two characters, and which are read otherwise than their character. Facts, written by
hand; the readings follow Xiandai Hanyu Cidian's entries for surnames."""

from __future__ import annotations

from typing import Final

_COMPOUND: Final = (
    "欧阳 上官 诸葛 皇甫 司马 令狐 慕容 夏侯 尉迟 司徒 端木 东方 公孙 宇文 长孙 澹台 南宫 独孤 赫连 申屠 轩辕 钟离 "
    "闾丘 公羊 万俟 闻人 太史 呼延 东郭 西门 百里 拓跋 淳于 单于 司空 仲孙 濮阳 公冶 宗政 鲜于 第五 梁丘 左丘 "
    "完颜 纳兰 叶赫 爱新"
)
_READINGS: Final = (
    "单=shan 仇=qiu 区=ou 曾=zeng 解=xie 任=ren 查=zha 朴=piao 盖=ge 乐=yue 覃=qin 翟=zhai 华=hua 宁=ning 缪=miao "
    "卜=bu 员=yun 秘=bi 折=she 种=chong 逄=pang 繁=po 晁=chao 黑=he 燕=yan 应=ying 相=xiang 召=shao 冼=xian 洗=xian "
    "訾=zi 句=gou 那=na 能=nai 纪=ji 葛=ge 哈=ha 贾=jia 沈=shen 祭=zhai 隗=wei 郗=xi 幺=yao 万=wan 石=shi 尹=yin "
    "冯=feng "
    "吕=lv 曲=qu 薄=bo 柏=bai 都=du 宓=fu 佴=nai 俞=yu 於=yu 庾=yu 尉=wei 仉=zhang 令=ling 车=che 阚=kan 郇=xun "
    "莘=shen "
    "尉迟=yuchi 万俟=moqi 长孙=zhangsun 单于=chanyu 澹台=tantai 令狐=linghu 宇文=yuwen 鲜于=xianyu 淳于=chunyu "
    "欧阳=ouyang 司马=sima 呼延=huyan 赫连=helian 拓跋=tuoba 申屠=shentu 百里=baili 东方=dongfang 夏侯=xiahou "
    "皇甫=huangfu 慕容=murong 诸葛=zhuge 上官=shangguan 公孙=gongsun 司徒=situ 端木=duanmu 南宫=nangong"
)
_PINYIN: Final = (
    "wang li zhang liu chen yang huang zhao wu zhou xu sun ma zhu hu guo he lin luo gao zheng liang xie song tang deng "
    "han feng cao peng zeng xiao tian dong pan yuan cai jiang yu du ye cheng su wei lv ding ren lu yao shen zhong cui "
    "tan fan liao shi jin jia xia fu fang zou xiong bai meng qin qiu hou yin xue yan duan lei long tao mao hao gu gong "
    "shao wan qian dai mo ou xiang kong chang wen kang niu ge xing an qi yi qiao pang ni zhuang nie yue geng guan lan "
    "jiao zuo liu gan zhu bao ning shang shu ruan ji mei tong ling bi shan pei huo miao sheng ran ouyang shangguan "
    "zhuge huangfu sima linghu murong xiahou yuchi situ"
)

COMPOUND: Final = frozenset(_COMPOUND.split())
"""Surnames of two characters."""

READINGS: Final = dict(pair.split("=") for pair in _READINGS.split())
"""Readings without tones (ü is v) where the character alone would be read otherwise, or where it should be sure."""

PINYIN: Final = frozenset(_PINYIN.split())
"""How the common ones are written in Latin letters: tells which end of `Wei Zhang` is the family name."""
