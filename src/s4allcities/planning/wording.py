"""What to say over a loudspeaker, in five languages: who, then what to do, then where.

Short, the same every time, and without words that frighten. The names of zones and places stay as the site has them.
"""

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

__all__ = ("LANGUAGES", "gather_numbers", "join_words", "say_avoid", "say_hold", "say_leave")


class _Phrases(Struct, frozen=True):
    conjunction: str
    alternative: str
    one: str
    some: str
    nearest: str
    place: str
    avoid: str
    avoid_but: str
    hold: str


_PHRASES = {
    "en": _Phrases(
        "and",
        "or",
        "{who}: leave by exit {where}.",
        "{who}: leave by the nearest of exits {where}.",
        "{who}: leave by the nearest exit.",
        "{who}: go to {where}.",
        "Do not use exit {where}.",
        "Everybody but {who}: do not use exit {where}.",
        "{who}: stay where you are and wait for instructions.",
    ),
    "el": _Phrases(
        "και",
        "ή",
        "{who}: βγείτε από την έξοδο {where}.",
        "{who}: βγείτε από την πλησιέστερη από τις εξόδους {where}.",
        "{who}: βγείτε από την πλησιέστερη έξοδο.",
        "{who}: πηγαίνετε προς {where}.",
        "Μη χρησιμοποιείτε την έξοδο {where}.",
        "Όλοι εκτός από {who}: μη χρησιμοποιείτε την έξοδο {where}.",
        "{who}: μείνετε εκεί που είστε και περιμένετε οδηγίες.",
    ),
    "es": _Phrases(
        "y",
        "o",
        "{who}: salgan por la salida {where}.",
        "{who}: salgan por la más cercana de las salidas {where}.",
        "{who}: salgan por la salida más cercana.",
        "{who}: vayan a {where}.",
        "No usen la salida {where}.",
        "Todos menos {who}: no usen la salida {where}.",
        "{who}: quédense donde están y esperen instrucciones.",
    ),
    "eu": _Phrases(
        "eta",
        "edo",
        "{who}: irten {where} irteeratik.",
        "{who}: irten {where} irteeretatik hurbilenetik.",
        "{who}: irten irteerarik hurbilenetik.",
        "{who}: joan hona: {where}.",
        "Ez erabili {where} irteera.",
        "{who} izan ezik, denek: ez erabili {where} irteera.",
        "{who}: geratu zauden lekuan eta itxaron argibideei.",
    ),
    "cs": _Phrases(
        "a",
        "nebo",
        "{who}: odejděte východem {where}.",
        "{who}: odejděte nejbližším z východů {where}.",
        "{who}: odejděte nejbližším východem.",
        "{who}: jděte na místo {where}.",
        "Nepoužívejte východ {where}.",
        "Všichni kromě {who}: nepoužívejte východ {where}.",
        "{who}: zůstaňte na místě a čekejte na pokyny.",
    ),
}
LANGUAGES = tuple(_PHRASES)


def join_words(words: Sequence[str], word: str) -> str:
    """Write a list as it is spoken.

    >>> join_words(["A", "B", "C"], "or")
    'A, B or C'
    """
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {word} {words[-1]}"


_NUMBERED = re.compile(r"(.*\D)([1-9]\d{0,5})")


def gather_numbers(names: Iterable[str]) -> list[str]:
    """Draw names that differ by their number together, so that a list of sectors can be said in one breath.

    >>> gather_numbers(["Sector 1", "Sector 2", "Hall", "Sector 3", "Sector 7"])
    ['Sector 1–3, 7', 'Hall']
    """
    numbers: dict[str, list[int]] = {}
    for name in names:
        found = _NUMBERED.fullmatch(name)
        start, number = (found[1], [int(found[2])]) if found else (name, [])
        numbers.setdefault(start, []).extend(number)
    return [start + ", ".join(_runs(sorted(set(found)))) for start, found in numbers.items()]


def _runs(numbers: Sequence[int]) -> list[str]:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return [f"{run[0]}–{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]


def say_leave(language: str, who: Sequence[str], where: Sequence[str], *, nearest: bool, exits: bool) -> str:
    """Tell people by which exit to leave or, where a place has none (``exits`` false), where to go.

    :raises KeyError: a language that is not in `LANGUAGES`.

    >>> say_leave("es", ["Andén", "Vestíbulo"], ["A"], nearest=False, exits=True)
    'Andén y Vestíbulo: salgan por la salida A.'
    """
    words = _PHRASES[language]
    shape = (
        words.place
        if not exits
        else words.nearest
        if nearest
        else words.one
        if len(where) == 1
        else words.some
    )
    return shape.format(
        who=join_words(gather_numbers(who), words.conjunction), where=join_words(where, words.alternative)
    )


def say_avoid(language: str, where: Sequence[str], but: Sequence[str] = ()) -> str:
    """Tell people which exits not to use; ``but`` names the places whose people have no other.

    :raises KeyError: a language that is not in `LANGUAGES`.

    >>> say_avoid("en", ["A", "J"], ["Ticket hall"])
    'Everybody but Ticket hall: do not use exit A or J.'
    """
    words = _PHRASES[language]
    exits, who = join_words(where, words.alternative), join_words(gather_numbers(but), words.conjunction)
    return (words.avoid_but if who else words.avoid).format(where=exits, who=who)


def say_hold(language: str, who: Sequence[str]) -> str:
    """Tell people to stay. :raises KeyError: a language that is not in `LANGUAGES`."""
    words = _PHRASES[language]
    return words.hold.format(who=join_words(gather_numbers(who), words.conjunction))
