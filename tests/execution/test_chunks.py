from itertools import product

import pytest

from skdeeplift.execution.chunks import (
    MOST_NUMBERS,
    MOST_REFERENCES,
    Chunking,
    Part,
    choose_chunking,
    choose_chunking_of_copies,
    pieces,
    power_of_two_above,
    power_of_two_below,
)


def test_chunks_are_within_the_batch_size():
    for n_rows, n_references, batch_size in product([1, 3, 64, 100, 1000], [1, 7, 100, 1001], [1, 10, 256, 5000]):
        size = choose_chunking(n_rows, n_references, batch_size)
        case = f"{size} for {n_rows} rows, {n_references} references and {batch_size=}"
        assert size.rows * size.references <= batch_size, case
        assert size.references <= MOST_REFERENCES, case
        assert size.rows == power_of_two_below(size.rows), case


def test_calls_of_all_sizes_share_few_shapes():
    shapes = set()
    for n_rows in range(1, 1000):
        size = choose_chunking(n_rows, 1, 256)
        shapes |= {padded for _, _, padded in pieces(n_rows, size.rows)}
    assert shapes == {1, 2, 4, 8, 16, 32, 64, 128, 256}


def test_pieces_cover_all_rows_and_pad_only_the_last():
    assert list(pieces(11, 4)) == [(0, 4, 4), (4, 8, 4), (8, 11, 4)]
    # The table of devices says that 1024 rows take as long as one more call.
    assert list(pieces(2500, 4096)) == [(0, 2048, 2048), (2048, 2500, 512)]
    assert list(pieces(1500, 4096)) == [(0, 1500, 2048)]
    assert list(pieces(3400, 4096)) == [(0, 3400, 4096)]
    assert list(pieces(10, 16)) == [(0, 10, 16)]
    assert list(pieces(9, 4)) == [(0, 4, 4), (4, 8, 4), (8, 9, 1)]


@pytest.mark.parametrize("n_rows", range(1, 71))
def test_little_is_padded_where_a_row_takes_longer_than_a_call(n_rows):
    padded = [size for _, _, size in pieces(n_rows, 64, many=1)]
    assert sum(padded) <= 1.25 * n_rows
    assert len(padded) <= 4


def test_powers_of_two():
    assert [power_of_two_above(number) for number in (1, 2, 3, 8, 9)] == [1, 2, 4, 8, 16]
    assert [power_of_two_below(number) for number in (0, 1, 2, 3, 8, 9)] == [1, 1, 2, 2, 8, 8]


def test_chunks_of_copies():
    numbers = product([1, 3, 100, 5000], [(1, 1), (300, 10), (7, 1000)], [1, 10, 5000], [1, 784, 10**6])
    for n_rows, (n_references, n_targets), batch_size, n_copies in numbers:
        size = choose_chunking_of_copies(n_rows, n_references, batch_size, n_targets, n_copies, 3 * n_copies)
        case = f"{size} for {n_rows} rows, {n_references} references, {n_targets=}, {batch_size=} and {n_copies=}"
        assert size.rows * size.references <= batch_size, case
        assert size.references <= MOST_REFERENCES, case
        assert size.rows * size.references * size.targets * 3 * n_copies <= max(MOST_NUMBERS, 3 * n_copies), case
        assert size.rows == power_of_two_below(size.rows) <= power_of_two_above(n_rows), case


def test_many_copies_leave_little_to_be_padded():
    """Where a batch is full anyhow, a chunk of all rows would only be padded."""
    size = choose_chunking_of_copies(100, 1, 1000, 1, 784, 784).rows
    assert sum(padded for _, _, padded in pieces(100, size)) == 100
    assert choose_chunking_of_copies(100, 1, 1000, 1, 2, 2).rows == 128


@pytest.mark.parametrize("size", [(16, 3, 2), (1, 7, 1), (8, 1, 5), (1, 1, 3)])
def test_halves_are_all_of_a_part(size):
    def smallest(part):
        halves = part.halves()
        assert all(half.first_target == 1 for half in halves)
        return [each for half in halves for each in smallest(half)] if halves else [part]

    whole = Part(20, 20 + max(1, size[0] - 3), 5, 5 + size[1], Chunking(*size), first_target=1)
    parts = smallest(whole)
    assert {part.size for part in parts} == {(1, 1, 1)}
    pairs = [(part.start, part.first) for part in parts]
    assert sorted(pairs) == [(row, first) for row in range(20, whole.stop) for first in range(5, whole.last)]
    assert all(part.stop - part.start == part.last - part.first == 1 for part in parts)
