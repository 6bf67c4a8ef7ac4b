"""The import contract of the audio callback catches what it is there to catch."""

from grimp import ImportGraph

from tests.import_contract import OnlyContract


def broken(*imports: tuple[str, str]) -> list[tuple[str, str]]:
    """Which of `imports` (importer, imported) break the contract of engine.rt."""
    graph = ImportGraph()
    for module in ("engine", "engine.core", "engine.rt", "engine.rt.voices", "engine.rt.mixer"):
        graph.add_module(module)
    for name in ("numpy", "mido", "ctypes"):
        graph.add_module(name, is_squashed=True)
    for importer, imported in imports:
        graph.add_import(importer=importer, imported=imported)
    options = {"source": "engine.rt", "allowed": ["numba", "llvmlite", "numpy"]}
    contract = OnlyContract("rt", session_options={}, contract_options=options)
    return contract.check(graph, verbose=False).metadata["broken"]


def test_itself_the_allowed_and_the_standard_library_are_legal() -> None:
    mixer = "engine.rt.mixer"
    assert broken((mixer, "engine.rt.voices"), (mixer, "numpy"), (mixer, "ctypes")) == []


def test_other_packages_and_the_rest_of_the_engine_are_not() -> None:
    wrong = [("engine.rt", "mido"), ("engine.rt.voices", "engine.core")]
    assert broken(*wrong, ("engine.core", "mido")) == wrong
