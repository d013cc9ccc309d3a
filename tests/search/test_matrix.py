import numpy as np
import pyarrow as pa

from lapel.search.collection import matrix


def test_a_column_of_vectors_is_a_matrix_and_an_empty_cell_is_zeros() -> None:
    kind = pa.list_(pa.float32(), 3)
    whole = pa.array([[1, 2, 3], [4, 5, 6]], kind)
    np.testing.assert_array_equal(matrix(whole), [[1, 2, 3], [4, 5, 6]])
    gaps = pa.chunked_array([pa.array([None, [1, 2, 3]], kind), pa.array([None], kind)])
    np.testing.assert_array_equal(matrix(gaps), [[0, 0, 0], [1, 2, 3], [0, 0, 0]])
    assert matrix(pa.array([None, None], kind)).shape == (2, 3) and matrix(gaps).dtype == np.float32
