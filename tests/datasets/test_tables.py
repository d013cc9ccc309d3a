"""Tables are read as people write them; what cannot be read says what to change."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lapel.datasets import read
from lapel.errors import TableError, UnknownName

ROWS = "a.jpg,train,red,10.5,A fine red dress\nb.jpg,test,blue|red,7,Another one\nc.jpg,train,,,\nd.jpg,valid,blue,3,Blue\n"
HEADER = "image,split,color,price,name\n"


def csv(folder: Path, text: str, name: str = "labels.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def items(path: Path, **options: object):  # type: ignore[no-untyped-def]
    return read(path, **{"missing": "ignore"} | options)  # type: ignore[arg-type]


def test_a_plain_table(tmp_path: Path) -> None:
    table = items(csv(tmp_path, HEADER + ROWS))
    assert (table.name, len(table), table.root, table.complete) == (tmp_path.name, 4, tmp_path, True)
    assert table.vocabulary.to_dict() == {"color": ["blue", "red"]}
    assert table.metadata_names == ("price", "name")
    second = table[1]
    assert second.id == "b.jpg" and second.image == tmp_path / "b.jpg" and second.split == "test"
    assert second.labels == {"color": {"blue", "red"}} and second.metadata == {"price": 7.0, "name": "Another one"}
    third = table[2]
    assert third.labels == {} and third.metadata == {"price": None, "name": None}
    assert table.notes == (
        "Columns taken as: attributes color; free text name; numbers price. To decide yourself, name the attributes.",
    )


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_separators_marks_and_line_ends_of_other_programs(
    separator: str, encoding: str, newline: str, tmp_path: Path
) -> None:
    plain = items(csv(tmp_path, HEADER + ROWS, "plain.csv"))
    text = (HEADER + ROWS.replace("red", "rosé")).replace(",", separator).replace("\n", newline)
    table = items(csv(tmp_path, text, "other.csv", encoding))
    assert table.table.column_names == plain.table.column_names
    assert table.vocabulary["color"].values == ("blue", "rosé") and table.ids == plain.ids


def test_quoted_cells_hold_separators_quotes_and_line_breaks(tmp_path: Path) -> None:
    table = items(csv(tmp_path, 'image,"my, name"\na.jpg,"a ""b"", c\nd"\n"x,y.jpg",\n'))
    assert table[0].metadata == {"my, name": 'a "b", c\nd'} and table[1].image == tmp_path / "x,y.jpg"


@pytest.mark.parametrize("column", ["Image", "PATH", "file", "FileName", "image_path"])
def test_the_image_column_has_several_names_in_any_case(column: str, tmp_path: Path) -> None:
    assert items(csv(tmp_path, f"ID,{column},Split\n1,a.jpg,Val\n2,b.jpg,TRAIN\n")).table.to_pydict() == {
        "id": ["1", "2"],
        "image": ["a.jpg", "b.jpg"],
        "split": ["valid", "train"],
    }


def test_named_columns_win_over_the_guess_and_numbers_become_text(tmp_path: Path) -> None:
    rows = "".join(f"{n}.jpg,{2011 + n % 2},{'xyz'[n % 3]},00{n}\n" for n in range(12))
    path = csv(tmp_path, "image,year,kind,sku\n" + rows + "12.jpg,,,\n")
    assert items(path).vocabulary.names == ("kind",) and items(path)[0].metadata == {"year": 2011, "sku": "000"}
    named = items(path, attributes=["year"])
    assert named.vocabulary.to_dict() == {"year": ["2011", "2012"]} and named.metadata_names == ("kind", "sku")
    assert named[12].labels == {} and named.notes == ()
    assert items(path, metadata=["kind"]).vocabulary.names == ()


def test_gaps_do_not_turn_2011_into_2011_point_0(tmp_path: Path) -> None:
    written = csv(tmp_path, "image,year\na.jpg,2011.0\nb.jpg,\nc.jpg,2012.0\n")
    assert items(written, attributes=["year"]).vocabulary["year"].values == ("2011", "2012")
    pq.write_table(pa.table({"image": ["a", "b"], "year": [2011.0, None], "size": [1.5, 2.0]}), tmp_path / "t.parquet")
    table = items(tmp_path / "t.parquet", attributes=["year", "size"])
    assert table.vocabulary.to_dict() == {"year": ["2011"], "size": ["1.5", "2"]}


def test_label_cells_are_cleaned(tmp_path: Path) -> None:
    cells = [" red ", "red|", "|", "blue | red", "red||red", "   ", "V-shape", "v-shape"]
    path = csv(tmp_path, "image,color\n" + "".join(f"{n}.jpg,{cell}\n" for n, cell in enumerate(cells)))
    table = items(path, attributes=["color"])
    assert table.table["color"].to_pylist() == ["red", "red", None, "blue|red", "red", None, "V-shape", "v-shape"]
    assert table.vocabulary["color"].values == ("V-shape", "blue", "red", "v-shape")


def test_parquet_of_other_programs(tmp_path: Path) -> None:
    columns = {
        "image": pa.array(["a", "b", "c", "d"], pa.large_string()),
        "tags": pa.array([["x", "y"], ["x", "y"], [], None]),
        "kind": pa.array(["k", "l", "k", "l"]).dictionary_encode(),
        "stock": pa.array([1, 2, None, 4], pa.int32()),
        "ratio": pa.array([0.5, float("nan"), 1, 2], pa.float32()),
        "new": pa.array([True, False, True, False]),
        "vector": pa.array([[1.0], [2.0], [3.0], [4.0]]),
        "__index_level_0__": pa.array([0, 1, 2, 3]),
    }
    pq.write_table(pa.table(columns), tmp_path / "shoes.parquet")
    table = items(tmp_path / "shoes.parquet")
    assert table.name == "shoes"
    assert table.vocabulary.to_dict() == {"tags": ["x", "y"], "kind": ["k", "l"], "new": ["false", "true"]}
    assert table[1].metadata == {"stock": 2, "ratio": None} and table[2].labels == {"kind": {"k"}, "new": {"true"}}


def test_masks(tmp_path: Path) -> None:
    table = items(csv(tmp_path, "image,mask\na.jpg,m/a.png\nb.jpg,\n"))
    assert table[0].mask == tmp_path / "m/a.png" and table[1].mask is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty. Write a header line"),
        ("image,color\n", "the table is empty: it has a header but no row"),
        ("imgae,color\na.jpg,red\n", "there is no image column. Found: imgae, color. Is it 'imgae'? Call it one of image, path"),
        ("foo,bar\n1,2\n", "there is no image column. Found: foo, bar. Call it one of image, path, file, filename"),
        ("image,a,a\nx,1,2\n", "the column 'a' comes twice in the header"),
        ("image,a\nx.jpg,1\ny.jpg,1,2\n", "the header has 2 cells, a row has 3, in the row 'y.jpg,1,2'. Put cells that contain commas"),
        ("image,a\nx.jpg,1\n,2\n", "1 rows have no image; the first is row 2 after the header"),
        ("image\nx.jpg\ny.jpg\nx.jpg\n", "image 'x.jpg' comes more than once, as do 0 others. Remove the double rows, or add a column 'id'"),
        ("id,image\n1,x.jpg\n1,y.jpg\n", "id '1' comes more than once"),
        ("id,image\n1,x.jpg\n,y.jpg\n", "row 2 after the header has no id"),
        ("image,split\nx.jpg,holdout\n", "split 'holdout' is not one of train, valid, test"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table_is_said(text: str, message: str, tmp_path: Path) -> None:
    path = csv(tmp_path, text)
    with pytest.raises(TableError) as error:
        items(path)
    assert message in str(error.value)


def test_an_encoding_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    path = csv(tmp_path, "image,color\na.jpg,red\nb.jpg,rosé\n", encoding="latin-1")
    with pytest.raises(TableError, match=r"line 3 is not UTF-8 text \(byte 0xE9\)\. Save the table as UTF-8"):
        items(path)


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(b"PK\x03\x04\0\0\0\0" * 20)
    with pytest.raises(TableError, match="this is not a text table. Export it as CSV"):
        items(tmp_path)
    (tmp_path / "x.parquet").write_text("image\na.jpg\n")
    with pytest.raises(TableError, match="this is not a Parquet file"):
        items(tmp_path / "x.parquet")
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(TableError, match=r"'\.json' is not a table that Lapel reads\. Give a \.csv"):
        items(tmp_path / "x.json")
    with pytest.raises(TableError, match="there is no such file or folder"):
        items(tmp_path / "nothing.csv")


def test_a_column_that_does_not_exist_is_suggested(tmp_path: Path) -> None:
    path = csv(tmp_path, HEADER + ROWS)
    with pytest.raises(
        UnknownName, match=r"Unknown column 'colour'\. Did you mean 'color'\? labels\.csv knows: color, price, name"
    ):
        items(path, attributes=["colour"])
    with pytest.raises(TableError, match="'color' is named both as attribute and as metadata"):
        items(path, attributes=["color"], metadata=["color"])


def test_columns_without_a_name_are_left_out_and_noted(tmp_path: Path) -> None:
    table = items(csv(tmp_path, ",image\n0,a.jpg\n1,b.jpg\n"))
    assert table.table.column_names == ["id", "image"] and "without a name" in table.notes[0]


@pytest.mark.parametrize("present", [[], ["a.jpg", "c.jpg"]])
def test_missing_images_strict_skip_and_ignore(present: list[str], tmp_path: Path) -> None:
    path = csv(tmp_path, HEADER + ROWS)
    for name in present:
        (tmp_path / name).touch()
    count, first = 4 - len(present), "b.jpg" if present else "a.jpg"
    with pytest.raises(
        TableError, match=rf"{count} of 4 images do not exist: {first}.*relative to .*missing='skip' \(--skip\)"
    ):
        read(path)
    assert len(read(path, missing="ignore")) == 4
    if not present:
        with pytest.raises(TableError, match="4 of 4 images do not exist"):
            read(path, missing="skip")
        return
    table = read(path, missing="skip")
    assert table.ids == ("a.jpg", "c.jpg") and not table.complete
    assert table.notes[-1] == "2 of 4 rows left out because their image does not exist: b.jpg, d.jpg."
    with pytest.raises(TableError, match="missing is 'maybe'; expected strict, skip or ignore"):
        read(path, missing="maybe")  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="|\0\r", exclude_categories=["Zs", "Cc", "Zl", "Zp"]), min_size=1, max_size=5), max_size=3, unique=True),
        min_size=1,
        max_size=8,
    )
)  # fmt: skip
def test_any_label_text_survives_a_csv(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    body = "".join(f"{n}.jpg,{quoted('|'.join(cell))}\n" for n, cell in enumerate(rows))
    table = items(csv(tmp_path_factory.mktemp("t"), "image,label\n" + body), attributes=["label"])
    assert [table[n].labels.get("label", frozenset()) for n in range(len(rows))] == [frozenset(cell) for cell in rows]


def test_the_real_sets_are_read_whole(shared: Path) -> None:
    expected = {
        "clothing-attributes": (1568, 11),
        "fashion-products": (8186, 7),
        "clothing-co-parsing": (1771, 1),
        "clothing-small": (3588, 1),
    }
    for name, (count, attributes) in expected.items():
        table = read(shared / "data" / name)
        assert (table.name, len(table), len(table.vocabulary)) == (name, count, attributes) and table.complete
    years = read(shared / "data" / "fashion-products", attributes=["year"]).vocabulary["year"].values
    assert "2011" in years and not any("." in year for year in years)
