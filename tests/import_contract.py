"""An import contract that names what is allowed, not what is forbidden; run by lint-imports."""

import sys

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OnlyContract(Contract):
    """`source` imports nothing but itself, `allowed` and the standard library."""

    source = fields.StringField()
    allowed = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Return the imports that break the contract."""
        source = str(self.source)
        inside = {source, *graph.find_descendants(source)}
        legal = inside | set(self.allowed) | sys.stdlib_module_names  # pyright: ignore
        broken = sorted(
            (module, imported)
            for module in inside
            for imported in graph.find_modules_directly_imported_by(module)
            if imported not in legal
        )
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print one line an import."""
        for module, imported in check.metadata["broken"]:
            output.print_error(f"{module} imports {imported}")
