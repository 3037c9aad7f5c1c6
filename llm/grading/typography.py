r"""One spelling for what is typeset the same: spaces, sizes, fonts, unicode signs, \dfrac, \leq, $...$, a full stop.

Nothing here changes what an answer says: case, order, brackets, signs, digits and words stay.
"""

import functools
import re

_SIGNS = {
    "−": "-", "–": "-", "—": "-", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "∙": r"\cdot ", "÷": r"\div ",
    "≤": r"\le ", "≥": r"\ge ", "⩽": r"\le ", "⩾": r"\ge ", "≠": r"\ne ", "≈": r"\approx ", "±": r"\pm ", "∓": r"\mp ",
    "∞": r"\infty ", "∅": r"\emptyset ", "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ", "√": r"\sqrt ", "°": r"^\circ ",
    "⟨": r"\langle ", "⟩": r"\rangle ", "¹": "^{1}", "²": "^{2}", "³": "^{3}", "⁴": "^{4}",
    "½": r"\frac{1}{2}", "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}", "“": '"', "”": '"', "’": "'", "′": "'",
    "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u200b": "",
    "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "Γ": r"\Gamma ", "δ": r"\delta ", "Δ": r"\Delta ",
    "ε": r"\epsilon ", "θ": r"\theta ", "λ": r"\lambda ", "μ": r"\mu ", "π": r"\pi ", "ρ": r"\rho ", "σ": r"\sigma ",
    "τ": r"\tau ", "φ": r"\phi ", "ϕ": r"\phi ", "ψ": r"\psi ", "ω": r"\omega ", "Ω": r"\Omega ",
}  # fmt: skip
_SIGN = re.compile("|".join(map(re.escape, _SIGNS)))
_FONTS = "textbf|textit|textrm|textsf|texttt|textnormal|textup|mathrm|mathit|mathsf|mbox|hbox|operatorname\\*?"
_FUNCTIONS = "arcsin|arccos|arctan|sqrt|sin|cos|tan|cot|sec|csc|sinh|cosh|tanh|log|ln|exp|pi"

# (pattern, replacement), in this order.
_RULES = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\\(?:left|right|[bB]igg?[lrm]?)(?![a-zA-Z])\s*\.?", ""),
        (r"\\(?:displaystyle|textstyle|limits|nolimits|hfill|rm|bf)(?![a-zA-Z])", ""),
        (r"(?<!\\)\$|(?<!\\)\\[()\[\]]", ""),
        # 10,\!080 and 10{,}080; a plain comma may part a list.
        (r"(?<=\d)(?:,\s*\\!|\s*\{\s*,\s*\})\s*(?=\d{3}(?!\d))", ""),
        (r"(?<=\d)(?:\\[,!])+(?=\d)|\\!", ""),
        (r"\\(?:q?quad|(?:enspace|thinspace)(?![a-zA-Z])|hspace\{[^{}]*\})|(?<!\\)\\[,;: \n]|~", " "),
        (r"\\phantom\s*(?:\{[^{}]*\}|[^\s{])", ""),
        (r"\\[dtc]frac(?![a-zA-Z])", r"\\frac"),
        (r"\\[dt]binom(?![a-zA-Z])", r"\\binom"),
        (r"\\frac\s*(\d)\s*(\d)(?!\d)", r"\\frac{\1}{\2}"),
        (r"\\frac\s*(\d)\s*(?=\{)", r"\\frac{\1}"),
        (r"\\frac\s*(\{[^{}]*\})\s*(\d)", r"\\frac\1{\2}"),
        (r"\\sqrt\s*(\w)", r"\\sqrt{\1}"),
        (r"\\pmod\s*(\w)", r"\\pmod{\1}"),
        (r"\\(?:leq|leqslant)(?![a-zA-Z])|\\le(?![a-zA-Z])|<=", r"\\le "),
        (r"\\(?:geq|geqslant)(?![a-zA-Z])|\\ge(?![a-zA-Z])|>=", r"\\ge "),
        (r"\\(?:neq|ne)(?![a-zA-Z])|!=", r"\\ne "),
        (r"\\lt(?![a-zA-Z])", "<"),
        (r"\\gt(?![a-zA-Z])", ">"),
        (r"\\(?:varnothing|O)(?![a-zA-Z])|\\\{\s*\\\}", r"\\emptyset "),
        (r"\\var(epsilon|phi|theta|rho|sigma)(?![a-zA-Z])", r"\\\1"),
        (r"\\(?:lbrace)(?![a-zA-Z])", r"\\{"),
        (r"\\(?:rbrace)(?![a-zA-Z])", r"\\}"),
        (r"\\[lr]?vert(?![a-zA-Z])|\\mid(?![a-zA-Z])", "|"),
        (rf"\\(?:{_FONTS})\s*(?=\{{)", r"\\text"),
        (r"\\(?:mathbf|boldsymbol|bm|mathbfit)\s*\{([^{}]*)\}", r"\1"),
        (r"\\text\s*\{\s*\}", ""),
        (r"\\text\s*\{\s*\\text\s*\{([^{}]*)\}\s*\}", r"\\text{\1}"),
        (r"^\\text\s*\{\s*([a-zA-Z]|[^{}]*[\d,;][^{}]*)\s*\}$", r"\1"),
        (rf"\\text\s*\{{\s*\\?({_FUNCTIONS})\s*\}}", r"\\\1 "),
        (r"\\text\s*\{\s*([eid])\s*\}(?!\^?\{?\d?\}?\s*\\text)", r"\1"),
        (r"\^\s*\{\s*\\circ\s*\}|\^\s*\\circ(?![a-zA-Z])|\\degree(?![a-zA-Z])", "°"),
        (r"\\%|\\text\s*\{\s*(?:percent|%|pct|percentage)\s*\}|(?<=[\d\s}])\s*\b(?:percent|percentage|pct)\b", "%"),
        (r"\b(?:np|numpy|math|sp|sympy)\.(?=[a-z])", ""),
        (rf"(?<![\\a-zA-Z])({_FUNCTIONS})(?![a-zA-Z])", r"\\\1 "),
        (r"(?<![\\a-zA-Z])(?:infinity|inf|oo)(?![a-zA-Z])", r"\\infty "),
        (r"^(?:\*\*|__)|(?:\*\*|__)$", ""),
        (r"\*\*", "^"),
        (r'"|\\lq\b|\\rq\b', ""),
        (r"\s+", " "),
    )
]  # fmt: skip
_UNIT_SQUARED = re.compile(r"(?<=\d)\s*([cdkm]?m|ft|in)([²³])")  # 25 m²: a unit; 25m^2 is a formula
_DOUBLED = re.compile(r"\\\\(?=[a-zA-Z])")  # \\frac of a file that was escaped twice; no line break in an answer
_ENDING = re.compile(r"(?:\\\\|\\(?=$)|[.,;:\s])+$")


@functools.lru_cache(maxsize=100_000)  # answers repeat far more than responses
def clean(text: str) -> str:
    """The text in one spelling, words and spaces kept."""
    if "matrix" not in text and "array" not in text:
        text = _DOUBLED.sub(r"\\", text)
    text = _UNIT_SQUARED.sub(lambda unit: rf"\text{{{unit[1]}}}^{{{'23'['²³'.index(unit[2])]}}}", text)
    for _ in range(2):  # a rule may uncover what an earlier one looks for
        text = _SIGN.sub(lambda sign: _SIGNS[sign.group()], text.strip())
        for pattern, replacement in _RULES:
            text = pattern.sub(replacement, text)
        text = _ENDING.sub("", text).strip()
        while wrapped := _wrapped(text):
            text = wrapped
    return text


def _wrapped(text: str) -> str | None:
    """What stands in braces that hold the whole text ({1, 3} is typeset 1, 3)."""
    if not (text.startswith("{") and text.endswith("}") and len(text) > 2):
        return None
    depth = 0
    for place, sign in enumerate(text):
        escaped = place and text[place - 1] == "\\"
        depth += 0 if escaped else (sign == "{") - (sign == "}")
        if depth == 0 and place < len(text) - 1:
            return None
    return text[1:-1].strip()


def spelling(text: str) -> str:
    """The text in one spelling without spaces, but for those that keep digits or letters apart."""
    closed = re.sub(r"(?<=\d) (?=\d)", "~", clean(text)).replace(" ", "")
    return re.sub(r"([_^])\{(\w)\}(?!\w)", r"\1\2", closed)
