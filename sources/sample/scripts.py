"""From one script to another, the ways officials, keyboards and clerks do it."""

# ruff: noqa: RUF001, RUF002 - letters of other scripts that look like Latin ones are the point here

from __future__ import annotations

import unicodedata

from sources.sample.text import words_of

#: Russian and Ukrainian letters: English way (passports), German way (older papers).
_CYRILLIC = {
    "а": "a a", "б": "b b", "в": "v w", "г": "g g", "ґ": "g g", "д": "d d", "е": "e e", "є": "ye je", "ё": "yo jo",
    "ж": "zh sch", "з": "z s", "и": "i i", "і": "i i", "ї": "yi ji", "й": "y j", "к": "k k", "л": "l l", "м": "m m",
    "н": "n n", "о": "o o", "п": "p p", "р": "r r", "с": "s s", "т": "t t", "у": "u u", "ф": "f f", "х": "kh ch",
    "ц": "ts z", "ч": "ch tsch", "ш": "sh sch", "щ": "shch schtsch", "ы": "y y", "э": "e e", "ю": "yu ju", "я": "ya ja",
}  # fmt: skip
_UKRAINIAN = {"и": "y y", "г": "h h", "й": "i j"}
_SILENT = "ъьʼ'"
#: Uzbek Latin to Cyrillic, longest first.
_UZBEK = (
    ("oʻ", "ў"), ("gʻ", "ғ"), ("sh", "ш"), ("ch", "ч"), ("yo", "ё"), ("yu", "ю"), ("ya", "я"), ("ye", "е"), ("a", "а"),
    ("b", "б"), ("d", "д"), ("e", "е"), ("f", "ф"), ("g", "г"), ("h", "ҳ"), ("i", "и"), ("j", "ж"), ("k", "к"),
    ("l", "л"), ("m", "м"), ("n", "н"), ("o", "о"), ("p", "п"), ("q", "қ"), ("r", "р"), ("s", "с"), ("t", "т"),
    ("u", "у"), ("v", "в"), ("x", "х"), ("y", "й"), ("z", "з"),
)  # fmt: skip
_PINYIN = dict(
    pair.split("=")
    for pair in words_of(
        """
    = 芳=fang 娜=na 敏=min 静=jing 丽=li 艳=yan 娟=juan 霞=xia 秀=xiu 玲=ling 桂=gui 兰=lan 梅=mei
    燕=yan 雪=xue 婷=ting 慧=hui 莹=ying 倩=qian 佳=jia 欣=xin 雨=yu 晨=chen 思=si 琳=lin 月=yue
    云=yun 红=hong 英=ying 萍=ping 伟=wei 强=qiang 磊=lei 军=jun 洋=yang 勇=yong 杰=jie 涛=tao
    明=ming 超=chao 刚=gang 平=ping 辉=hui 鹏=peng 建=jian 国=guo 志=zhi 文=wen 华=hua 俊=jun
    浩=hao 宇=yu 博=bo 天=tian 林=lin 海=hai 峰=feng 龙=long 波=bo 斌=bin 王=wang 李=li 张=zhang
    刘=liu 陈=chen 杨=yang 黄=huang 赵=zhao 吴=wu 周=zhou 徐=xu 孙=sun 马=ma 朱=zhu 胡=hu 郭=guo
    何=he 高=gao 罗=luo 郑=zheng 梁=liang 谢=xie 宋=song 唐=tang 许=xu 韩=han 冯=feng 邓=deng
    曹=cao 彭=peng 曾=zeng 肖=xiao 田=tian 董=dong 潘=pan 袁=yuan 蔡=cai 蒋=jiang 余=yu 于=yu 杜=du
    叶=ye 程=cheng 魏=wei 苏=su 吕=lü 丁=ding 任=ren 沈=shen
        """
    )
)
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})
_WITHOUT_MARK = str.maketrans(
    {"Ł": "L", "ł": "l", "ı": "i", "İ": "I", "ʻ": "'", "ʼ": "'", "‘": "'", "’": "'", "ß": "ss", "æ": "ae", "ø": "o"}
)


def from_cyrillic(text: str, *, german: bool = False, ukrainian: bool = False) -> str:
    """Cyrillic in Latin letters, as in a passport (a Ukrainian one reads some letters otherwise), or the German way."""
    column = 1 if german else 0
    letters = []
    for char in text:
        low = char.lower()
        if low in _SILENT:
            continue
        latin = _UKRAINIAN.get(low) if ukrainian and low in _UKRAINIAN else _CYRILLIC.get(low)
        letters.append(char if latin is None else _like(char, latin.split()[column]))
    return "".join(letters)


def uzbek_to_cyrillic(text: str) -> str:
    """Uzbek in Latin letters (with ʻ) in the Cyrillic that older papers have."""
    out, place, low = "", 0, text.lower()
    while place < len(text):
        for latin, cyrillic in _UZBEK:
            if low.startswith(latin, place):
                at_start = latin == "e" and place == 0
                out += _like(text[place], "э" if at_start else cyrillic)
                place += len(latin)
                break
        else:
            out += text[place]
            place += 1
    return out


def from_hanzi(text: str) -> str:
    """Chinese characters as pinyin without tones, one word, with a capital."""
    return "".join(_PINYIN[char] for char in text).capitalize()


def without_marks(text: str) -> str:
    """The text in ASCII, umlauts written as two letters, other marks dropped."""
    text = unicodedata.normalize("NFKD", text.translate(_UMLAUTS).translate(_WITHOUT_MARK))
    return text.encode("ascii", "ignore").decode()


def bare(text: str) -> str:
    """The text in ASCII with every mark dropped, umlauts too: what a foreign keyboard makes of it."""
    text = unicodedata.normalize("NFKD", text.translate(_WITHOUT_MARK))
    return text.encode("ascii", "ignore").decode()


def in_latin1(text: str) -> str:
    """The text with only the letters that Latin-1 has, as the tills' system stores it."""
    return "".join(char if ord(char) < 256 else without_marks(char) for char in text)


def garbled(text: str) -> str:
    """UTF-8 read as Latin-1: what becomes of a name on the way through two systems that do not agree."""
    return text.encode("utf-8").decode("latin-1")


def _like(pattern: str, text: str) -> str:
    return text.capitalize() if pattern.isupper() else text
