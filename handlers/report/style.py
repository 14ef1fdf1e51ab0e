"""How the pages look: light, dark as the reader's system prefers, from 320 pixels on, and on paper."""

from __future__ import annotations

from handlers.report import charts

LIGHT = {
    "ink": "#1f2933",
    "soft": "#55606c",
    "paper": "#f6f7f9",
    "card": "#ffffff",
    "line": "#dfe4ea",
    "mark": "#eaf3fc",
    "blue": "#2a6fbb",
    "green": "#1f7a4a",
    "orange": "#d9822b",
    "red": "#c0392b",
    "calm": "#9aa4b1",
    "first": charts.BLUE,
    "other": charts.GREY,
}
DARK = {
    "ink": "#e3e8ee",
    "soft": "#a9b4c0",
    "paper": "#12161b",
    "card": "#1b2128",
    "line": "#36404a",
    "mark": "#1c3048",
    "blue": "#2a6fbb",
    "green": "#1f7a4a",
    "orange": "#e0953f",
    "red": "#e0685b",
    "calm": "#6b7682",
    "first": charts.IN_THE_DARK[charts.BLUE],
    "other": charts.IN_THE_DARK[charts.GREY],
}


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in colours.items())


CSS = (
    f"""
:root{{color-scheme:light dark;{_variables(LIGHT)}}}
@media (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}
{charts.dark()}}}
@media print{{:root{{{_variables(LIGHT)}}}}}
"""
    + """
*{box-sizing:border-box}
body{font:15px/1.5 -apple-system,"Segoe UI",Helvetica,Arial,sans-serif;color:var(--ink);background:var(--paper);margin:0}
main{max-width:1060px;margin:0 auto;padding:28px 24px 60px}
h1{font-size:26px;line-height:1.25;margin:0;overflow-wrap:anywhere}
h2{font-size:18px;margin:36px 0 10px;scroll-margin-top:12px}
h3{font-size:15px;margin:0 0 8px}
a{color:inherit}
.sub{color:var(--soft);margin:2px 0 18px;overflow-wrap:anywhere}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:16px 20px;margin:0 0 14px}
.verdict{border-left:8px solid var(--calm)}
.verdict.good{border-left-color:var(--green)}
.verdict.warn{border-left-color:var(--orange)}
.verdict.bad{border-left-color:var(--red)}
.verdict b{font-size:20px}
.verdict p{margin:6px 0 0;overflow-wrap:anywhere}
.verdict .warning{margin-top:12px;font-weight:600}
.figures{display:flex;flex-wrap:wrap;gap:10px 34px;margin:14px 0 0}
.figures div{min-width:90px}
.figures dt{color:var(--soft);font-size:13px}
.figures dd{margin:0;font-size:20px;font-variant-numeric:tabular-nums}
dl{margin:0}
nav{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:14px;margin:0 0 4px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:6px 10px;border-bottom:1px solid var(--line);vertical-align:top}
tr:last-child>td,tr:last-child>th{border-bottom:0}
thead th{color:var(--soft);font-weight:600;font-size:13px;border-bottom:1px solid var(--line)!important}
th[scope=row]{font-weight:400}
.facts th{color:var(--soft);white-space:nowrap;width:1%}
.facts td{overflow-wrap:anywhere}
td.n,th.n{text-align:right;white-space:nowrap}
tr.mark>*{background:var(--mark)}
.wide{overflow-x:auto}
.tag{display:inline-block;border-radius:10px;padding:0 8px;font-size:12px;background:var(--blue);color:#fff;margin-left:6px}
.tag.champion{background:var(--green)}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,318px),1fr));gap:14px;margin:0 0 14px}
.charts .card{margin:0;min-width:0}
.charts .all{grid-column:1/-1}
figure svg{max-width:100%;height:auto;display:block;margin:0 auto}
figure.scroll{overflow-x:auto}
figure.scroll svg{max-width:none}
figcaption{color:var(--soft);font-size:13px;margin-top:8px}
.key{display:inline-block;width:14px;height:4px;border-radius:2px;vertical-align:middle;margin:0 4px 2px 0;background:var(--first)}
.key.others{background:var(--other)}
.trials small{display:block}
.champions td:last-child{min-width:260px}
.champions td:nth-child(2){white-space:nowrap}
.matrix{width:auto;margin:0 auto}
.matrix td{text-align:right;border:2px solid var(--card);min-width:52px}
.matrix td span{color:inherit;font-size:12px}
.bar{background:var(--blue);height:10px;border-radius:2px;min-width:1px}
.bars td:last-child{width:45%;min-width:90px;vertical-align:middle}
.columns td:last-child,.columns th:last-child{white-space:nowrap}
.columns td:nth-child(6){min-width:230px}
code,pre{font:13px/1.45 ui-monospace,Menlo,Consolas,monospace}
pre{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:14px;overflow:auto;margin:0}
.soft,small{color:var(--soft)}
small{white-space:nowrap}
details>summary{cursor:pointer;margin:0 0 8px}
.columns svg{display:block}
@media (max-width:600px){
main{padding:18px 12px 40px}
.card{padding:12px}
th,td{padding:5px 6px}
.facts,.facts tbody,.facts tr,.facts th,.facts td{display:block;width:auto}
.facts th{border-bottom:0;padding-bottom:0}
.facts td{padding-top:0}
.figures{gap:8px 22px}
}
"""
)
