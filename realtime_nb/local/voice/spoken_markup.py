"""Say one mark of a written text: Markdown, HTML, LaTeX, code, links, addresses, emoji.

Owns the patterns of these marks and their spoken words. Must not know lines, pieces, or voices. Every pattern is
bounded, so that no text takes more than linear time.
"""

from __future__ import annotations

import html
import re
import unicodedata

_EMOJI = (
    "\U0001f000-\U0001f1e5\U0001f1e6-\U0001f3fa\U0001f400-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u2300-\u23ff"
    "\u2500-\u25ff\u2800-\u28ff\u203b\u2139\u2122\u3030\u303d\u3297\u3299\u2190-\u21ff\u2900-\u297f"
)
_EMOJI_TAIL = "\u200d\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"
_UNPRINTED = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff"
    "\ud800-\udfff\ue000-\uf8ff\U000e0000-\U000e007f\U000f0000-\U0010ffff"
)
_DOMAINS = "com|org|net|edu|gov|io|ai|dev|app|info|eu|co\\.uk|de|fr|jp"

INLINE = re.compile(
    rf"""
      (?P<math>\$\$(?P<m1>[^$\n]{{1,200}})\$\$ | \\\((?P<m2>[^\n]{{1,200}}?)\\\) | \\\[(?P<m3>[^\n]{{1,200}}?)\\\]
        | \$(?=\S)(?P<m4>[^$\n]{{1,100}})(?<=\S)\$(?![\d\w]))
    | (?P<code>(?P<ticks>`{{1,2}})(?!`)(?P<code_text>[^`\n]{{1,300}})(?P=ticks)(?!`))
    | (?P<special><\|[^|<>\n]{{1,40}}\|> | <0x[0-9A-Fa-f]{{2}}> | \[/?INST\] | <</?SYS>> | <!--[^\n]{{0,300}}?-->
        | \[/?TOOL_CALLS\])
    | (?P<url><?(?:https?|ftp|wss?)://(?:[^\s<>"`|\\\]()}}，。、）】》」]|\([^\s()]{{0,200}}\)){{1,2000}}(?<![.,;:!?*_~'])>?
        | (?<![\w.@/-])www\.[\w-]{{1,63}}\.[^\s<>"`|\\\])}}，。、）】》」]{{1,2000}}(?<![.,;:!?*_~']))
    | (?P<mail>(?<![\w.+-])(?:mailto:)?[\w.+-]{{1,64}}@[\w-]{{1,63}}(?:\.[\w-]{{1,63}}){{1,5}})
    | (?P<domain>(?<![\w.@/-])(?:[a-z0-9][a-z0-9-]{{0,62}}\.){{1,4}}(?:{_DOMAINS})(?![\w@-])
        (?:/[\w/.?=&%#-]{{0,300}}(?<![.?]))?)
    | (?P<tag></?(?P<name>[A-Za-z][\w:.-]{{0,40}})(?P<attributes>(?:\s[^<>\n]{{0,300}})?)/?>)
    | (?P<link>!?\[(?P<link_text>[^\[\]\n]{{0,300}})\](?:\((?:[^()\s]|\([^()\s]{{0,200}}\)){{0,500}}
        (?:[ \t]{{1,3}}["'(][^"')\n]{{0,200}}["')])?\) | \[[^\[\]\n]{{0,60}}\]))
    | (?P<note>\[\^[^\]\n]{{1,40}}\]:? | (?<=[\w.,!?"'”)\]*])[ ]?\[\d{{1,3}}(?:[ ]?[,–-][ ]?\d{{1,3}}){{0,9}}\]
        | 【[^】\n]{{0,60}}(?:†|source)[^】\n]{{0,60}}】)
    | (?P<latex>\\[A-Za-z]{{2,20}}\b(?:\{{[^{{}}\n]{{0,100}}\}}){{0,2}})
    | (?P<escape>\\(?=[\\`*_{{}}\[\]()#+.!|>~$-]|$))
    | (?P<entity>&(?:[A-Za-z]{{2,8}}|\#\d{{1,6}}|\#[xX][0-9A-Fa-f]{{1,5}});)
    | (?P<keycap>[0-9\#*]\ufe0f?\u20e3)
    | (?P<arrow>[ \t]*(?:[→⇒➔➜➡⟶]\ufe0f? | (?<=\s)(?:-{{1,2}}|={{1,2}})>(?=\s)))
    | (?P<emoji>[{_EMOJI}][{_EMOJI}{_EMOJI_TAIL}]*)
    | (?P<circled>[①-⓿])
    | (?P<emoticon>(?<!\S)[:;]['’]?-?[)(DPp|](?!\w))
    | (?P<run>(?P<ran>[-=~\#+—])(?P=ran){{4,}})
    | (?P<pipe>[ \t]*\|{{1,2}}[ \t]*)
    | (?P<stars>\*+) | (?P<underlines>_+) | (?P<strike>~~+) | (?P<tick>`+)
    | (?P<hash>(?<![\w&])\#(?=[^\W\d_]\w|\d))
    | (?P<about>(?<!\S)~(?=\d))
    | (?P<power>(?<=\w)[²³](?!\w))
    | (?P<bound>(?<!\S)[<>](?=\d))
    | (?P<compared>(?<=\S)[ \t]{{1,3}}[<>](?=[ \t]))
    | (?P<unprinted>[{_UNPRINTED}]+)
    | (?P<joiner>[\u200c\u200d\ufe00-\ufe0f\u20e3\U0001f3fb-\U0001f3ff])
    """,
    re.VERBOSE | re.IGNORECASE,
)

_PREFIX = re.compile(
    r"""[ \t]*(?:>[ \t]?)*
        (?: \#{1,6}[ \t]+ | [-*+•◦▪▫‣⁃·●○■□–—][ \t]+(?:\[[ xX✓]?\][ \t]+)? | \|[ \t]* )?""",
    re.VERBOSE,
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_HTML = _words(
    "a abbr article aside b blockquote body br button caption center cite code col dd del details div dl dt em "
    "figure font footer h1 h2 h3 h4 h5 h6 head header hr html i iframe img input ins kbd label li link main mark "
    "meta nav ol option p pre q s samp script section select small span strike strong style sub summary sup svg "
    "table tbody td textarea tfoot th thead time title tr tt u ul var video"
)
_OF_MODELS = _words(
    "think thinking thought thoughts reasoning reflection scratchpad answer final output response result tool_call "
    "tool_response tools function_call assistant user system bos eos unk pad start_of_turn end_of_turn s"
)
_PAUSING = _words("br p div li tr td th h1 h2 h3 h4 h5 h6")

_MATH_WORDS = {
    "cdot": "times", "times": "times", "div": "divided by", "pm": "plus or minus", "le": "less than or equal to",
    "leq": "less than or equal to", "ge": "greater than or equal to", "geq": "greater than or equal to",
    "neq": "not equal to", "ne": "not equal to", "approx": "approximately", "to": "to", "rightarrow": "to",
    "Rightarrow": "implies", "implies": "implies", "infty": "infinity", "sum": "the sum of", "prod": "the product of",
    "int": "the integral of", "circ": "degrees", "degree": "degrees", "in": "in", "ldots": "and so on",
    "dots": "and so on", "cdots": "and so on", "equiv": "equivalent to", "partial": "partial", "quad": ",",
    "therefore": "therefore", "lt": "less than", "gt": "greater than",
}  # fmt: skip
_MATH_SILENT = _words("left right text mathrm mathbf mathit operatorname boxed displaystyle limits big Big begin end")
_GREEK = _words(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon "
    "phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
)
_COMMANDS = _MATH_SILENT | _GREEK | _MATH_WORDS.keys() | {"frac", "dfrac", "tfrac", "sqrt"}
_IS_MATH = re.compile(r"[\\^_=+*/{}<>|]|^.{1,2}$|^[\w.,() -]*[a-zA-Z]\([\w, ]*\)$|^\d+(?:\.\d+)?$")
_GROUP = r"\{([^{}]{0,100})\}"
_MATH_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"\\[dt]?frac\s?{_GROUP}\s?{_GROUP}"), r" \1 over \2 "),
    (re.compile(rf"\\sqrt\s?{_GROUP}"), r" square root of \1 "),
    (re.compile(r"\^\s?(?:\{\s?2\s?\}|2)(?!\d)"), " squared "),
    (re.compile(r"\^\s?(?:\{\s?3\s?\}|3)(?!\d)"), " cubed "),
    (re.compile(r"\^\s?(?:\{\s?\\circ\s?\}|\\circ)"), " degrees "),
    (re.compile(rf"\^\s?(?:{_GROUP}|(\w))"), r" to the power of \1\2 "),
    (re.compile(rf"_\s?(?:{_GROUP}|(\w))"), r" \1\2 "),
    (re.compile(r"(?<=[\w)\]])\s?\*\s?(?=[\w(\[])"), " times "),
    (re.compile(r"(?<=[\w)\]}])\s?/\s?(?=[\w(\[{])"), " over "),
    (re.compile(r"(?<=[\w)\]}])\s?-\s?(?=[\w(\[{\\])"), " minus "),
)
_COMMAND = re.compile(r"\\([A-Za-z]{1,20})|\\.")
_NOT_SAID = re.compile(r"[{}&\\_^$]")
_CODE_SIGNS = re.compile(r"[\s_{}\[\]()<>;|\\\"'`]+")
_CONTROLS = re.compile(f"[{_UNPRINTED}]+")
_LONGEST_CODE = 60


def line_prefix(line: str) -> int:
    """Return the length of what begins a line without being said: marks of headings, lists, quotes and tables."""
    prefix = _PREFIX.match(line)
    assert prefix is not None
    return prefix.end() if prefix.group().strip() else 0


def say_code(code: str) -> str:
    """Say a code span: a short one as words, a long one not at all."""
    code = _CONTROLS.sub("", code).strip()
    return _CODE_SIGNS.sub(" ", code.replace("()", "")).strip() if len(code) <= _LONGEST_CODE else ""


def say_math(latex: str) -> str:
    """Say a LaTeX formula in English words, as far as it is a simple one."""
    text = _CONTROLS.sub("", latex)
    for pattern, words in _MATH_RULES:
        text = pattern.sub(words, text)
    text = _COMMAND.sub(_say_command, text)
    return " ".join(_NOT_SAID.sub(" ", text).split())


def say_token(token: re.Match[str], line: str) -> str:
    """Return what is said for a match of `INLINE` in `line`, other than a link and a code span."""
    text, kind = token.group(), token.lastgroup
    before, after = line[token.start() - 1 : token.start()], line[token.end() : token.end() + 1]
    match kind:
        case "math":
            formula = next(token[name] for name in ("m1", "m2", "m3", "m4") if token[name] is not None)
            return text if token["m4"] is not None and not _IS_MATH.search(formula) else say_math(formula)
        case "url" | "domain":
            return _say_host(text)
        case "mail":
            return text.removeprefix("mailto:").replace(".", " dot ").replace("@", " at ")
        case "tag":
            return _say_tag(token, before)
        case "latex":
            name = re.match(r"\\([A-Za-z]+)", text)
            known = name and name[1] in _COMMANDS
            return say_math(text) if known and not before.isalnum() else text
        case "entity":
            return _CONTROLS.sub("", html.unescape(text)).replace("<", " ").replace(">", " ")
        case "hash":
            return "number " if after.isdigit() else ""
        case "about":
            return "about "
        case "power":
            return " squared" if text == "²" else " cubed"
        case "bound":
            return "less than " if text == "<" else "more than "
        case "compared":
            return _say_compared(text.strip(), before, line[token.end() : token.end() + 20].lstrip())
        case "keycap":
            return text[0] if text[0].isdigit() else ""
        case "circled":
            return unicodedata.normalize("NFKC", text)
        case "arrow":
            return " " if not before or before.isspace() or before in ",.;:!?" else ", "
        case "pipe":
            return _say_pipe(text, line, token, before)
        case "stars":
            return _say_stars(text, before, after)
        case "underlines":
            return " " if before.isalnum() and after.isalnum() else ""
        case "joiner":
            joins = (text in "\u200c\u200d" and before.isalpha()) or unicodedata.combining(before or "a")
            return text if joins and after else ""
        case _:
            return ""


def _say_command(command: re.Match[str]) -> str:
    name = command[1]
    if name is None:
        return " "
    return f" {'' if name in _MATH_SILENT else _MATH_WORDS.get(name, name.removeprefix('var'))} "


def _say_host(address: str) -> str:
    host = re.split(r"[/?#]", address.strip("<>").split("://")[-1], maxsplit=1)[0].split("@")[-1]
    host = re.sub(r":\d*$", "", host).lower().removeprefix("www.")
    return _CONTROLS.sub("", host).replace(".", " dot ")


def _say_tag(token: re.Match[str], before: str) -> str:
    name = token["name"].lower()
    if name in _HTML or name in _OF_MODELS or "=" in token["attributes"]:
        return "\n" if name in _PAUSING else ""
    if before.isalnum() or token["attributes"].strip() or token.group().startswith("</"):
        return token.group() if not token.group().startswith("</") else ""
    return re.sub(r"[_:.-]+", " ", token["name"])


def _say_pipe(text: str, line: str, token: re.Match[str], before: str) -> str:
    # In a row, the first and the last one are its border: the first is part of the line's prefix.
    if token.end() == len(line) or not token.start():
        return ""
    if not (text[0].isspace() and text[-1].isspace()) and not line[:100].lstrip().startswith("|"):
        return text
    return ", " if before.isalnum() or (before and before in ")\"'*`%€$°”’") else " "


def _say_compared(sign: str, before: str, after: str) -> str:
    if before.isdigit() or after[:1].isdigit():
        return " less than" if sign == "<" else " greater than"
    return " <" if sign == "<" else ","  # "Settings > General" is the way through a menu


def _say_stars(text: str, before: str, after: str) -> str:
    if before.isspace() and after.isspace() and len(text) < 3:
        return "×" if len(text) == 1 else text
    if before.isdigit() and after.isdigit():
        return "×" if len(text) == 1 else text
    return ""
