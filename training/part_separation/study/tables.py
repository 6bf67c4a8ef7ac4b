"""Prints the study's tables from results/*.json; `--write` puts them into README.md.

A figure that has not been measured is an empty cell. Of several seeds the mean is given, with
the least and the most behind it. Each ordering the paper reports is checked on what was measured.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from training.part_separation.study.corpora import RESULTS

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- tables: study/tables.py --write -->", "<!-- end of tables -->"
CORPORA = ("bach", "quartets", "game", "pop")
PAPER_2 = {  # percent, Table 4.2 of the dissertation
    "zones": (73.14, 58.85, 43.67, 57.07),
    "mlp": (81.63, 29.85, 43.08, 33.50),
    "lstm": (93.02, 67.43, 50.22, 74.14),
    "decoder": (91.51, 57.03, 45.82, 62.14),
    "zones-oracle": (78.33, 66.89, 79.54, None),
    "mlp-oracle": (97.59, 58.16, 65.30, 44.62),
    "bilstm": (97.13, 74.38, 52.93, 77.23),
    "encoder": (96.81, 58.86, 49.14, 66.57),
    "closest": (68.87, 50.69, 57.14, 47.45),
    "closest-mono": (89.76, 42.82, 49.91, 32.28),
    "lstm-eh": (92.70, 62.64, 62.11, 74.19),
    "decoder-eh": (91.17, 62.12, 56.73, 67.19),
    "bilstm-eh": (97.39, 71.51, 64.79, 75.59),
    "encoder-eh": (93.81, 56.72, 54.67, 67.23),
}
PAPER_3 = {
    "lstm-noemb": (92.10, 37.29, 43.89, 58.78),
    "lstm": (93.02, 67.43, 50.22, 74.14),
    "lstm-dur": (96.17, 66.96, 51.38, 78.17),
    "lstm-eh": (92.70, 62.64, 62.11, 74.19),
    "lstm-dur-eh": (95.95, 68.17, 63.35, 74.74),
    "lstm-eh-ph": (92.87, 70.20, 67.45, 75.89),
}
PAPER_4 = {
    "lstm-rawtime": (91.97, 37.26, 44.10, 37.92),
    "lstm-rawbeat": (93.13, 66.72, 48.60, 68.42),
    "lstm-timeemb": (92.21, 68.31, 49.32, 70.64),
    "lstm": (93.02, 67.43, 50.22, 74.14),
    "lstm-noaug": (93.03, 69.36, 49.03, 70.73),
    "lstm-lightaug": (92.85, 68.66, 46.38, 71.10),
}
NAMES = {
    "zones": "zones",
    "mlp": "perceptron",
    "lstm": "LSTM",
    "lstm-long": "LSTM, 1,600 updates, dropout 0.3",
    "decoder": "Transformer-Dec",
    "zones-oracle": "zones (oracle)",
    "mlp-oracle": "perceptron (oracle)",
    "bilstm": "BiLSTM",
    "encoder": "Transformer-Enc",
    "closest": "closest pitch",
    "closest-mono": "closest pitch (mono)",
    "lstm-eh": "LSTM, entry hints",
    "decoder-eh": "Transformer-Dec, entry hints",
    "bilstm-eh": "BiLSTM, entry hints",
    "encoder-eh": "Transformer-Enc, entry hints",
    "lstm-noemb": "plain numbers",
    "lstm-dur": "embeddings, duration",
    "lstm-dur-eh": "embeddings, duration, entry hints",
    "lstm-eh-ph": "embeddings, entry and pitch hints",
    "lstm-rawtime": "time as a number",
    "lstm-rawbeat": "beat and position as numbers",
    "lstm-timeemb": "time embedding",
    "lstm-noaug": "no other keys",
    "lstm-lightaug": "a semitone up or down",
}
PLAIN_3 = {"lstm": "embeddings", "lstm-eh": "embeddings, entry hints"}
PLAIN_4 = {"lstm": "beat and position embedding, keys -5 to +6"}
ORDERINGS = (  # what the paper reports: (claim, the better, the worse, where)
    ("LSTM beats zones", "lstm", "zones", CORPORA),
    ("LSTM beats closest pitch (mono)", "lstm", "closest-mono", CORPORA),
    ("BiLSTM beats LSTM", "bilstm", "lstm", CORPORA),
    ("LSTM beats the perceptron", "lstm", "mlp", CORPORA),
    ("the perceptron's oracle is better", "mlp-oracle", "mlp", CORPORA),
    ("LSTM beats Transformer-Dec", "lstm", "decoder", CORPORA),
    ("BiLSTM beats Transformer-Enc", "bilstm", "encoder", CORPORA),
    ("Transformer-Enc beats Transformer-Dec", "encoder", "decoder", CORPORA),
    ("entry hints help where parts are alike", "lstm-eh", "lstm", ("game",)),
    ("entry hints do not help elsewhere", "lstm", "lstm-eh", ("bach", "quartets")),
    ("pitch hints help further", "lstm-eh-ph", "lstm-eh", CORPORA),
    ("durations help", "lstm-dur", "lstm", CORPORA),
    ("embeddings help", "lstm", "lstm-noemb", CORPORA),
    ("raw time is worst", "lstm", "lstm-rawtime", CORPORA),
    ("other keys help pop and game", "lstm", "lstm-noaug", ("game", "pop")),
    ("other keys do not help Bach and quartets", "lstm-noaug", "lstm", ("bach", "quartets")),
)


EVEN = 0.5  # points: a seed's luck
REACH = (  # on Bach: row, the least it should be
    ("lstm-long", 93.0),
    ("bilstm", 97.1),
    ("decoder", 91.5),
    ("encoder", 96.8),
    ("closest-mono", 89.7),
    ("zones", 73.1),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--write", action="store_true", help="put the tables into README.md")
    options = parser.parse_args()
    text = tables(read(options.results))
    played = options.results / "live_separation.json"
    if played.exists():
        text += "\n\n" + live(json.loads(played.read_text(encoding="utf-8"))["rows"])
    if not options.write:
        print(text)
        return
    readme = README.read_text(encoding="utf-8")
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    README.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


Measured = dict[tuple[str, str], list[dict]]  # corpus and row -> results, one a seed


def read(folder: Path) -> Measured:
    """Return results by corpus and by what the tables call them."""
    found: Measured = {}
    for path in sorted(folder.glob("*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        if "run" not in result:
            continue
        corpus, _, row = result["run"].partition("-")
        words = [word for word in row.split("-") if not (word[0] == "s" and word[1:].isdigit())]
        found.setdefault((corpus, "-".join(words)), []).append(result)
    return found


def tables(found: Measured) -> str:
    parts = [
        "Accuracy in percent, paper / ours.",
        table("Models (Table 4.2)", PAPER_2, found, {}),
        table("What the online LSTM is told (Table 4.3)", PAPER_3, found, PLAIN_3),
        table("Time and keys, online LSTM (Table 4.4)", PAPER_4, found, PLAIN_4),
        reach(found),
        orderings(found),
        costs(found),
    ]
    return "\n\n".join(parts)


def table(title: str, paper: dict, found: Measured, plain: dict[str, str]) -> str:
    lines = [f"| {title} | Bach | quartets | game-like | pop |", "|---|---|---|---|---|"]
    for row, published in paper.items():
        cells = [
            f"{'-' if theirs is None else f'{theirs:.2f}'} / {cell(found.get((corpus, row)))}"
            for corpus, theirs in zip(CORPORA, published, strict=True)
        ]
        lines.append(f"| {plain.get(row, NAMES[row])} | {' | '.join(cells)} |")
        longer = found.get(("bach", f"{row}-long"))
        if longer and not plain:
            lines.append(
                f"| {NAMES[f'{row}-long']} | {published[0]:.2f} / {cell(longer)} | - | - | - |"
            )
    return "\n".join(lines)


def cell(results: list[dict] | None) -> str:
    if not results:
        return ""
    tests = [result["test"] for result in results]
    mean = f"{np.mean(tests):.2f}"
    return mean if len(tests) == 1 else f"{mean} ({min(tests):.2f} to {max(tests):.2f})"


def orderings(found: Measured) -> str:
    """Return what becomes of the paper's orderings, with the difference in points."""
    lines = ["| ordering | Bach | quartets | game-like | pop |", "|---|---|---|---|---|"]
    for claim, better, worse, where in ORDERINGS:
        cells = []
        for corpus in CORPORA:
            pair = found.get((corpus, better)), found.get((corpus, worse))
            if corpus not in where or pair[0] is None or pair[1] is None:
                cells.append("" if corpus in where else "-")
                continue
            gap = mean_test(pair[0]) - mean_test(pair[1])
            verdict = "even" if abs(gap) < EVEN else "holds" if gap > 0 else "does not"
            cells.append(f"{verdict} ({gap:+.1f})")
        lines.append(f"| {claim} | {' | '.join(cells)} |")
    return "\n".join(lines)


def reach(found: Measured) -> str:
    lines = ["| on Bach | should reach | ours | |", "|---|---|---|---|"]
    for row, bar in REACH:
        results = found.get(("bach", row))
        value = mean_test(results) if results else 0.0
        lines.append(
            f"| {NAMES[row]} | {bar:.1f} | {cell(results)} | {'yes' if value >= bar else 'NO'} |"
        )
    return "\n".join(lines)


def live(rows: list[dict]) -> str:
    """Return the shipped network beside the paper's model, as tests.bench.live_separation wrote."""
    windows = ("0 ms", "10 ms", "20 ms", "45 ms")
    papers = {row["conditions"]: row for row in rows if row["model"] != "ours"}
    lines = [
        "| live, onsets up to 15 ms off | the paper's LSTM, 0 ms / 10 / 20 / 45 | the live model |"
        " error of its confidence, 0 ms / 45 |",
        "|---|---|---|---|",
    ]
    for row in rows:
        if row["model"] == "ours":
            theirs = papers.get(row["conditions"], {})
            lines.append(
                f"| {row['conditions']} | "
                + " / ".join(f"{theirs[w]:.1f}" for w in windows if w in theirs)
                + " | "
                + " / ".join(f"{row[w]:.2f}" for w in windows)
                + " | "
                + " / ".join(f"{row[f'{w}, error of confidence']:.1f}" for w in ("0 ms", "45 ms"))
                + " |"
            )
    return "\n".join(lines)


def mean_test(results: list[dict]) -> float:
    return float(np.mean([result["test"] for result in results]))


def costs(found: Measured) -> str:
    """Return what each network's training took, from the plain runs."""
    lines = ["| training, one thread | updates | CPU s: Bach | quartets | game-like | pop |"]
    lines.append("|---|---|---|---|---|---|")
    for row in ("lstm", "bilstm", "decoder", "encoder"):
        runs = [found.get((corpus, row)) for corpus in CORPORA]
        updates = [str(run[0]["settings"]["updates"]) if run else "" for run in runs]
        seconds = [f"{run[0]['train_cpu_s']:.0f}" if run else "" for run in runs]
        lines.append(
            f"| {NAMES[row]} | {', '.join(filter(None, updates))} | {' | '.join(seconds)} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
