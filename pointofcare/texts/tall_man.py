"""Drug names with the letters in capitals by which they are told apart (rule D7): "vinBLAStine", "vinCRIStine".

Source: FDA Name Differentiation Project and the ISMP list of look-alike drug names with recommended tall man letters (2023), of these
the names of single ingredients that are common worldwide; for other pairs ISMP's method, capitals from the first to the last letter
that differs. Evidence for tall man letters is mixed, so they only help the eye: must never be what tells two drugs apart, and never
change a name in any other way than the case of its letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

NAMES = (
    "acetaZOLAMIDE", "acetoHEXAMIDE", "ALPRAZolam", "aMILoride", "amLODIPine", "ARIPiprazole", "azaCITIDine", "azaTHIOprine",
    "buPROPion", "busPIRone", "carBAMazepine", "CARBOplatin", "ceFAZolin", "cefOXitin", "cefTAZidime", "cefTRIAXone",
    "chlordiazePOXIDE", "chlorproMAZINE", "chlorproPAMIDE", "CISplatin", "clomiPHENE", "clomiPRAMINE", "clonazePAM", "cloNIDine",
    "cloZAPine", "cycloSERINE", "cycloSPORINE", "DACTINomycin", "DAPTOmycin", "DAUNOrubicin", "dexAMETHasone", "dexmedeTOMIDine",
    "diazePAM", "dilTIAZem", "dimenhyDRINATE", "diphenhydrAMINE", "DOBUTamine", "DOPamine", "DOXOrubicin", "DULoxetine", "ePHEDrine",
    "EPINEPHrine", "fentaNYL", "FLUoxetine", "glipiZIDE", "glyBURIDE", "guaiFENesin", "guanFACINE", "hydrALAZINE",
    "hydroCHLOROthiazide", "HYDROcodone", "HYDROmorphone", "hydrOXYzine", "inFLIXimab", "ISOtretinoin", "lamiVUDine", "lamoTRIgine",
    "levETIRAcetam", "levOCARNitine", "levoFLOXacin", "LORazepam", "medroxyPROGESTERone", "metFORMIN", "methylPREDNISolone",
    "methylTESTOSTERone", "metroNIDAZOLE", "mitoXANTRONE", "niCARdipine", "NIFEdipine", "niMODipine", "OLANZapine", "OXcarbazepine",
    "oxyCODONE", "PARoxetine", "PEMEtrexed", "penicillAMINE", "PENTobarbital", "PHENobarbital", "prednisoLONE", "predniSONE",
    "QUEtiapine", "quiNIDine", "quiNINE", "RABEprazole", "rifAMPin", "rifAXIMin", "risperiDONE", "riTUXimab", "rOPINIRole",
    "SAXagliptin", "SITagliptin", "SUFentanil", "sulfADIAZINE", "sulfaSALAzine", "SUMAtriptan", "tiaGABine", "tiZANidine",
    "TOLAZamide", "TOLBUTamide", "traMADol", "traZODone", "valACYclovir", "valGANciclovir", "vinBLAStine", "vinCRIStine",
    "ZOLMitriptan",
)  # fmt: skip

_WORD = re.compile(r"[^\W\d_]{4,}")
# Two names whose shared beginning and end are shorter than this part of the longer one are not read as one another by their letters.
_ALIKE = 0.4


def _without_e(name: str) -> str:
    """ "ceftriaxone" is "ceftriaxon" on a Vietnamese box."""
    return name[:-1] if name[-1:] in "eE" else name


_LISTED: Mapping[str, str] = MappingProxyType(
    {spelled.casefold(): spelled for name in NAMES for spelled in (_without_e(name), name)},
)
NOTHING: Mapping[str, str] = MappingProxyType({})


def written(text: str, more: Mapping[str, str] = NOTHING) -> str:
    """`text` with each listed name in its tall man letters; `more` are a hospital's own, as `of_pairs` makes them, and come first."""

    def spelled(found: re.Match[str]) -> str:
        plain = found.group().casefold()
        return more.get(plain) or _LISTED.get(plain) or found.group()

    return _WORD.sub(spelled, text)


def of_pairs(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Names in lower case -> with capitals where they differ from the name that they are taken for. Names of several words are
    compared word by word; a word that looks like none of the other name stays as it is, and the published spelling of one is kept."""
    found: dict[str, str] = {}
    for one, other in pairs:
        for mine, theirs in ((one, other), (other, one)):
            for word in _WORD.findall(mine):
                plain = word.casefold()
                closest = max(_WORD.findall(theirs), key=lambda each: sum(_shared(plain, each.casefold())), default="")
                if plain not in found and plain not in _LISTED and (told := _apart(plain, closest.casefold())):
                    found[plain] = told
    return found


def _shared(one: str, other: str) -> tuple[int, int]:
    """How many letters both begin with, and end with; none is counted twice."""
    most = min(len(one), len(other))
    first = next((place for place in range(most) if one[place] != other[place]), most)
    last = next((place for place in range(most - first) if one[-1 - place] != other[-1 - place]), most - first)
    return first, last


def _apart(word: str, other: str) -> str:
    """`word` with capitals where it differs from `other`, "" where there is nothing to tell apart."""
    if not other or word == other:
        return ""
    first, last = _shared(word, other)
    if first + last < _ALIKE * max(len(word), len(other)):
        return ""
    end = len(word) - last
    if first >= end:  # the other is this one with something in the middle: its edges are what can be shown
        first, end = max(0, first - 1), min(len(word), end + 1)
    return word[:first] + word[first:end].upper() + word[end:]
