"""How the report's page looks: light and dark, wide and narrow, on a screen and on paper."""

from __future__ import annotations

from typing import Final

_LIGHT: Final = """
  color-scheme: light;
  --paper: #fff; --sunk: #f4f5f3; --line: #dfe2de; --ink: #1a1f1d; --soft: #59625d;
  --accent: #0f766e; --wash: #d7ebe8; --other: #6f7a75; --alert: #8a3b12; --alert-wash: #fbeee3;
"""
_DARK: Final = """
  color-scheme: dark;
  --paper: #141817; --sunk: #1d2321; --line: #343c39; --ink: #e8ecea; --soft: #a3ada8;
  --accent: #2dbfae; --wash: #16423d; --other: #8b9691; --alert: #f3b48c; --alert-wash: #38241a;
"""

_PALETTES: Final = f"""
:root {{{_LIGHT}}}
@media screen and (prefers-color-scheme: dark) {{ :root {{{_DARK}}} }}
"""

_RULES: Final = """
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums lining-nums; overflow-wrap: anywhere;
}
main { max-width: 54rem; margin: 0 auto; padding: 3.5rem 1.5rem 4rem; }
h1, h2, h3, p, ul, dl, dd, figure, blockquote { margin: 0; padding: 0; }
h1 { font-size: clamp(1.75rem, 1.2rem + 2.6vw, 2.75rem); line-height: 1.15; letter-spacing: -.02em; font-weight: 650; text-wrap: balance; }
h2 { font-size: 1.3rem; line-height: 1.3; letter-spacing: -.01em; font-weight: 650; }
h3 { font-size: 1rem; font-weight: 650; }
section { margin-top: 3.5rem; }
section > * + * { margin-top: 1rem; }
.eyebrow { color: var(--accent); font-weight: 600; margin-bottom: .75rem; }
.lead { margin-top: 1rem; font-size: 1.0625rem; color: var(--soft); max-width: 44rem; }
.soft { color: var(--soft); }
.alert { margin-top: 1.5rem; padding: .875rem 1.125rem; border-left: 4px solid var(--alert); background: var(--alert-wash); border-radius: 4px; }
.aside { max-width: 44rem; color: var(--soft); }

svg { display: block; }
svg.patterns { position: absolute; width: 0; height: 0; }
.ground { fill: var(--wash); } #dots .ground { fill: var(--sunk); }
#hatch .ink { fill: var(--accent); } #dots .ink { fill: var(--other); }
.have { fill: var(--accent); } .way { fill: url(#hatch); } .not { fill: var(--other); } .unsure { fill: url(#dots); }
.track { fill: var(--sunk); } .lost { fill: var(--other); }
.edge { stroke: var(--paper); stroke-width: 2px; } .bar .edge { stroke-width: 1.5px; }
.stacked { width: 100%; height: 2rem; border-radius: 6px; margin-top: 2.25rem; background: var(--sunk); }
.bar { width: 100%; height: .625rem; border-radius: 3px; margin-top: .375rem; }
.swatch { width: .875rem; height: .875rem; border-radius: 3px; border: 1px solid var(--other); flex: none; }

table { width: 100%; border-collapse: collapse; }
caption { text-align: left; color: var(--soft); padding-bottom: .5rem; }
th, td { padding: .5rem 0 .5rem 1.5rem; text-align: right; vertical-align: top; font-weight: 400; border-top: 1px solid var(--line); white-space: nowrap; }
th:first-child { padding-left: 0; text-align: left; white-space: normal; width: 100%; min-width: 7rem; }
thead th { color: var(--soft); font-size: .875rem; border-top: 0; vertical-align: bottom; }
tfoot th, tfoot td { font-weight: 650; border-top: 2px solid var(--ink); }
tr.step > *, tr.country > * { font-weight: 650; } tr.single > th { font-weight: 650; }
tr.left > * { border-top: 0; padding-top: 0; color: var(--soft); }
tr.left > th:first-child, tr.operator > th:first-child { padding-left: 1.25rem; }
summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; }

.tiles { margin-top: 1.25rem; }
.tiles caption, .tiles thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.tiles tbody { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 1.5rem; }
.tiles tr { display: flex; flex-direction: column; }
.tiles tbody th, .tiles td { display: block; border: 0; padding: 0; text-align: left; white-space: normal; color: var(--soft); font-size: .875rem; }
.tiles tbody th { display: flex; align-items: center; gap: .5rem; font-weight: 600; font-size: 1rem; color: var(--ink); }
.tiles td:nth-of-type(1) { font-size: 1.75rem; line-height: 1.25; font-weight: 650; letter-spacing: -.02em; color: var(--ink); }
.tiles tr.none td { color: var(--soft); }

dl.facts { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 1.25rem 1.5rem; }
header dl.facts { margin-top: 2.25rem; padding-top: 1.5rem; border-top: 1px solid var(--line); }
dl.facts dt { color: var(--soft); font-size: .875rem; }
dl.facts dd { font-weight: 600; } dl.facts code { font-size: .875rem; }
dl.facts dd small { display: block; font-size: .875rem; font-weight: 400; color: var(--soft); }
dl.meanings { display: grid; grid-template-columns: 8rem 1fr; gap: .625rem 1.5rem; }
dl.meanings dt { font-weight: 600; } dl.meanings dd { color: var(--soft); max-width: 40rem; }
ul.plain { list-style: none; } ul.plain li { padding: .625rem 0; border-top: 1px solid var(--line); }

.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.75rem; }
.legend span { display: flex; align-items: center; gap: .5rem; }
.legend svg { width: 2rem; height: .875rem; flex: none; overflow: visible; }
.plot { width: 100%; overflow: visible; margin-top: .5rem; }
.area { fill: var(--wash); }
.line { fill: none; vector-effect: non-scaling-stroke; stroke-width: 2.5px; stroke-linejoin: round; }
.accepted { stroke: var(--accent); } .final { stroke: var(--ink); stroke-dasharray: 6 4; stroke-width: 2px; }
.rule { stroke: var(--line); } .mark { stroke: var(--soft); }
.tick { fill: var(--soft); font-size: .8125rem; }
summary { cursor: pointer; color: var(--accent); font-weight: 600; } details[open] summary { margin-bottom: .75rem; }

.text + .text { margin-top: 2rem; }
.bubble { margin-top: .75rem; padding: .875rem 1.125rem; background: var(--sunk); border-radius: 14px 14px 14px 4px; white-space: pre-wrap; max-width: 34rem; }
footer { margin-top: 4rem; padding-top: 1.25rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .875rem; }

@media screen and (max-width: 47.99rem) {
  main { padding: 2rem 1.25rem 3rem; }
  section { margin-top: 2.75rem; }
  .tiles tbody { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  th, td { padding-left: .75rem; }
  section .many thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  section .many :is(caption, tbody, tfoot) { display: block; }
  section .many tr { display: grid; grid-template-columns: repeat(3, 1fr); gap: .375rem 1rem; padding: .75rem 0; border-top: 1px solid var(--line); }
  section .many tfoot tr { border-top: 2px solid var(--ink); }
  section .many tr > * { display: block; border: 0; padding: 0; text-align: left; width: auto; }
  section .many tr > th { grid-column: 1 / -1; }
  section .many td::before { content: attr(data-label); display: block; color: var(--soft); font-size: .8125rem; font-weight: 400; }
  section .many td:empty { display: none; }
  section .many tr.operator { padding-left: 1.25rem; } section .many tr.operator > th { padding-left: 0; }
  dl.facts { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  dl.meanings { grid-template-columns: 1fr; gap: .125rem; } dl.meanings dd { margin-bottom: .75rem; }
}
@media print {
  body { font-size: 10.5pt; } main { max-width: none; padding: 0; }
  section { margin-top: 2rem; } h2, caption { break-after: avoid; }
  th, td { padding-left: .75rem; } .many { font-size: 8.5pt; } thead th { font-size: inherit; }
  tr, figure, .text, .tiles, header { break-inside: avoid; } details { display: none; }
}
"""

STYLE: Final = _PALETTES + _RULES
