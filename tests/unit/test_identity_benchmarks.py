"""What the benchmarks of identity measure with: drawn links and people, typing errors, SQL beside, sets and scores."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from benchmarks import identity_exact, identity_links, identity_slips
from benchmarks.identity_accuracy import same_name_and_birth_date
from benchmarks.identity_labels import ALGORITHMS, connect
from benchmarks.identity_people import COLUMNS, HOUSEHOLD_SIZES, SOURCES, people
from benchmarks.identity_scores import pairwise_scores, scored
from benchmarks.identity_sets import SETS, TRUTH_COLUMNS


def _near(found: int, tries: int, rate: float) -> bool:
    """Whether a count lies within four standard deviations of what the rate says; one seed in 16,000 does not."""
    return abs(found - tries * rate) <= 4 * (tries * rate * (1 - rate)) ** 0.5


# --- links ---------------------------------------------------------------------------------------------------------


def test_links_are_the_same_for_one_seed_and_others_for_another():
    assert identity_links.draw(2_000, seed=1).equals(identity_links.draw(2_000, seed=1))
    assert not identity_links.draw(2_000, seed=1).equals(identity_links.draw(2_000, seed=2))


def test_links_have_their_number_and_none_comes_twice():
    drawn = identity_links.draw(5_000)
    assert drawn.height == 8_000
    assert drawn["record"].unique().sort().equals(pl.Series(range(5_000), dtype=pl.Int32), check_names=False)
    assert not drawn.select("record", "kind", "value").is_duplicated().any()
    assert set(drawn["kind"].unique()) == set(range(len(identity_links.KINDS)))


def test_a_fiftieth_of_the_records_hang_in_chains():
    # 2 % of 200,000 are 4,000 records: too few for two long chains, so one chain holds nearly all of them.
    drawn = identity_links.draw(200_000)
    assert identity_links.expected(drawn)["largest_customer"] >= 2_000


def test_too_few_records_are_refused():
    with pytest.raises(ValueError, match="at least 1,000"):
        identity_links.draw(999)


def test_expected_customers_by_hand():
    # 0 and 1 share an e-mail (2, 7), 1 and 2 a number (3, 7); the account (0, 7) has the same number as another kind.
    # 3 to 53 are 51 records with one number, which is over the limit of 50; 53 is 3's by an account.
    rows = [(0, 2, 7), (1, 2, 7), (1, 3, 7), (2, 3, 7), (2, 0, 7), (3, 0, 8), (53, 0, 8)]
    rows += [(record, 3, 9) for record in range(3, 54)]
    drawn = pl.DataFrame(rows, schema=["record", "kind", "value"], orient="row")
    # {0, 1, 2}, {3, 53}, and 4 to 52 alone.
    assert identity_links.expected(drawn) == {"customers": 51, "largest_customer": 3, "blocked_values": 1}


@pytest.fixture(scope="module")
def links(tmp_path_factory):
    folder = tmp_path_factory.mktemp("links")
    return folder, identity_links.write(folder, 2_000)


def test_the_models_find_what_was_drawn(links):
    folder, known = links
    rows = pl.read_parquet(folder / "links.parquet")
    assert rows.height == known["links"] == 3_200
    records, counts = identity_exact.resolved(rows, None, identity_exact.FIRST_RUN)
    assert records["customer_id"].n_unique() == known["customers"]
    assert {name: counts[name] for name in ("records", "customers", "largest_customer", "blocked_values")} == {
        name: known[name] for name in ("records", "customers", "largest_customer", "blocked_values")
    }


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_sql_beside_finds_the_same_customers(links, tmp_path, algorithm):
    # Long enough for the chains of so few records, 40 in all.
    folder, known = links
    told = connect(algorithm, folder / "links.parquet", tmp_path / "out.parquet", seconds=60, memory="1GB")
    assert told["is_finished"]
    assert told["customers"] == known["customers"]
    ours, _ = identity_exact.resolved(pl.read_parquet(folder / "links.parquet"), None, identity_exact.FIRST_RUN)
    both = ours.join(pl.read_parquet(tmp_path / "out.parquet"), on=["source", "source_record_id"])
    assert both.height == 2_000
    assert both.select("customer_id", "label").n_unique() == known["customers"]


def test_sql_that_takes_too_long_is_stopped_and_says_so(tmp_path):
    # One chain of 4,000 records: labels walk along it, one step of two records a round.
    chain = [("a", f"{record:05}", "email", f"{record + step}") for record in range(4_000) for step in (0, 1)]
    names = ["source", "source_record_id", "kind", "value"]
    pl.DataFrame(chain, schema=names, orient="row").write_parquet(tmp_path / "links.parquet")
    out = tmp_path / "out.parquet"
    told = connect("labels", tmp_path / "links.parquet", out, seconds=0.5, memory="1GB")
    assert not told["is_finished"]
    assert told["seconds"] < 10
    assert "customers" not in told
    assert not out.exists()


# --- people --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawn_people():
    return people(20_000)


def test_people_are_the_same_for_one_seed_and_others_for_another():
    one, other = people(500, seed=1), people(500, seed=1)
    assert one[0].equals(other[0])
    assert one[1].equals(other[1])
    assert not one[0].equals(people(500, seed=2)[0])


def test_people_have_one_row_and_one_truth_per_record(drawn_people):
    profiles, truth = drawn_people
    assert profiles.columns == list(COLUMNS)
    assert profiles.schema["birth_date"] == pl.Date
    assert truth.columns == list(TRUTH_COLUMNS)
    assert profiles.height == truth.height == 20_000
    keys = ["source", "source_record_id"]
    assert profiles.select(keys).n_unique() == 20_000
    assert profiles.select(keys).equals(truth.select(keys))


def test_six_in_ten_people_have_two_to_four_records(drawn_people):
    sizes = drawn_people[1].group_by("person_id").len()["len"]
    assert sizes.max() == 4
    assert _near(int((sizes > 1).sum()), sizes.len(), 0.60)


def test_what_a_source_does_not_know_is_missing(drawn_people):
    profiles, _ = drawn_people
    for source in SOURCES:
        mine = profiles.filter(pl.col("source") == source.name)
        assert _near(mine.height, 20_000, source.share)
        assert _near(mine["email"].null_count(), mine.height, source.missing["email"])
        assert _near(mine["birth_date"].null_count(), mine.height, source.missing["birth_date"])
        # An address is missing as a whole, or a part of it is.
        address = mine.select("street", "postal_code", "city", "country_code")
        gone = address.select(pl.all_horizontal(pl.all().is_null()).sum()).item()
        assert _near(gone, mine.height, source.missing["address"])


def test_a_phone_is_shared_within_a_household_only(drawn_people):
    profiles, truth = drawn_people
    known = profiles.join(truth, on=["source", "source_record_id"]).drop_nulls("phone")
    owners = known.group_by("phone").agg(pl.col("person_id").n_unique())["person_id"]
    assert (owners > 1).sum() > 100
    assert owners.max() <= len(HOUSEHOLD_SIZES)


def test_names_come_in_several_scripts(drawn_people):
    names = drawn_people[0]["last_name"].drop_nulls()
    for letters in (r"\p{Latin}", r"\p{Cyrillic}", r"\p{Greek}", r"\p{Han}", r"\p{Arabic}"):
        assert names.str.contains(letters).sum() > 10


# --- slips ---------------------------------------------------------------------------------------------------------


def test_only_the_chosen_texts_slip_and_each_by_one_letter(monkeypatch):
    monkeypatch.setattr(identity_slips, "AGAIN_RATE", 0.0)
    # No letter comes twice, so that every slip shows.
    texts = pl.Series(["Schmidt"] * 20_000)
    who = np.arange(20_000) % 2 == 0
    slipped = identity_slips.slipped(texts, who, np.random.default_rng(3))
    assert (slipped.filter(pl.Series(~who)) == "Schmidt").all()
    changed = slipped.filter(pl.Series(who))
    assert (changed != "Schmidt").all()
    length = changed.str.len_chars()
    wrong, missing, extra, swapped = identity_slips.KINDS
    assert _near(int((length == 6).sum()), 10_000, missing)
    assert _near(int((length == 8).sum()), 10_000, extra)
    assert _near(int((length == 7).sum()), 10_000, wrong + swapped)
    # Swapped letters are the same letters.
    same = changed.str.split("").list.sort().list.join("") == "Scdhimt"
    assert _near(int(same.sum()), 10_000, swapped)


def test_what_is_missing_or_short_does_not_slip():
    texts = pl.Series([None, "", "A"], dtype=pl.String)
    assert identity_slips.slipped(texts, np.ones(3, dtype=np.bool_), np.random.default_rng(3)).equals(texts)


def test_a_digit_goes_wrong_to_a_digit():
    texts = pl.Series(["10115"] * 1_000)
    slipped = identity_slips.slipped(texts, np.ones(1_000, dtype=np.bool_), np.random.default_rng(3))
    assert slipped.str.contains(r"^\d+$").all()


def test_dates_slip_to_dates():
    days = np.array(["1999-03-05", "1999-03-25"] * 5_000, dtype="datetime64[D]")
    slipped = identity_slips.slipped_dates(days, np.ones(10_000, dtype=np.bool_), np.random.default_rng(3))
    assert (slipped != days).all()
    early, late = slipped[::2], slipped[1::2]
    assert _near(int((early == np.datetime64("1999-05-03")).sum()), 5_000, identity_slips.DATE_KINDS[0])
    # Day 25 is no month: only the day, the month or the year is another.
    assert set(late.astype("datetime64[D]").astype(str)) == {
        "1999-03-15", "1999-03-24", "1999-03-26", "1999-02-25", "1999-04-25",
        "1989-03-25", "1998-03-25", "2000-03-25", "2009-03-25",
    }  # fmt: skip


def test_dates_that_are_not_chosen_stay():
    days = np.array(["2000-02-29"] * 10, dtype="datetime64[D]")
    assert (identity_slips.slipped_dates(days, np.zeros(10, dtype=np.bool_), np.random.default_rng(3)) == days).all()


# --- scores --------------------------------------------------------------------------------------------------------


def test_scores_by_hand():
    # Joined: three pairs in a, one in b. True: one pair of 1, three of 2. In both: the pair of 1 in a, that of 2 in b.
    scores = pairwise_scores(pl.Series(["a", "a", "a", "b", "b", "c"]), pl.Series([1, 1, 2, 2, 2, 3]))
    assert (scores.both, scores.joined, scores.true) == (2, 4, 4)
    assert (scores.precision, scores.recall, scores.f1) == (0.5, 0.5, 0.5)


def test_precision_and_recall_are_not_taken_for_each_other():
    # One of the six pairs of a person is joined, and nothing else.
    scores = pairwise_scores(pl.Series(["a", "a", "b", "c"]), pl.Series([1, 1, 1, 1]))
    assert (scores.precision, scores.recall) == (1.0, 1 / 6)
    assert scores.f1 == pytest.approx(2 / 7, abs=1e-15)


def test_scores_where_nothing_is_joined_or_nothing_is_true():
    nothing_joined = pairwise_scores(pl.Series(["a", "b"]), pl.Series([1, 1]))
    assert (nothing_joined.precision, nothing_joined.recall, nothing_joined.f1) == (1.0, 0.0, 0.0)
    nothing_true = pairwise_scores(pl.Series(["a", "a"]), pl.Series([1, 2]))
    assert (nothing_true.precision, nothing_true.recall, nothing_true.f1) == (0.0, 1.0, 0.0)


def test_scores_count_pairs_beyond_32_bits():
    # 100,000 records of one person in one customer: 100,000 * 99,999 / 2 pairs.
    same = pl.repeat("a", 100_000, eager=True)
    assert pairwise_scores(same, same).both == 4_999_950_000


def test_scores_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match="2 records with a cluster, but 1 with a truth"):
        pairwise_scores(pl.Series(["a", "b"]), pl.Series([1]))
    with pytest.raises(ValueError, match="1 records without a cluster"):
        pairwise_scores(pl.Series(["a", None]), pl.Series([1, 2]))


def _customers(rows):
    return pl.DataFrame(rows, schema=["source", "source_record_id", "customer_id"], orient="row")


def test_customers_and_truth_are_matched_by_record():
    truth = pl.DataFrame({"source": ["s", "s", "t"], "source_record_id": ["1", "2", "1"], "person_id": ["p", "q", "p"]})
    right = _customers([("t", "1", "c1"), ("s", "2", "c2"), ("s", "1", "c1")])
    assert scored(right, truth).f1 == 1.0
    with pytest.raises(ValueError, match="2 customers' records, 3 with a truth"):
        scored(right.head(2), truth)
    with pytest.raises(ValueError, match="customers holds 1 records more than once"):
        scored(pl.concat([right, right.head(1)]), truth)


def test_records_of_equal_names_and_birth_dates_are_joined():
    profiles = pl.DataFrame(
        {
            "source": ["s"] * 5,
            "source_record_id": list("12345"),
            "first_name": ["Ann", "ANN", "Ann", None, None],
            "last_name": ["Lee", "lee", "Lee", "Lee", "Lee"],
            "birth_date": [date(1990, 1, 2), date(1990, 1, 2), date(1990, 2, 1), date(1990, 1, 2), date(1990, 1, 2)],
        }
    )
    assert same_name_and_birth_date(profiles)["customer_id"].to_list() == [0, 0, 2, 3, 4]


# --- public sets ---------------------------------------------------------------------------------------------------

FILES = {
    "fake_1000": {
        "splink/fake_1000.csv": "unique_id,first_name,surname,dob,city,email,cluster\n"
        "0,Ann,Lee,1971-06-24,,a@x.example,7\n1,,Lee,1971-06-31,Rome,,7\n"
    },
    "febrl3": {
        "febrl/dataset3.csv": "rec_id, given_name, surname, street_number, address_1, address_2, suburb, postcode, "
        "state, date_of_birth, soc_sec_id\n"
        "rec-12-org, ann, lee, 6, high street, villa, perth, 0812, wa, 19560409, 1\n"
        "rec-12-dup-0, , lee, , high street, , perth, 0812, wa, , 2\n"
    },
    "rldata500": {
        "rldata/RLdata500.csv": "fname_c1,fname_c2,lname_c1,lname_c2,by,bm,bd\nCARSTEN,,MEIER,,1949,7,22\n"
        "ANNA,EVA,BERG,,1950,12,1\n",
        "rldata/identity.RLdata500.csv": "identity.RLdata500\n34.0\n51.0\n",
    },
}
READ = {
    "fake_1000": (
        [
            ("fake_1000", "0", "Ann", "Lee", date(1971, 6, 24), None, None, None, None, "a@x.example", None),
            ("fake_1000", "1", None, "Lee", None, None, None, "Rome", None, None, None),
        ],
        ["7", "7"],
    ),
    "febrl3": (
        [
            ("febrl3", "1", "ann", "lee", date(1956, 4, 9), "6 high street", "0812", "perth", "AU", None, None),
            ("febrl3", "2", None, "lee", None, "high street", "0812", "perth", "AU", None, None),
        ],
        ["12", "12"],
    ),
    "rldata500": (
        [
            ("rldata500", "1", "CARSTEN", "MEIER", date(1949, 7, 22), None, None, None, None, None, None),
            ("rldata500", "2", "ANNA EVA", "BERG", date(1950, 12, 1), None, None, None, None, None, None),
        ],
        ["34.0", "51.0"],
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_set_is_read_by_mapping_its_columns(tmp_path, name):
    for file, text in FILES[name].items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text, encoding="utf-8")
    profiles, truth = next(one for one in SETS if one.name == name).frames(tmp_path)
    rows, persons = READ[name]
    assert profiles.columns == list(COLUMNS)
    assert profiles.rows() == rows
    assert truth.rows() == [(*row[:2], person) for row, person in zip(rows, persons, strict=True)]


def test_a_set_that_is_not_there_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="febrl1 is not there"):
        next(one for one in SETS if one.name == "febrl1").frames(tmp_path)
