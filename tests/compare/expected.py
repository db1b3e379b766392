"""What a whole comparison does and leaves behind."""

MADE = ("comparison.json", "index.html", "summary.md", "junit.xml", "ctrf.json", "environment.json", "manifest.sha256")
JUDGED = ["conformance.reference", "conformance.workerd", "conformance.node"]


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
