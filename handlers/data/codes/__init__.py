"""How each type of feature becomes columns of numbers.

A code has `name`, `width` (its number of columns), `names` (theirs), `missing` (what a missing value counts as, None for nothing else) and
`stored` (about how many numbers of a row a sparse matrix keeps).
A dense one has `numbers`, float64 of shape (rows, width); a number `values`, and `into`, which makes its column of them; a category
`places`, the column of each row or -1 for none; a text `matrix`, which is sparse.
"""
