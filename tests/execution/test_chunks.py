import pytest

from skdeeplift.execution.chunks import MOST_REFERENCES, choose_chunking, pieces, power_of_two_above, power_of_two_below


@pytest.mark.parametrize("n_rows", [1, 3, 64, 100, 1000])
@pytest.mark.parametrize("n_references", [1, 7, 100, 1001])
@pytest.mark.parametrize("batch_size", [1, 10, 256, 5000])
def test_chunks_are_within_the_batch_size(n_rows, n_references, batch_size):
    size = choose_chunking(n_rows, n_references, batch_size)
    assert size.rows * size.references <= batch_size
    assert size.references <= MOST_REFERENCES
    assert size.rows == power_of_two_below(size.rows)


def test_calls_of_all_sizes_share_few_shapes():
    shapes = set()
    for n_rows in range(1, 1000):
        size = choose_chunking(n_rows, 1, 256)
        shapes |= {padded for _, _, padded in pieces(n_rows, size.rows)}
    assert shapes == {1, 2, 4, 8, 16, 32, 64, 128, 256}


def test_pieces_cover_all_rows_and_pad_only_the_last():
    assert list(pieces(11, 4)) == [(0, 4, 4), (4, 8, 4), (8, 11, 4)]
    assert list(pieces(9, 4)) == [(0, 4, 4), (4, 8, 4), (8, 9, 1)]


def test_powers_of_two():
    assert [power_of_two_above(number) for number in (1, 2, 3, 8, 9)] == [1, 2, 4, 8, 16]
    assert [power_of_two_below(number) for number in (0, 1, 2, 3, 8, 9)] == [1, 1, 2, 2, 8, 8]
