"""Byte-pair merges of our own, in the file that open_clip's `SimpleTokenizer` reads as `bpe_path`.

The vocabulary that results is 256 bytes, the same 256 at the end of a word, one token a merge, and the
two special tokens, in this order; so `vocab_size(len(merges))` is what a model config must name.
Any text can be written with it, since every byte is a token.
"""

from __future__ import annotations

import gzip
import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from open_clip.tokenizer import SimpleTokenizer

from ..._files import FOLDER_MEND, atomic_file

Pair = tuple[str, str]

BYTE_TOKENS = 512
SPECIAL_TOKENS = 2
# SimpleTokenizer reads this many lines after the header and silently leaves out the rest.
MAX_MERGES = 49152 - 256 - 2
HEADER = "#promptbrush byte pairs"


def vocab_size(merges: int) -> int:
    """Number of tokens of a tokenizer with this many merges."""
    return BYTE_TOKENS + merges + SPECIAL_TOKENS


def train_bpe(captions: Iterable[str], merges: int, min_count: int = 2) -> list[Pair]:
    """Byte-pair merges of a corpus (Sennrich et al. 2016), cleaned and cut into words as open_clip does.

    Args:
        captions: any texts.
        merges: how many to make at most; fewer come back when no pair is left that occurs `min_count` times
            (a grammar's few words are soon whole), so size the model by the length of the result.
        min_count: the rarest pair worth a token.

    Returns:
        Pairs in order of priority. No two of them spell the same token, ties go by spelling, so the
        result depends only on the captions' words.
    """
    words = _count_words(captions)
    table = _PairTable(words)
    made: list[Pair] = []
    spelt: set[str] = set()
    while len(made) < min(merges, MAX_MERGES) and (pair := table.most_common(min_count)) is not None:
        # Two ways to one token would leave a gap in the ids, so the second way is never taken.
        if "".join(pair) in spelt:
            table.forbid(pair)
            continue
        spelt.add("".join(pair))
        made.append(pair)
        table.merge(pair)
    return made


def write_merges(merges: list[Pair], path: str | Path) -> None:
    """Write the gzip file that `SimpleTokenizer(bpe_path=path)` loads; same merges, same bytes.

    Raises:
        InputFileError: it cannot be written.
    """
    # No newline at the end: the reader would take the empty last line for a merge.
    text = "\n".join([HEADER, *(f"{left} {right}" for left, right in merges)])
    # mtime 0, so that a rebuilt pack has the same hash.
    with atomic_file(path, FOLDER_MEND) as temporary:
        temporary.write_bytes(gzip.compress(text.encode("utf-8"), mtime=0))


def _count_words(captions: Iterable[str]) -> dict[tuple[str, ...], int]:
    tokenizer = SimpleTokenizer()
    counts: Counter[str] = Counter()
    for caption in captions:
        counts.update(tokenizer.pat.findall(tokenizer.clean_fn(caption)))
    words: Counter[tuple[str, ...]] = Counter()
    for word, count in counts.items():
        letters = [tokenizer.byte_encoder[byte] for byte in word.encode("utf-8")]
        letters[-1] += "</w>"
        words[tuple(letters)] += count
    return dict(words)


class _PairTable:
    """How often each neighbouring pair occurs, kept right while pairs are merged."""

    def __init__(self, words: dict[tuple[str, ...], int]) -> None:
        self.words = [(list(letters), count) for letters, count in words.items()]
        self.counts: Counter[Pair] = Counter()
        self.where: defaultdict[Pair, set[int]] = defaultdict(set)
        self.forbidden: set[Pair] = set()
        for index in range(len(self.words)):
            self._add(index, 1)
        self.heap = [(-count, pair) for pair, count in self.counts.items()]
        heapq.heapify(self.heap)

    def most_common(self, min_count: int) -> Pair | None:
        """The most frequent pair that may still be merged."""
        while self.heap:
            negative, pair = self.heap[0]
            if -negative == self.counts[pair] and pair not in self.forbidden:
                return pair if -negative >= min_count else None
            heapq.heappop(self.heap)
        return None

    def forbid(self, pair: Pair) -> None:
        self.forbidden.add(pair)

    def merge(self, pair: Pair) -> None:
        """Join the pair in every word that has it."""
        touched: set[Pair] = set()
        for index in sorted(self.where[pair]):
            touched |= self._add(index, -1)
            letters, count = self.words[index]
            self.words[index] = (_join(letters, pair), count)
            touched |= self._add(index, 1)
        for each in touched:
            heapq.heappush(self.heap, (-self.counts[each], each))

    def _add(self, index: int, sign: int) -> set[Pair]:
        letters, count = self.words[index]
        pairs = list(itertools.pairwise(letters))
        for pair in pairs:
            self.counts[pair] += sign * count
            (self.where[pair].add if sign > 0 else self.where[pair].discard)(index)
        return set(pairs)


def _join(letters: list[str], pair: Pair) -> list[str]:
    joined: list[str] = []
    position = 0
    while position < len(letters):
        if tuple(letters[position : position + 2]) == pair:
            joined.append("".join(pair))
            position += 2
        else:
            joined.append(letters[position])
            position += 1
    return joined
