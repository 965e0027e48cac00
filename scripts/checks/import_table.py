"""The import table of ARCHITECTURE.md as a contract type of import-linter: one row, one allow-list."""

import sys

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


def _within(module: str, packages: list[str]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


class OnlyContract(Contract):
    """`source` (less `without`) imports the standard library, what is `allowed` and nothing else.

    A module that is under both `allowed` and `denied` is denied. A source that does not exist yet keeps its row.
    """

    type_name = "only"

    source = fields.StringField()
    without = fields.ListField(subfield=fields.StringField(), required=False, default=[])
    allowed = fields.ListField(subfield=fields.StringField())
    denied = fields.ListField(subfield=fields.StringField(), required=False, default=[])

    def _names(self, field: str) -> list[str]:
        """import-linter replaces each field by its value when it makes the contract."""
        value = getattr(self, field)
        return [value] if isinstance(value, str) else [str(name) for name in value]

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        source, without = self._names("source"), self._names("without")
        broken = [
            (importer, imported)
            for importer in sorted(graph.modules)
            if _within(importer, source) and not _within(importer, without)
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if not self._may(imported)
        ]
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def _may(self, imported: str) -> bool:
        if imported.split(".")[0] in sys.stdlib_module_names:
            return True
        return _within(imported, self._names("allowed")) and not _within(imported, self._names("denied"))

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, imported in check.metadata["broken"]:
            output.print_error(f"{importer} imports {imported}")
