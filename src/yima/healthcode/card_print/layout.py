"""What stands where on the printed card. Millimetres and points; Chinese first, English below.

No state of health, no colour, no place: the card says who somebody is for care, and what to do with it.
"""

from __future__ import annotations

from typing import Final

from yima.healthcode.card_print.card import PrintedCard
from yima.healthcode.card_print.sheet import Box, Sheet

ID1: Final = (85.60, 53.98)
"""ISO/IEC 7810 ID-1: a bank card."""
A6: Final = (105.0, 148.0)

_TITLE: Final = ("居民健康码", "Resident health code")
_NAME: Final = ("姓名", "Name")
_DOCUMENT: Final = ("证件号", "Document")
_NUMBER: Final = ("卡号", "Card number")
_WHAT: Final = (
    "此码仅用于识别身份：挂号、取号、查找登记。不能打开健康档案，不能付款。",
    "This code only says who you are: to register, take a number, be found. It opens no record and pays nothing.",
)
_LOST: Final = (
    "丢失：请立即在手机健康码页面“丢失或换卡”停用，或到任一医疗机构窗口办理。旧码停用后即失效。",
    'Lost: stop it at once on the code page of your phone ("Lost card") or at the counter of any institution. '
    "Once stopped, the old code is refused.",
)
_FOUND: Final = (
    "拾到：请交给任一医院、社区卫生服务中心窗口。请勿扫描或拍照。",
    "Found: please hand it in at any hospital or health centre. Do not scan or photograph it.",
)
_READ: Final = (
    "扫码失败时，请工作人员输入卡号。",
    "If it cannot be scanned, staff can enter the card number.",
)


def texts(card: PrintedCard) -> list[str]:
    """Every text of a card, for choosing fonts."""
    fixed = [word for pair in (_TITLE, _NAME, _DOCUMENT, _NUMBER, _WHAT, _LOST, _FOUND, _READ) for word in pair]
    return [*fixed, card.name, card.latin_name, card.masked_number, card.number]


def id1(sheet: Sheet, card: PrintedCard) -> None:
    """Front and back of a card in the size of a bank card."""
    _front(sheet, card)
    _back(sheet)


def _front(sheet: Sheet, card: PrintedCard) -> None:
    sheet.page()
    sheet.text(Box(4.5, 3.6, 46, 5), _TITLE[0], 11.5)
    sheet.text(Box(4.5, 8.4, 46, 3), _TITLE[1], 6.5, grey=70)
    sheet.code(Box(49.4, 3.2, 33.0, 33.0), card.static_text)
    sheet.rule(Box(4.5, 12.6, 44, 0))
    sheet.name(Box(4.5, 14.0, 44, 11.6), card.name or card.latin_name, 17, lines=2)
    if card.name and card.latin_name:
        sheet.text(Box(4.5, 25.8, 44, 4.2), card.latin_name, 8.5)
    if card.masked_number:
        sheet.text(Box(4.5, 30.8, 44, 2.6), " ".join(_DOCUMENT), 5.5, grey=70)
        sheet.text(Box(4.5, 33.1, 44, 4.2), card.masked_number, 9.5)
    sheet.rule(Box(4.5, 38.4, 76.6, 0))
    sheet.text(Box(4.5, 39.2, 40, 2.6), " ".join(_NUMBER), 5.5, grey=70)
    sheet.text(Box(4.5, 41.4, 76.6, 8.6), card.number, 20)


def _back(sheet: Sheet) -> None:
    sheet.page()
    y = 3.8
    for chinese, english in (_WHAT, _LOST, _FOUND, _READ):
        said = sheet.text(Box(4.5, y, 76.6, 7.0), chinese, 7.2, lines=2)
        y += said.height + 0.2
        said = sheet.text(Box(4.5, y, 76.6, 6.4), english, 5.6, lines=2, grey=60)
        y += said.height + 1.6


def a6(sheet: Sheet, card: PrintedCard) -> None:
    """One page in large type, for whoever reads small print badly."""
    sheet.page()
    sheet.text(Box(8, 5.5, 89, 8), _TITLE[0], 18)
    sheet.text(Box(8, 12.6, 89, 5), _TITLE[1], 10.5, grey=60)
    sheet.rule(Box(8, 18.0, 89, 0))
    sheet.name(Box(8, 19.2, 89, 12.6), card.name or card.latin_name, 27, lines=2)
    if card.name and card.latin_name:
        sheet.text(Box(8, 32.0, 89, 6.4), card.latin_name, 13.5)
    sheet.code(Box(3.0, 38.4, 51, 51), card.static_text)
    x, width = 57.5, 39.5
    sheet.text(Box(x, 43.2, width, 5), " ".join(_NUMBER), 10, grey=60)
    for row, pair in enumerate(_halves(card.number)):
        sheet.text(Box(x, 48.5 + row * 8.6, width, 8.6), pair, 21)
    if card.masked_number:
        sheet.text(Box(x, 70.2, width, 5), " ".join(_DOCUMENT), 10, grey=60)
        sheet.text(Box(x, 75.1, width, 7), card.masked_number, 15)
    sheet.rule(Box(8, 90.0, 89, 0))
    y = 91.6
    for chinese, english in (_WHAT, _LOST, _FOUND):
        said = sheet.text(Box(8, y, 89, 11), chinese, 10.5, lines=2)
        y += said.height + 0.2
        said = sheet.text(Box(8, y, 89, 8), english, 7.5, lines=2, grey=50)
        y += said.height + 1.5


def _halves(number: str) -> list[str]:
    """Four groups as two lines of two."""
    groups = number.split()
    return [" ".join(groups[:2]), " ".join(groups[2:])] if len(groups) == 4 else [number]
