"""`lapel export`: a checkpoint becomes ONNX that certifies itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    from lapel.export import Certificate


@click.command("export")
@click.argument("checkpoint", type=click.Path())
@click.option(
    "-o",
    "--out",
    type=click.Path(),
    help="Folder to write. Default: beside CHECKPOINT, with -onnx or -int8 at the end.",
)
@click.option("--int8", is_flag=True, help="Quantise to 8 bits, calibrated on --sample.")
@click.option("--sample", type=click.Path(), help="Photos (folder or table) to compare on; none compares on noise.")
@click.option(
    "--labelled",
    type=click.Path(),
    help="Labelled photos: also measure how MAP changes on their test split (without splits, on all).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the certificate as JSON.")
def command(
    checkpoint: str, out: str | None, int8: bool, sample: str | None, labelled: str | None, as_json: bool
) -> None:
    """Write CHECKPOINT (a .safetensors or a run folder) as ONNX with preprocessing, card and certificate."""
    import json
    from pathlib import Path

    from lapel.datasets import read
    from lapel.export.exporting import export_checkpoint
    from lapel.progress import bar

    source = Path(checkpoint)
    plain = source.resolve().name.removesuffix(".safetensors")
    target = Path(out) if out else source.resolve().with_name(f"{plain}-{'int8' if int8 else 'onnx'}")
    photos = read(sample).paths if sample else None
    with bar("Measuring MAP", None, show=None if labelled else False) as progress:
        certificate = export_checkpoint(
            source,
            target,
            int8=int8,
            sample=photos,
            labelled=read(labelled, missing="skip") if labelled else None,
            progress=progress,
        )
    if as_json:
        click.echo(json.dumps(certificate.to_dict() | {"folder": str(target)}, indent=1))
    else:
        _print(certificate, target)


def _print(certificate: Certificate, folder: Path) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    on = "pictures of noise; --sample PHOTOS compares on photos" if certificate.noise else "photos"
    table = Table("against PyTorch", f"{certificate.precision}, {certificate.bytes / 1e6:.1f} MB")
    table.add_row("compared on", f"{certificate.sample} {on}")
    for name, value in certificate.differences.items():
        table.add_row(f"max difference, {name}", f"{value:.2e}")
    for name, value in certificate.rank_overlap.items():
        table.add_row(f"nearest {certificate.neighbours} that agree, {escape(name)}", f"{100 * value:.1f} %")
    measured = certificate.metric_change or {"data": "", "attributes": {}}
    for name, found in measured["attributes"].items():
        change = f"{found['original']:.1f} to {found['exported']:.1f} ({found['change']:+.1f})"
        table.add_row(f"MAP on {escape(measured['data'])}, {escape(name)}", change)
    table.add_row("value probabilities", "fitted" if certificate.values_fitted else "not fitted: all values alike")
    table.add_row("fingerprint", certificate.fingerprint)
    Console().print(table)
    click.echo(f"Written to {folder}")
