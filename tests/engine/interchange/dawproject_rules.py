"""What a DAWproject may hold, as the format's public description has it: a checker for tests.

Each element: the attributes it must and may have with their types, and the elements that may be in
it: in order if they are a tuple (a `?` may be missing, a `*` may be many), in any order if a set.
"""

from xml.etree.ElementTree import Element

NAMED = {"name": str, "color": str, "comment": str}
LISTED = {**NAMED, "id": "ID"}
TIMELINE = {**LISTED, "timeUnit": {"beats", "seconds"}, "track": "IDREF"}
UNIT = {
    *("linear", "normalized", "percent", "decibel", "hertz", "semitones"),
    *("seconds", "beats", "bpm"),
}
TIMELINES = {
    *("Timeline", "Lanes", "Notes", "Clips", "ClipSlot", "markers"),
    *("Warps", "Audio", "Video", "Points"),
}
REAL = {"min": float, "max": float, "value": float, "parameterID": int, **LISTED}
POINTS = {"Target", "RealPoint", "EnumPoint", "BoolPoint", "IntegerPoint", "TimeSignaturePoint"}
EXPRESSION = {
    *("gain", "pan", "transpose", "timbre", "formant", "pressure", "channelController"),
    *("channelPressure", "polyPressure", "pitchBend", "programChange"),
}
CONTENT = {"audio", "automation", "notes", "video", "markers", "tracks"}

# name: required attributes, optional attributes, children
RULES: dict[str, tuple[dict, dict, tuple | set]] = {
    "Project": (
        {"version": str},
        {},
        ("Application", "Transport?", "Structure?", "Arrangement?", "Scenes?"),
    ),
    "Application": ({"name": str, "version": str}, {}, ()),
    "Transport": ({}, {}, ("Tempo?", "TimeSignature?")),
    "Tempo": ({"unit": UNIT}, REAL, ()),
    "Pan": ({"unit": UNIT}, REAL, ()),
    "Volume": ({"unit": UNIT}, REAL, ()),
    "Mute": ({}, {"value": bool, "parameterID": int, **LISTED}, ()),
    "TimeSignature": (
        {"numerator": int, "denominator": int},
        {"parameterID": int, **LISTED},
        (),
    ),
    "Structure": ({}, {}, {"Track", "Channel"}),
    "Track": ({}, {**LISTED, "contentType": CONTENT, "loaded": bool}, ("Channel?", "Track*")),
    "Channel": (
        {},
        {
            **LISTED,
            "audioChannels": int,
            "destination": "IDREF",
            "role": {"regular", "master", "effect", "submix", "vca"},
            "solo": bool,
        },
        ("Devices?", "Mute?", "Pan?", "Sends?", "Volume?"),
    ),
    "Arrangement": (
        {},
        LISTED,
        ("Lanes?", "Markers?", "TempoAutomation?", "TimeSignatureAutomation?"),
    ),
    "Lanes": ({}, TIMELINE, TIMELINES),
    "Clips": ({}, TIMELINE, {"Clip"}),
    "Clip": (
        {"time": float},
        {
            **NAMED,
            **dict.fromkeys(("duration", "playStart", "playStop", "loopStart", "loopEnd"), float),
            "contentTimeUnit": {"beats", "seconds"},
            "fadeTimeUnit": {"beats", "seconds"},
            **dict.fromkeys(("fadeInTime", "fadeOutTime"), float),
            "enable": bool,
            "reference": "IDREF",
        },
        TIMELINES,
    ),
    "Notes": ({}, TIMELINE, {"Note"}),
    "Note": (
        {"time": float, "duration": float, "channel": int, "key": int},
        {"vel": float, "rel": float},
        TIMELINES,
    ),
    "Audio": (
        {"channels": int, "sampleRate": int, "duration": float},
        {**TIMELINE, "algorithm": str},
        ("File",),
    ),
    "File": ({"path": str}, {"external": bool}, ()),
    "Markers": ({}, TIMELINE, ("Marker", "Marker*")),
    "Marker": ({"time": float}, NAMED, ()),
    "TempoAutomation": ({}, {**TIMELINE, "unit": UNIT}, POINTS),
    "TimeSignatureAutomation": ({}, {**TIMELINE, "unit": UNIT}, POINTS),
    "Points": ({}, {**TIMELINE, "unit": UNIT}, POINTS),
    "Target": (
        {},
        {
            "parameter": "IDREF",
            "expression": EXPRESSION,
            **dict.fromkeys(("channel", "key", "controller"), int),
        },
        (),
    ),
    "RealPoint": (
        {"time": float, "value": float},
        {"interpolation": {"hold", "linear"}},
        (),
    ),
    "TimeSignaturePoint": ({"time": float, "numerator": int, "denominator": int}, {}, ()),
    "MetaData": (
        {},
        {},
        tuple(
            f"{name}?"
            for name in (
                *("Title", "Artist", "Album", "OriginalArtist", "Composer", "Songwriter"),
                *("Producer", "Arranger", "Year", "Genre", "Copyright", "Website", "Comment"),
            )
        ),
    ),
    **{name: ({}, {}, ()) for name in ("Title", "Year", "Comment")},
}


def faults(root: Element) -> list[str]:
    """What is against the rules, in sentences; none if it is a legal document."""
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    found = [f"the id {name} is given twice" for name in set(ids) if ids.count(name) > 1]
    for element in root.iter():
        if element.tag not in RULES:
            found.append(f"{element.tag} is no element of the format")
            continue
        required, optional, children = RULES[element.tag]
        allowed = {**optional, **required}
        found += [f"{element.tag} lacks {name}" for name in required if name not in element.attrib]
        for name, value in element.attrib.items():
            if name not in allowed:
                found.append(f"{element.tag} may not have {name}")
            elif not _fits(value, allowed[name], ids):
                found.append(f"{element.tag} {name}={value!r} is illegal")
        found += _misplaced(element, children)
    return found


def _fits(value: str, kind: object, ids: list) -> bool:
    if kind == "ID":
        return value[:1].isalpha() and all(c.isalnum() or c in "-_." for c in value)
    if kind == "IDREF":
        return value in ids
    if isinstance(kind, set):
        return bool(value) and all(word in kind for word in value.split())
    if kind is bool:
        return value in ("true", "false")
    if kind is int:
        return value.lstrip("-").isdigit()
    return kind is str or (not value.lower().strip("-").startswith(("n", "i")) and _is_real(value))


def _is_real(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return "e" not in value.lower()


def _misplaced(element: Element, children: tuple | set) -> list[str]:
    tags = [child.tag for child in element]
    if isinstance(children, set):
        wrong = [tag for tag in tags if tag not in children]
        if "Target" in children and tags.count("Target") != 1:
            wrong.append("not one Target")
        return [f"{element.tag} may not hold {tag}" for tag in wrong]
    for rule in children:
        name = rule.rstrip("?*")
        most = len(tags) if rule.endswith("*") else 1
        least = 0 if rule[-1] in "?*" else 1
        count = 0
        while tags and tags[0] == name and count < most:
            tags.pop(0)
            count += 1
        if count < least:
            return [f"{element.tag} lacks {name}"]
    return [f"{element.tag}: {tag} is out of place" for tag in tags]
