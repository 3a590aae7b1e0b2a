"""A snapshot's tables are read as rows, or refused with the place that is wrong."""

import pyarrow
import pyarrow.parquet
import pytest

from tests.recipes.snapshots import comparison, demonstration, ranking, sha256, write_snapshot
from training.modelling.artifacts import RecipeError
from training.modelling.snapshots import (
    read_comparisons,
    read_demonstrations,
    read_rankings,
    read_soft_rankings,
    require_rows,
)


def test_it_reads_rankings(tmp_path):
    write_snapshot(tmp_path, rankings={"train": [ranking("Why?", ["a", "b", "c"], [2, 1, 2])]})
    (row,) = read_rankings(tmp_path, "train")
    assert (row.prompt, row.completions, row.ranks) == (
        [{"role": "user", "content": "Why?"}],
        ["a", "b", "c"],
        [2, 1, 2],
    )
    assert (row.prompt_sha256, row.annotator, row.domain, row.campaign) == (sha256("Why?"), "a1", "home", "c1")


def test_it_reads_what_a_ranking_weighs_and_none_from_a_snapshot_that_is_older(tmp_path):
    row = ranking("Why?", ["a", "b"], [1, 2], weight=0.3)
    write_snapshot(tmp_path, rankings={"train": [row]})
    assert [row.weight for row in read_rankings(tmp_path, "train")] == [0.3]
    file = tmp_path / "rankings" / "train.parquet"
    pyarrow.parquet.write_table(pyarrow.parquet.read_table(file).drop_columns(["weight"]), file)
    assert [row.weight for row in read_rankings(tmp_path, "train")] == [None]


def test_it_reads_how_sure_all_votes_make_one_of_each_pair(tmp_path):
    row = ranking("Why?", ["a", "b", "c"], [2, 1, 2])
    pairs = [comparison(row, 1, 2, 0.4), comparison(row, 1, 0, 0.9)]
    write_snapshot(tmp_path, rankings={"train": [row]}, comparisons={"train": pairs})
    (found,) = read_soft_rankings(tmp_path, "train")
    assert found.sure == {(1, 0): 0.9, (1, 2): 0.4}
    assert read_rankings(tmp_path, "train")[0].sure is None


def test_it_names_the_judgement_of_which_nothing_says_how_sure_its_pairs_are(tmp_path):
    row = ranking("Why?", ["a", "b"], [1, 2])
    for number, pairs in enumerate(([], [comparison(row, 0, 1, None)])):
        path = write_snapshot(tmp_path / f"{number}", rankings={"train": [row]}, comparisons={"train": pairs})
        with pytest.raises(RecipeError, match=f"how sure the pairs of judgement {row['judgement']} are"):
            read_soft_rankings(path, "train")


def test_it_reads_demonstrations_as_prompt_and_completion(tmp_path):
    write_snapshot(tmp_path, demonstrations={"test": [demonstration("Why?", "Because.")]})
    (row,) = read_demonstrations(tmp_path, "test")
    assert (row.prompt, row.completion) == ([{"role": "user", "content": "Why?"}], "Because.")


def test_it_reads_a_table_without_rows(tmp_path):
    write_snapshot(tmp_path)
    assert read_comparisons(tmp_path, "validation") == []


def test_it_names_a_row_that_is_not_a_ranking(tmp_path):
    good, bad = ranking("Why?", ["a", "b"], [1, 2]), ranking("How?", ["a", "b"], [1])
    write_snapshot(tmp_path, rankings={"train": [good, bad]})
    with pytest.raises(RecipeError, match="Row 2 of rankings/train .* 2 completions and 1 ranks"):
        read_rankings(tmp_path, "train")


def test_it_names_a_demonstration_without_an_answer(tmp_path):
    bad = demonstration("Why?", "Because.")
    bad["messages"] = bad["messages"][:1]
    write_snapshot(tmp_path, demonstrations={"train": [bad]})
    with pytest.raises(RecipeError, match="Row 1 of demonstrations/train .* does not end with an assistant"):
        read_demonstrations(tmp_path, "train")


def test_it_names_a_missing_file_and_a_missing_column(tmp_path):
    with pytest.raises(RecipeError, match=r"train.parquet does not exist; .* not a complete snapshot"):
        read_rankings(tmp_path, "train")
    write_snapshot(tmp_path)
    pyarrow.parquet.write_table(pyarrow.table({"prompt": ["x"]}), tmp_path / "rankings/train.parquet")
    with pytest.raises(RecipeError, match="lacks the column 'completions'"):
        read_rankings(tmp_path, "train")


def test_it_says_that_a_file_is_no_parquet(tmp_path):
    write_snapshot(tmp_path)
    (tmp_path / "rankings/train.parquet").write_text("not parquet at all")
    with pytest.raises(RecipeError, match="cannot be read as Parquet"):
        read_rankings(tmp_path, "train")


def test_it_says_that_there_is_nothing_to_train_on():
    with pytest.raises(RecipeError, match="has no rankings in its train split"):
        require_rows([], "rankings", "var/x")
