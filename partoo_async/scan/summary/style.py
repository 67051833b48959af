"""The look of the HTML report: two palettes and one style sheet."""

from __future__ import annotations

__all__ = ["DARK", "LIGHT", "STYLE"]

# Blue and orange, which every kind of colour vision tells apart; a sign or a word always says the same.
LIGHT = {
    "page": "#fdfdfc",
    "ink": "#1c2128",
    "quiet": "#5a6472",
    "rule": "#e4e6ea",
    "blue": "#1d5b99",
    "orange": "#a34700",
    "bar": "#3478bd",
    "pale": "#9cc2e6",
    "warm": "#d4832a",
}
DARK = {
    "page": "#15181c",
    "ink": "#e7e9ec",
    "quiet": "#a3acb8",
    "rule": "#2d333b",
    "blue": "#8fbff2",
    "orange": "#f3a862",
    "bar": "#5e9ee0",
    "pale": "#2f5680",
    "warm": "#a9661f",
}


def _declared(palette: dict[str, str]) -> str:
    return ";".join(f"--{name}:{value}" for name, value in palette.items())


_RULES = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);
  font:400 1rem/1.55 ui-sans-serif,system-ui,-apple-system,"Segoe UI",
  Roboto,"Helvetica Neue","Noto Sans",Arial,sans-serif;
  font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
main{max-width:48rem;margin:0 auto;padding:4.5rem 1.5rem 6rem}
.kicker{margin:0;color:var(--quiet);font-size:.9375rem}
h1{margin:.5rem 0 0;font-size:2rem;line-height:1.25;font-weight:650;letter-spacing:-.018em;text-wrap:balance}
h2{margin:0 0 .25rem;font-size:1.3125rem;line-height:1.3;font-weight:650;letter-spacing:-.01em}
h3{margin:2rem 0 .5rem;font-size:1rem;font-weight:650}
h3 .n{margin-left:.35rem;color:var(--quiet);font-weight:400}
section{margin-top:4.5rem}
p{margin:.25rem 0 0;max-width:40rem}
.intro{color:var(--quiet)}
.alarm{color:var(--orange)}
a{color:var(--blue);text-decoration:none}
a:hover{text-decoration:underline;text-underline-offset:.2em}
a:focus-visible,summary:focus-visible{outline:2px solid var(--blue);outline-offset:3px;border-radius:2px}
.figures{display:grid;grid-template-columns:repeat(4,1fr);gap:0 1.5rem;margin:2.75rem 0 0;
  border-top:1px solid var(--rule);border-bottom:1px solid var(--rule);padding:1.5rem 0 1.4rem}
.figures div{display:flex;flex-direction:column}
.figures dt{font-size:.9375rem;color:var(--quiet)}
.figures dd{margin:0}
.figures .big{margin:.1rem 0 .15rem;font-size:2.25rem;line-height:1.2;font-weight:600;letter-spacing:-.025em;
  overflow-wrap:normal}
.figures .note{font-size:.875rem;line-height:1.4;color:var(--quiet)}
.figures .alarm{color:var(--orange)}
table{width:100%;margin-top:1.25rem;border-collapse:collapse}
caption{padding:0 0 .4rem;text-align:left;font-size:.875rem;color:var(--quiet)}
th{padding:.35rem 0;font-size:.875rem;font-weight:400;color:var(--quiet);text-align:left;vertical-align:bottom;
  border-bottom:1px solid var(--rule)}
td{padding:.65rem 0;vertical-align:top;border-bottom:1px solid var(--rule)}
th[scope=row]{padding:.65rem 0;font-size:1rem;color:inherit;vertical-align:top}
th+th,th+td,td+td{padding-left:1.25rem}
.num{width:1%;text-align:right;white-space:nowrap;overflow-wrap:normal}
.half{width:46%}
.third{width:38%}
.sub{display:block;font-size:.875rem;color:var(--quiet)}
.id{font-size:.8125rem;color:var(--quiet)}
.none{color:var(--quiet);font-style:italic}
svg{display:block;overflow:visible}
svg text{fill:var(--quiet);font-size:12px}
svg .axis{stroke:var(--rule)}
svg .bar{fill:var(--bar)}
svg .pale{fill:var(--pale)}
svg .warm{fill:var(--warm)}
.meter{width:100%;height:8px;margin:.5rem 0 .25rem}
.histogram{width:100%;height:232px}
figure{margin:1.75rem 0 0}
figcaption{margin-top:.5rem;font-size:.875rem;color:var(--quiet);text-align:center}
.key{display:flex;flex-wrap:wrap;gap:.15rem 1.25rem;margin-top:.75rem;font-size:.875rem;color:var(--quiet)}
.key svg{display:inline-block;width:.7rem;height:.7rem;margin-right:.4rem}
.entries{margin:.5rem 0 0;padding:0;list-style:none}
.entries>li{position:relative;padding:.6rem 0 .6rem 1.5rem;border-bottom:1px solid var(--rule)}
.plain>li{padding-left:0}
.sign{position:absolute;left:0;width:1rem;font-weight:650;color:var(--blue)}
.sign.gone{color:var(--orange)}
.entries ul{margin:0;padding:0;list-style:none;font-size:.9375rem;color:var(--quiet)}
details{margin-top:.75rem}
summary{width:fit-content;cursor:pointer;color:var(--blue)}
.more{margin-top:.75rem;color:var(--quiet);font-size:.9375rem}
.run{display:grid;grid-template-columns:max-content 1fr;gap:.45rem 2rem;margin:1rem 0 0}
.run dt{color:var(--quiet)}
.run dd{margin:0}
footer{margin-top:4.5rem;padding-top:1rem;border-top:1px solid var(--rule);font-size:.875rem;color:var(--quiet)}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.short{display:none}
@media (max-width:40rem){
  main{padding:2.5rem 1.25rem 4rem}
  h1{font-size:1.625rem}
  section{margin-top:3.5rem}
  .figures{grid-template-columns:1fr 1fr;gap:1.5rem 1.25rem;margin-top:2rem}
  .figures .big{font-size:2rem}
  th+th,th+td,td+td{padding-left:.85rem}
  .run{grid-template-columns:1fr;gap:0}
  .run dd{margin-bottom:.75rem}
  .long{display:none}
  .short{display:inline}
}
@media print{
  main{max-width:none;padding:0}
  section{margin-top:2.5rem}
  tr,li,svg{break-inside:avoid}
  h2,h3{break-after:avoid}
}
"""

STYLE = (
    f":root{{color-scheme:light dark;{_declared(LIGHT)}}}"
    f"@media (prefers-color-scheme:dark){{:root{{{_declared(DARK)}}}}}{_RULES}"
)
