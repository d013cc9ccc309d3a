"""Draw the contact sheet of docs/synth.md: python docs/make_sheet.py writes docs/images/synth-sheet.jpg."""

from pathlib import Path

from lapel.synth import contact_sheet

if __name__ == "__main__":
    target = Path(__file__).parent / "images" / "synth-sheet.jpg"
    target.parent.mkdir(exist_ok=True)
    contact_sheet(target, seed=1, tile=124, choose_from=7)
    print(f"{target}: {target.stat().st_size / 1024:.0f} KB")
