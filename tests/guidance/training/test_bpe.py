"""Own byte-pair merges must mean to open_clip's tokenizer what they meant in training."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from open_clip.tokenizer import SimpleTokenizer
from promptbrush.guidance.training.bpe import train_bpe, vocab_size, write_merges

CAPTIONS = [
    "a woman with long red hair",
    "a woman with short black hair, wearing glasses",
    "a man with a red beard",
    "A Café, it's 12 o'clock",
] * 3


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("bpe") / "bpe.txt.gz"
    write_merges(train_bpe(CAPTIONS, 500), path)
    return SimpleTokenizer(bpe_path=str(path), context_length=16)


def test_first_merge_is_the_most_frequent_pair():
    assert train_bpe(["ab ab ab cd cd"], 1) == [("a", "b</w>")]
    assert train_bpe(["xaby xabz zab0 abc"], 2) == [("a", "b"), ("x", "ab")]


def test_common_words_become_one_token(tokenizer):
    assert len(tokenizer.encode("woman hair café")) == 3


def test_ids_have_no_gap_and_end_with_the_special_tokens(tokenizer):
    merges = train_bpe(CAPTIONS, 500)
    size = vocab_size(len(merges))
    assert tokenizer.vocab_size == size
    assert sorted(tokenizer.encoder.values()) == list(range(size))
    assert tokenizer.eot_token_id == size - 1


def test_two_spellings_of_one_token_are_not_both_made():
    captions = ["abc ab ab ab xbc xbc bc bc bc", "abcd abcd zabc zabc " * 3]
    merges = train_bpe(captions, 100)
    assert len({"".join(pair) for pair in merges}) == len(merges)


def test_stops_when_every_word_is_whole():
    assert train_bpe(["ab ab"], 100) == [("a", "b</w>")]
    assert train_bpe([], 10) == []
    assert train_bpe(["ab"], 10) == []
    assert train_bpe(["ab"], 10, min_count=1) == [("a", "b</w>")]


def test_same_merges_same_bytes(tmp_path):
    merges = train_bpe(CAPTIONS, 50)
    write_merges(merges, tmp_path / "one.gz")
    write_merges(train_bpe(list(reversed(CAPTIONS)), 50), tmp_path / "two.gz")
    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()
    lines = gzip.decompress((tmp_path / "one.gz").read_bytes()).decode().split("\n")
    assert lines[1:] == [" ".join(pair) for pair in merges]


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8", categories=["L", "N", "S"]), max_size=30))
def test_every_text_can_be_written_and_read_back(tokenizer, text):
    words = tokenizer.pat.findall(tokenizer.clean_fn(text))
    assert tokenizer.decode(tokenizer.encode(text)).split() == [word for word in words if word.split()]
