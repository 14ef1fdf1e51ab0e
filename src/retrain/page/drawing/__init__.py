"""Charts as SVG that the page's own colours apply to: nothing runs in the reader's browser, and dark is as good as light.

The report's charts (Vega-Lite) carry their colours and cost tenths of a second each; these are drawn while a page is written.
"""
