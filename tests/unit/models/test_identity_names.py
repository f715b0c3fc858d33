"""Names in several scripts and spellings: which meet, and which must not."""

import itertools

import polars as pl
import pytest

from models.identity.names import Familiar, latin, mapped, sound, split_full_name

# Spellings of one name that records of one person hold: Cyrillic, English, German, French, Polish; Chinese, Pinyin.
SAME = [
    ["Шевченко", "Shevchenko", "Schewtschenko", "Chevtchenko", "Szewczenko"],
    ["Чайковский", "Tchaikovsky", "Tschaikowski", "Tchaïkovski", "Czajkowski"],
    ["Горбачёв", "Gorbachev", "Gorbačev"],
    ["Ольга", "Olga", "OLGA", "olga"],
    ["Müller", "Mueller", "Muller", "MÜLLER"],
    ["李", "Li"],
    ["志明", "Zhiming", "Zhi Ming", "Zhi-Ming"],
    ["O'Brien", "O’Brien", "OBrien", "O`Brien"],  # noqa: RUF001
    ["Jansson", "Jánsson"],
    ["Philipp", "Filip"],
    ["Yuri", "Juri", "Юрий"],
]
# Different people: other names, the name of a brother, the name of a wife.
DIFFERENT = [
    ("Weber", "Fischer"),
    ("Ivanov", "Ivanova"),
    ("Иванов", "Иванова"),
    ("Anna", "Hanna"),
    ("Anna", "Anne"),
    ("Maria", "Mario"),
    ("Tim", "Tom"),
    ("Paul", "Paula"),
    ("Ivan", "Ira"),
    ("李", "王"),
    ("Hansen", "Jensen"),
    ("Customer 1", "Customer 11"),
]


def heard(name: str) -> str:
    return sound(latin(name))


@pytest.mark.parametrize("spellings", SAME, ids=lambda spellings: spellings[1])
def test_spellings_of_one_name_share_a_sound(spellings: list[str]) -> None:
    sounds = {name: heard(name) for name in spellings}
    assert len(set(sounds.values())) == 1, sounds
    assert "" not in sounds.values()


@pytest.mark.parametrize("names", DIFFERENT, ids="-".join)
def test_different_names_do_not(names: tuple[str, str]) -> None:
    assert heard(names[0]) != heard(names[1])


def test_the_families_of_spellings_do_not_meet_each_other() -> None:
    for ones, others in itertools.combinations(SAME, 2):
        assert heard(ones[0]) != heard(others[0])


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("Müller-Lüdenscheidt", "muellerluedenscheidt"),
        ("Groß", "gross"),
        ("åse", "aase"),
        ("d’Artagnan", "dartagnan"),  # noqa: RUF001
        ("  ANNA  MARIA ", "annamaria"),
        ("Иван", "ivan"),
        ("Ольга", "olga"),
        ("José", "jose"),
        ("李", "li"),
        ("anna2", "anna2"),
        ("123", "123"),
        ("", ""),
        ("…!?", ""),
    ],
)
def test_latin_leaves_letters_and_digits(text: str, letters: str) -> None:
    assert latin(text) == letters


@pytest.mark.parametrize(
    "name",
    [
        "Müller",
        "Jörg",
        "Øyvind",
        "Ольга",
        "çelik",
        "Åse",
    ],
)
def test_capitals_make_no_other_letters(name: str) -> None:
    assert latin(name.upper()) == latin(name.lower())


def test_a_name_without_letters_has_no_sound() -> None:
    assert sound("") == ""


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Weber, Anna", ("Anna", "Weber")),
        ("Weber,Anna Maria", ("Anna Maria", "Weber")),
        ("Weber,", ("", "Weber")),
        (", Anna", ("Anna", "")),
        ("Anna Weber", ("Anna", "Weber")),
        ("Anna Maria Weber", ("Anna Maria", "Weber")),
        ("  Anna   Weber ", ("Anna", "Weber")),
        ("李志明", ("志明", "李")),
        ("欧阳志明", ("志明", "欧阳")),
        ("歐陽鋒", ("鋒", "歐陽")),
        ("王芳", ("芳", "王")),
        ("Weber", ("", "Weber")),
        (" Weber ", ("", "Weber")),
        ("Ольга Шевченко", ("Ольга", "Шевченко")),
        ("", ("", "")),
        ("   ", ("", "")),
    ],
)
def test_a_full_name_is_taken_apart(name: str, parts: tuple[str, str]) -> None:
    assert split_full_name(name) == parts


FAMILIAR = Familiar(
    [("Robert", "Bob"), ("Robert", "Rob"), ("Roberta", "Bob"), ("Александр", "Саша"), ("Александра", "Саша")]
)


def forms(name: str) -> set[str]:
    return set(FAMILIAR.forms(latin(name)))


def test_a_familiar_form_stands_for_all_names_that_have_it() -> None:
    assert forms("Bob") == {heard("Bob"), heard("Robert"), heard("Roberta")}
    assert forms("Rob") == {heard("Rob"), heard("Robert")}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bob", "Robert"),
        ("Bob", "Rob"),
        ("Саша", "Александр"),
        ("Sasha", "Александр"),
        ("Саша", "Aleksandr"),
        ("Sascha", "Aleksandra"),
        ("Sascha", "Alexandra"),
    ],
)
def test_familiar_forms_meet_their_names_in_either_script(one: str, other: str) -> None:
    assert forms(one) & forms(other)


def test_the_name_in_the_passport_stands_for_itself_only() -> None:
    assert forms("Robert") == {heard("Robert")}
    assert not forms("Robert") & forms("Roberta")


@pytest.mark.parametrize("name", ["Weber", "Ольга", "Xyz"])
def test_an_unknown_name_stands_for_itself(name: str) -> None:
    assert forms(name) == {heard(name)}


def test_no_name_stands_for_nothing() -> None:
    assert FAMILIAR.forms("") == []
    assert Familiar([]).forms("anna") == [heard("Anna")]


def test_forms_are_sorted_whatever_the_order_of_the_list() -> None:
    pairs = [("Robert", "Bob"), ("Roberta", "Bob"), ("Bobbie", "Bob")]
    assert {tuple(Familiar(order).forms("bob")) for order in itertools.permutations(pairs)} == {
        tuple(sorted(map(heard, ("Bob", "Robert", "Roberta", "Bobbie"))))
    }


def test_mapped_keeps_order_repeats_and_nulls() -> None:
    texts = pl.Series(["b", None, "a", "b"])
    assert mapped(texts, str.upper, pl.String()).to_list() == ["B", None, "A", "B"]
    assert mapped(pl.Series([], dtype=pl.String), str.upper, pl.String()).to_list() == []
    assert mapped(pl.Series([None, None], dtype=pl.String), str.upper, pl.String()).to_list() == [None, None]


def test_mapped_asks_once_for_each_distinct_text() -> None:
    asked: list[str] = []

    def note(text: str) -> str:
        asked.append(text)
        return text

    mapped(pl.Series(["a", "b", "a", "a"]), note, pl.String())
    assert sorted(asked) == ["a", "b"]
