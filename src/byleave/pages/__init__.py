"""Pages: what every face that writes HTML shares.

`view` holds the facts of one page as frozen records, `words` every sentence, `charts` the four
forms of figure, `report` the single file that a replay leaves behind, `link` the signed member
link; `templates/` and `static/byleave.css` are the only markup and the only style sheet.
A page is a function of its view: no ledger, no clock, no network.
"""
