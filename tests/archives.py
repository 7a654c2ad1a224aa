"""Check of a release's archives: ``python -m tests.archives FILES`` compares their files with those of the package.

Both archives hold every file of the package, ``py.typed`` among them. Neither holds other files than its metadata.
"""

import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# hatchling always adds .gitignore, so that a build from the source archive leaves out the same files.
SOURCE_FILES = set(".gitignore CHANGELOG.md CITATION.cff LICENSE PKG-INFO README.md pyproject.toml".split())
WHEEL_FILES = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}


def package_files():
    """Return the files of the package, by their paths in the checkout."""
    paths = [path for path in (ROOT / "skdeeplift").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return {path.relative_to(ROOT).as_posix() for path in paths}


def files_of(archive):
    """Return the files of an archive, without the folder of a source archive and the folder of a wheel's metadata."""
    if archive.suffix == ".whl":
        names = zipfile.ZipFile(archive).namelist()
        metadata = "-".join(archive.name.split("-")[:2]) + ".dist-info/"
        return {name.removeprefix(metadata) for name in names}
    with tarfile.open(archive) as file:
        return {member.name.partition("/")[2] for member in file.getmembers() if member.isfile()}


def main(archives):
    """Print the faults of all archives, and return whether there are some."""
    kinds, is_wrong = sorted(Path(archive).suffix for archive in archives), False
    if kinds != [".gz", ".whl"]:
        print(f"expected a source archive and a wheel, received {archives}")
        is_wrong = True
    for archive in map(Path, archives):
        expected = package_files() | (WHEEL_FILES if archive.suffix == ".whl" else SOURCE_FILES)
        found = files_of(archive)
        for fault, names in [("lacks", expected - found), ("should not hold", found - expected)]:
            is_wrong |= bool(names)
            for name in sorted(names):
                print(f"{archive.name} {fault} {name}")
        print(f"{archive.name}: {len(found)} files")
    return is_wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
