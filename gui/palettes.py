"""The two palettes: dark for a stage, light for a bright room. Pure data. [any]"""

from __future__ import annotations

from gui.colours import Palette

DARK = Palette(
    name="dark",
    window="#101318",
    panel="#181C23",
    raised="#252B35",
    line="#4A5564",
    faint="#222832",
    text="#F3F5F8",
    muted="#A7B2C0",
    accent="#6CB6FF",
    on_accent="#07131F",
    good="#5CD28C",
    warn="#FFC145",
    bad="#FF6A5C",
    on_bad="#1C0502",
    parts=(
        "#FF8A65",
        "#FFD54A",
        "#4FC3F7",
        "#6C7BFF",
        "#B2FFF0",
        "#996B7D",
        "#FFFFB2",
        "#BF39A4",
        "#E09D9D",
        "#704DFF",
        "#BF5439",
        "#7087E0",
        "#80E5FF",
        "#E070B4",
        "#FFD1B2",
        "#997D6B",
    ),
)

LIGHT = Palette(
    name="light",
    window="#E9ECF0",
    panel="#FFFFFF",
    raised="#F1F3F6",
    line="#7D8794",
    faint="#E3E7EC",
    text="#14181D",
    muted="#4C5764",
    accent="#0B62B8",
    on_accent="#FFFFFF",
    good="#17763F",
    warn="#8A5A00",
    bad="#BE2A1B",
    on_bad="#FFFFFF",
    parts=(
        "#A32416",
        "#B98300",
        "#1B8FD1",
        "#3B2FA6",
        "#0000F2",
        "#590036",
        "#CC667A",
        "#360059",
        "#734080",
        "#613DF2",
        "#590012",
        "#0000A6",
        "#3D85F2",
        "#A68553",
        "#A62942",
        "#CC66A3",
    ),
)

PALETTES = {palette.name: palette for palette in (DARK, LIGHT)}
